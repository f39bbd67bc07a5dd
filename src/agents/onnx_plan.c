// SPDX-License-Identifier: Apache-2.0
#include "agents/onnx_plan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { LIST_BYTES = 160 };

struct planning {
    const struct agent_manifest *manifest;
    const struct onnx_manifest *onnx;
    const struct inference_model *model;
    struct arena *arena;
    struct onnx_plan *plan;
    struct error *err;
};

/* --- names --- */

static void add_name(char list[LIST_BYTES], const char *name) {
    const size_t used = strlen(list);
    (void)snprintf(list + used, LIST_BYTES - used, "%s%s", used > 0 ? ", " : "", name);
}

static status no_input(const struct planning *planning, struct slice name) {
    char list[LIST_BYTES] = "";
    for (uint32_t i = 0; i < planning->plan->input_count; i++) {
        add_name(list, planning->plan->inputs[i].name);
    }
    return fail(planning->err, STATUS_INVALID, "the model has no input '%.*s': there is %s",
                SLICE_ARGS(name), list);
}

static status find_input(const struct planning *planning, struct slice name,
                         struct onnx_input **out_input) {
    for (uint32_t i = 0; i < planning->plan->input_count; i++) {
        struct onnx_input *input = &planning->plan->inputs[i];
        if (slice_is(name, input->name)) {
            *out_input = input;
            return input->source == ONNX_FREE
                       ? STATUS_OK
                       : fail(planning->err, STATUS_INVALID,
                              "the model's input '%s' is given twice", input->name);
        }
    }
    return no_input(planning, name);
}

/* The input of that name, or the only one that nothing goes to yet. */
static status choose_input(const struct planning *planning, struct slice name,
                           struct onnx_input **out_input) {
    struct onnx_input *found = NULL;
    char list[LIST_BYTES] = "";
    uint32_t free_count = 0;
    if (name.count > 0) {
        return find_input(planning, name, out_input);
    }
    for (uint32_t i = 0; i < planning->plan->input_count; i++) {
        if (planning->plan->inputs[i].source == ONNX_FREE) {
            found = &planning->plan->inputs[i];
            add_name(list, found->name);
            free_count++;
        }
    }
    if (free_count != 1) {
        return fail(planning->err, STATUS_INVALID,
                    "`to` must say which input of the model is meant: %s",
                    free_count > 0 ? list : "all of them are given already");
    }
    *out_input = found;
    return STATUS_OK;
}

/* Has the output of that name computed; the only one where the name is empty. */
static status want_output(const struct planning *planning, struct slice name,
                          uint32_t *out_wanted) {
    struct onnx_plan *plan = planning->plan;
    char list[LIST_BYTES] = "";
    const uint32_t count = inference_output_count(planning->model);
    for (uint32_t i = 0; i < count; i++) {
        const struct inference_port *port = inference_output(planning->model, i);
        add_name(list, port->name);
        if (!slice_is(name, port->name) && !(name.count == 0 && count == 1)) {
            continue;
        }
        if (!port->is_tensor) {
            return fail(planning->err, STATUS_INVALID,
                        "the model's output '%s' is no tensor of numbers that ebb reads",
                        port->name);
        }
        uint32_t at = 0;
        while (at < plan->wanted_count && plan->wanted[at] != i) {
            at++;
        }
        if (at == ONNX_PORTS_MAX) {
            return fail(planning->err, STATUS_INVALID,
                        "more than %d of the model's outputs are asked for", ONNX_PORTS_MAX);
        }
        plan->wanted[at] = i;
        plan->wanted_names[at] = port->name;
        plan->wanted_count += at == plan->wanted_count;
        *out_wanted = at;
        return STATUS_OK;
    }
    return fail(planning->err, STATUS_INVALID,
                name.count > 0 ? "the model has no output '%.*s': there is %s"
                               : "`output` must say which is meant%.*s: there is %s",
                SLICE_ARGS(name), list);
}

/* --- inputs --- */

