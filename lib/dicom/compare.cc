#include "lib/dicom/header.h"
#include "lib/dicom/image.h"

#include "lib/dicom/internal.h"

#include "dcmtk/dcmdata/dcfcache.h"
#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>

#include "lib/base/clock.h"

namespace
{
const Uint32 CHUNK = 1 << 20;

struct Image {
	DcmFileFormat file;
	DcmDataset *dataset = nullptr;
	DcmElement *pixels = nullptr;
	E_TransferSyntax syntax = EXS_Unknown;
	bool is_known = false, is_encapsulated = false;
	Uint16 rows = 0, columns = 0, samples = 1, bits_allocated = 0;
	Sint32 frames = 1;

	uint64_t frame_bits() const
	{
		return static_cast<uint64_t>(rows) * columns * samples * bits_allocated;
	}
	uint64_t total_bytes() const
	{
		return (frame_bits() * static_cast<uint64_t>(frames) + 7) / 8;
	}
};

bool is_lossless(E_TransferSyntax syntax)
{
	return syntax == EXS_RLELossless || syntax == EXS_JPEGProcess14 || syntax == EXS_JPEGProcess14SV1 ||
	       syntax == EXS_JPEGLSLossless || syntax == EXS_JPEG2000LosslessOnly ||
	       syntax == EXS_JPEG2000MulticomponentLosslessOnly || !is_encapsulated(DcmXfer(syntax));
}

void read_shape(Image &image)
{
	DcmDataset &dataset = *image.dataset;

	(void)dataset.findAndGetUint16(DCM_Rows, image.rows);
	(void)dataset.findAndGetUint16(DCM_Columns, image.columns);
	(void)dataset.findAndGetUint16(DCM_SamplesPerPixel, image.samples);
	(void)dataset.findAndGetUint16(DCM_BitsAllocated, image.bits_allocated);
	(void)dataset.findAndGetSint32(DCM_NumberOfFrames, image.frames);
	image.frames = std::max<Sint32>(image.frames, 1);
}

bool load(const char *path, Image &image, struct err *err)
{
	OFString named;

	if (!header_load(path, image.file, err))
		return false;
	image.dataset = image.file.getDataset();
	image.syntax = image.dataset->getOriginalXfer();
	image.is_encapsulated = ::is_encapsulated(DcmXfer(image.syntax));
	/* A syntax that DCMTK does not know at all reads as explicit VR little endian, so the meta header is asked. */
	image.is_known = image.file.getMetaInfo()->findAndGetOFString(DCM_TransferSyntaxUID, named).good() &&
	                 named == DcmXfer(image.syntax).getXferID();
	(void)image.dataset->findAndGetElement(DCM_PixelData, image.pixels);
	read_shape(image);
	return true;
}

/* ---- pixels --------------------------------------------------------------------------------------------------------- */

/* The coded frames themselves, without their table of offsets; any fragmentation counts. */
bool has_same_fragments(Image &one, Image &other)
{
	DcmPixelSequence *first = nullptr, *second = nullptr;
	auto *pixels = dynamic_cast<DcmPixelData *>(one.pixels), *others = dynamic_cast<DcmPixelData *>(other.pixels);

	if (pixels == nullptr || others == nullptr ||
	    pixels->getEncapsulatedRepresentation(one.syntax, nullptr, first).bad() ||
	    others->getEncapsulatedRepresentation(other.syntax, nullptr, second).bad() ||
	    first->card() != second->card())
		return false;
	for (unsigned long i = 1; i < first->card(); i++) {
		DcmPixelItem *item = nullptr, *twin = nullptr;
		Uint8 *bytes = nullptr, *twins = nullptr;

		if (first->getItem(item, i).bad() || second->getItem(twin, i).bad() ||
		    item->getLength() != twin->getLength() || item->getUint8Array(bytes).bad() ||
		    twin->getUint8Array(twins).bad() ||
		    (item->getLength() > 0 && std::memcmp(bytes, twins, item->getLength()) != 0))
			return false;
	}
	return true;
}

/* Both as they stand; what lies behind the last pixel is padding. */
bool has_same_native(Image &one, Image &other)
{
	std::vector<char> bytes(CHUNK), others(CHUNK);
	uint64_t total = one.total_bytes();

	if (one.pixels->getLengthField() < total || other.pixels->getLengthField() < total)
		return false;
	for (uint64_t at = 0; at < total; at += CHUNK) {
		Uint32 part = static_cast<Uint32>(std::min<uint64_t>(total - at, CHUNK)),
		       from = static_cast<Uint32>(at);

		if (one.pixels->getPartialValue(bytes.data(), from, part, nullptr, EBO_LittleEndian).bad() ||
		    other.pixels->getPartialValue(others.data(), from, part, nullptr, EBO_LittleEndian).bad() ||
		    std::memcmp(bytes.data(), others.data(), part) != 0)
			return false;
	}
	return true;
}

/* Colours by pixel as colours by plane, PS3.3 C.7.6.3.1.3. */
std::vector<Uint8> by_plane(const std::vector<Uint8> &frame, size_t sample_bytes)
{
	size_t pixels = frame.size() / sample_bytes / 3;
	std::vector<Uint8> result(frame.size());

	for (size_t pixel = 0; pixel < pixels; pixel++)
		for (size_t sample = 0; sample < 3; sample++)
			std::memcpy(&result[(sample * pixels + pixel) * sample_bytes],
			            &frame[(pixel * 3 + sample) * sample_bytes], sample_bytes);
	return result;
}

OFCondition frame_size(const Image &image, Uint32 &size)
{
#if PACKAGE_VERSION_NUMBER >= 368
	return image.pixels->getUncompressedFrameSize(image.dataset, size, !image.is_encapsulated);
#else
	return image.pixels->getUncompressedFrameSize(image.dataset, size);
#endif
}

class Frames
{
      public:
	explicit Frames(Image &image) : image_(image), size_(image.frame_bits() / 8), buffer_(size_ + 2)
	{
	}
	bool next(Uint32 frame)
	{
		Uint32 needed = 0;

		if (frame_size(image_, needed).bad() || needed > buffer_.size() ||
		    image_.pixels
		        ->getUncompressedFrame(image_.dataset, frame, fragment_, buffer_.data(),
		                               static_cast<Uint32>(buffer_.size()), colours, &cache_)
		        .bad())
			return false;
		bytes.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(size_));
		return true;
	}
	std::vector<Uint8> bytes;
	OFString colours;

