/* Prints documents as Carrel reads them: dump_document [-b] FILE...
 *
 * For people who work on parsing, chunking or evaluation. Every block comes as its role and page,
 * then its lines; -b puts the line's box and font size in front. A file that is refused prints its
 * reason. carrel-parse is found as carrel finds it, or named by CARREL_PARSE; the languages of character
 * recognition are the installed ones, or those in CARREL_OCR.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/ingest.h"

static const char *const roles[INGEST_ROLE_COUNT] = {"heading", "paragraph", "item", "row",
                                                     "caption", "footer",    "code"};

static void print_block(const ingest_block *b, bool boxes) {
    printf("[%s", roles[b->role]);
    if (b->level > 0) printf(" %d", b->level);
    printf(" p%u]\n", b->page);
    for (size_t i = 0; i < b->line_count; i++) {
        const ingest_line *l = &b->lines[i];
        if (boxes)
            printf("%6.1f %6.1f %6.1f %6.1f %5.1fpt ", l->at.x0, l->at.y0, l->at.x1, l->at.y1,
                   l->font_pt);
        printf("  " STR_FMT "\n", STR_ARG(l->text));
    }
}

static void print_document(const ingest_document *d, bool boxes) {
    printf("title: " STR_FMT "\ntype: " STR_FMT "\nlanguage: " STR_FMT "\ndated: " STR_FMT "\n",
           STR_ARG(d->title), STR_ARG(d->type), STR_ARG(d->language), STR_ARG(d->date));
    for (size_t i = 0; i < d->page_count; i++) {
        const ingest_page *p = &d->pages[i];
        printf("page %u, label \"" STR_FMT "\", %.0f x %.0f, %s", p->number, STR_ARG(p->label),
               p->width_pt, p->height_pt, ingest_fate_name(p->fate));
        if (p->note.n > 0) printf(": " STR_FMT, STR_ARG(p->note));
        if (p->confidence > 0) printf(", confidence %.2f", p->confidence);
        putchar('\n');
    }
    for (size_t i = 0; i < d->part_count; i++)
        printf("part: " STR_FMT ", pages %u to %u\n", STR_ARG(d->parts[i].name),
               d->parts[i].page_first, d->parts[i].page_first + d->parts[i].page_count - 1);
    for (size_t i = 0; i < d->note_count; i++) printf("note: " STR_FMT "\n", STR_ARG(d->notes[i]));
    for (size_t i = 0; i < d->block_count; i++) print_block(&d->blocks[i], boxes);
}

int main(int argc, char **argv) {
    error err;
    ingest_worker *w;
    const ingest_options options = {.ocr_languages = str_of(getenv("CARREL_OCR"))};
    int first = argc > 1 && strcmp(argv[1], "-b") == 0 ? 2 : 1, failed = 0;
    if (!ingest_worker_open(getenv("CARREL_PARSE"), &ingest_default_limits, &w, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return err.code;
    }
    for (int i = first; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
        arena *a = arena_new();
        ingest_document *d;
        double start = clock_ms();
        bool ok = fd >= 0 && ingest_read(w, fd, str_of(argv[i]), &options, NULL, NULL, a, &d, &err);
        printf("file: %s (%.1f ms)\n", argv[i], clock_ms() - start);
        if (ok)
            print_document(d, first == 2);
        else
            printf("refused: %s\n", fd >= 0 ? err.text : "cannot be opened");
        failed |= !ok;
        arena_free(a);
        if (fd >= 0) close(fd);
    }
    ingest_worker_close(w);
    return failed;
}
