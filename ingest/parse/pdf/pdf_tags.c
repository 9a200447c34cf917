/* Reads the structure tree of a tagged PDF: its roles, headings, descriptions of figures, and which
 * marked contents of which pages are of which element.
 *
 * Poppler-glib has an interface for it that loses text and tells no place; so the tree comes from
 * qpdf, and the places from the operators that pdf_drawing.c follows: between BDC and EMC stands a
 * number, and the tree says whose it is. Roles that a program made up are followed through the role
 * map.
 *
 * A tree may be of any size and point to itself: elements, depth and contents have limits, an
 * object is entered once, and nothing here calls itself. What lies beyond a limit is as if it was
 * not tagged, which the document's remarks say.
 */
#include "ingest/parse/pdf/pdf_tags.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf_objects.h"

#define ELEMENTS_MAX 200000u /* of the tree; a book of 1,000 pages has 50,000 */
#define CONTENTS_MAX 500000u /* some for each element: a paragraph has one on each of its lines */
#define TREE_DEPTH 64        /* of lists in cells in sections */
#define ROLES_MAX 512u       /* of the role map */
#define ROLE_STEPS 8         /* from a made up name to a standard one */
#define NAME_BYTES 64        /* of a role; longer names are compared by their begin */
#define ALT_BYTES 2000u      /* a longer description is cut */
#define ALT_LETTERS 10       /* fewer describe nothing */
#define ALTS_MAX 5000u       /* each is compared with all before it */
#define HEADING_MAX_LEVEL INGEST_HEADING_LEVELS
#define SEEN_ROOM 1024u /* of object numbers at first, a power of two */
#define LOOSE 1         /* the element of contents that stand in no block */

typedef struct pdf_tag_content {
    int object, number;
    uint32_t element;
} content;

/* What the elements above say. */
typedef struct {
    uint32_t element; /* the block; 0: none yet */
    int page;         /* object number */
    uint8_t role;     /* of the block */
    uint8_t sections; /* depth of parts and sections, for headings without a level */
} context;

typedef struct {
    qpdf_oh kids;
    int count, at;
    context of;
} frame;

typedef struct {
    char name[NAME_BYTES], to[NAME_BYTES];
} role_entry;

typedef struct {
    pdf_tags *t;
    qpdf_data q;
    arena *a;
    role_entry *roles;
    size_t role_count;
    int *seen; /* object numbers, hashed; 0: free */
    size_t seen_count, seen_room;
    size_t entered;
    frame stack[TREE_DEPTH];
    size_t depth;
} walk;

/* ---- roles --------------------------------------------------------------------------------- */

static void copy_name(char out[NAME_BYTES], const char *name) {
    size_t n = strlen(name);
    if (n >= NAME_BYTES) n = NAME_BYTES - 1;
    memcpy(out, name, n);
    out[n] = '\0';
}

static int by_name(const void *pa, const void *pb) {
    return strcmp(((const role_entry *)pa)->name, ((const role_entry *)pb)->name);
}

static void read_roles(walk *w, qpdf_oh root) {
    qpdf_oh map = qpdf_oh_get_key_if_dict(w->q, root, "/RoleMap");
    if (!qpdf_oh_is_dictionary(w->q, map)) return;
    w->roles = mem_new(ROLES_MAX, sizeof *w->roles);
    qpdf_oh_begin_dict_key_iter(w->q, map);
    while (qpdf_oh_dict_more_keys(w->q)) {
        const char *name = qpdf_oh_dict_next_key(w->q);
        qpdf_oh to = qpdf_oh_get_key(w->q, map, name);
        if (w->role_count == ROLES_MAX || !qpdf_oh_is_name(w->q, to)) continue;
        role_entry *e = &w->roles[w->role_count++];
        copy_name(e->name, name);
        copy_name(e->to, qpdf_oh_get_name(w->q, to));
    }
    qsort(w->roles, w->role_count, sizeof *w->roles, by_name);
}

/* The next name on the way from a made up role to a standard one; NULL at its end. */
static const char *mapped(const walk *w, const char *name) {
    role_entry wanted = {.name = ""};
    if (w->role_count == 0) return NULL;
    copy_name(wanted.name, name);
    const role_entry *e = bsearch(&wanted, w->roles, w->role_count, sizeof *w->roles, by_name);
    return e && strcmp(e->to, name) != 0 ? e->to : NULL;
}

