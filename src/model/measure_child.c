// SPDX-License-Identifier: Apache-2.0
#include "model/measure_child.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/file.h"

enum { NS_A_MS = 1000000, PATH_BYTES = 4096 };

static const char *program_path(char room[PATH_BYTES]) {
    const char *given = getenv("EBB_MEASURE");
    if (given != NULL && given[0] != '\0') {
        return given;
    }
    (void)snprintf(room, PATH_BYTES, "%s/ebb-measure", file_program_folder());
    return room;
}

static int64_t after(uint32_t ms) {
    return clock_boot_ns() + (int64_t)ms * NS_A_MS;
}

/* The child is late or gone: it is ended, and the sentence says which and how. */
static status end_child(struct measure_child *child, status code, const char *doing, uint32_t ms,
                        struct error *err) {
    char words[CHILD_WORDS_BYTES_MAX];
    const struct child_end end = child_stop(&child->child);
    if (code == STATUS_TIMEOUT || (code == STATUS_CRASH && end.signal == SIGALRM)) {
        return fail(err, STATUS_TIMEOUT, "%s had not ended after %" PRIu32 " ms", doing, ms);
    }
    if (code != STATUS_CRASH) {
        return code;
    }
    child_end_write(end, words);
    return fail(err, STATUS_CRASH, "%s: ebb-measure %s%s", doing, words,
                end.signal == SIGKILL ? ", for want of memory most likely" : "");
}

/* --- frames --- */

static status send_frame(struct measure_child *child, enum measure_kind kind, uint32_t number,
                         struct slice body, int64_t deadline_ns, struct error *err) {
    char head[MEASURE_HEAD_BYTES];
    measure_head_write(
        (struct measure_head){.bytes = (uint32_t)body.count, .kind = kind, .number = number}, head);
    return child_send(&child->child, (struct slice){.bytes = head, .count = sizeof(head)}, body,
                      deadline_ns, err);
}

static status receive_body(struct measure_child *child, uint32_t bytes, int64_t deadline_ns,
                           struct error *err) {
    size_t count = 0;
    buffer_clear(&child->said);
    if (bytes == 0) {
        return STATUS_OK;
    }
    char *body = buffer_reserve(&child->said, bytes);
    if (body == NULL) {
        return buffer_status(&child->said, err);
    }
    TRY(child_receive(&child->child, body, bytes, bytes, deadline_ns, &count, err));
    buffer_took(&child->said, bytes);
    return STATUS_OK;
}

/* The answer's body is in child->said. What the child says went wrong comes back as that. */
static status receive_frame(struct measure_child *child, enum measure_kind wanted,
                            int64_t deadline_ns, uint32_t *out_number, struct error *err) {
    char bytes[MEASURE_HEAD_BYTES];
    size_t count = 0;
    TRY(child_receive(&child->child, bytes, sizeof(bytes), sizeof(bytes), deadline_ns, &count,
                      err));
    const struct measure_head head = measure_head_read(bytes);
    TRY(receive_body(child, head.bytes, deadline_ns, err));
    child->is_hopeless = head.kind == MEASURE_NO_LIBRARY;
    if ((head.kind == MEASURE_FAILED || child->is_hopeless) && head.number > STATUS_OK &&
        head.number < STATUS_COUNT) {
        return fail(err, (status)head.number, "%.*s", SLICE_ARGS(buffer_slice(&child->said)));
    }
    if (head.kind != wanted) {
        return fail(err, STATUS_CORRUPT, "ebb-measure answered out of turn");
    }
    *out_number = head.number;
    return STATUS_OK;
}

/* --- opening --- */

static status read_opened(struct measure_child *child, uint32_t count, struct error *err) {
    const struct buffer said = child->said;
    child->said = child->names;
    child->names = said;
    struct slice body = buffer_slice(&child->names);
    bool is_read = count <= INFERENCE_PORTS_MAX &&
                   measure_take(&body, &child->loaded, sizeof(child->loaded)) &&
                   child->loaded.provider < INFERENCE_PROVIDERS_MAX;
    for (uint32_t i = 0; is_read && i < count; i++) {
        is_read = measure_port_read(&body, &child->inputs[i]);
    }
    if (!is_read) {
        return fail(err, STATUS_CORRUPT, "ebb-measure said of the model what makes no sense");
    }
    child->input_count = count;
    return STATUS_OK;
}

