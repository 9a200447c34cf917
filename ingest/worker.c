/* The carrel side of carrel-parse and carrel-ocr: starts them, hands them documents, reads the
 * records back.
 *
 * A worker owns one confined process of each and the socket to it; carrel-ocr is started when the
 * first page wants it. Each piece of a document costs one message there, one pipe for its records
 * and one message back; what the process does wrong (a crash, a hang, a broken stream, its own
 * death) becomes one sentence about one piece. The process keeps the clock; should it fail even in
 * that, the deadline here ends it, and the next piece gets a new one. The bytes of a document are
 * never looked at here but for ingest_supported's first few.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ingest/kind.h"
#include "ingest/record.h"
#include "ingest/worker.h"

/* Warming up takes tens of milliseconds; a laptop that swaps may take seconds. */
#define HELLO_MS 30000.0
/* How much later than the process itself this side gives up on a document. */
#define GRACE_MS 5000.0
#define READ_BYTES (64u << 10) /* as much as a pipe holds */
/* How often a reading looks whether it shall stop: a person who presses Ctrl-C waits no longer. */
#define STOP_LOOK_MS 100.0
/* A process that was told to stop its child and is busy (it loads models) is not waited for. */
#define STOP_GRACE_MS 500.0

typedef struct {
    char program[PATH_MAX];
    pid_t pid; /* 0: no process at the moment */
    int socket;
    char confinement[64];
} process;

struct ingest_worker {
    ingest_limits limits;
    process parse, ocr;
};

/* What file_bytes allows must fit into memory_bytes together with what the parser builds from it.
 * 1 GiB leaves a 4 GB laptop usable; two minutes and 10,000 pages are far beyond any manual. */
const ingest_limits ingest_default_limits = {
    .file_bytes = 512ull << 20,
    .memory_bytes = 1ull << 30,
    .seconds = 120,
    .pages = 10000,
};

const char *ingest_fate_name(ingest_fate fate) {
    static const char *const names[INGEST_FATE_COUNT] = {
        "text", "ocr", "empty", "garbled", "hidden-text", "encrypted", "failed"};
    return names[fate];
}

/* ---- the process --------------------------------------------------------------------------- */

/* carrel-parse: beside the running executable, or one folder above (tests lie in a folder of their
 * own). */
static bool find_program(char out[PATH_MAX], error *err) {
    static const char *const places[] = {"carrel-parse", "../carrel-parse"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return error_set(err, ERROR_IO, "cannot find the folder of this program: %s",
                         strerror(errno));
    self[n] = '\0';
    int folder = (int)(strrchr(self, '/') - self);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int length = snprintf(out, PATH_MAX, "%.*s/%s", folder, self, places[i]);
        if (length < PATH_MAX && access(out, X_OK) == 0) return true;
    }
    return error_set(err, ERROR_NOT_FOUND,
                     "carrel-parse is missing: it belongs beside carrel, in %.*s", folder, self);
}

static void stop(process *p) {
    if (p->pid == 0) return;
    close(p->socket);
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) continue;
    p->pid = 0;
}

/* An own process group, so that Ctrl-C at the terminal is carrel's to handle; no environment but
 * one thread for libraries that would start more, and where tesseract's data lie; no descriptors,
 * no blocked or ignored signals. Returns errno. */
static int spawn(const char *program, int far_end, pid_t *pid) {
    char *argv[] = {(char *)(strrchr(program, '/') ? strrchr(program, '/') + 1 : program), NULL};
    const char *data = getenv("TESSDATA_PREFIX");
    char place[PATH_MAX];
    char *environment[] = {"OMP_THREAD_LIMIT=1", NULL, NULL};
    if (data && snprintf(place, sizeof place, "TESSDATA_PREFIX=%s", data) < PATH_MAX)
        environment[1] = place;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    int rc = posix_spawn_file_actions_adddup2(&files, far_end, WORKER_FD);
    for (int fd = 0; rc == 0 && fd < WORKER_FD; fd++)
        rc = posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    if (rc == 0) rc = posix_spawn_file_actions_addclosefrom_np(&files, WORKER_FD + 1);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    if (rc == 0) rc = posix_spawn(pid, program, &files, &attr, argv, environment);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* One packet of exactly n bytes before the deadline. */
static bool receive(int fd, void *message, size_t n, double deadline) {
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        double left = deadline - clock_ms();
        int ready = poll(&p, 1, left > 0 ? (int)left + 1 : 0);
        if (ready > 0) return recv(fd, message, n, 0) == (ssize_t)n;
        if (ready == 0 || errno != EINTR) return false;
    }
}