/* What a standard role says; PDF_TAG_NOTHING for those that only group others. */
static pdf_tag_role role_of(const char *name, uint8_t *level) {
    static const struct {
        const char *name;
        pdf_tag_role role;
    } roles[] = {
        {"/P", PDF_TAG_TEXT},           {"/LI", PDF_TAG_ITEM},       {"/Caption", PDF_TAG_CAPTION},
        {"/Note", PDF_TAG_NOTE},        {"/FENote", PDF_TAG_NOTE},   {"/TOCI", PDF_TAG_CONTENTS},
        {"/TH", PDF_TAG_CELL},          {"/TD", PDF_TAG_CELL},       {"/Figure", PDF_TAG_FIGURE},
        {"/Formula", PDF_TAG_TEXT},     {"/BibEntry", PDF_TAG_TEXT}, {"/Code", PDF_TAG_TEXT},
        {"/Artifact", PDF_TAG_ARTIFACT}};
    *level = 0;
    if (strcmp(name, "/H") == 0) return PDF_TAG_HEADING;
    if (strcmp(name, "/Title") == 0) {
        *level = 1;
        return PDF_TAG_HEADING;
    }
    if (name[1] == 'H' && name[2] >= '1' && name[2] <= '9' && name[3] == '\0') {
        int deep = name[2] - '0';
        *level = (uint8_t)(deep > HEADING_MAX_LEVEL ? HEADING_MAX_LEVEL : deep);
        return PDF_TAG_HEADING;
    }
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(name, roles[i].name) == 0) return roles[i].role;
    return PDF_TAG_NOTHING;
}

static bool is_section(const char *name) {
    return strcmp(name, "/Sect") == 0 || strcmp(name, "/Part") == 0 || strcmp(name, "/Art") == 0;
}

/* Word processors map the styles "Title" and "Caption" to plain paragraphs. */
static pdf_tag_role styled(const char *name, pdf_tag_role role, uint8_t *level) {
    if (role != PDF_TAG_TEXT) return role;
    if (strcmp(name, "/Title") == 0) {
        *level = 1;
        return PDF_TAG_HEADING;
    }
    return str_eq_nocase(str_of(name), STR("/Caption")) ? PDF_TAG_CAPTION : role;
}

/* May a block of this role begin inside one of that? A heading in a list item is a numbered
 * heading; in a cell, a caption or a note all is of these. */
static bool begins_inside(pdf_tag_role outer, pdf_tag_role role) {
    if (role == PDF_TAG_NOTHING) return false;
    switch (outer) {
    case PDF_TAG_NOTHING:
    case PDF_TAG_TEXT:
        return true;
    case PDF_TAG_ITEM:
        return role != PDF_TAG_TEXT;
    case PDF_TAG_CELL:
        return role == PDF_TAG_CELL || role == PDF_TAG_FIGURE || role == PDF_TAG_NOTE ||
               role == PDF_TAG_ARTIFACT;
    case PDF_TAG_FIGURE:
        return role != PDF_TAG_TEXT && role != PDF_TAG_HEADING;
    default:
        return role == PDF_TAG_FIGURE || role == PDF_TAG_NOTE;
    }
}

/* ---- elements ------------------------------------------------------------------------------ */

static uint32_t put_element(pdf_tags *t, pdf_element e) {
    if (t->count == t->room) {
        t->room = t->room ? t->room * 2 : 256;
        t->elements = mem_grow(t->elements, t->room, sizeof *t->elements);
    }
    t->elements[t->count] = e;
    return (uint32_t)t->count++;
}

static void put_content(walk *w, int object, int number, uint32_t element) {
    pdf_tags *t = w->t;
    if (object <= 0 || number < 0) return;
    if (t->content_count == t->content_room) {
        if (t->content_count >= CONTENTS_MAX) {
            t->cut = true;
            return;
        }
        t->content_room = t->content_room ? t->content_room * 2 : 256;
        t->contents = mem_grow(t->contents, t->content_room, sizeof *t->contents);
    }
    if (t->elements[element].page == 0) t->elements[element].page = object;
    t->contents[t->content_count++] = (content){object, number, element > 0 ? element : LOOSE};
}

/* True the first time that this object is met; one without a number is part of another. */
static bool enter(walk *w, int object) {
    if (object <= 0) return true;
    if (2 * w->seen_count >= w->seen_room) {
        int *old = w->seen;
        size_t room = w->seen_room;
        w->seen_room = room ? 2 * room : SEEN_ROOM;
        w->seen = mem_new(w->seen_room, sizeof *w->seen);
        w->seen_count = 0;
        for (size_t i = 0; i < room; i++)
            if (old[i] > 0) (void)enter(w, old[i]);
        mem_free(old);
    }
    size_t at = (size_t)(unsigned)object * 2654435761u & (w->seen_room - 1);
    while (w->seen[at] != 0) {
        if (w->seen[at] == object) return false;
        at = (at + 1) & (w->seen_room - 1);
    }
    w->seen[at] = object;
    w->seen_count++;
    return true;
}

