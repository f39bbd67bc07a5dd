// SPDX-License-Identifier: Apache-2.0
#include "platform/fault_log.h"

#include <string.h>

#include "base/memory.h"

enum { ROOM_LEAST = 4096, CALLS_LEAST = 1024 };

/* --- bytes ----------------------------------------------------------------------------------- */

bool fault_bytes_resize(struct fault_bytes *bytes, size_t count) {
    if (count > bytes->room) {
        size_t room = bytes->room * 2 > ROOM_LEAST ? bytes->room * 2 : ROOM_LEAST;
        room = room < count ? count : room;
        uint8_t *grown = memory_resize(bytes->bytes, room);
        if (grown == NULL) {
            return false;
        }
        bytes->bytes = grown;
        bytes->room = room;
    }
    if (count > bytes->count) {
        (void)memset(bytes->bytes + bytes->count, 0, count - bytes->count);
    }
    bytes->count = count;
    return true;
}

bool fault_bytes_copy(struct fault_bytes *to, const struct fault_bytes *from) {
    to->count = 0;
    return fault_bytes_put(to, 0, from->bytes, from->count);
}

bool fault_bytes_put(struct fault_bytes *bytes, size_t offset, const uint8_t *from, size_t count) {
    if (offset + count > bytes->count && !fault_bytes_resize(bytes, offset + count)) {
        return false;
    }
    if (count > 0) {
        (void)memcpy(bytes->bytes + offset, from, count);
    }
    return true;
}

void fault_bytes_done(struct fault_bytes *bytes) {
    memory_free(bytes->bytes);
    *bytes = (struct fault_bytes){0};
}

/* --- the log --------------------------------------------------------------------------------- */

void fault_log_begin(struct fault_log *log, const struct fault_file files[FAULT_FILES_MAX]) {
    log->count = 0;
    log->data.count = 0;
    log->out_of_memory = false;
    for (int i = 0; i < FAULT_FILES_MAX; i++) {
        (void)memcpy(log->base[i].name, files[i].name, FAULT_NAME_BYTES);
        log->base[i].exists = files[i].exists;
        if (!fault_bytes_copy(&log->base[i].content, &files[i].content)) {
            log->out_of_memory = true;
        }
    }
}

static bool has_room(struct fault_log *log) {
    if (log->count < log->room) {
        return true;
    }
    const size_t room = log->room > 0 ? log->room * 2 : CALLS_LEAST;
    struct fault_call *calls = memory_resize(log->calls, room * sizeof(*calls));
    if (calls == NULL) {
        return false;
    }
    log->calls = calls;
    log->room = room;
    return true;
}

void fault_log_add(struct fault_log *log, struct fault_call call, const void *data) {
    call.data = log->data.count;
    const bool kept = has_room(log) && (call.kind != FAULT_CALL_WRITE ||
                                        fault_bytes_put(&log->data, call.data, data, call.count));
    if (kept) {
        log->calls[log->count++] = call;
    } else {
        log->out_of_memory = true;
    }
}

void fault_log_done(struct fault_log *log) {
    memory_free(log->calls);
    fault_bytes_done(&log->data);
    for (int i = 0; i < FAULT_FILES_MAX; i++) {
        fault_bytes_done(&log->base[i].content);
    }
    *log = (struct fault_log){0};
}
