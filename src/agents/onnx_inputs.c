// SPDX-License-Identifier: Apache-2.0
#include "agents/onnx_inputs.h"

#include <string.h>

#include "agents/onnx_state.h"
#include "agents/sound.h"
#include "base/blob.h"

/* --- numbers --- */

static status make_row(const struct numbers_before *before, struct value object,
                       struct arena *scratch, struct value *out_row, struct error *err) {
    if (object.kind != VALUE_OBJECT) {
        return fail(err, STATUS_INVALID, "it is a %s where an object of the features is wanted",
                    value_kind_name(object.kind));
    }
    struct value *numbers = value_new_list(scratch, before->feature_count, out_row);
    for (uint32_t i = 0; numbers != NULL && i < before->feature_count; i++) {
        const struct value *number = value_get(object, before->features[i]);
        if (number == NULL || (!value_is_number(*number) && number->kind != VALUE_BOOLEAN)) {
            return fail(err, STATUS_INVALID, "feature '%.*s' is %s: a number is wanted",
                        SLICE_ARGS(before->features[i]),
                        number == NULL ? "missing" : value_kind_name(number->kind));
        }
        numbers[i] = *number;
    }
    return numbers != NULL ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "no memory for a row");
}

/* An object is a row; a list of them, as many. */
static status make_rows(const struct numbers_before *before, struct value given,
                        struct arena *scratch, struct value *out_rows, struct error *err) {
    if (given.kind != VALUE_LIST) {
        return make_row(before, given, scratch, out_rows, err);
    }
    struct value *rows = value_new_list(scratch, given.count, out_rows);
    if (rows == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for %u rows", given.count);
    }
    for (uint32_t i = 0; i < given.count; i++) {
        TRY(make_row(before, given.items[i], scratch, &rows[i], err));
    }
    return STATUS_OK;
}

static status fill_numbers(const struct onnx_input *input, struct value given,
                           struct arena *scratch, struct tensor *tensor, struct error *err) {
    if (input->numbers->features != NULL) {
        TRY(make_rows(input->numbers, given, scratch, &given, err));
    }
    return number_tensor_from_value(given, &input->scaling, scratch, tensor, err);
}

/* --- sound --- */

static status check_sound(const struct field *wanted, const struct sound *sound,
                          struct error *err) {
    if (sound->channels != 1) {
        return fail(err, STATUS_INVALID, "it has %u channels: one is wanted", sound->channels);
    }
    if (wanted != NULL && wanted->rate > 0 && sound->rate > 0 && sound->rate != wanted->rate) {
        return fail(err, STATUS_INVALID, "it has %u samples a second: %u are wanted", sound->rate,
                    wanted->rate);
    }
    if (wanted != NULL && wanted->samples > 0 && sound->count != wanted->samples) {
        return fail(err, STATUS_INVALID, "it has %zu samples: %u are wanted", sound->count,
                    wanted->samples);
    }
    return STATUS_OK;
}

/* One row of so many samples. */
static status shape_row(struct tensor *tensor, size_t samples, struct error *err) {
    const uint32_t last = tensor->rank - 1;
    bool fits = tensor->shape[last] < 0 || (size_t)tensor->shape[last] == samples;
    size_t count;
    for (uint32_t i = 0; i < last; i++) {
        fits = fits && (tensor->shape[i] < 0 || tensor->shape[i] == 1);
        tensor->shape[i] = 1;
    }
    if (!fits) {
        return fail(err, STATUS_INVALID, "%zu samples, context included, are no row of it",
                    samples);
    }
    tensor->shape[last] = (int64_t)samples;
    if (!tensor_count(tensor->type, tensor->shape, tensor->rank, &count)) {
        return fail(err, STATUS_INVALID, "%zu samples are more than %d MiB", samples,
                    TENSOR_BYTES_MAX >> 20);
    }
    tensor->byte_count = count * tensor_type_bytes(tensor->type);
    return STATUS_OK;
}

/* The last samples of the call before stand in front. */
static status fill_context(const struct onnx_input *input, struct value state,
                           struct arena *scratch, struct tensor *tensor, struct error *err) {
    struct tensor context = {.type = tensor->type, .rank = 1, .shape = {input->audio->context}};
    TRY(onnx_state_read(state, input->name, scratch, &context, err));
    (void)memcpy(tensor->bytes, context.bytes, context.byte_count);
    return STATUS_OK;
}

