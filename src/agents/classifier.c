// SPDX-License-Identifier: Apache-2.0
#include "agents/classifier.h"

#include <math.h>

#include "agents/number_tensor.h"
#include "base/memory.h"
#include "base/tensor_number.h"

static const double DIGITS = 1e6;
static const double SUM_TOLERANCE = 1e-3;

static bool are_chances(const double *numbers, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] < 0) {
            return false;
        }
        sum += numbers[i];
    }
    return fabs(sum - 1) < SUM_TOLERANCE;
}

static void make_chances(double *numbers, size_t count) {
    double most = numbers[0];
    double sum = 0;
    for (size_t i = 1; i < count; i++) {
        most = numbers[i] > most ? numbers[i] : most;
    }
    for (size_t i = 0; i < count; i++) {
        numbers[i] = exp(numbers[i] - most);
        sum += numbers[i];
    }
    for (size_t i = 0; i < count; i++) {
        numbers[i] /= sum;
    }
}

/* Where the largest is; it becomes the smallest of all. Few are asked for. */
static size_t take_largest(double *numbers, size_t count) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = numbers[i] > numbers[best] ? i : best;
    }
    return best;
}

static status write_top(const struct classifier_after *after, double *numbers, size_t count,
                        struct arena *arena, struct classifier_answer *answer, struct error *err) {
    const uint32_t top = (size_t)after->top < count ? (uint32_t)after->top : (uint32_t)count;
    struct value *items = value_new_list(arena, top, &answer->top);
    for (uint32_t i = 0; items != NULL && i < top; i++) {
        const size_t best = take_largest(numbers, count);
        const struct slice name = labels_name(&after->labels, best, arena);
        struct member *members = value_new_object(arena, 2, &items[i]);
        if (members == NULL || name.bytes == NULL) {
            return fail(err, STATUS_NO_MEMORY, "no memory for the labels");
        }
        members[0] = (struct member){SLICE("label"), value_of_text(name)};
        members[1] =
            (struct member){SLICE("score"), value_of_real(round(numbers[best] * DIGITS) / DIGITS)};
        numbers[best] = -INFINITY;
    }
    if (items == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the labels");
    }
    answer->label = items[0].members[0].value;
    answer->score = items[0].members[1].value;
    return STATUS_OK;
}

status classifier_decode(const struct classifier_after *after, const struct tensor *tensor,
                         struct arena *arena, struct classifier_answer *out_answer,
                         struct error *err) {
    const size_t count = tensor->byte_count / tensor_type_bytes(tensor->type);
    int64_t longest = 1;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        longest = tensor->shape[i] > longest ? tensor->shape[i] : longest;
    }
    if (count == 0 || (size_t)longest != count) {
        return fail(err, STATUS_INVALID,
                    "a classifier wants one row of numbers, not %zu in several", count);
    }
    if (after->labels.count > 0 && after->labels.count != count) {
        return fail(err, STATUS_INVALID, "the model tells %zu classes apart, the labels are %u",
                    count, after->labels.count);
    }
    double *numbers = memory_new(count, sizeof(*numbers));
    if (numbers == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for %zu classes", count);
    }
    for (size_t i = 0; i < count; i++) {
        numbers[i] = tensor_number_at(tensor, i);
    }
    if (after->softmax == SOFTMAX_YES ||
        (after->softmax == SOFTMAX_AUTO && !are_chances(numbers, count))) {
        make_chances(numbers, count);
    }
    const status code = write_top(after, numbers, count, arena, out_answer, err);
    memory_free(numbers);
    return code;
}
