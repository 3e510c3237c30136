/* Transfer syntaxes, by UID text: how a dataset is coded and whether we take it. Independent of the DCMTK in use. */
#ifndef YQ_DICOM_SYNTAX_H
#define YQ_DICOM_SYNTAX_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum syntax_pixels { SYNTAX_NATIVE, SYNTAX_ENCAPSULATED, SYNTAX_EITHER };

struct syntax {
	const char *uid;
	bool is_implicit, is_big_endian, is_deflated; /* the dataset, PS3.5 section 10 and annex A */
	enum syntax_pixels pixels;
	bool is_private;
};

/* Every syntax whose object arrives whole in a C-STORE. Those that leave the pixels elsewhere (JPIP, ST 2110) are absent. NULL: not known. */
const struct syntax *syntax_find(const char *uid);

/* Known, or (if private ones are taken) any other UID outside of DICOM's own root. */
bool syntax_is_storable(const char *uid, bool accept_private);

/* Never NULL: an unknown syntax reads as explicit VR little endian with native or encapsulated pixels (PS3.5 section 10.1). */
const struct syntax *syntax_of(const char *uid);

#ifdef __cplusplus
}
#endif
#endif
