/* RTF: braces, control words and bytes become blocks (Rich Text Format 1.9.1).
 *
 * Owns the reading of the file: groups are a stack on the heap, so that no depth of braces is
 * recursion; bytes mean what the code page of their font says, \u what Unicode says. Text goes
 * where its group is meant to go: to the body, to a note behind its paragraph, to the title, to
 * nowhere. rtf_words.c knows the words.
 *
 * It decodes no picture and no object, and \bin bytes are stepped over.
 */
#include "ingest/parse/office/rtf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Word nests some 30 groups; past this, braces are only counted. */
#define GROUPS_MAX 10000u
#define WORD_MAX 32
#define TITLE_MAX_BYTES 1024

rtf_group *rtf_top(rtf *r) {
    return &r->groups[r->depth - 1];
}

rtf_style *rtf_find_style(rtf *r, int number) {
    for (size_t i = 0; i < r->style_count; i++)
        if (r->styles[i].number == number) return &r->styles[i];
    return NULL;
}

/* ---- text ---------------------------------------------------------------------------------- */

/* Marked so, too small, or white where nothing says that there is a ground. */
static bool is_unseen(const rtf *r, const rtf_group *g) {
    bool grounded = g->run_ground || g->ground || g->boxed || r->backdrop ||
                    ((g->in_table || r->table.open) && r->table.ground);
    return g->hidden || g->tiny || (g->white && !grounded);
}

static void put_body(rtf *r, str t) {
    rtf_group *g = rtf_top(r);
    bool unseen = is_unseen(r, g);
    if (unseen || g->deleted || g->struck) {
        *(unseen       ? &r->hidden_bytes
          : g->deleted ? &r->deleted_bytes
                       : &r->struck_bytes) += str_trim(t).n;
        if (r->paragraph_open) story_leave_out(r->s);
        return;
    }
    if (!r->paragraph_open && str_trim(t).n == 0) return;
    rtf_open_cell(r);
    if (!r->paragraph_open) {
        story_begin_paragraph(r->s);
        r->paragraph_open = true;
        if (r->mark.n > 0) {
            story_set_role(r->s, INGEST_ROLE_LIST_ITEM, 0);
            story_set_mark(r->s, text_str(&r->mark));
        }
        text_clear(&r->mark);
    }
    story_put_script(r->s, t, g->level, false);
}

void rtf_put(rtf *r, str t) {
    text *to = NULL;
    switch (rtf_top(r)->to) {
    case RTF_BODY:
        put_body(r, t);
        return;
    case RTF_TITLE:
        to = &r->title;
        break;
    case RTF_STYLES:
        to = &r->name;
        break;
    case RTF_MARK:
        to = &r->mark;
        break;
    case RTF_AUTHOR:
        to = &r->author;
        break;
    case RTF_COLOURS:
        for (size_t i = 0; i < t.n; i++)
            if (t.p[i] == ';') rtf_end_colour(r);
        return;
    case RTF_FONTS:
    case RTF_INFO:
    case RTF_SKIP:
        return;
    }
    if (to && to->n < TITLE_MAX_BYTES) text_put(to, t);
}

void rtf_put_codepoint(rtf *r, uint32_t codepoint) {
    char utf8[4];
    rtf_flush(r);
    rtf_put(r, (str){utf8, utf8_encode(codepoint, utf8)});
}

/* The name that parse_to_utf8 knows a code page by. */
static str page_name(int page, char out[24]) {
    static const struct {
        int page;
        const char *name;
    } known[] = {{437, "IBM437"},  {850, "IBM850"},     {852, "IBM852"}, {866, "IBM866"},
                 {874, "TIS-620"}, {932, "SHIFT_JIS"},  {936, "GBK"},    {949, "EUC-KR"},
                 {950, "BIG5"},    {10000, "MACINTOSH"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].page == page) return str_of(known[i].name);
    snprintf(out, 24, "WINDOWS-%d", page);
    return str_of(out);
}

