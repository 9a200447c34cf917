/* Units become chunks: what is found, embedded and quoted as one.
 *
 * Owns the lengths and the bounds. A section is what stands below a heading of level 1 or 2; no
 * chunk crosses into another, but tiny neighbours under one parent (questions and answers, terms)
 * share a chunk, their headings kept as lines. Inside a section units are taken until the target
 * is reached, with a cut rather between blocks than in one, never behind a heading, and never for
 * the sake of a small rest. The next chunk repeats the last sentence, or, where a table was cut,
 * its header row with the line that leads into it ("in millions", "Table 2") and the name of the
 * group of rows, so that each can be understood alone. A blank line behind each header row tells it
 * from the rows of data in the chunk's text.
 *
 * A heading on the path above a chunk is not repeated in its text; the lines of those that follow
 * in it say what they are, so that a citation names the section that its sentence stands in.
 * Nothing else is left out, and every byte keeps the place on the page that it came from.
 */
#include "ingest/chunk.h"

#include <string.h>

/* Tokens of a chunk. The encoder of the built-in models was trained on passages of this length,
 * and four of them fit into the context of a small decoder. */
#define MIN_TOKENS 200
#define TARGET_TOKENS 250
#define MAX_TOKENS 300
/* A heading of level 3 or deeper begins a new chunk behind this much. */
#define HEADING_CUT_TOKENS 150
/* Sections below this share a chunk with their neighbours. */
#define TINY_TOKENS 80
/* A longer sentence is not repeated, nor a longer header row, or name of a group. */
#define OVERLAP_TOKENS 80
#define HEADER_TOKENS 130
#define GROUP_TOKENS 30
/* Headings up to this level bound sections. */
#define SECTION_LEVEL 2

typedef struct {
    size_t begin, end; /* units */
    size_t tokens;
    size_t part;   /* of the document (part_of) */
    bool content;  /* more than headings */
    uint8_t level; /* 0 before the first heading */
    str parent;
} section;

typedef struct {
    const flow *f;
    ingest_count_fn *count;
    void *context;
    arena *a;
    chunk_list *to;
    line_box *lines; /* of the chunk that is being made */
    size_t line_count, line_room;
    text t;
    str path; /* of the chunk before, in the flow's arena */
} cutter;

/* ---- one chunk ---------------------------------------------------------------------------- */

/* How many headings a path names. */
static uint32_t path_parts(str path) {
    uint32_t parts = path.n > 0;
    for (size_t at = 0; (at = str_find(path, STR(" > "), at)) != SIZE_MAX; at++) parts++;
    return parts;
}

static void put_lines(cutter *c, const unit *u, size_t at) {
    const flow *f = c->f;
    uint32_t heading = u->kind == UNIT_HEADING ? 1 + path_parts(f->paths[u->path - 1]) : 0;
    for (size_t i = u->first_seg; i < f->seg_count && f->segs[i].begin < u->end; i++) {
        const seg *s = &f->segs[i];
        size_t begin = s->begin > u->begin ? s->begin : u->begin;
        size_t end = s->end < u->end ? s->end : u->end;
        if (begin >= end) continue;
        if (c->line_count == c->line_room) {
            c->line_room = c->line_room ? 2 * c->line_room : 64;
            c->lines = mem_grow(c->lines, c->line_room, sizeof *c->lines);
        }
        c->lines[c->line_count++] = (line_box){
            .begin = (uint32_t)(at + begin - u->begin),
            .end = (uint32_t)(at + end - u->begin),
            .page = s->page,
            .at = s->at,
            .heading = heading,
        };
    }
}

/* Appends unit `i`; `before` is the unit that stands in front of it in the chunk. */
static void put_unit(cutter *c, size_t i, size_t before) {
    const unit *u = &c->f->units[i];
    if (c->t.n > 0) {
        const unit *last = &c->f->units[before];
        if (u->starts_block || before + 1 != i)
            text_put(&c->t, last->head || u->parted ? STR("\n\n") : STR("\n"));
        else if (last->end < u->begin)
            text_put_char(&c->t, ' ');
    }
    put_lines(c, u, c->t.n);
    text_put(&c->t, str_cut(text_str(&c->f->t), u->begin, u->end));
}

/* Units that are said again in front of a chunk, in their order. */
#define OVERLAP_UNITS 3
typedef struct {
    size_t units[OVERLAP_UNITS], count, tokens;
} overlap;

