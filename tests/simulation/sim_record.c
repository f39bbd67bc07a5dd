// SPDX-License-Identifier: Apache-2.0
#include "sim_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_dice.h"

enum { HEAD_BYTES_MAX = 48, STRANGE_KIND = 77, NO_QUALITY = 9 };

static const char BEGIN[] = "{\"n\":";
static const char END[] = "\"}";

/* Eight letters of the sixteen first, so that zstd makes about half of it. */
static void write_letters(uint64_t number, size_t at, char out_letters[8]) {
    struct sim_dice dice = {.state = number * 7919 + at};
    const uint64_t bits = sim_roll(&dice);
    for (int i = 0; i < 8; i++) {
        out_letters[i] = (char)('a' + (bits >> 4 * i & 15));
    }
}

struct slice sim_record_body(struct arena *arena, const struct sim_draft *draft) {
    const uint64_t number = draft->number;
    const size_t fill_bytes = draft->fill_bytes;
    char *body = arena_get(arena, HEAD_BYTES_MAX + fill_bytes + 8 + sizeof(END), 1);
    if (body == NULL) {
        abort();
    }
    size_t count = (size_t)snprintf(body, HEAD_BYTES_MAX, "%s%llu,\"d\":\"", BEGIN,
                                    (unsigned long long)number);
    for (size_t at = 0; at < fill_bytes; at += 8) {
        write_letters(number, at, body + count + at);
    }
    count += fill_bytes;
    (void)memcpy(body + count, END, sizeof(END) - 1);
    return (struct slice){.bytes = body, .count = count + sizeof(END) - 1};
}

struct slice sim_record_make(struct arena *arena, const struct sim_draft *draft) {
    struct error err;
    const struct slice body = sim_record_body(arena, draft);
    struct record record = {.kind = RECORD_RESULT,
                            .version = RECORD_VERSION,
                            .priority = 3,
                            .time = draft->time,
                            .boot = draft->boot,
                            .workflow = SLICE("triage"),
                            .name = SLICE("verdict"),
                            .body = body};
    if (draft->kind == SIM_STRANGER) {
        record.kind = (enum record_kind)STRANGE_KIND;
        record.tail = body;
    } else if (draft->kind == SIM_POISON) {
        record.time.quality = (enum clock_quality)NO_QUALITY;
    }
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, RECORD_BYTES_MAX);
    if (record_write(&out, &record, &err) != STATUS_OK) {
        abort();
    }
    return arena_copy(arena, buffer_slice(&out));
}

uint64_t sim_record_number(struct slice bytes) {
    const char *found = bytes.count > RECORD_HEAD_BYTES
                            ? memmem(bytes.bytes, bytes.count, BEGIN, sizeof(BEGIN) - 1)
                            : NULL;
    uint64_t number = 0;
    for (found = found != NULL ? found + sizeof(BEGIN) - 1 : NULL;
         found != NULL && found < bytes.bytes + bytes.count && *found >= '0' && *found <= '9';
         found++) {
        number = number * 10 + (uint64_t)(*found - '0');
    }
    return number;
}

bool sim_record_is_whole(struct slice bytes, uint64_t number, size_t fill_bytes) {
    char head[HEAD_BYTES_MAX];
    const size_t count =
        (size_t)snprintf(head, sizeof(head), "%s%llu,\"d\":\"", BEGIN, (unsigned long long)number);
    const size_t body_bytes = count + fill_bytes + sizeof(END) - 1;
    if (bytes.count < RECORD_HEAD_BYTES + body_bytes) {
        return false;
    }
    const char *body = bytes.bytes + bytes.count - body_bytes;
    if (memcmp(body, head, count) != 0 ||
        memcmp(body + count + fill_bytes, END, sizeof(END) - 1) != 0) {
        return false;
    }
    for (size_t at = 0; at < fill_bytes; at += 8) {
        char letters[8];
        write_letters(number, at, letters);
        if (memcmp(body + count + at, letters, fill_bytes - at < 8 ? fill_bytes - at : 8) != 0) {
            return false;
        }
    }
    return true;
}
