/* Names of files in the journal. */
#ifndef YQ_INTAKE_NAMES_H
#define YQ_INTAKE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/store/store.h"

enum journal_kind { JOURNAL_PART, JOURNAL_RECORD };

struct journal_name {
	enum journal_kind kind;
	uint64_t sequence; /* of a record */
	char key[STORE_KEY_SIZE];
	const char *text; /* the name itself, borrowed */
};

/* False: the file is none of ours. */
bool journal_name_parse(const char *text, struct journal_name *out);
bool journal_is_slot(const char *name); /* slot-NNNN */

#endif
