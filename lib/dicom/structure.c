#include "lib/dicom/structure.h"

#include <string.h>

#include "lib/dicom/source.h"
#include "lib/dicom/syntax.h"

enum { TAG_ITEM = 0xfffee000u, TAG_ITEM_END = 0xfffee00du, TAG_SEQUENCE_END = 0xfffee0ddu, TAG_PIXELS = 0x7fe00010u };
enum { LENGTH_UNDEFINED = 0xffffffffu };

enum level_kind { LEVEL_ELEMENTS, LEVEL_ITEMS, LEVEL_FRAGMENTS };

/* One open bracket. end is UINT64_MAX when only a delimiter (or, outermost, the end of the stream) closes it; limit is the nearest end around. */
struct level {
	enum level_kind kind;
	uint64_t end, limit;
	bool is_implicit;
};

struct walk {
	struct source *source;
	const struct syntax *syntax;
	const struct structure_visitor *visitor;
	struct level levels[STRUCTURE_DEPTH_MAX];
	int top;
	uint32_t parent, item;
	uint32_t elements;
	bool seen_pixels;
	char value[STRUCTURE_VALUE_MAX];
};

struct header {
	uint32_t tag;
	char vr[2]; /* 0, 0 in implicit VR and on delimiters */
	uint32_t length;
};

