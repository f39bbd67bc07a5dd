// SPDX-License-Identifier: Apache-2.0
#include "cli/attachment_file.h"

#include <limits.h>
#include <stdio.h>

#include "base/blob.h"
#include "base/media_type.h"
#include "cli/daemon.h"
#include "platform/file.h"

status attachment_file_save(struct call *call, const char *folder, struct slice field,
                            struct slice type, struct slice hash, struct error *err) {
    char path[PATH_MAX];
    const int count = snprintf(path, sizeof(path), "%s/%.*s%s", folder, SLICE_ARGS(field),
                               media_type_ending(type));
    if (count < 0 || (size_t)count >= sizeof(path)) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_MAX - 1);
    }
    if (call->dry_run) {
        (void)fprintf(call->talk, "would write %s\n", path);
        return STATUS_OK;
    }
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, BLOB_BYTES_MAX);
    TRY(daemon_get_bytes(call, &bytes, err, "/v1/blobs/%.*s", SLICE_ARGS(hash)));
    TRY(file_replace(path, buffer_slice(&bytes), err));
    (void)fprintf(call->out, "%s\n", path);
    return STATUS_OK;
}
