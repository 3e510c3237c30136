/* What the options of `yqctl destination add` and `edit` say, as values of a destination (lib/domain/destination_values.h). */
#ifndef YQ_YQCTL_DESTINATION_OPTIONS_H
#define YQ_YQCTL_DESTINATION_OPTIONS_H

#include <jansson.h>

#include "gateway/yqctl/command.h"

/*
 * Only what was given; an empty value takes a setting away. Secrets, certificates and keys come from files, one of them perhaps from standard input ("-").
 * *out: destination_options_free(). ERR_INVALID: an option with its reason.
 */
bool destination_options_read(const struct invocation *in, json_t **out, struct err *err);
void destination_options_free(json_t *given);

/* Behind those of the command itself. */
#define OPTIONS_DESTINATION                                                                                            \
	{"name", "TEXT", "a name for people", false}, {"ae-title", "AE", "dicom: its AE title", false},                \
	    {"calling-ae-title", "AE", "dicom: ours; default ae_title of the configuration", false},                   \
	    {"host", "HOST", "dicom, hl7: its address or DNS name", false},                                            \
	    {"port", "PORT", "dicom, hl7: its port", false},                                                           \
	    {"url", "URL", "stow, fhir, webhook: where to send to, without user and password", false},                 \
	    {"tls", "HOW", "off, server (its certificate is verified) or mutual (ours is shown, too)", false},         \
	    {"trust", "FILE", "PEM: whom to trust; default the authorities of the system", false},                     \
	    {"certificate", "FILE", "PEM: our certificate with its chain", false},                                     \
	    {"key", "FILE", "PEM: its private key", false}, {"user", "TEXT", "HTTP or DICOM user", false},             \
	    {"password-file", "FILE", "its password", false}, {"token-file", "FILE", "HTTP bearer token", false},      \
	    {"signing-key-file", "FILE", "webhook: key of the signature", false},                                      \
	    {"connect-timeout", "DURATION", "longest wait for a connection", false},                                   \
	    {"answer-timeout", "DURATION", "longest wait for an answer", false},                                       \
	    {"deliveries", "NUMBER", "deliveries under way at once", false},                                           \
	    {"connections", "NUMBER", "connections of one delivery", false},                                           \
	    {"rate", "KBIT", "cap in kbit/s, all connections together", false},                                        \
	    {"windows", "TIMES", "only at these times of the day: 12:00-13:30,20:00-06:00", false},                    \
	    {"backoff-min", "DURATION", "wait after the first failure", false},                                        \
	    {"backoff-max", "DURATION", "longest wait between two tries", false},                                      \
	    {"deadline", "DURATION", "after this a delivery is dead", false},                                          \
	    {"charset", "NAME", "hl7: utf-8 or gb18030", false},                                                       \
	    {"compression", "HOW", "dicom, stow: as_stored or lossless", false},                                       \
	    {"proof", "HOW", "dicom, stow: auto, commitment, query or answers", false},                                \
	    {"reports", "YES-or-NO", "whether it gets signed reports", false},                                         \
	    {"images", "YES-or-NO", "whether it gets images", false},                                                  \
	    {"events", "KINDS", "webhook: what it is told, as report.issue,task.return", false},                       \
	{                                                                                                              \
		"notes", "TEXT", "anything worth knowing", false                                                       \
	}

#endif
