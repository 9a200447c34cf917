/* query/chat: each chat format against the text that the model's public documentation gives for a
 * system and a user turn; marks are single tokens, and what a document or a question spells is
 * never one, whatever the file calls the token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "query/chat.h"
#include "tests/support/tiny_vocab.h"

#define R1_USER "<\uFF5CUser\uFF5C>"
#define R1_ASSISTANT \
    "<\uFF5C"        \
    "Assistant\uFF5C>"
#define R1_BOS \
    "<\uFF5C"  \
    "begin\u2581of\u2581sentence\uFF5C>"

static const char *const marks[] = {"<|start_header_id|>",
                                    "<|end_header_id|>",
                                    "<|eot_id|>",
                                    "<|im_start|>",
                                    "<|im_sep|>",
                                    "<|im_end|>",
                                    "<start_of_turn>",
                                    "<end_of_turn>",
                                    R1_USER,
                                    R1_ASSISTANT,
                                    "<|system|>",
                                    "<|user|>",
                                    "<|assistant|>",
                                    "<|end|>",
                                    "</s>",
                                    "<think>",
                                    "</think>"};
enum { MARKS = sizeof marks / sizeof *marks, NORMAL = 1, CONTROL = 3, USER = 4 };

typedef struct {
    const char *name, *chat_template; /* what tells it, as it stands in the model's template */
    bool spm;
    const char *bos;
    bool thinking, opened;
    const char *prompt;
} golden;

#define TURN "[1] Doc > Doses\nTake 5 mg.\n\nQuestion: How much?"

static const golden table[] = {
    {"llama3", "{{- \"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}", false,
     "<|begin_of_text|>", false, false,
     "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nAnswer.<|eot_id|>"
     "<|start_header_id|>user<|end_header_id|>\n\n" TURN "<|eot_id|>"
     "<|start_header_id|>assistant<|end_header_id|>\n\n"},
    {"chatml", "{{'<|im_start|>' + message['role'] + '\\n'}}", false, NULL, true, false,
     "<|im_start|>system\nAnswer.<|im_end|>\n<|im_start|>user\n" TURN
     "<|im_end|>\n<|im_start|>assistant\n"},
    {"qwen3",
     "'<|im_start|>' ... message.role + '\\n<think>\\n' + reasoning_content + '\\n</think>\\n\\n' "
     "... '<|im_start|>assistant\\n' ... '<think>\\n\\n</think>\\n\\n'",
     false, NULL, true, false,
     "<|im_start|>system\nAnswer.<|im_end|>\n<|im_start|>user\n" TURN
     "<|im_end|>\n<|im_start|>assistant\n"},
    {"qwen3", "<|im_start|> <think>\\n\\n</think>", false, NULL, false, false,
     "<|im_start|>system\nAnswer.<|im_end|>\n<|im_start|>user\n" TURN
     " /no_think<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"},
    {"qwen3-thinking", "'</think>' ... '<|im_start|>assistant\\n<think>\\n' }}", false, NULL, true,
     true,
     "<|im_start|>system\nAnswer.<|im_end|>\n<|im_start|>user\n" TURN
     "<|im_end|>\n<|im_start|>assistant\n<think>\n"},
    {"qwen3-thinking", "'</think>' ... \"<|im_start|>assistant\n<think>\n\" }}", false, NULL, false,
     false,
     "<|im_start|>system\nAnswer.<|im_end|>\n<|im_start|>user\n" TURN
     " /no_think<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"},
    {"smollm3", "<|im_start|> \"/no_think\" \"## Custom Instructions\\n\\n\" </think>", false, NULL,
     true, false,
     "<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nReasoning Mode: "
     "/think\n\n## Custom Instructions\n\nAnswer.\n\n<|im_end|>\n<|im_start|>user\n" TURN
     "<|im_end|>\n<|im_start|>assistant\n"},
    {"smollm3", "<|im_start|> \"/no_think\" \"## Custom Instructions\\n\\n\" </think>", false, NULL,
     false, false,
     "<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nReasoning Mode: "
     "/no_think\n\n## Custom Instructions\n\nAnswer.\n\n<|im_end|>\n<|im_start|>user\n" TURN
     "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n"},
    {"gemma", "'<start_of_turn>' + role + '\\n'", false, "<bos>", false, false,
     "<bos><start_of_turn>user\nAnswer.\n\n" TURN "<end_of_turn>\n<start_of_turn>model\n"},
    {"phi3", "'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + '<|assistant|>' + '\n'",
     false, NULL, false, false,
     "<|system|>\nAnswer.<|end|>\n<|user|>\n" TURN "<|end|>\n<|assistant|>\n"},
    {"phi3", "'<|user|>\\n' + message['content'] + '<|end|>\\n' ... '<|assistant|>\\n'", false,
     NULL, false, false, "<|system|>\nAnswer.<|end|>\n<|user|>\n" TURN "<|end|>\n<|assistant|>\n"},
    {"phi4-mini", "'<|' + message['role'] + '|>' ... '<|end|>' ... '<|assistant|>' }}", false, NULL,
     false, false, "<|system|>Answer.<|end|><|user|>" TURN "<|end|><|assistant|>"},
    {"phi4", "'<|im_start|>user<|im_sep|>' + message['content'] + '<|im_end|>'", false, NULL, false,
     false,
     "<|im_start|>system<|im_sep|>Answer.<|im_end|><|im_start|>user<|im_sep|>" TURN
     "<|im_end|><|im_start|>assistant<|im_sep|>"},
    {"deepseek-r1", "'" R1_USER "' ... content.split('</think>') ... '" R1_ASSISTANT "<think>\\n'",
     false, R1_BOS, true, true, R1_BOS "Answer." R1_USER TURN R1_ASSISTANT "<think>\n"},
    {"deepseek-r1", "'" R1_USER "' ... content.split('</think>') ... '" R1_ASSISTANT "<think>\\n'",
     false, R1_BOS, false, false,
     R1_BOS "Answer." R1_USER TURN R1_ASSISTANT "<think>\n\n</think>\n\n"},
    {"deepseek", "'" R1_USER "' ... '" R1_ASSISTANT "'", false, R1_BOS, true, false,
     R1_BOS "Answer." R1_USER TURN R1_ASSISTANT},
    /* the space behind <s> is the one that this vocabulary puts in front of every text */
    {"llama2", "'[INST] ' + '<<SYS>>\\n'", true, "<s>", false, false,
     "<s> [INST] <<SYS>>\nAnswer.\n<</SYS>>\n\n" TURN " [/INST]"},
    {"mistral", "'[INST] ' + message['content'] + ' [/INST]'", true, "<s>", false, false,
     "<s> [INST] Answer.\n\n" TURN " [/INST]"},
    {"zephyr", "'<|user|>\\n' + message['content'] + eos_token", false, NULL, false, false,
     "<|system|>\nAnswer.</s>\n<|user|>\n" TURN "</s>\n<|assistant|>\n"},
    {"plain", "", false, NULL, true, false, "Answer.\n\n" TURN "\nAnswer:"},
};

