/* A page's content stream, operator by operator. pdf_operators.c reads, pdf_drawing.c
 * understands. */
#ifndef CARREL_INGEST_PDF_OPERATORS_H
#define CARREL_INGEST_PDF_OPERATORS_H

#include "base/base.h"

/* "Tj" as a number, for switch. */
#define PDF_OP(a, b, c) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16)

#define PDF_OPERANDS 8 /* of numbers: a matrix has six; the last ones are kept */

typedef struct {
    str bytes;
    size_t at;
    /* of the operator found last */
    size_t begin; /* of its operands */
    uint32_t op;  /* 0: longer than three letters, which PDF has none of */
    double numbers[PDF_OPERANDS];
    size_t number_count;
    str names[2];
    size_t name_count;
    uint32_t string_bytes; /* of all strings among the operands, but for spaces */
} pdf_operators;

/* False at the end. What is no PDF syntax is skipped byte by byte. */
bool pdf_next_operator(pdf_operators *o);

#endif
