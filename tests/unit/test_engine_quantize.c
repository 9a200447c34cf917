/* Files that the engine writes: metadata of every kind comes through, a model quantised by each
 * preset is one that runs and says nearly the same, and whatever goes wrong leaves no file. Where
 * ../shared is here, each preset gives every tensor the type that the published files have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/requantize.h"
#include "tests/fixtures/gguf_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARITY "../shared/parity/models/"

static char folder[] = "/tmp/carrel-quantize-XXXXXX";

static const char *in_folder(const char *name) {
    static char paths[4][320];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

/* How many files are there; removes them. */
static size_t empty_folder(void) {
    size_t n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (e->d_name[0] == '.') continue;
        n++;
        assert_int_equal(unlink(in_folder(e->d_name)), 0);
    }
    closedir(d);
    return n;
}

static int remove_folder(void **state) {
    (void)state;
    empty_folder();
    return rmdir(folder);
}

static void save(const char *path, const text *t) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(t->p, 1, t->n, f), t->n);
    fclose(f);
}

static engine_gguf *open_file(const char *path) {
    engine_gguf *g = NULL;
    error err = {0};
    if (!engine_gguf_open(path, &g, &err)) fail_msg("%s", err.text);
    return g;
}

/* ---- the writer --------------------------------------------------------------------------- */

static void test_metadata(void **state) {
    (void)state;
    engine_gguf_writer *w = engine_gguf_writer_new();
    const str words[] = {STR("one"), STR(""), STR("three\0zero")};
    text file = {0}, again = {0};
    engine_gguf *g, *h;
    error err = {0};
    engine_gguf_put_str(w, "a.str", STR("text"));
    engine_gguf_put_u32(w, "a.u32", 4000000000u);
    engine_gguf_put_u32(w, "a.u32", 5); /* the first stays */
    engine_gguf_put_f32(w, "a.f32", 1.5f);
    engine_gguf_put_bool(w, "a.bool", true);
    engine_gguf_put_strs(w, "a.strs", words, 3);
    engine_gguf_put_strs(w, "a.empty", NULL, 0);
    engine_gguf_put_f32s(w, "a.f32s", (float[]){0.5f, -1}, 2);
    engine_gguf_put_i32s(w, "a.i32s", (int32_t[]){-7, 8}, 2);
    engine_gguf_put_u8s(w, "a.u8s", STR("\x05\xFB"));
    engine_gguf_put_raw(w, STR("a.raw"), /* an array of int8 */
                        STR("\11\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\x05\xFB"));
    engine_gguf_put_u32(w, "general.alignment", 64);
    engine_gguf_header(w, &file);
    engine_gguf_writer_free(w);
    assert_true(engine_gguf_open_memory(file.p, file.n, &g, &err));

    w = engine_gguf_writer_new();
    engine_gguf_put_u32(w, "a.u32", 7);
    engine_gguf_copy(w, g);
    engine_gguf_header(w, &again);
    assert_int_equal(engine_gguf_writer_bytes(w), again.n);
    engine_gguf_writer_free(w);
    assert_true(engine_gguf_open_memory(again.p, again.n, &h, &err));
    assert_int_equal(engine_gguf_key_count(h), engine_gguf_key_count(g) - 1); /* alignment */
    for (size_t i = 0; i < engine_gguf_key_count(h); i++) {
        str key, value, other_key, other;
        engine_gguf_key_at(g, i, &key, &value);
        engine_gguf_key_at(h, i, &other_key, &other);
        assert_true(str_eq(key, other_key));
        assert_true(str_eq(value, other) != str_eq(key, STR("a.u32")));
    }
    uint32_t u;
    int32_t v;
    str s;
    assert_true(engine_gguf_u32(h, "a.u32", &u) && u == 7);
    assert_true(engine_gguf_array_str(h, "a.strs", 2, &s) && str_eq(s, words[2]));
    assert_true(engine_gguf_array_i32(h, "a.raw", 1, &v) && v == -5);
    assert_true(engine_gguf_array_i32(h, "a.u8s", 1, &v) && v == 251);
    assert_true(engine_gguf_array_i32(h, "a.i32s", 0, &v) && v == -7);
    engine_gguf_close(g);
    engine_gguf_close(h);
    text_free(&file);
    text_free(&again);
}

