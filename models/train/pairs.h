/* pairs: texts that belong together, for the embedding; in tasks, each of one kind. */
#ifndef CARREL_TRAIN_PAIRS_H
#define CARREL_TRAIN_PAIRS_H

#include "models/train/rows.h"

enum {
    PAIRS_MOST_QUESTION = 64, /* tokens kept of the first text */
    PAIRS_MOST_PASSAGE = 192, /* and of the second */
    PAIRS_RIVALS = 4          /* hard negatives found for each pair */
};

typedef struct {
    const uint16_t *ids;
    uint32_t n;
    uint32_t same; /* equal texts have the same number */
} pairs_text;

typedef struct {
    pairs_text question;
    uint32_t passage;              /* of pairs_task.passages */
    uint32_t cluster;              /* pairs of one title or source share it */
    uint32_t rivals[PAIRS_RIVALS]; /* passages, or NO_TEXT */
} pairs_pair;

typedef struct {
    const char *name;
    double weight; /* of its share of the batches */
    pairs_pair *pairs;
    pairs_text *passages;
    size_t count, passage_n;
} pairs_task;

enum { PAIRS_TASKS = 9 };

typedef struct {
    arena *memory;
    pairs_task tasks[PAIRS_TASKS];
} pairs_data;

/* work: data.py's folder. Finds the rivals by the rare words that a
 * question shares with each task's passages. */
bool pairs_load(const char *work, const engine_tokenizer *t, pairs_data *out, error *err);

#endif
