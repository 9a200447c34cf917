/* query: from a question to an answer over a small library, with the built-in models, and with a
 * decoder of random weights, which says nothing true: what it writes must be marked, and held to
 * the passages it must still copy them.
 */
#include "query/draft.h"
#include "query/passages.h"
#include "query/query.h"
#include "tests/fixtures/gguf_fixture.h"
#include "tests/support/brought_model.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const passages[] = {
    "The ferry to Lund Island leaves at half past six from the north pier.\nDogs travel free of "
    "charge. Bicycles cost four crowns.",
    "The lighthouse was built in 1884 by the engineer Sofia Brandt. It stands 41 metres above the "
    "sea and is open on Sundays.",
    "The museum shows boats and nets. A guided walk takes 45 minutes and starts at the gate.",
};
#define PASSAGES (sizeof passages / sizeof *passages)

/* As the chunker marks them: a blank line behind a head, and in front of a table without one. */
static const char *const tables[] = {
    "Table 2. Fees of the ward (in shillings)\nItem | 2023 | 2024\n\nMaternity\n"
    "Normal delivery | 9000 | 11000\nCaesarean section | 38000 | 42500\nDental\n"
    "Total of the ward | 47000 | 53500",
    ("Stock | Shelf\n\nGloves | 12\nBandages | 40 | 7\nKerosene | 15\nSpare | Filter\n\n"
     "Generator filter | 31"),
    "Wards and visitors.\n\nVisitors of the maternity ward | 520 | 610\nNurses on duty | 14 | 15",
};

static const char *const lists[] = {
    "The clinic opens at eight.\nVaccines given at birth\n- BCG\n- Oral polio, dose 0\n"
    "Vaccines given at six weeks\n- Pentavalent, first dose\n- Rotavirus, first dose",
    "Equipment of the delivery room\n1. Two cord clamps\n2. Bag and mask\n3. Clean towels\n"
    "The towels are washed at sixty degrees.",
    "Vaccines are kept between 2 and 8 degrees. The thermometer is read twice a day.",
};

static struct {
    char library[64], decoder[64];
    query_context q;
    embed_model *embedder;
    embed_reader *reader;
    engine_model *model;
    arena *a;
} t;

static void fill_library(index_library *to, const char *const *texts, error *err) {
    size_t width = embed_width(t.embedder);
    index_chunk_in chunks[PASSAGES] = {0};
    line_box lines[PASSAGES];
    int8_t *vectors = arena_alloc(t.a, PASSAGES, width);
    float scales[PASSAGES], *vector = arena_alloc(t.a, width, sizeof *vector);
    index_page pages[PASSAGES];
    for (uint32_t i = 0; i < PASSAGES; i++) {
        str s = str_of(texts[i]);
        lines[i] = (line_box){0, (uint32_t)s.n, i + 1, {72, 100, 500, 112}, 0};
        chunks[i] = (index_chunk_in){.text = s,
                                     .page_first = i + 1,
                                     .page_last = i + 1,
                                     .tokens = 30,
                                     .lines = &lines[i],
                                     .line_count = 1};
        pages[i] = (index_page){.number = i + 1,
                                .label = i == 0 ? STR("iii") : (str){0},
                                .width_pt = 595,
                                .height_pt = 842,
                                .fate = STR("text")};
        embed_text(t.embedder, s, vector);
        embed_quantize(vector, width, vectors + i * width, &scales[i]);
    }
    index_model model = {.name = embed_name(t.embedder), .width = (uint32_t)width};
    memcpy(model.hash, embed_hash(t.embedder), sizeof model.hash);
    index_document_in d = {.path = STR("/shelf/island.pdf"),
                           .hash = {1},
                           .title = STR("Island"),
                           .type = STR("pdf"),
                           .language = STR("en"),
                           .pages = pages,
                           .page_count = PASSAGES,
                           .chunks = chunks,
                           .chunk_count = PASSAGES,
                           .vectors = vectors,
                           .scales = scales};
    index_outcome outcome;
    int64_t id;
    assert_true(index_set_model(to, &model, err));
    assert_true(index_add(to, &d, &outcome, &id, err));
}

