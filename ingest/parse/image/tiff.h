/* The directories of a TIFF file: how many pages it has, and a few numbers of each. EXIF data in a
 * JPEG file is a TIFF of its own. Decodes no pixel; every offset is checked before it is followed,
 * and a chain of directories that comes back to itself ends there.
 */
#ifndef CARREL_INGEST_TIFF_H
#define CARREL_INGEST_TIFF_H

#include "base/base.h"

#define TIFF_NEW_SUBFILE 254u /* bit 0: a smaller copy of another page */
#define TIFF_WIDTH 256u
#define TIFF_HEIGHT 257u
#define TIFF_BITS 258u
#define TIFF_ORIENTATION 274u
#define TIFF_SAMPLES 277u

typedef struct {
    str bytes;
    bool big_endian;
} tiff_file;

/* A page: `directory` is its place in the chain (libtiff's number), `at` its offset. */
typedef struct {
    uint32_t directory, at;
} tiff_page;

bool tiff_open(str bytes, tiff_file *out);
/* Fills up to `most` pages and gives their number; reduced copies of pages are passed over. *whole is
 * false where the chain breaks off, runs in a circle, or has more. */
uint32_t tiff_pages(const tiff_file *t, tiff_page *out, uint32_t most, bool *whole);
/* A number of the directory at `at`, its first one where it is an array; `otherwise` where it is not
 * given. */
uint32_t tiff_number(const tiff_file *t, uint32_t at, uint32_t tag, uint32_t otherwise);

/* The orientation (1..8) that the EXIF data of a JPEG file states; 1 where there is none. */
uint32_t tiff_exif_orientation(str jpeg);

#endif
