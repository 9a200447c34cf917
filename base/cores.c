/* How many threads computing shall start: one for each physical core, since two threads of one core
 * share the arithmetic units and the path to memory, and only get in each other's way.
 *
 * Asked are the affinity mask (taskset, cpusets), the kernel's list of threads that share a core, and
 * the CPU quota of the cgroup and of those above it: a container with a quota of two must not start
 * sixteen threads that wait for each other. `root` stands before every path, so that a test can show
 * another machine.
 */
#include "base/base.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 1024
#define FILE_BYTES 4096

bool machine_read(const char *root, const char *path, char *out, size_t capacity) {
    char full[PATH_BYTES];
    int length = snprintf(full, sizeof full, "%s%s", root, path);
    if (length < 0 || (size_t)length >= sizeof full) return false;
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return false;
    ssize_t n = read(fd, out, capacity - 1);
    close(fd);
    if (n < 0) return false;
    out[n] = 0;
    return true;
}

/* The lowest allowed CPU of a list such as "0-3,8": the thread that counts for its core. */
static int first_allowed(const char *list, const cpu_set_t *allowed) {
    while (*list >= '0' && *list <= '9') {
        char *end;
        long begin = strtol(list, &end, 10), last = begin;
        if (*end == '-') last = strtol(end + 1, &end, 10);
        for (long cpu = begin; cpu <= last && cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET((size_t)cpu, allowed)) return (int)cpu;
        list = *end == ',' ? end + 1 : end;
    }
    return -1;
}

static int physical_cores(const char *root, const cpu_set_t *allowed) {
    static const char *const names[] = {"core_cpus_list", "thread_siblings_list"};
    char path[128], list[FILE_BYTES];
    int cores = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, allowed)) continue;
        bool found = false;
        for (size_t i = 0; !found && i < sizeof names / sizeof *names; i++) {
            snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, names[i]);
            found = machine_read(root, path, list, sizeof list);
        }
        int first = found ? first_allowed(list, allowed) : cpu;
        cores += first == cpu || first < 0;
    }
    return cores;
}

/* "200000 100000" of version 2, or the two files of version 1; 0: no quota. */
static double quota_of(const char *root, const char *folder) {
    char path[PATH_BYTES + 32], value[FILE_BYTES];
    double quota = 0, period = 0;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (machine_read(root, path, value, sizeof value))
        return sscanf(value, "%lf %lf", &quota, &period) == 2 && period > 0 ? quota / period : 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!machine_read(root, path, value, sizeof value) || sscanf(value, "%lf", &quota) != 1)
        return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (!machine_read(root, path, value, sizeof value) || sscanf(value, "%lf", &period) != 1)
        return 0;
    return quota > 0 && period > 0 ? quota / period : 0;
}

/* The smallest quota from the process's own group up to the root. */
static double smallest_quota(const char *root, const char *mount, const char *group) {
    char folder[PATH_BYTES];
    double least = 0;
    int n = snprintf(folder, sizeof folder, "%s%s", mount, strcmp(group, "/") == 0 ? "" : group);
    if (n < 0 || (size_t)n >= sizeof folder || strstr(group, "..")) return 0;
    for (;;) {
        double q = quota_of(root, folder);
        if (q > 0 && (least == 0 || q < least)) least = q;
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < strlen(mount)) return least;
        *slash = 0;
    }
}

static bool has_cpu(const char *controllers) {
    for (const char *at = controllers; *at;) {
        size_t n = strcspn(at, ",");
        if (n == 3 && strncmp(at, "cpu", 3) == 0) return true;
        at += n + (at[n] == ',');
    }
    return false;
}

/* 0: none. Lines of /proc/self/cgroup are "ID:CONTROLLERS:GROUP"; no controllers: version 2. */
static double cpu_quota(const char *root) {
    static const char *const version_1[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"};
    char groups[FILE_BYTES];
    double least = 0;
    if (!machine_read(root, "/proc/self/cgroup", groups, sizeof groups)) return 0;
    for (char *line = groups, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        char *controllers = strchr(line, ':'), *group;
        if (!controllers || !(group = strchr(++controllers, ':'))) continue;
        *group++ = 0;
        double q = 0;
        if (!*controllers) q = smallest_quota(root, "/sys/fs/cgroup", group);
        for (size_t i = 0; q == 0 && has_cpu(controllers) && i < 2; i++)
            q = smallest_quota(root, version_1[i], group);
        if (q > 0 && (least == 0 || q < least)) least = q;
    }
    return least;
}

int machine_threads(const char *root, const void *mask) {
    cpu_set_t own;
    const cpu_set_t *allowed = mask;
    if (!allowed) {
        if (sched_getaffinity(0, sizeof own, &own) != 0) return 1;
        allowed = &own;
    }
    int threads = physical_cores(root, allowed);
    double quota = cpu_quota(root);
    /* A part of a core is no core: a thread that is held back holds up all others. */
    if (quota > 0 && quota < threads) threads = (int)quota;
    return threads > 0 ? threads : 1;
}
