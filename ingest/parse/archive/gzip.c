/* A file that is compressed as a whole: it is unpacked before anyone looks at it, so that notes.txt.gz
 * is a text and has no pages, parts or title of its own.
 *
 * Unpacked twice: once to learn the size, so that a large file is in memory once, and a bomb never. It
 * goes no deeper than one layer: what is compressed twice is a mistake or a bomb.
 */
#include <limits.h>
#include <zlib.h>

#include "ingest/kind.h"
#include "ingest/parse/parse.h"

/* As one entry of a ZIP file (package.c), for the same reasons. */
#define UNPACKED_MAX_BYTES (256ull << 20)
#define RATIO_MAX 400ull
#define RATIO_FREE_BYTES (8ull << 20)
#define BUFFER_BYTES (64u << 10)
#define GZIP_ONLY (MAX_WBITS + 16) /* zlib's way to say that it is gzip and nothing else */

static bool broken(const char *why, error *err) {
    return error_set(err, ERROR_INPUT, "the compressed file is damaged (%s)",
                     why ? why : "it is cut short");
}

static bool check_size(uint64_t unpacked, uint64_t packed, error *err) {
    if (unpacked > UNPACKED_MAX_BYTES)
        return error_set(err, ERROR_LIMIT, "the compressed file unpacks to more than %llu MiB",
                         UNPACKED_MAX_BYTES >> 20);
    if (unpacked > RATIO_FREE_BYTES && unpacked / RATIO_MAX > packed)
        return error_set(err, ERROR_LIMIT,
                         "the compressed file unpacks to more than %llu times its size, as only "
                         "bombs do",
                         RATIO_MAX);
    return true;
}

/* All members of the file, one behind the other. `out` has room for *size bytes; where it is NULL, *size
 * is measured. */
static bool inflate_all(str packed, char *out, uint64_t *size, error *err) {
    static char buffer[BUFFER_BYTES];
    uint64_t n = 0, room = out ? *size : 0;
    z_stream z = {.next_in = (Bytef *)packed.p, .avail_in = (uInt)packed.n};
    bool ok = inflateInit2(&z, GZIP_ONLY) == Z_OK || broken("zlib refuses it", err);
    for (int code = Z_OK; ok && code != Z_STREAM_END;) {
        uint64_t left = out ? room - n : BUFFER_BYTES;
        z.next_out = (Bytef *)(out ? out + n : buffer);
        z.avail_out = left < BUFFER_BYTES ? (uInt)left : BUFFER_BYTES;
        uInt before = z.avail_out;
        code = inflate(&z, Z_NO_FLUSH);
        n += before - z.avail_out;
        if (code == Z_STREAM_END && z.avail_in > 2 && z.next_in[0] == 0x1f && z.next_in[1] == 0x8b)
            code = inflateReset(&z);
        else if (code != Z_OK && code != Z_STREAM_END)
            ok = broken(z.msg, err);
        ok = ok && check_size(n, packed.n, err);
    }
    inflateEnd(&z);
    *size = n;
    return ok;
}

bool parse_unpack(parse_input *in, arena *a, error *err) {
    uint64_t size = 0;
    if (kind_of(str_cut(in->bytes, 0, KIND_HEAD_BYTES), in->name) != KIND_GZIP) return true;
    if (in->bytes.n > UINT_MAX)
        return error_set(err, ERROR_LIMIT, "the compressed file is larger than 4 GiB");
    if (!inflate_all(in->bytes, NULL, &size, err)) return false;
    if (size == 0) return error_set(err, ERROR_INPUT, "the compressed file holds nothing");
    char *bytes = arena_alloc(a, (size_t)size + 1, 1); /* one more, so that the end can be seen */
    uint64_t room = size + 1;
    if (!inflate_all(in->bytes, bytes, &room, err)) return false;
    in->bytes = (str){bytes, (size_t)size};
    in->name = kind_unpacked_name(in->name);
    return true;
}
