/* Stopping: Ctrl-C once asks, Ctrl-C twice insists.
 *
 * The handler does nothing but set a flag; what runs long looks at it between two steps. The
 * second signal ends the process at once: everything that was committed is safe by its
 * transaction. A program started with SIGINT ignored (nohup, a background job of a script) goes
 * on ignoring it.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "cli/cli.h"

static volatile sig_atomic_t stops;

static void on_signal(int number) {
    (void)number;
    if (stops++ > 0) _exit(ERROR_CANCELLED);
}

void cli_stop_watch(void) {
    static const int watched[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        struct sigaction before, ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        sigemptyset(&ours.sa_mask);
        if (sigaction(watched[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(watched[i], &ours, NULL);
    }
}

bool cli_stopped(void) {
    return stops > 0;
}
