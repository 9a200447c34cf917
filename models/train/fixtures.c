/* train-fixtures: what the C tests compare the shipped models with.
 *
 *   train-fixtures MODELS FIXTURES
 *
 * Computes ids, token types, logits and vectors of a few texts in float32 from the dequantised weights
 * of MODELS/carrel-embed.gguf and carrel-reader.gguf, by the trainer's own network instead of the
 * engine, and writes FIXTURES/embed.json and reader.json. Build it without AVX-512 FP16 (make train
 * does), so that every product is in 32 bits.
 */
#include "models/train/reader_file.h"
#include "models/train/rows.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDEST = 4096, MOST_SPAN = 30 };

static const char *const texts[] = {
    "What is the paediatric dose of artesunate?",
    "Caf\u00e9 na\u00efve \u00c5ngstr\u00f6m \u2014 Stra\u00dfe, \u0391\u039b\u03a6\u0386; "
    "\u0130stanbul\u2026 S\u00e3o Paulo\u2019s \u201cd\u00e9j\u00e0 vu\u201d",
    "On 2024-11-22, 12345.67 mg/kg (\u22655\u00b0C, \u00b10.5 \u00b5g) cost $1,299 or "
    "\u20ac1\u00a0100.",
    "\u4e2d\u6587\u5b57\u7b26 mixed with English, \u65e5\u672c\u8a9e and \ud55c\uad6d\uc5b4",
    "don't  stop\tthe\u00a0C++ x86_64-linux-gnu #include <stdio.h>\r\nsoft\u00adhyphen "
    "zero\u200bwidth",
    "Pneumonoultramicroscopicsilicovolcanoconiosis and https://example.org/a/b?c=d&e=%20f",
    "",
    "   ",
};

static const struct {
    const char *question, *passage;
} pairs[] = {
    {"What is the paediatric dose of artesunate?",
     "Severe malaria. Give artesunate 2.4 mg/kg IV to adults. Children weighing less than 20 kg "
     "should "
     "receive 3 mg/kg per dose. Continue for at least 24 hours."},
    {"When was the bridge opened?", "The Clifton bridge spans the gorge. Work began in 1831, and "
                                    "it was opened on 8 December 1864."},
    {"Who wrote the report?", "Lunch is served from 12:00 to 13:30 in the hall."},
    {"how many days of annual leave do employees get",
     "Employees are entitled to 25 days of annual leave per calendar year. Unused leave may be "
     "carried over."},
    {"Where did Zo\u00eb M\u00fcller study?",
     "Zo\u00eb M\u00fcller was born in Z\u00fcrich. She studied physics at the \u00c9cole normale "
     "sup\u00e9rieure in "
     "Paris \u2014 then \u6771\u4eac\u5927\u5b66 \u2014 before moving to S\u00e3o Paulo."},
    {"Which oil does the compressor use?", "Fill the compressor with ISO VG 46 oil (3.5 L) up to "
                                           "the mark. Replace the filter every 2,000 "
                                           "hours. Never mix oils."},
};

typedef struct {
    engine_gguf *file;
    engine_tokenizer *tokenizer;
    arena *memory;
} model;

static bool open_model(const char *folder, const char *name, model *m, error *err) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    m->memory = arena_new();
    return engine_gguf_open(path, &m->file, err) &&
           engine_tokenizer_new(m->file, &m->tokenizer, err);
}

static void close_model(model *m) {
    engine_tokenizer_free(m->tokenizer);
    engine_gguf_close(m->file);
    arena_free(m->memory);
}

static json_t *ids_of(const model *m, const char *s, engine_token **tokens, size_t *n) {
    engine_tokenize(m->tokenizer, str_of(s), 0, m->memory, tokens, n);
    json_t *ids = json_array();
    for (size_t i = 0; i < *n; i++) json_array_append_new(ids, json_integer((*tokens)[i].id));
    return ids;
}

/* One row a line, so that a change shows as a line. */
static bool put_rows(FILE *f, const char *name, const json_t *rows, bool more) {
    size_t i;
    json_t *row;
    fprintf(f, " \"%s\": [\n", name);
    json_array_foreach((json_t *)rows, i, row) {
        char *line = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(6));
        fprintf(f, "  %s%s\n", line, i + 1 < json_array_size(rows) ? "," : "");
        free(line);
    }
    return fprintf(f, more ? " ],\n" : " ]\n") > 0;
}

static FILE *create(const char *folder, const char *name, const char *about, error *err) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (f)
        fprintf(f, "{\n \"model\": \"%s\",\n", about);
    else
        error_set(err, ERROR_IO, "%s cannot be written", path);
    return f;
}

static bool close_file(FILE *f, error *err) {
    fprintf(f, "}\n");
    return fclose(f) == 0 || error_set(err, ERROR_IO, "the fixtures cannot be written");
}

/* ---- the embedding ---------------------------------------------------------------------------- */

static json_t *vector_of(const model *m, const engine_token *t, size_t n) {
    const engine_tensor *v = engine_gguf_find(m->file, "token_embd.weight");
    const float *weights = engine_gguf_find(m->file, "token_weight")->data;
    size_t d = v->shape[0] < WIDEST ? v->shape[0] : WIDEST, bytes = engine_row_bytes(v->type, d);
    double sum[WIDEST] = {0}, square = 0;
    float row[WIDEST];
    for (size_t i = 0; i < n; i++) {
        engine_dequantize(v->type, (const uint8_t *)v->data + (size_t)t[i].id * bytes, row, d);
        for (size_t j = 0; j < d; j++) sum[j] += (double)weights[t[i].id] * (double)row[j];
    }
    for (size_t j = 0; j < d; j++) square += sum[j] * sum[j];
    json_t *out = json_array();
    for (size_t j = 0; j < d; j++)
        json_array_append_new(out, json_real(square > 0 ? sum[j] / sqrt(square) : 0));
    return out;
}

