/* The report of `carrel eval`: one page of HTML that can be read in ten years and mailed to nobody.
 *
 * It needs nothing but itself: style and drawings stand in it, there is no script, and its policy
 * forbids a browser to fetch anything. Text of documents, questions and names goes through
 * eval_put_escaped and nowhere else, so that a page cannot speak as the report.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli/eval/eval.h"

/* Colours with a contrast of at least 4.5 to 1 for text, on light and on dark. */
static const char style[] =
    ":root{color-scheme:light dark;--paper:#fbfaf7;--card:#fff;--ink:#1f2328;--soft:#5c636d;"
    "--line:#e3e0d8;--accent:#2f5d8a;--fill:#5b8bb8;--bad:#a63d2f;--badfill:#c9705f;"
    "--good:#2f6b46;--mark:#fdeeb5;--tint:#f1efe8}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#16181b;--card:#1e2125;--ink:#e7e5df;"
    "--soft:#a3a8b0;--line:#33373d;--accent:#8db8e0;--fill:#5c8fbf;--bad:#ee9586;"
    "--badfill:#c4685a;--good:#86c79e;--mark:#5a4a12;--tint:#25282d}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,\"Segoe UI\",\"Noto Sans\",sans-serif;"
    "font-variant-numeric:tabular-nums}\n"
    "main{max-width:64rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}\n"
    "h1,h2,h3{font-family:Georgia,\"Noto Serif\",\"DejaVu Serif\",serif;font-weight:600;"
    "line-height:1.25}\n"
    "h1{font-size:2rem;margin:0 0 .35rem}h2{font-size:1.35rem;margin:2.75rem 0 .8rem}\n"
    "h2.sub{font-size:1.1rem;margin:1.8rem 0 .7rem}\n"
    "h3{font-size:1.05rem;margin:0}\n"
    "p{margin:.4rem 0;max-width:44rem}.soft,figcaption,th{color:var(--soft)}\n"
    ".warning{border-left:4px solid var(--accent);background:var(--tint);padding:.6rem 1rem;"
    "margin:1.2rem 0;border-radius:0 6px 6px 0}\n"
    ".tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:.8rem;"
    "margin:1.6rem 0}\n"
    ".tile,figure,.miss{background:var(--card);border:1px solid var(--line);border-radius:10px}\n"
    ".tile{padding:.85rem 1rem}.tile b{display:block;font-size:1.65rem;line-height:1.25;"
    "font-weight:600}.tile span{display:block;font-size:.87rem;line-height:1.35;"
    "color:var(--soft)}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));"
    "gap:1rem}\n"
    "figure{margin:0;padding:1rem 1rem .8rem}figure svg{display:block;width:100%;height:auto}\n"
    "figcaption{font-size:.87rem;margin-top:.4rem}figure h3{margin-bottom:.5rem}\n"
    "svg text{font-size:11px;fill:var(--soft)}svg .x,svg .name,svg .count{text-anchor:middle}\n"
    "svg .y,svg .end{text-anchor:end}svg .note,svg .count{fill:var(--ink);"
    "paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}\n"
    "svg .axis{stroke:var(--soft);fill:none}svg .grid{stroke:var(--line);fill:none}\n"
    "svg .bar{fill:var(--fill)}svg .bad{fill:var(--badfill)}\n"
    "svg .ideal{stroke:var(--soft);stroke-dasharray:4 4;fill:none}\n"
    "svg .gap{stroke:var(--fill);stroke-width:2;opacity:.55;fill:none}\n"
    "svg .dot{fill:var(--accent);stroke:var(--card);stroke-width:1.5}\n"
    "svg .line{stroke:var(--accent);stroke-width:2.2;fill:none;stroke-linejoin:round}\n"
    "svg .moment{stroke:var(--ink);stroke-dasharray:3 3;fill:none}\n"
    ".tables{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));"
    "gap:0 2.2rem;align-items:start}\n"
    "table{border-collapse:collapse;width:100%;margin:.3rem 0 1.2rem;font-size:.95rem}\n"
    "caption{text-align:left;font-weight:600;padding:.4rem 0}\n"
    "th{font-weight:400;text-align:left}td,thead th{text-align:right}thead th:first-child{"
    "text-align:left}\n"
    "th,td{padding:.28rem .3rem;border-bottom:1px solid var(--line)}tbody th{color:var(--ink)}\n"
    "td small{color:var(--soft)}td{white-space:nowrap}\n"
    ".miss{padding:.9rem 1.1rem;margin:0 0 .8rem;break-inside:avoid;overflow-wrap:anywhere}\n"
    ".miss dl{display:grid;grid-template-columns:5.5rem 1fr;gap:.35rem .9rem;margin:.6rem 0 0}\n"
    ".miss dt{color:var(--soft);font-size:.87rem;padding-top:.1rem}.miss dd{margin:0}\n"
    ".miss blockquote{margin:0 0 .55rem;padding:0}.miss cite{display:block;font-style:normal;"
    "font-size:.87rem;color:var(--soft)}\n"
    "mark{background:var(--mark);color:inherit;padding:0 .1em;border-radius:2px;font-weight:600}\n"
    ".badge{display:inline-block;font-size:.78rem;color:var(--bad);border:1px solid currentColor;"
    "border-radius:99px;padding:0 .6rem;margin-right:.5rem}\n"
    "footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:1rem;font-size:.9rem}\n"
    "footer dt{font-weight:600;margin-top:.5rem}footer dd{margin:0;color:var(--soft)}\n"
    "@media(max-width:48rem){.tiles{grid-template-columns:1fr 1fr}}\n"
    "@media(max-width:34rem){.miss "
    "dl{grid-template-columns:1fr;gap:.1rem}main{padding-top:1.2rem}}\n"
    "@media print{:root{color-scheme:light;--paper:#fff;--card:#fff;--ink:#000;--soft:#444;"
    "--line:#ddd;--accent:#1f4a73;--fill:#7a9fc2;--bad:#8a2c20;--badfill:#c9705f;--good:#1f5132;"
    "--mark:#f3e6ae;--tint:#f4f4f4}body{font-size:10.5pt}main{max-width:none;padding:0}"
    ".tiles{grid-template-columns:repeat(4,1fr)}.tile b{font-size:1.3rem}"
    "figure,.tile{break-inside:avoid}h2{break-after:avoid}"
    ".tile,figure,mark,.warning,svg{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n";

