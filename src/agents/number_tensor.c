// SPDX-License-Identifier: Apache-2.0
#include "agents/number_tensor.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/float16.h"
#include "base/tensor_number.h"

enum { SHAPE_TEXT_BYTES = 200, FLOAT_DIGITS_LEAST = 6, FLOAT_DIGITS_MOST = 9, NUMBER_BYTES = 40 };

const struct number_scaling NUMBER_SCALING_NONE = {.scale = 1};

/* --- one number --- */

static const struct {
    double least, most;
} RANGES[TENSOR_TYPE_COUNT] = {
    [TENSOR_UINT8] = {0, UINT8_MAX},
    [TENSOR_INT8] = {INT8_MIN, INT8_MAX},
    [TENSOR_UINT16] = {0, UINT16_MAX},
    [TENSOR_INT16] = {INT16_MIN, INT16_MAX},
    [TENSOR_UINT32] = {0, UINT32_MAX},
    [TENSOR_INT32] = {INT32_MIN, INT32_MAX},
    [TENSOR_UINT64] = {0, 0x1.fffffffffffffp63},
    [TENSOR_INT64] = {-0x1p63, 0x1.fffffffffffffp62},
    [TENSOR_BOOLEAN] = {0, 1},
};

static bool put_float(char *at, float number) {
    (void)memcpy(at, &number, sizeof(number));
    return isfinite(number);
}

static bool put_half(char *at, float number) {
    const uint16_t half = float16_from_float(number);
    (void)memcpy(at, &half, sizeof(half));
    return isfinite(float16_to_float(half));
}

static bool put_bfloat(char *at, float number) {
    const uint16_t half = bfloat16_from_float(number);
    (void)memcpy(at, &half, sizeof(half));
    return isfinite(bfloat16_to_float(half));
}

static bool put_real(enum tensor_type type, char *at, double number) {
    switch (type) {
    case TENSOR_FLOAT64:
        (void)memcpy(at, &number, sizeof(number));
        return isfinite(number);
    case TENSOR_FLOAT16:
        return put_half(at, (float)number);
    case TENSOR_BFLOAT16:
        return put_bfloat(at, (float)number);
    default:
        return put_float(at, (float)number);
    }
}

/* What the type holds of 64 bits, with a sign or without. */
static void put_whole(char *at, uint64_t bits, size_t bytes) {
    const uint32_t word = (uint32_t)bits;
    const uint16_t half = (uint16_t)bits;
    switch (bytes) {
    case sizeof(bits):
        (void)memcpy(at, &bits, sizeof(bits));
        break;
    case sizeof(word):
        (void)memcpy(at, &word, sizeof(word));
        break;
    case sizeof(half):
        (void)memcpy(at, &half, sizeof(half));
        break;
    default:
        *at = (char)bits;
        break;
    }
}

bool number_tensor_put(struct tensor *tensor, size_t index, double number) {
    const size_t bytes = tensor_type_bytes(tensor->type);
    char *at = (char *)tensor->bytes + index * bytes;
    if (tensor_type_is_real(tensor->type)) {
        return put_real(tensor->type, at, number);
    }
    if (!(number >= RANGES[tensor->type].least && number <= RANGES[tensor->type].most) ||
        number != trunc(number)) {
        return false;
    }
    put_whole(at, number < 0 ? (uint64_t)(int64_t)number : (uint64_t)number, bytes);
    return true;
}

static size_t count_of(const struct tensor *tensor) {
    return tensor->byte_count / tensor_type_bytes(tensor->type);
}

bool number_tensor_is_finite(const struct tensor *tensor, size_t *out_index) {
    if (!tensor_type_is_real(tensor->type)) {
        return true;
    }
    const size_t count = count_of(tensor);
    if (tensor->type == TENSOR_FLOAT32) { /* the sum tells, faster than a look at each */
        const float *numbers = tensor->bytes;
        float sum = 0;
        for (size_t i = 0; i < count; i++) {
            sum += numbers[i] * 0;
        }
        if (sum == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(tensor_number_at(tensor, i))) {
            *out_index = i;
            return false;
        }
    }
    return true;
}

