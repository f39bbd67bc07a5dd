/*
 * measure_frame: what model/measure_child and the program ebb-measure say to one another.
 *
 * A frame is a head of three little endian 32-bit numbers (bytes of the body, kind, number) and the
 * body. One MEASURE_OPEN first, then MEASURE_SAMPLE for each sample, then MEASURE_RUN after
 * MEASURE_RUN; each is answered before the next. End of file ends ebb-measure.
 *
 * Both ends are of one build on one machine, so there is no version, and plain structs lie in a
 * body as they do in memory. Bounds are checked all the same: the child runs a model of somebody.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "base/tensor.h"
#include "platform/inference.h"

enum {
    MEASURE_HEAD_BYTES = 12,
    MEASURE_BODY_BYTES_MAX = 1 << 20, /* of all but samples */
    MEASURE_SAMPLE_BYTES_MAX = 256 << 20,
    MEASURE_SAMPLES_MAX = 64,
    MEASURE_RUNS_MAX = 1000, /* of one MEASURE_RUN */
    MEASURE_EOF_EXIT = 0,
    MEASURE_BROKEN_EXIT = 1
};

enum measure_kind {
    MEASURE_OPEN = 1,   /* body: measure_order, then the path and a zero */
    MEASURE_OPENED,     /* number: how many inputs; body: measure_loaded, then a port each */
    MEASURE_SAMPLE,     /* body: for each input a tensor without bytes, then the bytes */
    MEASURE_TAKEN,      /* nothing more */
    MEASURE_RUN,        /* number: how often; body: measure_order */
    MEASURE_RAN,        /* body: measure_memory, then a measure_time for each run */
    MEASURE_FAILED,     /* number: the status; body: the sentence */
    MEASURE_NO_LIBRARY, /* the same, and no other model will fare better */
};

struct measure_head {
    uint32_t bytes;
    enum measure_kind kind;
    uint32_t number;
};

/* What stands in front of what is asked for. */
struct measure_order {
    struct inference_options options; /* of MEASURE_OPEN */
    uint32_t most_ms;                 /* after which ebb-measure ends itself */
};

struct measure_time {
    int64_t wall_ns;
    int64_t cpu_ns; /* of all threads */
};

struct measure_memory {
    int64_t now_bytes, most_bytes; /* without samples beyond the largest; 0: not known */
};

struct measure_loaded {
    struct measure_time time;
    uint32_t provider; /* index of INFERENCE_PROVIDERS */
};

void measure_head_write(struct measure_head head, char out_bytes[MEASURE_HEAD_BYTES]);
struct measure_head measure_head_read(const char bytes[MEASURE_HEAD_BYTES]);

/* Takes so many bytes off the body as the struct has; false when it is shorter. */
bool measure_take(struct slice *body, void *out_struct, size_t bytes);

/* The options without their texts, whose addresses mean nothing at the other end: what is measured
 * is neither saved nor profiled. */
struct inference_options measure_options(const struct inference_options *options);

/* A port and its name. The name that is read shares the body's bytes. */
void measure_port_write(struct buffer *out, const struct inference_port *port);
bool measure_port_read(struct slice *body, struct inference_port *out_port);

/* What goes in front of a tensor's bytes. */
struct tensor measure_tensor_head(const struct tensor *tensor);

/* Whether what came in front of them is a tensor, and has as many bytes as its shape asks for. */
bool measure_tensor_is_sound(const struct tensor *head);
