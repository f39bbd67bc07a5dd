// SPDX-License-Identifier: Apache-2.0
#include "model/student_note.h"

#include "base/value.h"
#include "model/text_model.h"
#include "platform/json.h"

enum { TEXT_MEMBERS = 6, IMAGE_MEMBERS = 5, NOTE_ARENA_BYTES = 1 << 20 };

static struct member member(struct slice name, struct value value) {
    return (struct member){.name = name, .value = value};
}

static bool build(const struct student_note *note, struct arena *arena, struct value *out_object) {
    const bool is_text = note->kind == STUDENT_TEXT;
    struct value labels = {0};
    struct value *names = value_new_list(arena, note->labels_count, &labels);
    struct member *members =
        value_new_object(arena, is_text ? TEXT_MEMBERS : IMAGE_MEMBERS, out_object);
    if (names == NULL || members == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < note->labels_count; i++) {
        names[i] = value_of_text(note->labels[i]);
    }
    members[0] = member(SLICE("kind"), value_of_text(is_text ? SLICE("text") : SLICE("image")));
    members[1] = member(SLICE("labels"), labels);
    if (is_text) {
        members[2] = member(SLICE("bytes_max"), value_of_integer(note->settings.bytes_max));
        members[3] = member(SLICE("pairs"), value_of_boolean(note->settings.pairs));
        members[4] = member(SLICE("letters"), value_of_integer(note->settings.letters));
        members[5] = member(SLICE("buckets"), value_of_integer(note->buckets));
    } else {
        members[2] = member(SLICE("channels"), value_of_integer(note->input.channels));
        members[3] = member(SLICE("height"), value_of_integer(note->input.height));
        members[4] = member(SLICE("width"), value_of_integer(note->input.width));
    }
    return true;
}

status student_note_write(const struct student_note *note, struct buffer *out, struct error *err) {
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, NOTE_ARENA_BYTES);
    struct value object = {0};
    if (!build(note, &arena, &object)) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    json_write(out, object);
    return buffer_status(out, err);
}

static status read_labels(struct value object, struct arena *arena, struct student_note *note,
                          struct error *err) {
    const struct value *labels = value_get(object, SLICE("labels"));
    if (labels == NULL || labels->kind != VALUE_LIST || labels->count < 2 ||
        labels->count > PICTURE_LABELS_MAX) {
        return fail(err, STATUS_CORRUPT, "`labels` is a list of 2 to %d names", PICTURE_LABELS_MAX);
    }
    struct slice *names = arena_get(arena, labels->count, sizeof(*names));
    if (names == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < labels->count; i++) {
        names[i] = value_text(labels->items[i]);
        const char *fault = text_label_fault(names[i]);
        if (fault != NULL) {
            return fail(err, STATUS_CORRUPT, "`labels`: %s", fault);
        }
    }
    note->labels = names;
    note->labels_count = labels->count;
    return STATUS_OK;
}

static status read_number(struct value object, struct slice name, int64_t most, uint32_t *out,
                          struct error *err) {
    const struct value *number = value_get(object, name);
    if (number == NULL || number->kind != VALUE_INTEGER || number->integer < 0 ||
        number->integer > most) {
        return fail(err, STATUS_CORRUPT, "`%.*s` is a number from 0 to %lld", SLICE_ARGS(name),
                    (long long)most);
    }
    *out = (uint32_t)number->integer;
    return STATUS_OK;
}

static status read_text(struct value object, struct student_note *note, struct error *err) {
    uint32_t letters = 0;
    TRY(read_number(object, SLICE("bytes_max"), TEXT_BYTES_MAX, &note->settings.bytes_max, err));
    TRY(read_number(object, SLICE("letters"), TEXT_LETTERS_MAX, &letters, err));
    TRY(read_number(object, SLICE("buckets"), TEXT_BUCKETS_MAX, &note->buckets, err));
    const struct value *pairs = value_get(object, SLICE("pairs"));
    if (pairs == NULL || pairs->kind != VALUE_BOOLEAN) {
        return fail(err, STATUS_CORRUPT, "`pairs` is true or false");
    }
    note->settings.pairs = pairs->boolean;
    note->settings.letters = (uint8_t)letters;
    return STATUS_OK;
}

static status read_image(struct value object, struct student_note *note, struct error *err) {
    TRY(read_number(object, SLICE("channels"), PICTURE_CHANNELS_MAX, &note->input.channels, err));
    TRY(read_number(object, SLICE("height"), PICTURE_SIDE_MAX, &note->input.height, err));
    return read_number(object, SLICE("width"), PICTURE_SIDE_MAX, &note->input.width, err);
}

status student_note_read(struct slice json, struct arena *arena, struct student_note *out_note,
                         struct error *err) {
    if (json.count > STUDENT_NOTE_BYTES_MAX) {
        return fail(err, STATUS_CORRUPT, "the note has more than %d bytes", STUDENT_NOTE_BYTES_MAX);
    }
    struct value object = {0};
    const status read = json_read(arena, json, &object, err);
    if (read != STATUS_OK) {
        return read == STATUS_INVALID ? fail_while(err, "the note of the file") : read;
    }
    struct student_note note = {0};
    const struct value *kind = value_get(object, SLICE("kind"));
    const struct slice word = kind != NULL ? value_text(*kind) : (struct slice){0};
    const bool is_text = slice_is(word, "text");
    if (!is_text && !slice_is(word, "image")) {
        return fail(err, STATUS_CORRUPT, "`kind` is text or image");
    }
    note.kind = is_text ? STUDENT_TEXT : STUDENT_IMAGE;
    TRY(read_labels(object, arena, &note, err));
    TRY(is_text ? read_text(object, &note, err) : read_image(object, &note, err));
    *out_note = note;
    return STATUS_OK;
}
