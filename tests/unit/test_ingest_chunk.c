/* The chunker: lengths and bounds, overlap, headings, tables, hyphens, and that every byte of a
 * chunk can be shown on its page. Tokens are words here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ingest/ingest.h"

#define BLOCKS_MAX 20000

/* A document under construction, and its chunks. */
typedef struct {
    arena *a;
    ingest_block *blocks;
    ingest_document d;
    ingest_page page;
    ingest_chunk *chunks;
    size_t count;
    size_t counted; /* bytes that the counter has seen */
} fixture;

static size_t count_words(void *context, str s) {
    fixture *f = context;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += s.p[i] > ' ' && (i == 0 || s.p[i - 1] <= ' ');
    f->counted += s.n;
    return n;
}

static void start(fixture *f) {
    *f = (fixture){.a = arena_new()};
    f->blocks = arena_alloc(f->a, BLOCKS_MAX, sizeof *f->blocks);
    f->page = (ingest_page){.number = 1, .fate = INGEST_FATE_TEXT};
    f->d = (ingest_document){.title = STR("T"),
                             .type = STR("text"),
                             .pages = &f->page,
                             .page_count = 1,
                             .blocks = f->blocks};
}

/* A block; lines are parted by '/'. Each gets a box that says which line it is. */
static void put(fixture *f, ingest_role role, int level, uint32_t page, const char *lines) {
    size_t n = 1, at = 0;
    for (const char *p = lines; *p; p++) n += *p == '/';
    ingest_line *all = arena_alloc(f->a, n, sizeof *all);
    str s = str_of(lines);
    for (size_t i = 0; i < n; i++) {
        size_t end = str_find(s, STR("/"), at);
        all[i].text = arena_str(f->a, str_cut(s, at, end));
        all[i].at = (box){(float)f->d.block_count, (float)i, 1, 1};
        at = end + 1;
    }
    assert_true(f->d.block_count < BLOCKS_MAX);
    f->blocks[f->d.block_count++] = (ingest_block){role, (uint8_t)level, page, all, n};
}

static void put_words(fixture *f, int sentences, const char *word) {
    text t = {0};
    for (int i = 0; i < sentences; i++)
        text_printf(&t, "%s%s %d one two three four five six seven.", i ? " " : "", word, i);
    put(f, INGEST_ROLE_PARAGRAPH, 0, 1, t.p);
    text_free(&t);
}

/* What holds for every chunk of every document. */
static void check(const fixture *f) {
    for (size_t i = 0; i < f->count; i++) {
        const ingest_chunk *c = &f->chunks[i];
        assert_true(c->text.n > 0 && utf8_valid(c->text));
        assert_true(c->tokens <= 300);
        assert_true(c->overlap_bytes < c->text.n);
        assert_true(c->line_count > 0 && c->page_first >= 1 && c->page_first <= c->page_last);
        uint32_t last = 0;
        for (size_t k = 0; k < c->line_count; k++) {
            const line_box *l = &c->lines[k];
            assert_true(l->begin >= last && l->begin < l->end && l->end <= c->text.n);
            for (uint32_t b = last; b < l->begin; b++)
                assert_true(c->text.p[b] == ' ' || c->text.p[b] == '\n');
            /* the box names block and line: the bytes must stand there */
            const ingest_line *line = &f->blocks[(size_t)l->at.x0].lines[(size_t)l->at.y0];
            if (str_find(line->text, STR("\xC2"), 0) == SIZE_MAX) /* else it was cleaned */
                assert_int_not_equal(str_find(line->text, str_cut(c->text, l->begin, l->end), 0),
                                     SIZE_MAX);
            last = l->end;
        }
        assert_int_equal(last, c->text.n);
    }
}

static void cut(fixture *f) {
    error err = {0};
    assert_true(ingest_chunk_document(&f->d, count_words, f, f->a, &f->chunks, &f->count, &err));
    check(f);
}

static void end(fixture *f) {
    arena_free(f->a);
}

static void expect(const fixture *f, size_t i, const char *heading, const char *body) {
    assert_true(i < f->count);
    assert_string_equal(f->chunks[i].heading.n ? f->chunks[i].heading.p : "", heading);
    assert_string_equal(f->chunks[i].text.p, body);
}

static void test_empty(void **state) {
    (void)state;
    fixture f;
    start(&f);
    cut(&f);
    assert_int_equal(f.count, 0);
    put(&f, INGEST_ROLE_FOOTER, 0, 1, "Page 3 of 4");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, " / ");
    cut(&f);
    assert_int_equal(f.count, 0);
    end(&f);
}

