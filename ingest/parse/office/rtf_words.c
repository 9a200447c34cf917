/* The control words of RTF that mean anything for a text.
 *
 * Owns one table of words. A word that is not in it changes nothing; a group that begins with \*
 * and an unknown word is passed over, as the format wants it.
 */
#include "ingest/parse/office/rtf.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/parse/office/colour.h"

#define FONTS_MAX 4096
#define STYLES_MAX 4096
/* In half points; nobody reads what is smaller. */
#define SIZE_SEEN 4
/* In half points; letters that stand farther off their line are raised or lowered. */
#define RISE_SEEN 3

typedef enum {
    W_ANSI,
    W_ANSICPG,
    W_ANNOTATION,
    W_ATNAUTHOR,
    W_BACKGROUND,
    W_BIN,
    W_BLUE,
    W_CELL,
    W_CELLX,
    W_CELL_GROUND,
    W_CF,
    W_CHAR,
    W_CLMERGED,
    W_COLOURS,
    W_CPG,
    W_DEFF,
    W_DEFLANG,
    W_DELETED,
    W_DN,
    W_ENTER,
    W_F,
    W_FCHARSET,
    W_FONTTBL,
    W_FOOTNOTE,
    W_FS,
    W_GREEN,
    W_GROUND,
    W_INFO,
    W_INTBL,
    W_LINE,
    W_LISTTEXT,
    W_MAC,
    W_NESTCELL,
    W_NESTROW,
    W_OBJECT,
    W_OUTLINELEVEL,
    W_PAGE,
    W_PAR,
    W_PARD,
    W_PC,
    W_PCA,
    W_PICT,
    W_PLAIN,
    W_RED,
    W_ROW,
    W_RUNNING,
    W_RUN_GROUND,
    W_S,
    W_SBASEDON,
    W_SHPTXT,
    W_SKIP,
    W_STRIKE,
    W_STYLESHEET,
    W_SUB,
    W_SUPER,
    W_NOSUPER,
    W_TITLE,
    W_TRHDR,
    W_TROWD,
    W_U,
    W_UC,
    W_UP,
    W_V
} meaning;

