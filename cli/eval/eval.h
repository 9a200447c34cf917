/* Inside cli/eval/: the parts of `carrel eval`, which measures a library with questions whose answers
 * are known.
 *
 *   items.c    lines of JSON become a test, and a test becomes lines
 *   make.c     headings and definitions become questions
 *   self.c     the user's own library becomes a test
 *   judge.c    one answer is held against what was expected
 *   figures.c  all results become the figures
 *   table.c    the figures for a terminal and as JSON
 *   page.c     the report; plots.c its drawings; output.c puts files in their place whole
 *   command.c  the command
 *
 * score.h has the measures themselves, which tests/eval shares; nothing here is included there.
 */
#ifndef CARREL_CLI_EVAL_EVAL_H
#define CARREL_CLI_EVAL_EVAL_H

#include "cli/cli.h"
#include "cli/eval/score.h"

/* Ranks that are looked at: what nobody scrolls past. */
#define EVAL_DEPTH 10
/* Sentences that a reader takes in at a glance, and that `ask` shows. */
#define EVAL_SHOWN 3
/* More questions than this take hours on the machines that Carrel is for. */
#define EVAL_ITEMS_MAX 100000u

/* ---- a test (items.c) --------------------------------------------------------------------- */

typedef enum { EVAL_UNKNOWN, EVAL_ANSWERABLE, EVAL_UNANSWERABLE } eval_kind;

/* One question with what is known of its answer; strings lie in the test's arena. */
typedef struct {
    size_t line; /* of its file; 0: made */
    str id, question;
    eval_kind kind;
    str document; /* as it was named; empty: not said */
    int64_t document_id;
    uint32_t *pages; /* any of them is right */
    size_t page_count;
    str *answers; /* any of them is right */
    size_t answer_count;
    bool whole;   /* the answers are sentences: right wherever they stand, and no bold spans */
    str heading;  /* what stands under such a heading is right too */
    str *without; /* documents that this question is asked without */
    int64_t *without_ids;
    size_t without_count;
} eval_item;

typedef struct {
    eval_item *items;
    size_t count, capacity;
    arena *a; /* the caller's */
} eval_test;

eval_item *eval_add_item(eval_test *t); /* zeroed; valid until the next is added */
void eval_test_free(eval_test *t);      /* not the arena */

/* One line of a test. name: of its file, for the error; ERROR_INPUT says line and what to do. */
bool eval_parse_line(str line, const char *name, size_t number, arena *a, eval_item *out,
                     error *err);
/* All lines of a file ("-": stdin). */
bool eval_read_test(const char *file, eval_test *out, error *err);
/* Finds the documents that the items name; those that the library does not have are errors. */
bool eval_find_documents(eval_test *t, const char *file, index_library *l, error *err);
/* At most `limit` of them, evenly spread, in their order. */
void eval_spread(eval_test *t, size_t limit);
/* A line for each item, such as eval_parse_line reads. */
void eval_put_test(text *out, const eval_test *t);

/* ---- questions out of documents (make.c) --------------------------------------------------- */

/* A heading fit to be asked for: without its number, and short enough; false where it is none. */
bool eval_clean_heading(str heading, arena *a, str *out);
/* How a person would name a document: by its title, or by its file. */
str eval_document_name(str title, str path, arena *a);
/* The question that a section of a document answers. `turn` chooses among the forms. */
str eval_heading_question(str document, str heading, str language, uint64_t turn, arena *a);
/* Whether an English sentence says what something is; *question asks for it, *term is what it defines. */
bool eval_definition(str sentence, arena *a, str *question, str *term);
/* Whether a sentence opens with the term and goes on to say what it is: right as an answer, though
 * too loose to make a question of. */
bool eval_defines(str sentence, str term);
/* Parts of a heading path ("A > B"): the last one; whether one of them is this heading; and the
 * same for a chunk, where short sections stand with their headings as lines of its text. */
str eval_last_heading(str path);
bool eval_under_heading(const index_chunk *c, str heading);

/* A test out of the library itself, `wanted` questions if there is enough to ask. */
typedef struct {
    size_t documents, headings, definitions, unanswerable; /* what it was made from */
    bool alone; /* the library has one document: nothing can be asked without it */
} eval_made;

bool eval_make_test(index_library *l, uint64_t seed, size_t wanted, eval_test *out, eval_made *made,
                    error *err);

/* ---- judging (judge.c) --------------------------------------------------------------------- */

typedef enum {
    EVAL_UNJUDGED, /* nothing is known of the right answer */
    EVAL_RIGHT,
    EVAL_NOT_RETRIEVED, /* no passage that was read is the right one */
    EVAL_REFUSED,       /* it was, and the answer was refused */
    EVAL_NOT_CHOSEN,    /* another sentence stands first */
    EVAL_WRONG_SPAN,    /* the right sentence, with other words of it in bold */
    EVAL_NOT_REFUSED,   /* nothing answers it, and something was shown */
    EVAL_VERDICTS
} eval_verdict;

extern const char *const eval_verdict_keys[EVAL_VERDICTS];  /* of JSON: "not_retrieved" */
extern const char *const eval_verdict_names[EVAL_VERDICTS]; /* for people: "not retrieved" */

