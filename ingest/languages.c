/* Which languages a page is read in (languages.h).
 *
 * Tesseract has one file of data for each language; what is installed is what lies in its folder.
 * Where the user names none, all of them are used, since he installed them: up to a few. Each
 * further language is tried on every word that the ones before did not read well, so that ten make
 * a page several times slower and a little worse. Whoever has installed more than a few has mostly
 * installed all that there are; then English is used alone, and every page says so.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/languages.h"

#define MOST_BY_DEFAULT 4 /* a country with four languages is served, a folder of 120 is not read */
#define MOST_INSTALLED 512 /* tesseract has 160; a folder with more is no folder of data */
#define NAME_BYTES 48      /* "chi_tra_vert", "script/Devanagari" */
#define SENTENCE_NAMES 12  /* that a message lists */

const char *const *languages_folders(void) {
    static const char *const usual[] = {
        "/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata",
        "/usr/share/tesseract-ocr/tessdata",   "/usr/share/tessdata",
        "/usr/local/share/tessdata",           NULL};
    static _Thread_local const char *own[2];
    own[0] = getenv("TESSDATA_PREFIX"); /* as tesseract itself has it */
    return own[0] && own[0][0] ? own : usual;
}

typedef struct {
    char names[MOST_INSTALLED][NAME_BYTES];
    size_t count;
} installed;

/* osd tells orientation, equ finds formulas: neither reads. */
static bool is_language(str name) {
    return name.n > 0 && name.n < NAME_BYTES && !str_eq(name, STR("osd")) &&
           !str_eq(name, STR("equ"));
}

static int by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

static bool list_installed(const char *folder, installed *out) {
    const str suffix = STR(".traineddata");
    DIR *d = opendir(folder);
    out->count = 0;
    if (!d) return false;
    for (struct dirent *e; out->count < MOST_INSTALLED && (e = readdir(d));) {
        str file = str_of(e->d_name);
        if (!str_ends(file, suffix) || !is_language(str_cut(file, 0, file.n - suffix.n))) continue;
        snprintf(out->names[out->count++], NAME_BYTES, "%.*s", (int)(file.n - suffix.n), file.p);
    }
    closedir(d);
    qsort(out->names, out->count, sizeof *out->names, by_name);
    return out->count > 0;
}

static bool is_installed(const installed *all, const char *folder, str name) {
    char path[256];
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(name, str_of(all->names[i]))) return true;
    /* A script ("script/Latin") lies one folder below. */
    if (!str_starts(name, STR("script/")) || str_find(name, STR(".."), 0) != SIZE_MAX) return false;
    int n = snprintf(path, sizeof path, "%s/" STR_FMT ".traineddata", folder, STR_ARG(name));
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "rb") : NULL;
    if (f) fclose(f);
    return f != NULL;
}

/* "eng, fra, deu and 9 more" */
static void tell(const installed *all, char *out, size_t room) {
    size_t n = 0;
    for (size_t i = 0; i < all->count && i < SENTENCE_NAMES && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, "%s%s", i > 0 ? ", " : "", all->names[i]);
    if (all->count > SENTENCE_NAMES && n < room)
        snprintf(out + n, room - n, " and %zu more", all->count - SENTENCE_NAMES);
}

static bool refuse(const installed *all, str name, error *err) {
    char list[256], package[NAME_BYTES];
    tell(all, list, sizeof list);
    snprintf(package, sizeof package, STR_FMT, STR_ARG(name));
    for (char *p = package; *p; p++)
        if (*p == '_' || *p == '/') *p = '-';
    return error_set(err, ERROR_NOT_FOUND,
                     "character recognition has no language \"" STR_FMT "\" here, but %s; install "
                     "it (Debian: tesseract-ocr-%s), or name others with --ocr-lang",
                     STR_ARG(name), list, package);
}

static bool is_clean(str name) {
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '/'))
            return false;
    }
    return name.n > 0 && name.n < NAME_BYTES;
}

static bool take_asked(const installed *all, str asked, languages_chosen *out, error *err) {
    for (size_t begin = 0, end; begin <= asked.n; begin = end + 1) {
        end = str_find(asked, STR("+"), begin);
        if (end == SIZE_MAX) end = asked.n;
        str name = str_cut(asked, begin, end);
        if (!is_clean(name))
            return error_set(err, ERROR_USAGE,
                             "\"" STR_FMT "\" is no list of languages for character recognition; "
                             "write them as \"eng+fra\"",
                             STR_ARG(asked));
        if (!is_installed(all, out->folder, name)) return refuse(all, name, err);
    }
    snprintf(out->names, sizeof out->names, STR_FMT, STR_ARG(asked));
    return true;
}

/* English first: it is the language that manuals of all countries mix in. */
static void take_default(const installed *all, languages_chosen *out) {
    bool english = is_installed(all, out->folder, STR("eng"));
    size_t n = english ? (size_t)snprintf(out->names, sizeof out->names, "eng") : 0;
    size_t taken = english, most = all->count > MOST_BY_DEFAULT && english ? 1 : MOST_BY_DEFAULT;
    for (size_t i = 0; i < all->count && taken < most; i++) {
        if (strcmp(all->names[i], "eng") == 0) continue;
        n += (size_t)snprintf(out->names + n, sizeof out->names - n, "%s%s", taken > 0 ? "+" : "",
                              all->names[i]);
        taken++;
    }
    if (taken < all->count)
        snprintf(out->note, sizeof out->note,
                 "recognised as %.60s, of %zu languages that are installed; name yours with "
                 "--ocr-lang",
                 out->names, all->count);
}

bool languages_choose(const char *const *folders, str asked, languages_chosen *out, error *err) {
    installed *all = mem_new(1, sizeof *all);
    *out = (languages_chosen){0};
    for (size_t i = 0; folders[i] && !out->folder; i++)
        if (list_installed(folders[i], all)) out->folder = folders[i];
    bool ok = true;
    if (!out->folder)
        ok = error_set(err, ERROR_NOT_FOUND,
                       "character recognition has no language data here; install a language "
                       "(Debian: tesseract-ocr-eng, tesseract-ocr-fra ...)");
    else if (asked.n > 0)
        ok = take_asked(all, asked, out, err);
    else
        take_default(all, out);
    mem_free(all);
    return ok;
}

bool ingest_ocr_languages(str asked, char out[INGEST_LANGUAGES_BYTES], error *err) {
    languages_chosen l;
    if (!languages_choose(languages_folders(), asked, &l, err)) return false;
    memcpy(out, l.names, INGEST_LANGUAGES_BYTES);
    return true;
}