static void test_stream(void **state) { /* tensors in pieces, at their alignment */
    (void)state;
    const float odd[5] = {1, 2, 3, 4, 5}, square[4] = {6, 7, 8, 9};
    engine_gguf_writer *w = engine_gguf_writer_new();
    error err = {0};
    const char *path = in_folder("stream.gguf");
    engine_gguf_declare(w, STR("odd"), ENGINE_F32, 1, (uint64_t[]){5});
    engine_gguf_declare(w, STR("square"), ENGINE_F32, 2, (uint64_t[]){2, 2});
    assert_true(engine_gguf_create(w, path, false, &err));
    assert_int_not_equal(access(path, F_OK), 0); /* nothing there before it is whole */
    assert_true(engine_gguf_write(w, odd, 8, &err));
    assert_true(engine_gguf_write(w, odd + 2, 12, &err));
    assert_true(engine_gguf_write(w, square, 16, &err));
    assert_true(engine_gguf_commit(w, &err));
    uint64_t bytes = engine_gguf_writer_bytes(w);
    engine_gguf_writer_free(w);
    engine_gguf *g = open_file(path);
    assert_int_equal(engine_gguf_bytes(g), bytes);
    assert_memory_equal(engine_gguf_find(g, "odd")->data, odd, sizeof odd);
    assert_memory_equal(engine_gguf_find(g, "square")->data, square, sizeof square);
    engine_gguf_close(g);

    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666 & ~mask);
    assert_int_equal(empty_folder(), 1);
}

static void test_not_committed(void **state) {
    (void)state;
    error err = {0};
    engine_gguf_writer *w = engine_gguf_writer_new();
    engine_gguf_declare(w, STR("odd"), ENGINE_F32, 1, (uint64_t[]){5});
    assert_true(engine_gguf_create(w, in_folder("never.gguf"), false, &err));
    engine_gguf_writer_free(w);
    assert_int_equal(empty_folder(), 0);

    w = engine_gguf_writer_new();
    assert_false(engine_gguf_create(w, in_folder("no/such/folder.gguf"), false, &err));
    assert_int_equal(err.code, ERROR_IO);
    engine_gguf_writer_free(w);
}

/* A file that came to the place while another was being written stays. */
static void test_race(void **state) {
    (void)state;
    text theirs = {0};
    error err = {0};
    engine_gguf_writer *w = engine_gguf_writer_new();
    assert_true(engine_gguf_create(w, in_folder("x.gguf"), false, &err));
    text_put(&theirs, STR("theirs"));
    save(in_folder("x.gguf"), &theirs);
    assert_false(engine_gguf_commit(w, &err));
    engine_gguf_writer_free(w);
    struct stat st;
    assert_int_equal(stat(in_folder("x.gguf"), &st), 0);
    assert_int_equal(st.st_size, 6);
    assert_int_equal(empty_folder(), 1);
    text_free(&theirs);
}

/* ---- models ------------------------------------------------------------------------------- */

static const llama_shape shape = {
    .layers = 9,
    .width = 256,
    .hidden = 320, /* the way down has no super-blocks */
    .heads = 4,
    .kv_heads = 4,
    .head = 64,
    .rotary = 64,
    .vocab = 300,
    .context = 64,
    .type = FIXTURE_F32,
    .rope_base = 10000,
    .seed = 4,
};

static void save_model(const char *name, const llama_shape *s) {
    text file = fixture_llama(s);
    save(in_folder(name), &file);
    text_free(&file);
}

static bool quantize(const char *in, const char *out, const char *preset, error *err) {
    engine_quantizing how = {.preset = preset};
    pool *p = pool_new(2);
    bool ok = engine_model_quantize(in, out, &how, p, err);
    pool_free(p);
    return ok;
}

static void logits_of(const char *path, float *logits) {
    const int32_t ids[] = {1, 70, 130, 299, 5};
    engine_model *m;
    engine_session *s;
    error err = {0};
    if (!engine_model_open(path, &m, &err)) fail_msg("%s", err.text);
    assert_true(engine_session_new(m, NULL, &(engine_session_options){.n_ctx = 8}, &s, &err));
    assert_true(engine_eval(s, ids, 5, false, logits, &err));
    engine_session_free(s);
    engine_model_close(m);
}

static double difference(const float *a, const float *b, size_t n) {
    double squares = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        squares += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)a[i] * (double)a[i];
    }
    return sqrt(squares / size);
}

/* Every preset: smaller than the one after it, closer to the original than a bound, and the larger
 * the closer, roughly. */
