#include "lib/dicom/message.h"

#include <algorithm>
#include <cstring>

#include "lib/base/clock.h"

namespace
{
enum : size_t { COMMAND_MAX = 65536, COMMENT_MAX = 64 };

/* Elements of group 0000, PS3.7 table E.1-1. */
enum : uint16_t {
	ELEMENT_LENGTH = 0x0000,
	ELEMENT_AFFECTED_CLASS = 0x0002,
	ELEMENT_REQUESTED_CLASS = 0x0003,
	ELEMENT_FIELD = 0x0100,
	ELEMENT_MESSAGE_ID = 0x0110,
	ELEMENT_ANSWERED_ID = 0x0120,
	ELEMENT_PRIORITY = 0x0700,
	ELEMENT_DATASET_TYPE = 0x0800,
	ELEMENT_STATUS = 0x0900,
	ELEMENT_COMMENT = 0x0902,
	ELEMENT_AFFECTED_INSTANCE = 0x1000,
	ELEMENT_REQUESTED_INSTANCE = 0x1001,
	ELEMENT_EVENT_TYPE = 0x1002,
	ELEMENT_ACTION_TYPE = 0x1008
};

uint32_t get(const unsigned char *p, size_t width)
{
	uint32_t value = 0;

	for (size_t i = 0; i < width; i++)
		value |= static_cast<uint32_t>(p[i]) << (8 * i);
	return value;
}

void put(std::string &out, uint32_t value, size_t width)
{
	for (size_t i = 0; i < width; i++)
		out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

std::string clean(const unsigned char *p, size_t length)
{
	std::string text(reinterpret_cast<const char *>(p), length);

	while (!text.empty() && (text.back() == '\0' || text.back() == ' '))
		text.pop_back();
	std::replace_if(text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
	return text;
}

void take(Command &out, uint16_t element, const unsigned char *p, size_t length)
{
	uint16_t number = static_cast<uint16_t>(length == 2 ? get(p, 2) : 0);

	switch (element) {
	case ELEMENT_AFFECTED_CLASS:
	case ELEMENT_REQUESTED_CLASS:
		out.sop_class = clean(p, length);
		break;
	case ELEMENT_AFFECTED_INSTANCE:
	case ELEMENT_REQUESTED_INSTANCE:
		out.sop_instance = clean(p, length);
		break;
	case ELEMENT_FIELD:
		out.field = number;
		break;
	case ELEMENT_MESSAGE_ID:
		out.message_id = number;
		break;
	case ELEMENT_ANSWERED_ID:
		out.answered_id = number;
		break;
	case ELEMENT_PRIORITY:
		out.priority = number;
		break;
	case ELEMENT_DATASET_TYPE:
		out.dataset_type = number;
		break;
	case ELEMENT_STATUS:
		out.status = number;
		out.has_status = true;
		break;
	case ELEMENT_EVENT_TYPE:
	case ELEMENT_ACTION_TYPE:
		out.type_id = number;
		break;
	case ELEMENT_COMMENT:
		out.comment = clean(p, length).substr(0, COMMENT_MAX);
		break;
	default:
		break;
	}
}

/* Always implicit VR little endian, group 0000 only (PS3.7 section 6.3.1). False: not a command. */
bool parse(const std::string &bytes, Command &out)
{
	const unsigned char *p = reinterpret_cast<const unsigned char *>(bytes.data());
	size_t left = bytes.size();
	bool has_field = false;

	while (left >= 8) {
		uint16_t element = static_cast<uint16_t>(get(p + 2, 2));
		uint32_t length = get(p + 4, 4);

		if (get(p, 2) != 0 || length > left - 8)
			return false;
		take(out, element, p + 8, length);
		has_field |= element == ELEMENT_FIELD && length == 2;
		p += 8 + length;
		left -= 8 + length;
	}
	return left == 0 && has_field;
}

void put_number(std::string &out, uint16_t element, uint16_t value)
{
	put(out, static_cast<uint32_t>(element) << 16, 4);
	put(out, 2, 4);
	put(out, value, 2);
}

void put_text(std::string &out, uint16_t element, const std::string &text, char pad)
{
	if (text.empty())
		return;
	put(out, static_cast<uint32_t>(element) << 16, 4);
	put(out, static_cast<uint32_t>(text.size() + (text.size() & 1)), 4);
	out += text;
	if (text.size() & 1)
		out.push_back(pad);
}

/* Class and instance of an action that is asked for are the requested ones, elsewhere the affected ones (PS3.7 table 10.3-11). */
bool is_requested(uint16_t field)
{
	return field == COMMAND_N_ACTION_RQ;
}

bool is_action(uint16_t field)
{
	return (field & ~COMMAND_RESPONSE) == COMMAND_N_ACTION_RQ;
}

/* In ascending order of elements. */
std::string encode(const Command &command)
{
	std::string body, all;

	put_text(body, is_requested(command.field) ? ELEMENT_REQUESTED_CLASS : ELEMENT_AFFECTED_CLASS,
	         command.sop_class, '\0');
	put_number(body, ELEMENT_FIELD, command.field);
	put_number(body, command.is_response() ? ELEMENT_ANSWERED_ID : ELEMENT_MESSAGE_ID,
	           command.is_response() ? command.answered_id : command.message_id);
	if (command.field == COMMAND_C_STORE_RQ || command.field == COMMAND_C_FIND_RQ)
		put_number(body, ELEMENT_PRIORITY, command.priority);
	put_number(body, ELEMENT_DATASET_TYPE, command.dataset_type);
	if (command.is_response())
		put_number(body, ELEMENT_STATUS, command.status);
	put_text(body, ELEMENT_COMMENT, command.comment, ' ');
	put_text(body, is_requested(command.field) ? ELEMENT_REQUESTED_INSTANCE : ELEMENT_AFFECTED_INSTANCE,
	         command.sop_instance, '\0');
	if (command.type_id != 0)
		put_number(body, is_action(command.field) ? ELEMENT_ACTION_TYPE : ELEMENT_EVENT_TYPE, command.type_id);
	put(all, 0, 4);
	put(all, 4, 4);
	put(all, static_cast<uint32_t>(body.size()), 4);
	return all + body;
}

arrival arrival_of(link_end end)
{
	switch (end) {
	case link_end::timeout:
		return arrival::timeout;
	case link_end::stopped:
		return arrival::stopped;
	case link_end::lost:
		return arrival::lost;
	case link_end::refused:
	case link_end::none:
		break;
	}
	return arrival::broken;
}
} // namespace

Command dicom_event_request(const struct dicom_commitment_result &result)
{
	const struct dicom_commitment_item *end = result.items + result.count;
	bool is_whole = std::all_of(result.items, end, [](const auto &item) { return item.failure_reason == 0; });
	Command request;

	request.field = COMMAND_N_EVENT_REPORT_RQ;
	request.dataset_type = 1;
	request.sop_class = DICOM_COMMITMENT_CLASS;
	request.sop_instance = DICOM_COMMITMENT_INSTANCE;
	request.type_id = is_whole ? 1 : 2;
	return request;
}

/* A command, or a dataset. */
void MessageStream::begin()
{
	began_ms_ = 0;
	taken_ = 0;
}

/* Each PDU may come in time and the whole never end: what says less than this a second, for longer than the grace, is no transfer. */
bool MessageStream::keeps_pace(size_t length)
{
	int64_t now = clock_monotonic_ms(), late_ms;

	if (began_ms_ == 0)
		began_ms_ = now;
	taken_ += length;
	late_ms = now - began_ms_ - link_.grace_ms;
	if (link_.rate_min <= 0 || late_ms <= 0 ||
	    taken_ >= static_cast<uint64_t>(late_ms) * static_cast<uint64_t>(link_.rate_min) / 1000)
		return true;
	link_.end = link_end::timeout;
	return false;
}

arrival MessageStream::next_fragment(DUL_PDV &out)
{
	OFCondition cond;

	if (DUL_NextPDV(&association_->DULassociation, &out).good())
		return keeps_pace(out.fragmentLength) ? arrival::message : arrival::timeout;
	if (!link_.wait_readable())
		return arrival_of(link_.end);
	cond = DUL_ReadPDVs(&association_->DULassociation, nullptr, DUL_BLOCK, 0);
	if (link_.end != link_end::none)
		return arrival_of(link_.end);
	if (cond == DUL_PEERREQUESTEDRELEASE)
		return arrival::release;
	if (cond == DUL_PEERABORTEDASSOCIATION)
		return arrival::aborted;
	if (cond != DUL_PDATAPDUARRIVED || DUL_NextPDV(&association_->DULassociation, &out).bad())
		return arrival::broken;
	return keeps_pace(out.fragmentLength) ? arrival::message : arrival::timeout;
}

arrival MessageStream::receive(Command &out)
{
	std::string bytes;
	bool is_last = false;

	out = Command();
	begin();
	while (!is_last) {
		DUL_PDV pdv;
		arrival how = next_fragment(pdv);

		if (how != arrival::message)
			return how == arrival::release && !bytes.empty() ? arrival::broken : how;
		if (pdv.pdvType != DUL_COMMANDPDV || bytes.size() + pdv.fragmentLength > COMMAND_MAX)
			return arrival::broken;
		if (!bytes.empty() && pdv.presentationContextID != out.context_id)
			return arrival::broken;
		out.context_id = pdv.presentationContextID;
		bytes.append(static_cast<const char *>(pdv.data), pdv.fragmentLength);
		is_last = pdv.lastPDV;
	}
	return parse(bytes, out) ? arrival::message : arrival::broken;
}

arrival MessageStream::receive_dataset(uint8_t context_id, const std::function<void(const void *, size_t)> &sink)
{
	bool is_last = false;

	begin();
	while (!is_last) {
		DUL_PDV pdv;
		arrival how = next_fragment(pdv);

		if (how != arrival::message)
			return how == arrival::release ? arrival::broken : how;
		if (pdv.pdvType != DUL_DATASETPDV || pdv.presentationContextID != context_id)
			return arrival::broken;
		if (pdv.fragmentLength > 0)
			sink(pdv.data, pdv.fragmentLength);
		is_last = pdv.lastPDV;
	}
	return arrival::message;
}

bool MessageStream::send_fragment(uint8_t context_id, DUL_DATAPDV type, const void *bytes, size_t length, bool is_last)
{
	DUL_PDVLIST list;
	DUL_PDV pdv;

	std::memset(&list, 0, sizeof list);
	std::memset(&pdv, 0, sizeof pdv);
	pdv.fragmentLength = length;
	pdv.presentationContextID = context_id;
	pdv.pdvType = type;
	pdv.lastPDV = is_last;
	pdv.data = const_cast<void *>(bytes);
	list.count = 1;
	list.pdv = &pdv;
	return DUL_WritePDVs(&association_->DULassociation, &list).good();
}

bool MessageStream::send(const Command &command)
{
	std::string bytes = encode(command);

	return send_fragment(command.context_id, DUL_COMMANDPDV, bytes.data(), bytes.size(), true);
}

bool MessageStream::send_dataset(uint8_t context_id, const void *bytes, size_t length, bool is_last)
{
	return send_fragment(context_id, DUL_DATASETPDV, bytes, length, is_last);
}

bool MessageStream::send_whole_dataset(uint8_t context_id, const void *bytes, size_t length)
{
	const char *from = static_cast<const char *>(bytes);
	size_t most = static_cast<size_t>(association_->sendPDVLength);

	for (size_t n; length > most; from += n, length -= n) {
		n = most;
		if (!send_dataset(context_id, from, n, false))
			return false;
	}
	return send_dataset(context_id, from, length, true);
}
