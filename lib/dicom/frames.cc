/* Frames of a stored object, one at a time: as they lie there, decoded, or coded anew. */
#include "lib/dicom/image.h"

#include "lib/dicom/internal.h"
#include "lib/dicom/pixel_frame.h"
#include "lib/dicom/value.h"

#include "dcmtk/dcmdata/dccodec.h"
#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "lib/dicom/dicom.h"

struct shape {
	uint64_t frame_bits;
	int frames;
	bool is_ybr_422; /* two pixels share their colour: PS3.3 C.7.6.3.1.2 */
};

struct dicom_frames {
	struct image_file image;
	DcmElement *element = nullptr;        /* of the pixels, whichever kind */
	DcmPixelSequence *sequence = nullptr; /* of encapsulated ones */
	struct shape shape = {};
	std::unique_ptr<PixelReader> reader; /* when a frame was decoded or coded */
};

namespace
{
const uint64_t FRAME_MAX = 1U << 30;

bool give(const std::string &bytes, uint8_t **out, size_t *out_length, struct err *err)
{
	auto *copy = static_cast<uint8_t *>(std::malloc(std::max<size_t>(bytes.size(), 1)));

	if (copy == nullptr)
		return err_set(err, ERR_NO_SPACE, "could not hold a frame of %zu bytes", bytes.size());
	std::copy(bytes.begin(), bytes.end(), copy);
	*out = copy;
	*out_length = bytes.size();
	return true;
}

bool read_part(DcmElement &element, uint64_t offset, uint64_t length, std::string &out, struct err *err)
{
	out.resize(length);
	OFCondition cond = element.getPartialValue(&out[0], static_cast<Uint32>(offset), static_cast<Uint32>(length),
	                                           nullptr, EBO_LittleEndian);

	return cond.good() || dicom_err_condition(err, ERR_INVALID, "cannot read the pixels", cond);
}

bool read_shape(DcmDataset &dataset, struct shape *out, struct err *err)
{
	Uint16 rows = 0, columns = 0, samples = 1, allocated = 0;
	Sint32 frames = 1;
	OFString interpretation;

	if (dataset.findAndGetUint16(DCM_Rows, rows).bad() || dataset.findAndGetUint16(DCM_Columns, columns).bad() ||
	    dataset.findAndGetUint16(DCM_BitsAllocated, allocated).bad() || rows == 0 || columns == 0 || allocated == 0)
		return err_set(err, ERR_NOT_FOUND, "this instance has no frames");
	(void)dataset.findAndGetUint16(DCM_SamplesPerPixel, samples);
	(void)dataset.findAndGetSint32(DCM_NumberOfFrames, frames);
	(void)dataset.findAndGetOFString(DCM_PhotometricInterpretation, interpretation);
	out->frames = std::max<int>(frames, 1);
	out->is_ybr_422 = interpretation == "YBR_FULL_422" || interpretation == "YBR_PARTIAL_422";
	out->frame_bits = static_cast<uint64_t>(rows) * columns * std::max<Uint16>(samples, 1) * allocated;
	if (out->frame_bits / 8 > FRAME_MAX)
		return err_set(err, ERR_INVALID, "cannot give a frame of more than %llu bytes",
		               static_cast<unsigned long long>(FRAME_MAX));
	return true;
}

/* Frames of one bit a pixel need not begin at a byte (PS3.5 section 8.1.1). */
bool cut_bits(DcmElement &pixels, const struct shape &shape, int frame, std::string &out, struct err *err)
{
	uint64_t from = shape.frame_bits * static_cast<uint64_t>(frame - 1), to = from + shape.frame_bits;
	std::string raw;

	if (!read_part(pixels, from / 8, (to + 7) / 8 - from / 8, raw, err))
		return false;
	if (from % 8 == 0) {
		out = raw;
		return true;
	}
	out.assign((shape.frame_bits + 7) / 8, '\0');
	for (uint64_t i = 0; i < shape.frame_bits; i++) {
		uint64_t bit = from % 8 + i;
		if (static_cast<unsigned char>(raw[bit / 8]) >> bit % 8 & 1U)
			out[i / 8] = static_cast<char>(static_cast<unsigned char>(out[i / 8]) | 1U << i % 8);
	}
	return true;
}

bool cut_native(DcmElement &pixels, struct shape shape, int frame, std::string &out, struct err *err)
{
	uint64_t total = pixels.getLengthField();

	if (shape.is_ybr_422 && total < shape.frame_bits / 8 * static_cast<uint64_t>(shape.frames))
		shape.frame_bits = shape.frame_bits * 2 / 3;
	if ((shape.frame_bits * static_cast<uint64_t>(frame) + 7) / 8 > total)
		return err_set(err, ERR_INVALID, "cannot read frame %d: the pixels end before it", frame);
	return cut_bits(pixels, shape, frame, out, err);
}

bool join_fragments(DcmPixelSequence &sequence, Uint32 first, Uint32 end, std::string &out, struct err *err)
{
	for (Uint32 i = first; i < end; i++) {
		DcmPixelItem *item = nullptr;
		std::string fragment;
		uint64_t length;

		if (sequence.getItem(item, i).bad() || item == nullptr)
			return err_set(err, ERR_INVALID, "cannot read the pixels: a fragment is missing");
		length = item->getLength();
		if (out.size() + length > FRAME_MAX)
			return err_set(err, ERR_INVALID, "cannot give a frame of more than %llu bytes",
			               static_cast<unsigned long long>(FRAME_MAX));
		if (length > 0 && !read_part(*item, 0, length, fragment, err))
			return false;
		out += fragment;
	}
	return true;
}

/* For what PixelReader does not read: many samples, odd depths. */
bool decode_by_dcmtk(struct dicom_frames &frames, int frame, std::string &out, struct err *err)
{
	DcmDataset &dataset = frames.image.dataset();
	auto &pixels = static_cast<DcmPixelData &>(*frames.element);
	Uint32 size = 0, fragment = 0;
	OFString model;
#if PACKAGE_VERSION_NUMBER >= 368
	OFCondition cond = pixels.getUncompressedFrameSize(&dataset, size, OFFalse);
#else
	OFCondition cond = pixels.getUncompressedFrameSize(&dataset, size);
#endif

	if (cond.good() && size > FRAME_MAX)
		return err_set(err, ERR_INVALID, "cannot give a frame of %u bytes", size);
	if (cond.good()) {
		out.resize(size + size % 2);
		cond = pixels.getUncompressedFrame(&dataset, static_cast<Uint32>(frame - 1), fragment, &out[0],
		                                   static_cast<Uint32>(out.size()), model, nullptr);
		frames.sequence->compact();
	}
	return cond.good() || dicom_err_condition(err, ERR_INVALID, "cannot decode the frame", cond);
}

bool open_reader(struct dicom_frames &frames, struct err *err)
{
	if (frames.reader)
		return true;
	std::unique_ptr<PixelReader> reader(new PixelReader(frames.image.dataset(), frames.image.as));

	if (!reader->open(err))
		return false;
	frames.reader = std::move(reader);
	return true;
}

/* DCMTK guesses where there is no table of offsets, so it is asked only about what PixelReader does not read. */
bool find_by_dcmtk(struct dicom_frames &frames, Uint32 index, Uint32 *first, Uint32 *end, struct err *err)
{
	Sint32 count = frames.shape.frames;
	OFCondition cond = DcmCodec::determineStartFragment(index, count, frames.sequence, *first);

	if (cond.good() && static_cast<Sint32>(index) + 1 < count)
		cond = DcmCodec::determineStartFragment(index + 1, count, frames.sequence, *end);
	return cond.good() || dicom_err_condition(err, ERR_INVALID, "cannot tell where the frame begins", cond);
}

bool find_fragments(struct dicom_frames &frames, int frame, Uint32 *first, Uint32 *end, struct err *err)
{
	Uint32 index = static_cast<Uint32>(frame - 1);
	unsigned long from = 0, to = 0;

	*first = 1;
	*end = static_cast<Uint32>(frames.sequence->card());
	if (frames.shape.frames == 1)
		return true;
	if (!open_reader(frames, err))
		return find_by_dcmtk(frames, index, first, end, err);
	frames.reader->fragments(index, &from, &to);
	*first = static_cast<Uint32>(from);
	*end = static_cast<Uint32>(to);
	return true;
}

bool cut_encapsulated(struct dicom_frames &frames, int frame, std::string &out, struct err *err)
{
	Uint32 first = 0, end = 0;

	return find_fragments(frames, frame, &first, &end, err) &&
	       join_fragments(*frames.sequence, first, end, out, err);
}

bool decode_frame(struct dicom_frames &frames, int frame, std::string &out, struct err *err)
{
	std::vector<Uint8> bytes;
	pixel_shape shape;

	if (!frames.image.is_understood)
		return err_set(err, ERR_INVALID, "cannot decode the frame: transfer syntax %s is not decoded here",
		               frames.image.syntax.c_str());
	if (!open_reader(frames, err))
		return frames.image.as != EXS_JPEG2000 && frames.image.as != EXS_JPEG2000LosslessOnly &&
		       decode_by_dcmtk(frames, frame, out, err);
	if (!frames.reader->read(static_cast<size_t>(frame - 1), &bytes, &shape, err))
		return false;
	out.assign(bytes.begin(), bytes.end());
	return true;
}

bool code_frame(struct dicom_frames &frames, int frame, const char *syntax, std::string &out, struct err *err)
{
	std::vector<std::vector<Uint8>> fragments;
	std::vector<Uint8> bytes;
	pixel_shape shape;

	if (!frames.image.is_understood || !dicom_can_transcode(frames.image.syntax.c_str(), syntax))
		return err_set(err, ERR_REFUSED, "cannot code frames of %s as %s", frames.image.syntax.c_str(), syntax);
	if (!open_reader(frames, err) || !frames.reader->read(static_cast<size_t>(frame - 1), &bytes, &shape, err) ||
	    !pixel_frame_encode(DcmXfer(syntax).getXfer(), bytes, &shape, &fragments, err))
		return false;
	for (const std::vector<Uint8> &fragment : fragments)
		out.append(fragment.begin(), fragment.end());
	return true;
}

DcmElement *find_pixels(DcmDataset &dataset)
{
	static const DcmTagKey tags[] = {DCM_PixelData, DCM_FloatPixelData, DCM_DoubleFloatPixelData};
	DcmElement *element = nullptr;

	for (const DcmTagKey &tag : tags)
		if (dataset.findAndGetElement(tag, element).good())
			return element;
	return nullptr;
}

bool find_frames(struct dicom_frames &frames, struct err *err)
{
	frames.element = find_pixels(frames.image.dataset());
	if (frames.element == nullptr)
		return err_set(err, ERR_NOT_FOUND, "this instance has no frames");
	if (frames.element->getTag() == DCM_PixelData)
		frames.sequence = value_fragments(static_cast<DcmPixelData &>(*frames.element));
	return read_shape(frames.image.dataset(), &frames.shape, err);
}

bool cut(struct dicom_frames &frames, int frame, const char *syntax, std::string &out, struct err *err)
{
	bool is_pixels = syntax != nullptr && std::strcmp(syntax, DICOM_EXPLICIT) == 0;

	if (frame < 1 || frame > frames.shape.frames)
		return err_set(err, ERR_NOT_FOUND, "there is no frame %d", frame);
	if (syntax != nullptr && !is_pixels)
		return code_frame(frames, frame, syntax, out, err);
	if (frames.sequence == nullptr)
		return cut_native(*frames.element, frames.shape, frame, out, err);
	return is_pixels ? decode_frame(frames, frame, out, err) : cut_encapsulated(frames, frame, out, err);
}

} // namespace

bool dicom_frames_open(const char *path, struct dicom_frames **out, struct err *err)
{
	return dicom_guard(err, [&] {
		std::unique_ptr<struct dicom_frames> frames(new struct dicom_frames);

		if (!image_load(path, &frames->image, err) || !find_frames(*frames, err))
			return false;
		*out = frames.release();
		return true;
	});
}

bool dicom_frames_read(struct dicom_frames *frames, int frame, const char *syntax, uint8_t **out, size_t *out_length,
                       struct err *err)
{
	return dicom_guard(err, [&] {
		std::string bytes;

		return cut(*frames, frame, syntax, bytes, err) && give(bytes, out, out_length, err);
	});
}

void dicom_frames_close(struct dicom_frames *frames)
{
	delete frames;
}
