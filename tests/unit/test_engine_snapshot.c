/* Prefixes that are kept: in a session for the next question, and in a file for the next run. Going
 * on from there must give the bits that the whole prompt gives, for each type of cache, and a file
 * that is of another model, of another context, cut or changed is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/model.h"
#include "tests/fixtures/gguf_fixture.h"

#include <stdlib.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VOCAB = 300, TOKENS = 61, KEPT = 37, CONTEXT = 96 };

static const llama_shape shape = {
    .layers = 2,
    .width = 64,
    .hidden = 160,
    .heads = 4,
    .kv_heads = 2,
    .head = 16,
    .rotary = 16,
    .vocab = VOCAB,
    .context = CONTEXT,
    .type = FIXTURE_Q8_0,
    .rope_base = 10000,
    .seed = 7,
};

static engine_model *load(text *file, uint64_t seed) {
    engine_gguf *g;
    engine_model *m = NULL;
    error err = {0};
    llama_shape s = shape;
    s.seed = (unsigned)seed;
    *file = fixture_llama(&s);
    if (!engine_gguf_open_memory(file->p, file->n, &g, &err) || !engine_model_load(g, &m, &err)) {
        fail_msg("%s", err.text);
    }
    return m;
}

static engine_session *open_session(const engine_model *m, uint32_t n_ctx, engine_kv kv) {
    engine_session *s;
    error err = {0};
    const engine_session_options options = {n_ctx, kv};
    if (!engine_session_new(m, NULL, &options, &s, &err)) fail_msg("%s", err.text);
    return s;
}

static void eval(engine_session *s, const int32_t *ids, size_t n, float *logits) {
    error err = {0};
    if (!engine_eval(s, ids, n, false, logits, &err)) fail_msg("%s", err.text);
}

/* Two prompts that share KEPT tokens. */
static void pick(int32_t *first, int32_t *second) {
    for (size_t i = 0; i < TOKENS; i++) {
        first[i] = (int32_t)((i * 7919 + 13) % VOCAB);
        second[i] = i < KEPT ? first[i] : (int32_t)((i * 104729 + 5) % VOCAB);
    }
}

static char *path_in(const char *folder) {
    char *path = malloc(256);
    snprintf(path, 256, "%s/kept", folder);
    return path;
}

static void test_keep(void **state) {
    int32_t first[TOKENS], second[TOKENS];
    float want[VOCAB], got[VOCAB];
    text file;
    (void)state;
    pick(first, second);
    engine_model *m = load(&file, 7);
    engine_session *s = open_session(m, CONTEXT, ENGINE_KV_F16);
    eval(s, second, TOKENS, want);
    engine_session_truncate(s, 0);
    eval(s, first, TOKENS, got);
    assert_memory_not_equal(want, got, sizeof want);
    assert_int_equal(engine_session_keep(s, second, TOKENS), KEPT);
    eval(s, second + KEPT, TOKENS - KEPT, got);
    assert_memory_equal(want, got, sizeof want);
    /* The same prompt again: its last token is left to be evaluated. */
    assert_int_equal(engine_session_keep(s, second, TOKENS), TOKENS - 1);
    eval(s, second + TOKENS - 1, 1, got);
    assert_memory_equal(want, got, sizeof want);
    /* What was dropped is not found again. */
    engine_session_truncate(s, 3);
    assert_int_equal(engine_session_keep(s, second, TOKENS), 3);
    assert_int_equal(engine_session_keep(s, first, 1), 0);
    engine_session_free(s);
    engine_model_close(m);
    text_free(&file);
}

static void test_save_and_restore(void **state) {
    int32_t first[TOKENS], second[TOKENS];
    float want[VOCAB], got[VOCAB];
    char folder[] = "/tmp/carrel-snapshot-XXXXXX";
    text file;
    error err = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    char *path = path_in(folder);
    pick(first, second);
    engine_model *m = load(&file, 7);
    for (engine_kv kv = ENGINE_KV_F16; kv <= ENGINE_KV_INT8; kv++) {
        engine_session *s = open_session(m, CONTEXT, kv), *other;
        eval(s, second, TOKENS, want);
        engine_session_truncate(s, 0);
        eval(s, first, TOKENS, got);
        if (!engine_session_save(s, path, &err)) fail_msg("%s", err.text);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        other = open_session(m, CONTEXT, kv);
        if (!engine_session_restore(other, path, &err)) fail_msg("%s", err.text);
        assert_int_equal(engine_session_length(other), TOKENS);
        assert_int_equal(engine_session_keep(other, second, TOKENS), KEPT);
        eval(other, second + KEPT, TOKENS - KEPT, got);
        assert_memory_equal(want, got, sizeof want);
        engine_session_free(s);
        engine_session_free(other);
    }
    engine_model_close(m);
    text_free(&file);
    unlink(path);
    rmdir(folder);
    free(path);
}

