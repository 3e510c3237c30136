#include "lib/dicom/change.h"

#include "lib/dicom/header.h"
#include "lib/dicom/internal.h"

#include <vector>

namespace
{
const int DEPTH_MAX = 16;
const Uint32 TEXT_MAX = 16u << 20;

DcmTagKey key_of(const struct dicom_change &change)
{
	return DcmTagKey(static_cast<Uint16>(change.tag >> 16), static_cast<Uint16>(change.tag & 0xffff));
}

std::string decode(const struct charset &charset, const std::string &bytes)
{
	std::vector<char> out(4 * bytes.size() + 16);

	(void)charset_decode(&charset, bytes.data(), bytes.size(), out.data(), out.size());
	return std::string(out.data());
}

/* Line by line: decoding makes one line of several. */
std::string decode_lines(const struct charset &charset, const std::string &bytes)
{
	std::string text;

	for (size_t begin = 0, end; begin <= bytes.size(); begin = end + 1) {
		end = std::min(bytes.find('\n', begin), bytes.size());
		text += (begin > 0 ? "\r\n" : "") + decode(charset, bytes.substr(begin, end - begin));
	}
	return text;
}

bool read_text(DcmElement &element, const struct charset &charset, std::string *out)
{
	Uint32 length = element.getLengthField();
	DcmEVR vr = element.ident();
	std::string bytes(length, '\0');

	out->clear();
	if (length == 0)
		return true;
	if (length > TEXT_MAX || element.getPartialValue(&bytes[0], 0, length, nullptr, EBO_LittleEndian).bad())
		return false;
	*out = vr == EVR_ST || vr == EVR_LT || vr == EVR_UT ? decode_lines(charset, bytes) : decode(charset, bytes);
	return true;
}

bool make_utf8(DcmItem &item, const struct charset &charset, int depth)
{
	std::string text;

	if (depth > DEPTH_MAX)
		return false;
	/* An item may name a set of its own; what its bytes are was decided for all of them together. */
	if (depth > 0)
		(void)item.findAndDeleteElement(DCM_SpecificCharacterSet);
	for (unsigned long i = 0; i < item.card(); i++) {
		DcmElement &element = *item.getElement(i);

		if (element.ident() == EVR_SQ) {
			auto &sequence = static_cast<DcmSequenceOfItems &>(element);
			for (unsigned long n = 0; n < sequence.card(); n++)
				if (!make_utf8(*sequence.getItem(n), charset, depth + 1))
					return false;
		} else if (header_follows_charset(element.ident())) {
			if (!read_text(element, charset, &text) || element.putString(text.c_str()).bad())
				return false;
		}
	}
	return true;
}

bool is_so(DcmDataset &dataset, const struct charset &charset, const struct dicom_change &change)
{
	DcmElement *element = nullptr;
	std::string text;

	if (dataset.findAndGetElement(key_of(change), element).bad())
		return change.value[0] == '\0';
	return read_text(*element, charset, &text) && header_trimmed(text) == change.value;
}

bool put_all(DcmDataset &dataset, const struct dicom_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (dataset.putAndInsertString(DcmTag(key_of(changes[i])), changes[i].value).bad())
			return false;
	return dataset.putAndInsertString(DCM_SpecificCharacterSet, "ISO_IR 192").good();
}
} // namespace

bool change_apply(DcmDataset &dataset, const struct dicom_change *changes, size_t count, const char *charset,
                  bool *out_differs, struct err *err)
{
	struct charset from;
	bool differs = false;

	if (count > 0)
		header_charset(dataset, charset, &from);
	for (size_t i = 0; i < count; i++)
		differs = differs || !is_so(dataset, from, changes[i]);
	if (differs && (!make_utf8(dataset, from, 0) || !put_all(dataset, changes, count)))
		return err_set(err, ERR_INVALID, "cannot write the values of this object anew");
	*out_differs = differs;
	return true;
}
