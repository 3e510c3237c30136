/* Part of lib/domain/account: comparing a password with a stored hash. */
#ifndef YQ_DOMAIN_ACCOUNT_PASSWORD_H
#define YQ_DOMAIN_ACCOUNT_PASSWORD_H

#include <stdbool.h>

/* hash NULL: nobody's, never fits, and takes as long as one that is compared. */
bool account_password_fits(const char *hash, const char *password);

#endif
