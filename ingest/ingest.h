/* ingest: a file becomes pages, blocks and chunks.
 *
 * The bytes of a document are never parsed in this process. carrel-parse, a separate program that
 * is locked in (Landlock, seccomp, rlimits) before it sees the first byte, receives an open
 * descriptor and answers with a record stream (ingest/record.h); here the stream is read back
 * with every bound checked. A worker that crashes, hangs or eats memory costs one document.
 *
 * Everything that a document or a chunk list points to lives in the arena it was made in.
 */
#ifndef CARREL_INGEST_H
#define CARREL_INGEST_H

#include "base/base.h"

/* What became of a page. TEXT and OCR are indexed. */
typedef enum {
    INGEST_FATE_TEXT,
    INGEST_FATE_OCR,       /* read by character recognition, with a confidence */
    INGEST_FATE_EMPTY,     /* nothing to read: blank, or a picture without letters */
    INGEST_FATE_GARBLED,   /* glyphs without usable Unicode values */
    INGEST_FATE_HIDDEN,    /* all of its text is invisible to a person: kept out */
    INGEST_FATE_ENCRYPTED, /* a member that asks for a password */
    INGEST_FATE_FAILED     /* not read; why stands in its note */
} ingest_fate;
#define INGEST_FATE_COUNT 7

/* "text", "ocr", "empty", "garbled", "hidden-text", "encrypted", "failed" */
const char *ingest_fate_name(ingest_fate fate);

typedef enum {
    INGEST_ROLE_HEADING,
    INGEST_ROLE_PARAGRAPH,
    INGEST_ROLE_LIST_ITEM,
    INGEST_ROLE_TABLE_ROW, /* cells parted by " | " */
    INGEST_ROLE_CAPTION,
    INGEST_ROLE_FOOTER, /* running head or foot: kept in the document, left out of chunks */
    INGEST_ROLE_CODE
} ingest_role;
#define INGEST_ROLE_COUNT 7

#define INGEST_HEADING_LEVELS 6

/* What a table row is. Where it is not told, the first row of a table heads its columns. */
#define INGEST_ROW_UNTOLD 0
#define INGEST_ROW_HEAD 1
#define INGEST_ROW_BODY 2

/* What a paragraph is: of the page's own text, or said beside it (a comment), which stays where the
 * page is recognised from its picture. */
#define INGEST_PARAGRAPH_BESIDE 1

/* A line as it stands on the page. */
typedef struct {
    str text;
    box at;        /* zero where there is no layout */
    float font_pt; /* 0 where there is no layout */
} ingest_line;

typedef struct {
    ingest_role role;
    uint8_t level; /* of a heading, 1..6; of a table row, INGEST_ROW_*; of a paragraph, 0 or
                    * INGEST_PARAGRAPH_BESIDE; else 0 */
    uint32_t page; /* 1-based */
    const ingest_line *lines;
    size_t line_count; /* >= 1 */
} ingest_block;

/* Why a page on which character recognition was wanted has been left without it, or read in
 * vain. */
typedef enum {
    INGEST_UNREAD_NOT,
    INGEST_UNREAD_OFF,     /* the caller did not want it */
    INGEST_UNREAD_MISSING, /* the program or the data of its languages are not there */
    INGEST_UNREAD_LATER,   /* the time of its document was over: the next reading goes on here */
    INGEST_UNREAD_FOREIGN, /* what was recognised makes no sense: another language may be needed */
    INGEST_UNREAD_FAILED   /* the page itself: too slow, damaged, a crash */
} ingest_unread;

typedef struct {
    uint32_t number; /* 1-based position in the file */
    str label;       /* the printed label ("iv", "A-3"); empty where none is given */
    float width_pt, height_pt;
    ingest_fate fate;
    float confidence;     /* of OCR: mean over its words, 0..1; else 0 */
    str note;             /* what was not read here and why, one sentence; mostly empty */
    bool wants_ocr;       /* character recognition may find text here; ingest_read clears it */
    ingest_unread unread; /* of ingest_read alone */
} ingest_page;

/* A document inside the document: a file of an archive, an attachment, a message of a mailbox. Its
 * pages follow those of its container, and its blocks stand below a heading with its name. */
typedef struct {
    str name;                        /* as its container names it: "reports/2024.pdf" */
    uint64_t id;                     /* means something to the container's parser alone */
    uint32_t depth;                  /* 1: it lies in the file itself; 2: in such a part ... */
    uint32_t page_first, page_count; /* page_count 0: not read yet */
} ingest_part;

typedef struct {
    str title; /* from the document's metadata or first heading; never empty (file name at last) */
    str type;  /* "pdf", "html", "markdown", "text", "docx" ...: lower-case letters */
    str language; /* ISO 639-1 as the document states it, or empty */
    str date;     /* when it says that it was last changed, else written: 2024-03-01; or empty */
    const ingest_page *pages;
    size_t page_count;          /* >= 1 */
    const ingest_block *blocks; /* in reading order */
    size_t block_count;
    const ingest_part *parts; /* in the order of their pages; those inside a part follow it */
    size_t part_count;
    const str *notes; /* what of the document was not read, or read in part: a sentence each */
    size_t note_count;
    size_t aside_count; /* of the notes the last so many: remarks, for which nothing is missing */
    /* Of a piece from the middle of a document: [INGEST_HEADING_LEVELS], the headings that stand
     * above its first block, by level, empty where there is none. NULL: it is whole. */
    const str *above;
} ingest_document;