static uint16_t get16(const unsigned char *p, bool big)
{
	return (uint16_t)(big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static uint32_t get32(const unsigned char *p, bool big)
{
	return big ? (uint32_t)get16(p, true) << 16 | get16(p + 2, true)
	           : (uint32_t)get16(p + 2, false) << 16 | get16(p, false);
}

static bool fault(struct walk *walk, uint32_t tag, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "cannot read the dataset: %s at (%04x,%04x), byte %llu", what,
	               (unsigned)(tag >> 16), (unsigned)(tag & 0xffff),
	               (unsigned long long)source_offset(walk->source));
}

/* ---- headers -------------------------------------------------------------------------------------------------- */

static bool vr_is(const char vr[2], const char *list)
{
	for (; list[0] != '\0'; list += 3)
		if (vr[0] == list[0] && vr[1] == list[1])
			return true;
	return false;
}

/*
 * PS3.5 section 7.1.2: the VRs of the first edition have 16 bits of length, later ones two zero bytes and then 32. A VR that nobody knows is
 * a later one, or was made up by a device that writes 16 bits: the two bytes tell.
 */
static bool vr_is_long(const char vr[2], uint16_t short_length)
{
	if (vr_is(vr, "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US "))
		return false;
	return short_length == 0 || vr_is(vr, "OB OD OF OL OV OW SQ SV UC UN UR UT UV ");
}

static bool read_header(struct walk *walk, bool is_implicit, struct header *out, struct err *err)
{
	bool big = walk->syntax->is_big_endian;
	unsigned char raw[8];

	if (!source_read(walk->source, raw, sizeof raw, err))
		return false;
	*out = (struct header){.tag = (uint32_t)get16(raw, big) << 16 | get16(raw + 2, big),
	                       .length = get32(raw + 4, big)};
	if (is_implicit || out->tag >> 16 == 0xfffe || out->tag == 0)
		return true;
	memcpy(out->vr, raw + 4, 2);
	for (int i = 0; i < 2; i++)
		if (raw[4 + i] < 0x20 || raw[4 + i] > 0x7e)
			return fault(walk, out->tag, "no value representation", err);
	out->length = get16(raw + 6, big);
	if (!vr_is_long(out->vr, (uint16_t)out->length))
		return true;
	if (!source_read(walk->source, raw, 4, err))
		return false;
	out->length = get32(raw, big);
	return true;
}

/* ---- levels --------------------------------------------------------------------------------------------------- */

static struct level *top_level(struct walk *walk)
{
	return &walk->levels[walk->top];
}

/* Where `length` bytes from here end; ERR_INVALID when that is outside of what holds them. */
static bool end_of(struct walk *walk, const struct header *header, uint64_t *out, struct err *err)
{
	uint64_t end = source_offset(walk->source) + header->length;

	if (end > source_limit(walk->source) || end > top_level(walk)->limit)
		return fault(walk, header->tag, "a length beyond the end", err);
	*out = end;
	return true;
}

static bool push(struct walk *walk, const struct header *header, enum level_kind kind, bool is_implicit,
                 struct err *err)
{
	uint64_t end = UINT64_MAX, limit = top_level(walk)->limit;

	if (header->length != LENGTH_UNDEFINED && !end_of(walk, header, &end, err))
		return false;
	if (walk->top + 1 == STRUCTURE_DEPTH_MAX)
		return fault(walk, header->tag, "nesting too deep", err);
	walk->levels[++walk->top] = (struct level){kind, end, end < limit ? end : limit, is_implicit};
	return true;
}

static bool skip_value(struct walk *walk, const struct header *header, struct err *err)
{
	uint64_t end;

	return end_of(walk, header, &end, err) && source_skip(walk->source, header->length, err);
}

/* ---- elements ------------------------------------------------------------------------------------------------- */

static struct structure_element describe(const struct walk *walk, const struct header *header)
{
	return (struct structure_element){
	    .tag = header->tag,
	    .parent = walk->parent,
	    .item = walk->item,
	    .depth = walk->top / 2,
	    .length = header->length == LENGTH_UNDEFINED ? UINT64_MAX : header->length,
	    .is_big_endian = walk->syntax->is_big_endian,
	};
}

static bool visit(struct walk *walk, const struct header *header, struct err *err)
{
	struct structure_element element = describe(walk, header);
	uint64_t end;
	size_t want;

	if (!end_of(walk, header, &end, err))
		return false;
	want = walk->visitor->want(walk->visitor->context, &element);
	want = want < STRUCTURE_VALUE_MAX ? want : STRUCTURE_VALUE_MAX;
	want = want < header->length ? want : header->length;
	if (want > 0) {
		if (!source_read(walk->source, walk->value, want, err))
			return false;
		walk->visitor->value(walk->visitor->context, &element, walk->value, want);
	}
	return source_skip(walk->source, header->length - want, err);
}

static bool open_sequence(struct walk *walk, const struct header *header, bool is_implicit, struct err *err)
{
	if (walk->top == 0) {
		walk->parent = header->tag;
		walk->item = 0;
	}
	return push(walk, header, LEVEL_ITEMS, is_implicit, err);
}

static bool open_undefined(struct walk *walk, const struct header *header, bool is_implicit, struct err *err)
{
	struct structure_element element;

	if (is_implicit || vr_is(header->vr, "SQ "))
		return open_sequence(walk, header, is_implicit, err);
	if (vr_is(header->vr, "UN ")) /* PS3.5 section 6.2.2, note 2 */
		return open_sequence(walk, header, true, err);
	if (header->tag == TAG_PIXELS && vr_is(header->vr, "OB OW ")) {
		if (walk->syntax->pixels == SYNTAX_NATIVE && walk->top == 0)
			return fault(walk, header->tag, "encapsulated pixels under a native transfer syntax", err);
		element = describe(walk, header);
		(void)walk->visitor->want(walk->visitor->context, &element);
		return push(walk, header, LEVEL_FRAGMENTS, false, err);
	}
	return fault(walk, header->tag, "an undefined length", err);
}

/* Some writers pad the file with zeros behind the pixels; nothing else may follow there. */
static bool skip_padding(struct walk *walk, struct err *err)
{
	unsigned char piece[64];
	size_t n;
	bool at_end = false;

	while (!at_end) {
		if (!source_peek(walk->source, piece, sizeof piece, &n, err) || !source_skip(walk->source, n, err))
			return false;
		for (size_t i = 0; i < n; i++)
			if (piece[i] != 0)
				return fault(walk, 0, "a command element", err);
		if (!source_at_end(walk->source, &at_end, err))
			return false;
	}
	return true;
}

static bool step_elements(struct walk *walk, struct err *err)
{
	struct level *level = top_level(walk);
	bool is_implicit = level->is_implicit;
	struct header header;

	if (!read_header(walk, is_implicit, &header, err))
		return false;
	if (header.tag == TAG_ITEM_END && level->end == UINT64_MAX && walk->top > 0) {
		walk->top--;
		return header.length == 0 || fault(walk, header.tag, "a delimiter with a length", err);
	}
	if (header.tag >> 16 == 0xfffe)
		return fault(walk, header.tag, "a stray delimiter", err);
	if (header.tag == 0 && walk->top == 0 && walk->seen_pixels)
		return skip_padding(walk, err);
	if (header.tag >> 16 < 0x0008 && header.tag >> 16 != 0x0004 && (header.tag >> 16 & 1) == 0)
		return fault(walk, header.tag, "an element that no dataset holds", err);
	if (header.tag == TAG_PIXELS && walk->top == 0) {
		walk->seen_pixels = true;
		if (walk->syntax->pixels == SYNTAX_ENCAPSULATED && header.length != LENGTH_UNDEFINED)
			return fault(walk, header.tag, "native pixels under an encapsulated transfer syntax", err);
	}
	if (header.length == LENGTH_UNDEFINED)
		return open_undefined(walk, &header, is_implicit, err);
	if (vr_is(header.vr, "SQ ") ||
	    (is_implicit && structure_is_sequence((uint16_t)(header.tag >> 16), (uint16_t)header.tag)))
		return open_sequence(walk, &header, is_implicit, err);
	return visit(walk, &header, err);
}

static bool step_items(struct walk *walk, struct err *err)
{
	struct level *level = top_level(walk);
	struct header header;

	if (!read_header(walk, level->is_implicit, &header, err))
		return false;
	if (header.tag == TAG_ITEM) {
		walk->item += walk->top == 1;
		return push(walk, &header, LEVEL_ELEMENTS, level->is_implicit, err);
	}
	if (header.tag == TAG_SEQUENCE_END && level->end == UINT64_MAX) {
		walk->top--;
		return header.length == 0 || fault(walk, header.tag, "a delimiter with a length", err);
	}
	return fault(walk, header.tag, "no item in a sequence", err);
}

/* PS3.5 section A.4: the first item is the offset table, every item has its length. */
static bool step_fragments(struct walk *walk, struct err *err)
{
	struct header header;

	if (!read_header(walk, false, &header, err))
		return false;
	if (header.tag == TAG_SEQUENCE_END) {
		walk->top--;
		return header.length == 0 || fault(walk, header.tag, "a delimiter with a length", err);
	}
	if (header.tag != TAG_ITEM || header.length == LENGTH_UNDEFINED)
		return fault(walk, header.tag, "no fragment in encapsulated pixels", err);
	if (walk->visitor->fragment && walk->top == 1)
		walk->visitor->fragment(walk->visitor->context, source_offset(walk->source), header.length);
	return skip_value(walk, &header, err);
}

/* Closes the levels that end here. Past the end is a fault of the lengths (an element larger than what holds it was refused before). */
static bool close_levels(struct walk *walk, struct err *err)
{
	while (walk->top > 0 && top_level(walk)->end != UINT64_MAX &&
	       source_offset(walk->source) >= top_level(walk)->end) {
		if (source_offset(walk->source) > top_level(walk)->end)
			return fault(walk, walk->parent, "an element across the end of its item", err);
		walk->top--;
	}
	if (walk->top == 0)
		walk->parent = walk->item = 0;
	return true;
}

static bool walk_dataset(struct walk *walk, struct err *err)
{
	static bool (*const step[])(struct walk *, struct err *) = {
	    [LEVEL_ELEMENTS] = step_elements, [LEVEL_ITEMS] = step_items, [LEVEL_FRAGMENTS] = step_fragments};

	walk->levels[0] = (struct level){LEVEL_ELEMENTS, UINT64_MAX, UINT64_MAX, walk->syntax->is_implicit};
	for (;;) {
		bool at_end;

		if (!close_levels(walk, err))
			return false;
		if (walk->top == 0) {
			if (!source_at_end(walk->source, &at_end, err))
				return false;
			if (at_end)
				return walk->elements > 0 ||
				       err_set(err, ERR_INVALID, "cannot read the dataset: it is empty");
		}
		if (++walk->elements > STRUCTURE_ELEMENTS_MAX)
			return fault(walk, walk->parent, "too many elements", err);
		if (!step[top_level(walk)->kind](walk, err))
			return false;
	}
}

/* ---- meta header ---------------------------------------------------------------------------------------------- */

static bool read_syntax(struct walk *walk, const struct header *header, char out[DICOM_UID_SIZE], struct err *err)
{
	char uid[DICOM_UID_SIZE] = "";
	size_t length = header->length;

	if (length >= sizeof uid)
		return fault(walk, header->tag, "a transfer syntax that is no UID", err);
	if (!source_read(walk->source, uid, length, err))
		return false;
	while (length > 0 && (uid[length - 1] == '\0' || uid[length - 1] == ' '))
		uid[--length] = '\0';
	/* Whatever else stands there goes into texts and lists as it is. */
	if (strspn(uid, "0123456789.") != length)
		return fault(walk, header->tag, "a transfer syntax that is no UID", err);
	memcpy(out, uid, sizeof uid);
	return true;
}

/* PS3.10 section 7.1: always explicit VR little endian. Ends at the first element of another group, whatever the group length says. */
static bool read_meta(struct walk *walk, char out_syntax[DICOM_UID_SIZE], struct err *err)
{
	unsigned char head[132];

	walk->syntax = syntax_of("1.2.840.10008.1.2.1");
	walk->levels[0] = (struct level){LEVEL_ELEMENTS, UINT64_MAX, UINT64_MAX, false};
	if (!source_read(walk->source, head, sizeof head, err))
		return false;
	if (memcmp(head + 128, "DICM", 4) != 0)
		return err_set(err, ERR_INVALID, "cannot read the file: it is no DICOM file");
	for (int count = 0; count < 64; count++) {
		struct header header;
		unsigned char group[2];
		size_t n;

		if (!source_peek(walk->source, group, sizeof group, &n, err))
			return false;
		if (n < sizeof group || get16(group, false) != 0x0002)
			return true;
		if (!read_header(walk, false, &header, err))
			return false;
		if (header.tag == 0x00020010 ? !read_syntax(walk, &header, out_syntax, err)
		                             : !skip_value(walk, &header, err))
			return false;
	}
	return err_set(err, ERR_INVALID, "cannot read the file: the meta header does not end");
}

/* From the first byte of the file to the first of the dataset. On false the source is closed. */
static bool enter_dataset(struct walk *walk, char out_syntax[DICOM_UID_SIZE], struct err *err)
{
	if (read_meta(walk, out_syntax, err)) {
		if (out_syntax[0] != '\0')
			return true;
		err_set(err, ERR_INVALID, "cannot read the file: it names no transfer syntax");
	}
	source_close(walk->source);
	return false;
}

bool structure_open_dataset(const char *path, struct source **out, char out_syntax[DICOM_UID_SIZE], struct err *err)
{
	struct walk walk = {0};
	char syntax[DICOM_UID_SIZE] = "";

	if (!source_open(path, &walk.source, err) || !enter_dataset(&walk, syntax, err))
		return false;
	memcpy(out_syntax, syntax, sizeof syntax);
	*out = walk.source;
	return true;
}

/* Takes the source. */
static bool walk_source(struct source *source, const struct structure_visitor *visitor, char out_syntax[DICOM_UID_SIZE],
                        struct err *err)
{
	struct walk walk = {.visitor = visitor, .source = source};
	char syntax[DICOM_UID_SIZE] = "";
	bool ok;

	if (!enter_dataset(&walk, syntax, err))
		return false;
	walk.syntax = syntax_of(syntax);
	if (walk.syntax->is_deflated)
		source_inflate(walk.source);
	ok = walk_dataset(&walk, err);
	if (ok)
		memcpy(out_syntax, syntax, sizeof syntax);
	source_close(walk.source);
	return ok;
}

bool structure_walk(const char *path, const struct structure_visitor *visitor, char out_syntax[DICOM_UID_SIZE],
                    struct err *err)
{
	struct source *source;

	return source_open(path, &source, err) && walk_source(source, visitor, out_syntax, err);
}

bool structure_walk_bytes(const struct dicom_bytes *bytes, const struct structure_visitor *visitor,
                          char out_syntax[DICOM_UID_SIZE], struct err *err)
{
	struct source *source;

	source_open_bytes(bytes, &source);
	return walk_source(source, visitor, out_syntax, err);
}
