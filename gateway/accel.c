#include "gateway/accel.h"

#include <stdio.h>
#include <string.h>

#include "gateway/caller.h"
#include "lib/base/conf.h"

bool accel_check(const char *prefix, struct err *err)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_/";
	size_t length = strlen(prefix);
	if (length == 0)
		return true;
	return (length >= 3 && length <= ACCEL_PREFIX_MAX && prefix[0] == '/' && prefix[length - 1] == '/' &&
	        strstr(prefix, "//") == NULL && prefix[strspn(prefix, plain)] == '\0') ||
	       err_set(err, ERR_INVALID,
	               "cannot use store_accel: an address such as /yq-store/ is wanted, of letters, digits, - and _, "
	               "with a slash at both ends");
}

/* nginx weighs these a second time, by what it knows of the file, which is not its tag. They are rare. */
static bool has_own_condition(const struct http_request *request)
{
	return http_header(request, "If-Match") != NULL || http_header(request, "If-Unmodified-Since") != NULL;
}

bool accel_locate(const struct http_request *request, struct store *store, const char *key, char out[ACCEL_PLACE_SIZE])
{
	const char *prefix = conf_text(CONF_STORE_ACCEL);
	char name[STORE_FILE_SIZE];
	if (prefix[0] == '\0' || !caller_is_forwarded(request) || has_own_condition(request) ||
	    !store_file_name(store, key, name))
		return false;
	snprintf(out, ACCEL_PLACE_SIZE, "%s%s", prefix, name);
	return true;
}
