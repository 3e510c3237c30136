#include "gateway/reach.h"

#include <stdatomic.h>

#include "lib/base/conf.h"
#include "lib/dicom/dicom.h"
#include "lib/transport/lookup.h"

enum { AT_ONCE_MAX = 2, HTTP_TOO_MANY = 429 };

static atomic_int at_work;

/* ---- the steps ------------------------------------------------------------------------------------------------------- */

static void add_step(json_t *steps, const char *step, bool ok, const char *detail)
{
	json_t *entry = json_pack("{s:s, s:b, s:s}", "step", step, "ok", ok, "detail", detail);
	if (entry == NULL || json_array_append_new(steps, entry) != 0)
		err_panic("could not write JSON");
}

static void echo(const struct reach_peer *peer, const char *address, json_t *steps)
{
	static const char *const names[] = {"tcp", "", "association", "echo"}; /* by what was reached before */
	struct dicom_destination to = {.calling_ae = conf_text(CONF_AE_TITLE),
	                               .called_ae = peer->ae_title,
	                               .host = address,
	                               .port = peer->port,
	                               .timeout_ms = REACH_STEP_MS};
	enum dicom_contact reached = DICOM_CONTACT_NONE;
	struct err err = {0};
	bool ok = dicom_echo(&to, &reached, &err);
	/* What was reached is behind us; the step after it is the one that decided. */
	for (size_t step = 0; step < sizeof names / sizeof names[0] && step < (size_t)reached; step++)
		if (names[step][0] != '\0')
			add_step(steps, names[step], true, "");
	add_step(steps, names[reached > DICOM_CONTACT_ASSOCIATED ? DICOM_CONTACT_ASSOCIATED : reached], ok,
	         ok ? "" : err.text);
}

bool reach_enter(struct err *err)
{
	if (atomic_fetch_add(&at_work, 1) < AT_ONCE_MAX)
		return true;
	reach_leave();
	err_set(err, ERR_REFUSED, "other destinations are tested just now: try again in a few seconds");
	return err_code(err, ERR_SOURCE_HTTP, HTTP_TOO_MANY);
}

void reach_leave(void)
{
	atomic_fetch_sub(&at_work, 1);
}

bool reach_test(const struct reach_peer *peer, json_t **out, struct err *err)
{
	char address[LOOKUP_ADDRESS_SIZE], why[200];
	if (!reach_enter(err))
		return false;
	json_t *steps = json_array();
	/* IPv4, as our upper layer connects. */
	bool is_found = lookup_host(peer->host, true, REACH_STEP_MS, address, why, sizeof why);
	add_step(steps, "address", is_found, is_found ? address : why);
	if (is_found)
		echo(peer, address, steps);
	reach_leave();
	*out = steps;
	return true;
}