static status list_inputs(const struct planning *planning) {
    struct onnx_plan *plan = planning->plan;
    plan->input_count = inference_input_count(planning->model);
    if (plan->input_count > ONNX_PORTS_MAX) {
        return fail(planning->err, STATUS_INVALID,
                    "the model has %u inputs: an agent gives at most %d", plan->input_count,
                    ONNX_PORTS_MAX);
    }
    for (uint32_t i = 0; i < plan->input_count; i++) {
        const struct inference_port *port = inference_input(planning->model, i);
        struct onnx_input *input = &plan->inputs[i];
        if (!port->is_tensor) {
            return fail(planning->err, STATUS_INVALID,
                        "the model's input '%s' is no tensor of numbers that ebb makes: %s",
                        port->name, TENSOR_TYPES_TEXT);
        }
        *input = (struct onnx_input){.name = port->name,
                                     .tensor = {.type = port->type, .rank = port->rank}};
        (void)memcpy(input->tensor.shape, port->shape, sizeof(port->shape));
    }
    return STATUS_OK;
}

static status take_set(const struct planning *planning) {
    for (uint32_t i = 0; i < planning->onnx->set_count; i++) {
        const struct member *set = &planning->onnx->set[i];
        struct onnx_input *input = NULL;
        TRY(find_input(planning, set->name, &input));
        assert(input != NULL);
        input->source = ONNX_SET;
        if (number_tensor_from_value(set->value, &NUMBER_SCALING_NONE, planning->arena,
                                     &input->tensor, planning->err) != STATUS_OK) {
            return fail_while(planning->err, "`set` of input '%s'", input->name);
        }
    }
    return STATUS_OK;
}

static status take_carry(const struct planning *planning) {
    for (uint32_t i = 0; i < planning->onnx->carry_count; i++) {
        const struct carry_pair *pair = &planning->onnx->carry[i];
        struct onnx_input *input = NULL;
        TRY(find_input(planning, pair->input, &input));
        assert(input != NULL);
        TRY(want_output(planning, pair->output, &input->wanted));
        const struct inference_port *output =
            inference_output(planning->model, planning->plan->wanted[input->wanted]);
        if (output->type != input->tensor.type || output->rank != input->tensor.rank) {
            return fail(planning->err, STATUS_INVALID,
                        "`carry`: output '%s' is of another type or rank than input '%s'",
                        output->name, input->name);
        }
        input->source = ONNX_STATE;
        planning->plan->has_state = true;
    }
    return STATUS_OK;
}

/* What the metadata says of the model's first input that a call gives; it binds open dimensions. */
static status take_metadata(const struct planning *planning) {
    const struct onnx_metadata *metadata = planning->onnx->metadata;
    uint32_t first = 0;
    while (first < planning->plan->input_count &&
           planning->plan->inputs[first].source != ONNX_FREE) {
        first++;
    }
    if (metadata == NULL || first == planning->plan->input_count) {
        return STATUS_OK;
    }
    struct onnx_input *input = &planning->plan->inputs[first];
    bool same = metadata->rank == input->tensor.rank && metadata->type == input->tensor.type;
    for (uint32_t i = 0; same && i < metadata->rank; i++) {
        same = metadata->shape[i] < 0 || input->tensor.shape[i] < 0 ||
               metadata->shape[i] == input->tensor.shape[i];
    }
    if (!same) {
        char ours[TENSOR_TYPE_TEXT_BYTES];
        char theirs[TENSOR_TYPE_TEXT_BYTES];
        struct tensor said = {.type = metadata->type, .rank = metadata->rank};
        (void)memcpy(said.shape, metadata->shape, sizeof(said.shape));
        tensor_write_type(&said, ours);
        tensor_write_type(&input->tensor, theirs);
        return fail(planning->err, STATUS_INVALID,
                    "the metadata says %s, the model's input '%s' is %s", ours, input->name,
                    theirs);
    }
    input->described = true;
    for (uint32_t i = 0; i < metadata->rank; i++) {
        if (input->tensor.shape[i] < 0) {
            input->tensor.shape[i] = metadata->shape[i];
        }
    }
    return STATUS_OK;
}

/* The only input of the agent of that type; NULL: there is none, or several. */
static const struct field *only_field(const struct field_set *set, enum field_type type) {
    const struct field *found = NULL;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct field *field = &set->fields[i];
        const bool fits = type == FIELD_ANY || field->type == type;
        if (fits && found != NULL) {
            return NULL;
        }
        found = fits ? field : found;
    }
    return found;
}

