/* EPUB: a book becomes one page for each document of its spine (EPUB 3.3; EPUB 2 with its NCX).
 *
 * Owns the way in: container, package document, spine, and the titles that the table of contents
 * gives to documents, which label their pages. The documents themselves are HTML and go through
 * that parser, all of each, since a book has no menus. A book that is protected is refused in one
 * sentence; fonts that are only obfuscated hide no text.
 */
#include "ingest/parse/html/html.h"
#include "ingest/parse/office/pictures.h"
#include "ingest/parse/office/xml.h"

#include <string.h>

/* Entries of a book's manifest: the longest have some thousand files. */
#define ITEMS_MAX 100000
/* Of the style sheets of one document. */
#define SHEETS_MAX_BYTES ((size_t)1 << 20)

typedef struct {
    str id, name, type; /* name: of the entry */
    str label;          /* by the table of contents */
    bool is_contents;
} item;

typedef struct {
    package *p;
    arena *a;
    record_writer *out;
    str folder; /* of the part that is read */
    str opf;
    item *items;
    size_t count, room;
    size_t *spine;
    size_t spine_count, spine_room;
    str ncx; /* id of the NCX */
    text title, language, date, *open, link_text;
    str link;
    bool locked;
    size_t hidden_bytes, struck_bytes, unread;
    pictures pictures;
} epub;

static str folder_of(str part) {
    size_t at = part.n;
    while (at > 0 && part.p[at - 1] != '/') at--;
    return str_cut(part, 0, at);
}

static int hex_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The entry that an address means: without its fragment, "%20" a space. */
static str entry_of(epub *b, str href) {
    text t = {0};
    size_t hash = str_find(href, STR("#"), 0);
    href = str_cut(href, 0, hash);
    for (size_t i = 0; i < href.n; i++) {
        int high = href.p[i] == '%' && i + 2 < href.n ? hex_of(href.p[i + 1]) : -1;
        int low = high >= 0 ? hex_of(href.p[i + 2]) : -1;
        text_put_char(&t, low >= 0 ? (char)(high * 16 + low) : href.p[i]);
        if (low >= 0) i += 2;
    }
    str out = package_resolve(b->a, b->folder, text_str(&t));
    text_free(&t);
    return out;
}

/* ---- the package document ------------------------------------------------------------------ */

static bool enter_rootfile(void *context, const xml_element *e) {
    epub *b = context;
    if (b->opf.n == 0) b->opf = arena_str(b->a, xml_attribute(e, "full-path"));
    return false;
}

static bool enter_item(void *context, const xml_element *e) {
    epub *b = context;
    if (b->count >= ITEMS_MAX) return false;
    if (b->count == b->room) {
        b->room = b->room ? 2 * b->room : 64;
        b->items = mem_grow(b->items, b->room, sizeof *b->items);
    }
    item *i = &b->items[b->count++];
    *i = (item){0};
    i->id = arena_str(b->a, xml_attribute(e, "id"));
    i->type = arena_str(b->a, xml_attribute(e, "media-type"));
    i->name = entry_of(b, xml_attribute(e, "href"));
    i->is_contents = str_find(xml_attribute(e, "properties"), STR("nav"), 0) != SIZE_MAX;
    if (str_starts(i->type, STR("image/")))
        pictures_meet(&b->pictures, b->p, package_find(b->p, i->name));
    return false;
}

static bool enter_spine(void *context, const xml_element *e) {
    epub *b = context;
    b->ncx = arena_str(b->a, xml_attribute(e, "toc"));
    return true;
}

static bool enter_itemref(void *context, const xml_element *e) {
    epub *b = context;
    str id = xml_attribute(e, "idref");
    if (b->spine_count >= ITEMS_MAX) return false;
    for (size_t i = 0; i < b->count; i++) {
        if (!str_eq(b->items[i].id, id)) continue;
        if (b->spine_count == b->spine_room) {
            b->spine_room = b->spine_room ? 2 * b->spine_room : 64;
            b->spine = mem_grow(b->spine, b->spine_room, sizeof *b->spine);
        }
        b->spine[b->spine_count++] = i;
        break;
    }
    return false;
}

static bool enter_title(void *context, const xml_element *e) {
    (void)e;
    epub *b = context;
    b->open = b->title.n == 0 ? &b->title : NULL;
    return b->open != NULL;
}

static bool enter_language(void *context, const xml_element *e) {
    (void)e;
    epub *b = context;
    b->open = b->language.n == 0 ? &b->language : NULL;
    return b->open != NULL;
}

static bool enter_date(void *context, const xml_element *e) {
    (void)e;
    epub *b = context;
    b->open = &b->date;
    return true;
}

static void leave_date(void *context) {
    epub *b = context;
    record_date(b->out, text_str(&b->date));
    text_clear(&b->date);
}

static void put_meta(void *context, str t) {
    epub *b = context;
    if (b->open && b->open->n < RECORD_MAX_NAME) text_put(b->open, t);
}

/* ---- protection ---------------------------------------------------------------------------- */

