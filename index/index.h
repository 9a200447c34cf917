/* index: everything durable, in one SQLite file: documents, pages, chunks, words (FTS5), vectors.
 *
 * A document is added, replaced or removed in one transaction; what was committed survives kill -9
 * and a full disk. User text never reaches MATCH raw: questions go through the same tokenizer as
 * the documents, and its tokens are quoted. A library is one file and can be copied when closed.
 *
 * A handle belongs to one thread at a time. Strings that a call gives live in the caller's arena.
 */
#ifndef CARREL_INDEX_H
#define CARREL_INDEX_H

#include "base/base.h"

typedef struct index_library index_library;

typedef enum {
    INDEX_READ,  /* must exist; nothing is written */
    INDEX_WRITE, /* must exist */
    INDEX_CREATE /* made when it is not there, with its folders */
} index_mode;

bool index_open(const char *path, index_mode mode, index_library **out, error *err);
void index_close(index_library *l); /* NULL is fine */

/* The embedding model that made the vectors; width 0 while nothing is recorded. */
typedef struct {
    uint8_t hash[32]; /* SHA-256 of the model file */
    str name;
    uint32_t width;
} index_model;

bool index_get_model(index_library *l, arena *a, index_model *out, error *err);
/* Refused where chunks are there and another model is recorded. */
bool index_set_model(index_library *l, const index_model *model, error *err);
/* Another model: all vectors go, and each chunk waits for its new one (index_waiting). Text and
 * words stay, and go on answering. Does nothing where it is this model already. */
bool index_change_model(index_library *l, const index_model *model, error *err);
/* The model that the caller's vectors come from. From now on this handle compares no vector with
 * those of another model, though another process changes it (ERROR_MODEL), and adds documents to
 * such a library without vectors. */
void index_expect_model(index_library *l, const uint8_t hash[32]);

/* ---- adding and removing ------------------------------------------------------------------ */

typedef struct {
    uint32_t number;
    str label;
    float width_pt, height_pt;
    str fate;         /* "text", "ocr", "empty", "garbled", "hidden-text", "encrypted", "failed" */
    float confidence; /* of "ocr", 0..1; else 0 */
    str note;         /* what of it was not read and why, a sentence; mostly empty */
    str unread; /* character recognition was wanted and not done: under which circumstances, in the
                 * caller's words; mostly empty */
} index_page;

/* A document inside the document (a member of an archive, an attachment), in the order of pages. */
typedef struct {
    str name; /* with what it lies in: "mail.eml > manual.pdf" */
    uint32_t page_first, page_count;
} index_part;

/* How a file looked when it was last read: where all of it is the same, so are its bytes. The zero
 * value equals no file. */
typedef struct {
    uint64_t bytes;
    int64_t mtime_ns;
    uint64_t inode;
} index_look;

typedef struct {
    str text, heading;
    uint32_t page_first, page_last;
    uint32_t tokens, overlap_bytes;
    const line_box *lines;
    size_t line_count;
} index_chunk_in;

typedef struct {
    str path; /* absolute; what identifies the document to its user */
    uint8_t hash[32];
    uint64_t bytes;
    int64_t mtime; /* seconds since 1970 */
    str title, type, language;
    str dated; /* the day that it states of itself: 2024-03-01; or empty */
    const index_page *pages;
    size_t page_count; /* 0: these bytes are there already, or it fails with ERROR_NOT_FOUND */
    const index_chunk_in *chunks;
    size_t chunk_count;
    const int8_t *vectors; /* [chunk_count][width], rows in chunk order; NULL: they come later */
    const float *scales;   /* [chunk_count]; value = scale * int8 */
    const index_part *parts;
    size_t part_count;
    const str *notes; /* what of the whole was not read: a sentence each */
    size_t note_count;
    size_t aside_count; /* of the notes the last so many: nothing is missing for them */
    index_look look;    /* for index_file; zero: not known */
    bool again;         /* these bytes take the place of themselves, read anew */
} index_document_in;

typedef enum {
    INDEX_ADDED,
    INDEX_REPLACED, /* the path was there with other bytes; those are gone (if the new bytes
                       were there under another path, *id is that document) */
    INDEX_SAME      /* these bytes were there; nothing was written */
} index_outcome;