void eval_put_escaped(text *out, str s) {
    text clean = {0};
    cli_clean(&clean, s);
    for (size_t i = 0; i < clean.n; i++) {
        switch (clean.p[i]) {
        case '&':
            text_put(out, STR("&amp;"));
            break;
        case '<':
            text_put(out, STR("&lt;"));
            break;
        case '>':
            text_put(out, STR("&gt;"));
            break;
        case '"':
            text_put(out, STR("&quot;"));
            break;
        case '\'':
            text_put(out, STR("&#39;"));
            break;
        default:
            text_put_char(out, clean.p[i]);
        }
    }
    text_free(&clean);
}

/* ---- the figures -------------------------------------------------------------------------- */

static void put_head(text *out, const eval_about *about, const eval_figures *f) {
    char day[64] = "";
    time_t now = time(NULL);
    struct tm local;
    text what = {0};
    if (localtime_r(&now, &local)) strftime(day, sizeof day, "%Y-%m-%d %H:%M", &local);
    text_put(out, STR("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "style-src 'unsafe-inline'\">\n<meta name=\"viewport\" "
                      "content=\"width=device-width,initial-scale=1\">\n<title>Evaluation of "));
    eval_put_escaped(out, cli_file_name(about->library));
    text_put(out, STR("</title>\n<style>\n"));
    text_put(out, STR(style));
    text_put(out, STR("</style>\n</head>\n<body>\n<main>\n<header>\n<h1>How well are questions "
                      "answered?</h1>\n<p>"));
    eval_put_about(&what, about, f);
    eval_put_escaped(out, text_str(&what));
    text_free(&what);
    text_put(out, STR("</p>\n<p class=\"soft\">"));
    if (about->made)
        text_printf(out, "Made by the library itself, seed %llu", (unsigned long long)about->seed);
    else if (strcmp(about->file, "-") == 0)
        text_put(out, STR("Questions from the standard input"));
    else
        eval_put_escaped(out, cli_file_name(str_of(about->file)));
    text_printf(out, " &middot; %s &middot; carrel " CLI_VERSION "</p>\n</header>\n", day);
    if (!about->made) return;
    text_put(out, STR("<p class=\"warning\">"));
    eval_put_escaped(out, str_of(eval_made_warning));
    text_put(out, STR("</p>\n"));
}

