/* One pass over all that was read and said, from the end: of places that agree equally far the one
 * said last is likelier to go on as before than the one that stood first. A plain scan of a few
 * thousand numbers is a thousandth of the time of one token.
 */
#include "query/draft.h"

#include <string.h>

enum { LONGEST_MATCH = 6, SHORTEST_MATCH = 2 /* one token alone is followed by anything */ };

/* What a long agreement says of the next tokens is worth more than what a short one does. A token
 * proposed costs about a tenth of one that is said by itself. The lengths were chosen on answers quoted
 * from one question set, by counted runs and measured costs; where nothing is quoted, proposals cost
 * some time until they rest (`make bench`, "foreign"). */
static size_t worth(size_t match) {
    return match >= 4 ? 15 : match == 3 ? 7 : 3;
}

/* Tokens in front of `end` that are those in front of n. */
static size_t agree(const int32_t *ids, size_t n, size_t end) {
    size_t k = 0;
    while (k < LONGEST_MATCH && k < end && ids[end - 1 - k] == ids[n - 1 - k]) k++;
    return k;
}

size_t query_draft(const int32_t *ids, size_t n, size_t most, int32_t *out) {
    size_t best = SHORTEST_MATCH - 1, from = 0;
    for (size_t end = n; end-- > 1 && best < LONGEST_MATCH;) {
        size_t match = agree(ids, n, end);
        if (match <= best) continue;
        best = match;
        from = end;
    }
    if (from == 0) return 0;
    size_t count = worth(best);
    if (count > most) count = most;
    if (count > n - from) count = n - from;
    memcpy(out, ids + from, count * sizeof *out);
    return count;
}
