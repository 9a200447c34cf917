/* The half-fetched file: NAME.part beside the place where NAME will be.
 *
 * NAME.part is locked (flock) while somebody works on it, so two pulls of one file cannot write
 * over each other. NAME.part.from says which version of which address the bytes are of; without
 * it, or with another address, they are not gone on with. The bytes are hashed as they are
 * written; those of an earlier run are read back first, so that what is checked is what lies on the
 * disk. NAME appears by one rename, after the bytes have reached the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/pull/pull.h"

#define PIECE_BYTES (1u << 20)
#define NOTE_MAX_BYTES 8192u
#define LOCK_TRIES 16 /* each lost only to a pull that ended between our open and our lock */
/* Left free beside the file: other programs run on this disk too. */
#define SPARE_BYTES (16u << 20)

static void forget(pull_part *p) {
    p->length = 0;
    p->origin.total = 0;
    text_clear(&p->origin.validator);
    crypto_hash_sha256_init(&p->hash);
}

/* The file that the path names now must be the one that was locked: a pull that ended meanwhile
 * has renamed or deleted it. */
static bool open_locked(pull_part *p, error *err) {
    for (int i = 0; i < LOCK_TRIES; i++) {
        struct stat ours, there;
        p->fd = open(p->path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
        if (p->fd < 0)
            return error_set(err, ERROR_IO, "%s cannot be written: %s", p->path.p, strerror(errno));
        if (flock(p->fd, LOCK_EX | LOCK_NB) != 0) {
            bool busy = errno == EWOULDBLOCK;
            error_set(err, ERROR_IO,
                      busy ? "another carrel-pull is fetching %s: wait for it"
                           : "%s cannot be locked",
                      p->target.p);
            break;
        }
        if (fstat(p->fd, &ours) == 0 && lstat(p->path.p, &there) == 0 &&
            ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) {
            if (S_ISREG(ours.st_mode)) return true;
            error_set(err, ERROR_IO, "%s is no plain file", p->path.p);
            break;
        }
        close(p->fd);
        p->fd = -1;
    }
    if (p->fd < 0) return error_set(err, ERROR_IO, "%s cannot be locked", p->target.p);
    close(p->fd);
    p->fd = -1;
    return false;
}

/* "URL\nVALIDATOR\nTOTAL\n" */
static bool read_note(pull_part *p) {
    char buffer[NOTE_MAX_BYTES], *at = buffer, *line[3];
    int fd = open(p->note.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof buffer - 1);
    if (fd >= 0) close(fd);
    if (n <= 0 || memchr(buffer, 0, (size_t)n)) return false;
    buffer[n] = 0;
    for (size_t i = 0; i < 3; i++) {
        char *end = strchr(at, '\n');
        if (!end) return false;
        *end = 0;
        line[i] = at;
        at = end + 1;
    }
    if (strcmp(line[0], p->origin.url.p) != 0) return false;
    text_put(&p->origin.validator, str_of(line[1]));
    p->origin.total = strtoull(line[2], NULL, 10);
    return p->origin.validator.n > 0;
}

static bool hash_what_is_there(pull_part *p, error *err) {
    uint8_t *piece = mem_new(PIECE_BYTES, 1);
    ssize_t n;
    while ((n = pread(p->fd, piece, PIECE_BYTES, (off_t)p->length)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        for (size_t i = 0; i < (size_t)n && p->length + i < sizeof p->head; i++)
            p->head[p->length + i] = piece[i];
        crypto_hash_sha256_update(&p->hash, piece, (unsigned long long)n);
        p->length += (uint64_t)n;
    }
    int problem = errno;
    mem_free(piece);
    if (n < 0)
        return error_set(err, ERROR_IO, "%s cannot be read: %s", p->path.p, strerror(problem));
    return true;
}

bool pull_part_open(const char *folder, const char *name, pull_part *p, bool *done, error *err) {
    struct stat st;
    *done = false;
    p->fd = -1;
    text_put(&p->folder, str_of(folder));
    text_printf(&p->target, "%s/%s", folder, name);
    text_printf(&p->path, "%s.part", p->target.p);
    text_printf(&p->note, "%s.part.from", p->target.p);
    if (!open_locked(p, err)) return false;
    if (lstat(p->target.p, &st) == 0) {
        *done = true;
        return pull_part_discard(p, err);
    }
    forget(p);
    if (fstat(p->fd, &st) != 0)
        return error_set(err, ERROR_IO, "%s cannot be read: %s", p->path.p, strerror(errno));
    if (st.st_size == 0) return true;
    if (!read_note(p)) return pull_part_restart(p, err);
    if (!hash_what_is_there(p, err)) return false;
    /* More than there is to have cannot be the beginning of it. */
    if (p->origin.total && p->length > p->origin.total) return pull_part_restart(p, err);
    return true;
}

bool pull_part_restart(pull_part *p, error *err) {
    forget(p);
    if (ftruncate(p->fd, 0) != 0 || (unlink(p->note.p) != 0 && errno != ENOENT))
        return error_set(err, ERROR_IO, "%s cannot be emptied: %s", p->path.p, strerror(errno));
    return true;
}

bool pull_part_describe(pull_part *p, error *err) {
    text note = {0};
    text_printf(&note, "%s\n%s\n%llu\n", p->origin.url.p,
                p->origin.validator.p ? p->origin.validator.p : "",
                (unsigned long long)p->origin.total);
    int fd = open(p->note.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    bool ok = fd >= 0 && write(fd, note.p, note.n) == (ssize_t)note.n;
    if (!ok) error_set(err, ERROR_IO, "%s cannot be written: %s", p->note.p, strerror(errno));
    if (fd >= 0) close(fd);
    text_free(&note);
    return ok;
}

bool pull_part_append(pull_part *p, const void *bytes, size_t n, error *err) {
    const uint8_t *from = bytes;
    for (size_t done = 0; done < n;) {
        ssize_t wrote = pwrite(p->fd, from + done, n - done, (off_t)p->length);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) {
            const char *why = errno == ENOSPC   ? "the disk is full"
                              : errno == EDQUOT ? "your quota on this disk is used up"
                              : errno == EFBIG  ? "the file would be larger than is allowed here"
                                                : strerror(errno);
            return error_set(err, ERROR_IO,
                             "%s cannot be written: %s; what was fetched is kept, and the next "
                             "pull goes on from there",
                             p->path.p, why);
        }
        for (size_t i = 0; i < (size_t)wrote && p->length + i < sizeof p->head; i++)
            p->head[p->length + i] = from[done + i];
        crypto_hash_sha256_update(&p->hash, from + done, (unsigned long long)wrote);
        done += (size_t)wrote;
        p->length += (uint64_t)wrote;
    }
    return true;
}

bool pull_part_room(const pull_part *p, uint64_t bytes, error *err) {
    struct statvfs disk;
    if (fstatvfs(p->fd, &disk) != 0 || disk.f_blocks == 0) return true; /* it does not say */
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (room >= SPARE_BYTES && room - SPARE_BYTES >= bytes) return true;
    text need = {0}, have = {0};
    pull_put_bytes(&need, bytes);
    pull_put_bytes(&have, room);
    error_set(err, ERROR_IO,
              "%s is yet to come, and the disk of %s has room for %s: make room, or choose another "
              "folder with -o",
              need.p, p->folder.p, have.p);
    text_free(&need);
    text_free(&have);
    return false;
}

void pull_part_digest(const pull_part *p, char hex[65]) {
    crypto_hash_sha256_state copy = p->hash;
    uint8_t out[32];
    crypto_hash_sha256_final(&copy, out);
    sodium_bin2hex(hex, 65, out, sizeof out);
}

bool pull_part_digest_done(const pull_part *p, char hex[65], error *err) {
    pull_part there = {.path = p->target, .fd = -1};
    crypto_hash_sha256_init(&there.hash);
    there.fd = open(p->target.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (there.fd < 0)
        return error_set(err, ERROR_IO, "%s cannot be read: %s", p->target.p, strerror(errno));
    bool ok = hash_what_is_there(&there, err);
    close(there.fd);
    if (ok) pull_part_digest(&there, hex);
    return ok;
}

bool pull_part_finish(pull_part *p, error *err) {
    int folder = open(p->folder.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fsync(p->fd) == 0 && rename(p->path.p, p->target.p) == 0 && folder >= 0 &&
              fsync(folder) == 0;
    if (!ok) error_set(err, ERROR_IO, "%s cannot be written: %s", p->target.p, strerror(errno));
    if (folder >= 0) close(folder);
    if (!ok) return false;
    unlink(p->note.p);
    close(p->fd);
    p->fd = -1;
    return true;
}

bool pull_part_discard(pull_part *p, error *err) {
    unlink(p->note.p);
    bool ok = unlink(p->path.p) == 0 || errno == ENOENT;
    if (!ok) error_set(err, ERROR_IO, "%s cannot be deleted: %s", p->path.p, strerror(errno));
    close(p->fd);
    p->fd = -1;
    return ok;
}

void pull_part_close(pull_part *p) {
    if (p->fd >= 0 && p->length == 0) {
        unlink(p->note.p);
        unlink(p->path.p);
    }
    if (p->fd >= 0) close(p->fd);
    text_free(&p->path);
    text_free(&p->note);
    text_free(&p->target);
    text_free(&p->folder);
    text_free(&p->origin.url);
    text_free(&p->origin.validator);
    *p = (pull_part){.fd = -1};
}
