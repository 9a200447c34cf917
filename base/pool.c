/* A persistent pool of threads for parallel_for. The caller works too, so that a pool of one costs
 * nothing. Pieces are claimed by an atomic counter: which thread does which piece differs from run
 * to run, so a piece's result must not depend on the thread, and then results never depend on how
 * many threads there are.
 *
 * A language model asks for some hundred rounds for each token, a few microseconds apart, so a
 * thread that has nothing to do first spins for a moment and only then sleeps on a condition
 * variable. A round is over when the pieces are done; threads that are still asleep are not waited
 * for. That is decided by one word, `state`: the round's number, whether it is open, and how many
 * threads work on it. A thread joins by raising that count while the round is open, and the caller
 * closes the round when the count is zero.
 */
#include "base/base.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define POOL_MOST_THREADS 64 /* past this, memory bandwidth has long been the limit */
#define SPINS 2000           /* about 50 to 100 microseconds, the price of one sleep and waking */

#define ONE_ACTIVE 1u /* bits 0..15: threads at work beside the caller */
#define ACTIVE_MASK 0xFFFFu
#define OPEN 0x10000u
#define ONE_ROUND 0x20000u /* bits 17 and up: the number of the round */

struct pool {
    int size; /* with the caller */
    _Atomic uint64_t state;
    atomic_bool stop;
    /* The round; written by the caller while none is open. */
    pool_fn *fn;
    void *context;
    size_t count, grain;
    char before[64]; /* the counter has a cache line of its own */
    atomic_size_t next;
    char behind[64];
    pthread_mutex_t lock; /* for sleeping */
    pthread_cond_t start;
    atomic_int sleeping;
    pthread_t threads[POOL_MOST_THREADS];
    struct pool_worker {
        pool *owner;
        int index;
    } workers[POOL_MOST_THREADS];
};

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void work(pool *p, int worker) {
    for (;;) {
        size_t begin = atomic_fetch_add_explicit(&p->next, p->grain, memory_order_relaxed);
        if (begin >= p->count) return;
        size_t end = p->count - begin > p->grain ? begin + p->grain : p->count;
        p->fn(p->context, begin, end, worker);
    }
}

/* A round that this thread has not seen, or the end. */
static bool is_news(pool *p, uint64_t seen) {
    return atomic_load(&p->state) / ONE_ROUND != seen || atomic_load(&p->stop);
}

static void wait_for_news(pool *p, uint64_t seen) {
    for (int i = 0; i < SPINS; i++) {
        if (is_news(p, seen)) return;
        pause_briefly();
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleeping, 1); /* before the look: whoever opens a round looks after it */
    while (!is_news(p, seen)) pthread_cond_wait(&p->start, &p->lock);
    atomic_fetch_sub(&p->sleeping, 1);
    pthread_mutex_unlock(&p->lock);
}

static void *thread_main(void *argument) {
    struct pool_worker *me = argument;
    pool *p = me->owner;
    uint64_t seen = 0;
    for (;;) {
        wait_for_news(p, seen);
        if (atomic_load(&p->stop)) return NULL;
        uint64_t state = atomic_load(&p->state);
        seen = state / ONE_ROUND;
        while ((state & OPEN) && state / ONE_ROUND == seen) {
            if (!atomic_compare_exchange_weak(&p->state, &state, state + ONE_ACTIVE)) continue;
            work(p, me->index);
            atomic_fetch_sub(&p->state, ONE_ACTIVE);
            break;
        }
    }
}

static atomic_int usual;

void pool_usual(int threads) {
    atomic_store(&usual, threads);
}

pool *pool_new(int threads) {
    if (threads <= 0) threads = atomic_load(&usual);
    if (threads <= 0) threads = machine_threads("", NULL);
    if (threads > POOL_MOST_THREADS) threads = POOL_MOST_THREADS;
    pool *p = mem_new(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->start, NULL);
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
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    for (int i = 1; i < p->size; i++) pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->start);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

int pool_size(const pool *p) {
    return p ? p->size : 1;
}

static void open_round(pool *p) {
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    uint64_t round = atomic_load_explicit(&p->state, memory_order_relaxed) / ONE_ROUND + 1;
    atomic_store(&p->state, round * ONE_ROUND | OPEN);
    if (atomic_load(&p->sleeping) == 0) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
}

static void close_round(pool *p) {
    for (int spins = 0;; spins++) {
        uint64_t state = atomic_load(&p->state);
        if ((state & ACTIVE_MASK) == 0 &&
            atomic_compare_exchange_strong(&p->state, &state, state & ~(uint64_t)OPEN)) {
            return;
        }
        if (spins < SPINS)
            pause_briefly();
        else
            sched_yield();
    }
}

void parallel_for(pool *p, size_t count, size_t grain, pool_fn *fn, void *context) {
    if (grain == 0) grain = 1;
    if (count == 0) return;
    if (!p || p->size == 1 || count <= grain) {
        fn(context, 0, count, 0);
        return;
    }
    p->fn = fn;
    p->context = context;
    p->count = count;
    p->grain = grain;
    open_round(p);
    work(p, 0);
    close_round(p);
}
