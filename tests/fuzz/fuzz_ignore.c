/* Fuzz target: patterns of .carrelignore, up to the first zero byte, against the path behind it. Whatever
 * they are, matching ends; a list followed by a pattern that takes all back ignores nothing; and a path
 * with every character escaped matches itself. */
#include <stdlib.h>
#include <string.h>

#include "cli/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t n = zero ? (size_t)(zero - data) : size;
    str lines = {(const char *)data, n};
    str path = zero ? (str){(const char *)zero + 1, size - n - 1} : (str){0};
    cli_ignore *list = cli_ignore_new(NULL, 0), *all = cli_ignore_new(list, 0);
    cli_ignore_put(list, lines);
    (void)cli_ignored(NULL, list, path, false);
    (void)cli_ignored(NULL, list, path, true);
    (void)cli_ignore_matches(lines, path);
    cli_ignore_put(all, STR("!*"));
    if (cli_file_name(path).n > 0 && !memchr(path.p, '/', path.n) &&
        cli_ignored(NULL, all, path, false))
        abort();
    text escaped = {0};
    for (size_t i = 0; i < path.n; i++) {
        text_put_char(&escaped, '\\');
        text_put_char(&escaped, path.p[i]);
    }
    if (path.n > 0 && !cli_ignore_matches(text_str(&escaped), path)) abort();
    text_free(&escaped);
    cli_ignore_free(all);
    cli_ignore_free(list);
    return 0;
}
