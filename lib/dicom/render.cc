#include "lib/dicom/internal.h"

#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmimage/diregist.h"
#include "dcmtk/dcmimgle/dcmimage.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "lib/dicom/dicom.h"
#include "lib/dicom/image.h"
#include "lib/dicom/picture.h"
#include "lib/dicom/pixel_frame.h"

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

/* Exact is linear (PS3.3 C.11.2.1.3.2 and C.11.2.1.2.1) with half a value and one value more. */
bool set_asked(DicomImage &image, const struct dicom_render &how)
{
	double more = how.window_function == DICOM_WINDOW_LINEAR_EXACT ? 1 : 0;
	EF_VoiLutFunction function = how.window_function == DICOM_WINDOW_SIGMOID ? EFV_Sigmoid : EFV_Linear;

	return image.setVoiLutFunction(function) != 0 &&
	       image.setWindow(how.window_center + more / 2, how.window_width + more) != 0;
}

/* PS3.3 C.11.2.1.2: what was asked for, else the object's own, else all that there is. */
void set_window(DicomImage &image, const struct dicom_render &how)
{
	if (!image.isMonochrome())
		return;
	if (how.has_window && set_asked(image, how))
		return;
	if (image.getWindowCount() > 0 && image.setWindow(0))
		return;
	(void)image.setMinMaxWindow();
}

/* Within the frame; 0 by 0: all of it. */
bool check_region(const DicomImage &image, const struct dicom_render &how, unsigned long *out_width,
                  unsigned long *out_height, struct err *err)
{
	unsigned long left = static_cast<unsigned long>(how.left), top = static_cast<unsigned long>(how.top);
	unsigned long width = image.getWidth(), height = image.getHeight();

	if (left >= width || top >= height || static_cast<unsigned long>(how.region_width) > width - left ||
	    static_cast<unsigned long>(how.region_height) > height - top)
		return err_set(err, ERR_INVALID,
		               "the region of the viewport lies outside of the frame of %lu x %lu pixels", width,
		               height);
	*out_width = how.region_width > 0 ? static_cast<unsigned long>(how.region_width) : width - left;
	*out_height = how.region_height > 0 ? static_cast<unsigned long>(how.region_height) : height - top;
	return true;
}

/*
 * Smaller only. ratio: how much higher than wide a pixel is; DCMTK loses it where a picture was cut out of another, so both sides are given.
 * NULL: as it is.
 */
DicomImage *scale(const DicomImage &image, const struct dicom_render &how, double ratio)
{
	double width = static_cast<double>(image.getWidth()), height = static_cast<double>(image.getHeight()) * ratio;
	double factor =
	    std::min(how.width_max > 0 ? how.width_max / width : 1, how.height_max > 0 ? how.height_max / height : 1);

	if (factor >= 1)
		return nullptr;
	return image.createScaledImage(std::max(1UL, static_cast<unsigned long>(std::lround(width * factor))),
	                               std::max(1UL, static_cast<unsigned long>(std::lround(height * factor))), 1, 0);
}

/* Puts another picture in the place of one. Its window is to be set again. */
bool exchange(std::unique_ptr<DicomImage> &image, DicomImage *other, const struct dicom_render &how, struct err *err)
{
	if (other == nullptr)
		return true;
	image.reset(other);
	if (image->getStatus() != EIS_Normal)
		return err_set(err, ERR_INVALID, "cannot render: %s", DicomImage::getString(image->getStatus()));
	set_window(*image, how);
	return true;
}

