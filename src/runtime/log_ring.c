// SPDX-License-Identifier: Apache-2.0
#include "runtime/log_ring.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"

struct log_ring {
    pthread_mutex_t lock;
    struct log_entry *entries[LOG_RING_LINES_MAX]; /* by number; owned, each with its text behind */
    uint64_t first, next;                          /* numbers: the oldest there is, the next one */
    size_t bytes;
};

static struct log_entry **entry_of(struct log_ring *ring, uint64_t number) {
    return &ring->entries[number % LOG_RING_LINES_MAX];
}

static void drop_oldest(struct log_ring *ring) {
    struct log_entry **entry = entry_of(ring, ring->first++);
    ring->bytes -= (*entry)->text.count;
    memory_free(*entry);
    *entry = NULL;
}

/* Without memory a line is written to standard error all the same, and is missing here. */
static void on_line(void *owner, int64_t wall_ms, enum log_level level, const char *room,
                    struct slice text) {
    struct log_ring *ring = owner;
    struct log_entry *entry = memory_new(1, sizeof(*entry) + text.count + 1);
    if (entry == NULL) {
        return;
    }
    char *copy = (char *)(entry + 1);
    (void)memcpy(copy, text.bytes, text.count);
    (void)pthread_mutex_lock(&ring->lock);
    while (ring->first < ring->next && (ring->next - ring->first == LOG_RING_LINES_MAX ||
                                        ring->bytes + text.count > LOG_RING_BYTES_MAX)) {
        drop_oldest(ring);
    }
    *entry = (struct log_entry){.number = ring->next,
                                .wall_ms = wall_ms,
                                .level = level,
                                .room = room,
                                .text = {.bytes = copy, .count = text.count}};
    *entry_of(ring, ring->next) = entry;
    ring->next++;
    ring->bytes += text.count;
    (void)pthread_mutex_unlock(&ring->lock);
}

status log_ring_create(struct log_ring **out_ring, struct error *err) {
    struct log_ring *ring = memory_new(1, sizeof(*ring));
    if (ring == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the last lines of the log");
    }
    (void)pthread_mutex_init(&ring->lock, NULL);
    ring->first = ring->next = 1;
    log_set_listener(on_line, ring);
    *out_ring = ring;
    return STATUS_OK;
}

/* " workflow=NAME " as a word of the line. */
static bool names_workflow(struct slice text, struct slice name) {
    static const char KEY[] = "workflow=";
    while (text.count > 0) {
        const size_t end = slice_find(text, ' ');
        const struct slice word = slice_part(text, 0, end);
        if (slice_starts(word, KEY) &&
            slice_equal(slice_part(word, sizeof(KEY) - 1, word.count), name)) {
            return true;
        }
        text = slice_part(text, end + 1, text.count);
    }
    return false;
}

static bool passes(const struct log_entry *entry, const struct log_filter *filter) {
    return entry->level >= filter->least &&
           (filter->workflow.count == 0 || names_workflow(entry->text, filter->workflow));
}

/* The number of the first line to show: all but the last `limit` that pass are left out. */
static uint64_t skip_to_last(struct log_ring *ring, const struct log_filter *filter) {
    uint32_t count = 0;
    uint64_t number = ring->next;
    while (number > ring->first && count < filter->limit) {
        number--;
        count += passes(*entry_of(ring, number), filter);
    }
    return number;
}

uint64_t log_ring_read(struct log_ring *ring, const struct log_filter *filter,
                       void (*each)(void *owner, const struct log_entry *entry), void *owner,
                       uint64_t *out_last) {
    (void)pthread_mutex_lock(&ring->lock);
    uint64_t number = ring->first;
    uint64_t missed = 0;
    if (filter->after == 0) {
        number = skip_to_last(ring, filter);
    } else if (filter->after + 1 < ring->first) {
        missed = ring->first - filter->after - 1;
    } else {
        number = filter->after + 1;
    }
    uint32_t count = 0;
    for (; number < ring->next && count < filter->limit; number++) {
        if (passes(*entry_of(ring, number), filter)) {
            each(owner, *entry_of(ring, number));
            count++;
        }
    }
    *out_last = number - 1;
    (void)pthread_mutex_unlock(&ring->lock);
    return missed;
}

void log_ring_destroy(struct log_ring *ring) {
    if (ring == NULL) {
        return;
    }
    log_set_listener(NULL, NULL);
    while (ring->first < ring->next) {
        drop_oldest(ring);
    }
    (void)pthread_mutex_destroy(&ring->lock);
    memory_free(ring);
}
