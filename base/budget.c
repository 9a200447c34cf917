/* How much memory a model may take: what the kernel says is available, and what the limits of the
 * cgroup and of those above it leave. A container of 2 GB on a machine of 64 GB must be told that a
 * model does not fit, instead of being killed while it loads.
 *
 * Pages of files count against a cgroup's limit but are given back when memory is short, so they
 * count as free. `root` stands before every path, so that a test can show another machine.
 */
#include "base/base.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 1024
#define FILE_BYTES 8192

/* The names of one version of cgroups. */
typedef struct {
    const char *mount, *limit, *used, *prefix;
} version;

/* The number behind `name` at the start of a line; 0: none. */
static uint64_t value_of(const char *lines, const char *name) {
    for (const char *line = lines; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t n = strlen(name);
        if (strncmp(line, name, n) == 0 && (line[n] == ' ' || line[n] == ':'))
            return strtoull(line + n + 1, NULL, 10);
    }
    return 0;
}

static bool read_in(const char *root, const char *folder, const char *file, char *out) {
    char path[PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return machine_read(root, path, out, FILE_BYTES);
}

/* What one group leaves; UINT64_MAX: it has no limit. */
static uint64_t left_in(const char *root, const char *folder, const version *v) {
    char text_[FILE_BYTES], name[64];
    uint64_t limit, used, files = 0;
    if (!read_in(root, folder, v->limit, text_) || sscanf(text_, "%" SCNu64, &limit) != 1 ||
        !read_in(root, folder, v->used, text_) || sscanf(text_, "%" SCNu64, &used) != 1)
        return UINT64_MAX; /* "max" is no number */
    if (read_in(root, folder, "memory.stat", text_)) {
        snprintf(name, sizeof name, "%sinactive_file", v->prefix);
        files += value_of(text_, name);
        snprintf(name, sizeof name, "%sactive_file", v->prefix);
        files += value_of(text_, name);
    }
    used = used > files ? used - files : 0;
    return limit > used ? limit - used : 0;
}

static uint64_t least_left(const char *root, const char *group, const version *v) {
    char folder[PATH_BYTES];
    uint64_t least = UINT64_MAX;
    int n = snprintf(folder, sizeof folder, "%s%s", v->mount, strcmp(group, "/") ? group : "");
    if (n < 0 || (size_t)n >= sizeof folder || strstr(group, "..")) return least;
    for (;;) {
        uint64_t left = left_in(root, folder, v);
        if (left < least) least = left;
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < strlen(v->mount)) return least;
        *slash = 0;
    }
}

/* Lines of /proc/self/cgroup are "ID:CONTROLLERS:GROUP"; no controllers: version 2. */
static uint64_t cgroups_leave(const char *root) {
    static const version one = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
                                "memory.usage_in_bytes", "total_"};
    static const version two = {"/sys/fs/cgroup", "memory.max", "memory.current", ""};
    char groups[FILE_BYTES];
    uint64_t least = UINT64_MAX;
    if (!machine_read(root, "/proc/self/cgroup", groups, sizeof groups)) return least;
    for (char *line = groups, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        char *group = strstr(line, ":memory:");
        const version *v = group ? &one : &two;
        if (!group && !(group = strstr(line, "::"))) continue;
        uint64_t left = least_left(root, strchr(group + 1, ':') + 1, v);
        if (left < least) least = left;
    }
    return least;
}

uint64_t machine_memory(const char *root) {
    char lines[FILE_BYTES];
    uint64_t least = cgroups_leave(root), kibibytes = 0;
    if (machine_read(root, "/proc/meminfo", lines, sizeof lines))
        kibibytes = value_of(lines, "MemAvailable");
    if (kibibytes > 0 && kibibytes < UINT64_MAX / 1024 && kibibytes * 1024 < least)
        least = kibibytes * 1024;
    return least;
}
