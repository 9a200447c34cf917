/* JSON: the few helpers that make jansson's objects out of the house's shapes.
 *
 * What comes out is valid UTF-8 whatever went in, and never NaN or infinity. Memory that runs out
 * ends the program as everywhere else, so callers build objects without checking each step.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static json_t *have(json_t *value) {
    if (!value) {
        error err;
        error_set(&err, ERROR_LIMIT, "there is not enough memory for the output");
        exit(cli_fail(&err));
    }
    return value;
}

json_t *cli_json_str(str s) {
    if (utf8_valid(s)) return have(json_stringn(s.p ? s.p : "", s.n));
    text t = {0};
    size_t used;
    for (size_t at = 0; at < s.n; at += used)
        text_put_codepoint(&t, utf8_next(s.p + at, s.n - at, &used));
    json_t *value = have(json_stringn(t.p, t.n));
    text_free(&t);
    return value;
}

json_t *cli_json_real(double v) {
    return isfinite(v) ? have(json_real(v)) : json_null();
}

json_t *cli_json_hash(const uint8_t hash[32]) {
    char hex[65];
    for (size_t i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    return have(json_string(hex));
}

void cli_json_set(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, have(value)) != 0) have(NULL);
}

void cli_json_append(json_t *array, json_t *value) {
    if (json_array_append_new(array, have(value)) != 0) have(NULL);
}

void cli_json_print(json_t *value, bool line) {
    size_t flags = JSON_REAL_PRECISION(9) | JSON_ENCODE_ANY;
    flags |= !line && cli_stdout()->tty ? JSON_INDENT(2) : 0;
    char *dump = json_dumps(value, flags);
    have(dump ? value : NULL);
    cli_put(str_of(dump));
    cli_put(STR("\n"));
    free(dump);
    json_decref(value);
}
