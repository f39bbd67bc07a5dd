// SPDX-License-Identifier: Apache-2.0
#include "model/adam.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"

static const double MEAN_KEEP = 0.9;
static const double SQUARE_KEEP = 0.999;
static const double LEAST = 1e-8;

enum { BLOCK = 8 }; /* weights that are stepped together */

static status init(struct adam *adam, size_t count, size_t width, struct error *err) {
    *adam = (struct adam){.count = count, .width = width};
    adam->means = memory_new(count, sizeof(*adam->means));
    adam->squares = memory_new(count, sizeof(*adam->squares));
    adam->steps = memory_new(width > 0 ? count / width : 1, sizeof(*adam->steps));
    if (adam->means == NULL || adam->squares == NULL || adam->steps == NULL) {
        adam_done(adam);
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    return STATUS_OK;
}

status adam_init(struct adam *adam, size_t count, struct error *err) {
    return init(adam, count, 0, err);
}

status adam_init_rows(struct adam *adam, size_t rows, size_t width, struct error *err) {
    assert(width > 0);
    return init(adam, rows * width, width, err);
}

void adam_done(struct adam *adam) {
    memory_free(adam->means);
    memory_free(adam->squares);
    memory_free(adam->steps);
    *adam = (struct adam){0};
}

/* By squaring, in one order: pow() is not the same to the last bit everywhere. */
static double power(double base, uint32_t times) {
    double result = 1;
    for (; times > 0; times >>= 1) {
        result *= (times & 1) != 0 ? base : 1;
        base *= base;
    }
    return result;
}

/* What a step's number makes of rate and least; the root of the correction is taken once. */
struct pace {
    float rate, least;
};

static struct pace pace_of(uint32_t *steps, double rate) {
    *steps += *steps < UINT32_MAX;
    const double root = sqrt(1 - power(SQUARE_KEEP, *steps));
    return (struct pace){.rate = (float)(rate * root / (1 - power(MEAN_KEEP, *steps))),
                         .least = (float)(LEAST * root)};
}

/* `count` is a constant where it is called for blocks: such a loop becomes vectors. */
static inline void step_block(const struct pace pace, float *restrict weights,
                              float *restrict means, float *restrict squares,
                              const float *restrict slope, size_t count) {
    for (size_t i = 0; i < count; i++) {
        means[i] = (float)MEAN_KEEP * means[i] + (float)(1 - MEAN_KEEP) * slope[i];
        squares[i] =
            (float)SQUARE_KEEP * squares[i] + (float)(1 - SQUARE_KEEP) * slope[i] * slope[i];
        weights[i] -= pace.rate * means[i] / (sqrtf(squares[i]) + pace.least);
    }
}

static void step_many(struct pace pace, float *weights, float *means, float *squares,
                      const float *slope, size_t count) {
    const size_t whole = count - count % BLOCK;
    for (size_t i = 0; i < whole; i += BLOCK) {
        step_block(pace, weights + i, means + i, squares + i, slope + i, BLOCK);
    }
    step_block(pace, weights + whole, means + whole, squares + whole, slope + whole, count - whole);
}

void adam_step(struct adam *adam, float *weights, const float *slope, double rate) {
    assert(adam->width == 0);
    step_many(pace_of(adam->steps, rate), weights, adam->means, adam->squares, slope, adam->count);
}

void adam_step_row(struct adam *adam, float *weights, size_t row, const float *slope, double rate) {
    assert(adam->width > 0 && row < adam->count / adam->width);
    const size_t first = row * adam->width;
    step_many(pace_of(&adam->steps[row], rate), weights + first, adam->means + first,
              adam->squares + first, slope, adam->width);
}
