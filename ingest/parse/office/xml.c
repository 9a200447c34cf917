/* Walks XML with libxml2's push parser, so that a part of any length needs no more memory than what
 * its parser keeps of it.
 *
 * Owns the names: a namespace is known by its address, whatever prefix a file gives it, and both
 * editions of OOXML (transitional and strict) are one. Owns the limits: depth and attributes. No
 * tree is built, no entity is declared or expanded (there are no handlers for it, so that nothing can
 * swell), nothing is loaded. Alternatives (mc:AlternateContent) are settled here, once for all formats.
 *
 * A broken part is read as far as the parser can make sense of it, and the caller is told.
 */
#include "ingest/parse/office/xml.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

/* Text boxes in tables in text boxes reach 150; the parser itself keeps names on a stack. */
#define DEPTH_MAX 2000
/* Nested alternatives; deeper ones are not entered. */
#define ALTERNATIVES_MAX 32
/* A table of rules is looked up by hash; a power of two, at least twice the longest table. */
#define SLOTS 512
#define CHUNK_BYTES (32u << 10)
/* Namespaces that are remembered; a part uses about ten. A power of two. */
#define KNOWN 32

struct xml_element {
    const char *prefix, *name;
    int count;
    const xmlChar **attributes; /* five pointers each: name, prefix, URI, begin, end */
    struct walk *walk;
};

typedef struct walk {
    const xml_walker *walker;
    xmlParserCtxt *parser;
    const xml_rule *slots[SLOTS];
    const xml_rule **open; /* by depth; NULL: no rule */
    size_t depth, room;
    size_t skipping;                       /* the depth below which nothing is entered, 0: none */
    size_t alternatives[ALTERNATIVES_MAX]; /* depths of the open mc:AlternateContent */
    bool taken[ALTERNATIVES_MAX];
    size_t alternative_count;
    bool broken, stopped, too_deep;
    struct { /* the parser keeps each address once: its pointer tells it */
        const void *uri;
        const char *prefix;
    } known[KNOWN];
    text value;
} walk;

/* ---- names --------------------------------------------------------------------------------- */

static const char *prefix_of(const char *uri) {
    static const struct {
        const char *uri, *prefix;
    } known[] = {
        {"http://schemas.openxmlformats.org/wordprocessingml/2006/main", "w"},
        {"http://purl.oclc.org/ooxml/wordprocessingml/main", "w"},
        {"http://schemas.openxmlformats.org/spreadsheetml/2006/main", "x"},
        {"http://purl.oclc.org/ooxml/spreadsheetml/main", "x"},
        {"http://schemas.openxmlformats.org/drawingml/2006/main", "a"},
        {"http://purl.oclc.org/ooxml/drawingml/main", "a"},
        {"http://schemas.openxmlformats.org/presentationml/2006/main", "p"},
        {"http://purl.oclc.org/ooxml/presentationml/main", "p"},
        {"http://schemas.openxmlformats.org/officeDocument/2006/relationships", "r"},
        {"http://purl.oclc.org/ooxml/officeDocument/relationships", "r"},
        {"http://schemas.openxmlformats.org/officeDocument/2006/math", "m"},
        {"http://purl.oclc.org/ooxml/officeDocument/math", "m"},
        {"http://schemas.openxmlformats.org/drawingml/2006/chart", "c"},
        {"http://purl.oclc.org/ooxml/drawingml/chart", "c"},
        {"http://schemas.openxmlformats.org/drawingml/2006/diagram", "dgm"},
        {"http://purl.oclc.org/ooxml/drawingml/diagram", "dgm"},
        {"http://schemas.openxmlformats.org/drawingml/2006/picture", "pic"},
        {"http://purl.oclc.org/ooxml/drawingml/picture", "pic"},
        {"http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing", "wp"},
        {"http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing", "wp"},
        {"http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing", "xdr"},
        {"http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing", "xdr"},
        {"http://schemas.openxmlformats.org/markup-compatibility/2006", "mc"},
        {"http://schemas.openxmlformats.org/package/2006/relationships", "rel"},
        {"http://schemas.openxmlformats.org/package/2006/metadata/core-properties", "cp"},
        {"http://schemas.microsoft.com/office/word/2010/wordml", "w14"},
        {"http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments", "tc"},
        {"http://schemas.microsoft.com/office/powerpoint/2018/8/main", "p188"},
        {"urn:schemas-microsoft-com:vml", "v"},
        {"urn:schemas-microsoft-com:office:office", "o"},
        {"http://purl.org/dc/elements/1.1/", "dc"},
        {"http://purl.org/dc/terms/", "dcterms"},
        {"urn:oasis:names:tc:opendocument:xmlns:office:1.0", "office"},
        {"urn:oasis:names:tc:opendocument:xmlns:text:1.0", "text"},
        {"urn:oasis:names:tc:opendocument:xmlns:table:1.0", "table"},
        {"urn:oasis:names:tc:opendocument:xmlns:style:1.0", "style"},
        {"urn:oasis:names:tc:opendocument:xmlns:drawing:1.0", "draw"},
        {"urn:oasis:names:tc:opendocument:xmlns:chart:1.0", "chart"},
        {"urn:oasis:names:tc:opendocument:xmlns:presentation:1.0", "presentation"},
        {"urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0", "fo"},
        {"urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0", "svg"},
        {"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0", "manifest"},
        {"http://www.w3.org/1999/xlink", "xlink"},
        {"http://www.w3.org/XML/1998/namespace", "xml"},
        {"http://www.w3.org/1998/Math/MathML", "math"},
        {"http://www.w3.org/1999/xhtml", "html"},
        {"http://www.idpf.org/2007/opf", "opf"},
        {"http://www.idpf.org/2007/ops", "epub"},
        {"http://www.daisy.org/z3986/2005/ncx/", "ncx"},
        {"urn:oasis:names:tc:opendocument:xmlns:container", "container"},
        {"http://www.w3.org/2001/04/xmlenc#", "enc"},
    };
    for (size_t i = 0; uri && i < sizeof known / sizeof *known; i++)
        if (strcmp(uri, known[i].uri) == 0) return known[i].prefix;
    return uri ? "?" : "";
}

