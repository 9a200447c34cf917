/* What single lines say about themselves: the key they are compared by, numbers and marks in front
 * of them, captions, ends of sentences.
 *
 * Rules about the letters of one line, without its place on the page; pdf_block.c, pdf_heading.c
 * and pdf_running.c ask them.
 */
#include <string.h>
#include <utf8proc.h>

#include "ingest/parse/pdf/pdf.h"

#define NOTE_DIGITS 3 /* of a note's mark, at most */
#define MAX_NUMBERS 6 /* "1.2.3.4.5.6" */

str pdf_key(str s, bool hide_digits, arena *a) {
    text t = {0};
    for (size_t i = 0, used; i < s.n; i += used) {
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)c);
        if (kind == UTF8PROC_CATEGORY_ND && hide_digits) {
            if (t.n == 0 || t.p[t.n - 1] != '#') text_put_char(&t, '#');
        } else if (kind == UTF8PROC_CATEGORY_ND ||
                   (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO)) {
            text_put_codepoint(&t, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
        }
    }
    str out = arena_str(a, text_str(&t));
    text_free(&t);
    return out;
}

size_t pdf_letters(str s) {
    size_t count = 0;
    for (size_t i = 0, used; i < s.n; i += used) {
        utf8proc_category_t kind =
            utf8proc_category((utf8proc_int32_t)utf8_next(s.p + i, s.n - i, &used));
        count += kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
    }
    return count;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool pdf_has_digit(str s) {
    for (size_t i = 0; i < s.n; i++)
        if (is_digit(s.p[i])) return true;
    return false;
}

bool pdf_starts_small(str s) {
    return s.n > 0 && s.p[0] >= 'a' && s.p[0] <= 'z';
}

/* "2.1.3 Name" has depth 3, "4 Name" and "4. Name" depth 1, anything else 0. */
int pdf_numbering(str s) {
    int depth = 0;
    size_t i = 0;
    while (i < s.n && is_digit(s.p[i]) && depth < MAX_NUMBERS) {
        size_t begin = i;
        while (i < s.n && is_digit(s.p[i])) i++;
        if (i - begin > 3) return 0;
        depth++;
        if (i < s.n && s.p[i] == '.') i++;
    }
    return i < s.n && s.p[i] == ' ' ? depth : 0;
}

/* The bytes of a list marker with the space behind it; 0 for none. */
size_t pdf_marker_bytes(str s) {
    size_t used, i = 0;
    if (s.n < 3) return 0;
    uint32_t c = utf8_next(s.p, s.n, &used);
    bool bullet = c == '-' || c == '*' || c == 0xB7 || (c >= 0x2012 && c <= 0x2015) ||
                  (c >= 0x2022 && c <= 0x2023) || c == 0x2043 || (c >= 0x25A0 && c <= 0x25FF) ||
                  (c >= 0x2713 && c <= 0x27BF) || c == UTF8_REPLACEMENT ||
                  (c == 'o' && s.p[1] == ' ');
    if (bullet) return used < s.n && s.p[used] == ' ' ? used + 1 : 0;
    bool open = s.p[0] == '(';
    i = open;
    while (i < s.n && i < 5u + open && (is_digit(s.p[i]) || (s.p[i] >= 'a' && s.p[i] <= 'z'))) i++;
    size_t inside = i - open;
    bool number = inside > 0 && is_digit(s.p[open]);
    if (inside == 0 || inside > (number ? 2u : 4u) || i + 1 >= s.n || s.p[i + 1] != ' ') return 0;
    bool closed = s.p[i] == ')' || (s.p[i] == '.' && !open && (number || inside == 1));
    /* Letters without brackets must be one letter or a small Roman number. */
    for (size_t k = open; closed && !number && inside > 1 && k < i; k++)
        closed = strchr("ivx", s.p[k]) != NULL;
    return closed ? i + 2 : 0;
}

/* Also where the mark of a note stands behind: "between.1", but not "section 3.1". */
bool pdf_ends_sentence(str s) {
    size_t n = s.n;
    while (n > 2 && s.n - n < NOTE_DIGITS && is_digit(s.p[n - 1])) n--;
    if (n < s.n && n > 1 && s.p[n - 1] == '.' && !is_digit(s.p[n - 2])) s.n = n;
    return str_ends(s, STR(".")) || str_ends(s, STR("!")) || str_ends(s, STR("?")) ||
           str_ends(s, STR(":")) || str_ends(s, STR("\xe3\x80\x82")) || str_ends(s, STR(".\""));
}

bool pdf_is_caption(str s) {
    static const char *const words[] = {"figure",  "fig.",  "table",   "abb.", "abbildung",
                                        "tabelle", "chart", "exhibit", "box",  NULL};
    for (size_t i = 0; words[i]; i++) {
        str w = str_of(words[i]);
        if (!str_eq_nocase(str_cut(s, 0, w.n), w) || s.n < w.n + 3 || s.p[w.n] != ' ') continue;
        size_t k = w.n + 1;
        while (k < s.n && (is_digit(s.p[k]) || s.p[k] == '-' ||
                           (s.p[k] == '.' && k + 1 < s.n && is_digit(s.p[k + 1]))))
            k++;
        if (k > w.n + 1 && k < s.n && strchr(".:|", s.p[k])) return true;
    }
    return false;
}
