/* common: see common.h. The trainers are programs that run for minutes to hours over data which data.py
 * has written; they say what is wrong in one sentence and end, and need no more than that.
 */
#include "models/train/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double train_now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

uint64_t train_seed(uint64_t seed) {
    return (seed * 0x9E3779B97F4A7C15u + 88172645463325252u) | 1;
}

uint64_t train_bits(uint64_t *s) {
    *s ^= *s << 13, *s ^= *s >> 7, *s ^= *s << 17;
    return *s;
}

double train_chance(uint64_t *s) {
    return (double)(train_bits(s) >> 11) / 9007199254740992.0;
}

size_t train_below(uint64_t *s, size_t n) {
    return (size_t)((train_bits(s) >> 16) % n);
}

uint64_t train_hash(str s) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.n; i++) h = (h ^ (uint8_t)s.p[i]) * 1099511628211u;
    return h | 1;
}

str train_string(const json_t *object, const char *key) {
    const json_t *s = json_object_get(object, key);
    return (str){json_string_value(s), json_string_length(s)};
}

bool train_path(const char *work, const char *name, char *path, size_t size, error *err) {
    return snprintf(path, size, "%s/%s", work, name) < (int)size ||
           error_set(err, ERROR_USAGE, "the name of the folder %s is too long", work);
}

bool train_lines(const char *work, const char *name, void (*each)(void *, const json_t *),
                 void *context, error *err) {
    char path[4096];
    if (!train_path(work, name, path, sizeof path, err)) return false;
    FILE *f = fopen(path, "r");
    if (!f) return error_set(err, ERROR_NOT_FOUND, "%s cannot be read; run data.py first", path);
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t n;
    bool ok = true;
    while (ok && (n = getline(&line, &room, f)) > 0) {
        json_t *row = json_loadb(line, (size_t)n, 0, NULL);
        number++;
        if (row)
            each(context, row);
        else
            ok = error_set(err, ERROR_INPUT, "%s: line %zu is no JSON", path, number);
        json_decref(row);
    }
    free(line);
    fclose(f);
    return ok;
}
