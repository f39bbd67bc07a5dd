// SPDX-License-Identifier: Apache-2.0
#include "agents/blob_files.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/blob.h"
#include "base/media_type.h"
#include "platform/blob_file.h"
#include "platform/file.h"

#define BLOB      "blob"
#define FILE_NAME "$file"

/* A value on its way in or out. */
struct passage {
    const char *folder;
    struct arena *arena;
    uint32_t files;
    struct process_descriptors *descriptors; /* of blob_files_open */
    /* Whether this value is to be replaced, and by what. */
    bool (*meets)(struct value value);
    status (*replace)(struct passage *passage, struct value value, struct value *out_value,
                      struct error *err);
};

static status no_room(struct error *err) {
    return fail(err, STATUS_FULL, "no room for the files of a call");
}

static status pass(struct passage *passage, struct value value, struct value *out_value,
                   struct error *err) {
    if (passage->meets(value)) {
        if (++passage->files > BLOB_FILES_MAX) {
            return fail(err, STATUS_INVALID, "a call has at most %d files", BLOB_FILES_MAX);
        }
        return passage->replace(passage, value, out_value, err);
    }
    *out_value = value;
    if (value.kind == VALUE_LIST) {
        struct value *items = value_new_list(passage->arena, value.count, out_value);
        for (uint32_t i = 0; items != NULL && i < value.count; i++) {
            TRY(pass(passage, value.items[i], &items[i], err));
        }
        return items != NULL ? STATUS_OK : no_room(err);
    }
    if (value.kind == VALUE_OBJECT) {
        struct member *members = value_new_object(passage->arena, value.count, out_value);
        for (uint32_t i = 0; members != NULL && i < value.count; i++) {
            members[i].name = value.members[i].name;
            TRY(pass(passage, value.members[i].value, &members[i].value, err));
        }
        return members != NULL ? STATUS_OK : no_room(err);
    }
    return STATUS_OK;
}

/* --- in --------------------------------------------------------------------------------------- */

static bool is_blob(struct value value) {
    return value.kind == VALUE_BLOB;
}

/* The end of the name says the type, for programs that go by it. */
static status link_file(const struct passage *passage, struct blob *blob, struct slice *out_path,
                        struct error *err) {
    const char *ending = media_type_ending(blob_type(blob));
    *out_path = arena_print(passage->arena, "%s/in-%u%s", passage->folder, passage->files, ending);
    return out_path->bytes != NULL ? blob_file_link(blob, out_path->bytes, err) : no_room(err);
}

/* {"blob": WHERE, "type", "bytes"} */
static status say_blob(const struct passage *passage, const struct blob *blob, struct value where,
                       struct value *out_value, struct error *err) {
    struct member *members = value_new_object(passage->arena, 3, out_value);
    if (members == NULL) {
        return no_room(err);
    }
    members[0] = (struct member){.name = SLICE(BLOB), .value = where};
    members[1] = (struct member){.name = SLICE("type"), .value = value_of_text(blob_type(blob))};
    members[2] = (struct member){.name = SLICE("bytes"),
                                 .value = value_of_integer((int64_t)blob_count(blob))};
    return STATUS_OK;
}

static status make_file(struct passage *passage, struct value value, struct value *out_value,
                        struct error *err) {
    struct slice path;
    TRY(link_file(passage, value.blob, &path, err));
    return say_blob(passage, value.blob, value_of_text(path), out_value, err);
}

/* A blob still, of a file that nobody changes while the call lasts. */
static status make_blob_of_file(struct passage *passage, struct value value,
                                struct value *out_value, struct error *err) {
    struct slice path;
    struct blob *blob = NULL;
    TRY(link_file(passage, value.blob, &path, err));
    TRY(blob_of_file(path.bytes, blob_type(value.blob), &blob, err));
    const bool shown = value_of_blob(passage->arena, blob, out_value);
    blob_release(blob);
    return shown ? STATUS_OK : no_room(err);
}

