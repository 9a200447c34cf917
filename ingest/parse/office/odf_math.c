/* Formulas of OpenDocument: MathML in an object of their own, handed on to formula.c. */
#include "ingest/parse/office/odf.h"

#include <string.h>

#include "ingest/parse/formula.h"

static bool enter_math(void *context, const xml_element *e) {
    const char *name = xml_local_name(e);
    bool binomial =
        strcmp(name, "mfrac") == 0 && str_starts(xml_attribute(e, "linethickness"), STR("0"));
    if (binomial) {
        formula_open(context, FORMULA_BINOMIAL);
        return true;
    }
    if (!formula_open_mathml(context, name)) return false;
    if (strcmp(name, "mfenced") == 0) {
        str open = xml_attribute(e, "open"); /* good until the next is asked for */
        if (xml_has(e, "open"))
            formula_fence(context, open.n ? open : (str){"", 0}, (str){0}, (str){0});
        str close = xml_attribute(e, "close");
        if (xml_has(e, "close"))
            formula_fence(context, (str){0}, close.n ? close : (str){"", 0}, (str){0});
    }
    return true;
}

static void leave_math(void *context) {
    formula_close(context);
}

static void put_math(void *context, str t) {
    t = str_trim(t);
    if (t.n > 0) formula_put(context, t);
}

#define PART(element, letters) \
    { .name = "math:" element, .enter = enter_math, .leave = leave_math, .has_text = letters }

void odf_put_math(package *p, size_t entry, text *out) {
    static const xml_rule rules[] = {
        PART("math", false),
        PART("semantics", false),
        PART("mrow", false),
        PART("mi", true),
        PART("mn", true),
        PART("mo", true),
        PART("ms", true),
        PART("mtext", true),
        PART("msup", false),
        PART("msub", false),
        PART("msubsup", false),
        PART("munder", false),
        PART("mover", false),
        PART("munderover", false),
        PART("mmultiscripts", false),
        PART("mprescripts", false),
        PART("none", false),
        PART("mfrac", false),
        PART("msqrt", false),
        PART("mroot", false),
        PART("mstyle", false),
        PART("mpadded", false),
        PART("menclose", false),
        PART("mphantom", false),
        PART("mfenced", false),
        PART("mtable", false),
        PART("mtr", false),
        PART("mtd", false),
        {.name = "math:annotation", .skip = true},
        {.name = "math:annotation-xml", .skip = true},
        {0},
    };
    formula *f = formula_new();
    xml_walker walker = {.rules = rules, .text = put_math, .context = f};
    bool whole; /* of a broken formula what could be read */
    formula_open(f, FORMULA_ROW);
    (void)xml_walk_entry(p, entry, &walker, &whole, NULL);
    formula_end(f, out);
    formula_free(f);
}
