/* The plain text of a message, as blocks.
 *
 * Owns what is peculiar to text in mail: flowed lines are joined (RFC 3676), the marks of quoted
 * lines become one mark at the start of each quoted stretch, since a sentence that was wrapped inside
 * a quotation has to read as one; the armour around a signed text goes. Everything else is plain text
 * like any other (text.c). Quotations and signatures stay: they are often the only copy there is.
 *
 * It never drops a word that a person wrote.
 */
#include "ingest/parse/mail/mail.h"

#include <string.h>

/* Deeper quotations are marked as if they were so deep. */
#define QUOTE_MAX 9

typedef struct {
    record_writer *out;
    bool flowed, delete_space;
    text run; /* lines of one quotation depth */
    int depth;
    bool open; /* the last line goes on in the next */
} state;

static void flush(state *s) {
    parse_text_inside(text_str(&s->run), s->out);
    text_clear(&s->run);
    s->open = false;
}

/* How deep a line is quoted, and the line without its marks. "> > a", ">> a". A ">From" that was
 * escaped in a mailbox is unescaped there. */
static int take_quotes(str *line, bool flowed) {
    int depth = 0;
    size_t at = 0, end = 0;
    while (at < line->n && line->p[at] == '>') {
        depth++;
        end = ++at;
        /* flowed text has its marks side by side: a space ends them (RFC 3676, 4.5) */
        if (!flowed)
            while (at < line->n && line->p[at] == ' ') at++;
    }
    *line = str_cut(*line, end, line->n);
    if (end > 0 && str_starts(*line, STR(" "))) *line = str_cut(*line, 1, line->n);
    return depth > QUOTE_MAX ? QUOTE_MAX : depth;
}

static void put_line(state *s, str line) {
    int depth = take_quotes(&line, s->flowed);
    if (depth != s->depth) {
        flush(s);
        s->depth = depth;
    }
    if (s->flowed && depth == 0 && str_starts(line, STR(" "))) line = str_cut(line, 1, line.n);
    /* the line above a signature says nothing; without it the signature is a paragraph of its own */
    bool signature = str_eq(line, STR("-- "));
    if (signature) line = STR("");
    if (signature) s->open = false;
    if (s->run.n > 0 && !s->open) text_put_char(&s->run, '\n');
    bool begins = s->run.n == 0 && str_trim(line).n > 0;
    for (int i = 0; begins && i < depth; i++) text_put(&s->run, STR("> "));
    s->open = s->flowed && !signature && str_ends(line, STR(" "));
    if (s->open && s->delete_space) line = str_cut(line, 0, line.n - 1);
    text_put(&s->run, line);
}

typedef enum { ARMOUR_NONE, ARMOUR_HEAD, ARMOUR_SIGNATURE } armour;

/* A message that is signed in its text has a few lines of armour above, up to an empty one, and a block
 * of it below. */
static bool is_armour(str line, armour *inside) {
    armour before = *inside;
    if (str_starts(line, STR("-----BEGIN PGP SIGNED MESSAGE-----"))) *inside = ARMOUR_HEAD;
    if (str_starts(line, STR("-----BEGIN PGP SIGNATURE-----"))) *inside = ARMOUR_SIGNATURE;
    bool ends = (before == ARMOUR_HEAD && str_trim(line).n == 0) ||
                str_starts(line, STR("-----END PGP SIGNATURE-----"));
    if (ends) *inside = ARMOUR_NONE;
    return before != ARMOUR_NONE || *inside != ARMOUR_NONE;
}

bool mail_text_is_encrypted(str utf8) {
    return str_starts(str_trim(utf8), STR("-----BEGIN PGP MESSAGE-----"));
}

void mail_text_write(str utf8, bool flowed, bool delete_space, record_writer *out) {
    state s = {.out = out, .flowed = flowed, .delete_space = delete_space};
    armour inside = ARMOUR_NONE;
    /* where a signature does not end, nothing was one */
    bool signed_text = str_find(utf8, STR("-----END PGP SIGNATURE-----"), 0) != SIZE_MAX;
    for (size_t i = 0, end; i < utf8.n; i = end + 1) {
        end = str_find(utf8, STR("\n"), i);
        if (end == SIZE_MAX) end = utf8.n;
        str line = str_cut(utf8, i, end);
        if (!signed_text || !is_armour(line, &inside)) put_line(&s, line);
    }
    flush(&s);
    text_free(&s.run);
}