static void add_overlap(const flow *f, overlap *o, size_t again, size_t first, size_t most) {
    if (again == UNIT_NONE || again >= first || f->units[again].tokens > most) return;
    o->units[o->count++] = again;
    o->tokens += f->units[again].tokens;
}

/* The first row among the units from `first` on, if no more than a few words stand before it. */
static size_t near_row(const flow *f, size_t first, size_t end) {
    size_t tokens = 0;
    for (size_t i = first; i < end && tokens <= GROUP_TOKENS; i++) {
        if (f->units[i].kind == UNIT_ROW) return i;
        tokens += f->units[i].tokens;
    }
    return UNIT_NONE;
}

/* What a chunk of the units [first, end) needs in front. */
static overlap overlap_of(const flow *f, size_t first, size_t end, size_t section_begin) {
    size_t row = near_row(f, first, end);
    overlap o = {.count = 0};
    if (row != UNIT_NONE) {
        const unit *u = &f->units[row];
        add_overlap(f, &o, u->lead, first, OVERLAP_TOKENS);
        add_overlap(f, &o, u->header, first, HEADER_TOKENS);
        add_overlap(f, &o, u->group, first, GROUP_TOKENS);
    }
    if (o.count == 0 && first > section_begin && f->units[first].kind == UNIT_SENTENCE &&
        !f->units[first].leads && f->units[first - 1].kind == UNIT_SENTENCE)
        add_overlap(f, &o, first - 1, first, OVERLAP_TOKENS);
    return o;
}

/* Leaves out what does not fit beside `tokens`, the header row last. */
static void shorten(const flow *f, overlap *o, size_t tokens) {
    for (size_t i = 0; i < o->count && o->tokens + tokens > MAX_TOKENS;) {
        bool header = f->units[o->units[i]].head && o->count > 1;
        if (header) {
            i++;
            continue;
        }
        o->tokens -= f->units[o->units[i]].tokens;
        o->count--;
        memmove(&o->units[i], &o->units[i + 1], (o->count - i) * sizeof *o->units);
        i = 0;
    }
    if (o->tokens + tokens > MAX_TOKENS) *o = (overlap){.count = 0};
}

/* Behind the headings at `begin` that all lie on the path of what follows them. */
static size_t skip_path(const flow *f, size_t begin, size_t end) {
    size_t first = begin;
    while (first < end && f->units[first].kind == UNIT_HEADING) {
        if (first > begin && f->units[first].level <= f->units[first - 1].level) return begin;
        first++;
    }
    return first < end ? first : begin;
}

static str path_of(const flow *f, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++)
        if (f->units[i].kind != UNIT_HEADING) return f->paths[f->units[i].path];
    uint32_t own = f->units[begin].path; /* headings alone: what stands above them */
    return f->paths[own > 0 ? own - 1 : 0];
}

/* The flow is given back; neighbours share what they have in common. */
static str heading_of(cutter *c, str path) {
    bool again = path.p == c->path.p;
    c->path = path;
    return again ? c->to->items[c->to->count - 1].heading : arena_str(c->a, path);
}

static void put_chunk(cutter *c, size_t begin, size_t end, const overlap *again, str path) {
    ingest_chunk chunk = {.heading = heading_of(c, path)};
    text_clear(&c->t);
    c->line_count = 0;
    size_t before = begin;
    for (size_t i = 0; i < again->count; i++) {
        put_unit(c, again->units[i], before);
        before = again->units[i];
    }
    size_t new_lines = c->line_count;
    for (size_t i = begin; i < end; i++) {
        put_unit(c, i, before);
        if (i == begin && again->count > 0)
            chunk.overlap_bytes = (uint32_t)(c->t.n - (c->f->units[i].end - c->f->units[i].begin));
        before = i;
    }
    chunk.text = arena_str(c->a, text_str(&c->t));
    chunk.tokens = (uint32_t)c->count(c->context, chunk.text);
    line_box *lines = arena_alloc(c->a, c->line_count, sizeof *lines);
    if (c->line_count > 0) memcpy(lines, c->lines, c->line_count * sizeof *lines);
    chunk.lines = lines;
    chunk.line_count = c->line_count;
    for (size_t i = new_lines; i < c->line_count; i++) {
        uint32_t page = lines[i].page;
        chunk.page_first = i == new_lines || page < chunk.page_first ? page : chunk.page_first;
        chunk.page_last = page > chunk.page_last ? page : chunk.page_last;
    }
    chunk_list *to = c->to;
    if (to->count == to->room) {
        to->room = to->room ? 2 * to->room : 64;
        to->items = mem_grow(to->items, to->room, sizeof *to->items);
    }
    to->items[to->count++] = chunk;
}

