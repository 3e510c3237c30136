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

enum { LISTEN_FIRST_FD = 3 };

/*
 * Binds and listens; close-on-exec and non-blocking. address is numeric, port 0 lets the kernel choose. A taken port is ERR_CONFLICT, an
 * address that is none or not ours ERR_INVALID. what: "DICOM", for the text. *out_fd is the caller's.
 */
bool listen_open(const char *what, const char *address, uint16_t port, int *out_fd, struct err *err);

/*
 * The socket that was handed over, or -1 when none was. Of several the one named `name` is taken and the others are closed; a single one is taken
 * whatever its name. ERR_INVALID when there is no such one, or when it is no listening TCP socket: an installation that promises to refuse
 * nobody must not quietly bind for itself. Forgets the variables, so that no child believes them: once, before threads start.
 */
bool listen_inherited(const char *name, int *out_fd, struct err *err);

/* In a child between fork and exec: puts fd where listen_inherited() looks. fd is not LISTEN_FIRST_FD. */
bool listen_hand_over(int fd, const char *name, pid_t pid);

uint16_t listen_port(int fd); /* 0 when it has none */

#ifdef __cplusplus
}
#endif
#endif
