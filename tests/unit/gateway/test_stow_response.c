#include <criterion/criterion.h>
#include <string.h>

#include "gateway/stow.h"

#define BASE "http://gw/dicom-web"

static const struct stow_result one = {"1.2.840.10008.5.1.4.1.1.7", "1.2.3", "1.2", "1.2.4", STOW_STORED, "", false},
                                other = {"1.2.840.10008.5.1.4.1.1.7", "1.2.5", "1.9", "1.9.1", STOW_STORED, "", false},
                                refused = {"1.2.840.10008.5.1.4.1.1.7", "1.2.6", "1.2", "", 0xA900, "", false},
                                large = {"1.2.840.10008.5.1.4.1.1.7", "1.2.7", "", "", STOW_NO_ROOM, "", true},
                                nameless = {"", "", "", "", STOW_NOT_UNDERSTOOD, "", false};

Test(stow_response, status)
{
	const struct {
		struct stow_result results[3];
		size_t count;
		int status;
	} cases[] = {
	    {{one}, 1, 200},          {{one, other}, 2, 200}, {{one, refused}, 2, 202},   {{large, one}, 2, 202},
	    {{refused}, 1, 409},      {{nameless}, 1, 409},   {{large, refused}, 2, 409}, {{large}, 1, 413},
	    {{large, large}, 2, 413},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(stow_status(cases[i].results, cases[i].count), cases[i].status, "case %zu", i);
}

static json_t *item(const json_t *response, const char *tag, size_t i)
{
	return json_array_get(json_object_get(json_object_get(response, tag), "Value"), i);
}

static const char *text(const json_t *object, const char *tag)
{
	const char *value =
	    json_string_value(json_array_get(json_object_get(json_object_get(object, tag), "Value"), 0));
	return value != NULL ? value : "";
}

static json_int_t reason(const json_t *object)
{
	return json_integer_value(json_array_get(json_object_get(json_object_get(object, "00081197"), "Value"), 0));
}

Test(stow_response, names_what_became_of_each)
{
	const struct stow_result results[] = {one, refused, nameless};
	json_t *response = stow_response(results, 3, BASE);
	cr_expect_str_eq(text(response, "00081190"), BASE "/studies/1.2");
	const json_t *stored = item(response, "00081199", 0), *failed = item(response, "00081198", 0);
	cr_expect_str_eq(text(stored, "00081155"), "1.2.3");
	cr_expect_str_eq(text(stored, "00081190"), BASE "/studies/1.2/series/1.2.4/instances/1.2.3");
	cr_expect_str_eq(text(failed, "00081155"), "1.2.6");
	cr_expect_eq(reason(failed), 0xA900);
	cr_expect_eq(reason(item(response, "0008119A", 0)), 0xC000);
	cr_expect(item(response, "00081199", 1) == NULL && item(response, "00081198", 1) == NULL);
	json_decref(response);
}

Test(stow_response, several_studies_have_no_common_address)
{
	const struct stow_result results[] = {one, other};
	json_t *response = stow_response(results, 2, BASE);
	cr_expect_str_eq(text(response, "00081190"), "");
	cr_expect(json_object_get(response, "00081190") != NULL);
	cr_expect(json_object_get(response, "00081198") == NULL, "an empty sequence");
	json_decref(response);
}
