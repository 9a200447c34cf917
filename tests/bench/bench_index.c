/* How fast the index is: kernels over rows in memory, a whole vector search, adding documents, and
 * searching words. Plain lines, one figure each; nothing is compared with a wish.
 *
 * Text is made from a word list whose frequencies fall as 1/rank, as in any language, so that
 * common words have long lists. The library lies in $TMPDIR (default /tmp) and is taken away.
 * Arguments: vectors (100000), width (512), documents (2000) of 10 chunks each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/internal.h"

#define CHUNKS 10
#define CHUNK_WORDS 200
#define VOCABULARY 50000
#define QUESTIONS 100
#define QUESTION_WORDS 6
#define ROUNDS 20

static uint64_t seed = 1;

static uint32_t random_bits(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

static void must(bool ok, const error *err) {
    if (ok) return;
    fprintf(stderr, "bench_index: %s\n", err->text);
    exit(err->code);
}

static void bench_kernel(const char *name, vectors_dot *dot, size_t count, size_t stride) {
    int8_t *rows = aligned_alloc(VECTORS_ALIGN, count * stride);
    int8_t *query = aligned_alloc(VECTORS_ALIGN, stride);
    int32_t *out = mem_new(count, sizeof(*out));
    double best = 1e9;
    if (rows == NULL || query == NULL) exit(ERROR_LIMIT);
    for (size_t i = 0; i < count * stride; i++) rows[i] = (int8_t)random_bits();
    for (size_t i = 0; i < stride; i++) query[i] = (int8_t)random_bits();
    for (int round = 0; round < ROUNDS; round++) {
        double begin = clock_ms();
        dot(rows, count, stride, query, out);
        double ms = clock_ms() - begin;
        best = ms < best ? ms : best;
    }
    printf("kernel %s: %zu x %zu int8 in %.2f ms (best of %d)\n", name, count, stride, best,
           ROUNDS);
    free(rows);
    free(query);
    mem_free(out);
}

/* Ranks fall as 1/rank: the exponent of a uniform number is spread evenly over the logarithm. */
static void put_word(text *out) {
    uint32_t rank = 1, bits = random_bits() % 16;
    rank = (1u << bits) + random_bits() % (1u << bits);
    text_printf(out, "w%ux ", rank % VOCABULARY);
}

static void add_documents(index_library *l, size_t documents, size_t width) {
    index_chunk_in chunks[CHUNKS];
    int8_t *vectors = mem_new(CHUNKS * width, 1);
    float scales[CHUNKS];
    text bodies[CHUNKS] = {{0}};
    error err;
    double begin = clock_ms();
    for (size_t i = 0; i < documents; i++) {
        char name[32];
        snprintf(name, sizeof(name), "/bench/%zu", i);
        for (size_t k = 0; k < CHUNKS; k++) {
            text_clear(&bodies[k]);
            for (int w = 0; w < CHUNK_WORDS; w++) put_word(&bodies[k]);
            chunks[k] =
                (index_chunk_in){.text = text_str(&bodies[k]), .page_first = 1, .page_last = 1};
            scales[k] = 0.01f;
        }
        for (size_t k = 0; k < CHUNKS * width; k++) vectors[k] = (int8_t)random_bits();
        index_document_in d = {.path = str_of(name),
                               .chunks = chunks,
                               .chunk_count = CHUNKS,
                               .vectors = vectors,
                               .scales = scales};
        memcpy(d.hash, &i, sizeof(i));
        index_outcome outcome;
        int64_t id;
        must(index_add(l, &d, &outcome, &id, &err), &err);
    }
    double seconds = (clock_ms() - begin) / 1000;
    printf("add: %zu documents of %d chunks in %.1f s, %.0f documents/s\n", documents, CHUNKS,
           seconds, (double)documents / seconds);
    for (size_t k = 0; k < CHUNKS; k++) text_free(&bodies[k]);
    mem_free(vectors);
}

