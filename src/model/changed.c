// SPDX-License-Identifier: Apache-2.0
#include "model/changed.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The first of the largest. */
static size_t place_of_largest(const float *numbers, size_t count) {
    size_t place = 0;
    for (size_t i = 1; i < count; i++) {
        place = numbers[i] > numbers[place] ? i : place;
    }
    return place;
}

static void begin(struct changed *changed, const struct sample *sample) {
    struct changed_sample *now = &changed->now;
    changed->is_begun = true;
    changed->drift = (struct drift){0};
    *now = (struct changed_sample){.moment = sample->moment, .gap = -1};
    (void)snprintf(now->name, sizeof(now->name), "%s", sample->name);
    (void)snprintf(now->path, sizeof(now->path), "%s", sample->path);
}

static void keep(struct changed_sample *now, const struct proof_pair *pair, double gap, size_t row,
                 struct changed_number original, struct changed_number variant) {
    if (isnan(gap) || gap <= now->gap) {
        return;
    }
    (void)snprintf(now->output, sizeof(now->output), "%s", pair->output);
    now->row = row;
    now->original = original;
    now->variant = variant;
    now->gap = gap;
}

static void see_row(struct changed_sample *now, const struct proof_pair *pair, size_t row) {
    const float *original = pair->reference + row * pair->row;
    const float *variant = pair->changed + row * pair->row;
    const size_t was = place_of_largest(original, pair->row);
    const size_t is = place_of_largest(variant, pair->row);
    if (was != is) {
        now->rows_changed++;
        keep(now, pair, (double)original[was] - (double)original[is], row,
             (struct changed_number){was, original[was]}, (struct changed_number){is, variant[is]});
    }
}

static void see_numbers(struct changed_sample *now, const struct proof_pair *pair) {
    for (size_t i = 0; i < pair->count; i++) {
        const double gap = fabs((double)pair->reference[i] - (double)pair->changed[i]);
        if (gap > now->gap) {
            keep(now, pair, gap, 0, (struct changed_number){i, pair->reference[i]},
                 (struct changed_number){i, pair->changed[i]});
        }
    }
}

static bool is_worse(const struct changed_sample *a, const struct changed_sample *b) {
    const double share_a = a->rows > 0 ? (double)a->rows_changed / (double)a->rows : 0;
    const double share_b = b->rows > 0 ? (double)b->rows_changed / (double)b->rows : 0;
    return share_a > share_b || (share_a >= share_b && a->sqnr_db < b->sqnr_db);
}

/* The sample at hand takes its place among the worst; of equal ones the first stays in front. */
static void put(struct changed *changed) {
    uint32_t at = changed->count;
    while (at > 0 && is_worse(&changed->now, &changed->samples[at - 1])) {
        at--;
    }
    if (at == CHANGED_SAMPLES_MAX) {
        return;
    }
    changed->count += changed->count < CHANGED_SAMPLES_MAX ? 1 : 0;
    (void)memmove(&changed->samples[at + 1], &changed->samples[at],
                  (changed->count - at - 1) * sizeof(changed->samples[0]));
    changed->samples[at] = changed->now;
}

static void see(void *owner, const struct proof_pair *pair) {
    struct changed *changed = owner;
    struct changed_sample *now = &changed->now;
    if (!changed->is_begun) {
        begin(changed, pair->sample);
    }
    drift_add(&changed->drift, pair->reference, pair->changed, pair->count, pair->row);
    const bool has_rows = pair->row > 1 && !changed->is_mask;
    /* Where there are answers, what says none does not count. */
    if (has_rows && now->rows == 0) {
        now->gap = -1;
    }
    for (size_t row = 0; has_rows && (row + 1) * pair->row <= pair->count; row++) {
        now->rows++;
        see_row(now, pair, row);
    }
    if (now->rows == 0) {
        see_numbers(now, pair);
    }
    if (pair->is_last) {
        now->sqnr_db = drift_sqnr_db(&changed->drift);
        changed->has_rows = changed->has_rows || now->rows > 0;
        changed->sample_count++;
        changed->changed_count += now->rows_changed > 0 ? 1 : 0;
        put(changed);
        changed->is_begun = false;
    }
}

struct proof_watch changed_watch(struct changed *changed) {
    return (struct proof_watch){.see = see, .owner = changed};
}

void changed_end(struct changed *changed) {
    while (changed->count > 0) {
        const struct changed_sample *last = &changed->samples[changed->count - 1];
        const bool stays =
            changed->has_rows ? last->rows_changed > 0 : last->sqnr_db < PROOF_LOSSLESS_DB;
        if (stays) {
            return;
        }
        changed->count--;
    }
}
