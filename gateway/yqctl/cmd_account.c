/* Accounts, roles, qualifications, signing keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/yqctl/account.h"
#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/list.h"
#include "gateway/yqctl/operator.h"
#include "lib/domain/signer_ca.h"

enum { PASSWORD_LINE_MAX = 600 };

static const struct column account_columns[] = {
    {"account", "ACCOUNT", false},  {"name", "NAME", false},        {"title", "TITLE", false},
    {"site", "SITE", false},        {"role_names", "ROLES", false}, {"has_signing_key", "KEY", false},
    {"is_active", "ACTIVE", false}, {"is_locked", "LOCKED", false}, {0}};

bool run_account_list(struct invocation *in, struct err *err)
{
	return list_run(in, STMT_STAFF_LIST, DB_NO_PARAMS, account_columns, err);
}

/* One line of standard input without its newline; or a new one, *is_made. Never an argument: arguments are seen by all. */
static bool get_password(struct invocation *in, char *out, size_t out_size, bool *is_made, struct err *err)
{
	size_t length;

	*is_made = !option_given(in, "password-stdin");
	if (*is_made) {
		staff_make_password(out);
		return true;
	}
	if (!fgets(out, (int)out_size, stdin))
		return err_set(err, ERR_INVALID, "there is no password on standard input: one line is wanted");
	length = strcspn(out, "\r\n");
	if (!out[length] && !feof(stdin))
		return err_set(err, ERR_INVALID, "the line on standard input is too long for a password");
	out[length] = '\0';
	return true;
}

static bool print_account(struct invocation *in, const char *account, const char *id, const char *password,
                          struct err *err)
{
	if (option_given(in, "json"))
		return output_json(json_pack("{ss ss ss*}", "account", account, "id", id, "password", password), err);
	printf("account %s: %s\n", account, id);
	if (password)
		printf("password, shown this once: %s\n", password);
	return true;
}

bool account_make(struct db *db, void *context, struct err *err)
{
	struct account_making *making = context;
	const struct staff_new *staff = &making->staff;

	if (!staff_add(db, staff, making->id, err))
		return false;
	for (int i = 0; i < making->role_count; i++)
		if (!staff_grant_role(db, staff->account, making->roles[i], making->scope_id, err))
			return false;
	snprintf(making->note.subject, sizeof(making->note.subject), "%s", making->id);
	snprintf(making->note.site, sizeof(making->note.site), "%s", making->site.public_id);
	return true;
}

/* "reporter,duty_leader"; cuts text into its words. */
static bool split_roles(char *text, struct account_making *making, struct err *err)
{
	char *state, *word;

	for (word = strtok_r(text, ", ", &state); word; word = strtok_r(NULL, ", ", &state)) {
		if (making->role_count == ACCOUNT_ROLES_MAX)
			return err_set(err, ERR_INVALID, "too many roles");
		making->roles[making->role_count++] = word;
	}
	return true;
}

static bool find_scope(struct invocation *in, struct account_making *making, struct err *err)
{
	struct scope scope;

	making->scope_id = making->site.site_id;
	if (!option_given(in, "scope"))
		return true;
	if (!scope_find(in->db, option_value(in, "scope"), &scope, err))
		return false;
	making->scope_id = scope.scope_id;
	return true;
}

bool run_account_add(struct invocation *in, struct err *err)
{
	struct account_making making = {.note = {.action = "account.add", .subject_kind = "person"}};
	char password[PASSWORD_LINE_MAX], roles[256];
	bool is_made, ok;

	if (!text_copy(roles, sizeof(roles), option_value(in, "role")))
		return err_set(err, ERR_INVALID, "too many roles");
	if (!split_roles(roles, &making, err) || !site_find(in->db, option_value(in, "site"), &making.site, err) ||
	    !find_scope(in, &making, err) || !get_password(in, password, sizeof(password), &is_made, err))
		return false;
	making.staff = (struct staff_new){.account = in->arguments[0],
	                                  .name = option_value(in, "name"),
	                                  .password = password,
	                                  .site = &making.site,
	                                  .title = option_value(in, "title"),
	                                  .licence_number = option_value(in, "licence"),
	                                  .language = option_value(in, "language")};
	ok = operator_change(in, &making.note, account_make, &making, err) &&
	     print_account(in, in->arguments[0], making.id, is_made ? password : NULL, err);
	explicit_bzero(password, sizeof(password));
	return ok;
}

/* A change of one account. */
struct changing {
	const char *account, *password, *role;
	int64_t scope_id;
	bool is_active;
	struct staff_qualification qualification;
	struct operator_note note;
	char id[TEXT_UUID_SIZE];
};

