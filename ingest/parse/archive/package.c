/* Opens ZIP packages, unpacks their entries within limits, and hands each package to its parser.
 *
 * Owns the distrust of ZIP: how many entries, how large one may become, how much a few bytes may
 * swell, how much may be unpacked in all. What an entry states of its size is compared with the limits
 * first, and what comes out is counted again, since the statement may be a lie. Entries are found by
 * a sorted index, so that a package of many entries costs no more than its bytes.
 *
 * It never writes, never follows a path: a name is a key and nothing else.
 */
#include "ingest/parse/archive/package.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

/* As many as carrel would take as documents of an archive. */
#define ENTRIES_MAX RECORD_MAX_PARTS
/* One entry. Half of what a process may hold in all, so that its text has room beside it. */
#define ENTRY_MAX_BYTES (256ull << 20)
/* All entries that are read. A package within the limit of a file packs text about 10:1. */
#define TOTAL_MAX_BYTES (2048ull << 20)
/* Deflate stays below 1032:1, XML of empty table cells reaches 200:1; small entries swell freely. */
#define RATIO_MAX 400ull
#define RATIO_FREE_BYTES (8ull << 20)
#define READ_BYTES (64u << 10)

struct package {
    zip_t *zip;
    bool has_password;
    size_t count;
    text *names;   /* by entry */
    size_t *index; /* entries by name, the case of letters ignored; then by number */
    uint64_t total_bytes;
};

struct package_stream {
    package *p;
    zip_file_t *file;
    size_t entry;
    uint64_t got_bytes, packed_bytes;
};

/* ---- opening ------------------------------------------------------------------------------- */

static char small_letter(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static int compare_names(str a, str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++) {
        int d = (unsigned char)small_letter(a.p[i]) - (unsigned char)small_letter(b.p[i]);
        if (d != 0) return d;
    }
    return a.n < b.n ? -1 : a.n > b.n;
}

static int compare_entries(const void *a, const void *b, void *names) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int d = compare_names(text_str(&((text *)names)[x]), text_str(&((text *)names)[y]));
    return d != 0 ? d : x < y ? -1 : x > y;
}

static bool open_zip(str bytes, zip_t **out, error *err) {
    zip_error_t why;
    zip_error_init(&why);
    zip_source_t *source = zip_source_buffer_create(bytes.p, bytes.n, 0, &why);
    *out = source ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;
    if (!*out) {
        if (source) zip_source_free(source);
        error_set(
            err, ERROR_INPUT,
            "the ZIP directory at its end cannot be read (%s): the file is cut short or broken",
            zip_error_strerror(&why));
    }
    zip_error_fini(&why);
    return *out != NULL;
}

static void read_names(package *p) {
    p->names = mem_new(p->count, sizeof *p->names);
    p->index = mem_new(p->count, sizeof *p->index);
    for (size_t i = 0; i < p->count; i++) {
        const char *name = zip_get_name(p->zip, i, ZIP_FL_ENC_GUESS);
        text_put(&p->names[i], str_of(name));
        for (size_t k = 0; k < p->names[i].n; k++)
            if (p->names[i].p[k] == '\\') p->names[i].p[k] = '/';
        p->index[i] = i;
    }
    if (p->count > 0) qsort_r(p->index, p->count, sizeof *p->index, compare_entries, p->names);
}

bool package_open(const parse_input *in, package **out, error *err) {
    zip_t *zip;
    if (!open_zip(in->bytes, &zip, err)) return false;
    zip_int64_t count = zip_get_num_entries(zip, 0);
    if (count > (zip_int64_t)ENTRIES_MAX) {
        zip_discard(zip);
        return error_set(err, ERROR_LIMIT,
                         "the ZIP file has %lld entries, and Carrel reads up to %u",
                         (long long)count, ENTRIES_MAX);
    }
    package *p = mem_new(1, sizeof *p);
    p->zip = zip;
    p->count = count > 0 ? (size_t)count : 0;
    p->has_password = in->password.n > 0;
    if (p->has_password) {
        text password = {0};
        text_put(&password, in->password);
        zip_set_default_password(zip, password.p);
        text_free(&password);
    }
    read_names(p);
    *out = p;
    return true;
}