typedef struct {
    str text;    /* sentences joined with a space, blocks with a newline */
    str heading; /* the path of headings above it, parted by " > "; may be empty */
    uint32_t page_first, page_last;
    uint32_t tokens;        /* of text, as counted by the caller's counter */
    uint32_t overlap_bytes; /* how many bytes at the start of text repeat what stood before */
    const line_box *lines;  /* in order of begin; together they cover text but for separators */
    size_t line_count;
} ingest_chunk;

/* How many tokens of the embedding model's tokenizer a text has. */
typedef size_t ingest_count_fn(void *context, str s);

/* ---- parsing ------------------------------------------------------------------------------ */

typedef struct {
    uint64_t file_bytes;   /* larger files are refused */
    uint64_t memory_bytes; /* address space of the process that parses one document */
    uint32_t seconds;      /* wall time for one document */
    uint32_t pages;        /* more are refused, by name */
} ingest_limits;

extern const ingest_limits ingest_default_limits;

/* One warm, confined parent process that forks a child for each document. One caller at a time;
 * make one worker for each thread. */
typedef struct ingest_worker ingest_worker;

/* `program` is the path of carrel-parse; NULL looks beside the running executable. */
bool ingest_worker_open(const char *program, const ingest_limits *limits, ingest_worker **out,
                        error *err);
void ingest_worker_close(ingest_worker *w); /* NULL is fine */

/* How its process is locked in, for `carrel status`: "Landlock (ABI 7), seccomp, rlimits". Lives as
 * long as the worker. */
str ingest_worker_confinement(const ingest_worker *w);

/* True where this path's name or first bytes belong to a format that Carrel reads. */
bool ingest_supported(const char *path);
/* Of a file that is not: what it is, and what to do where something can be done. */
const char *ingest_why_unsupported(const char *path);
/* In the folder that a browser saved with a page: a document all the same, and no piece of the
 * page. */
bool ingest_is_own_document(const char *path);

/* What the caller of a reading may say and wants to hear; each may be NULL. They are called from
 * whichever thread is at the document, at the same time with others. A place is the name of one
 * page in its file. */
typedef struct {
    bool (*stopped)(void *context); /* true: what is under way ends at once, with ERROR_CANCELLED */
    void (*recognising)(void *context, size_t done, size_t pages);
    /* Each page that was recognised, as bytes that `find` may give back when the same file is read
     * again: then the page is not recognised anew. */
    void (*keep)(void *context, str place, str records);
    bool (*find)(void *context, str place, arena *a, str *records);
    void *context;
} ingest_hooks;

typedef struct {
    str password;       /* for a document that asks for one; empty: none is known */
    str ocr_languages;  /* as tesseract names them, "eng+fra"; empty: the installed ones, if few */
    bool no_ocr;        /* leave pages without usable text as they are */
    double ocr_seconds; /* for all pages of a file together; 0: by their number */
    const ingest_hooks *hooks; /* NULL: none */
} ingest_options;

#define INGEST_LANGUAGES_BYTES 256u /* of a list as "eng+fra+deu", with the zero */

/* What character recognition would read in now: `asked` where all of it is installed, else what is
 * chosen of the installed languages. False with one sentence (which language, which package) where
 * it cannot be; nothing is started for that. */
bool ingest_ocr_languages(str asked, char out[INGEST_LANGUAGES_BYTES], error *err);
/* Starts the program that recognises, where it does not run yet; false where it cannot be. */
bool ingest_ocr_start(ingest_worker *w, error *err);

/* A document is read in pieces: itself, the parts inside it, the pages that want OCR. Each piece is
 * a process of its own, so that a broken or hostile one costs no more than itself. Calls
 * piece(context, i, worker) once for every i below count, in any order and perhaps at the same time
 * with several workers, and returns when all have ended. */
typedef void ingest_piece_fn(void *context, size_t i, ingest_worker *w);
typedef void ingest_share_fn(void *sharer, ingest_worker *own, size_t count, ingest_piece_fn *piece,
                             void *context);

/* Reads the file open at fd (from offset 0; the descriptor stays the caller's) with all its pieces.
 * `name` is for messages and for the format (its extension, where the bytes leave a doubt). When it
 * fails, err holds the reason of this document alone, and the worker goes on with the next; a part
 * or page that fails is a fate and a note. share may be NULL: then all is done here, one by one. */
bool ingest_read(ingest_worker *w, int fd, str name, const ingest_options *options,
                 ingest_share_fn *share, void *sharer, arena *a, ingest_document **out, error *err);

/* The same, cut into chunks as it is read (ingest_chunk_document): blocks are given back when they
 * are in chunks, and so *out has none. For documents of any length. */
typedef struct {
    ingest_count_fn *count;
    void *context;        /* of count */
    size_t stretch_bytes; /* how many bytes of blocks are cut at once; 0: as many as is good */
    ingest_chunk *chunks;
    size_t chunk_count;
} ingest_cutting;
bool ingest_read_chunks(ingest_worker *w, int fd, str name, const ingest_options *options,
                        ingest_share_fn *share, void *sharer, ingest_cutting *cutting, arena *a,
                        ingest_document **out, error *err);

/* ---- chunks ------------------------------------------------------------------------------- */

/* Joins hyphens, leaves footers out, keeps a heading with what follows it and a table's rows with
 * its header row, the line that leads into the table and the name of their group, and cuts on
 * block and sentence bounds at 200 to 300 tokens, with one sentence of overlap inside a section. A
 * document without text gives no chunks. */
bool ingest_chunk_document(const ingest_document *d, ingest_count_fn *count, void *context,
                           arena *a, ingest_chunk **out, size_t *out_count, error *err);

/* SHA-256 of the file open at fd, read from offset 0. */
bool ingest_hash(int fd, uint8_t out[32], error *err);

#endif
