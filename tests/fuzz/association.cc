/* PDUs of an association (PS3.8 section 9.3), as a peer sends them from the first byte on. */
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/provider.h"

enum { STREAM_MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length <= STREAM_MAX)
		provider_serve(std::string(reinterpret_cast<const char *>(bytes), length));
	return 0;
}
