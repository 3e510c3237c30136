#include "lib/domain/han_reading.h"

#include <pthread.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utrans.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

enum { UNITS_MAX = 2048, DIAERESIS = 0x0308 };

/* ---- ICU ---------------------------------------------------------------------------------------------------------- */

enum step { STEP_HAN, STEP_SURNAME, STEP_SIMPLE, STEP_FOLD, STEP_LATIN, STEP_COUNT };

static const char *const step_ids[STEP_COUNT] = {
    [STEP_HAN] = "Han-Latin",
    [STEP_SURNAME] = "Han-Latin/Names",
    [STEP_SIMPLE] = "Traditional-Simplified",
    [STEP_FOLD] = "NFKC; Lower; Latin-ASCII; NFC",
    [STEP_LATIN] = "NFKC; Any-Latin; Latin-ASCII; Lower",
};

static UTransliterator *steps[STEP_COUNT];
static const UNormalizer2 *decomposing;
static pthread_once_t opened = PTHREAD_ONCE_INIT;
/* ICU shares its rules between threads, and does not promise that a transliterator may be. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void open_all(void)
{
	UErrorCode status = U_ZERO_ERROR;

	for (int i = 0; i < STEP_COUNT; i++) {
		UChar id[64];

		u_uastrcpy(id, step_ids[i]);
		steps[i] = utrans_openU(id, -1, UTRANS_FORWARD, NULL, 0, NULL, &status);
	}
	decomposing = unorm2_getNFDInstance(&status);
	if (U_FAILURE(status))
		err_panic("no tables of readings: ICU says %s", u_errorName(status));
}

/* In place; *length in units. What does not fit is left as it was. */
static void run(enum step step, UChar units[UNITS_MAX], int32_t *length)
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t limit = *length;

	pthread_once(&opened, open_all);
	pthread_mutex_lock(&lock);
	utrans_transUChars(steps[step], units, length, UNITS_MAX, 0, &limit, &status);
	pthread_mutex_unlock(&lock);
	if (U_FAILURE(status))
		*length = 0;
}

static void run_text(enum step step, const char *text, char *out, size_t out_size)
{
	UChar units[UNITS_MAX];
	char bytes[4 * UNITS_MAX];
	UErrorCode status = U_ZERO_ERROR;
	int32_t length = 0;
	size_t taken = text_utf8_cut(text, UNITS_MAX / 2);

	out[0] = '\0';
	u_strFromUTF8WithSub(units, UNITS_MAX, &length, text, (int32_t)taken, 0xfffd, NULL, &status);
	if (U_FAILURE(status))
		return;
	run(step, units, &length);
	u_strToUTF8(bytes, sizeof bytes - 1, NULL, units, length, &status);
	if (U_SUCCESS(status))
		(void)text_copy(out, out_size, bytes);
}

/* ---- readings ------------------------------------------------------------------------------------------------------- */

bool han_is(uint32_t character)
{
	return u_hasBinaryProperty((UChar32)character, UCHAR_IDEOGRAPHIC);
}

static void add(struct han_readings *out, const char *reading)
{
	if (reading[0] == '\0' || out->count == HAN_READINGS_MAX)
		return;
	for (int i = 0; i < out->count; i++)
		if (strcmp(out->text[i], reading) == 0)
			return;
	if (text_copy(out->text[out->count], HAN_READING_SIZE, reading))
		out->count++;
}

/* Of decomposed pinyin: letters alone; the mark of ü makes v of it where that is wanted. False: something else stands there. */
static bool spell(const UChar *units, int32_t length, bool with_v, char out[HAN_READING_SIZE])
{
	size_t used = 0;

	for (int32_t i = 0; i < length; i++) {
		if (units[i] == DIAERESIS && with_v && used > 0 && out[used - 1] == 'u')
			out[used - 1] = 'v';
		if (u_charType(units[i]) == U_NON_SPACING_MARK)
			continue;
		if (units[i] < 'a' || units[i] > 'z' || used + 1 == HAN_READING_SIZE)
			return false;
		out[used++] = (char)units[i];
	}
	out[used] = '\0';
	return true;
}

static void add_pinyin(struct han_readings *out, const UChar *units, int32_t length)
{
	char reading[HAN_READING_SIZE];

	if (spell(units, length, false, reading))
		add(out, reading);
	if (spell(units, length, true, reading))
		add(out, reading);
}

/* The pinyin of some characters, decomposed, with a blank between them; false when ICU knows one of them not. */
static bool to_pinyin(enum step step, const uint32_t *characters, int count, UChar out[UNITS_MAX], int32_t *length)
{
	UChar units[UNITS_MAX];
	UErrorCode status = U_ZERO_ERROR;
	int32_t used = 0;

	for (int i = 0; i < count; i++)
		U16_APPEND_UNSAFE(units, used, characters[i]);
	run(step, units, &used);
	*length = unorm2_normalize(decomposing, units, used, out, UNITS_MAX, &status);
	return U_SUCCESS(status) && used > 0;
}

static const struct {
	const char *character, *reading;
} extra[] = {
#define X(character, reading) {character, reading},
#include "lib/domain/han_readings.def"
#undef X
};

static void add_extra(uint32_t character, struct han_readings *out)
{
	char bytes[5] = "";
	size_t used = 0;

	U8_APPEND_UNSAFE(bytes, used, character);
	for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++)
		if (strcmp(extra[i].character, bytes) == 0)
			add(out, extra[i].reading);
}

void han_read(uint32_t character, bool is_surname, struct han_readings *out)
{
	UChar units[UNITS_MAX];
	int32_t length;

	out->count = 0;
	if (is_surname && to_pinyin(STEP_SURNAME, &character, 1, units, &length))
		add_pinyin(out, units, length);
	if (to_pinyin(STEP_HAN, &character, 1, units, &length))
		add_pinyin(out, units, length);
	add_extra(character, out);
}

void han_read_compound(uint32_t first, uint32_t second, struct han_readings *of_first, struct han_readings *of_second)
{
	uint32_t both[] = {first, second};
	UChar units[UNITS_MAX];
	int32_t length, blank = 0;

	if (!to_pinyin(STEP_SURNAME, both, 2, units, &length))
		return;
	while (blank < length && units[blank] != ' ')
		blank++;
	if (blank == length)
		return;
	add_pinyin(of_first, units, blank);
	add_pinyin(of_second, units + blank + 1, length - blank - 1);
}

void han_simplify(uint32_t character, char out[HAN_CHARACTER_SIZE])
{
	char bytes[5] = "";
	size_t used = 0;

	U8_APPEND_UNSAFE(bytes, used, character);
	if (han_is(character))
		run_text(STEP_SIMPLE, bytes, out, HAN_CHARACTER_SIZE);
	else
		(void)text_copy(out, HAN_CHARACTER_SIZE, bytes);
}

/* ---- text ------------------------------------------------------------------------------------------------------------ */

void han_fold(const char *text, char *out, size_t out_size)
{
	run_text(STEP_FOLD, text, out, out_size);
}

void han_latin(const char *text, char *out, size_t out_size)
{
	size_t used = 0;

	run_text(STEP_LATIN, text, out, out_size);
	for (const char *at = out; *at != '\0'; at++)
		if ((unsigned char)*at < 0x80)
			out[used++] = *at;
	out[used] = '\0';
}
