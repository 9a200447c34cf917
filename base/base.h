/* base: the vocabulary that every room speaks. libc only.
 *
 * A slice (str) borrows bytes; a text owns a growing buffer; an arena owns whatever one document
 * or one question needs and gives it back at once. Functions that can fail return bool and take
 * `error *err` last. Memory that runs out ends the program with one sentence: every size that
 * comes from input is checked against a limit before it reaches an allocator, so this is the
 * machine's state and not a document's doing, and the library is safe behind its transaction.
 *
 * The names here are the nouns themselves (str_, text_, arena_ ...) rather than base_: they stand
 * in every line of the other rooms.
 */
#ifndef CARREL_BASE_H
#define CARREL_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- slices ------------------------------------------------------------------------------- */

/* Borrowed bytes, UTF-8 unless said otherwise, not zero-terminated; {NULL, 0} is the empty one. */
typedef struct {
    const char *p;
    size_t n;
} str;

#define STR(literal) ((str){(literal), sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

str str_of(const char *zero_terminated);      /* NULL gives the empty slice */
str str_cut(str s, size_t begin, size_t end); /* clamped to s */
bool str_eq(str a, str b);
int str_compare(str a, str b);    /* by bytes, as for qsort; a prefix comes first */
bool str_eq_nocase(str a, str b); /* ASCII letters only */
bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);
str str_trim(str s); /* ASCII white space off both ends */
/* Where `needle` first stands in `s`, at or after `from`; SIZE_MAX when nowhere. */
size_t str_find(str s, str needle, size_t from);

/* ---- errors ------------------------------------------------------------------------------- */

/* Also the exit codes of the programs, see cli/cli.h. */
typedef enum {
    ERROR_NONE = 0,
    ERROR_INTERNAL = 1,  /* a mistake of ours */
    ERROR_USAGE = 2,     /* the command line */
    ERROR_INPUT = 3,     /* a document, question or file that cannot be what it should be */
    ERROR_NOT_FOUND = 4, /* a file, document or library that is not there */
    ERROR_IO = 5,        /* the disk, a pipe, permissions */
    ERROR_LIMIT = 6,     /* too big, too deep, too slow */
    ERROR_MODEL = 7, /* a model that cannot be used, or is not the one the library was made with */
    ERROR_LIBRARY = 8,   /* the SQLite file: corrupt, from a newer version, locked, full disk */
    ERROR_CANCELLED = 9, /* Ctrl-C */
    ERROR_PASSWORD = 10  /* a document that asks for a password, or for another one */
} error_code;

/* One sentence for a person: what, where, what to do. */
typedef struct {
    error_code code;
    char text[512];
} error;

/* Sets the record (when err is not NULL) and returns false, so `return error_set(...)` works.
 * A text that does not fit is cut at a UTF-8 boundary. */