static int set_up(void **state) {
    (void)state;
    error err = {0};
    t.a = arena_new();
    snprintf(t.library, sizeof t.library, "/tmp/carrel-query-%ld.db", (long)getpid());
    snprintf(t.decoder, sizeof t.decoder, "/tmp/carrel-query-%ld.gguf", (long)getpid());
    llama_shape shape = {.type = FIXTURE_Q8_0,
                         .layers = 2,
                         .width = 64,
                         .hidden = 160,
                         .heads = 4,
                         .kv_heads = 2,
                         .head = 16,
                         .rotary = 16,
                         .vocab = 1200,
                         .context = 2048,
                         .rope_base = 10000,
                         .tied = true,
                         .seed = 5};
    text file = fixture_llama(&shape);
    FILE *f = fopen(t.decoder, "wb");
    bool ok = f && fwrite(file.p, 1, file.n, f) == file.n && fclose(f) == 0;
    text_free(&file);
    ok = ok && index_open(t.library, INDEX_CREATE, &t.q.library, &err) &&
         embed_model_open("models/carrel-embed.gguf", NULL, &t.embedder, &err) &&
         embed_reader_open("models/carrel-reader.gguf", &t.reader, &err) &&
         engine_model_open(t.decoder, &t.model, &err);
    if (!ok) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    t.q.embedder = t.embedder;
    t.q.reader = t.reader;
    fill_library(t.q.library, passages, &err);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    index_close(t.q.library);
    embed_model_close(t.embedder);
    embed_reader_close(t.reader);
    engine_model_close(t.model);
    arena_free(t.a);
    unlink(t.library);
    unlink(t.decoder);
    return 0;
}

static query_answer ask(const query_context *q, const char *question, query_options o) {
    query_answer answer;
    error err = {0};
    if (!query_ask(q, str_of(question), &o, NULL, t.a, &answer, &err)) fail_msg("%s", err.text);
    return answer;
}

static bool stands_in_a_passage(str s) {
    for (size_t i = 0; i < PASSAGES; i++)
        if (str_find(str_of(passages[i]), s, 0) != SIZE_MAX) return true;
    return false;
}

static void test_search_ranks_by_each_way(void **state) {
    (void)state;
    error err;
    query_source *found;
    size_t n;
    for (int ranking = QUERY_FUSED; ranking <= QUERY_VECTORS; ranking++) {
        assert_true(query_search(&t.q, STR("Who built the lighthouse?"), (query_ranking)ranking, 10,
                                 t.a, &found, &n, &err));
        assert_true(n > 0 && found[0].chunk.page_first == 2);
        for (size_t i = 1; i < n; i++) assert_true(found[i].score <= found[i - 1].score);
    }
    assert_true(query_search(&t.q, STR("\"(* NEAR ^ OR"), QUERY_FUSED, 10, t.a, &found, &n, &err));
}

static void test_answer_has_its_proof(void **state) {
    (void)state;
    query_answer a = ask(&t.q, "When was the lighthouse built?", (query_options){.threshold = 0});
    assert_false(a.refused);
    assert_int_equal(a.mode, QUERY_VERBATIM);
    const query_sentence *s = &a.sentences[0];
    assert_true(
        str_eq(s->text, STR("The lighthouse was built in 1884 by the engineer Sofia Brandt.")));
    assert_true(s->verified && s->citation_count == 1);
    assert_true(s->bold_begin < s->bold_end && s->bold_end <= s->text.n);
    const query_citation *c = &s->citations[0];
    assert_true(str_eq(c->document, STR("/shelf/island.pdf")) && c->page == 2 && c->label.n == 0);
    assert_true(c->box_count == 1 && c->boxes[0].page == 2);
    assert_true(a.confidence > 0 && a.confidence <= 1);
    a = ask(&t.q, "What do dogs pay on the ferry?", (query_options){.threshold = 0});
    assert_true(a.sentence_count > 0 && str_eq(a.sentences[0].citations[0].label, STR("iii")));
}

