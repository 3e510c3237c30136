#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>

#include "lib/db/internal.h"

Test(db_wire, every_kind_has_its_form)
{
	static const char *const items[] = {"plain", "with \"quotes\" and \\", NULL, "", "NULL", "a,b{}"};
	const struct db_param params[] = {
	    db_text("影"),         db_text(NULL),     db_int(INT64_MIN),  db_bool(true),     db_bool(false), db_time(1),
	    db_bytes("\0\x01", 2), db_bytes(NULL, 5), db_texts(items, 6), db_texts(NULL, 0), db_null(),
	};
	static const char *const want[] = {
	    "影",   NULL,    "-9223372036854775808",
	    "true", "false", "1970-01-01 00:00:00.000001+00",
	    "",     NULL,    "{\"plain\",\"with \\\"quotes\\\" and \\\\\",NULL,\"\",\"NULL\",\"a,b{}\"}",
	    "{}",   NULL,
	};
	struct db_wire wire;
	struct err err;
	size_t i;

	cr_assert(db_wire_init(&wire, params, sizeof(params) / sizeof(params[0]), &err));
	cr_expect_eq(wire.count, 11);
	for (i = 0; i < 11; i++) {
		if (want[i])
			cr_expect_str_eq(wire.values[i], want[i], "parameter %zu: got %s", i, wire.values[i]);
		else
			cr_expect_null(wire.values[i], "parameter %zu", i);
		cr_expect_eq(wire.formats[i], i == 6, "parameter %zu: format %d", i, wire.formats[i]);
	}
	cr_expect_eq(wire.lengths[6], 2);
	cr_expect_eq(memcmp(wire.values[6], "\0\x01", 2), 0);
	db_wire_fini(&wire);
}

Test(db_wire, more_bytes_than_a_value_can_have_are_refused)
{
	const struct db_param param = db_bytes("", (size_t)INT_MAX + 1);
	struct db_wire wire;
	struct err err;

	cr_expect_not(db_wire_init(&wire, &param, 1, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
}
