#include "lib/dicom/pixel_frame.h"
#include "lib/dicom/image.h"

#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmjpeg/djrplol.h"
#include "dcmtk/dcmjpls/djrparam.h"

#include <algorithm>
#include <cstdlib>

namespace
{
const uint64_t FRAME_MAX = 256u << 20;

const DcmTagKey shape_tags[] = {DCM_SamplesPerPixel,
                                DCM_PhotometricInterpretation,
                                DCM_PlanarConfiguration,
                                DCM_Rows,
                                DCM_Columns,
                                DCM_BitsAllocated,
                                DCM_BitsStored,
                                DCM_HighBit,
                                DCM_PixelRepresentation};

Uint16 number(DcmItem &item, const DcmTagKey &tag)
{
	Uint16 value = 0;

	(void)item.findAndGetUint16(tag, value);
	return value;
}

bool is_jpeg2000(E_TransferSyntax syntax)
{
	return syntax == EXS_JPEG2000LosslessOnly || syntax == EXS_JPEG2000;
}

bool undecodable(struct err *err)
{
	return err_set(err, ERR_INVALID, "cannot decode the pixels");
}

pixel_shape shape_of(DcmItem &from)
{
	pixel_shape shape(new DcmDataset());

	for (const DcmTagKey &tag : shape_tags) {
		DcmElement *element = nullptr;

		if (from.findAndGetElement(tag, element, OFFalse, OFTrue).good())
			(void)shape->insert(element, OFTrue);
	}
	return shape;
}

uint64_t frame_size(DcmItem &shape)
{
	return uint64_t{number(shape, DCM_Rows)} * number(shape, DCM_Columns) * number(shape, DCM_SamplesPerPixel) *
	       (number(shape, DCM_BitsAllocated) / 8u);
}

struct jpeg2000_shape jpeg2000_shape_of(DcmItem &shape)
{
	return {number(shape, DCM_Columns),         number(shape, DCM_Rows),
	        number(shape, DCM_SamplesPerPixel), number(shape, DCM_BitsAllocated),
	        number(shape, DCM_BitsStored),      number(shape, DCM_PixelRepresentation) != 0};
}

/* ---- one frame decoded ---------------------------------------------------------------------------------------------------- */

bool decode_jpeg2000(const std::vector<std::vector<Uint8>> &fragments, std::vector<Uint8> *out, DcmDataset &shape,
                     struct err *err)
{
	struct jpeg2000_shape of = jpeg2000_shape_of(shape);
	std::vector<Uint8> bytes;
	OFString colours;