/* Of a chunk that holds several sections, each sentence is cited below its own heading. */
static void test_citation_names_its_section(void **state) {
    (void)state;
    static const struct {
        const char *text, *heading;
        uint32_t depth; /* as in line_box */
    } lines[] = {{"Rest in bed.", "Care > Fever > At home", 0},
                 {"In the", "Care > Fever > At home", 3},
                 {"ward", "Care > Fever > In the ward", 3},
                 {"Drink tea.", "Care > Fever > In the ward", 0},
                 {"At night", "Care > Fever > In the ward", 4},
                 {"Dim the lamp.", "Care > Fever > In the ward > At night", 0},
                 {"Cough", "Care > Fever > In the ward > At night", 2},
                 {"Sit up.", "Care > Cough", 0},
                 {"Pay", "Care > Cough", 1},
                 {"At the till.", "Pay", 0}};
    enum { LINES = sizeof lines / sizeof *lines };
    line_box boxes[LINES] = {0};
    text all = {0};
    error err = {0};
    query_source *found;
    size_t n;
    for (size_t i = 0; i < LINES; i++) {
        if (i > 0) text_put_char(&all, i == 2 ? ' ' : '\n');
        boxes[i] = (line_box){.begin = (uint32_t)all.n, .page = 1, .heading = lines[i].depth};
        text_put(&all, str_of(lines[i].text));
        boxes[i].end = (uint32_t)all.n;
    }
    assert_true(query_search(&t.q, STR("lighthouse"), QUERY_WORDS, 1, t.a, &found, &n, &err));
    query_passage p = {.source = found[0]};
    p.source.chunk.heading = str_of(lines[0].heading);
    p.source.chunk.text = text_str(&all);
    p.source.chunk.lines = boxes;
    p.source.chunk.line_count = LINES;
    for (size_t i = 0; i < LINES; i++) {
        query_citation c;
        if (i == 2) continue; /* the rest of a heading */
        assert_true(query_cite(&t.q, &p, boxes[i].begin, boxes[i].end, t.a, &c, &err));
        if (!str_eq(c.heading, str_of(lines[i].heading)))
            fail_msg("%s: " STR_FMT, lines[i].text, STR_ARG(c.heading));
    }
    text_free(&all);
}

/* The row of the answer that begins so; fails where none does. */
static query_sentence row_of(const query_answer *a, const char *begin) {
    for (size_t i = 0; i < a->sentence_count; i++)
        if (str_starts(a->sentences[i].text, str_of(begin))) return a->sentences[i];
    fail_msg("no row begins with %s", begin);
    return (query_sentence){0};
}

static void expect_str(str got, const char *wanted) {
    if (!str_eq(got, str_of(wanted))) fail_msg("got " STR_FMT ", not %s", STR_ARG(got), wanted);
}

/* A row comes with the head of its own table and the name of its part, or with nothing. */
static void test_rows_come_with_their_heads(void **state) {
    (void)state;
    char path[80];
    error err = {0};
    query_context q = t.q;
    query_options o = {.sentences = 40, .mode = QUERY_VERBATIM}; /* threshold 0: any */
    snprintf(path, sizeof path, "%s.tables", t.library);
    assert_true(index_open(path, INDEX_CREATE, &q.library, &err));
    fill_library(q.library, tables, &err);
    query_answer a = ask(&q, "How much is a Caesarean section in 2024?", o);
    query_sentence s = row_of(&a, "Caesarean");
    expect_str(s.table_caption, "Table 2. Fees of the ward (in shillings)");
    expect_str(s.table_head, "Item | 2023 | 2024");
    expect_str(s.table_section, "Maternity");
    for (size_t i = 0; i < a.sentence_count; i++) /* a head answers nothing */
        assert_false(str_starts(a.sentences[i].text, STR("Item |")));
    a = ask(&q, "How many bandages and how much kerosene are there, and which generator filter?",
            o);
    s = row_of(&a, "Bandages"); /* three cells under a head of two */
    expect_str(s.table_head, "");
    s = row_of(&a, "Kerosene");
    expect_str(s.table_head, "Stock | Shelf");
    s = row_of(&a, "Generator");
    expect_str(s.table_head, "Spare | Filter");
    a = ask(&q, "How many nurses are on duty?", o);
    s = row_of(&a, "Nurses"); /* the row above is one of data */
    expect_str(s.table_head, "");
    expect_str(s.table_section, "");
    index_close(q.library);
    unlink(path);
}

