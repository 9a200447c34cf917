/* Numbers of list items as letters and in Roman numerals; behind z stand aa, bb, as word processors
 * count on.
 */
#include "ingest/parse/office/ordinal.h"

#define ROMAN_MAX 4999
#define LETTERS_MAX (26 * 8)

static void put_roman(text *out, long v) {
    static const struct {
        int value;
        const char *digits;
    } parts[] = {{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"},
                 {90, "xc"},  {50, "l"},   {40, "xl"}, {10, "x"},   {9, "ix"},
                 {5, "v"},    {4, "iv"},   {1, "i"}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (; v >= parts[i].value; v -= parts[i].value) text_put(out, str_of(parts[i].digits));
}

void ordinal_put(text *out, char style, long v) {
    size_t begin = out->n;
    if ((style == 'i' || style == 'I') && v > 0 && v <= ROMAN_MAX)
        put_roman(out, v);
    else if ((style == 'a' || style == 'A') && v > 0 && v <= LETTERS_MAX)
        for (long i = 0; i <= (v - 1) / 26; i++) text_put_char(out, (char)('a' + (v - 1) % 26));
    else
        text_printf(out, "%ld", v);
    for (size_t i = begin; (style == 'A' || style == 'I') && i < out->n; i++)
        if (out->p[i] >= 'a' && out->p[i] <= 'z') out->p[i] = (char)(out->p[i] - 32);
}
