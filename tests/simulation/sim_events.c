// SPDX-License-Identifier: Apache-2.0
#include "sim_events.h"

#include <stdlib.h>

static bool is_before(const struct sim_event *a, const struct sim_event *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(struct sim_event *a, struct sim_event *b) {
    const struct sim_event kept = *a;
    *a = *b;
    *b = kept;
}

void sim_events_done(struct sim_events *events) {
    free(events->heap);
    *events = (struct sim_events){0};
}

void sim_after(struct sim_events *events, int64_t delay_us, sim_happen *happen, void *owner,
               uint64_t what) {
    if (events->count == events->room) {
        events->room = events->room > 0 ? 2 * events->room : 256;
        events->heap = realloc(events->heap, (size_t)events->room * sizeof(*events->heap));
        if (events->heap == NULL) {
            abort();
        }
    }
    int place = events->count++;
    events->heap[place] = (struct sim_event){.at_us = events->now_us + delay_us,
                                             .order = events->order++,
                                             .happen = happen,
                                             .owner = owner,
                                             .what = what};
    while (place > 0 && is_before(&events->heap[place], &events->heap[(place - 1) / 2])) {
        swap(&events->heap[place], &events->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
}

static void sink(struct sim_events *events) {
    int place = 0;
    for (;;) {
        int least = place;
        for (int child = 2 * place + 1; child <= 2 * place + 2; child++) {
            if (child < events->count && is_before(&events->heap[child], &events->heap[least])) {
                least = child;
            }
        }
        if (least == place) {
            return;
        }
        swap(&events->heap[place], &events->heap[least]);
        place = least;
    }
}

bool sim_step(struct sim_events *events) {
    if (events->count == 0) {
        return false;
    }
    const struct sim_event next = events->heap[0];
    events->heap[0] = events->heap[--events->count];
    sink(events);
    events->now_us = next.at_us;
    next.happen(next.owner, next.what);
    return true;
}
