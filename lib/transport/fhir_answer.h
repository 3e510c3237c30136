/* What a FHIR server answers to a transaction, JSON that is not trusted. Pure. */
#ifndef YQ_TRANSPORT_FHIR_ANSWER_H
#define YQ_TRANSPORT_FHIR_ANSWER_H

#include <stddef.h>

enum fhir_answer {
	FHIR_ANSWER_NONE,  /* nothing of FHIR */
	FHIR_ANSWER_DONE,  /* a response bundle, or an outcome without errors */
	FHIR_ANSWER_FAILED /* an entry, or an outcome, says that it failed */
};

/* text: the first error that it speaks of, one line of UTF-8, or empty; may hold patient data. */
enum { FHIR_TEXT_SIZE = 200 };
enum fhir_answer fhir_answer_read(const char *body, size_t length, char text[FHIR_TEXT_SIZE]);

#endif
