// SPDX-License-Identifier: Apache-2.0
#include "model/choice.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a bootstrap draws from; any seed does. */
enum { SEED = 1 };

/* Of fewer rounds chance may well put all on one side; then it takes more of a difference. */
enum { ROUNDS_SURE = 8 };
static const double FEW_ROUNDS_MARGIN = 0.15;

/* In what a variant may dominate another. Of the drifts the first that both have counts. */
static const enum cost_kind AXES[] = {COST_LATENCY_P50, COST_RSS, COST_SIZE};
static const enum cost_kind DRIFTS[] = {COST_DRIFT_METRIC, COST_DRIFT_ARGMAX, COST_DRIFT_SQNR,
                                        COST_DRIFT_COSINE};

/* Whether it would be worse when both were measured again. Times of the same rounds tell more than
 * their medians; what has no margin is the same every time. */
static bool is_worse(const struct profile_row *row, const struct profile_row *best,
                     enum cost_kind kind, bool more_is_better) {
    const double number = row->cost.of[kind];
    const double least = best->cost.of[kind];
    const double margin = 1 + cost_margin(kind);
    if ((kind == COST_LATENCY_P50 || kind == COST_CPU) && row->rounds == best->rounds &&
        row->rounds > 0) {
        const bool is_cpu = kind == COST_CPU;
        const double least_margin =
            row->rounds < ROUNDS_SURE ? fmax(margin, 1 + FEW_ROUNDS_MARGIN) : margin;
        const struct interval ratio =
            profile_compare(is_cpu ? row->cpu_ms : row->wall_ms,
                            is_cpu ? best->cpu_ms : best->wall_ms, &row->openings, SEED);
        return more_is_better ? ratio.high * least_margin < 1 : ratio.low > least_margin;
    }
    return more_is_better ? number * margin < least : number > least * margin;
}

/* --- the Pareto set --- */

/* -1, 0 or 1: the first is worse, as good or better. What one of them has not is no difference. */
static int compare_kind(const struct profile_row *row, const struct profile_row *other,
                        enum cost_kind kind) {
    const bool more_is_better = cost_more_is_better(kind);
    if (isnan(row->cost.of[kind]) || isnan(other->cost.of[kind])) {
        return 0;
    }
    if (is_worse(row, other, kind, more_is_better)) {
        return -1;
    }
    return is_worse(other, row, kind, more_is_better) ? 1 : 0;
}

static int compare_drift(const struct profile_row *row, const struct profile_row *other) {
    for (size_t i = 0; i < sizeof(DRIFTS) / sizeof(DRIFTS[0]); i++) {
        const double mine = row->cost.of[DRIFTS[i]];
        const double theirs = other->cost.of[DRIFTS[i]];
        if (!isnan(mine) && !isnan(theirs)) {
            return (mine > theirs) - (mine < theirs);
        }
    }
    return 0;
}

static bool dominates(const struct profile_row *row, const struct profile_row *other) {
    bool is_better = false;
    for (size_t i = 0; i <= sizeof(AXES) / sizeof(AXES[0]); i++) {
        const int compared = i < sizeof(AXES) / sizeof(AXES[0]) ? compare_kind(row, other, AXES[i])
                                                                : compare_drift(row, other);
        if (compared < 0) {
            return false;
        }
        is_better = is_better || compared > 0;
    }
    return is_better;
}

static bool is_undominated(const struct profile_row *rows, uint32_t count, uint32_t index) {
    for (uint32_t i = 0; i < count; i++) {
        if (i != index && profile_is_usable(&rows[i]) && dominates(&rows[i], &rows[index])) {
            return false;
        }
    }
    return true;
}

/* --- the choice --- */

static void judge(const struct budget *budget, const struct profile_row *rows, uint32_t count,
                  uint32_t index, struct choice *choice) {
    const struct profile_row *row = &rows[index];
    const struct cost *reference = profile_is_usable(&rows[0]) ? &rows[0].cost : NULL;
    *choice = (struct choice){0};
    if (!profile_is_usable(row)) {
        (void)snprintf(choice->why, sizeof(choice->why), "unusable: %s", row->why.text);
        return;
    }
    choice->keeps = budget_keeps(budget, &row->cost, reference, choice->why);
    if (choice->keeps && isnan(row->cost.of[budget->objective])) {
        choice->keeps = false;
        (void)snprintf(choice->why, sizeof(choice->why), "%s was not measured",
                       cost_words(budget->objective));
    }
    choice->is_undominated = is_undominated(rows, count, index);
}

/* The best by its number alone, or NULL. */
static const struct profile_row *find_best(const struct budget *budget,
                                           const struct profile_row *rows, uint32_t count,
                                           const struct choice *choices) {
    const enum cost_kind kind = budget->objective;
    const struct profile_row *best = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct profile_row *row = &rows[i];
        if (choices[i].keeps &&
            (best == NULL || (budget->maximise ? row->cost.of[kind] > best->cost.of[kind]
                                               : row->cost.of[kind] < best->cost.of[kind]))) {
            best = row;
        }
    }
    return best;
}

bool choice_make(const struct budget *budget, const struct profile_row *rows, uint32_t count,
                 struct choice *out_choices) {
    for (uint32_t i = 0; i < count; i++) {
        judge(budget, rows, count, i, &out_choices[i]);
    }
    const struct profile_row *best = find_best(budget, rows, count, out_choices);
    struct choice *taken = NULL;
    double least_bytes = INFINITY;
    for (uint32_t i = 0; best != NULL && i < count; i++) {
        const double bytes = rows[i].cost.of[COST_SIZE];
        if (out_choices[i].keeps && bytes < least_bytes &&
            !is_worse(&rows[i], best, budget->objective, budget->maximise)) {
            taken = &out_choices[i];
            least_bytes = bytes;
        }
    }
    if (taken != NULL) {
        taken->is_taken = true;
    }
    return taken != NULL;
}
