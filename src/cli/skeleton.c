// SPDX-License-Identifier: Apache-2.0
#include "cli/skeleton.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "platform/file.h"
#include "wire/keys.h"

enum { ANSWER_MEMBERS = 4 };

static const char MARK[] = "@NAME@";

status skeleton_check_name(const char *what, const char *name, struct error *err) {
    char better[KEYS_NAME_BYTES];
    if (text_is_name(slice_of(name))) {
        return STATUS_OK;
    }
    if (keys_suggest_name(slice_of(name), '-', better)) {
        return fail(err, STATUS_INVALID, "'%.40s' cannot be the name of the %s: did you mean '%s'?",
                    name, what, better);
    }
    return fail(err, STATUS_INVALID,
                "'%.40s' cannot be the name of the %s: a name begins with a letter a-z and goes on "
                "with at most 62 of a-z, 0-9 and -",
                name, what);
}

/* The text with the name in place of every mark, in the call's arena. */
static struct slice filled(struct call *call, const char *text, const char *name) {
    CLEANUP(buffer_done) struct buffer made;
    buffer_init(&made, SKELETON_BYTES_MAX);
    for (const char *mark = strstr(text, MARK); mark != NULL; mark = strstr(text, MARK)) {
        buffer_add(&made, (struct slice){.bytes = text, .count = (size_t)(mark - text)});
        buffer_add_text(&made, name);
        text = mark + strlen(MARK);
    }
    buffer_add_text(&made, text);
    return arena_copy(&call->arena, buffer_slice(&made));
}

static struct slice path_of(struct call *call, const struct skeleton *skeleton, size_t index) {
    const struct slice name = filled(call, skeleton->files[index].name, skeleton->name);
    return arena_print(&call->arena, "%s/%.*s", skeleton->folder, SLICE_ARGS(name));
}

static status write_file(struct call *call, const struct skeleton *skeleton, size_t index,
                         struct error *err) {
    const struct skeleton_file *file = &skeleton->files[index];
    const struct slice path = path_of(call, skeleton, index);
    if (path.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a path");
    }
    if (file->text != NULL) {
        return file_replace(path.bytes, filled(call, file->text, skeleton->name), err);
    }
    CLEANUP(buffer_done) struct buffer made;
    buffer_init(&made, SKELETON_BYTES_MAX);
    TRY(file->write(skeleton->folder, &made, err));
    return file_replace(path.bytes, buffer_slice(&made), err);
}

/* What was written goes again, so that the next try does not meet it. */
static void take_back(struct call *call, const struct skeleton *skeleton, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct slice path = path_of(call, skeleton, i);
        if (path.bytes != NULL) {
            (void)file_remove(path.bytes, NULL); /* the failure before it is what is told */
        }
    }
    (void)rmdir(skeleton->folder);
}

static status write_files(struct call *call, const struct skeleton *skeleton, struct error *err) {
    TRY(file_make_folder(skeleton->folder, err));
    for (size_t i = 0; i < skeleton->count; i++) {
        if (write_file(call, skeleton, i, err) != STATUS_OK) {
            take_back(call, skeleton, i);
            return fail_while(err, "make %s '%s'", skeleton->what, skeleton->name);
        }
    }
    return STATUS_OK;
}

static status answer_json(struct call *call, const struct skeleton *skeleton, struct slice next,
                          struct error *err) {
    struct value answer, files;
    struct member *members = value_new_object(&call->arena, ANSWER_MEMBERS, &answer);
    struct value *items = value_new_list(&call->arena, (uint32_t)skeleton->count, &files);
    if (members == NULL || items == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    for (size_t i = 0; i < skeleton->count; i++) {
        items[i] = value_of_text(path_of(call, skeleton, i));
    }
    members[0] = (struct member){SLICE("name"), value_of_text(slice_of(skeleton->name))};
    members[1] = (struct member){SLICE("folder"), value_of_text(slice_of(skeleton->folder))};
    members[2] = (struct member){SLICE("files"), files};
    members[3] = (struct member){SLICE("next"), value_of_text(next)};
    return call_write_json(call, answer, false, err);
}

static status answer(struct call *call, const struct skeleton *skeleton, struct error *err) {
    const struct slice next = filled(call, skeleton->next, skeleton->name);
    if (call->json) {
        return answer_json(call, skeleton, next, err);
    }
    for (size_t i = 0; i < skeleton->count; i++) {
        const struct slice path = path_of(call, skeleton, i);
        (void)fprintf(call->out, "%.*s\n", SLICE_ARGS(path));
    }
    (void)fflush(call->out);
    (void)fprintf(call->talk, "next: %.*s\n", SLICE_ARGS(next));
    return STATUS_OK;
}

status skeleton_write(struct call *call, const struct skeleton *skeleton, struct error *err) {
    assert(skeleton->count > 0);
    struct file_facts facts;
    struct error none;
    TRY(skeleton_check_name(skeleton->what, skeleton->name, err));
    const status there = file_facts(skeleton->folder, &facts, &none);
    if (there == STATUS_OK) {
        return fail(err, STATUS_CONFLICT, "%s is there already: take another name, or move it away",
                    skeleton->folder);
    }
    if (there != STATUS_NOT_FOUND) {
        return fail(err, there, "%s", none.text);
    }
    if (call->dry_run) {
        (void)fprintf(call->talk, "would make %s '%s' in %s\n", skeleton->what, skeleton->name,
                      skeleton->folder);
        return STATUS_OK;
    }
    TRY(write_files(call, skeleton, err));
    return answer(call, skeleton, err);
}