static const struct {
    const char *word;
    meaning means;
    uint32_t codepoint;
} words[] = {
    {"annotation", W_ANNOTATION, 0},
    {"ansi", W_ANSI, 0},
    {"ansicpg", W_ANSICPG, 0},
    {"atnauthor", W_ATNAUTHOR, 0},
    {"background", W_BACKGROUND, 0},
    {"bin", W_BIN, 0},
    {"blue", W_BLUE, 0},
    {"bullet", W_CHAR, 0x2022},
    {"cb", W_RUN_GROUND, 0},
    {"cbpat", W_GROUND, 0},
    {"cell", W_CELL, 0},
    {"cellx", W_CELLX, 0},
    {"cf", W_CF, 0},
    {"chcbpat", W_RUN_GROUND, 0},
    {"clcbpat", W_CELL_GROUND, 0},
    {"clvmrg", W_CLMERGED, 0},
    {"colortbl", W_COLOURS, 0},
    {"column", W_PAR, 0},
    {"cpg", W_CPG, 0},
    {"datafield", W_SKIP, 0},
    {"deff", W_DEFF, 0},
    {"deflang", W_DEFLANG, 0},
    {"deleted", W_DELETED, 0},
    {"dn", W_DN, 0},
    {"do", W_ENTER, 0},
    {"emdash", W_CHAR, 0x2014},
    {"emspace", W_CHAR, ' '},
    {"endash", W_CHAR, 0x2013},
    {"enspace", W_CHAR, ' '},
    {"f", W_F, 0},
    {"falt", W_SKIP, 0},
    {"fcharset", W_FCHARSET, 0},
    {"fldinst", W_SKIP, 0},
    {"fonttbl", W_FONTTBL, 0},
    {"footer", W_RUNNING, 0},
    {"footerf", W_RUNNING, 0},
    {"footerl", W_RUNNING, 0},
    {"footerr", W_RUNNING, 0},
    {"footnote", W_FOOTNOTE, 0},
    {"fs", W_FS, 0},
    {"green", W_GREEN, 0},
    {"header", W_RUNNING, 0},
    {"headerf", W_RUNNING, 0},
    {"headerl", W_RUNNING, 0},
    {"headerr", W_RUNNING, 0},
    {"highlight", W_RUN_GROUND, 0},
    {"info", W_INFO, 0},
    {"intbl", W_INTBL, 0},
    {"ldblquote", W_CHAR, 0x201C},
    {"line", W_LINE, 0},
    {"listtext", W_LISTTEXT, 0},
    {"lquote", W_CHAR, 0x2018},
    {"mac", W_MAC, 0},
    {"moMath", W_ENTER, 0},
    {"moMathPara", W_ENTER, 0},
    {"nestcell", W_NESTCELL, 0},
    {"nestrow", W_NESTROW, 0},
    {"nonesttables", W_SKIP, 0},
    {"nonshppict", W_SKIP, 0},
    {"nosupersub", W_NOSUPER, 0},
    {"objdata", W_SKIP, 0},
    {"object", W_OBJECT, 0},
    {"outlinelevel", W_OUTLINELEVEL, 0},
    {"page", W_PAGE, 0},
    {"pagebb", W_PAGE, 0},
    {"par", W_PAR, 0},
    {"pard", W_PARD, 0},
    {"pc", W_PC, 0},
    {"pca", W_PCA, 0},
    {"pict", W_PICT, 0},
    {"plain", W_PLAIN, 0},
    {"pntext", W_LISTTEXT, 0},
    {"rdblquote", W_CHAR, 0x201D},
    {"red", W_RED, 0},
    {"row", W_ROW, 0},
    {"rquote", W_CHAR, 0x2019},
    {"rxe", W_SKIP, 0},
    {"s", W_S, 0},
    {"sbasedon", W_SBASEDON, 0},
    {"sect", W_PAR, 0},
    {"shpinst", W_ENTER, 0},
    {"shppict", W_ENTER, 0},
    {"shprslt", W_SKIP, 0},
    {"shptxt", W_SHPTXT, 0},
    {"sn", W_SKIP, 0},
    {"strike", W_STRIKE, 0},
    {"striked", W_STRIKE, 0},
    {"stylesheet", W_STYLESHEET, 0},
    {"sub", W_SUB, 0},
    {"super", W_SUPER, 0},
    {"sv", W_SKIP, 0},
    {"tab", W_CHAR, ' '},
    {"tc", W_SKIP, 0},
    {"title", W_TITLE, 0},
    {"trhdr", W_TRHDR, 0},
    {"trowd", W_TROWD, 0},
    {"txe", W_SKIP, 0},
    {"u", W_U, 0},
    {"uc", W_UC, 0},
    {"up", W_UP, 0},
    {"v", W_V, 0},
    {"xe", W_SKIP, 0},
};

static int compare_words(const void *key, const void *entry) {
    return str_compare(*(const str *)key, str_of(*(const char *const *)entry));
}

/* ---- characters ---------------------------------------------------------------------------- */

static void put_unicode(rtf *r, int number) {
    uint32_t unit = (uint32_t)(number < 0 ? number + 65536 : number) & 0xffff;
    uint32_t high = r->surrogate;
    r->surrogate = 0;
    r->to_skip = rtf_top(r)->skip;
    if (unit >= 0xd800 && unit < 0xdc00) {
        r->surrogate = unit;
        return;
    }
    if (unit >= 0xdc00 && unit < 0xe000)
        unit = high ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : UTF8_REPLACEMENT;
    if (unit >= 0xf020 && unit < 0xf100) unit = 0x2022; /* a sign of a symbol font */
    rtf_put_codepoint(r, unit < 0x20 ? ' ' : unit);
}

static int page_of_charset(int charset) {
    static const int known[][2] = {{0, 1252},   {77, 10000}, {128, 932},  {129, 949},  {134, 936},
                                   {136, 950},  {161, 1253}, {162, 1254}, {163, 1258}, {177, 1255},
                                   {178, 1256}, {186, 1257}, {204, 1251}, {222, 874},  {238, 1250},
                                   {254, 437},  {255, 850}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i][0] == charset) return known[i][1];
    return 0;
}

