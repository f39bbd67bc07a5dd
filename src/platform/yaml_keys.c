// SPDX-License-Identifier: Apache-2.0
#include "platform/yaml_keys.h"

#include <stdlib.h>

#include "base/text.h"

enum { KEY_SHOWN_BYTES = 64 };

/* A pair with where it came from: those that a merge brought give way to those that were written,
 * and a later merge to an earlier one. */
struct entry {
    const struct yaml_pair *pair;
    uint32_t index;
    bool merged;
};

static int compare_keys(const void *a, const void *b) {
    const struct entry *left = a;
    const struct entry *right = b;
    const int order = slice_compare(left->pair->key, right->pair->key);
    return order != 0 ? order : left->index < right->index ? -1 : left->index > right->index;
}

static int compare_indexes(const void *a, const void *b) {
    const struct entry *left = a;
    const struct entry *right = b;
    return left->index < right->index ? -1 : left->index > right->index;
}

static void add_entry(struct buffer *entries, const struct yaml_pair *pair, bool merged) {
    const struct entry entry = {
        .pair = pair, .index = (uint32_t)(entries->count / sizeof(entry)), .merged = merged};
    buffer_add(entries, (struct slice){.bytes = (const char *)&entry, .count = sizeof(entry)});
}

static void add_map(struct buffer *entries, const struct yaml *map) {
    for (uint32_t i = 0; i < map->count; i++) {
        add_entry(entries, &map->pairs[i], true);
    }
}

/* *out_wrong is what cannot be merged, NULL when all could. */
static void add_merged(struct buffer *entries, const struct yaml *from,
                       const struct yaml **out_wrong) {
    *out_wrong = NULL;
    if (from->kind == YAML_MAP) {
        add_map(entries, from);
        return;
    }
    if (from->kind != YAML_LIST) {
        *out_wrong = from;
        return;
    }
    for (uint32_t i = 0; i < from->count; i++) {
        if (from->items[i].kind != YAML_MAP) {
            *out_wrong = &from->items[i];
            return;
        }
        add_map(entries, &from->items[i]);
    }
}

static status fail_twice(const struct yaml_pair *pair, struct place *out_place, struct error *err) {
    *out_place = pair->key_place;
    const struct slice start = text_cut(pair->key, KEY_SHOWN_BYTES);
    char shown[KEY_SHOWN_BYTES + 1] = "";
    for (size_t i = 0; i < start.count; i++) {
        shown[i] = (unsigned char)start.bytes[i] < 0x20 ? ' ' : start.bytes[i]; /* one sentence */
    }
    return fail(err, STATUS_INVALID, "the key '%s' stands twice in this map", shown);
}

static status list_entries(struct buffer *entries, const struct yaml *map, bool merges,
                           struct place *out_place, struct error *err) {
    const struct yaml *merge = NULL;
    buffer_clear(entries);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct yaml_pair *pair = &map->pairs[i];
        if (!merges || !slice_is(pair->key, "<<")) {
            add_entry(entries, pair, false);
        } else if (merge != NULL) {
            return fail_twice(pair, out_place, err);
        } else {
            merge = &pair->value;
        }
    }
    const struct yaml *unfit = NULL;
    if (merge != NULL) {
        add_merged(entries, merge, &unfit);
    }
    if (unfit != NULL) {
        *out_place = unfit->place;
        return fail(err, STATUS_INVALID, "'<<' takes a map or a list of maps");
    }
    return buffer_status(entries, err);
}

/* Drops what a merge brought in vain. Of several keys that were written twice the first is named.
 */
static status drop_doubles(struct entry *entries, uint32_t *count, struct place *out_place,
                           struct error *err) {
    struct entry twice = {0};
    uint32_t kept = 0;
    qsort(entries, *count, sizeof(*entries), compare_keys);
    for (uint32_t i = 0; i < *count; i++) {
        const struct entry entry = entries[i];
        const bool first = kept == 0 || !slice_equal(entries[kept - 1].pair->key, entry.pair->key);
        if (first) {
            entries[kept++] = entry;
        } else if (!entry.merged && (twice.pair == NULL || entry.index < twice.index)) {
            twice = entry;
        }
    }
    if (twice.pair != NULL) {
        return fail_twice(twice.pair, out_place, err);
    }
    qsort(entries, kept, sizeof(*entries), compare_indexes);
    *count = kept;
    return STATUS_OK;
}

status yaml_keys_settle(struct arena *arena, struct buffer *scratch, struct yaml *map, bool merges,
                        struct place *out_place, struct error *err) {
    TRY(list_entries(scratch, map, merges, out_place, err));
    struct entry *entries = (struct entry *)(void *)scratch->bytes;
    uint32_t count = (uint32_t)(scratch->count / sizeof(*entries));
    if (count > 1) {
        TRY(drop_doubles(entries, &count, out_place, err));
    }
    struct yaml_pair *pairs = arena_get(arena, count, sizeof(*pairs));
    if (pairs == NULL) {
        return fail(err, STATUS_FULL, "the file does not fit the %zu bytes for it",
                    arena->bytes_max);
    }
    for (uint32_t i = 0; i < count; i++) {
        pairs[i] = *entries[i].pair;
    }
    map->count = count;
    map->pairs = pairs;
    return STATUS_OK;
}