/* Fonts are obfuscated in one of two ways; all else is a lock. */
static bool enter_method(void *context, const xml_element *e) {
    epub *b = context;
    str algorithm = xml_attribute(e, "Algorithm");
    b->locked = b->locked || (!str_eq(algorithm, STR("http://www.idpf.org/2008/embedding")) &&
                              !str_eq(algorithm, STR("http://ns.adobe.com/pdf/enc#RC")));
    return false;
}

/* ---- the table of contents ----------------------------------------------------------------- */

static void keep_label(epub *b, str name, str label) {
    label = str_trim(label);
    for (size_t i = 0; i < b->count && label.n > 0; i++)
        if (str_eq(b->items[i].name, name)) {
            if (b->items[i].label.n == 0) b->items[i].label = arena_str(b->a, label);
            return;
        }
}

static bool enter_point(void *context, const xml_element *e) {
    (void)e;
    text_clear(&((epub *)context)->link_text);
    return true;
}

static bool enter_content(void *context, const xml_element *e) {
    epub *b = context;
    keep_label(b, entry_of(b, xml_attribute(e, "src")), text_str(&b->link_text));
    return false;
}

static bool enter_nav(void *context, const xml_element *e) {
    (void)context;
    return str_eq(xml_attribute(e, "epub:type"), STR("toc"));
}

static bool enter_link(void *context, const xml_element *e) {
    epub *b = context;
    text_clear(&b->link_text);
    b->link = entry_of(b, xml_attribute(e, "href"));
    return true;
}

static void leave_link(void *context) {
    epub *b = context;
    keep_label(b, b->link, text_str(&b->link_text));
}

static void put_link_text(void *context, str t) {
    epub *b = context;
    if (b->link_text.n < RECORD_MAX_NAME) text_put(&b->link_text, t);
}

static void read_labels(epub *b) {
    static const xml_rule ncx_rules[] = {
        {.name = "ncx:navLabel", .enter = enter_point},
        {.name = "ncx:text", .has_text = true},
        {.name = "ncx:content", .enter = enter_content},
        {.name = "ncx:pageList", .skip = true},
        {0},
    };
    static const xml_rule nav_rules[] = {
        {.name = "html:nav", .enter = enter_nav},
        {.name = "html:a", .enter = enter_link, .leave = leave_link, .has_text = true},
        {.name = "html:span", .has_text = true},
        {0},
    };
    for (size_t i = 0; i < b->count; i++) {
        bool ncx = b->ncx.n > 0 && str_eq(b->items[i].id, b->ncx);
        size_t entry = package_find(b->p, b->items[i].name);
        if ((!ncx && !b->items[i].is_contents) || entry == PACKAGE_NONE) continue;
        xml_walker walker = {
            .rules = ncx ? ncx_rules : nav_rules, .text = put_link_text, .context = b};
        bool whole; /* labels are beside the text */
        b->folder = folder_of(b->items[i].name);
        (void)xml_walk_entry(b->p, entry, &walker, &whole, NULL);
    }
}

/* ---- the documents ------------------------------------------------------------------------- */

/* What an XML declaration states; without one it is UTF-8. */
static str charset_of(str bytes) {
    str head = str_cut(bytes, 0, 256);
    size_t at = str_find(head, STR("encoding="), 0), close = str_find(head, STR("?>"), 0);
    if (at == SIZE_MAX || close == SIZE_MAX || at > close || at + 10 >= head.n) return (str){0};
    size_t begin = at + 10, end = begin;
    while (end < close && head.p[end] != '"' && head.p[end] != '\'') end++;
    return str_cut(head, begin, end);
}

static void put_page(uint32_t page, const item *i, ingest_fate fate, str note, record_writer *out) {
    record_page_full(out, page,
                     &(record_page_facts){.label = i->label, .fate = fate, .note = note});
}

/* The style sheets that the page links: they may hide text of it. Those that cannot be read hide
 * nothing. */
static void read_sheets(epub *b, const item *i, const html_page *tree, text *css) {
    size_t slash = i->name.n;
    while (slash > 0 && i->name.p[slash - 1] != '/') slash--;
    str folder = str_cut(i->name, 0, slash);
    for (xmlNode *n = tree->root; n && css->n < SHEETS_MAX_BYTES;
         n = html_next(n, tree->root, true)) {
        if (n->type != XML_ELEMENT_NODE || !html_tag_is(n, "link")) continue;
        bool sheet = str_find(html_attribute(n, "rel"), STR("stylesheet"), 0) != SIZE_MAX;
        str name = package_resolve(b->a, folder, html_attribute(n, "href"));
        size_t entry = sheet ? package_find(b->p, name) : PACKAGE_NONE;
        text one = {0};
        error ignored;
        if (entry != PACKAGE_NONE && package_read(b->p, entry, &one, &ignored)) {
            text_put(css, text_str(&one));
            text_put_char(css, '}'); /* what was not closed ends with its file */
        }
        text_free(&one);
    }
}

