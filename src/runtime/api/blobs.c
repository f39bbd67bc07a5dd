// SPDX-License-Identifier: Apache-2.0
/* /v1/blobs/HASH: the bytes of what a result attaches, read by a worker. */
#include "storage/blobs.h"
#include "base/media_type.h"
#include "base/memory.h"
#include "runtime/api/api.h"

struct blob_reading {
    struct job job; /* first */
    struct api_call call;
    struct blobs *blobs; /* not owned */
    struct id id;
    struct blob *blob; /* owned */
    struct slice bytes;
    struct error error;
};

static void work(struct job *job, int worker) {
    struct blob_reading *reading = (struct blob_reading *)job;
    (void)worker;
    if (blobs_find(reading->blobs, reading->id, SLICE(""), &reading->blob, &reading->error) ==
        STATUS_OK) {
        (void)blob_open(reading->blob, &reading->bytes, &reading->error);
    }
}

static void done(struct job *job) {
    struct blob_reading *reading = (struct blob_reading *)job;
    if (reading->error.code != STATUS_OK) {
        api_refuse(&reading->call, &reading->error);
    } else {
        http_answer(reading->call.request, 200, media_type_guess(reading->bytes, SLICE("")),
                    reading->bytes);
    }
    blob_release(reading->blob);
    memory_free(reading);
}

void api_blobs(struct api_call *call) {
    struct error err;
    struct id id;
    if (!id_read(call->item, &id)) {
        (void)fail(&err, STATUS_INVALID, "'%.*s' is no blob's hash", SLICE_ARGS(call->item));
        api_refuse(call, &err);
        return;
    }
    struct blob_reading *reading = memory_new(1, sizeof(*reading));
    if (reading == NULL) {
        (void)fail(&err, STATUS_NO_MEMORY, "out of memory for a blob");
        api_refuse(call, &err);
        return;
    }
    *reading = (struct blob_reading){.job = {.work = work, .done = done},
                                     .call = *call,
                                     .blobs = store_blobs(call->daemon->store),
                                     .id = id};
    pool_submit(call->daemon->pool, &reading->job);
}
