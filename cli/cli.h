/* cli: the program `carrel`.
 *
 * main.c chooses the command; each command is one file and one function of type cli_run. What they
 * share stands here: options, output, paths, opened models, confinement. Commands return an
 * error_code, which is the exit code of the program:
 *
 *   0  done. A refused answer ("Not in these documents") is an answer too: `--json` says "refused"
 *   1  a mistake of the program
 *   2  the command line
 *   3  a document, question or file that cannot be what it should be; `add`: some document failed
 *   4  a file, document or library that is not there
 *   5  the disk, a pipe, permissions
 *   6  too big, too deep, too slow
 *   7  a model that cannot be used, or is not the one that the library was made with
 *   8  the library: corrupt, from a newer version, locked, disk full
 *   9  stopped by Ctrl-C or SIGTERM; what was committed stays (`watch` ends so with 0)
 *  10  a document that asks for a password, or for another one
 *
 * Results go to stdout, everything else to stderr. Text of documents and names of files reach a
 * terminal only through cli_clean, cli_fit or cli_wrap, which let no control character pass.
 */
#ifndef CARREL_CLI_H
#define CARREL_CLI_H

#include <jansson.h>

#include "base/base.h"
#include "embed/embed.h"
#include "engine/engine.h"
#include "index/index.h"
#include "query/query.h"

#define CLI_VERSION "0.1.0"

/* ---- options (options.c) ------------------------------------------------------------------ */

typedef enum {
    CLI_FLAG,  /* takes no value */
    CLI_TEXT,  /* any value */
    CLI_COUNT, /* a whole number in low..high */
    CLI_REAL,  /* a number in low..high */
    CLI_LIST,  /* any value, and it may be given again: all of them in cli_args.list */
    CLI_CHOICE /* one of `choices`; .number is its place */
} cli_kind;

typedef struct {
    const char *name; /* without the dashes */
    char letter;      /* short form, or 0 */
    cli_kind kind;
    const char *value; /* how help calls the value: "FILE"; NULL for a flag */
    double low, high;
    const char *choices; /* "auto|verbatim|write" */
    const char *help;
} cli_option;

/* The options that every command has; they come first in cli_args.v. */
enum { CLI_LIBRARY, CLI_JSON, CLI_HELP, CLI_GLOBALS };

/* No command has more options of its own than this. */
#define CLI_OPTIONS_MAX 24
/* More patterns belong into a file. */
#define CLI_LIST_MAX 64

typedef struct {
    bool given;
    const char *text; /* as written, for CLI_TEXT and CLI_CHOICE */
    double number;
} cli_value;

typedef struct cli_command cli_command;

typedef struct {
    const cli_command *command;
    cli_value v[CLI_GLOBALS + CLI_OPTIONS_MAX]; /* globals, then the command's own in order */
    const char *list[CLI_LIST_MAX];             /* of the one option of its kind */
    size_t list_count;
    char **operands; /* borrowed from argv */
    size_t operand_count;
} cli_args;

typedef error_code cli_run(const cli_args *args);

struct cli_command {
    const char *name;
    const char *operands; /* "PATH..." as help shows it */
    size_t least, most;   /* how many operands; most SIZE_MAX: any number */
    const char *missing;  /* what to say when there are too few */
    const char *summary;  /* a few words for the list of commands */
    const char *details;  /* paragraphs, already broken into lines */
    const char *example;
    const cli_option *options; /* of its own; NULL where there are none */
    size_t option_count;
    bool starts_programs; /* carrel-parse; every other command may start none */
    cli_run *run;
};

extern const cli_option cli_global_options[CLI_GLOBALS];

extern const cli_command cli_command_add, cli_command_ask, cli_command_eval, cli_command_ls,
    cli_command_model, cli_command_rm, cli_command_search, cli_command_status, cli_command_sync,
    cli_command_version, cli_command_watch;

/* ---- commands (commands.c) ---------------------------------------------------------------- */

