// SPDX-License-Identifier: Apache-2.0
#include "agents/detector_outputs.h"

#include <stdio.h>
#include <string.h>

#include "agents/number_tensor.h"
#include "base/tensor_number.h"

enum { SCRATCH_BYTES_MAX = TENSOR_BYTES_MAX };

static const char *const PART_NAMES[] = {"boxes", "scores", "classes", "offsets"};

static bool is_integer(enum tensor_type type) {
    return type == TENSOR_INT32 || type == TENSOR_INT64 || type == TENSOR_UINT32 ||
           type == TENSOR_UINT64; /* those of 16 bits and less may be scores in whole numbers */
}

static status take_numbers(struct detector_outputs *outputs, struct detector_rows *rows,
                           size_t count, struct error *err) {
    const struct tensor *tensor = rows->tensor;
    size_t index;
    if (!number_tensor_is_finite(tensor, &index)) {
        return fail(err, STATUS_INVALID,
                    "the model's output '%s' is no number (NaN or infinite) at %zu of %zu",
                    rows->name, index, count);
    }
    rows->numbers = tensor->bytes;
    if (tensor->type != TENSOR_FLOAT32) {
        float *numbers = arena_get(&outputs->scratch, count, sizeof(*numbers));
        if (numbers == NULL) {
            return fail(err, STATUS_NO_MEMORY, "no memory for what a detector found");
        }
        for (size_t i = 0; i < count; i++) {
            numbers[i] = (float)tensor_number_at(tensor, i);
        }
        rows->numbers = numbers;
    }
    return STATUS_OK;
}

static status add_part(struct detector_outputs *outputs, enum detector_part part, uint32_t index,
                       struct error *err) {
    const struct tensor *tensor = &outputs->look->outputs[index];
    struct detector_rows rows = {.name = outputs->look->names[index], .tensor = tensor};
    size_t count = 0;
    if (tensor->rank == 0 || !tensor_count(tensor->type, tensor->shape, tensor->rank, &count) ||
        count > UINT32_MAX || tensor->byte_count != count * tensor_type_bytes(tensor->type)) {
        return fail(err, STATUS_INVALID, "output '%s' of the model is no list of %s", rows.name,
                    PART_NAMES[part]);
    }
    if (outputs->counts[part] == DETECTOR_OUTPUTS_MAX) {
        return fail(err, STATUS_INVALID, "more than %d outputs of the model are %s",
                    DETECTOR_OUTPUTS_MAX, PART_NAMES[part]);
    }
    rows.columns = (uint32_t)tensor->shape[tensor->rank - 1];
    rows.rows = rows.columns > 0 ? (uint32_t)count / rows.columns : 0;
    TRY(take_numbers(outputs, &rows, count, err));
    outputs->parts[part][outputs->counts[part]++] = rows;
    return STATUS_OK;
}

static status find_named(struct detector_outputs *outputs, enum detector_part part,
                         struct error *err) {
    const struct detector_names *names = &outputs->after->parts[part];
    const struct detector_look *look = outputs->look;
    for (uint32_t i = 0; i < names->count; i++) {
        uint32_t at = 0;
        while (at < look->count && !slice_is(names->names[i], look->names[at])) {
            at++;
        }
        if (at == look->count) {
            return fail(err, STATUS_INVALID, "the model has no output '%.*s' for %s",
                        SLICE_ARGS(names->names[i]), PART_NAMES[part]);
        }
        TRY(add_part(outputs, part, at, err));
    }
    return STATUS_OK;
}

static bool has_word(const char *name, const char *word) {
    return strcasestr(name, word) != NULL;
}

/* A map of two channels, 1 x 2 x height x width. */
static bool is_pair_of_maps(const struct tensor *tensor) {
    return tensor->rank == 4 && tensor->shape[1] == 2;
}

/* What an output seems to be; DETECTOR_PARTS: none of ours. */
static enum detector_part guess_part(const struct detector_outputs *outputs, uint32_t index) {
    const struct tensor *tensor = &outputs->look->outputs[index];
    const char *name = outputs->look->names[index];
    const int64_t last = tensor->rank > 0 ? tensor->shape[tensor->rank - 1] : 0;
    const bool has_boxes = outputs->counts[DETECTOR_PART_BOXES] > 0;
    const bool has_scores = outputs->counts[DETECTOR_PART_SCORES] > 0;
    switch (outputs->after->decode) {
    case DETECTOR_BLAZEFACE:
        return last >= 4 ? DETECTOR_PART_BOXES : last == 1 ? DETECTOR_PART_SCORES : DETECTOR_PARTS;
    case DETECTOR_YOLO8:
        return has_boxes ? DETECTOR_PARTS : DETECTOR_PART_BOXES;
    case DETECTOR_SSD:
        return last == 4 && !has_boxes ? DETECTOR_PART_BOXES
               : !has_scores           ? DETECTOR_PART_SCORES
                                       : DETECTOR_PARTS;
    case DETECTOR_CENTRE:
        if (tensor->rank != 4 || (!is_pair_of_maps(tensor) && has_scores)) {
            return DETECTOR_PARTS;
        }
        if (!is_pair_of_maps(tensor) || (!has_scores && outputs->look->count == 3 && index == 0)) {
            return DETECTOR_PART_SCORES;
        }
        return has_boxes ? DETECTOR_PART_OFFSETS : DETECTOR_PART_BOXES;
    case DETECTOR_BOXES:
        if ((last == 4 || last == 6) && tensor->rank >= 2 && !has_boxes) {
            return DETECTOR_PART_BOXES;
        }
        if (is_integer(tensor->type) || has_word(name, "class") || has_word(name, "label")) {
            return tensor->rank > 0 && last > 1 ? DETECTOR_PART_CLASSES : DETECTOR_PARTS;
        }
        return has_scores ? DETECTOR_PARTS : DETECTOR_PART_SCORES;
    default:
        return DETECTOR_PARTS;
    }
}

/* Where the manifest names one output it names all that count; the rest are not looked at. */
static status find_parts(struct detector_outputs *outputs, struct error *err) {
    bool named = false;
    for (int part = 0; part < DETECTOR_PARTS; part++) {
        named = named || outputs->after->parts[part].count > 0;
        TRY(find_named(outputs, (enum detector_part)part, err));
    }
    for (uint32_t i = 0; !named && i < outputs->look->count; i++) {
        const enum detector_part part = guess_part(outputs, i);
        if (part != DETECTOR_PARTS) {
            TRY(add_part(outputs, part, i, err));
        }
    }
    return STATUS_OK;
}

status detector_outputs_init(struct detector_outputs *outputs, const struct detector_after *after,
                             const struct detector_look *look, struct error *err) {
    *outputs = (struct detector_outputs){.after = after, .look = look};
    arena_init(&outputs->scratch, SCRATCH_BYTES_MAX);
    return find_parts(outputs, err);
}

void detector_outputs_done(struct detector_outputs *outputs) {
    arena_done(&outputs->scratch);
}

status detector_outputs_wrong(const struct detector_rows *rows, const char *wanted,
                              struct error *err) {
    char type[TENSOR_TYPE_TEXT_BYTES];
    tensor_write_type(rows->tensor, type);
    return fail(err, STATUS_INVALID, "output '%s' of the model is %s: %s", rows->name, type,
                wanted);
}
