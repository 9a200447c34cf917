/* `carrel ask`: an answer, each sentence of it with its place.
 *
 * The sources are told at once, then each sentence when it is final. What a decoder is writing is
 * not shown before it is checked, only counted: a dose that no page bears out must not be read
 * even for a second. On a terminal the answer itself is bold; in a pipe the same lines come plain.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum {
    ASK_MODE = CLI_GLOBALS,
    ASK_STRICT,
    ASK_SOURCES,
    ASK_SENTENCES,
    ASK_THRESHOLD,
    ASK_SEED,
    ASK_TEMPERATURE,
    ASK_DECODER,
    ASK_CHAT,
    ASK_THINKING,
    ASK_NO_THINKING,
    ASK_FRESH,
    ASK_NO_DRAFTS,
    ASK_KV,
    ASK_QUESTIONS
};

/* Pages named when there is no answer. */
#define NEAREST_NAMED 3
/* Different places that the sentences of one answer can cite. */
#define PLACES_MAX 64
#define CITATION_INDENT 2
#define QUOTE_INDENT 6
/* Tokens that a decoder may write while the machine is spared: about two sentences. */
#define SPARE_TOKENS 96

typedef struct {
    cli_session session;
    query_options options;
    /* Of the question at hand. */
    const query_source *sources;
    size_t source_count, shown, pieces;
    double confidence;                         /* the verdict */
    bool judged;                               /* it is to be said before the first sentence */
    bool waiting;                              /* a line on stderr that must be cleared */
    bool show_thinking, no_thinking, thinking; /* thinking: some of it stands on the screen */
    struct {
        int64_t document;
        uint32_t page;
    } places[PLACES_MAX];
    size_t place_count;
    int64_t gaps_told[PLACES_MAX]; /* documents of which it is said that they were read in part */
    size_t gaps_told_count;
} asking;

/* ---- for programs -------------------------------------------------------------------------- */

/* A hundredth of a point is finer than any print. */
static json_t *json_box(box b) {
    json_t *o = json_array();
    const float v[] = {b.x0, b.y0, b.x1, b.y1};
    for (size_t i = 0; i < 4; i++)
        cli_json_append(o, cli_json_real(round((double)v[i] * 100) / 100));
    return o;
}

static json_t *json_citation(index_library *l, const query_citation *c) {
    json_t *o = json_object(), *boxes = json_array();
    arena *a = arena_new();
    cli_place place = cli_place_of_citation(l, c, a);
    for (size_t i = 0; i < c->box_count; i++) {
        box b = c->boxes[i].at;
        if (b.x1 > b.x0 || b.y1 > b.y0) /* documents without a layout have none */
            cli_json_append(boxes, json_box(b));
    }
    cli_json_set(o, "document", cli_json_str(c->document));
    cli_json_set(o, "page", json_integer(c->page));
    cli_json_set(o, "label", cli_json_str(c->label));
    cli_json_place(o, &place);
    cli_json_set(o, "heading", cli_json_str(c->heading));
    cli_json_set(o, "quote", cli_json_str(c->quote));
    cli_json_set(o, "boxes", boxes);
    arena_free(a);
    return o;
}

static json_t *json_sentence(index_library *l, const query_sentence *s) {
    json_t *o = json_object(), *citations = json_array();
    for (size_t i = 0; i < s->citation_count; i++)
        cli_json_append(citations, json_citation(l, &s->citations[i]));
    cli_json_set(o, "text", cli_json_str(s->text));
    cli_json_set(o, "verified", json_boolean(s->verified));
    if (!s->verified) cli_json_set(o, "reason", cli_json_str(s->reason));
    if (s->table_caption.n) cli_json_set(o, "table_caption", cli_json_str(s->table_caption));
    if (s->table_head.n) cli_json_set(o, "table_head", cli_json_str(s->table_head));
    if (s->table_section.n) cli_json_set(o, "table_section", cli_json_str(s->table_section));
    cli_json_set(o, "citations", citations);
    return o;
}

/* What a decoder did: tokens of the prompt, those of them that an earlier question had read
 * already, tokens said, and how many of those proposed came true. */
