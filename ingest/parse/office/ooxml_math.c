/* Formulas of DOCX and PPTX (OMML; ECMA-376 part 1, 22.1), handed on to formula.c.
 *
 * Owns what each object of OMML is there. Its parts come in the order of the file, which for a sum
 * is sign, lower, upper, term; for a root degree, radicand. It never lays anything out.
 */
#include "ingest/parse/office/ooxml_math.h"

#include <string.h>

/* m:oMath: the outermost row. */
bool ooxml_math_enter(void *context, const xml_element *e) {
    (void)e;
    formula *f = ((ooxml_math *)context)->formula;
    if (!formula_is_open(f)) formula_open(f, FORMULA_ROW);
    return true;
}

bool ooxml_math_enter_object(void *context, const xml_element *e) {
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
    formula *f = ((ooxml_math *)context)->formula;
    const char *name = xml_local_name(e);
    formula_kind kind = FORMULA_ROW;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0) kind = known[i].kind;
    formula_open(f, kind);
    if (strcmp(name, "eqArr") == 0) formula_fence(f, (str){"", 0}, (str){"", 0}, STR("; "));
    if (strcmp(name, "nary") == 0) formula_fence(f, STR("\u222b"), (str){0}, (str){0});
    if (strcmp(name, "acc") == 0) formula_fence(f, STR("\u0302"), (str){0}, (str){0});
    if (strcmp(name, "bar") == 0) formula_fence(f, STR("\u0304"), (str){0}, (str){0});
    return true;
}

/* m:e, m:num, m:fName ... */
bool ooxml_math_enter_part(void *context, const xml_element *e) {
    formula *f = ((ooxml_math *)context)->formula;
    formula_open(f, strcmp(xml_local_name(e), "fName") == 0 ? FORMULA_NAME : FORMULA_ROW);
    return true;
}

void ooxml_math_leave_part(void *context) {
    formula_close(((ooxml_math *)context)->formula);
}

static str sign_of(const xml_element *e) {
    str sign = xml_attribute(e, "m:val");
    return sign.n > 0 ? sign : (str){"", 0};
}

bool ooxml_math_enter_sign(void *context, const xml_element *e) {
    formula_fence(((ooxml_math *)context)->formula, sign_of(e), (str){0}, (str){0});
    return true;
}

bool ooxml_math_enter_closing(void *context, const xml_element *e) {
    formula_fence(((ooxml_math *)context)->formula, (str){0}, sign_of(e), (str){0});
    return true;
}

bool ooxml_math_enter_separator(void *context, const xml_element *e) {
    formula_fence(((ooxml_math *)context)->formula, (str){0}, (str){0}, sign_of(e));
    return true;
}
