#include "tests/fuzz/support/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/accept.h"
#include "gateway/dicomweb_ignored.h"
#include "gateway/dicomweb_keys.h"
#include "gateway/input.h"
#include "gateway/workitems.h"
#include "lib/base/log.h"
#include "lib/domain/report.h"
#include "lib/domain/request.h"
#include "tests/fuzz/support/fuzz.h"

/* A request that wants more than came is left alone after this; what the server does with it then is tested elsewhere. */
enum { SILENCE_MS = 50 };

static bool reply_nothing(struct http_request *request, struct err *err)
{
	return http_reply_empty(request, 204, err);
}

static bool login(struct http_request *request, void *context, struct err *err)
{
	const char *account, *password;
	json_t *body;

	(void)context;
	return http_body_json(request, &body, err) && input_text(body, "account", 256, true, &account, err) &&
	       input_text(body, "password", 1024, true, &password, err) && reply_nothing(request, err);
}

/* As the form of a registration is read, member by member. */
static bool read_form(const json_t *body, struct request_form *form, struct err *err)
{
	const struct {
		const char *name, **to;
	} members[] = {
	    {"name", &form->name},
	    {"birth_date", &form->birth_date},
	    {"age_text", &form->age_text},
	    {"patient_id", &form->patient_id},
	    {"document", &form->document},
	    {"phone", &form->phone},
	    {"department", &form->department},
	    {"item_code_id", &form->item_code_id},
	    {"modality", &form->modality},
	    {"body_part", &form->body_part},
	    {"laterality", &form->laterality},
	    {"purpose", &form->purpose},
	    {"history", &form->history},
	};

	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (!input_text(body, members[i].name, REQUEST_TEXT_MAX, false, members[i].to, err))
			return false;
	return input_id(body, "site_id", false, &form->site_id, err) &&
	       input_word(body, "sex", "M F O", true, &form->sex, err) &&
	       input_word(body, "patient_class", "emergency outpatient inpatient health_check", true,
	                  &form->patient_class, err);
}

static bool register_request(struct http_request *request, void *context, struct err *err)
{
	struct request_form form = {0};
	struct request_facts facts;
	json_t *body;

	(void)context;
	if (!http_body_json(request, &body, err) || !read_form(body, &form, err) ||
	    !request_check(&form, "2026-11-28", &facts, err))
		return false;
	FUZZ_CLAIM(memchr(facts.name, '\0', sizeof facts.name) && facts.name[0], "a name that is none");
	return http_reply_json(request, 200, json_pack("{s:s,s:s}", "name", facts.name, "birth", facts.birth_date),
	                       err);
}

static bool draft(struct http_request *request, void *context, struct err *err)
{
	struct report_body report;
	const char *task, *token;
	json_t *body;
	int revision;

	(void)context;
	return input_path_id(request, "task", &task, err) && http_body_json(request, &body, err) &&
	       input_id(body, "lease_token", true, &token, err) &&
	       input_int(body, "revision", 0, 1000000, &revision, err) &&
	       report_body_from_json(json_object_get(body, "body"), &report, err) && reply_nothing(request, err);
}

static bool match(struct http_request *request, void *context, struct err *err)
{
	const char *study, *to, *reason;
	json_t *body;

	(void)context;
	return input_path_uid(request, "study", &study, err) && http_body_json(request, &body, err) &&
	       input_id(body, "request_id", true, &to, err) &&
	       input_text(body, "reason", REQUEST_REASON_MAX, false, &reason, err) &&
	       http_reply_json(request, 200, json_incref(body), err);
}

static bool list(struct http_request *request, void *context, struct err *err)
{
	const char *day, *text, *code, *word, *id, *ids[4];
	char *copy = NULL;
	size_t count = 0;
	int limit;
	bool ok = input_query_day(request, "day", &day, err) && input_query_text(request, "q", 40, &text, err) &&
	          input_query_code(request, "modality", &code, err) && input_query_id(request, "site", &id, err) &&
	          input_query_word(request, "state", "waiting matched", &word, err) &&
	          input_query_int(request, "limit", 1, 500, 50, &limit, err) &&
	          input_query_ids(request, "ids", ids, 4, &count, &copy, err);

	(void)context;
	free(copy);
	return ok &&
	       (http_has_tag(request, "\"1\"")
	            ? http_reply_empty(request, 304, err)
	            : http_reply_json(request, 200,
	                              json_pack("{s:i,s:i,s:s?}", "limit", limit, "ids", (int)count, "q", text), err));
}

/* What LIKE is given of a value: every backslash in front of something that means something to it. */
static bool is_pattern(const char *text)
{
	for (; *text; text++)
		if (*text == '\\' && *++text != '%' && *text != '_' && *text != '\\')
			return false;
	return true;
}

/* So many digits, or open. */
static bool is_end(const char *end, size_t digits)
{
	return strlen(end) == strspn(end, "0123456789") && (strlen(end) == digits || !*end);
}

