/* What the files of the RTF parser share: rtf.c (bytes, groups, text), rtf_words.c (control
 * words). */
#ifndef CARREL_INGEST_PARSE_RTF_H
#define CARREL_INGEST_PARSE_RTF_H

#include "ingest/parse/office/story.h"

/* What the text of a group is. */
typedef enum {
    RTF_BODY,
    RTF_SKIP, /* nothing: pictures, codes of fields, tables of the file's own */
    RTF_INFO, /* nothing itself, but its groups may be */
    RTF_TITLE,
    RTF_FONTS,
    RTF_COLOURS,
    RTF_STYLES,
    RTF_MARK,  /* the number or bullet of a list item */
    RTF_AUTHOR /* of the next comment */
} rtf_destination;

typedef struct {
    rtf_destination to;
    bool begun;     /* something came behind its brace: a destination may not */
    bool ignorable; /* \* came */
    bool hidden, deleted, struck;
    bool white, tiny; /* letters as paper, or too small for any eye */
    bool run_ground;  /* that are written on a colour */
    bool boxed;       /* a text box: it may have any fill */
    bool inside;      /* a paragraph in a paragraph: a note, a text box */
    bool running;     /* a running head or foot */
    bool outer_open;  /* before a group of these: whether a paragraph was open */
    int page;         /* code page */
    int skip;         /* bytes behind \u */
    /* of the paragraph */
    bool in_table;
    script_level level; /* of letters */
    bool ground;        /* has a colour of its own */
    int style, outline; /* -1: not said */
} rtf_group;

typedef struct {
    int number, page;
} rtf_font;

typedef struct {
    int number, base, outline;
    bool title, contents, caption;
} rtf_style;

#define RTF_CELLS 256
/* More than programs write; what is behind them is never white. */
#define RTF_COLOURS_MAX 1024

typedef struct {
    const parse_input *in;
    size_t at;
    story *s;
    rtf_group *groups;
    size_t depth, room, overflow;
    rtf_font *fonts;
    size_t font_count, font_room;
    rtf_style *styles;
    size_t style_count, style_room;
    int default_page, default_font, language;
    int to_skip; /* bytes that stand for a \u before them */
    uint32_t surrogate;
    bool white[RTF_COLOURS_MAX], colour_said;
    long colour[3]; /* that is read */
    size_t colour_count;
    bool backdrop;  /* the page has a picture or a colour */
    text raw, utf8; /* bytes of one code page that wait; scratch */
    text title, name, mark, author;
    bool paragraph_open;
    struct {
        bool open, row_open, cell_open, defined, head, goes_on[RTF_CELLS];
        bool ground; /* one of the row's cells has a colour */
        unsigned cells, defined_cells;
    } table;
    size_t notes, hidden_bytes, deleted_bytes, struck_bytes, pictures, objects;
} rtf;

rtf_group *rtf_top(rtf *r);
/* The bytes that wait become text. Before anything that changes what they mean. */
void rtf_flush(rtf *r);
/* UTF-8 to where the group's text goes. */
void rtf_put(rtf *r, str t);
void rtf_put_codepoint(rtf *r, uint32_t codepoint);
void rtf_end_paragraph(rtf *r);
/* Opens what text at this place needs: table, row, cell, paragraph. */
void rtf_open_cell(rtf *r);
void rtf_end_table(rtf *r);
/* A paragraph of its own behind the open one, up to the end of the group. */
void rtf_begin_inside(rtf *r, str mark);
/* A semicolon in the table of colours. */
void rtf_end_colour(rtf *r);
rtf_style *rtf_find_style(rtf *r, int number);

/* "par", "u" with 8211 ... */
void rtf_word(rtf *r, str word, bool has_number, int number);

#endif
