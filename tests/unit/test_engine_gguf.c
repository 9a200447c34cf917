/* The GGUF reader: what a file says comes out right, and a file that lies is refused. Files are
 * made here byte by byte; then every byte of one is cut off and changed, so that whatever is still
 * accepted can be walked to its last byte (the address sanitizer watches).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"
#include "tests/fixtures/gguf_fixture.h"

#include <stdlib.h>
#include <unistd.h>

/* Keys of every kind that models use, and three tensors. */
static text sample(void) {
    fixture f = {.w = engine_gguf_writer_new(), .random = 3};
    const str words[] = {STR("one"), STR(""), STR("three\0zero")};
    engine_gguf_put_str(f.w, "general.architecture", STR("test"));
    engine_gguf_put_u32(f.w, "a.u32", 4000000000u);
    /* the kind, then the value */
    engine_gguf_put_raw(f.w, STR("a.u8"), STR("\0\0\0\0\xC8"));
    engine_gguf_put_raw(f.w, STR("a.i16"), STR("\3\0\0\0\xFE\xFF"));
    engine_gguf_put_raw(f.w, STR("a.u64"), STR("\12\0\0\0\0\0\0\0\0\1\0\0"));
    engine_gguf_put_raw(f.w, STR("a.small_u64"), STR("\12\0\0\0\x4D\0\0\0\0\0\0\0"));
    engine_gguf_put_f32(f.w, "a.float", 1.5f);
    engine_gguf_put_raw(f.w, STR("a.double"), STR("\14\0\0\0\0\0\0\0\0\0\xD0\x3F"));
    engine_gguf_put_bool(f.w, "a.yes", true);
    engine_gguf_put_strs(f.w, "list.strings", words, 3);
    engine_gguf_put_f32s(f.w, "list.floats", (float[]){0.5f, -1}, 2);
    engine_gguf_put_raw(f.w, STR("list.bytes"), /* int8 */
                        STR("\11\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\x05\xFB"));
    engine_gguf_put_i32s(f.w, "list.empty", NULL, 0);
    fixture_tensor(&f, "z", FIXTURE_F32, 5, 0, 0, 1);
    fixture_tensor(&f, "m", FIXTURE_Q8_0, 64, 3, 0, 1);
    fixture_tensor(&f, "a", FIXTURE_F16, 7, 2, 0, 1);
    return fixture_finish(&f);
}

static engine_gguf *open_bytes(const text *t) {
    engine_gguf *g = NULL;
    error err = {0};
    if (!engine_gguf_open_memory(t->p, t->n, &g, &err)) fail_msg("%s", err.text);
    return g;
}

static void test_scalars(void **state) {
    (void)state;
    text t = sample();
    engine_gguf *g = open_bytes(&t);
    uint32_t u = 9;
    float f = 9;
    bool b = false;
    str s = {0};
    assert_true(engine_gguf_u32(g, "a.u32", &u) && u == 4000000000u);
    assert_true(engine_gguf_u32(g, "a.u8", &u) && u == 200);
    assert_true(engine_gguf_u32(g, "a.small_u64", &u) && u == 77);
    assert_true(engine_gguf_f32(g, "a.float", &f) && f == 1.5f);
    assert_true(engine_gguf_f32(g, "a.double", &f) && f == 0.25f);
    assert_true(engine_gguf_bool(g, "a.yes", &b) && b);
    assert_true(engine_gguf_str(g, "general.architecture", &s) && str_eq(s, STR("test")));
    /* missing, of another kind, or not fitting: untouched */
    assert_false(engine_gguf_u32(g, "a.u64", &u));
    assert_false(engine_gguf_u32(g, "a.i16", &u));
    assert_false(engine_gguf_u32(g, "a.float", &u));
    assert_false(engine_gguf_u32(g, "list.bytes", &u));
    assert_false(engine_gguf_u32(g, "nothing", &u));
    assert_false(engine_gguf_u32(g, "", &u));
    assert_false(engine_gguf_f32(g, "a.u8", &f));
    assert_false(engine_gguf_bool(g, "a.u8", &b));
    assert_false(engine_gguf_str(g, "list.strings", &s));
    assert_int_equal(u, 77);
    assert_true(f == 0.25f);
    engine_gguf_close(g);
    text_free(&t);
}

