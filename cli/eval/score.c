/* The measures: SQuAD's normalisation, exact match and F1, nDCG, percentiles.
 *
 * They are kept apart from everything that runs programs, so that a unit test can hold each one
 * against values worked out by hand. Nothing here reads a file or keeps state.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/eval/score.h"

static bool is_article(str word) {
    return str_eq(word, STR("a")) || str_eq(word, STR("an")) || str_eq(word, STR("the"));
}

static void put_word(text *out, text *word) {
    if (word->n > 0 && !is_article(text_str(word))) {
        if (out->n > 0) text_put_char(out, ' ');
        text_put(out, text_str(word));
    }
    text_clear(word);
}

/* The script strips ASCII punctuation before it splits words, so "U.S." becomes "us". Letters
 * past ASCII keep their case: both sides come from the same page. */
void score_normalize(text *out, str s) {
    text word = {0};
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool nbsp = c == 0xC2 && i + 1 < s.n && (unsigned char)s.p[i + 1] == 0xA0;
        if (isspace(c) || nbsp) {
            put_word(out, &word);
            i += nbsp;
        } else if (c >= 0x80 || !ispunct(c)) {
            text_put_char(&word, (char)tolower(c));
        }
    }
    put_word(out, &word);
    text_free(&word);
}

double score_exact(str answer, str gold) {
    text a = {0}, b = {0};
    score_normalize(&a, answer);
    score_normalize(&b, gold);
    bool same = str_eq(text_str(&a), text_str(&b));
    text_free(&a);
    text_free(&b);
    return same ? 1.0 : 0.0;
}

static bool next_word(str s, size_t *pos, str *word) {
    if (*pos >= s.n) return false;
    size_t end = str_find(s, STR(" "), *pos);
    if (end == SIZE_MAX) end = s.n;
    *word = str_cut(s, *pos, end);
    *pos = end + 1;
    return true;
}

/* How many words the two have in common, each counted as often as it stands in both. */
static size_t common_words(str a, str b, size_t *count_a, size_t *count_b) {
    size_t common = 0, pos = 0;
    str word, other;
    bool *used = mem_new(b.n + 1, sizeof *used);
    *count_a = *count_b = 0;
    for (size_t p = 0; next_word(b, &p, &word);) ++*count_b;
    while (next_word(a, &pos, &word)) {
        ++*count_a;
        for (size_t p = 0, start = 0; next_word(b, &p, &other); start = p) {
            if (!used[start] && str_eq(word, other)) {
                used[start] = true;
                common++;
                break;
            }
        }
    }
    mem_free(used);
    return common;
}

double score_f1(str answer, str gold) {
    text a = {0}, b = {0};
    score_normalize(&a, answer);
    score_normalize(&b, gold);
    size_t in_answer, in_gold;
    size_t common = common_words(text_str(&a), text_str(&b), &in_answer, &in_gold);
    text_free(&a);
    text_free(&b);
    if (in_answer == 0 || in_gold == 0) return in_answer == in_gold ? 1.0 : 0.0;
    if (common == 0) return 0.0;
    double precision = (double)common / (double)in_answer;
    double recall = (double)common / (double)in_gold;
    return 2 * precision * recall / (precision + recall);
}

bool score_contains(str s, str needle) {
    text a = {0}, b = {0};
    score_normalize(&b, needle);
    bool found = false;
    if (b.n > 0) {
        text_put_char(&a, ' ');
        text normal = {0};
        score_normalize(&normal, s);
        text_put(&a, text_str(&normal));
        text_put_char(&a, ' ');
        text_free(&normal);
        text padded = {0};
        text_printf(&padded, " " STR_FMT " ", STR_ARG(text_str(&b)));
        found = str_find(text_str(&a), text_str(&padded), 0) != SIZE_MAX;
        text_free(&padded);
    }
    text_free(&a);
    text_free(&b);
    return found;
}

static int higher_first(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x < y) - (x > y);
}

static double gain(const int *grades, size_t count, size_t at) {
    double sum = 0;
    for (size_t i = 0; i < count && i < at; i++)
        if (grades[i] > 0) sum += grades[i] / log2((double)i + 2);
    return sum;
}

double score_ndcg(const int *grades, size_t count, int *ideal, size_t ideal_count, size_t at) {
    qsort(ideal, ideal_count, sizeof *ideal, higher_first);
    double best = gain(ideal, ideal_count, at);
    return best > 0 ? gain(grades, count, at) / best : 0.0;
}

static int smaller_first(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double score_percentile(double *values, size_t count, double share) {
    if (count == 0) return 0;
    qsort(values, count, sizeof *values, smaller_first);
    size_t at = (size_t)ceil(share * (double)count); /* nearest rank */
    return values[at > 0 ? at - 1 : 0];
}

double score_mean(const double *values, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[i];
    return count ? sum / (double)count : 0;
}

void score_wilson(size_t part, size_t of, double *low, double *high) {
    const double z = 1.959963984540054; /* of the normal distribution, two sides of 95 per cent */
    *low = 0;
    *high = 1;
    if (of == 0) return;
    double n = (double)of, p = (double)part / n, scale = 1 + z * z / n;
    double centre = (p + z * z / (2 * n)) / scale;
    double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale;
    *low = fmax(0, centre - half);
    *high = fmin(1, centre + half);
}
