#include <iconv.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/charset.h"
#include "lib/dicom/charset_terms.h"

enum { SETS_MAX = 6, CHARACTER_MAX = 8, UNIT_MAX = 24, GROUPS_MAX = 3, ESC = 0x1b };

static const char to_ascii[] = "\x1b(B";
enum { TO_ASCII_LENGTH = sizeof to_ascii - 1 };

/* ---- sets --------------------------------------------------------------------------------------------------------- */

struct set {
	const struct charset_term *term;
	const struct charset_escape *escape; /* NULL: cannot be designated */
	iconv_t cd;                          /* (iconv_t)-1: ASCII alone */
};

struct sets {
	struct set set[SETS_MAX]; /* the first is in force where nothing is designated */
	size_t count;
};

/* What is decoded generously is written strictly: IR 58 is GB 2312, and GBK has no four bytes. */
static const char *encoding_of(const struct charset_term *term)
{
	if (term->form == CHARSET_DOUBLE && strcmp(term->iconv, "GB18030") == 0)
		return "GB2312";
	return strcmp(term->term, "GBK") == 0 ? "GBK" : term->iconv;
}

static bool add_set(struct sets *sets, const struct charset_term *term)
{
	struct set *set = &sets->set[sets->count];

	if (term == NULL || sets->count == SETS_MAX)
		return false;
	*set = (struct set){term, charset_escape_of(term), (iconv_t)-1};
	if (term->form != CHARSET_ASCII)
		set->cd = iconv_open(encoding_of(term), "UTF-8");
	sets->count++;
	return term->form == CHARSET_ASCII || set->cd != (iconv_t)-1;
}

/* A set that stands alone has no others beside it; one of two bytes is designated and never the first (PS3.3 C.12.1.1.2). */
static bool fits_together(const struct sets *sets)
{
	for (size_t i = 0; i < sets->count; i++) {
		enum charset_form form = sets->set[i].term->form;

		if (form == CHARSET_WHOLE && sets->count > 1)
			return false;
		if (i > 0 && form != CHARSET_ASCII && sets->set[i].escape == NULL)
			return false;
	}
	return true;
}

static bool open_sets(const char *declared, struct sets *out)
{
	const char *value = declared;

	out->count = 0;
	for (;;) {
		size_t length = strcspn(value, "\\");
		const struct charset_term *term = charset_term_find(value, length);

		/* Declared alone, as devices do: the first is ASCII then. */
		if (out->count == 0 && term != NULL && term->form == CHARSET_DOUBLE)
			(void)add_set(out, charset_term_find("", 0));
		if (!add_set(out, term))
			return false;
		if (value[length] == '\0')
			return fits_together(out);
		value += length + 1;
	}
}

static void close_sets(struct sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		if (sets->set[i].cd != (iconv_t)-1)
			iconv_close(sets->set[i].cd);
}

/* One character; 0: the set has it not. */
static size_t convert(const struct set *set, const char *character, size_t length, char out[CHARACTER_MAX])
{
	char *from = (char *)character, *to = out;
	size_t room = CHARACTER_MAX;

	if (set->cd == (iconv_t)-1)
		return 0;
	iconv(set->cd, NULL, NULL, NULL, NULL);
	/* A count above 0: something that only resembles it was written. */
	return iconv(set->cd, &from, &length, &to, &room) == 0 ? CHARACTER_MAX - room : 0;
}

/* ---- designations ------------------------------------------------------------------------------------------------------- */

/* Which set stands in G0 and G1; NULL: the initial one. */
struct state {
	const struct set *plane[2];
};

struct unit {
	char bytes[UNIT_MAX];
	size_t length;
};

static void put(struct unit *unit, const char *bytes, size_t length)
{
	memcpy(unit->bytes + unit->length, bytes, length);
	unit->length += length;
}

