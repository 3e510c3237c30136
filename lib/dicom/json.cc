/* The DICOM JSON model (PS3.18 annex F) of a dataset, its texts in UTF-8 by what its bytes say. */
#include "lib/dicom/header.h"

#include "lib/dicom/internal.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <vector>

#include "lib/base/text.h"
#include "lib/dicom/charset.h"
#include "lib/dicom/value.h"

namespace
{
const int DEPTH_MAX = 16;

struct failure {
	enum err_kind kind;
	const char *text;
};

/* PS3.18 table F.2.3-1: values that are numbers. */
bool is_number(DcmEVR vr)
{
	return vr == EVR_US || vr == EVR_SS || vr == EVR_UL || vr == EVR_SL || vr == EVR_FL || vr == EVR_FD ||
	       vr == EVR_UV || vr == EVR_SV || vr == EVR_IS || vr == EVR_DS;
}

/* "+07.50" as JSON (RFC 8259 section 6) wants it, "7.50"; empty when it is no number. */
std::string json_number(const std::string &text)
{
	size_t at = 0;
	std::string whole, out;

	if (at < text.size() && (text[at] == '+' || text[at] == '-'))
		out = text[at++] == '-' ? "-" : "";
	for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; at++)
		whole += text[at];
	bool has_digits = !whole.empty();
	whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
	out += whole.empty() ? "0" : whole;
	if (at < text.size() && text[at] == '.') {
		size_t begin = ++at;
		while (at < text.size() && text[at] >= '0' && text[at] <= '9')
			at++;
		if (at > begin)
			out += "." + text.substr(begin, at - begin);
		has_digits = has_digits || at > begin;
	}
	if (has_digits && at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
		size_t begin = at++;
		at += at < text.size() && (text[at] == '+' || text[at] == '-');
		size_t digits = at;
		while (at < text.size() && text[at] >= '0' && text[at] <= '9')
			at++;
		if (at == digits)
			return std::string();
		out += text.substr(begin, at - begin);
	}
	return has_digits && at == text.size() ? out : std::string();
}

std::string tag_digits(const DcmTagKey &tag)
{
	static const char digits[] = "0123456789ABCDEF";
	uint32_t whole = static_cast<uint32_t>(tag.getGroup()) << 16 | tag.getElement();
	std::string out;

	for (int shift = 28; shift >= 0; shift -= 4)
		out += digits[whole >> static_cast<unsigned>(shift) & 15];
	return out;
}

std::string base64(const std::vector<Uint8> &bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	std::string out;

	for (size_t i = 0; i < bytes.size(); i += 3) {
		size_t left = bytes.size() - i;
		unsigned three = static_cast<unsigned>(bytes[i]) << 16;

		three |= left > 1 ? static_cast<unsigned>(bytes[i + 1]) << 8 : 0U;
		three |= left > 2 ? bytes[i + 2] : 0U;
		out += digits[three >> 18];
		out += digits[three >> 12 & 63];
		out += left > 1 ? digits[three >> 6 & 63] : '=';
		out += left > 2 ? digits[three & 63] : '=';
	}
	return out;
}

std::vector<std::string> split(const std::string &text, char at)
{
	std::vector<std::string> parts;
	size_t begin = 0, end;

	while ((end = text.find(at, begin)) != std::string::npos) {
		parts.push_back(text.substr(begin, end - begin));
		begin = end + 1;
	}
	parts.push_back(text.substr(begin));
	return parts;
}

class Writer
{
      public:
	Writer(DcmDataset &dataset, const struct dicom_json_options &options, struct text_buf *out)
	    : options_(options), out_(out)
	{
		header_charset(dataset, options.charset, &charset_);
	}

	void write(DcmItem &item, const std::string &path, int depth)
	{
		bool is_first = true;

		for (unsigned long i = 0; i < item.card(); i++) {
			DcmElement *element = item.getElement(i);

			if (!value_is_shown(*element, options_, depth))
				continue;
			std::string tag = tag_digits(element->getTag());
			put(is_first ? "\"" : ",\"");
			put(tag);
			put("\":{\"vr\":\"");
			put(DcmVR(value_vr(*element)).getVRName());
			put("\"");
			value(*element, path + tag, depth);
			put("}");
			is_first = false;
		}
	}

      private:
	const struct dicom_json_options &options_;
	struct text_buf *out_;
	struct charset charset_;

	void put(const std::string &text)
	{
		if (!text_buf_append(out_, text.data(), text.size()))
			throw failure{ERR_INVALID, "cannot show this object as JSON: it is too large"};
	}

	void quote(const std::string &text)
	{
		std::string quoted = "\"";

		for (char c : text) {
			char escape[8];

			if (c == '"' || c == '\\')
				quoted += '\\';
			if (static_cast<unsigned char>(c) >= 0x20) {
				quoted += c;
				continue;
			}
			(void)std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
			quoted += escape;
		}
		put(quoted + "\"");
	}

