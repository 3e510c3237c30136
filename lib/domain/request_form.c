/* What may be registered. Names and notes are typed by anybody: whatever could deceive a reader or break a format is refused by name. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/day.h"
#include "lib/domain/national_id.h"
#include "lib/domain/request.h"

/* Controls, line separators, what turns the direction of writing around, noncharacters. */
static bool is_refused(uint32_t character, bool has_lines)
{
	if (has_lines && (character == '\n' || character == '\t'))
		return false;
	return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0x2028 ||
	       character == 0x2029 || (character >= 0x202a && character <= 0x202e) ||
	       (character >= 0x2066 && character <= 0x2069) || character == 0xfeff ||
	       (character >= 0xfdd0 && character <= 0xfdef) || (character & 0xfffe) == 0xfffe;
}

static bool check_text(const char *text, const char *name, size_t max, bool has_lines, struct err *err)
{
	if (!text)
		return true;
	if (strlen(text) > max)
		return err_set(err, ERR_INVALID, "%s is longer than %zu bytes", name, max);
	if (!text_is_utf8(text, strlen(text)))
		return err_set(err, ERR_INVALID, "%s is no UTF-8", name);
	for (const char *at = text; *at;)
		if (is_refused(text_utf8_next(&at), has_lines))
			return err_set(
			    err, ERR_INVALID,
			    "%s has a character that is not for writing (a control, a line end, a change of direction)",
			    name);
	return true;
}

