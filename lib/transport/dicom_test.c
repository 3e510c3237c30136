/* The way to a DICOM node, step by step, and what it would take there. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/dial.h"
#include "lib/base/text.h"
#include "lib/domain/destination_settings.h"
#include "lib/transport/dicom_parts.h"

/* What a county sends every day. */
static const struct kind {
	const char *name, *uid;
} kinds[] = {
    {"CT", "1.2.840.10008.5.1.4.1.1.2"},
    {"MR", "1.2.840.10008.5.1.4.1.1.4"},
    {"CR", "1.2.840.10008.5.1.4.1.1.1"},
    {"DX", "1.2.840.10008.5.1.4.1.1.1.1"},
    {"MG", "1.2.840.10008.5.1.4.1.1.1.2"},
    {"US", "1.2.840.10008.5.1.4.1.1.6.1"},
    {"US multi-frame", "1.2.840.10008.5.1.4.1.1.3.1"},
    {"secondary capture", "1.2.840.10008.5.1.4.1.1.7"},
    {"SR", "1.2.840.10008.5.1.4.1.1.88.11"},
    {"PDF", "1.2.840.10008.5.1.4.1.1.104.1"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0], PLAIN = 2, LOSSLESS = 3, SYNTAXES = PLAIN + LOSSLESS };

static const struct syntax_name {
	const char *name, *uid;
} syntaxes[SYNTAXES] = {{"explicit", DICOM_EXPLICIT},
                        {"implicit", DICOM_IMPLICIT},
                        {"JPEG-LS", "1.2.840.10008.1.2.4.80"},
                        {"JPEG 2000", "1.2.840.10008.1.2.4.90"},
                        {"JPEG lossless", "1.2.840.10008.1.2.4.70"}};

static const struct dicom_proposal services[] = {
    {DICOM_VERIFICATION, DICOM_IMPLICIT},     {DICOM_COMMITMENT_CLASS, DICOM_EXPLICIT},
    {DICOM_COMMITMENT_CLASS, DICOM_IMPLICIT}, {DICOM_STUDY_ROOT_FIND, DICOM_EXPLICIT},
    {DICOM_STUDY_ROOT_FIND, DICOM_IMPLICIT},
};
enum { SERVICES = sizeof services / sizeof services[0], PROPOSALS = SERVICES + KINDS * SYNTAXES };

struct walk {
	const struct destination_settings *to;
	struct transport_step *steps;
	int count;
	int64_t started_ms; /* of the step */
};

/* False when the step failed. what_to_do may be empty. */
static bool add_step(struct walk *walk, const char *name, bool is_ok, const char *text, const char *what_to_do)
{
	struct transport_step *step = &walk->steps[walk->count++];
	int64_t now_ms = clock_monotonic_ms();

	step->name = name;
	step->is_ok = is_ok;
	step->elapsed_ms = now_ms - walk->started_ms;
	snprintf(step->text, sizeof step->text, "%.200s%s%.90s", text, *what_to_do ? "; " : "", what_to_do);
	text_make_utf8(step->text);
	walk->started_ms = now_ms;
	return is_ok;
}

/* ---- the steps ------------------------------------------------------------------------------------------------------------- */

static bool find_name(struct walk *walk, struct dial_addresses *out)
{
	char found[DIAL_TEXT_SIZE];
	struct err err;

	if (!dial_find(walk->to->host, walk->to->port, walk->to->connect_timeout_ms, out, &err))
		return add_step(walk, "name", false, err.text, "check the host's spelling, and the name service");
	dial_text(&out->items[0], found);
	return add_step(walk, "name", true, found, "");
}

static bool connect_there(struct walk *walk, const struct dial_addresses *addresses)
{
	struct err err;
	int fd;

	if (!dial_connect(addresses, walk->to->connect_timeout_ms, &fd, &err))
		return add_step(walk, "tcp", false, err.text, "check port, routes and firewalls, and that it runs");
	close(fd);
	return add_step(walk, "tcp", true, "", "");
}

static void list_proposals(struct dicom_proposal out[PROPOSALS])
{
	size_t count = SERVICES;

	memcpy(out, services, sizeof services);
	for (size_t kind = 0; kind < KINDS; kind++)
		for (size_t syntax = 0; syntax < SYNTAXES; syntax++)
			out[count++] = (struct dicom_proposal){kinds[kind].uid, syntaxes[syntax].uid};
}

static struct dicom_scu *associate(struct walk *walk)
{
	struct dicom_destination to = dicom_destination_of(walk->to);
	struct dicom_proposal proposals[PROPOSALS];
	enum dicom_contact reached = DICOM_CONTACT_NONE;
	struct dicom_scu *scu = NULL;
	struct err err;
	bool ok;

