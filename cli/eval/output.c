/* Files that `carrel eval` writes: there whole, or not at all.
 *
 * A file is written beside its place under a name of this process and renamed when it is on the
 * disk, so that a full disk or Ctrl-C leaves the earlier report as it was. It is opened before the
 * first question is asked: nobody wants to hear after ten minutes that a folder is missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/eval/eval.h"

/* Readable as the user's umask has it: a report is made to be shown. */
#define OUTPUT_MODE 0666

static bool fail(const eval_output *o, const char *what, int problem, error *err) {
    return error_set(err, ERROR_IO,
                     "%s %s cannot be written: %s; name a file in a folder that is "
                     "there and yours",
                     what, o->path, strerror(problem));
}

bool eval_output_open(eval_output *o, const char *path, const char *what, error *err) {
    struct stat st;
    *o = (eval_output){.path = path, .fd = -1};
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return error_set(err, ERROR_IO,
                         "%s cannot be written to %s, which is no file; name another", what, path);
    text_printf(&o->beside, "%s.%ld.new", path, (long)getpid());
    o->fd = open(o->beside.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, OUTPUT_MODE);
    if (o->fd >= 0) return true;
    int problem = errno;
    text_free(&o->beside);
    return fail(o, what, problem, err);
}

static bool write_all(int fd, str bytes) {
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes = str_cut(bytes, (size_t)n, bytes.n);
    }
    return fsync(fd) == 0;
}

bool eval_output_finish(eval_output *o, str bytes, const char *what, error *err) {
    bool ok = write_all(o->fd, bytes);
    int problem = errno;
    if (close(o->fd) != 0 && ok) {
        problem = errno;
        ok = false;
    }
    o->fd = -1;
    if (ok && rename(o->beside.p, o->path) != 0) {
        problem = errno;
        ok = false;
    }
    if (!ok) {
        unlink(o->beside.p);
        fail(o, what, problem, err);
    }
    text_free(&o->beside);
    return ok;
}

void eval_output_drop(eval_output *o) {
    if (o->fd >= 0) {
        close(o->fd);
        unlink(o->beside.p);
    }
    o->fd = -1;
    text_free(&o->beside);
}
