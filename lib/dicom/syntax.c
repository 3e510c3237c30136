#include "lib/dicom/syntax.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/text.h"

/* PS3.6 table A-1. uid, implicit, big endian, deflated, pixels, private */
static const struct syntax table[] = {
    {"1.2.840.10008.1.2", true, false, false, SYNTAX_NATIVE, false},             /* implicit VR little endian */
    {"1.2.840.10008.1.2.1", false, false, false, SYNTAX_NATIVE, false},          /* explicit VR little endian */
    {"1.2.840.10008.1.2.2", false, true, false, SYNTAX_NATIVE, false},           /* explicit VR big endian */
    {"1.2.840.10008.1.2.1.99", false, false, true, SYNTAX_NATIVE, false},        /* deflated */
    {"1.2.840.10008.1.2.1.98", false, false, false, SYNTAX_ENCAPSULATED, false}, /* encapsulated uncompressed */
    {"1.2.840.10008.1.2.8.1", false, false, false, SYNTAX_ENCAPSULATED, false},  /* deflated image frame */
    {"1.2.840.10008.1.2.4.50", false, false, false, SYNTAX_ENCAPSULATED, false}, /* JPEG, processes 1 to 29 */
    {"1.2.840.10008.1.2.4.51", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.52", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.53", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.54", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.55", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.56", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.57", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.58", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.59", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.60", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.61", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.62", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.63", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.64", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.65", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.66", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.70", false, false, false, SYNTAX_ENCAPSULATED,
     false}, /* JPEG lossless, first order prediction */
    {"1.2.840.10008.1.2.4.80", false, false, false, SYNTAX_ENCAPSULATED, false}, /* JPEG-LS */
    {"1.2.840.10008.1.2.4.81", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.90", false, false, false, SYNTAX_ENCAPSULATED, false}, /* JPEG 2000 */
    {"1.2.840.10008.1.2.4.91", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.92", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.93", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.100", false, false, false, SYNTAX_ENCAPSULATED, false}, /* MPEG2 */
    {"1.2.840.10008.1.2.4.100.1", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.101", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.101.1", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.102", false, false, false, SYNTAX_ENCAPSULATED, false}, /* MPEG-4 */
    {"1.2.840.10008.1.2.4.102.1", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.103", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.103.1", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.104", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.104.1", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.105", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.105.1", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.106", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.106.1", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.107", false, false, false, SYNTAX_ENCAPSULATED, false}, /* HEVC */
    {"1.2.840.10008.1.2.4.108", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.110", false, false, false, SYNTAX_ENCAPSULATED, false}, /* JPEG XL */
    {"1.2.840.10008.1.2.4.111", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.112", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.201", false, false, false, SYNTAX_ENCAPSULATED, false}, /* HTJ2K */
    {"1.2.840.10008.1.2.4.202", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.4.203", false, false, false, SYNTAX_ENCAPSULATED, false},
    {"1.2.840.10008.1.2.5", false, false, false, SYNTAX_ENCAPSULATED, false}, /* RLE */
    {"1.2.840.113619.5.2", true, false, false, SYNTAX_NATIVE, true}, /* GE: implicit little endian, pixels big endian */
};

static const struct syntax unknown = {"", false, false, false, SYNTAX_EITHER, true};

const struct syntax *syntax_find(const char *uid)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(table[i].uid, uid) == 0)
			return &table[i];
	return NULL;
}

bool syntax_is_storable(const char *uid, bool accept_private)
{
	static const char root[] = "1.2.840.10008.";
	const struct syntax *known = syntax_find(uid);

	if (known != NULL)
		return accept_private || !known->is_private;
	return accept_private && strncmp(uid, root, sizeof root - 1) != 0 && text_is_uid(uid);
}

const struct syntax *syntax_of(const char *uid)
{
	const struct syntax *known = syntax_find(uid);

	return known != NULL ? known : &unknown;
}
