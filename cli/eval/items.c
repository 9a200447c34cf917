/* A test: one question per line, as JSON, with as much as is known of its answer.
 *
 * A file that a person has written by hand has mistakes, and each of them would silently become a
 * figure. So every line is read before the first question is asked, and a line that cannot be what
 * it should be ends the run with its number and what to do. Keys that are not ours are left alone,
 * since people keep their notes there, but one that is nearly ours is a mistake of the keyboard.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/eval/eval.h"

/* A question with a page of answers fits; what is longer has no line ends at all. */
#define LINE_MAX_BYTES (1u << 20)
/* Different right answers, pages, or documents left out, of one question. */
#define LIST_MAX 1000u
/* Pages are numbered from 1; no document that we read has more. */
#define PAGE_MAX 1000000

static const char *const keys[] = {"question", "document", "page",           "answer", "answerable",
                                   "id",       "heading",  "whole_sentence", "without"};
#define KEYS (sizeof keys / sizeof *keys)

/* Where an error stands. */
typedef struct {
    const char *name;
    size_t number;
    error *err;
} place;

static bool wrong(const place *at, const char *what) {
    return error_set(at->err, ERROR_INPUT, "%s, line %zu: %s", at->name, at->number, what);
}

/* ---- a test grows ------------------------------------------------------------------------- */

eval_item *eval_add_item(eval_test *t) {
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        t->items = mem_grow(t->items, t->capacity, sizeof *t->items);
    }
    eval_item *item = &t->items[t->count++];
    memset(item, 0, sizeof *item);
    return item;
}

void eval_test_free(eval_test *t) {
    mem_free(t->items);
    t->items = NULL;
    t->count = t->capacity = 0;
}

void eval_spread(eval_test *t, size_t limit) {
    if (limit >= t->count) return;
    for (size_t i = 0; i < limit; i++) t->items[i] = t->items[i * t->count / limit];
    t->count = limit;
}

/* ---- one line ----------------------------------------------------------------------------- */

static str string_of(const json_t *v) {
    return (str){json_string_value(v), json_string_length(v)};
}

/* A string or a list of strings; what is there has to say something. */
static bool read_strings(const json_t *v, const char *key, const place *at, arena *a, str **out,
                         size_t *count) {
    char what[128];
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    snprintf(what, sizeof what, "\"%s\" has to be a text, or a list of them that are not empty",
             key);
    if (n == 0 || n > LIST_MAX) return wrong(at, what);
    *out = arena_alloc(a, n, sizeof **out);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(v) ? json_array_get(v, i) : v;
        if (!json_is_string(one) || str_trim(string_of(one)).n == 0) return wrong(at, what);
        (*out)[i] = arena_str(a, str_trim(string_of(one)));
    }
    *count = n;
    return true;
}

static bool read_string(const json_t *object, const char *key, const place *at, arena *a,
                        str *out) {
    const json_t *v = json_object_get(object, key);
    char what[96];
    if (!v || json_is_null(v)) return true;
    snprintf(what, sizeof what, "\"%s\" has to be a text that is not empty", key);
    if (!json_is_string(v) || str_trim(string_of(v)).n == 0) return wrong(at, what);
    *out = arena_str(a, str_trim(string_of(v)));
    return true;
}

static bool read_pages(const json_t *v, const place *at, arena *a, eval_item *out) {
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    static const char what[] = "\"page\" has to be the number of a page as the file counts them, "
                               "from 1, or a list of such";
    if (!v || json_is_null(v)) return true;
    if (n == 0 || n > LIST_MAX) return wrong(at, what);
    out->pages = arena_alloc(a, n, sizeof *out->pages);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(v) ? json_array_get(v, i) : v;
        json_int_t page = json_integer_value(one);
        if (!json_is_integer(one) || page < 1 || page > PAGE_MAX) return wrong(at, what);
        out->pages[i] = (uint32_t)page;
    }
    out->page_count = n;
    return true;
}

static bool read_answer(const json_t *object, const place *at, arena *a, eval_item *out) {
    const json_t *answer = json_object_get(object, "answer");
    const json_t *can = json_object_get(object, "answerable");
    if (can && !json_is_boolean(can)) return wrong(at, "\"answerable\" has to be true or false");
    if (answer && !json_is_null(answer) &&
        !read_strings(answer, "answer", at, a, &out->answers, &out->answer_count))
        return false;
    if (json_is_null(answer) && json_is_true(can))
        return wrong(at, "\"answer\": null says that nothing answers it, and \"answerable\": true "
                         "that something does; leave one of them out");
    if (out->answer_count && json_is_false(can))
        return wrong(at, "it has an answer, and \"answerable\": false; leave one of them out");
    if (json_is_null(answer) || json_is_false(can))
        out->kind = EVAL_UNANSWERABLE;
    else if (json_is_true(can) || out->answer_count || out->document.n || out->page_count ||
             out->heading.n)
        out->kind = EVAL_ANSWERABLE;
    return true;
}

