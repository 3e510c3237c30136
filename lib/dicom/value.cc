/* Single values of a stored object, as the JSON model names them. */
#include "lib/dicom/value.h"

#include "lib/dicom/header.h"
#include "lib/dicom/image.h"
#include "lib/dicom/internal.h"

#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace
{
const Uint32 INLINE_MAX = 1024;    /* longer binary values are fetched by their URI */
const Uint32 TEXT_MAX = 64 * 1024; /* longer texts, too */
const uint64_t VALUE_MAX = 1U << 30;
const int DEPTH_MAX = 16;

std::string decode_line(const struct charset &charset, const std::string &bytes)
{
	std::vector<char> out(4 * bytes.size() + 16);

	(void)charset_decode(&charset, bytes.data(), bytes.size(), out.data(), out.size());
	return std::string(out.data());
}

/* What is not written in an implicit VR is OW (PS3.5 section A.1), and what is encapsulated OB (section A.4). */
DcmEVR pixels_vr(DcmElement &element)
{
	if (element.ident() == EVR_PixelData && value_fragments(static_cast<DcmPixelData &>(element)) != nullptr)
		return EVR_OB;
	return element.getTag().getEVR() == EVR_OB ? EVR_OB : EVR_OW;
}

/* ---- paths ------------------------------------------------------------------------------------------------------------ */

/* Eight digits at *path; moves on behind them. */
bool take_tag(const char **path, DcmTagKey *out)
{
	if (std::strspn(*path, "0123456789ABCDEFabcdef") != 8)
		return false;
	unsigned long tag = std::strtoul(*path, nullptr, 16);

	*out = DcmTagKey(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xffff));
	*path += 8;
	return true;
}

/* ".ITEM." at *path, 1..; moves on behind it. */
bool take_item(const char **path, unsigned long *out)
{
	size_t digits = **path == '.' ? std::strspn(*path + 1, "0123456789") : 0;

	if (digits < 1 || digits > 6 || (*path)[digits + 1] != '.')
		return false;
	*out = std::strtoul(*path + 1, nullptr, 10);
	*path += digits + 2;
	return *out > 0;
}

DcmItem *item_of(DcmElement &element, unsigned long number)
{
	auto &sequence = static_cast<DcmSequenceOfItems &>(element);

	return number <= sequence.card() ? sequence.getItem(number - 1) : nullptr;
}

/* "GGGGEEEE", then any number of ".ITEM.GGGGEEEE". Null: nothing that the JSON model names so. */
DcmElement *find_bulk(DcmItem &dataset, const struct dicom_json_options &options, const char *path)
{
	DcmItem *item = &dataset;

	for (int depth = 0; item != nullptr && depth <= DEPTH_MAX; depth++) {
		DcmElement *element = nullptr;
		unsigned long number = 0;
		DcmTagKey tag;

		if (!take_tag(&path, &tag) || item->findAndGetElement(tag, element).bad() ||
		    !value_is_shown(*element, options, depth))
			return nullptr;
		if (*path == '\0')
			return value_is_bulk(*element, depth) ? element : nullptr;
		if (element->ident() != EVR_SQ || !take_item(&path, &number))
			return nullptr;
		item = item_of(*element, number);
	}
	return nullptr;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------------ */

bool too_long(struct err *err)
{
	return err_set(err, ERR_INVALID, "cannot give a value of more than %llu bytes",
	               static_cast<unsigned long long>(VALUE_MAX));
}

/* Appends. */
bool read_bytes(DcmElement &element, uint64_t length, std::string &out, struct err *err)
{
	size_t at = out.size();

	if (at + length > VALUE_MAX)
		return too_long(err);
	if (length == 0)
		return true;
	out.resize(at + length);
	OFCondition cond = element.getPartialValue(&out[at], 0, static_cast<Uint32>(length), nullptr, EBO_LittleEndian);

	return cond.good() || dicom_err_condition(err, ERR_INVALID, "cannot read the value", cond);
}

bool read_fragments(DcmPixelSequence &sequence, std::string &out, struct err *err)
{
	for (unsigned long i = 1; i < sequence.card(); i++) {
		DcmPixelItem *item = nullptr;

		if (sequence.getItem(item, i).bad() || item == nullptr)
			return err_set(err, ERR_INVALID, "cannot read the value: a fragment is missing");
		if (!read_bytes(*item, item->getLength(), out, err))
			return false;
	}
	return true;
}

bool read_value(DcmElement &element, const struct charset &charset, std::string &out, struct err *err)
{
	DcmPixelSequence *fragments =
	    element.ident() == EVR_PixelData ? value_fragments(static_cast<DcmPixelData &>(element)) : nullptr;
	DcmEVR vr = value_vr(element);

	if (fragments != nullptr)
		return read_fragments(*fragments, out, err);
	if (!read_bytes(element, element.getLengthField(), out, err))
		return false;
	if (header_follows_charset(vr))
		out = value_decoded(charset, out, vr);
	return true;
}

bool give(const std::string &bytes, uint8_t **out, size_t *out_length, struct err *err)
{
	auto *copy = static_cast<uint8_t *>(std::malloc(std::max<size_t>(bytes.size(), 1)));

	if (copy == nullptr)
		return err_set(err, ERR_NO_SPACE, "could not hold a value of %zu bytes", bytes.size());
	std::copy(bytes.begin(), bytes.end(), copy);
	*out = copy;
	*out_length = bytes.size();
	return true;
}
} // namespace