static void read_document(epub *b, const item *i, uint32_t page, record_writer *out) {
    text bytes = {0}, utf8 = {0}, css = {0};
    html_page tree = {0};
    error why = {0};
    size_t entry = package_find(b->p, i->name);
    bool ok = entry != PACKAGE_NONE
                  ? package_read(b->p, entry, &bytes, &why)
                  : error_set(&why, ERROR_INPUT, "this part of the book is not in the file");
    ok = ok && parse_to_utf8(text_str(&bytes), charset_of(text_str(&bytes)), &utf8, &why) &&
         html_tree_build(text_str(&utf8), &tree, &why);
    if (ok) {
        read_sheets(b, i, &tree, &css);
        tree.linked = text_str(&css);
        xmlNode *root = html_main_all(&tree);
        bool any = html_info_of(root)->text > 0;
        put_page(page, i, any ? INGEST_FATE_TEXT : INGEST_FATE_EMPTY, (str){0}, out);
        if (any) html_blocks_write_on(root, page, out);
        b->hidden_bytes += tree.hidden_bytes;
        b->struck_bytes += tree.struck_bytes;
        b->unread += tree.unread;
    } else {
        put_page(page, i, INGEST_FATE_FAILED, str_of(why.text), out);
    }
    html_tree_free(&tree);
    text_free(&bytes);
    text_free(&utf8);
    text_free(&css);
}

static void read_spine(epub *b, uint32_t pages, record_writer *out) {
    for (size_t k = 0; k < b->spine_count && k < pages; k++) {
        const item *i = &b->items[b->spine[k]];
        uint32_t page = (uint32_t)k + 1;
        bool html = str_find(i->type, STR("html"), 0) != SIZE_MAX || i->type.n == 0;
        if (i->is_contents)
            put_page(page, i, INGEST_FATE_EMPTY, STR("the table of contents of the book"), out);
        else if (!html)
            put_page(page, i, INGEST_FATE_EMPTY, STR("a picture, which was not read"), out);
        else
            read_document(b, i, page, out);
    }
    if (b->spine_count > pages)
        record_note(out, "the book has %zu parts, of which the first %u were read", b->spine_count,
                    pages);
    if (b->struck_bytes > 0) record_note(out, PARSE_STRUCK_NOTE, b->struck_bytes);
    if (b->hidden_bytes > 0)
        record_note(out, "%zu bytes of hidden text were left out", b->hidden_bytes);
    if (b->unread > 0) record_note(out, "%zu bytes of its HTML could not be read", b->unread);
    pictures_put(&b->pictures, b->p, out);
}

/* ---- the book ------------------------------------------------------------------------------ */

static bool walk(epub *b, str name, const xml_rule *rules, bool *found, error *err) {
    xml_walker walker = {.rules = rules, .text = put_meta, .context = b};
    size_t entry = package_find(b->p, name);
    bool whole = true;
    *found = entry != PACKAGE_NONE;
    b->folder = folder_of(name);
    return !*found || xml_walk_entry(b->p, entry, &walker, &whole, err);
}

static bool open_book(epub *b, error *err) {
    static const xml_rule container_rules[] = {
        {.name = "container:rootfile", .enter = enter_rootfile}, {0}};
    static const xml_rule lock_rules[] = {{.name = "enc:EncryptionMethod", .enter = enter_method},
                                          {0}};
    static const xml_rule opf_rules[] = {
        {.name = "opf:item", .enter = enter_item},
        {.name = "opf:spine", .enter = enter_spine},
        {.name = "opf:itemref", .enter = enter_itemref},
        {.name = "dc:title", .enter = enter_title, .has_text = true},
        {.name = "dc:language", .enter = enter_language, .has_text = true},
        {.name = "dc:date", .enter = enter_date, .leave = leave_date, .has_text = true},
        {0},
    };
    bool found;
    if (!walk(b, STR("META-INF/encryption.xml"), lock_rules, &found, err) ||
        !walk(b, STR("META-INF/container.xml"), container_rules, &found, err))
        return false;
    if (b->locked)
        return error_set(err, ERROR_PASSWORD,
                         "this book is protected against copying, and Carrel cannot open it: add a "
                         "copy without protection");
    if (b->opf.n > 0 && !walk(b, b->opf, opf_rules, &found, err)) return false;
    if (b->opf.n == 0 || !found || b->spine_count == 0)
        return error_set(err, ERROR_INPUT, "this book does not say what its parts are");
    return true;
}

bool epub_parse(package *p, const parse_input *in, record_writer *out, error *err) {
    epub b = {.p = p, .a = arena_new(), .out = out};
    bool ok = open_book(&b, err);
    if (ok) {
        str title = str_trim(text_str(&b.title));
        read_labels(&b);
        record_document(out, title.n > 0 ? title : in->name, STR("epub"),
                        str_trim(text_str(&b.language)));
        read_spine(&b, in->limits->pages, out);
    }
    mem_free(b.items);
    pictures_free(&b.pictures);
    mem_free(b.spine);
    text_free(&b.title);
    text_free(&b.language);
    text_free(&b.date);
    text_free(&b.link_text);
    arena_free(b.a);
    return ok;
}
