// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "wire/queue_file.h"

enum { READ_BYTES = 64 << 10, ROOM_BYTES_MAX = QUEUE_SECTION_BYTES_MAX + READ_BYTES };

struct importing {
    FILE *file;
    struct buffer room; /* what was read and is no whole section */
    struct slice device;
    int64_t records, poisoned, sections;
};

/* Reads on until a whole section is in the room; *out_bytes is 0 at the end of the file. */
static status read_section(struct importing *importing, const char *path, size_t *out_bytes,
                           struct error *err) {
    for (;;) {
        TRY(queue_section_find(buffer_slice(&importing->room), out_bytes, err));
        if (*out_bytes > 0) {
            return STATUS_OK;
        }
        char *bytes = buffer_reserve(&importing->room, READ_BYTES);
        if (bytes == NULL) {
            return buffer_status(&importing->room, err);
        }
        const size_t count = fread(bytes, 1, READ_BYTES, importing->file);
        buffer_took(&importing->room, count);
        if (count == 0 && ferror(importing->file) != 0) {
            return fail_errno(err, errno, "read %s", path);
        }
        if (count == 0) {
            return importing->room.count == 0
                       ? STATUS_OK
                       : fail(err, STATUS_CORRUPT, "%s is cut off in the middle of a section",
                              path);
        }
    }
}

static status hand_over(struct call *call, struct importing *importing, struct slice section,
                        struct error *err) {
    const struct daemon_request request = {
        .method = "POST", .path = SLICE("/v1/queue"), .body = section};
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_ask(call, &request, &answer, err));
    importing->device = human_member(&call->arena, answer, "device");
    importing->records += human_number(answer, "last") - human_number(answer, "first") + 1;
    importing->poisoned += human_number(answer, "poisoned");
    importing->sections++;
    return STATUS_OK;
}

static status import_all(struct call *call, struct importing *importing, const char *path,
                         struct error *err) {
    char magic[sizeof(QUEUE_FILE_MAGIC)] = "";
    size_t bytes = 0;
    if (fread(magic, 1, sizeof(magic) - 1, importing->file) != sizeof(magic) - 1 ||
        strcmp(magic, QUEUE_FILE_MAGIC) != 0) {
        return fail(err, STATUS_INVALID,
                    "%s is no exported queue: `ebb queue export FILE` on a device makes one", path);
    }
    TRY(read_section(importing, path, &bytes, err));
    while (bytes > 0) {
        const struct slice section = slice_part(buffer_slice(&importing->room), 0, bytes);
        if (hand_over(call, importing, section, err) != STATUS_OK) {
            return fail_while(err, "section %lld of %s", (long long)importing->sections + 1, path);
        }
        buffer_drop(&importing->room, bytes);
        TRY(read_section(importing, path, &bytes, err));
    }
    return STATUS_OK;
}

static status say(struct call *call, const struct importing *importing, struct error *err) {
    struct value answer;
    struct member *members = value_new_object(&call->arena, 3, &answer);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    members[0] = (struct member){SLICE("device"), value_of_text(importing->device)};
    members[1] = (struct member){SLICE("records"), value_of_integer(importing->records)};
    members[2] = (struct member){SLICE("poisoned"), value_of_integer(importing->poisoned)};
    const struct slice what = arena_print(
        &call->arena, "take %lld records of '%.*s'; what the hub had already it keeps once",
        (long long)importing->records, SLICE_ARGS(importing->device));
    return daemon_done(call, importing->records > 0 ? what : SLICE("take nothing: it is empty"),
                       answer, err);
}

static status run(struct call *call, struct error *err) {
    const char *path = call_argument(call, 0);
    struct importing importing = {.file = fopen(path, "rbe")};
    if (importing.file == NULL) {
        return fail_errno(err, errno, "open %s", path);
    }
    buffer_init(&importing.room, ROOM_BYTES_MAX);
    const status code = import_all(call, &importing, path, err);
    buffer_done(&importing.room);
    (void)fclose(importing.file);
    return code == STATUS_OK ? say(call, &importing, err) : code;
}

const struct command cmd_hub_queue_import = {
    .noun = "hub queue",
    .verb = "import",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Take what a device exported into a file, as if it had sent it",
    .details = "The file is signed by its device. Reading it in twice, or after the device has\n"
               "connected itself, does no harm: what the hub has it keeps once.\n",
    .example = "ebb hub queue import /media/stick/store-0113.queue",
    .asks_hub = true,
    .run = run};
