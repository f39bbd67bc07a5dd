// SPDX-License-Identifier: Apache-2.0
#include "model/profile_inputs.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/float16.h"
#include "base/memory.h"
#include "base/seeded.h"

enum { NUMBER_BYTES_MAX = 64, SHAPE_BYTES_MAX = 192 };

/* --- what somebody says --- */

/* Names of inputs may have an equals sign, what is said of them has none. */
static bool split(struct slice text, struct slice *out_name, struct slice *out_value) {
    size_t at = text.count;
    while (at > 0 && text.bytes[at - 1] != '=') {
        at--;
    }
    if (at < 2 || at == text.count) {
        return false;
    }
    *out_name = slice_part(text, 0, at - 1);
    *out_value = slice_part(text, at, text.count);
    return true;
}

static bool read_shape(struct slice text, struct profile_input *input) {
    while (text.count > 0 || input->rank == 0) {
        const size_t end = slice_find(text, 'x');
        int64_t size = 0;
        for (size_t i = 0; i < end; i++) {
            const char c = text.bytes[i];
            size = size * 10 + (c - '0');
            if (c < '0' || c > '9' || size > TENSOR_BYTES_MAX) {
                return false;
            }
        }
        if (end == 0 || end + 1 == text.count || input->rank == TENSOR_RANK_MAX) {
            return false;
        }
        input->shape[input->rank++] = size;
        text = slice_part(text, end + 1, text.count);
    }
    return true;
}

status profile_input_read_shape(struct slice text, struct profile_input *out_input,
                                struct error *err) {
    struct profile_input input = {.has_shape = true};
    struct slice value;
    if (!split(text, &input.name, &value) || !read_shape(value, &input)) {
        return fail(err, STATUS_INVALID,
                    "`%.*s` is no shape of an input: its name and at most %d sizes, like "
                    "input=1x3x48x320",
                    SLICE_ARGS(slice_part(text, 0, NUMBER_BYTES_MAX)), TENSOR_RANK_MAX);
    }
    *out_input = input;
    return STATUS_OK;
}

status profile_input_read_number(struct slice text, struct profile_input *out_input,
                                 struct error *err) {
    struct profile_input input = {.has_number = true};
    struct slice value;
    char room[NUMBER_BYTES_MAX] = "";
    char *end = room;
    if (split(text, &input.name, &value) && value.count < sizeof(room)) {
        (void)memcpy(room, value.bytes, value.count);
        input.number = strtod(room, &end);
    }
    if (end == room || *end != '\0') {
        return fail(err, STATUS_INVALID,
                    "`%.*s` is no number of an input: its name and the number, like sr=16000",
                    SLICE_ARGS(slice_part(text, 0, NUMBER_BYTES_MAX)));
    }
    *out_input = input;
    return STATUS_OK;
}

/* --- making --- */

static void write_shape(const int64_t *shape, uint32_t rank, char out_text[SHAPE_BYTES_MAX]) {
    size_t used = 0;
    out_text[0] = '\0';
    for (uint32_t i = 0; i < rank && used < SHAPE_BYTES_MAX; i++) {
        const char *between = i > 0 ? "x" : "";
        const int wrote = shape[i] < 0
                              ? snprintf(out_text + used, SHAPE_BYTES_MAX - used, "%s?", between)
                              : snprintf(out_text + used, SHAPE_BYTES_MAX - used, "%s%" PRId64,
                                         between, shape[i]);
        used += (size_t)wrote;
    }
}

static status check_shape(const struct inference_port *port, const struct profile_input *input,
                          struct error *err) {
    char wanted[SHAPE_BYTES_MAX];
    char said[SHAPE_BYTES_MAX];
    bool fits = port->rank == input->rank;
    for (uint32_t i = 0; fits && i < port->rank; i++) {
        fits = port->shape[i] < 0 || port->shape[i] == input->shape[i];
    }
    if (fits) {
        return STATUS_OK;
    }
    write_shape(port->shape, port->rank, wanted);
    write_shape(input->shape, input->rank, said);
    return fail(err, STATUS_INVALID, "input '%.100s' has the shape %s: it cannot be %s", port->name,
                wanted, said);
}

/* Type and shape; the bytes are made, and all zeroes. */
static status make_tensor(const struct inference_port *port, const struct profile_input *shaped,
                          struct tensor *tensor, struct error *err) {
    size_t count = 0;
    if (!port->is_tensor) {
        return fail(err, STATUS_INVALID, "input '%.100s' is of a type that ebb has not",
                    port->name);
    }
    tensor->type = port->type;
    tensor->rank = port->rank;
    for (uint32_t i = 0; i < port->rank; i++) {
        tensor->shape[i] = port->shape[i] < 0 ? 1 : port->shape[i];
    }
    if (shaped != NULL) {
        TRY(check_shape(port, shaped, err));
        (void)memcpy(tensor->shape, shaped->shape, sizeof(tensor->shape));
    }
    if (!tensor_count(tensor->type, tensor->shape, tensor->rank, &count)) {
        return fail(err, STATUS_FULL, "input '%.100s' would have more than %d MiB", port->name,
                    TENSOR_BYTES_MAX >> 20);
    }
    tensor->byte_count = count * tensor_type_bytes(tensor->type);
    tensor->bytes = memory_new(count, tensor_type_bytes(tensor->type));
    return tensor->bytes != NULL ? STATUS_OK
                                 : fail(err, STATUS_NO_MEMORY, "no memory for an input");
}

