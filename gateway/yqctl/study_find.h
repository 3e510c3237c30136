/* The study that an operator means. */
#ifndef YQ_YQCTL_STUDY_FIND_H
#define YQ_YQCTL_STUDY_FIND_H

#include "gateway/yqctl/command.h"
#include "lib/base/text.h"

/*
 * text: a Study Instance UID or the id of a study. A UID may name studies of several sites, or of several patients: then the operator has to say
 * which (ERR_INVALID, with the ids). ERR_NOT_FOUND.
 */
bool study_find(struct invocation *in, const char *text, char out_id[TEXT_UUID_SIZE], struct err *err);

#endif
