/* The elements of OMML as rules for the walks over DOCX and PPTX. Their contexts begin with an
 * ooxml_math. */
#ifndef CARREL_INGEST_PARSE_OOXML_MATH_H
#define CARREL_INGEST_PARSE_OOXML_MATH_H

#include "ingest/parse/formula.h"
#include "ingest/parse/office/xml.h"

typedef struct {
    formula *formula; /* while it is open, text goes into it (formula_put) */
} ooxml_math;

xml_enter_fn ooxml_math_enter, ooxml_math_enter_object, ooxml_math_enter_part,
    ooxml_math_enter_sign, ooxml_math_enter_closing, ooxml_math_enter_separator;
xml_leave_fn ooxml_math_leave_part;

#define OOXML_MATH_OBJECT(element) \
    { .name = "m:" element, .enter = ooxml_math_enter_object, .leave = ooxml_math_leave_part }
#define OOXML_MATH_PART(element) \
    { .name = "m:" element, .enter = ooxml_math_enter_part, .leave = ooxml_math_leave_part }

/* What is inside a formula; what its end does is the parser's own. */
#define OOXML_MATH_RULES(leave_formula)                                                       \
    {.name = "m:oMath", .enter = ooxml_math_enter, .leave = leave_formula},                   \
        {.name = "m:chr", .enter = ooxml_math_enter_sign},                                    \
        {.name = "m:begChr", .enter = ooxml_math_enter_sign},                                 \
        {.name = "m:endChr", .enter = ooxml_math_enter_closing},                              \
        {.name = "m:sepChr", .enter = ooxml_math_enter_separator},                            \
        {.name = "m:phant", .skip = true}, OOXML_MATH_OBJECT("f"), OOXML_MATH_OBJECT("sSup"), \
        OOXML_MATH_OBJECT("sSub"), OOXML_MATH_OBJECT("sSubSup"), OOXML_MATH_OBJECT("sPre"),   \
        OOXML_MATH_OBJECT("rad"), OOXML_MATH_OBJECT("nary"), OOXML_MATH_OBJECT("d"),          \
        OOXML_MATH_OBJECT("m"), OOXML_MATH_OBJECT("mr"), OOXML_MATH_OBJECT("eqArr"),          \
        OOXML_MATH_OBJECT("limLow"), OOXML_MATH_OBJECT("limUpp"), OOXML_MATH_OBJECT("acc"),   \
        OOXML_MATH_OBJECT("bar"), OOXML_MATH_PART("e"), OOXML_MATH_PART("num"),               \
        OOXML_MATH_PART("den"), OOXML_MATH_PART("sup"), OOXML_MATH_PART("sub"),               \
        OOXML_MATH_PART("deg"), OOXML_MATH_PART("lim"), OOXML_MATH_PART("fName")

#endif