static bool embedding(const char *models, const char *folder, error *err) {
    model m = {0};
    if (!open_model(models, "carrel-embed.gguf", &m, err)) return false;
    json_t *rows = json_array();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        engine_token *t;
        size_t n;
        json_t *ids = ids_of(&m, texts[i], &t, &n);
        json_array_append_new(rows, json_pack("{s:s, s:o, s:o}", "text", texts[i], "ids", ids,
                                              "vector", vector_of(&m, t, n)));
    }
    FILE *f = create(folder, "embed.json", "carrel-embed.gguf", err);
    if (!f) return false;
    fprintf(f, " \"width\": %u,\n",
            (unsigned)engine_gguf_find(m.file, "token_embd.weight")->shape[0]);
    put_rows(f, "texts", rows, false);
    json_decref(rows);
    close_model(&m);
    return close_file(f, err);
}

/* ---- the reader ------------------------------------------------------------------------------- */

static void make_example(const model *m, const char *question, const char *passage,
                         net_example *x) {
    const embed_stop_words stop = {rows_stop_words, rows_stop_word_count};
    engine_token *q, *p;
    embed_word *qw, *pw;
    size_t qn, pn, qwn, pwn;
    engine_tokenize(m->tokenizer, str_of(question), 0, m->memory, &q, &qn);
    engine_tokenize(m->tokenizer, str_of(passage), 0, m->memory, &p, &pn);
    embed_mark_words(m->tokenizer, &stop, str_of(question), q, qn, false, m->memory, &qw, &qwn);
    embed_mark_words(m->tokenizer, &stop, str_of(passage), p, pn, true, m->memory, &pw, &pwn);
    *x = (net_example){.n = (uint32_t)(qn + pn + 3), .passage = (uint32_t)qn + 2};
    embed_mark(qw, qwn, pw, pwn, x->types + 1, x->types + x->passage);
    x->ids[0] = 2;
    x->ids[qn + 1] = x->ids[x->n - 1] = 3;
    for (size_t i = 0; i < qn; i++) x->ids[i + 1] = (uint16_t)q[i].id;
    for (size_t i = 0; i < pn; i++) x->ids[x->passage + i] = (uint16_t)p[i].id;
}

static json_t *column(const float *z, size_t n, int output) {
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_real((double)z[i * OUTPUTS + output]));
    return out;
}

static json_t *run_pair(const model *m, const net_shape *s, const float *params,
                        const net_packed *packed, net_work *w, size_t which) {
    net_example x;
    const net_example *one = &x;
    float z[MOST_TOKENS * OUTPUTS], best = -INFINITY;
    size_t begin = 0, end = 0;
    net_result r = {0};
    make_example(m, pairs[which].question, pairs[which].passage, &x);
    net_run(w, s, params, packed, &one, 1, 0, 0, NULL, NULL, z, &r);
    for (size_t i = x.passage; i + 1 < x.n; i++)
        for (size_t j = i; j + 1 < x.n && j < i + MOST_SPAN; j++)
            if (z[i * OUTPUTS] + z[j * OUTPUTS + 1] > best) {
                best = z[i * OUTPUTS] + z[j * OUTPUTS + 1];
                begin = i, end = j;
            }
    json_t *ids = json_array(), *types = json_array();
    for (size_t i = 0; i < x.n; i++) {
        json_array_append_new(ids, json_integer(x.ids[i]));
        json_array_append_new(types, json_integer(x.types[i]));
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:[i,i], s:f}", "question",
                     pairs[which].question, "passage", pairs[which].passage, "ids", ids, "types",
                     types, "start", column(z, x.n, 0), "end", column(z, x.n, 1), "sentence",
                     column(z, x.n, 2), "best", (int)begin, (int)end, "score",
                     (double)(best - z[0] - z[1]));
}

static bool reader(const char *models, const char *folder, error *err) {
    model m = {0};
    net_shape s;
    float *params;
    if (!open_model(models, "carrel-reader.gguf", &m, err) ||
        !reader_file_read(m.file, &s, &params, err))
        return false;
    net_packed *packed = net_packed_new(&s);
    net_work *w = net_work_new(&s, MOST_TOKENS);
    net_pack(packed, &s, params, 0, 1);
    json_t *rows = json_array(), *read = json_array();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        engine_token *t;
        size_t n;
        json_t *ids = ids_of(&m, texts[i], &t, &n);
        json_array_append_new(rows, json_pack("{s:s, s:o}", "text", texts[i], "ids", ids));
    }
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        json_array_append_new(read, run_pair(&m, &s, params, packed, w, i));
    FILE *f = create(folder, "reader.json", "carrel-reader.gguf", err);
    if (!f) return false;
    put_rows(f, "texts", rows, true);
    put_rows(f, "pairs", read, false);
    json_decref(rows);
    json_decref(read);
    mem_free(params);
    net_packed_free(packed);
    net_work_free(w);
    close_model(&m);
    return close_file(f, err);
}

int main(int argc, char **argv) {
    error err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: train-fixtures MODELS FIXTURES\n");
        return ERROR_USAGE;
    }
    if (!embedding(argv[1], argv[2], &err) || !reader(argv[1], argv[2], &err)) {
        fprintf(stderr, "train-fixtures: %s\n", err.text);
        return (int)err.code;
    }
    return 0;
}