/* The region first: DCMTK does not cut and interpolate at once. */
bool fit(std::unique_ptr<DicomImage> &image, const struct dicom_render &how, struct err *err)
{
	unsigned long width = 0, height = 0;
	double ratio = image->getHeightWidthRatio();

	set_window(*image, how);
	if (!check_region(*image, how, &width, &height, err))
		return false;
	if ((width != image->getWidth() || height != image->getHeight()) &&
	    !exchange(image, image->createClippedImage(how.left, how.top, width, height), how, err))
		return false;
	if (!exchange(image, scale(*image, how, ratio > 0 ? ratio : 1), how, err))
		return false;
	return (!how.is_mirrored && !how.is_upside_down) || image->flipImage(how.is_mirrored, how.is_upside_down) ||
	       err_set(err, ERR_INVALID, "cannot render: the picture cannot be mirrored");
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

bool no_image(struct image_file &file, const DicomImage &image, struct err *err)
{
	if (!file.is_understood || !file.dataset().canWriteXfer(EXS_LittleEndianExplicit, file.as))
		return err_set(err, ERR_INVALID, "cannot render: transfer syntax %s cannot be decoded here",
		               file.syntax.c_str());
	return err_set(err, ERR_INVALID, "cannot render: %s", DicomImage::getString(image.getStatus()));
}

/* The frame alone and decoded, in the place of all pixels. */
bool take_frame(DcmDataset &dataset, PixelReader &reader, int frame, struct err *err)
{
	std::vector<Uint8> pixels;
	pixel_shape shape;
	OFCondition cond;

	if (!reader.read(static_cast<size_t>(frame - 1), &pixels, &shape, err))
		return err_set(err, ERR_INVALID, "cannot render: the frame cannot be decoded");
	delete dataset.remove(DCM_PixelData);
	if (pixels.size() % 2 != 0)
		pixels.push_back(0);
	cond = dataset.putAndInsertUint16Array(DCM_PixelData, reinterpret_cast<const Uint16 *>(pixels.data()),
	                                       static_cast<unsigned long>(pixels.size() / 2));
	if (cond.good())
		cond = dataset.putAndInsertString(DCM_NumberOfFrames, "1");
	return (cond.good() && pixel_shape_apply(*shape, dataset)) ||
	       err_set(err, ERR_INVALID, "cannot render: the frame cannot be decoded");
}

/* What PixelReader reads is decoded by it, which finds frames that DCMTK guesses at and knows JPEG 2000; *out_is_alone: so it was. */
bool decode_one(struct image_file &file, int frame, bool *out_is_alone, struct err *err)
{
	PixelReader reader(file.dataset(), file.as);
	struct err ignored;

	*out_is_alone = file.is_understood && is_encapsulated(DcmXfer(file.as)) && reader.open(&ignored);
	return !*out_is_alone || take_frame(file.dataset(), reader, frame, err);
}

bool render(struct image_file &file, const struct dicom_render &how, uint8_t **out, size_t *out_length, struct err *err)
{
	std::unique_ptr<DicomImage> image;
	bool is_alone = false;

	if (!check_size(file.dataset(), how.frame, err) || !decode_one(file, how.frame, &is_alone, err))
		return false;
	image.reset(new DicomImage(&file.dataset(), is_alone ? EXS_LittleEndianExplicit : file.as,
	                           CIF_UsePartialAccessToPixelData,
	                           is_alone ? 0 : static_cast<unsigned long>(how.frame - 1), 1));
	if (image->getStatus() != EIS_Normal)
		return no_image(file, *image, err);
	return fit(image, how, err) && encode(*image, how, out, out_length, err);
}
} // namespace

extern "C" bool dicom_render(const char *path, const struct dicom_render *how, uint8_t **out, size_t *out_length,
                             struct err *err)
{
	return dicom_guard(err, [&] {
		struct image_file file;

		return image_load(path, &file, err) && render(file, *how, out, out_length, err);
	});
}

extern "C" bool dicom_draw(const uint8_t *pixels, uint32_t width, uint32_t height, enum dicom_media media, int quality,
                           uint8_t **out, size_t *out_length, struct err *err)
{
	struct picture picture = {pixels, width, height, 1};

	return media == DICOM_MEDIA_PNG ? picture_png(&picture, out, out_length, err)
	                                : picture_jpeg(&picture, quality, out, out_length, err);
}
