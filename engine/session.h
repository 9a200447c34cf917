/* session: what a conversation holds. Private to this room: session.c evaluates, snapshot.c saves. */
#ifndef CARREL_ENGINE_SESSION_H
#define CARREL_ENGINE_SESSION_H

#include "engine/model.h"

struct engine_session {
    const engine_model *model;
    pool *pool;
    size_t n_ctx, length;
    int32_t *ids;         /* [n_ctx], of which `length` have been evaluated */
    double *frequencies;  /* of the positions, as they are in a context of n_ctx */
    engine_cache *caches; /* one for each layer */
    void *cache_memory, *work_memory;
    engine_work work; /* of BATCH tokens */
};

#endif
