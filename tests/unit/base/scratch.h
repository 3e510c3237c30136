/* A directory of its own for one test, and what lands on standard error meanwhile. */
#ifndef TESTS_UNIT_BASE_SCRATCH_H
#define TESTS_UNIT_BASE_SCRATCH_H

/* Makes a directory and goes into it; scratch_leave() removes it. */
void scratch_enter(void);
void scratch_leave(void);
void scratch_write(const char *name, const char *text);
/* The whole file, NUL-terminated, in static storage. */
const char *scratch_read(const char *name);

/* Names in the directory. */
int scratch_count(void);

/* Standard error goes to file `name` until scratch_err_end(). */
void scratch_err_begin(const char *name);
void scratch_err_end(void);

#endif
