/* TIFF files, byte by byte: numbers as a PC writes them, and the entries of a directory. */
#ifndef CARREL_TESTS_TIFF_FILE_H
#define CARREL_TESTS_TIFF_FILE_H

#include "base/base.h"

static inline void tiff_put16(text *t, unsigned v) {
    text_put_char(t, (char)v);
    text_put_char(t, (char)(v >> 8));
}

static inline void tiff_put32(text *t, size_t v) {
    tiff_put16(t, (unsigned)(v & 0xffff));
    tiff_put16(t, (unsigned)(v >> 16));
}

/* type: 3 for 16 bits, 4 for 32. */
static inline void tiff_put_entry(text *t, unsigned tag, unsigned type, size_t value) {
    tiff_put16(t, tag);
    tiff_put16(t, type);
    tiff_put32(t, 1);
    tiff_put32(t, value);
}

#endif
