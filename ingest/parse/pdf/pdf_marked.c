/* What marked content says of itself where it begins: which element of the structure it is of, that
 * it is no part of the text (an artifact), that other characters stand in the text for it
 * (ActualText).
 *
 * Properties stand in the content stream, or under a name in the resources. The former are looked
 * for among the operands as they are written, which pdf_operators.c walks over; the latter are
 * objects. It judges nothing: pdf_tagged.c and pdf_hidden.c do.
 */
#include <limits.h>
#include <string.h>

#include "ingest/parse/pdf/pdf_objects.h"
#include "ingest/parse/pdf/pdf_tags.h"

/* The number in "/P <</MCID 3>>"; -1 where there is none. */
static int stated_number(str operands) {
    size_t at = str_find(operands, STR("/MCID"), 0);
    if (at == SIZE_MAX) return -1;
    long number = 0;
    at += 5;
    while (at < operands.n && (operands.p[at] == ' ' || operands.p[at] == '\n' ||
                               operands.p[at] == '\r' || operands.p[at] == '\t'))
        at++;
    size_t begin = at;
    for (; at < operands.n && operands.p[at] >= '0' && operands.p[at] <= '9'; at++) {
        number = 10 * number + (operands.p[at] - '0');
        if (number > INT_MAX) return -1;
    }
    return at > begin ? (int)number : -1;
}

/* Of "/P /Name", whose properties the resources hold. */
static int named_number(pdf_drawings *d, qpdf_oh resources, str name) {
    qpdf_data q = d->q;
    qpdf_oh properties = pdf_resource(d, resources, "/Properties", name);
    qpdf_oh stated = qpdf_oh_get_key_if_dict(q, properties, "/MCID");
    return qpdf_oh_is_integer(q, stated) ? qpdf_oh_get_int_value_as_int(q, stated) : -1;
}

uint32_t pdf_marked_element(pdf_drawings *d, const pdf_operators *o, qpdf_oh resources, int stream,
                            uint32_t around) {
    str list = str_cut(o->bytes, o->begin, o->at);
    if (o->name_count > 0 && str_eq(o->names[0], STR("Artifact")))
        return str_find(list, STR("/Pagination"), 0) != SIZE_MAX ? PDF_PAGINATION : PDF_ARTIFACT;
    int number = o->name_count > 1 ? named_number(d, resources, o->names[1]) : stated_number(list);
    uint32_t found = number < 0 ? 0 : pdf_tags_find(d->tags, stream, number);
    return found > 0 ? found : around;
}

/* Of the string at byte `at`: as many as its bytes, or half of them where it is UTF-16. */
static size_t string_characters(str s, size_t at) {
    while (at < s.n && s.p[at] == ' ') at++;
    if (at >= s.n) return 0;
    char close = s.p[at] == '<' ? '>' : ')';
    size_t end = at + 1;
    while (end < s.n && s.p[end] != close) end += close == ')' && s.p[end] == '\\' ? 2 : 1;
    end = end < s.n ? end : s.n;
    str inside = str_cut(s, at + 1, end);
    if (close == '>') return str_starts(inside, STR("FEFF")) ? inside.n / 4 : inside.n / 2;
    return str_starts(inside, STR("\xfe\xff")) ? inside.n / 2 : inside.n;
}

size_t pdf_replaced_characters(pdf_drawings *d, const pdf_operators *o, qpdf_oh resources) {
    const char *bytes = NULL;
    size_t n = 0;
    if (o->name_count == 0 || !str_eq(o->names[0], STR("Span"))) return 0;
    if (o->name_count > 1) {
        qpdf_oh named = pdf_resource(d, resources, "/Properties", o->names[1]);
        qpdf_oh actual = qpdf_oh_get_key_if_dict(d->q, named, "/ActualText");
        return qpdf_oh_get_value_as_utf8(d->q, actual, &bytes, &n) ? n : 0;
    }
    str list = str_cut(o->bytes, o->begin, o->at);
    size_t at = str_find(list, STR("/ActualText"), 0);
    return at == SIZE_MAX ? 0 : string_characters(list, at + strlen("/ActualText"));
}
