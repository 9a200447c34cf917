/* One document of the library: finding it by what a user calls it, and showing all that is known of
 * it.
 *
 * `carrel status DOC` is where a reader looks when an answer says that a document was read in part,
 * so every page has its fate here, with the reason where it is not text. A file that could not be
 * read at all is told of too, though it is no document. Nothing is written.
 */
#include <string.h>
#include <time.h>

#include "cli/batch.h"

#define LABEL_COLUMN 12
/* Parts of an archive in a terminal; --json and a pipe have all. */
#define PARTS_SHOWN 20

/* ---- finding ------------------------------------------------------------------------------ */

static bool is_number(str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    return s.n > 0;
}

bool cli_find_document(index_library *l, const char *name, arena *a, index_document *out,
                       error *err) {
    error first = {0}, other;
    text plain = {0}, path = {0}, absolute = {0};
    cli_utf8_name(&plain, str_of(name));
    bool ok = index_find(l, text_str(&plain), a, out, &first);
    if (!ok && first.code == ERROR_NOT_FOUND && is_number(text_str(&plain)))
        ok = index_find(l, arena_printf(a, "#%s", plain.p), a, out, &other);
    /* A path that stands for one document settles what a file name leaves open. */
    if (!ok && cli_absolute(name, &path, NULL)) {
        cli_utf8_name(&absolute, text_str(&path));
        ok = index_find(l, text_str(&absolute), a, out, &other);
    }
    if (!ok && err) *err = first;
    text_free(&plain);
    text_free(&path);
    text_free(&absolute);
    return ok;
}

/* ---- showing ------------------------------------------------------------------------------ */

typedef struct {
    index_document d;
    cli_fates fates;
    uint64_t vectors;
    index_gaps gaps;
    index_file file; /* where gaps.former: why it could not be read */
} shown;

static bool read_document(index_library *l, arena *a, shown *s, error *err) {
    index_page *pages;
    index_part *parts;
    str *notes;
    bool noted;
    int64_t id = s->d.id;
    if (!index_pages(l, id, a, &pages, &s->fates.page_count, err) ||
        !index_parts(l, id, a, &parts, &s->fates.part_count, err) ||
        !index_notes(l, id, a, &notes, &s->fates.note_count, err) ||
        !index_count_vectors(l, id, &s->vectors, err) || !index_get_gaps(l, id, &s->gaps, err) ||
        !index_get_file(l, s->d.path, a, &s->file, &noted, err))
        return false;
    s->fates.pages = pages;
    s->fates.parts = parts;
    s->fates.notes = notes;
    return true;
}

static void put_label(text *out, const char *label) {
    const cli_terminal *t = cli_stdout();
    text_printf(out, "%s%-*s%s", t->dim, LABEL_COLUMN, label, t->reset);
}

static void put_row(text *out, const char *label, str value) {
    put_label(out, label);
    cli_clean(out, value);
    text_put_char(out, '\n');
}

static void put_time(text *out, int64_t seconds) {
    char when[32];
    struct tm tm;
    time_t t = (time_t)seconds;
    if (localtime_r(&t, &tm) && strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm) > 0)
        text_put(out, str_of(when));
}

static void put_parts(text *out, const cli_fates *f) {
    size_t most = cli_stdout()->tty ? PARTS_SHOWN : SIZE_MAX;
    for (size_t i = 0; i < f->part_count && i < most; i++) {
        put_label(out, i ? "" : "parts");
        cli_clean(out, f->parts[i].name);
        text_put(out, STR(" ("));
        cli_put_count(out, f->parts[i].page_count, "page", "pages");
        text_put(out, STR(")\n"));
    }
    if (f->part_count > most)
        text_printf(out, "%*sand %zu more (--json has all)\n", LABEL_COLUMN, "",
                    f->part_count - most);
}

static void put_notes(text *out, const cli_fates *f) {
    for (size_t i = 0; i < f->note_count; i++) {
        text note = {0};
        cli_wrap(&note, cli_stdout(), f->notes[i], NULL, 0, LABEL_COLUMN, cli_stdout()->columns);
        put_label(out, i ? "" : "notes");
        text_put(out, str_cut(text_str(&note), LABEL_COLUMN, note.n));
        text_free(&note);
    }
}

/* Of its pages, those that character recognition has not read. */
static size_t count_unread(const shown *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->fates.page_count; i++) n += s->fates.pages[i].unread.n > 0;
    return n;
}

