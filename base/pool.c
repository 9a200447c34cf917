/* A persistent pool of threads for parallel_for. The caller works too, so that a pool of one costs
 * nothing. Pieces are claimed by an atomic counter: which thread does which piece differs from run
 * to run, so a piece's result must not depend on the thread, and then results never depend on how
 * many threads there are. Between jobs the threads sleep on a condition variable.
 */
#include "base/base.h"

#include <pthread.h>
#include <stdatomic.h>

#define POOL_MOST_THREADS 64 /* past this, memory bandwidth has long been the limit */

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    int size;                 /* with the caller */
    unsigned long generation; /* of the job; guarded by lock, as are busy and stop */
    int busy;
    bool stop;
    pool_fn *fn;
    void *context;
    size_t count, grain;
    atomic_size_t next;
    pthread_t threads[POOL_MOST_THREADS];
    struct pool_worker {
        pool *owner;
        int index;
    } workers[POOL_MOST_THREADS];
};

static void work(pool *p, int worker) {
    for (;;) {
        size_t begin = atomic_fetch_add_explicit(&p->next, p->grain, memory_order_relaxed);
        if (begin >= p->count) return;
        size_t end = p->count - begin > p->grain ? begin + p->grain : p->count;
        p->fn(p->context, begin, end, worker);
    }
}

static void *thread_main(void *argument) {
    struct pool_worker *me = argument;
    pool *p = me->owner;
    unsigned long seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->stop && p->generation == seen) pthread_cond_wait(&p->start, &p->lock);
        if (p->stop) break;
        seen = p->generation;
        pthread_mutex_unlock(&p->lock);
        work(p, me->index);
        pthread_mutex_lock(&p->lock);
        if (--p->busy == 0) pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

pool *pool_new(int threads) {
    if (threads <= 0) threads = machine_threads("", NULL);
    if (threads > POOL_MOST_THREADS) threads = POOL_MOST_THREADS;
    pool *p = mem_new(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->start, NULL);
    pthread_cond_init(&p->done, NULL);
    p->size = 1;
    for (int i = 1; i < threads; i++) {
        p->workers[i] = (struct pool_worker){p, i};
        /* Fewer threads than asked for is slower, not wrong. */
        if (pthread_create(&p->threads[i], NULL, thread_main, &p->workers[i]) != 0) break;
        p->size++;
    }
    return p;
}

void pool_free(pool *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    for (int i = 1; i < p->size; i++) pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->start);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

int pool_size(const pool *p) {
    return p ? p->size : 1;
}

void parallel_for(pool *p, size_t count, size_t grain, pool_fn *fn, void *context) {
    if (grain == 0) grain = 1;
    if (count == 0) return;
    if (!p || p->size == 1 || count <= grain) {
        fn(context, 0, count, 0);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->context = context;
    p->count = count;
    p->grain = grain;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    p->busy = p->size - 1;
    p->generation++;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    work(p, 0);
    pthread_mutex_lock(&p->lock);
    while (p->busy > 0) pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
