/* XML parts of packages, walked once: for each element that a parser knows by name a function is
 * called when it opens and when it closes. xml.c keeps the namespaces, the limits, the alternatives.
 */
#ifndef CARREL_INGEST_PARSE_XML_H
#define CARREL_INGEST_PARSE_XML_H

#include "ingest/parse/archive/package.h"

/* An element that opens. Its attributes live as long as the call. */
typedef struct xml_element xml_element;

/* By the names of xml_rule, as "w:val"; "val" has no namespace. Empty where it is not there. The
 * pointer is good until the same attribute of the next element is asked for. */
str xml_attribute(const xml_element *e, const char *name);
bool xml_has(const xml_element *e, const char *name);
/* As a number within the bounds, else `otherwise`. */
long xml_number(const xml_element *e, const char *name, long least, long most, long otherwise);
/* OOXML's booleans: true unless "0", "false" or "off" stands there. */
bool xml_is_on(const xml_element *e, const char *name);
/* The element's name without its prefix. */
const char *xml_local_name(const xml_element *e);

/* What to do at an element, named by the prefix that xml.c gives its namespace: "w:p". Where enter
 * gives false, what is inside is passed over and leave is not called. */
typedef bool xml_enter_fn(void *context, const xml_element *e);
typedef void xml_leave_fn(void *context);
typedef struct {
    const char *name;
    xml_enter_fn *enter; /* NULL: goes in */
    xml_leave_fn *leave; /* NULL: nothing */
    bool has_text;       /* the text directly inside it is wanted */
    bool skip;           /* pass over it and what is inside */
} xml_rule;
typedef void xml_text_fn(void *context, str s);

typedef struct {
    const xml_rule *rules; /* ended by a rule without a name */
    xml_text_fn *text;     /* in pieces; NULL: none is wanted */
    void *context;
} xml_walker;

/* Walks the entry. What was met of a broken part is kept: the functions were called for it, and
 * *whole is false (NULL: then it is an error). Of mc:AlternateContent only the first alternative is
 * walked. An entity that the XML standard does not define is nothing; no DTD is read. */
bool xml_walk_entry(package *p, size_t entry, const xml_walker *walker, bool *whole, error *err);
bool xml_walk_bytes(str bytes, const xml_walker *walker, bool *whole, error *err);
/* Title and language in the words of the Dublin Core, as far as the entry can be read; empty where it says
 * nothing or is PACKAGE_NONE. Its dates go to `out` at once. */
void xml_read_properties(package *p, size_t entry, arena *a, str *title, str *language,
                         record_writer *out);
/* Ends the walk from inside one of its functions, as if the part ended here. */
void xml_stop(const xml_element *e);

#endif