	if (of.bits_allocated > 16)
		return undecodable(err);
	for (const std::vector<Uint8> &fragment : fragments)
		bytes.insert(bytes.end(), fragment.begin(), fragment.end());
	out->resize(jpeg2000_frame_size(&of));
	if (!jpeg2000_decode(&of, bytes.data(), bytes.size(), out->data(), err))
		return false;
	(void)shape.findAndGetOFString(DCM_PhotometricInterpretation, colours);
	if (colours == "YBR_RCT" || colours == "YBR_ICT")
		(void)shape.putAndInsertString(DCM_PhotometricInterpretation, "RGB");
	if (of.samples > 1)
		(void)shape.putAndInsertUint16(DCM_PlanarConfiguration, 0);
	return true;
}

/* As pixel data of an image with this one frame; fragments are copied. */
DcmPixelData *coded_pixels(E_TransferSyntax syntax, const std::vector<std::vector<Uint8>> &fragments)
{
	auto *pixels = new DcmPixelData(DCM_PixelData);
	auto *sequence = new DcmPixelSequence(DCM_PixelSequenceTag);

	(void)sequence->insert(new DcmPixelItem(DCM_PixelItemTag));
	for (const std::vector<Uint8> &fragment : fragments) {
		auto *item = new DcmPixelItem(DCM_PixelItemTag);

		(void)item->putUint8Array(fragment.data(), static_cast<unsigned long>(fragment.size()));
		(void)sequence->insert(item);
	}
	pixels->putOriginalRepresentation(syntax, nullptr, sequence);
	return pixels;
}

bool take_native(DcmDataset &image, std::vector<Uint8> *out, pixel_shape *shape)
{
	DcmElement *pixels = nullptr;
	uint64_t size = frame_size(image);

	if (size == 0 || size > FRAME_MAX || image.findAndGetElement(DCM_PixelData, pixels).bad() ||
	    pixels->getLengthField() < size)
		return false;
	out->resize(size);
	if (pixels->getPartialValue(out->data(), 0, static_cast<Uint32>(size), nullptr, EBO_LittleEndian).bad())
		return false;
	*shape = shape_of(image);
	return true;
}

bool decode(E_TransferSyntax syntax, const std::vector<std::vector<Uint8>> &fragments, std::vector<Uint8> *out,
            pixel_shape *shape, struct err *err)
{
	pixel_shape image = shape_of(**shape);

	if (is_jpeg2000(syntax))
		return decode_jpeg2000(fragments, out, **shape, err);
	if (image->insert(coded_pixels(syntax, fragments), OFTrue).bad() ||
	    image->chooseRepresentation(EXS_LittleEndianExplicit, nullptr).bad() || !take_native(*image, out, shape))
		return undecodable(err);
	return true;
}

/* ---- one frame encoded ------------------------------------------------------------------------------------------------------ */

bool cannot_encode(struct err *err)
{
	return err_set(err, ERR_REFUSED, "cannot compress pixels of this kind");
}

void pad(std::vector<Uint8> *fragment)
{
	if (fragment->size() % 2 != 0)
		fragment->push_back(0);
}

bool encode_jpeg2000(const std::vector<Uint8> &frame, DcmDataset &shape, std::vector<std::vector<Uint8>> *out,
                     struct err *err)
{
	struct jpeg2000_shape of = jpeg2000_shape_of(shape);
	uint8_t *bytes;
	size_t length;

	if (frame.size() != jpeg2000_frame_size(&of) || of.bits_stored < 1 || of.bits_stored > of.bits_allocated ||
	    (of.samples > 1 && number(shape, DCM_PlanarConfiguration) != 0))
		return cannot_encode(err);
	if (!jpeg2000_encode(&of, frame.data(), &bytes, &length, err))
		return false;
	out->assign(1, std::vector<Uint8>(bytes, bytes + length));
	std::free(bytes);
	pad(&out->front());
	return true;
}

bool put_native(DcmDataset &image, const std::vector<Uint8> &frame)
{
	if (number(image, DCM_BitsAllocated) == 8)
		return image.putAndInsertUint8Array(DCM_PixelData, frame.data(), frame.size()).good();
	return image
	    .putAndInsertUint16Array(DCM_PixelData, reinterpret_cast<const Uint16 *>(frame.data()), frame.size() / 2)
	    .good();
}

bool take_fragments(DcmDataset &image, E_TransferSyntax syntax, const DcmRepresentationParameter *how,
                    std::vector<std::vector<Uint8>> *out)
{
	DcmPixelSequence *sequence = nullptr;
	DcmElement *element = nullptr;

	if (image.findAndGetElement(DCM_PixelData, element).bad())
		return false;
	auto *pixels = dynamic_cast<DcmPixelData *>(element);
	if (pixels == nullptr || pixels->getEncapsulatedRepresentation(syntax, how, sequence).bad())
		return false;
	out->clear();
	for (unsigned long i = 1; i < sequence->card(); i++) {
		DcmPixelItem *item = nullptr;
		Uint8 *bytes = nullptr;

		if (sequence->getItem(item, i).bad() || item->getUint8Array(bytes).bad() || bytes == nullptr)
			return false;
		out->emplace_back(bytes, bytes + item->getLength());
		pad(&out->back());
	}
	return !out->empty();
}

bool encode(E_TransferSyntax to, const std::vector<Uint8> &frame, pixel_shape *shape,
            std::vector<std::vector<Uint8>> *out, struct err *err)
{
	pixel_shape image = shape_of(**shape);
	DJLSRepresentationParameter jpeg_ls(0, OFTrue);
	DJ_RPLossless jpeg;
	const DcmRepresentationParameter *how =
	    to == EXS_JPEGLSLossless ? static_cast<const DcmRepresentationParameter *>(&jpeg_ls) : &jpeg;

	if (is_jpeg2000(to))
		return encode_jpeg2000(frame, **shape, out, err);
	if (!put_native(*image, frame) || image->chooseRepresentation(to, how).bad() ||
	    !take_fragments(*image, to, how, out))
		return cannot_encode(err);
	*shape = shape_of(*image);
	return true;
}
} // namespace

