/* Inside cli/: folders of documents, for add, sync and watch. ignore.c knows the patterns of
 * .carrelignore, walk.c looks through a folder, intake.c brings files into the library, sync.c
 * makes the library equal to folders. */
#ifndef CARREL_CLI_FOLDER_H
#define CARREL_CLI_FOLDER_H

#include "cli/batch.h"

/* ---- patterns (ignore.c) ------------------------------------------------------------------ */

#define CLI_IGNORE_FILE ".carrelignore"

/* Patterns of one place, as .gitignore has them: the last that matches decides, and those of a
 * deeper folder before those above it. */
typedef struct cli_ignore cli_ignore;

/* base: how many bytes of a path lie before what the patterns are relative to. */
cli_ignore *cli_ignore_new(const cli_ignore *above, size_t base);
void cli_ignore_free(cli_ignore *list); /* NULL is fine; not those above */
/* Lines of patterns, as a file has them. */
void cli_ignore_put(cli_ignore *list, str lines);
/* The patterns of folder/.carrelignore, where there is one. False when it cannot be read. */
bool cli_ignore_read(cli_ignore *list, const char *folder);
/* `first` decides before all others; then list, the innermost, and those above it. Either may be
 * NULL. What none decides is not ignored. */
bool cli_ignored(const cli_ignore *first, const cli_ignore *list, str path, bool folder);
/* One pattern with slashes in it against a path, both relative to the same folder. */
bool cli_ignore_matches(str pattern, str path);

/* ---- walking (walk.c) --------------------------------------------------------------------- */

struct cli_found {
    char *path;         /* as reached from the operand */
    const char *reason; /* why it is not read; NULL for a file to add */
    error_code code;    /* of the reason; ERROR_NONE: only unsupported */
    index_look look;    /* of a file */
    bool link;          /* a symbolic link to a file: another path names it */
    bool folder;        /* a folder that could not be read: nobody knows what is below it */
    bool known;         /* `known` said so: nobody looked inside */
    size_t root;        /* of mirror.c's own */
    int64_t changed_ns; /* when the file system last changed anything about it (ctime) */
};

typedef struct {
    cli_found *items; /* operands in their order, folders sorted by name */
    size_t count, capacity;
    size_t ignored; /* files and folders that patterns kept out */
    /* Set before a walk where they are wanted: */
    str patterns; /* of --ignore, a line each; they count more than those of files */
    str only;     /* this path below the operand, and nothing else; gone: nothing is found */
    /* A file that looks like this needs no look inside. */
    bool (*known)(void *context, const char *path, const index_look *look);
    /* Each folder that is walked, before it is read. */
    void (*folder)(void *context, const char *path);
    void *context;
    const cli_ignore *first; /* of the walk at hand */
    bool in_page;            /* it is in what a browser saved with a page */
} cli_files;

/* Looks through the operand: a file, or a folder with what is below it. Hidden names, what patterns
 * ignore and links to folders are skipped below an operand. What cannot be read becomes an item
 * with its reason. */
void cli_walk(const char *operand, cli_files *files);
void cli_files_free(cli_files *files); /* the items */

/* ---- into the library (intake.c) ---------------------------------------------------------- */

/* Documents that are there already and whose look is to be noted; written a few hundred at a
 * time. */
#define CLI_NOTES_HELD 256

typedef struct {
    /* Given by the caller: */
    const cli_args *args;
    int jobs; /* parsers; 0: one for each thread */
    ingest_options how;
    bool again; /* also what is in the library already is read */
    /* What became of a document, as each is done. former: where it lay before, of CLI_MOVED. */
    void (*came)(void *context, const cli_prepared *p, cli_outcome outcome, str former,
                 const error *err);
    void *context;
    /* Its own: */
    cli_progress progress;
    cli_compute compute;
    cli_ocr ocr;
    bool ocr_told; /* that it is not possible */
    text path;     /* of the library */
    index_library *library;
    embed_model *embedder; /* the built-in one */
    embed_model *own;      /* the user's, where the library's vectors are of it */
    bool matched;          /* they are those of the library */
    bool cut_scan;         /* it was stopped while pages were recognised; those stay */
    cli_batch *batch;
    cli_embedded later; /* chunks whose vectors come after the words */
    index_file held[CLI_NOTES_HELD];
    size_t held_count;
    arena *notes;
} cli_intake;

/* The library, made where there is none. Nothing is wiped before it is closed again. Models are
 * opened when there is something to embed. */
bool cli_intake_open_library(cli_intake *x, error *err);
/* Reads the files and commits each document by itself; *unfinished: those left after Ctrl-C. False
 * when the library does not take them: then the next would fare no better. */
bool cli_intake_run(cli_intake *x, const cli_found *items, size_t count, size_t *unfinished,
                    error *err);
/* The vectors that documents did not bring along, of this run or of one that was stopped. */
bool cli_intake_embed(cli_intake *x, error *err);
/* Whether a file that looks so needs no reading: its bytes are in the library, or this program has
 * failed with it. *failed: the latter. */
bool cli_intake_knows(cli_intake *x, str identity, const index_look *look, bool *failed);
/* Of a file that is not read: code and reason say why; ERROR_NONE: it is no document. */
bool cli_intake_note(cli_intake *x, str identity, const index_look *look, error_code code,
                     str reason, error *err);
/* wipe: traces of what was removed go now; else the next writer takes them away. */
bool cli_intake_close_library(cli_intake *x, bool wipe, error *err);
void cli_intake_close(cli_intake *x); /* all that is open */

/* The rows of a table that reads documents, and what was said with them. The password is asked for
 * where it is "-". */
#define CLI_READING_OPTIONS                                                           \
    {.name = "jobs",                                                                  \
     .letter = 'j',                                                                   \
     .kind = CLI_COUNT,                                                               \
     .value = "N",                                                                    \
     .low = 1,                                                                        \
     .high = CLI_JOBS_MAX,                                                            \
     .help = "parsers at once (default: one for each thread)"},                       \
        {.name = "password",                                                          \
         .kind = CLI_TEXT,                                                            \
         .value = "TEXT|-",                                                           \
         .help = "of documents; others can see TEXT, '-' asks or reads a line"},      \
        {.name = "ocr-lang",                                                          \
         .kind = CLI_TEXT,                                                            \
         .value = "LANGS",                                                            \
         .help = "languages of scans, as eng+fra; remembered (default: installed)"},  \
        {.name = "no-ocr", .kind = CLI_FLAG, .help = "leave scanned pages unread"}, { \
        .name = "ignore", .kind = CLI_LIST, .value = "PATTERN",                       \
        .help = "leave out files and folders; may be given again"                     \
    }
enum {
    CLI_READING_JOBS,
    CLI_READING_PASSWORD,
    CLI_READING_OCR,
    CLI_READING_NO_OCR,
    CLI_READING_IGNORE,
    CLI_READING_COUNT
};

typedef struct {
    text password, patterns;
} cli_reading;

/* first: where the rows begin in args->v. */
bool cli_reading_start(const cli_args *args, size_t first, cli_reading *r, cli_intake *x,
                       error *err);
void cli_reading_free(cli_reading *r); /* overwrites the password */

#endif
