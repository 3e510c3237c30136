/* One association of the service class provider, over a socket pair, with handlers that count. */
#ifndef YQ_TESTS_FUZZ_PROVIDER_H
#define YQ_TESTS_FUZZ_PROVIDER_H

#include <cstddef>
#include <cstdint>
#include <string>

/*
 * Serves a peer who sends these bytes, says no more, and reads what comes. Claims: every object that is begun has one end; an admitted
 * association has one; what is answered is whole PDUs (PS3.8 section 9.3.1); the connection is closed.
 */
void provider_serve(const std::string &bytes);

/* An A-ASSOCIATE-RQ: Verification as context 1, Secondary Capture as 3. */
std::string provider_request();
/* A P-DATA-TF PDU with one value. flags: 1 command, 2 last (PS3.8 annex E.2). */
std::string provider_data(uint8_t context, uint8_t flags, const std::string &value);

#endif
