// SPDX-License-Identifier: Apache-2.0
/* Any text as a budget: what is refused is told in a sentence, what is taken can be held against
 * any cost. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/budget.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static const double NUMBERS[] = {NAN, 0, -1, 1e-9, 15, 6e7, 1e300, INFINITY};
    struct budget budget;
    struct error err = {0};
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    if (budget_read(text, &budget, &err) != STATUS_OK) {
        if (err.text[0] == '\0') {
            abort();
        }
        return 0;
    }
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        char why[BUDGET_WHY_BYTES_MAX] = "";
        struct cost cost;
        struct cost reference;
        cost_init(&reference);
        for (int k = 0; k < COST_COUNT; k++) {
            cost.of[k] = NUMBERS[i];
            reference.of[k] = NUMBERS[sizeof(NUMBERS) / sizeof(NUMBERS[0]) - 1 - i];
        }
        const bool kept = budget_keeps(&budget, &cost, &reference, why);
        if (kept != (why[0] == '\0') || memchr(why, '\0', sizeof(why)) == NULL) {
            abort();
        }
    }
    return 0;
}
