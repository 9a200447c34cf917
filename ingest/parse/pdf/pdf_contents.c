/* Finds a document's table of contents, and marks its lines as running lines.
 *
 * A line of the contents, "6 Dehydration and fluids | 6", has the very words of the section that a
 * reader asks for and none of its text: in a search it would stand before the page it points to.
 * So the contents stay in the document, and out of its chunks, like running heads.
 *
 * Lines that end in ascending numbers at one right edge are found in price lists and parts lists,
 * too. Therefore two of three further signs are asked for: a heading that says so, dot leaders,
 * and titles that stand elsewhere in the document as lines of their own. Without them nothing is
 * marked: contents in a search are a nuisance, a lost table is a fault.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define MIN_ENTRIES 3    /* fewer are no list */
#define SIGNS_NEEDED 2   /* of three, see above */
#define MAX_BETWEEN 2    /* lines without a number between two entries: a part, a wrapped title */
#define HEADING_ABOVE 3  /* lines from the heading to the first entry: "Page", "Part I" */
#define EDGE_EM 2.0f     /* the numbers' right edges: 9 and 100 may both stand flush left */
#define NUMBER_DIGITS 4  /* pages of a document, at most */
#define ROMAN_LETTERS 6  /* "xxviii" */
#define ROMAN_BASE 10000 /* front matter is counted apart */

typedef struct {
    int value; /* the page it names; Roman ones are negative, from -ROMAN_BASE up */
    bool leader;
    str title;
} entry;

typedef struct {
    pdf_line **lines; /* that are not running, of the whole document */
    size_t count;
    str *keys; /* of all lines, sorted */
    arena *a;
} finder;

static int compare_keys(const void *a, const void *b) {
    return str_compare(*(const str *)a, *(const str *)b);
}

/* The value of a small Roman numeral; 0 where it is none. */
static int roman(str s) {
    int value = 0, last = 0;
    for (size_t i = s.n; i > 0; i--) {
        char c = s.p[i - 1];
        int one = c == 'i' ? 1 : c == 'v' ? 5 : c == 'x' ? 10 : c == 'l' ? 50 : 0;
        if (one == 0) return 0;
        value += one < last ? -one : one;
        last = one;
    }
    return value;
}

/* "Title ... 12", "Title | xii" */
static bool read_entry(str s, entry *out) {
    size_t at = s.n;
    while (at > 0 && s.p[at - 1] != ' ' && s.p[at - 1] != '.') at--;
    str number = str_cut(s, at, s.n);
    if (at == 0 || number.n == 0) return false;
    out->value = 0;
    for (size_t i = 0; i < number.n && number.n <= NUMBER_DIGITS; i++) {
        if (number.p[i] < '0' || number.p[i] > '9') {
            out->value = 0;
            break;
        }
        out->value = out->value * 10 + (number.p[i] - '0');
    }
    if (out->value == 0 && number.n <= ROMAN_LETTERS && roman(number) > 0)
        out->value = roman(number) - ROMAN_BASE;
    size_t end = at, dots = 0;
    while (end > 0 && strchr(" .|", s.p[end - 1])) dots += s.p[--end] == '.';
    out->leader = dots >= 3;
    out->title = str_cut(s, 0, end);
    return out->value != 0 && end > 1;
}

static bool is_contents_heading(str s, arena *a) {
    static const char *const names[] = {"contents",         "tableofcontents",
                                        "inhalt",           "inhaltsverzeichnis",
                                        "tabledesmatières", "sommaire",
                                        "índice",           "contenido",
                                        "indice",           "listoffigures",
                                        "listoftables",     "figures",
                                        "tables",           NULL};
    str key = pdf_key(s, false, a);
    for (size_t i = 0; names[i]; i++)
        if (str_eq(key, str_of(names[i]))) return true;
    return false;
}

/* Does the title stand somewhere as a line of its own? */
static bool is_known(const finder *f, str title) {
    str key = pdf_key(title, false, f->a);
    return key.n > 1 && bsearch(&key, f->keys, f->count, sizeof *f->keys, compare_keys);
}

static size_t heading_above(const finder *f, size_t first) {
    for (size_t k = 1; k <= HEADING_ABOVE + 1 && k <= first; k++)
        if (is_contents_heading(f->lines[first - k]->text, f->a)) return first - k;
    return first;
}

/* The entries from line `first` on; marks them where they are contents. Gives the line to go on
 * at, behind them: a long list is not looked at again from each of its lines. */
static size_t mark_run(finder *f, size_t first) {
    size_t last = first, entries = 0, leaders = 0, known = 0;
    int value = -ROMAN_BASE;
    for (size_t i = first; i < f->count && i <= last + MAX_BETWEEN + 1; i++) {
        const pdf_line *l = f->lines[i];
        entry e;
        if (!read_entry(l->text, &e) || e.value < value ||
            (l->page == f->lines[last]->page && l->column == f->lines[last]->column &&
             fabsf(l->at.x1 - f->lines[last]->at.x1) > EDGE_EM * fmaxf(l->font_pt, 1)))
            continue;
        value = e.value;
        last = i;
        entries++;
        leaders += e.leader;
        known += is_known(f, e.title);
    }
    size_t heading = heading_above(f, first);
    int signs = (heading < first) + (leaders * 2 > entries) + (known * 2 > entries);
    if (entries < MIN_ENTRIES) return first + 1;
    for (size_t i = heading; signs >= SIGNS_NEEDED && i <= last; i++) f->lines[i]->running = true;
    return last + 1;
}

void pdf_mark_contents(pdf_text *t, arena *a) {
    finder f = {.lines = arena_alloc(a, t->lines.count + 1, sizeof *f.lines),
                .keys = arena_alloc(a, t->lines.count + 1, sizeof *f.keys),
                .a = arena_new()};
    for (size_t i = 0; i < t->lines.count; i++) {
        if (t->lines.lines[i].running) continue;
        f.keys[f.count] = pdf_key(t->lines.lines[i].text, false, f.a);
        f.lines[f.count++] = &t->lines.lines[i];
    }
    qsort(f.keys, f.count, sizeof *f.keys, compare_keys);
    for (size_t i = 0; i < f.count;) {
        entry e;
        i = read_entry(f.lines[i]->text, &e) ? mark_run(&f, i) : i + 1;
    }
    arena_free(f.a);
}