static void test_paths(void **state) {
    (void)state;
    fixture f;
    start(&f);
    put(&f, INGEST_ROLE_HEADING, 1, 1, "Manual");
    put(&f, INGEST_ROLE_HEADING, 2, 1, "Doses");
    put(&f, INGEST_ROLE_HEADING, 3, 1, "Children");
    put_words(&f, 12, "Child");
    put(&f, INGEST_ROLE_HEADING, 2, 1, "Safety");
    put_words(&f, 12, "Safe");
    cut(&f);
    assert_int_equal(f.count, 2);
    assert_string_equal(f.chunks[0].heading.p, "Manual > Doses > Children");
    assert_string_equal(f.chunks[1].heading.p, "Manual > Safety");
    assert_true(str_starts(f.chunks[0].text, STR("Child 0 one")));
    assert_true(str_starts(f.chunks[1].text, STR("Safe 0 one")));
    end(&f);
}

static void test_lengths_and_overlap(void **state) {
    (void)state;
    fixture f;
    start(&f);
    put(&f, INGEST_ROLE_HEADING, 1, 1, "Long");
    for (int i = 0; i < 9; i++) put_words(&f, 20, "W");
    cut(&f);
    assert_true(f.count >= 6 && f.count <= 9);
    for (size_t i = 0; i < f.count; i++) {
        assert_in_range(f.chunks[i].tokens, i + 1 < f.count ? 200 : 1, 300);
        if (i == 0) continue;
        assert_true(f.chunks[i].overlap_bytes > 0);
        str again = str_trim(str_cut(f.chunks[i].text, 0, f.chunks[i].overlap_bytes));
        assert_true(str_ends(f.chunks[i - 1].text, again));
    }
    assert_true(f.counted < 4 * 9 * 20 * 42);
    end(&f);
}

static void test_small_rest_stays(void **state) {
    (void)state;
    fixture f;
    start(&f);
    put_words(&f, 28, "W"); /* 252 words and 27 more */
    put_words(&f, 3, "V");
    cut(&f);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.chunks[0].tokens, 279);
    end(&f);
}

static void test_tiny_sections(void **state) {
    (void)state;
    fixture f;
    start(&f);
    put(&f, INGEST_ROLE_HEADING, 1, 1, "Questions");
    put(&f, INGEST_ROLE_HEADING, 2, 1, "Who?");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, "We do.");
    put(&f, INGEST_ROLE_HEADING, 2, 1, "When?");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, "Now.");
    put(&f, INGEST_ROLE_HEADING, 1, 1, "Other");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, "More.");
    put(&f, INGEST_ROLE_HEADING, 2, 1, "Below");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, "Less.");
    put(&f, INGEST_ROLE_HEADING, 2, 1, "Large");
    put_words(&f, 20, "W");
    cut(&f);
    assert_int_equal(f.count, 3);
    expect(&f, 0, "Questions", "Who?\nWe do.\nWhen?\nNow.");
    const uint32_t headings[] = {2, 0, 2, 0}; /* each below one other */
    assert_int_equal(f.chunks[0].line_count, 4);
    for (size_t i = 0; i < 4; i++) assert_int_equal(f.chunks[0].lines[i].heading, headings[i]);
    expect(&f, 1, "", "Other\nMore.\nBelow\nLess.");
    assert_string_equal(f.chunks[2].heading.p, "Other > Large");
    end(&f);
}

/* Short messages stand alone; so do documents too deep in containers for their names to be
 * sections. */
static void test_parts(void **state) {
    (void)state;
    fixture f;
    static const ingest_part parts[] = {{.page_first = 1, .page_count = 1},
                                        {.page_first = 2, .page_count = 2},
                                        {.page_first = 3, .page_count = 1}};
    start(&f);
    put(&f, INGEST_ROLE_HEADING, 1, 1, "Note 1");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, "Come at five.");
    put(&f, INGEST_ROLE_HEADING, 1, 2, "Note 2");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 2, "Come at six.");
    put(&f, INGEST_ROLE_HEADING, 3, 3, "plan.txt");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 3, "Six is the plan.");
    f.d.parts = parts;
    f.d.part_count = 3;
    cut(&f);
    assert_int_equal(f.count, 3);
    expect(&f, 0, "Note 1", "Come at five.");
    expect(&f, 1, "Note 2", "Come at six.");
    expect(&f, 2, "Note 2 > plan.txt", "Six is the plan.");
    f.d.part_count = 0;
    cut(&f);
    assert_int_equal(f.count, 1);
    end(&f);
}

