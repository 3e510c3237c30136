#include "lib/dicom/internal.h"

#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmimage/diregist.h"
#include "dcmtk/dcmimgle/dcmimage.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "lib/dicom/dicom.h"
#include "lib/dicom/picture.h"

namespace
{
/* A frame beyond it is no picture for a screen; a whole slide comes in tiles. */
const uint64_t PIXELS_MAX = 64u << 20;

bool check_size(DcmDataset &dataset, int frame, struct err *err)
{
	Uint16 rows = 0, columns = 0;
	Sint32 frames = 1;

	if (dataset.findAndGetUint16(DCM_Rows, rows).bad() || dataset.findAndGetUint16(DCM_Columns, columns).bad() ||
	    rows == 0 || columns == 0)
		return err_set(err, ERR_INVALID, "cannot render: the object holds no image");
	if (static_cast<uint64_t>(rows) * columns > PIXELS_MAX)
		return err_set(err, ERR_INVALID, "cannot render: a frame of %u x %u pixels is too large", columns,
		               rows);
	(void)dataset.findAndGetSint32(DCM_NumberOfFrames, frames);
	if (frame < 1 || frame > std::max<Sint32>(frames, 1))
		return err_set(err, ERR_INVALID, "cannot render: there is no frame %d", frame);
	return true;
}

/* PS3.3 C.11.2.1.2: what was asked for, else the object's own, else all that there is. */
void set_window(DicomImage &image, const struct dicom_render &how)
{
	if (!image.isMonochrome())
		return;
	if (how.has_window && image.setWindow(how.window_center, how.window_width))
		return;
	if (image.getWindowCount() > 0 && image.setWindow(0))
		return;
	(void)image.setMinMaxWindow();
}

/* Smaller only; one side is given, so that the other follows with the pixels' aspect ratio. NULL: as it is. */
DicomImage *scale(const DicomImage &image, const struct dicom_render &how)
{
	double width = image.getWidth(), height = image.getHeight();
	double by_width = how.width_max > 0 ? how.width_max / width : 1;
	double by_height = how.height_max > 0 ? how.height_max / height : 1;

	if (std::min(by_width, by_height) >= 1)
		return nullptr;
	if (by_width <= by_height)
		return image.createScaledImage(static_cast<unsigned long>(how.width_max), 0UL, 1, 1);
	return image.createScaledImage(0UL, static_cast<unsigned long>(how.height_max), 1, 1);
}

bool encode(DicomImage &image, const struct dicom_render &how, uint8_t **out, size_t *out_length, struct err *err)
{
	unsigned long length = image.getOutputDataSize(8);
	std::vector<uint8_t> pixels(length);
	struct picture picture = {pixels.data(), static_cast<uint32_t>(image.getWidth()),
	                          static_cast<uint32_t>(image.getHeight()), image.isMonochrome() ? 1 : 3};

	if (length < static_cast<uint64_t>(picture.width) * picture.height * static_cast<unsigned>(picture.samples) ||
	    !image.getOutputData(pixels.data(), length, 8, 0, 0))
		return err_set(err, ERR_INVALID, "cannot render: the pixels cannot be shown");
	if (how.media == DICOM_MEDIA_PNG)
		return picture_png(&picture, out, out_length, err);
	return picture_jpeg(&picture, std::min(std::max(how.quality, 1), 100), out, out_length, err);
}

/* A syntax that DCMTK does not know at all reads as explicit VR little endian, so the meta header is asked. */
bool no_image(DcmFileFormat &file, const DicomImage &image, struct err *err)
{
	DcmDataset &dataset = *file.getDataset();
	OFString syntax;

	if (file.getMetaInfo()->findAndGetOFString(DCM_TransferSyntaxUID, syntax).good() &&
	    (syntax != DcmXfer(dataset.getOriginalXfer()).getXferID() ||
	     !dataset.canWriteXfer(EXS_LittleEndianExplicit, dataset.getOriginalXfer())))
		return err_set(err, ERR_INVALID, "cannot render: transfer syntax %s cannot be decoded here",
		               syntax.c_str());
	return err_set(err, ERR_INVALID, "cannot render: %s", DicomImage::getString(image.getStatus()));
}

bool render(DcmFileFormat &file, const struct dicom_render &how, uint8_t **out, size_t *out_length, struct err *err)
{
	DcmDataset &dataset = *file.getDataset();
	std::unique_ptr<DicomImage> image, scaled;

	if (!check_size(dataset, how.frame, err))
		return false;
	image.reset(new DicomImage(&dataset, dataset.getOriginalXfer(), CIF_UsePartialAccessToPixelData,
	                           static_cast<unsigned long>(how.frame - 1), 1));
	if (image->getStatus() != EIS_Normal)
		return no_image(file, *image, err);
	set_window(*image, how);
	scaled.reset(scale(*image, how));
	if (scaled && scaled->getStatus() != EIS_Normal)
		return err_set(err, ERR_INVALID, "cannot render: %s", DicomImage::getString(scaled->getStatus()));
	if (scaled)
		set_window(*scaled, how);
	return encode(scaled ? *scaled : *image, how, out, out_length, err);
}
} // namespace

extern "C" bool dicom_render(const char *path, const struct dicom_render *how, uint8_t **out, size_t *out_length,
                             struct err *err)
{
	return dicom_guard(err, [&] {
		DcmFileFormat file;
		OFCondition cond = file.loadFile(path);

		if (cond.bad())
			return dicom_err_condition(err, ERR_INVALID, "cannot render", cond);
		return render(file, *how, out, out_length, err);
	});
}