static void put_tile(text *out, double value, bool share, const char *name) {
    if (isnan(value)) return;
    if (share)
        text_printf(out, "<div class=\"tile\"><b>%.1f%%</b><span>%s</span></div>\n", 100 * value,
                    name);
    else
        text_printf(out, "<div class=\"tile\"><b>%.3f</b><span>%s</span></div>\n", value, name);
}

static double share_of(size_t part, size_t of) {
    return of ? (double)part / (double)of : (double)NAN;
}

static void put_tiles(text *out, const eval_figures *f) {
    text_put(out, STR("<div class=\"tiles\">\n"));
    put_tile(out, share_of(f->retrieval.hits[0], f->retrieval.count), true, "hit@1");
    put_tile(out, f->retrieval.mrr, false, "MRR@10");
    put_tile(out, share_of(f->answers.cited, f->answers.placed), true, "right place cited first");
    put_tile(out, share_of(f->answers.first, f->answers.count), true,
             "answer in the first sentence");
    put_tile(out, f->recall, true, "of the unanswerable refused");
    put_tile(out, share_of(f->refusals[EVAL_ANSWERABLE].refused, f->kinds[EVAL_ANSWERABLE]), true,
             "of the answerable refused");
    put_tile(out, f->brier, false, "Brier score");
    text_printf(out,
                "<div class=\"tile\"><b>%.0f ms</b><span>median of one question</span></div>\n"
                "</div>\n",
                f->median_ms);
}

static void open_figure(text *out, const char *title) {
    text_printf(out, "<figure>\n<h3>%s</h3>\n", title);
}

static void close_figure(text *out, const char *caption) {
    text_printf(out, "<figcaption>%s</figcaption>\n</figure>\n", caption);
}

static void put_plots(text *out, const eval_figures *f, const eval_result *results, size_t count) {
    text_put(out, STR("<section class=\"plots\">\n"));
    if (f->retrieval.count) {
        open_figure(out, "Where the right page was found");
        eval_plot_ranks(out, f);
        close_figure(out,
                     "How far down the list of passages the right one stands; &ldquo;none&rdquo;: "
                     "not among the first ten.");
    }
    if (f->judged) {
        open_figure(out, "Is the confidence true?");
        eval_plot_reliability(out, f);
        close_figure(out,
                     "On the dashed line, what is stated comes true as often as it says; under "
                     "it, answers are surer than they should be. Larger dots are more "
                     "questions, bars the 95% interval.");
        open_figure(out, "What refusing more would cost");
        eval_plot_risk(out, f);
        close_figure(out, "Answering only the surest questions (left) or all of them (right): how "
                          "many of the answers are wrong. The dot is where the threshold cuts.");
    }
    open_figure(out, "How long it takes");
    eval_plot_latency(out, f, results, count);
    close_figure(out, "From the question to the last sentence, in this process; the last bar holds "
                      "what took longer still.");
    text_put(out, STR("</section>\n"));
}

static void put_share_row(text *out, const char *name, size_t part, size_t of) {
    double low, high;
    if (of == 0) return;
    score_wilson(part, of, &low, &high);
    text_printf(out,
                "<tr><th scope=\"row\">%s</th><td>%.1f%%</td><td>%zu of %zu</td>"
                "<td><small>%.0f&ndash;%.0f%%</small></td></tr>\n",
                name, 100.0 * (double)part / (double)of, part, of, 100 * low, 100 * high);
}