/* The input of the agent that `from` names must be one where the manifest lists them. */
static status check_field(const struct planning *planning, struct slice name,
                          const struct field **out_field) {
    const struct field_set *inputs = &planning->manifest->inputs;
    *out_field = field_find(inputs, name);
    if (*out_field == NULL && !inputs->open) {
        return fail(planning->err, STATUS_INVALID, "`from: %.*s`: `inputs` has no such field",
                    SLICE_ARGS(name));
    }
    return STATUS_OK;
}

static status take_audio(const struct planning *planning) {
    const struct audio_before *audio = &planning->onnx->audio;
    struct onnx_input *input = NULL;
    if (!audio->given) {
        return STATUS_OK;
    }
    TRY(choose_input(planning, audio->to, &input));
    assert(input != NULL);
    const struct field *only = only_field(&planning->manifest->inputs, FIELD_AUDIO);
    input->source = ONNX_AUDIO;
    input->audio = audio;
    input->field = audio->from.count > 0 ? audio->from : only != NULL ? only->name : SLICE("audio");
    planning->plan->has_state |= audio->context > 0;
    if (input->tensor.rank == 0 || input->tensor.type == TENSOR_BOOLEAN) {
        return fail(planning->err, STATUS_INVALID, "the model's input '%s' takes no row of samples",
                    input->name);
    }
    return check_field(planning, input->field, &input->sound);
}

/* Layout, channels and scaling where the manifest leaves them to the model and its metadata. */
static void complete_picture(const struct planning *planning, struct onnx_input *input) {
    const struct manifest_picture *picture = planning->onnx->picture;
    const struct onnx_metadata *metadata = planning->onnx->metadata;
    const int64_t *shape = input->tensor.shape + (input->tensor.rank == 4);
    struct picture_before *before = &input->picture;
    *before = picture->before;
    if (!picture->has_layout && shape[0] != IMAGE_CHANNELS && shape[0] != 1) {
        before->layout = PICTURE_NHWC;
    }
    if (shape[before->layout == PICTURE_NCHW ? 0 : 2] == 1) {
        before->colours = PICTURE_GREY;
    }
    if (picture->scaled || !input->described || metadata->channels == 0) {
        return;
    }
    before->scale = 1.0 / UINT8_MAX; /* the guide's means are of pictures from 0 to 1 */
    for (uint32_t i = 0; i < IMAGE_CHANNELS; i++) {
        const uint32_t at = i < metadata->channels ? i : 0;
        before->mean[i] = metadata->means[at];
        before->deviation[i] = metadata->deviations[at];
    }
}

/* What the model leaves open: one picture, of the size that the manifest says. */
static status close_shape(const struct planning *planning, struct onnx_input *input) {
    const struct picture_before *before = &input->picture;
    const uint32_t first = input->tensor.rank == 4;
    const bool is_nchw = before->layout == PICTURE_NCHW;
    int64_t *shape = input->tensor.shape;
    int64_t *rows = shape + first + (is_nchw ? 1 : 0);
    int64_t *channels = shape + first + (is_nchw ? 0 : 2);
    size_t count;
    if (rows[0] < 0 && rows[1] < 0 && before->width == 0) {
        return fail(planning->err, STATUS_INVALID,
                    "the model takes pictures of any size: `before: { image: { size: 320x320 } }` "
                    "says which");
    }
    if (before->width > 0 && ((rows[0] >= 0 && rows[0] != before->height) ||
                              (rows[1] >= 0 && rows[1] != before->width))) {
        return fail(planning->err, STATUS_INVALID,
                    "`size: %ux%u`: the model takes pictures of %lldx%lld", before->width,
                    before->height, (long long)rows[1], (long long)rows[0]);
    }
    shape[0] = first == 1 && shape[0] < 0 ? 1 : shape[0];
    rows[0] = rows[0] < 0 ? before->height : rows[0];
    rows[1] = rows[1] < 0 ? before->width : rows[1];
    *channels = *channels < 0 ? (before->colours == PICTURE_GREY ? 1 : IMAGE_CHANNELS) : *channels;
    if (rows[0] < 0 || rows[1] < 0 ||
        !tensor_count(input->tensor.type, shape, input->tensor.rank, &count)) {
        return fail(planning->err, STATUS_INVALID, "`image` needs a `size` such as 320x320");
    }
    input->tensor.byte_count = count * tensor_type_bytes(input->tensor.type);
    return picture_tensor_check(before, &input->tensor, planning->err);
}