      private:
	Image &image_;
	size_t size_;
	std::vector<Uint8> buffer_;
	Uint32 fragment_ = 0;
	DcmFileCache cache_;
};

bool is_same_frame(const Frames &one, const Frames &other, const Image &image)
{
	size_t sample_bytes = image.bits_allocated / 8;

	if (one.colours != other.colours)
		return false;
	if (one.bytes == other.bytes)
		return true;
	return image.samples == 3 &&
	       (by_plane(one.bytes, sample_bytes) == other.bytes || one.bytes == by_plane(other.bytes, sample_bytes));
}

enum dicom_likeness compare_decoded(Image &one, Image &other, int64_t until_ms)
{
	if (one.bits_allocated % 8 != 0 || one.frame_bits() == 0)
		return DICOM_LIKENESS_UNDECODABLE;
	Frames frames(one), others(other);
	for (Sint32 frame = 0; frame < one.frames; frame++) {
		if (clock_monotonic_ms() > until_ms)
			return DICOM_LIKENESS_LATE;
		if (!frames.next(static_cast<Uint32>(frame)) || !others.next(static_cast<Uint32>(frame)))
			return DICOM_LIKENESS_UNDECODABLE;
		if (!is_same_frame(frames, others, one))
			return DICOM_LIKENESS_PIXELS;
	}
	return DICOM_LIKENESS_SAME;
}

bool is_same_shape(const Image &one, const Image &other)
{
	return one.rows == other.rows && one.columns == other.columns && one.samples == other.samples &&
	       one.bits_allocated == other.bits_allocated && one.frames == other.frames;
}

