#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/yqctl/demo.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/domain/staff.h"

enum { ACCOUNTS_FILE_MAX = 256 * 1024 };

/* Names are invented. */
const struct demo_person demo_persons[] = {
    {"radiographer", "李秀兰", "影像技师", "DEMO-J-0001", "ts-shuibu", "radiographer", {"ts-shuibu"}, NULL},
    {"clinician", "陈国强", "主治医师", "DEMO-C-0001", "ts-shuibu", "clinician", {"ts-shuibu"}, NULL},
    {"reporter", "王建华", "医师", "DEMO-D-0001", "ts-rmyy", "reporter", {"台山市人民医院"}, "write"},
    {"reviewer",
     "赵淑芬",
     "副主任医师",
     "DEMO-D-0002",
     "ts-rmyy",
     "reporter,reviewer",
     {"台山市人民医院"},
     "write,review"},
    {"leader",
     "周志远",
     "主任医师",
     "DEMO-D-0003",
     "ts-rmyy",
     "reporter,reviewer,duty_leader,quality_controller",
     {"台山市人民医院"},
     "write,review,sign_provisional"},
    {"county",
     "何丽君",
     "",
     "",
     "ts-rmyy",
     "administrator",
     {"台山市人民医院医疗卫生共同体", "台山市中医院医疗卫生共同体"},
     NULL},
    {"operator",
     "林工",
     "",
     "",
     "ts-rmyy",
     "operator",
     {"台山市人民医院医疗卫生共同体", "台山市中医院医疗卫生共同体"},
     NULL},
    {0},
};

bool demo_accounts_read(json_t **out, struct err *err)
{
	char path[PATH_MAX], *bytes;
	size_t length;
	json_t *json;

	if (!conf_path(path, sizeof(path), err, "demo/accounts"))
		return false;
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		*out = json_pack("{s[]}", "accounts");
		return true;
	}
	if (!file_read_all(path, ACCOUNTS_FILE_MAX, &bytes, &length, err))
		return false;
	json = json_loadb(bytes, length, 0, NULL);
	explicit_bzero(bytes, length);
	free(bytes);
	if (!json_is_array(json_object_get(json, "accounts"))) {
		json_decref(json);
		return err_set(err, ERR_CORRUPT,
		               "cannot read %s: it is not as `yqctl demo seed` wrote it; remove it for new passwords",
		               path);
	}
	*out = json;
	return true;
}

bool demo_accounts_write(const json_t *accounts, struct err *err)
{
	char directory[PATH_MAX], path[PATH_MAX];
	char *text;
	bool ok;

	if (!conf_path(directory, sizeof(directory), err, "demo") || !file_make_dirs(directory, 0755, err) ||
	    !conf_path(path, sizeof(path), err, "demo/accounts"))
		return false;
	text = json_dumps(accounts, JSON_INDENT(2));
	if (!text)
		err_panic("out of memory");
	ok = file_replace(path, text, strlen(text), 0600, err);
	explicit_bzero(text, strlen(text));
	free(text);
	return ok;
}

static const json_t *find(const json_t *accounts, const char *account)
{
	size_t i;
	json_t *one;

	json_array_foreach(json_object_get(accounts, "accounts"), i, one)
	{
		const char *name = json_string_value(json_object_get(one, "account"));

		if (name && strcmp(name, account) == 0)
			return one;
	}
	return NULL;
}

const char *demo_password(const json_t *accounts, const char *account)
{
	return json_string_value(json_object_get(find(accounts, account), "password"));
}

int demo_accounts_complete(json_t *accounts)
{
	const struct demo_person *person;
	char password[STAFF_PASSWORD_SIZE];
	int added = 0;

	for (person = demo_persons; person->account; person++) {
		if (find(accounts, person->account))
			continue;
		staff_make_password(password);
		json_array_append_new(json_object_get(accounts, "accounts"),
		                      json_pack("{ss ss ss ss ss}", "account", person->account, "password", password,
		                                "name", person->name, "roles", person->roles, "site", person->site));
		added++;
	}
	explicit_bzero(password, sizeof(password));
	return added;
}