static void test_arrays(void **state) {
    (void)state;
    text t = sample();
    engine_gguf *g = open_bytes(&t);
    str s = {0};
    float f = 9;
    int32_t i = 9;
    assert_int_equal(engine_gguf_array_count(g, "list.strings"), 3);
    assert_int_equal(engine_gguf_array_count(g, "list.empty"), 0);
    assert_int_equal(engine_gguf_array_count(g, "nothing"), 0);
    assert_int_equal(engine_gguf_array_count(g, "a.u32"), 0);
    assert_true(engine_gguf_array_str(g, "list.strings", 0, &s) && str_eq(s, STR("one")));
    assert_true(engine_gguf_array_str(g, "list.strings", 1, &s) && s.n == 0);
    assert_true(engine_gguf_array_str(g, "list.strings", 2, &s) && s.n == 10);
    assert_false(engine_gguf_array_str(g, "list.strings", 3, &s));
    assert_false(engine_gguf_array_str(g, "list.floats", 0, &s));
    assert_true(engine_gguf_array_f32(g, "list.floats", 1, &f) && f == -1);
    assert_false(engine_gguf_array_f32(g, "list.floats", 2, &f));
    assert_false(engine_gguf_array_f32(g, "list.strings", 0, &f));
    assert_true(engine_gguf_array_i32(g, "list.bytes", 0, &i) && i == 5);
    assert_true(engine_gguf_array_i32(g, "list.bytes", 1, &i) && i == -5);
    assert_false(engine_gguf_array_i32(g, "list.bytes", SIZE_MAX, &i));
    assert_false(engine_gguf_array_i32(g, "list.strings", 0, &i));
    engine_gguf_close(g);
    text_free(&t);
}

static void test_tensors(void **state) {
    (void)state;
    text file = sample();
    engine_gguf *g = open_bytes(&file);
    const engine_tensor *t;
    error err = {0};
    assert_int_equal(engine_gguf_tensor_count(g), 3);
    assert_true(str_eq(engine_gguf_tensor_at(g, 0)->name, STR("z"))); /* in file order */
    assert_true(str_eq(engine_gguf_tensor_at(g, 2)->name, STR("a")));
    assert_int_equal(engine_gguf_bytes(g), file.n);
    t = engine_gguf_find(g, "m");
    assert_non_null(t);
    assert_int_equal(t->rank, 2);
    assert_int_equal(t->shape[0], 64);
    assert_int_equal(t->shape[1], 3);
    assert_int_equal(t->bytes, 3 * 2 * 34);
    assert_null(engine_gguf_find(g, "M"));
    assert_null(engine_gguf_find(g, ""));
    assert_true(engine_gguf_need(g, "z", 1, (uint64_t[]){5}, &t, &err));
    assert_true(engine_gguf_need(g, "z", 2, (uint64_t[]){5, 1}, &t, &err)); /* trailing 1s */
    assert_false(engine_gguf_need(g, "m", 2, (uint64_t[]){3, 64}, &t, &err));
    assert_true(str_find(str_of(err.text), STR("[64, 3]"), 0) != SIZE_MAX);
    assert_true(str_find(str_of(err.text), STR("[3, 64]"), 0) != SIZE_MAX);
    assert_false(engine_gguf_need(g, "m", 1, (uint64_t[]){64}, &t, &err));
    assert_false(engine_gguf_need(g, "q", 1, (uint64_t[]){5}, &t, &err));
    assert_true(str_find(str_of(err.text), STR("\"q\" is missing"), 0) != SIZE_MAX);
    engine_gguf_close(g);
    text_free(&file);
}

/* Reads every value and every byte of weights that an accepted file claims to have. */
static uint64_t walk(const engine_gguf *g) {
    uint64_t sum = 0;
    for (size_t i = 0; i < engine_gguf_tensor_count(g); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(g, i);
        for (uint64_t j = 0; j < t->bytes; j++) sum += ((const uint8_t *)t->data)[j];
        for (size_t j = 0; j < t->name.n; j++) sum += (unsigned char)t->name.p[j];
    }
    for (size_t i = 0; i < engine_gguf_array_count(g, "list.strings"); i++) {
        str s;
        if (!engine_gguf_array_str(g, "list.strings", i, &s)) continue;
        for (size_t j = 0; j < s.n; j++) sum += (unsigned char)s.p[j];
    }
    return sum;
}

