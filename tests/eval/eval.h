/* eval: Carrel measured from outside.
 *
 * The measuring programs (carrel-eval, check-samples) know nothing of the rooms: they write
 * documents into a temporary folder, run `carrel` on it as a user would, and read its JSON. So
 * what is measured is what is shipped. Only base/ is shared with it, and the arithmetic of the
 * measures, which `carrel eval` needs too (cli/eval/score.h).
 *
 * support.c: files, processes, JSON   squad.c: question sets
 * retrieval.c, answers.c, documents.c: the kinds of sets   eval.c, check_samples.c: the programs
 */
#ifndef CARREL_TESTS_EVAL_H
#define CARREL_TESTS_EVAL_H

#include <jansson.h>

#include "base/base.h"
#include "cli/eval/score.h"

/* ---- support.c ---------------------------------------------------------------------------- */

/* What one run of a measuring program needs. */
typedef struct {
    const char *carrel; /* the program */
    str eval;           /* EVAL_DIR */
    size_t questions;   /* of each kind, for answers */
    bool train;         /* also the train splits */
    bool keep;          /* leaves the temporary folder, and says where */
    text folder;        /* temporary, ours */
} eval_run;

/* The whole file, unpacked when it is gzip. */
bool eval_read(const char *path, text *out, error *err);
bool eval_write(const char *path, str bytes, error *err);
/* The next line of s from *pos, without its end; false at the end. */
bool eval_line(str s, size_t *pos, str *line);

/* Makes folder/name and returns its path in the arena. */
bool eval_folder(const eval_run *run, arena *a, const char *name, char **path, error *err);
/* Names in a folder, sorted, without those that start with a dot. */
bool eval_list(const char *folder, arena *a, char ***names, size_t *count, error *err);
void eval_remove(const char *path); /* a folder and what is below it */

/* Runs carrel with arguments up to a NULL; stdout goes to the file `out` (NULL: nowhere). Exit
 * codes other than 0 and `also` are errors. *ms gets the wall time; may be NULL. */
bool eval_carrel(const eval_run *run, const char *const *arguments, const char *out, int also,
                 double *ms, error *err);

/* Adds the folder to a new library and returns the library's path. Prints one line. */
bool eval_add(const eval_run *run, arena *a, const char *name, const char *folder, char **library,
              error *err);

/* Reads one JSON object a line, exactly `count`; the array is given to the caller. */
bool eval_objects(const char *path, size_t count, json_t **out, error *err);

str eval_string(const json_t *object, const char *key); /* empty where there is none */
/* The name of a path, without folder and without extension. */
str eval_stem(str path);

/* ---- squad.c ------------------------------------------------------------------------------ */

typedef struct {
    str text, article, paragraph; /* borrowed from the JSON */
    const json_t *answers;        /* gold; NULL for unanswerable ones */
} eval_question;

typedef struct {
    eval_question *items;
    size_t count;
} eval_questions;

bool eval_squad_read(const char *file, json_t **root, error *err); /* its "data" are the articles */
/* One Markdown document for each article. */
bool eval_squad_write(const json_t *articles, const char *folder, error *err);
/* `wanted` of all questions of one kind, evenly spaced, in the order of the file. */
void eval_squad_choose(const json_t *articles, bool answerable, size_t wanted, arena *a,
                       eval_questions *out);

/* ---- the sets ----------------------------------------------------------------------------- */

/* Every set under EVAL_DIR/retrieval. Results are appended to `report`, an array. */
bool eval_retrieval(const eval_run *run, json_t *report, error *err);
/* Every *.json.gz under EVAL_DIR/answers. */
bool eval_answers(const eval_run *run, json_t *report, error *err);
/* Every folder under EVAL_DIR/documents. */
bool eval_documents(const eval_run *run, json_t *report, error *err);

#endif
