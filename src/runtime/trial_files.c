// SPDX-License-Identifier: Apache-2.0
#include "runtime/trial_files.h"

#include <limits.h>
#include <stdio.h>

#include "base/blob.h"
#include "base/media_type.h"
#include "base/text.h"
#include "platform/blob_file.h"
#include "platform/file.h"

static status read_one(struct arena *arena, const char *word, struct member *out_member,
                       struct error *err) {
    const struct slice whole = slice_of(word);
    const size_t equals = slice_find(whole, '=');
    const struct slice name = slice_part(whole, 0, equals);
    if (equals == whole.count || !text_is_field(name)) {
        return fail(err, STATUS_INVALID,
                    "--file wants an input and a file, such as image=photo.jpg");
    }
    const char *path = word + equals + 1;
    CLEANUP(buffer_done) struct buffer start;
    int64_t bytes = 0;
    struct blob *blob = NULL;
    buffer_init(&start, MEDIA_TYPE_START_BYTES);
    TRY(file_read_start(path, MEDIA_TYPE_START_BYTES, &start, &bytes, err));
    const char *type = media_type_guess(buffer_slice(&start), slice_of(path));
    TRY(blob_of_file(path, slice_of(type), &blob, err));
    out_member->name = arena_copy(arena, name);
    const bool shown = value_of_blob(arena, blob, &out_member->value);
    blob_release(blob);
    return shown && out_member->name.bytes != NULL
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "out of memory for '%s'", path);
}

status trial_files_add(struct arena *arena, const char *const *files, struct value *object,
                       struct error *err) {
    uint32_t count = 0;
    while (files != NULL && files[count] != NULL) {
        count++;
    }
    if (count == 0) {
        return STATUS_OK;
    }
    if (object->kind != VALUE_OBJECT) {
        return fail(err, STATUS_INVALID, "--with is an object where --file adds to it");
    }
    struct value whole;
    struct member *members = value_new_object(arena, object->count + count, &whole);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the inputs");
    }
    for (uint32_t i = 0; i < object->count; i++) {
        members[i] = object->members[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_one(arena, files[i], &members[object->count + i], err));
    }
    *object = whole;
    return STATUS_OK;
}

/* `number` tells those of a list apart; below 0: it is no list. */
static status save_one(const char *folder, struct slice name, int number, struct blob *blob,
                       struct error *err) {
    char path[PATH_MAX];
    char behind[16] = "";
    struct slice bytes;
    if (number >= 0) {
        (void)snprintf(behind, sizeof(behind), "-%d", number);
    }
    const int count = snprintf(path, sizeof(path), "%s/%.*s%s%s", folder, SLICE_ARGS(name), behind,
                               media_type_ending(blob_type(blob)));
    if (count < 0 || (size_t)count >= sizeof(path)) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_MAX - 1);
    }
    TRY(blob_open(blob, &bytes, err));
    TRY(file_replace(path, bytes, err));
    (void)fprintf(stderr, "ebb: wrote %s\n", path);
    return STATUS_OK;
}

static status save_field(const char *folder, const struct member *field, struct error *err) {
    const struct value value = field->value;
    if (value.kind == VALUE_BLOB) {
        return save_one(folder, field->name, -1, value.blob, err);
    }
    for (uint32_t i = 0; value.kind == VALUE_LIST && i < value.count; i++) {
        if (value.items[i].kind == VALUE_BLOB) {
            TRY(save_one(folder, field->name, (int)i, value.items[i].blob, err));
        }
    }
    return STATUS_OK;
}

status trial_files_save(const char *folder, struct value object, struct error *err) {
    TRY(file_make_folder(folder, err));
    for (uint32_t i = 0; object.kind == VALUE_OBJECT && i < object.count; i++) {
        if (text_is_field(object.members[i].name)) {
            TRY(save_field(folder, &object.members[i], err));
        }
    }
    return STATUS_OK;
}