static json_t *json_reading(const query_reading *r) {
    json_t *o = json_object();
    cli_json_set(o, "prompt_tokens", json_integer(r->prompt_tokens));
    cli_json_set(o, "kept_tokens", json_integer(r->kept_tokens));
    cli_json_set(o, "said_tokens", json_integer(r->said_tokens));
    cli_json_set(o, "drafted_tokens", json_integer(r->drafted_tokens));
    cli_json_set(o, "accepted_tokens", json_integer(r->accepted_tokens));
    cli_json_set(o, "prompt_ms", cli_json_real(r->prompt_ms));
    return o;
}

/* The documents that were read in part, of those that an answer cites or, where there is none, of
 * the nearest. */
static json_t *json_gaps(index_library *l, const query_answer *r) {
    json_t *list = json_array();
    for (size_t i = 0; i < r->sentence_count; i++)
        for (size_t k = 0; k < r->sentences[i].citation_count; k++) {
            const query_citation *c = &r->sentences[i].citations[k];
            cli_json_gaps(list, l, c->document_id, c->document);
        }
    for (size_t i = 0; r->refused && i < r->source_count; i++)
        cli_json_gaps(list, l, r->sources[i].chunk.document, r->sources[i].chunk.path);
    return list;
}

static json_t *json_answer(index_library *l, const query_answer *r) {
    json_t *o = json_object(), *sentences = json_array(), *sources = json_array();
    json_t *timings = json_object();
    for (size_t i = 0; i < r->sentence_count; i++)
        cli_json_append(sentences, json_sentence(l, &r->sentences[i]));
    for (size_t i = 0; i < r->source_count; i++)
        cli_json_append(sources, cli_json_source(l, &r->sources[i], 0));
    cli_json_set(timings, "search", cli_json_real(r->timings.search_ms));
    cli_json_set(timings, "read", cli_json_real(r->timings.read_ms));
    cli_json_set(timings, "write", cli_json_real(r->timings.write_ms));
    cli_json_set(timings, "total", cli_json_real(r->timings.total_ms));
    cli_json_set(o, "question", cli_json_str(r->question));
    cli_json_set(o, "answer", cli_json_str(r->answer));
    cli_json_set(o, "refused", json_boolean(r->refused));
    cli_json_set(o, "confidence", cli_json_real(r->confidence));
    cli_json_set(o, "confidence_words", json_string(query_confidence_words(r->confidence)));
    cli_json_set(o, "mode", json_string(r->mode == QUERY_WRITE ? "write" : "verbatim"));
    cli_json_set(o, "sentences", sentences);
    cli_json_set(o, "sources", sources);
    cli_json_set(o, "read_in_part", json_gaps(l, r));
    uint64_t unreadable;
    if (r->refused && index_count_failed(l, &unreadable, NULL))
        cli_json_set(o, "files_not_readable", json_integer((json_int_t)unreadable));
    cli_json_set(o, "timings_ms", timings);
    if (r->reading.prompt_tokens) cli_json_set(o, "reading", json_reading(&r->reading));
    return o;
}

static bool cancelled(void *context) {
    (void)context;
    return cli_stopped() || cli_output_broken();
}

static void spare_the_machine(asking *x) {
    x->options.max_tokens = x->session.compute.spare ? SPARE_TOKENS : 0;
    x->options.no_thinking = x->no_thinking || x->session.compute.spare;
}

static bool answer_json(void *context, str question, arena *a, json_t **out, error *err) {
    asking *x = context;
    query_answer answer;
    cli_session_refresh(&x->session);
    spare_the_machine(x);
    query_context q = cli_session_context(&x->session);
    query_events events = {.cancelled = cancelled};
    if (!query_ask(&q, question, &x->options, &events, a, &answer, err)) return false;
    *out = json_answer(x->session.library, &answer);
    if (x->show_thinking) cli_json_set(*out, "thinking", cli_json_str(answer.thinking));
    return true;
}

/* ---- for people ---------------------------------------------------------------------------- */

static void clear_waiting(asking *x) {
    if (x->waiting) (void)!fwrite("\r\033[K", 1, 4, stderr);
    x->waiting = false;
}

/* Two passages of a page are one page. */
static bool named_before(const query_source *sources, size_t which) {
    const index_chunk *c = &sources[which].chunk;
    for (size_t i = 0; i < which; i++)
        if (sources[i].chunk.document == c->document &&
            sources[i].chunk.page_first == c->page_first)
            return true;
    return false;
}