static void set_font(rtf *r, int number) {
    rtf_group *g = rtf_top(r);
    if (g->to == RTF_FONTS) {
        if (r->font_count >= FONTS_MAX) return;
        if (r->font_count == r->font_room) {
            r->font_room = r->font_room ? 2 * r->font_room : 32;
            r->fonts = mem_grow(r->fonts, r->font_room, sizeof *r->fonts);
        }
        r->fonts[r->font_count++] = (rtf_font){number, 0};
        return;
    }
    g->page = r->default_page;
    for (size_t i = 0; i < r->font_count; i++)
        if (r->fonts[i].number == number && r->fonts[i].page > 0) g->page = r->fonts[i].page;
}

static void set_font_page(rtf *r, int page) {
    if (rtf_top(r)->to == RTF_FONTS && r->font_count > 0 && page > 0)
        r->fonts[r->font_count - 1].page = page;
}

static void set_default_page(rtf *r, int page) {
    r->default_page = rtf_top(r)->page = page;
}

/* ---- styles -------------------------------------------------------------------------------- */

static void set_style(rtf *r, int number) {
    rtf_group *g = rtf_top(r);
    if (g->to != RTF_STYLES) {
        g->style = number;
        return;
    }
    if (r->style_count >= STYLES_MAX) return;
    if (r->style_count == r->style_room) {
        r->style_room = r->style_room ? 2 * r->style_room : 32;
        r->styles = mem_grow(r->styles, r->style_room, sizeof *r->styles);
    }
    r->styles[r->style_count++] = (rtf_style){.number = number, .base = -1, .outline = -1};
}

static void set_outline(rtf *r, int level) {
    rtf_group *g = rtf_top(r);
    if (g->to == RTF_STYLES && r->style_count > 0)
        r->styles[r->style_count - 1].outline = level;
    else
        g->outline = level;
}

/* ---- colours -------------------------------------------------------------------------------- */

void rtf_end_colour(rtf *r) {
    const long *c = r->colour;
    if (r->colour_count < RTF_COLOURS_MAX)
        r->white[r->colour_count++] = r->colour_said && colour_parts_are_white(c[0], c[1], c[2]);
    r->colour_said = false;
    memset(r->colour, 0, sizeof r->colour);
}

/* The colour with number 0 is none, and one that is not in the table neither. */
static bool is_white(const rtf *r, int number) {
    size_t at = number > 0 ? (size_t)number : 0;
    return at > 0 && at < r->colour_count && r->white[at];
}

static void set_part(rtf *r, int part, int value) {
    if (rtf_top(r)->to != RTF_COLOURS) return;
    r->colour[part] = value;
    r->colour_said = true;
}

static void do_look(rtf *r, meaning m, int number) {
    rtf_group *g = rtf_top(r);
    bool ground = number > 0 && !is_white(r, number);
    if (m == W_RED) set_part(r, 0, number);
    if (m == W_GREEN) set_part(r, 1, number);
    if (m == W_BLUE) set_part(r, 2, number);
    if (m == W_CF) g->white = is_white(r, number);
    if (m == W_FS) g->tiny = number >= 0 && number < SIZE_SEEN;
    if (m == W_RUN_GROUND) g->run_ground = ground;
    if (m == W_GROUND) g->ground = ground;
    if (m == W_CELL_GROUND && ground) r->table.ground = true;
    if (m == W_PLAIN) g->white = g->tiny = g->run_ground = false;
    if (m == W_PARD) g->ground = false;
    if (m == W_SHPTXT) g->boxed = true;
}

/* ---- groups -------------------------------------------------------------------------------- */

static void set_destination(rtf *r, rtf_destination to) {
    rtf_flush(r);
    rtf_group *g = rtf_top(r);
    if (g->to != RTF_SKIP) g->to = to;
}

static void begin_running(rtf *r) {
    rtf_group *g = rtf_top(r);
    if (g->to != RTF_BODY || g->running || g->inside) return;
    rtf_end_paragraph(r);
    rtf_end_table(r);
    g->running = true;
    g->in_table = false;
    story_set_footer(r->s, true);
}

