/* `carrel eval`: how good are the answers over these documents?
 *
 * The test is read whole, and the files that are to be written are opened, before the first question
 * is asked: what is wrong with them is said within a blink. Ctrl-C ends between two questions; half
 * a test gives no figures, since the first half of a file is not a sample of it.
 */
#include <string.h>

#include "cli/eval/eval.h"

enum {
    EVAL_REPORT = CLI_GLOBALS,
    EVAL_SELF,
    EVAL_WRITE,
    EVAL_SEED,
    EVAL_LIMIT,
    EVAL_SOURCES,
    EVAL_THRESHOLD
};

/* Of a test that the library makes: enough for figures to a few per cent, asked in a minute. */
#define MADE_QUESTIONS 200u
#define SEED_DEFAULT 1u

typedef struct {
    const cli_args *args;
    cli_session session;
    eval_test test;
    eval_made made;
    eval_result *results;
    eval_figures figures;
    eval_output report, written;
    double threshold;
    arena *a;
} evaluating;

static bool cancelled(void *context) {
    (void)context;
    return cli_stopped() || cli_output_broken();
}

static bool check_options(const cli_args *args, error *err) {
    const cli_value *v = args->v;
    bool self = v[EVAL_SELF].given;
    if (self == (args->operand_count > 0))
        return error_set(err, ERROR_USAGE,
                         self
                             ? "with --self the library makes the test; leave out --self or the "
                               "file"
                             : "which questions? `carrel eval FILE.jsonl`, or `carrel eval --self` "
                               "for a test that the library makes of itself");
    if (!self && (v[EVAL_WRITE].given || v[EVAL_SEED].given))
        return error_set(err, ERROR_USAGE, "--%s goes with --self",
                         v[EVAL_WRITE].given ? "write" : "seed");
    if (v[EVAL_WRITE].given && v[EVAL_REPORT].given &&
        strcmp(v[EVAL_WRITE].text, v[EVAL_REPORT].text) == 0)
        return error_set(err, ERROR_USAGE, "--write and --report name the same file");
    return true;
}

static bool open_outputs(evaluating *e, error *err) {
    const cli_value *v = e->args->v;
    cli_stop_watch(); /* from now on there is something to clear away */
    if (v[EVAL_WRITE].given && !eval_output_open(&e->written, v[EVAL_WRITE].text, "the test", err))
        return false;
    return !v[EVAL_REPORT].given ||
           eval_output_open(&e->report, v[EVAL_REPORT].text, "the report", err);
}

static bool make_test(evaluating *e, error *err) {
    const cli_value *v = e->args->v;
    size_t wanted = v[EVAL_LIMIT].given ? (size_t)v[EVAL_LIMIT].number : MADE_QUESTIONS;
    uint64_t seed = v[EVAL_SEED].given ? (uint64_t)v[EVAL_SEED].number : SEED_DEFAULT;
    if (!eval_make_test(e->session.library, seed, wanted, &e->test, &e->made, err)) return false;
    if (e->made.alone)
        cli_note("the library has one document, so nothing was asked without it: refusals are not "
                 "measured");
    else if (e->test.count < wanted && v[EVAL_LIMIT].given)
        cli_note("the documents gave %zu questions, not %zu", e->test.count, wanted);
    if (!v[EVAL_WRITE].given) return true;
    text lines = {0};
    eval_put_test(&lines, &e->test);
    bool ok = eval_output_finish(&e->written, text_str(&lines), "the test", err);
    text_free(&lines);
    return ok;
}

static bool read_test(evaluating *e, error *err) {
    const char *file = e->args->operands[0];
    const cli_value *limit = &e->args->v[EVAL_LIMIT];
    if (!eval_find_documents(&e->test, file, e->session.library, err)) return false;
    if (limit->given) eval_spread(&e->test, (size_t)limit->number);
    return true;
}

static bool ask_all(evaluating *e, error *err) {
    const cli_value *sources = &e->args->v[EVAL_SOURCES];
    query_options options = {.sources = sources->given ? (size_t)sources->number : 0};
    query_events events = {.cancelled = cancelled};
    cli_progress progress;
    bool ok = true;
    size_t done = 0;
    e->results = mem_new(e->test.count + 1, sizeof *e->results);
    cli_progress_start(&progress, e->test.count);
    for (; ok && done < e->test.count && !cancelled(NULL); done++) {
        const eval_item *item = &e->test.items[done];
        cli_progress_step(&progress, done, (str){0});
        cli_session_refresh(&e->session);
        query_context q = cli_session_context(&e->session);
        ok = eval_ask(&q, item, &options, e->threshold, &events, e->a, &e->results[done], err);
    }
    cli_progress_end(&progress);
    if (!cancelled(NULL)) return ok;
    return error_set(err, ERROR_CANCELLED,
                     "stopped after %zu of %zu questions; there are no figures of half a test",
                     done, e->test.count);
}