static int object_of(walk *w, qpdf_oh dict, const char *name) {
    qpdf_oh oh = qpdf_oh_get_key(w->q, dict, name);
    int id = qpdf_oh_is_null(w->q, oh) ? 0 : qpdf_oh_get_object_id(w->q, oh);
    qpdf_oh_release(w->q, oh);
    return id;
}

/* Words, and not the name of a file or "Picture 1". */
static bool says_something(str s) {
    return pdf_letters(s) >= ALT_LETTERS && memchr(s.p, ' ', s.n);
}

/* One that was given before, as that of a logo on every page, is not said again. */
static bool is_new(const pdf_tags *t, str s) {
    for (size_t i = 0; i < t->alt_count; i++)
        if (str_eq(t->elements[t->alts[i]].alt, s)) return false;
    return true;
}

static void keep_alt(pdf_tags *t, uint32_t element) {
    str s = t->elements[element].alt;
    if (!says_something(s) || !is_new(t, s)) return;
    if (t->alt_count == ALTS_MAX) {
        t->cut = true;
        return;
    }
    if (!t->alts) t->alts = mem_new(ALTS_MAX, sizeof *t->alts);
    t->alts[t->alt_count++] = element;
}

static str description(walk *w, qpdf_oh element) {
    const char *bytes = NULL;
    size_t n = 0;
    qpdf_oh alt = qpdf_oh_get_key(w->q, element, "/Alt");
    str s = {NULL, 0};
    if (qpdf_oh_get_value_as_utf8(w->q, alt, &bytes, &n)) s = str_trim((str){bytes, n});
    if (s.n > ALT_BYTES) s.n = utf8_floor(s, ALT_BYTES);
    s = s.n > 0 && utf8_valid(s) ? arena_str(w->a, s) : (str){NULL, 0};
    qpdf_oh_release(w->q, alt);
    return s;
}

/* What stands below an element of this name, which may be the begin of a block. */
static context inside_of(walk *w, qpdf_oh element, const char *name, context of) {
    uint8_t level;
    int page = object_of(w, element, "/Pg");
    char at[NAME_BYTES];
    copy_name(at, name);
    pdf_tag_role role = role_of(at, &level);
    for (int i = 0; i < ROLE_STEPS && role == PDF_TAG_NOTHING && !is_section(at); i++) {
        const char *to = mapped(w, at);
        if (!to) break;
        copy_name(at, to);
        role = role_of(at, &level);
    }
    role = styled(name, role, &level);
    if (page > 0) of.page = page;
    if (is_section(at) && of.sections < HEADING_MAX_LEVEL) of.sections++;
    if (!begins_inside((pdf_tag_role)of.role, role)) return of;
    if (role == PDF_TAG_HEADING && level == 0) level = of.sections > 0 ? of.sections : 1;
    pdf_element e = {.role = (uint8_t)role, .level = level, .page = of.page};
    if (role == PDF_TAG_FIGURE) e.alt = description(w, element);
    of.element = put_element(w->t, e);
    keep_alt(w->t, of.element);
    of.role = (uint8_t)role;
    return of;
}

static void put_kid(walk *w, qpdf_oh kid, context of);

/* Its kids follow when their turn comes. */
static void put_kids(walk *w, qpdf_oh element, context of) {
    qpdf_oh kids = qpdf_oh_get_key(w->q, element, "/K");
    if (qpdf_oh_is_array(w->q, kids)) {
        if (w->depth < TREE_DEPTH) {
            w->stack[w->depth++] = (frame){kids, qpdf_oh_get_array_n_items(w->q, kids), 0, of};
            return;
        }
        w->t->cut = true;
    } else if (qpdf_oh_is_integer(w->q, kids)) {
        put_content(w, of.page, qpdf_oh_get_int_value_as_int(w->q, kids), of.element);
    } else if (qpdf_oh_is_dictionary(w->q, kids)) {
        if (w->depth < TREE_DEPTH) { /* one kid is a list of one */
            w->stack[w->depth++] = (frame){kids, -1, 0, of};
            return;
        }
        w->t->cut = true;
    }
    qpdf_oh_release(w->q, kids);
}

