/* The fork server that carrel-parse and carrel-ocr are.
 *
 * carrel starts one once per worker, with a packet socket as descriptor 3 and nothing else. It
 * warms its libraries up on samples of its own, locks itself in (confine.c), and then forks a
 * child for each piece of a document that it is handed as an open descriptor. The child finds the
 * piece, writes records into the pipe that came along and ends; this parent keeps the clock, kills
 * what runs too long, and tells carrel how the child ended. It never looks into a document itself,
 * and it ends when carrel does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ingest/parse/confine.h"
#include "ingest/parse/serve.h"

/* A sandboxed child must never run exit handlers that its parent registered. */
enum { CHILD_DONE = 0, CHILD_PIPE_BROKE = 1, CHILD_UNCONFINED = 2 };

typedef struct {
    worker_request request;
    int document, pipe; /* -1 where none came */
} job;

/* ---- the child ----------------------------------------------------------------------------- */

static bool map_document(int fd, const worker_piece *piece, const ingest_limits *limits, str *out,
                         error *err) {
    struct stat st;
    uint64_t bytes = piece->bytes;
    if (fstat(fd, &st) != 0)
        return error_set(err, ERROR_IO, "the file cannot be read: %s", strerror(errno));
    if (!S_ISREG(st.st_mode)) return error_set(err, ERROR_INPUT, "this is not a regular file");
    if (st.st_size == 0) return error_set(err, ERROR_INPUT, "the file is empty");
    if (bytes == 0) bytes = (uint64_t)st.st_size;
    if (piece->at > (uint64_t)st.st_size || bytes > (uint64_t)st.st_size - piece->at)
        return error_set(err, ERROR_INTERNAL, "the file ends before what is to be read of it");
    if (bytes > limits->file_bytes)
        return error_set(err, ERROR_LIMIT, "the file is larger than %llu MiB",
                         (unsigned long long)(limits->file_bytes >> 20));
    void *p = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, fd, (off_t)piece->at);
    if (p == MAP_FAILED)
        return error_set(err, ERROR_LIMIT, "needs more than %llu MiB of memory",
                         (unsigned long long)(limits->memory_bytes >> 20));
    *out = (str){p, (size_t)bytes};
    return true;
}

/* Walks down to the piece's document: each member is unpacked in this process alone. */
static bool find_member(const worker_piece *piece, parse_input *in, error *err) {
    arena *a = arena_new(); /* the process ends with it */
    for (uint32_t i = 0; parse_unpack(in, a, err); i++) {
        if (i == piece->depth) return true;
        const parse_format *format = parse_find_format(in);
        parse_input member = *in;
        if (!format || !format->member)
            return error_set(err, ERROR_INPUT, "it is no container any more: add it again");
        if (!format->member(in, piece->members[i], a, &member, err)) return false;
        *in = member;
    }
    return false;
}

/* ---- unpacking ------------------------------------------------------------------------------ */