static void put_value_row(text *out, const char *name, double value, bool share) {
    if (isnan(value)) return;
    text_printf(out, "<tr><th scope=\"row\">%s</th><td>%.*f%s</td><td></td><td></td></tr>\n", name,
                share ? 1 : 3, share ? 100 * value : value, share ? "%" : "");
}

static void open_table(text *out, const char *caption, const char *heads) {
    text_printf(out, "<table>\n<caption>%s</caption>\n<thead><tr>%s</tr></thead>\n<tbody>\n",
                caption, heads);
}

#define SHARE_HEADS                                                           \
    "<th></th><th scope=\"col\">share</th><th scope=\"col\">counted</th><th " \
    "scope=\"col\">95%</th>"

static void put_quality_tables(text *out, const eval_figures *f) {
    if (f->retrieval.count) {
        open_table(out, "Retrieval", SHARE_HEADS);
        put_share_row(out, "hit@1", f->retrieval.hits[0], f->retrieval.count);
        put_share_row(out, "hit@3", f->retrieval.hits[1], f->retrieval.count);
        put_share_row(out, "hit@5", f->retrieval.hits[2], f->retrieval.count);
        put_share_row(out, "hit@10", f->retrieval.hits[3], f->retrieval.count);
        put_value_row(out, "MRR@10", f->retrieval.mrr, false);
        text_put(out, STR("</tbody>\n</table>\n"));
    }
    if (f->answers.count || f->answers.placed) {
        open_table(out, "Answers (a refused one counts as missed)", SHARE_HEADS);
        put_share_row(out, "right place cited first", f->answers.cited, f->answers.placed);
        put_share_row(out, "answer in the first sentence", f->answers.first, f->answers.count);
        put_share_row(out, "answer in the first three", f->answers.three, f->answers.count);
        put_value_row(out, "exact match of the bold span", f->answers.exact, true);
        put_value_row(out, "F1 of the bold span", f->answers.f1, true);
        text_put(out, STR("</tbody>\n</table>\n"));
    }
}

static void put_refusal_row(text *out, const eval_figures *f, eval_kind kind, const char *name) {
    if (f->kinds[kind] == 0) return;
    text_printf(out, "<tr><th scope=\"row\">%s</th><td>%zu</td><td>%zu</td><td></td></tr>\n", name,
                f->refusals[kind].shown, f->refusals[kind].refused);
}

static void put_refusal_table(text *out, const eval_figures *f) {
    size_t right = f->refusals[EVAL_UNANSWERABLE].refused;
    open_table(out, "Refusals",
               "<th></th><th scope=\"col\">shown</th><th scope=\"col\">refused</th><th></th>");
    put_refusal_row(out, f, EVAL_ANSWERABLE, "answerable");
    put_refusal_row(out, f, EVAL_UNANSWERABLE, "unanswerable");
    put_refusal_row(out, f, EVAL_UNKNOWN, "not said");
    if (!isnan(f->precision))
        put_share_row(out, "precision", right, right + f->refusals[EVAL_ANSWERABLE].refused);
    put_share_row(out, "recall", right, f->kinds[EVAL_UNANSWERABLE]);
    text_put(out, STR("</tbody>\n</table>\n"));
}

static void put_confidence_table(text *out, const eval_figures *f) {
    if (f->judged == 0) return;
    open_table(out, "Confidence",
               "<th scope=\"col\">stated</th><th scope=\"col\">questions</th><th scope=\"col\">mean"
               "</th><th scope=\"col\">right</th>");
    for (size_t i = 0; i < EVAL_BINS; i++) {
        const eval_bin *b = &f->bins[i];
        if (b->count == 0) continue;
        text_printf(out,
                    "<tr><th scope=\"row\">%.1f to %.1f</th><td>%zu</td><td>%.2f</td>"
                    "<td>%.0f%%</td></tr>\n",
                    (double)i / EVAL_BINS, (double)(i + 1) / EVAL_BINS, b->count, b->confidence,
                    100.0 * (double)b->right / (double)b->count);
    }
    put_value_row(out, "Brier score", f->brier, false);
    put_value_row(out, "expected calibration error", f->calibration_error, false);
    put_value_row(out, "AUROC", f->auroc, false);
    put_value_row(out, "AURC", f->aurc, false);
    text_put(out, STR("</tbody>\n</table>\n"));
}