	list_proposals(proposals);
	ok = dicom_scu_open(&to, proposals, PROPOSALS, &scu, &reached, &err);
	if (to.is_tls &&
	    !add_step(walk, "tls", reached >= DICOM_CONTACT_SECURED, reached >= DICOM_CONTACT_SECURED ? "" : err.text,
	              reached >= DICOM_CONTACT_SECURED ? "" : "check its certificate and whom we trust"))
		return NULL;
	if (ok) {
		add_step(walk, "association", true, "", "");
		return scu;
	}
	add_step(walk, "association", false, err.text,
	         err.kind == ERR_REFUSED ? "it must know our AE title and address, and we its AE title" : "");
	return NULL;
}

static bool echo(struct walk *walk, struct dicom_scu *scu)
{
	struct err err;
	bool ok = dicom_scu_echo(scu, &err);

	return add_step(walk, "echo", ok, ok ? "" : err.text, "");
}

/* ---- what it takes ---------------------------------------------------------------------------------------------------------- */

static bool takes_kind(const struct dicom_scu *scu, const struct kind *kind, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (dicom_scu_accepts(scu, kind->uid, syntaxes[i].uid))
			return true;
	return false;
}

static void append(char *out, size_t out_size, const char *word)
{
	size_t length = strlen(out);

	snprintf(out + length, out_size - length, "%s%s", length > 0 ? ", " : "", word);
}

/* Whoever takes no CT may be a film printer; whoever takes nothing is no place to send images to. */
static bool tell_storage(struct walk *walk, const struct dicom_scu *scu)
{
	char taken[160] = "", refused[160] = "", text[340];

	for (size_t i = 0; i < KINDS; i++)
		append(takes_kind(scu, &kinds[i], 0, PLAIN) ? taken : refused, sizeof taken, kinds[i].name);
	if (!taken[0])
		return add_step(walk, "storage", false, "it takes no kind of image",
		                "let it accept storage from our AE title");
	snprintf(text, sizeof text, "takes %s%s%s", taken, refused[0] ? "; not " : "", refused);
	return add_step(walk, "storage", true, text, "");
}

static void tell_lossless(struct walk *walk, const struct dicom_scu *scu)
{
	char taken[100] = "";

	for (size_t i = PLAIN; i < SYNTAXES; i++)
		if (takes_kind(scu, &kinds[0], i, i + 1) || takes_kind(scu, &kinds[2], i, i + 1))
			append(taken, sizeof taken, syntaxes[i].name);
	add_step(walk, "lossless", true, taken[0] ? taken : "none: images go uncompressed",
	         taken[0] && !walk->to->wants_lossless ? "set compression to lossless to use it" : "");
}

static void tell_proof(struct walk *walk, const struct dicom_scu *scu)
{
	bool commits = dicom_scu_accepts(scu, DICOM_COMMITMENT_CLASS, DICOM_EXPLICIT) ||
	               dicom_scu_accepts(scu, DICOM_COMMITMENT_CLASS, DICOM_IMPLICIT);
	bool finds = dicom_scu_accepts(scu, DICOM_STUDY_ROOT_FIND, DICOM_EXPLICIT) ||
	             dicom_scu_accepts(scu, DICOM_STUDY_ROOT_FIND, DICOM_IMPLICIT);
	enum destination_proof wanted = walk->to->proof;
	bool is_ok = wanted == DESTINATION_PROOF_COMMITMENT ? commits
	             : wanted == DESTINATION_PROOF_QUERY    ? finds
	                                                    : true;

	add_step(walk, "proof", is_ok,
	         commits && finds ? "storage commitment, query"
	         : commits        ? "storage commitment"
	         : finds          ? "query"
	                          : "its answers only",
	         is_ok ? "" : "it does not offer what this destination wants: set proof to auto");
}

int dicom_test_way(const struct destination_settings *to, struct transport_step steps[TRANSPORT_STEPS_MAX])
{
	struct walk walk = {.to = to, .steps = steps, .started_ms = clock_monotonic_ms()};
	struct dial_addresses addresses;
	struct dicom_scu *scu;

	if (!find_name(&walk, &addresses) || !connect_there(&walk, &addresses))
		return walk.count;
	scu = associate(&walk);
	if (scu && echo(&walk, scu) && tell_storage(&walk, scu)) {
		tell_lossless(&walk, scu);
		tell_proof(&walk, scu);
	}
	dicom_scu_close(scu);
	return walk.count;
}