static void test_list_with_its_heading(void **state) {
    (void)state;
    char path[80];
    error err = {0};
    query_context q = t.q;
    query_options o = {.threshold = -1, .mode = QUERY_VERBATIM};
    snprintf(path, sizeof path, "%s.lists", t.library);
    assert_true(index_open(path, INDEX_CREATE, &q.library, &err));
    fill_library(q.library, lists, &err);
    query_answer a = ask(&q, "Which vaccines are given at birth?", o);
    assert_false(a.refused);
    expect_str(a.sentences[0].text, "Vaccines given at birth\n- BCG\n- Oral polio, dose 0");
    assert_int_equal(a.sentences[0].citations[0].page, 1);
    a = ask(&q, "What equipment belongs in the delivery room?", o);
    assert_false(a.refused);
    expect_str(a.sentences[0].text, "Equipment of the delivery room\n1. Two cord clamps\n"
                                    "2. Bag and mask\n3. Clean towels");
    /* All that is asked of must stand in the heading, and the items must be what is asked for. */
    static const char *const others[] = {"Which vaccines are given at ten weeks?",
                                         "What equipment belongs in the laboratory?",
                                         "Why are vaccines given at birth?"};
    o.threshold = 0;
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        a = ask(&q, others[k], o);
        for (size_t i = 0; i < a.sentence_count; i++)
            assert_int_equal(str_find(a.sentences[i].text, STR("\n"), 0), SIZE_MAX);
    }
    index_close(q.library);
    unlink(path);
}

static void test_nothing_answers(void **state) {
    (void)state;
    query_answer a = ask(&t.q, "Which vitamin prevents scurvy?", (query_options){.threshold = -1});
    assert_true(a.refused && a.sentence_count == 0 && a.answer.n == 0);
    a = ask(&t.q, "When was the lighthouse built?", (query_options){.threshold = 1.1});
    assert_true(a.refused && a.source_count > 0);
}

