// SPDX-License-Identifier: Apache-2.0
/* A store whose file and log are overwritten in places opens, whatever is written there; it takes a
 * new result, and opens again without another salvage. The input: for each place 4 bytes of offset
 * (the first bit: the log), one of length, then so many bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/database_faults.h"
#include "storage/core.h"

enum { RESULTS = 60, PLACES_MAX = 64, STEP_BYTES = 5 };

static const char DISK[] = "fuzzed";
static const char FILE_NAME[] = "store/ebb.db";
static const char LOG_NAME[] = "store/ebb.db-wal";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static struct fault_disk *disk;
static struct fault_disk *model;

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static status open_on(const char *vfs, struct core **out_core, struct store_opened *opened) {
    struct error err;
    const struct core_options options = {.folder = "store",
                                         .vfs = vfs,
                                         .wal_bytes = 64 << 10,
                                         .checkpoint_pages = 40,
                                         .retry_ms = 1};
    return core_open(&options, out_core, opened, &err);
}

static status put(struct core *core) {
    static char body[400];
    struct record_draft drafts[4];
    struct store_job job = {.kind = STORE_RUN_END, .records = drafts, .record_count = 4};
    struct store_job *batch[] = {&job};
    (void)memset(body, '7', sizeof(body));
    for (int i = 0; i < 4; i++) {
        drafts[i] = (struct record_draft){
            .record = {.kind = RECORD_RESULT,
                       .body = {.bytes = body, .count = (size_t)(50 + 100 * i)}},
            .lane = i % 2 == 0 ? LANE_NORMAL : LANE_HIGH};
    }
    core_run(core, batch, 1);
    core_idle(core);
    return job.error.code;
}

/* Made once: every input damages a copy of the same store, as a kill left it. */
static void make_model(void) {
    struct fault_disk *living = fault_disk_create("living");
    struct core *core = NULL;
    struct store_opened opened;
    disk = fault_disk_create(DISK);
    model = fault_disk_create("model");
    need(living != NULL && disk != NULL && model != NULL);
    fault_disk_clear(living);
    need(open_on("living", &core, &opened) == STATUS_OK);
    for (int i = 0; i < RESULTS; i++) {
        need(put(core) == STATUS_OK);
    }
    fault_disk_begin_log(living);
    struct fault_cutter *cutter = fault_cutter_create(fault_disk_log(living));
    need(cutter != NULL && fault_disk_build(model, living, cutter, FAULT_CUT_ALL, 0));
    fault_cutter_destroy(cutter);
    core_close(core);
    fault_disk_destroy(living);
}

static void copy_model(void) {
    struct fault_cutter *cutter = fault_cutter_create(fault_disk_log(model));
    need(cutter != NULL && fault_disk_build(disk, model, cutter, FAULT_CUT_ALL, 0));
    fault_cutter_destroy(cutter);
}

static void damage(const uint8_t *bytes, size_t count) {
    size_t at = 0;
    for (int place = 0; place < PLACES_MAX && at + STEP_BYTES < count; place++) {
        const uint32_t offset = (uint32_t)bytes[at] << 24 | (uint32_t)bytes[at + 1] << 16 |
                                (uint32_t)bytes[at + 2] << 8 | bytes[at + 3];
        const char *name = offset >> 31 != 0 ? LOG_NAME : FILE_NAME;
        const size_t length = bytes[at + 4];
        const int64_t size = fault_disk_file_bytes(disk, name);
        at += STEP_BYTES;
        for (size_t i = 0; i < length && at < count && size > 0; i++, at++) {
            const int64_t where = ((int64_t)(offset & 0x7fffffff) + (int64_t)i) % size;
            (void)fault_disk_flip(disk, name, where, bytes[at]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct core *core = NULL;
    struct store_opened opened;
    if (model == NULL) {
        make_model();
    }
    copy_model();
    damage(bytes, count);
    const status opened_first = open_on(DISK, &core, &opened);
    if (opened_first == STATUS_INVALID) {
        return 0; /* it says that it is another program's, or of a newer ebb: left as it is */
    }
    need(opened_first == STATUS_OK);
    need(put(core) == STATUS_OK);
    core_close(core);
    need(open_on(DISK, &core, &opened) == STATUS_OK);
    core_close(core);
    return 0;
}