static bool greet(process *p, error *err) {
    worker_hello hello;
    if (!receive(p->socket, &hello, sizeof hello, clock_ms() + HELLO_MS))
        return error_set(err, ERROR_INTERNAL, "%s does not start", p->program);
    if (hello.version != WORKER_VERSION)
        return error_set(err, ERROR_INTERNAL, "%s is of another version than carrel", p->program);
    hello.fault.text[sizeof hello.fault.text - 1] = '\0';
    if (hello.fault.code != ERROR_NONE)
        return error_set(err, hello.fault.code, "documents cannot be parsed safely here: %s",
                         hello.fault.text);
    if (hello.landlock_abi > 0)
        snprintf(p->confinement, sizeof p->confinement, "Landlock (ABI %d), seccomp, rlimits",
                 hello.landlock_abi);
    else
        snprintf(p->confinement, sizeof p->confinement, "seccomp, rlimits (no Landlock here)");
    return true;
}

static bool start(process *p, error *err) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return error_set(err, ERROR_IO, "no socket for %s: %s", p->program, strerror(errno));
    int rc = spawn(p->program, ends[1], &p->pid);
    close(ends[1]);
    p->socket = ends[0];
    if (rc != 0) {
        close(ends[0]);
        p->pid = 0;
        return error_set(err, rc == ENOENT ? ERROR_NOT_FOUND : ERROR_IO, "%s cannot be started: %s",
                         p->program, strerror(rc));
    }
    if (greet(p, err)) return true;
    stop(p);
    return false;
}

bool ingest_worker_open(const char *program, const ingest_limits *limits, ingest_worker **out,
                        error *err) {
    ingest_worker *w = mem_new(1, sizeof *w);
    w->limits = *limits;
    if (program && strlen(program) >= sizeof w->parse.program) {
        error_set(err, ERROR_USAGE, "the path of carrel-parse is too long");
        goto fail;
    }
    if (program)
        strcpy(w->parse.program, program);
    else if (!find_program(w->parse.program, err))
        goto fail;
    if (!start(&w->parse, err)) goto fail;
    *out = w;
    return true;
fail:
    mem_free(w);
    return false;
}

void ingest_worker_close(ingest_worker *w) {
    if (!w) return;
    stop(&w->parse);
    stop(&w->ocr);
    mem_free(w);
}

str ingest_worker_confinement(const ingest_worker *w) {
    return str_of(w->parse.confinement);
}

/* carrel-ocr: beside carrel-parse, wherever that was. */
static bool find_ocr(const char *program, char out[PATH_MAX], error *err) {
    const char *slash = strrchr(program, '/');
    str folder = slash ? (str){program, (size_t)(slash - program)} : STR(".");
    int length = snprintf(out, PATH_MAX, STR_FMT "/carrel-ocr", STR_ARG(folder));
    if (length < PATH_MAX && access(out, X_OK) == 0) return true;
    return error_set(err, ERROR_NOT_FOUND,
                     "carrel-ocr is missing: it belongs beside carrel-parse, in " STR_FMT,
                     STR_ARG(folder));
}

/* The process for this kind of piece, running. */
static process *ready(ingest_worker *w, bool ocr, error *err) {
    process *p = ocr ? &w->ocr : &w->parse;
    if (p->pid != 0) return p;
    if (p->program[0] == '\0' && !find_ocr(w->parse.program, p->program, err)) {
        p->program[0] = '\0';
        return NULL;
    }
    if (start(p, err)) return p;
    if (ocr) { /* mostly its libraries: Carrel can do without this program alone */
        error_wrap(err, "is tesseract installed (Debian: tesseract-ocr)?");
        err->code = ERROR_NOT_FOUND;
    }
    return NULL;
}

bool ingest_ocr_start(ingest_worker *w, error *err) {
    return ready(w, true, err) != NULL;
}

bool worker_stopped(const ingest_options *options) {
    const ingest_hooks *h = options->hooks;
    return h && h->stopped && h->stopped(h->context);
}

static bool cancelled(error *err) {
    return error_set(err, ERROR_CANCELLED, "it was stopped");
}

/* ---- one document -------------------------------------------------------------------------- */

static str base_name(str path) {
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/') return str_cut(path, i, path.n);
    return path;
}