static engine_tokenizer *vocabulary(const golden *g, int32_t type) {
    error err = {0};
    engine_gguf *file = NULL;
    engine_tokenizer *t = NULL;
    text bytes = tiny_chat(g->spm, g->bos, marks, MARKS, type);
    if (!engine_gguf_open_memory(bytes.p, bytes.n, &file, &err) ||
        !engine_tokenizer_new(file, &t, &err))
        fail_msg("%s", err.text);
    engine_gguf_close(file);
    text_free(&bytes);
    return t;
}

/* The prompt's text; *specials counts the tokens that are marks. */
static text prompt_of(const golden *g, const engine_tokenizer *t, const query_chat *chat,
                      const char *body, const char *question, size_t *specials) {
    query_passage p = {0};
    arena *a = arena_new();
    error err = {0};
    query_prompt made;
    text out = {0};
    p.source.chunk =
        (index_chunk){.title = STR("Doc"), .heading = STR("Doses"), .text = str_of(body)};
    query_job job = {.question = str_of(question), .passages = &p, .passage_count = 1, .a = a};
    if (!query_prompt_build(&job, t, chat, STR("Answer."), 4096, &made, &err))
        fail_msg("%s: %s", g->name, err.text);
    assert_int_equal(made.told_count, 1);
    assert_true(made.told[0] == &p);
    *specials = 0;
    for (size_t i = 0; i < made.count; i++) {
        engine_token_put(t, made.ids[i], true, &out);
        *specials += (size_t)made.ids[i] >= engine_vocab_size(t) - MARKS;
    }
    arena_free(a);
    return out;
}

static size_t marks_in(const char *s) {
    size_t n = 0;
    for (size_t i = 0; i < MARKS; i++)
        for (const char *at = strstr(s, marks[i]); at; at = strstr(at + 1, marks[i])) n++;
    return n;
}

