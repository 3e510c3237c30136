/* Contents of reports for tests. */
#ifndef YQ_TESTS_REPORT_FIXTURE_H
#define YQ_TESTS_REPORT_FIXTURE_H

#include <jansson.h>

/* An ordinary report that fits one page. json_decref(). */
json_t *report_fixture(void);
/* Everything as long as it may become: several pages. */
json_t *report_fixture_long(void);
/* part NULL: a member of the top. */
void report_fixture_set(json_t *content, const char *part, const char *name, const char *value);

#endif
