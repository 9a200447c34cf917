/* Inside cli/: the library is made equal to folders. mirror.c finds out what differs and does it,
 * changes.c tells; sync.c does it once, watch.c again and again. */
#ifndef CARREL_CLI_MIRROR_H
#define CARREL_CLI_MIRROR_H

#include "cli/folder.h"

typedef enum {
    CLI_CHANGE_NEW,
    CLI_CHANGE_CHANGED,
    CLI_CHANGE_MOVED,
    CLI_CHANGE_COPY, /* another file with the bytes of a document */
    CLI_CHANGE_REMOVED,
    CLI_CHANGE_FAILED,
    CLI_CHANGE_NOT_READ, /* no document, and met for the first time */
    CLI_CHANGE_KINDS
} cli_change_kind;

/* One difference, done or, in a dry run, to be done. */
typedef struct {
    cli_change_kind kind;
    str path;        /* as the library names it */
    str shown;       /* as the user reaches it */
    str from;        /* of MOVED: where it lay; of COPY: the document's path */
    str reason;      /* of FAILED and NOT_READ; of REMOVED where the file is still there */
    error_code code; /* of FAILED */
    bool former;     /* of FAILED: what was read of it before stays and answers */
    const cli_prepared *document; /* of NEW and CHANGED; NULL in a dry run */
} cli_change;

/* A folder that the library shall equal. */
typedef struct {
    const char *operand;
    text path;  /* absolute, links resolved */
    bool there; /* else nothing of it is touched */
    error problem;
} cli_root;

/* What is looked at: all of a root, or what lies at one path below it. */
typedef struct {
    size_t root;
    str only; /* relative; empty: all of it */
} cli_scope;

typedef struct {
    /* Given by the caller: */
    cli_intake intake;
    bool dry_run, check, allow_empty;
    int64_t settle_ns; /* files that changed less long ago are left for later; 0: none */
    void (*told)(void *context, const cli_change *change);
    void (*postponed)(void *context, size_t root, str only); /* a file that is left for later */
    void (*folder)(void *context, size_t root, const char *path); /* each folder that is walked */
    void *context;
    /* Of cli_mirror_open: */
    cli_reading reading;
    cli_root *roots;
    size_t root_count;
    /* What came of it: */
    size_t counts[CLI_CHANGE_KINDS], unchanged, failed_before, ignored, unfinished;
    size_t skipped; /* files that are no documents, new and old */
    size_t kept;    /* documents of roots that are not there, or suddenly empty */
    error why_kept; /* for the first of them */
} cli_mirror;

/* Finds the folders of the operands, and takes the options that begin at `first` in args->v
 * (CLI_READING_OPTIONS). A folder that lies in another is left to that. False for what can never be
 * one. */
bool cli_mirror_open(cli_mirror *m, const cli_args *args, size_t first, error *err);
void cli_mirror_close(cli_mirror *m); /* the intake too; after a failure of open as well */

/* Looks at the scopes and makes the library equal to them. The intake's library is open, and in a
 * dry run its library may be NULL. */
bool cli_mirror_run(cli_mirror *m, const cli_scope *scopes, size_t count, error *err);

/* Whether `path` is `folder` or lies below it. */
bool cli_lies_below(str path, str folder);

/* ---- what is missing and not gone (guard.c) ------------------------------------------------ */

/* A file system is mounted at this folder. */
bool cli_is_disk(const char *path);

typedef struct {
    str root;     /* absolute */
    str *paths;   /* ascending */
    int64_t *ids; /* 0: of no document */
    size_t count;
} cli_gone;

/* Takes out what is missing with a whole disk, or with a folder that many documents were in and
 * that is empty now or gone. *documents: how many of those; where there are any, *why is a sentence for the
 * first. */
bool cli_guard_gone(index_library *l, cli_gone *g, arena *a, size_t *documents, error *why,
                    error *err);
/* Those below the root at which nothing is mounted are folders like others from now on. */
bool cli_forget_disks(index_library *l, str root, arena *a, error *err);

/* ---- telling (changes.c) ------------------------------------------------------------------ */

/* "new manuals/pump.pdf (12 pages, 31 chunks)", with what was not read in the next line; clock: the
 * time of day stands first. */
void cli_put_change(text *out, const cli_change *c, bool dry_run, bool clock);
json_t *cli_json_change(const cli_change *c);
/* "2 new, 1 moved, 1204 unchanged" */
void cli_put_counts(text *out, const cli_mirror *m);
void cli_json_counts(json_t *o, const cli_mirror *m);

#endif
