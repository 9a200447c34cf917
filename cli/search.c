/* `carrel search`: the passages that a question finds, with the reason why in bold.
 *
 * It reads nothing and decides nothing: what the ranking gives is shown. Words alone go on working
 * in a library that another embedding model made, because no vector is compared then.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { SEARCH_LIMIT = CLI_GLOBALS, SEARCH_RANKING, SEARCH_QUESTIONS };

#define LIMIT_DEFAULT 10
/* What the ranking gives at most (query/search.c). */
#define LIMIT_MAX 10000
/* A snippet fills about two lines of a terminal. */
#define SNIPPET_BYTES 180
#define INDENT 4

static const char *const ranking_names[] = {"fused", "words", "vectors"};

typedef struct {
    cli_session session;
    query_ranking ranking;
    size_t limit;
} searching;

static bool find(searching *x, str question, arena *a, query_source **out, size_t *count,
                 error *err) {
    query_context q = cli_session_context(&x->session);
    return query_search_apart(&q, question, x->ranking, x->limit, a, out, count, err);
}

static bool answer_json(void *context, str question, arena *a, json_t **out, error *err) {
    searching *x = context;
    query_source *sources;
    size_t count;
    if (!find(x, question, a, &sources, &count, err)) return false;
    json_t *o = json_object(), *results = json_array(), *gaps = json_array();
    for (size_t i = 0; i < count; i++) {
        const index_chunk *c = &sources[i].chunk;
        cli_json_append(results, cli_json_source(x->session.library, &sources[i], i + 1));
        cli_json_gaps(gaps, x->session.library, c->document, c->path);
    }
    cli_json_set(o, "question", cli_json_str(question));
    cli_json_set(o, "ranking", json_string(ranking_names[x->ranking]));
    cli_json_set(o, "results", results);
    cli_json_set(o, "read_in_part", gaps);
    *out = o;
    return true;
}

static void put_result(text *out, index_library *l, const query_source *s, size_t rank,
                       str question, arena *a) {
    const cli_terminal *t = cli_stdout();
    cli_snippet found;
    text place = {0}, shown = {0};
    char score[32];
    int n = snprintf(score, sizeof score, "%.2f", s->score);
    cli_place p = cli_place_of_chunk(l, &s->chunk, a);
    cli_put_place(&place, t, &p);
    text_printf(out, "%s%2zu%s  ", t->dim, rank, t->reset);
    if (t->columns) {
        /* The score stands at the right end; a place that is too long gives up its heading. */
        text plain = {0};
        size_t room = t->columns - INDENT - (size_t)n - 1;
        static const cli_terminal bare = {
            .bold = "", .dim = "", .red = "", .green = "", .reset = ""};
        cli_put_place(&plain, &bare, &p);
        size_t columns = cli_columns(text_str(&plain));
        if (columns > room)
            cli_fit(out, text_str(&plain), room, true);
        else {
            text_put(out, text_str(&place));
            for (; columns < room; columns++) text_put_char(out, ' ');
        }
        text_printf(out, " %s%s%s\n", t->dim, score, t->reset);
        text_free(&plain);
    } else {
        text_put(out, text_str(&place));
        text_printf(out, "  %s\n", score);
    }
    cli_snippet_find(s->chunk.text, question, SNIPPET_BYTES, a, &found);
    /* The ellipses stand outside of the text, so the spans move by what stands before. */
    size_t before = 0;
    if (found.cut_before) {
        text_put(&shown, STR("\xE2\x80\xA6 "));
        before = shown.n;
    }
    text_put(&shown, str_cut(s->chunk.text, found.begin, found.end));
    if (found.cut_after) text_put(&shown, STR(" \xE2\x80\xA6"));
    for (size_t i = 0; i < found.span_count; i++) {
        found.spans[i].begin += before - found.begin;
        found.spans[i].end += before - found.begin;
    }
    cli_wrap(out, t, text_str(&shown), found.spans, found.span_count, INDENT, t->columns);
    cli_put_copies(out, s, INDENT);
    text_free(&shown);
    text_free(&place);
}

