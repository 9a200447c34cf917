/* Cores and power, read from made-up trees of /sys and /proc. */
#include "base/base.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static void put(const char *path, const char *value) {
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *c = full + strlen(root) + 1; *c; c++) {
        if (*c != '/') continue;
        *c = 0;
        mkdir(full, 0755);
        *c = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(value, f);
    fclose(f);
}

static int set_up(void **state) {
    (void)state;
    strcpy(root, "/tmp/carrel-machine-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

/* `count` CPUs, each core with the threads c and c + count / 2 where `pairs`. */
static void put_cpus(int count, bool pairs) {
    for (int c = 0; c < count; c++) {
        char path[128], list[32];
        int half = count / 2;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/core_cpus_list", c);
        if (pairs)
            snprintf(list, sizeof list, "%d,%d\n", c % half, c % half + half);
        else
            snprintf(list, sizeof list, "%d\n", c);
        put(path, list);
    }
}

static cpu_set_t cpus(int first, int last) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int c = first; c <= last; c++) CPU_SET((size_t)c, &set);
    return set;
}

static void two_threads_of_a_core_count_once(void **state) {
    (void)state;
    cpu_set_t all = cpus(0, 15), upper = cpus(8, 15), some = cpus(6, 9);
    put_cpus(16, true);
    assert_int_equal(machine_threads(root, &all), 8);
    assert_int_equal(machine_threads(root, &upper), 8); /* one thread of each */
    assert_int_equal(machine_threads(root, &some), 4);  /* of cores 6, 7, 0 and 1 */
    put("/sys/devices/system/cpu/cpu0/topology/core_cpus_list", "0-1\n");
    put("/sys/devices/system/cpu/cpu1/topology/core_cpus_list", "0-1\n");
    cpu_set_t pair = cpus(0, 1);
    assert_int_equal(machine_threads(root, &pair), 1);
}

