/* Formulas of DOCX (OMML; ECMA-376 part 1, 22.1), handed on to formula.c.
 *
 * Owns what each object of OMML is there. Its parts come in the order of the file, which for a sum is
 * sign, lower, upper, term; for a root degree, radicand. It never lays anything out.
 */
#include "ingest/parse/office/docx.h"

#include <string.h>

/* m:oMath: the outermost row. */
bool docx_math_enter(void *context, const xml_element *e) {
    (void)e;
    docx *d = context;
    if (!formula_is_open(d->math)) formula_open(d->math, FORMULA_ROW);
    return true;
}

void docx_math_leave(void *context) {
    docx *d = context;
    text line = {0};
    formula_end(d->math, &line);
    story_keep_apart(d->s, text_str(&line));
    docx_put(d, text_str(&line));
    text_free(&line);
}

bool docx_math_enter_object(void *context, const xml_element *e) {
    static const struct {
        const char *name;
        formula_kind kind;
    } known[] = {
        {"f", FORMULA_FRACTION},   {"sSup", FORMULA_POWER},      {"sSub", FORMULA_INDEX},
        {"sSubSup", FORMULA_BOTH}, {"sPre", FORMULA_PRE},        {"rad", FORMULA_DEGREE_ROOT},
        {"nary", FORMULA_SUM},     {"d", FORMULA_FENCED},        {"m", FORMULA_TABLE},
        {"mr", FORMULA_TABLE_ROW}, {"eqArr", FORMULA_FENCED},    {"limLow", FORMULA_INDEX},
        {"limUpp", FORMULA_POWER}, {"acc", FORMULA_SIGN_ACCENT}, {"bar", FORMULA_SIGN_ACCENT},
    };
    docx *d = context;
    const char *name = xml_local_name(e);
    formula_kind kind = FORMULA_ROW;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0) kind = known[i].kind;
    formula_open(d->math, kind);
    if (strcmp(name, "eqArr") == 0) formula_fence(d->math, (str){"", 0}, (str){"", 0}, STR("; "));
    if (strcmp(name, "nary") == 0) formula_fence(d->math, STR("\u222b"), (str){0}, (str){0});
    if (strcmp(name, "acc") == 0) formula_fence(d->math, STR("\u0302"), (str){0}, (str){0});
    if (strcmp(name, "bar") == 0) formula_fence(d->math, STR("\u0304"), (str){0}, (str){0});
    return true;
}

/* m:e, m:num, m:fName ... */
bool docx_math_enter_part(void *context, const xml_element *e) {
    docx *d = context;
    formula_open(d->math, strcmp(xml_local_name(e), "fName") == 0 ? FORMULA_NAME : FORMULA_ROW);
    return true;
}

void docx_math_leave_part(void *context) {
    formula_close(((docx *)context)->math);
}

static str sign_of(const xml_element *e) {
    str sign = xml_attribute(e, "m:val");
    return sign.n > 0 ? sign : (str){"", 0};
}

bool docx_math_enter_sign(void *context, const xml_element *e) {
    formula_fence(((docx *)context)->math, sign_of(e), (str){0}, (str){0});
    return true;
}

bool docx_math_enter_opening(void *context, const xml_element *e) {
    formula_fence(((docx *)context)->math, sign_of(e), (str){0}, (str){0});
    return true;
}

bool docx_math_enter_closing(void *context, const xml_element *e) {
    formula_fence(((docx *)context)->math, (str){0}, sign_of(e), (str){0});
    return true;
}

bool docx_math_enter_separator(void *context, const xml_element *e) {
    formula_fence(((docx *)context)->math, (str){0}, (str){0}, sign_of(e));
    return true;
}
