/* Of `yqctl status`: what this host has acknowledged and how much room it has, which needs no ledger; and what every host said of itself. */
#ifndef YQ_YQCTL_STATUS_HOST_H
#define YQ_YQCTL_STATUS_HOST_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct db;

/* Members `journal` and `room`. What cannot be told of the room is told as unknown, with the reason. */
bool status_add_journal(json_t *status, struct err *err);
void status_add_room(json_t *status);
/* Member `hosts`; and how far this one has come in catching up, in `journal`. */
bool status_add_hosts(struct db *db, json_t *status, struct err *err);

/* The same as lines. */
void status_print_journal(const json_t *status);
void status_print_room(const json_t *room);
void status_print_hosts(const json_t *hosts);

#endif