/* "manual.pdf p. 7, 6, 12; lease.txt": documents in the order of their best passage. */
static void put_sources(text *out, const query_source *sources, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const index_chunk *c = &sources[i].chunk;
        bool known = false;
        for (size_t k = 0; k < i; k++) known = known || sources[k].chunk.document == c->document;
        if (known) continue;
        text_put(out, i ? STR("; ") : STR(""));
        cli_clean(out, cli_file_name(c->path));
        const char *before = " p. ";
        for (size_t k = i; k < count; k++) {
            const index_chunk *other = &sources[k].chunk;
            if (other->document != c->document || named_before(sources, k) ||
                !cli_has_pages(c->path, other->page_last) || other->part.name.n > 0)
                continue; /* pages of a part are numbered within it */
            text_printf(out, "%s%u", before, other->page_first);
            before = ", ";
        }
    }
}

static void on_sources(void *context, const query_source *sources, size_t count) {
    asking *x = context;
    const cli_terminal *t = cli_stderr();
    text line = {0}, out = {0};
    x->sources = sources;
    x->source_count = count;
    if (!t->tty || count == 0) return;
    text_put(&line, STR("reading "));
    put_sources(&line, sources, count);
    text_put(&out, str_of(t->dim));
    cli_fit(&out, text_str(&line), t->columns, false);
    text_printf(&out, "%s\n\n", t->reset);
    (void)!fwrite(out.p, 1, out.n, stderr);
    text_free(&line);
    text_free(&out);
}

/* What a decoder writes may all be dropped, and then there is nothing to be unsure of. */
static void on_verdict(void *context, double confidence) {
    asking *x = context;
    x->confidence = confidence;
    x->judged = true;
}

/* Said before the sentences: what is quoted is true to the page, not always to the question. */
static void put_verdict(text *out, asking *x) {
    const cli_terminal *t = cli_stdout();
    if (x->judged)
        text_printf(out, "%sThat this answers the question is %s (%.2f):%s\n\n", t->dim,
                    query_confidence_words(x->confidence), x->confidence, t->reset);
    x->judged = false;
}

static void end_thinking(asking *x) {
    const cli_terminal *t = cli_stdout();
    if (!x->thinking) return;
    cli_put(*t->dim ? str_of(t->reset) : STR("\n</think>"));
    cli_put(STR("\n\n"));
    cli_flush();
    x->thinking = false;
}

static void count_piece(asking *x, const char *what) {
    const cli_terminal *t = cli_stderr();
    end_thinking(x);
    x->pieces++;
    if (!t->tty) return;
    fprintf(stderr, "\r\033[K%s%s: %zu %s%s", t->dim, what, x->pieces,
            x->pieces == 1 ? "piece" : "pieces", t->reset);
    x->waiting = true;
}

static void on_piece(void *context, str piece) {
    (void)piece; /* not shown before it is checked */
    count_piece(context, "writing, to be checked");
}

/* Shown only when asked for, apart from the answer and in a voice of its own: dim, or between marks
 * where nothing can be dim. Its lines are kept, and made harmless. */
static void on_thinking(void *context, str piece) {
    asking *x = context;
    const cli_terminal *t = cli_stdout();
    text out = {0};
    if (!x->show_thinking) {
        count_piece(x, "thinking");
        return;
    }
    if (!x->thinking) text_put(&out, *t->dim ? str_of(t->dim) : STR("<think>\n"));
    x->thinking = true;
    for (size_t at = 0; at < piece.n;) {
        size_t end = str_find(piece, STR("\n"), at);
        cli_clean(&out, str_cut(piece, at, end < piece.n ? end : piece.n));
        if (end < piece.n) text_put_char(&out, '\n');
        at = end < piece.n ? end + 1 : piece.n;
    }
    cli_put(text_str(&out));
    cli_flush();
    text_free(&out);
}

/* The source that holds the quote, or NULL: it stands beside one. */
static const query_source *source_of(const asking *x, const query_citation *c) {
    for (size_t i = 0; i < x->source_count; i++) {
        const index_chunk *chunk = &x->sources[i].chunk;
        if (chunk->document == c->document_id && chunk->page_first <= c->page &&
            c->page <= chunk->page_last && str_find(chunk->text, c->quote, 0) != SIZE_MAX)
            return &x->sources[i];
    }
    return NULL;
}

static size_t place_number(asking *x, const query_citation *c) {
    for (size_t i = 0; i < x->place_count; i++)
        if (x->places[i].document == c->document_id && x->places[i].page == c->page) return i + 1;
    if (x->place_count == PLACES_MAX) return PLACES_MAX;
    x->places[x->place_count].document = c->document_id;
    x->places[x->place_count].page = c->page;
    return ++x->place_count;
}

