// SPDX-License-Identifier: Apache-2.0
#include "platform/fault_cutter.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

enum { NODES_MAX = 512, NO_NODE = -1 };

/* What a name points at; a name that is removed and made again points at a new one. */
struct node {
    struct fault_bytes synced;
    size_t *pending; /* owned: indices of calls since the last sync, in their order */
    size_t pending_count, pending_room;
};

struct fault_cutter {
    const struct fault_log *log; /* not owned */
    size_t at;
    struct node nodes[NODES_MAX];
    int node_count;
    int names[FAULT_FILES_MAX];        /* node of each name, as the running system sees it */
    int synced_names[FAULT_FILES_MAX]; /* as on the disk */
    size_t folder_calls[NODES_MAX];    /* since the last sync of the folder */
    int folder_nodes[NODES_MAX];       /* CREATE: the node that was made */
    int folder_count;
};

/* A number that is the same for the same arguments (splitmix64's last steps). */
static uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t z = a * UINT64_C(0x9e3779b97f4a7c15) + b + UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* --- walking --------------------------------------------------------------------------------- */

struct fault_cutter *fault_cutter_create(const struct fault_log *log) {
    struct fault_cutter *cutter = memory_new(1, sizeof(*cutter));
    if (cutter == NULL) {
        return NULL;
    }
    cutter->log = log;
    for (int i = 0; i < FAULT_FILES_MAX; i++) {
        cutter->names[i] = NO_NODE;
        if (log->base[i].exists) {
            cutter->names[i] = cutter->node_count++;
            if (!fault_bytes_copy(&cutter->nodes[cutter->names[i]].synced, &log->base[i].content)) {
                fault_cutter_destroy(cutter);
                return NULL;
            }
        }
        cutter->synced_names[i] = cutter->names[i];
    }
    return cutter;
}

void fault_cutter_destroy(struct fault_cutter *cutter) {
    if (cutter == NULL) {
        return;
    }
    for (int i = 0; i < cutter->node_count; i++) {
        fault_bytes_done(&cutter->nodes[i].synced);
        memory_free(cutter->nodes[i].pending);
    }
    memory_free(cutter);
}

static bool add_pending(struct node *node, size_t index) {
    if (node->pending_count == node->pending_room) {
        const size_t room = node->pending_room > 0 ? node->pending_room * 2 : 64;
        size_t *pending = memory_resize(node->pending, room * sizeof(*pending));
        if (pending == NULL) {
            return false;
        }
        node->pending = pending;
        node->pending_room = room;
    }
    node->pending[node->pending_count++] = index;
    return true;
}

static bool apply(const struct fault_log *log, const struct fault_call *call,
                  struct fault_bytes *content) {
    if (call->kind == FAULT_CALL_RESIZE) {
        return fault_bytes_resize(content, call->offset);
    }
    return fault_bytes_put(content, call->offset, log->data.bytes + call->data, call->count);
}

static bool sync_node(const struct fault_log *log, struct node *node) {
    for (size_t i = 0; i < node->pending_count; i++) {
        if (!apply(log, &log->calls[node->pending[i]], &node->synced)) {
            return false;
        }
    }
    node->pending_count = 0;
    return true;
}

static void note_folder_call(struct fault_cutter *cutter, size_t index, int node) {
    assert(cutter->folder_count < NODES_MAX);
    cutter->folder_calls[cutter->folder_count] = index;
    cutter->folder_nodes[cutter->folder_count++] = node;
}

static void apply_name(int *names, const struct fault_call *call, int node) {
    if (call->kind == FAULT_CALL_MOVE) {
        names[call->to] = names[call->file];
        names[call->file] = NO_NODE;
    } else {
        names[call->file] = call->kind == FAULT_CALL_CREATE ? node : NO_NODE;
    }
}

static bool take(struct fault_cutter *cutter, size_t index) {
    const struct fault_call *call = &cutter->log->calls[index];
    const int at = cutter->names[call->file];
    struct node *node = at != NO_NODE ? &cutter->nodes[at] : NULL;
    switch (call->kind) {
    case FAULT_CALL_CREATE:
        assert(cutter->node_count < NODES_MAX);
        note_folder_call(cutter, index, cutter->node_count);
        apply_name(cutter->names, call, cutter->node_count++);
        return true;
    case FAULT_CALL_REMOVE:
    case FAULT_CALL_MOVE:
        note_folder_call(cutter, index, NO_NODE);
        apply_name(cutter->names, call, NO_NODE);
        return true;
    case FAULT_CALL_SYNC_FOLDER:
        (void)memcpy(cutter->synced_names, cutter->names, sizeof(cutter->names));
        cutter->folder_count = 0;
        return true;
    case FAULT_CALL_SYNC:
        return node == NULL || sync_node(cutter->log, node);
    case FAULT_CALL_SYNC_FAILED: /* clean in the cache, and not on the disk */
        if (node != NULL) {
            node->pending_count = 0;
        }
        return true;
    case FAULT_CALL_WRITE:
    case FAULT_CALL_RESIZE:
        return node == NULL || add_pending(node, index);
    }
    return false;
}

