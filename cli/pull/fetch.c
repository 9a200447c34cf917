/* The conversation with the server: requests, redirects, what is gone on with, what is tried again.
 *
 * Redirects are followed here and not by libcurl, so that each one is looked at (url.c) and the
 * headers of each answer are seen: model servers state the SHA-256 on the redirect to their content
 * network. A file is gone on with only by If-Range, so a file that changed on the server starts
 * again; the sizes that headers claim must agree with each other. What may pass (a cut connection,
 * a busy server) is tried again with growing pauses; what will not is told at once.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cli/pull/pull.h"

#define REDIRECTS_MAX 10
#define CONNECT_TIMEOUT_S 30L
#define FIRST_PAUSE_MS 500u
#define LONGEST_PAUSE_MS 30000u
#define RETRY_AFTER_MAX_S 120 /* a server may ask for more; a person then tries later */
#define ERROR_BODY_MAX_BYTES 65536u
#define HEADER_MAX_BYTES 512u

/* One answer's headers, as far as they matter; reset when the next answer begins. */
typedef struct {
    long status;
    char etag[HEADER_MAX_BYTES], modified[HEADER_MAX_BYTES];
    bool has_length, has_range, encoded;
    uint64_t length, first, range_total; /* range_total 0: unknown */
} answer;

typedef struct {
    const pull_job *job;
    pull_part *part;
    pull_claim *claim;
    CURL *curl;
    pull_progress progress;
    answer now;
    bool begun;         /* the body of a 200 or 206 is being written */
    uint64_t linked;    /* X-Linked-Size, 0: none */
    size_t error_bytes; /* of a body that nobody reads */
    bool again;         /* this attempt failed in a way that may pass */
    bool from_start;    /* and the next one begins at byte 0, at once */
    error err;          /* of a callback */
    char words[CURL_ERROR_SIZE];
} talk;

/* ---- headers --------------------------------------------------------------------------------- */

static bool is_sha256(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!strchr("0123456789abcdefABCDEF", s[i]) || !s[i]) return false;
    return n == 64;
}

/* An ETag's inside, where that is a SHA-256: "\"ab..\"" or bare. A weak one is none. */
static void claim_from(talk *t, const char *value, const char *header) {
    size_t n = strlen(value);
    if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
        value++;
        n -= 2;
    }
    if (!is_sha256(value, n)) return;
    memcpy(t->claim->sha256, value, n);
    t->claim->sha256[n] = 0;
    for (char *c = t->claim->sha256; *c; c++)
        if (*c >= 'A' && *c <= 'F') *c += 'a' - 'A';
    t->claim->header = header;
}

static bool read_size(const char *s, uint64_t *out) {
    char *end;
    if (*s < '0' || *s > '9' || strlen(s) > 18) return false;
    *out = strtoull(s, &end, 10);
    return *end == 0;
}

/* "bytes 5-9/10", "bytes 5-9/" and a star, or "bytes ", a star and "/10" */
static void read_range(answer *a, const char *s) {
    char *end;
    if (strncasecmp(s, "bytes ", 6) != 0) return;
    s += 6;
    if (*s != '*') {
        a->first = strtoull(s, &end, 10);
        if (end == s || *end != '-') return;
    }
    const char *slash = strchr(s, '/');
    if (!slash) return;
    if (!read_size(slash + 1, &a->range_total)) a->range_total = 0;
    a->has_range = true;
}

static void read_header(talk *t, const char *name, const char *value) {
    answer *a = &t->now;
    if (strcasecmp(name, "etag") == 0)
        snprintf(a->etag, sizeof a->etag, "%s", value);
    else if (strcasecmp(name, "last-modified") == 0)
        snprintf(a->modified, sizeof a->modified, "%s", value);
    else if (strcasecmp(name, "content-length") == 0)
        a->has_length = read_size(value, &a->length);
    else if (strcasecmp(name, "content-range") == 0)
        read_range(a, value);
    else if (strcasecmp(name, "content-encoding") == 0)
        a->encoded = strcasecmp(value, "identity") != 0;
    else if (strcasecmp(name, "x-linked-etag") == 0)
        claim_from(t, value, "X-Linked-ETag");
    else if (strcasecmp(name, "x-linked-size") == 0)
        (void)read_size(value, &t->linked);
}