/* Marked content by its number: of the page, or of a form on it. */
static void put_reference(walk *w, qpdf_oh kid, context of) {
    qpdf_oh number = qpdf_oh_get_key(w->q, kid, "/MCID");
    int stream = object_of(w, kid, "/Stm"), page = object_of(w, kid, "/Pg");
    if (qpdf_oh_is_integer(w->q, number))
        put_content(w,
                    stream > 0 ? stream
                    : page > 0 ? page
                               : of.page,
                    qpdf_oh_get_int_value_as_int(w->q, number), of.element);
    qpdf_oh_release(w->q, number);
}

static void put_kid(walk *w, qpdf_oh kid, context of) {
    if (qpdf_oh_is_integer(w->q, kid)) {
        put_content(w, of.page, qpdf_oh_get_int_value_as_int(w->q, kid), of.element);
        return;
    }
    if (!qpdf_oh_is_dictionary(w->q, kid)) return;
    qpdf_oh name = qpdf_oh_get_key(w->q, kid, "/S");
    if (!qpdf_oh_is_name(w->q, name)) {
        put_reference(w, kid, of);
    } else if (enter(w, qpdf_oh_get_object_id(w->q, kid))) {
        if (++w->entered > ELEMENTS_MAX)
            w->t->cut = true;
        else
            put_kids(w, kid, inside_of(w, kid, qpdf_oh_get_name(w->q, name), of));
    }
    qpdf_oh_release(w->q, name);
}

static void walk_tree(walk *w, qpdf_oh root) {
    put_kids(w, root, (context){0});
    while (w->depth > 0 && w->entered <= ELEMENTS_MAX) {
        frame *f = &w->stack[w->depth - 1];
        bool lone = f->count < 0;
        qpdf_oh kids = f->kids;
        if (!lone && f->at >= f->count) {
            w->depth--;
            qpdf_oh_release(w->q, kids);
            continue;
        }
        context of = f->of;
        qpdf_oh kid = lone ? kids : qpdf_oh_get_array_item(w->q, kids, f->at++);
        if (lone) w->depth--;
        put_kid(w, kid, of);
        qpdf_oh_release(w->q, kid);
    }
}

/* ---- the document -------------------------------------------------------------------------- */

static int by_place(const void *pa, const void *pb) {
    const content *a = pa, *b = pb;
    if (a->object != b->object) return a->object < b->object ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void number_pages(pdf_tags *t, qpdf_data q, uint32_t page_count) {
    int held = qpdf_get_num_pages(q);
    t->page_count = page_count;
    t->pages = mem_new(page_count, sizeof *t->pages);
    for (uint32_t i = 0; i < page_count && (int)i < held; i++) {
        qpdf_oh page = qpdf_get_page_n(q, i);
        t->pages[i].object = qpdf_oh_get_object_id(q, page);
        qpdf_oh_release(q, page);
    }
}

pdf_tags *pdf_tags_open(pdf_drawings *d, uint32_t page_count, arena *a) {
    if (!d) return NULL;
    qpdf_oh catalog = qpdf_get_root(d->q);
    qpdf_oh root = qpdf_oh_get_key_if_dict(d->q, catalog, "/StructTreeRoot");
    if (!qpdf_oh_is_dictionary(d->q, root)) {
        qpdf_oh_release_all(d->q);
        return NULL;
    }
    walk *w = mem_new(1, sizeof *w);
    pdf_tags *t = mem_new(1, sizeof *t);
    w->t = t;
    w->q = d->q;
    w->a = a;
    put_element(t, (pdf_element){0}); /* 0 is none, */
    put_element(t, (pdf_element){0}); /* and 1 what stands in no block */
    read_roles(w, root);
    walk_tree(w, root);
    number_pages(t, d->q, page_count);
    qpdf_oh_release_all(d->q);
    if (t->content_count > 0) qsort(t->contents, t->content_count, sizeof *t->contents, by_place);
    mem_free(w->roles);
    mem_free(w->seen);
    mem_free(w);
    d->tags = t;
    return t;
}

void pdf_tags_close(pdf_tags *t) {
    if (!t) return;
    mem_free(t->elements);
    mem_free(t->contents);
    mem_free(t->alts);
    mem_free(t->pages);
    mem_free(t);
}

uint32_t pdf_tags_find(const pdf_tags *t, int object, int number) {
    const content wanted = {.object = object, .number = number};
    if (t->content_count == 0) return 0;
    const content *c =
        bsearch(&wanted, t->contents, t->content_count, sizeof *t->contents, by_place);
    return c ? c->element : 0;
}