/* ---- the misses --------------------------------------------------------------------------- */

static void put_expected(text *out, const eval_item *item) {
    text where = {0};
    text_put(out, STR("<dt>Expected</dt><dd>"));
    if (item->kind == EVAL_UNANSWERABLE) text_put(out, STR("a refusal: nothing answers this"));
    for (size_t i = 0; i < item->answer_count; i++) {
        text_put(out, i ? STR(" <span class=\"soft\">or</span> ") : STR(""));
        eval_put_escaped(out, item->answers[i]);
    }
    if (item->kind == EVAL_ANSWERABLE) eval_put_expected_place(&where, item);
    if (where.n) {
        text_put(out, STR("<cite>"));
        eval_put_escaped(out, text_str(&where));
        text_put(out, STR("</cite>"));
    }
    for (size_t i = 0; i < item->without_count; i++) {
        text_put(out, i ? STR(", ") : STR("<cite>asked without "));
        eval_put_escaped(out, cli_file_name(item->without[i]));
    }
    if (item->without_count) text_put(out, STR("</cite>"));
    text_put(out, STR("</dd>\n"));
    text_free(&where);
}

static void put_sentence(text *out, const eval_shown *s) {
    static const cli_terminal bare = {.bold = "", .dim = "", .red = "", .green = "", .reset = ""};
    text place = {0};
    bool bold = s->bold_begin < s->bold_end && s->bold_end <= s->text.n;
    text_put(out, STR("<blockquote>"));
    eval_put_escaped(out, bold ? str_cut(s->text, 0, s->bold_begin) : s->text);
    if (bold) {
        text_put(out, STR("<mark>"));
        eval_put_escaped(out, str_cut(s->text, s->bold_begin, s->bold_end));
        text_put(out, STR("</mark>"));
        eval_put_escaped(out, str_cut(s->text, s->bold_end, s->text.n));
    }
    cli_put_place(&place, &bare,
                  &(cli_place){.path = s->document,
                               .page_first = s->page,
                               .page_last = s->page,
                               .label = s->label,
                               .heading = s->heading});
    text_put(out, STR("<cite>"));
    eval_put_escaped(out, text_str(&place));
    text_put(out, STR("</cite></blockquote>\n"));
    text_free(&place);
}

static void put_why(text *out, const eval_result *r) {
    text_put(out, STR("<dt>Why</dt><dd>"));
    switch (r->verdict) {
    case EVAL_NOT_RETRIEVED:
        if (r->rank)
            text_printf(out,
                        "the right passage came %zu. in the ranking, behind those that were read",
                        r->rank);
        else
            text_put(out, STR("the right passage is not among the first ten"));
        text_put(out, r->refused ? STR("; the answer was refused") : STR(""));
        break;
    case EVAL_REFUSED:
        text_put(out, r->correct
                          ? STR("the right sentence stood first, but was not sure enough")
                          : STR("the right passage was read, but no sentence was sure enough"));
        break;
    case EVAL_NOT_CHOSEN:
        if (r->rank)
            text_printf(out,
                        "the right passage was read (rank %zu), and another sentence put first",
                        r->rank);
        else
            text_put(out, STR("another sentence was put first"));
        if (r->three) text_put(out, STR("; the answer stands below it"));
        break;
    case EVAL_WRONG_SPAN:
        text_put(out, STR("the sentence holds the answer, and other words of it are bold"));
        break;
    default:
        text_put(out, STR("it should have been refused"));
    }
    text_printf(out, " <span class=\"soft\">(%s: %.2f)</span></dd>\n",
                query_confidence_words(r->confidence), r->confidence);
}

