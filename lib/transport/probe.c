#include "lib/transport/probe.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/dial.h"
#include "lib/base/text.h"
#include "lib/domain/destination_settings.h"
#include "lib/http/url.h"

static bool find_name(const struct destination_settings *to, struct transport_step *step)
{
	int64_t started_ms = clock_monotonic_ms();
	struct http_url url = {.host = ""};
	struct dial_addresses found;
	char address[DIAL_TEXT_SIZE];
	struct err err;

	if (!to->host[0])
		(void)http_url_read(to->url, &url);
	step->name = "name";
	step->is_ok = dial_find(to->host[0] ? to->host : url.host, to->port, PROBE_STEP_MS, &found, &err);
	if (step->is_ok)
		dial_text(&found.items[0], address);
	text_copy(step->text, sizeof(step->text), step->is_ok ? address : err.text);
	step->elapsed_ms = clock_monotonic_ms() - started_ms;
	return step->is_ok;
}

static int64_t at_most(int64_t value, int64_t maximum)
{
	return value < maximum ? value : maximum;
}

/* The name was found; a transport that finds it itself tells that better. */
static int walk(const struct transport *transport, const struct destination_settings *to,
                struct transport_step steps[PROBE_STEPS_MAX])
{
	struct transport_step own[TRANSPORT_STEPS_MAX];
	int count = transport->test(to, own), from;

	if (count > TRANSPORT_STEPS_MAX)
		err_panic("more steps than there is room for");
	from = count > 0 && strcmp(own[0].name, "name") == 0 ? 0 : 1;
	memcpy(&steps[from], own, (size_t)count * sizeof(own[0]));
	return from + count;
}

int transport_probe(const struct destination_settings *to, struct transport_step steps[PROBE_STEPS_MAX])
{
	const struct transport *transport = transport_find(to->protocol);
	struct destination_settings quick = *to;

	if (!transport || !transport->test) {
		steps[0] = (struct transport_step){.name = "protocol"};
		snprintf(steps[0].text, sizeof(steps[0].text), "this program cannot send by %s", to->protocol);
		return 1;
	}
	quick.connect_timeout_ms = at_most(to->connect_timeout_ms, PROBE_STEP_MS);
	quick.answer_timeout_ms = at_most(to->answer_timeout_ms, PROBE_STEP_MS);
	return find_name(to, &steps[0]) ? walk(transport, &quick, steps) : 1;
}
