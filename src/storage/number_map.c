// SPDX-License-Identifier: Apache-2.0
#include "storage/number_map.h"

#include "base/memory.h"

enum { ROOM_LEAST = 64 };

struct number_map_entry {
    uint64_t key;
    uint64_t number;
    bool used;
};

void number_map_init(struct number_map *map) {
    *map = (struct number_map){0};
}

void number_map_done(struct number_map *map) {
    memory_free(map->entries);
    *map = (struct number_map){0};
}

/* Keys may be chosen by somebody else only through a hash; one multiplication spreads the rest. */
static size_t home_of(const struct number_map *map, uint64_t key) {
    const uint64_t mixed = (key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 20) & (map->room - 1);
}

/* Where the key is, or the free place where it would be. */
static size_t place_of(const struct number_map *map, uint64_t key) {
    size_t place = home_of(map, key);
    while (map->entries[place].used && map->entries[place].key != key) {
        place = (place + 1) & (map->room - 1);
    }
    return place;
}

static bool grow(struct number_map *map) {
    const size_t room = map->room > 0 ? map->room * 2 : ROOM_LEAST;
    struct number_map_entry *entries = memory_new(room, sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    const struct number_map old = *map;
    map->entries = entries;
    map->room = room;
    for (size_t i = 0; i < old.room; i++) {
        if (old.entries[i].used) {
            map->entries[place_of(map, old.entries[i].key)] = old.entries[i];
        }
    }
    memory_free(old.entries);
    return true;
}

bool number_map_set(struct number_map *map, uint64_t key, uint64_t number) {
    if (map->count >= map->room / 4 * 3 && (map->count >= NUMBER_MAP_COUNT_MAX || !grow(map))) {
        return false;
    }
    struct number_map_entry *entry = &map->entries[place_of(map, key)];
    map->count += entry->used ? 0 : 1;
    *entry = (struct number_map_entry){.key = key, .number = number, .used = true};
    return true;
}

bool number_map_get(const struct number_map *map, uint64_t key, uint64_t *out_number) {
    if (map->count == 0) {
        return false;
    }
    const struct number_map_entry *entry = &map->entries[place_of(map, key)];
    if (!entry->used) {
        return false;
    }
    if (out_number != NULL) {
        *out_number = entry->number;
    }
    return true;
}

/* What stands behind the hole and would not be found past it moves forward. */
void number_map_remove(struct number_map *map, uint64_t key) {
    if (map->count == 0) {
        return;
    }
    size_t hole = place_of(map, key);
    if (!map->entries[hole].used) {
        return;
    }
    const size_t mask = map->room - 1;
    for (size_t i = (hole + 1) & mask; map->entries[i].used; i = (i + 1) & mask) {
        const size_t home = home_of(map, map->entries[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->entries[hole] = map->entries[i];
            hole = i;
        }
    }
    map->entries[hole] = (struct number_map_entry){0};
    map->count--;
}
