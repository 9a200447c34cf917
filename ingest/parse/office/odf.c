/* OpenDocument: texts (ODT), spreadsheets (ODS), presentations (ODP).
 *
 * Owns the package: whether it is encrypted, the title and the language, what is told of all that was
 * not read. Tables of hidden rows are read, since filters hide them; hidden sheets are not.
 */
#include "ingest/parse/office/odf.h"

#include <string.h>

typedef struct {
    arena *a;
    text title, language, *open;
    bool encrypted;
} meta;

static bool enter_title(void *context, const xml_element *e) {
    (void)e;
    meta *m = context;
    m->open = &m->title;
    return true;
}

static bool enter_language(void *context, const xml_element *e) {
    (void)e;
    meta *m = context;
    m->open = &m->language;
    return true;
}

static void put_meta(void *context, str t) {
    meta *m = context;
    if (m->open->n < RECORD_MAX_NAME) text_put(m->open, t);
}

static bool enter_encryption(void *context, const xml_element *e) {
    ((meta *)context)->encrypted = true;
    xml_stop(e);
    return false;
}

static void read_meta(package *p, meta *m) {
    static const xml_rule meta_rules[] = {
        {.name = "dc:title", .enter = enter_title, .has_text = true},
        {.name = "dc:language", .enter = enter_language, .has_text = true},
        {0},
    };
    static const xml_rule manifest_rules[] = {
        {.name = "manifest:encryption-data", .enter = enter_encryption}, {0}};
    xml_walker walker = {.rules = meta_rules, .text = put_meta, .context = m};
    size_t entry = package_find(p, STR("meta.xml"));
    bool whole;
    if (entry != PACKAGE_NONE) (void)xml_walk_entry(p, entry, &walker, &whole, NULL);
    walker = (xml_walker){.rules = manifest_rules, .context = m};
    entry = package_find(p, STR("META-INF/manifest.xml"));
    if (entry != PACKAGE_NONE) (void)xml_walk_entry(p, entry, &walker, &whole, NULL);
}

static void tell(odf *d, bool whole, record_writer *out) {
    if (!whole) record_note(out, "the document is damaged: text behind the damage may be missing");
    if (d->hidden_bytes > 0)
        record_note(out, "%zu bytes of hidden text were left out", d->hidden_bytes);
    if (d->deletions > 0)
        record_note(out, "text that tracked changes delete was left out (%zu places)",
                    d->deletions);
    pictures_put(&d->pictures, d->p, out);
    if (d->objects > 0)
        record_note(out, "holds %zu embedded object%s that %s not read", d->objects,
                    d->objects == 1 ? "" : "s", d->objects == 1 ? "was" : "were");
    if (d->hidden_slides > 0)
        record_aside(out, "%zu hidden slide%s read too", d->hidden_slides,
                     d->hidden_slides == 1 ? " was" : "s were");
    if (story_is_flattened(d->s))
        record_note(out, "text boxes or tables nest so deep that their order was not kept");
}

static bool parse(package *p, const parse_input *in, const char *type, record_writer *out,
                  error *err) {
    odf *d = mem_new(1, sizeof *d);
    meta m = {0};
    bool whole = true, ok = false, sheets = strcmp(type, "ods") == 0;
    d->p = p;
    m.a = d->a = arena_new();
    size_t entry = package_find(p, STR("content.xml"));
    read_meta(p, &m);
    if (m.encrypted || package_find(p, STR("encrypted-package")) != PACKAGE_NONE) {
        error_set(err, ERROR_PASSWORD,
                  "this document is encrypted in a way that Carrel cannot open: save it without a "
                  "password");
        goto done;
    }
    if (entry == PACKAGE_NONE) {
        error_set(err, ERROR_INPUT, "the part that holds the text is not in this document");
        goto done;
    }
    odf_read_styles(d);
    str title = str_trim(text_str(&m.title)), language = str_trim(text_str(&m.language));
    if (language.n == 0) language = d->sheet.language;
    record_document(out, title.n > 0 ? title : in->name, str_of(type), language);
    d->s = story_new(out, in->limits->pages);
    ok = sheets ? odf_read_sheets(d, entry, in, out, &whole, err)
                : odf_read_text(d, entry, &whole, err);
    if (!ok) goto done;
    story_end(d->s);
    if (title.n == 0 && !sheets && story_title(d->s).n > 0)
        record_document(out, story_title(d->s), str_of(type), language);
    tell(d, whole, out);
done:
    story_free(d->s);
    pictures_free(&d->pictures);
    odf_free_styles(&d->sheet);
    text_free(&m.title);
    text_free(&m.language);
    arena_free(d->a);
    mem_free(d);
    return ok;
}

bool odt_parse(package *p, const parse_input *in, record_writer *out, error *err) {
    return parse(p, in, "odt", out, err);
}

bool ods_parse(package *p, const parse_input *in, record_writer *out, error *err) {
    return parse(p, in, "ods", out, err);
}

bool odp_parse(package *p, const parse_input *in, record_writer *out, error *err) {
    return parse(p, in, "odp", out, err);
}