bool pixel_frame_encode(E_TransferSyntax to, const std::vector<Uint8> &frame, pixel_shape *shape,
                        std::vector<std::vector<Uint8>> *out, struct err *err)
{
	pixel_shape coded = shape_of(**shape), back;
	std::vector<Uint8> again;

	if (number(**shape, DCM_BitsAllocated) > 16)
		return cannot_encode(err);
	if (!encode(to, frame, &coded, out, err))
		return false;
	back = shape_of(*coded);
	/* What the codec thinks of it is not enough: bits that it does not know of (overlays, signs) would be gone. */
	if (!decode(to, *out, &again, &back, err) || again != frame)
		return err_set(err, ERR_REFUSED, "cannot compress: the pixels would not come back as they are");
	*shape = std::move(coded);
	return true;
}

bool pixel_shape_is_same(DcmDataset &one, DcmDataset &other)
{
	return std::all_of(std::begin(shape_tags), std::end(shape_tags), [&](const DcmTagKey &tag) {
		OFString text, other_text;

		return one.findAndGetOFString(tag, text).good() == other.findAndGetOFString(tag, other_text).good() &&
		       text == other_text;
	});
}

bool pixel_shape_apply(DcmDataset &shape, DcmDataset &dataset)
{
	return std::all_of(std::begin(shape_tags), std::end(shape_tags), [&](const DcmTagKey &tag) {
		DcmElement *element = nullptr;

		return shape.findAndGetElement(tag, element, OFFalse, OFTrue).bad() ||
		       dataset.insert(element, OFTrue).good();
	});
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------ */

bool PixelReader::open(struct err *err)
{
	DcmElement *element = nullptr;

	if (dataset_.findAndGetElement(DCM_PixelData, element).bad())
		return err_set(err, ERR_REFUSED, "cannot transcode: there are no pixels");
	pixels_ = dynamic_cast<DcmPixelData *>(element);
	if (pixels_ == nullptr)
		return undecodable(err);
	if (!check_shape(err))
		return false;
	coded_ = shape_of(dataset_);
	if (is_encapsulated(DcmXfer(syntax_)))
		return find_fragments(err);
	return pixels_->getLengthField() >= frame_bytes_ * frames_ || undecodable(err);
}

bool PixelReader::check_shape(struct err *err)
{
	Uint16 samples = number(dataset_, DCM_SamplesPerPixel), bits = number(dataset_, DCM_BitsAllocated);
	uint64_t size = frame_size(dataset_);
	Sint32 frames = 0;

	(void)dataset_.findAndGetSint32(DCM_NumberOfFrames, frames); /* absent: 0 */
	frames = std::max<Sint32>(frames, 1);
	if ((samples != 1 && samples != 3) || (bits != 8 && bits != 16 && bits != 32) || size == 0 || size > FRAME_MAX)
		return err_set(err, ERR_REFUSED, "cannot transcode pixels of this kind");
	frame_bytes_ = static_cast<size_t>(size);
	frames_ = static_cast<size_t>(frames);
	return true;
}

/* PS3.5 section A.4: one fragment a frame, or all for the one frame, or as the table of offsets says, or where a stream begins. */
bool PixelReader::find_fragments(struct err *err)
{
	unsigned long count;

	if (pixels_->getEncapsulatedRepresentation(syntax_, nullptr, fragments_).bad() || fragments_->card() < 2)
		return undecodable(err);
	count = fragments_->card() - 1;
	if (frames_ == 1) {
		first_ = {1, count + 1};
		return true;
	}
	if (count != frames_)
		return find_by_offsets(err);
	for (unsigned long i = 1; i <= count + 1; i++)
		first_.push_back(i);
	return true;
}

bool PixelReader::find_by_offsets(struct err *err)
{
	DcmPixelItem *table = nullptr;
	Uint8 *bytes = nullptr;
	uint64_t at = 0;

	if (fragments_->getItem(table, 0).good() && table->getLength() == 0)
		return find_by_starts(err);
	if (fragments_->getItem(table, 0).bad() || table->getLength() != 4 * frames_ ||
	    table->getUint8Array(bytes).bad() || bytes == nullptr)
		return undecodable(err);
	for (unsigned long i = 1; i < fragments_->card(); i++) {
		const Uint8 *entry = bytes + 4 * first_.size();
		DcmPixelItem *item = nullptr;

		if (fragments_->getItem(item, i).bad())
			return undecodable(err);
		if (first_.size() < frames_ &&
		    at == (entry[0] | entry[1] << 8 | entry[2] << 16 | uint64_t{entry[3]} << 24))
			first_.push_back(i);
		at += 8 + item->getLength();
	}
	if (first_.size() != frames_ || first_[0] != 1)
		return undecodable(err);
	first_.push_back(fragments_->card());
	return true;
}

/* SOI of ISO 10918-1 and ISO 14495-1, SOC and SIZ of ISO 15444-1. Exactly as many as frames, or nobody can tell. */
bool PixelReader::find_by_starts(struct err *err)
{
	static const Uint8 jpeg[] = {0xff, 0xd8, 0xff}, jpeg2000[] = {0xff, 0x4f, 0xff};

	for (unsigned long i = 1; i < fragments_->card() && first_.size() <= frames_; i++) {
		DcmPixelItem *item = nullptr;
		Uint8 start[3] = {};

		if (fragments_->getItem(item, i).bad())
			return undecodable(err);
		if (item->getLength() >= sizeof start &&
		    item->getPartialValue(start, 0, sizeof start, nullptr, EBO_LittleEndian).good() &&
		    (std::equal(start, start + 3, jpeg) || std::equal(start, start + 3, jpeg2000)))
			first_.push_back(i);
	}
	if (first_.size() != frames_ || first_[0] != 1)
		return undecodable(err);
	first_.push_back(fragments_->card());
	return true;
}

bool PixelReader::read_native(size_t frame, std::vector<Uint8> *out, struct err *err)
{
	out->resize(frame_bytes_);
	return pixels_
	           ->getPartialValue(out->data(), static_cast<Uint32>(frame * frame_bytes_),
	                             static_cast<Uint32>(frame_bytes_), nullptr, EBO_LittleEndian)
	           .good() ||
	       undecodable(err);
}

/* The fragments of a frame; the dataset lets go of them again. */
bool PixelReader::gather(size_t frame, std::vector<std::vector<Uint8>> *out, struct err *err)
{
	uint64_t total = 0;

	for (unsigned long i = first_[frame]; i < first_[frame + 1]; i++) {
		DcmPixelItem *item = nullptr;
		Uint8 *bytes = nullptr;

		if (fragments_->getItem(item, i).bad() || (total += item->getLength()) > 2 * FRAME_MAX ||
		    item->getUint8Array(bytes).bad() || bytes == nullptr)
			return undecodable(err);
		out->emplace_back(bytes, bytes + item->getLength());
		item->compact();
	}
	return true;
}

bool PixelReader::read(size_t frame, std::vector<Uint8> *out, pixel_shape *shape, struct err *err)
{
	std::vector<std::vector<Uint8>> fragments;

	*shape = shape_of(*coded_);
	if (fragments_ == nullptr)
		return read_native(frame, out, err);
	return gather(frame, &fragments, err) && decode(syntax_, fragments, out, shape, err);
}