static bool read_others(const json_t *object, const place *at, arena *a, eval_item *out) {
    const json_t *without = json_object_get(object, "without");
    const json_t *whole = json_object_get(object, "whole_sentence");
    const json_t *id = json_object_get(object, "id");
    if (whole && !json_is_boolean(whole))
        return wrong(at, "\"whole_sentence\" has to be true or false");
    out->whole = json_is_true(whole);
    if (json_is_integer(id))
        out->id = arena_printf(a, "%lld", (long long)json_integer_value(id));
    else if (!read_string(object, "id", at, a, &out->id))
        return false;
    return !without || json_is_null(without) ||
           read_strings(without, "without", at, a, &out->without, &out->without_count);
}

/* "anwser" would be an answer that nobody looks at. */
static bool check_keys(const json_t *object, const place *at) {
    for (void *i = json_object_iter((json_t *)object); i;
         i = json_object_iter_next((json_t *)object, i)) {
        const char *key = json_object_iter_key(i);
        size_t k = 0;
        while (k < KEYS && strcmp(keys[k], key) != 0) k++;
        const char *near = k == KEYS ? cli_nearest(key, keys, KEYS) : NULL;
        if (near)
            return error_set(at->err, ERROR_INPUT,
                             "%s, line %zu: there is no key \"%s\"; did you mean \"%s\"?", at->name,
                             at->number, key, near);
    }
    return true;
}

static bool read_object(const json_t *object, const place *at, arena *a, eval_item *out) {
    if (!check_keys(object, at)) return false;
    const json_t *question = json_object_get(object, "question");
    if (!json_is_string(question) || str_trim(string_of(question)).n == 0)
        return wrong(at,
                     "it has no \"question\"; write {\"question\": \"...\", \"answer\": \"...\"}");
    out->question = arena_str(a, str_trim(string_of(question)));
    if (out->question.n > CLI_QUESTION_MAX_BYTES)
        return error_set(
            at->err, ERROR_INPUT,
            "%s, line %zu: the question is longer than %u bytes; ask it in fewer words", at->name,
            at->number, CLI_QUESTION_MAX_BYTES);
    return read_string(object, "document", at, a, &out->document) &&
           read_string(object, "heading", at, a, &out->heading) &&
           read_pages(json_object_get(object, "page"), at, a, out) &&
           read_answer(object, at, a, out) && read_others(object, at, a, out);
}

bool eval_parse_line(str line, const char *name, size_t number, arena *a, eval_item *out,
                     error *err) {
    place at = {name, number, err};
    json_error_t why;
    *out = (eval_item){.line = number};
    json_t *object = json_loadb(line.p ? line.p : "", line.n, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(object)) {
        json_decref(object);
        return error_set(err, ERROR_INPUT,
                         "%s, line %zu is no JSON object (%s); write one for each line, such as "
                         "{\"question\": \"...\", \"answer\": \"...\"}",
                         name, number, object ? "another kind of value" : why.text);
    }
    bool ok = read_object(object, &at, a, out);
    json_decref(object);
    return ok;
}

/* ---- a file ------------------------------------------------------------------------------- */

/* The next line without its end; false at the end of the file or when it is too long. */
static bool read_line(FILE *f, text *line, bool *too_long) {
    int c;
    text_clear(line);
    *too_long = false;
    while ((c = getc_unlocked(f)) != EOF && c != '\n') {
        *too_long = line->n >= LINE_MAX_BYTES;
        if (*too_long) return false;
        text_put_char(line, (char)c);
    }
    return !ferror(f) && (c == '\n' || line->n > 0);
}

