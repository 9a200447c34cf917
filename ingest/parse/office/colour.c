/* Which colours cannot be told from paper.
 *
 * Owns one judgement that all office formats share: white letters on no ground of their own are how
 * text is hidden from people and shown to programs. Light greys stay, since people read them. It knows no
 * themes and no grounds; the parsers do.
 */
#include "ingest/parse/office/colour.h"

/* Of 255: the lightest grey that office programs offer is F2. */
#define NEAR_WHITE 0xF5

static int digit(char c) {
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

bool colour_parts_are_white(long red, long green, long blue) {
    return red >= NEAR_WHITE && green >= NEAR_WHITE && blue >= NEAR_WHITE;
}

bool colour_is_white(str hex) {
    if (str_starts(hex, STR("#"))) hex = str_cut(hex, 1, hex.n);
    if (hex.n != 6) return false;
    long parts[3];
    for (size_t i = 0; i < 3; i++) {
        int high = digit(hex.p[2 * i]), low = digit(hex.p[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        parts[i] = 16 * high + low;
    }
    return colour_parts_are_white(parts[0], parts[1], parts[2]);
}
