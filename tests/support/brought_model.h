/* brought_model: an embedding model or reranker as a user brings it: a random_model with the
 * vocabulary and the special tokens of its family, under a name, in a file.
 */
#ifndef CARREL_BROUGHT_MODEL_H
#define CARREL_BROUGHT_MODEL_H

#include "base/base.h"

/* recipe: of random_model (one whose family has WordPiece or byte-level BPE). The name decides too:
 * "bge-reranker..." has the vocabulary of XLM-R's family. False where the file
 * cannot be written. */
bool brought_model(const char *recipe, const char *name, const char *path, error *err);

#endif
