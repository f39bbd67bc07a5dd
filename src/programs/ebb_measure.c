// SPDX-License-Identifier: Apache-2.0
/*
 * ebb-measure: opens one model, runs it as often as it is told, and says how long that took.
 *
 * Started by model/measure_child with a socket as descriptor 0, a process for each variant of a
 * model: so the memory of each is its own, and one that crashes, never ends or wants too much takes
 * this process with it and nothing else. It ends when the socket does; what never ends is ended by
 * an alarm, in case nobody is there any more to do it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "model/measure_frame.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/inference.h"
#include "platform/inference_library.h"
#include "platform/resident.h"

enum { SOCKET = 0, ALARM_AFTER_MS = 500 };

struct serving {
    struct inference_model *model;
    struct tensor *samples[MEASURE_SAMPLES_MAX]; /* owned, as are their bytes; one for each input */
    uint32_t sample_count;
    uint32_t next_sample;
    int64_t sample_bytes;  /* of all */
    int64_t largest_bytes; /* of the largest */
    uint32_t outputs[INFERENCE_PORTS_MAX];
    struct buffer body;   /* of what was asked */
    struct buffer answer; /* head and body of what is said */
};

static bool read_whole(char *bytes, size_t count) {
    while (count > 0) {
        const ssize_t got = read(SOCKET, bytes, count);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        bytes += got > 0 ? got : 0;
        count -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool write_whole(const char *bytes, size_t count) {
    while (count > 0) {
        const ssize_t put = write(SOCKET, bytes, count);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        bytes += put > 0 ? put : 0;
        count -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* False at the end of the socket. */
static bool read_head(struct measure_head *out_head) {
    char head[MEASURE_HEAD_BYTES];
    if (!read_whole(head, sizeof(head))) {
        return false;
    }
    *out_head = measure_head_read(head);
    return true;
}

/* False also for a frame that nobody of ours has written. */
static bool read_body(struct serving *serving, uint32_t count) {
    buffer_clear(&serving->body);
    char *body = buffer_reserve(&serving->body, count);
    if (body == NULL || !read_whole(body, count)) {
        return false;
    }
    buffer_took(&serving->body, count);
    return true;
}

/* --- answers --- */

/* An answer is written behind the room of its head, and goes out in one piece. */
static struct buffer *begin_answer(struct serving *serving) {
    static const char NOTHING[MEASURE_HEAD_BYTES] = {0};
    buffer_clear(&serving->answer);
    buffer_add(&serving->answer, (struct slice){.bytes = NOTHING, .count = sizeof(NOTHING)});
    return &serving->answer;
}

static void add(struct buffer *answer, const void *bytes, size_t count) {
    buffer_add(answer, (struct slice){.bytes = bytes, .count = count});
}

static bool end_answer(struct serving *serving, enum measure_kind kind, uint32_t number) {
    struct buffer *answer = &serving->answer;
    if (buffer_status(answer, NULL) != STATUS_OK) {
        return false;
    }
    const struct measure_head head = {
        .bytes = (uint32_t)(answer->count - MEASURE_HEAD_BYTES), .kind = kind, .number = number};
    measure_head_write(head, answer->bytes);
    return write_whole(answer->bytes, answer->count);
}

static bool answer_error(struct serving *serving, enum measure_kind kind, const struct error *err) {
    buffer_add_text(begin_answer(serving), err->text);
    return end_answer(serving, kind, (uint32_t)err->code);
}

/* Who waits kills a child that is late; one that is no more cannot. */
static void set_alarm(uint32_t ms) {
    const struct itimerval timer = {
        .it_value = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000}};
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

static struct measure_time now(void) {
    return (struct measure_time){.wall_ns = clock_monotonic_ns(), .cpu_ns = clock_process_cpu_ns()};
}

static struct measure_time since(struct measure_time begun) {
    const struct measure_time ended = now();
    return (struct measure_time){.wall_ns = ended.wall_ns - begun.wall_ns,
                                 .cpu_ns = ended.cpu_ns - begun.cpu_ns};
}

/* --- opening --- */

static uint32_t provider_of(const struct inference_model *model) {
    uint32_t index = 0;
    while (INFERENCE_PROVIDERS[index] != NULL &&
           strcmp(INFERENCE_PROVIDERS[index], inference_provider(model)) != 0) {
        index++;
    }
    return index;
}

static bool answer_opened(struct serving *serving, struct measure_time time) {
    const struct inference_model *model = serving->model;
    const uint32_t inputs = inference_input_count(model);
    const struct measure_loaded loaded = {.time = time, .provider = provider_of(model)};
    for (uint32_t i = 0; i < inference_output_count(model); i++) {
        serving->outputs[i] = i;
    }
    add(begin_answer(serving), &loaded, sizeof(loaded));
    for (uint32_t i = 0; i < inputs; i++) {
        measure_port_write(&serving->answer, inference_input(model, i));
    }
    return end_answer(serving, MEASURE_OPENED, inputs);
}

/* The library is there before the clock starts: it is loaded once in a daemon, and not by a model.
 */
static bool open_model(struct serving *serving) {
    struct slice body = buffer_slice(&serving->body);
    const struct inference_library *library;
    struct measure_order order;
    struct error err = {0};
    if (!measure_take(&body, &order, sizeof(order)) || body.count == 0 ||
        body.bytes[body.count - 1] != '\0') {
        return false;
    }
    set_alarm(order.most_ms + ALARM_AFTER_MS);
    if (inference_library_use(&library, &err) != STATUS_OK) {
        return answer_error(serving, MEASURE_NO_LIBRARY, &err);
    }
    const struct measure_time begun = now();
    const status opened = inference_open(body.bytes, &order.options, &serving->model, &err);
    const struct measure_time time = since(begun);
    set_alarm(0);
    return opened == STATUS_OK ? answer_opened(serving, time)
                               : answer_error(serving, MEASURE_FAILED, &err);
}

/* --- samples --- */

/* Straight into memory of its own, aligned for any type: what else is taken on the way would stand
 * in the figure of memory. False: there is no memory, or the frame is broken. */
static bool take_tensor(struct tensor *tensor) {
    struct tensor head;
    if (!read_whole((char *)&head, sizeof(head)) || !measure_tensor_is_sound(&head)) {
        return false;
    }
    head.bytes = memory_new(1, head.byte_count);
    *tensor = head;
    return head.bytes != NULL && read_whole(head.bytes, head.byte_count);
}

static bool take_sample(struct serving *serving) {
    if (serving->sample_count == MEASURE_SAMPLES_MAX) {
        return false;
    }
    const uint32_t inputs = inference_input_count(serving->model);
    struct tensor *tensors = memory_new(inputs, sizeof(*tensors));
    int64_t bytes = 0;
    serving->samples[serving->sample_count++] = tensors;
    for (uint32_t i = 0; i < inputs; i++) {
        if (tensors == NULL || !take_tensor(&tensors[i])) {
            return false;
        }
        bytes += (int64_t)tensors[i].byte_count;
    }
    serving->sample_bytes += bytes;
    serving->largest_bytes = bytes > serving->largest_bytes ? bytes : serving->largest_bytes;
    (void)begin_answer(serving);
    return end_answer(serving, MEASURE_TAKEN, 0);
}

/* --- running --- */

static status run_once(struct serving *serving, struct measure_time *out_time, struct error *err) {
    struct tensor outputs[INFERENCE_PORTS_MAX];
    struct inference_run *run = NULL;
    const struct tensor *inputs = serving->samples[serving->next_sample];
    serving->next_sample = (serving->next_sample + 1) % serving->sample_count;
    TRY(inference_run_create(serving->model, &run, err));
    const struct measure_time begun = now();
    const status ran = inference_run(run, inputs, serving->outputs,
                                     inference_output_count(serving->model), outputs, err);
    *out_time = since(begun);
    inference_run_destroy(run);
    return ran;
}

static struct measure_memory read_memory(const struct serving *serving) {
    const int64_t more_bytes = serving->sample_bytes - serving->largest_bytes;
    struct resident resident;
    if (resident_read(&resident, NULL) != STATUS_OK) {
        return (struct measure_memory){0};
    }
    return (struct measure_memory){.now_bytes = resident.now_bytes - more_bytes,
                                   .most_bytes = resident.most_bytes - more_bytes};
}

static bool run_model(struct serving *serving, uint32_t count) {
    struct slice body = buffer_slice(&serving->body);
    struct measure_time times[MEASURE_RUNS_MAX];
    struct measure_order order;
    struct error err = {0};
    if (!measure_take(&body, &order, sizeof(order)) || count > MEASURE_RUNS_MAX ||
        serving->sample_count == 0) {
        return false;
    }
    set_alarm(order.most_ms + ALARM_AFTER_MS);
    status code = STATUS_OK;
    for (uint32_t i = 0; i < count && code == STATUS_OK; i++) {
        code = run_once(serving, &times[i], &err);
    }
    set_alarm(0);
    if (code != STATUS_OK) {
        return answer_error(serving, MEASURE_FAILED, &err);
    }
    const struct measure_memory memory = read_memory(serving);
    struct buffer *answer = begin_answer(serving);
    add(answer, &memory, sizeof(memory));
    add(answer, times, count * sizeof(times[0]));
    return end_answer(serving, MEASURE_RAN, count);
}

static bool serve_next(struct serving *serving) {
    struct measure_head head;
    if (!read_head(&head)) {
        return false;
    }
    if (head.kind == MEASURE_OPEN) {
        return serving->model == NULL && read_body(serving, head.bytes) && open_model(serving);
    }
    if (serving->model == NULL) {
        return false;
    }
    if (head.kind == MEASURE_SAMPLE) {
        return take_sample(serving);
    }
    return head.kind == MEASURE_RUN && read_body(serving, head.bytes) &&
           run_model(serving, head.number);
}

static void give_back(struct serving *serving) {
    for (uint32_t i = 0; i < serving->sample_count; i++) {
        const uint32_t inputs = inference_input_count(serving->model);
        for (uint32_t k = 0; serving->samples[i] != NULL && k < inputs; k++) {
            memory_free(serving->samples[i][k].bytes);
        }
        memory_free(serving->samples[i]);
    }
    inference_close(serving->model);
    buffer_done(&serving->body);
    buffer_done(&serving->answer);
}

int main(void) {
    const struct rlimit none = {0};
    struct serving serving = {0};
    file_keep_standard_descriptors();
    if (setrlimit(RLIMIT_CORE, &none) != 0) {
        return MEASURE_BROKEN_EXIT;
    }
    buffer_init(&serving.body, MEASURE_BODY_BYTES_MAX);
    buffer_init(&serving.answer, MEASURE_BODY_BYTES_MAX);
    while (serve_next(&serving)) {
    }
    give_back(&serving);
    return MEASURE_EOF_EXIT;
}
