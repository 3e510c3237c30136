#include "lib/dicom/associate_request.h"

#include "lib/dicom/dicom.h"

enum {
	FIXED_SIZE = 68, /* version, AE titles, reserved */
	UID_MAX = DICOM_UID_SIZE - 1,
	CONTEXT_HEAD = 4,  /* id, reserved */
	IDENTITY_HEAD = 6, /* type, response, two lengths */
	IDENTITY_PASSWORD = 2,
	ITEM_APPLICATION = 0x10,
	ITEM_CONTEXT = 0x20,
	ITEM_CONTEXT_ANSWER = 0x21,
	ITEM_ABSTRACT = 0x30,
	ITEM_TRANSFER = 0x40,
	ITEM_USER = 0x50,
	ITEM_MAX_LENGTH = 0x51,
	ITEM_IMPLEMENTATION_UID = 0x52,
	ITEM_ROLE = 0x54,
	ITEM_IMPLEMENTATION_NAME = 0x55,
	ITEM_EXTENDED = 0x56,
	ITEM_IDENTITY = 0x58,
	ITEM_IDENTITY_ANSWER = 0x59
};

struct items {
	const uint8_t *at;
	size_t left;
};

struct item {
	unsigned type;
	const uint8_t *bytes;
	size_t length;
};

struct counts {
	int users, identities;
	size_t syntaxes;
};

static bool broken(struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "cannot read the association request: %s", what);
}

static size_t get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* Type, reserved, length, bytes. */
static bool take_item(struct items *items, struct item *out, struct err *err)
{
	if (items->left < 4)
		return broken(err, "an item is cut off");
	*out = (struct item){items->at[0], items->at + 4, get16(items->at + 2)};
	if (out->length > items->left - 4)
		return broken(err, "an item is longer than what holds it");
	items->at += 4 + out->length;
	items->left -= 4 + out->length;
	return true;
}

static bool check_name(const struct item *item, struct err *err)
{
	return item->length <= UID_MAX || broken(err, "a name of more than 64 characters");
}

/* Each context offers something (PS3.8 section 9.3.2.2). */
static bool check_context(const struct item *item, struct counts *counts, struct err *err)
{
	size_t before = counts->syntaxes;
	struct items inside;
	struct item part = {0};

	if (item->length < CONTEXT_HEAD)
		return broken(err, "a presentation context is cut off");
	inside = (struct items){item->bytes + CONTEXT_HEAD, item->length - CONTEXT_HEAD};
	while (inside.left > 0) {
		if (!take_item(&inside, &part, err))
			return false;
		if ((part.type == ITEM_ABSTRACT || part.type == ITEM_TRANSFER) && !check_name(&part, err))
			return false;
		counts->syntaxes += part.type == ITEM_TRANSFER;
	}
	if (counts->syntaxes == before)
		return broken(err, "a presentation context without transfer syntax");
	return counts->syntaxes <= ASSOCIATE_SYNTAXES_MAX || broken(err, "too many transfer syntaxes");
}

/* A UID with its own length, then at least `more` bytes: PS3.7 sections D.3.3.4 and D.3.3.5. */
static bool check_uid_inside(const struct item *item, size_t more, struct err *err)
{
	return (item->length >= 2 + more && get16(item->bytes) <= item->length - 2 - more) ||
	       broken(err, "a negotiation item is shorter than its UID");
}

/*
 * Two fields with their lengths, the second one of a password only, and nothing else: DCMTK reads what it does not expect as the next item (PS3.7
 * section D.3.3.7).
 */
static bool check_identity(const struct item *item, struct counts *counts, struct err *err)
{
	size_t primary, secondary;

	if (++counts->identities > 1)
		return broken(err, "more than one user identity");
	if (item->length < IDENTITY_HEAD)
		return broken(err, "a user identity is cut off");
	primary = get16(item->bytes + 2);
	if (primary > item->length - IDENTITY_HEAD)
		return broken(err, "a user identity is shorter than its first field");
	secondary = get16(item->bytes + 4 + primary);
	if (secondary > 0 && item->bytes[0] != IDENTITY_PASSWORD)
		return broken(err, "a user identity with a second field that its type does not have");
	return primary + secondary == item->length - IDENTITY_HEAD ||
	       broken(err, "a user identity is not as long as its fields");
}

static bool check_user_part(const struct item *item, struct counts *counts, struct err *err)
{
	switch (item->type) {
	case ITEM_MAX_LENGTH:
		return item->length >= 4 || broken(err, "a maximum length is cut off");
	case ITEM_IMPLEMENTATION_UID:
	case ITEM_IMPLEMENTATION_NAME:
		return check_name(item, err);
	case ITEM_ROLE:
		return check_uid_inside(item, 2, err);
	case ITEM_EXTENDED:
		return check_uid_inside(item, 0, err);
	case ITEM_IDENTITY:
	case ITEM_IDENTITY_ANSWER:
		return check_identity(item, counts, err);
	default:
		return true;
	}
}

static bool check_user(const struct item *item, struct counts *counts, struct err *err)
{
	struct items inside = {item->bytes, item->length};
	struct item part = {0};

	if (++counts->users > 1)
		return broken(err, "more than one user information item");
	while (inside.left > 0)
		if (!take_item(&inside, &part, err) || !check_user_part(&part, counts, err))
			return false;
	return true;
}

static bool check_item(const struct item *item, struct counts *counts, struct err *err)
{
	switch (item->type) {
	case ITEM_APPLICATION:
		return check_name(item, err);
	case ITEM_CONTEXT:
		return check_context(item, counts, err);
	case ITEM_CONTEXT_ANSWER:
		return broken(err, "an item that belongs into an answer");
	case ITEM_USER:
		return check_user(item, counts, err);
	default:
		return true;
	}
}

bool associate_request_check(const uint8_t *body, size_t length, struct err *err)
{
	struct counts counts = {0, 0, 0};
	struct items items;
	struct item item = {0};

	if (length < FIXED_SIZE)
		return broken(err, "it is cut off");
	items = (struct items){body + FIXED_SIZE, length - FIXED_SIZE};
	while (items.left > 0)
		if (!take_item(&items, &item, err) || !check_item(&item, &counts, err))
			return false;
	return true;
}