/* Said once for each document of an answer: that pages of it are missing. */
static void put_gaps(text *out, asking *x, int64_t document, str path) {
    const cli_terminal *t = cli_stdout();
    text line = {0};
    for (size_t i = 0; i < x->gaps_told_count; i++)
        if (x->gaps_told[i] == document) return;
    if (x->gaps_told_count < PLACES_MAX) x->gaps_told[x->gaps_told_count++] = document;
    if (cli_put_gaps(&line, &x->session, document, path)) {
        text_put(out, str_of(t->dim));
        cli_wrap(out, t, text_str(&line), NULL, 0, QUOTE_INDENT, t->columns);
        text_put(out, str_of(t->reset));
    }
    text_free(&line);
}

static void put_citation(text *out, asking *x, const query_sentence *s, const query_citation *c) {
    const cli_terminal *t = cli_stdout();
    arena *a = arena_new();
    const query_source *source = source_of(x, c);
    size_t places = x->place_count;
    cli_place place = cli_place_of_citation(x->session.library, c, a);
    text_printf(out, "%*s%s[%zu]%s ", CITATION_INDENT, "", t->dim, place_number(x, c), t->reset);
    cli_put_place(out, t, &place);
    text_put_char(out, '\n');
    arena_free(a);
    /* A verbatim sentence is its own quote. */
    if (c->quote.n && !str_eq(c->quote, s->text)) {
        text quote = {0};
        text_put(&quote, STR("\""));
        text_put(&quote, c->quote);
        text_put(&quote, STR("\""));
        cli_wrap(out, t, text_str(&quote), NULL, 0, QUOTE_INDENT, t->columns);
        text_free(&quote);
    }
    if (source && x->place_count > places) cli_put_copies(out, source, QUOTE_INDENT);
    put_gaps(out, x, c->document_id, c->document);
}

/* What stands above a row in its table. */
static void put_table_line(text *out, const cli_terminal *t, str line) {
    if (line.n == 0) return;
    text_put(out, str_of(t->dim));
    cli_wrap(out, t, line, NULL, 0, 0, t->columns);
    text_put(out, str_of(t->reset));
}

/* A list is its heading and its items, a line each. */
static void put_lines(text *out, const cli_terminal *t, str s, cli_span bold) {
    for (size_t at = 0; at < s.n;) {
        size_t end = str_find(s, STR("\n"), at);
        if (end == SIZE_MAX) end = s.n;
        cli_span part = {bold.begin > at ? bold.begin - at : 0, bold.end > at ? bold.end - at : 0};
        if (part.end > end - at) part.end = end - at;
        cli_wrap(out, t, str_cut(s, at, end), &part, part.end > part.begin, 0, t->columns);
        at = end + 1;
    }
}

static void on_sentence(void *context, const query_sentence *s) {
    asking *x = context;
    const cli_terminal *t = cli_stdout();
    text out = {0};
    cli_span bold = {s->bold_begin, s->bold_end};
    clear_waiting(x);
    end_thinking(x);
    put_verdict(&out, x);
    if (x->shown++) text_put_char(&out, '\n');
    put_table_line(&out, t, s->table_caption);
    put_table_line(&out, t, s->table_head);
    put_table_line(&out, t, s->table_section);
    put_lines(&out, t, s->text, bold);
    if (!s->verified) {
        text_printf(&out, "%*s%snot verified%s: ", CITATION_INDENT, "", t->red, t->reset);
        cli_clean(&out, s->reason.n ? s->reason : STR("no passage bears it out"));
        text_put_char(&out, '\n');
    }
    for (size_t i = 0; i < s->citation_count; i++) put_citation(&out, x, s, &s->citations[i]);
    cli_put(text_str(&out));
    cli_flush();
    text_free(&out);
}

