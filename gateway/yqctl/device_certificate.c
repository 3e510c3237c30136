#include "gateway/yqctl/device_certificate.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"

enum { FILE_MAX = 64 * 1024 };

bool device_certificate_given(const struct invocation *in, struct device_certificate *out, struct err *err)
{
	const char *given = option_value(in, "certificate");
	char digits[CERTIFICATE_SHA256_SIZE], *bytes;
	size_t length;
	bool ok;

	*out = (struct device_certificate){.until_us = 0};
	if (!given || strcmp(given, "any") == 0)
		return true;
	if (certificate_parse_sha256(given, digits))
		return device_certificate_read(given, strlen(given), out, err);
	if (!file_read_all(given, FILE_MAX, &bytes, &length, err))
		return false;
	ok = device_certificate_read(bytes, length, out, err);
	free(bytes);
	return ok;
}
