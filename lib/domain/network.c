#include "lib/domain/network.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

enum { HOST_MAX = 253, LABEL_MAX = 63 };

struct address {
	int family, bits;
	uint8_t bytes[16];
};

static bool parse_address(const char *text, struct address *out)
{
	out->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	out->bits = out->family == AF_INET6 ? 128 : 32;
	return inet_pton(out->family, text, out->bytes) == 1;
}

/* Clears what stands behind the prefix; true when that changed something. */
static bool mask(struct address *address, int prefix)
{
	bool changed = false;

	for (int i = 0; i < address->bits / 8; i++) {
		int kept = prefix - i * 8;
		uint8_t wanted = kept >= 8 ? 0xff : kept <= 0 ? 0 : (uint8_t)(0xff << (8 - kept));

		changed = changed || (address->bytes[i] & ~wanted);
		address->bytes[i] &= wanted;
	}
	return changed;
}

static bool parse_prefix(const char *text, int bits, int *out)
{
	size_t length = strlen(text);

	if (length < 1 || length > 3 || strspn(text, "0123456789") != length)
		return false;
	*out = (int)strtol(text, NULL, 10);
	return *out <= bits;
}

bool network_parse(const char *text, char out[NETWORK_TEXT_MAX], struct err *err)
{
	char plain[NETWORK_TEXT_MAX], *slash;
	char network[INET6_ADDRSTRLEN];
	struct address address;
	int prefix;

	if (!text_copy(plain, sizeof(plain), text))
		return err_set(err, ERR_INVALID, "'%.40s...' is no address", text);
	slash = strchr(plain, '/');
	if (slash)
		*slash = '\0';
	if (!parse_address(plain, &address))
		return err_set(err, ERR_INVALID, "'%s' is no address: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32",
		               text);
	prefix = address.bits;
	if (slash && !parse_prefix(slash + 1, address.bits, &prefix))
		return err_set(err, ERR_INVALID, "'%s': the prefix is a number from 0 to %d", text, address.bits);
	if (mask(&address, prefix)) {
		inet_ntop(address.family, address.bytes, network, sizeof(network));
		return err_set(err, ERR_INVALID,
		               "'%s' names a host and a network; write %s for the host or %s/%d for the network", text,
		               plain, network, prefix);
	}
	inet_ntop(address.family, address.bytes, network, sizeof(network));
	snprintf(out, NETWORK_TEXT_MAX, "%s/%d", network, prefix);
	return true;
}

static bool label_is_valid(const char *label, size_t length)
{
	if (length < 1 || length > LABEL_MAX || label[0] == '-' || label[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
			return false;
	return true;
}

bool network_host_is_address(const char *host)
{
	struct address address;

	return parse_address(host, &address);
}

bool network_host_is_valid(const char *host)
{
	struct address address;
	const char *label = host;

	if (!*host || strlen(host) > HOST_MAX)
		return false;
	if (parse_address(host, &address))
		return true;
	/* Digits and dots that are no address are a mistyped one, not a name. */
	if (strspn(host, "0123456789.") == strlen(host))
		return false;
	for (;;) {
		size_t length = strcspn(label, ".");

		if (!label_is_valid(label, length))
			return false;
		if (!label[length])
			return true;
		label += length + 1;
	}
}