/* Whether these bytes are in the library already (under any path), before work is spent on them. */
bool index_has(index_library *l, const uint8_t hash[32], bool *found, error *err);
/* Of the document with these bytes, the pages that ask for a password; 0 where it is not there. */
bool index_count_locked(index_library *l, const uint8_t hash[32], uint32_t *pages, error *err);
/* Of the document with these bytes, the pages on which character recognition was wanted and not
 * done, under other circumstances than these; 0 where it is not there. */
bool index_count_unread(index_library *l, const uint8_t hash[32], const str *same, size_t count,
                        uint32_t *pages, error *err);
/* They were tried in vain once more: all of its unread pages now say so. */
bool index_set_unread(index_library *l, const uint8_t hash[32], str circumstances, error *err);
bool index_add(index_library *l, const index_document_in *d, index_outcome *outcome, int64_t *id,
               error *err);
/* The path under which these bytes are in the library; empty where they are not. */
bool index_path_of(index_library *l, const uint8_t hash[32], arena *a, str *out, error *err);
/* The file with these bytes was moved: from now on it is cited under this path. */
bool index_move(index_library *l, const uint8_t hash[32], str path, error *err);
/* Removes text, words and vectors; `secure_delete` and a rewrite of the words leave nothing of it
 * readable in the file. For several documents in one go, pass them together. */
bool index_remove(index_library *l, const int64_t *ids, size_t count, error *err);
/* From now on index_remove and index_close of this handle wipe nothing, or do again: for several
 * removals in a row, and for who cannot wait while a large file is rewritten. */
void index_wipe_later(index_library *l, bool later);
/* Rewrites the file if replaced documents left traces in it; else does nothing. index_remove does
 * it itself. index_add does not, because it takes as long as the library is large: call it once
 * after a batch. index_close of a writer does it too, without a place for errors; what failed or
 * was killed stays noted in the file, and the next writer's close does it. */
bool index_wipe(index_library *l, error *err);

/* ---- pages that were recognised ------------------------------------------------------------- */

/* One page of a file, read in these languages by this version; the file need be no document yet. */
typedef struct {
    uint8_t hash[32]; /* of the file */
    str place, languages, program;
} index_recognised;

/* Committed at once, so that hours of work end with nothing worse than the page at hand. They go
 * with their document when it is removed, and when it is added without unread pages. */
bool index_keep_recognised(index_library *l, const index_recognised *page, str records, error *err);
/* any_language: in whichever it was read. */
bool index_find_recognised(index_library *l, const index_recognised *page, bool any_language,
                           arena *a, str *records, bool *found, error *err);
/* Those that were kept before this time, in seconds since 1970, for files that never became
 * documents. */
bool index_forget_recognised(index_library *l, int64_t before, error *err);

/* The languages that the user named for the scans of this library; empty: none yet. */
bool index_get_languages(index_library *l, arena *a, str *out, error *err);
bool index_set_languages(index_library *l, str languages, error *err);

/* ---- files that were looked at -------------------------------------------------------------- */

/* What became of the file at a path. Several paths may have the bytes of one document; a file that
 * could not be read is remembered until it can be, or is gone. */
typedef struct {
    str path; /* as of a document */
    uint8_t hash[32];
    bool hashed; /* false: it failed before its bytes were read, or it is no document */
    index_look look;
    error_code
        code;     /* ERROR_NONE: its bytes are in the library, or, not hashed, it is no document */
    str reason;   /* else why not */
    str program;  /* and the version that says so */
    int64_t when; /* seconds since 1970 */
    bool former;  /* read only: it failed, and the document that it was before still answers */
} index_file;

/* In one transaction; replaces what was noted for the same paths. */
bool index_note_files(index_library *l, const index_file *files, size_t count, error *err);
/* *found is false where nothing is noted, or the bytes are no longer in the library. Files that are
 * no documents are found too. */
bool index_get_file(index_library *l, str path, arena *a, index_file *out, bool *found, error *err);
bool index_forget_files(index_library *l, const str *paths, size_t count, error *err);
/* Those that could not be read, and those that are no documents, by path; at most `limit`. */
bool index_failed_files(index_library *l, size_t limit, arena *a, index_file **out, size_t *count,
                        error *err);