bool fault_cutter_go(struct fault_cutter *cutter, size_t index) {
    assert(index >= cutter->at && index <= cutter->log->count);
    while (cutter->at < index) {
        if (!take(cutter, cutter->at)) {
            return false;
        }
        cutter->at++;
    }
    return true;
}

/* --- building -------------------------------------------------------------------------------- */

/* How many of the pending calls have reached a sector: none, all, or some. */
static size_t reached(uint64_t seed, size_t sector, size_t pending_count) {
    const uint64_t dice = mix(seed, sector);
    switch (dice & 3) {
    case 0:
        return 0;
    case 1:
        return pending_count;
    default:
        return (size_t)((dice >> 8) % (pending_count + 1));
    }
}

/* The bytes of a write that reached the disk, sector by sector; the last one may be torn. */
static void put_sectors(const struct fault_log *log, const struct node *node, size_t number,
                        uint64_t seed, struct fault_bytes *content) {
    const struct fault_call *call = &log->calls[node->pending[number]];
    size_t done = 0;
    while (done < call->count) {
        const size_t at = call->offset + done;
        const size_t sector = at / FAULT_SECTOR_BYTES;
        size_t part = (sector + 1) * FAULT_SECTOR_BYTES - at;
        part = part < call->count - done ? part : call->count - done;
        const size_t limit = reached(seed, sector, node->pending_count);
        const bool torn = number == limit && (mix(seed, ~sector) & 7) == 0;
        const size_t bytes = number < limit ? part : torn ? part / 2 : 0;
        if (bytes > 0 && at + bytes <= content->count) {
            (void)memcpy(content->bytes + at, log->data.bytes + call->data + done, bytes);
        }
        done += part;
    }
}

/* The size after the first `number` pending calls. */
static size_t size_after(const struct fault_log *log, const struct node *node, size_t number) {
    size_t size = node->synced.count;
    for (size_t i = 0; i < number; i++) {
        const struct fault_call *call = &log->calls[node->pending[i]];
        const size_t end = call->offset + call->count;
        size = call->kind == FAULT_CALL_RESIZE || end > size ? end : size;
    }
    return size;
}

static bool build_random(const struct fault_log *log, const struct node *node, uint64_t seed,
                         struct fault_bytes *content) {
    const size_t size = size_after(log, node, reached(seed, SIZE_MAX, node->pending_count));
    if (!fault_bytes_resize(content, size)) {
        return false;
    }
    for (size_t i = 0; i < node->pending_count; i++) {
        if (log->calls[node->pending[i]].kind == FAULT_CALL_WRITE) {
            put_sectors(log, node, i, seed, content);
        }
    }
    return true;
}

static bool build_node(const struct fault_cutter *cutter, const struct node *node,
                       enum fault_cut cut, uint64_t seed, struct fault_bytes *content) {
    if (!fault_bytes_copy(content, &node->synced) || cut == FAULT_CUT_SYNCED) {
        return cut == FAULT_CUT_SYNCED;
    }
    if (cut == FAULT_CUT_RANDOM) {
        return build_random(cutter->log, node, seed, content);
    }
    for (size_t i = 0; i < node->pending_count; i++) {
        if (!apply(cutter->log, &cutter->log->calls[node->pending[i]], content)) {
            return false;
        }
    }
    return true;
}

bool fault_cutter_build(const struct fault_cutter *cutter, enum fault_cut cut, uint64_t seed,
                        struct fault_file files[FAULT_FILES_MAX]) {
    int names[FAULT_FILES_MAX];
    (void)memcpy(names, cutter->synced_names, sizeof(names));
    int reached_names = cut == FAULT_CUT_SYNCED ? 0 : cutter->folder_count;
    if (cut == FAULT_CUT_RANDOM) {
        reached_names = (int)reached(seed, SIZE_MAX - 1, (size_t)cutter->folder_count);
    }
    for (int i = 0; i < reached_names; i++) {
        apply_name(names, &cutter->log->calls[cutter->folder_calls[i]], cutter->folder_nodes[i]);
    }
    for (int i = 0; i < FAULT_FILES_MAX; i++) {
        files[i].exists = names[i] != NO_NODE;
        files[i].content.count = 0;
        if (files[i].exists && !build_node(cutter, &cutter->nodes[names[i]], cut,
                                           mix(seed, (uint64_t)i), &files[i].content)) {
            return false;
        }
    }
    return true;
}
