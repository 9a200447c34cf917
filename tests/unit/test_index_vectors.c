/* The kernels against the scalar one, and the exact scan against a plain sort: ties, limits, rows
 * added and removed while the array is loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <cmocka.h>

#include "index/internal.h"

#define MUST(call)                                        \
    do {                                                  \
        if (!(call)) fail_msg("%s: %s", #call, err.text); \
    } while (0)

static char folder[64], path[96];
static arena *memory;
static error err;
static uint64_t seed;

static uint32_t random_bits(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

static int setup(void **state) {
    (void)state;
    seed = 7;
    memset(&err, 0, sizeof(err));
    /* In memory where there is such a place: every commit waits for the disk. */
    snprintf(folder, sizeof(folder), "%s/carrel-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(path, sizeof(path), "%s/library", folder);
    memory = arena_new();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_free(memory);
    unlink(path);
    return rmdir(folder);
}

static void compare_kernel(vectors_dot *kernel, const char *name) {
    static const size_t strides[] = {64, 128, 192, 256, 384, 1024, VECTORS_MAX_WIDTH};
    for (size_t k = 0; k < sizeof(strides) / sizeof(strides[0]); k++) {
        size_t stride = strides[k];
        int8_t *rows = aligned_alloc(VECTORS_ALIGN, 9 * stride);
        int8_t *query = aligned_alloc(VECTORS_ALIGN, stride);
        int32_t wanted[9], given[9];
        assert_true(rows != NULL && query != NULL);
        for (size_t i = 0; i < 9 * stride; i++) rows[i] = (int8_t)random_bits();
        for (size_t i = 0; i < stride; i++) query[i] = (int8_t)random_bits();
        memset(rows, -128, stride); /* the largest sums there are */
        memset(rows + stride, 127, stride);
        for (int extreme = 0; extreme < 3; extreme++) {
            if (extreme > 0) memset(query, extreme == 1 ? -128 : 127, stride);
            vectors_dot_scalar(rows, 9, stride, query, wanted);
            memset(given, 0x55, sizeof(given));
            kernel(rows, 9, stride, query, given);
            if (memcmp(wanted, given, sizeof(wanted)) != 0)
                fail_msg("%s differs from scalar at stride %zu", name, stride);
        }
        kernel(rows, 0, stride, query, given);
        free(rows);
        free(query);
    }
}

static void test_kernels(void **state) {
    (void)state;
    int tested = 0;
#if defined(__x86_64__)
    const cpu_features *cpu = cpu_get();
    if (cpu->avx2) {
        compare_kernel(vectors_dot_avx2, "avx2");
        tested++;
    }
    if (cpu->avx512 && cpu->avx512_vnni) {
        compare_kernel(vectors_dot_avx512, "avx512");
        tested++;
    }
#endif
    if (tested == 0) {
        print_message("SKIP: this machine has scalar kernels only\n");
        skip();
    }
}

/* One document of `count` chunks with the given vectors. */
static int64_t add(index_library *l, int number, size_t count, const int8_t *vectors,
                   const float *scales) {
    index_chunk_in *chunks = arena_alloc(memory, count, sizeof(*chunks));
    index_outcome outcome;
    int64_t id;
    for (size_t i = 0; i < count; i++)
        chunks[i] = (index_chunk_in){.text = STR("x"), .page_first = 1, .page_last = 1};
    index_page page = {.number = 1, .fate = STR("text")};
    index_document_in d = {.path = arena_printf(memory, "/%d", number),
                           .pages = &page,
                           .page_count = 1,
                           .chunks = chunks,
                           .chunk_count = count,
                           .vectors = vectors,
                           .scales = scales};
    memcpy(d.hash, &number, sizeof(number));
    MUST(index_add(l, &d, &outcome, &id, &err));
    return id;
}

typedef struct {
    double score;
    int64_t chunk;
} plain_hit;

static int compare_plain(const void *a, const void *b) {
    const plain_hit *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

#define ROWS 700 /* more than two blocks */

static void compare_scan(index_library *l, size_t width, const int8_t *vectors, const float *scales,
                         int64_t first, size_t rows, size_t limit) {
    int8_t query[VECTORS_MAX_WIDTH];
    static plain_hit plain[ROWS];
    index_hit *out;
    size_t count;
    double cosine;
    for (size_t k = 0; k < width; k++) query[k] = (int8_t)(random_bits() % 255 - 127);
    for (size_t i = 0; i < rows; i++) {
        int32_t dot = 0;
        for (size_t k = 0; k < width; k++) dot += query[k] * vectors[i * width + k];
        plain[i] = (plain_hit){(double)scales[i] * (double)0.001f * dot, first + (int64_t)i};
        plain[i].score = plain[i].score > 1 ? 1 : plain[i].score < -1 ? -1 : plain[i].score;
    }
    qsort(plain, rows, sizeof(plain[0]), compare_plain);
    MUST(index_search_vectors(l, query, 0.001f, limit, memory, &out, &count, &err));
    assert_int_equal(count, limit < rows ? limit : rows);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(out[i].chunk, plain[i].chunk);
        assert_true(out[i].score == plain[i].score);
        MUST(index_chunk_cosine(l, out[i].chunk, query, 0.001f, &cosine, &err));
        assert_true(cosine == out[i].score);
    }
}

