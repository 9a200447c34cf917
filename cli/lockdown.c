/* Confinement of carrel itself: the kernel refuses it a way out.
 *
 * carrel holds the documents, so it must not be able to send them anywhere even if a model file or
 * a library were crafted to take it over: no sockets are made, none is connected, no other process
 * is reached into (one that has a connection could be made to talk), and io_uring, which makes
 * sockets past seccomp, is off. Starting programs is refused too, but to `add`. Threads and
 * children inherit the filters, and nothing takes them off. Where the kernel has no seccomp,
 * carrel does not start: a promise that holds sometimes is none.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"

/* The flag of landlock_create_ruleset that asks for the version (linux/landlock.h, which older
 * systems lack). */
#define LANDLOCK_VERSION_FLAG 1u

static const int network_calls[] = {
    SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept),
    SCMP_SYS(accept4), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    /* Other processes, and their descriptors. */
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd),
#if !defined(__SANITIZE_ADDRESS__)
    SCMP_SYS(ptrace), /* the leak checker of a test build needs it */
#endif
    /* Ways to more rights. */
    SCMP_SYS(bpf), SCMP_SYS(mount), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(keyctl),
    SCMP_SYS(open_by_handle_at), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd)};

static const int exec_calls[] = {SCMP_SYS(execve), SCMP_SYS(execveat)};

static bool refuse(const int *calls, size_t count, error *err) {
    /* System calls of another architecture (32-bit, x32) end the process, as libseccomp does. */
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    if (rc == 0) rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0) rc = seccomp_load(filter);
    if (filter) seccomp_release(filter);
    if (rc != 0)
        return error_set(err, ERROR_INTERNAL,
                         "this kernel does not let carrel lock itself in "
                         "(seccomp: %s), and it does not open documents without",
                         strerror(-rc));
    return true;
}

bool cli_lock_network(error *err) {
    return refuse(network_calls, sizeof network_calls / sizeof *network_calls, err);
}

bool cli_lock_exec(error *err) {
    return refuse(exec_calls, sizeof exec_calls / sizeof *exec_calls, err);
}

void cli_confinement_read(cli_confinement *out) {
    char line[128];
    int value;
    memset(out, 0, sizeof *out);
    FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "Seccomp: %d", &value) == 1)
            out->seccomp = value == 2; /* SECCOMP_MODE_FILTER */
        if (sscanf(line, "NoNewPrivs: %d", &value) == 1) out->no_new_privileges = value == 1;
    }
    if (f) fclose(f);
#ifdef SYS_landlock_create_ruleset
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_VERSION_FLAG);
    out->landlock = abi > 0 ? (int)abi : 0;
#endif
}
