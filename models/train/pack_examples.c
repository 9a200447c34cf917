/* train-pack: examples of the sampler as a file, for a trainer on another machine (train_gpu.py).
 *
 *   train-pack WORK OUT COUNT [SEED]
 *
 * COUNT examples, the first as they are at the beginning of a training, the last as at its end. Each is
 * n, passage, start, end, sentence (16 bits), the ids (16 bits), and for each token its type, plus 128
 * where a sentence opens (8 bits). Little-endian. xz makes about a fourth of it.
 */
#include "models/train/sampler.h"

#include <stdio.h>
#include <stdlib.h>

static bool put(FILE *f, const net_example *x) {
    const uint16_t head[] = {(uint16_t)x->n, (uint16_t)x->passage, (uint16_t)x->start,
                             (uint16_t)x->end, (uint16_t)x->sentence};
    uint8_t types[MOST_TOKENS] = {0};
    for (uint32_t i = 0; i < x->n; i++) types[i] = (uint8_t)(x->types[i] | (x->opens[i] ? 128 : 0));
    return fwrite(head, sizeof head, 1, f) == 1 && fwrite(x->ids, 2, x->n, f) == x->n &&
           fwrite(types, 1, x->n, f) == x->n;
}

int main(int argc, char **argv) {
    enum { RUNNING_BYTES = 60 << 20 };
    rows_data d;
    error err = {0};
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: train-pack WORK OUT COUNT [SEED]\n");
        return ERROR_USAGE;
    }
    size_t count = strtoul(argv[3], NULL, 10);
    uint64_t seed = argc == 5 ? strtoul(argv[4], NULL, 10) : 1;
    if (!rows_load(argv[1], RUNNING_BYTES, seed, &d, &err)) {
        fprintf(stderr, "train-pack: %s\n", err.text);
        return (int)err.code;
    }
    FILE *f = fopen(argv[2], "w");
    bool ok = f != NULL;
    sampler *s = sampler_new(&d, seed, 0, 1, false);
    net_example *x = mem_new(1, sizeof *x);
    for (size_t i = 0; ok && i < count; i++) {
        sampler_next(s, (double)i / (double)count, x);
        ok = put(f, x);
    }
    if (f && fclose(f) != 0) ok = false;
    if (!ok) fprintf(stderr, "train-pack: %s cannot be written\n", argv[2]);
    sampler_free(s);
    mem_free(x);
    rows_free(&d);
    return ok ? 0 : ERROR_IO;
}