/* An exact copy on the heap, so that the sanitizer sees a read past the end. */
static bool opens(const char *p, size_t n, error *err) {
    engine_gguf *g;
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, p, n);
    bool ok = engine_gguf_open_memory(copy, n, &g, err);
    if (ok) {
        assert_true(walk(g) < UINT64_MAX);
        engine_gguf_close(g);
    }
    free(copy);
    return ok;
}

static void test_truncated(void **state) {
    (void)state;
    text t = sample();
    for (size_t n = 0; n < t.n; n++) {
        error err = {0};
        assert_false(opens(t.p, n, &err));
        assert_int_equal(err.code, ERROR_MODEL);
        assert_true(strlen(err.text) > 10);
    }
    text_free(&t);
}

static void test_changed_bytes(void **state) {
    (void)state;
    const unsigned char values[] = {0, 1, 0x7F, 0x80, 0xFF};
    text t = sample();
    size_t refused = 0;
    for (size_t at = 0; at < t.n; at++) {
        char before = t.p[at];
        for (size_t v = 0; v < sizeof values; v++) {
            error err = {0};
            t.p[at] = (char)values[v];
            if (!opens(t.p, t.n, &err)) {
                refused++;
                assert_true(utf8_valid(str_of(err.text)) && strlen(err.text) > 10);
            }
        }
        t.p[at] = before;
    }
    assert_true(refused > 500);
    text_free(&t);
}

/* Counts that would need far more memory than the file has bytes. */
static void test_claims(void **state) {
    (void)state;
    const uint64_t claims[] = {1000, 1u << 20, UINT32_MAX, UINT64_MAX / 32, UINT64_MAX};
    text t = sample();
    size_t list = str_find(text_str(&t), STR("list.strings"), 0) + 12 + 4 + 4;
    size_t name = str_find(text_str(&t), STR("one"), list) - 8;
    size_t shape = str_find(text_str(&t), STR("z\x01"), list) + 1 + 4;
    const size_t places[] = {8, 16, 24, list, name, shape, shape + 12};
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        char before[8];
        memcpy(before, t.p + places[p], 8);
        for (size_t c = 0; c < sizeof claims / sizeof *claims; c++) {
            error err = {0};
            memcpy(t.p + places[p], &claims[c], 8);
            assert_false(opens(t.p, t.n, &err));
        }
        memcpy(t.p + places[p], before, 8);
    }
    text_free(&t);
}

/* Puts `value` over the u32 at `at` and expects a refusal with `named` in its sentence. */
static void refuse_u32(text *t, size_t at, uint32_t value, const char *named) {
    uint32_t before;
    error err = {0};
    memcpy(&before, t->p + at, 4);
    memcpy(t->p + at, &value, 4);
    assert_false(opens(t->p, t->n, &err));
    if (str_find(str_of(err.text), str_of(named), 0) == SIZE_MAX) {
        fail_msg("\"%s\" does not say %s", err.text, named);
    }
    memcpy(t->p + at, &before, 4);
}

static void test_refusals(void **state) {
    (void)state;
    text t = sample();
    size_t architecture = str_find(text_str(&t), STR("general.architecture"), 0);
    size_t m = str_find(text_str(&t), STR("m\x02"), architecture);
    refuse_u32(&t, 0, 0x46554746, "not a GGUF file");
    refuse_u32(&t, 4, 1, "version 1");
    refuse_u32(&t, 4, 4, "version 4");
    refuse_u32(&t, 4, 0x03000000, "big-endian");
    refuse_u32(&t, architecture + 20, 13, "general.architecture");
    refuse_u32(&t, str_find(text_str(&t), STR("list.empty"), 0) + 10 + 4, 9, "list.empty");
    refuse_u32(&t, m + 1, 0, "rank 0");
    refuse_u32(&t, m + 1, 5, "rank 5");
    refuse_u32(&t, m + 1 + 4, 63, "63 values");
    refuse_u32(&t, m + 1 + 4 + 16 + 4, 33, "not aligned");
    error err = {0};
    size_t twice = str_find(text_str(&t), STR("a.yes"), 0);
    memcpy(t.p + twice, "a.u32", 5);
    assert_false(opens(t.p, t.n, &err));
    assert_true(str_find(str_of(err.text), STR("stands twice"), 0) != SIZE_MAX);
    text_free(&t);

    t = sample();
    t.p[str_find(text_str(&t), STR("m\x02"), 0)] = 'a';
    assert_false(opens(t.p, t.n, &err));
    assert_true(str_find(str_of(err.text), STR("\"a\" stands twice"), 0) != SIZE_MAX);
    text_free(&t);
}