	void bulk(const std::string &path)
	{
		put(",\"BulkDataURI\":\"@/bulkdata/" + path + "\"");
	}

	void value(DcmElement &element, const std::string &path, int depth)
	{
		DcmEVR vr = value_vr(element);

		if (vr == EVR_SQ)
			sequence(static_cast<DcmSequenceOfItems &>(element), path, depth);
		else if (value_is_bulk(element, depth))
			bulk(path);
		else if (element.getLengthField() == 0)
			return;
		else if (header_is_binary(vr))
			binary(element);
		else if (is_number(vr))
			numbers(element);
		else if (vr == EVR_AT)
			tags(element);
		else
			texts(element, vr);
	}

	void sequence(DcmSequenceOfItems &sequence, const std::string &path, int depth)
	{
		if (sequence.card() == 0)
			return;
		if (depth >= DEPTH_MAX)
			throw failure{ERR_INVALID, "cannot show this object as JSON: sequences are nested too deeply"};
		put(",\"Value\":[");
		for (unsigned long i = 0; i < sequence.card(); i++) {
			put(i > 0 ? ",{" : "{");
			write(*sequence.getItem(i), path + "." + std::to_string(i + 1) + ".", depth + 1);
			put("}");
		}
		put("]");
	}

	void binary(DcmElement &element)
	{
		Uint32 length = element.getLengthField();
		std::vector<Uint8> bytes(length);

		if (element.getPartialValue(bytes.data(), 0, length, nullptr, EBO_LittleEndian).good())
			put(",\"InlineBinary\":\"" + base64(bytes) + "\"");
	}

	std::vector<std::string> written(DcmElement &element)
	{
		OFString text;

		if (element.getOFStringArray(text, OFFalse).bad())
			return {};
		return split(std::string(text.c_str(), text.length()), '\\');
	}

	void numbers(DcmElement &element)
	{
		std::vector<std::string> values = written(element);

		put(",\"Value\":[");
		for (size_t i = 0; i < values.size(); i++) {
			std::string text = header_trimmed(values[i]), number = json_number(text);

			put(i > 0 ? "," : "");
			if (!number.empty())
				put(number);
			else if (text.empty())
				put("null");
			else
				quote(value_decoded(charset_, text,
				                    EVR_LO)); /* what calls itself a number and is none: as it is */
		}
		put("]");
	}

	void tags(DcmElement &element)
	{
		std::vector<std::string> values = written(element);

		put(",\"Value\":[");
		for (size_t i = 0; i < values.size(); i++) {
			std::string digits;

			for (char c : values[i])
				if (std::isxdigit(static_cast<unsigned char>(c)))
					digits += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
			put(i > 0 ? "," : "");
			quote(digits);
		}
		put("]");
	}

	void name(const std::string &text)
	{
		static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
		std::vector<std::string> parts = split(text, '=');
		const char *comma = "";

		put("{");
		for (size_t i = 0; i < parts.size() && i < 3; i++) {
			if (parts[i].empty())
				continue;
			put(std::string(comma) + "\"" + groups[i] + "\":");
			quote(parts[i]);
			comma = ",";
		}
		put("}");
	}

	void one_text(const std::string &text, DcmEVR vr)
	{
		if (text.empty())
			put("null");
		else if (vr == EVR_PN)
			name(text);
		else
			quote(text);
	}

	void texts(DcmElement &element, DcmEVR vr)
	{
		Uint32 length = element.getLengthField();
		std::string bytes(length, '\0');

		if (element.getPartialValue(&bytes[0], 0, length, nullptr, EBO_LittleEndian).bad())
			return;
		/* Decoded first: a backslash may be the second byte of a character (GB18030). */
		std::string text = value_decoded(charset_, bytes, vr);
		std::vector<std::string> values =
		    value_is_long_text(vr) || vr == EVR_UR ? std::vector<std::string>{text} : split(text, '\\');
		if (text.empty())
			return;
		put(",\"Value\":[");
		for (size_t i = 0; i < values.size(); i++) {
			put(i > 0 ? "," : "");
			one_text(header_trimmed(values[i]), vr);
		}
		put("]");
	}
};
} // namespace

bool dicom_json(const char *path, const struct dicom_json_options *options, struct text_buf *out, struct err *err)
{
	try {
		DcmFileFormat file;

		if (!header_load(path, file, err))
			return false;
		Writer writer(*file.getDataset(), *options, out);
		writer.write(*file.getDataset(), std::string(), 0);
		return true;
	} catch (const failure &failed) {
		return err_set(err, failed.kind, "%s", failed.text);
	} catch (...) {
		return err_set(err, ERR_INVALID, "cannot show this object as JSON");
	}
}
