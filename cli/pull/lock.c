/* The lock of carrel-pull: it talks to the network, so it must not be able to read documents.
 *
 * Landlock: files are written beneath the model folder alone, and read only where libcurl, the
 * resolver and TLS have their own (libraries, /etc, certificates). A library of documents lies
 * outside of all of these. seccomp: no program is started, no other process is reached into. A
 * kernel without Landlock is told of, and the pull goes on: nothing here opens anything else, the
 * lock only makes sure of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/pull/pull.h"

#define FS_REFER (1ull << 13)    /* ABI 2 */
#define FS_TRUNCATE (1ull << 14) /* ABI 3 */
#define FS_ALL_1 ((1ull << 13) - 1)
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                             \
    (FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* What a rule about a file, not a folder, may say. */
#define FS_OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

/* Shared libraries and what they look up: the resolver, TLS, the time zone. */
static const char *const readable[] = {"/usr",       "/lib",         "/lib64",
                                       "/etc",       "/run",         "/proc/sys",
                                       "/proc/self", "/dev/urandom", "/dev/null"};

static bool allow(int ruleset, const char *path, uint64_t rights, error *err) {
    struct stat st;
    struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return errno == ENOENT
                   ? true
                   : error_set(err, ERROR_IO, "cannot open %s: %s", path, strerror(errno));
    rule.allowed_access =
        fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode) ? rights : rights & FS_OF_FILES;
    long rc = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    if (rc != 0)
        error_set(err, ERROR_IO, "Landlock refuses the rule for %s: %s", path, strerror(errno));
    close(rule.parent_fd);
    return rc == 0;
}

static bool lock_files(const char *folder, const char *authorities, error *err) {
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi <= 0) {
        pull_say("this kernel has no Landlock: files are not locked away while a model is fetched");
        return true;
    }
    uint64_t later = abi >= 3 ? FS_TRUNCATE : 0;
    uint64_t handled = FS_ALL_1 | (abi >= 2 ? FS_REFER : 0) | later;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (ruleset < 0)
        return error_set(err, ERROR_IO, "Landlock gives no ruleset: %s", strerror(errno));
    bool ok = allow(ruleset, folder, FS_WRITE | later, err);
    for (size_t i = 0; ok && i < sizeof readable / sizeof *readable; i++)
        ok = allow(ruleset, readable[i], FS_READ, err);
    if (ok && authorities) ok = allow(ruleset, authorities, FS_READ, err);
    if (ok && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        ok = error_set(err, ERROR_IO, "Landlock cannot be switched on: %s", strerror(errno));
    close(ruleset);
    return ok;
}

static bool lock_calls(error *err) {
    static const int calls[] = {
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(pidfd_getfd),
        SCMP_SYS(bpf),
        SCMP_SYS(mount),
        SCMP_SYS(setns),
        SCMP_SYS(unshare),
        SCMP_SYS(keyctl),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(listen),
        SCMP_SYS(accept),
        SCMP_SYS(accept4),
#if !defined(__SANITIZE_ADDRESS__)
        SCMP_SYS(ptrace), /* the leak checker of a test build needs it */
#endif
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < sizeof calls / sizeof *calls; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    if (rc == 0) rc = seccomp_load(filter);
    if (filter) seccomp_release(filter);
    if (rc != 0)
        return error_set(err, ERROR_INTERNAL,
                         "this kernel does not let carrel-pull lock itself in "
                         "(seccomp: %s)",
                         strerror(-rc));
    return true;
}

bool pull_lock(const char *folder, const char *authorities, error *err) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set(err, ERROR_INTERNAL, "the kernel does not lock rights: %s",
                         strerror(errno));
    return lock_files(folder, authorities, err) && lock_calls(err);
}