static void note_account(struct changing *changing)
{
	snprintf(changing->note.subject, sizeof(changing->note.subject), "%s",
	         *changing->id ? changing->id : changing->account);
}

static bool set_password(struct db *db, void *context, struct err *err)
{
	struct changing *changing = context;

	if (!staff_set_password(db, changing->account, changing->password, changing->id, err))
		return false;
	note_account(changing);
	return true;
}

bool run_account_password(struct invocation *in, struct err *err)
{
	struct changing changing = {.account = in->arguments[0],
	                            .note = {.action = "account.password", .subject_kind = "person"}};
	char password[PASSWORD_LINE_MAX];
	bool is_made, ok;

	if (!get_password(in, password, sizeof(password), &is_made, err))
		return false;
	changing.password = password;
	ok = operator_change(in, &changing.note, set_password, &changing, err) &&
	     print_account(in, changing.account, changing.id, is_made ? password : NULL, err);
	explicit_bzero(password, sizeof(password));
	return ok;
}

static bool set_active(struct db *db, void *context, struct err *err)
{
	struct changing *changing = context;

	if (!staff_set_active(db, changing->account, changing->is_active, changing->id, err))
		return false;
	note_account(changing);
	return true;
}

bool run_account_disable(struct invocation *in, struct err *err)
{
	struct changing off = {.account = in->arguments[0],
	                       .note = {.action = "account.disable", .subject_kind = "person"}};

	return operator_change(in, &off.note, set_active, &off, err) &&
	       printf("account %s disabled\n", off.account) > 0;
}

bool run_account_enable(struct invocation *in, struct err *err)
{
	struct changing on = {.account = in->arguments[0],
	                      .is_active = true,
	                      .note = {.action = "account.enable", .subject_kind = "person"}};

	return operator_change(in, &on.note, set_active, &on, err) && printf("account %s enabled\n", on.account) > 0;
}

static bool grant_role(struct db *db, void *context, struct err *err)
{
	struct changing *changing = context;

	note_account(changing);
	return staff_grant_role(db, changing->account, changing->role, changing->scope_id, err);
}

bool run_account_grant(struct invocation *in, struct err *err)
{
	struct changing changing = {.account = in->arguments[0],
	                            .role = option_value(in, "role"),
	                            .note = {.action = "account.grant", .subject_kind = "person"}};
	struct scope scope;

	if (!scope_find(in->db, option_value(in, "scope"), &scope, err))
		return false;
	changing.scope_id = scope.scope_id;
	return operator_change(in, &changing.note, grant_role, &changing, err) &&
	       printf("account %s is %s of %s\n", changing.account, changing.role, scope.name) > 0;
}

static bool qualify(struct db *db, void *context, struct err *err)
{
	struct changing *changing = context;

	note_account(changing);
	return staff_qualify(db, &changing->qualification, err);
}

bool run_qualification_grant(struct invocation *in, struct err *err)
{
	struct changing changing = {.account = in->arguments[0],
	                            .note = {.action = "qualification.grant", .subject_kind = "person"}};
	struct scope scope;

	if (!scope_find(in->db, option_value(in, "scope"), &scope, err))
		return false;
	changing.qualification = (struct staff_qualification){.account = in->arguments[0],
	                                                      .kind = option_value(in, "kind"),
	                                                      .modality = option_value(in, "modality"),
	                                                      .scope_id = scope.scope_id,
	                                                      .from_day = option_value(in, "from"),
	                                                      .until_day = option_value(in, "until")};
	return operator_change(in, &changing.note, qualify, &changing, err) &&
	       printf("account %s may %s for %s\n", changing.account, changing.qualification.kind, scope.name) > 0;
}

bool account_certify(struct db *db, void *context, struct err *err)
{
	struct account_certifying *certifying = context;
	struct db_rows *rows;
	bool ok;

	if (!db_exec_one(db, STMT_STAFF_FIND, DB_PARAMS(db_text(certifying->account)), "the account", &rows, err))
		return false;
	snprintf(certifying->note.subject, sizeof(certifying->note.subject), "%s", db_get_text(rows, 0, "id"));
	ok = signer_ca_enrol(db, db_get_text(rows, 0, "id"), db_get_text(rows, 0, "name"),
	                     db_get_text(rows, 0, "institution"), err);
	db_rows_free(rows);
	return ok;
}

bool run_account_certify(struct invocation *in, struct err *err)
{
	struct account_certifying certifying = {.account = in->arguments[0],
	                                        .note = {.action = "account.certify", .subject_kind = "person"}};

	return operator_change(in, &certifying.note, account_certify, &certifying, err) &&
	       printf("account %s has a certificate of the demonstration CA (演示签名 无法律效力)\n",
	              certifying.account) > 0;
}
