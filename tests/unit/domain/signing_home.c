#include "tests/unit/domain/signing_home.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/conf.h"
#include "lib/domain/signer_ca.h"

static char home[] = "/tmp/yq-signing-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(path);
}

void signing_home_make(void)
{
	struct err err;

	cr_assert(mkdtemp(home), "no directory for the test");
	setenv("YQ_HOME", home, 1);
	cr_assert(conf_load(&err), "%s", err.text);
	cr_assert(signer_ca_init(&err), "%s", err.text);
}

void signing_home_remove(void)
{
	nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