static bool fill_field(char *field, size_t room, str value, const char *what, error *err) {
    if (value.n >= room)
        return error_set(err, ERROR_USAGE, "the %s is longer than %zu bytes", what, room - 1);
    if (value.n > 0) memcpy(field, value.p, value.n);
    return true;
}

/* A name that does not fit keeps its end, where the extension is. */
static bool fill_request(const ingest_worker *w, const worker_piece *piece,
                         const ingest_options *options, str name, worker_request *request,
                         error *err) {
    const size_t room = WORKER_NAME_BYTES - 1;
    if (name.n > room) name = str_cut(name, name.n - room, name.n);
    *request = (worker_request){
        .kind = WORKER_PARSE, .name_bytes = (uint32_t)name.n, .limits = w->limits, .piece = *piece};
    if (name.n > 0) memcpy(request->name, name.p, name.n);
    return fill_field(request->password, sizeof request->password, options->password, "password",
                      err) &&
           fill_field(request->ocr_languages, sizeof request->ocr_languages, options->ocr_languages,
                      "list of languages", err);
}

static bool send_request(int socket, const worker_request *request, const int fds[2]) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec data = {(void *)request, sizeof *request};
    struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1};
    if (fds) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(2 * sizeof(int));
        memcpy(CMSG_DATA(c), fds, 2 * sizeof(int));
    }
    ssize_t n;
    do n = sendmsg(socket, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *request;
}

/* What takes in the bytes that a child sends: begin may come twice, where a process died. */
typedef struct {
    void (*begin)(void *context);
    bool (*take)(void *context, const void *bytes, size_t n, error *err);
    bool (*finish)(void *context, error *err);
    void *context;
} sink;

/* Feeds the sink until the pipe ends. False when the stream broke a rule or the caller wants to
 * stop (in err), or the deadline came (err's code stays ERROR_NONE). */
static bool read_stream(int pipe, const sink *s, const ingest_options *options, double deadline,
                        error *err) {
    uint8_t piece[READ_BYTES];
    for (;;) {
        struct pollfd p = {.fd = pipe, .events = POLLIN};
        if (worker_stopped(options)) return cancelled(err);
        double left = deadline - clock_ms();
        int ready = poll(&p, 1,
                         left > STOP_LOOK_MS ? (int)STOP_LOOK_MS
                         : left > 0          ? (int)left + 1
                                             : 0);
        if (ready < 0 && errno != EINTR) return false;
        if (ready == 0 && clock_ms() >= deadline) return false;
        ssize_t n = ready > 0 ? read(pipe, piece, sizeof piece) : -1;
        if (n == 0) return true;
        if (n > 0 && !s->take(s->context, piece, (size_t)n, err)) return false;
    }
}

static bool memory_reason(const ingest_worker *w, error *err) {
    return error_set(err, ERROR_LIMIT, "needs more than %llu MiB of memory",
                     (unsigned long long)(w->limits.memory_bytes >> 20));
}