/* What a type holds, and whether it holds what lies between whole numbers. */
static const struct {
    double least, most;
    bool is_real;
} RANGES[TENSOR_TYPE_COUNT] = {
    [TENSOR_FLOAT32] = {-3.4e38, 3.4e38, true},
    [TENSOR_FLOAT16] = {-65504, 65504, true},
    [TENSOR_FLOAT64] = {-1.7e308, 1.7e308, true},
    [TENSOR_BFLOAT16] = {-3.3e38, 3.3e38, true},
    [TENSOR_UINT8] = {0, UINT8_MAX, false},
    [TENSOR_INT8] = {INT8_MIN, INT8_MAX, false},
    [TENSOR_INT16] = {INT16_MIN, INT16_MAX, false},
    [TENSOR_UINT16] = {0, UINT16_MAX, false},
    [TENSOR_INT32] = {INT32_MIN, INT32_MAX, false},
    [TENSOR_UINT32] = {0, UINT32_MAX, false},
    [TENSOR_INT64] = {-0x1p53, 0x1p53, false},
    [TENSOR_UINT64] = {0, 0x1p53, false},
    [TENSOR_BOOLEAN] = {0, 1, false},
};

static bool holds(enum tensor_type type, double number) {
    return number >= RANGES[type].least && number <= RANGES[type].most &&
           (RANGES[type].is_real || (double)(int64_t)number == number);
}

/* Real numbers between -1 and 1, colours and sound of any value; what may be an index or a switch
 * is 0 or 1. */
static double draw(enum tensor_type type, struct seeded *seeded) {
    if (RANGES[type].is_real) {
        return 2 * seeded_share(seeded) - 1;
    }
    const double values = RANGES[type].most - RANGES[type].least + 1;
    return values <= UINT16_MAX + 1.0 ? RANGES[type].least + seeded_below(seeded, (uint32_t)values)
                                      : seeded_below(seeded, 2);
}

/* The low bits of a whole number are the same with a sign and without. */
static void put_whole(struct tensor *tensor, size_t at, int64_t number) {
    switch (tensor_type_bytes(tensor->type)) {
    case sizeof(uint64_t):
        ((uint64_t *)tensor->bytes)[at] = (uint64_t)number;
        break;
    case sizeof(uint32_t):
        ((uint32_t *)tensor->bytes)[at] = (uint32_t)number;
        break;
    case sizeof(uint16_t):
        ((uint16_t *)tensor->bytes)[at] = (uint16_t)number;
        break;
    default:
        ((uint8_t *)tensor->bytes)[at] = (uint8_t)number;
        break;
    }
}

static void put(struct tensor *tensor, size_t at, double number) {
    switch (tensor->type) {
    case TENSOR_FLOAT32:
        ((float *)tensor->bytes)[at] = (float)number;
        break;
    case TENSOR_FLOAT64:
        ((double *)tensor->bytes)[at] = number;
        break;
    case TENSOR_FLOAT16:
        ((uint16_t *)tensor->bytes)[at] = float16_from_float((float)number);
        break;
    case TENSOR_BFLOAT16:
        ((uint16_t *)tensor->bytes)[at] = bfloat16_from_float((float)number);
        break;
    default:
        put_whole(tensor, at, (int64_t)number);
        break;
    }
}

/* FNV-1a. */
static uint64_t hash_of(const char *name) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *name != '\0'; name++) {
        hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static status make_input(const struct inference_port *port, const struct profile_input *said,
                         uint32_t said_count, uint64_t seed, struct tensor *tensor,
                         struct error *err) {
    const struct profile_input *shaped = NULL;
    const struct profile_input *set = NULL;
    for (uint32_t i = 0; i < said_count; i++) {
        if (slice_is(said[i].name, port->name)) {
            shaped = said[i].has_shape ? &said[i] : shaped;
            set = said[i].has_number ? &said[i] : set;
        }
    }
    TRY(make_tensor(port, shaped, tensor, err));
    if (set != NULL && !holds(port->type, set->number)) {
        return fail(err, STATUS_INVALID, "input '%.100s' is of type %s, which has no %g",
                    port->name, tensor_type_name(port->type), set->number);
    }
    struct seeded seeded = {.state = seed ^ hash_of(port->name)};
    const size_t count = tensor->byte_count / tensor_type_bytes(tensor->type);
    for (size_t i = 0; i < count; i++) {
        put(tensor, i, set != NULL ? set->number : draw(tensor->type, &seeded));
    }
    return STATUS_OK;
}

status profile_inputs_make(const struct inference_port *ports, uint32_t port_count,
                           const struct profile_input *said, uint32_t said_count, uint64_t seed,
                           struct tensor *out_tensors, struct error *err) {
    (void)memset(out_tensors, 0, port_count * sizeof(*out_tensors));
    for (uint32_t i = 0; i < port_count; i++) {
        TRY(make_input(&ports[i], said, said_count, seed, &out_tensors[i], err));
    }
    return STATUS_OK;
}

void profile_inputs_done(struct tensor *tensors, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        memory_free(tensors[i].bytes);
        tensors[i].bytes = NULL;
    }
}
