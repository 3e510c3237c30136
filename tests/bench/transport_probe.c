/*
 * A transport alone, without the router's judgement: sends or asks for the next delivery that is due at a destination, once, and says as JSON
 * what the transport said. Nothing of it is settled in the ledger.
 *
 * usage: transport_probe send|verify|test DESTINATION        (public id; settings as every program takes them)
 */
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/delivery.h"
#include "lib/domain/delivery_lane.h"
#include "lib/domain/destination_settings.h"
#include "lib/store/store.h"
#include "lib/transport/transport.h"

enum { LEASE_MS = 600000 };

struct probe {
	struct db_pool *pool;
	struct store *store;
	struct destination_settings *to;
	const struct transport *transport;
	struct delivery_job *job;
	pthread_mutex_t lock;
	json_t *items;
};

static bool go_on(void *context, uint64_t size_bytes)
{
	(void)context;
	return size_bytes > 0;
}

static bool item_done(void *context, size_t index, enum dicom_sent sent, uint16_t status, const char *comment)
{
	static const char *const names[] = {"answered", "no_context", "unreadable", "unknown"};
	struct probe *probe = context;

	pthread_mutex_lock(&probe->lock);
	json_array_append_new(probe->items,
	                      json_pack("{s:s, s:s, s:i, s:s}", "sop", probe->job->items[index].sop_instance_uid,
	                                "sent", names[sent], "status", (int)status, "comment", comment ? comment : ""));
	pthread_mutex_unlock(&probe->lock);
	return true;
}

static struct transport_call call_of(struct probe *probe)
{
	struct transport_call call = {.pool = probe->pool,
	                              .store = probe->store,
	                              .job = probe->job,
	                              .to = probe->to,
	                              .go_on = go_on,
	                              .item_done = item_done,
	                              .context = probe};

	return call;
}

static json_t *outcome(bool ok, const struct err *err)
{
	return json_pack("{s:b, s:s, s:s}", "ok", ok, "kind", ok ? "" : err_kind_info(err->kind)->name, "text",
	                 ok ? "" : err->text);
}

static json_t *send_objects(struct probe *probe)
{
	struct transport_call call = call_of(probe);
	struct err err = {0};
	json_t *said;

	probe->items = json_array();
	said = outcome(probe->transport->send(&call, &err), &err);
	json_object_set_new(said, "items", probe->items);
	return said;
}

static json_t *verify_objects(struct probe *probe)
{
	static const char *const names[] = {"none", "answers", "query", "commitment"};
	struct transport_call call = call_of(probe);
	struct transport_verdict verdict = {.is_held = calloc(probe->job->item_count + 1, sizeof(bool))};
	struct err err = {0};
	json_t *said = outcome(probe->transport->verify(&call, &verdict, &err), &err), *held = json_array();

	for (size_t i = 0; i < probe->job->item_count; i++)
		if (verdict.is_held[i])
			json_array_append_new(held, json_string(probe->job->items[i].sop_instance_uid));
	json_object_set_new(said, "proof", json_string(names[verdict.proof]));
	json_object_set_new(said, "count", json_integer((json_int_t)verdict.held));
	json_object_set_new(said, "held", held);
	free(verdict.is_held);
	return said;
}

static json_t *test_way(struct probe *probe)
{
	struct transport_step steps[TRANSPORT_STEPS_MAX];
	json_t *said = json_array();
	int count = probe->transport->test(probe->to, steps);

	for (int i = 0; i < count; i++)
		json_array_append_new(said, json_pack("{s:s, s:b, s:s}", "name", steps[i].name, "is_ok", steps[i].is_ok,
		                                      "text", steps[i].text));
	return said;
}

static bool open_all(struct probe *probe, const char *destination, struct err *err)
{
	struct db *db;
	bool ok;

	pthread_mutex_init(&probe->lock, NULL);
	if (!clock_init(err) || !conf_load(err) || !dicom_init(err) ||
	    !db_pool_new("yq_router", "probe", 4, &probe->pool, err) ||
	    !store_open(conf_text(CONF_STORE), &probe->store, err) || !db_take(probe->pool, &db, err))
		return false;
	ok = destination_settings_load(db, destination, &probe->to, err);
	db_give(db);
	probe->transport = ok ? transport_find(probe->to->protocol) : NULL;
	return ok;
}

static bool claim(struct probe *probe, const char *destination, struct err *err)
{
	char worker[TEXT_UUID_SIZE];

	text_uuid_new(worker);
	if (!delivery_claim(probe->pool, destination, worker, LEASE_MS, DELIVERY_RANKS - 1, &probe->job, err))
		return false;
	return probe->job || err_set(err, ERR_NOT_FOUND, "cannot find anything that is due there");
}

int main(int argc, char **argv)
{
	struct probe probe = {0};
	struct err err = {0};
	json_t *said;

	if (argc != 3)
		return 2;
	if (!open_all(&probe, argv[2], &err) || (strcmp(argv[1], "test") != 0 && !claim(&probe, argv[2], &err))) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	said = strcmp(argv[1], "send") == 0     ? send_objects(&probe)
	       : strcmp(argv[1], "verify") == 0 ? verify_objects(&probe)
	                                        : test_way(&probe);
	json_dumpf(said, stdout, JSON_INDENT(1));
	puts("");
	json_decref(said);
	delivery_job_free(probe.job);
	destination_settings_free(probe.to);
	store_close(probe.store);
	db_pool_free(probe.pool);
	return 0;
}
