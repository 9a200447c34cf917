/* Blocks out of what nests.
 *
 * Owns a stack of what is open: paragraphs, tables, cells. What closes inside a paragraph stands
 * behind it (a text box, its note); what closes in a cell becomes the cell's text; else it is
 * written at once. So the stream stays in reading order and nothing is kept longer than its table.
 *
 * It never decides what a paragraph is: roles, marks and numbers are the parsers' business.
 * story_table.c writes the tables.
 */
#include "ingest/parse/office/story_internal.h"

#include <string.h>

story *story_new(record_writer *out, uint32_t pages) {
    story *s = mem_new(1, sizeof *s);
    s->out = out;
    s->page = 1;
    s->page_limit = pages > 0 ? pages : 1;
    s->title_level = UINT8_MAX;
    return s;
}

static void free_blocks(story_blocks *list) {
    for (size_t i = 0; i < list->count; i++) text_free(&list->items[i].t);
    mem_free(list->items);
    *list = (story_blocks){0};
}

void story_free_frame(story_frame *f) {
    text_free(&f->t);
    text_free(&f->mark);
    script_free(&f->scripts);
    free_blocks(&f->behind);
    for (size_t i = 0; i < f->row_count; i++) {
        for (size_t k = 0; k < f->rows[i].count; k++) free_blocks(&f->rows[i].cells[k].blocks);
        mem_free(f->rows[i].cells);
    }
    mem_free(f->rows);
    *f = (story_frame){0};
}

void story_free(story *s) {
    if (!s) return;
    while (s->depth > 0) story_free_frame(&s->frames[--s->depth]);
    text_free(&s->title);
    text_free(&s->label);
    mem_free(s);
}

/* ---- pages --------------------------------------------------------------------------------- */

uint32_t story_page(const story *s) {
    return s->page;
}

static void write_pages(story *s, uint32_t last, ingest_fate fate) {
    while (s->pages_written < last) {
        uint32_t number = ++s->pages_written;
        bool own = number == s->page;
        record_page(s->out, number, own ? text_str(&s->label) : (str){0}, 0, 0,
                    number == last ? fate : INGEST_FATE_EMPTY);
    }
}

void story_label_page(story *s, str label) {
    text_clear(&s->label);
    text_put(&s->label, label);
}

void story_next_page(story *s, str label) {
    if (s->page >= s->page_limit) return;
    if (s->label.n > 0) write_pages(s, s->page, INGEST_FATE_EMPTY); /* its label is known now */
    s->page++;
    story_label_page(s, label);
}

void story_drop_page(story *s, ingest_fate fate, str note) {
    if (s->pages_written >= s->page) return;
    write_pages(s, s->page - 1, INGEST_FATE_EMPTY);
    s->pages_written++;
    record_page_full(
        s->out, s->page,
        &(record_page_facts){.label = text_str(&s->label), .fate = fate, .note = note});
}

/* ---- writing ------------------------------------------------------------------------------- */

static bool is_blank(str t) {
    for (size_t i = 0; i < t.n; i++) {
        if ((unsigned char)t.p[i] == 0xC2 && i + 1 < t.n && (unsigned char)t.p[i + 1] == 0xA0)
            i++;
        else if ((unsigned char)t.p[i] > ' ')
            return false;
    }
    return true;
}

static void keep_title(story *s, const story_block_text *b) {
    if (b->role != INGEST_ROLE_HEADING || b->level >= s->title_level) return;
    text_clear(&s->title);
    text_put(&s->title, str_trim(text_str(&b->t)));
    for (size_t i = 0; i < s->title.n; i++)
        if (s->title.p[i] == '\n') s->title.p[i] = ' ';
    s->title_level = b->level;
}

static void write_block(story *s, const story_block_text *b) {
    ingest_role role = s->footer ? INGEST_ROLE_FOOTER : b->role;
    uint8_t level = s->footer ? 0 : b->level;
    str t = text_str(&b->t);
    if (!s->footer) keep_title(s, b);
    s->has_text = s->has_text || !s->footer;
    write_pages(s, b->page, INGEST_FATE_TEXT);
    record_block(s->out, role, level, b->page);
    for (size_t i = 0; i <= t.n;) {
        size_t end = str_find(t, STR("\n"), i);
        if (end == SIZE_MAX) end = t.n;
        record_line(s->out, str_cut(t, i, end), (box){0}, 0);
        i = end + 1;
    }
}

static void append(story_blocks *list, story_block_text b) {
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 1; /* most cells hold one */
        list->items = mem_grow(list->items, list->room, sizeof *list->items);
    }
    list->items[list->count++] = b;
}

void story_emit(story *s, story_block_text b) {
    story_frame *top = s->depth > 0 ? &s->frames[s->depth - 1] : NULL;
    if (is_blank(text_str(&b.t))) {
        text_free(&b.t);
    } else if (!top) {
        write_block(s, &b);
        text_free(&b.t);
    } else if (top->is_table && top->row_count > 0 && top->rows[top->row_count - 1].count > 0) {
        story_row *row = &top->rows[top->row_count - 1];
        append(&row->cells[row->count - 1].blocks, b);
    } else {
        append(&top->behind, b); /* of a paragraph; of a table what stands outside its cells */
    }
}

