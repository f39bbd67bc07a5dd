// SPDX-License-Identifier: Apache-2.0
#include "model/compiled_stamp.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/checksum.h"
#include "model/onnx_field.h"
#include "platform/json.h"

enum {
    ARENA_BYTES_MAX = 64 << 10,
    FIELD_METADATA = 14 /* of ModelProto: key and value */
};

#define KEY "ebb.compiled"

/* --- the file's fields --- */

/* The last field of the file, and all before it. */
static bool find_last(struct slice file, struct onnx_field *out_last, struct slice *out_before) {
    struct slice rest = file;
    while (rest.count > 0) {
        out_before->bytes = file.bytes;
        out_before->count = file.count - rest.count;
        if (!onnx_field_take(&rest, out_last)) {
            return false;
        }
    }
    return file.count > 0;
}

static struct slice value_of_entry(struct slice entry) {
    struct onnx_field key;
    struct onnx_field value;
    const bool is_ours = onnx_field_take(&entry, &key) && key.number == 1 &&
                         slice_is(key.bytes, KEY) && onnx_field_take(&entry, &value) &&
                         value.number == 2 && entry.count == 0;
    return is_ours ? value.bytes : (struct slice){0};
}

static void add_bytes(struct buffer *out, uint32_t number, struct slice bytes) {
    buffer_add_varint(out, number << 3 | ONNX_WIRE_BYTES);
    buffer_add_varint(out, bytes.count);
    buffer_add(out, bytes);
}

/* --- its words --- */

static const struct {
    const char *name;
    size_t offset, room;
} TEXTS[] = {
    {"onnxruntime", offsetof(struct compiled_stamp, release), COMPILED_WORDS_BYTES},
    {"providers", offsetof(struct compiled_stamp, providers), COMPILED_WORDS_BYTES},
    {"provider", offsetof(struct compiled_stamp, provider), COMPILED_WORDS_BYTES},
    {"processor", offsetof(struct compiled_stamp, processor), PROCESSOR_TEXT_BYTES},
};
enum { TEXTS_COUNT = sizeof(TEXTS) / sizeof(TEXTS[0]) };

void compiled_stamp_add(struct buffer *out, const struct compiled_stamp *stamp) {
    char source[ID_HEX_BYTES + 1];
    CLEANUP(buffer_done) struct buffer json;
    CLEANUP(buffer_done) struct buffer entry;
    buffer_init(&json, COMPILED_STAMP_BYTES_MAX);
    buffer_init(&entry, COMPILED_STAMP_BYTES_MAX);
    id_write_hex(stamp->source, source);
    buffer_add_byte(&json, '{');
    for (size_t i = 0; i < TEXTS_COUNT; i++) {
        buffer_print(&json, "\"%s\":", TEXTS[i].name);
        json_write_text(&json, slice_of((const char *)stamp + TEXTS[i].offset));
        buffer_add_byte(&json, ',');
    }
    buffer_print(&json, "\"source\":\"%s\",\"graph\":\"%016llx\"}", source,
                 (unsigned long long)stamp->graph);
    add_bytes(&entry, 1, SLICE(KEY));
    add_bytes(&entry, 2, buffer_slice(&json));
    add_bytes(out, FIELD_METADATA, buffer_slice(&entry));
    if (json.failed != STATUS_OK || entry.failed != STATUS_OK) {
        buffer_fail(out, json.failed != STATUS_OK ? json.failed : entry.failed);
    }
}

static bool read_text(struct value object, const char *name, char *out_text, size_t room) {
    const struct value *found = value_get(object, slice_of(name));
    if (found == NULL || found->kind != VALUE_TEXT || found->count >= room) {
        return false;
    }
    (void)snprintf(out_text, room, "%.*s", SLICE_ARGS(value_text(*found)));
    return true;
}

/* Digits beyond those of 64 bits would not be written so again. */
static uint64_t read_sum(struct slice text) {
    uint64_t sum = 0;
    for (size_t i = 0; i < text.count; i++) {
        const char digit = text.bytes[i];
        sum = sum << 4 | ((uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10) & 15);
    }
    return sum;
}

static bool read_sums(struct value object, struct compiled_stamp *out_stamp) {
    const struct value *source = value_get(object, SLICE("source"));
    const struct value *graph = value_get(object, SLICE("graph"));
    if (source == NULL || graph == NULL || !id_read(value_text(*source), &out_stamp->source)) {
        return false;
    }
    out_stamp->graph = read_sum(value_text(*graph));
    return true;
}