static status send_open(struct measure_child *child, const char *path,
                        const struct measure_order *order, int64_t deadline_ns, struct error *err) {
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, sizeof(*order) + PATH_BYTES);
    buffer_add(&body, (struct slice){.bytes = (const char *)order, .count = sizeof(*order)});
    buffer_add(&body, (struct slice){.bytes = path, .count = strlen(path) + 1});
    if (buffer_status(&body, err) != STATUS_OK) {
        return fail_while(err, "open model %.200s", path);
    }
    return send_frame(child, MEASURE_OPEN, 0, buffer_slice(&body), deadline_ns, err);
}

status measure_child_open(struct measure_child *child, const char *path,
                          const struct inference_options *options, uint32_t most_ms,
                          struct error *err) {
    char room[PATH_BYTES];
    uint32_t inputs = 0;
    const struct measure_order order = {.options = measure_options(options), .most_ms = most_ms};
    const int64_t deadline_ns = after(most_ms);
    *child = (struct measure_child){.child = {.socket = -1}};
    buffer_init(&child->said, MEASURE_BODY_BYTES_MAX);
    buffer_init(&child->names, MEASURE_BODY_BYTES_MAX);
    const status started = child_start(program_path(room), environ, &child->child, err);
    if (started != STATUS_OK) {
        child->is_hopeless = true;
        return started;
    }
    status code = send_open(child, path, &order, deadline_ns, err);
    if (code == STATUS_OK) {
        code = receive_frame(child, MEASURE_OPENED, deadline_ns, &inputs, err);
    }
    return code == STATUS_OK ? read_opened(child, inputs, err)
                             : end_child(child, code, "opening the model", most_ms, err);
}

void measure_child_close(struct measure_child *child) {
    (void)child_stop(&child->child);
    buffer_done(&child->said);
    buffer_done(&child->names);
}

/* --- samples and runs --- */

static status send_sample(struct measure_child *child, const struct tensor *tensors,
                          int64_t deadline_ns, struct error *err) {
    TRY(send_frame(child, MEASURE_SAMPLE, 0, (struct slice){0}, deadline_ns, err));
    for (uint32_t i = 0; i < child->input_count; i++) {
        const struct tensor head = measure_tensor_head(&tensors[i]);
        TRY(child_send(&child->child,
                       (struct slice){.bytes = (const char *)&head, .count = sizeof(head)},
                       (struct slice){.bytes = tensors[i].bytes, .count = tensors[i].byte_count},
                       deadline_ns, err));
    }
    return STATUS_OK;
}

status measure_child_give(struct measure_child *child, const struct tensor *tensors,
                          uint32_t most_ms, struct error *err) {
    const int64_t deadline_ns = after(most_ms);
    int64_t bytes = 0;
    uint32_t number = 0;
    for (uint32_t i = 0; i < child->input_count; i++) {
        bytes += (int64_t)tensors[i].byte_count;
    }
    if (bytes > MEASURE_SAMPLE_BYTES_MAX - child->sample_bytes) {
        return fail(err, STATUS_FULL, "the samples have more than %d MiB together",
                    MEASURE_SAMPLE_BYTES_MAX >> 20);
    }
    child->sample_bytes += bytes;
    status code = send_sample(child, tensors, deadline_ns, err);
    if (code == STATUS_OK) {
        code = receive_frame(child, MEASURE_TAKEN, deadline_ns, &number, err);
    }
    return code == STATUS_OK ? code : end_child(child, code, "handing over a sample", most_ms, err);
}

static status read_ran(struct measure_child *child, uint32_t count, struct measure_time *out_times,
                       struct measure_memory *out_memory, struct error *err) {
    struct slice body = buffer_slice(&child->said);
    struct measure_memory memory;
    if (!measure_take(&body, &memory, sizeof(memory)) ||
        !measure_take(&body, out_times, count * sizeof(*out_times)) || body.count > 0) {
        return fail(err, STATUS_CORRUPT, "ebb-measure said of the runs what makes no sense");
    }
    *out_memory = memory;
    return STATUS_OK;
}

status measure_child_run(struct measure_child *child, uint32_t count, uint32_t most_ms,
                         struct measure_time *out_times, struct measure_memory *out_memory,
                         struct error *err) {
    assert(count > 0 && count <= MEASURE_RUNS_MAX);
    const struct measure_order order = {.most_ms = most_ms};
    const int64_t deadline_ns = after(most_ms);
    uint32_t number = 0;
    status code = send_frame(child, MEASURE_RUN, count,
                             (struct slice){.bytes = (const char *)&order, .count = sizeof(order)},
                             deadline_ns, err);
    if (code == STATUS_OK) {
        code = receive_frame(child, MEASURE_RAN, deadline_ns, &number, err);
    }
    return code == STATUS_OK ? read_ran(child, count, out_times, out_memory, err)
                             : end_child(child, code, "running the model", most_ms, err);
}
