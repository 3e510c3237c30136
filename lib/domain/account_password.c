/* Argon2id, RFC 9106. */
#include "lib/domain/account_password.h"

#include <argon2.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "lib/domain/account.h"

/* Above OWASP's floor (19 MiB, 2 passes); some 60 ms on a small server. A stored hash keeps the cost that it was made with. */
enum { MEMORY_KIB = 32 * 1024, PASSES = 3, LANES = 1, SALT_SIZE = 16, HASH_SIZE = 32, AT_ONCE = 2 };
enum { PASSWORD_MIN = 10, PASSWORD_MAX = 128 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t places;
static char nobodys_hash[ACCOUNT_HASH_SIZE];

static void hash_now(const char *password, char out[ACCOUNT_HASH_SIZE])
{
	uint8_t salt[SALT_SIZE];
	text_random(salt, sizeof salt);
	int failed = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password, strlen(password), salt, sizeof salt,
	                                   HASH_SIZE, out, ACCOUNT_HASH_SIZE);
	if (failed != ARGON2_OK)
		err_panic("could not hash a password: %s", argon2_error_message(failed));
}

static void prepare(void)
{
	char password[2 * 32 + 1];
	uint8_t random[32];
	sem_init(&places, 0, AT_ONCE);
	text_random(random, sizeof random);
	text_hex(random, sizeof random, password);
	hash_now(password, nobodys_hash);
}

/* Waiting for a place is what bounds memory; the wait is as long for a wrong account as for a right one. */
static void enter(void)
{
	pthread_once(&once, prepare);
	while (sem_wait(&places) != 0) {
	}
}

bool account_password_hash(const char *password, char out[ACCOUNT_HASH_SIZE], struct err *err)
{
	size_t length = strlen(password);
	if (!text_is_utf8(password, length))
		return err_set(err, ERR_INVALID, "the password is not UTF-8");
	size_t characters = text_utf8_count(password);
	if (characters < PASSWORD_MIN || characters > PASSWORD_MAX)
		return err_set(err, ERR_INVALID, "a password has %d to %d characters", PASSWORD_MIN, PASSWORD_MAX);
	enter();
	hash_now(password, out);
	sem_post(&places);
	return true;
}

bool account_password_fits(const char *hash, const char *password)
{
	/* Longer ones cannot be right; hashing them would be work for nothing. */
	size_t length = strlen(password);
	bool is_possible = hash != NULL && length <= (size_t)PASSWORD_MAX * 4;
	enter();
	int result = argon2id_verify(hash != NULL ? hash : nobodys_hash, password,
	                             length <= (size_t)PASSWORD_MAX * 4 ? length : 0);
	sem_post(&places);
	return result == ARGON2_OK && is_possible;
}
