/* The languages that characters can be recognised in: what is installed, and what is chosen of it.
 * Shared by carrel, which says before a long run what is missing, and carrel-ocr, which loads them.
 */
#ifndef CARREL_INGEST_LANGUAGES_H
#define CARREL_INGEST_LANGUAGES_H

#include "ingest/ingest.h"

/* Folders of tesseract's data; ended by NULL. The one that TESSDATA_PREFIX names, alone where it is
 * set, else those of distributions. */
const char *const *languages_folders(void);

typedef struct {
    const char *folder; /* that the data was found in */
    char names[INGEST_LANGUAGES_BYTES];
    char note[200]; /* where a choice was made for the user that he may want to make; else empty */
} languages_chosen;

/* asked: "eng+fra", or empty for what is installed. False with one sentence that says what to
 * install. */
bool languages_choose(const char *const *folders, str asked, languages_chosen *out, error *err);

#endif
