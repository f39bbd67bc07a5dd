// SPDX-License-Identifier: Apache-2.0
#include "agents/onnx_metadata.h"

#include "agents/number_tensor.h"
#include "base/value.h"
#include "platform/json.h"

enum { CHANNELS = 3 };

static const double MEANS[CHANNELS] = {0.485, 0.456, 0.406};
static const double DEVIATIONS[CHANNELS] = {0.229, 0.224, 0.225};

const struct onnx_metadata ONNX_METADATA_DEFAULT = {.type = TENSOR_FLOAT32,
                                                    .rank = 4,
                                                    .shape = {1, CHANNELS, 224, 224},
                                                    .means = MEANS,
                                                    .deviations = DEVIATIONS,
                                                    .channels = CHANNELS};

static status read_shape(struct value value, struct onnx_metadata *metadata, struct error *err) {
    if (value.kind != VALUE_LIST || value.count > TENSOR_RANK_MAX) {
        return fail(err, STATUS_INVALID,
                    "`input_shape` is a list of at most %d sizes, such as [1, 3, 224, 224]",
                    TENSOR_RANK_MAX);
    }
    metadata->rank = value.count;
    for (uint32_t i = 0; i < value.count; i++) {
        const struct value size = value.items[i];
        const bool any = size.kind == VALUE_NULL || size.kind == VALUE_TEXT ||
                         (size.kind == VALUE_INTEGER && size.integer == -1);
        if (!any &&
            (size.kind != VALUE_INTEGER || size.integer < 1 || size.integer > TENSOR_BYTES_MAX)) {
            return fail(err, STATUS_INVALID,
                        "size %u of `input_shape` is a number from 1, or -1 for any", i);
        }
        metadata->shape[i] = any ? -1 : size.integer;
    }
    return STATUS_OK;
}

static status read_numbers(struct value value, const char *name, bool positive, struct arena *arena,
                           const double **out_numbers, uint32_t *out_count, struct error *err) {
    const struct value *items = value.kind == VALUE_LIST ? value.items : &value;
    const uint32_t count = value.kind == VALUE_LIST ? value.count : 1;
    bool right = count > 0 && count <= ONNX_METADATA_CHANNELS_MAX;
    double *numbers = right ? arena_get(arena, count, sizeof(*numbers)) : NULL;
    if (right && numbers == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for metadata");
    }
    for (uint32_t i = 0; right && i < count; i++) {
        numbers[i] = value_number(items[i]);
        right = value_is_number(items[i]) && (!positive || numbers[i] > 0);
    }
    if (!right) {
        return fail(err, STATUS_INVALID, "`%s` of `preprocessing` is a list of %s, one a channel",
                    name, positive ? "numbers above 0" : "numbers");
    }
    *out_numbers = numbers;
    *out_count = count;
    return STATUS_OK;
}

/* One of the two alone goes with zeroes or ones. */
static status read_preprocessing(struct value value, struct arena *arena,
                                 struct onnx_metadata *metadata, struct error *err) {
    const struct value *mean = value_get(value, SLICE("mean"));
    const struct value *std = value_get(value, SLICE("std"));
    uint32_t means = 0;
    uint32_t deviations = 0;
    metadata->channels = 0;
    if (mean != NULL) {
        TRY(read_numbers(*mean, "mean", false, arena, &metadata->means, &means, err));
    }
    if (std != NULL) {
        TRY(read_numbers(*std, "std", true, arena, &metadata->deviations, &deviations, err));
    }
    if (means > 0 && deviations > 0 && means != deviations) {
        return fail(err, STATUS_INVALID,
                    "`mean` has %u numbers and `std` has %u: as many, one a "
                    "channel",
                    means, deviations);
    }
    metadata->channels = means > 0 ? means : deviations;
    double *other = arena_get(arena, metadata->channels, sizeof(*other));
    if (other == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for metadata");
    }
    for (uint32_t i = 0; i < metadata->channels; i++) {
        other[i] = means > 0 ? 1 : 0;
    }
    metadata->means = means > 0 ? metadata->means : other;
    metadata->deviations = deviations > 0 ? metadata->deviations : other;
    return STATUS_OK;
}

status onnx_metadata_read(struct slice json, struct arena *arena,
                          struct onnx_metadata *out_metadata, struct error *err) {
    struct value root;
    struct onnx_metadata metadata = ONNX_METADATA_DEFAULT;
    TRY(json_read(arena, json, &root, err));
    if (root.kind != VALUE_OBJECT) {
        return fail(err, STATUS_INVALID, "metadata is an object, not a %s",
                    value_kind_name(root.kind));
    }
    const struct value *shape = value_get(root, SLICE("input_shape"));
    const struct value *type = value_get(root, SLICE("input_type"));
    const struct value *preprocessing = value_get(root, SLICE("preprocessing"));
    if (shape != NULL) {
        TRY(read_shape(*shape, &metadata, err));
    }
    if (type != NULL && !tensor_type_read(value_text(*type), &metadata.type)) {
        return fail(err, STATUS_INVALID, "`input_type` is one of %s", TENSOR_TYPES_TEXT);
    }
    if (preprocessing != NULL) {
        TRY(read_preprocessing(*preprocessing, arena, &metadata, err));
    } else if (number_tensor_channel_axis(metadata.shape, metadata.rank, CHANNELS) < 0 ||
               metadata.rank < CHANNELS) {
        metadata.channels = 0;
    }
    *out_metadata = metadata;
    return STATUS_OK;
}
