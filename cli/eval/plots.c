/* The drawings of the report, as SVG inside the page: no script, no font, nothing fetched.
 *
 * Colours and type come from the page's style by class, so that a drawing follows light, dark and
 * print. Only numbers of ours are written here; what a document says never is.
 */
#include <math.h>

#include "cli/eval/eval.h"

#define WIDTH 400.0
#define HEIGHT 250.0
#define LEFT 56.0
#define RIGHT 14.0
#define TOP 16.0
#define BOTTOM 42.0
#define PLOT_WIDTH (WIDTH - LEFT - RIGHT)
#define PLOT_HEIGHT (HEIGHT - TOP - BOTTOM)
/* More bars are finer than the hand that reads them. */
#define LATENCY_BARS 20
#define LATENCY_TICKS 6
/* Above the highest bar, for the two labels. */
#define LATENCY_ROOM 1.15
/* Of the plain: the slowest question, once, would press all others into one bar. */
#define LATENCY_SHARE 0.99

static double at_x(double share) {
    return LEFT + share * PLOT_WIDTH;
}

static double at_y(double share) {
    return TOP + (1 - share) * PLOT_HEIGHT;
}

static void open_plot(text *out, const char *label) {
    text_printf(
        out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n<title>%s</title>\n",
        WIDTH, HEIGHT, label, label);
}

static void close_plot(text *out, const char *x_name, const char *y_name) {
    text_printf(out, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>\n", LEFT, at_y(0), at_x(1));
    text_printf(out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                LEFT + PLOT_WIDTH / 2, HEIGHT - 6, x_name);
    text_printf(out,
                "<text class=\"name\" transform=\"translate(12 %.1f) rotate(-90)\">%s</text>\n"
                "</svg>\n",
                TOP + PLOT_HEIGHT / 2, y_name);
}

static void put_mark(text *out, const char *class, double x, double y, const char *format,
                     double value) {
    text_printf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
    /* The formats are the literals below. */
    if (format[0] == '%' && format[1] == 'p')
        text_printf(out, "%.0f%%", 100 * value);
    else
        text_printf(out, "%.*f", format[0] == '1' ? 1 : 0, value);
    text_put(out, STR("</text>\n"));
}

/* Lines at quarters of 0..top, `kind` as put_mark has it. */
static void put_grid(text *out, double top, const char *kind) {
    for (int i = 0; i <= 4; i++) {
        double share = (double)i / 4;
        if (i)
            text_printf(out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n", LEFT, at_y(share),
                        at_x(1));
        put_mark(out, "y", LEFT - 6, at_y(share) + 4, kind, top * share);
    }
}

static void put_x_shares(text *out) {
    for (int i = 0; i <= 5; i++)
        put_mark(out, "x", at_x((double)i / 5), at_y(0) + 16, "1", (double)i / 5);
}

static void put_bar(text *out, const char *class, double from, double to, double share) {
    if (share <= 0) return;
    text_printf(
        out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\"/>\n",
        class, at_x(from), at_y(share), (to - from) * PLOT_WIDTH, share * PLOT_HEIGHT);
}

/* The next number that can be cut into four whole parts. */
static double round_up(size_t n) {
    return n <= 4 ? 4 : ceil((double)n / 4) * 4;
}

void eval_plot_ranks(text *out, const eval_figures *f) {
    size_t most = 0, slots = EVAL_DEPTH + 1;
    for (size_t i = 0; i <= EVAL_DEPTH; i++)
        if (f->retrieval.ranks[i] > most) most = f->retrieval.ranks[i];
    double top = round_up(most);
    open_plot(out, "Rank of the right page");
    put_grid(out, top, "0");
    for (size_t i = 0; i < slots; i++) {
        size_t rank = i < EVAL_DEPTH ? i + 1 : 0, n = f->retrieval.ranks[rank];
        double from = ((double)i + 0.14) / (double)slots, to = ((double)i + 0.86) / (double)slots;
        double middle = at_x(((double)i + 0.5) / (double)slots);
        put_bar(out, rank ? "bar" : "bar bad", from, to, (double)n / top);
        if (n) put_mark(out, "count", middle, at_y((double)n / top) - 4, "0", (double)n);
        if (rank)
            put_mark(out, "x", middle, at_y(0) + 16, "0", (double)rank);
        else
            text_printf(out, "<text class=\"x\" x=\"%.1f\" y=\"%.1f\">none</text>\n", middle,
                        at_y(0) + 16);
    }
    close_plot(out, "rank of the first right passage", "questions");
}

void eval_plot_reliability(text *out, const eval_figures *f) {
    size_t most = 1;
    for (size_t i = 0; i < EVAL_BINS; i++)
        if (f->bins[i].count > most) most = f->bins[i].count;
    open_plot(out, "Stated confidence and what came true");
    put_grid(out, 1, "%p");
    put_x_shares(out);
    text_printf(out, "<path class=\"ideal\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", at_x(0), at_y(0),
                at_x(1), at_y(1));
    for (size_t i = 0; i < EVAL_BINS; i++) {
        const eval_bin *b = &f->bins[i];
        if (b->count == 0) continue;
        double seen = (double)b->right / (double)b->count, low, high;
        double x = at_x(b->confidence);
        score_wilson(b->right, b->count, &low, &high);
        text_printf(out, "<path class=\"gap\" d=\"M%.1f %.1fV%.1f\"/>\n", x, at_y(low), at_y(high));
        /* The area of a dot is as the number of its questions. */
        text_printf(out,
                    "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>%zu "
                    "questions, stated %.2f, right %.2f</title></circle>\n",
                    x, at_y(seen), 3 + 8 * sqrt((double)b->count / (double)most), b->count,
                    b->confidence, seen);
    }
    close_plot(out, "stated confidence", "answered rightly");
}

/* The point where the threshold cuts: what is answered is all that is at least as sure. */
static const eval_point *operating_point(const eval_figures *f) {
    const eval_point *at = NULL;
    for (size_t i = 0; i < f->curve_count && f->curve[i].confidence >= f->threshold; i++)
        at = &f->curve[i];
    return at;
}

void eval_plot_risk(text *out, const eval_figures *f) {
    double most = 0.2;
    for (size_t i = 0; i < f->curve_count; i++) most = fmax(most, f->curve[i].risk);
    double top = fmin(1, ceil(most * 5) / 5);
    open_plot(out, "Risk over coverage");
    put_grid(out, top, "%p");
    put_x_shares(out);
    if (f->curve_count) text_put(out, STR("<path class=\"line\" d=\""));
    for (size_t i = 0; i < f->curve_count; i++)
        text_printf(out, "%c%.1f %.1f", i ? 'L' : 'M', at_x(f->curve[i].coverage),
                    at_y(f->curve[i].risk / top));
    if (f->curve_count) text_put(out, STR("\"/>\n"));
    const eval_point *now = operating_point(f);
    if (now) {
        double x = at_x(now->coverage), y = at_y(now->risk / top);
        text_printf(out, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>\n", x, y);
        text_printf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">threshold %.2f</text>\n",
                    now->coverage > 0.5 ? "note end" : "note", now->coverage > 0.5 ? x - 8 : x + 8,
                    y - 9, f->threshold);
    }
    close_plot(out, "coverage: share of questions answered, surest first", "risk: wrong of those");
}

/* 1, 2 or 5 times a power of ten: bars of a width that people count in. */
static double round_step(double step) {
    double power = pow(10, floor(log10(step)));
    double lead = step / power;
    return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power;
}

static void put_moment(text *out, double ms, double most, const char *name, bool upper) {
    if (ms > most) return;
    double x = at_x(ms / most);
    bool right = ms / most > 0.6; /* the longer label fits in what is left */
    text_printf(out, "<path class=\"moment\" d=\"M%.1f %.1fV%.1f\"/>\n", x, at_y(0), TOP);
    text_printf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s %.0f ms</text>\n",
                right ? "note end" : "note", right ? x - 5 : x + 5, TOP + (upper ? 8 : 22), name,
                ms);
}