static bool tell(evaluating *e, error *err) {
    index_status status;
    bool self = e->args->v[EVAL_SELF].given;
    const cli_value *seed = &e->args->v[EVAL_SEED];
    if (!index_withhold(e->session.library, NULL, 0, err) ||
        !index_get_status(e->session.library, &status, err))
        return false;
    eval_about about = {.library = text_str(&e->session.library_path),
                        .file = self ? NULL : e->args->operands[0],
                        .made = self ? &e->made : NULL,
                        .seed = seed->given ? (uint64_t)seed->number : SEED_DEFAULT,
                        .documents = status.documents};
    eval_measure(e->results, e->test.count, e->threshold, &e->figures);
    if (e->args->v[EVAL_REPORT].given) {
        text page = {0};
        eval_put_page(&page, &about, &e->figures, e->results, e->test.count);
        bool ok = eval_output_finish(&e->report, text_str(&page), "the report", err);
        text_free(&page);
        if (!ok) return false;
    }
    if (e->args->v[CLI_JSON].given) {
        cli_json_print(eval_json(&about, &e->figures, e->results, e->test.count), false);
    } else {
        text out = {0};
        eval_put_table(&out, cli_stdout(), &about, &e->figures, e->results);
        cli_put(text_str(&out));
        text_free(&out);
    }
    return true;
}

static bool evaluate(evaluating *e, error *err) {
    const cli_args *args = e->args;
    int needs =
        CLI_NEED_EMBEDDER | CLI_NEED_MATCH | CLI_NEED_RERANKER | CLI_NEED_READER | CLI_NEED_THREADS;
    bool self = args->v[EVAL_SELF].given;
    return check_options(args, err) && (self || eval_read_test(args->operands[0], &e->test, err)) &&
           cli_session_open(args, needs, NULL, &e->session, err) && open_outputs(e, err) &&
           (self ? make_test(e, err) : read_test(e, err)) && ask_all(e, err) && tell(e, err);
}

static error_code run(const cli_args *args) {
    error err = {0};
    evaluating e = {.args = args, .report.fd = -1, .written.fd = -1, .a = arena_new()};
    const cli_value *threshold = &args->v[EVAL_THRESHOLD];
    e.threshold = threshold->given ? threshold->number : query_refusal_threshold;
    e.test.a = e.a;
    bool ok = evaluate(&e, &err);
    eval_output_drop(&e.report);
    eval_output_drop(&e.written);
    eval_figures_free(&e.figures);
    mem_free(e.results);
    eval_test_free(&e.test);
    cli_session_close(&e.session);
    arena_free(e.a);
    return ok ? ERROR_NONE : cli_fail(&err);
}

static const cli_option options[] = {
    {.name = "report",
     .letter = 'r',
     .kind = CLI_TEXT,
     .value = "FILE",
     .help = "write a page of HTML with plots and every miss"},
    {.name = "self", .kind = CLI_FLAG, .help = "let the library make the test of itself"},
    {.name = "write",
     .letter = 'w',
     .kind = CLI_TEXT,
     .value = "FILE",
     .help = "keep the test that --self made, to edit and run again"},
    {.name = "seed",
     .kind = CLI_COUNT,
     .value = "N",
     .low = 0,
     .high = 9007199254740992.0,
     .help = "which test --self makes (default: 1)"},
    {.name = "limit",
     .letter = 'n',
     .kind = CLI_COUNT,
     .value = "N",
     .low = 1,
     .high = EVAL_ITEMS_MAX,
     .help = "at most N questions, evenly spread (--self: 200)"},
    {.name = "sources",
     .kind = CLI_COUNT,
     .value = "N",
     .low = 1,
     .high = 64,
     .help = "how many passages are read (default: 8)"},
    {.name = "threshold",
     .kind = CLI_REAL,
     .value = "X",
     .low = 0,
     .high = 1,
     .help = "confidence below which the answer is refused"},
    CLI_COMPUTE_OPTIONS,
};

const cli_command cli_command_eval = {
    .name = "eval",
    .operands = "[FILE.jsonl]",
    .most = 1,
    .summary = "measure the answers with questions whose answers are known",
    .details =
        "Asks the questions of FILE ('-': stdin), one JSON object on each line, as\n"
        "`ask --mode verbatim` would with the built-in reader, and prints how often the right\n"
        "page is found (hit@k, MRR), the right sentence and words shown (exact match, F1), the\n"
        "unanswerable refused (precision, recall), and the stated confidence true (Brier score).\n"
        "\n"
        "  {\"question\": \"How long is the notice?\", \"document\": \"lease.pdf\", \"page\": 3,\n"
        "   \"answer\": \"six months\"}\n"
        "  {\"question\": \"May I keep a dog?\", \"answer\": null}\n"
        "\n"
        "\"answer\" is a text or a list of texts of which each is right; null, or \"answerable\":\n"
        "false, says that nothing in the library answers. \"page\" counts from 1, or is a list.\n"
        "\"id\" is yours. Whatever is missing is not measured. What --write writes has more:\n"
        "\"heading\" (what stands under it is right too), \"whole_sentence\": true (the answer is\n"
        "a sentence: right wherever it stands, and no bold span), and \"without\" (documents that\n"
        "the search passes over for this question).\n"
        "\n"
        "--self asks for what headings and definitions of the documents say, and the same once\n"
        "more without those documents, which is to be refused. Such a test is easier than real\n"
        "questions: use it to compare settings, and your own questions to know how good it is.",
    .example = "  carrel eval questions.jsonl --report report.html\n"
               "  carrel eval --self --limit 100 --write test.jsonl",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