void rtf_flush(rtf *r) {
    char name[24];
    error ignored;
    if (r->raw.n == 0) return;
    bool ascii = true;
    for (size_t i = 0; i < r->raw.n && ascii; i++)
        ascii = (unsigned char)r->raw.p[i] >= ' ' && (unsigned char)r->raw.p[i] < 0x7f;
    if (ascii) {
        rtf_put(r, text_str(&r->raw));
    } else {
        for (size_t i = 0; i < r->raw.n; i++)
            if ((unsigned char)r->raw.p[i] < ' ') r->raw.p[i] = ' ';
        str page = page_name(rtf_top(r)->page, name);
        if (parse_to_utf8(text_str(&r->raw), page, &r->utf8, &ignored) ||
            parse_to_utf8(text_str(&r->raw), (str){0}, &r->utf8, &ignored))
            rtf_put(r, text_str(&r->utf8));
    }
    text_clear(&r->raw);
}

static void put_byte(rtf *r, char c) {
    if (r->to_skip > 0)
        r->to_skip--;
    else
        text_put_char(&r->raw, c);
}

/* ---- paragraphs and tables ----------------------------------------------------------------- */

/* The style's level goes by its own outline, then by those that it is based on. */
static void set_role(rtf *r) {
    const rtf_group *g = rtf_top(r);
    int outline = g->outline;
    bool title = false;
    const rtf_style *style = g->style >= 0 ? rtf_find_style(r, g->style) : NULL;
    for (int i = 0; style && i < 16; i++) {
        if (style->contents) {
            story_set_role(r->s, INGEST_ROLE_FOOTER, 0);
            return;
        }
        if (style->caption && i == 0) story_set_role(r->s, INGEST_ROLE_CAPTION, 0);
        title = title || style->title;
        if (outline < 0) outline = style->outline;
        style = style->base >= 0 && style->base != style->number ? rtf_find_style(r, style->base)
                                                                 : NULL;
    }
    if (title) outline = 0;
    if (outline >= 0 && outline < 9)
        story_set_role(r->s, INGEST_ROLE_HEADING, (uint8_t)(outline + 1));
}

void rtf_end_paragraph(rtf *r) {
    rtf_flush(r);
    text_clear(&r->mark);
    if (!r->paragraph_open) return;
    set_role(r);
    story_end_paragraph(r->s);
    r->paragraph_open = false;
}

void rtf_end_table(rtf *r) {
    if (!r->table.open) return;
    if (r->table.cell_open) story_end_cell(r->s);
    if (r->table.row_open) story_end_row(r->s);
    story_end_table(r->s);
    r->table.open = r->table.row_open = r->table.cell_open = false;
}

void rtf_open_cell(rtf *r) {
    const rtf_group *g = rtf_top(r);
    if (g->inside || g->running || r->paragraph_open) return;
    if (!g->in_table && !r->table.defined) {
        rtf_end_table(r);
        return;
    }
    if (!r->table.open) story_begin_table(r->s);
    if (!r->table.row_open) {
        story_begin_row(r->s, r->table.head);
        r->table.cells = 0;
    }
    if (!r->table.cell_open) {
        unsigned at = r->table.cells;
        story_begin_cell(r->s, 1, at < r->table.defined_cells && r->table.goes_on[at]);
    }
    r->table.open = r->table.row_open = r->table.cell_open = true;
}

void rtf_begin_inside(rtf *r, str mark) {
    rtf_group *g = rtf_top(r);
    rtf_flush(r);
    if (g->inside) return;
    g->outer_open = r->paragraph_open;
    if (!r->paragraph_open) rtf_open_cell(r);
    g->inside = true;
    g->outline = g->style = -1;
    story_begin_paragraph(r->s);
    story_set_mark(r->s, mark);
    r->paragraph_open = true;
}

/* ---- groups -------------------------------------------------------------------------------- */

static void open_group(rtf *r) {
    rtf_flush(r);
    if (r->depth == GROUPS_MAX) {
        r->overflow++;
        return;
    }
    if (r->depth == r->room) {
        r->room = r->room ? 2 * r->room : 64;
        r->groups = mem_grow(r->groups, r->room, sizeof *r->groups);
    }
    r->groups[r->depth] = r->depth > 0 ? r->groups[r->depth - 1] : (rtf_group){0};
    rtf_group *g = &r->groups[r->depth++];
    g->begun = g->ignorable = false;
}

