/* pull: the program `carrel-pull`, which fetches one model and ends.
 *
 * It is the only program of the house that opens a connection, and the only one linked with
 * libcurl. It reads no library and no document: before it connects, the kernel is told that it may
 * write into the model folder alone (lock.c). What a server says is input like any other: a name
 * never comes from a header, a size and a SHA-256 are claims that are checked, and a file gets its
 * name only when it is whole.
 *
 * Files: catalogue.c the list of names; url.c addresses; part.c the half-fetched file on the disk;
 * fetch.c the conversation; progress.c what a person sees; lock.c the confinement; main.c the rest.
 */
#ifndef CARREL_PULL_H
#define CARREL_PULL_H

#include <sodium.h>

#include "cli/cli.h"

/* ---- the catalogue (catalogue.c) ---------------------------------------------------------- */

typedef struct {
    str name, url, purpose, licence;
} pull_entry;

typedef struct {
    arena *memory;
    pull_entry *items;
    size_t count;
} pull_catalogue;

/* `path` NULL: cli/models.txt of this repository, or share/carrel/models.txt of the prefix. */
bool pull_catalogue_open(const char *path, pull_catalogue *out, error *err);
void pull_catalogue_close(pull_catalogue *c);
/* NULL with ERROR_NOT_FOUND and the nearest name. */
const pull_entry *pull_catalogue_find(const pull_catalogue *c, const char *name, error *err);

/* ---- addresses (url.c) -------------------------------------------------------------------- */

/* http or https, a host, no user name, printable ASCII. */
bool pull_url_check(const char *url, error *err);
bool pull_url_is(const char *what); /* "scheme://..." rather than a name of the catalogue */
/* The file's name: the last part of the path, which must be a plain name that ends in .gguf. */
bool pull_url_name(const char *url, text *out, error *err);
/* `base` in the place of the scheme and the host. */
bool pull_url_mirror(const char *url, const char *base, text *out, error *err);
/* From https there is no way back to http, and to nothing but those two. */
bool pull_url_follow(const char *from, const char *to, error *err);

/* ---- the half-fetched file (part.c) ------------------------------------------------------- */

/* Of which version the bytes are: strong ETag or date (for If-Range), and the size; 0: unknown. */
typedef struct {
    text url, validator;
    uint64_t total;
} pull_origin;

/* NAME.part, locked while it is open, and NAME.part.from, which says where its bytes are from. */
typedef struct {
    text path, note, target, folder;
    int fd;
    uint64_t length;               /* bytes that it holds */
    crypto_hash_sha256_state hash; /* of those bytes */
    uint8_t head[4];               /* the first of them */
    pull_origin origin;
} pull_part;

/* *done: the file is there already, and nothing is open. Reads what is there to hash it. */
bool pull_part_open(const char *folder, const char *name, pull_part *p, bool *done, error *err);
/* Forgets the bytes; they will come from `origin`. */
bool pull_part_restart(pull_part *p, error *err);
/* Writes down where the bytes come from, before the first of them. */
bool pull_part_describe(pull_part *p, error *err);
bool pull_part_append(pull_part *p, const void *bytes, size_t n, error *err);
/* Fails when the disk has less room than `bytes`. */
bool pull_part_room(const pull_part *p, uint64_t bytes, error *err);
void pull_part_digest(const pull_part *p, char hex[65]);
/* Of the whole file that has its name already. */
bool pull_part_digest_done(const pull_part *p, char hex[65], error *err);
/* To the disk, and then, at once, to its name. */
bool pull_part_finish(pull_part *p, error *err);
bool pull_part_discard(pull_part *p, error *err); /* deletes it */
/* Closes; what has bytes stays for the next time. */
void pull_part_close(pull_part *p);

/* ---- the conversation (fetch.c) ----------------------------------------------------------- */

typedef struct {
    const char *url;
    unsigned stall_s, retries;
} pull_job;

/* What the server says the SHA-256 is; empty where it says nothing. */
typedef struct {
    char sha256[65];
    const char *header; /* where it stood */
} pull_claim;

/* A file of certificates that the environment names (CURL_CA_BUNDLE, SSL_CERT_FILE), or NULL. */
const char *pull_authorities(void);
bool pull_fetch(const pull_job *job, pull_part *part, pull_claim *claim, error *err);

/* ---- what a person sees (progress.c) ------------------------------------------------------ */

typedef struct {
    bool terminal, drawn;
    uint64_t before; /* bytes that were there when this run began */
    double start_ms, last_ms;
} pull_progress;

void pull_progress_start(pull_progress *p, uint64_t have);
/* total 0: unknown. Draws when it is time. */
void pull_progress_step(pull_progress *p, uint64_t have, uint64_t total);
void pull_progress_clear(pull_progress *p);
void pull_put_bytes(text *out, uint64_t bytes);
/* The line, without control sequences. */
void pull_progress_line(text *out, uint64_t have, uint64_t total, uint64_t before,
                        double elapsed_ms, bool bar);
/* "carrel-pull: SENTENCE" on stderr. */
void pull_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- the lock (lock.c) -------------------------------------------------------------------- */

/* From now on: writing beneath `folder` alone, reading only what libcurl and TLS need (`authorities`:
 * a file of certificates, or NULL), no program started, no other process touched. */
bool pull_lock(const char *folder, const char *authorities, error *err);

#endif
