/* brought_model.c: see brought_model.h. The tensors are the random model's own, in its order. */
#include "tests/support/brought_model.h"

#include "engine/engine.h"
#include "tests/support/random_model.h"
#include "tests/support/random_vocab.h"
#include "tests/support/tiny_vocab.h"

#include <string.h>

#define BERT "[PAD] [UNK] [CLS] [SEP] [MASK]"
#define QWEN "<|endoftext|> <|im_start|> <|im_end|> yes no"

/* The vocabulary of another file. */
static void put_unigram(engine_gguf_writer *w) {
    engine_gguf *g;
    text vocabulary = tiny_unigram(TINY_PREFIX);
    if (engine_gguf_open_memory(vocabulary.p, vocabulary.n, &g, NULL)) {
        for (size_t i = 0; i < engine_gguf_key_count(g); i++) {
            str key, value;
            engine_gguf_key_at(g, i, &key, &value);
            if (str_starts(key, STR("tokenizer."))) engine_gguf_put_raw(w, key, value);
        }
        engine_gguf_close(g);
    }
    text_free(&vocabulary);
    engine_gguf_put_u32(w, "tokenizer.ggml.seperator_token_id", 2);
}

static void put_vocabulary(engine_gguf_writer *w, const model_recipe *r, const char *name) {
    if (strncmp(name, "bge-reranker", strlen("bge-reranker")) == 0) {
        put_unigram(w);
        return;
    }
    bool qwen = strcmp(r->architecture, "qwen3") == 0;
    if (!qwen) {
        random_vocab_put(w, VOCAB_WORDPIECE, "jina-v2-en", BERT, r->vocab);
        engine_gguf_put_u32(w, "tokenizer.ggml.cls_token_id", 2);
        engine_gguf_put_u32(w, "tokenizer.ggml.seperator_token_id", 3);
        return;
    }
    engine_gguf_put_u32(w, "qwen3.context_length", 2048); /* its chat form is long */
    uint32_t end = random_vocab_id(VOCAB_BPE, QWEN, r->vocab, "<|endoftext|>");
    random_vocab_put(w, VOCAB_BPE, "qwen2", QWEN, r->vocab);
    engine_gguf_put_u32(w, "tokenizer.ggml.eos_token_id", end);
    engine_gguf_put_bool(w, "tokenizer.ggml.add_bos_token", false);
}

bool brought_model(const char *recipe, const char *name, const char *path, error *err) {
    random_model m;
    engine_gguf *g = NULL;
    engine_gguf_writer *w = engine_gguf_writer_new();
    random_model_make(model_recipe_find(recipe), &m);
    text bytes = random_model_file(&m, NULL);
    bool ok = engine_gguf_open_memory(bytes.p, bytes.n, &g, err);
    if (ok) {
        engine_gguf_put_str(w, "general.name", str_of(name));
        put_vocabulary(w, m.recipe, name);
        engine_gguf_copy(w, g);
        for (size_t i = 0; i < engine_gguf_tensor_count(g); i++) {
            const engine_tensor *t = engine_gguf_tensor_at(g, i);
            engine_gguf_declare(w, t->name, t->type, t->rank, t->shape);
        }
        ok = engine_gguf_create(w, path, true, err);
    }
    for (size_t i = 0; ok && i < engine_gguf_tensor_count(g); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(g, i);
        ok = engine_gguf_write(w, t->data, t->bytes, err);
    }
    ok = ok && engine_gguf_commit(w, err);
    engine_gguf_writer_free(w);
    engine_gguf_close(g);
    text_free(&bytes);
    random_model_free(&m);
    return ok;
}
