/* Markdown inside one block, reduced to its text.
 *
 * Owns what CommonMark calls inlines (spec 0.31, chapter 6), as far as they hide text: emphasis,
 * links, code spans, escapes, entities, raw HTML. One pass writes the text and remembers the marks
 * that may turn out to be markup; when the other half comes, both are taken out. A mark that
 * finds no other half is text, so "2 * 3" and "snake_case" and "[3]" stay as they are.
 *
 * Everything that looks ahead does so for a bounded length: the cost is linear. It knows no link
 * definitions: "[text]" alone keeps its brackets.
 */
#include "ingest/parse/plain/markdown.h"
#include "ingest/parse/script.h"

#include <stdlib.h>
#include <string.h>

/* Marks that wait for their other half; the oldest are forgotten. */
#define OPEN_MAX 32
/* The longest address, tag, entity or code span that is looked for. */
#define AHEAD_MAX 1000
#define ENTITY_MAX 12
/* Of the name of a note. */
#define LABEL_MAX 32
/* Of what stands between two ^ or ~ of its own. */
#define SCRIPT_MAX 24

typedef struct {
    char kind; /* '*', '_', '~' or '[', and '!' for the bracket of a picture */
    size_t at; /* in the output */
    size_t n;
} open_mark;

typedef struct {
    str s;
    size_t i;
    text *out;
    open_mark open[OPEN_MAX];
    size_t count;
    script_state scripts;
    size_t struck_bytes;
    bool inside; /* of a raised or lowered piece */
} scan;

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_punct(char c) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

static char at(const scan *p, size_t i) {
    return i < p->s.n ? p->s.p[i] : '\n';
}

/* Takes n bytes out of the output; the marks that stand behind them move. */
static void take_out(scan *p, size_t begin, size_t n) {
    memmove(p->out->p + begin, p->out->p + begin + n, p->out->n - begin - n);
    text_cut(p->out, p->out->n - n);
    for (size_t i = 0; i < p->count; i++)
        if (p->open[i].at > begin) p->open[i].at -= n;
}

static void push(scan *p, char kind, size_t n) {
    if (p->count == OPEN_MAX) {
        memmove(p->open, p->open + 1, (OPEN_MAX - 1) * sizeof *p->open);
        p->count--;
    }
    p->open[p->count++] = (open_mark){kind, p->out->n, n};
}

/* Text with a line through it no longer holds: only how much of it there was is kept. */
static void leave_struck(scan *p, str struck) {
    p->struck_bytes += str_trim(struck).n;
    bool spaced = p->out->n == 0 || is_space(p->out->p[p->out->n - 1]);
    while (spaced && at(p, p->i) == ' ') p->i++;
}

static size_t run_length(const scan *p, size_t i) {
    size_t n = 0;
    while (at(p, i + n) == at(p, i) && i + n < p->s.n) n++;
    return n;
}

/* `code`: the text between runs of as many backticks. */
static bool code_span(scan *p) {
    size_t n = run_length(p, p->i), from = p->i + n;
    for (size_t i = from; i < p->s.n && i - from < AHEAD_MAX;) {
        size_t close = p->s.p[i] == '`' ? run_length(p, i) : 0;
        if (close == n) {
            text_put(p->out, str_cut(p->s, from, i));
            p->i = i + n;
            return true;
        }
        i += close ? close : 1;
    }
    text_put(p->out, str_cut(p->s, p->i, from));
    p->i = from;
    return true;
}

/* Runs of * _ ~ that open, close, or are just themselves (CommonMark 6.2, without its rule of
 * three). A closing run takes out the nearest opening run of its kind and length. */
static bool emphasis(scan *p) {
    char c = at(p, p->i);
    size_t n = run_length(p, p->i);
    char before = p->i > 0 ? p->s.p[p->i - 1] : ' ', after = at(p, p->i + n);
    bool left = !is_space(after) && (!is_punct(after) || is_space(before) || is_punct(before));
    bool right = !is_space(before) && (!is_punct(before) || is_space(after) || is_punct(after));
    bool opens = left && (c != '_' || !right || is_punct(before));
    bool closes = right && (c != '_' || !left || is_punct(after));
    p->i += n;
    if (n > 3 || (c == '~' && n != 2)) {
        text_put(p->out, str_cut(p->s, p->i - n, p->i));
        return true;
    }
    for (size_t k = p->count; closes && k > 0; k--) {
        const open_mark m = p->open[k - 1];
        if (m.kind != c || m.n != n) continue;
        p->count = k - 1;
        if (c == '~') {
            text struck = {0};
            text_put(&struck, str_cut(text_str(p->out), m.at + n, p->out->n));
            text_cut(p->out, m.at);
            leave_struck(p, text_str(&struck));
            text_free(&struck);
            return true;
        }
        if (p->out->n - m.at <= AHEAD_MAX) { /* a longer emphasis is two stray marks */
            take_out(p, m.at, n);
            return true;
        }
        break;
    }
    if (opens) push(p, c, n);
    text_put(p->out, str_cut(p->s, p->i - n, p->i));
    return true;
}