status blob_files_show(const char *folder, bool by_descriptor, struct arena *arena,
                       struct value value, struct value *out_value, struct error *err) {
    struct passage passage = {.folder = folder,
                              .arena = arena,
                              .meets = is_blob,
                              .replace = by_descriptor ? make_blob_of_file : make_file};
    return pass(&passage, value, out_value, err);
}

static status open_one(struct passage *passage, struct value value, struct value *out_value,
                       struct error *err) {
    struct process_descriptors *descriptors = passage->descriptors;
    const uint32_t index = descriptors->count;
    struct value where;
    if (index == PROCESS_DESCRIPTORS_MAX) {
        return fail(err, STATUS_INVALID,
                    "a call has at most %d pictures, sounds and files under `blobs: fd`",
                    PROCESS_DESCRIPTORS_MAX);
    }
    struct member *members = value_new_object(passage->arena, 1, &where);
    if (members == NULL) {
        return no_room(err);
    }
    TRY(blob_file_open(value.blob, &descriptors->list[index], err));
    descriptors->count++;
    members[0] = (struct member){.name = SLICE("fd"), .value = value_of_integer(index)};
    return say_blob(passage, value.blob, where, out_value, err);
}

status blob_files_open(struct arena *arena, struct value value, struct value *out_value,
                       struct process_descriptors *descriptors, struct error *err) {
    struct passage passage = {
        .arena = arena, .descriptors = descriptors, .meets = is_blob, .replace = open_one};
    return pass(&passage, value, out_value, err);
}

/* --- out -------------------------------------------------------------------------------------- */

static bool is_file(struct value value) {
    return value.kind == VALUE_OBJECT && value_get(value, SLICE(FILE_NAME)) != NULL;
}

static bool is_plain(struct slice name) {
    return name.count > 0 && name.count <= NAME_MAX && name.bytes[0] != '.' &&
           memchr(name.bytes, '/', name.count) == NULL &&
           memchr(name.bytes, '\0', name.count) == NULL;
}

static status guess_type(const char *path, struct slice name, const struct value *said,
                         struct slice *out_type, struct error *err) {
    if (said != NULL && said->kind == VALUE_TEXT && said->count > 0) {
        *out_type = value_text(*said);
        return STATUS_OK;
    }
    CLEANUP(buffer_done) struct buffer start;
    int64_t bytes = 0;
    buffer_init(&start, MEDIA_TYPE_START_BYTES);
    TRY(file_read_start(path, MEDIA_TYPE_START_BYTES, &start, &bytes, err));
    *out_type = slice_of(media_type_guess(buffer_slice(&start), name));
    return STATUS_OK;
}

/* No link: a program of fewer rights must not have us read what it may not. */
static status take_file(struct passage *passage, struct value value, struct value *out_value,
                        struct error *err) {
    const struct slice name = value_text(*value_get(value, SLICE(FILE_NAME)));
    struct stat facts;
    struct slice type;
    struct blob *blob = NULL;
    if (!is_plain(name)) {
        return fail(err, STATUS_INVALID, "'%.*s' is no plain name of a file in the run's folder",
                    SLICE_ARGS(slice_part(name, 0, 80)));
    }
    const struct slice path =
        arena_print(passage->arena, "%s/%.*s", passage->folder, SLICE_ARGS(name));
    if (path.bytes == NULL) {
        return no_room(err);
    }
    if (lstat(path.bytes, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return fail(err, STATUS_INVALID, "there is no file '%.*s' in the run's folder",
                    SLICE_ARGS(slice_part(name, 0, 80)));
    }
    TRY(guess_type(path.bytes, name, value_get(value, SLICE("type")), &type, err));
    TRY(blob_of_file(path.bytes, type, &blob, err));
    const bool shown = value_of_blob(passage->arena, blob, out_value);
    blob_release(blob);
    return shown ? STATUS_OK : no_room(err);
}

status blob_files_take(const char *folder, struct arena *arena, struct value value,
                       struct value *out_value, struct error *err) {
    struct passage passage = {
        .folder = folder, .arena = arena, .meets = is_file, .replace = take_file};
    return pass(&passage, value, out_value, err);
}
