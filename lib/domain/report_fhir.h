/*
 * A report as FHIR R4: a transaction of Patient, ServiceRequest (where there is a request) and DiagnosticReport with the signed PDF inside; element
 * by element in docs/messages.md. Pure.
 *
 * Every entry is a conditional update (PUT by identifier, https://hl7.org/fhir/R4/http.html#cond-update) under an identifier that stays the same, so
 * that a repeat doubles nothing and a correction takes the place of what it corrects.
 */
#ifndef YQ_DOMAIN_REPORT_FHIR_H
#define YQ_DOMAIN_REPORT_FHIR_H

#include <jansson.h>

#include "lib/domain/report_message.h"

/* json_decref(). */
json_t *report_fhir_build(const struct report_message *message);

#endif