static void search_words(index_library *l, size_t chunks) {
    double total = 0, worst = 0;
    text question = {0};
    error err;
    for (int i = 0; i < QUESTIONS; i++) {
        arena *a = arena_new();
        index_hit *hits;
        size_t count;
        text_clear(&question);
        for (int w = 0; w < QUESTION_WORDS; w++) put_word(&question);
        double begin = clock_ms();
        must(index_search_words(l, text_str(&question), 100, a, &hits, &count, &err), &err);
        double ms = clock_ms() - begin;
        total += ms;
        worst = ms > worst ? ms : worst;
        arena_free(a);
    }
    printf("words: %zu chunks, %d words asked, %.1f ms on average, %.1f ms at most\n", chunks,
           QUESTION_WORDS, total / QUESTIONS, worst);
    text_free(&question);
}

static void search_vectors(index_library *l, size_t chunks, size_t width) {
    int8_t query[VECTORS_MAX_WIDTH];
    double best = 1e9, first = 0;
    error err;
    for (size_t k = 0; k < width; k++) query[k] = (int8_t)random_bits();
    for (int round = 0; round <= ROUNDS; round++) {
        arena *a = arena_new();
        index_hit *hits;
        size_t count;
        double begin = clock_ms();
        must(index_search_vectors(l, query, 0.001f, 100, a, &hits, &count, &err), &err);
        double ms = clock_ms() - begin;
        if (round == 0)
            first = ms;
        else
            best = ms < best ? ms : best;
        arena_free(a);
    }
    printf("vectors: %zu x %zu, first search with loading %.1f ms, then %.2f ms (best of %d)\n",
           chunks, width, first, best, ROUNDS);
}

static size_t argument(int count, char **values, int at, size_t usual, size_t most) {
    size_t value = count > at ? strtoul(values[at], NULL, 10) : usual;
    if (value >= 1 && value <= most) return value;
    fprintf(stderr, "usage: bench_index [vectors [width [documents]]]\n");
    exit(ERROR_USAGE);
}

int main(int argc, char **argv) {
    size_t vectors = argument(argc, argv, 1, 100000, 10000000);
    size_t width = argument(argc, argv, 2, 512, VECTORS_MAX_WIDTH);
    size_t documents = argument(argc, argv, 3, 2000, 1000000);
    size_t stride = (width + VECTORS_ALIGN - 1) / VECTORS_ALIGN * VECTORS_ALIGN;
    char path[256], log[272];
    const char *where = getenv("TMPDIR");
    index_model model = {.name = STR("bench"), .width = (uint32_t)width};
    index_library *l;
    index_status status;
    error err;
    bench_kernel("scalar", vectors_dot_scalar, vectors, stride);
#if defined(__x86_64__)
    if (cpu_get()->avx2) bench_kernel("avx2", vectors_dot_avx2, vectors, stride);
    if (cpu_get()->avx512 && cpu_get()->avx512_vnni)
        bench_kernel("avx512", vectors_dot_avx512, vectors, stride);
#endif
    snprintf(path, sizeof(path), "%.200s/carrel-bench-%d", where ? where : "/tmp", (int)getpid());
    must(index_open(path, INDEX_CREATE, &l, &err), &err);
    must(index_set_model(l, &model, &err), &err);
    add_documents(l, documents, width);
    search_words(l, documents * CHUNKS);
    search_vectors(l, documents * CHUNKS, width);
    must(index_get_status(l, &status, &err), &err);
    printf("file: %.1f MB\n", (double)status.file_bytes / 1e6);
    index_document *list;
    size_t count;
    arena *a = arena_new();
    must(index_list(l, a, &list, &count, &err), &err);
    double begin = clock_ms();
    must(index_remove(l, &list[0].id, 1, &err), &err);
    printf("remove: one document, without a trace, in %.0f ms\n", clock_ms() - begin);
    arena_free(a);
    index_close(l);
    snprintf(log, sizeof(log), "%s-wal", path);
    return unlink(path) != 0 || access(log, F_OK) == 0 ? ERROR_IO : ERROR_NONE;
}