/* The name of a part stands on no page: it is on the path, never text, and its page does not
 * count. */
static void test_part_names(void **state) {
    (void)state;
    fixture f;
    static const ingest_part parts[] = {{.name = STR("old.zip"), .page_first = 1, .page_count = 3},
                                        {.name = STR("a/n.pdf"), .page_first = 1, .page_count = 2},
                                        {.name = STR("b.txt"), .page_first = 3, .page_count = 1}};
    start(&f);
    put(&f, INGEST_ROLE_HEADING, 1, 1, "old.zip");
    f.blocks[0].lines = &(ingest_line){.text = STR("old.zip")};
    put(&f, INGEST_ROLE_HEADING, 2, 1, "");
    f.blocks[1].lines = &(ingest_line){.text = STR("a/n.pdf")};
    put(&f, INGEST_ROLE_HEADING, 2, 2, "Notice");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 2, "We close at one.");
    put(&f, INGEST_ROLE_HEADING, 2, 2, "Fees");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 2, "None.");
    put(&f, INGEST_ROLE_HEADING, 2, 3, "b.txt");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 3, "Open.");
    f.d.parts = parts;
    f.d.part_count = 3;
    cut(&f);
    assert_int_equal(f.count, 2);
    expect(&f, 0, "old.zip", "Notice\nWe close at one.\nFees\nNone.");
    expect(&f, 1, "old.zip > b.txt", "Open.");
    assert_int_equal(f.chunks[0].page_first, 2);
    end(&f);
}

static void test_headings_alone(void **state) {
    (void)state;
    fixture f;
    start(&f);
    put(&f, INGEST_ROLE_HEADING, 1, 1, "Only");
    put(&f, INGEST_ROLE_HEADING, 1, 1, "Headings");
    cut(&f);
    assert_int_equal(f.count, 1);
    expect(&f, 0, "", "Only\nHeadings");
    put_words(&f, 20, "W"); /* the empty one goes along in front */
    cut(&f);
    assert_int_equal(f.count, 1);
    assert_true(str_starts(f.chunks[0].text, STR("Only\nHeadings\nW 0 one")));
    end(&f);
    start(&f);
    put_words(&f, 20, "W");
    for (int i = 0; i < 900; i++) put(&f, INGEST_ROLE_HEADING, 3, 1, "a heading of five words");
    cut(&f);
    assert_in_range(f.count, 25, 35); /* a chunk for every 150 words of headings */
    end(&f);
}

static void test_tables(void **state) {
    (void)state;
    fixture f;
    start(&f);
    put(&f, INGEST_ROLE_CAPTION, 0, 1, "Table 1. Doses");
    put(&f, INGEST_ROLE_TABLE_ROW, 0, 1, "Drug | Dose");
    for (int i = 0; i < 100; i++)
        put(&f, INGEST_ROLE_TABLE_ROW, 0, 1 + (uint32_t)i / 50,
            "Something. Else | 5 mg twice daily");
    cut(&f);
    assert_true(f.count >= 3);
    for (size_t i = 1; i < f.count; i++) {
        assert_true(str_starts(f.chunks[i].text,
                               STR("Table 1. Doses\nDrug | Dose\n\nSomething. Else | 5 mg")));
        assert_int_equal(f.chunks[i].overlap_bytes, strlen("Table 1. Doses\nDrug | Dose\n\n"));
    }
    assert_int_equal(f.chunks[f.count - 1].page_first, 2); /* the header's page does not count */
    end(&f);
}

/* Where the parser tells heads from bodies: a table without a head repeats no row of figures, a new
 * head replaces the old one, and the name of a group of rows stands above what is cut from it. */
