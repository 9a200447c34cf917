/* Question sets in the format of SQuAD 2.0 as documents and questions.
 *
 * Each article becomes one Markdown document. Questions are taken evenly spread over the file, so
 * that every article is asked and a second run asks the same.
 */
#include <string.h>

#include "tests/eval/eval.h"

static void put_escaped(text *out, str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\n' || c == '\r')
            c = ' ';
        else if (memchr("\\`*_[]<>#|&~", c, 12) || (c == '.' && i < 5))
            text_put_char(out, '\\');
        text_put_char(out, c);
    }
}

static bool write_article(const json_t *article, const char *folder, arena *a, error *err) {
    text out = {0}, title = {0}, file = {0};
    str name = eval_string(article, "title");
    for (size_t i = 0; i < name.n; i++) {
        bool word = memchr("/\\", name.p[i], 2) == NULL;
        text_put_char(&title, name.p[i] == '_' ? ' ' : name.p[i]);
        text_put_char(&file, word ? name.p[i] : '_');
    }
    text_put(&out, STR("# "));
    put_escaped(&out, text_str(&title));
    text_put(&out, STR("\n"));
    size_t i;
    json_t *paragraph;
    json_array_foreach(json_object_get(article, "paragraphs"), i, paragraph) {
        text_put_char(&out, '\n');
        put_escaped(&out, str_trim(eval_string(paragraph, "context")));
        text_put_char(&out, '\n');
    }
    bool ok = eval_write(arena_printf(a, "%s/%s.md", folder, file.p).p, text_str(&out), err);
    text_free(&out);
    text_free(&title);
    text_free(&file);
    return ok;
}

static size_t count_questions(const json_t *articles) {
    size_t i, k, count = 0;
    json_t *article, *paragraph;
    json_array_foreach((json_t *)articles, i, article)
        json_array_foreach(json_object_get(article, "paragraphs"), k, paragraph) count +=
        json_array_size(json_object_get(paragraph, "qas"));
    return count;
}

bool eval_squad_read(const char *file, json_t **root, error *err) {
    text bytes = {0};
    json_error_t why;
    bool ok = eval_read(file, &bytes, err);
    if (ok && !(*root = json_loadb(bytes.p ? bytes.p : "", bytes.n, 0, &why)))
        ok = error_set(err, ERROR_INPUT, "%s, line %d: %s.", file, why.line, why.text);
    text_free(&bytes);
    return ok;
}

bool eval_squad_write(const json_t *articles, const char *folder, error *err) {
    arena *a = arena_new();
    size_t i;
    json_t *article;
    bool ok = true;
    json_array_foreach((json_t *)articles, i, article) ok =
        ok && write_article(article, folder, a, err);
    arena_free(a);
    return ok;
}

void eval_squad_choose(const json_t *articles, bool answerable, size_t wanted, arena *a,
                       eval_questions *out) {
    size_t i, k, m;
    json_t *article, *paragraph, *qa;
    *out = (eval_questions){arena_alloc(a, count_questions(articles) + 1, sizeof *out->items), 0};
    json_array_foreach((json_t *)articles, i, article)
        json_array_foreach(json_object_get(article, "paragraphs"), k, paragraph)
            json_array_foreach(json_object_get(paragraph, "qas"), m, qa) {
        bool possible = !json_is_true(json_object_get(qa, "is_impossible"));
        const json_t *gold = json_object_get(qa, "answers");
        str asked = str_trim(eval_string(qa, "question"));
        if (possible != answerable || asked.n == 0 || (possible && json_array_size(gold) == 0))
            continue;
        out->items[out->count++] =
            (eval_question){asked, eval_string(article, "title"), eval_string(paragraph, "context"),
                            possible ? gold : NULL};
    }
    size_t all = out->count;
    if (wanted < all) {
        for (i = 0; i < wanted; i++) out->items[i] = out->items[i * all / wanted];
        out->count = wanted;
    }
}
