/* How much of the machine a command takes: --threads and --power.
 *
 * By default one thread for each physical core. On battery, or while the kernel slows a hot
 * processor down, half of them and shorter answers, with one line that says so; --power full never
 * does that, --power saver always. A number of threads that was asked for stays what it is.
 */
#include <string.h>

#include "cli/cli.h"

/* Between two looks at /sys in a long run. */
#define LOOK_EVERY_MS 10000.0

/* Of a command that has CLI_COMPUTE_OPTIONS; NULL in others. */
static const cli_value *option(const cli_args *args, const char *name) {
    const cli_command *c = args->command;
    for (size_t i = 0; c && i < c->option_count; i++)
        if (strcmp(c->options[i].name, name) == 0) return &args->v[CLI_GLOBALS + i];
    return NULL;
}

/* "on battery (57%)" */
static void put_reason(text *out, const power_state *s) {
    if (s->battery) text_put(out, STR("on battery"));
    if (s->battery && s->percent >= 0) text_printf(out, " (%d%%)", s->percent);
    if (s->battery && s->hot) text_put(out, STR(" and "));
    if (s->hot) text_put(out, STR("the processor is hot and slowed down"));
}

void cli_compute_look(cli_compute *c, const char *root) {
    power_state now = {.percent = -1};
    bool was = c->spare;
    int all = machine_threads(root, NULL);
    if (c->power == CLI_POWER_AUTO) power_read(root, c->looked_ms > 0 ? &c->state : NULL, &now);
    c->spare =
        c->power == CLI_POWER_SAVER || (c->power == CLI_POWER_AUTO && (now.battery || now.hot));
    c->threads = c->asked > 0 ? c->asked : c->spare && all > 1 ? all / 2 : all;
    if (c->power == CLI_POWER_AUTO) {
        if (c->spare && !was) {
            text why = {0};
            put_reason(&why, &now);
            cli_note("%s: %d thread%s and shorter answers; --power full uses all of the machine",
                     why.p, c->threads, c->threads == 1 ? "" : "s");
            text_free(&why);
        }
        c->state = now;
    }
    c->looked_ms = clock_ms();
}

void cli_compute_start(const cli_args *args, cli_compute *c) {
    const cli_value *threads = option(args, "threads"), *power = option(args, "power");
    *c = (cli_compute){0};
    if (threads && threads->given) c->asked = (int)threads->number;
    if (power && power->given) c->power = (cli_power)power->number;
    cli_compute_look(c, "");
    pool_usual(c->threads); /* also of what opens models */
}

bool cli_compute_again(cli_compute *c) {
    int before = c->threads;
    bool spared = c->spare;
    if (c->power != CLI_POWER_AUTO || clock_ms() - c->looked_ms < LOOK_EVERY_MS) return false;
    cli_compute_look(c, "");
    return c->threads != before || c->spare != spared;
}