/* The paths at which these bytes were seen, the document's own among them. */
bool index_copies(index_library *l, const uint8_t hash[32], arena *a, str **out, size_t *count,
                  error *err);
/* Folders at which a disk of its own was mounted when they were looked at: what is missing below
 * one that is none now is not gone. */
bool index_note_disk(index_library *l, str path, error *err);
bool index_forget_disk(index_library *l, str path, error *err);
bool index_disks(index_library *l, arena *a, str **out, size_t *count, error *err);
/* Each path that is `path` itself or lies below it, of a document (with its id) or of a file that
 * was looked at (0). The callback must not use the handle; it returns false to stop. */
typedef bool index_path_fn(void *context, str path, int64_t document);
bool index_paths_below(index_library *l, str path, index_path_fn *fn, void *context, error *err);

/* ---- vectors that come later -------------------------------------------------------------- */

/* Chunks get their vectors in the order of their ids: those that wait are the last ones, and a
 * document that is added while others wait does so too. Until then only words find them. */
typedef struct {
    int64_t id;
    str title, heading, text;
} index_waiting_chunk;

#define INDEX_WAITING_MOST 256

/* The next of them, all of one document, with consecutive ids; at most `limit`, which is at most
 * INDEX_WAITING_MOST. */
bool index_waiting(index_library *l, size_t limit, arena *a, index_waiting_chunk **out,
                   size_t *count, error *err);
/* Their vectors, in one transaction; model: the hash of what made them. *taken is false where they
 * no longer wait (another process was faster, the document or the model is another): ask again. */
bool index_put_vectors(index_library *l, const uint8_t model[32], int64_t first, size_t count,
                       const int8_t *vectors, const float *scales, bool *taken, error *err);

/* ---- reading ------------------------------------------------------------------------------ */

typedef struct {
    int64_t id;
    str path, title, type, language;
    str dated; /* the day that it states of itself: 2024-03-01; or empty */
    uint8_t hash[32];
    uint64_t bytes;
    int64_t mtime, added; /* seconds since 1970 */
    uint32_t pages, pages_text, chunks;
} index_document;

bool index_list(index_library *l, arena *a, index_document **out, size_t *count, error *err);
/* By exact path, by file name, or by "#id"; ERROR_NOT_FOUND, or ERROR_USAGE when several match. */
bool index_find(index_library *l, str name, arena *a, index_document *out, error *err);
/* By exact path alone, which takes no time in a large library. */
bool index_at(index_library *l, str path, arena *a, index_document *out, bool *found, error *err);
bool index_pages(index_library *l, int64_t document, arena *a, index_page **out, size_t *count,
                 error *err);
/* The same of the document with these bytes; none where it is not there. */
bool index_pages_of(index_library *l, const uint8_t hash[32], arena *a, index_page **out,
                    size_t *count, error *err);
bool index_parts(index_library *l, int64_t document, arena *a, index_part **out, size_t *count,
                 error *err);
bool index_notes(index_library *l, int64_t document, arena *a, str **out, size_t *count,
                 error *err);
/* Of its chunks, those that have a vector. */
bool index_count_vectors(index_library *l, int64_t document, uint64_t *out, error *err);

/* What of a document was not read. A blank page is no gap; one that nothing could be read of is. */
typedef struct {
    uint32_t pages, gaps; /* gaps: of pages, those that should have text and have none */
    uint32_t notes;       /* other sentences about what is missing; asides are none */
    bool former;          /* its file is another by now, and could not be read */
} index_gaps;

bool index_get_gaps(index_library *l, int64_t document, index_gaps *out, error *err);

/* Where a page stands and what became of it; all empty for a page that is not there. */
typedef struct {
    index_part part; /* the innermost around it; no name: the document itself */
    str fate;
    float confidence;
} index_place;

bool index_get_place(index_library *l, int64_t document, uint32_t page, arena *a, index_place *out,
                     error *err);

typedef struct {
    str fate;
    uint64_t pages;
} index_fate_count;

/* Pages of the library by what became of them. */
bool index_count_fates(index_library *l, arena *a, index_fate_count **out, size_t *count,
                       error *err);

