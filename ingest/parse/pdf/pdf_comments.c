/* Comments on a page: sticky notes, text written onto it, what was said about a marked passage, replies.
 *
 * They are text of the document, but not of its page, and so are told apart: "Comment by Ann: ...". Each
 * comment is a paragraph after the text of its page. Links and the windows of comments say nothing of
 * their own; what is hidden from readers is kept out and counted.
 */
#include <math.h>

#include "ingest/parse/pdf/pdf_beside.h"

static const char *kind_name(PopplerAnnot *annotation) {
    switch (poppler_annot_get_annot_type(annotation)) {
    case POPPLER_ANNOT_TEXT:
        return poppler_annot_markup_get_reply_to(POPPLER_ANNOT_MARKUP(annotation)) ==
                       POPPLER_ANNOT_MARKUP_REPLY_TYPE_GROUP
                   ? NULL /* repeats what its group says */
                   : "Comment";
    case POPPLER_ANNOT_FREE_TEXT:
        return "Note on the page";
    case POPPLER_ANNOT_STAMP:
        return "Stamp";
    case POPPLER_ANNOT_HIGHLIGHT:
    case POPPLER_ANNOT_UNDERLINE:
    case POPPLER_ANNOT_SQUIGGLY:
    case POPPLER_ANNOT_STRIKE_OUT:
    case POPPLER_ANNOT_LINE:
    case POPPLER_ANNOT_SQUARE:
    case POPPLER_ANNOT_CIRCLE:
    case POPPLER_ANNOT_POLYGON:
    case POPPLER_ANNOT_POLY_LINE:
    case POPPLER_ANNOT_CARET:
    case POPPLER_ANNOT_INK:
    case POPPLER_ANNOT_FILE_ATTACHMENT:
        return "Comment";
    default:
        return NULL;
    }
}

/* "Accepted set by Ann" is a state of a comment, kept by some programs as a reply to it. */
static bool is_state(PopplerAnnot *annotation) {
    if (!POPPLER_IS_ANNOT_TEXT(annotation)) return false;
    PopplerAnnotTextState state = poppler_annot_text_get_state(POPPLER_ANNOT_TEXT(annotation));
    return state != POPPLER_ANNOT_TEXT_STATE_UNKNOWN;
}

static void put_comment(pdf_comments *out, PopplerAnnot *annotation, const char *kind, str said,
                        box at, arena *a) {
    char *author = POPPLER_IS_ANNOT_MARKUP(annotation)
                       ? poppler_annot_markup_get_label(POPPLER_ANNOT_MARKUP(annotation))
                       : NULL;
    str by = str_trim(str_of(author));
    out->list[out->count++] = (pdf_comment){
        .text = by.n > 0 && utf8_valid(by) ? arena_printf(a, "%s by " STR_FMT ": " STR_FMT, kind,
                                                          STR_ARG(by), STR_ARG(said))
                                           : arena_printf(a, "%s: " STR_FMT, kind, STR_ARG(said)),
        .at = at};
    g_free(author);
}

/* The mapping's area is measured from the lower left corner of the page as shown. */
static box area_of(const PopplerRectangle *r, double height) {
    box b = {(float)fmin(r->x1, r->x2), (float)(height - fmax(r->y1, r->y2)),
             (float)fmax(r->x1, r->x2), (float)(height - fmin(r->y1, r->y2))};
    return isfinite(b.x0 + b.y0 + b.x1 + b.y1) ? b : (box){0};
}

void pdf_read_comments(PopplerPage *page, arena *a, pdf_comments *out) {
    GList *all = poppler_page_get_annot_mapping(page);
    guint count = g_list_length(all);
    double width, height;
    poppler_page_get_size(page, &width, &height);
    *out = (pdf_comments){0};
    if (count > 0)
        out->list =
            arena_alloc(a, count < PDF_BESIDE_MAX ? count : PDF_BESIDE_MAX, sizeof *out->list);
    for (GList *l = all; l && out->count < PDF_BESIDE_MAX; l = l->next) {
        PopplerAnnotMapping *m = l->data;
        const char *kind = kind_name(m->annot);
        if (poppler_annot_get_annot_type(m->annot) == POPPLER_ANNOT_FILE_ATTACHMENT) out->files++;
        if (!kind || is_state(m->annot)) continue;
        char *contents = poppler_annot_get_contents(m->annot);
        str said = str_trim(str_of(contents));
        box at = area_of(&m->area, height);
        bool off = at.x1 < 0 || at.y1 < 0 || at.x0 > width || at.y0 > height;
        if (said.n > 0 && (off || (poppler_annot_get_flags(m->annot) &
                                   (POPPLER_ANNOT_FLAG_HIDDEN | POPPLER_ANNOT_FLAG_NO_VIEW))))
            out->not_shown++;
        else if (said.n > 0)
            put_comment(out, m->annot, kind, said, at, a);
        g_free(contents);
    }
    poppler_page_free_annot_mapping(all);
}
