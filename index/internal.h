/* What the files of index/ share among themselves. Nobody outside the room (and its own unit and
 * fuzz tests) includes this.
 */
#ifndef CARREL_INDEX_INTERNAL_H
#define CARREL_INDEX_INTERNAL_H

#include "index/index.h"

#include <sqlite3.h>

/* ---- words.c, words_fold.c, stopwords.c ---------------------------------------------------- */

/* A token as it is stored. Longer ones are cut: nobody asks for a word of 64 bytes, and a base64
 * line must not blow up the word list. */
#define WORDS_TOKEN_MAX_BYTES 64

/* Gets the tokens in the order of their first byte. `together`: stands at the place of the token
 * before it (a part of a compound that was given whole). Returns false to stop. */
typedef bool words_emit(void *context, str token, uint32_t begin, uint32_t end, bool together,
                        bool stop);

/* document: also gives the last character of an unspaced run (Han, kana, Hangul ...) alone, so that
 * a question of one character finds it by prefix; and leaves `stop` false, which costs a search.
 * Returns false when `emit` did. */
bool words_scan(str s, str language, bool document, words_emit *emit, void *context);

/* ISO 639 code as the stemmers and stop words are looked up by: "de-CH" -> "de", "nb" -> "no",
 * empty -> "en". Two languages with the same code have the same stems. */
#define WORDS_CODE_BYTES 4
void words_code(str language, char code[WORDS_CODE_BYTES]);

bool words_stop(str folded, const char *code);
bool words_stop_sorted(void); /* that the lists are fit for the binary search */

/* One character without spaces around its words (Han, kana, Hangul, Thai ...). */
bool words_unspaced(uint32_t codepoint);

typedef enum {
    WORDS_NONE, /* white space, punctuation, symbols */
    WORDS_LETTER,
    WORDS_DIGIT,    /* decimal digits of any script */
    WORDS_RAISED,   /* superscript and subscript digits, circled numbers */
    WORDS_FRACTION, /* one character that is a fraction */
    WORDS_MARK,     /* combining marks */
    WORDS_IGNORED,  /* soft hyphen, joiners, direction marks */
    WORDS_UNSPACED
} words_class;

words_class words_class_of(uint32_t codepoint);

/* NFKC, case folded, ignorable characters out. False when it is empty or too long for `out`. */
bool words_normalize(str s, char *out, size_t capacity, size_t *n);
/* Takes off the marks of Latin, Greek, Cyrillic, Hebrew and Arabic letters, in place, but keeps the
 * Cyrillic short i, which is a letter of its own; marks of other scripts are vowels and stay. */
size_t words_strip(char *p, size_t n);
/* Digits, grouped or with a decimal mark, to "1234.5". False when it does not fit. */
bool words_number(str s, bool comma_decimal, char *out, size_t capacity, size_t *n);

/* ---- store.c: the connection ---------------------------------------------------------------- */

/* All vectors of the library, in the order of their chunks. */
typedef struct {
    int8_t *rows; /* [count][stride], 64-byte aligned, padded with zeros */
    float *scales;
    int64_t *chunks; /* ascending */
    size_t count, capacity, width, stride;
    int64_t last_block, removals; /* what it was loaded from */
    int64_t data_version;
    uint64_t own_changes;
    uint8_t model[32]; /* hash of what made them */
    bool loaded;
} vector_store;

#define STORE_STATEMENTS_MAX 96 /* more than there are SQL texts in this room */

/* The chunks of a document that is withheld. */
typedef struct {
    int64_t first, last;
} withheld_range;

struct index_library {
    sqlite3 *db;
    char *path;
    index_mode mode;
    bool wipe_later;      /* index_wipe_later */
    uint64_t own_changes; /* transactions of this handle; others show in PRAGMA data_version */
    vector_store vectors;
    bool expects; /* `expected` is the only model whose vectors may be compared */
    uint8_t expected[32];
    withheld_range *withheld; /* ascending, apart */
    size_t withheld_count;
    uint64_t withheld_chunks; /* in all of them */
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } statements[STORE_STATEMENTS_MAX];
    size_t statement_count;
};

/* Turns the last error of the connection into one sentence; returns false. */
bool store_fail(index_library *l, error *err);
bool store_fail_code(const char *path, int code, const char *detail, error *err);
bool store_damaged(index_library *l, const char *what, error *err);
bool store_run(index_library *l, const char *sql, error *err);
/* A statement kept for the life of the handle; sql is a literal (found again by its address). Reset
 * it with store_done when its rows have been read. NULL on error. */
sqlite3_stmt *store_prepare(index_library *l, const char *sql, error *err);
void store_done(sqlite3_stmt *s);
/* Steps a statement that gives no row, and resets it. */
bool store_execute(index_library *l, sqlite3_stmt *s, error *err);
/* All rows of a bound statement as an array of the arena, each read by `read`; resets it. NULL on
 * error. */
typedef void store_read_fn(sqlite3_stmt *s, arena *a, void *out);
void *store_all(index_library *l, sqlite3_stmt *s, size_t size, store_read_fn *read, arena *a,
                size_t *count, error *err);
/* The first row of a bound statement; where there is none, *found is false. The caller resets
 * it. */
