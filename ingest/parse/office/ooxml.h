/* What DOCX, PPTX and XLSX have in common: relationships between parts, properties, charts. */
#ifndef CARREL_INGEST_PARSE_OOXML_H
#define CARREL_INGEST_PARSE_OOXML_H

#include "ingest/parse/archive/package.h"
#include "ingest/parse/office/story.h"

typedef struct {
    str id, type; /* the last word of its address: "header", "image" */
    str target;   /* the name of an entry, or an address outside of the package */
    bool outside;
} ooxml_relation;

typedef struct {
    ooxml_relation *items;
    size_t count, room;
} ooxml_relations;

/* Those of a part ("" of the package), in the arena. A part without relations has none; broken ones
 * are read as far as they go. */
void ooxml_read_relations(package *p, str part, arena *a, ooxml_relations *out);
void ooxml_free_relations(ooxml_relations *r);
const ooxml_relation *ooxml_find_id(const ooxml_relations *r, str id);     /* NULL: none */
const ooxml_relation *ooxml_find_type(const ooxml_relations *r, str type); /* the first */
size_t ooxml_entry(const package *p, const ooxml_relation *r); /* NULL r is fine; PACKAGE_NONE */

/* The part that is the document, by the package's own relations; else `usual`. Empty if neither is. */
str ooxml_main_part(package *p, str usual, arena *a);

/* docProps/core.xml; empty where it says nothing. */
void ooxml_read_properties(package *p, arena *a, str *title, str *language, record_writer *out);

/* A chart's title as a caption, its series as a table. False where not all of it could be read. */
bool ooxml_put_chart(package *p, size_t entry, story *s);
/* The words of a diagram (SmartArt), a paragraph each. */
bool ooxml_put_diagram(package *p, size_t entry, story *s);

#endif
