#include "storescp/registry.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A call fits as many registrations as there are nested networks, with and without port; beyond it nobody could follow it either. */
enum { ADDRESS_BYTES = 16, FITS_MAX = 256 };

struct network {
	int family; /* AF_UNSPEC: from anywhere */
	uint8_t bytes[ADDRESS_BYTES];
	int prefix;
};

struct entry {
	struct registry_device device;
	struct network network;
};

struct registry {
	struct entry *entries;
	size_t count, capacity;
};

struct registry *registry_new(void)
{
	struct registry *registry = calloc(1, sizeof *registry);

	if (registry == NULL)
		err_panic("out of memory");
	return registry;
}

void registry_free(struct registry *registry)
{
	if (registry == NULL)
		return;
	free(registry->entries);
	free(registry);
}

size_t registry_count(const struct registry *registry)
{
	return registry->count;
}

/* ---- addresses ------------------------------------------------------------------------------------------------ */

static bool parse_address(const char *text, struct network *out)
{
	*out = (struct network){.family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET};
	out->prefix = out->family == AF_INET6 ? 128 : 32;
	return inet_pton(out->family, text, out->bytes) == 1;
}

static bool parse_prefix(const char *text, int most, int *out)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end != '\0' || value < 0 || value > most)
		return false;
	*out = (int)value;
	return true;
}

static bool parse_network(const char *text, struct network *out)
{
	char address[REGISTRY_CIDR_SIZE];
	char *slash;

	*out = (struct network){.family = AF_UNSPEC};
	if (text[0] == '\0')
		return true;
	if (!text_copy(address, sizeof address, text))
		return false;
	slash = strchr(address, '/');
	if (slash != NULL)
		*slash = '\0';
	if (!parse_address(address, out))
		return false;
	return slash == NULL || parse_prefix(slash + 1, out->prefix, &out->prefix);
}

