/* make_encoder: writes a small embedding model or reranker with random weights, for the end-to-end
 * tests.
 *
 *   make_encoder RECIPE NAME FILE      RECIPE: of tests/support/random_model.c, as "bert-mean"
 */
#include "tests/support/brought_model.h"

#include <stdio.h>

int main(int argc, char **argv) {
    error err = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: make_encoder RECIPE NAME FILE\n");
        return ERROR_USAGE;
    }
    if (brought_model(argv[1], argv[2], argv[3], &err)) return 0;
    fprintf(stderr, "make_encoder: %s\n", err.text);
    return (int)err.code;
}