static void put_miss(text *out, const eval_result *r) {
    text_put(out, STR("<article class=\"miss\">\n<h3>"));
    eval_put_escaped(out, r->item->question);
    text_printf(out, "</h3>\n<p><span class=\"badge\">%s</span>", eval_verdict_names[r->verdict]);
    text_put(out, STR("<span class=\"soft\">"));
    if (r->item->id.n) {
        eval_put_escaped(out, r->item->id);
        text_put(out, r->item->line ? STR(" &middot; ") : STR(""));
    }
    if (r->item->line) text_printf(out, "line %zu", r->item->line);
    text_put(out, STR("</span></p>\n<dl>\n"));
    put_expected(out, r->item);
    text_put(out, r->refused ? STR("<dt>Kept back</dt><dd>") : STR("<dt>Shown</dt><dd>"));
    for (size_t i = 0; i < r->shown_count; i++) put_sentence(out, &r->shown[i]);
    if (r->shown_count == 0) text_put(out, STR("nothing was found"));
    text_put(out, STR("</dd>\n"));
    put_why(out, r);
    text_put(out, STR("</dl>\n</article>\n"));
}

static void put_misses(text *out, const eval_figures *f, const eval_result *results, size_t count) {
    size_t misses = 0;
    for (size_t v = EVAL_NOT_RETRIEVED; v < EVAL_VERDICTS; v++) misses += f->verdicts[v];
    text_printf(out, "<h2>Misses: %zu of %zu</h2>\n", misses, f->questions);
    if (misses == 0) text_put(out, STR("<p>None.</p>\n"));
    for (size_t v = EVAL_NOT_RETRIEVED; v < EVAL_VERDICTS; v++) {
        if (f->verdicts[v] == 0) continue;
        text_printf(out, "<section>\n<h2 class=\"sub\">%c%s <span class=\"soft\">%zu</span></h2>\n",
                    eval_verdict_names[v][0] - 'a' + 'A', eval_verdict_names[v] + 1,
                    f->verdicts[v]);
        for (size_t i = 0; i < count; i++)
            if (results[i].verdict == v) put_miss(out, &results[i]);
        text_put(out, STR("</section>\n"));
    }
}

static const char glossary[] =
    "<footer>\n<dl>\n"
    "<dt>hit@k</dt><dd>the right passage is among the first k</dd>\n"
    "<dt>MRR@10</dt><dd>mean of one over the rank of the first right passage; 0 past ten</dd>\n"
    "<dt>exact match, F1</dt><dd>of the bold words and the answer, as SQuAD normalises and counts "
    "them</dd>\n"
    "<dt>precision, recall of refusals</dt><dd>of what was refused, how much nothing answers; of "
    "what nothing answers, how much was refused</dd>\n"
    "<dt>Brier score</dt><dd>mean squared distance between stated confidence and truth; 0 is "
    "best</dd>\n"
    "<dt>expected calibration error</dt><dd>how far stated and observed lie apart, over ten "
    "bins</dd>\n"
    "<dt>AUROC</dt><dd>how often a right answer is surer than a wrong one</dd>\n"
    "<dt>AURC</dt><dd>mean risk over all coverages; 0 is best</dd>\n"
    "<dt>95%</dt><dd>Wilson&#39;s interval: where the true share may lie, seen how few questions "
    "there are</dd>\n"
    "</dl>\n</footer>\n";

void eval_put_page(text *out, const eval_about *about, const eval_figures *f,
                   const eval_result *results, size_t count) {
    put_head(out, about, f);
    put_tiles(out, f);
    put_plots(out, f, results, count);
    text_put(out, STR("<h2>Figures</h2>\n<div class=\"tables\">\n<div>\n"));
    put_quality_tables(out, f);
    text_put(out, STR("</div>\n<div>\n"));
    put_refusal_table(out, f);
    put_confidence_table(out, f);
    text_put(out, STR("</div>\n</div>\n"));
    put_misses(out, f, results, count);
    text_put(out, str_of(glossary));
    text_put(out, STR("</main>\n</body>\n</html>\n"));
}