static bool network_holds(const struct network *network, const struct network *address)
{
	int whole = network->prefix / 8, rest = network->prefix % 8;
	unsigned mask = 0xff00u >> rest & 0xff;

	if (network->family == AF_UNSPEC)
		return true;
	if (network->family != address->family || memcmp(network->bytes, address->bytes, (size_t)whole) != 0)
		return false;
	return rest == 0 || ((network->bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

/* ---- devices -------------------------------------------------------------------------------------------------- */

bool registry_add(struct registry *registry, const struct registry_device *device, struct err *err)
{
	struct entry entry = {.device = *device};
	uint8_t digest[(DICOM_SHA256_SIZE - 1) / 2];

	if (!text_is_uuid(device->device) || !text_is_uuid(device->site))
		return err_set(err, ERR_INVALID, "cannot take a device: an id is malformed");
	if (!text_is_ae_title(device->calling_ae) ||
	    (device->called_ae[0] != '\0' && !text_is_ae_title(device->called_ae)))
		return err_set(err, ERR_INVALID, "cannot take device %s: an AE title is malformed", device->device);
	if (device->certificate[0] != '\0' && !text_unhex(device->certificate, digest, sizeof digest))
		return err_set(err, ERR_INVALID, "cannot take device %s: its certificate is malformed", device->device);
	if (!parse_network(device->address, &entry.network))
		return err_set(err, ERR_INVALID, "cannot take device %s: its address is malformed", device->device);
	if (registry->count == registry->capacity) {
		size_t capacity = registry->capacity > 0 ? registry->capacity * 2 : 64;
		struct entry *entries = reallocarray(registry->entries, capacity, sizeof *entries);

		if (entries == NULL)
			err_panic("out of memory");
		registry->entries = entries;
		registry->capacity = capacity;
	}
	registry->entries[registry->count++] = entry;
	return true;
}

/* Whatever call fits b fits a, too. Both have the titles of one call. */
static bool includes(const struct entry *a, const struct entry *b)
{
	bool holds = a->network.family == AF_UNSPEC ||
	             (a->network.prefix <= b->network.prefix && network_holds(&a->network, &b->network));

	return holds &&
	       (a->device.certificate[0] == '\0' || strcmp(a->device.certificate, b->device.certificate) == 0) &&
	       (a->device.local_port == 0 || a->device.local_port == b->device.local_port) &&
	       (a->device.called_ae[0] == '\0' || b->device.called_ae[0] != '\0');
}

static enum registry_verdict judge(const struct entry *entry, const struct dicom_peer *peer, const char *own_ae,
                                   const struct network *address)
{
	const struct registry_device *device = &entry->device;

	if (strcmp(device->calling_ae, peer->calling_ae) != 0)
		return REGISTRY_UNKNOWN_CALLING_AE;
	if (strcmp(device->called_ae[0] != '\0' ? device->called_ae : own_ae, peer->called_ae) != 0)
		return REGISTRY_UNKNOWN_CALLED_AE;
	if (!network_holds(&entry->network, address) ||
	    (device->local_port != 0 && device->local_port != peer->local_port))
		return REGISTRY_UNKNOWN_ADDRESS;
	if (device->certificate[0] == '\0' || strcmp(device->certificate, peer->certificate_sha256) == 0)
		return REGISTRY_KNOWN;
	return peer->certificate_sha256[0] == '\0' ? REGISTRY_NO_CERTIFICATE : REGISTRY_WRONG_CERTIFICATE;
}

/* The entry that fits and that every other one that fits includes, without being the same; NULL: there is none. */
static const struct entry *most_particular(const struct entry *const *fits, size_t count)
{
	const struct entry *best = fits[0];

	for (size_t i = 1; i < count; i++)
		if (includes(best, fits[i]))
			best = fits[i];
	for (size_t i = 0; i < count; i++)
		if (fits[i] != best && (!includes(fits[i], best) || includes(best, fits[i])))
			return NULL;
	return best;
}

enum registry_verdict registry_match(const struct registry *registry, const struct dicom_peer *peer, const char *own_ae,
                                     const struct registry_device **out)
{
	static const int nearness[] = {[REGISTRY_UNKNOWN_CALLING_AE] = 0,
	                               [REGISTRY_UNKNOWN_CALLED_AE] = 1,
	                               [REGISTRY_UNKNOWN_ADDRESS] = 2,
	                               [REGISTRY_NO_CERTIFICATE] = 3,
	                               [REGISTRY_WRONG_CERTIFICATE] = 3};
	enum registry_verdict nearest = REGISTRY_UNKNOWN_CALLING_AE;
	const struct entry *fits[FITS_MAX], *best;
	struct network address;
	size_t count = 0;

	if (!parse_address(peer->address, &address))
		address = (struct network){.family = -1};
	for (size_t i = 0; i < registry->count; i++) {
		enum registry_verdict verdict = judge(&registry->entries[i], peer, own_ae, &address);

		if (verdict != REGISTRY_KNOWN && nearness[verdict] > nearness[nearest])
			nearest = verdict;
		if (verdict == REGISTRY_KNOWN && count == FITS_MAX)
			return REGISTRY_AMBIGUOUS;
		if (verdict == REGISTRY_KNOWN)
			fits[count++] = &registry->entries[i];
	}
	if (count == 0)
		return nearest;
	best = most_particular(fits, count);
	if (best == NULL)
		return REGISTRY_AMBIGUOUS;
	*out = &best->device;
	return REGISTRY_KNOWN;
}

const char *registry_verdict_name(enum registry_verdict verdict)
{
	static const char *const names[] = {[REGISTRY_KNOWN] = "known",
	                                    [REGISTRY_UNKNOWN_CALLING_AE] = "unknown_calling_ae",
	                                    [REGISTRY_UNKNOWN_CALLED_AE] = "unknown_called_ae",
	                                    [REGISTRY_UNKNOWN_ADDRESS] = "unknown_address",
	                                    [REGISTRY_NO_CERTIFICATE] = "no_certificate",
	                                    [REGISTRY_WRONG_CERTIFICATE] = "wrong_certificate",
	                                    [REGISTRY_AMBIGUOUS] = "ambiguous"};

	return names[verdict];
}

/* ---- text form ------------------------------------------------------------------------------------------------ */

/*
 * 2: a device may have to show its certificate. A program of before would let it in without, and must not read it; the other way round a text of
 * before has nobody who has to.
 */
enum { SNAPSHOT_VERSION = 2, SNAPSHOT_VERSION_LEAST = 1 };

static json_t *device_to_json(const struct registry_device *device)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "device", device->device, "site", device->site,
	                 "calling_ae", device->calling_ae, "called_ae", device->called_ae, "address", device->address,
	                 "local_port", (int)device->local_port, "default_charset", device->default_charset,
	                 "certificate", device->certificate);
}

void registry_write(const struct registry *registry, char **out, size_t *out_length)
{
	json_t *devices = json_array();
	json_t *root;

	for (size_t i = 0; i < registry->count; i++)
		if (json_array_append_new(devices, device_to_json(&registry->entries[i].device)) != 0)
			err_panic("out of memory");
	root = json_pack("{s:i, s:o}", "version", SNAPSHOT_VERSION, "devices", devices);
	*out = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
	if (*out == NULL)
		err_panic("out of memory");
	json_decref(root);
	*out_length = strlen(*out);
}

static bool copy_member(char *out, size_t out_size, const char *text)
{
	return text != NULL && text_copy(out, out_size, text);
}

static bool device_from_json(const json_t *json, struct registry_device *out)
{
	const char *device, *site, *calling_ae, *called_ae, *address;
	const char *charset = "", *certificate = ""; /* a snapshot of before has none */
	int port;

	*out = (struct registry_device){.local_port = 0};
	if (json_unpack((json_t *)json, "{s:s, s:s, s:s, s:s, s:s, s:i, s?s, s?s}", "device", &device, "site", &site,
	                "calling_ae", &calling_ae, "called_ae", &called_ae, "address", &address, "local_port", &port,
	                "default_charset", &charset, "certificate", &certificate) != 0 ||
	    port < 0 || port > UINT16_MAX)
		return false;
	out->local_port = (uint16_t)port;
	return copy_member(out->device, sizeof out->device, device) && copy_member(out->site, sizeof out->site, site) &&
	       copy_member(out->calling_ae, sizeof out->calling_ae, calling_ae) &&
	       copy_member(out->called_ae, sizeof out->called_ae, called_ae) &&
	       copy_member(out->address, sizeof out->address, address) &&
	       copy_member(out->default_charset, sizeof out->default_charset, charset) &&
	       copy_member(out->certificate, sizeof out->certificate, certificate);
}

static bool corrupt(struct err *err)
{
	return err_set(err, ERR_CORRUPT, "cannot read the snapshot of devices");
}

static bool read_devices(const json_t *root, struct registry *registry, struct err *err)
{
	const json_t *devices = json_object_get(root, "devices");
	json_int_t version = json_integer_value(json_object_get(root, "version"));
	const json_t *item;
	size_t i;

	if (version < SNAPSHOT_VERSION_LEAST || version > SNAPSHOT_VERSION || !json_is_array(devices))
		return corrupt(err);
	json_array_foreach((json_t *)devices, i, item)
	{
		struct registry_device device;

		if (!device_from_json(item, &device) || !registry_add(registry, &device, err))
			return corrupt(err);
	}
	return true;
}

bool registry_read(const char *text, size_t length, struct registry **out, struct err *err)
{
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	struct registry *registry;
	bool ok;

	if (root == NULL)
		return corrupt(err);
	registry = registry_new();
	ok = read_devices(root, registry, err);
	json_decref(root);
	if (!ok) {
		registry_free(registry);
		return false;
	}
	*out = registry;
	return true;
}