extern const cli_command *const cli_commands[];
extern const size_t cli_command_count;
/* NULL with ERROR_USAGE and the nearest name. */
const cli_command *cli_find_command(const char *name, error *err);

/* Parses argv[0 .. count-1] (without the program and the command) into args, whose command is set
 * by the caller (NULL: only globals are known, and parsing stops at the first operand, whose place
 * goes to *used). Operands and options may be mixed; "--" ends the options. Reorders argv. */
bool cli_parse(int count, char **argv, cli_args *args, int *used, error *err);

/* Edits (insert, delete, change, swap of neighbours) that make a from b. */
size_t cli_edit_distance(str a, str b);
/* The nearest of names to what was typed, or NULL when none is near. */
const char *cli_nearest(const char *typed, const char *const *names, size_t count);

/* ---- help (help.c) ------------------------------------------------------------------------ */

void cli_help_overview(void);
void cli_help_command(const cli_command *c);
void cli_help_exit_codes(void);

/* ---- output (terminal.c) ------------------------------------------------------------------ */

/* What a stream can show. Not a terminal: no styles, and columns is 0 (lines are not broken). */
typedef struct {
    bool tty;
    size_t columns;
    const char *bold, *dim, *red, *green, *reset; /* empty without styles (NO_COLOR, TERM=dumb) */
} cli_terminal;

const cli_terminal *cli_stdout(void);
const cli_terminal *cli_stderr(void);

/* Writes to stdout; failures are kept for cli_finish, and cli_output_broken tells of them early. */
void cli_put(str s);
void cli_flush(void);
bool cli_output_broken(void);
/* Flushes stdout. Gives `code`, or ERROR_IO with a sentence when output was lost; a reader that
 * went away (| head) is no error of a command that succeeded. */
error_code cli_finish(error_code code);

/* "carrel: SENTENCE" on stderr, cleaned. Returns the code of err, so `return cli_fail(&err)`. */
error_code cli_fail(const error *err);
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2))); /* same, no error */

/* Appends s so that it is one harmless line: white space and controls become a space, invisible
 * reordering marks are dropped, ill-formed bytes become U+FFFD. */
void cli_clean(text *out, str s);
size_t cli_columns(str s); /* of a cleaned string on a terminal */
/* Cleaned and cut to `columns` with an ellipsis; `pad` fills up with spaces. 0: not cut. */
void cli_fit(text *out, str s, size_t columns, bool pad);
/* The same, cut at its start: the end of a path tells more. */
void cli_fit_end(text *out, str s, size_t columns);

typedef struct {
    size_t begin, end; /* bytes */
} cli_span;

/* Appends s cleaned, broken into lines of at most `columns` (0: one line), each after `indent`
 * spaces, with the spans (ascending, apart) bold where t has styles. Ends with a newline. */
void cli_wrap(text *out, const cli_terminal *t, str s, const cli_span *spans, size_t span_count,
              size_t indent, size_t columns);

/* "1.4 MB", "830 bytes" */
void cli_put_bytes(text *out, uint64_t bytes);
/* "1 page", "12 pages" */
void cli_put_count(text *out, uint64_t n, const char *one, const char *many);

/* ---- JSON (json.c) ------------------------------------------------------------------------ */

json_t *cli_json_str(str s);     /* always valid UTF-8 */
json_t *cli_json_real(double v); /* null where v is no number */
json_t *cli_json_hash(const uint8_t hash[32]);
/* Puts `value` (taken over) under key; ends the program when there is no memory. */
void cli_json_set(json_t *object, const char *key, json_t *value);
void cli_json_append(json_t *array, json_t *value);
/* Prints with a newline and gives the reference back. `line`: all on one line. */
void cli_json_print(json_t *value, bool line);

/* ---- places (paths.c) --------------------------------------------------------------------- */

/* The library's file: --library, or $XDG_DATA_HOME/carrel/library.db. */
bool cli_library_path(const cli_args *args, text *out, error *err);
/* A file of the models folder: $CARREL_MODELS, or models/ or share/carrel/models/ near the
 * program. False with ERROR_MODEL where it is not there. */
