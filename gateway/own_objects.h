/* Where our own report objects enter the store: lib/intake, origin own, as any other object. */
#ifndef YQ_GATEWAY_OWN_OBJECTS_H
#define YQ_GATEWAY_OWN_OBJECTS_H

#include "lib/domain/report.h"
#include "lib/intake/intake.h"

/* A sink for report_desk; intake is borrowed as long as the sink is used. */
struct report_sink own_objects_sink(struct intake *intake);

#endif
