/*
 * What a request says of a workstation's token (lib/domain/workstation.h): `Authorization: Bearer TOKEN` (RFC 6750), or for programs that know
 * nothing else `Authorization: Basic base64(user:TOKEN)` (RFC 7617). A password is never taken here. Pure, but for the challenge.
 */
#ifndef YQ_GATEWAY_CREDENTIALS_H
#define YQ_GATEWAY_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

struct http_request;

enum { CREDENTIALS_TEXT_SIZE = 512 };
struct credentials {
	bool has_user;
	char user[CREDENTIALS_TEXT_SIZE];
	char token[CREDENTIALS_TEXT_SIZE]; /* whatever stood there */
};
/* False: no credentials of these two kinds, or longer than any that we make. */
bool credentials_read(const char *authorization, struct credentials *out);

/* The one use (enum workstation_use) that a route belongs to; 0: no token opens it, whatever it may. */
uint32_t credentials_use_of(const char *method, const char *pattern);

/*
 * WWW-Authenticate of a 401 (RFC 9110 section 11.6.1). A browser is not offered Basic: it would ask people for a password that is not taken, on top
 * of the page that sends them to log in.
 */
void credentials_challenge(struct http_request *request, bool was_wrong);

#endif
