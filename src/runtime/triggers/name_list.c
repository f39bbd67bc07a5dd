// SPDX-License-Identifier: Apache-2.0
#include "runtime/triggers/name_list.h"

#include <string.h>

#include "base/memory.h"

enum { ROOM_LEAST = 16 };

static bool make_room(struct name_list *list, size_t more) {
    if (list->room - list->count >= more) {
        return true;
    }
    size_t room = list->room * 2 > ROOM_LEAST ? list->room * 2 : ROOM_LEAST;
    room = room - list->count < more ? list->count + more : room;
    struct name_item *items = memory_resize(list->items, room * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    list->items = items;
    list->room = room;
    return true;
}

bool name_list_add(struct name_list *list, const char *name, uint64_t hash) {
    const size_t bytes = strlen(name) + 1;
    if (!make_room(list, 1)) {
        return false;
    }
    char *copy = memory_new(bytes, 1);
    if (copy == NULL) {
        return false;
    }
    (void)memcpy(copy, name, bytes);
    list->items[list->count++] = (struct name_item){.name = copy, .hash = hash};
    return true;
}

void name_list_take(struct name_list *list, size_t most, struct name_list *out_taken) {
    const size_t count = list->count < most ? list->count : most;
    if (count == 0 || !make_room(out_taken, count)) {
        return;
    }
    (void)memcpy(out_taken->items + out_taken->count, list->items, count * sizeof(*list->items));
    out_taken->count += count;
    list->count -= count;
    (void)memmove(list->items, list->items + count, list->count * sizeof(*list->items));
}

void name_list_done(struct name_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        memory_free(list->items[i].name);
    }
    memory_free(list->items);
    *list = (struct name_list){0};
}