static void designate(const struct set *set, const struct set *first, struct state *state, struct unit *unit)
{
	const struct set **plane = &state->plane[set->escape->plane];
	const struct set *now = *plane == NULL && set->escape->plane == 1 ? first : *plane;

	if (now == set)
		return;
	put(unit, (const char[]){ESC}, 1);
	put(unit, set->escape->sequence, strlen(set->escape->sequence));
	*plane = set;
}

/* Two bytes of the set, as they stand in its plane; false: it has the character not, or in a form that cannot be designated. */
static bool put_double(const struct set *set, const struct set *first, const char *bytes, size_t length,
                       struct state *state, struct unit *unit)
{
	size_t prefix = set->escape->prefix != 0;
	char mask = set->escape->plane == 0 ? 0x7f : (char)0xff;

	if (length != 2 + prefix || (prefix && (unsigned char)bytes[0] != set->escape->prefix) ||
	    (unsigned char)bytes[prefix] < 0xa1 || (unsigned char)bytes[prefix + 1] < 0xa1)
		return false;
	designate(set, first, state, unit);
	put(unit, (const char[]){(char)(bytes[prefix] & mask), (char)(bytes[prefix + 1] & mask)}, 2);
	return true;
}

static bool put_by_set(const struct sets *sets, const struct set *set, const char *character, size_t length,
                       struct state *state, struct unit *unit)
{
	char bytes[CHARACTER_MAX];
	size_t got = convert(set, character, length, bytes);

	if (got == 0)
		return false;
	if (set->term->form == CHARSET_WHOLE) {
		put(unit, bytes, got);
		return true;
	}
	if (set->term->form == CHARSET_DOUBLE)
		return put_double(set, &sets->set[0], bytes, got, state, unit);
	if (got != 1 || (unsigned char)bytes[0] < 0x80)
		return false;
	if (set != &sets->set[0] || state->plane[1] != NULL) {
		if (set->escape == NULL)
			return false;
		designate(set, &sets->set[0], state, unit);
	}
	put(unit, bytes, 1);
	return true;
}

/* In G0 again before anything else is read as two bytes. */
static void leave_double(struct state *state, struct unit *unit)
{
	if (state->plane[0] != NULL)
		put(unit, to_ascii, TO_ASCII_LENGTH);
	state->plane[0] = NULL;
}

static bool put_character(const struct sets *sets, const char *character, size_t length, struct state *state,
                          struct unit *unit)
{
	if (length == 1) {
		leave_double(state, unit);
		put(unit, character, 1);
		return true;
	}
	for (size_t i = 0; i < sets->count; i++)
		if (put_by_set(sets, &sets->set[i], character, length, state, unit))
			return true;
	return false;
}

/* ---- values ----------------------------------------------------------------------------------------------------------- */

static const struct {
	size_t characters; /* 0: without bound */
	bool has_lines;    /* line ends and tabs are text, and so is a backslash */
} rules[] = {
    [CHARSET_SH] = {16, false},   [CHARSET_LO] = {64, false}, [CHARSET_PN] = {64, false}, [CHARSET_ST] = {1024, true},
    [CHARSET_LT] = {10240, true}, [CHARSET_UC] = {0, false},  [CHARSET_UT] = {0, true},
};

struct writer {
	const struct sets *sets;
	enum charset_vr vr;
	char *out;
	size_t size, length, characters; /* characters: of this value, or of this group of a name */
	bool skips, is_full, is_cut; /* skips: what follows in this value or group is left out; is_full: everything */
	struct state state;
};

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n' || c == '\f' || c == '\t';
}

/* PS3.5 section 6.1.2.5.3: behind these the initial state is in force. */
static bool resets(const struct writer *w, char c)
{
	return is_line_end(c) || (w->vr == CHARSET_PN && (c == '^' || c == '='));
}

static bool is_text(const struct writer *w, const char *character, size_t length)
{
	unsigned char c = (unsigned char)character[0];
	bool is_c1 = length == 2 && c == 0xc2 && (unsigned char)character[1] < 0xa0;

	if (is_line_end((char)c) || c == '\\')
		return rules[w->vr].has_lines;
	return c >= 0x20 && c != 0x7f && !is_c1;
}