static void test_told_tables(void **state) {
    (void)state;
    fixture f;
    start(&f);
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1,
        "A paragraph of its own. Costs were as follows (in millions):");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_HEAD, 1, "| 2023 | 2022");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, 1, "Wages:");
    for (int i = 0; i < 40; i++)
        put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, 1, "Nurses and others | 1,250 | 1,190");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, 1, "Total wages | 9 | 8");
    for (int i = 0; i < 40; i++)
        put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, 2, "Rent of the houses | 140 | 120");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_HEAD, 2, "| 2021");
    for (int i = 0; i < 40; i++)
        put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, 2, "Fuel and its transport | 17");
    cut(&f);
    bool wages = false;
    for (size_t i = 1; i < f.count; i++) {
        str s = f.chunks[i].text;
        assert_true(str_starts(s, STR("Costs were as follows (in millions):\n| 2021\n")) ||
                    str_starts(s, STR("Costs were as follows (in millions):\n| 2023 | 2022\n")));
        assert_int_equal(str_ends(s, STR("| 2021")), false); /* a head stands with its rows */
        if (str_starts(
                s, STR("Costs were as follows (in millions):\n| 2023 | 2022\n\nWages:\nNurses")))
            wages = true;
        if (str_find(s, STR("Rent"), 0) != SIZE_MAX && str_find(s, STR("Total"), 0) == SIZE_MAX)
            assert_true(str_find(s, STR("Wages:"), 0) == SIZE_MAX);
        assert_in_range(f.chunks[i].tokens, 1, 300);
    }
    assert_true(wages);
    end(&f);
    start(&f);
    for (int i = 0; i < 90; i++)
        put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, 1, "2019 | the year of 1,250 kilns");
    cut(&f);
    for (size_t i = 1; i < f.count; i++) assert_int_equal(f.chunks[i].overlap_bytes, 0);
    end(&f);
}

/* A table that goes on on the next page says its head again, and its groups go on; behind another
 * head on the same page they do not. */
static void test_groups_across_pages(void **state) {
    (void)state;
    for (uint32_t page = 1; page <= 2; page++) {
        fixture f;
        start(&f);
        put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_HEAD, 1, "Room | Beds");
        put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, 1, "Group B");
        for (int i = 0; i < 30; i++)
            put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, 1, "The first rooms | 12");
        put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_HEAD, page, "Room | Beds");
        for (int i = 0; i < 90; i++)
            put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, page, "The other rooms | 14");
        cut(&f);
        assert_true(f.count >= 3);
        str last = f.chunks[f.count - 1].text;
        const char *begin =
            page == 2 ? "Room | Beds\n\nGroup B\nThe other" : "Room | Beds\n\nThe other";
        assert_true(str_starts(last, str_of(begin)));
        end(&f);
    }
}

/* What tells the rows of a chunk's text apart: a blank line behind each head, and in front of a
 * table without one. Section rows are none of both. */
static void test_marked_heads(void **state) {
    (void)state;
    fixture f;
    start(&f);
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_UNTOLD, 1, "Prices of 2024");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_UNTOLD, 1, "Item | 2023 | 2024");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_UNTOLD, 1, "Maternity");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_UNTOLD, 1, "Delivery | 9000 | 11000");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, "No fee is due for children.");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_UNTOLD, 1, "Rent | 140 | 120");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_HEAD, 1, "| 2021");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, 1, "Fuel | 17");
    cut(&f);
    assert_int_equal(f.count, 1);
    expect(&f, 0, "",
           "Prices of 2024\nItem | 2023 | 2024\n\nMaternity\nDelivery | 9000 | 11000\n"
           "No fee is due for children.\n\nRent | 140 | 120\n| 2021\n\nFuel | 17");
    end(&f);
    start(&f);
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_UNTOLD, 1, "Item | 2023 | 2024");
    put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_UNTOLD, 1, "Dental | |");
    for (int i = 0; i < 80; i++)
        put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_UNTOLD, 1, "Filling of a tooth | 800 | 950");
    cut(&f);
    assert_true(f.count >= 2);
    for (size_t i = 0; i < f.count; i++)
        assert_true(str_starts(f.chunks[i].text,
                               STR("Item | 2023 | 2024\n\nDental | |\nFilling of a tooth")));
    end(&f);
}

/* "Table 13.2 ... (Adults)" goes with its table, and is said again in each chunk of it. */
static void test_captions(void **state) {
    (void)state;
    static const char *const captions[] = {"Table 13.2 Doses in general. (Adults)",
                                           "Clinic price list, all amounts in KES"};
    for (size_t k = 0; k < sizeof captions / sizeof *captions; k++) {
        fixture f;
        start(&f);
        put_words(&f, 27, "Before");
        put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, captions[k]);
        put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_HEAD, 1, "Drug | Dose");
        for (int i = 0; i < 120; i++)
            put(&f, INGEST_ROLE_TABLE_ROW, INGEST_ROW_BODY, 1, "Something else | 5 mg daily");
        cut(&f);
        text begin = {0};
        text_printf(&begin, "%s\nDrug | Dose\n\nSomething", captions[k]);
        assert_true(f.count >= 3);
        assert_true(str_find(f.chunks[0].text, str_of(captions[k]), 0) == SIZE_MAX);
        for (size_t i = 1; i < f.count; i++)
            assert_true(str_starts(f.chunks[i].text, text_str(&begin)));
        text_free(&begin);
        end(&f);
    }
}