static void begin_note(rtf *r) {
    text mark = {0}, call = {0};
    if (rtf_top(r)->to != RTF_BODY || rtf_top(r)->inside) return;
    text_printf(&mark, "[%zu] ", ++r->notes);
    text_printf(&call, " [%zu]", r->notes);
    rtf_flush(r);
    rtf_top(r)->level = SCRIPT_BASE; /* of the group that calls it */
    rtf_put(r, text_str(&call));
    rtf_begin_inside(r, text_str(&mark));
    text_free(&mark);
    text_free(&call);
}

static void begin_annotation(rtf *r) {
    text mark = {0};
    str author = str_trim(text_str(&r->author));
    if (rtf_top(r)->to != RTF_BODY) return;
    if (author.n > 0)
        text_printf(&mark, "Comment (" STR_FMT "): ", STR_ARG(author));
    else
        text_put(&mark, STR("Comment: "));
    rtf_begin_inside(r, text_str(&mark));
    text_clear(&r->author);
    text_free(&mark);
}

/* ---- paragraphs and tables ----------------------------------------------------------------- */

static void end_paragraph(rtf *r) {
    rtf_group *g = rtf_top(r);
    rtf_flush(r);
    if (g->to != RTF_BODY) return;
    if (!g->inside) {
        rtf_end_paragraph(r);
        return;
    }
    if (r->paragraph_open) story_end_paragraph(r->s); /* the note goes on in another paragraph */
    story_begin_paragraph(r->s);
    r->paragraph_open = true;
}

static void reset_paragraph(rtf *r) {
    rtf_group *g = rtf_top(r);
    g->in_table = false;
    g->style = -1;
    g->outline = -1;
}

static void end_cell(rtf *r) {
    rtf_group *g = rtf_top(r);
    if (g->to != RTF_BODY || g->inside || g->running) return;
    rtf_end_paragraph(r);
    g->in_table = true;
    rtf_open_cell(r);
    story_end_cell(r->s);
    r->table.cell_open = false;
    r->table.cells++;
}

static void end_row(rtf *r) {
    rtf_group *g = rtf_top(r);
    if (g->to != RTF_BODY || g->inside || g->running) return;
    rtf_end_paragraph(r);
    if (r->table.cell_open) story_end_cell(r->s);
    if (r->table.row_open) story_end_row(r->s);
    r->table.row_open = r->table.cell_open = r->table.defined = false;
}

static void define_row(rtf *r) {
    if (rtf_top(r)->to != RTF_BODY) return;
    r->table.defined = true;
    r->table.head = r->table.ground = false;
    r->table.defined_cells = 0;
    memset(r->table.goes_on, 0, sizeof r->table.goes_on);
}

static void break_page(rtf *r) {
    rtf_group *g = rtf_top(r);
    rtf_flush(r);
    if (g->to != RTF_BODY || g->inside || g->running || r->table.open) return;
    rtf_end_paragraph(r);
    if (story_has_text(r->s)) story_next_page(r->s, (str){0});
}

/* ---- the words ----------------------------------------------------------------------------- */

static void do_document(rtf *r, meaning m, int number) {
    if (m == W_ANSI) set_default_page(r, 1252);
    if (m == W_MAC) set_default_page(r, 10000);
    if (m == W_PC) set_default_page(r, 437);
    if (m == W_PCA) set_default_page(r, 850);
    if (m == W_ANSICPG) set_default_page(r, number);
    if (m == W_DEFLANG) r->language = number;
    if (m == W_F) set_font(r, number);
    if (m == W_CPG) set_font_page(r, number);
    if (m == W_FCHARSET) set_font_page(r, page_of_charset(number));
    if (m == W_BIN && number > 0) {
        size_t left = r->in->bytes.n - r->at;
        r->at += (size_t)number < left ? (size_t)number : left;
    }
}