/* The end of "(...)" or "[...]" at i, brackets of the same kind inside it counted; i if none. */
static size_t bracket_end(const scan *p, size_t i, char open, char close) {
    size_t depth = 0;
    for (size_t k = i; k < p->s.n && k - i < AHEAD_MAX; k++) {
        if (p->s.p[k] == '\\')
            k++;
        else if (p->s.p[k] == open)
            depth++;
        else if (p->s.p[k] == close && --depth == 0)
            return k + 1;
    }
    return i;
}

/* "]": with an address or a reference behind it, its text stays alone; else it is a bracket. */
static bool close_bracket(scan *p) {
    size_t k = p->count, from = p->i + 1, end = from;
    while (k > 0 && p->open[k - 1].kind != '[' && p->open[k - 1].kind != '!') k--;
    if (k > 0 && at(p, from) == '(')
        end = bracket_end(p, from, '(', ')');
    else if (k > 0 && at(p, from) == '[')
        end = bracket_end(p, from, '[', ']');
    if (k > 0) {
        open_mark m = p->open[k - 1];
        bool near = p->out->n - m.at <= AHEAD_MAX;
        if (end > from && m.kind == '!' && near) {
            text_cut(p->out, m.at);
            p->count = k - 1;
            p->i = end;
            return true;
        }
        memmove(p->open + k - 1, p->open + k, (p->count - k) * sizeof *p->open);
        p->count--;
        if (end > from && near) {
            take_out(p, m.at, m.n);
            p->i = end;
            return true;
        }
    }
    text_put_char(p->out, ']');
    p->i++;
    return true;
}

static void scan_inline(scan *p);

/* What stands raised or lowered in [begin, end) of the source; the text goes on at `next`. */
static void put_script(scan *p, size_t begin, size_t end, size_t next, script_level level) {
    text piece = {0};
    scan inner = {.s = str_cut(p->s, begin, end), .out = &piece, .inside = true};
    scan_inline(&inner);
    p->struck_bytes += inner.struck_bytes;
    bool note = str_find(inner.s, STR("](#"), 0) != SIZE_MAX;
    script_put(&p->scripts, p->out, text_str(&piece), level, note);
    script_flush(&p->scripts, p->out, str_cut(p->s, next, p->s.n));
    text_free(&piece);
    p->i = next;
}

/* <sup>, <sub>, with what they hold; false for another tag, or without an end. */
static bool script_tag(scan *p) {
    str rest = str_cut(p->s, p->i, p->i + AHEAD_MAX);
    bool raised = str_starts(rest, STR("<sup>"));
    if (p->inside || (!raised && !str_starts(rest, STR("<sub>")))) return false;
    size_t end = str_find(rest, raised ? STR("</sup>") : STR("</sub>"), 5);
    if (end == SIZE_MAX) return false;
    put_script(p, p->i + 5, p->i + end, p->i + end + 6, raised ? SCRIPT_RAISED : SCRIPT_LOWERED);
    return true;
}

/* <del>, <s>, <strike>, with what they hold. */
static bool strike_tag(scan *p) {
    static const char *const tags[][2] = {
        {"<del>", "</del>"}, {"<s>", "</s>"}, {"<strike>", "</strike>"}};
    str rest = str_cut(p->s, p->i, p->s.n);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        str opens = str_of(tags[i][0]), closes = str_of(tags[i][1]);
        if (!str_starts(rest, opens)) continue;
        size_t end = str_find(str_cut(rest, 0, AHEAD_MAX), closes, opens.n);
        if (end == SIZE_MAX) return false;
        p->i += end + closes.n;
        leave_struck(p, str_cut(rest, opens.n, end));
        return true;
    }
    return false;
}

/* "10^5^" and "H~2~O", as Pandoc has it: no space inside, and "x^2+y^2" is none. */
static bool script_marks(scan *p) {
    char c = at(p, p->i), before = p->i > 0 ? p->s.p[p->i - 1] : ' ';
    size_t end = p->i + 1, limit = end + SCRIPT_MAX;
    if (p->inside || is_space(before) || at(p, p->i + 1) == c || before == c) return false;
    while (end < limit && !is_space(at(p, end)) && at(p, end) != c) end++;
    char after = at(p, end + 1);
    bool goes_on = c == '^' && ((after >= '0' && after <= '9') || after == c ||
                                ((after | 32) >= 'a' && (after | 32) <= 'z'));
    if (at(p, end) != c || end == p->i + 1 || goes_on || after == c) return false;
    put_script(p, p->i + 1, end, end + 1, c == '^' ? SCRIPT_RAISED : SCRIPT_LOWERED);
    return true;
}