static void test_bad_questions(void **state) {
    (void)state;
    error err;
    query_answer a;
    query_options o = {.threshold = -1};
    assert_false(query_ask(&t.q, STR("  \n"), &o, NULL, t.a, &a, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    o.mode = QUERY_WRITE;
    assert_false(query_ask(&t.q, STR("why?"), &o, NULL, t.a, &a, &err));
    assert_int_equal(err.code, ERROR_MODEL);
    ask(&t.q, "\xFF\xFE \xC3 ?", (query_options){.threshold = 0});
    text longest = {0};
    for (int i = 0; i < 20000; i++) text_put(&longest, STR("lighthouse ferry "));
    ask(&t.q, longest.p, (query_options){.threshold = 0});
    text_free(&longest);
}

static void test_held_decoder_copies_a_passage(void **state) {
    (void)state;
    query_context q = t.q;
    q.decoder = t.model;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        query_answer a = ask(&q, "When was the lighthouse built?",
                             (query_options){.mode = QUERY_VERBATIM,
                                             .threshold = 0,
                                             .max_tokens = 24,
                                             .sampling = {2.0f, 1.0f, seed}});
        assert_false(a.refused);
        assert_true(a.answer.n > 0 && stands_in_a_passage(a.answer));
        for (size_t i = 0; i < a.sentence_count; i++)
            assert_true(a.sentences[i].verified && stands_in_a_passage(a.sentences[i].text));
        assert_true(str_find(a.sentences[0].text, a.answer, 0) != SIZE_MAX);
    }
}

struct told {
    text pieces, thoughts;
    size_t sentences, sources, piece_count, thought_count;
    bool stop;
};

static void on_piece(void *context, str piece) {
    struct told *told = context;
    text_put(&told->pieces, piece);
    told->piece_count++;
}

static void on_thinking(void *context, str piece) {
    struct told *told = context;
    text_put(&told->thoughts, piece);
    told->thought_count++;
}

static void on_sentence(void *context, const query_sentence *s) {
    (void)s;
    ((struct told *)context)->sentences++;
}

static void on_sources(void *context, const query_source *s, size_t n) {
    (void)s;
    ((struct told *)context)->sources = n;
}

static bool is_stopped(void *context) {
    return ((struct told *)context)->stop;
}

static void test_written_nonsense_is_marked(void **state) {
    (void)state;
    query_context q = t.q;
    q.decoder = t.model;
    struct told told = {0};
    query_events events = {.sources = on_sources,
                           .piece = on_piece,
                           .sentence = on_sentence,
                           .cancelled = is_stopped,
                           .context = &told};
    query_options o = {
        .mode = QUERY_WRITE, .threshold = 0, .max_tokens = 120, .sampling = {1.0f, 0.95f, 7}};
    query_answer a;
    error err;
    assert_true(query_ask(&q, STR("When was the lighthouse built?"), &o, &events, t.a, &a, &err));
    assert_true(told.sources > 0 && told.pieces.n > 0 && utf8_valid(text_str(&told.pieces)));
    assert_int_equal(told.sentences, a.sentence_count);
    for (size_t i = 0; i < a.sentence_count; i++)
        assert_true(!a.sentences[i].verified && a.sentences[i].reason.n > 0);
    assert_true(a.sentence_count > 0 && a.answer.n == 0);
    o.strict = true;
    assert_true(query_ask(&q, STR("When was the lighthouse built?"), &o, &events, t.a, &a, &err));
    assert_true(a.refused && a.sentence_count == 0);
    told.stop = true;
    assert_false(query_ask(&q, STR("When was the lighthouse built?"), &o, &events, t.a, &a, &err));
    assert_int_equal(err.code, ERROR_CANCELLED);
    text_free(&told.pieces);
}

/* Random weights never close the section that the prompt has opened: it is closed at its own
 * length, and the answer has its full length behind it. */
static void test_thinking_is_no_answer(void **state) {
    (void)state;
    enum { THOUGHT = 30, ANSWER = 50 };
    query_context q = t.q;
    q.decoder = t.model;
    q.chat = "qwen3-thinking";
    query_options o = {.mode = QUERY_WRITE,
                       .threshold = 0,
                       .max_tokens = ANSWER,
                       .thinking_tokens = THOUGHT,
                       .sampling = {4.0f, 1.0f, 7}};
    for (int quiet = 0; quiet < 2; quiet++) {
        struct told told = {0};
        query_events events = {
            .piece = on_piece, .thinking = on_thinking, .sentence = on_sentence, .context = &told};
        query_answer a;
        error err = {0};
        o.no_thinking = quiet;
        if (!query_ask(&q, STR("When was the lighthouse built?"), &o, &events, t.a, &a, &err))
            fail_msg("%s", err.text);
        assert_true(told.piece_count > ANSWER / 2 && told.piece_count <= ANSWER);
        if (quiet) {
            assert_true(told.thought_count == 0 && a.thinking.n == 0);
        } else {
            assert_true(told.thought_count > THOUGHT / 2 && told.thought_count <= THOUGHT);
            assert_true(a.thinking.n > 0 && a.thinking.n <= told.thoughts.n);
            assert_true(str_find(text_str(&told.pieces), STR("think>"), 0) == SIZE_MAX);
            assert_true(str_find(text_str(&told.pieces), a.thinking, 0) == SIZE_MAX);
        }
        text_free(&told.pieces);
        text_free(&told.thoughts);
    }
    /* verbatim: the model does not think, and the passages hold every token */
    o.mode = QUERY_VERBATIM;
    o.no_thinking = false;
    query_answer a = ask(&q, "When was the lighthouse built?", o);
    assert_true(!a.refused && a.thinking.n == 0 && stands_in_a_passage(a.answer));
    /* another name, and one that there is not */
    query_answer b;
    error err = {0};
    q.chat = "klingon";
    assert_false(query_ask(&q, STR("When was the lighthouse built?"), &o, NULL, t.a, &b, &err));
    assert_true(err.code == ERROR_USAGE && strstr(err.text, "klingon"));
}

/* What is said must not depend on how it was computed: proposals and kept prefixes only save time.
 * A model of random weights in greedy mode soon repeats itself, so that proposals come true. */
static void test_drafts_and_memory_change_nothing(void **state) {
    (void)state;
    static const char *const questions[] = {"When was the lighthouse built?",
                                            "How tall is the lighthouse?"};
    char kept[80];
    snprintf(kept, sizeof kept, "/tmp/carrel-query-%ld.kept", (long)getpid());
    unlink(kept);
    query_context q = t.q;
    q.decoder = t.model;
    for (int hot = 0; hot < 2; hot++) {
        query_options o = {.mode = QUERY_WRITE,
                           .threshold = 0,
                           .max_tokens = 150,
                           .kv = hot ? ENGINE_KV_INT8 : ENGINE_KV_F16,
                           .sampling = {hot ? 1.0f : 0.0f, 0.95f, 7}};
        text plain[2] = {{0}, {0}};
        for (size_t i = 0; i < 2; i++) {
            q.memory = NULL;
            o.no_drafts = true;
            struct told told = {0};
            query_events events = {.piece = on_piece, .context = &told};
            query_answer a;
            error err = {0};
            assert_true(query_ask(&q, str_of(questions[i]), &o, &events, t.a, &a, &err));
            assert_int_equal(a.reading.drafted_tokens, 0);
            assert_int_equal(a.reading.kept_tokens, 0);
            plain[i] = told.pieces;
        }
        uint32_t accepted = 0;
        o.no_drafts = false;
        for (int run = 0; run < 2; run++) { /* the second finds the first's file */
            q.memory = query_memory_new(kept);
            for (size_t i = 0; i < 2; i++) {
                struct told told = {0};
                query_events events = {.piece = on_piece, .context = &told};
                query_answer a;
                error err = {0};
                assert_true(query_ask(&q, str_of(questions[i]), &o, &events, t.a, &a, &err));
                assert_true(str_eq(text_str(&told.pieces), text_str(&plain[i])));
                assert_true(a.reading.accepted_tokens <= a.reading.drafted_tokens);
                bool again = run > 0 || i > 0;
                /* the instruction and the passages, which both questions find */
                assert_true(again ? a.reading.kept_tokens > a.reading.prompt_tokens / 2
                                  : a.reading.kept_tokens == 0);
                accepted += a.reading.accepted_tokens;
                text_free(&told.pieces);
            }
            query_memory_free(q.memory);
        }
        assert_true(hot || accepted > 0);
        text_free(&plain[0]);
        text_free(&plain[1]);
    }
    unlink(kept);
}

/* A document is taken out of the library while what was read of it is still held: the next question
 * reads anew, and nothing is left on disk. */
static void test_memory_of_a_changed_library(void **state) {
    (void)state;
    char kept[80];
    snprintf(kept, sizeof kept, "/tmp/carrel-query-%ld.kept", (long)getpid());
    query_context q = t.q;
    q.decoder = t.model;
    query_options o = {.mode = QUERY_WRITE, .threshold = 0, .max_tokens = 5};
    for (int changes = 0; changes < 2; changes++) {
        error err = {0};
        unlink(kept);
        q.memory = query_memory_new(kept);
        ask(&q, "When was the lighthouse built?", o);
        assert_int_not_equal(access(kept, F_OK), 0); /* written when the memory goes */
        if (changes) {
            index_library *other;
            const index_page page = {
                .number = 1, .width_pt = 595, .height_pt = 842, .fate = STR("text")};
            const index_document_in d = {.path = STR("/shelf/empty.txt"),
                                         .hash = {2},
                                         .type = STR("text"),
                                         .pages = &page,
                                         .page_count = 1};
            index_outcome outcome;
            int64_t id;
            assert_true(index_open(t.library, INDEX_WRITE, &other, &err));
            assert_true(index_add(other, &d, &outcome, &id, &err));
            assert_true(index_remove(other, &id, 1, &err));
            index_close(other);
        }
        query_memory_free(q.memory);
        assert_int_equal(access(kept, F_OK), changes ? -1 : 0);
    }
    q.memory = query_memory_new(NULL);
    ask(&q, "When was the lighthouse built?", o);
    query_answer a = ask(&q, "When was the lighthouse built?", o);
    assert_true(a.reading.kept_tokens > 0);
    query_memory_free(q.memory);
    query_memory_discard(kept);
}

static void test_draft(void **state) {
    (void)state;
    const int32_t ids[] = {1, 2, 3, 4, 5, 9, 2, 3, 7, 8, 1, 2, 3};
    int32_t out[15];
    /* the last three stood at the start; of the two, 2 3, the later place is not asked */
    assert_int_equal(query_draft(ids, 13, 4, out), 4);
    assert_memory_equal(out, ((int32_t[]){4, 5, 9, 2}), 4 * sizeof *out);
    /* 8 2 3: only two of them stood before, and of two places the later counts */
    const int32_t two[] = {1, 2, 3, 4, 2, 3, 7, 8, 2, 3};
    assert_int_equal(query_draft(two, 10, 8, out), 3);
    assert_memory_equal(out, ((int32_t[]){7, 8, 2}), 3 * sizeof *out);
    /* of a place near by that agrees in two and one far away that agrees in four, the latter */
    const int32_t far[] = {6, 1, 2, 3, 4, 9, 9, 9, 9, 9, 3, 4, 7, 8, 7, 1, 2, 3, 4};
    assert_int_equal(query_draft(far, 19, 15, out), 14);
    assert_memory_equal(out, far + 5, 14 * sizeof *out);
    assert_int_equal(query_draft((int32_t[]){1, 2, 3}, 3, 8, out), 0);
    assert_int_equal(query_draft((int32_t[]){1}, 1, 8, out), 0);
    assert_int_equal(query_draft(ids, 0, 8, out), 0);
    assert_int_equal(query_draft((int32_t[]){5, 5, 5}, 3, 8, out), 1);
    assert_int_equal(out[0], 5);
}

/* The order is the blend of both scores; what the evidence is calibrated for stays as it was. */
static void test_reranked(void **state) {
    (void)state;
    char path[] = "/tmp/carrel-test-XXXXXX";
    error err = {0};
    query_context q = t.q;
    query_source *plain, *ranked;
    size_t n, m;
    embed_reranker *r = NULL;
    assert_true(close(mkstemp(path)) == 0);
    if (!brought_model("bert-rank", "ms-marco", path, &err) || !embed_reranker_open(path, &r, &err))
        fail_msg("%s", err.text);
    str question = STR("When does the ferry leave, and how long is the guided walk?");
    query_options o = {.threshold = 0};
    double confidence = ask(&t.q, "When was the lighthouse built?", o).confidence;
    assert_true(query_search(&q, question, QUERY_FUSED, 10, t.a, &plain, &n, &err));
    q.reranker = r;
    assert_true(query_search(&q, question, QUERY_FUSED, 10, t.a, &ranked, &m, &err));
    assert_true(n == m && n > 1);
    for (size_t i = 0; i < n; i++) {
        assert_true(plain[i].score == plain[i].fused && plain[i].rank == 0);
        double blend = 0.3 * ranked[i].fused + 0.7 * ranked[i].rank;
        assert_true(ranked[i].rank > 0 && fabs(ranked[i].score - blend) < 1e-9);
        assert_true(i == 0 || ranked[i - 1].score >= ranked[i].score);
        for (size_t k = 0; k < n; k++)
            if (plain[k].chunk.id == ranked[i].chunk.id)
                assert_true(plain[k].fused == ranked[i].fused);
    }
    assert_true(fabs(ask(&q, "When was the lighthouse built?", o).confidence - confidence) < 1e-9);
    embed_reranker_close(r);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_ranks_by_each_way),
        cmocka_unit_test(test_answer_has_its_proof),
        cmocka_unit_test(test_citation_names_its_section),
        cmocka_unit_test(test_rows_come_with_their_heads),
        cmocka_unit_test(test_list_with_its_heading),
        cmocka_unit_test(test_nothing_answers),
        cmocka_unit_test(test_bad_questions),
        cmocka_unit_test(test_held_decoder_copies_a_passage),
        cmocka_unit_test(test_written_nonsense_is_marked),
        cmocka_unit_test(test_thinking_is_no_answer),
        cmocka_unit_test(test_drafts_and_memory_change_nothing),
        cmocka_unit_test(test_reranked),
        cmocka_unit_test(test_memory_of_a_changed_library),
        cmocka_unit_test(test_draft),
    };
    return cmocka_run_group_tests_name("query", tests, set_up, tear_down);
}
