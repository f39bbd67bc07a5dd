// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_bounds.h"

/* The bounds of all values that whole numbers are made of; a value that has none keeps its layers
 * float32. */
static status choose_bounds(const struct calibrate_values *values,
                            const struct threshold_settings *settings,
                            struct quantize_bound *out_bounds, uint32_t *out_count,
                            struct error *err) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < values->count; i++) {
        struct error why = {0};
        out_bounds[count].value = values->names[i];
        const status code =
            threshold_choose(&values->ranges[i], settings, &out_bounds[count].threshold, &why);
        if (code == STATUS_NO_MEMORY) {
            return fail(err, code, "%s", why.text);
        }
        count += code == STATUS_OK;
    }
    *out_count = count;
    return STATUS_OK;
}

/* Ranges of values, made and done away with together. */
static void done_ranges(const struct calibrate_values *values) {
    for (uint32_t i = 0; i < values->count; i++) {
        value_range_done(&values->ranges[i]);
    }
}

static status init_ranges(const struct calibrate_values *values, struct error *err) {
    for (uint32_t i = 0; i < values->count; i++) {
        TRY(value_range_init(&values->ranges[i], err));
    }
    return STATUS_OK;
}

status quantize_bounds(struct graph_model *model, const struct quantize_bounds_wish *wish,
                       struct quantize_options *out_options, struct error *err) {
    struct calibrate_values values = {0};
    TRY(quantize_values(model, &values.names, &values.count, err));
    struct quantize_bound *bounds =
        arena_get(&model->arena, (size_t)values.count + 1, sizeof(*bounds));
    values.ranges = arena_get(&model->arena, (size_t)values.count + 1, sizeof(*values.ranges));
    if (bounds == NULL || values.ranges == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for ranges");
    }
    status code = init_ranges(&values, err);
    if (code == STATUS_OK) {
        code = calibrate(wish->bytes, &values, wish->samples, &wish->calibrate, err);
    }
    if (code == STATUS_OK) {
        code = choose_bounds(&values, &wish->settings, bounds, &out_options->bound_count, err);
    }
    done_ranges(&values);
    out_options->bounds = bounds;
    return code;
}
