/*
 * The border to DCMTK: service class provider and user, fields of a dataset, rendering, report objects.
 *
 * Pure C17 and C++17; no DCMTK name leaves lib/dicom. The border knows no policy: whom to admit, where bytes go and which
 * status is answered are asked through callbacks. Every function catches every exception and fills *err.
 * Text is UTF-8 on this side of the border unless a name says raw.
 */
#ifndef YQ_DICOM_DICOM_H
#define YQ_DICOM_DICOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/listen.h"

struct tls_identity;

#ifdef __cplusplus
extern "C" {
#endif

enum { DICOM_UID_SIZE = 65, DICOM_AE_SIZE = 17, DICOM_ADDRESS_SIZE = 48, DICOM_SHA256_SIZE = 65 };

/* Once per process, before any thread: TCP_NODELAY for DCMTK, its log behind our allow-list, host name look-up off, dictionary and codecs loaded. */
bool dicom_init(struct err *err);

/* ---- service class provider, PS3.7, PS3.8 ---------------------------------------------------------------------- */

struct dicom_peer {
	char calling_ae[DICOM_AE_SIZE], called_ae[DICOM_AE_SIZE];
	char address[DICOM_ADDRESS_SIZE]; /* numeric */
	uint16_t port, local_port;
	char implementation_class_uid[DICOM_UID_SIZE];
	char implementation_version[17];
	char tls[16]; /* "TLSv1.3"; empty: plain */
	char certificate_sha256
	    [DICOM_SHA256_SIZE];     /* that it holds the key of, small hexadecimal digits; empty: it showed none */
	bool certificate_is_trusted; /* by the authorities of dicom_scp_secure() */
	bool certificate_is_current; /* it holds today */
};

/* PS3.8 table 9-21: A-ASSOCIATE-RJ. */
enum dicom_reject {
	DICOM_ADMIT = 0,
	DICOM_REJECT_CALLING_AE, /* permanent, service user, calling AE title not recognized */
	DICOM_REJECT_CALLED_AE,  /* permanent, service user, called AE title not recognized */
	DICOM_REJECT_NO_REASON,  /* permanent, service user, no reason given */
	DICOM_REJECT_CONGESTION, /* transient, presentation, temporary congestion */
	DICOM_REJECT_LIMIT       /* transient, presentation, local limit exceeded */
};

struct dicom_bytes;

struct dicom_store_request {
	const struct dicom_peer *peer;
	const char *sop_class_uid, *sop_instance_uid; /* from the command set, not yet checked by anybody */
	const char *transfer_syntax_uid;              /* of the accepted presentation context */
	void *association;                            /* what admit() put there */
};

/* DIMSE-N services, PS3.7 section 10: storage commitment push model (PS3.4 annex J), modality performed procedure step (PS3.4 annex F). */
#define DICOM_COMMITMENT_CLASS "1.2.840.10008.1.20.1"
#define DICOM_COMMITMENT_INSTANCE "1.2.840.10008.1.20.1.1"
#define DICOM_MPPS_CLASS "1.2.840.10008.3.1.2.3.3"

enum dicom_n_operation { DICOM_N_SET, DICOM_N_ACTION, DICOM_N_CREATE, DICOM_N_EVENT_REPORT };
struct dicom_n_request {
	const struct dicom_peer *peer;
	enum dicom_n_operation operation;
	uint16_t action_type;         /* of N-ACTION; of N-EVENT-REPORT the type of the event */
	const char *sop_class_uid;    /* of the command set; that of the presentation context, too */
	const char *sop_instance_uid; /* not yet checked by anybody; empty: none */
	struct dicom_bytes *dataset;  /* as a part 10 file; NULL: there is none */
	void *association;            /* what admit() put there */
};

/* Longest dataset of such a request; a longer one is read, dropped and answered with 0213. */
enum { DICOM_N_DATASET_MAX = 4 << 20 };

/* What a commitment request came to, as N-EVENT-REPORT says it (PS3.4 section J.3.3). Borrowed texts. */
struct dicom_commitment_item {
	const char *sop_class_uid, *sop_instance_uid;
	uint16_t failure_reason; /* PS3.3 section C.14.1.1; 0: held */
};
struct dicom_commitment_result {
	const char *transaction_uid;
	const struct dicom_commitment_item *items;
	size_t count;
};

enum dicom_event_due {
	DICOM_EVENT_NONE,  /* nothing is awaited */
	DICOM_EVENT_LATER, /* ask again in a moment */
	DICOM_EVENT_DUE    /* *result is to be sent; borrowed until event_end() */
};

enum dicom_end {
	DICOM_END_RELEASED,
	DICOM_END_ABORTED,
	DICOM_END_LOST,
	DICOM_END_TIMEOUT,
	DICOM_END_REJECTED,
	DICOM_END_STOPPED
};

/*
 * Called on the association's own thread. `context` is dicom_scp_settings.context, `association` is per association: what admit() put
 * there, also when it rejected, and end() is then called once, after the answer is out. An association that never reached admit() (beyond
 * association_max, of another application context, without an AE title) is reported to end() with NULL.
 * Of one object: store_begin, store_data 0..n times, then exactly one of store_end (all bytes came) and store_abort
 * (the peer vanished or the message was broken: nothing may remain visible).
 * A false store_begin or store_data does not end the association: the rest of the dataset is read and dropped,
 * store_abort is called if store_begin had succeeded, and the status is err_kind_info(kind)->dimse_status unless *err carries
 * source ERR_SOURCE_DIMSE, whose code is then the status. The text becomes Error Comment (0000,0902), cut to 64.
 * store_end's true is sent as 0000; the object is durable by then.
 */
struct dicom_scp_handlers {
	enum dicom_reject (*admit)(void *context, const struct dicom_peer *peer, void **association);
	void (*end)(void *context, void *association, const struct dicom_peer *peer, enum dicom_end how,
	            enum dicom_reject reject);
	void (*echo)(void *context, void *association, const struct dicom_peer *peer);
	bool (*store_begin)(void *context, const struct dicom_store_request *request, void **object, struct err *err);
	bool (*store_data)(void *context, void *object, const void *bytes, size_t length, struct err *err);
	bool (*store_end)(void *context, void *object, struct err *err);
	void (*store_abort)(void *context, void *object);
	/* True: 0000. out_instance is in the answer as the Affected SOP Instance UID; filled with that of the request before. */
	bool (*normalized)(void *context, const struct dicom_n_request *request, char out_instance[DICOM_UID_SIZE],
	                   struct err *err);
	/* Asked between messages of an association on which a commitment was requested. One event at a time is under way. */
	enum dicom_event_due (*event_next)(void *context, void *association,
	                                   const struct dicom_commitment_result **result);
	/* Once for each DICOM_EVENT_DUE, at the latest before end(). is_answered false: nobody knows whether it arrived. */
	void (*event_end)(void *context, void *association, bool is_answered, uint16_t dimse_status);
};

struct dicom_scp_settings {
	const char *address;
	uint16_t port; /* 0: the kernel chooses; see dicom_scp_port() */
	/* With any: listening, non-blocking sockets in the place of address and port; taken also on failure. */
	struct listen_set listening;
	int association_max;
	/* Request: a deadline. PDU: a deadline from its first byte, 0: none. DIMSE and idle: silence inside and between messages. */
	int64_t association_timeout_ms, pdu_timeout_ms, dimse_timeout_ms, idle_timeout_ms;
	/* Bytes a second that a command or a dataset must bring on average once it is older than the grace; 0: no limit. */
	int64_t message_rate_min, message_grace_ms;
	bool accept_unknown_sop_classes;
	const char *
	    tls_ports; /* those of the ports on which TLS is spoken, with blanks between; NULL: none. See dicom_scp_secure() */
	bool asks_certificate; /* of its peers, on them */
	struct dicom_scp_handlers handlers;
	void *context;
};

struct dicom_scp;
/* Listens on return. A taken port is ERR_CONFLICT with the port in the text. settings are copied, its texts too. */
bool dicom_scp_new(const struct dicom_scp_settings *settings, struct dicom_scp **out, struct err *err);
uint16_t dicom_scp_port(const struct dicom_scp *scp);
/*
 * The certificate that is shown to those who come from now on, and whom we trust (lib/base/tls.h). Associations that are open go on; from any
 * thread, as often as wanted. Until it has succeeded once callers of the ports for TLS are turned away. Borrowed. ERR_INVALID: what is wrong with it.
 */
bool dicom_scp_secure(struct dicom_scp *scp, const struct tls_identity *identity, struct err *err);
int dicom_scp_associations(const struct dicom_scp *scp); /* open now */
/*
 * Accepts until stop_fd is readable, one thread an association. Then nobody is accepted any more, the object at hand is finished and answered, and an
 * association ends as soon as it pauses; at the latest after drain_ms all are cut. Callers who wait in the queue of a socket that others hold,
 * too, are theirs.
 */
bool dicom_scp_run(struct dicom_scp *scp, int stop_fd, int64_t drain_ms, struct err *err);
void dicom_scp_free(struct dicom_scp *scp);

/* ---- service class user ----------------------------------------------------------------------------------------- */

struct dicom_destination {
	const char *calling_ae, *called_ae, *host;
	uint16_t port;
	int64_t timeout_ms;         /* of an answer, and of silence inside a message */
	int64_t connect_timeout_ms; /* of look-up and connection; 0: timeout_ms */
	/*
	 * TLS, where it is so: trust_pem and the others are as in lib/base/tls.h; the certificate must be for host. NULL is as empty. Whatever is wrong
	 * with TLS is ERR_TEMPORARY, with words: a certificate is renewed, a clock is set right, and nothing that waits is to be given up for it.
	 */
	bool is_tls;
	const char *trust_pem, *certificate_pem, *private_key_pem;
};

/* How far one came on the way to an answer. Without TLS SECURED comes with CONNECTED. */
enum dicom_contact { DICOM_CONTACT_NONE, DICOM_CONTACT_CONNECTED, DICOM_CONTACT_SECURED, DICOM_CONTACT_ASSOCIATED };
/*
 * One C-ECHO on an association of its own. ERR_TEMPORARY: no connection, no TLS, or transient reject; ERR_REFUSED: permanent reject.
 * reached (may be NULL) is set in every case.
 */
bool dicom_echo(const struct dicom_destination *destination, enum dicom_contact *reached, struct err *err);

/* An association of ours; one thread at a time. What is proposed is one presentation context each. */
struct dicom_scu;
struct dicom_proposal {
	const char *sop_class_uid, *transfer_syntax_uid;
};
enum { DICOM_PROPOSALS_MAX = 128 };
/*
 * Connects and associates; TCP_NODELAY is set, PDUs are as long as both sides take. reached (may be NULL) is set in every case. Errors as of
 * dicom_echo(). *out is the caller's, dicom_scu_close(). destination is copied. A peer that accepts none of the proposals has associated.
 */
bool dicom_scu_open(const struct dicom_destination *destination, const struct dicom_proposal *proposals, size_t count,
                    struct dicom_scu **out, enum dicom_contact *reached, struct err *err);
bool dicom_scu_accepts(const struct dicom_scu *scu, const char *sop_class_uid, const char *transfer_syntax_uid);
/* False: the peer has ended it or speaks unasked, or an exchange broke. Then it is only to be closed. */
bool dicom_scu_is_open(const struct dicom_scu *scu);
/* Released when it is open, else aborted. NULL is fine. */
void dicom_scu_close(struct dicom_scu *scu);

/* Errors as of dicom_echo(). */
bool dicom_scu_echo(struct dicom_scu *scu, struct err *err);

struct dicom_send_item {
	const char *path; /* a part 10 file */
	const char *sop_class_uid, *sop_instance_uid;
	/* Of the presentation context. It is that of the file; a deflated file goes inflated when explicit VR little endian is said. */
	const char *transfer_syntax_uid;
};
/* Transport result and DIMSE status are two outputs. */
enum dicom_sent {
	DICOM_SENT_ANSWERED,   /* dimse_status is the peer's; 0000 and Bxxx mean it has the object */
	DICOM_SENT_NO_CONTEXT, /* the peer accepts no presentation context for it */
	DICOM_SENT_UNREADABLE, /* our file cannot be read: local fault */
	DICOM_SENT_UNKNOWN     /* bytes went out, no answer came */
};
struct dicom_send_result {
	enum dicom_sent sent;
	uint16_t dimse_status;
	char comment[65]; /* the peer's, printable */
};
/*
 * C-STORE of one object as its file has it, streamed. True: *out says what became of it. False: the association broke; the object is certainly
 * not with the peer (ERR_TEMPORARY), or all of it went and no answer came (ERR_UNKNOWN_OUTCOME). In both cases the association stays usable only
 * if dicom_scu_is_open().
 */
bool dicom_scu_store(struct dicom_scu *scu, const struct dicom_send_item *item, struct dicom_send_result *out,
                     struct err *err);

/* ---- transfer syntaxes ------------------------------------------------------------------------------------------- */

#define DICOM_IMPLICIT "1.2.840.10008.1.2"
#define DICOM_EXPLICIT "1.2.840.10008.1.2.1"
#define DICOM_DEFLATED "1.2.840.10008.1.2.1.99"
bool dicom_is_uncompressed(const char *transfer_syntax_uid); /* deflated ones, too */
/* Whether objects can be brought from one to the other without loss beyond what they have, as far as the syntaxes say. */
bool dicom_can_transcode(const char *from, const char *to);
/*
 * Writes an object in another transfer syntax, as a part 10 file, into out_fd, an empty regular file: the same pixels, bit for bit, and the
 * same UIDs. The memory is that of some frames. Deflated ones are only inflated (DICOM_EXPLICIT). ERR_REFUSED: it is signed, or cannot be coded so
 * without change; ERR_INVALID: it cannot be decoded; ERR_NO_SPACE: it would be longer than bytes_max, or the disk is full.
 */
bool dicom_transcode(const char *path, const char *to_syntax, int out_fd, uint64_t bytes_max, uint64_t *out_size,
                     struct err *err);
/* A value of the data set itself that is to be another: UTF-8; "": none. */
struct dicom_change {
	uint32_t tag; /* 0xGGGGEEEE */
	char value[1000];
};
/*
 * The same with other values. When one of them differs from what the object says, all of its texts are written in UTF-8 (ISO_IR 192), by what their
 * bytes are; charset is that of the device ("": not known), for when these do not decide. *out_size 0: it is so already, in this syntax, and nothing was written.
 */
bool dicom_rewrite(const char *path, const char *to_syntax, const struct dicom_change *changes, size_t count,
                   const char *charset, int out_fd, uint64_t bytes_max, uint64_t *out_size, struct err *err);

/* ---- what a peer holds ------------------------------------------------------------------------------------------- */

#define DICOM_VERIFICATION "1.2.840.10008.1.1"
#define DICOM_STUDY_ROOT_FIND "1.2.840.10008.5.1.4.1.2.2.1"
struct dicom_reference_pair;
struct dicom_commitment_told; /* lib/dicom/normalized.h */
/*
 * N-ACTION of storage commitment (PS3.4 section J.3.2) on an association that proposed its class in explicit and implicit VR little endian.
 * ERR_REFUSED: the peer does not take the request; ERR_TEMPORARY: it takes it later perhaps, or the association broke.
 */
bool dicom_scu_ask_commitment(struct dicom_scu *scu, const char *transaction_uid,
                              const struct dicom_reference_pair *items, size_t count, struct err *err);
/*
 * Waits for the report of a commitment on the same association, and answers it. *out_came false: none came in this time. ERR_TEMPORARY: the
 * peer ended the association, so that none will come here. *out: dicom_commitment_told_fini().
 */
bool dicom_scu_await_commitment(struct dicom_scu *scu, int64_t wait_ms, bool *out_came,
                                struct dicom_commitment_told *out, struct err *err);

enum { DICOM_FOUND_MAX = 100000 };
typedef void dicom_found_instance(void *context, const char *sop_instance_uid);
/*
 * C-FIND at level IMAGE of the Study Root for the instances of a series; the same proposals with DICOM_STUDY_ROOT_FIND. At most DICOM_FOUND_MAX
 * answers are heard. ERR_REFUSED: the peer does not answer such questions; ERR_TEMPORARY: not now.
 */
bool dicom_scu_find_instances(struct dicom_scu *scu, const char *study_instance_uid, const char *series_instance_uid,
                              dicom_found_instance *each, void *context, struct err *err);

/*
 * N-EVENT-REPORT of a commitment on an association of its own, in which we are the provider (PS3.7 section D.3.3.4). *dimse_status is the
 * peer's answer. Errors as of dicom_echo(); ERR_UNKNOWN_OUTCOME: sent, and no answer came.
 */
bool dicom_report_commitment(const struct dicom_destination *destination, const struct dicom_commitment_result *result,
                             uint16_t *dimse_status, struct err *err);

/* ---- datasets --------------------------------------------------------------------------------------------------- */

/* Preamble and file meta information (PS3.10 section 7.1) that goes in front of a dataset as received. *out is the caller's, free(3). */
bool dicom_meta_header(const char *sop_class_uid, const char *sop_instance_uid, const char *transfer_syntax_uid,
                       const char *source_ae, uint8_t **out, size_t *out_length, struct err *err);

/* Verdict on the character set of a dataset: what was declared, what the bytes are. */
enum dicom_charset_verdict {
	DICOM_CHARSET_AS_DECLARED,
	DICOM_CHARSET_ASCII,     /* nothing but ASCII: any declaration is right */
	DICOM_CHARSET_DETECTED,  /* the declaration is wrong or missing, the bytes read well as charset_used */
	DICOM_CHARSET_BY_DEVICE, /* the bytes do not decide: read in the set that is registered for the device */
	DICOM_CHARSET_UNDECIDED  /* kept, unreadable characters replaced by U+FFFD */
};

/* What was asked for: an item of the Request Attributes Sequence (0040,0275). */
enum { DICOM_REQUESTS_MAX = 8 };
struct dicom_request_attributes {
	char step_id[65], procedure_id[65];
};

/*
 * Text fields are UTF-8, blanks trimmed, cut to the buffer; empty when absent. Dates and times as text, as they came. UIDs are not checked; one
 * of more than 64 characters is "?". Of the items of a sequence further ones than there is room for are left out.
 */
struct dicom_fields {
	char sop_class_uid[DICOM_UID_SIZE], sop_instance_uid[DICOM_UID_SIZE];
	char study_instance_uid[DICOM_UID_SIZE], series_instance_uid[DICOM_UID_SIZE];
	char transfer_syntax_uid[DICOM_UID_SIZE];
	char patient_name[400]; /* PN with its groups, "ZHANG^SAN=张^三" */
	char patient_id[200], issuer_of_patient_id[200], other_patient_ids[400];
	char patient_sex[17], patient_birth_date[33], patient_age[33];
	char accession_number[65], study_id[65], referring_physician[400];
	char study_date[33], study_time[33], acquisition_date[33], acquisition_time[33], content_date[33],
	    content_time[33];
	char study_description[400], series_description[400], protocol_name[400], body_part[65], laterality[17];
	char modality[17], manufacturer[200], model[200], station_name[65], device_serial[200], institution[400];
	char operators_name[400], view_position[65];
	char performed_date[33], performed_time[33]; /* when the performed procedure step began */
	struct dicom_request_attributes request_attributes[DICOM_REQUESTS_MAX];
	int32_t series_number, instance_number, rows, columns, frames; /* -1: absent or no number */
	bool has_pixels, has_study;
	char charset_declared[129], charset_used[33];
	enum dicom_charset_verdict charset_verdict;
};

/*
 * Reads the fields of a part 10 file without its pixel data and walks the element structure to the end.
 * Bounded in nesting, element count and inflated size. Truncated or lying bytes: ERR_INVALID; nothing is decoded.
 */
bool dicom_read_fields(const char *path, struct dicom_fields *out, struct err *err);

/* The bytes of a part 10 file, wherever they lie. *out_length is less than length only at the end. */
struct dicom_bytes {
	bool (*read_at)(void *context, uint64_t offset, void *out, size_t length, size_t *out_length, struct err *err);
	void *context;
	uint64_t size;
};
bool dicom_read_fields_of(const struct dicom_bytes *bytes, struct dicom_fields *out, struct err *err);
/* charset: of the device that sent them, for when the bytes do not decide; "": not known. */
bool dicom_read_fields_for(const struct dicom_bytes *bytes, const char *charset, struct dicom_fields *out,
                           struct err *err);

/*
 * The objects that an object is about: each Referenced SOP Instance UID (0008,1155) of its sequences, at any depth, in their order; not what names
 * a study, a step, a patient or an order. "?": no UID. Bounds and errors as of dicom_read_fields(), and more than DICOM_REFERRED_MAX
 * are ERR_INVALID. *out: dicom_references_fini().
 */
enum { DICOM_REFERRED_MAX = 50000 };
struct dicom_references {
	char (*uids)[DICOM_UID_SIZE];
	size_t count;
};
bool dicom_read_references(const struct dicom_bytes *bytes, struct dicom_references *out, struct err *err);
void dicom_references_fini(struct dicom_references *references);

/* True for the storage SOP classes in DCMTK's table, incl. those without patient (hanging protocol, colour palette, ...). */
bool dicom_is_storage_sop_class(const char *uid);
bool dicom_is_patient_sop_class(const char *uid); /* the object belongs to a study */
/* A storage SOP class, or with accept_unknown one that no table has: private, or newer. Never one of another DICOM service. */
bool dicom_takes_sop_class(const char *uid, bool accept_unknown);
const char *dicom_uid_name(const char *uid); /* borrowed, "" when unknown */
/* An attribute by its keyword (PS3.6) or its tag in eight hexadecimal digits: 0xGGGGEEEE. False: no attribute is written so. */
bool dicom_attribute(const char *text, uint32_t *out);

/* ---- rendering (PS3.18 section 8.3.5) ------------------------------------------------------------------------------ */

enum dicom_media { DICOM_MEDIA_JPEG, DICOM_MEDIA_PNG };
enum dicom_window { DICOM_WINDOW_LINEAR, DICOM_WINDOW_LINEAR_EXACT, DICOM_WINDOW_SIGMOID }; /* PS3.3 C.11.2.1.2, .3 */
struct dicom_render {
	int frame;                 /* 1.. */
	int width_max, height_max; /* 0: as it is; keeps the aspect ratio, and nothing is made larger */
	int left, top, region_width, region_height; /* what is shown of it; a width or height of 0: up to the edge */
	bool is_mirrored, is_upside_down;
	bool has_window;
	double window_center, window_width; /* else the object's first window, else the full range */
	enum dicom_window window_function;
	enum dicom_media media;
	int quality; /* JPEG, 1..100 */
};
/* Bounded in pixels. ERR_INVALID when it has no such frame or region, or the transfer syntax cannot be decoded here. *out: free(3). */
bool dicom_render(const char *path, const struct dicom_render *how, uint8_t **out, size_t *out_length, struct err *err);
/* Grey pixels, row by row, as such a picture. *out: free(3). */
bool dicom_draw(const uint8_t *pixels, uint32_t width, uint32_t height, enum dicom_media media, int quality,
                uint8_t **out, size_t *out_length, struct err *err);

/* ---- two objects under one SOP Instance UID ------------------------------------------------------------------------ */

/* What became of a comparison; dicom_likeness_name() is what the ledger keeps as the reason. */
enum dicom_likeness {
	DICOM_LIKENESS_SAME,        /* equal after decoding; only how they are coded differs */
	DICOM_LIKENESS_HEADER,      /* a field differs that says something about patient, acquisition or picture */
	DICOM_LIKENESS_PIXELS,      /* the decoded pixels differ */
	DICOM_LIKENESS_LOSSY,       /* one was compressed with loss, and not in the same bytes */
	DICOM_LIKENESS_UNDECODABLE, /* the pixels cannot be decoded here */
	DICOM_LIKENESS_TOO_LARGE,   /* beyond the limits */
	DICOM_LIKENESS_UNREADABLE,  /* one is no dataset that can be read */
	DICOM_LIKENESS_LATE,        /* the time ran out */
	DICOM_LIKENESS_COUNT
};
const char *dicom_likeness_name(enum dicom_likeness likeness); /* "same", "header", ... */

struct dicom_compare_limits {
	uint64_t bytes_max; /* of each file, and of its decoded pixels */
	int64_t time_ms;    /* looked at between two frames */
};
/*
 * Are two part 10 files the same object, coded anew? Left out: meta header, transfer syntax, lossless encapsulation, group lengths,
 * padding, character set and byte order of equal texts, and what stations on the way note of themselves (derivation, retrieve AE title, file-set,
 * contributing equipment). Everything else decides, private fields too. The memory of one frame. False: a file could not be opened.
 */
bool dicom_compare(const char *path, const char *other_path, const struct dicom_compare_limits *limits,
                   enum dicom_likeness *out, struct err *err);

/* One field of a header, for people. Texts are UTF-8 by the character set of the bytes, borrowed during the call. */
struct dicom_header_field {
	const char *tag;   /* "(0010,0010)", in a sequence "(0040,0275)[1](0008,0100)" */
	const char *name;  /* of the data dictionary, in English; empty when private or unknown */
	const char *value; /* cut to HEADER_VALUE_MAX bytes; binary values as their length. NULL: absent */
	const char *other; /* of the other object; only from dicom_header_differences() */
	bool is_technical; /* does not count in dicom_compare() */
};
enum { DICOM_HEADER_VALUE_MAX = 400, DICOM_HEADER_FIELDS_MAX = 1000 };
typedef void dicom_header_each(void *context, const struct dicom_header_field *field);
/*
 * At most max fields in their order, items of sequences too, without the pixels; *out_count is how many there are. ERR_INVALID when it is no
 * dataset, or has more than 100,000 elements.
 */
bool dicom_header_fields(const char *path, size_t max, dicom_header_each *each, void *context, size_t *out_count,
                         struct err *err);
/* The fields in which two differ. */
bool dicom_header_differences(const char *path, const char *other_path, size_t max, dicom_header_each *each,
                              void *context, size_t *out_count, struct err *err);

/* ---- the JSON model (PS3.18 annex F) ------------------------------------------------------------------------------- */

struct dicom_json_options {
	const uint32_t *left_out; /* tags of the data set itself that the caller writes: 0xGGGGEEEE */
	size_t left_out_count;
	const char *charset; /* of the device, for when the bytes do not decide; "": not known */
};
/*
 * Appends the members of the data set of a part 10 file, without the braces around them. Texts are UTF-8 by the character set of the bytes. Pixels,
 * binary values of more than 1 KiB and texts of more than 64 KiB stand as "BulkDataURI":"@/bulkdata/PATH", PATH being the tag, or in a sequence
 * TAG.ITEM.TAG; no other place of the output has the characters "BulkDataURI":"@. ERR_INVALID: no data set, or beyond the limits of out.
 */
struct text_buf;
bool dicom_json(const char *path, const struct dicom_json_options *options, struct text_buf *out, struct err *err);

/* ---- frames and values ------------------------------------------------------------------------------------------------ */

/*
 * The frames of a part 10 file, one at a time, in the memory of some; one thread at a time. The file stays readable under path until it is closed.
 * ERR_NOT_FOUND: no pixels; ERR_INVALID: what the pixels are cannot be told.
 */
struct dicom_frames;
bool dicom_frames_open(const char *path, struct dicom_frames **out, struct err *err);
/*
 * Frame 1.. . syntax NULL: as stored, cut out of native pixels (little endian), or its fragments joined; DICOM_EXPLICIT: the pixels; another one that
 * dicom_can_transcode() has: coded anew, without loss. ERR_NOT_FOUND: no such frame; ERR_INVALID: it cannot be read or decoded here; ERR_REFUSED: pixels
 * of this kind are not coded so. *out: free(3).
 */
bool dicom_frames_read(struct dicom_frames *frames, int frame, const char *syntax, uint8_t **out, size_t *out_length,
                       struct err *err);
void dicom_frames_close(struct dicom_frames *frames); /* NULL is fine */

/* Whether a transfer syntax is one of films (MPEG-2, MPEG-4, HEVC), whose pictures are no frames to be had alone. */
bool dicom_is_film(const char *transfer_syntax_uid);
/* Where in a part 10 file the MP4 file of a film lies. ERR_INVALID: it is no film, or one that is kept otherwise; the text says why. */
bool dicom_film_find(const char *path, uint64_t *out_offset, uint64_t *out_length, struct err *err);

/*
 * The value that dicom_json() named in a BulkDataURI with the same options: little endian, texts in UTF-8, fragments joined. ERR_NOT_FOUND: nothing is
 * named so. *out: free(3).
 */
bool dicom_value(const char *path, const struct dicom_json_options *options, const char *value, uint8_t **out,
                 size_t *out_length, struct err *err);

/* ---- report objects ---------------------------------------------------------------------------------------------- */

struct dicom_reference {
	const char *sop_class_uid, *sop_instance_uid, *series_instance_uid;
};

/* What SR and Encapsulated PDF of one report version say. UTF-8, borrowed. Written as ISO_IR 192. */
struct dicom_report {
	const char *sop_instance_uid, *series_instance_uid; /* ours, 2.25. */
	int series_number, instance_number;
	const char *study_instance_uid, *study_id, *accession_number, *study_date, *study_time, *referring_physician,
	    *study_description;
	const char *patient_name, *patient_id, *issuer_of_patient_id, *patient_birth_date,
	    *patient_sex;                                            /* as the study has them */
	const char *title;                                           /* "CT胸部平扫诊断报告" */
	const char *issuer_institution;                              /* 诊断机构 */
	const char *performer_institution;                           /* 检查机构 */
	const char *method, *findings, *impression, *recommendation; /* empty: no such section */
	const char *author_name, *reviewer_name;                     /* PN; verifying observer is the last signer */
	int64_t written_us, verified_us;
	int version;
	const char *predecessor_sop_instance_uid, *predecessor_sop_class_uid,
	    *predecessor_series_instance_uid; /* of the version it corrects, or NULL */
	const struct dicom_reference *evidence;
	size_t evidence_count;
};
/*
 * Basic Text SR, PS3.16 TID 2000 shape, complete and verified (PS3.3 C.17.2), to a new file; fails when path exists.
 * sign is called on the finished dataset as the last step before writing (the slot of the DICOM digital signature, PS3.15 annex C) and may be NULL.
 */
struct dicom_signing; /* the dataset being signed; what libdcmdsig needs lives behind it */
typedef bool dicom_sign_report(void *context, struct dicom_signing *signing, struct err *err);
bool dicom_report_sr_write(const struct dicom_report *report, const char *path, dicom_sign_report *sign, void *context,
                           struct err *err);
/* Encapsulated PDF Storage (PS3.3 A.45.1) around the bytes, unchanged. Fails when path exists. */
bool dicom_report_pdf_write(const struct dicom_report *report, const void *pdf, size_t pdf_length, const char *path,
                            struct err *err);
/* Adds an RSA or ECDSA digital signature with the "SR RSA / verification" profile of PS3.15 C.4 over the dataset. PEM, borrowed. */
bool dicom_sign_with_key(struct dicom_signing *signing, const char *private_key_pem, const char *certificate_pem,
                         struct err *err);
/* The Encapsulated Document of a part 10 file; *out: free(3). */
bool dicom_pdf_extract(const char *path, uint8_t **out, size_t *out_length, struct err *err);

#ifdef __cplusplus
}
#endif
#endif
