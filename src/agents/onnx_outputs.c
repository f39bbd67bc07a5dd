// SPDX-License-Identifier: Apache-2.0
#include "agents/onnx_outputs.h"

#include "agents/onnx_state.h"
#include "platform/json.h"

enum {
    NUMBER_BYTES_LEAST = 2, /* of one number in JSON, with what parts it from the next */
    CLASSIFIER_MEMBERS = 3,
    DETECTOR_MEMBERS = 1
};

static size_t count_of(const struct tensor *tensor) {
    return tensor->byte_count / tensor_type_bytes(tensor->type);
}

static status check_numbers(const struct onnx_plan *plan, const struct tensor *outputs,
                            struct error *err) {
    for (uint32_t i = 0; i < plan->wanted_count; i++) {
        size_t index;
        if (!number_tensor_is_finite(&outputs[i], &index)) {
            return fail(err, STATUS_INVALID,
                        "the model's output '%s' is no number (NaN or infinite) at %zu of %zu",
                        plan->wanted_names[i], index, count_of(&outputs[i]));
        }
    }
    return STATUS_OK;
}

/* Dimensions of 1 in front mean nothing to who reads the numbers. */
static uint32_t first_axis(const struct tensor *tensor) {
    uint32_t axis = 0;
    while (axis + 1 < tensor->rank && tensor->shape[axis] == 1) {
        axis++;
    }
    return axis;
}

static status write_output(const struct onnx_output *output, const struct tensor *tensor,
                           int64_t bytes_max, struct arena *arena, struct value *out_value,
                           struct error *err) {
    const size_t count = count_of(tensor);
    if (output->one && count != 1) {
        return fail(err, STATUS_INVALID, "`value: { as: %.*s }` is one number, the model gives %zu",
                    SLICE_ARGS(output->as), count);
    }
    if (output->one) {
        return number_tensor_value(tensor, 0, arena, out_value)
                   ? STATUS_OK
                   : fail(err, STATUS_FULL, "no room for '%.*s'", SLICE_ARGS(output->as));
    }
    if ((int64_t)count > bytes_max / NUMBER_BYTES_LEAST) {
        return fail(err, STATUS_FULL,
                    "output '%.*s' has %zu numbers, more than `limits: { output: ... }` has room "
                    "for (%lld bytes)",
                    SLICE_ARGS(output->as), count, (long long)bytes_max);
    }
    return number_tensor_to_lists(tensor, output->raw ? 0 : first_axis(tensor), arena, out_value,
                                  err);
}

/* As JSON, where it will be sooner or later. */
static status check_length(struct value output, int64_t bytes_max, struct error *err) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, (size_t)bytes_max);
    json_write(&json, output);
    return json.failed != STATUS_FULL
               ? buffer_status(&json, err)
               : fail(err, STATUS_FULL,
                      "the output is longer than the %lld bytes of `limits: { output: ... }`",
                      (long long)bytes_max);
}

static bool is_listed(const struct agent_manifest *manifest, struct slice name) {
    return manifest->outputs.open || field_find(&manifest->outputs, name) != NULL;
}

/* Those of the three that the manifest lists, or all. */
static status write_classifier(const struct onnx_plan *plan, const struct agent_manifest *manifest,
                               const struct tensor *outputs, struct arena *arena,
                               struct member *members, uint32_t *count, struct error *err) {
    struct classifier_answer answer;
    TRY(classifier_decode(plan->classifier, &outputs[plan->classified], arena, &answer, err));
    const struct member all[CLASSIFIER_MEMBERS] = {
        {SLICE("label"), answer.label}, {SLICE("score"), answer.score}, {SLICE("top"), answer.top}};
    for (int i = 0; i < CLASSIFIER_MEMBERS; i++) {
        if (is_listed(manifest, all[i].name)) {
            members[(*count)++] = all[i];
        }
    }
    return STATUS_OK;
}

static status write_detector(const struct onnx_plan *plan, const struct onnx_filled *inputs,
                             const struct tensor *outputs, struct arena *arena,
                             struct member *member, struct error *err) {
    const struct detector_look look = {.outputs = outputs,
                                       .names = plan->wanted_names,
                                       .count = plan->wanted_count,
                                       .fit = &inputs->fit,
                                       .score_least = inputs->score_least};
    member->name = SLICE("objects");
    return detector_decode(plan->detector, &look, arena, &member->value, err);
}

status onnx_outputs_write(const struct onnx_plan *plan, const struct onnx_filled *inputs,
                          const struct tensor *outputs, struct arena *arena,
                          struct value *out_value, struct error *err) {
    const struct agent_manifest *manifest = plan->manifest;
    TRY(check_numbers(plan, outputs, err));
    uint32_t count = 0;
    struct member *members = value_new_object(
        arena, plan->output_count + CLASSIFIER_MEMBERS + DETECTOR_MEMBERS, out_value);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the output");
    }
    for (uint32_t i = 0; i < plan->output_count; i++) {
        const struct onnx_output *output = &plan->outputs[i];
        members[count].name = arena_copy(arena, output->as); /* it may outlive the agent */
        if (members[count].name.bytes == NULL) {
            return fail(err, STATUS_NO_MEMORY, "no memory for the output");
        }
        TRY(write_output(output, &outputs[output->wanted], manifest->output_bytes, arena,
                         &members[count].value, err));
        count++;
    }
    if (plan->classifier != NULL) {
        TRY(write_classifier(plan, manifest, outputs, arena, members, &count, err));
    }
    if (plan->detector != NULL) {
        TRY(write_detector(plan, inputs, outputs, arena, &members[count++], err));
    }
    out_value->count = count;
    return check_length(*out_value, manifest->output_bytes, err);
}

/* The last samples of the sound that went in. */
static struct tensor tail_of(const struct tensor *tensor, int count) {
    const size_t bytes = (size_t)count * tensor_type_bytes(tensor->type);
    return (struct tensor){.type = tensor->type,
                           .rank = 1,
                           .shape = {count},
                           .bytes = (char *)tensor->bytes + tensor->byte_count - bytes,
                           .byte_count = bytes};
}

status onnx_outputs_state(const struct onnx_plan *plan, const struct onnx_filled *inputs,
                          const struct tensor *outputs, struct arena *arena,
                          struct value *out_state, struct error *err) {
    *out_state = (struct value){0};
    if (!plan->has_state) {
        return STATUS_OK;
    }
    uint32_t count = 0;
    struct member *members = value_new_object(arena, plan->input_count, out_state);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the state");
    }
    for (uint32_t i = 0; i < plan->input_count; i++) {
        const struct onnx_input *input = &plan->inputs[i];
        if (input->source == ONNX_STATE) {
            TRY(onnx_state_write(input->name, &outputs[input->wanted], arena, &members[count++],
                                 err));
        } else if (input->source == ONNX_AUDIO && input->audio->context > 0) {
            const struct tensor tail = tail_of(&inputs->tensors[i], input->audio->context);
            TRY(onnx_state_write(input->name, &tail, arena, &members[count++], err));
        }
    }
    out_state->count = count;
    return STATUS_OK;
}