static void other_machines(void **state) {
    (void)state;
    cpu_set_t all = cpus(0, 3);
    assert_int_equal(machine_threads(root, &all), 4); /* no topology is said */
    put("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2\n");
    put("/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "0,2\n");
    assert_int_equal(machine_threads(root, &all), 3);
    put("/sys/devices/system/cpu/cpu3/topology/core_cpus_list", "nonsense");
    assert_int_equal(machine_threads(root, &all), 3);
    assert_true(machine_threads("", NULL) >= 1);
}

static void quotas(void **state) {
    (void)state;
    cpu_set_t all = cpus(0, 15);
    put_cpus(16, false);
    put("/proc/self/cgroup", "0::/user.slice/job\n");
    assert_int_equal(machine_threads(root, &all), 16);
    put("/sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
    assert_int_equal(machine_threads(root, &all), 16);
    put("/sys/fs/cgroup/user.slice/cpu.max", "350000 100000\n"); /* of the group above */
    assert_int_equal(machine_threads(root, &all), 3);
    put("/sys/fs/cgroup/user.slice/job/cpu.max", "50000 100000\n");
    assert_int_equal(machine_threads(root, &all), 1);
    put("/proc/self/cgroup", "4:memory:/x\n3:cpu,cpuacct:/box\n0::/\n");
    put("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
    assert_int_equal(machine_threads(root, &all), 16);
    put("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "600000\n");
    assert_int_equal(machine_threads(root, &all), 6);
    put("/proc/self/cgroup", "0::/../../etc\nnonsense\n::");
    assert_int_equal(machine_threads(root, &all), 16);
}

static power_state state_of(const power_state *before) {
    power_state s;
    power_read(root, before, &s);
    return s;
}

static void batteries(void **state) {
    (void)state;
    assert_false(state_of(NULL).battery); /* no battery, no files at all */
    put("/sys/class/power_supply/BAT0/type", "Battery\n");
    put("/sys/class/power_supply/BAT0/status", "Charging\n");
    put("/sys/class/power_supply/BAT0/capacity", "57\n");
    assert_false(state_of(NULL).battery);
    put("/sys/class/power_supply/BAT0/status", "Discharging\n");
    assert_true(state_of(NULL).battery);
    assert_int_equal(state_of(NULL).percent, 57);
    put("/sys/class/power_supply/AC/type", "Mains\n");
    put("/sys/class/power_supply/AC/online", "0\n");
    assert_true(state_of(NULL).battery);
    put("/sys/class/power_supply/AC/online", "1\n"); /* weak mains: still plugged in */
    assert_false(state_of(NULL).battery);
}

static void the_battery_of_a_mouse_is_none(void **state) {
    (void)state;
    put("/sys/class/power_supply/hid-mouse/type", "Battery\n");
    put("/sys/class/power_supply/hid-mouse/status", "Discharging\n");
    put("/sys/class/power_supply/hid-mouse/scope", "Device\n");
    assert_false(state_of(NULL).battery);
}

static void heat(void **state) {
    (void)state;
    put("/sys/class/thermal/cooling_device0/type", "Fan\n");
    put("/sys/class/thermal/cooling_device0/cur_state", "3\n");
    put("/sys/class/thermal/cooling_device1/type", "Processor\n");
    put("/sys/class/thermal/cooling_device1/cur_state", "0\n");
    put("/sys/class/thermal/cooling_device2/type", "intel_powerclamp\n");
    put("/sys/class/thermal/cooling_device2/cur_state", "-1\n");
    assert_false(state_of(NULL).hot);
    put("/sys/class/thermal/cooling_device1/cur_state", "2\n");
    assert_true(state_of(NULL).hot);
    put("/sys/class/thermal/cooling_device1/cur_state", "0\n");
    put("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "40\n");
    put("/sys/devices/system/cpu/cpu1/thermal_throttle/package_throttle_count", "2\n");
    power_state first = state_of(NULL);
    assert_false(first.hot); /* it was, at some time since the start */
    assert_int_equal(first.throttles, 42);
    assert_false(state_of(&first).hot);
    put("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "41\n");
    assert_true(state_of(&first).hot);
}

/* A container is told what it may take, not what the machine has. */
static void memory(void **state) {
    const uint64_t mib = 1 << 20;
    (void)state;
    assert_true(machine_memory(root) == UINT64_MAX);
    put("/proc/meminfo", "MemTotal:  8388608 kB\nMemFree:  1 kB\nMemAvailable:  4194304 kB\n");
    assert_int_equal(machine_memory(root), 4096 * mib);
    put("/proc/self/cgroup", "0::/user/carrel\n");
    put("/sys/fs/cgroup/user/carrel/memory.max", "max\n");
    put("/sys/fs/cgroup/user/carrel/memory.current", "1048576\n");
    assert_int_equal(machine_memory(root), 4096 * mib);
    put("/sys/fs/cgroup/user/memory.max", "1073741824\n");
    put("/sys/fs/cgroup/user/memory.current", "943718400\n");
    assert_int_equal(machine_memory(root), 124 * mib); /* of the group above */
    put("/sys/fs/cgroup/user/memory.stat", "anon 1\ninactive_file 104857600\nactive_file 0\n");
    assert_int_equal(machine_memory(root), 224 * mib); /* pages of files can go */
    put("/sys/fs/cgroup/user/memory.current", "1073741824000\n");
    assert_int_equal(machine_memory(root), 0);
    put("/proc/self/cgroup", "5:cpu:/\n4:memory:/box\n0::/\n");
    put("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "536870912\n");
    put("/sys/fs/cgroup/memory/box/memory.usage_in_bytes", "268435456\n");
    put("/sys/fs/cgroup/memory/box/memory.stat", "active_file 9\ntotal_active_file 1048576\n");
    assert_int_equal(machine_memory(root), 257 * mib);
    put("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(machine_memory(root), 4096 * mib);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_threads_of_a_core_count_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_machines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(quotas, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batteries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_battery_of_a_mouse_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