typedef struct {
    uint64_t documents, pages, pages_text, chunks, vectors;
    uint64_t file_bytes; /* with its write-ahead log */
    int schema;          /* user_version */
    bool fixed;          /* the file cannot be written from here */
    bool older; /* than this program's: files that could not be read are not recorded in it */
} index_status;

bool index_get_status(index_library *l, index_status *out, error *err);
/* Pages of the library on which character recognition was wanted and not done. */
bool index_count_all_unread(index_library *l, uint64_t *pages, error *err);
/* How many documents have gaps or notes, how many files could not be read at all, and how many that
 * were met are no documents. */
bool index_count_losses(index_library *l, uint64_t *documents, uint64_t *files, uint64_t *others,
                        error *err);
bool index_count_failed(index_library *l, uint64_t *files, error *err); /* not read at all */
/* A number that is another one as soon as this or any other program has changed the library; it
 * says something only beside an earlier one of the same handle. */
bool index_stamp(index_library *l, uint64_t *out, error *err);
/* PRAGMA integrity_check, our own invariants and, unless the file is `fixed`, FTS5's check of its
 * words. */
bool index_check(index_library *l, error *err);

typedef struct {
    int64_t chunk;
    double score; /* larger is better; words: BM25, vectors: cosine */
} index_hit;

/* Best first, at most `limit`. Words: any word of the question counts, stop words only when there
 * is nothing else; title and headings count more than body. A question without a usable word gives
 * no hits and is no error. */
bool index_search_words(index_library *l, str question, size_t limit, arena *a, index_hit **out,
                        size_t *count, error *err);
/* query: [width] int8 with its scale. Exact scan. */
bool index_search_vectors(index_library *l, const int8_t *query, float scale, size_t limit,
                          arena *a, index_hit **out, size_t *count, error *err);
/* The cosine of one stored chunk with the query; 0 when it has no vector. */
bool index_chunk_cosine(index_library *l, int64_t chunk, const int8_t *query, float scale,
                        double *out, error *err);

/* From now on searches of this handle pass over these documents, and what is counted of words and
 * chunks is counted without them, as if they were not in the library; none: all are searched again.
 * Nothing is written. An id that the library does not have is passed over too. */
bool index_withhold(index_library *l, const int64_t *documents, size_t count, error *err);

typedef struct {
    int64_t id, document;
    uint32_t ordinal; /* 0-based place in its document */
    str path, title, heading, text;
    str language; /* of its document, ISO 639-1, or empty */
    str dated;    /* of its document: 2024-03-01, or empty */
    uint32_t page_first, page_last;
    str label_first; /* printed label of the first page, or empty */
    index_part part; /* the innermost around the first page; no name: the document itself */
    uint32_t tokens, overlap_bytes;
    line_box *lines;
    size_t line_count;
} index_chunk;

bool index_get_chunk(index_library *l, int64_t chunk, arena *a, index_chunk *out, error *err);
/* The chunk at `ordinal` of a document; *found is false past either end. */
bool index_get_neighbour(index_library *l, int64_t document, uint32_t ordinal, arena *a,
                         index_chunk *out, bool *found, error *err);
/* The printed label of a page of a document, or the empty slice. */
bool index_page_label(index_library *l, int64_t document, uint32_t page, arena *a, str *out,
                      error *err);

/* ---- words -------------------------------------------------------------------------------- */

/* The tokens that the library's words are made of: utf8proc folding, Snowball stem, CJK bigrams.
 * Given in order, with the bytes of s that each came from. Query uses them to compare a question
 * with a sentence by exactly the words that the search saw. */
typedef struct {
    str stem;            /* in the arena */
    uint32_t begin, end; /* bytes of s */
    bool stop;           /* a function word of its language */
} index_word;

/* language: ISO 639-1, empty for English. */
void index_words(str s, str language, arena *a, index_word **out, size_t *count);
/* ISO 639-1 code of a document by the function words of its texts (its chunks, in order), or as it
 * declares it itself (empty: it does not), where they say nothing else beyond doubt; of a document
 * in several languages the one with most text. Empty where nothing is known. */
str index_document_language(const str *texts, size_t count, str declared);
/* How many chunks hold this stem (for inverse document frequency); 0 when none does. */
bool index_word_frequency(index_library *l, str stem, uint64_t *chunks, error *err);

#endif