void package_close(package *p) {
    if (!p) return;
    for (size_t i = 0; i < p->count; i++) text_free(&p->names[i]);
    mem_free(p->names);
    mem_free(p->index);
    zip_discard(p->zip);
    mem_free(p);
}

/* ---- the directory ------------------------------------------------------------------------- */

size_t package_count(const package *p) {
    return p->count;
}

str package_name(const package *p, size_t entry) {
    return text_str(&p->names[entry]);
}

bool package_is_folder(const package *p, size_t entry) {
    return str_ends(package_name(p, entry), STR("/"));
}

static zip_stat_t stat_of(const package *p, size_t entry) {
    zip_stat_t st;
    zip_stat_init(&st);
    if (zip_stat_index(p->zip, entry, 0, &st) != 0) zip_stat_init(&st);
    return st;
}

uint64_t package_stated_bytes(const package *p, size_t entry) {
    zip_stat_t st = stat_of(p, entry);
    return st.valid & ZIP_STAT_SIZE ? st.size : 0;
}

static bool is_encrypted(const zip_stat_t *st) {
    return (st->valid & ZIP_STAT_ENCRYPTION_METHOD) && st->encryption_method != ZIP_EM_NONE;
}

bool package_is_locked(const package *p, size_t entry) {
    zip_stat_t st = stat_of(p, entry);
    return is_encrypted(&st) && !p->has_password;
}

uint64_t package_packed_bytes(const package *p) {
    uint64_t sum = 0;
    for (size_t i = 0; i < p->count; i++) {
        zip_stat_t st = stat_of(p, i);
        if (st.valid & ZIP_STAT_COMP_SIZE && __builtin_add_overflow(sum, st.comp_size, &sum))
            return UINT64_MAX;
    }
    return sum;
}