/* How the child ended, as a reason; true where it ended well. */
static bool judge(const ingest_worker *w, const worker_reply *reply, error *err) {
    int status = reply->wait_status;
    if (reply->out_of_memory && status != 0) return memory_reason(w, err);
    if (reply->timed_out || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
        return error_set(err, ERROR_LIMIT, "took longer than %u s", w->limits.seconds);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return error_set(err, ERROR_INPUT,
                         "made the parser ask for what it may not do; the system "
                         "refused, and nothing of the document is used");
    if (WIFSIGNALED(status))
        return error_set(err, ERROR_INPUT, "parser crashed (signal %d)", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return error_set(err, ERROR_INTERNAL, "parser ended early (code %d)", WEXITSTATUS(status));
    return true;
}

typedef enum { ATTEMPT_DONE, ATTEMPT_FAILED, ATTEMPT_PROCESS_DIED } attempt_end;

/* err is the caller's own and never NULL here. */
static attempt_end attempt(ingest_worker *w, process *p, const worker_request *request, int fd,
                           const sink *s, const ingest_options *options, error *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        error_set(err, ERROR_IO, "no pipe for the parser: %s", strerror(errno));
        return ATTEMPT_FAILED;
    }
    double deadline = clock_ms() + worker_seconds(&w->limits, &request->piece) * 1000.0 + GRACE_MS;
    attempt_end end = ATTEMPT_FAILED;
    error broken = {0};
    worker_reply reply;
    s->begin(s->context);
    bool sent = send_request(p->socket, request, (int[2]){fd, ends[1]});
    close(ends[1]);
    bool whole = sent && read_stream(ends[0], s, options, deadline, &broken);
    if (sent && !whole) {
        static const worker_request cancel = {.kind = WORKER_CANCEL};
        send_request(p->socket, &cancel, NULL); /* a process that is gone is seen just below */
    }
    if (broken.code == ERROR_CANCELLED) deadline = clock_ms() + STOP_GRACE_MS - GRACE_MS;
    close(ends[0]);
    if (!sent || !receive(p->socket, &reply, sizeof reply, deadline + GRACE_MS)) {
        stop(p);
        error_set(err, ERROR_INTERNAL, "%s itself ended or hung with this document",
                  p == &w->ocr ? "carrel-ocr" : "carrel-parse");
        end = ATTEMPT_PROCESS_DIED;
    } else if (broken.code == ERROR_NONE) {
        reply.timed_out |= !whole;
        if (judge(w, &reply, &broken) && s->finish(s->context, &broken))
            end = ATTEMPT_DONE;
        else if (reply.out_of_memory && broken.code == ERROR_INPUT)
            memory_reason(w, &broken); /* some libraries call that a broken document */
    }
    if (broken.code != ERROR_NONE) *err = broken;
    return end;
}

static bool run_request(ingest_worker *w, const worker_request *request, int fd, const sink *s,
                        const ingest_options *options, error *err) {
    error why = {0};
    /* A process that died in between (or was killed) is no fault of this document: once again. */
    for (int tries = 0; tries < 2; tries++) {
        process *p = NULL;
        if (worker_stopped(options))
            cancelled(&why);
        else
            p = ready(w, request->piece.ocr_page > 0, &why);
        if (!p) break;
        attempt_end end = attempt(w, p, request, fd, s, options, &why);
        if (end == ATTEMPT_DONE) return true;
        if (end == ATTEMPT_FAILED) break;
    }
    if (err) *err = why;
    return false;
}

/* ---- records ------------------------------------------------------------------------------- */

typedef struct {
    const ingest_worker *w;
    arena *a;
    str name;
    record_reader *reader;
    text *copy; /* of the records; NULL: none is wanted */
    ingest_document **out;
    size_t most_bytes; /* of blocks in *out, where the others are wanted in *rest */
    record_store **rest;
} record_sink;

static void begin_records(void *context) {
    record_sink *s = context;
    record_reader_free(s->reader);
    s->reader = record_reader_new(s->a, &s->w->limits);
    if (s->copy) text_clear(s->copy);
}

static bool take_records(void *context, const void *bytes, size_t n, error *err) {
    record_sink *s = context;
    if (s->copy) text_put(s->copy, (str){bytes, n});
    return record_feed(s->reader, bytes, n, err);
}

static bool finish_records(void *context, error *err) {
    record_sink *s = context;
    if (s->rest)
        return record_finish_first(s->reader, s->name, s->most_bytes, s->out, s->rest, err);
    return record_finish(s->reader, s->name, s->out, err);
}

static bool read_records(record_sink *records, ingest_worker *w, const worker_piece *piece,
                         const ingest_options *options, int fd, error *err) {
    worker_request request;
    const sink s = {begin_records, take_records, finish_records, records};
    if (!fill_request(w, piece, options, records->name, &request, err)) return false;
    bool ok = run_request(w, &request, fd, &s, options, err);
    record_reader_free(records->reader);
    return ok;
}

bool worker_read_piece(ingest_worker *w, const worker_piece *piece, const ingest_options *options,
                       int fd, str name, arena *a, ingest_document **out, error *err) {
    record_sink records = {.w = w, .a = a, .name = base_name(name), .out = out};
    return read_records(&records, w, piece, options, fd, err);
}

bool worker_read_first(ingest_worker *w, const worker_piece *piece, const ingest_options *options,
                       int fd, str name, size_t most_bytes, arena *a, ingest_document **out,
                       record_store **rest, error *err) {
    record_sink records = {.w = w,
                           .a = a,
                           .name = base_name(name),
                           .out = out,
                           .most_bytes = most_bytes,
                           .rest = rest};
    *rest = NULL;
    return read_records(&records, w, piece, options, fd, err);
}

bool worker_read_kept(ingest_worker *w, const worker_piece *piece, const ingest_options *options,
                      int fd, str name, text *kept, arena *a, ingest_document **out, error *err) {
    record_sink records = {.w = w, .a = a, .name = base_name(name), .copy = kept, .out = out};
    return read_records(&records, w, piece, options, fd, err);
}

bool worker_replay(const ingest_worker *w, str name, str records, arena *a, ingest_document **out,
                   error *err) {
    record_sink s = {.w = w, .a = a, .name = base_name(name), .out = out};
    begin_records(&s);
    bool ok = take_records(&s, records.p, records.n, err) && finish_records(&s, err);
    record_reader_free(s.reader);
    return ok;
}

/* ---- unpacked files ------------------------------------------------------------------------- */

typedef struct {
    worker_unpacking *u;
    size_t head_got; /* of the head that is coming */
    uint64_t left;   /* bytes of its file that are to come */
} file_sink;

static void begin_files(void *context) {
    file_sink *s = context;
    s->u->got = s->head_got = 0;
    s->left = 0;
}

/* The head is whole: is it one that was asked for? */
static bool begin_file(file_sink *s, error *err) {
    worker_unpacking *u = s->u;
    worker_unpacked *head = &u->heads[u->got];
    s->head_got = 0;
    if (head->name_bytes >= WORKER_NAME_BYTES || (head->bytes > 0 && head->name_bytes == 0))
        return error_set(err, ERROR_INPUT, "the unpacked file has no name");
    kept_begin_page(u->to);
    head->at = u->to->bytes;
    s->left = head->bytes;
    if (s->left == 0) u->got++;
    return true;
}

static bool take_files(void *context, const void *bytes, size_t n, error *err) {
    file_sink *s = context;
    worker_unpacking *u = s->u;
    const char *p = bytes;
    while (n > 0) {
        size_t part = s->left > 0 ? s->left : sizeof *u->heads - s->head_got;
        if (part > n) part = n;
        if (s->left > 0) {
            if (!kept_put(u->to, p, part, u->limit_bytes, err)) return false;
            s->left -= part;
            u->got += s->left == 0;
        } else {
            if (u->got == (u->count > 0 ? u->count : 1))
                return error_set(err, ERROR_INPUT, "more came than was asked for");
            memcpy((char *)&u->heads[u->got] + s->head_got, p, part);
            s->head_got += part;
            if (s->head_got == sizeof *u->heads && !begin_file(s, err)) return false;
        }
        p += part;
        n -= part;
    }
    return true;
}

static bool finish_files(void *context, error *err) {
    const file_sink *s = context;
    return (s->head_got == 0 && s->left == 0 && s->u->got > 0) ||
           error_set(err, ERROR_INPUT, "an unpacked file came in part");
}

bool worker_unpack(ingest_worker *w, const worker_piece *piece, const ingest_options *options,
                   int fd, str name, worker_unpacking *unpacking, error *err) {
    worker_request request;
    file_sink file = {.u = unpacking};
    const sink s = {begin_files, take_files, finish_files, &file};
    if (!fill_request(w, piece, options, base_name(name), &request, err)) return false;
    request.kind = WORKER_UNPACK;
    request.run_count = (uint32_t)unpacking->count;
    request.run_bytes = WORKER_RUN_MAX_BYTES;
    if (unpacking->count > 0)
        memcpy(request.run, unpacking->ids, unpacking->count * sizeof *request.run);
    return run_request(w, &request, fd, &s, options, err);
}

bool ingest_is_own_document(const char *path) {
    return kind_is_own_document(str_of(path));
}

/* The first bytes of a plain file, and how many; negative where it cannot be read. */
static ssize_t read_head(const char *path, char head[KIND_HEAD_BYTES]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return -1;
    struct stat st;
    ssize_t n =
        fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? pread(fd, head, KIND_HEAD_BYTES, 0) : -1;
    close(fd);
    return n;
}

bool ingest_supported(const char *path) {
    char head[KIND_HEAD_BYTES];
    ssize_t n = read_head(path, head);
    return n >= 0 && kind_of((str){head, (size_t)n}, str_of(path)) != KIND_OTHER;
}

const char *ingest_why_unsupported(const char *path) {
    char head[KIND_HEAD_BYTES];
    ssize_t n = read_head(path, head);
    const char *old = n > 0 ? kind_old_office((str){head, (size_t)n}, str_of(path)) : NULL;
    return old ? old : "no document that Carrel reads";
}