static bool read_words(struct arena *arena, struct slice text, struct compiled_stamp *out_stamp) {
    struct value object;
    if (text.count > COMPILED_STAMP_BYTES_MAX ||
        json_read(arena, text, &object, NULL) != STATUS_OK || object.kind != VALUE_OBJECT) {
        return false;
    }
    for (size_t i = 0; i < TEXTS_COUNT; i++) {
        if (!read_text(object, TEXTS[i].name, (char *)out_stamp + TEXTS[i].offset, TEXTS[i].room)) {
            return false;
        }
    }
    return read_sums(object, out_stamp);
}

/* Whether the bytes are those that would be written: one stamp has one form. */
static bool is_as_written(const struct compiled_stamp *stamp, struct slice end) {
    CLEANUP(buffer_done) struct buffer again;
    buffer_init(&again, 2 * COMPILED_STAMP_BYTES_MAX);
    compiled_stamp_add(&again, stamp);
    return again.failed == STATUS_OK && slice_equal(buffer_slice(&again), end);
}

status compiled_stamp_read(struct slice file, struct compiled_stamp *out_stamp, struct error *err) {
    struct onnx_field last;
    struct slice before;
    if (!find_last(file, &last, &before)) {
        return fail(err, STATUS_CORRUPT, "it is no whole ONNX file");
    }
    const struct slice words =
        last.number == FIELD_METADATA ? value_of_entry(last.bytes) : (struct slice){0};
    if (words.bytes == NULL) {
        return fail(err, STATUS_NOT_FOUND, "it has no stamp of `ebb model compile`");
    }
    struct arena arena;
    struct compiled_stamp stamp = {0};
    arena_init(&arena, ARENA_BYTES_MAX);
    const bool is_read = read_words(&arena, words, &stamp) &&
                         is_as_written(&stamp, slice_part(file, before.count, file.count));
    arena_done(&arena);
    if (!is_read) {
        return fail(err, STATUS_CORRUPT, "its stamp is damaged");
    }
    if (checksum_64(before) != stamp.graph) {
        return fail(err, STATUS_CORRUPT, "it is damaged: its bytes are not those of its stamp");
    }
    *out_stamp = stamp;
    return STATUS_OK;
}

/* --- whether it is true here --- */

static void list_providers(const struct inference_options *options,
                           char out_text[COMPILED_WORDS_BYTES]) {
    size_t used = 0;
    (void)snprintf(out_text, COMPILED_WORDS_BYTES, "%s", INFERENCE_PROVIDERS[0]);
    for (uint32_t i = 0; i < options->provider_count; i++) {
        used += (size_t)snprintf(out_text + used, COMPILED_WORDS_BYTES - used, "%s%s",
                                 i > 0 ? "," : "", INFERENCE_PROVIDERS[options->providers[i]]);
    }
}

status compiled_stamp_here(const struct inference_options *options, struct id source,
                           struct compiled_stamp *out_stamp, struct error *err) {
    const char *release;
    TRY(inference_release(&release, err));
    *out_stamp = (struct compiled_stamp){.source = source};
    (void)snprintf(out_stamp->release, sizeof(out_stamp->release), "%s", release);
    list_providers(options, out_stamp->providers);
    processor_describe(out_stamp->processor);
    return STATUS_OK;
}

status compiled_stamp_check(const struct compiled_stamp *stamp, const struct compiled_stamp *here,
                            struct error *err) {
    if (!id_equal(stamp->source, here->source)) {
        return fail(err, STATUS_CONFLICT, "it was made of another model than the file is now");
    }
    if (strcmp(stamp->release, here->release) != 0) {
        return fail(err, STATUS_CONFLICT, "it was made by ONNX Runtime %s, here is %s",
                    stamp->release, here->release);
    }
    if (strcmp(stamp->providers, here->providers) != 0) {
        return fail(err, STATUS_CONFLICT, "it was made for the providers %s, asked for are %s",
                    stamp->providers, here->providers);
    }
    if (strcmp(stamp->processor, here->processor) != 0) {
        return fail(err, STATUS_CONFLICT, "it was made for another processor (%s; here is %s)",
                    stamp->processor, here->processor);
    }
    return STATUS_OK;
}