static void test_scan(void **state) {
    (void)state;
    static const size_t widths[] = {1, 64, 100, 256}, limits[] = {0, 1, 10, 699, 700, 5000};
    for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
        size_t width = widths[w];
        index_library *l;
        index_model model = {.name = STR("m"), .width = (uint32_t)width};
        int8_t *vectors = arena_alloc(memory, ROWS * width, 1);
        float *scales = arena_alloc(memory, ROWS, sizeof(float));
        for (size_t i = 0; i < ROWS * width; i++) vectors[i] = (int8_t)(random_bits() % 255 - 127);
        for (size_t i = 0; i < ROWS; i++)
            scales[i] = (float)(random_bits() % 4) * 0.0005f; /* zero too, and many ties */
        MUST(index_open(path, INDEX_CREATE, &l, &err));
        MUST(index_set_model(l, &model, &err));
        add(l, 1, ROWS, vectors, scales);
        for (size_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++)
            compare_scan(l, width, vectors, scales, 1, ROWS, limits[k]);
        index_close(l);
        unlink(path);
    }
}

static void test_changes(void **state) {
    (void)state;
    enum { WIDTH = 96 };
    index_library *l, *reader;
    index_model model = {.name = STR("m"), .width = WIDTH};
    int8_t *vectors = arena_alloc(memory, ROWS * WIDTH, 1), query[WIDTH] = {1};
    float *scales = arena_alloc(memory, ROWS, sizeof(float));
    index_hit *out;
    size_t count;
    double cosine;
    for (size_t i = 0; i < ROWS * WIDTH; i++) vectors[i] = (int8_t)(random_bits() % 255 - 127);
    for (size_t i = 0; i < ROWS; i++) scales[i] = 0.001f;
    MUST(index_open(path, INDEX_CREATE, &l, &err));
    MUST(index_search_vectors(l, query, 1, 10, memory, &out, &count, &err));
    assert_int_equal(count, 0);
    MUST(index_set_model(l, &model, &err));
    MUST(index_open(path, INDEX_READ, &reader, &err));
    int64_t first = add(l, 1, 300, vectors, scales);
    compare_scan(l, WIDTH, vectors, scales, 1, 300, 50);
    compare_scan(reader, WIDTH, vectors, scales, 1, 300, 50);
    add(l, 2, 400, vectors + 300 * WIDTH, scales);
    compare_scan(l, WIDTH, vectors, scales, 1, 700, 700);
    compare_scan(reader, WIDTH, vectors, scales, 1, 700, 700);
    MUST(index_remove(l, &first, 1, &err));
    compare_scan(l, WIDTH, vectors + 300 * WIDTH, scales, 301, 400, 30);
    compare_scan(reader, WIDTH, vectors + 300 * WIDTH, scales, 301, 400, 30);
    MUST(index_chunk_cosine(reader, 5, query, 1, &cosine, &err));
    assert_true(cosine == 0);
    assert_false(index_search_vectors(l, query, 1.0f / 0.0f, 10, memory, &out, &count, &err));
    index_close(l);
    index_close(reader);
}