/* *decoded: how colours are laid out was settled by decoding, so that the fields about it do not count. */
enum dicom_likeness compare_pixels(Image &one, Image &other, const struct dicom_compare_limits &limits,
                                   int64_t until_ms, bool *decoded)
{
	uint16_t planes = 0, other_planes = 0;

	if (one.pixels == nullptr && other.pixels == nullptr)
		return DICOM_LIKENESS_SAME;
	if (one.pixels == nullptr || other.pixels == nullptr || !is_same_shape(one, other))
		return DICOM_LIKENESS_PIXELS;
	if (!one.is_known || !other.is_known)
		return DICOM_LIKENESS_UNDECODABLE;
	if (one.is_encapsulated && one.syntax == other.syntax && has_same_fragments(one, other))
		return DICOM_LIKENESS_SAME;
	if (!is_lossless(one.syntax) || !is_lossless(other.syntax))
		return DICOM_LIKENESS_LOSSY;
	if (one.total_bytes() > limits.bytes_max)
		return DICOM_LIKENESS_TOO_LARGE;
	(void)one.dataset->findAndGetUint16(DCM_PlanarConfiguration, planes);
	(void)other.dataset->findAndGetUint16(DCM_PlanarConfiguration, other_planes);
	if (!one.is_encapsulated && !other.is_encapsulated && planes == other_planes)
		return has_same_native(one, other) ? DICOM_LIKENESS_SAME : DICOM_LIKENESS_PIXELS;
	*decoded = true;
	return compare_decoded(one, other, until_ms);
}

/* ---- header --------------------------------------------------------------------------------------------------------- */

bool has_same_header(Image &one, Image &other, bool were_decoded)
{
	std::vector<header_field> fields = header_collect(*one.dataset), others = header_collect(*other.dataset);

	for (const header_pair &pair : header_differences(fields, others)) {
		const header_field &field = pair.one != nullptr ? *pair.one : *pair.other;
		bool is_layout = field.key == "(0028,0004)" || field.key == "(0028,0006)";

		if (!field.is_technical && !(were_decoded && is_layout))
			return false;
	}
	return true;
}

enum dicom_likeness compare(Image &one, Image &other, const struct dicom_compare_limits &limits)
{
	int64_t until_ms = clock_monotonic_ms() + limits.time_ms;
	bool decoded = false;

	/* The header first: it is cheap, and where it differs nobody need decode. */
	if (!has_same_header(one, other, true))
		return DICOM_LIKENESS_HEADER;
	enum dicom_likeness likeness = compare_pixels(one, other, limits, until_ms, &decoded);
	if (likeness == DICOM_LIKENESS_SAME && !decoded && !has_same_header(one, other, false))
		return DICOM_LIKENESS_HEADER;
	return likeness;
}

bool is_within(const char *path, const struct dicom_compare_limits &limits, bool *out, struct err *err)
{
	struct stat info;

	if (stat(path, &info) != 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not open an object");
	*out = static_cast<uint64_t>(info.st_size) <= limits.bytes_max;
	return true;
}
} // namespace

extern "C" const char *dicom_likeness_name(enum dicom_likeness likeness)
{
	static const char *const names[DICOM_LIKENESS_COUNT] = {"same",        "header",    "pixels",     "lossy",
	                                                        "undecodable", "too_large", "unreadable", "late"};

	return likeness < DICOM_LIKENESS_COUNT ? names[likeness] : "unreadable";
}

extern "C" bool dicom_compare(const char *path, const char *other_path, const struct dicom_compare_limits *limits,
                              enum dicom_likeness *out, struct err *err)
{
	return dicom_guard(err, [&] {
		bool is_small = false, is_other_small = false;
		struct err unread;

		if (!is_within(path, *limits, &is_small, err) || !is_within(other_path, *limits, &is_other_small, err))
			return false;
		if (!is_small || !is_other_small) {
			*out = DICOM_LIKENESS_TOO_LARGE;
			return true;
		}
		Image one, other;
		*out = load(path, one, &unread) && load(other_path, other, &unread) ? compare(one, other, *limits)
		                                                                    : DICOM_LIKENESS_UNREADABLE;
		return true;
	});
}
