/* Keys of a search (PS3.18 section 8.3.4), bounded, and what every search has in common. Values are borrowed from the request. */
#ifndef YQ_GATEWAY_DICOMWEB_KEYS_H
#define YQ_GATEWAY_DICOMWEB_KEYS_H

#include "lib/db/db.h"
#include "lib/domain/name_key.h"
#include "lib/http/http.h"

enum {
	DICOMWEB_VALUE_MAX = 64,     /* characters of a value, PS3.5 section 6.2 of LO */
	DICOMWEB_PATTERN_SIZE = 600, /* every character of four bytes, escaped */
	DICOMWEB_LIST_MAX = 100
};

/* By keyword or tag, and once. NULL: universal matching, as if it were not there. */
bool dicomweb_key_value(const struct http_request *request, const char *keyword, const char *tag, const char **out,
                        struct err *err);

struct dicomweb_pattern {
	char text[DICOMWEB_PATTERN_SIZE]; /* as LIKE knows it */
	bool is_set;
};
bool dicomweb_key_pattern(const struct http_request *request, const char *keyword, const char *tag,
                          struct dicomweb_pattern *out, struct err *err);

/*
 * fuzzymatching (PS3.18 section 8.3.4.2): the patient's name by what it begins with, in characters, letters or initials; stands for the pattern.
 * Empty: not asked for, or nothing is left of the name.
 */
bool dicomweb_key_term(const struct http_request *request, char out[NAME_KEY_SIZE], struct err *err);

struct dicomweb_list {
	char text[DICOMWEB_LIST_MAX * 65 + 1];
	const char *items[DICOMWEB_LIST_MAX];
	size_t count;
};
/* Separated by commas or backslashes, or given several times; of the letters that UIDs and codes have. */
bool dicomweb_key_list(const struct http_request *request, const char *keyword, const char *tag,
                       struct dicomweb_list *out, struct err *err);

/* The same of codes (CS), as patterns of LIKE: with wildcards, and in whatever case they were typed. */
bool dicomweb_key_codes(const struct http_request *request, const char *keyword, const char *tag,
                        struct dicomweb_list *out, struct err *err);

/* What an item of a sequence has (PS3.18 section 8.3.4.1): "sequence.attribute", each by its keyword or tag. */
struct dicomweb_item_key {
	const char *sequence, *sequence_tag, *keyword, *tag;
};
bool dicomweb_key_item(const struct http_request *request, const struct dicomweb_item_key *key,
                       struct dicomweb_pattern *out, struct err *err);

/* "first-last", either end open, or one value, which is both (PS3.4 section C.2.2.2.5). */
struct dicomweb_range {
	char from[13], to[13]; /* days YYYYMMDD, times HHMMSSFFFFFF; empty: open */
};
bool dicomweb_key_days(const struct http_request *request, const char *keyword, const char *tag,
                       struct dicomweb_range *out, struct err *err);
/* A time that is less exact begins with its first moment and ends with its last: "10" is the whole hour. */
bool dicomweb_key_times(const struct http_request *request, const char *keyword, const char *tag,
                        struct dicomweb_range *out, struct err *err);

struct dicomweb_window {
	int limit, offset;
};
bool dicomweb_key_window(const struct http_request *request, struct dicomweb_window *out, struct err *err);

/*
 * Makes 413 of the ledger's time-out: the search was too broad (PS3.18 table 10.6.3-1) and would be again; other errors stay. Returns false, as
 * err_set() does.
 */
bool dicomweb_search_failed(struct err *err);

/* Which studies (column "id") the first rows showed; a long page takes more than one record. Rows of one study stand together. */
bool dicomweb_audit_shown(struct http_request *request, const char *action, const struct db_rows *rows, int shown,
                          struct err *err);
/* PS3.18 section 8.3.4.4: that there is more is said in a warning. */
bool dicomweb_warn_of_more(struct http_request *request, bool has_more, struct err *err);

#endif
