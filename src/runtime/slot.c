// SPDX-License-Identifier: Apache-2.0
#include "runtime/slot.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "runtime/late_results.h"
#include "runtime/slot_states.h"

enum { OPEN_ROOM_LEAST = 16 };

const char *slot_state_name(enum slot_state state) {
    static const char *const NAMES[] = {"loading", "running", "stopped", "faulty", "left"};
    return NAMES[state];
}

struct slot *slot_create(struct orchestrator *orchestrator, struct slice name) {
    struct slot *slot = memory_new(1, sizeof(*slot));
    if (slot != NULL) {
        slot->orchestrator = orchestrator;
        slot->last = &slot->first;
        slot->line_end = &slot->line;
        number_map_init(&slot->held);
        (void)snprintf(slot->name, sizeof(slot->name), "%.*s", SLICE_ARGS(name));
    }
    return slot;
}

void slot_destroy(struct slot *slot) {
    if (slot == NULL) {
        return;
    }
    for (uint32_t i = 0; i < slot->feed_count; i++) {
        feed_close(slot->feeds[i]);
    }
    for (struct event *event = slot_next_event(slot); event != NULL;
         event = slot_next_event(slot)) {
        event_destroy(event);
    }
    while (slot->runs != NULL) {
        run_destroy(slot->runs);
    }
    late_results_destroy(slot->late);
    slot_states_destroy(slot->states);
    number_map_done(&slot->held);
    tally_destroy(slot->tally);
    version_release(slot->version);
    memory_free(slot->open);
    memory_free(slot->file);
    memory_free(slot->fault);
    memory_free(slot);
}

const char *slot_file(const struct slot *slot) {
    return slot->file != NULL ? slot->file : "";
}

const char *slot_fault(const struct slot *slot) {
    return slot->fault != NULL ? slot->fault : "";
}

/* Of nothing, nothing stays. */
static bool keep_text(char **kept, struct slice text) {
    char *copy = NULL;
    if (text.count > 0) {
        copy = memory_new(1, text.count + 1);
        if (copy == NULL) {
            return false;
        }
        (void)memcpy(copy, text.bytes, text.count);
    }
    memory_free(*kept);
    *kept = copy;
    return true;
}

status slot_set_file(struct slot *slot, struct slice path, struct error *err) {
    return keep_text(&slot->file, path) ? STATUS_OK
                                        : fail(err, STATUS_NO_MEMORY, "out of memory for a path");
}

void slot_set_fault(struct slot *slot, struct slice text) {
    (void)keep_text(&slot->fault, slice_part(text, 0, SLOT_FAULT_BYTES_MAX));
}

status slot_take_run(struct slot *slot, struct run *run, struct error *err) {
    run->slot = slot;
    run->slot_next = slot->runs;
    run->slot_place = &slot->runs;
    if (slot->runs != NULL) {
        slot->runs->slot_place = &run->slot_next;
    }
    slot->runs = run;
    if (run->event->seen_hash == 0) {
        return STATUS_OK;
    }
    char mark[SLOT_NAME_BYTES * 3];
    run->seen_source =
        arena_copy(&run->arena, slot_mark(slot, run->event->source, mark, sizeof(mark)));
    return run->seen_source.bytes != NULL
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "out of memory for the mark of an event");
}

bool slot_open(struct slot *slot, uint64_t hash) {
    if (hash == 0) {
        return true;
    }
    if (slot->open_count == slot->open_room) {
        const size_t room = slot->open_room > 0 ? slot->open_room * 2 : OPEN_ROOM_LEAST;
        uint64_t *open = memory_resize(slot->open, room * sizeof(*open));
        if (open == NULL) {
            return false;
        }
        slot->open = open;
        slot->open_room = room;
    }
    slot->open[slot->open_count++] = hash;
    return true;
}

void slot_close(struct slot *slot, uint64_t hash) {
    for (size_t i = 0; hash != 0 && i < slot->open_count; i++) {
        if (slot->open[i] == hash) {
            slot->open[i] = slot->open[--slot->open_count];
            return;
        }
    }
}

bool slot_is_open(const struct slot *slot, uint64_t hash) {
    for (size_t i = 0; i < slot->open_count; i++) {
        if (slot->open[i] == hash) {
            return true;
        }
    }
    return false;
}

bool slot_keeps(const struct slot *slot, uint64_t hash) {
    for (const struct run *run = slot->runs; run != NULL; run = run->slot_next) {
        if (run->kept && run->event->seen_hash == hash) {
            return true;
        }
    }
    return false;
}

uint32_t slot_room(const struct slot *slot) {
    if (slot->state != SLOT_RUNNING || slot->version == NULL) {
        return 0;
    }
    const struct queue_policy *queue = &slot->version->workflow->queue;
    if (slot->asides >= SLOT_ENDING_MAX) {
        return 0; /* also where the queue drops: what is kept aside waits for the disk */
    }
    if (queue->keep_latest || queue->full != QUEUE_BLOCK) {
        return queue->max; /* what does not fit is dropped and counted */
    }
    const uint32_t held = slot->queued + slot->lined + slot->waiting;
    return held < queue->max ? queue->max - held : 0;
}

struct event *slot_take_event(struct slot *slot, struct event **place) {
    struct event *event = *place;
    if (event != NULL) {
        *place = event->next;
        if (*place == NULL) {
            slot->last = place;
        }
        event->next = NULL;
        slot->queued--;
    }
    return event;
}

struct event *slot_next_event(struct slot *slot) {
    return slot_take_event(slot, &slot->first);
}

void slot_queue(struct slot *slot, struct event *event, struct event **out_dropped) {
    const struct queue_policy *queue = &slot->version->workflow->queue;
    *out_dropped = NULL;
    const bool bounded = queue->full != QUEUE_BLOCK || queue->keep_latest;
    const bool full = bounded && slot->queued + slot->lined + slot->waiting >= queue->max;
    const bool drop_newest = queue->full == QUEUE_DROP_NEWEST && !queue->keep_latest;
    if (full && (drop_newest || slot->queued == 0)) {
        *out_dropped = event; /* runs that wait are not dropped: they have begun */
        return;
    }
    if (full || (queue->keep_latest && slot->queued > 0)) {
        *out_dropped = slot_next_event(slot);
    }
    event->next = NULL;
    *slot->last = event;
    slot->last = &event->next;
    slot->queued++;
}

void slot_line_up(struct slot *slot, struct run *run) {
    run->next = NULL;
    *slot->line_end = run;
    slot->line_end = &run->next;
    slot->lined++;
}

void slot_leave_line(struct slot *slot, struct run *run) {
    struct run **place = &slot->line;
    while (*place != run) {
        place = &(*place)->next;
    }
    *place = run->next;
    if (*place == NULL) {
        slot->line_end = place;
    }
    run->next = NULL;
    slot->lined--;
}

bool slot_is_idle(const struct slot *slot) {
    return slot->queued == 0 && slot->lined == 0 && slot->asides == 0 && slot->running == 0 &&
           slot->ending == 0 && slot->waiting == 0;
}

struct slice slot_mark(const struct slot *slot, struct slice source, char *room,
                       size_t room_bytes) {
    (void)snprintf(room, room_bytes, "%s/%.*s", slot->name, SLICE_ARGS(source));
    return slice_of(room);
}
