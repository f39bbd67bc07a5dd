// SPDX-License-Identifier: Apache-2.0
#include "platform/interrupt.h"

#include <signal.h>
#include <stddef.h>

static const int NUMBERS[] = {SIGINT, SIGTERM, SIGHUP};
enum { COUNT = sizeof(NUMBERS) / sizeof(NUMBERS[0]) };

static volatile sig_atomic_t came;
static struct sigaction before[COUNT];

static void note(int number) {
    (void)number;
    came = 1;
}

void interrupt_watch(void) {
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    came = 0;
    for (size_t i = 0; i < COUNT; i++) {
        (void)sigaction(NUMBERS[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN) {
            (void)sigaction(NUMBERS[i], &action, NULL);
        }
    }
}

bool interrupt_came(void) {
    return came != 0;
}

void interrupt_unwatch(void) {
    for (size_t i = 0; i < COUNT; i++) {
        (void)sigaction(NUMBERS[i], &before[i], NULL);
    }
}