/* Each document once, below the passages. */
static void put_all_gaps(text *out, const cli_session *s, const query_source *sources,
                         size_t count) {
    const cli_terminal *t = cli_stdout();
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        const index_chunk *c = &sources[i].chunk;
        bool told = false;
        for (size_t k = 0; k < i && !told; k++) told = sources[k].chunk.document == c->document;
        text line = {0};
        if (!told && cli_put_gaps(&line, s, c->document, c->path)) {
            if (!any) text_put_char(out, '\n');
            any = true;
            text_put(out, str_of(t->dim));
            cli_wrap(out, t, text_str(&line), NULL, 0, 0, t->columns);
            text_put(out, str_of(t->reset));
        }
        text_free(&line);
    }
}

static bool answer_text(searching *x, str question, error *err) {
    query_source *sources;
    size_t count;
    arena *a = arena_new();
    bool ok = find(x, question, a, &sources, &count, err);
    text out = {0};
    for (size_t i = 0; ok && i < count; i++) {
        if (i) text_put_char(&out, '\n');
        put_result(&out, x->session.library, &sources[i], i + 1, question, a);
    }
    if (ok) put_all_gaps(&out, &x->session, sources, count);
    if (ok && count == 0) text_put(&out, STR("Nothing found.\n"));
    cli_put(text_str(&out));
    text_free(&out);
    arena_free(a);
    return ok;
}

static error_code one_question(searching *x, str question, bool json) {
    error err = {0};
    json_t *o;
    bool ok;
    arena *a = arena_new();
    if (json) {
        ok = answer_json(x, question, a, &o, &err);
        if (ok) cli_json_print(o, false);
    } else {
        ok = answer_text(x, question, &err);
    }
    arena_free(a);
    return ok ? ERROR_NONE : cli_fail(&err);
}

static error_code run(const cli_args *args) {
    error err = {0};
    searching x = {.limit = LIMIT_DEFAULT};
    const cli_value *file = &args->v[SEARCH_QUESTIONS];
    text question = {0};
    error_code code;
    if (args->v[SEARCH_LIMIT].given) x.limit = (size_t)args->v[SEARCH_LIMIT].number;
    if (args->v[SEARCH_RANKING].given) x.ranking = (query_ranking)args->v[SEARCH_RANKING].number;
    if (file->given == (args->operand_count > 0)) {
        error_set(
            &err, ERROR_USAGE,
            file->given
                ? "a question is given twice: with --questions none stands on the command line"
                : "what shall be searched for? `carrel search \"QUESTION\"`");
        return cli_fail(&err);
    }
    if (!file->given && !cli_question(args, &question, &err)) {
        text_free(&question);
        return cli_fail(&err);
    }
    int needs = CLI_NEED_THREADS;
    if (x.ranking != QUERY_WORDS) needs |= CLI_NEED_EMBEDDER | CLI_NEED_MATCH;
    if (x.ranking == QUERY_FUSED) needs |= CLI_NEED_RERANKER | CLI_WORDS_WILL_DO;
    if (!cli_session_open(args, needs, NULL, &x.session, &err))
        code = cli_fail(&err);
    else
        code = file->given ? cli_questions(file->text, answer_json, &x)
                           : one_question(&x, text_str(&question), args->v[CLI_JSON].given);
    cli_session_close(&x.session);
    text_free(&question);
    return code;
}

static const cli_option options[] = {
    {.name = "limit",
     .letter = 'n',
     .kind = CLI_COUNT,
     .value = "N",
     .low = 1,
     .high = LIMIT_MAX,
     .help = "how many passages (default: 10)"},
    {.name = "ranking",
     .kind = CLI_CHOICE,
     .value = "HOW",
     .choices = "fused|words|vectors",
     .help = "fused (default), words or vectors"},
    {.name = "questions",
     .kind = CLI_TEXT,
     .value = "FILE",
     .help = "one question per line ('-': stdin), one JSON line each"},
    CLI_COMPUTE_OPTIONS,
};

const cli_command cli_command_search = {
    .name = "search",
    .operands = "QUESTION",
    .most = SIZE_MAX,
    .summary = "show the passages that a question finds",
    .details = "Shows document, page and heading of the passages that fit the question best, with\n"
               "the words that they share with it. `words` is BM25 with a higher score for a\n"
               "better passage, `vectors` the cosine, `fused` both, at most 1.",
    .example = "  carrel search --limit 3 \"storage temperature\"\n"
               "  carrel search --questions questions.txt > results.jsonl",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
