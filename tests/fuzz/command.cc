/*
 * Command sets and datasets on an association that was accepted (PS3.7 annex E, PS3.8 annex E). The input is fragments: two bytes of length,
 * little endian, the context, the flags, the bytes.
 */
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/provider.h"

enum { STREAM_MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	std::string stream = provider_request();

	if (length > STREAM_MAX)
		return 0;
	while (length >= 4) {
		size_t wanted = static_cast<size_t>(bytes[0] | bytes[1] << 8),
		       n = wanted < length - 4 ? wanted : length - 4;

		stream += provider_data(bytes[2], bytes[3], std::string(reinterpret_cast<const char *>(bytes) + 4, n));
		bytes += 4 + n;
		length -= 4 + n;
	}
	provider_serve(stream + std::string("\5\0\0\0\0\4\0\0\0\0", 10));
	return 0;
}