DcmEVR value_vr(DcmElement &element)
{
	DcmEVR kind = element.ident();

	switch (kind) {
	case EVR_PixelData:
	case EVR_OverlayData:
	case EVR_ox:
	case EVR_px:
		return pixels_vr(element);
	default:
		return DcmVR(kind).getValidEVR();
	}
}

bool value_is_shown(DcmElement &element, const struct dicom_json_options &options, int depth)
{
	uint32_t tag = static_cast<uint32_t>(element.getGTag()) << 16 | element.getETag();
	const uint32_t *end = options.left_out + options.left_out_count;

	return element.getETag() != 0 && element.getGTag() != 2 &&
	       (depth > 0 || std::find(options.left_out, end, tag) == end);
}

bool value_is_bulk(DcmElement &element, int depth)
{
	DcmEVR vr = value_vr(element);

	if (vr == EVR_SQ)
		return false;
	return (depth == 0 && header_is_pixels(element.getTag())) ||
	       element.getLengthField() > (header_is_binary(vr) ? INLINE_MAX : TEXT_MAX);
}

bool value_is_long_text(DcmEVR vr)
{
	return vr == EVR_ST || vr == EVR_LT || vr == EVR_UT;
}

/* Line by line: decoding makes one line of several. */
std::string value_decoded(const struct charset &charset, const std::string &bytes, DcmEVR vr)
{
	std::string text;

	if (!value_is_long_text(vr))
		return decode_line(charset, bytes);
	for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
		end = bytes.find('\n', begin);
		text += (text.empty() ? "" : "\r\n") + decode_line(charset, bytes.substr(begin, end - begin));
	}
	return text;
}

DcmPixelSequence *value_fragments(DcmPixelData &pixels)
{
	E_TransferSyntax syntax = EXS_Unknown;
	const DcmRepresentationParameter *parameter = nullptr;
	DcmPixelSequence *sequence = nullptr;

	pixels.getOriginalRepresentationKey(syntax, parameter);
	if (!is_encapsulated(DcmXfer(syntax)))
		return nullptr;
	return pixels.getEncapsulatedRepresentation(syntax, parameter, sequence).good() ? sequence : nullptr;
}

bool dicom_value(const char *path, const struct dicom_json_options *options, const char *value, uint8_t **out,
                 size_t *out_length, struct err *err)
{
	return dicom_guard(err, [&] {
		struct image_file image;
		struct charset charset;
		std::string bytes;

		if (!image_load(path, &image, err))
			return false;
		DcmElement *element = find_bulk(image.dataset(), *options, value);
		if (element == nullptr)
			return err_set(err, ERR_NOT_FOUND,
			               "this instance has no such bulk data: only what its metadata names in a "
			               "BulkDataURI is fetched so");
		header_charset(image.dataset(), options->charset, &charset);
		return read_value(*element, charset, bytes, err) && give(bytes, out, out_length, err);
	});
}
