/*
 * Sites as an operator names them: by public id, by code, or by name. Knows nothing of rights: it is for the operator's
 * command, and for loading.
 */
#ifndef YQ_DOMAIN_SITE_H
#define YQ_DOMAIN_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

struct db;

enum { SITE_NAME_SIZE = 801, SITE_CODE_SIZE = 33 }; /* 200 characters of UTF-8; 32 characters */

struct site {
	int64_t site_id; /* never leaves the programs */
	char public_id[TEXT_UUID_SIZE];
	char code[SITE_CODE_SIZE];
	char name[SITE_NAME_SIZE];
};

/*
 * The one site that `text` names: a public id or a code, else a whole name. ERR_INVALID: several have this name (the text lists
 * their codes); ERR_NOT_FOUND: none has (the text lists sites whose name contains it).
 */
bool site_find(struct db *db, const char *text, struct site *out, struct err *err);

/* A scope of any kind (community, grid or site), named in the same ways; sites win over grids, grids over communities. */
struct scope {
	int64_t scope_id;
	char public_id[TEXT_UUID_SIZE];
	char kind[16];
	char name[SITE_NAME_SIZE];
};
bool scope_find(struct db *db, const char *text, struct scope *out, struct err *err);

/* From now on the site counts as enrolled (已接入 asks for it). Idempotent. */
bool site_enrol(struct db *db, int64_t site_id, struct err *err);

/* [A-Za-z0-9_.-]{1,32} */
bool site_code_is_valid(const char *code);

#endif
