#include "tests/support/documents.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ingest/worker.h"

ingest_worker *documents_worker(const ingest_limits *limits) {
    ingest_worker *w = NULL;
    error err = {0};
    if (ingest_worker_open(getenv("CARREL_PARSE"), limits, &w, &err)) return w;
    fprintf(stderr, "%s\n", err.text);
    return NULL;
}

ingest_worker *worker;

int documents_open(void **state) {
    (void)state;
    worker = documents_worker(&ingest_default_limits);
    return worker ? 0 : -1;
}

int documents_close(void **state) {
    (void)state;
    ingest_worker_close(worker);
    return 0;
}

pid_t documents_child_of(pid_t parent) {
    pid_t found = 0;
    DIR *proc = opendir("/proc");
    if (!proc) abort();
    for (struct dirent *e; !found && (e = readdir(proc));) {
        char path[300], name[64];
        int pid = atoi(e->d_name), from = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *f = pid > 0 ? fopen(path, "r") : NULL;
        if (f && fscanf(f, "%*d (%63[^)]) %*c %d", name, &from) == 2 && from == parent &&
            strcmp(name, "carrel-parse") == 0)
            found = pid;
        if (f) fclose(f);
    }
    closedir(proc);
    return found;
}

int documents_file(str bytes) {
    int fd = memfd_create("document", MFD_CLOEXEC);
    for (size_t at = 0; at < bytes.n;) {
        ssize_t n = write(fd, bytes.p + at, bytes.n - at);
        if (n <= 0) abort();
        at += (size_t)n;
    }
    return fd;
}

bool documents_parse(ingest_worker *w, int fd, str name, arena *a, ingest_document **out,
                     error *err) {
    return worker_read_piece(w, &(worker_piece){0}, &(ingest_options){0}, fd, name, a, out, err);
}

bool documents_read(ingest_worker *w, const char *name, str bytes, const ingest_options *options,
                    arena *a, ingest_document **out, error *err) {
    int fd = documents_file(bytes);
    bool ok = ingest_read(w, fd, str_of(name), options, NULL, NULL, a, out, err);
    close(fd);
    return ok;
}

void documents_describe(const ingest_document *d, text *out) {
    static const char *const roles[INGEST_ROLE_COUNT] = {"heading", "paragraph", "item", "row",
                                                         "caption", "footer",    "code"};
    text_printf(out, STR_FMT " (" STR_FMT ", " STR_FMT ")\n", STR_ARG(d->title), STR_ARG(d->type),
                STR_ARG(d->language));
    for (size_t i = 0; i < d->page_count; i++) {
        const ingest_page *p = &d->pages[i];
        text_printf(out, "page %u: %s", p->number, ingest_fate_name(p->fate));
        if (p->note.n > 0) text_printf(out, ", " STR_FMT, STR_ARG(p->note));
        text_put_char(out, '\n');
    }
    for (size_t i = 0; i < d->part_count; i++)
        text_printf(out, "part " STR_FMT ": %u+%u\n", STR_ARG(d->parts[i].name),
                    d->parts[i].page_first, d->parts[i].page_count);
    for (size_t i = 0; i < d->note_count; i++)
        text_printf(out, "note " STR_FMT "\n", STR_ARG(d->notes[i]));
    for (size_t i = 0; i < d->block_count; i++) {
        const ingest_block *b = &d->blocks[i];
        text_printf(out, "%u %s", b->page, roles[b->role]);
        if (b->level) text_printf(out, " %d", b->level);
        for (size_t k = 0; k < b->line_count; k++)
            text_printf(out, "\n    " STR_FMT, STR_ARG(b->lines[k].text));
        text_put_char(out, '\n');
    }
}

const char *documents_told(const char *name, str bytes, arena *a) {
    const ingest_options options = {.no_ocr = true};
    ingest_document *d = NULL;
    error err = {0};
    text t = {0};
    if (!documents_read(worker, name, bytes, &options, a, &d, &err))
        return arena_cstr(a, str_of(err.text));
    documents_describe(d, &t);
    const char *out = arena_cstr(a, text_str(&t));
    text_free(&t);
    return out;
}