static status fill_audio(const struct onnx_input *input, struct value given, struct value state,
                         struct arena *scratch, struct tensor *tensor, struct error *err) {
    const size_t context = (size_t)input->audio->context;
    struct slice bytes;
    struct sound sound;
    if (given.kind != VALUE_BLOB) {
        return fail(err, STATUS_INVALID, "it is a %s: sound is wanted",
                    value_kind_name(given.kind));
    }
    TRY(blob_open(given.blob, &bytes, err));
    TRY(sound_read(blob_type(given.blob), bytes, &sound, err));
    TRY(check_sound(input->sound, &sound, err));
    TRY(shape_row(tensor, context + sound.count, err));
    tensor->bytes = arena_get(scratch, tensor->byte_count, 1);
    if (tensor->bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for %zu samples", sound.count);
    }
    TRY(fill_context(input, state, scratch, tensor, err));
    for (size_t i = 0; i < sound.count; i++) {
        const double sample = sound_sample(&sound, i) * input->audio->scale;
        if (!number_tensor_put(tensor, context + i, sample)) {
            return fail(err, STATUS_INVALID, "sample %zu, %g, does not fit %s", i, sample,
                        tensor_type_name(tensor->type));
        }
    }
    return STATUS_OK;
}

/* --- pictures --- */

static status fill_picture(const struct onnx_input *input, struct value given,
                           struct arena *scratch, struct tensor *tensor, struct picture_fit *fit,
                           struct error *err) {
    struct slice bytes;
    if (given.kind != VALUE_BLOB) {
        return fail(err, STATUS_INVALID, "it is a %s: a picture is wanted",
                    value_kind_name(given.kind));
    }
    TRY(blob_open(given.blob, &bytes, err));
    tensor->bytes = arena_get(scratch, tensor->byte_count, 1);
    if (tensor->bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a picture");
    }
    return picture_tensor_fill(&input->picture, bytes, tensor, fit, err);
}

/* --- all --- */

/* One call's inputs that are being filled. */
struct filling {
    struct value with, state;
    struct arena *scratch;
    struct onnx_filled *filled;
};

static status fill_source(const struct filling *filling, const struct onnx_input *input,
                          struct value given, struct tensor *tensor, struct error *err) {
    switch (input->source) {
    case ONNX_AUDIO:
        return fill_audio(input, given, filling->state, filling->scratch, tensor, err);
    case ONNX_PICTURE:
        return fill_picture(input, given, filling->scratch, tensor, &filling->filled->fit, err);
    default:
        return fill_numbers(input, given, filling->scratch, tensor, err);
    }
}

static status fill_given(const struct filling *filling, const struct onnx_input *input,
                         struct tensor *tensor, struct error *err) {
    struct value given = filling->with;
    if (input->field.count > 0) {
        const struct value *found = value_get(filling->with, input->field);
        if (found == NULL) {
            return fail(err, STATUS_INVALID, "input '%.*s' is missing", SLICE_ARGS(input->field));
        }
        given = *found;
    }
    const status code = fill_source(filling, input, given, tensor, err);
    if (code != STATUS_OK && input->field.count > 0) {
        return fail_while(err, "input '%.*s'", SLICE_ARGS(input->field));
    }
    return code;
}

status onnx_inputs_fill(const struct onnx_plan *plan, struct value with, struct value state,
                        struct arena *scratch, struct onnx_filled *out_filled, struct error *err) {
    const struct filling filling = {
        .with = with, .state = state, .scratch = scratch, .filled = out_filled};
    const struct value *least = value_get(with, SLICE("min_score"));
    out_filled->score_least = least != NULL && value_is_number(*least) ? value_number(*least) : -1;
    for (uint32_t i = 0; i < plan->input_count; i++) {
        const struct onnx_input *input = &plan->inputs[i];
        struct tensor *tensor = &out_filled->tensors[i];
        *tensor = input->tensor;
        if (input->source == ONNX_STATE) {
            TRY(onnx_state_read(state, input->name, scratch, tensor, err));
        } else if (input->source != ONNX_SET) {
            TRY(fill_given(&filling, input, tensor, err));
        }
    }
    return STATUS_OK;
}