/* The place in the index of the first name that is not before this one. */
static size_t place_of(const package *p, str name) {
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(package_name(p, p->index[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t package_find(const package *p, str name) {
    if (str_starts(name, STR("/"))) name = str_cut(name, 1, name.n);
    size_t at = place_of(p, name);
    bool found = at < p->count && compare_names(package_name(p, p->index[at]), name) == 0;
    return found ? p->index[at] : PACKAGE_NONE;
}

bool package_has_folder(const package *p, str folder) {
    size_t at = place_of(p, folder);
    return at < p->count &&
           str_eq_nocase(str_cut(package_name(p, p->index[at]), 0, folder.n), folder);
}

str package_resolve(arena *a, str folder, str target) {
    text t = {0};
    if (!str_starts(target, STR("/"))) text_put(&t, folder);
    for (size_t i = 0; i < target.n;) {
        size_t end = str_find(target, STR("/"), i);
        if (end == SIZE_MAX) end = target.n;
        str step = str_cut(target, i, end);
        i = end + 1;
        if (str_eq(step, STR(".."))) {
            while (t.n > 0 && t.p[t.n - 1] == '/') text_cut(&t, t.n - 1);
            while (t.n > 0 && t.p[t.n - 1] != '/') text_cut(&t, t.n - 1);
        } else if (step.n > 0 && !str_eq(step, STR("."))) {
            text_put(&t, step);
            if (end < target.n) text_put_char(&t, '/');
        }
    }
    str out = arena_str(a, text_str(&t));
    text_free(&t);
    return out;
}

/* ---- unpacking ----------------------------------------------------------------------------- */

static bool refuse_entry(const package_stream *s, const char *what, error *err) {
    str name = package_name(s->p, s->entry);
    int code = zip_error_code_zip(zip_file_get_error(s->file));
    if (code == ZIP_ER_WRONGPASSWD)
        return error_set(err, ERROR_PASSWORD, "the password does not open \"" STR_FMT "\"",
                         STR_ARG(name));
    return error_set(err, ERROR_INPUT, "\"" STR_FMT "\" in the ZIP file %s (%s)", STR_ARG(name),
                     what, zip_error_strerror(zip_file_get_error(s->file)));
}

static bool within_limits(const package_stream *s, uint64_t bytes, error *err) {
    str name = package_name(s->p, s->entry);
    if (bytes > ENTRY_MAX_BYTES)
        return error_set(err, ERROR_LIMIT,
                         "\"" STR_FMT "\" in the ZIP file unpacks to more than %llu MiB",
                         STR_ARG(name), ENTRY_MAX_BYTES >> 20);
    if (bytes > RATIO_FREE_BYTES && bytes / RATIO_MAX > s->packed_bytes)
        return error_set(err, ERROR_LIMIT,
                         "\"" STR_FMT
                         "\" in the ZIP file unpacks to more than %llu times its size, "
                         "as only bombs do",
                         STR_ARG(name), RATIO_MAX);
    if (bytes + s->p->total_bytes > TOTAL_MAX_BYTES)
        return error_set(err, ERROR_LIMIT, "the ZIP file unpacks to more than %llu MiB",
                         TOTAL_MAX_BYTES >> 20);
    return true;
}

static bool refuse_opening(const package *p, size_t entry, const zip_stat_t *st, error *err) {
    str name = package_name(p, entry);
    int code = zip_error_code_zip(zip_get_error(p->zip));
    if (code == ZIP_ER_NOPASSWD || code == ZIP_ER_WRONGPASSWD ||
        (is_encrypted(st) && !p->has_password))
        return error_set(err, ERROR_PASSWORD,
                         p->has_password ? "the password does not open \"" STR_FMT "\""
                                         : "\"" STR_FMT
                                           "\" asks for a password: give it with --password",
                         STR_ARG(name));
    return error_set(err, ERROR_INPUT, "\"" STR_FMT "\" in the ZIP file cannot be unpacked (%s)",
                     STR_ARG(name), zip_error_strerror(zip_get_error(p->zip)));
}

bool package_stream_open(package *p, size_t entry, package_stream **out, error *err) {
    zip_stat_t st = stat_of(p, entry);
    package_stream s = {.p = p, .entry = entry};
    s.packed_bytes = st.valid & ZIP_STAT_COMP_SIZE ? st.comp_size : 0;
    if (!within_limits(&s, st.valid & ZIP_STAT_SIZE ? st.size : 0, err)) return false;
    s.file = zip_fopen_index(p->zip, entry, 0);
    if (!s.file) return refuse_opening(p, entry, &st, err);
    *out = mem_new(1, sizeof **out);
    **out = s;
    return true;
}

bool package_stream_read(package_stream *s, void *buffer, size_t n, size_t *got, error *err) {
    zip_int64_t read = zip_fread(s->file, buffer, n);
    *got = 0;
    if (read < 0) return refuse_entry(s, "is broken", err);
    s->got_bytes += (uint64_t)read;
    *got = (size_t)read;
    return within_limits(s, s->got_bytes, err);
}

void package_stream_close(package_stream *s) {
    if (!s) return;
    s->p->total_bytes += s->got_bytes;
    zip_fclose(s->file);
    mem_free(s);
}

bool package_read(package *p, size_t entry, text *out, error *err) {
    package_stream *s = NULL;
    char *buffer = mem_new(1, READ_BYTES);
    text_clear(out);
    bool ok = package_stream_open(p, entry, &s, err);
    for (size_t got = 1; ok && got > 0;) {
        ok = package_stream_read(s, buffer, READ_BYTES, &got, err);
        if (ok) text_put(out, (str){buffer, got});
    }
    package_stream_close(s);
    mem_free(buffer);
    return ok;
}