bool cli_model_path(const char *file, text *out, error *err);
/* The user's own models: $XDG_DATA_HOME/carrel/models. It need not be there yet. */
bool cli_model_folder(text *out, error *err);
/* The list of carrel-pull: cli/models.txt of the repository, or share/carrel/models.txt. */
bool cli_catalogue_path(text *out, error *err);
/* With the folders above it; one that is there is fine. */
bool cli_make_folder(const char *path, error *err);

/* What a model of the user's does. */
typedef enum { CLI_ANSWERS, CLI_EMBEDDING, CLI_RERANKING, CLI_ROLES } cli_role;

/* Where the choice of `carrel model use` is written down. */
bool cli_choice_file(cli_role role, text *out, error *err);
/* Absolute, without "." and ".."; symbolic links are resolved as far as the file exists. */
bool cli_absolute(const char *path, text *out, error *err);
/* The same name in UTF-8: bytes that are none become \xHH, so that two names stay two. */
void cli_utf8_name(text *out, str name);
str cli_file_name(str path); /* behind the last slash */
/* Whether a file stands at a path that cli_utf8_name made. */
bool cli_file_there(str path);
/* The same, and also where it is a link to what is not there. */
bool cli_name_there(str path);

/* ---- how much of the machine (compute.c) -------------------------------------------------- */

/* In the order of --power's choices. */
typedef enum { CLI_POWER_AUTO, CLI_POWER_SAVER, CLI_POWER_FULL } cli_power;

typedef struct {
    int threads; /* to compute with */
    bool spare;  /* answers are kept short */
    cli_power power;
    int asked; /* --threads, or 0 */
    power_state state;
    double looked_ms;
} cli_compute;

/* The rows of a command's table that computes; cli_compute_start finds them by name. */
#define CLI_COMPUTE_OPTIONS                                                                \
    {.name = "threads",                                                                    \
     .letter = 't',                                                                        \
     .kind = CLI_COUNT,                                                                    \
     .value = "N",                                                                         \
     .low = 1,                                                                             \
     .high = 64,                                                                           \
     .help = "threads to compute with (default: the physical cores)"},                     \
    {                                                                                      \
        .name = "power", .kind = CLI_CHOICE, .value = "HOW", .choices = "auto|saver|full", \
        .help = "saver: fewer threads, shorter answers; auto: so on battery or heat"       \
    }

/* Looks at the options and the machine; says it on stderr when the machine is to be spared. */
void cli_compute_start(const cli_args *args, cli_compute *c);
/* One look and what follows from it; `root` stands before /sys and /proc ("" but in a test). */
void cli_compute_look(cli_compute *c, const char *root);
/* Looks again, now and then, in a long run; true when something has changed. */
bool cli_compute_again(cli_compute *c);

/* ---- choices (choices.c) ------------------------------------------------------------------ */

/* The path of the model that the user chose, empty where it is the built-in one; detail: of a
 * decoder the chat format that was forced, of an embedder its file's hash, or empty. Either may be
 * NULL. */
bool cli_choice_read(cli_role role, text *path, text *detail, error *err);
bool cli_choice_write(cli_role role, str path, str detail, error *err);
/* Back to the built-in one; does nothing where that is in use. */
bool cli_choice_forget(cli_role role, error *err);

/* ---- opened things (open.c) --------------------------------------------------------------- */

#define CLI_EMBEDDING_FILE "carrel-embed.gguf"
#define CLI_READER_FILE "carrel-reader.gguf"

/* Everything that a question needs. Zero it first; cli_session_close gives all of it back. */
typedef struct {
    text library_path;
    const char *named_library; /* as the user named it; NULL: the usual one */
    index_library *library;
    embed_model *embedder; /* the built-in one */
    embed_model *own;      /* the user's, where the library's vectors are of it */
    embed_reranker *reranker;
    embed_reader *reader;
    engine_model *decoder;
    text chat; /* the decoder's chat format, where the user has forced one */
    pool *threads;
    query_memory *memory; /* of the decoder; kept on disk beside the library */
    cli_compute compute;
    bool words_only; /* nothing compares with the library's vectors */
} cli_session;

