/* Formulas as one line of text, in one shape for MathML and OMML: (a+b)/c, x², x_(i+1), √(x-1). A
 * parser opens and closes what it meets; formula.c keeps the parts and puts the brackets. */
#ifndef CARREL_INGEST_PARSE_FORMULA_H
#define CARREL_INGEST_PARSE_FORMULA_H

#include "base/base.h"

typedef enum {
    FORMULA_ROW,   /* its parts one after the other */
    FORMULA_TOKEN, /* a number, a letter, a sign: MathML's mi, mn, mo */
    FORMULA_NAME,  /* of a function: a letter behind it stands apart */
    FORMULA_FRACTION,
    FORMULA_BINOMIAL,
    FORMULA_ROOT,        /* its parts are a row */
    FORMULA_ROOT_OF,     /* radicand, degree */
    FORMULA_DEGREE_ROOT, /* degree, radicand */
    FORMULA_POWER,       /* base, power */
    FORMULA_INDEX,       /* base, index */
    FORMULA_BOTH,        /* base, index, power */
    FORMULA_PRE,         /* index, power, base */
    FORMULA_SCRIPTS,     /* base, (index, power) ..., and behind formula_pre those in front */
    FORMULA_ACCENT,      /* base, what stands over it */
    FORMULA_SIGN_ACCENT, /* base; the fence's first sign stands over it */
    FORMULA_SUM,         /* lower, upper, term; the fence's first sign is its own */
    FORMULA_FENCED,      /* parts parted by the separator, in brackets */
    FORMULA_TABLE,       /* rows */
    FORMULA_TABLE_ROW,   /* cells */
    FORMULA_KINDS
} formula_kind;

typedef struct formula formula;

formula *formula_new(void);
void formula_free(formula *f); /* NULL is fine */

void formula_open(formula *f, formula_kind kind);
void formula_put(formula *f, str t);
void formula_close(formula *f);
bool formula_is_open(const formula *f);
/* Of the open fence; what is not said is as it was: "(", ")", ", ". */
void formula_fence(formula *f, str before, str after, str separator);
/* Of open scripts: the following stand in front of the base. */
void formula_pre(formula *f);
/* Closes what is open, appends the line to `out`, and is ready for the next. */
void formula_end(formula *f, text *out);

/* MathML by the names of its elements; false, and nothing opened, where what is inside is no part
 * of the formula: annotations, phantoms. */
bool formula_open_mathml(formula *f, const char *name);

#endif
