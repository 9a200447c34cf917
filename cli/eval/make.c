/* Questions out of what documents say of themselves: headings and definitions.
 *
 * Such questions use the words of the page that answers them, which a person who asks does not
 * know. They tell whether a library works and which of two settings is better, not how well people
 * will be answered. What looks doubtful is left out: a question that its own page does not answer
 * would count as a mistake of the search.
 */
#include <ctype.h>
#include <string.h>

#include "cli/eval/eval.h"

#define PATH_MARK STR(" > ")
/* Of a heading: shorter says nothing, longer is a sentence. */
#define HEADING_LEAST_BYTES 4
#define HEADING_MOST_BYTES 70
/* Names of documents that are longer read as no name. */
#define NAME_MOST_BYTES 80
#define NAME_LEAST_BYTES 8
/* A definition, and the words of what it defines. */
#define SENTENCE_LEAST_BYTES 30
#define SENTENCE_MOST_BYTES 300
#define TERM_MOST_WORDS 4
#define TERM_MOST_BYTES 60

/* ---- headings ----------------------------------------------------------------------------- */

/* Headings that every document has: nobody asks what a document says about its notes. */
static bool is_generic(str s) {
    static const char *const generic[] = {"introduction", "contents",      "table of contents",
                                          "overview",     "summary",       "notes",
                                          "note",         "references",    "bibliography",
                                          "appendix",     "index",         "general",
                                          "conclusion",   "conclusions",   "foreword",
                                          "preface",      "abstract",      "background",
                                          "glossary",     "abbreviations", "miscellaneous",
                                          "discussion",   "methods",       "results",
                                          "einleitung",   "inhalt",        "inhaltsverzeichnis",
                                          "literatur",    "anhang",        "vorwort"};
    for (size_t i = 0; i < sizeof generic / sizeof *generic; i++)
        if (str_eq_nocase(s, str_of(generic[i]))) return true;
    return false;
}

/* "4 ", "3.2.1 ", "A.1 ", "Chapter" stays: it is a word. */
static str drop_number(str s) {
    size_t i = 0;
    bool digit = false;
    if (i + 1 < s.n && isupper((unsigned char)s.p[i]) && s.p[i + 1] == '.') i++;
    for (; i < s.n && (isdigit((unsigned char)s.p[i]) || s.p[i] == '.' || s.p[i] == ')'); i++)
        digit |= isdigit((unsigned char)s.p[i]) != 0;
    if (!digit || i == s.n || s.p[i] != ' ') return s;
    return str_trim(str_cut(s, i, s.n));
}

static bool has_letters(str s) {
    size_t letters = 0;
    for (size_t i = 0; i < s.n; i++)
        letters += isalpha((unsigned char)s.p[i]) || (unsigned char)s.p[i] >= 0x80;
    return letters * 2 > s.n;
}

bool eval_clean_heading(str heading, arena *a, str *out) {
    text t = {0};
    cli_clean(&t, heading);
    str s = drop_number(str_trim(text_str(&t)));
    while (s.n && strchr(":.-", s.p[s.n - 1])) s = str_trim(str_cut(s, 0, s.n - 1));
    bool fit =
        s.n >= HEADING_LEAST_BYTES && s.n <= HEADING_MOST_BYTES && has_letters(s) && !is_generic(s);
    if (fit) *out = arena_str(a, s);
    text_free(&t);
    return fit;
}

static bool is_english(str language) {
    return language.n == 0 || str_starts(language, STR("en"));
}

/* "clinic-manual.pdf" -> "clinic-manual": how people name a document that says no title. */
static str without_extension(str name) {
    for (size_t i = name.n; i > 1; i--)
        if (name.p[i - 1] == '.') return str_cut(name, 0, i - 1);
    return name;
}

/* "Clinic Manual: Fourth Edition" -> "Clinic Manual": the part that people say. */
static str short_name(str s) {
    static const char *const marks[] = {": ", " / ", " - ", " \xE2\x80\x93 "};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t at = str_find(s, str_of(marks[i]), 0);
        if (at != SIZE_MAX && at >= NAME_LEAST_BYTES) s = str_cut(s, 0, at);
    }
    return s;
}

