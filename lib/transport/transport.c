#include "lib/transport/transport.h"

#include <string.h>

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