/* ---- cutting a section -------------------------------------------------------------------- */

/* Tokens of the block that starts at unit i, or more than fit when it is longer than that. */
static size_t block_tokens(const flow *f, size_t i, size_t end) {
    size_t sum = f->units[i].tokens;
    for (size_t k = i + 1; k < end && !f->units[k].starts_block && sum <= MAX_TOKENS; k++)
        sum += f->units[k].tokens;
    return sum;
}

/* Is unit i the first of the next chunk, when `tokens` are in this one and `left` from i on? */
static bool cuts_before(const flow *f, size_t i, size_t end, size_t tokens, size_t left) {
    const unit *u = &f->units[i];
    if (tokens == 0) return false;
    if (tokens + u->tokens > MAX_TOKENS) return true;
    if (tokens + left <= MAX_TOKENS) return false;
    if (u->kind == UNIT_HEADING && tokens >= HEADING_CUT_TOKENS) return true;
    if (tokens < MIN_TOKENS) return false;
    return tokens + u->tokens > TARGET_TOKENS ||
           (u->starts_block && tokens + block_tokens(f, i, end) > MAX_TOKENS);
}

static bool leads(const unit *u) {
    return u->kind == UNIT_HEADING || u->leads;
}

/* Where the chunk [start, i) really ends: headings, and heads of tables, at its end go with what
 * follows them, unless they are many, and so rather a list, or too long to share a chunk with unit
 * i. */
static size_t without_headings(const flow *f, size_t start, size_t i) {
    size_t stop = i, tokens = 0;
    while (stop > start && leads(&f->units[stop - 1]) && tokens < HEADER_TOKENS)
        tokens += f->units[--stop].tokens;
    if (tokens + f->units[i].tokens > MAX_TOKENS) return i;
    return stop > start && !leads(&f->units[stop - 1]) ? stop : i;
}

static void cut_section(cutter *c, size_t begin, size_t end) {
    const flow *f = c->f;
    size_t left = 0, start = skip_path(f, begin, end);
    overlap again = overlap_of(f, start, end, start);
    size_t section_begin = start, tokens = again.tokens;
    for (size_t i = start; i < end; i++) left += f->units[i].tokens;
    for (size_t i = start; i < end; i++) {
        if (cuts_before(f, i, end, tokens, left)) {
            size_t stop = without_headings(f, start, i);
            put_chunk(c, start, stop, &again, path_of(f, start, stop));
            start = skip_path(f, stop, end);
            for (; i < start; i++) /* more headings on the path */
                left -= f->units[i].tokens;
            again = overlap_of(f, start, end, section_begin);
            tokens = 0;
            for (size_t k = start; k < i; k++) tokens += f->units[k].tokens;
            shorten(f, &again, tokens + f->units[i].tokens);
            tokens += again.tokens;
        }
        tokens += f->units[i].tokens;
        left -= f->units[i].tokens;
    }
    if (start < end) put_chunk(c, start, end, &again, path_of(f, start, end));
}

/* ---- sections ----------------------------------------------------------------------------- */

/* Which document inside the document a page is of, counted from 1; 0: its own. Parts come in the
 * order of their first pages, and a part's own pages before those of the parts inside it. */
