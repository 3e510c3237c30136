/*
 * Listening stream sockets, of one's own or handed over: whoever started the program may have opened the socket already and keep it
 * open, so that a caller waits in the kernel's queue, and is not refused, while the program is restarted.
 *
 * The protocol is that of systemd (sd_listen_fds(3)): LISTEN_PID names the process that is meant, LISTEN_FDS says how many descriptors
 * it has from 3 on, LISTEN_FDNAMES may give them names, separated by colons. Knows nothing of what is said on a connection.
 */
#ifndef YQ_BASE_LISTEN_H
#define YQ_BASE_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LISTEN_FIRST_FD = 3, LISTEN_SET_MAX = 33 };

/* The listening sockets of one service: its own port, and further ones by which callers are told apart. Owned by whoever has the set. */
struct listen_set {
	int fds[LISTEN_SET_MAX];
	int count;
};

/*
 * Binds and listens; close-on-exec and non-blocking. address is numeric, port 0 lets the kernel choose. A taken port is ERR_CONFLICT, an
 * address that is none or not ours ERR_INVALID. what: "DICOM", for the text. *out_fd is the caller's.
 */
bool listen_open(const char *what, const char *address, uint16_t port, int *out_fd, struct err *err);

/*
 * The sockets that were handed over, or none. Of several those named `name` are taken and the others are closed; a single one is taken
 * whatever its name. ERR_INVALID when there is no such one, or when one is no listening TCP socket: an installation that promises to refuse
 * nobody must not quietly bind for itself. Forgets the variables, so that no child believes them: once, before threads start.
 */
bool listen_inherited(const char *name, struct listen_set *out, struct err *err);

/*
 * Opens what a set lacks of the wanted ports: `port`, unless the set has any socket (whoever handed it over chose), and each of `more`, a text of
 * numbers with blanks or commas between. ERR_INVALID: more is no such text, or too long; else as listen_open(). The set keeps what is open on failure.
 */
bool listen_complete(struct listen_set *set, const char *what, const char *address, uint16_t port, const char *more,
                     struct err *err);
/* Is the number among those of such a text? */
bool listen_lists(const char *ports, uint16_t port);
void listen_close(struct listen_set *set);

/* In a child between fork and exec: puts the sockets where listen_inherited() looks. All are at or above LISTEN_FIRST_FD + LISTEN_SET_MAX. */
bool listen_hand_over(const struct listen_set *set, const char *name, pid_t pid);

uint16_t listen_port(int fd); /* 0 when it has none */

#ifdef __cplusplus
}
#endif
#endif
