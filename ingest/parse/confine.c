/* Locks carrel-parse and carrel-ocr in: Landlock, seccomp, rlimits (see confine.h for the two steps).
 *
 * What must hold even if a document takes the process over: it reads no file but the character
 * maps that poppler needs, writes to nothing but its record pipe, starts no program, reaches no
 * network and no other process, and ends when its time or memory is used up. The filters list
 * what is allowed; everything else fails with EPERM, which libraries handle, and what only an
 * attack would try ends the process at once, so that it shows in the document's reason.
 *
 * No memory may become executable after the lock, so libraries and character converters must be
 * loaded before it (the warm-up of main.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ingest/parse/confine.h"

#define CHILD_DESCRIPTORS 32         /* its pipe, /dev/null and a few character maps */
#define FILTER_MAX_INSTRUCTIONS 4096 /* BPF_MAXINSNS: the kernel's own limit */

static struct sock_fprog child_filter; /* compiled once, in the parent */

/* ---- Landlock ------------------------------------------------------------------------------ */

/* As of ABI 6. The headers of an older kernel end earlier; the kernel ignores trailing zeros. */
typedef struct {
    uint64_t fs, net, scoped;
} ruleset_attr;

#define FS_REFER (1ull << 13)     /* ABI 2 */
#define FS_TRUNCATE (1ull << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define FS_FIRST ((1ull << 13) - 1)
#define NET_TCP 3ull    /* ABI 4: bind and connect */
#define SCOPED_ALL 3ull /* ABI 6: abstract unix sockets, signals */

static bool allow_reading(int ruleset, const char *folder, error *err) {
    struct landlock_path_beneath_attr rule = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        .parent_fd = open(folder, O_PATH | O_CLOEXEC),
    };
    if (rule.parent_fd < 0)
        return errno == ENOENT
                   ? true
                   : error_set(err, ERROR_IO, "cannot open %s: %s", folder, strerror(errno));
    long rc = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    if (rc != 0)
        error_set(err, ERROR_IO, "Landlock refuses the rule for %s: %s", folder, strerror(errno));
    close(rule.parent_fd);
    return rc == 0;
}

static bool apply_landlock(const char *const *readable_folders, int *abi, error *err) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *abi = version > 0 ? (int)version : 0;
    if (*abi == 0) return true;
    ruleset_attr attr = {.fs = FS_FIRST};
    attr.fs |= (*abi >= 2 ? FS_REFER : 0) | (*abi >= 3 ? FS_TRUNCATE : 0);
    attr.fs |= *abi >= 5 ? FS_IOCTL_DEV : 0;
    attr.net = *abi >= 4 ? NET_TCP : 0;
    attr.scoped = *abi >= 6 ? SCOPED_ALL : 0;
    long ruleset = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0)
        return error_set(err, ERROR_IO, "Landlock gives no ruleset: %s", strerror(errno));
    bool ok = true;
    for (size_t i = 0; ok && readable_folders[i]; i++)
        ok = allow_reading((int)ruleset, readable_folders[i], err);
    if (ok && syscall(SYS_landlock_restrict_self, (int)ruleset, 0) != 0)
        ok = error_set(err, ERROR_IO, "Landlock cannot be switched on: %s", strerror(errno));
    close((int)ruleset);
    return ok;
}

/* ---- seccomp ------------------------------------------------------------------------------- */

/* By name, since not every architecture has every one of them. */
static const char *const for_parsing[] = {"read",
                                          "pread64",
                                          "readv",
                                          "write",
                                          "writev",
                                          "close",
                                          "lseek",
                                          "_llseek",
                                          "fstat",
                                          "fstat64",
                                          "newfstatat",
                                          "fstatat64",
                                          "statx",
                                          "stat",
                                          "lstat",
                                          "access",
                                          "faccessat",
                                          "faccessat2",
                                          "readlink",
                                          "readlinkat",
                                          "getdents64",
                                          "getcwd",
                                          "munmap",
                                          "mremap",
                                          "brk",
                                          "madvise",
                                          "futex",
                                          "sched_yield",
                                          "rt_sigaction",
                                          "rt_sigprocmask",
                                          "rt_sigreturn",
                                          "restart_syscall",
                                          "sigaltstack",
                                          "clock_gettime",
                                          "clock_getres",
                                          "gettimeofday",
                                          "time",
                                          "nanosleep",
                                          "clock_nanosleep",
                                          "getrandom",
                                          "getpid",
                                          "gettid",
                                          "getppid",
                                          "getuid",
                                          "geteuid",
                                          "getgid",
                                          "getegid",
                                          "uname",
                                          "sysinfo",
                                          "sched_getaffinity",
                                          "getrlimit",
                                          "getrusage",
                                          "set_robust_list",
                                          "rseq",
                                          "exit",
                                          "exit_group",
                                          NULL};

/* The parent alone: wait for requests, pass them to a child, wait for that child. */
static const char *const for_forking[] = {
    "recvmsg",         "sendmsg", "sendto",  "poll",      "ppoll", "wait4", "waitid",
    "set_tid_address", "prctl",   "seccomp", "setrlimit", "fork",  NULL};

/* What no parser does by mistake. */
static const char *const for_attackers[] = {"execve",
                                            "execveat",
                                            "ptrace",
                                            "process_vm_readv",
                                            "process_vm_writev",
                                            "socket",
                                            "socketpair",
                                            "connect",
                                            "bind",
                                            "listen",
                                            "accept",
                                            "accept4",
                                            "bpf",
                                            "userfaultfd",
                                            "io_uring_setup",
                                            "mount",
                                            "setns",
                                            "unshare",
                                            "kexec_load",
                                            "init_module",
                                            NULL};

