// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_blobs.h"

#include "base/memory.h"

enum { ITEMS_FIRST = 8 };

void run_blobs_done(struct run_blobs *kept) {
    for (uint32_t i = 0; i < kept->count; i++) {
        if (kept->items[i].pinned) {
            blobs_unpin(kept->blobs, kept->items[i].id);
        }
    }
    memory_free(kept->items);
    memory_free(kept->holds);
    kept->items = NULL;
    kept->holds = NULL;
    kept->count = 0;
    kept->room = 0;
}

static status make_room(struct run_blobs *kept, uint32_t more, struct error *err) {
    if (kept->blobs == NULL) {
        return fail(err, STATUS_INVALID, "there is no place to keep blobs");
    }
    if (more > RUN_BLOBS_MAX - kept->count) {
        return fail(err, STATUS_INVALID, "a run keeps at most %d blobs", RUN_BLOBS_MAX);
    }
    uint32_t room = kept->room > 0 ? kept->room : ITEMS_FIRST;
    while (room < kept->count + more) {
        room *= 2;
    }
    if (room > kept->room) {
        struct run_blob *items = memory_resize(kept->items, room * sizeof(*items));
        kept->items = items != NULL ? items : kept->items;
        struct blob_hold *holds = memory_resize(kept->holds, room * sizeof(*holds));
        kept->holds = holds != NULL ? holds : kept->holds;
        if (items == NULL || holds == NULL) {
            return fail(err, STATUS_NO_MEMORY, "out of memory for a run's blobs");
        }
        kept->room = room;
    }
    return STATUS_OK;
}

static void add(struct run_blobs *kept, const struct blob_hold *hold, uint32_t step, bool pinned) {
    kept->items[kept->count] =
        (struct run_blob){.id = hold->id, .step = step, .pinned = pinned, .held = !pinned};
    kept->holds[kept->count++] = *hold;
}

status run_blobs_keep_output(struct run_blobs *kept, uint32_t step, struct value output,
                             struct error *err) {
    struct blob_hold holds[BLOBS_OF_VALUE_MAX];
    uint32_t count = 0;
    TRY(make_room(kept, BLOBS_OF_VALUE_MAX, err));
    const status code = blobs_keep_value(kept->blobs, output, holds, &count, err);
    for (uint32_t i = 0; i < count; i++) {
        add(kept, &holds[i], step, true);
    }
    return code;
}

static struct blob_hold hold_of(const struct blob *blob) {
    return (struct blob_hold){
        .id = blob_id(blob), .bytes = (int64_t)blob_count(blob), .type = blob_type(blob)};
}

/* Gathers what a restored value shows. */
static status note_held(struct run_blobs *kept, uint32_t step, struct value value,
                        struct error *err) {
    if (value.kind == VALUE_BLOB) {
        TRY(make_room(kept, 1, err));
        const struct blob_hold hold = hold_of(value.blob);
        add(kept, &hold, step, false);
    }
    for (uint32_t i = 0; value.kind == VALUE_LIST && i < value.count; i++) {
        TRY(note_held(kept, step, value.items[i], err));
    }
    for (uint32_t i = 0; value.kind == VALUE_OBJECT && i < value.count; i++) {
        TRY(note_held(kept, step, value.members[i].value, err));
    }
    return STATUS_OK;
}

status run_blobs_restore_output(struct run_blobs *kept, uint32_t step, struct arena *arena,
                                struct value json, struct value *out_output, struct error *err) {
    if (kept->blobs == NULL) {
        *out_output = json;
        return STATUS_OK;
    }
    TRY(blobs_restore(kept->blobs, arena, json, out_output, err));
    return note_held(kept, step, *out_output, err);
}

status run_blobs_attach(struct run_blobs *kept, struct blob *blob, int64_t keep_ms,
                        enum blob_leaves leaves, struct error *err) {
    TRY(make_room(kept, 1, err));
    TRY(blobs_keep(kept->blobs, blob, err));
    struct blob_hold hold = hold_of(blob);
    hold.keep_ms = keep_ms;
    hold.leaves = leaves;
    add(kept, &hold, RUN_BLOBS_NO_STEP, true);
    kept->items[kept->count - 1].attached = true;
    return STATUS_OK;
}

void run_blobs_detach(struct run_blobs *kept) {
    for (uint32_t i = 0; i < kept->count; i++) {
        kept->items[i].attached = false;
    }
}

const struct blob_hold *run_blobs_hold_output(struct run_blobs *kept, uint32_t step,
                                              uint32_t *out_count) {
    uint32_t first = 0;
    while (first < kept->count && kept->items[first].step != step) {
        first++;
    }
    uint32_t count = 0;
    for (uint32_t i = first; i < kept->count && kept->items[i].step == step; i++) {
        kept->items[i].held = true;
        kept->holds[i].holders = 1;
        count++;
    }
    *out_count = count;
    return count > 0 ? &kept->holds[first] : NULL;
}

uint32_t run_blobs_end(struct run_blobs *kept, bool stored) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < kept->count; i++) {
        const struct run_blob *item = &kept->items[i];
        if (item->held || (item->attached && stored)) {
            kept->holds[count] = kept->holds[i];
            kept->holds[count++].holders = item->held ? -1 : 0;
        }
    }
    return count;
}
