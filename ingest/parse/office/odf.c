/* OpenDocument: texts (ODT), spreadsheets (ODS), presentations (ODP).
 *
 * Owns the package: whether it is encrypted, the title and the language, what is told of all that was
 * not read. Tables of hidden rows are read, since filters hide them; hidden sheets are not.
 */
#include "ingest/parse/office/odf.h"

#include <string.h>

static bool enter_encryption(void *context, const xml_element *e) {
    *(bool *)context = true;
    xml_stop(e);
    return false;
}

static bool is_encrypted(package *p) {
    static const xml_rule rules[] = {
        {.name = "manifest:encryption-data", .enter = enter_encryption}, {0}};
    bool encrypted = package_find(p, STR("encrypted-package")) != PACKAGE_NONE, whole;
    xml_walker walker = {.rules = rules, .context = &encrypted};
    size_t entry = package_find(p, STR("META-INF/manifest.xml"));
    if (entry != PACKAGE_NONE) (void)xml_walk_entry(p, entry, &walker, &whole, NULL);
    return encrypted;
}

static void tell(odf *d, bool whole, record_writer *out) {
    story_tell_losses(whole, d->hidden_bytes, d->struck_bytes, d->deletions, out);
    pictures_put(&d->pictures, d->p, out);
    if (d->objects > 0)
        record_note(out, "holds %zu embedded object%s that %s not read", d->objects,
                    d->objects == 1 ? "" : "s", d->objects == 1 ? "was" : "were");
    if (story_is_flattened(d->s))
        record_note(out, "text boxes or tables nest so deep that their order was not kept");
}

static bool parse(package *p, const parse_input *in, const char *type, record_writer *out,
                  error *err) {
    odf *d = mem_new(1, sizeof *d);
    str title, language;
    bool whole = true, ok = false, sheets = strcmp(type, "ods") == 0;
    d->p = p;
    d->a = arena_new();
    size_t entry = package_find(p, STR("content.xml"));
    if (is_encrypted(p)) {
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
    xml_read_properties(p, package_find(p, STR("meta.xml")), d->a, &title, &language, out);
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