static const char *known_prefix(walk *w, const xmlChar *uri) {
    size_t at = ((uintptr_t)uri >> 4 ^ (uintptr_t)uri >> 9) % KNOWN;
    if (!uri) return "";
    if (w->known[at].uri != uri) {
        w->known[at].uri = uri;
        w->known[at].prefix = prefix_of((const char *)uri);
    }
    return w->known[at].prefix;
}

static uint32_t hash_name(const char *prefix, const char *name) {
    uint32_t h = 2166136261u;
    for (; *prefix; prefix++) h = (h ^ (unsigned char)*prefix) * 16777619u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 16777619u;
    return h ^ h >> 15;
}

/* `full` is "prefix:name", or "name" where the prefix is empty. */
static bool is_named(const char *full, const char *prefix, const char *name) {
    size_t n = strlen(prefix);
    if (n == 0) return strcmp(full, name) == 0;
    return strncmp(full, prefix, n) == 0 && full[n] == ':' && strcmp(full + n + 1, name) == 0;
}

static void add_rule(walk *w, const xml_rule *rule) {
    char prefix[16] = "";
    const char *colon = strchr(rule->name, ':');
    if (colon) memcpy(prefix, rule->name, (size_t)(colon - rule->name));
    size_t at = hash_name(prefix, colon ? colon + 1 : rule->name) % SLOTS;
    while (w->slots[at]) at = (at + 1) % SLOTS;
    w->slots[at] = rule;
}

static const xml_rule *find_rule(const walk *w, const xml_element *e) {
    for (size_t at = hash_name(e->prefix, e->name) % SLOTS; w->slots[at]; at = (at + 1) % SLOTS)
        if (is_named(w->slots[at]->name, e->prefix, e->name)) return w->slots[at];
    return NULL;
}

/* ---- attributes ---------------------------------------------------------------------------- */

static bool find_attribute(const xml_element *e, const char *name, str *value) {
    for (int i = 0; i < e->count; i++) {
        const xmlChar **a = e->attributes + 5 * (size_t)i;
        const char *prefix = known_prefix(e->walk, a[2]);
        if (!is_named(name, prefix, (const char *)a[0])) continue;
        *value = (str){(const char *)a[3], (size_t)(a[4] - a[3])};
        return true;
    }
    return false;
}

/* The parser leaves "&#38;" for an ampersand where nobody asked for entities to be replaced. */
str xml_attribute(const xml_element *e, const char *name) {
    str value = {0};
    if (!find_attribute(e, name, &value)) return (str){0};
    if (str_find(value, STR("&#38;"), 0) == SIZE_MAX) return value;
    text *out = &e->walk->value;
    text_clear(out);
    for (size_t i = 0; i < value.n;) {
        bool escaped = str_starts(str_cut(value, i, value.n), STR("&#38;"));
        text_put_char(out, value.p[i]);
        i += escaped ? 5 : 1;
    }
    return text_str(out);
}