static void put_document(text *out, const shown *s) {
    const cli_terminal *t = cli_stdout();
    const index_document *d = &s->d;
    text_printf(out, "%s#%lld%s ", t->dim, (long long)d->id, t->reset);
    text_put(out, str_of(t->bold));
    cli_clean(out, cli_file_name(d->path));
    text_printf(out, "%s\n", t->reset);
    put_row(out, "title", d->title);
    put_row(out, "path", d->path);
    if (s->gaps.former) {
        put_label(out, "outdated");
        text_printf(out, "%sthis is its former version%s: the file could not be read again (",
                    t->red, t->reset);
        put_time(out, s->file.when);
        text_put(out, STR("): "));
        cli_clean(out, s->file.reason);
        text_put_char(out, '\n');
    }
    put_label(out, "type");
    cli_clean(out, d->type);
    text_put(out, STR(", "));
    cli_put_bytes(out, d->bytes);
    text_put_char(out, '\n');
    put_row(out, "language", d->language.n ? d->language : STR("not told (searched as English)"));
    if (d->dated.n > 0) put_row(out, "dated", d->dated);
    put_label(out, "added");
    put_time(out, d->added);
    text_put(out, STR(" (the file is of "));
    put_time(out, d->mtime);
    text_put(out, STR(")\n"));
    put_label(out, "pages");
    text_printf(out, "%zu", s->fates.page_count);
    if (s->gaps.gaps > 0) text_printf(out, ", %s%u without text%s", t->red, s->gaps.gaps, t->reset);
    if (count_unread(s) > 0)
        text_printf(out, ", %s%zu not recognised%s (tried again when anything has changed)", t->red,
                    count_unread(s), t->reset);
    text_put_char(out, '\n');
    text_printf(out, "%*s", LABEL_COLUMN, "");
    cli_put_fate_table(out, &s->fates, LABEL_COLUMN);
    put_parts(out, &s->fates);
    put_notes(out, &s->fates);
    put_label(out, "chunks");
    text_printf(out, "%u", d->chunks);
    if (s->vectors < d->chunks)
        text_printf(out, ", %llu of them wait for their vectors: only words find those",
                    (unsigned long long)(d->chunks - s->vectors));
    text_put_char(out, '\n');
}

static void print_json(const shown *s) {
    json_t *o = cli_json_document(&s->d), *parts = json_array(), *notes = json_array();
    for (size_t i = 0; i < s->fates.part_count; i++) {
        const index_part *p = &s->fates.parts[i];
        json_t *part = json_object();
        cli_json_set(part, "name", cli_json_str(p->name));
        cli_json_set(part, "page_first", json_integer(p->page_first));
        cli_json_set(part, "pages", json_integer(p->page_count));
        cli_json_append(parts, part);
    }
    for (size_t i = 0; i < s->fates.note_count; i++)
        cli_json_append(notes, cli_json_str(s->fates.notes[i]));
    cli_json_set(o, "pages_without_text", json_integer(s->gaps.gaps));
    cli_json_set(o, "pages_unread", json_integer((json_int_t)count_unread(s)));
    cli_json_set(o, "former_version", json_boolean(s->gaps.former));
    if (s->gaps.former) cli_json_set(o, "not_read_again", cli_json_str(s->file.reason));
    cli_json_set(o, "fates", cli_json_fates(&s->fates));
    cli_json_set(o, "parts", parts);
    cli_json_set(o, "notes", notes);
    cli_json_set(o, "vectors", json_integer((json_int_t)s->vectors));
    cli_json_print(o, false);
}

/* A file that the library knows only as one that could not be read: better than "no such
 * document". */
static bool tell_failed(index_library *l, const char *name, arena *a, error *err) {
    text path = {0}, plain = {0};
    index_file *files;
    size_t count;
    char when[16] = "";
    if (!cli_absolute(name, &path, NULL) ||
        !index_failed_files(l, SIZE_MAX, a, &files, &count, NULL))
        count = 0;
    cli_utf8_name(&plain, text_str(&path));
    for (size_t i = 0; i < count; i++) {
        const index_file *f = &files[i];
        struct tm tm;
        time_t t = (time_t)f->when;
        if (!str_eq(f->path, text_str(&plain)) && !str_eq(cli_file_name(f->path), str_of(name)))
            continue;
        if (localtime_r(&t, &tm)) (void)strftime(when, sizeof when, "%Y-%m-%d", &tm);
        error_set(err, ERROR_NOT_FOUND, STR_FMT " is not in the library: it %s (%s): " STR_FMT,
                  STR_ARG(f->path), f->code == ERROR_NONE ? "was not read" : "could not be read",
                  when, STR_ARG(f->reason));
        break;
    }
    text_free(&path);
    text_free(&plain);
    return false;
}

bool cli_show_document(index_library *l, const char *name, bool json, error *err) {
    arena *a = arena_new();
    shown s = {0};
    bool ok = cli_find_document(l, name, a, &s.d, err);
    if (!ok && err->code == ERROR_NOT_FOUND) tell_failed(l, name, a, err);
    ok = ok && read_document(l, a, &s, err);
    if (ok && json) print_json(&s);
    if (ok && !json) {
        text out = {0};
        put_document(&out, &s);
        cli_put(text_str(&out));
        text_free(&out);
    }
    arena_free(a);
    return ok;
}