static void refuse(engine_session *s, const char *path, error_code code) {
    error err = {0};
    assert_false(engine_session_restore(s, path, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(engine_session_length(s), 0);
}

static void change_byte(const char *path, long at) {
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int c = fgetc(f);
    fseek(f, -1, SEEK_CUR);
    fputc(c ^ 1, f);
    fclose(f);
}

static void test_refusals(void **state) {
    int32_t first[TOKENS], second[TOKENS];
    float logits[VOCAB];
    char folder[] = "/tmp/carrel-snapshot-XXXXXX";
    text file, another;
    error err = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    char *path = path_in(folder);
    pick(first, second);
    engine_model *m = load(&file, 7), *n = load(&another, 8);
    engine_session *s = open_session(m, CONTEXT, ENGINE_KV_F16);
    engine_session *shorter = open_session(m, CONTEXT - 1, ENGINE_KV_F16);
    engine_session *wider = open_session(m, CONTEXT, ENGINE_KV_F32);
    engine_session *strange = open_session(n, CONTEXT, ENGINE_KV_F16);
    refuse(s, path, ERROR_NOT_FOUND);
    eval(s, first, TOKENS, logits);
    if (!engine_session_save(s, path, &err)) fail_msg("%s", err.text);
    refuse(shorter, path, ERROR_MODEL);
    refuse(wider, path, ERROR_MODEL);
    refuse(strange, path, ERROR_MODEL);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    const long places[] = {0, 40, 100, st.st_size / 2, -8, -1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        change_byte(path, places[i]);
        assert_false(engine_session_restore(s, path, &err));
        assert_int_equal(engine_session_length(s), 0);
        change_byte(path, places[i]);
    }
    assert_true(engine_session_restore(s, path, &err));
    assert_int_equal(truncate(path, st.st_size - 100), 0);
    refuse(s, path, ERROR_INPUT);
    assert_int_equal(truncate(path, 3), 0);
    refuse(s, path, ERROR_MODEL);
    /* A folder that is not there, and one where the file stands already as a folder. */
    char none[300];
    snprintf(none, sizeof none, "%s/none/kept", folder);
    assert_false(engine_session_save(s, none, &err));
    assert_int_equal(err.code, ERROR_IO);
    engine_session *all[] = {s, shorter, wider, strange};
    for (size_t i = 0; i < 4; i++) engine_session_free(all[i]);
    engine_model_close(m);
    engine_model_close(n);
    text_free(&file);
    text_free(&another);
    unlink(path);
    rmdir(folder);
    free(path);
}

/* Another program is writing, the disk is full, and what such leave behind. */
static void test_writing(void **state) {
    int32_t first[TOKENS], second[TOKENS];
    float logits[VOCAB];
    char folder[] = "/tmp/carrel-snapshot-XXXXXX", part[300];
    text file;
    error err = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    char *path = path_in(folder);
    snprintf(part, sizeof part, "%s.part", path);
    pick(first, second);
    engine_model *m = load(&file, 7);
    engine_session *s = open_session(m, CONTEXT, ENGINE_KV_F16);
    eval(s, first, TOKENS, logits);
    int fd = open(part, O_WRONLY | O_CREAT, 0644); /* as a killed one has left it, readable */
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "rest", 4), 4);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_false(engine_session_save(s, path, &err)); /* it is still being written */
    assert_int_equal(access(part, F_OK), 0);
    close(fd);
    if (!engine_session_save(s, path, &err)) fail_msg("%s", err.text);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_not_equal(access(part, F_OK), 0);
    assert_true(engine_session_restore(s, path, &err));
    /* No room: the file of before stays as it is, and no part is left. */
    struct rlimit all, little = {.rlim_cur = 1000};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    little.rlim_max = all.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    assert_false(engine_session_save(s, path, &err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    assert_int_equal(err.code, ERROR_IO);
    assert_int_not_equal(access(part, F_OK), 0);
    assert_true(engine_session_restore(s, path, &err));
    /* A link is not followed, in neither direction. */
    char target[300];
    snprintf(target, sizeof target, "%s/target", folder);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink(target, path), 0);
    refuse(s, path, ERROR_IO);
    assert_int_equal(symlink(target, part), 0);
    assert_false(engine_session_save(s, path, &err));
    engine_session_discard(path);
    assert_int_not_equal(lstat(path, &st), 0);
    assert_int_not_equal(lstat(part, &st), 0);
    assert_int_equal(unlink(target), 0);
    engine_session_free(s);
    engine_model_close(m);
    text_free(&file);
    assert_int_equal(rmdir(folder), 0);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_save_and_restore),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_writing),
    };
    return cmocka_run_group_tests_name("engine_snapshot", tests, NULL, NULL);
}
