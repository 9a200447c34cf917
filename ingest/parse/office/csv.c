/* CSV and its like: fields parted by comma, semicolon, tab or bar (RFC 4180, and what people write).
 *
 * Owns the finding of the separator: the one under which the first rows have most fields in common. A
 * line "sep=;" says it. Quoted fields may hold line ends; a quote that nothing closes near by is a sign
 * like any other. Rows may have more or fewer fields than the head. Which row is the head, and how rows
 * keep their headings, is grid.c's business.
 */
#include "ingest/parse/office/grid.h"

#include <string.h>

/* Rows that are looked at to find the separator. */
#define SAMPLE_ROWS 50
/* A longer quoted field is one that was never closed. */
#define QUOTED_MAX_BYTES (64u << 10)

typedef struct {
    str all;
    size_t at;
    char separator;
    text field;
} csv;

/* The quote that ends the field that begins behind `at`; SIZE_MAX where none does. */
static size_t find_close(str all, size_t at) {
    size_t stop = all.n - at > QUOTED_MAX_BYTES ? at + QUOTED_MAX_BYTES : all.n;
    for (size_t i = at + 1; i < stop; i++) {
        if (all.p[i] != '"') continue;
        if (i + 1 < all.n && all.p[i + 1] == '"')
            i++;
        else
            return i;
    }
    return SIZE_MAX;
}

/* One field into c->field; *last where its row ends behind it. False at the end of the text. */
static bool next_field(csv *c, bool *last) {
    str all = c->all;
    if (c->at >= all.n) return false;
    text_clear(&c->field);
    size_t i = c->at;
    while (i < all.n && all.p[i] == ' ') i++;
    size_t close = i < all.n && all.p[i] == '"' ? find_close(all, i) : SIZE_MAX;
    if (close != SIZE_MAX) {
        for (size_t k = i + 1; k < close; k++) {
            text_put_char(&c->field, all.p[k]);
            if (all.p[k] == '"') k++; /* of two */
        }
        c->at = close + 1;
    }
    while (c->at < all.n && all.p[c->at] != c->separator && all.p[c->at] != '\n')
        text_put_char(&c->field, all.p[c->at++]);
    *last = c->at >= all.n || all.p[c->at] == '\n';
    if (c->at < all.n) c->at++;
    return true;
}

/* Rows of the sample that have the number of fields that most have, times that number. */
static size_t judge(str all, char separator) {
    size_t counts[SAMPLE_ROWS] = {0}, rows = 0, fields = 0, best = 0;
    csv c = {.all = all, .separator = separator};
    bool last = false;
    while (rows < SAMPLE_ROWS && next_field(&c, &last)) {
        fields++;
        if (!last) continue;
        bool empty = fields == 1 && c.field.n == 0;
        if (!empty) counts[rows++] = fields;
        fields = 0;
    }
    text_free(&c.field);
    for (size_t i = 0; i < rows; i++) {
        size_t same = 0;
        for (size_t k = 0; k < rows; k++) same += counts[k] == counts[i];
        size_t score =
            counts[i] < 2 ? 0 : same * 1000 / rows * 64 + (counts[i] < 64 ? counts[i] : 63);
        if (score > best) best = score;
    }
    return best;
}

static char find_separator(str all, size_t *begin) {
    static const char candidates[] = {',', ';', '\t', '|'};
    size_t best = 0;
    char found = ',';
    *begin = 0;
    if (all.n > 5 && str_eq_nocase(str_cut(all, 0, 4), STR("sep=")) &&
        (all.n == 5 || all.p[5] == '\n')) {
        *begin = 6;
        return all.p[4];
    }
    for (size_t i = 0; i < sizeof candidates; i++) {
        size_t score = judge(all, candidates[i]);
        if (score > best) {
            best = score;
            found = candidates[i];
        }
    }
    return found;
}

/* Digits with what stands around digits: a sign, a currency, points, a percentage, a date. */
static bool is_number(str s) {
    size_t digits = 0, others = 0;
    s = str_trim(s);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= '0' && c <= '9')
            digits++;
        else if (c >= 0x80 || strchr("$eE", c))
            others++;
        else if (!strchr(" .,+-%()/:'", c))
            return false;
    }
    return digits > 0 && others <= 3;
}

static void read_rows(csv *c, grid *g) {
    uint32_t row = 0, column = 0;
    bool last;
    while (next_field(c, &last)) {
        str field = str_trim(text_str(&c->field));
        grid_cell(g, column++, 1, field, is_number(field));
        if (!last) continue;
        grid_end_row(g, row++);
        column = 0;
    }
    grid_end(g);
}

bool parse_csv(const parse_input *in, record_writer *out, error *err) {
    text utf8 = {0};
    csv c = {0};
    bool ok = parse_to_utf8(in->bytes, (str){0}, &utf8, err);
    if (ok) {
        c.all = text_str(&utf8);
        c.separator = find_separator(c.all, &c.at);
        record_document(out, in->name, STR("csv"), (str){0});
        story *s = story_new(out, in->limits->pages);
        grid *g = grid_new(s);
        read_rows(&c, g);
        story_end(s);
        grid_free(g);
        story_free(s);
    }
    text_free(&c.field);
    text_free(&utf8);
    return ok;
}
