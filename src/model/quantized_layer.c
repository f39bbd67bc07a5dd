// SPDX-License-Identifier: Apache-2.0
#include "model/quantized_layer.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

static void limits_done(int8_t **limits) {
    memory_free(*limits);
}

/* All of a layer with given limits. */
static status quantize_within(const struct plain_layer *layer, const int8_t *limits,
                              struct quantized_layer *out_layer, struct error *err) {
    out_layer->widened = 0;
    TRY(weight_steps(layer->weights, layer->layout, limits, out_layer->steps, err));
    if (layer->biases != NULL) {
        TRY(weight_steps_for_bias(layer->biases, layer->layout, layer->input_step, out_layer->steps,
                                  &out_layer->widened, err));
        bias_quantize(layer->biases, layer->layout.count, layer->input_step, out_layer->steps,
                      out_layer->biases);
    }
    weight_quantize(layer->weights, layer->layout, out_layer->steps, limits, out_layer->weights);
    return STATUS_OK;
}

status quantize_layer(const struct plain_layer *layer, struct quantized_layer *out_layer,
                      struct error *err) {
    const size_t channels = layer->layout.count;
    out_layer->narrow = 0;
    if (layer->order == NULL) {
        return quantize_within(layer, NULL, out_layer, err);
    }
    assert(layer->order->channels == channels);
    CLEANUP(limits_done) int8_t *limits = memory_new(channels, 1);
    if (limits == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the limits of %zu channels", channels);
    }
    (void)memset(limits, WEIGHT_LIMIT_MOST, channels);
    do {
        TRY(quantize_within(layer, limits, out_layer, err));
    } while (pair_limits_lower(out_layer->weights, layer->order, limits) > 0);
    for (size_t i = 0; i < channels; i++) {
        out_layer->narrow += limits[i] < WEIGHT_LIMIT_MOST ? 1 : 0;
    }
    return STATUS_OK;
}
