/*
 * Configuration: one table of options (conf_options.def), one file, environment overrides.
 *
 * Order: default of the table < $YQ_HOME/etc/yingqiao.conf < environment (YQ_ + name in upper case). Durations and sizes need
 * their unit. An unknown name, a value out of range or without unit is an error with file and line, and all errors of
 * a file are reported in one go. deploy/yingqiao.conf.sample and docs/operations.md are checked against the table by lint.
 *
 * What changes while running (sites, devices, rules, accounts) is not here but in the ledger.
 */
#ifndef YQ_BASE_CONF_H
#define YQ_BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum conf_type {
	CONF_TEXT,
	CONF_BOOL,     /* yes, no */
	CONF_NUMBER,   /* without unit */
	CONF_DURATION, /* milliseconds in the program, unit required in text */
	CONF_SIZE      /* bytes in the program; B, KiB, MiB, GiB, TiB required in text */
};

enum conf_id {
#define CONF_OPTION(id, name, type, fallback, minimum, maximum, help) id,
#include "lib/base/conf_options.def"
#undef CONF_OPTION
	CONF_OPTION_COUNT
};

struct conf_option {
	enum conf_id id;
	const char *name;
	enum conf_type type;
	const char *fallback;     /* as text, parsed like a value of the file */
	int64_t minimum, maximum; /* both 0: no bounds */
	const char *help;
};

/* CONF_OPTION_COUNT rows, in the order of enum conf_id. */
const struct conf_option *conf_options(void);

/*
 * Finds YQ_HOME (environment, else ./var), makes it absolute, reads the file if it exists, applies the environment.
 * Values live until the process ends; reading is thread-safe after this returned true.
 */
bool conf_load(struct err *err);

/* As conf_load() from a named file and no environment; every fault goes to `report` as a line. For --check-config and tests. */
bool conf_check(const char *path, FILE *report, struct err *err);

const char *conf_home(void); /* absolute, no trailing slash */
const char *conf_text(enum conf_id id);
bool conf_bool(enum conf_id id);
int64_t conf_number(enum conf_id id); /* CONF_NUMBER, CONF_DURATION (ms), CONF_SIZE (bytes) */

/* A path below YQ_HOME: conf_path(out, sizeof out, "journal/%s", slot). ERR_INVALID when it does not fit. */
bool conf_path(char *out, size_t out_size, struct err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#ifdef __cplusplus
}
#endif
#endif