static bool is_one_of(const char *text, const char *words)
{
	size_t length = strlen(text);

	for (const char *at = words; length && !strchr(text, ' ') && (at = strstr(at, text)); at++)
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

static bool check_texts(const struct request_form *form, struct err *err)
{
	const struct {
		const char *name, *text;
		bool has_lines;
	} members[] = {
	    {"patient_id", form->patient_id, false},
	    {"phone", form->phone, false},
	    {"visit_number", form->visit_number, false},
	    {"department", form->department, false},
	    {"doctor", form->doctor, false},
	    {"item_name", form->item_name, false},
	    {"body_part", form->body_part, false},
	    {"request_number", form->request_number, false},
	    {"purpose", form->purpose, true},
	    {"history", form->history, true},
	    {"clinical_diagnosis", form->clinical_diagnosis, true},
	    {"pregnancy", form->pregnancy, false},
	    {"allergy", form->allergy, false},
	    {"renal_function", form->renal_function, false},
	    {"operations", form->operations, false},
	    {"specimen", form->specimen, false},
	};

	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (!check_text(members[i].text, members[i].name,
		                members[i].has_lines ? REQUEST_TEXT_MAX : REQUEST_LINE_MAX, members[i].has_lines, err))
			return false;
	if (form->patient_id && (strlen(form->patient_id) > 64 || strchr(form->patient_id, '\\')))
		return err_set(err, ERR_INVALID, "patient_id must have at most 64 bytes and no backslash (DICOM LO)");
	return true;
}

/* Is there anything in a name that can be seen? A list of patients would have a row that nobody can name. */
static bool is_visible(const char *name)
{
	while (*name) {
		uint32_t character = text_utf8_next(&name);
		bool is_blank = character == ' ' || character == '^' || character == 0xa0 || character == 0x00ad ||
		                character == 0x034f || character == 0x061c || character == 0x3000 ||
		                character == 0x3164 || (character >= 0x2000 && character <= 0x200f) ||
		                (character >= 0x205f && character <= 0x2064);

		if (!is_blank)
			return true;
	}
	return false;
}

/* A name as typed becomes a PN: what is not ASCII is its second group, written in the own script. */
static bool check_name(const struct request_form *form, struct request_facts *out, struct err *err)
{
	const char *name = form->name;
	bool is_ascii = true;
	size_t length;

	if (!name || !name[strspn(name, " ")])
		return err_set(err, ERR_INVALID, "name is missing");
	if (!check_text(name, "name", (size_t)4 * REQUEST_NAME_MAX, false, err))
		return false;
	if (!is_visible(name))
		return err_set(err, ERR_INVALID, "name is missing: nothing in it can be seen");
	if (text_utf8_count(name) > REQUEST_NAME_MAX)
		return err_set(err, ERR_INVALID, "name has more than %d characters", REQUEST_NAME_MAX);
	if (strpbrk(name, "=\\"))
		return err_set(err, ERR_INVALID, "name has a character that divides names in DICOM: = or backslash");
	name += strspn(name, " ");
	for (const char *at = name; *at; at++)
		is_ascii = is_ascii && (unsigned char)*at < 0x80;
	snprintf(out->name, sizeof out->name, "%s%s", is_ascii ? "" : "=", name);
	for (length = strlen(out->name); length > 0 && out->name[length - 1] == ' '; length--)
		out->name[length - 1] = '\0';
	return true;
}

static bool is_age(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits >= 1 && digits <= 3 && strchr("YMWD", text[digits]) && text[digits] && !text[digits + 1];
}

static bool check_birth(const struct request_form *form, const char *today, struct request_facts *out, struct err *err)
{
	out->birth_date[0] = '\0';
	if (form->birth_date && form->birth_date[0]) {
		if (!day_is_valid(form->birth_date) || strcmp(form->birth_date, "1850-01-01") < 0)
			return err_set(err, ERR_INVALID, "birth_date is no day like 1981-02-03");
		if (strcmp(form->birth_date, today) > 0)
			return err_set(err, ERR_INVALID, "birth_date lies in the future");
		text_copy(out->birth_date, sizeof out->birth_date, form->birth_date);
	}
	if (form->age_text && form->age_text[0] && !is_age(form->age_text))
		return err_set(err, ERR_INVALID, "age_text is no age with its unit like 45Y, 6M, 3W or 10D");
	return true;
}

static bool check_document(const struct request_form *form, const char *today, struct request_facts *out,
                           struct err *err)
{
	struct national_id id;

	out->document[0] = '\0';
	if (!form->document || !form->document[0])
		return true;
	if (!national_id_parse(form->document, &id, err))
		return false;
	if (strcmp(id.birth, today) > 0)
		return err_set(err, ERR_INVALID, "the birth date of the identity number lies in the future");
	if (out->birth_date[0] && strcmp(out->birth_date, id.birth) != 0)
		return err_set(err, ERR_INVALID, "birth_date and identity number contradict each other");
	if ((form->sex[0] == 'M' || form->sex[0] == 'F') && form->sex[0] != id.sex)
		return err_set(err, ERR_INVALID, "sex and identity number contradict each other");
	text_copy(out->birth_date, sizeof out->birth_date, id.birth);
	text_copy(out->document, sizeof out->document, id.text);
	return true;
}

static bool check_item(const struct request_form *form, struct err *err)
{
	const char *modality = form->modality ? form->modality : "";
	bool has_part = form->body_part && form->body_part[0];

	if (strlen(modality) > 16 || strspn(modality, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ") < strlen(modality))
		return err_set(err, ERR_INVALID, "modality is no DICOM modality like DR or CT");
	if (form->laterality && form->laterality[0] && !is_one_of(form->laterality, "left right both none"))
		return err_set(err, ERR_INVALID, "laterality is none of: left right both none");
	if (form->item_code_id && form->item_code_id[0])
		return text_is_uuid(form->item_code_id) || err_set(err, ERR_INVALID, "item_code_id is no id");
	return (modality[0] && has_part) ||
	       err_set(err, ERR_INVALID,
	               "what is asked for is missing: an item of the catalogue, or modality and body_part");
}

bool request_check(const struct request_form *form, const char *today, struct request_facts *out, struct err *err)
{
	if (!check_name(form, out, err))
		return false;
	if (!form->sex || !is_one_of(form->sex, "M F O"))
		return err_set(err, ERR_INVALID, "sex is none of: M F O");
	if (!form->patient_class || !is_one_of(form->patient_class, "emergency outpatient inpatient health_check"))
		return err_set(err, ERR_INVALID,
		               "patient_class is none of: emergency outpatient inpatient health_check");
	if (!check_birth(form, today, out, err) || !check_document(form, today, out, err))
		return false;
	if (!out->birth_date[0] && (!form->age_text || !form->age_text[0]))
		return err_set(err, ERR_INVALID, "birth_date or age_text is missing");
	return check_item(form, err) && check_texts(form, err);
}

bool request_check_person(const struct request_form *form, const char *today, bool needs_name,
                          struct request_facts *out, struct err *err)
{
	struct request_form person = *form;

	memset(out, 0, sizeof *out);
	person.sex = form->sex ? form->sex : "";
	if ((needs_name || form->name) && !check_name(form, out, err))
		return false;
	if (person.sex[0] && !is_one_of(person.sex, "M F O"))
		return err_set(err, ERR_INVALID, "sex is none of: M F O");
	return check_birth(&person, today, out, err) && check_document(&person, today, out, err) &&
	       check_texts(&person, err);
}