/* <tag>, </tag>, <!-- --> vanish; <https://...> and <a@b> keep what is inside. */
static bool angle(scan *p) {
    char next = at(p, p->i + 1);
    if (next != '/' && next != '!' && !((next | 32) >= 'a' && (next | 32) <= 'z')) return false;
    size_t limit = p->i + AHEAD_MAX < p->s.n ? p->i + AHEAD_MAX : p->s.n;
    size_t end = p->i + 1;
    bool comment = str_starts(str_cut(p->s, p->i, p->s.n), STR("<!--"));
    while (end < limit && !(p->s.p[end] == '>' && (!comment || p->s.p[end - 1] == '-'))) end++;
    if (end >= limit) return false;
    str inside = str_cut(p->s, p->i + 1, end);
    bool address =
        str_find(inside, STR(" "), 0) == SIZE_MAX &&
        (str_find(inside, STR("://"), 0) != SIZE_MAX || str_find(inside, STR("@"), 0) != SIZE_MAX);
    if (address)
        text_put(p->out, inside);
    else if (str_starts(inside, STR("br")) || str_starts(inside, STR("/p")) ||
             str_starts(inside, STR("/td")))
        text_put_char(p->out, ' ');
    p->i = end + 1;
    return true;
}

static bool entity(scan *p) {
    static const struct {
        const char *name;
        uint32_t codepoint;
    } names[] = {{"amp", '&'},       {"lt", '<'},     {"gt", '>'},       {"quot", '"'},
                 {"apos", '\''},     {"nbsp", ' '},   {"ndash", 0x2013}, {"mdash", 0x2014},
                 {"hellip", 0x2026}, {"copy", 0xA9},  {"reg", 0xAE},     {"deg", 0xB0},
                 {"plusmn", 0xB1},   {"micro", 0xB5}, {"times", 0xD7},   {"le", 0x2264},
                 {"ge", 0x2265},     {"rarr", 0x2192}};
    size_t end = p->i + 1;
    while (end < p->s.n && end - p->i < ENTITY_MAX && at(p, end) != ';') end++;
    if (at(p, end) != ';') return false;
    char name[ENTITY_MAX + 1] = "";
    memcpy(name, p->s.p + p->i + 1, end - p->i - 1);
    uint32_t codepoint = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && !codepoint; i++)
        if (strcmp(name, names[i].name) == 0) codepoint = names[i].codepoint;
    if (name[0] == '#') {
        bool hex = name[1] == 'x' || name[1] == 'X';
        codepoint = (uint32_t)strtoul(name + (hex ? 2 : 1), NULL, hex ? 16 : 10);
    }
    if (codepoint == 0) return false;
    text_put_codepoint(p->out, codepoint);
    p->i = end + 1;
    return true;
}

/* "[^1]" calls a note, "[^1]: text" is it: "[1]", as in every format. */
static bool footnote(scan *p) {
    size_t begin = p->i + 2, end = begin;
    if (at(p, p->i + 1) != '^') return false;
    while (end - begin < LABEL_MAX && !is_space(at(p, end)) && !strchr("[]", at(p, end))) end++;
    if (at(p, end) != ']' || end == begin) return false;
    bool behind = p->out->n > 0 && !is_space(p->out->p[p->out->n - 1]);
    if (behind && p->i > 0) text_put_char(p->out, ' ');
    text_put_char(p->out, '[');
    text_put(p->out, str_cut(p->s, begin, end + 1));
    bool begins = p->i == 0 || p->s.p[p->i - 1] == '\n';
    p->i = end + (begins && at(p, end + 1) == ':' ? 2 : 1);
    return true;
}

static bool markup(scan *p) {
    char c = p->s.p[p->i];
    switch (c) {
    case '\\':
        if (!is_punct(at(p, p->i + 1))) return false;
        text_put_char(p->out, at(p, p->i + 1));
        p->i += 2;
        return true;
    case '`':
        return code_span(p);
    case '^':
        return script_marks(p);
    case '~':
        return script_marks(p) || emphasis(p);
    case '*':
    case '_':
        return emphasis(p);
    case '!':
        if (at(p, p->i + 1) != '[') return false;
        push(p, '!', 2);
        text_put(p->out, STR("!["));
        p->i += 2;
        return true;
    case '[':
        if (footnote(p)) return true;
        push(p, '[', 1);
        return false;
    case ']':
        return close_bracket(p);
    case '<':
        return script_tag(p) || strike_tag(p) || angle(p);
    case '&':
        return entity(p);
    default:
        return false;
    }
}

static void scan_inline(scan *p) {
    while (p->i < p->s.n)
        if (!markup(p)) text_put_char(p->out, p->s.p[p->i++]);
}

void markdown_inline(str s, text *out, size_t *struck_bytes) {
    scan p = {.s = s, .out = out};
    scan_inline(&p);
    *struck_bytes += p.struck_bytes;
    script_free(&p.scripts);
}