static status take_picture(const struct planning *planning) {
    const struct manifest_picture *picture = planning->onnx->picture;
    const struct field *field;
    struct onnx_input *input = NULL;
    if (picture == NULL) {
        return STATUS_OK;
    }
    TRY(choose_input(planning, picture->to, &input));
    assert(input != NULL);
    if (input->tensor.rank != 3 && input->tensor.rank != 4) {
        return fail(planning->err, STATUS_INVALID, "the model's input '%s' takes no picture",
                    input->name);
    }
    const struct field *only = only_field(&planning->manifest->inputs, FIELD_IMAGE);
    input->source = ONNX_PICTURE;
    input->field = picture->from.count > 0 ? picture->from
                   : only != NULL          ? only->name
                                           : SLICE("image");
    complete_picture(planning, input);
    TRY(close_shape(planning, input));
    return check_field(planning, input->field, &field);
}

/* A feature must be an input of the agent where the row is made of those. */
static status check_features(const struct planning *planning, const struct numbers_before *before) {
    const struct field *field;
    for (uint32_t i = 0; before->from.count == 0 && i < before->feature_count; i++) {
        if (check_field(planning, before->features[i], &field) != STATUS_OK) {
            return fail(planning->err, STATUS_INVALID, "`features`: `inputs` has no field '%.*s'",
                        SLICE_ARGS(before->features[i]));
        }
    }
    return STATUS_OK;
}

/* Where no `from` says it: the input of the same name, or the only one that there is. */
static status find_field(const struct planning *planning, struct onnx_input *input) {
    const struct field_set *inputs = &planning->manifest->inputs;
    const struct field *only = only_field(inputs, FIELD_ANY);
    input->field = slice_of(input->name);
    if (inputs->open || field_find(inputs, input->field) != NULL) {
        return STATUS_OK;
    }
    if (only == NULL) {
        return fail(planning->err, STATUS_INVALID,
                    "nothing is said of the model's input '%s': `inputs` has no such field; "
                    "`before: { numbers: { from: ..., to: \"%s\" } }` names another",
                    input->name, input->name);
    }
    input->field = only->name;
    return STATUS_OK;
}

/* The numbers' own, else the metadata's where it is about them. */
static void take_scaling(const struct planning *planning, struct onnx_input *input) {
    const struct onnx_metadata *metadata = planning->onnx->metadata;
    input->scaling = NUMBER_SCALING_NONE;
    if (input->numbers->scaling_given) {
        input->scaling = input->numbers->scaling;
    } else if (input->described) {
        input->scaling.means = metadata->means;
        input->scaling.deviations = metadata->deviations;
        input->scaling.channels = metadata->channels;
    }
}

static status take_numbers(const struct planning *planning) {
    const struct field *field;
    for (uint32_t i = 0; i < planning->onnx->numbers_count; i++) {
        const struct numbers_before *before = &planning->onnx->numbers[i];
        struct onnx_input *input = NULL;
        TRY(choose_input(planning, before->to, &input));
        assert(input != NULL);
        TRY(check_features(planning, before));
        input->source = ONNX_NUMBERS;
        input->numbers = before;
        input->field = before->from;
        take_scaling(planning, input);
        if (before->from.count > 0) {
            TRY(check_field(planning, before->from, &field));
        } else if (before->features == NULL) {
            TRY(find_field(planning, input));
        }
    }
    return STATUS_OK;
}

/* What is left comes from inputs of the agent with the same names. */
static status take_rest(const struct planning *planning) {
    static const struct numbers_before PLAIN = {0};
    for (uint32_t i = 0; i < planning->plan->input_count; i++) {
        struct onnx_input *input = &planning->plan->inputs[i];
        if (input->source == ONNX_FREE) {
            input->source = ONNX_NUMBERS;
            input->numbers = &PLAIN;
            take_scaling(planning, input);
            TRY(find_field(planning, input));
        }
    }
    return STATUS_OK;
}

/* --- outputs --- */

