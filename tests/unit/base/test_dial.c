#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/dial.h"
#include "lib/base/listen.h"

enum { PATIENCE_MS = 20000 };

static void set_up(void)
{
	struct err err;

	cr_assert(clock_init(&err), "%s", err.text);
}

TestSuite(dial, .init = set_up, .timeout = 60);

Test(dial, reaches_who_listens_by_address_and_by_name)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "::ffff:127.0.0.1"};
	int listening = -1, fd = -1;
	struct err err = {0};

	cr_assert(listen_open("TEST", "127.0.0.1", 0, &listening, &err), "%s", err.text);
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		cr_assert(dial(hosts[i], listen_port(listening), PATIENCE_MS, &fd, &err), "%s: %s", hosts[i], err.text);
		cr_expect_eq(write(fd, "x", 1), 1);
		close(fd);
	}
	close(listening);
}

/* An address at which nobody listens is passed over. */
Test(dial, tries_every_address)
{
	int listening = -1, closed = -1, fd = -1;
	struct dial_addresses both, dead;
	struct err err = {0};
	char text[DIAL_TEXT_SIZE];

	cr_assert(listen_open("TEST", "127.0.0.1", 0, &listening, &err), "%s", err.text);
	cr_assert(listen_open("TEST", "127.0.0.1", 0, &closed, &err), "%s", err.text);
	cr_assert(dial_find("127.0.0.1", listen_port(closed), PATIENCE_MS, &dead, &err));
	close(closed);
	cr_assert(dial_find("127.0.0.1", listen_port(listening), PATIENCE_MS, &both, &err));
	dial_text(&both.items[0], text);
	cr_expect_str_eq(text, "127.0.0.1");
	both.items[1] = both.items[0];
	both.items[0] = dead.items[0];
	both.count = 2;
	cr_expect(dial_connect(&both, PATIENCE_MS, &fd, &err), "%s", err.text);
	close(fd);
	cr_expect_not(dial_connect(&dead, PATIENCE_MS, &fd, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY);
	cr_expect(strstr(err.text, "refused") != NULL, "%s", err.text);
	close(listening);
}

Test(dial, a_name_that_is_none_is_said)
{
	struct dial_addresses found;
	struct err err = {0};
	char longer[300];

	cr_expect_not(dial_find("no such host", 104, PATIENCE_MS, &found, &err));
	cr_expect_eq(err.kind, ERR_TEMPORARY, "%s", err.text);
	cr_expect(strncmp(err.text, "could not find no such host: ", 29) == 0, "%s", err.text);
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	cr_expect_not(dial_find(longer, 104, PATIENCE_MS, &found, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
}