/* A type that this build cannot run, or does not even know, spoils only its own tensor. */
static void test_foreign_types(void **state) {
    (void)state;
    const struct {
        uint32_t type;
        const char *named;
    } cases[] = {{39, "MXFP4"}, {99, "? (99)"}};
    for (size_t i = 0; i < 2; i++) {
        text file = sample();
        const engine_tensor *t;
        error err = {0};
        size_t m = str_find(text_str(&file), STR("m\x02"), 0);
        memcpy(file.p + m + 1 + 4 + 16, &cases[i].type, 4);
        engine_gguf *g = open_bytes(&file);
        assert_true(engine_gguf_need(g, "z", 1, (uint64_t[]){5}, &t, &err));
        assert_false(engine_gguf_need(g, "m", 2, (uint64_t[]){64, 3}, &t, &err));
        assert_true(str_find(str_of(err.text), str_of(cases[i].named), 0) != SIZE_MAX);
        engine_gguf_close(g);
        text_free(&file);
    }
}

/* Names from a file must not carry escape codes into a terminal. */
static void test_names_are_cleaned(void **state) {
    (void)state;
    text t = sample();
    error err = {0};
    size_t at = str_find(text_str(&t), STR("list.strings"), 0);
    memcpy(t.p + at, "\x1B[31m\n", 6);
    uint32_t bad_kind = 200;
    memcpy(t.p + at + 12, &bad_kind, 4);
    assert_false(opens(t.p, t.n, &err));
    for (const char *c = err.text; *c; c++) assert_true(*c >= 0x20 && *c < 0x7F);
    text_free(&t);
}

static void test_files(void **state) {
    (void)state;
    engine_gguf *g;
    error err = {0};
    assert_false(engine_gguf_open("no/such/file.gguf", &g, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_false(engine_gguf_open("engine", &g, &err)); /* a folder */
    assert_int_equal(err.code, ERROR_MODEL);
    assert_false(engine_gguf_open("/dev/null", &g, &err));

    char path[] = "/tmp/carrel-gguf-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_false(engine_gguf_open(path, &g, &err)); /* empty */
    text t = sample();
    assert_int_equal(write(fd, t.p, t.n), t.n);
    close(fd);
    assert_true(engine_gguf_open(path, &g, &err));
    unlink(path);
    assert_true(str_eq(engine_gguf_path(g), str_of(path)));
    assert_int_equal(engine_gguf_tensor_count(g), 3);
    assert_int_equal((uintptr_t)engine_gguf_find(g, "z")->data % 4, 0);
    engine_gguf_close(g);
    engine_gguf_close(NULL);
    text_free(&t);
}

static void test_types(void **state) {
    (void)state;
    assert_true(engine_type_runs(0) && engine_type_runs(1) && engine_type_runs(8));
    assert_false(engine_type_runs(9) || engine_type_runs(39) || engine_type_runs(UINT32_MAX));
    assert_string_equal(engine_type_name(12), "Q4_K");
    assert_string_equal(engine_type_name(4), "?");
    assert_string_equal(engine_type_name(UINT32_MAX), "?");
    assert_int_equal(engine_row_bytes(0, 3), 12);
    assert_int_equal(engine_row_bytes(8, 64), 68);
    assert_int_equal(engine_row_bytes(8, 63), 0);
    assert_int_equal(engine_row_bytes(14, 512), 420);
    assert_int_equal(engine_row_bytes(0, UINT64_MAX), 0);
    assert_int_equal(engine_row_bytes(99, 32), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_foreign_types),
        cmocka_unit_test(test_names_are_cleaned),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
