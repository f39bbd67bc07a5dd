// SPDX-License-Identifier: Apache-2.0
#include "model/elimination.h"

#include <string.h>

#include "base/memory.h"

enum { LANES = 8 };

status elimination_init(struct elimination *layer, uint32_t columns, uint32_t rows,
                        uint32_t block_max, struct error *err) {
    const size_t all = (size_t)columns * columns;
    *layer = (struct elimination){.columns = columns, .rows = rows};
    layer->inverse = memory_new(all + 1, sizeof(double));
    layer->weights = memory_new((size_t)rows * columns + 1, sizeof(double));
    layer->block = memory_new((size_t)block_max * ((size_t)rows + block_max) + 1, sizeof(double));
    layer->column = memory_new((size_t)columns + 1, sizeof(double));
    if (layer->inverse == NULL || layer->weights == NULL || layer->block == NULL ||
        layer->column == NULL) {
        elimination_done(layer);
        return fail(err, STATUS_NO_MEMORY, "out of memory for a layer's inputs");
    }
    return STATUS_OK;
}

void elimination_done(struct elimination *layer) {
    memory_free(layer->inverse);
    memory_free(layer->weights);
    memory_free(layer->block);
    memory_free(layer->column);
    *layer = (struct elimination){0};
}

static void subtract(double *to, const double *from, double times, size_t count) {
    size_t i = 0;
    for (; count - i >= LANES; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            to[i + k] -= times * from[i + k];
        }
    }
    for (; i < count; i++) {
        to[i] -= times * from[i];
    }
}

/* A layer of `count` inputs, or the part of one that some inputs are. */
struct part {
    double *inverse, *weights;
    size_t count, rows;
};

/* Takes away input `at`: the others make up for it as well as they can. Returns what is missing all
 * the same. `column` has room for one of the inverse. */
static double take_away(const struct part *part, size_t at, double *column) {
    (void)memcpy(column, part->inverse + at * part->count, part->count * sizeof(double));
    const double own = column[at];
    double missing = 0;
    if (!(own > 0)) {
        return 0; /* it has gone before */
    }
    for (size_t i = 0; i < part->rows; i++) {
        double *row = part->weights + i * part->count;
        const double share = row[at] / own;
        missing += row[at] * share;
        subtract(row, column, share, part->count);
    }
    for (size_t i = 0; i < part->count; i++) {
        subtract(part->inverse + i * part->count, column, column[i] / own, part->count);
    }
    for (size_t i = 0; i < part->count; i++) { /* no rounding brings it back */
        part->inverse[i * part->count + at] = 0;
        part->inverse[at * part->count + i] = 0;
    }
    return missing;
}

double elimination_cost(struct elimination *layer, const uint32_t *list, uint32_t count) {
    const size_t columns = layer->columns;
    const struct part part = {.inverse = layer->block,
                              .weights = layer->block + (size_t)count * count,
                              .count = count,
                              .rows = layer->rows};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            part.inverse[i * count + j] = layer->inverse[list[i] * columns + list[j]];
        }
    }
    for (size_t i = 0; i < layer->rows; i++) {
        for (size_t j = 0; j < count; j++) {
            part.weights[i * count + j] = layer->weights[i * columns + list[j]];
        }
    }
    double cost = 0;
    for (size_t i = 0; i < count; i++) {
        cost += take_away(&part, i, layer->column);
    }
    return cost;
}

void elimination_drop(struct elimination *layer, const uint32_t *list, uint32_t count) {
    const struct part whole = {.inverse = layer->inverse,
                               .weights = layer->weights,
                               .count = layer->columns,
                               .rows = layer->rows};
    for (uint32_t i = 0; i < count; i++) {
        (void)take_away(&whole, list[i], layer->column);
    }
}
