/* Retrieval sets: nDCG@10 and recall@100 of the three rankings.
 *
 * A set has the BEIR layout: corpus.jsonl.gz, queries[.SPLIT].jsonl.gz, qrels[.SPLIT].tsv.gz. Its
 * documents become files, since carrel reads files; a document's place in a ranking is that of its
 * best passage. Splits named "train" are left out unless asked for: what was trained or tuned on
 * tells nothing. Identifiers never become paths unless they are plain names.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/eval/eval.h"

#define RETRIEVAL_NDCG_AT 10
#define RETRIEVAL_RECALL_AT 100
/* Passages asked for, so that a hundred documents are among them even where some have several. */
#define RETRIEVAL_PASSAGES "200"
#define RETRIEVAL_MAX_NAME 100

static const char *const rankings[] = {"words", "vectors", "fused"};
#define RANKING_COUNT (sizeof rankings / sizeof *rankings)

/* The queries of one split that have a relevant document, and the file with their texts. */
typedef struct {
    str *ids;
    size_t count;
    json_t *grades; /* query -> document -> grade */
    char *questions;
} split;

static bool plain_name(str id) {
    if (id.n == 0 || id.n > RETRIEVAL_MAX_NAME || id.p[0] == '.' || id.p[0] == '-') return false;
    for (size_t i = 0; i < id.n; i++)
        if (!isalnum((unsigned char)id.p[i]) && !memchr("-_.", id.p[i], 3)) return false;
    return true;
}

/* Backslashes before what Markdown would read as markup, line ends to spaces. */
static void put_markdown(text *out, str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\n' || c == '\r')
            c = ' ';
        else if (memchr("\\`*_[]<>#|&~", c, 12) || (c == '.' && i < 4) || (c == '-' && i == 0) ||
                 (c == '+' && i == 0) || (c == '=' && i == 0) || (c == ')' && i < 4))
            text_put_char(out, '\\');
        text_put_char(out, c);
    }
}

/* names: file name without extension -> identifier. seen: text -> how often. Documents of a set may
 * have the same text under several identifiers, while carrel adds the same bytes once: blank lines
 * at the end keep such files apart. */
static bool write_document(const char *folder, size_t number, const json_t *object, arena *a,
                           json_t *names, json_t *seen, bool *written, error *err) {
    str id = eval_string(object, "_id"), title = str_trim(eval_string(object, "title"));
    str body = str_trim(eval_string(object, "text"));
    *written = title.n + body.n > 0;
    if (!*written) return true;
    str name = plain_name(id) ? id : arena_printf(a, "document-%zu", number);
    text out = {0};
    if (title.n > 0) {
        text_put(&out, STR("# "));
        put_markdown(&out, title);
        text_put(&out, STR("\n\n"));
    }
    put_markdown(&out, body);
    text_put_char(&out, '\n');
    json_int_t before = json_integer_value(json_object_getn(seen, out.p, out.n));
    json_object_setn_new(seen, out.p, out.n, json_integer(before + 1));
    for (json_int_t i = 0; i < before; i++) text_put_char(&out, '\n');
    json_object_set_new(names, arena_cstr(a, name), json_stringn(id.p, id.n));
    bool ok = eval_write(arena_printf(a, "%s/" STR_FMT ".md", folder, STR_ARG(name)).p,
                         text_str(&out), err);
    text_free(&out);
    return ok;
}

static bool write_corpus(const char *path, const char *folder, json_t *names, size_t *count,
                         size_t *empty, error *err) {
    arena *a = arena_new();
    json_t *documents = NULL, *seen = json_object();
    size_t i;
    json_t *object;
    bool ok = eval_objects(path, SIZE_MAX, &documents, err);
    *count = *empty = 0;
    json_array_foreach(documents, i, object) {
        bool written;
        if (!ok || !(ok = write_document(folder, i, object, a, names, seen, &written, err))) break;
        ++*(written ? count : empty);
    }
    json_decref(seen);
    json_decref(documents);
    arena_free(a);
    return ok;
}