static size_t part_of(const ingest_document *d, uint32_t page) {
    size_t low = 0, high = d->part_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->parts[middle].page_first <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static section *find_sections(const ingest_document *d, const flow *f, size_t *count) {
    section *all = NULL;
    size_t n = 0, room = 0;
    for (size_t i = f->again; i < f->unit_count; i++) {
        const unit *u = &f->units[i];
        bool heading = u->kind == UNIT_HEADING;
        size_t part = part_of(d, f->segs[u->first_seg].page);
        if (n == 0 || all[n - 1].part != part ||
            (heading && u->starts_block && u->level <= SECTION_LEVEL)) {
            if (n == room) {
                room = room ? 2 * room : 64;
                all = mem_grow(all, room, sizeof *all);
            }
            all[n++] = (section){.begin = i,
                                 .part = part,
                                 .level = heading ? u->level : 0,
                                 .parent = heading ? f->paths[u->path - 1] : (str){0}};
        }
        section *s = &all[n - 1];
        s->end = i + 1;
        s->tokens += u->tokens;
        s->content = s->content || !heading;
    }
    *count = n;
    return all;
}

/* Headings with nothing below them: on the path of a deeper section, else lines in front of the
 * next one or behind the last. The sections that are left hold every unit that must be shown. */
static size_t fold_empty(const flow *f, section *s, size_t n) {
    size_t kept = 0, carried = SIZE_MAX; /* first unit of the headings that wait */
    for (size_t i = 0; i < n; i++) {
        bool last = i + 1 == n;
        if (!s[i].content && !last) {
            if (carried == SIZE_MAX && s[i + 1].level <= s[i].level) carried = s[i].begin;
            continue;
        }
        if (carried != SIZE_MAX) s[i].begin = carried;
        carried = SIZE_MAX;
        if (!s[i].content && kept > 0)
            s[kept - 1].end = s[i].end;
        else
            s[kept++] = s[i];
    }
    for (size_t i = 0; i < kept; i++) { /* they may have grown */
        s[i].tokens = 0;
        for (size_t k = s[i].begin; k < s[i].end; k++) s[i].tokens += f->units[k].tokens;
    }
    return kept;
}

/* How many sections from s on, siblings of it and what is below them, are tiny and fit together;
 * 1 if s stands alone. Two messages of a mailbox never share a chunk. */
static size_t group_of(const section *s, size_t n) {
    size_t count = 1, tokens = s->tokens;
    if (s->level == 0 || s->tokens >= TINY_TOKENS) return 1;
    while (count < n && s[count].part == s->part && s[count].level >= s->level &&
           s[count].tokens < TINY_TOKENS && tokens + s[count].tokens <= TARGET_TOKENS)
        tokens += s[count++].tokens;
    return count;
}

/* What is carried moves out of the flow's arena. */
static void keep_carry(chunk_carry *carry, arena *a) {
    for (size_t i = 0; i < INGEST_HEADING_LEVELS; i++)
        carry->above[i] = arena_str(a, carry->above[i]);
    for (size_t i = 0; i < CARRIED_UNITS; i++)
        carry->units[i].text = arena_str(a, carry->units[i].text);
}

bool chunk_append(const ingest_document *d, ingest_count_fn *count, void *context, arena *a,
                  chunk_carry *carry, chunk_list *to, error *err) {
    flow f;
    section *sections = NULL;
    size_t n = 0;
    cutter c = {.f = &f, .count = count, .context = context, .a = a, .to = to};
    arena *flow_arena = arena_new();
    bool ok = flow_build(d, count, context, MAX_TOKENS, flow_arena, carry, &f, err);

    if (!ok) goto done;
    sections = find_sections(d, &f, &n);
    n = fold_empty(&f, sections, n);
    for (size_t i = 0; i < n;) {
        size_t group = group_of(&sections[i], n - i);
        size_t begin = sections[i].begin, end = sections[i + group - 1].end;
        if (group > 1) {
            overlap again = overlap_of(&f, begin, end, begin);
            shorten(&f, &again, TARGET_TOKENS);
            put_chunk(&c, begin, end, &again, sections[i].parent);
        } else {
            cut_section(&c, begin, end);
        }
        i += group;
    }
    if (carry) keep_carry(carry, a);
done:
    mem_free(sections);
    mem_free(c.lines);
    text_free(&c.t);
    flow_free(&f);
    arena_free(flow_arena);
    return ok;
}

void chunk_list_end(chunk_list *l, arena *a, ingest_chunk **out, size_t *count) {
    *out = NULL;
    *count = l->count;
    if (l->count > 0) {
        *out = arena_alloc(a, l->count, sizeof **out);
        memcpy(*out, l->items, l->count * sizeof **out);
    }
    mem_free(l->items);
    *l = (chunk_list){0};
}

bool ingest_chunk_document(const ingest_document *d, ingest_count_fn *count, void *context,
                           arena *a, ingest_chunk **out, size_t *out_count, error *err) {
    chunk_list all = {0};
    bool ok = chunk_append(d, count, context, a, NULL, &all, err);
    if (!ok) all.count = 0;
    chunk_list_end(&all, a, out, out_count);
    return ok;
}
