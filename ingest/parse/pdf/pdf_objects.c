/* Opens a document's objects beside poppler, and answers what is asked of the whole document: which
 * layers are off, and whether its form is one that only few programs show.
 *
 * Poppler-glib gives no objects and no operators; qpdf's C interface gives both, reads what is
 * damaged about as far as poppler does, and copies nothing of the file. Its errors end in values
 * that say nothing (null, 0, empty): whoever asks treats these as "unknown".
 */
#include <string.h>

#include "ingest/parse/pdf/pdf_objects.h"

#define PARENT_DEPTH 32    /* of the page tree; real ones are three or four deep */
#define NAME_MAX_BYTES 127 /* the reference allows no longer ones */

/* ---- layers -------------------------------------------------------------------------------- */

static bool is_off(pdf_drawings *d, qpdf_oh layer) {
    int id = qpdf_oh_get_object_id(d->q, layer);
    for (size_t i = 0; i < d->off_count; i++)
        if (d->off[i] == id) return true;
    return false;
}

bool pdf_layer_is_off(pdf_drawings *d, qpdf_oh oc) {
    if (d->off_count == 0) return false;
    if (is_off(d, oc)) return true;
    qpdf_oh members = qpdf_oh_get_key_if_dict(d->q, oc, "/OCGs");
    if (!qpdf_oh_is_array(d->q, members)) return is_off(d, members);
    int count = qpdf_oh_get_array_n_items(d->q, members);
    for (int i = 0; i < count && i < LAYERS_MAX; i++)
        if (!is_off(d, qpdf_oh_get_array_item(d->q, members, i))) return false;
    return count > 0;
}

/* The layers that are off when the document is opened. */
static void list_layers(pdf_drawings *d) {
    qpdf_data q = d->q;
    qpdf_oh root = qpdf_get_root(q);
    qpdf_oh layers = qpdf_oh_get_key_if_dict(q, root, "/OCProperties");
    qpdf_oh usual = qpdf_oh_get_key_if_dict(q, layers, "/D");
    bool all_off =
        qpdf_oh_is_name_and_equals(q, qpdf_oh_get_key_if_dict(q, usual, "/BaseState"), "/OFF");
    qpdf_oh off = qpdf_oh_get_key_if_dict(q, all_off ? layers : usual, all_off ? "/OCGs" : "/OFF");
    qpdf_oh on = qpdf_oh_get_key_if_dict(q, usual, "/ON");
    int count = qpdf_oh_is_array(q, off) ? qpdf_oh_get_array_n_items(q, off) : 0;
    for (int i = 0; i < count && d->off_count < LAYERS_MAX; i++)
        d->off[d->off_count++] = qpdf_oh_get_object_id(q, qpdf_oh_get_array_item(q, off, i));
    count = all_off && qpdf_oh_is_array(q, on) ? qpdf_oh_get_array_n_items(q, on) : 0;
    for (int i = 0; i < count && i < LAYERS_MAX; i++) {
        int id = qpdf_oh_get_object_id(q, qpdf_oh_get_array_item(q, on, i));
        for (size_t k = 0; k < d->off_count; k++)
            if (d->off[k] == id) d->off[k] = -1;
    }
    qpdf_oh_release_all(q);
}

/* ---- the document -------------------------------------------------------------------------- */

static void read_form(pdf_drawings *d) {
    qpdf_data q = d->q;
    qpdf_oh root = qpdf_get_root(q), form = qpdf_oh_get_key_if_dict(q, root, "/AcroForm");
    qpdf_oh fields = qpdf_oh_get_key_if_dict(q, form, "/Fields"), wanted;
    bool xfa = !qpdf_oh_is_null(q, qpdf_oh_get_key_if_dict(q, form, "/XFA"));
    bool own = qpdf_oh_is_array(q, fields) && qpdf_oh_get_array_n_items(q, fields) > 0;
    wanted = qpdf_oh_get_key_if_dict(q, root, "/NeedsRendering");
    d->xfa_alone = xfa && (!own || qpdf_oh_get_bool_value(q, wanted));
    qpdf_oh_release_all(q);
}

bool pdf_drawings_xfa_alone(const pdf_drawings *d) {
    return d && d->xfa_alone;
}

/* Like pdf_open, first without the password: one that was given for other files must not be in the
 * way. */
static bool read_objects(pdf_drawings *d, str bytes, const char *password) {
    for (int i = 0; i < (password[0] ? 2 : 1); i++) {
        if (d->q) qpdf_cleanup(&d->q);
        d->q = qpdf_init();
        qpdf_silence_errors(d->q);
        qpdf_set_suppress_warnings(d->q, QPDF_TRUE);
        if (!(qpdf_read_memory(d->q, "document", bytes.p, bytes.n, i == 0 ? "" : password) &
              QPDF_ERRORS))
            return true;
    }
    return false;
}

pdf_drawings *pdf_drawings_open(str bytes, const char *password) {
    pdf_drawings *d = mem_new(1, sizeof *d);
    if (read_objects(d, bytes, password)) {
        d->pages = qpdf_get_num_pages(d->q);
        list_layers(d);
        read_form(d);
        if (d->pages > 0) return d;
    }
    pdf_drawings_close(d);
    return NULL;
}

void pdf_drawings_close(pdf_drawings *d) {
    if (!d) return;
    qpdf_cleanup(&d->q);
    mem_free(d);
}

qpdf_oh pdf_resource(pdf_drawings *d, qpdf_oh resources, const char *kind, str name) {
    char path[NAME_MAX_BYTES + 2];
    if (name.n > NAME_MAX_BYTES) return qpdf_oh_new_null(d->q);
    path[0] = '/';
    memcpy(path + 1, name.p, name.n);
    path[name.n + 1] = '\0';
    return qpdf_oh_get_key_if_dict(d->q, qpdf_oh_get_key_if_dict(d->q, resources, kind), path);
}

qpdf_oh pdf_inherited(pdf_drawings *d, qpdf_oh page, const char *name) {
    for (int i = 0; i < PARENT_DEPTH; i++) {
        qpdf_oh value = qpdf_oh_get_key_if_dict(d->q, page, name);
        if (!qpdf_oh_is_null(d->q, value)) return value;
        page = qpdf_oh_get_key_if_dict(d->q, page, "/Parent");
        if (!qpdf_oh_is_dictionary(d->q, page)) break;
    }
    return qpdf_oh_new_null(d->q);
}

/* Most pages have links alone, and poppler takes its time to make objects of them. */
void pdf_find_annotations(pdf_drawings *d, qpdf_oh page, pdf_drawing *out) {
    qpdf_oh all = qpdf_oh_get_key_if_dict(d->q, page, "/Annots");
    int count = qpdf_oh_is_array(d->q, all) ? qpdf_oh_get_array_n_items(d->q, all) : 0;
    out->fields = out->comments = false;
    for (int i = 0; i < count; i++) {
        qpdf_oh one = qpdf_oh_get_array_item(d->q, all, i);
        qpdf_oh type = qpdf_oh_get_key_if_dict(d->q, one, "/Subtype");
        if (qpdf_oh_is_name_and_equals(d->q, type, "/Widget"))
            out->fields = true;
        else if (!qpdf_oh_is_name_and_equals(d->q, type, "/Link") &&
                 !qpdf_oh_is_name_and_equals(d->q, type, "/Popup"))
            out->comments = true;
    }
}
