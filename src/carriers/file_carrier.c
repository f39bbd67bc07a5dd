// SPDX-License-Identifier: Apache-2.0
/*
 * Each result is a line of a file, on disk before it is said to have arrived.
 *
 * Once each, also after a crash between the line and the cursor's move: what stands in the file's
 * last line is not written again, nor what came before it in the same batch. A batch is of one lane
 * and the cursor moves before the next one is written, so only one batch can be in doubt. The line
 * that a crash left last is remembered, since the lane in doubt need not be the first to go on.
 */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "carriers/carrier.h"
#include "platform/line_file.h"

enum { FILE_BYTES_MAX = 64 << 20, BATCH_BYTES_MAX = 16 << 20 };

static const char LINE_START[] = "{\"id\":\""; /* wire/record_line */

struct carrier {
    struct job job; /* first: a job is its carrier */
    struct carrier_options options;
    const struct parcel *parcels; /* the destination's until the report */
    uint32_t count;
    struct carrier_report report;
    bool looked;                          /* the file's last line of before us is known */
    char left[LINE_FILE_START_BYTES + 1]; /* how it begins; "" for none */
};

static bool begins_line(const struct parcel *parcel, const char *start) {
    const size_t head = sizeof LINE_START - 1;
    return strncmp(start, LINE_START, head) == 0 &&
           strncmp(start + head, parcel->id.bytes, parcel->id.count) == 0;
}

/* How many of the parcels stand in the file already. */
static uint32_t count_there(const struct carrier *carrier, const struct line_file *file) {
    uint32_t there = 0;
    for (uint32_t i = 0; i < carrier->count; i++) {
        if (begins_line(&carrier->parcels[i], file->last) ||
            begins_line(&carrier->parcels[i], carrier->left)) {
            there = i + 1;
        }
    }
    return there;
}

static status write_lines(struct carrier *carrier, struct line_file *file, uint32_t there,
                          struct error *err) {
    CLEANUP(buffer_done) struct buffer lines;
    buffer_init(&lines, BATCH_BYTES_MAX);
    for (uint32_t i = there; i < carrier->count; i++) {
        buffer_add(&lines, carrier->parcels[i].line);
        buffer_add_byte(&lines, '\n');
    }
    TRY(buffer_status(&lines, err));
    return line_file_append(file, buffer_slice(&lines), err);
}

static void line_file_done(struct line_file *file) {
    line_file_close(file);
}

static status write_batch(struct carrier *carrier, struct error *err) {
    const char *path = carrier->options.path;
    CLEANUP(line_file_done) struct line_file file = {.descriptor = -1};
    TRY(line_file_open(path, &file, err));
    if (!carrier->looked) {
        (void)memcpy(carrier->left, file.last, sizeof carrier->left);
        carrier->looked = true;
    }
    const uint32_t there = count_there(carrier, &file);
    if (there == 0 && file.bytes > FILE_BYTES_MAX) {
        TRY(line_file_rotate(&file, path, err));
    }
    return there < carrier->count ? write_lines(carrier, &file, there, err) : STATUS_OK;
}

static void work(struct job *job, int worker) {
    struct carrier *carrier = (struct carrier *)job;
    (void)worker;
    carrier->report = (struct carrier_report){0};
    if (write_batch(carrier, &carrier->report.error) == STATUS_OK) {
        carrier->report.arrived = carrier->count;
        carrier->report.error.code = STATUS_OK;
    }
}

static void done(struct job *job) {
    struct carrier *carrier = (struct carrier *)job;
    carrier->options.reported(carrier->options.owner, &carrier->report);
}

static void file_send(struct carrier *carrier, const struct parcel *parcels, uint32_t count) {
    carrier->parcels = parcels;
    carrier->count = count;
    carrier->job = (struct job){.work = work, .done = done};
    pool_submit(carrier->options.pool, &carrier->job);
}

static status file_open(const struct carrier_options *options, struct carrier **out_carrier,
                        struct error *err) {
    struct carrier *carrier = memory_new(1, sizeof *carrier);
    if (carrier == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a file of results");
    }
    carrier->options = *options;
    *out_carrier = carrier;
    return STATUS_OK;
}

static void file_close(struct carrier *carrier) {
    memory_free(carrier);
}

const struct carrier_kind FILE_CARRIER = {
    .name = "file", .open = file_open, .send = file_send, .close = file_close};