static bool add_all(scmp_filter_ctx f, uint32_t action, const char *const names[]) {
    for (size_t i = 0; names[i]; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number >= 0 && seccomp_rule_add(f, action, number, 0) != 0) return false;
    }
    return true;
}

/* Allowed where none of these bits are set in the argument (counted from 0). */
static bool add_without(scmp_filter_ctx f, const char *name, unsigned argument, uint64_t bits) {
    struct scmp_arg_cmp only = {
        .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = bits, .datum_b = 0};
    int number = seccomp_syscall_resolve_name(name);
    return number < 0 || seccomp_rule_add_array(f, SCMP_ACT_ALLOW, number, 1, &only) == 0;
}

/* Allowed where the argument has this value. */
static bool add_equal(scmp_filter_ctx f, const char *name, unsigned argument, uint64_t value) {
    struct scmp_arg_cmp only = {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value};
    int number = seccomp_syscall_resolve_name(name);
    return number < 0 || seccomp_rule_add_array(f, SCMP_ACT_ALLOW, number, 1, &only) == 0;
}

/* Opening to read, memory without execution, and raising a signal in itself (abort). */
static bool add_masked(scmp_filter_ctx f) {
    const uint64_t writes = O_ACCMODE | O_CREAT | O_TRUNC;
    return add_without(f, "openat", 2, writes) && add_without(f, "open", 1, writes) &&
           add_without(f, "mmap", 2, PROT_EXEC) && add_without(f, "mmap2", 2, PROT_EXEC) &&
           add_without(f, "mprotect", 2, PROT_EXEC) && add_equal(f, "tgkill", 2, SIGABRT) &&
           add_equal(f, "fcntl", 1, F_GETFD) && add_equal(f, "fcntl", 1, F_GETFL) &&
           add_equal(f, "fcntl", 1, F_SETFD) &&
           add_equal(f, "prlimit64", 2, 0); /* reading a limit */
}

/* A plain fork: no thread, no shared memory, no namespace. Newer glibc tries clone3 first, whose
 * flags lie in memory where no filter sees them; ENOSYS sends it to clone. */
static bool add_fork(scmp_filter_ctx f) {
    const uint64_t odd = CLONE_VM | CLONE_THREAD | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                         CLONE_PTRACE | CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                         CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    return add_without(f, "clone", 0, odd) &&
           seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
           add_equal(f, "kill", 1, SIGKILL) &&
           seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 0) == 0;
}

static scmp_filter_ctx new_filter(bool parent) {
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (f && add_all(f, SCMP_ACT_ALLOW, for_parsing) &&
        add_all(f, SCMP_ACT_KILL_PROCESS, for_attackers) && add_masked(f) &&
        (!parent || (add_all(f, SCMP_ACT_ALLOW, for_forking) && add_fork(f))))
        return f;
    if (f) seccomp_release(f);
    return NULL;
}

/* The child's filter as instructions, so that a child need not compile it. */
static bool compile_child_filter(error *err) {
    bool ok = false;
    scmp_filter_ctx f = new_filter(false);
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (f && fd >= 0 && seccomp_export_bpf(f, fd) == 0) {
        off_t bytes = lseek(fd, 0, SEEK_END);
        size_t count = bytes > 0 ? (size_t)bytes / sizeof *child_filter.filter : 0;
        if (count > 0 && count <= FILTER_MAX_INSTRUCTIONS) {
            child_filter.len = (unsigned short)count;
            child_filter.filter = mem_new(count, sizeof *child_filter.filter);
            ok = pread(fd, child_filter.filter, (size_t)bytes, 0) == bytes;
        }
    }
    if (!ok) error_set(err, ERROR_INTERNAL, "the child's system call filter cannot be made");
    if (fd >= 0) close(fd);
    if (f) seccomp_release(f);
    return ok;
}

bool confine_parent(const char *const *readable_folders, int *landlock_abi, error *err) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set(err, ERROR_IO, "no_new_privs is refused: %s", strerror(errno));
    if (!compile_child_filter(err) || !apply_landlock(readable_folders, landlock_abi, err))
        return false;
    scmp_filter_ctx f = new_filter(true);
    if (!f) return error_set(err, ERROR_INTERNAL, "the system call filter cannot be made");
    int rc = seccomp_load(f);
    seccomp_release(f);
    return rc == 0 ? true
                   : error_set(err, ERROR_IO, "the kernel refuses seccomp: %s", strerror(-rc));
}

/* ---- rlimits ------------------------------------------------------------------------------- */

static bool lower(int resource, rlim_t to, error *err) {
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_max < to) to = now.rlim_max;
    struct rlimit limit = {.rlim_cur = to, .rlim_max = to};
    if (setrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return error_set(err, ERROR_IO, "a resource limit is refused: %s", strerror(errno));
    return true;
}

#if defined(__SANITIZE_ADDRESS__)
#define SHADOW_MEMORY 1 /* AddressSanitizer reserves terabytes of address space */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHADOW_MEMORY 1
#endif
#endif

bool confine_child(const ingest_limits *limits, error *err) {
#ifndef SHADOW_MEMORY
    if (!lower(RLIMIT_AS, limits->memory_bytes, err)) return false;
#endif
    /* The parent's clock ends a child that runs too long; this one holds if the parent is gone. */
    if (!lower(RLIMIT_CPU, (rlim_t)limits->seconds + 1, err) ||
        !lower(RLIMIT_NOFILE, CHILD_DESCRIPTORS, err) || !lower(RLIMIT_FSIZE, 0, err) ||
        !lower(RLIMIT_CORE, 0, err) || !lower(RLIMIT_NPROC, 0, err))
        return false;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &child_filter) != 0)
        return error_set(err, ERROR_IO, "the kernel refuses the child's filter: %s",
                         strerror(errno));
    return true;
}
