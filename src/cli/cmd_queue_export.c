// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "wire/queue_file.h"

enum { PATH_BYTES_MAX = 256 };

struct exported {
    FILE *file;
    struct queue_section last; /* without its slices */
    uint64_t records, bytes;
};

static status put(struct exported *exported, struct slice bytes, const char *path,
                  struct error *err) {
    if (fwrite(bytes.bytes, 1, bytes.count, exported->file) != bytes.count) {
        return fail_errno(err, errno, "write %s", path);
    }
    exported->bytes += bytes.count;
    return STATUS_OK;
}

static status take(struct call *call, struct exported *exported, struct slice section,
                   const char *path, struct error *err) {
    struct arena arena;
    arena_init(&arena, 1 << 20);
    const status read = queue_section_read(section, &arena, &exported->last, err);
    arena_done(&arena);
    TRY(read);
    exported->records += exported->last.last - exported->last.first + 1;
    TRY(put(exported, section, path, err));
    if (call->terminal.progress) {
        (void)fprintf(call->talk, "\r%llu records", (unsigned long long)exported->records);
    }
    return STATUS_OK;
}

/* Asks for one section after the other, until there is none. */
static status fetch(struct call *call, struct exported *exported, const char *path,
                    struct error *err) {
    char query[PATH_BYTES_MAX] = "";
    for (;;) {
        CLEANUP(buffer_done) struct buffer section;
        char stream[ID_HEX_BYTES + 1];
        buffer_init(&section, QUEUE_SECTION_BYTES_MAX);
        TRY(daemon_get_bytes(call, &section, err, "/v1/queue/export%s", query));
        if (section.count == 0) {
            return STATUS_OK;
        }
        TRY(take(call, exported, buffer_slice(&section), path, err));
        id_write_hex(exported->last.stream, stream);
        (void)snprintf(query, sizeof(query), "?stream=%s&lane=%d&after=%llu", stream,
                       exported->last.lane, (unsigned long long)exported->last.last);
    }
}

static status say(struct call *call, const struct exported *exported, const char *path,
                  struct error *err) {
    struct value answer;
    struct member *members = value_new_object(&call->arena, 3, &answer);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    members[0] = (struct member){SLICE("file"), value_of_text(slice_of(path))};
    members[1] = (struct member){SLICE("records"), value_of_integer((int64_t)exported->records)};
    members[2] = (struct member){SLICE("bytes"), value_of_integer((int64_t)exported->bytes)};
    const struct slice what = arena_print(
        &call->arena, "export %llu records into %s; at the hub: ebb hub queue import %s",
        (unsigned long long)exported->records, path, path);
    return daemon_done(call, what, answer, err);
}

static status run(struct call *call, struct error *err) {
    const char *path = call_argument(call, 0);
    struct exported exported = {.file = NULL};
    if (call->dry_run) {
        (void)fprintf(call->talk, "would export what waits for the hub into %s\n", path);
        return STATUS_OK;
    }
    exported.file = fopen(path, "wbex");
    if (exported.file == NULL && errno == EEXIST) {
        return fail(err, STATUS_CONFLICT,
                    "there is a '%s' already, which may hold what no hub has read in: choose "
                    "another name",
                    path);
    }
    if (exported.file == NULL) {
        return fail_errno(err, errno, "make %s", path);
    }
    status code = put(&exported, slice_of(QUEUE_FILE_MAGIC), path, err);
    if (code == STATUS_OK) {
        code = fetch(call, &exported, path, err);
    }
    if (code == STATUS_OK && (fflush(exported.file) != 0 || fsync(fileno(exported.file)) != 0)) {
        code = fail_errno(err, errno, "write %s", path);
    }
    if (fclose(exported.file) != 0 && code == STATUS_OK) {
        code = fail_errno(err, errno, "write %s", path);
    }
    if (code != STATUS_OK) {
        (void)remove(path); /* half of a file helps nobody */
        return code;
    }
    return say(call, &exported, path, err);
}

const struct command cmd_queue_export = {
    .noun = "queue",
    .verb = "export",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Write what waits for the hub into a file, to be carried there by hand",
    .details =
        "The file is signed by this device, so its hub takes it like any other delivery; what\n"
        "is in it stays here until the hub itself has said that it holds it.\n",
    .example = "ebb queue export /media/stick/store-0113.queue\n"
               "ebb hub queue import /media/stick/store-0113.queue",
    .asks_daemon = true,
    .dry_run = true,
    .run = run};
