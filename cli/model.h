/* model: what the files of `carrel model` share; private to cli.
 *
 * model.c chooses the verb; model_facts.c looks at a file; model_show.c prints what was seen;
 * model_store.c owns the user's model folder, model_use.c takes models into use; model_bench.c measures;
 * model_quantize.c makes a smaller file of one.
 */
#ifndef CARREL_MODEL_H
#define CARREL_MODEL_H

#include "cli/cli.h"

/* What can be told of a model file. Strings live in the arena. */
typedef struct {
    engine_description d;
    str path, licence, format, family, types;
    size_t tensors;
    uint32_t context;        /* positions that a question takes at most */
    uint64_t weight_bytes;   /* of all tensors */
    uint64_t cache_bytes;    /* keys and values of a decoder for `context` */
    uint64_t token_bytes;    /* weights that one generated token reads */
    uint64_t token_products; /* multiplications of one token of a prompt, without attention */
    uint64_t head_products;  /* and of the output, once for a prompt */
    bool float_weights;      /* most of the products are of float weights, not of int8 */
    bool hashed, runs;
    uint8_t hash[32];
    error why_not; /* where it does not run */
} model_facts;

typedef enum {
    MODEL_GLANCE, /* its header: architecture, types */
    MODEL_LOAD    /* and whether it really loads */
} model_care;

/* False where the file is no GGUF or cannot be read; a model that does not run is no failure. */
bool model_look(const char *path, model_care care, arena *a, model_facts *f, error *err);
bool model_hash(model_facts *f, error *err);
const char *model_kind_name(engine_kind kind); /* "answers", "embeds" ... */
str model_title(const model_facts *f);         /* its name, or its file's */
/* Whether `model use` can take it; else a sentence that says why not. */
bool model_usable(const model_facts *f, error *err);

/* ---- showing (model_show.c) --------------------------------------------------------------- */

json_t *model_json(const model_facts *f);
error_code model_ls(bool json);
error_code model_info(const char *name, bool json);

/* ---- the folder (model_store.c) ----------------------------------------------------------- */

/* NAME or FILE: a file that is there, or the only one of the model folder whose name begins so,
 * whatever the case; NULL: the decoder in use. */
bool model_find(const char *name, text *path, error *err);
/* The .gguf files of the folder, sorted; absolute. */
bool model_list(arena *a, str **paths, size_t *count, error *err);
/* Whether the user has chosen it, and (where role is not NULL) what for. */
bool model_in_use(str path, cli_role *role);
error_code model_add(const char *file, bool json);
error_code model_rm(const char *name, bool force, bool json);

/* ---- taking into use (model_use.c) -------------------------------------------------------- */

/* `chat`: the format to put questions in, of QUERY_CHAT_NAMES; NULL: as the file tells. */
error_code model_use(const cli_args *args, const char *name, const char *chat, bool json);
/* Back to the built-in model of a role, CLI_ROLES: of each. */
error_code model_use_default(const cli_args *args, cli_role role, bool json);
const char *model_without(cli_role role); /* "answers are now verbatim ..." */

/* ---- measuring, making smaller ------------------------------------------------------------ */

error_code model_bench(const cli_args *args, const char *name, bool json);
error_code model_quantize(const cli_args *args, const char *in, const char *out, const char *preset,
                          bool force, bool json);

#endif
