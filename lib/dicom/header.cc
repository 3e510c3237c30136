#include "lib/dicom/header.h"

#include "lib/dicom/internal.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>

#include "lib/base/digest.h"
#include "lib/base/text.h"
#include "lib/dicom/charset.h"
#include "lib/dicom/image.h"
#include "lib/dicom/structure.h"

namespace
{
const size_t ELEMENTS_MAX = 100000; /* DCMTK takes some hundred bytes for each */
const Uint32 SHORT_VALUE = 4096;    /* longer ones stay on disk and are told by their digest */
const size_t CHUNK = 1 << 20;
const int DEPTH_MAX = 16;

/* How it was coded and which way it came; PS3.3 C.12.1, C.11, PS3.6. */
const DcmTagKey technical[] = {
    DCM_SpecificCharacterSet,   DCM_RetrieveAETitle,        DCM_InstanceAvailability,
    DCM_StorageMediaFileSetID,  DCM_StorageMediaFileSetUID, DCM_ContributingEquipmentSequence,
    DCM_DataSetTrailingPadding, DCM_DerivationDescription, /* encoders say there how they coded */
};

size_t count_element(void *context, const struct structure_element *element)
{
	(void)element;
	++*static_cast<size_t *>(context);
	return 0;
}

void no_value(void *, const struct structure_element *, const char *, size_t)
{
}

bool is_technical(const DcmTagKey &top, const DcmTagKey &tag)
{
	return tag.getElement() == 0 ||
	       std::find(std::begin(technical), std::end(technical), top) != std::end(technical);
}

bool is_string(DcmEVR vr)
{
	return DcmVR(vr).isaString() || vr == EVR_UI;
}

std::string digest_of(DcmElement &element, Uint32 length)
{
	std::vector<char> chunk(CHUNK);
	uint8_t sum[DIGEST_SIZE];
	struct digest *digest = digest_new();

	for (Uint32 at = 0; at < length; at += static_cast<Uint32>(CHUNK)) {
		Uint32 part = std::min<Uint32>(length - at, static_cast<Uint32>(CHUNK));

		if (element.getPartialValue(chunk.data(), at, part, nullptr, EBO_LittleEndian).bad())
			break;
		digest_update(digest, chunk.data(), part);
	}
	digest_final(digest, sum);
	digest_free(digest);
	return std::string(reinterpret_cast<char *>(sum), sizeof sum) + std::to_string(length);
}

std::string bytes_of(DcmElement &element)
{
	Uint32 length = element.getLengthField();
	std::string bytes;

	if (length == 0 || length == DCM_UndefinedLength)
		return bytes;
	if (length > SHORT_VALUE)
		return digest_of(element, length);
	bytes.resize(length);
	if (element.getPartialValue(&bytes[0], 0, length, nullptr, EBO_LittleEndian).bad())
		return std::string();
	if (is_string(element.ident()) || element.ident() == EVR_UN)
		while (!bytes.empty() && (bytes.back() == ' ' || bytes.back() == '\0'))
			bytes.pop_back();
	return bytes;
}

/* What DCMTK writes for numbers, tags and the like; ASCII. */
std::string number_text(DcmElement &element)
{
	OFString text;

	if (element.getOFStringArray(text, OFFalse).bad())
		return std::string();
	return std::string(text.c_str(), text.length());
}

class Collector
{
      public:
	explicit Collector(DcmDataset &dataset)
	{
		header_charset(dataset, "", &charset_);
		walk(dataset, std::string(), std::string(), DcmTagKey(), 0);
	}
	std::vector<header_field> fields;

      private:
	struct charset charset_;

	/* Whole, so that comparing sees its end; cut where it is shown. */
	std::string decode(const std::string &bytes)
	{
		std::vector<char> out(4 * SHORT_VALUE + 1);

		(void)charset_decode(&charset_, bytes.data(), bytes.size(), out.data(), out.size());
		return std::string(out.data());
	}