/* Room is kept for the way back to ASCII, so that a value that is cut ends as it must. */
static void append(struct writer *w, const struct unit *unit, const struct state *after)
{
	size_t back = after->plane[0] != NULL ? TO_ASCII_LENGTH : 0;
	size_t most = rules[w->vr].characters;

	if (w->skips || w->is_full)
		return;
	w->skips = most > 0 && w->characters == most;
	w->is_full = w->length + unit->length + back > w->size;
	if (w->skips || w->is_full) {
		w->is_cut = true;
		return;
	}
	memcpy(w->out + w->length, unit->bytes, unit->length);
	w->length += unit->length;
	w->characters++;
	w->state = *after;
}

static void end_state(struct writer *w)
{
	struct unit unit = {.length = 0};

	leave_double(&w->state, &unit);
	memcpy(w->out + w->length, unit.bytes, unit.length);
	w->length += unit.length;
}

/* The delimiter of groups is no character of any; without room for it nothing follows. */
static void begin_group(struct writer *w)
{
	end_state(w);
	if (w->is_full || w->length == w->size) {
		w->is_full = w->is_cut = true;
		return;
	}
	w->out[w->length++] = '=';
	w->characters = 0;
	w->skips = false;
	w->state = (struct state){{NULL, NULL}};
}

static size_t character_length(const char *at)
{
	unsigned char lead = (unsigned char)at[0];

	return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static bool write_text(struct writer *w, const char *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t n = character_length(text + i);
		struct state after = w->state;
		struct unit unit = {.length = 0};

		if (!is_text(w, text + i, n) || !put_character(w->sets, text + i, n, &after, &unit))
			return false;
		if (n == 1 && resets(w, text[i]))
			after = (struct state){{NULL, NULL}};
		append(w, &unit, &after);
		i += n;
	}
	return true;
}

/* Can the first set alone take it, as the first group of a name must be? */
static bool is_plain(const struct sets *sets, const char *text, size_t length)
{
	char bytes[CHARACTER_MAX];

	for (size_t i = 0; i < length;) {
		size_t n = character_length(text + i);

		if (n > 1 && convert(&sets->set[0], text + i, n, bytes) == 0)
			return false;
		i += n;
	}
	return true;
}

static bool write_name(struct writer *w, const char *text)
{
	size_t length = strcspn(text, "="), groups = 1;
	bool is_lone = text[length] == '\0' || text[length + 1] == '=' || text[length + 1] == '\0';

	/* 李^桂英 alone, with code extensions: =李^桂英. */
	if (!is_plain(w->sets, text, length)) {
		if (!is_lone)
			return false;
		begin_group(w);
		groups++;
		if (!write_text(w, text, length))
			return false;
		text += length + (text[length] == '=');
		length = strcspn(text, "=");
	} else if (!write_text(w, text, length)) {
		return false;
	}
	while (text[length] == '=') {
		if (++groups > GROUPS_MAX)
			return false;
		text += length + 1;
		length = strcspn(text, "=");
		begin_group(w);
		if (!write_text(w, text, length))
			return false;
	}
	return true;
}

enum charset_outcome charset_encode(const char *declared, enum charset_vr vr, const char *text, char *out,
                                    size_t out_size, size_t *out_length)
{
	struct sets sets;
	struct writer w = {.sets = &sets, .vr = vr, .out = out, .size = out_size};
	enum charset_outcome outcome = CHARSET_CANNOT;
	size_t length = strlen(text);

	if (!open_sets(declared, &sets))
		outcome = CHARSET_UNKNOWN_SET;
	else if (text_is_utf8(text, length) &&
	         (vr == CHARSET_PN ? write_name(&w, text) : write_text(&w, text, length))) {
		end_state(&w);
		*out_length = w.length;
		outcome = w.is_cut ? CHARSET_CUT : CHARSET_ENCODED;
	}
	close_sets(&sets);
	return outcome;
}
