/*
 * DIMSE messages over DCMTK's upper layer: commands of bounded size, datasets as a stream of bytes that nothing looks into (PS3.7 annex E,
 * PS3.8 annex E). Private to lib/dicom.
 *
 * DCMTK's own message layer parses what it receives and re-encodes what it sends; here the bytes of a dataset stay what they are.
 */
#ifndef YQ_DICOM_MESSAGE_H
#define YQ_DICOM_MESSAGE_H

#include "lib/dicom/internal.h"

#include "dcmtk/dcmnet/assoc.h"

#include <cstdint>
#include <functional>
#include <string>

#include "lib/dicom/dicom.h"
#include "lib/dicom/transport.h"

/* How waiting for the next thing ended. */
enum class arrival { message, release, aborted, lost, timeout, stopped, broken };

/* Command fields, PS3.7 table E.1-1. */
enum : uint16_t {
	COMMAND_C_STORE_RQ = 0x0001,
	COMMAND_C_FIND_RQ = 0x0020,
	COMMAND_C_ECHO_RQ = 0x0030,
	COMMAND_C_CANCEL_RQ = 0x0fff,
	COMMAND_N_EVENT_REPORT_RQ = 0x0100,
	COMMAND_N_SET_RQ = 0x0120,
	COMMAND_N_ACTION_RQ = 0x0130,
	COMMAND_N_CREATE_RQ = 0x0140,
	COMMAND_RESPONSE = 0x8000
};
enum : uint16_t { COMMAND_NO_DATASET = 0x0101 };

struct Command {
	uint8_t context_id = 0;
	uint16_t field = 0, message_id = 0, answered_id = 0, status = 0, priority = 0;
	uint16_t dataset_type = COMMAND_NO_DATASET;
	uint16_t type_id = 0; /* of an event or an action; 0: none */
	bool has_status = false;
	/* Padding removed, other control characters as '?', at most the 64 KiB that a command may have. */
	std::string sop_class, sop_instance, comment;

	bool has_dataset() const
	{
		return dataset_type != COMMAND_NO_DATASET;
	}
	bool is_response() const
	{
		return (field & COMMAND_RESPONSE) != 0;
	}
};

/* N-EVENT-REPORT-RQ for a commitment, its dataset to follow; the caller fills in context and message id. */
Command dicom_event_request(const struct dicom_commitment_result &result);

class MessageStream
{
      public:
	MessageStream(T_ASC_Association *association, Link &link) : association_(association), link_(link)
	{
	}

	/* The next command. broken: the peer speaks nonsense, the association is beyond use. */
	arrival receive(Command &out);
	/* The dataset that belongs to it, piece by piece; sink cannot end it early. */
	arrival receive_dataset(uint8_t context_id, const std::function<void(const void *, size_t)> &sink);
	/* False: the connection is gone; Link::end says how. */
	bool send(const Command &command);
	bool send_dataset(uint8_t context_id, const void *bytes, size_t length, bool is_last);
	/* The same for one that lies in memory, in as many pieces as the peer's PDUs want. */
	bool send_whole_dataset(uint8_t context_id, const void *bytes, size_t length);

      private:
	T_ASC_Association *association_;
	Link &link_;
	int64_t began_ms_ = 0; /* the part of a message that is under way; 0: nothing of it has come */
	uint64_t taken_ = 0;   /* bytes of it */

	void begin();
	bool keeps_pace(size_t length);
	arrival next_fragment(DUL_PDV &out);
	bool send_fragment(uint8_t context_id, DUL_DATAPDV type, const void *bytes, size_t length, bool is_last);
};

#endif
