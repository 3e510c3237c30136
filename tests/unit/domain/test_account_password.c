#include <criterion/criterion.h>
#include <string.h>

#include "lib/domain/account.h"
#include "lib/domain/account_password.h"

Test(account_password, only_the_right_one_fits)
{
	char one[ACCOUNT_HASH_SIZE], two[ACCOUNT_HASH_SIZE];
	struct err err = {0};
	cr_assert(account_password_hash("影桥影桥影桥影桥影桥", one, &err), "%s", err.text);
	cr_assert(account_password_hash("影桥影桥影桥影桥影桥", two, &err), "%s", err.text);
	cr_expect(strncmp(one, "$argon2id$v=19$m=32768,t=3,p=1$", 31) == 0, "got %s", one);
	cr_expect(strcmp(one, two) != 0, "the salt is the same");
	cr_expect(account_password_fits(one, "影桥影桥影桥影桥影桥"));
	cr_expect(account_password_fits(two, "影桥影桥影桥影桥影桥"));
	cr_expect(!account_password_fits(one, "影桥影桥影桥影桥影"));
	cr_expect(!account_password_fits(one, ""));
	cr_expect(!account_password_fits(NULL, ""));
	cr_expect(!account_password_fits("$argon2id$broken", "x"));
}

Test(account_password, rules)
{
	static char long_one[200], longest[129];
	memset(long_one, 'a', sizeof long_one - 1);
	memset(longest, 'a', sizeof longest - 1);
	const struct {
		const char *password;
		bool ok;
	} cases[] = {
	    {"", false},
	    {"123456789", false},
	    {"1234567890", true},
	    {"影桥影桥影桥影桥影", false},
	    {"\xff\xff 34567890", false},
	    {long_one, false},
	    {longest, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char hash[ACCOUNT_HASH_SIZE];
		struct err err = {0};
		bool ok = account_password_hash(cases[i].password, hash, &err);
		cr_expect(ok == cases[i].ok, "case %zu: got %d", i, ok);
		cr_expect(ok || err.kind == ERR_INVALID);
	}
}

Test(account, roles_have_names)
{
	for (int i = 0; i < ACCOUNT_ROLE_COUNT; i++)
		cr_expect(account_role_bit(account_role_name((enum account_role)i)) == ACCOUNT_ROLE(i));
	cr_expect(account_role_bit("king") == 0);
	cr_expect(account_role_bit("") == 0);
}
