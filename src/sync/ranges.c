// SPDX-License-Identifier: Apache-2.0
#include "sync/ranges.h"

#include <assert.h>
#include <string.h>

static bool is_possible(struct range range) {
    return range.from >= 1 && range.from <= range.to && range.to <= RANGE_SEQ_MAX;
}

uint64_t ranges_top(const struct ranges *ranges) {
    return ranges->count > 0 && ranges->items[0].from == 1 ? ranges->items[0].to : 0;
}

uint64_t ranges_highest(const struct ranges *ranges) {
    return ranges->count > 0 ? ranges->items[ranges->count - 1].to : 0;
}

uint64_t ranges_total(const struct ranges *ranges) {
    uint64_t total = 0;
    for (int i = 0; i < ranges->count; i++) {
        total += ranges->items[i].to - ranges->items[i].from + 1;
    }
    return total;
}

/* The first interval that does not end before `seq`; the count: there is none. */
static int find_from(const struct ranges *ranges, uint64_t seq) {
    int low = 0;
    int high = ranges->count;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (ranges->items[middle].to < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool ranges_hold(const struct ranges *ranges, struct range range) {
    const int i = find_from(ranges, range.from);
    return i < ranges->count && ranges->items[i].from <= range.from &&
           range.to <= ranges->items[i].to;
}

uint64_t ranges_first_missing(const struct ranges *ranges, uint64_t from) {
    const int i = find_from(ranges, from);
    return i < ranges->count && ranges->items[i].from <= from ? ranges->items[i].to + 1 : from;
}

bool ranges_next_missing(const struct ranges *ranges, struct range within, uint64_t *seq,
                         struct range *out_piece) {
    const uint64_t from = ranges_first_missing(ranges, *seq > within.from ? *seq : within.from);
    if (from > within.to) {
        return false;
    }
    const int next = find_from(ranges, from);
    const bool is_cut = next < ranges->count && ranges->items[next].from <= within.to;
    *out_piece =
        (struct range){.from = from, .to = is_cut ? ranges->items[next].from - 1 : within.to};
    *seq = out_piece->to + 1;
    return true;
}

void ranges_around(const struct ranges *ranges, struct range range, int *out_first, int *out_end) {
    const int first = find_from(ranges, range.from - 1);
    int end = first;
    while (end < ranges->count && ranges->items[end].from <= range.to + 1) {
        end++;
    }
    *out_first = first;
    *out_end = end;
}

status ranges_add(struct ranges *ranges, struct range range, struct error *err) {
    assert(is_possible(range));
    int first = 0;
    int end = 0;
    ranges_around(ranges, range, &first, &end);
    if (first == end && ranges->count == RANGES_MAX) {
        return fail(err, STATUS_FULL, "a lane has at most %d intervals: fill the oldest hole first",
                    RANGES_MAX);
    }
    if (first < end) {
        const struct range *low = &ranges->items[first];
        const struct range *high = &ranges->items[end - 1];
        range.from = range.from < low->from ? range.from : low->from;
        range.to = range.to > high->to ? range.to : high->to;
    }
    (void)memmove(&ranges->items[first + 1], &ranges->items[end],
                  (size_t)(ranges->count - end) * sizeof(ranges->items[0]));
    ranges->items[first] = range;
    ranges->count += 1 - (end - first);
    return STATUS_OK;
}

/* --- JSON ------------------------------------------------------------------------------------ */

void ranges_write(const struct ranges *ranges, struct buffer *out) {
    buffer_add_byte(out, '[');
    for (int i = 0; i < ranges->count; i++) {
        buffer_print(out, "%s[%llu,%llu]", i > 0 ? "," : "",
                     (unsigned long long)ranges->items[i].from,
                     (unsigned long long)ranges->items[i].to);
    }
    buffer_add_byte(out, ']');
}

static bool read_range(struct value pair, struct range *out_range) {
    if (pair.kind != VALUE_LIST || pair.count != 2 || pair.items[0].kind != VALUE_INTEGER ||
        pair.items[1].kind != VALUE_INTEGER) {
        return false;
    }
    const struct range range = {.from = (uint64_t)pair.items[0].integer,
                                .to = (uint64_t)pair.items[1].integer};
    *out_range = range;
    return is_possible(range);
}

status ranges_read(const struct value *list, struct ranges *out_ranges, struct error *err) {
    if (list == NULL || list->kind != VALUE_LIST || list->count > RANGES_MAX) {
        return fail(err, STATUS_INVALID, "ranges must be a list of at most %d", RANGES_MAX);
    }
    struct ranges ranges = {.count = 0};
    for (uint32_t i = 0; i < list->count; i++) {
        struct range *range = &ranges.items[ranges.count];
        if (!read_range(list->items[i], range)) {
            return fail(err, STATUS_INVALID, "range %u must be two seqs, [from, to]", i + 1);
        }
        if (i > 0 && range->from <= range[-1].to + 1) {
            return fail(err, STATUS_INVALID, "range %u does not lie apart from the one before it",
                        i + 1);
        }
        ranges.count++;
    }
    *out_ranges = ranges;
    return STATUS_OK;
}