/* "heading 2;" was the name of the style whose words came before. */
static void end_style(rtf *r) {
    str name = str_trim(text_str(&r->name));
    rtf_style *s = r->style_count > 0 ? &r->styles[r->style_count - 1] : NULL;
    if (str_ends(name, STR(";"))) name = str_trim(str_cut(name, 0, name.n - 1));
    if (s && name.n > 0) {
        bool heading = str_eq_nocase(str_cut(name, 0, 8), STR("heading ")) && name.n == 9;
        if (heading && s->outline < 0) s->outline = name.p[8] - '1';
        s->title = str_eq_nocase(name, STR("title"));
        s->contents = str_eq_nocase(str_cut(name, 0, 4), STR("toc ")) && name.n == 5;
        s->caption = str_eq_nocase(name, STR("caption"));
    }
    text_clear(&r->name);
}

/* "1.\t" is "1. ", whatever a bullet is drawn with is "- ". */
static void end_mark(rtf *r) {
    bool ordinal = false;
    str t = str_trim(text_str(&r->mark));
    for (size_t i = 0; i < t.n; i++)
        ordinal = ordinal || (i + 1 == t.n && i > 0 && (t.p[i] == '.' || t.p[i] == ')')) ||
                  (t.p[i] >= '0' && t.p[i] <= '9');
    text copy = {0};
    if (ordinal) text_put(&copy, t);
    text_clear(&r->mark);
    text_put(&r->mark, ordinal ? text_str(&copy) : STR("-"));
    text_put_char(&r->mark, ' ');
    text_free(&copy);
}

static void close_group(rtf *r) {
    rtf_flush(r);
    r->to_skip = 0;
    if (r->overflow > 0) {
        r->overflow--;
        return;
    }
    if (r->depth <= 1) return; /* one brace too many */
    const rtf_group g = r->groups[r->depth - 1], *outer = &r->groups[r->depth - 2];
    if (g.to == RTF_STYLES && outer->to == RTF_STYLES) end_style(r);
    if (g.to == RTF_MARK && outer->to != RTF_MARK) end_mark(r);
    if (g.inside && !outer->inside) {
        if (r->paragraph_open) story_end_paragraph(r->s);
        r->paragraph_open = g.outer_open;
    }
    if (g.running && !outer->running) {
        rtf_end_paragraph(r);
        story_set_footer(r->s, false);
    }
    r->depth--;
}

/* ---- the file ------------------------------------------------------------------------------ */

static int hex_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void read_symbol(rtf *r, char c) {
    str all = r->in->bytes;
    if (c == '\'') {
        int high = r->at < all.n ? hex_of(all.p[r->at]) : -1;
        int low = r->at + 1 < all.n ? hex_of(all.p[r->at + 1]) : -1;
        if (high < 0 || low < 0) return;
        r->at += 2;
        if (high + low > 0) put_byte(r, (char)(high * 16 + low));
        return;
    }
    if (c == '*') {
        rtf_top(r)->ignorable = true;
    } else if (c == '~') {
        put_byte(r, ' ');
    } else if (c == '_') {
        put_byte(r, '-');
    } else if (c == '\n' || c == '\r') {
        rtf_word(r, STR("par"), false, 0);
    } else if (c == '\\' || c == '{' || c == '}') {
        put_byte(r, c);
    } /* \- and the rest are nothing */
}

static void read_control(rtf *r) {
    str all = r->in->bytes;
    char word[WORD_MAX];
    size_t n = 0;
    if (r->at >= all.n) return;
    char c = all.p[r->at];
    if (!((c | 32) >= 'a' && (c | 32) <= 'z')) {
        r->at++;
        read_symbol(r, c);
        return;
    }
    for (; r->at < all.n; r->at++) {
        c = all.p[r->at];
        if (!((c | 32) >= 'a' && (c | 32) <= 'z')) break;
        if (n < sizeof word) word[n++] = c;
    }
    long number = 0;
    bool has_number = false, minus = r->at < all.n && all.p[r->at] == '-';
    if (minus) r->at++;
    for (; r->at < all.n && all.p[r->at] >= '0' && all.p[r->at] <= '9'; r->at++) {
        if (number < 100000000) number = number * 10 + (all.p[r->at] - '0');
        has_number = true;
    }
    if (r->at < all.n && all.p[r->at] == ' ') r->at++;
    rtf_word(r, (str){word, n}, has_number, (int)(minus ? -number : number));
}