bool xml_has(const xml_element *e, const char *name) {
    str ignored;
    return find_attribute(e, name, &ignored);
}

long xml_number(const xml_element *e, const char *name, long least, long most, long otherwise) {
    char digits[24];
    str value = {0};
    if (!find_attribute(e, name, &value) || value.n == 0 || value.n >= sizeof digits)
        return otherwise;
    memcpy(digits, value.p, value.n);
    digits[value.n] = '\0';
    char *end;
    long v = strtol(digits, &end, 10);
    return end == digits || v < least || v > most ? otherwise : v;
}

bool xml_is_on(const xml_element *e, const char *name) {
    str v = xml_attribute(e, name);
    return !str_eq(v, STR("0")) && !str_eq(v, STR("false")) && !str_eq(v, STR("off"));
}

const char *xml_local_name(const xml_element *e) {
    return e->name;
}

void xml_stop(const xml_element *e) {
    e->walk->stopped = true;
    xmlStopParser(e->walk->parser);
}

/* ---- the walk ------------------------------------------------------------------------------ */

/* False where another alternative was taken, or this element is inside too many of them. */
static bool is_chosen(walk *w, const xml_element *e) {
    if (strcmp(e->prefix, "mc") != 0) return true;
    if (strcmp(e->name, "AlternateContent") == 0) {
        if (w->alternative_count == ALTERNATIVES_MAX) return false;
        w->alternatives[w->alternative_count] = w->depth;
        w->taken[w->alternative_count++] = false;
        return true;
    }
    if (w->alternative_count == 0 || w->taken[w->alternative_count - 1]) return false;
    w->taken[w->alternative_count - 1] = true;
    return true;
}

static void enter(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                  int namespaces, const xmlChar **declared, int count, int defaulted,
                  const xmlChar **attributes) {
    (void)prefix, (void)namespaces, (void)declared, (void)defaulted;
    walk *w = context;
    if (w->stopped) return;
    if (++w->depth > DEPTH_MAX) {
        w->too_deep = w->stopped = true;
        xmlStopParser(w->parser);
        return;
    }
    if (w->depth >= w->room) {
        w->room = w->room ? 2 * w->room : 64;
        w->open = mem_grow(w->open, w->room, sizeof *w->open);
    }
    w->open[w->depth] = NULL;
    if (w->skipping) return;
    xml_element e = {known_prefix(w, uri), (const char *)name, count, attributes, w};
    const xml_rule *rule = find_rule(w, &e);
    bool goes_in = is_chosen(w, &e) && !(rule && rule->skip);
    if (goes_in && rule && rule->enter) goes_in = rule->enter(w->walker->context, &e);
    if (goes_in)
        w->open[w->depth] = rule;
    else
        w->skipping = w->depth;
}

static void leave(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri) {
    (void)name, (void)prefix, (void)uri;
    walk *w = context;
    if (w->stopped || w->depth == 0) return;
    const xml_rule *rule = w->open[w->depth];
    if (w->skipping == w->depth)
        w->skipping = 0;
    else if (!w->skipping && rule && rule->leave)
        rule->leave(w->walker->context);
    if (w->alternative_count > 0 && w->alternatives[w->alternative_count - 1] == w->depth)
        w->alternative_count--;
    w->depth--;
}

static void characters(void *context, const xmlChar *bytes, int n) {
    walk *w = context;
    if (w->stopped || w->skipping || w->depth == 0) return;
    const xml_rule *rule = w->open[w->depth];
    if (rule && rule->has_text && w->walker->text)
        w->walker->text(w->walker->context, (str){(const char *)bytes, (size_t)n});
}

static void note_fault(void *context, xmlError *fault) {
    walk *w = context;
    if (fault->level >= XML_ERR_ERROR) w->broken = true;
}

static bool begin(walk *w, const xml_walker *walker, error *err) {
    static const xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = enter,
        .endElementNs = leave,
        .characters = characters,
        .cdataBlock = characters,
        .ignorableWhitespace = characters,
        .serror = note_fault,
    };
    xmlSAXHandler copy = handler;
    *w = (walk){.walker = walker};
    for (const xml_rule *rule = walker->rules; rule->name; rule++) add_rule(w, rule);
    w->parser = xmlCreatePushParserCtxt(&copy, w, NULL, 0, NULL);
    if (!w->parser) return error_set(err, ERROR_LIMIT, "there is no memory for the XML parser");
    xmlCtxtUseOptions(w->parser, XML_PARSE_NONET | XML_PARSE_RECOVER | XML_PARSE_NOWARNING);
    return true;
}