void story_block(story *s, ingest_role role, uint8_t level, str t) {
    story_block_text b = {.role = role, .level = level, .page = s->page};
    text_put(&b.t, t);
    story_emit(s, b);
}

/* ---- paragraphs ---------------------------------------------------------------------------- */

story_frame *story_push(story *s, bool is_table) {
    if (s->depth == STORY_DEPTH_MAX) {
        s->overflow++;
        s->flattened = true;
        return NULL;
    }
    story_frame *f = &s->frames[s->depth++];
    *f = (story_frame){.is_table = is_table, .role = INGEST_ROLE_PARAGRAPH, .page = s->page};
    return f;
}

bool story_pop(story *s, bool is_table, story_frame *out) {
    if (s->overflow > 0) {
        s->overflow--;
        return false;
    }
    if (s->depth == 0 || s->frames[s->depth - 1].is_table != is_table) return false;
    *out = s->frames[--s->depth];
    return true;
}

static story_frame *paragraph(story *s) {
    story_frame *top = s->depth > 0 ? &s->frames[s->depth - 1] : NULL;
    return top && !top->is_table ? top : NULL;
}

void story_begin_paragraph(story *s) {
    story_push(s, false);
}

bool story_in_paragraph(const story *s) {
    return s->depth > 0 && !s->frames[s->depth - 1].is_table;
}

void story_set_role(story *s, ingest_role role, uint8_t level) {
    story_frame *f = paragraph(s);
    if (!f || s->overflow > 0) return;
    f->role = role;
    f->level = role == INGEST_ROLE_HEADING ? (level < 1 ? 1 : level > 6 ? 6 : level) : 0;
}

void story_set_mark(story *s, str mark) {
    story_frame *f = paragraph(s);
    if (!f || s->overflow > 0) return;
    text_clear(&f->mark);
    text_put(&f->mark, mark);
}

void story_put(story *s, str t) {
    story_put_script(s, t, SCRIPT_BASE, false);
}

void story_put_script(story *s, str t, script_level level, bool note) {
    story_frame *f = paragraph(s);
    if (!f && is_blank(t)) return;
    if (s->overflow > 0 && !f) { /* too deep for a paragraph: straight into the innermost cell */
        story_block(s, INGEST_ROLE_PARAGRAPH, 0, t);
        return;
    }
    if (!f) {
        story_begin_paragraph(s);
        f = paragraph(s);
    }
    if (!f) return;
    if (is_blank(text_str(&f->t))) f->page = s->page; /* a break came before its text */
    bool spaced = f->gap && (f->t.n == 0 || f->t.p[f->t.n - 1] == ' ');
    while (spaced && t.n > 0 && t.p[0] == ' ') t = str_cut(t, 1, t.n);
    f->gap = f->gap && t.n == 0;
    script_put(&f->scripts, &f->t, t, level, note);
}

void story_leave_out(story *s) {
    story_frame *f = paragraph(s);
    if (f) f->gap = true;
}

void story_keep_apart(story *s, str next) {
    const text *t = story_text(s);
    bool digit = t && t->n > 0 && t->p[t->n - 1] >= '0' && t->p[t->n - 1] <= '9';
    if (digit && next.n > 0 && next.p[0] >= '0' && next.p[0] <= '9') story_put(s, STR(" "));
}

text *story_text(story *s) {
    story_frame *f = paragraph(s);
    if (f) script_flush(&f->scripts, &f->t, (str){0});
    return f ? &f->t : NULL;
}

void story_end_paragraph(story *s) {
    story_frame f;
    if (!story_pop(s, false, &f)) return;
    script_flush(&f.scripts, &f.t, (str){0});
    if (!is_blank(text_str(&f.t))) {
        story_block_text b = {.role = f.role, .level = f.level, .page = f.page};
        text_put(&b.t, text_str(&f.mark));
        text_put(&b.t, str_trim(text_str(&f.t)));
        story_emit(s, b);
    }
    for (size_t i = 0; i < f.behind.count; i++) story_emit(s, f.behind.items[i]);
    f.behind.count = 0;
    story_free_frame(&f);
}

void story_put_behind(story *s, str t) {
    story_block(s, INGEST_ROLE_PARAGRAPH, 0, t);
}

/* ---- the whole ----------------------------------------------------------------------------- */

void story_end(story *s) {
    s->overflow = 0;
    while (s->depth > 0) {
        if (s->frames[s->depth - 1].is_table)
            story_end_table(s);
        else
            story_end_paragraph(s);
    }
    write_pages(s, s->page, INGEST_FATE_EMPTY);
}

void story_set_footer(story *s, bool footer) {
    s->footer = footer;
}

str story_title(const story *s) {
    return text_str(&s->title);
}

bool story_has_text(const story *s) {
    return s->has_text;
}

void story_tell_losses(bool whole, size_t hidden_bytes, size_t struck_bytes, size_t deletions,
                       record_writer *out) {
    if (!whole) record_note(out, "the document is damaged: text behind the damage may be missing");
    if (hidden_bytes > 0) record_note(out, "%zu bytes of hidden text were left out", hidden_bytes);
    if (struck_bytes > 0) record_note(out, PARSE_STRUCK_NOTE, struck_bytes);
    if (deletions > 0)
        record_note(out, "text that tracked changes delete was left out (%zu places)", deletions);
}

bool story_is_flattened(const story *s) {
    return s->flattened;
}
