/* DOCX: a package of parts becomes one document.
 *
 * Owns what stands around the body: the title and the language, notes and comments (read before it,
 * so that they can stand behind the paragraphs that call them), running heads and feet (kept, left
 * out of chunks), and what is told of all that was not read. docx_body.c reads the parts.
 */
#include "ingest/parse/office/docx.h"

#include <string.h>

/* ---- footnotes, endnotes, comments --------------------------------------------------------- */

typedef struct {
    arena *a;
    docx_notes *out;
    docx_note *open;
    text t;
} note_reader;

static bool enter_note(void *context, const xml_element *e) {
    note_reader *r = context;
    docx_notes *n = r->out;
    str type = xml_attribute(e, "w:type");
    if (type.n > 0 && !str_eq(type, STR("normal"))) return false; /* the line above the notes */
    if (n->count == n->room) {
        n->room = n->room ? 2 * n->room : 16;
        n->items = mem_grow(n->items, n->room, sizeof *n->items);
    }
    r->open = &n->items[n->count++];
    *r->open = (docx_note){.id = arena_str(r->a, xml_attribute(e, "w:id"))};
    text_clear(&r->t);
    if (strcmp(xml_local_name(e), "comment") == 0) {
        str author = xml_attribute(e, "w:author");
        if (author.n > 0)
            text_printf(&r->t, "Comment (" STR_FMT "):", STR_ARG(author));
        else
            text_put(&r->t, STR("Comment:"));
    }
    return true;
}

static void leave_note(void *context) {
    note_reader *r = context;
    r->open->t = arena_str(r->a, str_trim(text_str(&r->t)));
}

static bool enter_space(void *context, const xml_element *e) {
    (void)e;
    text_put_char(&((note_reader *)context)->t, ' ');
    return true;
}

static void put_note_text(void *context, str t) {
    text_put(&((note_reader *)context)->t, t);
}

static void read_notes(docx *d, const ooxml_relations *r, const char *type, docx_notes *out) {
    static const xml_rule rules[] = {
        {.name = "w:footnote", .enter = enter_note, .leave = leave_note},
        {.name = "w:endnote", .enter = enter_note, .leave = leave_note},
        {.name = "w:comment", .enter = enter_note, .leave = leave_note},
        {.name = "w:p", .enter = enter_space},
        {.name = "w:br", .enter = enter_space},
        {.name = "w:tab", .enter = enter_space},
        {.name = "w:pPr", .skip = true},
        {.name = "w:t", .has_text = true},
        {.name = "w:del", .skip = true},
        {0},
    };
    note_reader reader = {.a = d->a, .out = out};
    xml_walker walker = {.rules = rules, .text = put_note_text, .context = &reader};
    size_t entry = ooxml_entry(d->p, ooxml_find_type(r, str_of(type)));
    bool whole;
    if (entry != PACKAGE_NONE) (void)xml_walk_entry(d->p, entry, &walker, &whole, NULL);
    text_free(&reader.t);
}

/* ---- heads and feet ------------------------------------------------------------------------ */

static void read_heads(docx *d, const ooxml_relations *r) {
    bool whole;
    story_set_footer(d->s, true);
    for (size_t i = 0; i < r->count; i++) {
        bool head = str_eq(r->items[i].type, STR("header"));
        size_t entry = ooxml_entry(d->p, &r->items[i]);
        if ((head || str_eq(r->items[i].type, STR("footer"))) && entry != PACKAGE_NONE)
            (void)docx_read_part(d, entry, &whole, NULL);
    }
    story_set_footer(d->s, false);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void tell(docx *d, bool whole, record_writer *out) {
    story_tell_losses(whole, d->hidden_bytes, d->struck_bytes, d->deletions, out);
    pictures_put(&d->pictures, d->p, out);
    if (d->broken_charts > 0)
        record_note(out, "%zu of its charts or diagrams were read in part", d->broken_charts);
    if (story_is_flattened(d->s))
        record_note(out, "text boxes or tables nest so deep that their order was not kept");
}

static void free_all(docx *d) {
    story_free(d->s);
    pictures_free(&d->pictures);
    docx_free_styles(&d->sheet);
    ooxml_free_relations(&d->relations);
    mem_free(d->footnotes.items);
    mem_free(d->endnotes.items);
    mem_free(d->comments.items);
    text_free(&d->title);
    text_free(&d->mark);
    arena_free(d->a);
    formula_free(d->math.formula);
    mem_free(d);
}

bool docx_parse(package *p, const parse_input *in, record_writer *out, error *err) {
    docx *d = mem_new(1, sizeof *d);
    str title, language, part;
    ooxml_relations r = {0};
    bool whole, ok = true;
    d->math.formula = formula_new();
    d->p = p;
    d->a = arena_new();
    part = ooxml_main_part(p, STR("word/document.xml"), d->a);
    if (part.n == 0) {
        ok = error_set(err, ERROR_INPUT, "the part that holds the text is not in this document");
        goto done;
    }
    ooxml_read_relations(p, part, d->a, &r);
    ooxml_read_properties(p, d->a, &title, &language, out);
    docx_read_styles(p, &r, d->a, &d->sheet);
    if (language.n == 0) language = d->sheet.language;
    record_document(out, title.n > 0 ? title : in->name, STR("docx"), language);
    d->s = story_new(out, in->limits->pages);
    read_notes(d, &r, "footnotes", &d->footnotes);
    read_notes(d, &r, "endnotes", &d->endnotes);
    read_notes(d, &r, "comments", &d->comments);
    ok = docx_read_part(d, package_find(p, part), &whole, err);
    if (!ok) goto done;
    if (title.n == 0)
        title = d->title.n > 0 ? arena_str(d->a, text_str(&d->title)) : story_title(d->s);
    read_heads(d, &r);
    story_end(d->s);
    if (title.n > 0) record_document(out, title, STR("docx"), language);
    tell(d, whole, out);
done:
    ooxml_free_relations(&r);
    free_all(d);
    return ok;
}