static size_t on_header(char *bytes, size_t one, size_t n, void *context) {
    talk *t = context;
    str line = str_trim((str){bytes, one * n});
    char name[64], value[HEADER_MAX_BYTES];
    if (str_starts(line, STR("HTTP/"))) {
        t->now = (answer){0};
        return one * n;
    }
    size_t colon = str_find(line, STR(":"), 0);
    if (colon == SIZE_MAX) return one * n;
    str left = str_trim(str_cut(line, 0, colon)),
        right = str_trim(str_cut(line, colon + 1, line.n));
    /* What is longer than any header that matters is none of them. */
    if (left.n >= sizeof name || right.n >= sizeof value || memchr(right.p, 0, right.n) ||
        memchr(left.p, 0, left.n))
        return one * n;
    memcpy(name, left.p, left.n);
    name[left.n] = 0;
    memcpy(value, right.p, right.n);
    value[right.n] = 0;
    read_header(t, name, value);
    return one * n;
}

/* ---- the body -------------------------------------------------------------------------------- */

/* What If-Range may name: a strong ETag, else a date. */
static const char *validator_of(const answer *a) {
    if (a->etag[0] == '"') return a->etag;
    return a->modified;
}

static bool disagree(talk *t, uint64_t total, uint64_t said, const char *where) {
    return error_set(&t->err, ERROR_IO,
                     "the server contradicts itself: the file has %llu bytes by one header and "
                     "%llu by %s",
                     (unsigned long long)total, (unsigned long long)said, where);
}

/* 206: the bytes must be those behind ours, of the same version. */
static bool begin_rest(talk *t) {
    answer *a = &t->now;
    pull_part *p = t->part;
    bool other = a->etag[0] == '"' && p->origin.validator.p[0] == '"' &&
                 strcmp(a->etag, p->origin.validator.p) != 0;
    bool wrong = !a->has_range || a->first != p->length ||
                 (a->range_total && p->origin.total && a->range_total != p->origin.total);
    if (other || wrong) {
        t->from_start = true;
        return error_set(&t->err, ERROR_IO, "the file has changed on the server");
    }
    if (a->range_total) p->origin.total = a->range_total;
    if (a->has_length && p->origin.total && p->length + a->length != p->origin.total)
        return disagree(t, p->origin.total, p->length + a->length, "Content-Length");
    return true;
}

static bool begin_whole(talk *t) {
    answer *a = &t->now;
    pull_part *p = t->part;
    if (p->length > 0) {
        pull_progress_clear(&t->progress);
        pull_say("%s: fetching it from the start",
                 strcmp(validator_of(a), p->origin.validator.p ? p->origin.validator.p : "") == 0
                     ? "the server does not go on in the middle of a file"
                     : "the file has changed on the server");
        pull_progress_start(&t->progress, 0);
    }
    if (!pull_part_restart(p, &t->err)) return false;
    p->origin.total = a->has_length ? a->length : 0;
    text_put(&p->origin.validator, str_of(validator_of(a)));
    return pull_part_describe(p, &t->err);
}

static bool begin(talk *t) {
    answer *a = &t->now;
    pull_part *p = t->part;
    if (a->encoded)
        return error_set(&t->err, ERROR_IO,
                         "the server sends the file compressed, which was not asked for");
    if (!(a->status == 206 ? begin_rest(t) : begin_whole(t))) return false;
    if (t->linked && p->origin.total && t->linked != p->origin.total)
        return disagree(t, p->origin.total, t->linked, "X-Linked-Size");
    if (!p->origin.total && t->linked) p->origin.total = t->linked;
    if (!t->claim->sha256[0]) claim_from(t, a->etag, "ETag");
    return pull_part_room(p, p->origin.total > p->length ? p->origin.total - p->length : 0,
                          &t->err);
}