enum {
    CLI_NEED_EMBEDDER = 1,
    CLI_NEED_READER = 2,
    CLI_NEED_DECODER = 4, /* the one recorded or given, where there is one */
    CLI_NEED_THREADS = 8,
    CLI_NEED_MATCH = 16,    /* what made the library's vectors */
    CLI_NEED_RERANKER = 32, /* where there is one */
    CLI_WORDS_WILL_DO = 64  /* of a library whose model is not here and that cannot be changed */
};

/* The library must exist. `decoder`: a file that overrides the recorded one, or NULL. */
bool cli_session_open(const cli_args *args, int needs, const char *decoder, cli_session *s,
                      error *err);
/* Between two questions of a long run: fewer threads on battery, all of them when it is plugged
 * in. */
void cli_session_refresh(cli_session *s);
/* Nothing that a decoder has read is used or kept, in memory or on disk. */
void cli_session_forget(cli_session *s);
void cli_session_close(cli_session *s);
query_context cli_session_context(const cli_session *s);

/* Opens the library of args for reading or writing; a missing one says how to make it. */
bool cli_open_library(const cli_args *args, index_mode mode, text *path, index_library **out,
                      error *err);
/* Of one that was opened for writing, or NULL; path as it was given by cli_open_library. */
void cli_close_library(index_library *l, const text *path);
/* The built-in one. */
bool cli_open_embedder(embed_model **out, error *err);
/* The user's; NULL where none is chosen. */
bool cli_open_own_embedder(embed_model **out, error *err);
/* The model whose vectors the library holds, or in a new one shall hold: the user's into *own, or
 * NULL for the built-in one. ERROR_MODEL, with what to do, when it is neither. From then on the
 * handle compares vectors of that model alone. *fresh: none is recorded yet. */
bool cli_match_model(index_library *l, const embed_model *built_in, str library, embed_model **own,
                     bool *fresh, error *err);
index_model cli_index_model(const embed_model *m); /* as a library records it */

/* ---- one document (document.c) ------------------------------------------------------------ */

/* By file name, number (3 or #3) or path. */
bool cli_find_document(index_library *l, const char *name, arena *a, index_document *out,
                       error *err);
/* Prints all that is known of it. */
bool cli_show_document(index_library *l, const char *name, bool json, error *err);
/* As `ls` gives it. (ls.c) */
json_t *cli_json_document(const index_document *d);

/* ---- vectors that come later (embedding.c) -------------------------------------------------- */

typedef struct {
    uint64_t done, left; /* chunks that got their vectors; that still wait */
    uint64_t cut; /* of those done: longer than the model reads, so that only words find it all */
} cli_embedded;

/* Embeds the chunks of the library that wait, until none does or Ctrl-C was pressed, with a bar. */
bool cli_embed_waiting(index_library *l, const embed_model *m, pool *p, cli_embedded *out,
                       error *err);
/* How many chunks wait for their vectors. */
bool cli_count_waiting(index_library *l, uint64_t *out, error *err);

/* ---- questions (questions.c) -------------------------------------------------------------- */

/* Longer questions are refused: they are documents by mistake. */
#define CLI_QUESTION_MAX_BYTES 8192u

/* The operands joined with spaces, as valid UTF-8. */
bool cli_question(const cli_args *args, text *out, error *err);

/* Handles one question of a file; on failure the line's error goes into its object. */
typedef bool cli_answer_fn(void *context, str question, arena *a, json_t **out, error *err);

/* One question per line of `file` ("-": stdin), one JSON object per line to stdout. Blank lines
 * are skipped. A question that fails gives {"question", "error", "code"} and the rest goes on;
 * the code of the last failure is returned. */
error_code cli_questions(const char *file, cli_answer_fn *answer, void *context);

/* ---- places (place.c) --------------------------------------------------------------------- */

