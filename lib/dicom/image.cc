#include "lib/dicom/image.h"

#include "lib/dicom/header.h"
#include "lib/dicom/internal.h"

#include "dcmtk/dcmdata/dcistrmf.h"

extern "C" {
#include "lib/dicom/source.h"
}
#include "lib/dicom/structure.h"
#include "lib/dicom/syntax.h"

namespace
{
/* ISO 15444-15 in the three syntaxes of PS3.5 section 10.19: the same decoder reads it. */
bool is_htj2k(const std::string &syntax)
{
	return syntax == "1.2.840.10008.1.2.4.201" || syntax == "1.2.840.10008.1.2.4.202" ||
	       syntax == "1.2.840.10008.1.2.4.203";
}

/* Every encapsulated dataset is in explicit VR little endian (PS3.5 section A.4), so that any encapsulated syntax reads it. */
bool load_as(const char *path, E_TransferSyntax as, DcmDataset &dataset, struct err *err)
{
	struct source *source;
	char syntax[DICOM_UID_SIZE];
	uint64_t offset;
	OFCondition cond;

	if (!structure_open_dataset(path, &source, syntax, err))
		return false;
	offset = source_offset(source);
	source_close(source);
	/* Not opened at the offset: what stays on disk would be looked for from there. */
	DcmInputFileStream stream(path);
	cond = stream.status();
	if (cond.good() && stream.skip(static_cast<offile_off_t>(offset)) == static_cast<offile_off_t>(offset)) {
		dataset.transferInit();
		cond = dataset.read(stream, as, EGL_noChange);
		dataset.transferEnd();
	} else if (cond.good()) {
		cond = EC_InvalidStream;
	}
	return cond.good() || dicom_err_condition(err, ERR_INVALID, "cannot read the dataset", cond);
}

bool needs_other_name(const std::string &syntax)
{
	const struct syntax *known = syntax_find(syntax.c_str());

	return is_htj2k(syntax) || (known != nullptr && known->pixels == SYNTAX_ENCAPSULATED &&
	                            DcmXfer(syntax.c_str()).getXfer() == EXS_Unknown);
}
} // namespace

bool image_read(const char *path, const std::string &syntax, DcmFileFormat &file, struct err *err)
{
	if (needs_other_name(syntax))
		return load_as(path, EXS_JPEG2000, *file.getDataset(), err);
	OFCondition cond = file.loadFile(path);

	return cond.good() || dicom_err_condition(err, ERR_INVALID, "cannot read the dataset", cond);
}

bool image_load(const char *path, struct image_file *out, struct err *err)
{
	if (!header_check(path, &out->syntax, err) || !image_read(path, out->syntax, out->file, err))
		return false;
	out->as = out->dataset().getOriginalXfer();
	/* A syntax that DCMTK does not know at all reads as explicit VR little endian. */
	out->is_understood = is_htj2k(out->syntax) || out->syntax == DcmXfer(out->as).getXferID();
	return true;
}
