/* Boxes on a page: widening, turning, what of them stands over what, and the order of measures.
 *
 * All stages of reading a PDF ask these questions, and have to mean the same by the answers.
 * Written with comparisons instead of fminf and fmaxf, which are calls: they are asked for every
 * letter.
 */
#include <math.h>

#include "ingest/parse/pdf/pdf.h"

#define EDGE_PT 0.1f /* a corner so near to an edge lies on it */

box pdf_turned(box b, unsigned quarters) {
    switch (quarters & 3) {
    case 1:
        return (box){-b.y1, b.x0, -b.y0, b.x1};
    case 2:
        return (box){-b.x1, -b.y1, -b.x0, -b.y0};
    case 3:
        return (box){b.y0, -b.x1, b.y1, -b.x0};
    default:
        return b;
    }
}

void pdf_widen(box *at, box by) {
    at->x0 = by.x0 < at->x0 ? by.x0 : at->x0;
    at->y0 = by.y0 < at->y0 ? by.y0 : at->y0;
    at->x1 = by.x1 > at->x1 ? by.x1 : at->x1;
    at->y1 = by.y1 > at->y1 ? by.y1 : at->y1;
}

box pdf_common_box(box a, box b) {
    return (box){a.x0 > b.x0 ? a.x0 : b.x0, a.y0 > b.y0 ? a.y0 : b.y0, a.x1 < b.x1 ? a.x1 : b.x1,
                 a.y1 < b.y1 ? a.y1 : b.y1};
}

float pdf_shared_width(box a, box b) {
    return (a.x1 < b.x1 ? a.x1 : b.x1) - (a.x0 > b.x0 ? a.x0 : b.x0);
}

bool pdf_stands_over(box a, box b) {
    return pdf_shared_width(a, b) > PDF_OVERLAP_PT;
}

static bool on_edge(float v, float a, float b) {
    return fabsf(v - a) < EDGE_PT || fabsf(v - b) < EDGE_PT;
}

box pdf_box_of(const float *x, const float *y, size_t count) {
    box b = {x[0], y[0], x[0], y[0]};
    for (size_t i = 1; i < count; i++) pdf_widen(&b, (box){x[i], y[i], x[i], y[i]});
    return b;
}

int pdf_by_size(const void *pa, const void *pb) {
    float a = *(const float *)pa, b = *(const float *)pb;
    return a < b ? -1 : a > b;
}

bool pdf_is_rectangle(const float *x, const float *y, size_t count, box around) {
    bool straight = count >= 4;
    for (size_t i = 0; straight && i < count; i++)
        straight = on_edge(x[i], around.x0, around.x1) && on_edge(y[i], around.y0, around.y1);
    return straight;
}