bool error_set(error *err, error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "context: " in front of what is there; returns false. */
bool error_wrap(error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- memory ------------------------------------------------------------------------------- */

/* Never NULL; zeroed. End the program with exit code 6 and one sentence when there is no memory. */
void *mem_new(size_t count, size_t size);           /* checks count * size for overflow */
void *mem_grow(void *p, size_t count, size_t size); /* realloc; new bytes are not zeroed */
void mem_free(void *p);

/* Bytes that this process could get now without swapping; UINT64_MAX where the system does not
 * say. */
uint64_t mem_available(void);
/* The same of the machine whose /proc and /sys lie below root. */
uint64_t machine_memory(const char *root);

/* Many small allocations, one free. Not for use by two threads at once. */
typedef struct arena arena;

arena *arena_new(void);
void arena_free(arena *a);                              /* NULL is fine */
void *arena_alloc(arena *a, size_t count, size_t size); /* zeroed, 16-byte aligned, never NULL */
str arena_str(arena *a, str s);                         /* a copy, with a zero byte behind it */
char *arena_cstr(arena *a, str s);
str arena_printf(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t arena_bytes(const arena *a);     /* what it holds now */
void arena_join(arena *a, arena *from); /* a owns all of from, which is gone; nothing moves */

/* ---- growing text ------------------------------------------------------------------------- */

/* Owns p; {0} is a valid empty text. p is zero-terminated whenever p is not NULL. */
typedef struct {
    char *p;
    size_t n, capacity;
} text;

void text_free(text *t);  /* and makes it empty */
void text_clear(text *t); /* keeps the buffer */
void text_put(text *t, str s);
void text_put_char(text *t, char c);
void text_put_codepoint(text *t, uint32_t codepoint); /* as UTF-8; not a scalar value: U+FFFD */
void text_printf(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_cut(text *t, size_t n); /* shortens to n bytes */
str text_str(const text *t);      /* borrows; valid until the next put */

/* ---- UTF-8 -------------------------------------------------------------------------------- */

#define UTF8_REPLACEMENT 0xFFFDu

/* Decodes one code point at p (n > 0 bytes left); *used gets 1 to 4. Ill-formed bytes give
 * U+FFFD and *used = 1 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
uint32_t utf8_next(const char *p, size_t n, size_t *used);
size_t utf8_encode(uint32_t codepoint, char out[4]); /* bytes written */
bool utf8_valid(str s);
size_t utf8_floor(str s, size_t at); /* the largest code point boundary <= at */

/* ---- sentences ---------------------------------------------------------------------------- */

/* Walks the sentences of s in order. *pos starts at 0. Gives [*begin, *end), white space at both
 * ends left out; false at the end. A newline ends a sentence (the chunker puts one between blocks
 * and nowhere else); so does . ! ? or a CJK stop with the quotes, brackets and citations behind
 * it, unless it belongs to a known abbreviation, an initial, a number or a list mark. What runs
 * on past 1200 bytes is cut behind a semicolon, a comma or a space. Linear time. */
bool sentence_next(str s, size_t *pos, size_t *begin, size_t *end);

/* ---- row.c: the text of a table's row ------------------------------------------------------ */

/* The next cell, trimmed; *pos starts at 0. False behind the last; an empty row has one empty
 * cell. */
bool row_next(str row, size_t *pos, str *cell);
size_t row_cells(str row);
/* At least half of what it says are figures, years not counted: it names no columns. */
bool row_is_figures(str row);
/* Names the rows below it: its first cell alone is filled, or one text stands in all of its
 * cells. */
bool row_is_section(str row);
/* A line right above a table that says what it shows: "Table 13.2", "(in millions)", "Doses are as
 * follows:", a short line without a stop that is no item of a list. */
bool row_is_caption(str line);
bool row_is_numbered_caption(str line); /* "Table 13.2" and what stands behind it */

/* ---- pages -------------------------------------------------------------------------------- */

/* Points (1/72 inch), origin at the top left of the page. Documents without a layout (HTML,
 * Markdown, text) have zero boxes and page 1. */
typedef struct {
    float x0, y0, x1, y1;
} box;

/* Where the bytes [begin, end) of a chunk's text stand. */
typedef struct {
    uint32_t begin, end;
    uint32_t page; /* 1-based */
    box at;
    uint32_t heading; /* of a heading: 1 + how many headings stand above it; else 0 */
} line_box;

/* ---- threads ------------------------------------------------------------------------------ */

typedef struct pool pool;
/* Handles items [begin, end); `worker` is 0 .. pool_size-1 and names the running thread. */
typedef void pool_fn(void *context, size_t begin, size_t end, int worker);

pool *pool_new(int threads); /* 0: the usual number; the caller counts as one */
/* The usual number from now on; 0: machine_threads. Set once, before threads are started. */
void pool_usual(int threads);
void pool_free(pool *p);
int pool_size(const pool *p);
/* Runs fn over [0, count) in pieces of `grain` items, claimed in turn; returns when all are done.
 * p may be NULL (runs in the caller). Not re-entrant, and one caller at a time. */
void parallel_for(pool *p, size_t count, size_t grain, pool_fn *fn, void *context);

/* ---- the machine -------------------------------------------------------------------------- */

typedef struct {
    bool avx2, fma, f16c; /* x86-64; usable only together here */
    bool avx512;          /* F, BW, VL, DQ */
    bool avx512_vnni;
    bool avx_vnni;            /* the same in 256 bits, without AVX-512; comes with AVX2 */
    bool neon, dotprod, i8mm; /* arm64 */
    int cores;                /* that this process may run on */
} cpu_features;

/* Read once. CARREL_CPU=scalar|avx2|avxvnni|avx512, or scalar|neon|dotprod, in the environment
 * lowers what is reported. */
const cpu_features *cpu_get(void);

double clock_ms(void); /* monotonic */

/* Threads that computing starts by default: the physical cores among those that the process may run
 * on, and no more than its CPU quota; at least 1. `root` stands before every path: "" but in a
 * test. `mask`: a cpu_set_t, or NULL for the process's own. */
int machine_threads(const char *root, const void *mask);

typedef struct {
    bool battery; /* a battery of the machine drains, and no mains is there */
    int percent;  /* of it, -1: unknown */
    bool hot;     /* the kernel slows a processor down */
    bool mains;
    uint64_t throttles; /* how often it has since the start; for the next reading */
} power_state;

/* before: an earlier reading, or NULL; throttling since then counts as hot. */
void power_read(const char *root, const power_state *before, power_state *out);

/* The start of a small file such as those of /sys, zero-terminated; false where it cannot be
 * read. */
bool machine_read(const char *root, const char *path, char *out, size_t capacity);

#endif