static void test_presets(void **state) {
    (void)state;
    static const struct {
        const char *preset;
        double most;
    } cases[] = {{"q2_k", 0.65},   {"q3_k_m", 0.35}, {"iq4_xs", 0.3}, {"iq4_nl", 0.3},
                 {"q4_0", 0.3},    {"q4_k_m", 0.25}, {"q4_1", 0.25},  {"q5_0", 0.15},
                 {"q5_k_m", 0.15}, {"q5_1", 0.12},   {"q6_k", 0.06},  {"q8_0", 0.03},
                 {"bf16", 0.01},   {"f16", 0.002}};
    float exact[300], logits[300];
    save_model("in.gguf", &shape);
    logits_of(in_folder("in.gguf"), exact);
    const char *const *names = engine_presets();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error err = {0};
        const char *out = in_folder(cases[i].preset);
        uint32_t file_type = 99;
        assert_string_equal(names[i], cases[i].preset);
        if (!quantize(in_folder("in.gguf"), out, cases[i].preset, &err)) fail_msg("%s", err.text);
        engine_gguf *g = open_file(out);
        assert_true(engine_gguf_u32(g, "general.file_type", &file_type));
        assert_int_equal(file_type, engine_preset_file_type(engine_preset_find(cases[i].preset)));
        assert_int_equal(engine_gguf_array_count(g, "tokenizer.ggml.tokens"), 300);
        assert_int_equal(engine_gguf_find(g, "blk.3.attn_norm.weight")->type, ENGINE_F32);
        engine_gguf_close(g);
        logits_of(out, logits);
        double d = difference(exact, logits, 300);
        printf("%s: logits differ by %.4f\n", cases[i].preset, d);
        assert_true(d > 0 && d < cases[i].most);
    }
    assert_null(names[sizeof cases / sizeof *cases]);
    assert_int_equal(empty_folder(), 1 + sizeof cases / sizeof *cases);
}

/* One tensor of a mix, by hand: the rule of thumb over 9 layers. */
static void test_mix(void **state) {
    (void)state;
    const uint64_t wide[] = {512, 512}, narrow[] = {320, 512}, odd[] = {40, 512},
                   shrunk[] = {33, 8};
    engine_mix m = {engine_preset_find("q4_k_m"), 9, 8, 8, true};
    const struct {
        const char *name;
        const uint64_t *columns;
        uint32_t type;
    } cases[] = {
        {"token_embd.weight", wide, ENGINE_Q6_K},
        {"blk.0.attn_q.weight", wide, ENGINE_Q4_K},
        {"blk.0.attn_v.weight", wide, ENGINE_Q6_K},
        {"blk.1.ffn_down.weight", wide, ENGINE_Q4_K},
        {"blk.3.ffn_down.weight", wide, ENGINE_Q6_K},
        {"blk.3.ffn_down.weight", narrow, ENGINE_Q8_0},
        {"blk.8.ffn_down.weight", wide, ENGINE_Q6_K},
        {"blk.0.attn_q.weight", narrow, ENGINE_Q5_0},
        {"blk.0.attn_qkv.weight", narrow, ENGINE_Q5_1},
        {"blk.0.attn_q.weight", odd, ENGINE_F16},
        {"blk.0.attn_q.weight", shrunk, ENGINE_F16},
        {"position_embd.weight", wide, ENGINE_F32},
        {"blk.0.attn_norm.weight", wide, ENGINE_F32},
        {"blk.0.attn_q.bias", wide, ENGINE_F32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t type = engine_mix_type(&m, str_of(cases[i].name), ENGINE_F32, 2, cases[i].columns);
        if (type == cases[i].type) continue;
        fail_msg("%s: %s, not %s", cases[i].name, engine_type_name(type),
                 engine_type_name(cases[i].type));
    }
    assert_int_equal(engine_mix_type(&m, STR("blk.0.attn_q.weight"), ENGINE_F32, 1, wide),
                     ENGINE_F32);
    m.tied = false;
    assert_int_equal(engine_mix_type(&m, STR("token_embd.weight"), ENGINE_F32, 2, wide),
                     ENGINE_Q4_K);
    assert_null(engine_preset_find("q4"));
}

static void compare_types(const char *model, const char *preset) {
    char path[256], other[256];
    error err = {0};
    snprintf(path, sizeof path, PARITY "%s-f32.gguf", model);
    snprintf(other, sizeof other, PARITY "%s-%s.gguf", model, preset);
    if (!quantize(path, in_folder("out.gguf"), preset, &err)) fail_msg("%s", err.text);
    engine_gguf *ours = open_file(in_folder("out.gguf")), *theirs = open_file(other);
    assert_int_equal(engine_gguf_bytes(ours), engine_gguf_bytes(theirs));
    for (size_t i = 0; i < engine_gguf_tensor_count(theirs); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(theirs, i);
        char name[128];
        snprintf(name, sizeof name, STR_FMT, STR_ARG(t->name));
        if (engine_gguf_find(ours, name)->type == t->type) continue;
        fail_msg("%s as %s: %s is %s, not %s", model, preset, name,
                 engine_type_name(engine_gguf_find(ours, name)->type), engine_type_name(t->type));
    }
    engine_gguf_close(ours);
    engine_gguf_close(theirs);
    empty_folder();
}

static void test_reference_types(void **state) {
    (void)state;
    const char *const cases[][2] = {
        {"llama", "q8_0"},        {"llama", "q4_0"},      {"llama", "q4_1"},
        {"llama", "q5_0"},        {"llama", "q5_1"},      {"llama", "q2_k"},
        {"llama", "q3_k_m"},      {"llama", "q4_k_m"},    {"llama", "q5_k_m"},
        {"llama", "q6_k"},        {"llama", "iq4_nl"},    {"llama", "iq4_xs"},
        {"llama-base5e5", "f16"}, {"qwen2", "q4_k_m"},    {"qwen2-deep", "iq4_nl"},
        {"qwen3", "q4_k_m"},      {"bert-mean", "q8_0"},  {"gemma-embedding", "q8_0"},
        {"nomic-bert", "q4_0"},   {"stories260K", "f16"}, {"qwen2-deep", "bf16"},
    };
    if (access(PARITY "llama-f32.gguf", R_OK) != 0) {
        printf("SKIP: ../shared is not here\n");
        skip();
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        compare_types(cases[i][0], cases[i][1]);
    }
}

/* ---- what is refused ---------------------------------------------------------------------- */

static void refused(const char *in, const char *preset, error_code code, const char *says) {
    error err = {0};
    assert_false(quantize(in, in_folder("out.gguf"), preset, &err));
    assert_int_equal(err.code, code);
    if (str_find(str_of(err.text), str_of(says), 0) == SIZE_MAX) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
    }
}