str eval_document_name(str title, str path, arena *a) {
    text name = {0};
    cli_clean(&name, title);
    str named = short_name(str_trim(text_str(&name)));
    if (named.n == 0 || named.n > NAME_MOST_BYTES || !has_letters(named)) {
        text_clear(&name);
        cli_clean(&name, without_extension(cli_file_name(path)));
        named = str_trim(text_str(&name));
    }
    named = arena_str(a, named);
    text_free(&name);
    return named;
}

static size_t word_count(str s) {
    size_t words = s.n > 0;
    for (size_t i = 0; i < s.n; i++) words += s.p[i] == ' ';
    return words;
}

/* "How to read the tables": a question but for its mark. */
static bool asks(str s) {
    static const char *const words[] = {"How ",   "What ", "When ",  "Where ",
                                        "Which ", "Who ",  "Whose ", "Why "};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_starts(s, str_of(words[i]))) return true;
    return false;
}

/* "What is Doses for children?" is no English, and "What is Scope?" no question of anybody's. */
static bool fits_what_is(str s) {
    size_t words = word_count(s), first = str_find(s, STR(" "), 0);
    return words >= 2 && words <= 3 && s.p[first - 1] != 's' && s.p[s.n - 1] != 's';
}

static bool has_ascii_letters(str s) {
    for (size_t i = 0; i < s.n; i++)
        if (isalpha((unsigned char)s.p[i])) return true;
    return false;
}

str eval_heading_question(str document, str heading, str language, uint64_t turn, arena *a) {
    /* As people type who do not speak English. */
    if (str_ends(heading, STR("?")) || !is_english(language) || !has_ascii_letters(heading))
        return arena_str(a, heading);
    if (asks(heading)) return arena_printf(a, STR_FMT "?", STR_ARG(heading));
    if (turn % 2 == 0 && fits_what_is(heading))
        return arena_printf(a, "What is " STR_FMT "?", STR_ARG(heading));
    return arena_printf(a, "What does " STR_FMT " say about " STR_FMT "?", STR_ARG(document),
                        STR_ARG(heading));
}

str eval_last_heading(str path) {
    size_t from = 0, at;
    while ((at = str_find(path, PATH_MARK, from)) != SIZE_MAX) from = at + PATH_MARK.n;
    return str_cut(path, from, path.n);
}

/* Whether the part is the heading, with or without its number. */
static bool same_heading(str part, str heading) {
    text a = {0}, b = {0}, c = {0};
    score_normalize(&a, str_trim(part));
    score_normalize(&b, heading);
    score_normalize(&c, drop_number(str_trim(part)));
    bool same =
        b.n > 0 && (str_eq(text_str(&a), text_str(&b)) || str_eq(text_str(&c), text_str(&b)));
    text_free(&a);
    text_free(&b);
    text_free(&c);
    return same;
}

static bool has_part(str s, str mark, str heading) {
    for (size_t from = 0, at; from <= s.n; from = at + mark.n) {
        at = str_find(s, mark, from);
        if (at == SIZE_MAX) at = s.n;
        str part = str_cut(s, from, at);
        /* Lines of a page are longer than any heading; they are not worth folding. */
        if (part.n <= 2 * HEADING_MOST_BYTES && same_heading(part, heading)) return true;
    }
    return false;
}

bool eval_under_heading(const index_chunk *c, str heading) {
    return has_part(c->heading, PATH_MARK, heading) || has_part(c->text, STR("\n"), heading);
}

/* ---- definitions -------------------------------------------------------------------------- */

/* What stands between a term and what it is, and the question that asks for it. */
typedef struct {
    const char *verb, *before, *after;
} form;

static const form forms[] = {{" is defined as ", "What is ", "?"},
                             {" are defined as ", "What are ", "?"},
                             {" refers to ", "What does ", " refer to?"},
                             {" stands for ", "What does ", " stand for?"},
                             {" means ", "What does ", " mean?"},
                             {" is a ", "What is ", "?"},
                             {" is an ", "What is ", "?"},
                             {" is the ", "What is ", "?"},
                             {" are the ", "What are ", "?"}};

/* Words that make a term one of its place ("the main result", "another", "since the war") instead of
 * a thing that can be asked for anywhere. */