/* Keys of QIDO-RS, and what the answer may be. */
static bool search(struct http_request *request, void *context, struct err *err)
{
	static const struct accept_offer offer = {"multipart/related", "application/dicom", "1.2.840.10008.1.2.1"};
	const char *texts = http_header(request, "Accept");
	struct accept accept;
	static const struct dicomweb_item_key step = {"RequestAttributesSequence", "00400275",
	                                              "ScheduledProcedureStepID", "00400009"};
	struct dicomweb_pattern name, id, item;
	struct dicomweb_range days, times;
	struct dicomweb_window window;
	struct dicomweb_list uids, codes;

	(void)context;
	if (!dicomweb_key_pattern(request, "PatientName", "00100010", &name, err) ||
	    !dicomweb_key_pattern(request, "PatientID", "00100020", &id, err) ||
	    !dicomweb_key_list(request, "StudyInstanceUID", "0020000D", &uids, err) ||
	    !dicomweb_key_codes(request, "Modality", "00080060", &codes, err) ||
	    !dicomweb_key_item(request, &step, &item, err) ||
	    !dicomweb_key_days(request, "StudyDate", "00080020", &days, err) ||
	    !dicomweb_key_times(request, "StudyTime", "00080030", &times, err) ||
	    !dicomweb_check_fields(request, err) || !dicomweb_key_window(request, &window, err) ||
	    !accept_parse(texts, &accept, err) ||
	    !dicomweb_warn_of_ignored(request, " PatientName PatientID ", NULL, err))
		return false;
	FUZZ_CLAIM(!item.is_set || is_pattern(item.text), "a pattern of an item that ends amid an escape");
	FUZZ_CLAIM(is_end(days.from, 8) && is_end(days.to, 8) && is_end(times.from, 12) && is_end(times.to, 12),
	           "an end of a range that is no day or time");
	FUZZ_CLAIM(!name.is_set || is_pattern(name.text), "a pattern that ends amid an escape");
	FUZZ_CLAIM(uids.count <= DICOMWEB_LIST_MAX && codes.count <= DICOMWEB_LIST_MAX && accept.count >= 0 &&
	               accept.count <= ACCEPT_RANGES_MAX && accept.refused_count <= ACCEPT_RANGES_MAX,
	           "more than there is room for");
	for (size_t i = 0; i < codes.count; i++)
		FUZZ_CLAIM(codes.items[i][0] != '\0' && is_pattern(codes.items[i]), "a code that ends amid an escape");
	for (int i = 0; i < accept.count; i++)
		FUZZ_CLAIM(accept.taken[i].weight > 0 && accept.taken[i].weight <= 1 &&
		               (i == 0 || accept.taken[i].weight <= accept.taken[i - 1].weight),
		           "a weight that is none, or out of order");
	FUZZ_CLAIM(accept_weight(&accept, &offer) >= 0 && accept_weight(&accept, &offer) <= 1, "a weight beyond 1");
	return http_reply_json(request, 200,
	                       json_pack("{s:i,s:s?}", "limit", window.limit, "id", id.is_set ? id.text : NULL), err);
}

static bool is_moment(const char *digits, size_t least)
{
	return !digits ||
	       (strlen(digits) >= least && strlen(digits) <= 14 && digits[strspn(digits, "0123456789")] == '\0');
}

/* Keys of UPS-RS, beside each other or in a filter. */
static bool subscribe(struct http_request *request, void *context, struct err *err)
{
	json_t *keys;

	(void)context;
	if (!workitem_open_filter(request, err) || !workitem_filter(request, &keys, err))
		return false;
	FUZZ_CLAIM(is_moment(json_string_value(json_object_get(keys, "from")), 0) &&
	               is_moment(json_string_value(json_object_get(keys, "to")), 14),
	           "a moment that is none");
	return http_reply_json(request, 200, keys, err);
}

static const struct http_route routes[] = {
    {"POST", "/login", login, WEB_BODY_MAX, 0},
    {"POST", "/requests", register_request, WEB_BODY_MAX, 0},
    {"PUT", "/tasks/{task}/draft", draft, WEB_BODY_MAX, 0},
    {"POST", "/studies/{study}/match", match, WEB_BODY_MAX, 0},
    {"GET", "/list", list, 0, 0},
    {"GET", "/search", search, 0, 0},
    {"GET", "/workitems", subscribe, 0, 0},
};

static struct http_server *server;

static void stop(void)
{
	http_server_free(server);
}

static uint16_t port(void)
{
	struct http_settings settings = {
	    .address = "127.0.0.1", .threads = 1, .routes = routes, .route_count = sizeof routes / sizeof routes[0]};
	struct err err;

	if (!server) {
		log_init("fuzz", ERR_LOG_ERROR + 1);
		FUZZ_CLAIM(http_server_new(&settings, &server, &err), "no server");
		atexit(stop);
	}
	return http_server_port(server);
}

static int open_connection(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port())};
	struct linger reset = {1, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	FUZZ_CLAIM(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "no connection");
	/* So many connections would use up the ports. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	return fd;
}

static void send_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return; /* it has hung up; its answer says why */
		bytes += sent;
		length -= (size_t)sent;
	}
}

/* Up to the end, or to a silence. */
static size_t receive_all(int fd, bool says_more, char *out, size_t size)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	size_t have = 0;

	while (have < size) {
		ssize_t n;

		if (says_more && poll(&ready, 1, SILENCE_MS) == 0)
			break;
		n = recv(fd, out + have, size - have, 0);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		have += n > 0 ? (size_t)n : 0;
	}
	return have;
}

int web_ask(const char *bytes, size_t length, bool says_more)
{
	int fd = open_connection(), status;
	char answer[64 * 1024];
	size_t have;

	send_all(fd, bytes, length);
	if (says_more)
		shutdown(fd, SHUT_WR);
	have = receive_all(fd, says_more, answer, sizeof answer - 1);
	answer[have] = '\0';
	close(fd);
	if (have == 0)
		return 0;
	FUZZ_CLAIM(strncmp(answer, "HTTP/1.1 ", 9) == 0, "an answer that is no HTTP/1.1");
	status = (int)strtol(answer + 9, NULL, 10);
	FUZZ_CLAIM(status >= 100 && (status < 500 || status == 501 || status == 505),
	           "the server says that it is at fault");
	return status;
}