static void read_all(rtf *r) {
    str all = r->in->bytes;
    open_group(r);
    *rtf_top(r) = (rtf_group){.page = r->default_page, .skip = 1, .style = -1, .outline = -1};
    while (r->at < all.n) {
        char c = all.p[r->at++];
        if (c == '{')
            open_group(r);
        else if (c == '}')
            close_group(r);
        else if (c == '\\')
            read_control(r);
        else if (c != '\n' && c != '\r' && c != '\0')
            put_byte(r, c);
        if (c != '{' && c != '\\') rtf_top(r)->begun = true;
    }
    while (r->depth > 1) close_group(r);
    rtf_end_paragraph(r);
    rtf_end_table(r);
}

/* ISO 639 of the first ten bits of a Windows language number. */
static str language_of(int id) {
    static const char names[][4] = {
        [0x01] = "ar", [0x02] = "bg", [0x03] = "ca", [0x04] = "zh", [0x05] = "cs", [0x06] = "da",
        [0x07] = "de", [0x08] = "el", [0x09] = "en", [0x0a] = "es", [0x0b] = "fi", [0x0c] = "fr",
        [0x0d] = "he", [0x0e] = "hu", [0x10] = "it", [0x11] = "ja", [0x12] = "ko", [0x13] = "nl",
        [0x14] = "no", [0x15] = "pl", [0x16] = "pt", [0x18] = "ro", [0x19] = "ru", [0x1d] = "sv",
        [0x1e] = "th", [0x1f] = "tr", [0x21] = "id", [0x22] = "uk", [0x2a] = "vi"};
    size_t at = (size_t)id & 0x3ff;
    return at < sizeof names / sizeof *names ? str_of(names[at]) : (str){0};
}

static void tell(const rtf *r, record_writer *out) {
    if (r->struck_bytes > 0) record_note(out, PARSE_STRUCK_NOTE, r->struck_bytes);
    if (r->hidden_bytes > 0)
        record_note(out, "%zu bytes of hidden text were left out", r->hidden_bytes);
    if (r->deleted_bytes > 0)
        record_note(out, "%zu bytes of text that tracked changes delete were left out",
                    r->deleted_bytes);
    if (r->pictures > 0)
        record_note(out, "holds %zu picture%s that %s not read", r->pictures,
                    r->pictures == 1 ? "" : "s", r->pictures == 1 ? "was" : "were");
    if (r->objects > 0)
        record_note(out, "holds %zu embedded object%s that %s not read", r->objects,
                    r->objects == 1 ? "" : "s", r->objects == 1 ? "was" : "were");
    if (r->overflow > 0 || story_is_flattened(r->s))
        record_note(out, "its groups nest so deep that not all of their meaning was kept");
}

bool parse_rtf(const parse_input *in, record_writer *out, error *err) {
    rtf r = {.in = in, .default_page = 1252, .language = 0};
    if (!str_starts(in->bytes, STR("{\\rtf")))
        return error_set(err, ERROR_INPUT, "this is no RTF file: it does not begin with {\\rtf");
    record_document(out, in->name, STR("rtf"), (str){0});
    r.s = story_new(out, in->limits->pages);
    read_all(&r);
    story_end(r.s);
    str title = str_trim(text_str(&r.title));
    if (title.n == 0) title = story_title(r.s);
    record_document(out, title.n > 0 ? title : in->name, STR("rtf"), language_of(r.language));
    tell(&r, out);
    story_free(r.s);
    mem_free(r.groups);
    mem_free(r.fonts);
    mem_free(r.styles);
    text_free(&r.raw);
    text_free(&r.utf8);
    text_free(&r.title);
    text_free(&r.name);
    text_free(&r.mark);
    text_free(&r.author);
    return true;
}
