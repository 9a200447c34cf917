/* The tokens are searched from the end: what was said last is likelier to go on than what stood
 * first. A plain scan of a few thousand numbers is a thousandth of the time of one token.
 */
#include "query/draft.h"

#include <string.h>

enum { LONGEST_MATCH = 3, SHORTEST_MATCH = 2 /* one token alone is followed by anything */ };

size_t query_draft(const int32_t *ids, size_t n, size_t most, int32_t *out) {
    for (size_t match = LONGEST_MATCH; match >= SHORTEST_MATCH; match--) {
        if (n < match + 1) continue;
        const int32_t *last = ids + n - match;
        for (size_t at = n - match; at-- > 0;) {
            if (memcmp(ids + at, last, match * sizeof *ids) != 0) continue;
            size_t from = at + match, count = n - from < most ? n - from : most;
            memcpy(out, ids + from, count * sizeof *out);
            return count;
        }
    }
    return 0;
}