static size_t on_body(char *bytes, size_t one, size_t n, void *context) {
    talk *t = context;
    pull_part *p = t->part;
    n *= one;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->now.status);
    if (t->now.status != 200 && t->now.status != 206) {
        t->error_bytes += n;
        return t->error_bytes > ERROR_BODY_MAX_BYTES ? 0 : n;
    }
    if (!t->begun && !begin(t)) return 0;
    t->begun = true;
    if (p->origin.total && n > p->origin.total - p->length) {
        error_set(&t->err, ERROR_IO, "the server sends more than the %llu bytes that it announced",
                  (unsigned long long)p->origin.total);
        return 0;
    }
    if (!pull_part_append(p, bytes, n, &t->err)) return 0;
    if (p->length >= sizeof p->head && memcmp(p->head, "GGUF", sizeof p->head) != 0) {
        error_set(&t->err, ERROR_INPUT,
                  "what the server sends is no GGUF file (it does not begin with \"GGUF\")");
        return 0;
    }
    return n;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    talk *t = context;
    (void)a, (void)b, (void)c, (void)d;
    if (t->begun) pull_progress_step(&t->progress, t->part->length, t->part->origin.total);
    return cli_stopped();
}

/* ---- one request ----------------------------------------------------------------------------- */

static bool status_error(talk *t, const char *url, error *err) {
    long s = t->now.status;
    if (s == 404 || s == 410)
        return error_set(err, ERROR_NOT_FOUND, "the server has no such file (HTTP %ld): %.300s", s,
                         url);
    if (s == 401 || s == 403 || s == 407)
        return error_set(err, ERROR_IO,
                         "the %s does not give the file without an account (HTTP %ld): %.300s",
                         s == 407 ? "proxy" : "server", s, url);
    t->again = s >= 500 || s == 408 || s == 425 || s == 429;
    return error_set(err, ERROR_IO, "the server answers HTTP %ld", s);
}

/* What became of a transfer that libcurl ended with this code. */
static bool curl_error(talk *t, CURLcode code, error *err) {
    const char *words = t->words[0] ? t->words : curl_easy_strerror(code);
    if (cli_stopped())
        return error_set(err, ERROR_CANCELLED,
                         "stopped; what was fetched is kept, and the next pull goes on from there");
    if (t->err.text[0]) {
        *err = t->err;
        return false;
    }
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        t->again = true;
        return error_set(err, ERROR_LIMIT, "the server sent nothing for %u seconds",
                         t->job->stall_s);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return error_set(err, ERROR_IO, "the server cannot prove who it is (TLS): %s", words);
    case CURLE_WRITE_ERROR: /* a refused body of an error page */
        return error_set(err, ERROR_IO, "the server answers HTTP %ld", t->now.status);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return error_set(err, ERROR_IO, "the server cannot be asked: %s", words);
    default:
        t->again = true;
        return error_set(err, ERROR_IO, "%s%s",
                         t->begun ? "the connection was cut: " : "no connection: ", words);
    }
}

/* One request. *next: where it is redirected to, else empty. */
static bool request(talk *t, const char *url, text *next, error *err) {
    char range[64];
    struct curl_slist *headers = NULL;
    text condition = {0};
    pull_part *p = t->part;
    text_clear(next);
    t->begun = false;
    t->error_bytes = 0;
    t->words[0] = 0;
    t->err = (error){0};
    t->now = (answer){0};
    curl_easy_setopt(t->curl, CURLOPT_URL, url);
    curl_easy_setopt(t->curl, CURLOPT_RANGE, NULL);
    if (p->length > 0) {
        snprintf(range, sizeof range, "%llu-", (unsigned long long)p->length);
        text_printf(&condition, "If-Range: %s", p->origin.validator.p);
        headers = curl_slist_append(headers, condition.p);
        curl_easy_setopt(t->curl, CURLOPT_RANGE, range);
    }
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(t->curl);
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    text_free(&condition);
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->now.status);
    pull_progress_clear(&t->progress);
    if (code != CURLE_OK) return curl_error(t, code, err);
    char *to = NULL;
    curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &to);
    if (to && t->now.status >= 300 && t->now.status < 400) {
        text_put(next, str_of(to));
        return pull_url_follow(url, to, err);
    }
    if (t->now.status == 416 && p->length > 0) {
        if (t->now.has_range && t->now.range_total == p->length) return true; /* it is whole */
        t->from_start = true;
        return error_set(err, ERROR_IO, "the server does not go on at byte %llu",
                         (unsigned long long)p->length);
    }
    if (t->now.status != 200 && t->now.status != 206) return status_error(t, url, err);
    if (!t->begun) return error_set(err, ERROR_INPUT, "the server sends an empty file");
    return true;
}