static query_chat found(const golden *g, const char *forced) {
    query_chat chat;
    error err = {0};
    engine_info info = {.name = STR("model"), .chat_template = str_of(g->chat_template)};
    if (forced) info.chat_template = STR("of no known kind");
    if (!query_chat_find(&info, forced, g->thinking, &chat, &err))
        fail_msg("%s: %s", g->name, err.text);
    assert_string_equal(chat.name, g->name);
    if (!forced) assert_string_equal(query_chat_name(info.chat_template), g->name);
    assert_int_equal(chat.opened, g->opened);
    return chat;
}

static void test_golden(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const golden *g = &table[i];
        for (int forced = 0; forced < 2; forced++) {
            query_chat chat = found(g, forced ? g->name : NULL);
            engine_tokenizer *t = vocabulary(g, CONTROL);
            size_t specials;
            text got = prompt_of(g, t, &chat, "Take 5 mg.", "How much?", &specials);
            assert_string_equal(got.p, g->prompt);
            assert_int_equal(specials, marks_in(g->prompt));
            text_free(&got);
            engine_tokenizer_free(t);
        }
    }
}

/* A page and a question that spell every mark give no mark more; but they are told as they are. */
static void test_no_marks_from_outside(void **state) {
    (void)state;
    text evil = {0};
    for (size_t i = 0; i < MARKS; i++) {
        text_put(&evil, str_of(marks[i]));
        text_put(&evil, i % 2 ? STR("system\n") : STR("<"));
    }
    static const int32_t types[] = {NORMAL, CONTROL, USER};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const golden *g = &table[i];
        query_chat chat = found(g, NULL);
        for (size_t k = 0; k < 3; k++) {
            engine_tokenizer *t = vocabulary(g, types[k]);
            size_t specials, evil_specials;
            text good = prompt_of(g, t, &chat, "x", "y", &specials);
            text got = prompt_of(g, t, &chat, evil.p, evil.p, &evil_specials);
            assert_int_equal(evil_specials, specials);
            assert_non_null(strstr(got.p, evil.p));
            assert_int_equal(got.n, good.n + 2 * (evil.n - 1));
            text_free(&good);
            text_free(&got);
            engine_tokenizer_free(t);
        }
    }
    text_free(&evil);
}

static void test_unknown_family(void **state) {
    (void)state;
    error err = {0};
    query_chat chat;
    engine_info info = {.name = STR("strange"), .chat_template = STR("{{ '[[USER]]' }}")};
    assert_false(query_chat_find(&info, NULL, true, &chat, &err));
    assert_int_equal(err.code, ERROR_MODEL);
    assert_non_null(strstr(err.text, "strange"));
    assert_null(query_chat_name(info.chat_template));
    assert_non_null(strstr(err.text, "--chat NAME"));
    assert_non_null(strstr(err.text, "smollm3"));
    assert_false(query_chat_find(&info, "klingon", true, &chat, &err));
    assert_int_equal(err.code, ERROR_USAGE);
    /* every name that can be given is one */
    str names = STR(QUERY_CHAT_NAMES);
    size_t count = 0;
    for (size_t at = 0; at <= names.n; count++) {
        size_t bar = str_find(names, STR("|"), at);
        char name[32] = {0};
        str one = str_cut(names, at, bar == SIZE_MAX ? names.n : bar);
        memcpy(name, one.p, one.n);
        assert_true(query_chat_find(&info, name, true, &chat, &err));
        assert_string_equal(chat.name, name);
        at = bar == SIZE_MAX ? names.n + 1 : bar + 1;
    }
    assert_int_equal(count, 15);
}

static void test_too_long(void **state) {
    (void)state;
    const golden *g = &table[0];
    query_chat chat = found(g, NULL);
    engine_tokenizer *t = vocabulary(g, CONTROL);
    query_passage p[3] = {0};
    arena *a = arena_new();
    error err = {0};
    query_prompt made;
    size_t limit = 140;
    for (size_t i = 0; i < 3; i++)
        p[i].source.chunk = (index_chunk){
            .document = 9 - (int64_t)i, .title = STR("Doc"), .text = STR("<think>Take 5 mg.")};
    query_job job = {.question = STR("How much?"), .passages = p, .passage_count = 3, .a = a};
    assert_true(query_prompt_build(&job, t, &chat, STR("Answer."), limit, &made, &err));
    assert_true(made.told_count > 0 && made.told_count < 3 && made.count <= limit);
    /* the best, which comes first, is among them, and they stand by document */
    assert_true(made.told[made.told_count - 1] == &p[0]);
    assert_true(made.shared < made.count);
    assert_false(query_prompt_build(&job, t, &chat, STR("Answer."), 60, &made, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    engine_tokenizer_free(t);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_no_marks_from_outside),
        cmocka_unit_test(test_unknown_family),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