static status add_output(const struct planning *planning, struct slice output, struct slice as,
                         bool one, bool raw) {
    struct onnx_plan *plan = planning->plan;
    if (plan->output_count == ONNX_PORTS_MAX) {
        return fail(planning->err, STATUS_INVALID, "`after` has more than %d parts",
                    ONNX_PORTS_MAX);
    }
    if (!planning->manifest->outputs.open && field_find(&planning->manifest->outputs, as) == NULL) {
        return fail(planning->err, STATUS_INVALID, "`after` gives '%.*s', which `outputs` has not",
                    SLICE_ARGS(as));
    }
    struct onnx_output *out = &plan->outputs[plan->output_count];
    *out = (struct onnx_output){.as = as, .one = one, .raw = raw};
    TRY(want_output(planning, output, &out->wanted));
    plan->output_count++;
    return STATUS_OK;
}

static bool is_carried(const struct planning *planning, const char *output) {
    for (uint32_t i = 0; i < planning->onnx->carry_count; i++) {
        if (slice_is(planning->onnx->carry[i].output, output)) {
            return true;
        }
    }
    return false;
}

/* Nothing is said of them: those that the manifest lists, else all that are not carried. */
static status take_raw(const struct planning *planning) {
    const struct field_set *outputs = &planning->manifest->outputs;
    for (uint32_t i = 0; i < inference_output_count(planning->model); i++) {
        const struct slice name = slice_of(inference_output(planning->model, i)->name);
        const bool wanted =
            outputs->open ? !is_carried(planning, name.bytes) : field_find(outputs, name) != NULL;
        if (wanted) {
            TRY(add_output(planning, name, name, false, true));
        }
    }
    if (planning->plan->output_count == 0) {
        return fail(planning->err, STATUS_INVALID,
                    "`outputs` names no output of the model, and `after` says nothing of them");
    }
    return STATUS_OK;
}

/* The outputs that the manifest names for the detector, or all of them. */
static status take_detector(const struct planning *planning) {
    const struct detector_after *detector = planning->onnx->detector;
    uint32_t wanted;
    bool named = false;
    if (!planning->manifest->outputs.open &&
        field_find(&planning->manifest->outputs, SLICE("objects")) == NULL) {
        return fail(planning->err, STATUS_INVALID,
                    "`detector` gives 'objects', which `outputs` has not");
    }
    planning->plan->detector = detector;
    for (int part = 0; part < DETECTOR_PARTS; part++) {
        for (uint32_t i = 0; i < detector->parts[part].count; i++) {
            TRY(want_output(planning, detector->parts[part].names[i], &wanted));
            named = true;
        }
    }
    for (uint32_t i = 0; !named && i < inference_output_count(planning->model); i++) {
        TRY(want_output(planning, slice_of(inference_output(planning->model, i)->name), &wanted));
    }
    return STATUS_OK;
}

static status take_outputs(const struct planning *planning) {
    const struct onnx_manifest *onnx = planning->onnx;
    for (uint32_t i = 0; i < onnx->values_count; i++) {
        const struct value_after *after = &onnx->values[i];
        TRY(add_output(planning, after->output, after->as, after->one, false));
    }
    if (onnx->performance && !planning->manifest->outputs.open &&
        field_find(&planning->manifest->outputs, SLICE("performance")) == NULL) {
        return fail(planning->err, STATUS_INVALID,
                    "`after` gives 'performance', which `outputs` has not");
    }
    if (onnx->classifier != NULL) {
        planning->plan->classifier = onnx->classifier;
        TRY(want_output(planning, onnx->classifier->output, &planning->plan->classified));
    }
    if (onnx->detector != NULL) {
        TRY(take_detector(planning));
    }
    if (onnx->classifier == NULL && onnx->detector == NULL && onnx->values_count == 0) {
        TRY(take_raw(planning));
    }
    return STATUS_OK;
}

status onnx_plan_make(const struct agent_manifest *manifest, const struct inference_model *model,
                      struct arena *arena, struct onnx_plan *plan, struct error *err) {
    const struct planning planning = {.manifest = manifest,
                                      .onnx = manifest->onnx,
                                      .model = model,
                                      .arena = arena,
                                      .plan = plan,
                                      .err = err};
    *plan = (struct onnx_plan){.manifest = manifest};
    TRY(list_inputs(&planning));
    TRY(take_set(&planning));
    TRY(take_carry(&planning));
    TRY(take_metadata(&planning));
    TRY(take_audio(&planning));
    TRY(take_picture(&planning));
    TRY(take_numbers(&planning));
    TRY(take_rest(&planning));
    return take_outputs(&planning);
}
