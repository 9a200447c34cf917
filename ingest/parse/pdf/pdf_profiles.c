/* Keeps colour profiles (ICC) from being read. A profile makes colours come out exactly on paper;
 * here colours only decide whether a text stands out from what is behind it, and pdf_drawing.c
 * compares them as they are written, too. To build a profile's tables poppler takes tens of
 * milliseconds for every page of a document that names an output profile, which is many times what
 * its text takes; and they are one more format that a hostile document could use.
 *
 * Poppler has no switch for that. So this program's own function stands before the one of the
 * library (liblcms2) that opens a profile, as memory.c does with malloc: it says that there is none
 * to be had, and poppler takes the plain colour space of as many components instead.
 */
#include <stdint.h>

#include "ingest/parse/pdf/pdf.h"

/* As lcms2.h declares it, whose types these are: a handle, and a count of bytes. */
void *cmsOpenProfileFromMem(const void *bytes, uint32_t count);

void *cmsOpenProfileFromMem(const void *bytes, uint32_t count) {
    (void)bytes;
    (void)count;
    return NULL;
}
