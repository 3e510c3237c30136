#include "lib/base/daemon.h"
#include "lib/domain/name_index.h"
#include "router/router.h"

/* A round has other work as well: what is left over is done in the next one, which then comes at once. */
enum { CLAIMS_A_TURN = 200, TURNS_A_ROUND = 5 };

static bool run_turns(struct router *router,
                      bool (*turn)(struct db_pool *pool, int max, int *out_count, struct err *err), struct err *err)
{
	int count = CLAIMS_A_TURN;

	for (int i = 0; i < TURNS_A_ROUND && count == CLAIMS_A_TURN && !daemon_stopping(); i++)
		if (!turn(router->pool, CLAIMS_A_TURN, &count, err))
			return false;
	router->has_more_names = router->has_more_names || count == CLAIMS_A_TURN;
	return true;
}

bool names_round(struct router *router, struct err *err)
{
	router->has_more_names = false;
	return run_turns(router, name_index_more, err) && run_turns(router, name_find_candidates, err);
}
