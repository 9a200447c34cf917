/* Character recognition, as the commands see it: in which languages, what was left unread for want
 * of it, and whether a second reading is worse than the first.
 *
 * A page that was left unread is marked in the library with the circumstances (cli_ocr_mark). It is
 * read again when those are others: recognition is there now, a language has come, Carrel has
 * changed. As long as they are the same nobody spends hours on it once more. A reading that lost
 * pages never takes the place of one that had them: the program of yesterday may have known the
 * password, or the language.
 */
#include <stdio.h>
#include <string.h>

#include "cli/folder.h"

/* Of a mean over the pages: what another language makes of a text is less sure by more than
 * that. */
#define CONFIDENCE_LOST 0.1
/* What was recognised with less than this may have been the grain of a picture. */
#define CONFIDENCE_SURE 0.6f

/* ---- circumstances ------------------------------------------------------------------------ */

static bool same(str s, const char *t) {
    return str_eq(s, str_of(t));
}

/* "default" goes back to what is installed. */
static str named(const ingest_options *options) {
    const str installed = {0};
    return same(options->ocr_languages, "default") ? installed : options->ocr_languages;
}

static bool remember(index_library *l, str asked, str saved, error *err) {
    return str_eq(asked, saved) || index_set_languages(l, asked, err);
}

bool cli_ocr_find(cli_ocr *o, index_library *l, bool write, const ingest_options *options, arena *a,
                  error *err) {
    str asked = named(options), saved = {0};
    bool given = options->ocr_languages.n > 0;
    error missing = {0};
    *o = (cli_ocr){0};
    if (l && !index_get_languages(l, a, &saved, err)) return false;
    if (!given) asked = saved;
    o->possible = !options->no_ocr && ingest_ocr_languages(asked, o->languages, &missing);
    if (!options->no_ocr && !o->possible) {
        if (given && asked.n > 0) return error_set(err, missing.code, "%s", missing.text);
        snprintf(o->problem, sizeof o->problem, "%s", missing.text);
    }
    if (given && write && l && o->possible && !remember(l, asked, saved, err)) return false;
    snprintf(o->asked, sizeof o->asked, STR_FMT, STR_ARG(asked));
    if (!o->possible) snprintf(o->languages, sizeof o->languages, STR_FMT, STR_ARG(asked));
    snprintf(o->foreign, sizeof o->foreign, "foreign %s", o->languages);
    snprintf(o->failed, sizeof o->failed, "failed %s", CLI_VERSION);
    return true;
}

str cli_ocr_mark(const cli_ocr *o, ingest_unread why) {
    switch (why) {
    case INGEST_UNREAD_OFF:
        return STR("off");
    case INGEST_UNREAD_MISSING:
        return STR("missing");
    case INGEST_UNREAD_LATER:
        return STR("later");
    case INGEST_UNREAD_FOREIGN:
        return str_of(o->foreign);
    case INGEST_UNREAD_FAILED:
        return str_of(o->failed);
    case INGEST_UNREAD_NOT:
        break;
    }
    return (str){0};
}

bool cli_ocr_may_help(const cli_ocr *o, index_library *l, const uint8_t hash[32], bool *may,
                      error *err) {
    const str in_vain[] = {str_of(o->foreign), str_of(o->failed)};
    uint32_t pages = 0;
    *may = false;
    if (!o->possible) return true;
    if (!index_count_unread(l, hash, in_vain, 2, &pages, err)) return false;
    *may = pages > 0;
    return true;
}

/* ---- better or worse ---------------------------------------------------------------------- */

static bool has_text(const index_page *p) {
    return same(p->fate, "text") || same(p->fate, "ocr");
}

/* Text that was there and is not, and not because it is now known to be hidden. */
static bool is_lost(const index_page *before, const index_page *now) {
    bool sure = same(before->fate, "text") || before->confidence >= CONFIDENCE_SURE;
    return has_text(before) && sure && !has_text(now) && !same(now->fate, "hidden-text");
}

static size_t count_text(const index_page *pages, size_t count) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) n += has_text(&pages[i]);
    return n;
}

/* By how much pages that were recognised both times are less sure now, on the average. */
static double confidence_lost(const index_page *before, const index_page *now, size_t count) {
    double lost = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!same(before[i].fate, "ocr") || !same(now[i].fate, "ocr")) continue;
        lost += (double)before[i].confidence - (double)now[i].confidence;
        n++;
    }
    return n > 0 ? lost / (double)n : 0;
}

str cli_ocr_loss(const index_page *before, size_t before_count, const index_page *now,
                 size_t now_count, arena *a) {
    const str better = {0};
    if (before_count != now_count) { /* its parts are others: no page is known again */
        size_t had = count_text(before, before_count), has = count_text(now, now_count);
        if (has >= had) return better;
        return arena_printf(a, "only %zu pages have text now, of %zu that had it", has, had);
    }
    size_t lost = 0, first = 0;
    for (size_t i = now_count; i-- > 0;)
        if (is_lost(&before[i], &now[i])) {
            lost++;
            first = i;
        }
    const index_page *p = &now[first];
    if (lost > 0)
        return arena_printf(a, "%zu %s would lose %s text, the first is page %u (%s" STR_FMT ")",
                            lost, lost == 1 ? "page" : "pages", lost == 1 ? "its" : "their",
                            p->number, p->note.n > 0 ? "" : "now it is ",
                            STR_ARG(p->note.n > 0 ? p->note : p->fate));
    double less = confidence_lost(before, now, now_count);
    if (less <= CONFIDENCE_LOST) return better;
    return arena_printf(a, "its characters would be recognised with less confidence, by %.2f",
                        less);
}