static void test_refusals(void **state) {
    (void)state;
    llama_shape small = shape;
    text file, there = {0};
    small.layers = 1;
    save_model("in.gguf", &small);
    refused(in_folder("in.gguf"), "q9", ERROR_USAGE, "q4_k_m");
    refused(in_folder("none.gguf"), "q8_0", ERROR_NOT_FOUND, "none.gguf");
    refused(in_folder("in.gguf"), "f32", ERROR_USAGE, "smaller");
    text_put(&there, STR("there"));
    save(in_folder("out.gguf"), &there);
    refused(in_folder("in.gguf"), "q8_0", ERROR_USAGE, "already");
    assert_int_equal(unlink(in_folder("out.gguf")), 0);
    text_free(&there);

    small.type = FIXTURE_Q8_0;
    save_model("in.gguf", &small);
    refused(in_folder("in.gguf"), "f16", ERROR_USAGE, "smaller");
    refused(in_folder("in.gguf"), "q8_0", ERROR_USAGE, "smaller");

    small.type = FIXTURE_F32; /* one weight that is not a number */
    file = fixture_llama(&small);
    memcpy(file.p + file.n - 64, &(float){NAN}, sizeof(float));
    save(in_folder("in.gguf"), &file);
    text_free(&file);
    refused(in_folder("in.gguf"), "q4_0", ERROR_MODEL, "output.weight");
    assert_int_equal(empty_folder(), 1);
}

/* The disk lets us have no more than 100,000 bytes in a file: nothing is left. */
static void test_full_disk(void **state) {
    (void)state;
    struct rlimit before, small = {100000, 100000};
    error err = {0};
    save_model("in.gguf", &shape);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool ok = quantize(in_folder("in.gguf"), in_folder("out.gguf"), "q8_0", &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_false(ok);
    assert_int_equal(err.code, ERROR_IO);
    assert_int_equal(empty_folder(), 1);
}

static bool stop_half_way(void *context, uint64_t done, uint64_t total) {
    uint64_t *last = context;
    assert_true(done > *last && done <= total);
    *last = done;
    return done < total / 2;
}

static bool go_on(void *context, uint64_t done, uint64_t total) {
    *(uint64_t *)context = total - done;
    return true;
}

static void test_progress(void **state) {
    (void)state;
    uint64_t last = 0, left = 1;
    error err = {0};
    engine_quantizing how = {.preset = "q4_0", .progress = stop_half_way, .context = &last};
    save_model("in.gguf", &shape);
    const char *in = in_folder("in.gguf"), *out = in_folder("out.gguf");
    assert_false(engine_model_quantize(in, out, &how, NULL, &err));
    assert_int_equal(err.code, ERROR_CANCELLED);
    assert_int_not_equal(access(out, F_OK), 0);
    how = (engine_quantizing){.preset = "q4_0", .progress = go_on, .context = &left};
    assert_true(engine_model_quantize(in, out, &how, NULL, &err));
    assert_int_equal(left, 0);
    how.replace = true;
    how.preset = "q8_0";
    assert_true(engine_model_quantize(in, out, &how, NULL, &err));
    engine_gguf *g = open_file(out);
    assert_int_equal(engine_gguf_find(g, "output.weight")->type, ENGINE_Q8_0);
    engine_gguf_close(g);
    assert_int_equal(empty_folder(), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata),        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_not_committed),   cmocka_unit_test(test_race),
        cmocka_unit_test(test_presets),         cmocka_unit_test(test_mix),
        cmocka_unit_test(test_reference_types), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_full_disk),       cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
