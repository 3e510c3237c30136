/*
 * A report as HL7 v2.5.1 ORU^R01 (chapter 7), in UTF-8; field by field in docs/messages.md. Pure.
 *
 * The message control ID (MSH-10) is made from the id of the delivery, so that whoever gets a message twice can tell.
 */
#ifndef YQ_DOMAIN_REPORT_ORU_H
#define YQ_DOMAIN_REPORT_ORU_H

#include "lib/base/text.h"
#include "lib/domain/report_message.h"

enum { ORU_CONTROL_ID_SIZE = 21 }; /* the field takes 20 characters */
void report_oru_control_id(const char *delivery_id, char out[ORU_CONTROL_ID_SIZE]);

/* charset: of MSH-18, as the destination has it: utf-8 or gb18030. INVALID: the message does not fit into out. */
bool report_oru_build(const struct report_message *message, const char *charset, struct text_buf *out, struct err *err);

#endif