void eval_plot_latency(text *out, const eval_figures *f, const eval_result *results, size_t count) {
    double *ms = mem_new(count + 1, sizeof *ms), *bars = mem_new(LATENCY_BARS, sizeof *bars);
    for (size_t i = 0; i < count; i++) ms[i] = results[i].total_ms;
    double high = fmax(score_percentile(ms, count, LATENCY_SHARE), 0.1), most = 0;
    double step = round_step(high / LATENCY_BARS * 1.05);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)fmin(ms[i] / step, LATENCY_BARS - 1);
        bars[at]++;
        most = fmax(most, bars[at]);
        if (at + 1 > used) used = at + 1;
    }
    double top = round_up((size_t)(most * LATENCY_ROOM)), last = step * (double)used;
    open_plot(out, "Latency");
    put_grid(out, top, "0");
    for (size_t i = 0; i < used; i++)
        put_bar(out, "bar", ((double)i + 0.06) / (double)used, ((double)i + 0.94) / (double)used,
                bars[i] / top);
    size_t apart = (used + LATENCY_TICKS - 1) / LATENCY_TICKS;
    for (size_t i = 0; i <= used; i += apart)
        put_mark(out, "x", at_x((double)i / (double)used), at_y(0) + 16, step < 1 ? "1" : "0",
                 step * (double)i);
    put_moment(out, f->median_ms, last, "median", true);
    put_moment(out, f->p95_ms, last, "95th percentile", false);
    close_plot(out, "milliseconds for one question", "questions");
    mem_free(ms);
    mem_free(bars);
}
