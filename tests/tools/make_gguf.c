/* make_gguf: writes a GGUF with random weights: `tiny`, a llama with a working vocabulary for the
 * end-to-end tests; `smollm2`, the shape of SmolLM2-135M, for timing; `speck` and `reader`, of two
 * kilobytes, the seeds of tests/fuzz/corpus/gguf.
 *
 *   make_gguf tiny|smollm2|speck|reader f32|f16|q8_0 FILE
 */
#include "tests/fixtures/gguf_fixture.h"

static const struct {
    const char *name;
    llama_shape shape;
} llamas[] = {
    {"tiny",
     {.layers = 2,
      .width = 64,
      .hidden = 160,
      .heads = 4,
      .kv_heads = 2,
      .head = 16,
      .rotary = 16,
      .vocab = 1200,
      .context = 2048,
      .rope_base = 10000,
      .tied = true,
      .seed = 5}},
    {"smollm2",
     {.layers = 30,
      .width = 576,
      .hidden = 1536,
      .heads = 9,
      .kv_heads = 3,
      .head = 64,
      .rotary = 64,
      .vocab = 49152,
      .context = 8192,
      .rope_base = 100000,
      .tied = true,
      .seed = 6}},
    {"speck",
     {.layers = 1,
      .width = 8,
      .hidden = 8,
      .heads = 2,
      .kv_heads = 1,
      .head = 4,
      .rotary = 4,
      .vocab = 4,
      .context = 16,
      .rope_base = 100,
      .tied = true,
      .no_vocabulary = true,
      .seed = 7}},
};
static const reader_shape reader = {
    .layers = 1,
    .width = 8,
    .hidden = 8,
    .heads = 2,
    .vocab = 4,
    .context = 16,
    .types = 2,
    .rope_base = 100,
    .seed = 8,
};

static bool make(const char *name, uint32_t type, text *out) {
    if (strcmp(name, "reader") == 0) {
        reader_shape shape = reader;
        shape.type = type;
        *out = fixture_reader(&shape);
        return true;
    }
    for (size_t i = 0; i < sizeof llamas / sizeof *llamas; i++) {
        if (strcmp(name, llamas[i].name) != 0) continue;
        llama_shape shape = llamas[i].shape;
        shape.type = type;
        *out = fixture_llama(&shape);
        return true;
    }
    return false;
}

int main(int argc, char **argv) {
    text file = {0};
    const char *type = argc == 4 ? argv[2] : "";
    bool known = strcmp(type, "f32") == 0 || strcmp(type, "f16") == 0 || strcmp(type, "q8_0") == 0;
    uint32_t number = type[0] == 'q'             ? FIXTURE_Q8_0
                      : strcmp(type, "f16") == 0 ? FIXTURE_F16
                                                 : FIXTURE_F32;
    if (!known || !make(argv[1], number, &file)) {
        fprintf(stderr, "usage: make_gguf tiny|smollm2|speck|reader f32|f16|q8_0 FILE\n");
        return ERROR_USAGE;
    }
    FILE *f = fopen(argv[3], "wb");
    bool ok = f && fwrite(file.p, 1, file.n, f) == file.n;
    if (f && fclose(f) != 0) ok = false;
    text_free(&file);
    if (!ok) {
        fprintf(stderr, "make_gguf: %s cannot be written\n", argv[3]);
        return ERROR_IO;
    }
    return 0;
}