/* --- shapes --- */

static void write_shape(const int64_t *shape, uint32_t rank, char out_text[SHAPE_TEXT_BYTES]) {
    int used = snprintf(out_text, SHAPE_TEXT_BYTES, rank == 0 ? "one number" : "");
    for (uint32_t i = 0; i < rank; i++) {
        used += snprintf(out_text + used, (size_t)(SHAPE_TEXT_BYTES - used),
                         shape[i] < 0 ? "%s?" : "%s%" PRId64, i > 0 ? "x" : "", shape[i]);
    }
}

static bool fits(int64_t wanted, int64_t given) {
    return wanted < 0 || wanted == given;
}

/* Nested as the shape, but for dimensions in front that are 1. */
static bool take_nested(struct tensor *tensor, const int64_t *given, uint32_t given_rank) {
    if (given_rank > tensor->rank) {
        return false;
    }
    const uint32_t more = tensor->rank - given_rank;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (!fits(tensor->shape[i], i < more ? 1 : given[i - more])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < tensor->rank; i++) {
        tensor->shape[i] = i < more ? 1 : given[i - more];
    }
    return true;
}

/* All numbers in one list: at most one dimension may be open. */
static bool take_flat(struct tensor *tensor, int64_t given) {
    int64_t known = 1;
    int open = -1;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] < 0 && open >= 0) {
            return false;
        }
        if (tensor->shape[i] < 0) {
            open = (int)i;
        } else if (tensor->shape[i] == 0 || known > TENSOR_BYTES_MAX / tensor->shape[i]) {
            return false;
        } else {
            known *= tensor->shape[i];
        }
    }
    if (open < 0) {
        return known == given;
    }
    tensor->shape[open] = given / known;
    return given % known == 0;
}

static status take_shape(struct tensor *tensor, const int64_t *given, uint32_t given_rank,
                         struct error *err) {
    char wanted_text[SHAPE_TEXT_BYTES];
    char given_text[SHAPE_TEXT_BYTES];
    write_shape(tensor->shape, tensor->rank, wanted_text);
    write_shape(given, given_rank, given_text);
    if (!take_nested(tensor, given, given_rank) &&
        !(given_rank == 1 && take_flat(tensor, given[0]))) {
        return fail(err, STATUS_INVALID, "it is %s where the model takes %s", given_text,
                    wanted_text);
    }
    return STATUS_OK;
}

/* The lists' lengths along their first items. */
static status measure(struct value value, int64_t out_shape[TENSOR_RANK_MAX], uint32_t *out_rank,
                      struct error *err) {
    uint32_t rank = 0;
    while (value.kind == VALUE_LIST) {
        if (rank == TENSOR_RANK_MAX) {
            return fail(err, STATUS_INVALID, "its lists are nested more than %d deep",
                        TENSOR_RANK_MAX);
        }
        out_shape[rank++] = value.count;
        if (value.count == 0) {
            break;
        }
        value = value.items[0];
    }
    *out_rank = rank;
    return STATUS_OK;
}

int number_tensor_channel_axis(const int64_t *shape, uint32_t rank, uint32_t channels) {
    if (rank > 2 && shape[1] == channels) {
        return 1;
    }
    return rank > 0 && shape[rank - 1] == channels ? (int)rank - 1 : -1;
}

/* --- in --- */

struct filling {
    struct tensor *tensor;
    const struct number_scaling *scaling;
    size_t next;  /* where the next number goes */
    size_t inner; /* so many numbers in a row are of one channel */
    bool plain;   /* integers of 64 bits go in as they are: a double does not hold all */
    struct error *err;
};

static double scaled(const struct filling *filling, double number) {
    const struct number_scaling *scaling = filling->scaling;
    number *= scaling->scale;
    if (scaling->channels > 0) {
        const size_t channel = filling->next / filling->inner % scaling->channels;
        number = (number - scaling->means[channel]) / scaling->deviations[channel];
    }
    return number;
}

