// SPDX-License-Identifier: Apache-2.0
#include "wire/queue_file.h"

#include "base/time.h"
#include "platform/json.h"

enum { COUNT_BYTES = 4, SIGNATURE_COUNT_BYTES = 2 };

static const uint64_t SEQ_MAX = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;

/* --- writing --- */

void queue_section_signed(const struct queue_section *section, struct slice head,
                          struct buffer *out) {
    buffer_add_text(out, "ebb-queue-section/1\n");
    buffer_add(out, head);
    buffer_add(out, section->frames);
}

void queue_section_head(const struct queue_section *section, struct buffer *out) {
    char device[ID_UUID_BYTES + 1];
    char stream[ID_HEX_BYTES + 1];
    char made_at[TIME_TEXT_BYTES];
    id_write_uuid(section->device, device);
    id_write_hex(section->stream, stream);
    time_write(section->made_ms, made_at);
    buffer_print(out,
                 "{\"device\":\"%s\",\"stream\":\"%s\",\"lane\":%d,\"first\":%llu,\"last\":%llu,"
                 "\"made_at\":\"%s\",\"certificates\":",
                 device, stream, section->lane, (unsigned long long)section->first,
                 (unsigned long long)section->last, made_at);
    json_write_text(out, section->certificates);
    buffer_add_byte(out, '}');
}

static void add_counted(struct buffer *out, struct slice bytes) {
    buffer_add_u32(out, (uint32_t)bytes.count);
    buffer_add(out, bytes);
}

void queue_section_write(const struct queue_section *section, struct slice head,
                         struct slice signature, struct buffer *out) {
    add_counted(out, head);
    add_counted(out, section->frames);
    buffer_add_byte(out, (uint8_t)(signature.count & 0xff));
    buffer_add_byte(out, (uint8_t)(signature.count >> 8));
    buffer_add(out, signature);
}

/* --- reading --- */

/* Takes a counted part off; *out_more: its bytes are not all here. */
static status take(struct slice *rest, size_t count_bytes, size_t bytes_max, struct slice *out_part,
                   bool *out_more, struct error *err) {
    size_t count = 0;
    *out_more = rest->count < count_bytes;
    if (*out_more) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < count_bytes; i++) {
        count |= (size_t)(uint8_t)rest->bytes[i] << (8 * i);
    }
    if (count > bytes_max) {
        return fail(err, STATUS_CORRUPT, "a section says that a part of it has %zu bytes, of %zu",
                    count, bytes_max);
    }
    *out_more = rest->count - count_bytes < count;
    if (!*out_more) {
        *out_part = slice_part(*rest, count_bytes, count_bytes + count);
        *rest = slice_part(*rest, count_bytes + count, rest->count);
    }
    return STATUS_OK;
}

static status take_parts(struct slice *rest, struct queue_section *section, bool *out_more,
                         struct error *err) {
    TRY(take(rest, COUNT_BYTES, QUEUE_HEAD_BYTES_MAX, &section->head, out_more, err));
    if (!*out_more) {
        TRY(take(rest, COUNT_BYTES, QUEUE_FRAMES_BYTES_MAX, &section->frames, out_more, err));
    }
    if (!*out_more) {
        TRY(take(rest, SIGNATURE_COUNT_BYTES, QUEUE_SIGNATURE_BYTES_MAX, &section->signature,
                 out_more, err));
    }
    return STATUS_OK;
}

status queue_section_find(struct slice bytes, size_t *out_bytes, struct error *err) {
    struct queue_section section = {.first = 0};
    struct slice rest = bytes;
    bool more = false;
    TRY(take_parts(&rest, &section, &more, err));
    *out_bytes = more ? 0 : bytes.count - rest.count;
    return STATUS_OK;
}

static bool get_id(struct value head, struct slice name, struct id *out_id) {
    const struct value *member = value_get(head, name);
    return member != NULL && member->kind == VALUE_TEXT && id_read(value_text(*member), out_id);
}

static bool get_number(struct value head, struct slice name, uint64_t most, uint64_t *out_number) {
    const struct value *member = value_get(head, name);
    const bool good = member != NULL && member->kind == VALUE_INTEGER && member->integer >= 0 &&
                      (uint64_t)member->integer <= most;
    *out_number = good ? (uint64_t)member->integer : 0;
    return good;
}

static status read_head(struct arena *arena, struct queue_section *section, struct error *err) {
    struct value head = {.kind = VALUE_NULL};
    uint64_t lane = 0;
    if (json_read(arena, section->head, &head, err) != STATUS_OK) {
        return fail_while(err, "the head of a section");
    }
    const struct value *certificates = value_get(head, SLICE("certificates"));
    const struct value *made_at = value_get(head, SLICE("made_at"));
    const bool good = get_id(head, SLICE("device"), &section->device) &&
                      get_id(head, SLICE("stream"), &section->stream) &&
                      get_number(head, SLICE("lane"), LANE_LOCAL - 1, &lane) &&
                      get_number(head, SLICE("first"), SEQ_MAX, &section->first) &&
                      get_number(head, SLICE("last"), SEQ_MAX, &section->last) &&
                      section->first > 0 && section->first <= section->last &&
                      certificates != NULL && certificates->kind == VALUE_TEXT && made_at != NULL &&
                      time_read(value_text(*made_at), &section->made_ms);
    if (!good) {
        return fail(err, STATUS_CORRUPT,
                    "the head of a section lacks something, or is of a later ebb");
    }
    section->lane = (enum lane)lane;
    section->certificates = value_text(*certificates);
    return STATUS_OK;
}

status queue_section_read(struct slice bytes, struct arena *arena,
                          struct queue_section *out_section, struct error *err) {
    struct queue_section section = {.first = 0};
    struct slice rest = bytes;
    bool more = false;
    TRY(take_parts(&rest, &section, &more, err));
    if (more || rest.count > 0) {
        return fail(err, STATUS_CORRUPT, "a section %s",
                    more ? "is cut off" : "has bytes behind it");
    }
    if (read_head(arena, &section, err) != STATUS_OK) {
        err->code = STATUS_CORRUPT;
        return STATUS_CORRUPT;
    }
    *out_section = section;
    return STATUS_OK;
}
