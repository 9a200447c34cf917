/* Finds lists in the text of a chunk.
 *
 * "Which vaccines are given at birth?" is answered by no sentence: the heading "Vaccines given at
 * birth" only repeats the question, and "BCG" alone has no word of it. Together they are the
 * answer, so evidence.c weighs them together. An item is a line of its own that begins with a mark,
 * as all parsers write them; what announces them is the line above the first, or, where a chunk
 * begins with an item, the heading that the chunk stands under. Nothing is put together here: a
 * list is bytes of the text as they stand.
 */
#include "query/list.h"

#include <ctype.h>
#include <string.h>

/* Longer lines above a list are paragraphs that it happens to follow. */
#define HEADING_MAX_BYTES 160
#define ITEMS_MIN 2
/* "viii." and "(12)": what is longer is a word. */
#define MARK_MAX_BYTES 6

static bool is_bullet(str line) {
    static const char *const bullets[] = {"-",
                                          "*",
                                          "+",
                                          "\xE2\x80\xA2",
                                          "\xE2\x80\x93",
                                          "\xE2\x80\x94",
                                          "\xE2\x96\xAA",
                                          "\xE2\x96\xA0",
                                          "\xE2\x97\x8F",
                                          "\xE2\x97\xA6",
                                          "\xE2\x98\x90",
                                          "\xC2\xB7"};
    for (size_t i = 0; i < sizeof bullets / sizeof *bullets; i++) {
        str b = str_of(bullets[i]);
        if (str_starts(line, b) && b.n < line.n && line.p[b.n] == ' ') return true;
    }
    return false;
}

/* "1.", "12)", "(a)", "iv." and a blank. */
static bool is_numbered(str line) {
    size_t at = line.n > 0 && line.p[0] == '(', begin = at;
    bool digits = at < line.n && isdigit((unsigned char)line.p[at]);
    while (at < line.n && at < MARK_MAX_BYTES &&
           (digits ? isdigit((unsigned char)line.p[at]) != 0
                   : strchr("abcdefghijklmnopqrstuvwxyz", line.p[at]) != NULL && line.p[at]))
        at++;
    if (at == begin || at + 1 >= line.n ||
        (!digits && at - begin > 1 && line.p[begin] != 'i' && line.p[begin] != 'v' &&
         line.p[begin] != 'x'))
        return false;
    return (line.p[at] == '.' || line.p[at] == ')') && line.p[at + 1] == ' ';
}

static bool is_item(str line) {
    return is_bullet(line) || is_numbered(line);
}

static str line_at(str s, size_t at) {
    size_t end = str_find(s, STR("\n"), at);
    return str_cut(s, at, end);
}

/* The last of "Manual > Vaccines > At birth". */
static str innermost(str path) {
    for (size_t at; (at = str_find(path, STR(" > "), 0)) != SIZE_MAX;)
        path = str_cut(path, at + 3, path.n);
    return path;
}

static bool announces(str line) {
    return line.n > 0 && line.n <= HEADING_MAX_BYTES && !is_item(line) && row_cells(line) < 2 &&
           !str_ends(line, STR("."));
}

bool query_list_next(const index_chunk *c, size_t *pos, query_list *out) {
    str all = c->text, before = {0};
    size_t before_at = 0, at = *pos;
    while (at < all.n) {
        str line = line_at(all, at);
        if (!is_item(line)) {
            before = line;
            before_at = at;
            at += line.n + 1;
            continue;
        }
        size_t items = at, count = 0, end = at;
        for (; at < all.n && is_item(line_at(all, at)); count++) {
            end = at + line_at(all, at).n;
            at = end + 1;
        }
        *pos = at < all.n ? at : all.n;
        bool first = items == 0;
        str heading = first ? innermost(c->heading) : before;
        if (count >= ITEMS_MIN && announces(heading)) {
            *out = (query_list){heading, (uint32_t)(first ? items : before_at), (uint32_t)end,
                                (uint32_t)items};
            return true;
        }
        before = (str){0};
    }
    *pos = all.n;
    return false;
}

/* ---- the question ------------------------------------------------------------------------- */

static bool is_one_of(str s, const char *const list[]) {
    for (size_t i = 0; list[i]; i++)
        if (str_eq_nocase(s, str_of(list[i]))) return true;
    return false;
}

static bool has_word(str s, str word, arena *a) {
    index_word *words;
    size_t count;
    index_words(s, STR("en"), a, &words, &count);
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(str_cut(s, words[i].begin, words[i].end), word)) return true;
    return false;
}

bool query_list_may_answer(str question, str heading, arena *a) {
    static const char *const one[] = {"who", "whom", "whose", "when", "where", "why", NULL};
    /* Behind "how" they ask for steps; anything else behind it asks for a measure. */
    static const char *const doing[] = {"do",  "does", "did",   "to",     "can", "could",
                                        "is",  "are",  "shall", "should", "may", "must",
                                        "was", "were", "would", "i",      NULL};
    index_word *words;
    size_t count;
    index_words(question, STR("en"), a, &words, &count);
    for (size_t i = 0; i < count; i++) {
        str word = str_cut(question, words[i].begin, words[i].end);
        bool how = str_eq_nocase(word, STR("how")) && i + 1 < count;
        if (how && is_one_of(str_cut(question, words[i + 1].begin, words[i + 1].end), doing))
            continue;
        if ((how || is_one_of(word, one)) && !has_word(heading, word, a)) return false;
    }
    return true;
}

bool query_list_is_asking(str stem) {
    static const char *const asking[] = {"list",    "name",    "belong", "includ", "contain",
                                         "consist", "compris", "item",   "thing",  NULL};
    return is_one_of(stem, asking);
}
