/* A ZIP file in memory: what office documents, EPUB and archives are made of. package.c opens it over
 * libzip, unpacks entries within limits, and knows which parser a package belongs to.
 */
#ifndef CARREL_INGEST_PARSE_PACKAGE_H
#define CARREL_INGEST_PARSE_PACKAGE_H

#include "ingest/parse/parse.h"

typedef struct package package;

#define PACKAGE_NONE SIZE_MAX

/* The bytes stay the caller's and must outlive the package. in->password opens encrypted entries. */
bool package_open(const parse_input *in, package **out, error *err);
void package_close(package *p); /* NULL is fine */

size_t package_count(const package *p);
/* As the package names it, in UTF-8, "\" turned into "/"; borrowed. */
str package_name(const package *p, size_t entry);
bool package_is_folder(const package *p, size_t entry);
/* As the package states it; believed by nobody. */
uint64_t package_stated_bytes(const package *p, size_t entry);
/* What all entries together take up in the file: no more than the file has, unless they overlap. */
uint64_t package_packed_bytes(const package *p);
/* Asks for a password that was not given. */
bool package_is_locked(const package *p, size_t entry);
/* PACKAGE_NONE where there is none. ASCII letters match in either case (OPC, 6.2.2.3), a leading "/"
 * is nothing, and of two entries of one name the first is found. */
size_t package_find(const package *p, str name);
/* True where a name begins with "word/". */
bool package_has_folder(const package *p, str folder);

/* What `target` means in a part of this folder ("word/" and "../media/x.png" are "media/x.png"). */
str package_resolve(arena *a, str folder, str target);

/* Replaces what is in `out` by the entry's bytes. Fails with ERROR_LIMIT past the limits: of one
 * entry, of what a few bytes may become, of all that was read from this package; with ERROR_PASSWORD
 * when it is encrypted. */
bool package_read(package *p, size_t entry, text *out, error *err);

/* The same piece by piece, within the same limits. */
typedef struct package_stream package_stream;
bool package_stream_open(package *p, size_t entry, package_stream **out, error *err);
/* *got is 0 at the end. */
bool package_stream_read(package_stream *s, void *buffer, size_t n, size_t *got, error *err);
void package_stream_close(package_stream *s); /* NULL is fine */

/* The parser of one kind of package, which stays the caller's (package_kind.c). */
typedef bool package_parse_fn(package *p, const parse_input *in, record_writer *out, error *err);
typedef bool package_member_fn(package *p, const parse_input *in, uint64_t id, arena *a,
                               parse_input *out, error *err);

package_parse_fn epub_parse;                      /* epub.c */
package_parse_fn docx_parse;                      /* docx.c */
package_parse_fn odt_parse, ods_parse, odp_parse; /* odf.c */
package_parse_fn pptx_parse;                      /* pptx.c */
package_parse_fn xlsx_parse;                      /* xlsx.c */
package_parse_fn archive_parse;                   /* archive.c: files of other kinds */
package_member_fn archive_member;

#endif
