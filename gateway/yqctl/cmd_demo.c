/* Seeds a demonstration. */
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/account.h"
#include "gateway/yqctl/demo.h"
#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/operator.h"
#include "lib/base/conf.h"
#include "lib/domain/defaults.h"
#include "lib/domain/destination.h"
#include "lib/domain/device.h"
#include "lib/domain/signer_ca.h"

#define DEMO_DEVICE "DEMO_DR"
#define DEMO_SITE "ts-shuibu"
#define DEMO_DESTINATION "DEMOSITE"

/* Calls each with every word of "a,b,c"; stops at the first false. */
static bool each_word(const char *words, bool (*each)(void *context, const char *word, struct err *err), void *context,
                      struct err *err)
{
	char word[64];
	size_t length;

	for (; words && *words; words += length + (words[length] == ',')) {
		length = strcspn(words, ",");
		snprintf(word, sizeof(word), "%.*s", (int)length, words);
		if (!each(context, word, err))
			return false;
	}
	return true;
}

struct seeding {
	struct db *db;
	const struct demo_person *person;
	int64_t scope_id;
};

static bool grant(void *context, const char *role, struct err *err)
{
	struct seeding *seeding = context;

	return staff_grant_role(seeding->db, seeding->person->account, role, seeding->scope_id, err);
}

static bool qualify(void *context, const char *kind, struct err *err)
{
	struct seeding *seeding = context;
	struct staff_qualification qualification = {
	    .account = seeding->person->account, .kind = kind, .scope_id = seeding->scope_id};

	return staff_qualify(seeding->db, &qualification, err);
}

/* A site by its code; a grid or community by its name, which a site may share: the wider one is meant. */
static bool find_scope(struct db *db, const char *text, int64_t *out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_DEMO_SCOPE, DB_PARAMS(db_text(text)), "a scope of the demonstration's roster", &rows,
	                 err))
		return false;
	*out = db_get_int(rows, 0, "scope_id");
	db_rows_free(rows);
	return true;
}

static bool is_there(struct db *db, const char *account, bool *out, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_STAFF_FIND, DB_PARAMS(db_text(account)), &rows, err))
		return false;
	*out = db_rows_count(rows) > 0;
	db_rows_free(rows);
	return true;
}

static bool add_person(struct db *db, const struct demo_person *person, const char *password, struct err *err)
{
	struct site site;
	struct staff_new staff = {.account = person->account,
	                          .name = person->name,
	                          .password = password,
	                          .site = &site,
	                          .title = person->title,
	                          .licence_number = person->licence};
	char id[TEXT_UUID_SIZE];

	return site_find(db, person->site, &site, err) && staff_add(db, &staff, id, err);
}

/* Whoever signs gets a certificate. */
static bool certify(struct db *db, const struct demo_person *person, struct err *err)
{
	struct account_certifying certifying = {.account = person->account};

	return !person->qualifications || account_certify(db, &certifying, err);
}

static bool seed_person(struct db *db, const struct demo_person *person, const char *password, bool set_password,
                        struct err *err)
{
	struct seeding seeding = {.db = db, .person = person};
	char id[TEXT_UUID_SIZE];
	bool exists;

	if (!is_there(db, person->account, &exists, err))
		return false;
	if (!exists ? !add_person(db, person, password, err)
	            : set_password && !staff_set_password(db, person->account, password, id, err))
		return false;
	for (int i = 0; person->scopes[i]; i++)
		if (!find_scope(db, person->scopes[i], &seeding.scope_id, err) ||
		    !each_word(person->roles, grant, &seeding, err) ||
		    !each_word(person->qualifications, qualify, &seeding, err))
			return false;
	return certify(db, person, err);
}

/* Registered from this machine only: whoever else calls itself so is a stranger. */
static bool seed_device(struct db *db, const struct site *site, struct err *err)
{
	struct device_new device = {
	    .site = site, .calling_ae = DEMO_DEVICE, .address = "127.0.0.1", .name = "演示设备", .modality = "DX"};
	char id[TEXT_UUID_SIZE];
	struct db_rows *rows;
	bool known;

	if (!db_exec(db, STMT_DEVICE_FIND, DB_PARAMS(db_text(DEMO_DEVICE)), &rows, err))
		return false;
	known = db_rows_count(rows) > 0;
	db_rows_free(rows);
	return known || device_add(db, &device, id, err);
}

/* One destination at the port that is configured now. */
static bool seed_destination(struct db *db, const struct site *site, struct err *err)
{
	struct destination_new destination = {.site = site,
	                                      .name = "演示接收端",
	                                      .ae_title = DEMO_DESTINATION,
	                                      .host = "127.0.0.1",
	                                      .port = (int)conf_number(CONF_DEMO_SITE_PORT)};
	char id[TEXT_UUID_SIZE];

	if (!db_exec(db, STMT_DEMO_DESTINATION_MOVE,
	             DB_PARAMS(db_int(site->site_id), db_text(DEMO_DESTINATION), db_int(destination.port)), NULL, err))
		return false;
	return destination_add(db, &destination, id, err) || err->kind == ERR_CONFLICT;
}

struct seed {
	const json_t *accounts;
	bool made_passwords[16]; /* beside demo_persons: there was none in the file before */
	struct operator_note note;
};

static bool seed_work(struct db *db, void *context, struct err *err)
{
	struct seed *seed = context;
	struct defaults_made made;
	struct site site;

	if (!site_find(db, DEMO_SITE, &site, err))
		return err_context(
		    err, "load the demonstration's roster first: yqctl roster load deploy/rosters/taishan.json");
	if (!defaults_make(db, &made, err))
		return false;
	for (int i = 0; demo_persons[i].account; i++)
		if (!seed_person(db, &demo_persons[i], demo_password(seed->accounts, demo_persons[i].account),
		                 seed->made_passwords[i], err))
			return err_context(err, "account %s", demo_persons[i].account);
	return seed_device(db, &site, err) && seed_destination(db, &site, err);
}

bool run_demo_seed(struct invocation *in, struct err *err)
{
	struct seed seed = {.note = {.action = "demo.seed", .subject_kind = "installation"}};
	json_t *accounts;
	bool ok;

	if (!conf_bool(CONF_DEMO))
		return err_set(err, ERR_REFUSED,
		               "this installation is no demonstration; set demo = yes in %s/etc/yingqiao.conf if it "
		               "is to be one",
		               conf_home());
	if (!demo_accounts_read(&accounts, err))
		return false;
	for (int i = 0; demo_persons[i].account; i++)
		seed.made_passwords[i] = !demo_password(accounts, demo_persons[i].account);
	/* The file first: an account whose password nobody knows would be worse than a password without its account. */
	ok = (demo_accounts_complete(accounts) == 0 || demo_accounts_write(accounts, err)) && signer_ca_init(err);
	seed.accounts = accounts;
	ok = ok && operator_change(in, &seed.note, seed_work, &seed, err);
	json_decref(accounts);
	if (ok)
		printf("accounts and passwords of the demonstration: %s/demo/accounts\n", conf_home());
	return ok;
}