/* The digits of a number that is too large for an int64. */
static bool read_digits(struct slice text, uint64_t *out_number) {
    uint64_t number = 0;
    for (size_t i = 0; i < text.count; i++) {
        const uint64_t digit = (uint64_t)(unsigned char)text.bytes[i] - '0';
        if (digit > 9 || number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *out_number = number;
    return text.count > 0;
}

/* false: it is no integer of 64 bits that the type holds. */
static bool put_plain(struct filling *filling, struct value value) {
    const bool is_signed = filling->tensor->type == TENSOR_INT64;
    uint64_t bits = 0;
    if (value.kind == VALUE_INTEGER && (is_signed || value.integer >= 0)) {
        bits = (uint64_t)value.integer;
    } else if (is_signed || value.kind != VALUE_RAW || !read_digits(value_text(value), &bits)) {
        return false;
    }
    put_whole((char *)filling->tensor->bytes + filling->next * sizeof(bits), bits, sizeof(bits));
    return true;
}

/* Its double is only the largest there is. */
static bool is_beyond(struct value value, double number) {
    return value.kind == VALUE_RAW && fabs(number) == DBL_MAX;
}

static status refuse(const struct filling *filling, struct value value, double number) {
    char text[NUMBER_BYTES];
    const struct slice raw = value_text(value); /* beyond a double, it has its own text */
    (void)snprintf(text, sizeof(text), "%g", number);
    return fail(filling->err, STATUS_INVALID, "number %zu of it, %.*s, does not fit %s",
                filling->next,
                raw.count > 0 ? (int)slice_part(raw, 0, NUMBER_BYTES).count : NUMBER_BYTES,
                raw.count > 0 ? raw.bytes : text, tensor_type_name(filling->tensor->type));
}

static status put_number(struct filling *filling, struct value value) {
    double number = value_number(value);
    if (value.kind == VALUE_BOOLEAN) {
        number = value.boolean ? 1 : 0;
    } else if (!value_is_number(value)) {
        return fail(filling->err, STATUS_INVALID, "number %zu of it is a %s", filling->next,
                    value_kind_name(value.kind));
    }
    if (!(filling->plain && put_plain(filling, value)) &&
        (is_beyond(value, number) ||
         !number_tensor_put(filling->tensor, filling->next, scaled(filling, number)))) {
        return refuse(filling, value, number);
    }
    filling->next++;
    return STATUS_OK;
}

/* `given` are the lengths that all lists of a level must have. */
static status put_all(struct filling *filling, struct value value, const int64_t *given,
                      uint32_t rank) {
    if (rank == 0) {
        return put_number(filling, value);
    }
    if (value.kind != VALUE_LIST || value.count != given[0]) {
        return fail(filling->err, STATUS_INVALID,
                    "its lists are of different lengths: one of %" PRId64 " is wanted behind "
                    "number %zu",
                    given[0], filling->next);
    }
    for (uint32_t i = 0; i < value.count; i++) {
        TRY(put_all(filling, value.items[i], given + 1, rank - 1));
    }
    return STATUS_OK;
}

static status find_channels(struct filling *filling) {
    const struct tensor *tensor = filling->tensor;
    filling->inner = 1;
    if (filling->scaling->channels <= 1) {
        return STATUS_OK;
    }
    const int axis =
        number_tensor_channel_axis(tensor->shape, tensor->rank, filling->scaling->channels);
    if (axis < 0) {
        return fail(filling->err, STATUS_INVALID, "it has no dimension of %u, as `mean` and `std`",
                    filling->scaling->channels);
    }
    for (uint32_t i = (uint32_t)axis + 1; i < tensor->rank; i++) {
        filling->inner *= (size_t)tensor->shape[i];
    }
    return STATUS_OK;
}

status number_tensor_from_value(struct value value, const struct number_scaling *scaling,
                                struct arena *arena, struct tensor *tensor, struct error *err) {
    int64_t given[TENSOR_RANK_MAX];
    uint32_t rank = 0;
    size_t count = 0;
    if (value.kind != VALUE_LIST && value.kind != VALUE_BOOLEAN && !value_is_number(value)) {
        return fail(err, STATUS_INVALID, "it is no number but a %s", value_kind_name(value.kind));
    }
    TRY(measure(value, given, &rank, err));
    TRY(take_shape(tensor, given, rank, err));
    if (!tensor_count(tensor->type, tensor->shape, tensor->rank, &count)) {
        return fail(err, STATUS_INVALID, "it is larger than %d MiB", TENSOR_BYTES_MAX >> 20);
    }
    tensor->byte_count = count * tensor_type_bytes(tensor->type);
    tensor->bytes = arena_get(arena, tensor->byte_count, 1);
    if (tensor->bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for %zu numbers", count);
    }
    struct filling filling = {.tensor = tensor, .scaling = scaling, .err = err};
    filling.plain = (tensor->type == TENSOR_INT64 || tensor->type == TENSOR_UINT64) &&
                    scaling->scale == 1 && scaling->channels == 0;
    TRY(find_channels(&filling));
    return put_all(&filling, value, given, rank);
}

/* --- out --- */

/* A float has no more digits than what tells it from its neighbours. */
static double shortest(double number) {
    char text[NUMBER_BYTES];
    for (int digits = FLOAT_DIGITS_LEAST; digits <= FLOAT_DIGITS_MOST; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtof(text, NULL) == (float)number) {
            break;
        }
    }
    return strtod(text, NULL);
}

/* No kind of value but a text of digits holds what is above an int64. */
static bool write_unsigned(uint64_t number, struct arena *arena, struct value *out_value) {
    if (number <= INT64_MAX) {
        *out_value = value_of_integer((int64_t)number);
        return true;
    }
    const struct slice digits = arena_print(arena, "%" PRIu64, number);
    *out_value =
        (struct value){.kind = VALUE_RAW, .count = (uint32_t)digits.count, .text = digits.bytes};
    return digits.bytes != NULL;
}

bool number_tensor_value(const struct tensor *tensor, size_t index, struct arena *arena,
                         struct value *out_value) {
    const char *at = (const char *)tensor->bytes + index * tensor_type_bytes(tensor->type);
    switch (tensor->type) {
    case TENSOR_FLOAT64:
        *out_value = value_of_real(tensor_real_at(tensor, index));
        return true;
    case TENSOR_FLOAT32:
    case TENSOR_FLOAT16:
    case TENSOR_BFLOAT16:
        *out_value = value_of_real(shortest(tensor_real_at(tensor, index)));
        return true;
    case TENSOR_BOOLEAN:
        *out_value = value_of_boolean(*at != 0);
        return true;
    case TENSOR_UINT64:
        return write_unsigned((uint64_t)tensor_whole_at(tensor, index), arena, out_value);
    default:
        *out_value = value_of_integer(tensor_whole_at(tensor, index));
        return true;
    }
}

static bool list_all(const struct tensor *tensor, uint32_t axis, size_t *next, struct arena *arena,
                     struct value *out_value) {
    if (axis == tensor->rank) {
        return number_tensor_value(tensor, (*next)++, arena, out_value);
    }
    struct value *items = value_new_list(arena, (uint32_t)tensor->shape[axis], out_value);
    bool whole = items != NULL;
    for (int64_t i = 0; whole && i < tensor->shape[axis]; i++) {
        whole = list_all(tensor, axis + 1, next, arena, &items[i]);
    }
    return whole;
}

status number_tensor_to_lists(const struct tensor *tensor, uint32_t from_axis, struct arena *arena,
                              struct value *out_value, struct error *err) {
    size_t next = 0;
    assert(from_axis <= tensor->rank);
    if (!list_all(tensor, from_axis, &next, arena, out_value)) {
        return fail(err, STATUS_FULL, "no room for %zu numbers", count_of(tensor));
    }
    return STATUS_OK;
}
