// SPDX-License-Identifier: Apache-2.0
/* What a device says of itself, what a hub wants of it, and how far a blob has come: what is read
 * is bounded, and what can be written is read again to the same words. A shape does not depend on
 * numbers. A path that is read is written to itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { KINDS = 5 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static status read_report(struct arena *arena, struct slice text, struct error *err) {
    struct report_workflow *workflows = NULL;
    int count = 0;
    TRY(report_read(arena, text, &workflows, &count, err));
    need(count >= 0 && count <= REPORT_WORKFLOWS_MAX && text.count <= REPORT_BYTES_MAX);
    for (int i = 0; i < count; i++) {
        need(workflows[i].name.count > 0 && workflows[i].name.count <= REPORT_NAME_BYTES_MAX);
    }
    return STATUS_OK;
}

static status read_face(struct arena *arena, struct slice text, struct error *err) {
    struct slice name;
    TRY(face_read(arena, text, &name, err));
    need(name.count > 0 && name.count <= REPORT_NAME_BYTES_MAX);
    return STATUS_OK;
}

static status read_want(struct arena *arena, struct slice text, struct error *err) {
    struct want one;
    struct want two;
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, REPORT_BYTES_MAX);
    TRY(want_read(arena, text, &one, err));
    need(one.workflow_count <= WANT_FACES_MAX && one.blob_count <= WANT_BLOBS_MAX);
    want_write(&one, &out);
    need(want_read(arena, buffer_slice(&out), &two, err) == STATUS_OK);
    need(one.workflow_count == two.workflow_count && one.blob_count == two.blob_count);
    need(memcmp(one.workflows, two.workflows,
                (size_t)one.workflow_count * sizeof(one.workflows[0])) == 0);
    need(memcmp(one.blobs, two.blobs, (size_t)one.blob_count * sizeof(one.blobs[0])) == 0);
    return STATUS_OK;
}

static status read_progress(struct arena *arena, struct slice text, struct error *err) {
    struct blob_progress one;
    struct blob_progress two;
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, REPORT_BYTES_MAX);
    TRY(blob_progress_read(arena, text, &one, err));
    need(one.have >= 0);
    blob_progress_write(one, &out);
    need(blob_progress_read(arena, buffer_slice(&out), &two, err) == STATUS_OK);
    need(one.have == two.have && one.here == two.here);
    return STATUS_OK;
}

static void check_path(struct slice path) {
    struct id id;
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, 256);
    if (face_path_read(path, &id)) {
        face_path_write(&out, id);
        need(slice_equal(buffer_slice(&out), path));
    }
    if (blob_path_read(path, &id)) {
        blob_path_write(&out, id, 1, 0);
        need(slice_starts(buffer_slice(&out), "/v1/blobs/") &&
             slice_equal(slice_part(buffer_slice(&out), 0, path.count), path));
    }
}

static status read_any(struct arena *arena, int kind, struct slice text, struct error *err) {
    switch (kind) {
    case 0:
        return read_report(arena, text, err);
    case 1:
        return read_face(arena, text, err);
    case 2:
        return read_want(arena, text, err);
    case 3:
        return read_progress(arena, text, err);
    default:
        check_path(text);
        return STATUS_OK;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count == 0) {
        return 0;
    }
    const struct slice input = {.bytes = (const char *)bytes + 1, .count = count - 1};
    struct error err = {.text = ""};
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, 2 * REPORT_ARENA_BYTES_MAX);
    const struct id shape = report_shape(input);
    need(id_equal(shape, report_shape(input)));
    const status read = read_any(&arena, bytes[0] % KINDS, input, &err);
    need(read == STATUS_OK || err.text[0] != '\0');
    return 0;
}