	std::string text_of(DcmElement &element, const std::string &bytes)
	{
		DcmEVR vr = element.ident();
		Uint32 length = element.getLengthField();

		if (length > SHORT_VALUE || (header_is_binary(vr) && length > 0))
			return "[" + std::to_string(length) + " bytes]";
		return is_string(vr) ? decode(bytes) : number_text(element);
	}

	void add(DcmObject &object, const std::string &key, const std::string &tag, const DcmTagKey &top)
	{
		DcmTag named(object.getTag());
		const char *name = named.getTagName();
		header_field field;

		field.key = key;
		field.tag = tag;
		field.name = named.isPrivate() || std::strcmp(name, DcmTag_ERROR_TagName) == 0 ? "" : name;
		field.is_technical = is_technical(top, object.getTag());
		field.is_text = false;
		if (object.ident() == EVR_SQ) {
			auto &sequence = static_cast<DcmSequenceOfItems &>(object);
			field.text = "[" + std::to_string(sequence.card()) + " items]";
		} else if (object.isLeaf()) {
			auto &element = static_cast<DcmElement &>(object);
			field.bytes = bytes_of(element);
			field.text = text_of(element, field.bytes);
			field.is_text = !header_is_binary(object.ident()) && element.getLengthField() <= SHORT_VALUE;
		}
		fields.push_back(field);
	}

	void walk(DcmItem &item, const std::string &key, const std::string &tag, DcmTagKey top, int depth)
	{
		for (unsigned long i = 0; i < item.card(); i++) {
			DcmElement *element = item.getElement(i);
			char own[24];

			if (depth == 0 && header_is_pixels(element->getTag()))
				continue;
			if (depth == 0)
				top = element->getTag();
			(void)std::snprintf(own, sizeof own, "(%04x,%04x)", element->getGTag(), element->getETag());
			add(*element, key + own, tag + own, top);
			if (element->ident() == EVR_SQ && depth < DEPTH_MAX)
				walk_items(static_cast<DcmSequenceOfItems &>(*element), key + own, tag + own, top,
				           depth);
		}
	}

	void walk_items(DcmSequenceOfItems &sequence, const std::string &key, const std::string &tag,
	                const DcmTagKey &top, int depth)
	{
		for (unsigned long i = 0; i < sequence.card(); i++) {
			char sorted[24];

			(void)std::snprintf(sorted, sizeof sorted, "[%08lu]", i + 1);
			walk(*sequence.getItem(i), key + sorted, tag + "[" + std::to_string(i + 1) + "]", top,
			     depth + 1);
		}
	}
};

bool is_equal(const header_field &one, const header_field &other)
{
	if (one.bytes == other.bytes && (!one.bytes.empty() || one.text == other.text))
		return true;
	return one.is_text && other.is_text && one.text == other.text;
}

void tell(dicom_header_each *each, void *context, const header_field &named, const header_field *one,
          const header_field *other)
{
	std::string value = one != nullptr ? one->text : "", second = other != nullptr ? other->text : "";

	value.resize(text_utf8_cut(value.c_str(), DICOM_HEADER_VALUE_MAX));
	second.resize(text_utf8_cut(second.c_str(), DICOM_HEADER_VALUE_MAX));
	text_make_utf8(&value[0]);
	text_make_utf8(&second[0]);
	struct dicom_header_field field = {named.tag.c_str(), named.name.c_str(),
	                                   one != nullptr ? value.c_str() : nullptr,
	                                   other != nullptr ? second.c_str() : nullptr, named.is_technical};
	each(context, &field);
}
} // namespace

bool header_follows_charset(DcmEVR vr)
{
	return vr == EVR_SH || vr == EVR_LO || vr == EVR_ST || vr == EVR_LT || vr == EVR_UT || vr == EVR_PN ||
	       vr == EVR_UC;
}

bool header_is_pixels(const DcmTagKey &tag)
{
	return tag == DCM_PixelData || tag == DcmTagKey(0x7fe0, 0x0001) || tag == DcmTagKey(0x7fe0, 0x0002) ||
	       tag == DcmTagKey(0x7fe0, 0x0003);
}

