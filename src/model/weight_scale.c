// SPDX-License-Identifier: Apache-2.0
#include "model/weight_scale.h"

#include <float.h>
#include <math.h>

/* The largest product of an activation and a weight of 8 bits each. */
static const double PRODUCT_MOST = 255.0 * WEIGHT_LIMIT_MOST;

/* However many products are summed, a bias is cut into at least so many steps. */
static const double BIAS_LEAST = 0x1p30;

/* What rounding of steps to floats may add. */
static const double SLACK = 1.0001;

static int8_t limit_of(const int8_t *limits, size_t channel) {
    return limits != NULL ? limits[channel] : WEIGHT_LIMIT_MOST;
}

status weight_steps(const float *weights, struct channels layout, const int8_t *limits,
                    float *out_steps, struct error *err) {
    channels_peak(weights, layout, out_steps);
    for (size_t i = 0; i < layout.count; i++) {
        if (!isfinite(out_steps[i])) {
            return fail(err, STATUS_INVALID, "a weight of output channel %zu is no finite number",
                        i);
        }
        const float step = out_steps[i] / (float)limit_of(limits, i);
        out_steps[i] = step < FLT_MIN ? 1 : step; /* smaller ones are no better than zero */
    }
    return STATUS_OK;
}

/* How large a bias may be, in its own steps: the sum of all products is added to it. */
static double bias_most(struct channels layout) {
    const double products = (double)layout.outer * (double)layout.inner * PRODUCT_MOST;
    const double most = (double)INT32_MAX - products;
    return most > BIAS_LEAST ? most : BIAS_LEAST;
}

status weight_steps_for_bias(const float *biases, struct channels layout, float input_step,
                             float *steps, size_t *out_widened, struct error *err) {
    const double most = bias_most(layout);
    size_t widened = 0;
    for (size_t i = 0; i < layout.count; i++) {
        const double least = fabs((double)biases[i]) * SLACK / most; /* of the bias's own step */
        const double asked = least < (double)FLT_MIN ? (double)FLT_MIN * SLACK : least;
        const double step = asked / (double)input_step;
        if (!(step <= (double)FLT_MAX)) { /* nor is NaN */
            return fail(err, STATUS_INVALID, "no step holds the bias of output channel %zu, %g", i,
                        (double)biases[i]);
        }
        if ((double)steps[i] < step) {
            steps[i] = (float)step;
            widened++;
        }
    }
    *out_widened = widened;
    return STATUS_OK;
}

void weight_quantize(const float *weights, struct channels layout, const float *steps,
                     const int8_t *limits, int8_t *out_numbers) {
    for (size_t run = 0; run < layout.outer * layout.count; run++) {
        const float step = steps[run % layout.count];
        const float limit = limit_of(limits, run % layout.count);
        for (size_t i = 0; i < layout.inner; i++) {
            const float number = rintf(weights[run * layout.inner + i] / step);
            const float above = number < -limit ? -limit : number;
            out_numbers[run * layout.inner + i] = (int8_t)(above > limit ? limit : above);
        }
    }
}

float bias_step(float input_step, float weight_step) {
    return input_step * weight_step;
}

void bias_quantize(const float *biases, size_t count, float input_step, const float *steps,
                   int32_t *out_numbers) {
    for (size_t i = 0; i < count; i++) {
        const double step = (double)bias_step(input_step, steps[i]);
        const double number = rint((double)biases[i] / step);
        const double above = number < -INT32_MAX ? -INT32_MAX : number;
        out_numbers[i] = (int32_t)(above > INT32_MAX ? INT32_MAX : above);
    }
}