static bool end(walk *w, str name, bool *whole, error *err) {
    if (!w->stopped) xmlParseChunk(w->parser, NULL, 0, 1);
    bool broken = w->broken || w->too_deep;
    if (w->parser->myDoc) xmlFreeDoc(w->parser->myDoc);
    xmlFreeParserCtxt(w->parser);
    mem_free(w->open);
    text_free(&w->value);
    if (whole) *whole = !broken;
    if (!broken || whole) return true;
    return error_set(err, ERROR_INPUT,
                     w->too_deep ? "\"" STR_FMT "\" nests more than %d elements"
                                 : "\"" STR_FMT "\" is no well-formed XML",
                     STR_ARG(name), DEPTH_MAX);
}

bool xml_walk_bytes(str bytes, const xml_walker *walker, bool *whole, error *err) {
    walk w;
    if (!begin(&w, walker, err)) return false;
    for (size_t i = 0; i < bytes.n && !w.stopped; i += CHUNK_BYTES) {
        str part = str_cut(bytes, i, i + CHUNK_BYTES);
        xmlParseChunk(w.parser, part.p, (int)part.n, 0);
    }
    return end(&w, STR("the part"), whole, err);
}

bool xml_walk_entry(package *p, size_t entry, const xml_walker *walker, bool *whole, error *err) {
    walk w;
    package_stream *s = NULL;
    bool parted = false; /* the bytes could not be unpacked to their end */
    if (!package_stream_open(p, entry, &s, err)) return false;
    if (!begin(&w, walker, err)) {
        package_stream_close(s);
        return false;
    }
    char *buffer = mem_new(1, CHUNK_BYTES);
    for (size_t got = 1; got > 0 && !w.stopped && !parted;) {
        parted = !package_stream_read(s, buffer, CHUNK_BYTES, &got, err);
        if (!parted && got > 0) xmlParseChunk(w.parser, buffer, (int)got, 0);
    }
    mem_free(buffer);
    package_stream_close(s);
    bool ok = end(&w, package_name(p, entry), parted ? NULL : whole, parted ? NULL : err);
    if (!parted) return ok;
    if (!whole) return false;
    *whole = false;
    return err == NULL || err->code != ERROR_LIMIT;
}

/* ---- properties ---------------------------------------------------------------------------- */

typedef struct {
    text title, language, date, *open;
    record_writer *out;
} properties;

static bool enter_title(void *context, const xml_element *e) {
    (void)e;
    properties *q = context;
    q->open = &q->title;
    return true;
}

static bool enter_language(void *context, const xml_element *e) {
    (void)e;
    properties *q = context;
    q->open = &q->language;
    return true;
}

static bool enter_date(void *context, const xml_element *e) {
    (void)e;
    properties *q = context;
    q->open = &q->date;
    return true;
}

static void leave_date(void *context) {
    properties *q = context;
    record_date(q->out, text_str(&q->date));
    text_clear(&q->date);
}

static void put_property(void *context, str t) {
    properties *q = context;
    if (q->open->n < RECORD_MAX_NAME) text_put(q->open, t);
}

void xml_read_properties(package *p, size_t entry, arena *a, str *title, str *language,
                         record_writer *out) {
    static const xml_rule rules[] = {
        {.name = "dc:title", .enter = enter_title, .has_text = true},
        {.name = "dc:language", .enter = enter_language, .has_text = true},
        {.name = "dc:date", .enter = enter_date, .leave = leave_date, .has_text = true},
        {.name = "dcterms:created", .enter = enter_date, .leave = leave_date, .has_text = true},
        {.name = "dcterms:modified", .enter = enter_date, .leave = leave_date, .has_text = true},
        {0},
    };
    properties q = {.out = out};
    xml_walker walker = {.rules = rules, .text = put_property, .context = &q};
    bool whole;
    if (entry != PACKAGE_NONE) (void)xml_walk_entry(p, entry, &walker, &whole, NULL);
    *title = arena_str(a, str_trim(text_str(&q.title)));
    *language = arena_str(a, str_trim(text_str(&q.language)));
    text_free(&q.title);
    text_free(&q.language);
    text_free(&q.date);
}