static bool is_vague(str word) {
    static const char *const vague[] = {
        "although",  "another",   "aim",        "aspect",  "because",   "case",       "cause",
        "current",   "currently", "difference", "example", "exception", "exceptions", "first",
        "following", "four",      "generally",  "goal",    "however",   "indeed",     "instance",
        "largest",   "last",      "main",       "major",   "name",      "next",       "normally",
        "number",    "only",      "other",      "others",  "perhaps",   "previous",   "problem",
        "provided",  "purpose",   "reason",     "rest",    "result",    "same",       "second",
        "since",     "smallest",  "sometimes",  "step",    "therefore", "third",      "three",
        "thus",      "today",     "two",        "unique",  "usually",   "whereas",    "while"};
    for (size_t i = 0; i < sizeof vague / sizeof *vague; i++)
        if (str_eq_nocase(word, str_of(vague[i]))) return true;
    return false;
}

/* "This", "what you see there", "none of them": words that point at something else. The words of
 * a term are its own, but for prepositions between them. */
static bool is_term(str term) {
    index_word *words;
    size_t count;
    arena *a = arena_new();
    bool fit = term.n >= 2 && term.n <= TERM_MOST_BYTES && has_letters(term) &&
               memchr(term.p, ',', term.n) == NULL && memchr(term.p, '|', term.n) == NULL &&
               memchr(term.p, ':', term.n) == NULL && memchr(term.p, ';', term.n) == NULL;
    if (fit) {
        index_words(term, STR("en"), a, &words, &count);
        fit = count > 0 && count <= TERM_MOST_WORDS && !words[0].stop && !words[count - 1].stop;
        /* "The problem" is one of its place, "the halting problem" is not. */
        for (size_t i = 0; i < count; i++)
            fit = fit && (!is_vague(str_cut(term, words[i].begin, words[i].end)) ||
                          (count > 2 && i == count - 1));
    }
    arena_free(a);
    return fit;
}

/* What was written large only because it opens the sentence is written small in the question. */
static str term_of(str subject, arena *a) {
    static const char *const articles[][2] = {{"The ", "the "}, {"A ", "a "}, {"An ", "an "}};
    for (size_t i = 0; i < 3; i++) {
        str article = str_of(articles[i][0]);
        if (!str_starts(subject, article)) continue;
        subject = str_trim(str_cut(subject, article.n, subject.n));
        return arena_printf(a, "%s" STR_FMT, articles[i][1], STR_ARG(subject));
    }
    return subject;
}

static str without_article(str s) {
    static const char *const articles[] = {"the ", "a ", "an "};
    for (size_t i = 0; i < 3; i++)
        if (str_starts(s, str_of(articles[i]))) return str_cut(s, strlen(articles[i]), s.n);
    return s;
}

bool eval_definition(str sentence, arena *a, str *question, str *term) {
    str s = str_trim(sentence);
    bool cell = str_find(s, STR(" | "), 0) != SIZE_MAX;
    if (s.n < SENTENCE_LEAST_BYTES || s.n > SENTENCE_MOST_BYTES || s.p[s.n - 1] != '.' || cell ||
        memchr(s.p, '\n', s.n))
        return false;
    /* A sentence opens with a large letter; what does not goes on from somewhere else. */
    if (!isupper((unsigned char)s.p[0]) && (unsigned char)s.p[0] < 0x80) return false;
    size_t first = SIZE_MAX, which = 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t at = str_find(s, str_of(forms[i].verb), 0);
        if (at < first) {
            first = at;
            which = i;
        }
    }
    if (first == SIZE_MAX) return false;
    str named = term_of(str_cut(s, 0, first), a);
    str bare = without_article(named);
    if (!is_term(bare)) return false;
    /* "The cycle is the ...": which one, stands before. */
    if (str_starts(named, STR("the ")) && memchr(bare.p, ' ', bare.n) == NULL &&
        islower((unsigned char)bare.p[0]))
        return false;
    *term = arena_str(a, bare);
    *question =
        arena_printf(a, "%s" STR_FMT "%s", forms[which].before, STR_ARG(named), forms[which].after);
    return true;
}

bool eval_defines(str sentence, str term) {
    static const char *const next[] = {" is ", " are ", " means ", " refers to ", " stands for ",
                                       ", a ", ", an ", ", the ",  ", which ",    ", also "};
    arena *a = arena_new();
    str s = without_article(term_of(str_trim(sentence), a));
    bool found = false;
    if (s.n > term.n && str_eq_nocase(str_cut(s, 0, term.n), term))
        for (size_t i = 0; i < sizeof next / sizeof *next; i++)
            found |= str_starts(str_cut(s, term.n, s.n), str_of(next[i]));
    arena_free(a);
    return found;
}
