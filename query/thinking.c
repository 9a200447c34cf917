/* Reasoning models write <think>, then what they think, </think>, and then the answer; with some the
 * prompt has opened the section already. What stands in it is no answer: it is not checked, not
 * shown unless it is asked for, and does not count as length. A section opens at the start of a
 * reply alone, or behind another one, so that an answer about these marks may quote them.
 *
 * The marks come in one token or in many, cut anywhere; what may be the start of one is held back
 * until it is one or is not. Never holds back more than white space and one mark.
 */
#include "query/thinking.h"

#include <string.h>

#define OPEN STR("<think>")
#define CLOSE STR("</think>")

void query_thinking_start(query_thinking *t, bool opened) {
    *t = (query_thinking){.state = opened ? THINKING_INSIDE : THINKING_AHEAD};
}

void query_thinking_free(query_thinking *t) {
    text_free(&t->held);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* White space in front of the mark, as far as it has come. Behind a section, white space is the
 * section's; else the answer begins with it. */
static void take_ahead(query_thinking *t, char c, text *answer) {
    size_t white = 0;
    text_put_char(&t->held, c);
    while (white < t->held.n && is_space(t->held.p[white])) white++;
    str rest = str_cut(text_str(&t->held), white, t->held.n);
    if (rest.n == 0 && t->after) text_clear(&t->held);
    if (str_starts(OPEN, rest) && rest.n < OPEN.n) return;
    if (str_eq(rest, OPEN)) {
        t->state = THINKING_INSIDE;
    } else {
        t->state = THINKING_OVER;
        text_put(answer, t->after ? rest : text_str(&t->held));
    }
    text_clear(&t->held);
}

static void take_inside(query_thinking *t, char c, text *thought) {
    text_put_char(&t->held, c);
    /* No part of the mark but its first byte is its start again: what does not go on is thought. */
    if (!str_starts(CLOSE, text_str(&t->held))) {
        text_put(thought, str_cut(text_str(&t->held), 0, t->held.n - 1));
        text_clear(&t->held);
        text_put_char(c == CLOSE.p[0] ? &t->held : thought, c);
    } else if (t->held.n == CLOSE.n) {
        text_clear(&t->held);
        t->state = THINKING_AHEAD;
        t->after = true;
    }
}

void query_thinking_take(query_thinking *t, str bytes, text *thought, text *answer) {
    for (size_t i = 0; i < bytes.n; i++) {
        if (t->state == THINKING_OVER) {
            text_put(answer, str_cut(bytes, i, bytes.n));
            return;
        }
        if (t->state == THINKING_AHEAD)
            take_ahead(t, bytes.p[i], answer);
        else
            take_inside(t, bytes.p[i], thought);
    }
}

void query_thinking_close(query_thinking *t, text *thought) {
    if (t->state != THINKING_INSIDE) return;
    text_put(thought, text_str(&t->held));
    text_clear(&t->held);
    t->state = THINKING_AHEAD;
    t->after = true;
}

void query_thinking_finish(query_thinking *t, text *thought, text *answer) {
    text_put(t->state == THINKING_INSIDE ? thought : answer, text_str(&t->held));
    text_clear(&t->held);
    t->state = THINKING_OVER;
}
