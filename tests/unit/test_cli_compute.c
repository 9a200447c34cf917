/* --threads and --power on made-up machines: what is spared, when, and what is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"

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
    strcpy(root, "/tmp/carrel-compute-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

/* Looks, with what went to stderr in `said`. */
static void look(cli_compute *c, char said[512]) {
    FILE *f = tmpfile();
    int own = dup(STDERR_FILENO);
    assert_non_null(f);
    fflush(stderr);
    dup2(fileno(f), STDERR_FILENO);
    cli_compute_look(c, root);
    fflush(stderr);
    dup2(own, STDERR_FILENO);
    close(own);
    rewind(f);
    said[fread(said, 1, 511, f)] = 0;
    fclose(f);
}

static void unplug(void) {
    put("/sys/class/power_supply/BAT0/type", "Battery\n");
    put("/sys/class/power_supply/BAT0/status", "Discharging\n");
    put("/sys/class/power_supply/BAT0/capacity", "57\n");
}

static int fewer(int threads) {
    return threads > 1 ? threads / 2 : 1;
}

static void plugged_in(void **state) {
    (void)state;
    char said[512];
    cli_compute c = {0};
    look(&c, said);
    assert_false(c.spare);
    assert_int_equal(c.threads, machine_threads(root, NULL));
    assert_string_equal(said, "");
}

static void on_battery(void **state) {
    (void)state;
    char said[512];
    cli_compute c = {0};
    unplug();
    look(&c, said);
    assert_true(c.spare);
    assert_int_equal(c.threads, fewer(machine_threads(root, NULL)));
    assert_non_null(strstr(said, "on battery (57%)"));
    assert_non_null(strstr(said, "--power full"));
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); /* one line */
    look(&c, said);
    assert_string_equal(said, ""); /* once is enough */
    put("/sys/class/power_supply/BAT0/status", "Charging\n");
    look(&c, said);
    assert_false(c.spare);
    assert_int_equal(c.threads, machine_threads(root, NULL));
}

static void what_was_asked_for_stays(void **state) {
    (void)state;
    char said[512];
    cli_compute threads = {.asked = 7}, full = {.power = CLI_POWER_FULL},
                saver = {.power = CLI_POWER_SAVER};
    unplug();
    look(&threads, said);
    assert_int_equal(threads.threads, 7);
    assert_true(threads.spare); /* answers are short all the same */
    look(&full, said);
    assert_false(full.spare);
    assert_int_equal(full.threads, machine_threads(root, NULL));
    assert_string_equal(said, "");
    put("/sys/class/power_supply/BAT0/status", "Charging\n");
    look(&saver, said);
    assert_true(saver.spare);
    assert_int_equal(saver.threads, fewer(machine_threads(root, NULL)));
    assert_string_equal(said, "");
}

static void heat_shows_between_two_looks(void **state) {
    (void)state;
    char said[512];
    cli_compute c = {0};
    put("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "5\n");
    look(&c, said);
    assert_false(c.spare);
    put("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "9\n");
    look(&c, said);
    assert_true(c.spare);
    assert_non_null(strstr(said, "hot"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plugged_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(on_battery, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_asked_for_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heat_shows_between_two_looks, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
