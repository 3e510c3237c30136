#include "storescp/rejection.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/text.h"

struct kind {
	struct dicom_peer peer;
	char reason[32];
	int64_t since_ms, repeated;
};

struct rejections {
	pthread_mutex_t lock;
	size_t count;
	struct kind kinds[REJECTION_KINDS_MAX];
};

struct rejections *rejections_new(void)
{
	struct rejections *rejections = calloc(1, sizeof *rejections);

	if (rejections == NULL)
		err_panic("out of memory");
	pthread_mutex_init(&rejections->lock, NULL);
	return rejections;
}

void rejections_free(struct rejections *rejections)
{
	if (rejections == NULL)
		return;
	pthread_mutex_destroy(&rejections->lock);
	free(rejections);
}

static struct kind *find(struct rejections *rejections, const struct dicom_peer *peer, const char *reason)
{
	for (size_t i = 0; i < rejections->count; i++) {
		struct kind *kind = &rejections->kinds[i];

		if (strcmp(kind->peer.calling_ae, peer->calling_ae) == 0 &&
		    strcmp(kind->peer.called_ae, peer->called_ae) == 0 &&
		    strcmp(kind->peer.address, peer->address) == 0 && strcmp(kind->reason, reason) == 0)
			return kind;
	}
	return NULL;
}

static void fill(struct rejection_due *out, const struct dicom_peer *peer, const char *reason, int64_t repeated)
{
	*out = (struct rejection_due){.peer = *peer, .repeated = repeated};
	(void)text_copy(out->reason, sizeof out->reason, reason);
}

/* A full table writes every newcomer: better too much on record than too little. */
static bool note(struct rejections *rejections, const struct dicom_peer *peer, const char *reason, int64_t now_ms,
                 struct rejection_due *out)
{
	struct kind *kind = find(rejections, peer, reason);

	if (kind != NULL && now_ms - kind->since_ms < REJECTION_WINDOW_MS) {
		kind->repeated++;
		return false;
	}
	fill(out, peer, reason, kind != NULL ? kind->repeated : 0);
	if (kind == NULL && rejections->count < REJECTION_KINDS_MAX)
		kind = &rejections->kinds[rejections->count++];
	if (kind != NULL) {
		*kind = (struct kind){.peer = *peer, .since_ms = now_ms};
		(void)text_copy(kind->reason, sizeof kind->reason, reason);
	}
	return true;
}

bool rejections_note(struct rejections *rejections, const struct dicom_peer *peer, const char *reason, int64_t now_ms,
                     struct rejection_due *out)
{
	bool is_due;

	pthread_mutex_lock(&rejections->lock);
	is_due = note(rejections, peer, reason, now_ms, out);
	pthread_mutex_unlock(&rejections->lock);
	return is_due;
}

bool rejections_take(struct rejections *rejections, int64_t now_ms, bool everything, struct rejection_due *out)
{
	bool is_due = false;

	pthread_mutex_lock(&rejections->lock);
	for (size_t i = 0; i < rejections->count && !is_due;) {
		struct kind *kind = &rejections->kinds[i];

		if (!everything && now_ms - kind->since_ms < REJECTION_WINDOW_MS) {
			i++;
			continue;
		}
		is_due = kind->repeated > 0;
		if (is_due) /* the record stands for one of them, and counts the others */
			fill(out, &kind->peer, kind->reason, kind->repeated - 1);
		*kind = rejections->kinds[--rejections->count];
	}
	pthread_mutex_unlock(&rejections->lock);
	return is_due;
}

static char *detail_of(const struct rejection_due *due)
{
	json_t *detail =
	    json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:I}", "calling_ae", due->peer.calling_ae, "called_ae",
	              due->peer.called_ae, "address", due->peer.address, "local_port", (int)due->peer.local_port, "tls",
	              due->peer.tls, "certificate", due->peer.certificate_sha256, "reason", due->reason, "repeated",
	              (json_int_t)due->repeated);
	char *text = detail != NULL ? json_dumps(detail, JSON_COMPACT) : NULL;

	if (text == NULL)
		err_panic("out of memory");
	json_decref(detail);
	return text;
}

void rejection_write(struct audit *audit, const struct rejection_due *due)
{
	struct audit_fact fact = {.action = "association.reject", .actor_kind = "unknown", .outcome = "refused"};
	char *detail = detail_of(due);
	struct text_buf actor;
	struct err err;

	log_warning(LOG_ASSOCIATION_REJECTED, "calling_ae=%s called_ae=%s address=%s reason=%s repeated=%lld",
	            due->peer.calling_ae, due->peer.called_ae, due->peer.address, due->reason,
	            (long long)due->repeated);
	text_buf_init(&actor, AUDIT_TEXT_MAX);
	if (!text_buf_printf(&actor, "%s@%s", due->peer.calling_ae, due->peer.address))
		err_panic("an AE title and address of more than %d bytes", AUDIT_TEXT_MAX);
	fact.actor = actor.data;
	fact.detail = detail;
	if (!audit_record(audit, &fact, &err))
		log_err(LOG_PROGRAM_FAILED, &err, "what=%s", "audit");
	text_buf_fini(&actor);
	free(detail);
}
