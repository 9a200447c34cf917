/* Packs what was retrieved into the passages that are read, and cuts citations out of them.
 *
 * A chunk is cut at a token count, so that an answer can stand just past its end: the neighbours of
 * the best passages come along when there is room. A citation is always bytes of one chunk's text,
 * which the boxes of its lines tie to the page.
 */
#include "query/passages.h"

#define NEIGHBOURED_PASSAGES 2 /* whose neighbours are worth reading: beyond, new passages are */
#define PATH_SEPARATOR " > "
#define NEIGHBOUR_SCORE 0.5 /* of the score of the passage that it stands beside */

static bool has_chunk(const query_passage *p, size_t count, int64_t chunk) {
    for (size_t i = 0; i < count; i++)
        if (p[i].source.chunk.id == chunk) return true;
    return false;
}

static bool add_neighbour(const query_context *q, query_passage *p, size_t *count, size_t owner,
                          bool after, size_t *budget, arena *a, error *err) {
    const index_chunk *c = &p[owner].source.chunk;
    if (!after && c->ordinal == 0) return true;
    query_passage n = {.neighbour = true};
    bool found;
    if (!index_get_neighbour(q->library, c->document, after ? c->ordinal + 1 : c->ordinal - 1, a,
                             &n.source.chunk, &found, err))
        return false;
    if (!found || n.source.chunk.tokens > *budget || has_chunk(p, *count, n.source.chunk.id))
        return true;
    n.source.score = p[owner].source.score * NEIGHBOUR_SCORE;
    n.source.fused = p[owner].source.fused * NEIGHBOUR_SCORE;
    *budget -= n.source.chunk.tokens;
    p[(*count)++] = n;
    return true;
}

bool query_pack(const query_context *q, const query_source *sources, size_t source_count,
                size_t most, size_t budget_tokens, arena *a, query_passage **out, size_t *count,
                error *err) {
    query_passage *p = arena_alloc(a, most + 2 * NEIGHBOURED_PASSAGES, sizeof *p);
    size_t n = 0;
    for (size_t i = 0; i < source_count && n < most; i++) {
        size_t tokens = sources[i].chunk.tokens;
        if (n > 0 && tokens > budget_tokens) continue;
        budget_tokens -= tokens < budget_tokens ? tokens : budget_tokens;
        p[n++].source = sources[i];
    }
    size_t owners = n < NEIGHBOURED_PASSAGES ? n : NEIGHBOURED_PASSAGES;
    for (size_t i = 0; i < owners; i++)
        if (!add_neighbour(q, p, &n, i, true, &budget_tokens, a, err) ||
            !add_neighbour(q, p, &n, i, false, &budget_tokens, a, err))
            return false;
    *out = p;
    *count = n;
    return true;
}

/* The first so many headings of a path. */
static str path_cut(str path, uint32_t parts) {
    size_t end = 0;
    for (uint32_t i = 0; i < parts && end < path.n; i++) {
        size_t next = str_find(path, STR(PATH_SEPARATOR), i > 0 ? end + 1 : 0);
        end = next < path.n ? next : path.n;
    }
    return str_cut(path, 0, end);
}

/* The path above byte `at`: a chunk that holds several sections has the first one's, and each
 * heading in its text says how much of the path before stays above it. */
static str heading_at(const index_chunk *c, uint32_t at, arena *a) {
    str path = c->heading;
    for (size_t i = 0, end; i < c->line_count && c->lines[i].begin < at; i = end) {
        const line_box *l = &c->lines[i];
        end = i + 1;
        if (l->heading == 0) continue;
        while (end < c->line_count && c->lines[end].heading == l->heading &&
               c->text.p[c->lines[end].begin - 1] != '\n')
            end++;
        str above = path_cut(path, l->heading - 1),
            own = str_cut(c->text, l->begin, c->lines[end - 1].end);
        path = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(above),
                            above.n > 0 ? PATH_SEPARATOR : "", STR_ARG(own));
    }
    return path;
}

bool query_cite(const query_context *q, const query_passage *p, uint32_t begin, uint32_t end,
                arena *a, query_citation *out, error *err) {
    const index_chunk *c = &p->source.chunk;
    size_t first = 0;
    while (first < c->line_count && c->lines[first].end <= begin) first++;
    size_t last = first;
    while (last < c->line_count && c->lines[last].begin < end) last++;
    *out = (query_citation){
        .document = c->path,
        .title = c->title,
        .document_id = c->document,
        .heading = heading_at(c, begin, a),
        .page = first < c->line_count ? c->lines[first].page : c->page_first,
        .quote = str_cut(c->text, begin, end),
        .boxes = c->lines + first,
        .box_count = last - first,
    };
    return index_page_label(q->library, c->document, out->page, a, &out->label, err);
}

uint32_t query_repeated_bytes(const query_passage *passages, size_t count, size_t which) {
    const index_chunk *c = &passages[which].source.chunk;
    for (size_t i = 0; i < count; i++) {
        const index_chunk *before = &passages[i].source.chunk;
        if (before->document == c->document && before->ordinal + 1 == c->ordinal)
            return c->overlap_bytes;
    }
    return 0;
}