/* Where something stands, and how that page was read. */
typedef struct {
    str path;
    index_part part; /* no name: the document itself */
    uint32_t page_first, page_last;
    str label, heading; /* label: printed on the first page */
    str fate;
    float confidence; /* of "ocr" */
} cli_place;

cli_place cli_place_of_chunk(index_library *l, const index_chunk *c, arena *a);
cli_place cli_place_of_citation(index_library *l, const query_citation *c, arena *a);
bool cli_is_ocr(const cli_place *p);
/* False for the one long page of HTML, Markdown and text, whose number tells a reader nothing. */
bool cli_has_pages(str path, uint32_t page_last);
/* "manual.pdf, p. 4 (printed 12) Â· Malaria > Severe", of a part "mail.eml > manual.pdf, p. 4", the
 * file name bold. Page left out where the document has none (HTML, Markdown, text). */
void cli_put_place(text *out, const cli_terminal *t, const cli_place *p);
/* "part", "part_page" and "ocr_confidence", where they say something. */
void cli_json_place(json_t *o, const cli_place *p);
/* "clinic.pdf was read in part: 3 of 40 pages have no text (carrel status 7)", or that it is the
 * former version of a file; false and nothing where all of it was read. */
bool cli_put_gaps(text *out, const cli_session *s, int64_t document, str path);
/* "2 files could not be read: carrel status --failed", a line; nothing where there are none. */
void cli_put_unreadable(text *out, const cli_session *s);
/* Appends the gaps of a document as an object, once for each. */
void cli_json_gaps(json_t *list, index_library *l, int64_t document, str path);
/* A passage as `search` and `ask` give it: document, page_first, page_last, place, heading, text,
 * score; rank before them where it is not 0. */
/* "+ 2 copies: a.pdf, b.pdf", indented, where there are any. */
void cli_put_copies(text *out, const query_source *s, size_t indent);
json_t *cli_json_source(index_library *l, const query_source *s, size_t rank);

/* ---- snippets (snippet.c) ----------------------------------------------------------------- */

#define CLI_SNIPPET_SPANS 64

typedef struct {
    size_t begin, end; /* of the text: what to show */
    bool cut_before, cut_after;
    cli_span spans[CLI_SNIPPET_SPANS]; /* matching words, bytes of the text */
    size_t span_count;
} cli_snippet;

/* The part of s, about `bytes` long, that holds most of the question's words. */
void cli_snippet_find(str s, str question, size_t bytes, arena *a, cli_snippet *out);

/* ---- progress (progress.c) ---------------------------------------------------------------- */

/* A bar on stderr where that is a terminal; otherwise nothing. */
typedef struct {
    size_t total, done;
    double start_ms, drawn_ms;
    bool shown;
    text name;
} cli_progress;

void cli_progress_start(cli_progress *p, size_t total);
void cli_put_duration(text *out, double seconds);               /* "9:20", "1:09:20" */
void cli_progress_step(cli_progress *p, size_t done, str name); /* redraws when it is time */
void cli_progress_clear(cli_progress *p); /* before other output; the next step draws again */
void cli_progress_end(cli_progress *p);
/* The line of the bar, without control sequences, for a terminal this wide. */
void cli_progress_line(text *out, size_t done, size_t total, double elapsed_ms, str name,
                       size_t columns);

/* ---- stopping (stop.c) -------------------------------------------------------------------- */

/* From now on the first SIGINT or SIGTERM sets a flag, and the second ends the program at once. */
void cli_stop_watch(void);
bool cli_stopped(void);

/* ---- confinement (lockdown.c) ------------------------------------------------------------- */

/* No socket, no connection, no reaching into other processes; for this program and all that it
 * starts, until they end. Fails closed. */
bool cli_lock_network(error *err);
/* And no program is started. */
bool cli_lock_exec(error *err);
/* What the kernel says about it. */
typedef struct {
    bool seccomp; /* a filter is on this process */
    bool no_new_privileges;
    int landlock; /* the ABI that the kernel offers carrel-parse; 0: none */
} cli_confinement;
void cli_confinement_read(cli_confinement *out);

#endif
