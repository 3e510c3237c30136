/* A message about the report of report_fixture.h. */
#ifndef YQ_TESTS_MESSAGE_FIXTURE_H
#define YQ_TESTS_MESSAGE_FIXTURE_H

#include "lib/domain/report_message.h"

/* content: of report_fixture(), which gets an ID of the patient and codes of both institutions; it stays the caller's. */
struct report_message message_fixture(json_t *content);

#endif