/* A sentence as it would be shown. */
typedef struct {
    str text, document, label, heading;
    uint32_t page, bold_begin, bold_end;
} eval_shown;

typedef struct {
    const eval_item *item;
    bool refused; /* its confidence is under the threshold, or there was nothing to show */
    double confidence, total_ms;
    bool ranked;        /* it is known which passage is right */
    size_t rank;        /* of the first right passage; 0: not among the first EVAL_DEPTH */
    bool read;          /* the right passage was among those that were read */
    bool placed, cited; /* it is known which place is right; the first sentence cites it */
    bool first, three;  /* a gold answer in the first shown sentence, in the first three */
    bool spanned;       /* there is a gold answer to hold the bold span against */
    double exact, f1;
    bool known, correct; /* whether the first sentence answers it, shown or not */
    eval_verdict verdict;
    str answer;                   /* the bold span */
    eval_shown shown[EVAL_SHOWN]; /* also where it was refused: what would have been shown */
    size_t shown_count;
} eval_result;

/* Whether s holds the gold answer, by normalised words; in scripts without spaces by characters. */
bool eval_holds(str s, str gold);
/* Asks one question without refusing, and refuses by the threshold afterwards, so that confidence
 * can be judged on both sides of it. Strings lie in a. */
bool eval_ask(const query_context *q, const eval_item *item, const query_options *options,
              double threshold, const query_events *events, arena *a, eval_result *out, error *err);
/* The judgement alone: of an answer that was not refused, ranks already found. */
void eval_judge(const eval_item *item, double threshold, eval_result *r);

/* ---- figures (figures.c) --------------------------------------------------------------------- */

#define EVAL_BINS 10
#define EVAL_HITS 4
extern const size_t eval_hit_ranks[EVAL_HITS]; /* 1, 3, 5, 10 */

typedef struct {
    size_t count, right;
    double confidence; /* mean */
} eval_bin;

typedef struct {
    double coverage, risk, confidence;
} eval_point;

typedef struct {
    size_t questions, kinds[3]; /* by eval_kind */
    size_t refused_all;
    double threshold;
    struct {
        size_t count, hits[EVAL_HITS], ranks[EVAL_DEPTH + 1]; /* ranks[0]: not found */
        double mrr;
    } retrieval;
    struct {
        size_t count, first, three; /* with a gold answer */
        size_t placed, cited;
        size_t spanned;
        double exact, f1; /* means */
    } answers;
    struct {
        size_t shown, refused;
    } refusals[3];                                /* by eval_kind */
    double precision, recall, refusal_f1;         /* NAN where nothing is there to divide by */
    size_t judged, right;                         /* of confidence: what is known of */
    eval_bin bins[EVAL_BINS];                     /* of confidence */
    double brier, calibration_error, auroc, aurc; /* NAN where there is nothing to compare */
    eval_point *curve;                            /* risk and coverage, most sure first */
    size_t curve_count;
    double median_ms, p95_ms;
    size_t verdicts[EVAL_VERDICTS];
} eval_figures;

void eval_measure(const eval_result *results, size_t count, double threshold, eval_figures *out);
void eval_figures_free(eval_figures *f);

/* ---- output ----------------------------------------------------------------------------------- */

/* What was measured, for headings. */
typedef struct {
    str library;
    const char *file;      /* the test; NULL: made of the library */
    const eval_made *made; /* of such a one */
    uint64_t seed;
    uint64_t documents;
} eval_about;

/* Said wherever such figures stand. */
extern const char eval_made_warning[];

void eval_put_table(text *out, const cli_terminal *t, const eval_about *about,
                    const eval_figures *f, const eval_result *results);
/* "3 questions over library.db, 13 documents": of what the figures are. */
void eval_put_about(text *out, const eval_about *about, const eval_figures *f);
/* "lease.txt, p. 3": where the test says that it stands; empty where it does not. */
void eval_put_expected_place(text *out, const eval_item *item);
json_t *eval_json(const eval_about *about, const eval_figures *f, const eval_result *results,
                  size_t count);

/* The report: one page of HTML that needs nothing but itself. */
void eval_put_page(text *out, const eval_about *about, const eval_figures *f,
                   const eval_result *results, size_t count);
/* Harmless in HTML, in text and in attributes. */
void eval_put_escaped(text *out, str s);
void eval_plot_ranks(text *out, const eval_figures *f);
void eval_plot_reliability(text *out, const eval_figures *f);
void eval_plot_risk(text *out, const eval_figures *f);
void eval_plot_latency(text *out, const eval_figures *f, const eval_result *results, size_t count);

/* A file that is there whole or not at all (output.c). */
typedef struct {
    const char *path; /* borrowed */
    text beside;      /* where it is written first */
    int fd;           /* -1: not open */
} eval_output;

/* Looks at once whether it can be written: measuring takes minutes. what: "the report". */
bool eval_output_open(eval_output *o, const char *path, const char *what, error *err);
bool eval_output_finish(eval_output *o, str bytes, const char *what, error *err);
void eval_output_drop(eval_output *o); /* leaves nothing; after finish does nothing */

#endif
