/* reader_file: see reader_file.h.
 *
 * One list of tensors, with their places in the flat parameters, serves both ways, so that what is
 * written is what is read. The vocabulary comes from the file that training began with.
 */
#include "models/train/reader_file.h"

#include "models/train/rows.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 64, MOST_TENSORS = 16 * MOST_LAYERS };

typedef struct {
    char name[NAME_BYTES];
    size_t place, rows, columns;
    uint32_t type;
} tensor;

typedef struct {
    tensor items[MOST_TENSORS];
    size_t count;
} tensor_list;

static void list(tensor_list *x, const char *name, int layer, size_t place, size_t rows,
                 size_t columns, uint32_t type) {
    tensor *t = &x->items[x->count++];
    *t = (tensor){.place = place, .rows = rows, .columns = columns, .type = type};
    if (layer >= 0)
        snprintf(t->name, NAME_BYTES, "blk.%d.%s.weight", layer, name);
    else
        snprintf(t->name, NAME_BYTES, "%s", name);
}

static tensor_list tensors_of(const net_shape *s) {
    tensor_list x = {.count = 0};
    net_places p = net_layout(s);
    size_t d = s->width, f = s->hidden;
    const uint32_t q = ENGINE_Q8_0, f32 = ENGINE_F32;
    list(&x, "token_embd.weight", -1, p.embedding, s->vocab, d, q);
    list(&x, "token_types.weight", -1, p.types, s->types, d, q);
    for (int i = 0; i < (int)s->layers; i++) {
        const net_layer *l = &p.layers[i];
        list(&x, "conv_norm", i, l->conv_norm, 1, d, f32);
        list(&x, "conv", i, l->conv, CONV_TAPS, d, f32);
        list(&x, "attn_norm", i, l->attn_norm, 1, d, f32);
        list(&x, "attn_q", i, l->qkv, d, d, q);
        list(&x, "attn_k", i, l->qkv + d * d, d, d, q);
        list(&x, "attn_v", i, l->qkv + 2 * d * d, d, d, q);
        list(&x, "attn_output", i, l->out, d, d, q);
        list(&x, "ffn_norm", i, l->ffn_norm, 1, d, f32);
        list(&x, "ffn_gate", i, l->gate_up, f, d, q);
        list(&x, "ffn_up", i, l->gate_up + f * d, f, d, q);
        list(&x, "ffn_down", i, l->down, d, f, q);
    }
    list(&x, "output_norm.weight", -1, p.norm, 1, d, f32);
    list(&x, "span.weight", -1, p.head, OUTPUTS, d, f32);
    list(&x, "span.bias", -1, p.bias, 1, OUTPUTS, f32);
    return x;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void put_keys(engine_gguf_writer *w, const net_shape *s, const engine_gguf *vocabulary) {
    engine_gguf_put_str(w, "general.architecture", STR("carrel-reader"));
    engine_gguf_put_str(w, "general.name", STR("carrel-reader"));
    engine_gguf_put_str(w, "general.license", STR("CC-BY-SA-4.0"));
    engine_gguf_put_u32(w, "general.file_type", 7);
    engine_gguf_put_u32(w, "general.quantization_version", 2);
    engine_gguf_put_u32(w, "carrel-reader.block_count", s->layers);
    engine_gguf_put_u32(w, "carrel-reader.embedding_length", s->width);
    engine_gguf_put_u32(w, "carrel-reader.feed_forward_length", s->hidden);
    engine_gguf_put_u32(w, "carrel-reader.attention.head_count", s->width / HEAD);
    engine_gguf_put_f32(w, "carrel-reader.attention.layer_norm_rms_epsilon", NORM_EPSILON);
    engine_gguf_put_f32(w, "carrel-reader.rope.freq_base", (float)ROPE_BASE);
    engine_gguf_put_u32(w, "carrel-reader.context_length", MOST_TOKENS);
    engine_gguf_put_u32(w, "carrel-reader.token_type_count", s->types);
    engine_gguf_put_u32(w, "carrel-reader.vocab_size", s->vocab);
    engine_gguf_put_u32(w, "carrel-reader.conv_taps", CONV_TAPS);
    engine_gguf_put_strs(w, "carrel-reader.stop_words", rows_stop_words, rows_stop_word_count);
    for (size_t i = 0; i < engine_gguf_key_count(vocabulary); i++) {
        str key, kind_and_value;
        engine_gguf_key_at(vocabulary, i, &key, &kind_and_value);
        if (str_starts(key, STR("tokenizer."))) engine_gguf_put_raw(w, key, kind_and_value);
    }
}

static bool write_tensor(engine_gguf_writer *w, const tensor *t, const float *params, error *err) {
    size_t bytes = engine_row_bytes(t->type, t->columns);
    uint8_t *row = mem_new(bytes, 1);
    bool ok = true;
    for (size_t r = 0; ok && r < t->rows; r++) {
        engine_quantize(t->type, params + t->place + r * t->columns, row, t->columns);
        ok = engine_gguf_write(w, row, bytes, err);
    }
    mem_free(row);
    return ok;
}

bool reader_file_write(const char *path, const net_shape *s, const float *params,
                       const engine_gguf *vocabulary, error *err) {
    engine_gguf_writer *w = engine_gguf_writer_new();
    tensor_list x = tensors_of(s);
    put_keys(w, s, vocabulary);
    for (size_t i = 0; i < x.count; i++) {
        const tensor *t = &x.items[i];
        engine_gguf_declare(w, str_of(t->name), t->type, t->rows > 1 ? 2 : 1,
                            (uint64_t[]){t->columns, t->rows});
    }
    bool ok = engine_gguf_create(w, path, true, err);
    for (size_t i = 0; ok && i < x.count; i++) ok = write_tensor(w, &x.items[i], params, err);
    ok = ok && engine_gguf_commit(w, err);
    engine_gguf_writer_free(w);
    return ok;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool read_shape(const engine_gguf *g, net_shape *s, error *err) {
    uint32_t taps = 0, heads = 0;
    *s = (net_shape){0};
    engine_gguf_u32(g, "carrel-reader.block_count", &s->layers);
    engine_gguf_u32(g, "carrel-reader.embedding_length", &s->width);
    engine_gguf_u32(g, "carrel-reader.feed_forward_length", &s->hidden);
    engine_gguf_u32(g, "carrel-reader.token_type_count", &s->types);
    engine_gguf_u32(g, "carrel-reader.vocab_size", &s->vocab);
    engine_gguf_u32(g, "carrel-reader.conv_taps", &taps);
    engine_gguf_u32(g, "carrel-reader.attention.head_count", &heads);
    if (taps == CONV_TAPS && s->layers > 0 && s->layers <= MOST_LAYERS && s->width > 0 &&
        s->width <= MOST_WIDTH && heads * HEAD == s->width && s->hidden <= MOST_HIDDEN)
        return true;
    return error_set(err, ERROR_MODEL, "this is no reader that train-reader wrote");
}

bool reader_file_read(const engine_gguf *g, net_shape *s, float **params, error *err) {
    if (!read_shape(g, s, err)) return false;
    tensor_list x = tensors_of(s);
    float *all = mem_new(net_layout(s).count, sizeof *all);
    for (size_t i = 0; i < x.count; i++) {
        const tensor *t = &x.items[i];
        const engine_tensor *from;
        if (!engine_gguf_need(g, t->name, t->rows > 1 ? 2 : 1, (uint64_t[]){t->columns, t->rows},
                              &from, err)) {
            mem_free(all);
            return false;
        }
        size_t bytes = engine_row_bytes(from->type, t->columns);
        for (size_t r = 0; r < t->rows; r++)
            engine_dequantize(from->type, (const uint8_t *)from->data + r * bytes,
                              all + t->place + r * t->columns, t->columns);
    }
    *params = all;
    return true;
}