static void test_refused_vectors(void **state) {
    (void)state;
    index_library *l;
    index_model model = {.name = STR("m"), .width = 4};
    index_chunk_in chunk = {.text = STR("x")};
    float scale = 0.0f / 0.0f;
    int8_t vector[4] = {1, 2, 3, 4};
    index_page page = {.number = 1, .fate = STR("text")};
    index_document_in d = {.path = STR("/a"),
                           .pages = &page,
                           .page_count = 1,
                           .chunks = &chunk,
                           .chunk_count = 1,
                           .vectors = vector,
                           .scales = &scale};
    index_outcome outcome;
    int64_t id;
    MUST(index_open(path, INDEX_CREATE, &l, &err));
    MUST(index_set_model(l, &model, &err));
    assert_false(index_add(l, &d, &outcome, &id, &err));
    d.vectors = NULL;
    assert_false(index_add(l, &d, &outcome, &id, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    d.chunk_count = 0; /* a document without text has no vectors */
    MUST(index_add(l, &d, &outcome, &id, &err));
    MUST(index_check(l, &err));
    index_close(l);
}

/* ---- vectors that come later ----------------------------------------------------------------- */

#define FEW 8 /* values of a vector */

static uint64_t waiting(index_library *l) {
    index_status s;
    MUST(index_get_status(l, &s, &err));
    MUST(index_check(l, &err));
    return s.chunks - s.vectors;
}

/* Gives the next chunks that wait vectors full of `mark`; how many. */
static size_t embed_next(index_library *l, const index_model *m, size_t limit, int8_t mark) {
    index_waiting_chunk *c;
    size_t n;
    bool taken;
    int8_t vectors[INDEX_WAITING_MOST * FEW];
    float scales[INDEX_WAITING_MOST];
    MUST(index_waiting(l, limit, memory, &c, &n, &err));
    memset(vectors, mark, n * m->width);
    for (size_t i = 0; i < n; i++) scales[i] = 0.001f;
    if (n == 0) return 0;
    MUST(index_put_vectors(l, m->hash, c[0].id, n, vectors, scales, &taken, &err));
    assert_true(taken);
    MUST(index_put_vectors(l, m->hash, c[0].id, n, vectors, scales, &taken, &err));
    assert_false(taken); /* once is enough */
    return n;
}

static size_t found(index_library *l) {
    int8_t query[FEW];
    index_hit *out;
    size_t count;
    memset(query, 1, sizeof(query));
    MUST(index_search_vectors(l, query, 1, 1000, memory, &out, &count, &err));
    for (size_t i = 1; i < count; i++)
        assert_true(out[i - 1].score > out[i].score || out[i - 1].chunk < out[i].chunk);
    return count;
}

static void test_another_model(void **state) {
    (void)state;
    static int8_t vectors[300 * FEW];
    static float scales[300];
    index_model one = {.name = STR("one"), .width = FEW},
                two = {.hash = {2}, .name = STR("two"), .width = FEW / 2};
    index_library *l, *reader;
    memset(vectors, 1, sizeof(vectors));
    for (size_t i = 0; i < 300; i++) scales[i] = 0.001f;
    MUST(index_open(path, INDEX_CREATE, &l, &err));
    MUST(index_set_model(l, &one, &err));
    int64_t first = add(l, 1, 300, vectors, scales);
    add(l, 2, 10, vectors, scales);
    MUST(index_open(path, INDEX_READ, &reader, &err));
    index_expect_model(reader, one.hash);
    assert_true(waiting(l) == 0 && found(reader) == 310);

    MUST(index_change_model(l, &two, &err));
    assert_true(waiting(l) == 310 && found(l) == 0);
    index_hit *out;
    size_t count;
    double cosine;
    int8_t query[FEW] = {1};
    /* A question of the former model meets no vector of the new one. */
    assert_false(index_search_vectors(reader, query, 1, 10, memory, &out, &count, &err));
    assert_int_equal(err.code, ERROR_MODEL);
    assert_false(index_chunk_cosine(reader, 1, query, 1, &cosine, &err));
    index_expect_model(reader, two.hash);
    assert_int_equal(found(reader), 0);

    assert_int_equal(embed_next(l, &two, 100, 1), 100);
    assert_true(waiting(l) == 210 && found(reader) == 100);
    MUST(index_change_model(l, &two, &err)); /* the same: nothing is lost */
    assert_int_equal(waiting(l), 210);
    /* Who still has the former model, or is late, puts nothing in. */
    bool taken;
    MUST(index_put_vectors(l, one.hash, 101, 1, vectors, scales, &taken, &err));
    assert_false(taken);
    MUST(index_put_vectors(l, two.hash, 102, 1, vectors, scales, &taken, &err));
    assert_false(taken);
    MUST(index_put_vectors(l, two.hash, 300, 2, vectors, scales, &taken, &err));
    assert_false(taken); /* of two documents */
    /* A document that comes meanwhile waits behind the others, in spite of its vectors. */
    add(l, 3, 5, vectors, scales);
    assert_int_equal(waiting(l), 215);
    assert_int_equal(embed_next(l, &two, 256, 1), 200); /* to the end of the document */
    assert_int_equal(embed_next(l, &two, 256, 1), 10);
    MUST(index_remove(l, &first, 1, &err));
    assert_true(waiting(l) == 5 && found(reader) == 10);
    assert_int_equal(embed_next(l, &two, 256, 1), 5);
    assert_int_equal(embed_next(l, &two, 256, 1), 0);
    assert_true(waiting(l) == 0 && found(reader) == 15);
    /* And the next has its vectors at once, but not with those of another model. */
    add(l, 4, 3, vectors, scales);
    assert_true(waiting(l) == 0 && found(reader) == 18);
    index_expect_model(l, one.hash);
    add(l, 5, 3, vectors, scales);
    assert_int_equal(waiting(l), 3);
    /* A third of the same width: nothing of the second is left in the reader's memory. */
    index_model three = {.hash = {3}, .name = STR("three"), .width = FEW / 2};
    MUST(index_change_model(l, &three, &err));
    index_expect_model(reader, three.hash);
    assert_int_equal(found(reader), 0);
    assert_int_equal(embed_next(l, &three, 7, 1), 7);
    assert_int_equal(found(reader), 7);
    index_close(l);
    index_close(reader);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_kernels),       WITH_FOLDER(test_scan),
        WITH_FOLDER(test_changes),       WITH_FOLDER(test_refused_vectors),
        WITH_FOLDER(test_another_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
