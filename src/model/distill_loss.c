// SPDX-License-Identifier: Apache-2.0
#include "model/distill_loss.h"

#include <assert.h>
#include <math.h>

static const double SUM_TOLERANCE = 1e-3;

const double DISTILL_TEMPERATURES[DISTILL_CHOICES] = {2, 1, 4};
const double DISTILL_SHARES[DISTILL_CHOICES] = {0.9, 0.5, 1};

const char *distill_blend_fault(const struct distill_blend *blend) {
    if (!(blend->temperature >= 0 && blend->temperature <= DISTILL_TEMPERATURE_MAX)) {
        return "a temperature is above 0 and at most 100";
    }
    if (!(blend->share <= 1)) {
        return "a teacher's share is from 0 to 1";
    }
    return NULL;
}

uint32_t distill_best(const float *logits, uint32_t classes) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < classes; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return best;
}

/* log(sum of exp(logit / temperature)), the largest taken out so that no power is above 1. */
static double log_sum(const float *logits, uint32_t classes, double temperature) {
    const double top = (double)logits[distill_best(logits, classes)];
    double sum = 0;
    for (uint32_t i = 0; i < classes; i++) {
        sum += exp(((double)logits[i] - top) / temperature);
    }
    return top / temperature + log(sum);
}

uint32_t distill_chances(const float *logits, uint32_t classes, double temperature,
                         double *out_chances) {
    const double whole = log_sum(logits, classes, temperature);
    for (uint32_t i = 0; i < classes; i++) {
        out_chances[i] = exp((double)logits[i] / temperature - whole);
    }
    return distill_best(logits, classes);
}

/* The teacher's term: adds its slope, returns its loss. */
static double listen(const struct distill_blend *blend, const struct distill_row *row,
                     float *slope) {
    const double heat = blend->temperature;
    const double said = log_sum(row->teacher, row->classes, heat);
    const double own = log_sum(row->student, row->classes, heat);
    double apart = 0;
    for (uint32_t i = 0; i < row->classes; i++) {
        const double log_teacher = (double)row->teacher[i] / heat - said;
        const double log_student = (double)row->student[i] / heat - own;
        const double chance = exp(log_teacher);
        apart += chance * (log_teacher - log_student);
        if (slope != NULL) {
            slope[i] += (float)(blend->share * heat * (exp(log_student) - chance));
        }
    }
    return blend->share * heat * heat * apart;
}

/* The label's term. */
static double believe(const struct distill_blend *blend, const struct distill_row *row,
                      float *slope) {
    const double weight = 1 - blend->share;
    const double own = log_sum(row->student, row->classes, 1);
    for (uint32_t i = 0; slope != NULL && i < row->classes; i++) {
        const double truth = i == (uint32_t)row->label ? 1 : 0;
        slope[i] += (float)(weight * (exp((double)row->student[i] - own) - truth));
    }
    return weight * (own - (double)row->student[row->label]);
}

double distill_loss(const struct distill_blend *blend, const struct distill_row *row,
                    float *out_slope) {
    assert(blend->temperature > 0 && blend->share >= 0 && blend->share <= 1);
    assert(row->classes > 0 && row->label < (int32_t)row->classes);
    for (uint32_t i = 0; out_slope != NULL && i < row->classes; i++) {
        out_slope[i] = 0;
    }
    double loss = 0;
    if (row->teacher != NULL && blend->share > 0) {
        loss += listen(blend, row, out_slope);
    }
    if (row->label != DISTILL_NO_LABEL && blend->share < 1) {
        loss += believe(blend, row, out_slope);
    }
    return loss;
}

bool distill_are_chances(const float *numbers, size_t rows, uint32_t classes) {
    for (size_t row = 0; row < rows; row++) {
        double sum = 0;
        for (uint32_t i = 0; i < classes; i++) {
            const double number = (double)numbers[row * classes + i];
            if (!(number >= 0)) {
                return false;
            }
            sum += number;
        }
        if (!(fabs(sum - 1) <= SUM_TOLERANCE)) {
            return false;
        }
    }
    return rows > 0;
}

void distill_logits_of_chances(float *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const double chance = (double)numbers[i];
        numbers[i] = (float)log(chance > DISTILL_CHANCE_LEAST ? chance : DISTILL_CHANCE_LEAST);
    }
}
