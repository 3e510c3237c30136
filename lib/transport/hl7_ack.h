/*
 * The acknowledgement of an HL7 v2 message (v2.5.1 sections 2.9 and 2.15.8), as bytes of a peer that is not trusted. Pure.
 */
#ifndef YQ_TRANSPORT_HL7_ACK_H
#define YQ_TRANSPORT_HL7_ACK_H

#include <stdbool.h>
#include <stddef.h>

enum hl7_verdict {
	HL7_UNREADABLE, /* no acknowledgement */
	HL7_OF_ANOTHER, /* of another message than ours */
	HL7_TAKEN,
	HL7_LATER,  /* not taken, for a reason that may pass */
	HL7_REFUSED /* for good */
};

enum { HL7_CODE_SIZE = 3, HL7_TEXT_SIZE = 200, HL7_ERROR_SIZE = 8 };
struct hl7_ack {
	char code[HL7_CODE_SIZE];        /* AA AE AR CA CE CR */
	char error_code[HL7_ERROR_SIZE]; /* HL7 table 0357 of ERR-3, or empty */
	char text[HL7_TEXT_SIZE];        /* what the peer says, one line of UTF-8; may hold patient data */
};

/*
 * bytes: what stood between the start and end blocks. AA and CA are taken. With an error code, 100 to 205 are refused and 206, 207 later.
 * Without one, AE (something is wrong with the message) is refused, AR later, since the standard has it also for a system that is
 * down; of the commit codes it is CR that means the message and CE that means the system.
 */
enum hl7_verdict hl7_ack_read(const char *bytes, size_t length, const char *control_id, struct hl7_ack *out);

/*
 * Where a framed block (MLLP) begins and ends in what was received so far. True: a whole one is there, *start and *end are its inner bounds.
 */
bool hl7_block_find(const char *bytes, size_t length, size_t *start, size_t *end);

#endif
