/* Whether this machine should be spared: on battery, or too hot.
 *
 * What the kernel says under /sys, and nothing else: no daemon is asked. A machine without a battery,
 * or without these files, is never spared. Throttling shows in two ways: a cooling device of a
 * processor that is at work now, or counters of throttling that rise between two readings. `root`
 * stands before every path, so that a test can show another machine.
 */
#include "base/base.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 512
#define VALUE_BYTES 128
#define ENTRIES_MAX 4096 /* a large server has some hundred cooling devices and CPUs */

/* The first word of root/folder/entry/file; false where there is none. */
static bool word(const char *root, const char *folder, const char *entry, const char *file,
                 char out[VALUE_BYTES]) {
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/%s/%s", folder, entry, file);
    if (n < 0 || (size_t)n >= sizeof path || !machine_read(root, path, out, VALUE_BYTES))
        return false;
    out[strcspn(out, "\r\n")] = 0;
    return *out != 0;
}

static bool number(const char *root, const char *folder, const char *entry, const char *file,
                   long long *out) {
    char value[VALUE_BYTES], *end;
    if (!word(root, folder, entry, file, value)) return false;
    *out = strtoll(value, &end, 10);
    return end != value;
}

typedef void entry_fn(const char *root, const char *folder, const char *entry, power_state *s);

static void each_entry(const char *root, const char *folder, entry_fn *fn, power_state *s) {
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s%s", root, folder);
    DIR *d = n > 0 && (size_t)n < sizeof path ? opendir(path) : NULL;
    struct dirent *e;
    for (int i = 0; d && i < ENTRIES_MAX && (e = readdir(d)); i++)
        if (e->d_name[0] != '.') fn(root, folder, e->d_name, s);
    if (d) closedir(d);
}

/* A supply that feeds the machine, or a battery that drains. Those of a mouse or a headset have the
 * scope "Device". */
static void supply(const char *root, const char *folder, const char *entry, power_state *s) {
    char type[VALUE_BYTES], value[VALUE_BYTES];
    long long v;
    if (!word(root, folder, entry, "type", type)) return;
    if (word(root, folder, entry, "scope", value) && strcmp(value, "Device") == 0) return;
    if (strcmp(type, "Battery") == 0) {
        if (!word(root, folder, entry, "status", value) || strcmp(value, "Discharging") != 0)
            return;
        s->battery = true;
        if (number(root, folder, entry, "capacity", &v) && v >= 0 && v <= 100) s->percent = (int)v;
    } else if (number(root, folder, entry, "online", &v) && v > 0) {
        s->mains = true;
    }
}

/* Fans cool too, but a fan that turns slows nothing down. */
static void cooling(const char *root, const char *folder, const char *entry, power_state *s) {
    char type[VALUE_BYTES];
    long long state;
    if (strncmp(entry, "cooling_device", 14) != 0 || !word(root, folder, entry, "type", type))
        return;
    bool processor = strncmp(type, "Processor", 9) == 0 || strncmp(type, "cpufreq", 7) == 0 ||
                     strncmp(type, "thermal-cpufreq", 15) == 0 ||
                     strcmp(type, "intel_powerclamp") == 0;
    if (processor && number(root, folder, entry, "cur_state", &state) && state > 0) s->hot = true;
}

static void throttles(const char *root, const char *folder, const char *entry, power_state *s) {
    static const char *const files[] = {"thermal_throttle/core_throttle_count",
                                        "thermal_throttle/package_throttle_count"};
    long long v;
    if (strncmp(entry, "cpu", 3) != 0 || entry[3] < '0' || entry[3] > '9') return;
    for (size_t i = 0; i < 2; i++)
        if (number(root, folder, entry, files[i], &v) && v > 0) s->throttles += (uint64_t)v;
}

void power_read(const char *root, const power_state *before, power_state *out) {
    *out = (power_state){.percent = -1};
    each_entry(root, "/sys/class/power_supply", supply, out);
    each_entry(root, "/sys/class/thermal", cooling, out);
    each_entry(root, "/sys/devices/system/cpu", throttles, out);
    /* Several batteries and no mains, or one of the two at rest: draining is what counts. */
    if (out->mains) out->battery = false;
    if (before && out->throttles > before->throttles) out->hot = true;
}