static void put_refusal(asking *x, const query_answer *answer) {
    const cli_terminal *t = cli_stdout();
    text out = {0};
    text_printf(&out, "%sNot in these documents.%s\n", t->bold, t->reset);
    if (answer->source_count) text_put(&out, STR("The nearest pages:\n"));
    size_t shown = 0;
    for (size_t i = 0; i < answer->source_count && shown < NEAREST_NAMED; i++) {
        const index_chunk *c = &answer->sources[i].chunk;
        if (named_before(answer->sources, i)) continue;
        shown++;
        text_printf(&out, "%*s", CITATION_INDENT, "");
        arena *a = arena_new();
        cli_place place = cli_place_of_chunk(x->session.library, c, a);
        cli_put_place(&out, t, &place);
        text_put_char(&out, '\n');
        put_gaps(&out, x, c->document, c->path);
        arena_free(a);
    }
    cli_put_unreadable(&out, &x->session);
    cli_put(text_str(&out));
    text_free(&out);
}

static void note_timings(const query_answer *r) {
    const cli_terminal *t = cli_stderr();
    cli_flush();
    if (!t->tty) return;
    fprintf(stderr, "\n%sconfidence %.2f, search %.0f ms, reading %.0f ms", t->dim, r->confidence,
            r->timings.search_ms, r->timings.read_ms);
    if (r->mode == QUERY_WRITE) fprintf(stderr, ", writing %.0f ms", r->timings.write_ms);
    fprintf(stderr, "%s\n", t->reset);
}

static bool answer_text(asking *x, str question, error *err) {
    query_answer r;
    spare_the_machine(x);
    query_context q = cli_session_context(&x->session);
    query_events events = {.sources = on_sources,
                           .verdict = on_verdict,
                           .piece = on_piece,
                           .sentence = on_sentence,
                           .cancelled = cancelled,
                           .context = x,
                           .thinking = on_thinking};
    arena *a = arena_new();
    bool ok = query_ask(&q, question, &x->options, &events, a, &r, err);
    clear_waiting(x);
    end_thinking(x);
    if (ok && r.refused) put_refusal(x, &r);
    if (ok) note_timings(&r);
    arena_free(a);
    return ok;
}

/* ---- the command --------------------------------------------------------------------------- */

static void read_options(const cli_args *args, asking *x) {
    static const query_mode modes[] = {QUERY_AUTO, QUERY_VERBATIM, QUERY_WRITE};
    const cli_value *v = args->v;
    x->options = (query_options){.threshold = -1,
                                 .strict = v[ASK_STRICT].given,
                                 .no_drafts = v[ASK_NO_DRAFTS].given,
                                 .sampling = {.temperature = 0, .top_p = 0.9f, .seed = 1}};
    x->show_thinking = v[ASK_THINKING].given;
    x->no_thinking = v[ASK_NO_THINKING].given;
    if (v[ASK_KV].given && v[ASK_KV].number > 0) x->options.kv = ENGINE_KV_INT8;
    if (v[ASK_MODE].given) x->options.mode = modes[(size_t)v[ASK_MODE].number];
    if (v[ASK_SOURCES].given) x->options.sources = (size_t)v[ASK_SOURCES].number;
    if (v[ASK_SENTENCES].given) x->options.sentences = (size_t)v[ASK_SENTENCES].number;
    if (v[ASK_THRESHOLD].given) x->options.threshold = v[ASK_THRESHOLD].number;
    if (v[ASK_SEED].given) x->options.sampling.seed = (uint64_t)v[ASK_SEED].number;
    if (v[ASK_TEMPERATURE].given)
        x->options.sampling.temperature = (float)v[ASK_TEMPERATURE].number;
}

static error_code one_question(asking *x, str question, bool json) {
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
    if (ok) return ERROR_NONE;
    /* Whoever closed the pipe knows. */
    return cli_output_broken() && err.code == ERROR_CANCELLED ? ERROR_NONE : cli_fail(&err);
}

static void note_empty(const cli_session *s) {
    index_status status;
    if (index_get_status(s->library, &status, NULL) && status.documents == 0)
        cli_note("the library %s is empty: `carrel add PATH` fills it", s->library_path.p);
}

