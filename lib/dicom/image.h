/*
 * A part 10 file that is opened for its pixels, whatever they are coded in. DCMTK of some age knows nothing of HTJ2K and other young encapsulated
 * syntaxes; their datasets are read as those of a syntax that it knows, and the name is kept beside. C++, private to lib/dicom.
 */
#ifndef YQ_DICOM_IMAGE_H
#define YQ_DICOM_IMAGE_H

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"

#include <string>

#include "lib/base/err.h"

/* The two names changed between the releases of DCMTK that Debian has. */
inline bool is_encapsulated(const DcmXfer &syntax)
{
#if PACKAGE_VERSION_NUMBER >= 368
	return syntax.usesEncapsulatedFormat();
#else
	return syntax.isEncapsulated();
#endif
}

struct image_file {
	DcmFileFormat file;
	std::string syntax;  /* by the meta header */
	E_TransferSyntax as; /* how DCMTK reads it; HTJ2K is JPEG 2000 to it, and to our decoder */
	bool is_understood;  /* as is what syntax says, in what concerns a decoder */

	DcmDataset &dataset()
	{
		return *file.getDataset();
	}
};

/* The dataset of a file whose structure is sound; syntax: of its meta header. The meta header itself need not be in file. Long values stay on disk. */
bool image_read(const char *path, const std::string &syntax, DcmFileFormat &file, struct err *err);
/* The same of any file. ERR_INVALID: no dataset, or more elements than we hold. */
bool image_load(const char *path, struct image_file *out, struct err *err);

#endif