static bool read_grades(const char *path, json_t **out, error *err) {
    text bytes = {0};
    if (!eval_read(path, &bytes, err)) {
        text_free(&bytes);
        return false;
    }
    json_t *grades = json_object();
    size_t number = 0;
    bool ok = true;
    str line;
    for (size_t pos = 0; ok && eval_line(text_str(&bytes), &pos, &line);) {
        if (number++ == 0 || line.n == 0) /* the first line names the columns */
            continue;
        char query[256], document[256];
        int grade;
        char row[640];
        snprintf(row, sizeof row, STR_FMT, STR_ARG(line));
        if (sscanf(row, "%255[^\t]\t%255[^\t]\t%d", query, document, &grade) != 3) {
            ok = error_set(err, ERROR_INPUT, "%s, line %zu is not query, document, grade.", path,
                           number);
            break;
        }
        json_t *of = json_object_get(grades, query);
        if (!of) json_object_set_new(grades, query, of = json_object());
        json_object_set_new(of, document, json_integer(grade));
    }
    text_free(&bytes);
    if (!ok) {
        json_decref(grades);
        return false;
    }
    *out = grades;
    return true;
}

static size_t relevant(const json_t *grades) {
    size_t count = 0;
    const char *key;
    json_t *grade;
    json_object_foreach((json_t *)grades, key, grade) count += json_integer_value(grade) > 0;
    return count;
}

static bool read_split(const eval_run *run, const char *set, const char *queries, const char *qrels,
                       arena *a, split *out, error *err) {
    *out = (split){0};
    json_t *objects = NULL;
    if (!read_grades(qrels, &out->grades, err) || !eval_objects(queries, SIZE_MAX, &objects, err))
        return false;
    size_t i;
    json_t *object;
    text lines = {0};
    out->ids = arena_alloc(a, json_array_size(objects) + 1, sizeof *out->ids);
    json_array_foreach(objects, i, object) {
        str id = arena_str(a, eval_string(object, "_id"));
        str question = str_trim(eval_string(object, "text"));
        if (question.n == 0 || relevant(json_object_get(out->grades, id.p)) == 0) continue;
        for (size_t k = 0; k < question.n; k++)
            text_put_char(&lines,
                          question.p[k] == '\n' || question.p[k] == '\r' ? ' ' : question.p[k]);
        text_put_char(&lines, '\n');
        out->ids[out->count++] = id;
    }
    json_decref(objects);
    out->questions = arena_cstr(a, arena_printf(a, "%s/%s.questions", run->folder.p, set));
    bool ok = eval_write(out->questions, text_str(&lines), err);
    text_free(&lines);
    return ok;
}

/* One query's results against its grades. */
static void score_query(const json_t *results, const json_t *names, const json_t *grades,
                        double *ndcg, double *recall) {
    int found[RETRIEVAL_RECALL_AT], *ideal = mem_new(json_object_size(grades) + 1, sizeof *ideal);
    size_t count = 0, i, ideals = 0, hits = 0;
    json_t *result, *seen = json_object(), *grade;
    json_array_foreach((json_t *)results, i, result) {
        /* Its copies are shown with it: they follow in the ranking. */
        json_t *paths = json_pack("[O]", json_object_get(result, "document")), *path;
        size_t k;
        json_array_extend(paths, json_object_get(result, "copies"));
        json_array_foreach(paths, k, path) {
            str stem = eval_stem(str_of(json_string_value(path)));
            char name[RETRIEVAL_MAX_NAME + 32];
            snprintf(name, sizeof name, STR_FMT, STR_ARG(stem));
            const char *id = json_string_value(json_object_get(names, name));
            if (!id || json_object_get(seen, id) || count == RETRIEVAL_RECALL_AT) continue;
            json_object_set_new(seen, id, json_true());
            found[count] = (int)json_integer_value(json_object_get(grades, id));
            hits += found[count++] > 0;
        }
        json_decref(paths);
    }
    const char *key;
    json_object_foreach((json_t *)grades, key, grade) ideal[ideals++] =
        (int)json_integer_value(grade);
    *recall = (double)hits / (double)relevant(grades);
    *ndcg = score_ndcg(found, count, ideal, ideals, RETRIEVAL_NDCG_AT);
    json_decref(seen);
    mem_free(ideal);
}

