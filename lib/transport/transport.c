#include "lib/transport/transport.h"

#include <string.h>

#include "lib/base/text.h"

static const struct transport *const transports[] = {&transport_dicom, &transport_stow, &transport_hl7, &transport_fhir,
                                                     &transport_webhook};

const struct transport *transport_find(const char *protocol)
{
	size_t i;

	for (i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
		if (strcmp(transports[i]->protocol, protocol) == 0)
			return transports[i];
	return NULL;
}

void transport_own_words(const char *reason, char *out, size_t out_size)
{
	const char *answered = strstr(reason, "the peer answered "), *end = answered ? strstr(answered, ": ") : NULL;
	size_t length = end ? (size_t)(end - reason) : strlen(reason);

	text_copy(out, out_size, reason);
	if (length < out_size)
		out[length] = '\0';
}