bool header_is_binary(DcmEVR vr)
{
	return vr == EVR_OB || vr == EVR_OW || vr == EVR_OF || vr == EVR_OD || vr == EVR_OL || vr == EVR_OV ||
	       vr == EVR_ox || vr == EVR_UN || vr == EVR_PixelData || vr == EVR_OverlayData;
}

void header_charset(DcmDataset &dataset, const char *of_device, struct charset *out)
{
	struct charset_tally tally = {};
	const char *declared = nullptr;

	for (unsigned long i = 0; i < dataset.card(); i++) {
		DcmElement *element = dataset.getElement(i);

		if (header_follows_charset(element->ident()) && element->getLengthField() <= SHORT_VALUE) {
			std::string bytes = bytes_of(*element);
			charset_tally_add(&tally, bytes.data(), bytes.size());
		}
	}
	(void)dataset.findAndGetString(DCM_SpecificCharacterSet, declared);
	charset_decide_for(declared != nullptr ? declared : "", of_device, &tally, out);
}

std::string header_trimmed(const std::string &text)
{
	size_t begin = text.find_first_not_of(' '), end = text.find_last_not_of(' ');

	return begin == std::string::npos ? std::string() : text.substr(begin, end - begin + 1);
}

bool header_check(const char *path, std::string *out_syntax, struct err *err)
{
	size_t elements = 0;
	struct structure_visitor visitor = {count_element, no_value, &elements, NULL};
	char syntax[DICOM_UID_SIZE];

	if (!structure_walk(path, &visitor, syntax, err))
		return false;
	if (elements > ELEMENTS_MAX)
		return err_set(err, ERR_INVALID, "cannot show the header: it has more than %zu elements", ELEMENTS_MAX);
	*out_syntax = syntax;
	return true;
}

bool header_load(const char *path, DcmFileFormat &file, struct err *err)
{
	std::string syntax;

	return header_check(path, &syntax, err) && image_read(path, syntax, file, err);
}

std::vector<header_field> header_collect(DcmDataset &dataset)
{
	return std::move(Collector(dataset).fields);
}

std::vector<header_pair> header_differences(const std::vector<header_field> &fields,
                                            const std::vector<header_field> &others)
{
	std::map<std::string, header_pair> pairs;
	std::vector<header_pair> result;

	for (const header_field &field : fields)
		pairs[field.key].one = &field;
	for (const header_field &field : others)
		pairs[field.key].other = &field;
	for (const auto &entry : pairs) {
		const header_pair &pair = entry.second;

		if (pair.one == nullptr || pair.other == nullptr || !is_equal(*pair.one, *pair.other))
			result.push_back(pair);
	}
	return result;
}

extern "C" bool dicom_header_fields(const char *path, size_t max, dicom_header_each *each, void *context,
                                    size_t *out_count, struct err *err)
{
	return dicom_guard(err, [&] {
		DcmFileFormat file;

		if (!header_load(path, file, err))
			return false;
		std::vector<header_field> fields = header_collect(*file.getDataset());
		for (size_t i = 0; i < fields.size() && i < max; i++)
			tell(each, context, fields[i], &fields[i], nullptr);
		*out_count = fields.size();
		return true;
	});
}

extern "C" bool dicom_header_differences(const char *path, const char *other_path, size_t max, dicom_header_each *each,
                                         void *context, size_t *out_count, struct err *err)
{
	return dicom_guard(err, [&] {
		DcmFileFormat file, other;

		if (!header_load(path, file, err) || !header_load(other_path, other, err))
			return false;
		std::vector<header_field> fields = header_collect(*file.getDataset()),
		                          others = header_collect(*other.getDataset());
		std::vector<header_pair> pairs = header_differences(fields, others);
		for (size_t i = 0; i < pairs.size() && i < max; i++)
			tell(each, context, pairs[i].one != nullptr ? *pairs[i].one : *pairs[i].other, pairs[i].one,
			     pairs[i].other);
		*out_count = pairs.size();
		return true;
	});
}