/* One attempt: the address, and where it leads. */
static bool attempt(talk *t, error *err) {
    text url = {0}, next = {0};
    bool ok = true;
    t->again = t->from_start = false;
    /* Without a validator nobody can say whether the rest would be of the same file. */
    if (t->part->length > 0 && t->part->origin.validator.n == 0 && !pull_part_restart(t->part, err))
        return false;
    text_put(&url, str_of(t->job->url));
    for (int hop = 0;; hop++) {
        ok = request(t, url.p, &next, err);
        if (!ok || next.n == 0) break;
        if (hop == REDIRECTS_MAX) {
            ok = error_set(err, ERROR_LIMIT, "the server redirects more than %d times",
                           REDIRECTS_MAX);
            break;
        }
        text_clear(&url);
        text_put(&url, text_str(&next));
    }
    pull_part *p = t->part;
    if (ok && p->origin.total && p->length != p->origin.total) {
        t->again = true;
        ok = error_set(err, ERROR_IO, "the connection was cut: %llu of %llu bytes came",
                       (unsigned long long)p->length, (unsigned long long)p->origin.total);
    }
    text_free(&url);
    text_free(&next);
    return ok;
}

const char *pull_authorities(void) {
    const char *file = getenv("CURL_CA_BUNDLE");
    if (!file || !*file) file = getenv("SSL_CERT_FILE");
    return file && *file ? file : NULL;
}

/* ---- until it is there ----------------------------------------------------------------------- */

static void prepare(talk *t) {
    CURL *c = t->curl;
    const char *authorities = pull_authorities();
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "carrel-pull/" CLI_VERSION);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)t->job->stall_s);
    curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->words);
    if (authorities) curl_easy_setopt(c, CURLOPT_CAINFO, authorities);
}

/* False when Ctrl-C ended the pause. */
static bool pause_ms(unsigned ms) {
    for (double end = clock_ms() + ms; clock_ms() < end;) {
        struct timespec slice = {0, 50 * 1000 * 1000};
        if (cli_stopped()) return false;
        nanosleep(&slice, NULL);
    }
    return !cli_stopped();
}

static unsigned pause_before(talk *t, unsigned failures) {
    curl_off_t asked = 0;
    unsigned ms = FIRST_PAUSE_MS << (failures > 6 ? 6 : failures - 1);
    curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &asked);
    if (asked > RETRY_AFTER_MAX_S) asked = RETRY_AFTER_MAX_S;
    if (asked > 0 && (unsigned)asked * 1000 > ms) return (unsigned)asked * 1000;
    return ms > LONGEST_PAUSE_MS ? LONGEST_PAUSE_MS : ms;
}

static bool fetch(talk *t, error *err) {
    bool restarted = false;
    for (unsigned failures = 0;;) {
        uint64_t before = t->part->length;
        if (attempt(t, err)) return true;
        if (err->code == ERROR_CANCELLED) return false;
        if (t->from_start && !restarted) {
            pull_say("%s: fetching it from the start", err->text);
            if (!pull_part_restart(t->part, err)) return false;
            restarted = true;
            continue;
        }
        if (!t->again) return false;
        /* A line that breaks often but brings something each time shall get there. */
        failures = t->part->length > before ? 1 : failures + 1;
        if (failures > t->job->retries)
            return error_wrap(err, "given up after %u %s", failures,
                              failures == 1 ? "try" : "tries");
        unsigned ms = pause_before(t, failures);
        pull_say("%s; going on in %.1f s (%u of %u)", err->text, ms / 1000.0, failures,
                 t->job->retries);
        if (!pause_ms(ms))
            return error_set(err, ERROR_CANCELLED,
                             "stopped; what was fetched is kept, and the next pull goes on from "
                             "there");
    }
}

bool pull_fetch(const pull_job *job, pull_part *part, pull_claim *claim, error *err) {
    talk t = {.job = job, .part = part, .claim = claim};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(t.curl = curl_easy_init()))
        return error_set(err, ERROR_INTERNAL, "libcurl cannot be started");
    prepare(&t);
    pull_progress_start(&t.progress, part->length);
    bool ok = fetch(&t, err);
    curl_easy_cleanup(t.curl);
    curl_global_cleanup();
    return ok;
}
