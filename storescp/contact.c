#include "storescp/contact.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

/* Beyond it the oldest hour of a device is added to the newer one: a count on the wrong day beats unbounded memory. */
enum { CONTACTS_MAX = 50000, ERROR_SIZE = 160 };
static const int64_t hour_us = INT64_C(3600) * 1000000;

struct contact {
	char device[TEXT_UUID_SIZE];
	int64_t hour, last_us;
	int64_t counts[CONTACT_KIND_COUNT];
	char error[ERROR_SIZE];
};

struct contacts {
	pthread_mutex_t lock;
	struct contact *list;
	size_t count, capacity;
};

struct contacts *contacts_new(void)
{
	struct contacts *contacts = calloc(1, sizeof *contacts);

	if (contacts == NULL)
		err_panic("out of memory");
	pthread_mutex_init(&contacts->lock, NULL);
	return contacts;
}

void contacts_free(struct contacts *contacts)
{
	if (contacts == NULL)
		return;
	pthread_mutex_destroy(&contacts->lock);
	free(contacts->list);
	free(contacts);
}

static struct contact *append(struct contacts *contacts)
{
	if (contacts->count == contacts->capacity) {
		size_t capacity = contacts->capacity > 0 ? contacts->capacity * 2 : 32;
		struct contact *list = reallocarray(contacts->list, capacity, sizeof *list);

		if (list == NULL)
			err_panic("out of memory");
		contacts->list = list;
		contacts->capacity = capacity;
	}
	return &contacts->list[contacts->count++];
}

/* Newest first, since the running hour is what is asked for. */
static struct contact *find(struct contacts *contacts, const char *device, int64_t hour)
{
	bool is_full = contacts->count >= CONTACTS_MAX;

	for (size_t i = contacts->count; i > 0; i--) {
		struct contact *contact = &contacts->list[i - 1];

		if ((contact->hour == hour || is_full) && strcmp(contact->device, device) == 0)
			return contact;
	}
	return NULL;
}

static struct contact *find_or_append(struct contacts *contacts, const char *device, int64_t now)
{
	struct contact *contact = find(contacts, device, now / hour_us);

	if (contact != NULL)
		return contact;
	contact = append(contacts);
	*contact = (struct contact){.hour = now / hour_us};
	(void)text_copy(contact->device, sizeof contact->device, device);
	return contact;
}

void contacts_note(struct contacts *contacts, const char *device, enum contact_kind kind, const char *error)
{
	int64_t now = clock_wall_us();
	struct contact *contact;

	pthread_mutex_lock(&contacts->lock);
	contact = find_or_append(contacts, device, now);
	contact->counts[kind]++;
	contact->last_us = now;
	if (error != NULL)
		(void)text_copy(contact->error, sizeof contact->error, error);
	pthread_mutex_unlock(&contacts->lock);
}

static bool write_one(struct db *db, const struct contact *contact, const char *zone, struct err *err)
{
	return db_exec(db, STMT_CONTACT_ADD,
	               DB_PARAMS(db_text(contact->device), db_text(zone), db_int(contact->counts[CONTACT_ECHO]),
	                         db_int(contact->counts[CONTACT_ASSOCIATION]), db_int(contact->counts[CONTACT_REFUSED]),
	                         db_time(contact->last_us), db_text(contact->error)),
	               NULL, err);
}

/* Back under the lock; newer ones may have come meanwhile. */
static void put_back(struct contacts *contacts, const struct contact *left, size_t count)
{
	pthread_mutex_lock(&contacts->lock);
	for (size_t i = 0; i < count; i++) {
		struct contact *contact = find(contacts, left[i].device, left[i].hour);

		if (contact == NULL) {
			*append(contacts) = left[i];
			continue;
		}
		for (int kind = 0; kind < CONTACT_KIND_COUNT; kind++)
			contact->counts[kind] += left[i].counts[kind];
		if (contact->error[0] == '\0')
			memcpy(contact->error, left[i].error, sizeof contact->error);
	}
	pthread_mutex_unlock(&contacts->lock);
}

bool contacts_flush(struct contacts *contacts, struct db_pool *pool, const char *zone, struct err *err)
{
	struct contact *list;
	struct db *db = NULL;
	size_t count, done = 0;
	bool ok;

	pthread_mutex_lock(&contacts->lock);
	list = contacts->list;
	count = contacts->count;
	contacts->list = NULL;
	contacts->count = contacts->capacity = 0;
	pthread_mutex_unlock(&contacts->lock);
	ok = count == 0 || db_take(pool, &db, err);
	while (ok && done < count) {
		ok = write_one(db, &list[done], zone, err);
		done += ok;
	}
	db_give(db);
	put_back(contacts, list + done, count - done);
	free(list);
	return ok;
}
