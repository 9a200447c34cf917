/* Front matter: what a Markdown file says of itself before its text, in YAML between lines of "---" or
 * in TOML between lines of "+++".
 *
 * Owns the few fields that a reader asks for (title, language, date, tags); the rest is for programs and
 * stays out of the text. It reads the forms in which people write these fields, a line each, lists in
 * brackets or as items, and is no parser of the two languages.
 */
#include "ingest/parse/plain/markdown.h"

/* Front matter longer than this is a document that begins with a rule. */
#define LINES_MAX 400

typedef struct {
    markdown_front *out;
    text *open;           /* the field whose value goes on in the next lines */
    bool list;            /* of items */
    bool toml, elsewhere; /* elsewhere: in a TOML table of a program's own */
} front;

static str next_line(str all, size_t *at) {
    size_t end = str_find(all, STR("\n"), *at);
    str line = str_cut(all, *at, end);
    *at = end == SIZE_MAX ? all.n : end + 1;
    return line;
}

static str unquoted(str s) {
    s = str_trim(s);
    if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
        return str_cut(s, 1, s.n - 1);
    return s;
}

/* Without a comment behind it: " # so". */
static str without_comment(str value) {
    bool quoted = value.n > 0 && (value.p[0] == '"' || value.p[0] == '\'');
    size_t at = quoted ? SIZE_MAX : str_find(value, STR(" #"), 0);
    return str_trim(str_cut(value, 0, at));
}

static void add_value(text *out, str value) {
    value = unquoted(value);
    if (value.n == 0) return;
    if (out->n > 0) text_put(out, STR(", "));
    text_put(out, value);
}

/* "[a, b]" and "a, b"; quoted values may hold commas. */
static void add_list(text *out, str value) {
    value = str_trim(value);
    if (str_starts(value, STR("["))) value = str_cut(value, 1, value.n);
    if (str_ends(value, STR("]"))) value = str_cut(value, 0, value.n - 1);
    char quote = 0;
    for (size_t i = 0, begin = 0; i <= value.n; i++) {
        char c = i < value.n ? value.p[i] : ',';
        if (i < value.n && (c == '"' || c == '\'')) quote = quote == c ? 0 : quote ? quote : c;
        if ((c != ',' || quote) && i < value.n) continue;
        add_value(out, str_trim(str_cut(value, begin, i)));
        begin = i + 1;
    }
}

static text *field_of(front *f, str name, bool *list) {
    static const char *const tags[] = {"tags", "tag", "keywords", "categories"};
    *list = false;
    if (str_eq_nocase(name, STR("title"))) return &f->out->title;
    if (str_eq_nocase(name, STR("date"))) return &f->out->date;
    if (str_eq_nocase(name, STR("lang")) || str_eq_nocase(name, STR("language")))
        return &f->out->language;
    *list = true;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (str_eq_nocase(name, str_of(tags[i]))) return &f->out->tags;
    return NULL;
}

/* A line of a value that began above: an item of a list, a line of a folded text. */
static void go_on(front *f, str line) {
    str value = str_trim(line);
    if (f->list && str_starts(value, STR("- "))) {
        add_value(f->open, str_cut(value, 2, value.n));
    } else if (f->list) {
        add_list(f->open, value);
    } else if (value.n > 0) {
        if (f->open->n > 0) text_put_char(f->open, ' ');
        text_put(f->open, unquoted(value));
    }
}

static void read_line(front *f, str line) {
    bool inside = line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t' || line.p[0] == '-');
    if (inside && !f->toml) {
        if (f->open) go_on(f, line);
        return;
    }
    if (f->toml && str_starts(line, STR("[")))
        f->elsewhere = !str_starts(line, STR("[taxonomies]"));
    if (f->elsewhere) return;
    size_t colon = str_find(line, f->toml ? STR("=") : STR(":"), 0);
    f->open = NULL;
    if (colon == SIZE_MAX) return;
    text *field = field_of(f, unquoted(str_cut(line, 0, colon)), &f->list);
    if (!field || field->n > 0) return; /* the first says it */
    str value = without_comment(str_trim(str_cut(line, colon + 1, line.n)));
    bool block = value.n == 0 || value.p[0] == '>' || value.p[0] == '|';
    if (block || (f->list && value.p[0] == '[' && !str_ends(value, STR("]")))) f->open = field;
    if (block) return;
    if (f->list)
        add_list(field, value);
    else
        add_value(field, value);
}

size_t markdown_front_read(str all, markdown_front *out) {
    size_t at = 0;
    front f = {.out = out};
    str fence = str_trim(next_line(all, &at));
    f.toml = str_eq(fence, STR("+++"));
    if (!f.toml && !str_eq(fence, STR("---"))) return 0;
    for (int i = 0; i < LINES_MAX && at < all.n; i++) {
        str line = next_line(all, &at), bare = str_trim(line);
        if (str_eq(bare, fence) || (!f.toml && str_eq(bare, STR("...")))) return at;
        read_line(&f, line);
    }
    markdown_front_free(out);
    return 0;
}

void markdown_front_free(markdown_front *f) {
    text_free(&f->title);
    text_free(&f->language);
    text_free(&f->date);
    text_free(&f->tags);
}
