/* What a text has to say, and what not; to be included behind cmocka.h. */
#ifndef CARREL_TESTS_EXPECT_H
#define CARREL_TESTS_EXPECT_H

#include <string.h>

static inline void expect_part(const char *all, const char *part) {
    if (!strstr(all, part)) fail_msg("no \"%s\" in\n%s", part, all);
}

static inline void expect_no_part(const char *all, const char *part) {
    if (strstr(all, part)) fail_msg("\"%s\" in\n%s", part, all);
}

#endif
