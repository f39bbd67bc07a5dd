// SPDX-License-Identifier: Apache-2.0
#include "runtime/state_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "platform/hash.h"

enum { BUCKETS_LEAST = 16 };

uint64_t state_key_hash(struct slice key) {
    const uint64_t hash = hash_64(key, (struct slice){0});
    return hash != 0 ? hash : 1;
}

static size_t bytes_of(const struct state_entry *entry) {
    return sizeof(*entry) + entry->key.count + entry->value.count;
}

void state_entry_destroy(struct state_entry *entry) {
    memory_free(entry);
}

void state_table_done(struct state_table *table) {
    while (table->oldest != NULL) {
        struct state_entry *entry = table->oldest;
        table->oldest = entry->newer;
        state_entry_destroy(entry);
    }
    memory_free(table->buckets);
    *table = (struct state_table){0};
}

/* --- places ----------------------------------------------------------------------------------- */

static struct state_entry **bucket_of(const struct state_table *table, uint64_t hash) {
    return &table->buckets[hash & (table->bucket_count - 1)];
}

/* What points at the key's entry, or where it would be. */
static struct state_entry **place_of(const struct state_table *table, uint64_t hash,
                                     struct slice key) {
    struct state_entry **place = bucket_of(table, hash);
    while (*place != NULL && !((*place)->hash == hash && slice_equal((*place)->key, key))) {
        place = &(*place)->in_bucket;
    }
    return place;
}

static bool grow(struct state_table *table) {
    if (table->count < table->bucket_count) {
        return true;
    }
    struct state_table larger = *table;
    larger.bucket_count = table->bucket_count > 0 ? table->bucket_count * 2 : BUCKETS_LEAST;
    larger.buckets = memory_new(larger.bucket_count, sizeof(*larger.buckets));
    if (larger.buckets == NULL) {
        return table->bucket_count > 0; /* longer chains, then */
    }
    for (struct state_entry *entry = table->oldest; entry != NULL; entry = entry->newer) {
        struct state_entry **bucket = bucket_of(&larger, entry->hash);
        entry->in_bucket = *bucket;
        *bucket = entry;
    }
    memory_free(table->buckets);
    *table = larger;
    return true;
}

static void append(struct state_table *table, struct state_entry *entry) {
    entry->older = table->newest;
    entry->newer = NULL;
    if (table->newest != NULL) {
        table->newest->newer = entry;
    } else {
        table->oldest = entry;
    }
    table->newest = entry;
}

static void take_out(struct state_table *table, struct state_entry *entry) {
    struct state_entry **place = place_of(table, entry->hash, entry->key);
    *place = entry->in_bucket;
    *(entry->older != NULL ? &entry->older->newer : &table->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &table->newest) = entry->older;
    table->count--;
    table->bytes -= bytes_of(entry);
}

/* --- what it is for --------------------------------------------------------------------------- */

const struct state_entry *state_table_find(const struct state_table *table, struct slice key,
                                           int64_t now_ns) {
    if (table->bucket_count == 0) {
        return NULL;
    }
    const struct state_entry *entry = *place_of(table, state_key_hash(key), key);
    return entry != NULL && entry->expires_ns > now_ns ? entry : NULL;
}

static struct state_entry *make_entry(struct slice key, struct slice value) {
    struct state_entry *entry = memory_new(1, sizeof(*entry) + key.count + value.count);
    if (entry == NULL) {
        return NULL;
    }
    char *bytes = (char *)(entry + 1);
    (void)memcpy(bytes, key.bytes, key.count);
    (void)memcpy(bytes + key.count, value.bytes, value.count);
    entry->key = (struct slice){.bytes = bytes, .count = key.count};
    entry->value = (struct slice){.bytes = bytes + key.count, .count = value.count};
    entry->hash = state_key_hash(key);
    return entry;
}

status state_table_put(struct state_table *table, struct slice key, struct slice value,
                       int64_t expires_ns, bool dirty, struct error *err) {
    struct state_entry *entry = make_entry(key, value);
    if (entry == NULL || !grow(table)) {
        state_entry_destroy(entry);
        return fail(err, STATUS_NO_MEMORY, "out of memory for the state of a key");
    }
    entry->expires_ns = expires_ns;
    entry->dirty = dirty;
    struct state_entry *before = *place_of(table, entry->hash, key);
    if (before != NULL) {
        take_out(table, before);
        state_entry_destroy(before);
    }
    struct state_entry **bucket = bucket_of(table, entry->hash);
    entry->in_bucket = *bucket;
    *bucket = entry;
    append(table, entry);
    table->count++;
    table->bytes += bytes_of(entry);
    return STATUS_OK;
}

struct state_entry *state_table_shed(struct state_table *table, uint32_t keys_max, int64_t now_ns,
                                     bool (*spared)(void *owner, uint64_t hash), void *owner) {
    const bool beyond = table->count > keys_max || table->bytes > STATE_TABLE_BYTES_MAX;
    for (struct state_entry *entry = table->oldest; entry != NULL; entry = entry->newer) {
        if (!beyond && entry->expires_ns > now_ns) {
            return NULL;
        }
        if (!spared(owner, entry->hash)) {
            take_out(table, entry);
            return entry;
        }
    }
    return NULL;
}

static int by_expiry(const void *a, const void *b) {
    const struct state_entry *const *first = a, *const *second = b;
    return ((*first)->expires_ns > (*second)->expires_ns) -
           ((*first)->expires_ns < (*second)->expires_ns);
}

void state_table_sort(struct state_table *table) {
    struct state_entry **entries = memory_new(table->count, sizeof(struct state_entry *));
    if (entries == NULL) {
        return; /* another key may go first than would be right */
    }
    uint32_t count = 0;
    for (struct state_entry *entry = table->oldest; entry != NULL; entry = entry->newer) {
        entries[count++] = entry;
    }
    qsort(entries, count, sizeof(struct state_entry *), by_expiry);
    table->oldest = NULL;
    table->newest = NULL;
    for (uint32_t i = 0; i < count; i++) {
        append(table, entries[i]);
    }
    memory_free(entries);
}
