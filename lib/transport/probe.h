/*
 * Walks the whole way to a destination for whoever asks whether it is there: its name first, then what its transport can tell. Bounded in
 * time; knows no ledger.
 */
#ifndef YQ_TRANSPORT_PROBE_H
#define YQ_TRANSPORT_PROBE_H

#include "lib/transport/transport.h"

enum { PROBE_STEP_MS = 5000, PROBE_STEPS_MAX = TRANSPORT_STEPS_MAX + 1 };

/*
 * How many steps there are in `steps`, 1 at least; the last may have failed. No step waits longer than PROBE_STEP_MS for connection or answer, whatever the
 * destination's time-outs are.
 */
int transport_probe(const struct destination_settings *to, struct transport_step steps[PROBE_STEPS_MAX]);

#endif