static bool send_all(int pipe, const void *bytes, size_t n) {
    const char *p = bytes;
    while (n > 0) {
        ssize_t sent = write(pipe, p, n);
        if (sent < 0 && errno != EINTR) return false;
        p += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

/* Sent as it is; carrel keeps it (worker_unpack). A base name that is too long keeps its end, where
 * the extension is. */
static bool send_unpacked(const parse_input *in, int pipe) {
    worker_unpacked head = {.bytes = in->bytes.n};
    const size_t room = sizeof head.name - 1;
    str name = in->name.n > room ? str_cut(in->name, in->name.n - room, in->name.n) : in->name;
    head.name_bytes = (uint32_t)name.n;
    if (name.n > 0) memcpy(head.name, name.p, name.n);
    return send_all(pipe, &head, sizeof head) && send_all(pipe, in->bytes.p, in->bytes.n);
}

typedef struct {
    int pipe;
    uint64_t left; /* of what the run may hold */
    bool broke;    /* the pipe */
} run;

/* One member of a run. What cannot be unpacked has its sentence where it is read alone. */
static bool give(void *to, const parse_input *member, const error *failed) {
    static const worker_unpacked nothing;
    run *r = to;
    (void)failed;
    if (!member || member->bytes.n == 0 || member->name.n == 0) {
        r->broke = !send_all(r->pipe, &nothing, sizeof nothing);
    } else {
        if (member->bytes.n > r->left) return false; /* it begins the next run */
        r->left -= member->bytes.n;
        r->broke = !send_unpacked(member, r->pipe);
    }
    return !r->broke;
}

/* `in` is the container. A member that is larger than a whole run counts as one that is too
 * large. */
static bool send_run(const parse_input *in, const worker_request *request, int pipe) {
    const parse_format *format = parse_find_format(in);
    ingest_limits limits = *in->limits;
    parse_input container = *in;
    error err;
    run r = {.pipe = pipe, .left = request->run_bytes};
    bool on = true;
    if (!format || !format->member) return false;
    if (limits.file_bytes > request->run_bytes) limits.file_bytes = request->run_bytes;
    container.limits = &limits;
    if (format->members)
        return format->members(&container, request->run, request->run_count, give, &r, &err) &&
               !r.broke;
    for (size_t i = 0; on && i < request->run_count; i++) {
        parse_input member = container;
        arena *a = arena_new();
        bool ok = format->member(&container, request->run[i], a, &member, &err);
        if (ok && member.bytes.n > limits.file_bytes)
            ok = error_set(&err, ERROR_LIMIT, "it is too large for a run");
        on = give(&r, ok ? &member : NULL, ok ? NULL : &err);
        arena_free(a);
    }
    return !r.broke;
}

static _Noreturn void run_child(const serve_program *program, const job *j,
                                volatile uint32_t *out_of_memory) {
    error err = {0};
    const worker_request *request = &j->request;
    confine_watch_memory(out_of_memory);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(WORKER_FD);
    if (!confine_child(&request->limits, &err)) _exit(CHILD_UNCONFINED);
    parse_input in = {.name = {request->name, request->name_bytes},
                      .password = str_of(request->password),
                      .limits = &request->limits};
    record_writer *w = record_writer_new(j->pipe);
    bool ok = map_document(j->document, &request->piece, in.limits, &in.bytes, &err);
    close(j->document);
    ok = ok && find_member(&request->piece, &in, &err);
    if (request->kind == WORKER_UNPACK) {
        ok = ok && (request->run_count > 0 ? send_run(&in, request, j->pipe)
                                           : send_unpacked(&in, j->pipe));
        _exit(ok ? CHILD_DONE : CHILD_PIPE_BROKE);
    }
    if (!ok || !program->read(&in, request, w, &err)) record_error(w, err.code, str_of(err.text));
    _exit(record_end(w) ? CHILD_DONE : CHILD_PIPE_BROKE);
}

/* ---- the parent ---------------------------------------------------------------------------- */

/* False when carrel is gone, or sent what is no request. */
static bool receive(job *j) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec data = {&j->request, sizeof j->request};
    struct msghdr m = {.msg_iov = &data,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t n;
    j->document = j->pipe = -1;
    do n = recvmsg(WORKER_FD, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL; c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(2 * sizeof(int))) {
            memcpy(&j->document, CMSG_DATA(c), sizeof(int));
            memcpy(&j->pipe, CMSG_DATA(c) + sizeof(int), sizeof(int));
        }
    return n == (ssize_t)sizeof j->request && j->request.name_bytes < WORKER_NAME_BYTES &&
           j->request.piece.depth <= WORKER_DEPTH && j->request.run_count <= WORKER_RUN_MAX &&
           memchr(j->request.password, 0, WORKER_PASSWORD_BYTES) &&
           memchr(j->request.ocr_languages, 0, WORKER_LANGUAGES_BYTES) &&
           (j->request.kind == WORKER_CANCEL || (j->document >= 0 && j->pipe >= 0));
}

static bool say(const void *message, size_t n) {
    ssize_t sent;
    do sent = send(WORKER_FD, message, n, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)n;
}

/* Waits for the child's end, its time's end, or a word from carrel; the last two kill it. False
 * when carrel is gone. */
static bool attend(pid_t child, int ended, uint32_t seconds, worker_reply *reply) {
    double deadline = clock_ms() + seconds * 1000.0;
    bool alive = true, killed = false;
    while (waitpid(child, &reply->wait_status, WNOHANG) == 0) {
        struct pollfd fds[2] = {{.fd = ended, .events = POLLIN},
                                {.fd = killed ? -1 : WORKER_FD, .events = POLLIN}};
        double left = deadline - clock_ms();
        poll(fds, 2, killed ? -1 : left > 0 ? (int)left + 1 : 0);
        struct signalfd_siginfo drained;
        if (fds[0].revents & POLLIN)
            alive &= read(ended, &drained, sizeof drained) == sizeof drained;
        job word;
        bool told = fds[1].revents != 0;
        if (told) alive &= receive(&word);
        reply->timed_out |= !killed && !told && clock_ms() >= deadline;
        if (!killed && (told || reply->timed_out)) {
            kill(child, SIGKILL);
            killed = true;
        }
    }
    return alive;
}

static bool serve(const serve_program *program, const job *j, int ended,
                  volatile uint32_t *out_of_memory) {
    worker_reply reply = {0};
    *out_of_memory = 0;
    if (program->prepare) program->prepare(&j->request);
    pid_t child = fork();
    if (child == 0) run_child(program, j, out_of_memory);
    close(j->document);
    close(j->pipe);
    bool alive = true;
    if (child < 0)
        reply.wait_status = CHILD_UNCONFINED << 8;
    else
        alive = attend(child, ended, worker_seconds(&j->request.limits, &j->request.piece), &reply);
    reply.out_of_memory = *out_of_memory;
    return say(&reply, sizeof reply) && alive;
}

int serve_documents(const serve_program *program) {
    worker_hello hello = {.version = WORKER_VERSION};
    struct stat st;
    if (fstat(WORKER_FD, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        fprintf(stderr, "%s is started by carrel, not by hand\n", program->name);
        return ERROR_USAGE;
    }
    program->warm_up();
    sigset_t child_ended;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, NULL);
    int ended = signalfd(-1, &child_ended, SFD_CLOEXEC);
    volatile uint32_t *out_of_memory = mmap(NULL, sizeof *out_of_memory, PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (ended < 0 || out_of_memory == MAP_FAILED)
        error_set(&hello.fault, ERROR_IO, "%s cannot start: %s", program->name, strerror(errno));
    else
        confine_parent(program->readable_folders, &hello.landlock_abi, &hello.fault);
    if (!say(&hello, sizeof hello) || hello.fault.code != ERROR_NONE) return ERROR_IO;
    job j;
    while (receive(&j))
        if (j.request.kind != WORKER_CANCEL && !serve(program, &j, ended, out_of_memory)) break;
    _exit(ERROR_NONE); /* the filter has no room for exit handlers of libraries or sanitizers */
}