static void do_destination(rtf *r, meaning m) {
    if (m == W_SKIP) set_destination(r, RTF_SKIP);
    if (m == W_FONTTBL) set_destination(r, RTF_FONTS);
    if (m == W_COLOURS) set_destination(r, RTF_COLOURS);
    if (m == W_BACKGROUND) {
        r->backdrop = true;
        set_destination(r, RTF_SKIP);
    }
    if (m == W_STYLESHEET) set_destination(r, RTF_STYLES);
    if (m == W_INFO) set_destination(r, RTF_INFO);
    if (m == W_TITLE && rtf_top(r)->to == RTF_INFO) set_destination(r, RTF_TITLE);
    if (m == W_LISTTEXT && rtf_top(r)->to == RTF_BODY) {
        text_clear(&r->mark);
        set_destination(r, RTF_MARK);
    }
    if (m == W_ATNAUTHOR) set_destination(r, RTF_AUTHOR);
    if (m == W_PICT && rtf_top(r)->to == RTF_BODY) r->pictures++;
    if (m == W_PICT) set_destination(r, RTF_SKIP);
    if (m == W_OBJECT) r->objects++;
    if (m == W_FOOTNOTE) begin_note(r);
    if (m == W_ANNOTATION) begin_annotation(r);
    if (m == W_SHPTXT && rtf_top(r)->to == RTF_BODY) rtf_begin_inside(r, (str){0});
    if (m == W_RUNNING) begin_running(r);
}

static void do_paragraph(rtf *r, meaning m, bool on, int number) {
    rtf_group *g = rtf_top(r);
    if (m == W_PAR) end_paragraph(r);
    if (m == W_PARD) reset_paragraph(r);
    if (m == W_LINE) rtf_put(r, STR("\n"));
    if (m == W_PAGE) break_page(r);
    if (m == W_S) set_style(r, number);
    if (m == W_SBASEDON && g->to == RTF_STYLES && r->style_count > 0)
        r->styles[r->style_count - 1].base = number;
    if (m == W_OUTLINELEVEL) set_outline(r, number);
    if (m == W_PLAIN) g->hidden = g->deleted = g->struck = false;
    if (m == W_V) g->hidden = on;
    if (m == W_STRIKE) g->struck = on;
    if (m == W_DELETED) g->deleted = on;
    if (m == W_PLAIN || m == W_NOSUPER) g->level = SCRIPT_BASE;
    if (m == W_SUPER) g->level = on ? SCRIPT_RAISED : SCRIPT_BASE;
    if (m == W_SUB) g->level = on ? SCRIPT_LOWERED : SCRIPT_BASE;
    if (m == W_UP) g->level = number >= RISE_SEEN ? SCRIPT_RAISED : SCRIPT_BASE;
    if (m == W_DN) g->level = number >= RISE_SEEN ? SCRIPT_LOWERED : SCRIPT_BASE;
    if (m == W_UC) g->skip = number >= 0 && number < 16 ? number : 1;
}

static void do_table(rtf *r, meaning m) {
    if (m == W_INTBL) rtf_top(r)->in_table = true;
    if (m == W_TROWD) define_row(r);
    if (m == W_TRHDR) r->table.head = true;
    if (m == W_CLMERGED && r->table.defined_cells < RTF_CELLS)
        r->table.goes_on[r->table.defined_cells] = true;
    if (m == W_CELLX && r->table.defined_cells < RTF_CELLS) r->table.defined_cells++;
    if (m == W_CELL) end_cell(r);
    if (m == W_ROW) end_row(r);
    if (m == W_NESTCELL) rtf_put(r, STR(", "));
    if (m == W_NESTROW) rtf_put(r, STR("; "));
}

void rtf_word(rtf *r, str word, bool has_number, int number) {
    rtf_group *g = rtf_top(r);
    const void *found =
        bsearch(&word, words, sizeof words / sizeof *words, sizeof *words, compare_words);
    bool ignorable = g->ignorable && !g->begun;
    g->begun = true;
    rtf_flush(r);
    if (!found) {
        if (ignorable) g->to = RTF_SKIP;
        return;
    }
    size_t at = (size_t)((const char *)found - (const char *)words) / sizeof *words;
    meaning m = words[at].means;
    bool on = !has_number || number != 0;
    if (m == W_U) {
        put_unicode(r, number);
    } else if (m == W_CHAR) {
        rtf_put_codepoint(r, words[at].codepoint);
    } else {
        r->to_skip = 0;
        do_document(r, m, number);
        do_destination(r, m);
        do_paragraph(r, m, on, number);
        do_look(r, m, number);
        do_table(r, m);
    }
}
