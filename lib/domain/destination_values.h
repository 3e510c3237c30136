/*
 * What is set of a destination, as one JSON object whose members are the columns of the ledger: which settings a protocol has, and which
 * values they take. Pure. Pages, API and commands all change a destination by such an object.
 *
 * Empty means "none", or the installation's setting where there is one: NULL in the ledger, null here.
 */
#ifndef YQ_DOMAIN_DESTINATION_VALUES_H
#define YQ_DOMAIN_DESTINATION_VALUES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum destination_kind {
	DESTINATION_TEXT,
	DESTINATION_PEM,
	DESTINATION_NUMBER,
	DESTINATION_WORD,
	DESTINATION_WORDS, /* an array of them, each once */
	DESTINATION_FLAG
};

struct destination_setting {
	const char *name; /* the column */
	const char *what; /* for people: "AE title" */
	enum destination_kind kind;
	const char *protocols;    /* that have it; NULL: all */
	int64_t minimum, maximum; /* of a number; of a text its characters */
	const char *words;        /* of a word, the first is the default; of words, which are none by default */
	bool is_nullable;         /* a text that is NULL when there is none */
	bool is_way;              /* part of how it is reached: a change is tried at once */
};

/* All of them; *count. */
const struct destination_setting *destination_setting_list(size_t *count);
const struct destination_setting *destination_setting_find(const char *name); /* NULL: there is none */
/* Members of the secret: user, password, token, signing_key, private_key_pem. NULL at the end. */
extern const char *const destination_secret_names[];

/* ERR_INVALID: nobody makes a destination of this protocol by hand. */
bool destination_protocol_check(const char *protocol, struct err *err);

/* A new object with the defaults of a protocol: sends reports, is enabled. */
json_t *destination_values_new(const char *protocol);
/* Only the settings out of a row as JSON; a new object. */
json_t *destination_values_of(const json_t *row);

/*
 * Lays what is given over the values, member by member; `site`, `protocol`, `secret` and `updated_at` are not looked at. ERR_INVALID: no such setting,
 * a wrong value, or one that this protocol does not have.
 */
bool destination_values_lay(json_t *values, const json_t *given, struct err *err);
/*
 * The same for the secret, an object of texts; null or empty takes one away. ERR_INVALID likewise.
 */
bool destination_secret_lay(json_t *secret, const char *protocol, const json_t *given, struct err *err);

/*
 * Whether all of it together can be sent to. A URL decides whether there is TLS: `tls` follows it. is_tls_new: certificates are looked at, too (one that
 * ends later must not keep anybody from another change); now_us: for that.
 */
bool destination_values_check(json_t *values, const json_t *secret, bool is_tls_new, int64_t now_us, struct err *err);

/* Whether the settings of TLS differ, the key of our certificate included. */
bool destination_values_tls_differs(const json_t *before, const json_t *after, const json_t *secret_before,
                                    const json_t *secret_after);

/*
 * {"host": ["before", "after"], "secret": ["password"]}: what differs, for the audit; a certificate by its subject, of the secret only the names. A new
 * object, empty when nothing differs. *is_way: whether how it is reached differs.
 */
json_t *destination_values_difference(const json_t *before, const json_t *after, const json_t *secret_before,
                                      const json_t *secret_after, bool *is_way);

#endif