static bool measure(const eval_run *run, const char *library, const char *set, const split *s,
                    const json_t *names, size_t which, json_t *row, error *err) {
    arena *a = arena_new();
    double ms, *ndcg = mem_new(s->count, sizeof *ndcg), *recall = mem_new(s->count, sizeof *recall);
    char *out = arena_cstr(a, arena_printf(a, "%s/%s.results", run->folder.p, set));
    const char *arguments[] = {"search",      "--library",     library,   "--json",
                               "--ranking",   rankings[which], "--limit", RETRIEVAL_PASSAGES,
                               "--questions", s->questions,    NULL};
    json_t *objects = NULL, *object;
    size_t i;
    bool ok =
        eval_carrel(run, arguments, out, 0, &ms, err) && eval_objects(out, s->count, &objects, err);
    json_array_foreach(objects, i, object)
        score_query(json_object_get(object, "results"), names,
                    json_object_get(s->grades, s->ids[i].p), &ndcg[i], &recall[i]);
    if (ok) {
        double n = score_mean(ndcg, s->count), r = score_mean(recall, s->count);
        printf("%-12s %-8s  nDCG@10 %.4f  recall@100 %.4f  %zu queries, %.1f ms each\n", set,
               rankings[which], n, r, s->count, ms / (double)s->count);
        fflush(stdout);
        json_object_set_new(row, rankings[which],
                            json_pack("{s:f, s:f, s:f}", "ndcg10", n, "recall100", r, "ms_query",
                                      ms / (double)s->count));
    }
    json_decref(objects);
    mem_free(ndcg);
    mem_free(recall);
    arena_free(a);
    return ok ? true : error_wrap(err, "%s, %s", set, rankings[which]);
}

/* Each pair of queries and qrels of one set. */
static bool measure_splits(const eval_run *run, const char *set, const char *folder,
                           const char *library, const json_t *names, json_t *row, arena *a,
                           error *err) {
    char **files;
    size_t count, splits = 0;
    if (!eval_list(folder, a, &files, &count, err)) return false;
    for (size_t i = 0; i < count; i++) {
        str file = str_of(files[i]), head = STR("queries"), tail = STR(".jsonl.gz");
        if (!str_starts(file, head) || !str_ends(file, tail) || file.n < head.n + tail.n) continue;
        str name = str_cut(file, head.n, file.n - tail.n); /* "" or ".dev" */
        if (str_eq(name, STR(".train")) && !run->train) continue;
        char *queries = arena_cstr(a, arena_printf(a, "%s/%s", folder, files[i]));
        char *qrels =
            arena_cstr(a, arena_printf(a, "%s/qrels" STR_FMT ".tsv.gz", folder, STR_ARG(name)));
        split s;
        bool ok = read_split(run, set, queries, qrels, a, &s, err);
        char *label = arena_cstr(a, arena_printf(a, "%s" STR_FMT, set, STR_ARG(name)));
        json_t *of = json_pack("{s:s, s:i}", "set", label, "queries", (int)s.count);
        for (size_t k = 0; ok && s.count > 0 && k < RANKING_COUNT; k++)
            ok = measure(run, library, label, &s, names, k, of, err);
        json_array_append_new(row, of);
        json_decref(s.grades);
        if (!ok) return false;
        splits++;
    }
    return splits > 0 ? true : error_set(err, ERROR_INPUT, "%s has no queries*.jsonl.gz.", folder);
}

static bool measure_set(const eval_run *run, const char *set, json_t *report, error *err) {
    arena *a = arena_new();
    json_t *names = json_object();
    char *documents, *library;
    char *folder = arena_cstr(a, arena_printf(a, STR_FMT "/retrieval/%s", STR_ARG(run->eval), set));
    char *corpus = arena_cstr(a, arena_printf(a, "%s/corpus.jsonl.gz", folder));
    size_t count, empty;
    bool ok = eval_folder(run, a, set, &documents, err) &&
              write_corpus(corpus, documents, names, &count, &empty, err) &&
              eval_add(run, a, set, documents, &library, err);
    if (ok && empty > 0)
        printf("%-12s %zu documents of the set have no text and were left out\n", set, empty);
    ok = ok && measure_splits(run, set, folder, library, names, report, a, err);
    json_decref(names);
    arena_free(a);
    return ok;
}

bool eval_retrieval(const eval_run *run, json_t *report, error *err) {
    arena *a = arena_new();
    char **sets = NULL;
    size_t count = 0;
    char *folder = arena_cstr(a, arena_printf(a, STR_FMT "/retrieval", STR_ARG(run->eval)));
    bool ok = true;
    if (access(folder, F_OK) != 0)
        printf("SKIP: %s is not here\n", folder);
    else
        ok = eval_list(folder, a, &sets, &count, err);
    for (size_t i = 0; ok && access(folder, F_OK) == 0 && i < count; i++) {
        char *corpus = arena_cstr(a, arena_printf(a, "%s/%s/corpus.jsonl.gz", folder, sets[i]));
        if (access(corpus, F_OK) == 0)
            ok = measure_set(run, sets[i], report, err);
        else
            printf("SKIP: %s/%s has no corpus.jsonl.gz\n", folder, sets[i]);
    }
    arena_free(a);
    return ok;
}