static void test_hyphens(void **state) {
    (void)state;
    fixture f;
    start(&f);
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, "This is an exam-/ple of it.");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, "A well-known case; a well-/known one, long-/term too.");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, "A long time, a school term. State-of-the-/art.");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1,
        "COVID-/19 and hy\xC2\xAD/phen and soft\xC2\xADly, 5 -/6.");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, "two/lines \xE6\x88\x91/\xE6\x88\x91 \xC2\xA0 x");
    cut(&f);
    assert_int_equal(f.count, 1);
    expect(&f, 0, "",
           "This is an example of it.\nA well-known case; a well-known one, long-term too.\n"
           "A long time, a school term. State-of-the-art.\n"
           "COVID-19 and hyphen and softly, 5 - 6.\n"
           "two lines \xE6\x88\x91\xE6\x88\x91 x");
    end(&f);
}

static void test_boxes(void **state) {
    (void)state;
    fixture f;
    start(&f);
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 3, "A first sentence. The exam-/ple goes on");
    put(&f, INGEST_ROLE_FOOTER, 0, 3, "3");
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 4, "over the page. And ends.");
    cut(&f);
    assert_int_equal(f.count, 1);
    const ingest_chunk *c = &f.chunks[0];
    expect(&f, 0, "", "A first sentence. The example goes on over the page. And ends.");
    assert_int_equal(c->page_first, 3);
    assert_int_equal(c->page_last, 4);
    const line_box want[] = {
        {0, 17, 3, {0, 0, 1, 1}, 0},  {18, 26, 3, {0, 0, 1, 1}, 0}, {26, 37, 3, {0, 1, 1, 1}, 0},
        {38, 52, 4, {2, 0, 1, 1}, 0}, {53, 62, 4, {2, 0, 1, 1}, 0},
    };
    assert_int_equal(c->line_count, sizeof want / sizeof *want);
    for (size_t i = 0; i < c->line_count; i++) {
        assert_int_equal(c->lines[i].begin, want[i].begin);
        assert_int_equal(c->lines[i].end, want[i].end);
        assert_int_equal(c->lines[i].page, want[i].page);
        assert_true(c->lines[i].at.x0 == want[i].at.x0 && c->lines[i].at.y0 == want[i].at.y0);
    }
    end(&f);
}

static void test_long_sentence(void **state) {
    (void)state;
    fixture f;
    text t = {0};
    start(&f);
    for (int i = 0; i < 2000; i++) text_put(&t, STR("cell "));
    put(&f, INGEST_ROLE_TABLE_ROW, 0, 1, t.p);
    text_clear(&t);
    for (int i = 0; i < 20000; i++) text_put(&t, STR("abcdefghij"));
    put(&f, INGEST_ROLE_PARAGRAPH, 0, 1, t.p);
    cut(&f);
    assert_in_range(f.count, 8, 20);
    text_free(&t);
    end(&f);
}

/* Ten thousand pages in a time that a person does not notice, the counter called on each byte only
 * a few times. */
static void test_large(void **state) {
    (void)state;
    fixture f;
    start(&f);
    size_t bytes = 0;
    for (uint32_t p = 1; p <= 10000; p++) {
        text t = {0};
        for (int i = 0; i < 30; i++)
            text_printf(&t, "%sthis is line %d of page %u, and it ends with a hy-/phen.",
                        i ? "/" : "", i, p);
        if (p % 10 == 0) put(&f, INGEST_ROLE_HEADING, 1 + (int)p % 4, p, "A heading");
        put(&f, INGEST_ROLE_PARAGRAPH, 0, p, t.p);
        bytes += t.n;
        text_free(&t);
    }
    double before = clock_ms();
    cut(&f);
    assert_true(f.count > 9000);
    assert_true(f.counted < 4 * bytes);
    assert_true(clock_ms() - before < 20000);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_lengths_and_overlap),
        cmocka_unit_test(test_small_rest_stays),
        cmocka_unit_test(test_tiny_sections),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_part_names),
        cmocka_unit_test(test_headings_alone),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_told_tables),
        cmocka_unit_test(test_groups_across_pages),
        cmocka_unit_test(test_marked_heads),
        cmocka_unit_test(test_captions),
        cmocka_unit_test(test_hyphens),
        cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_long_sentence),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
