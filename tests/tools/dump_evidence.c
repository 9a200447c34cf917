/* dump-evidence LIBRARY EMBEDDING READER: reads questions from stdin, one on a line, and prints for
 * each one JSON object with every candidate sentence and its features. Fitting the weights in
 * query/evidence.c starts from here (models/train/README.md, "Confidence").
 */
#include "query/evidence.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SOURCES 8
#define BUDGET_TOKENS 2800

static json_t *string_of(str s) {
    return json_stringn(s.p ? s.p : "", s.n);
}

static json_t *candidate_json(const query_candidate *c) {
    str whole = c->passage->source.chunk.text;
    json_t *features = json_array();
    for (int f = 0; f < EVIDENCE_FEATURES; f++)
        json_array_append_new(features, json_real(c->features[f]));
    str span = c->has_span ? str_cut(whole, c->span.begin, c->span.end) : (str){0};
    return json_pack("{s:o, s:o, s:o, s:o, s:f, s:f}", "document",
                     string_of(c->passage->source.chunk.path), "text",
                     string_of(str_cut(whole, c->begin, c->end)), "span", string_of(span),
                     "features", features, "words", c->passage->source.words, "score", c->score);
}

static bool dump(const query_context *q, str question, error *err) {
    arena *a = arena_new();
    query_source *sources;
    query_passage *passages;
    query_evidence e;
    size_t n;
    bool ok = query_search(q, question, QUERY_FUSED, SOURCES, a, &sources, &n, err) &&
              query_pack(q, sources, n, SOURCES, BUDGET_TOKENS, a, &passages, &n, err) &&
              query_weigh(q, question, passages, n, a, &e, err);
    if (ok) {
        json_t *list = json_array(), *facts = json_array();
        for (size_t i = 0; i < e.count; i++)
            json_array_append_new(list, candidate_json(&e.candidates[i]));
        for (int f = 0; f < EVIDENCE_FACTS; f++)
            json_array_append_new(facts, json_real(e.facts[f]));
        json_t *line = json_pack("{s:o, s:o, s:f, s:o}", "question", string_of(question), "facts",
                                 facts, "confidence", e.confidence, "candidates", list);
        json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(line);
    }
    arena_free(a);
    return ok;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: dump-evidence LIBRARY EMBEDDING READER <questions\n");
        return ERROR_USAGE;
    }
    error err = {0};
    index_library *library = NULL;
    embed_model *embedder = NULL;
    embed_reader *reader = NULL;
    pool *threads = pool_new(0);
    bool ok = index_open(argv[1], INDEX_READ, &library, &err) &&
              embed_model_open(argv[2], NULL, &embedder, &err) &&
              embed_reader_open(argv[3], &reader, &err);
    query_context q = {
        .library = library, .embedder = embedder, .reader = reader, .threads = threads};
    char line[8192];
    while (ok && fgets(line, sizeof line, stdin)) ok = dump(&q, str_trim(str_of(line)), &err);
    if (!ok) fprintf(stderr, "dump-evidence: %s\n", err.text);
    pool_free(threads);
    embed_reader_close(reader);
    embed_model_close(embedder);
    index_close(library);
    return (int)err.code;
}
