/* The threads on which handlers run. The queue is as long as there are connections at most. */
#include <stdlib.h>
#include <string.h>

#include "lib/http/internal.h"

static struct work_item *next_item(struct work_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->first == NULL && !pool->stopping)
		pthread_cond_wait(&pool->more, &pool->lock);
	struct work_item *item = pool->first;
	if (item != NULL) {
		pool->first = item->next;
		if (pool->first == NULL)
			pool->last = &pool->first;
	}
	pthread_mutex_unlock(&pool->lock);
	return item;
}

static void *worker(void *context)
{
	struct work_pool *pool = context;
	struct work_item *item;
	while ((item = next_item(pool)) != NULL) {
		item->run(item->subject);
		free(item);
	}
	return NULL;
}

bool work_start(struct work_pool *pool, int threads, struct err *err)
{
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->more, NULL);
	pool->last = &pool->first;
	pool->threads = calloc((size_t)threads, sizeof *pool->threads);
	if (pool->threads == NULL)
		err_panic("out of memory");
	for (; pool->count < threads; pool->count++) {
		int failed = pthread_create(&pool->threads[pool->count], NULL, worker, pool);
		if (failed != 0) {
			return err_set_errno(err, ERR_TEMPORARY, failed, "could not start a thread");
		}
	}
	return true;
}

bool work_push(struct work_pool *pool, void (*run)(void *subject), void *subject)
{
	struct work_item *item = malloc(sizeof *item);
	if (item == NULL)
		err_panic("out of memory");
	*item = (struct work_item){run, subject, NULL};
	pthread_mutex_lock(&pool->lock);
	bool takes = !pool->stopping;
	if (takes) {
		*pool->last = item;
		pool->last = &item->next;
		pthread_cond_signal(&pool->more);
	}
	pthread_mutex_unlock(&pool->lock);
	if (!takes)
		free(item);
	return takes;
}

void work_stop(struct work_pool *pool)
{
	if (pool->threads == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i], NULL);
	free(pool->threads);
	pool->threads = NULL;
}

void work_free(struct work_pool *pool)
{
	if (pool->last == NULL)
		return;
	work_stop(pool);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
}