bool store_first(index_library *l, sqlite3_stmt *s, bool *found, error *err);
/* One integer of the first row; `none` when there is no row. */
bool store_integer(index_library *l, const char *sql, int64_t none, int64_t *out, error *err);
bool store_begin(index_library *l, error *err); /* takes the write lock at once */
bool store_commit(index_library *l, error *err);
void store_rollback(index_library *l); /* after a failure; does nothing outside a transaction */
void store_bind(sqlite3_stmt *s, int at, str value); /* the bytes must live until store_done */
str store_column(sqlite3_stmt *s, int at, arena *a);
void store_finalize(index_library *l);

/* ---- schema.c ------------------------------------------------------------------------------- */

#define SCHEMA_VERSION 4
#define SCHEMA_APPLICATION_ID 0x4361726C /* "Carl", in bytes 68..71 of the file */

/* Makes or migrates the tables, or says why this file cannot be used. A reader migrates nothing,
 * and sees an older file through views; it must still be able to make temporary tables. */
bool schema_prepare(index_library *l, error *err);

/* ---- fts.c: SQLite's side of the words ------------------------------------------------------ */

/* Registers the tokenizer `carrel` and the ranking function `carrel_rank`. */
bool fts_register(index_library *l, error *err);

/* What carrel_rank gets through sqlite3_bind_pointer: one weight for each phrase of the MATCH. */
#define FTS_RANK_POINTER "carrel-rank"
typedef struct {
    const double *weights;
    size_t count;
} fts_rank;

/* ---- boxes.c --------------------------------------------------------------------------------- */

/* Line boxes as bytes: 1/8 point fixed, differences as variable-length integers. */
void boxes_encode(const line_box *lines, size_t count, text *out);
/* False when the bytes are not what boxes_encode writes for a text of `text_bytes`. */
bool boxes_decode(const void *bytes, size_t n, size_t text_bytes, arena *a, line_box **out,
                  size_t *count);

/* ---- remove.c ------------------------------------------------------------------------------ */

/* Inside a transaction: takes one document out and notes that its traces have to be wiped. */
bool remove_document(index_library *l, int64_t id, error *err);

/* ---- files.c ------------------------------------------------------------------------------- */

/* Inside a transaction. */
bool files_note(index_library *l, const index_file *f, error *err);
/* Another path with the bytes of the document `id`, for which it can stand on. */
bool files_other_path(index_library *l, int64_t id, arena *a, str *out, error *err);

/* ---- pages.c ------------------------------------------------------------------------------- */

/* A condition on rows of `page`: it should have text and has none. */
#define PAGES_GAP "(fate NOT IN ('text', 'ocr', 'empty') OR (fate = 'empty' AND note <> ''))"
/* A page with a sentence about what it lacks. That ligatures were mended is none: the words are
 * whole (the sentence goes on where others may still lack them). As ingest/parse/pdf/pdf.c says
 * it, since a page has one note for all that is to be said of it. */
#define PAGES_NOTE "(note NOT IN ('', 'ligatures (ff, fi, fl) that its text lacks were put back'))"
/* Inside a transaction: pages, parts and notes. */
bool pages_insert(index_library *l, const index_document_in *d, int64_t id, error *err);
/* The innermost part around a page; empty: none. */
bool pages_part(index_library *l, int64_t document, uint32_t page, arena *a, index_part *out,
                error *err);
/* A column as a count: what is negative or too large for one is damage, and read as an end. */
uint32_t pages_small(sqlite3_stmt *s, int at);

/* ---- recognised.c -------------------------------------------------------------------------- */

/* Inside a transaction: what was kept of the document's file goes. */
bool recognised_drop(index_library *l, int64_t document, error *err);
/* The same, where no page of it is unread any more. */
bool recognised_settle(index_library *l, int64_t document, error *err);

/* ---- blocks.c ------------------------------------------------------------------------------ */

/* Inside a transaction. The vectors of consecutive chunks of a document, from chunk `first`. */
bool blocks_insert(index_library *l, int64_t document, int64_t first, size_t count, size_t width,
                   const int8_t *vectors, const float *scales, error *err);
/* The last chunk that has a vector, 0 for none: those behind it wait. */
bool blocks_last_chunk(index_library *l, int64_t *chunk, error *err);

/* ---- withhold.c ---------------------------------------------------------------------------- */

void withheld_free(index_library *l);
bool withheld_has(const index_library *l, int64_t chunk);
/* How many of the chunks that are withheld a MATCH expression finds. */
bool withheld_matches(index_library *l, str match, uint64_t *out, error *err);

/* ---- vectors.c and its kernels ------------------------------------------------------------- */

void vectors_free(vector_store *v);

/* Rows are padded to this, so that no kernel has a tail. */
#define VECTORS_ALIGN 64
/* A width above this is no sentence embedding; also keeps a sum of 127 * 128 * width in int32. */
#define VECTORS_MAX_WIDTH 4096

/* out[i] = rows[i] . query over `stride` int8 values, exactly. rows: [count][stride]; stride is a
 * multiple of VECTORS_ALIGN; both 64-byte aligned. */
typedef void vectors_dot(const int8_t *rows, size_t count, size_t stride, const int8_t *query,
                         int32_t *out);
vectors_dot vectors_dot_scalar;
#if defined(__x86_64__)
vectors_dot vectors_dot_avx2;
vectors_dot vectors_dot_avx512; /* with VNNI */
#endif
vectors_dot *vectors_choose(void); /* for this machine */

#endif
