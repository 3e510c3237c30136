#include <criterion/criterion.h>
#include <string.h>

#include "lib/domain/network.h"

Test(network, addresses_and_networks)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
		const char *hint;        /* part of the refusal */
	} cases[] = {
	    {"192.0.2.7", "192.0.2.7/32", NULL},
	    {"192.0.2.0/24", "192.0.2.0/24", NULL},
	    {"0.0.0.0/0", "0.0.0.0/0", NULL},
	    {"2001:db8::/32", "2001:db8::/32", NULL},
	    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1/128", NULL},
	    {"192.0.2.7/24", NULL, "192.0.2.0/24 for the network"},
	    {"10.255.255.255/9", NULL, "10.128.0.0/9"},
	    {"2001:db8::1/64", NULL, "2001:db8::/64"},
	    {"192.0.2.0/33", NULL, "0 to 32"},
	    {"192.0.2.0/", NULL, "0 to 32"},
	    {"192.0.2.0/-1", NULL, "0 to 32"},
	    {"192.0.2.0/2x", NULL, "0 to 32"},
	    {"192.0.2", NULL, "no address"},
	    {"192.0.2.256", NULL, "no address"},
	    {"", NULL, "no address"},
	    {"host.example", NULL, "no address"},
	    {"192.0.2.7 ", NULL, "no address"},
	    {"2001:db8:::1", NULL, "no address"},
	    {"1111111111111111111111111111111111111111111111111111111111111111111111", NULL, "no address"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[NETWORK_TEXT_MAX] = "";
		struct err err = {0};
		bool ok = network_parse(cases[i].text, got, &err);

		cr_expect_eq(ok, cases[i].want != NULL, "'%s': got %d %s", cases[i].text, ok, err.text);
		if (ok && cases[i].want)
			cr_expect_str_eq(got, cases[i].want, "'%s': got %s", cases[i].text, got);
		if (!ok && cases[i].hint) {
			cr_expect_eq(err.kind, ERR_INVALID);
			cr_expect_not_null(strstr(err.text, cases[i].hint), "'%s': got '%s'", cases[i].text, err.text);
		}
	}
}

Test(network, hosts)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
	    {"127.0.0.1", true},
	    {"::1", true},
	    {"pacs", true},
	    {"pacs.hospital.example", true},
	    {"a_b", true},
	    {"", false},
	    {"-a", false},
	    {"a-", false},
	    {"a..b", false},
	    {"a.", false},
	    {"1.2.3", false},
	    {"300.1.1.1", false},
	    {"a b", false},
	    {"a/b", false},
	    {"主机", false},
	    {"fe80::1%eth0", false},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false}, /* 64 in a label */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(network_host_is_valid(cases[i].text), cases[i].want, "'%s': want %d", cases[i].text,
		             cases[i].want);
}
