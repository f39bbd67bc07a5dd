// SPDX-License-Identifier: Apache-2.0
// What steps say of each other: needs, stand-ins, cycles, and the order in which they run.
//
// An edge x -> y says that x must have ended before y. There are three kinds:
//  1. y names x under `needs`;
//  2. y stands in for x (`on_error: { step: y }` of x), so it runs when x has failed;
//  3. y needs x, and some step stands in for x: its output is what y sees, so it ends before y.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "wire/workflow_draft.h"

static void read_need(struct workflow_draft *draft, uint32_t index, const struct yaml *node) {
    struct faults *faults = draft->reading.faults;
    struct step_draft *step = &draft->steps[index];
    struct slice id;
    uint32_t other;
    if (!keys_scalar(&draft->reading, "needs", "a list of steps", node, &id)) {
        return;
    }
    if (!draft_find_step(draft, id, &other)) {
        draft_say_no_step(draft, id, node->place);
    } else if (other == index) {
        faults_add(faults, node->place, "step `%.*s` needs itself", QUOTED(id));
    } else if (step_set_has(&step->needs_set, other)) {
        faults_add(faults, node->place, "`%.*s` stands twice in `needs`", QUOTED(id));
    } else {
        step_set_add(&step->needs_set, other);
    }
}

static void read_stand_in(struct workflow_draft *draft, uint32_t index) {
    struct faults *faults = draft->reading.faults;
    struct step_draft *step = &draft->steps[index];
    uint32_t other;
    if (step->other_id.count == 0) {
        return;
    }
    if (!draft_find_step(draft, step->other_id, &other)) {
        draft_say_no_step(draft, step->other_id, step->other_place);
        return;
    }
    if (other == index) {
        faults_add(faults, step->other_place, "step `%.*s` cannot stand in for itself",
                   QUOTED(step->other_id));
        return;
    }
    struct step_draft *stand_in = &draft->steps[other];
    if (stand_in->step.only_on_error) {
        const struct slice first = draft->steps[stand_in->stands_in_for].step.id;
        faults_add(faults, step->other_place,
                   "step `%.*s` stands in for `%.*s` already: each step needs one of its own",
                   QUOTED(step->other_id), QUOTED(first));
        return;
    }
    stand_in->step.only_on_error = true;
    stand_in->stands_in_for = index;
    step->other = other;
    step->other_known = true;
}

/* The edges into a step; a chain of stand-ins is followed, and ends at the latest after all. */
static void add_edges(struct workflow_draft *draft, uint32_t index) {
    struct step_draft *step = &draft->steps[index];
    if (step->step.only_on_error) {
        step_set_add(&step->direct, step->stands_in_for);
    }
    for (uint32_t need = 0; need < draft->step_count; need++) {
        if (!step_set_has(&step->needs_set, need)) {
            continue;
        }
        uint32_t last = need;
        step_set_add(&step->direct, last);
        for (uint32_t i = 0; draft->steps[last].other_known && i < draft->step_count; i++) {
            last = draft->steps[last].other;
            if (last == index) {
                break; /* it needs the very step that it stands in for: no wait for itself */
            }
            step_set_add(&step->direct, last);
        }
    }
}

/* The first step in the file that has no rank and whose predecessors all have one. */
static bool find_ready(const struct workflow_draft *draft, const struct step_set *ranked,
                       uint32_t *out_index) {
    for (uint32_t i = 0; i < draft->step_count; i++) {
        bool ready = !step_set_has(ranked, i);
        for (size_t w = 0; w < sizeof(ranked->bits) / sizeof(ranked->bits[0]); w++) {
            ready = ready && (draft->steps[i].direct.bits[w] & ~ranked->bits[w]) == 0;
        }
        if (ready) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

static uint32_t first_unranked(const struct step_set *set, const struct step_set *ranked,
                               uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (step_set_has(set, i) && !step_set_has(ranked, i)) {
            return i;
        }
    }
    return count;
}

/* "`b` needs " or "`b` stands in for " in front of the member that follows. */
static void add_member(char names[FAULT_TEXT_BYTES_MAX], const struct workflow_draft *draft,
                       uint32_t member, uint32_t next) {
    const struct step_draft *step = &draft->steps[member];
    const size_t used = strlen(names);
    const bool stands_in = step->step.only_on_error && step->stands_in_for == next &&
                           !step_set_has(&step->needs_set, next);
    (void)snprintf(names + used, FAULT_TEXT_BYTES_MAX - used, "`%.*s`%s", QUOTED(step->step.id),
                   stands_in ? " stands in for " : " needs ");
}

/* Walks back from a step that waits until a step is met twice: from there on it is the circle. */
static void say_cycle(struct workflow_draft *draft, struct step_set *ranked) {
    uint32_t path[WORKFLOW_STEPS_MAX] = {0};
    struct step_set met = {0};
    struct step_set all;
    (void)memset(&all, 0xff, sizeof(all));
    uint32_t count = 0;
    uint32_t at = first_unranked(&all, ranked, draft->step_count);
    while (!step_set_has(&met, at)) {
        assert(at < draft->step_count); /* who waits, waits for somebody */
        step_set_add(&met, at);
        path[count++] = at;
        at = first_unranked(&draft->steps[at].direct, ranked, draft->step_count);
    }
    uint32_t first = 0;
    while (first + 1 < count && path[first] != at) {
        first++;
    }
    uint32_t lowest = first;
    for (uint32_t i = first; i < count; i++) {
        lowest = path[i] < path[lowest] ? i : lowest;
        step_set_add(ranked, path[i]);
    }
    char names[FAULT_TEXT_BYTES_MAX] = "";
    const uint32_t length = count - first;
    for (uint32_t i = 0; i < length; i++) {
        add_member(names, draft, path[first + (lowest - first + i) % length],
                   path[first + (lowest - first + i + 1) % length]);
    }
    const struct step_draft *step = &draft->steps[path[lowest]];
    faults_add(draft->reading.faults, step->needs != NULL ? step->needs->place : step->step.place,
               "the steps go in a circle: %s`%.*s`", names, QUOTED(step->step.id));
    draft->cyclic = true;
}

static void rank_steps(struct workflow_draft *draft) {
    struct step_set ranked = {0};
    uint32_t rank = 0;
    while (rank < draft->step_count) {
        uint32_t next;
        if (find_ready(draft, &ranked, &next)) {
            struct step_draft *step = &draft->steps[next];
            for (uint32_t i = 0; i < draft->step_count; i++) {
                if (step_set_has(&step->direct, i)) {
                    step_set_add(&step->before, i);
                    step_set_join(&step->before, &draft->steps[i].before);
                }
            }
            step->rank = rank++;
            step_set_add(&ranked, next);
        } else {
            const struct step_set before = ranked;
            say_cycle(draft, &ranked);
            for (uint32_t i = 0; i < draft->step_count; i++) {
                rank += step_set_has(&ranked, i) && !step_set_has(&before, i) ? 1 : 0;
            }
        }
    }
}

void step_graph_link(struct workflow_draft *draft) {
    for (uint32_t i = 0; i < draft->step_count; i++) {
        const struct yaml *needs = draft->steps[i].needs;
        for (uint32_t k = 0; needs != NULL && k < needs->count; k++) {
            read_need(draft, i, &needs->items[k]);
        }
    }
    for (uint32_t i = 0; i < draft->step_count; i++) {
        read_stand_in(draft, i);
    }
    for (uint32_t i = 0; i < draft->step_count; i++) {
        add_edges(draft, i);
    }
    rank_steps(draft);
}