static error_code run(const cli_args *args) {
    error err = {0};
    asking x = {0};
    const cli_value *file = &args->v[ASK_QUESTIONS];
    const char *decoder = args->v[ASK_DECODER].given ? args->v[ASK_DECODER].text : NULL;
    text question = {0};
    error_code code;
    read_options(args, &x);
    if (file->given == (args->operand_count > 0)) {
        error_set(
            &err, ERROR_USAGE,
            file->given
                ? "a question is given twice: with --questions none stands on the command line"
                : "what is the question? `carrel ask \"QUESTION\"`");
        return cli_fail(&err);
    }
    if (!file->given && !cli_question(args, &question, &err)) {
        text_free(&question);
        return cli_fail(&err);
    }
    int needs = CLI_NEED_EMBEDDER | CLI_NEED_MATCH | CLI_NEED_RERANKER | CLI_NEED_READER |
                CLI_NEED_DECODER | CLI_NEED_THREADS | CLI_WORDS_WILL_DO;
    if (!cli_session_open(args, needs, decoder, &x.session, &err)) {
        code = cli_fail(&err);
    } else {
        if (args->v[ASK_CHAT].given) {
            text_clear(&x.session.chat);
            text_put(&x.session.chat, str_of(args->v[ASK_CHAT].text));
        }
        /* Without a decoder an answer takes a blink: Ctrl-C ends it as it ends any program. */
        if (x.session.decoder) cli_stop_watch();
        if (args->v[ASK_FRESH].given) cli_session_forget(&x.session);
        note_empty(&x.session);
        code = file->given ? cli_questions(file->text, answer_json, &x)
                           : one_question(&x, text_str(&question), args->v[CLI_JSON].given);
    }
    cli_session_close(&x.session);
    text_free(&question);
    return code;
}

static const cli_option options[] = {
    {.name = "mode",
     .letter = 'm',
     .kind = CLI_CHOICE,
     .value = "MODE",
     .choices = "auto|verbatim|write",
     .help = "verbatim, write, or auto (default: write with a decoder)"},
    {.name = "strict", .kind = CLI_FLAG, .help = "drop sentences that no passage bears out"},
    {.name = "sources",
     .kind = CLI_COUNT,
     .value = "N",
     .low = 1,
     .high = 64,
     .help = "how many passages are read (default: 8)"},
    {.name = "sentences",
     .letter = 'n',
     .kind = CLI_COUNT,
     .value = "N",
     .low = 1,
     .high = 20,
     .help = "how many sentences are shown (default: 3)"},
    {.name = "threshold",
     .kind = CLI_REAL,
     .value = "X",
     .low = 0,
     .high = 1,
     .help = "confidence below which the answer is refused"},
    {.name = "seed",
     .kind = CLI_COUNT,
     .value = "N",
     .low = 0,
     .high = 9007199254740992.0,
     .help = "of a decoder's sampling (default: 1)"},
    {.name = "temperature",
     .kind = CLI_REAL,
     .value = "X",
     .low = 0,
     .high = 2,
     .help = "of a decoder's sampling (default: 0, always the likeliest)"},
    {.name = "decoder",
     .kind = CLI_TEXT,
     .value = "NAME|FILE",
     .help = "a GGUF decoder for this question"},
    {.name = "chat",
     .kind = CLI_CHOICE,
     .value = "NAME",
     .choices = QUERY_CHAT_NAMES,
     .help = "the decoder's chat format (default: told from its file)"},
    {.name = "thinking",
     .kind = CLI_FLAG,
     .help = "show what a reasoning model thinks before it answers"},
    {.name = "no-thinking", .kind = CLI_FLAG, .help = "a reasoning model answers at once"},
    {.name = "fresh",
     .kind = CLI_FLAG,
     .help = "a decoder reads the passages anew, and nothing that it read is kept"},
    {.name = "no-drafts",
     .kind = CLI_FLAG,
     .help = "a decoder says each token by itself: slower, the same answer"},
    {.name = "kv",
     .kind = CLI_CHOICE,
     .value = "TYPE",
     .choices = "f16|int8",
     .help = "how a decoder keeps what it has read (int8: half the memory, less exact)"},
    {.name = "questions",
     .kind = CLI_TEXT,
     .value = "FILE",
     .help = "one question per line ('-': stdin), one JSON line each"},
    CLI_COMPUTE_OPTIONS,
};

const cli_command cli_command_ask = {
    .name = "ask",
    .operands = "QUESTION",
    .most = SIZE_MAX,
    .summary = "answer a question, with the page of every sentence",
    .details = "Answers from the documents of the library and from nothing else. `verbatim` shows\n"
               "sentences as they stand on their pages, the answer bold; `write` lets a decoder\n"
               "that you brought (`carrel model use FILE`) write, and checks every sentence\n"
               "against the passage that it cites. When nothing good enough is found, the answer\n"
               "is \"Not in these documents.\" (exit code 0; --json has \"refused\": true).",
    .example = "  carrel ask \"How long is the notice period?\"\n"
               "  carrel ask --questions questions.txt > answers.jsonl",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