static bool read_lines(FILE *f, const char *name, eval_test *out, error *err) {
    text line = {0};
    bool ok = true, too_long = false;
    for (size_t number = 1; ok && read_line(f, &line, &too_long); number++) {
        str s = str_trim(text_str(&line));
        if (number == 1 && str_starts(s, STR("\xEF\xBB\xBF"))) s = str_trim(str_cut(s, 3, s.n));
        if (s.n == 0) continue;
        eval_item item;
        if (out->count == EVAL_ITEMS_MAX)
            ok = error_set(err, ERROR_LIMIT, "%s has more than %u questions; split it", name,
                           EVAL_ITEMS_MAX);
        ok = ok && eval_parse_line(s, name, number, out->a, &item, err);
        if (ok) *eval_add_item(out) = item;
    }
    if (ok && too_long)
        ok = error_set(err, ERROR_INPUT,
                       "%s has a line of more than %u bytes; write one question on each line", name,
                       LINE_MAX_BYTES);
    if (ok && ferror(f))
        ok = error_set(err, errno == EISDIR ? ERROR_INPUT : ERROR_IO,
                       "the questions in %s cannot be read: %s", name, strerror(errno));
    text_free(&line);
    return ok;
}

bool eval_read_test(const char *file, eval_test *out, error *err) {
    bool in = strcmp(file, "-") == 0;
    const char *name = in ? "the standard input" : file;
    FILE *f = in ? stdin : fopen(file, "re");
    if (!f)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                         "the questions in %s cannot be read: %s", file, strerror(errno));
    bool ok = read_lines(f, name, out, err);
    if (!in) fclose(f);
    if (ok && out->count == 0)
        ok = error_set(err, ERROR_INPUT,
                       "%s has no question; write one JSON object on each line, such as "
                       "{\"question\": \"...\", \"answer\": \"...\"}, or let `carrel eval --self` "
                       "make a test",
                       name);
    return ok;
}

static bool find_one(const eval_item *item, const char *file, index_library *l, str name,
                     int64_t *id, error *err) {
    arena *a = arena_new();
    index_document d;
    bool ok = index_find(l, name, a, &d, err);
    if (ok) *id = d.id;
    arena_free(a);
    if (ok || !err || err->code == ERROR_LIBRARY) return ok;
    /* What the file names wrongly is a mistake of the file. */
    err->code = ERROR_INPUT;
    return error_wrap(err, "%s, line %zu", file, item->line);
}

bool eval_find_documents(eval_test *t, const char *file, index_library *l, error *err) {
    const char *name = strcmp(file, "-") == 0 ? "the standard input" : file;
    for (size_t i = 0; i < t->count; i++) {
        eval_item *item = &t->items[i];
        /* Where nothing answers it, the document is only what it was written beside. */
        if (item->document.n && item->kind == EVAL_ANSWERABLE &&
            !find_one(item, name, l, item->document, &item->document_id, err))
            return false;
        item->without_ids = arena_alloc(t->a, item->without_count, sizeof *item->without_ids);
        for (size_t k = 0; k < item->without_count; k++)
            if (!find_one(item, name, l, item->without[k], &item->without_ids[k], err))
                return false;
    }
    return true;
}

/* ---- lines out of a test ------------------------------------------------------------------ */

static json_t *json_strings(const str *s, size_t count) {
    if (count == 1) return cli_json_str(s[0]);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) cli_json_append(list, cli_json_str(s[i]));
    return list;
}

static json_t *json_pages(const eval_item *item) {
    if (item->page_count == 1) return json_integer(item->pages[0]);
    json_t *list = json_array();
    for (size_t i = 0; i < item->page_count; i++)
        cli_json_append(list, json_integer(item->pages[i]));
    return list;
}

void eval_put_test(text *out, const eval_test *t) {
    for (size_t i = 0; i < t->count; i++) {
        const eval_item *item = &t->items[i];
        json_t *o = json_object();
        if (item->id.n) cli_json_set(o, "id", cli_json_str(item->id));
        cli_json_set(o, "question", cli_json_str(item->question));
        if (item->document.n) cli_json_set(o, "document", cli_json_str(item->document));
        if (item->page_count) cli_json_set(o, "page", json_pages(item));
        if (item->heading.n) cli_json_set(o, "heading", cli_json_str(item->heading));
        if (item->answer_count)
            cli_json_set(o, "answer", json_strings(item->answers, item->answer_count));
        if (item->whole) cli_json_set(o, "whole_sentence", json_true());
        if (item->kind == EVAL_UNANSWERABLE) cli_json_set(o, "answerable", json_false());
        if (item->without_count)
            cli_json_set(o, "without", json_strings(item->without, item->without_count));
        char *line = json_dumps(o, 0);
        if (line) text_put(out, str_of(line));
        text_put_char(out, '\n');
        free(line);
        json_decref(o);
    }
}
