// SPDX-License-Identifier: Apache-2.0
#include "model/text_learner.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

/* A text that is this nearly right already teaches nothing; a bias learns more slowly. */
static const double ERROR_LEAST = 1e-4;
static const double BIAS_SHARE = 0.1;

enum { CALIBRATION_ROUNDS = 60 };

status text_learner_init(struct text_learner *learner, const struct text_corpus *corpus,
                         struct error *err) {
    *learner =
        (struct text_learner){.corpus = corpus, .vectors = text_vectors(corpus->labels_count)};
    const size_t weights = (size_t)corpus->buckets * learner->vectors;
    learner->weights = memory_new(weights, sizeof(*learner->weights));
    learner->order = memory_new(corpus->texts_count, sizeof(*learner->order));
    if (learner->weights == NULL || learner->order == NULL) {
        text_learner_done(learner);
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    return STATUS_OK;
}

void text_learner_done(struct text_learner *learner) {
    memory_free(learner->weights);
    memory_free(learner->order);
    *learner = (struct text_learner){0};
}

/* SplitMix64: small, and the same everywhere. */
static uint64_t next_random(uint64_t *state) {
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t bits = *state;
    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return bits ^ bits >> 31;
}

static void shuffle(uint32_t *order, size_t count, uint64_t *random) {
    for (size_t i = count; i > 1; i--) {
        const size_t other = (size_t)((next_random(random) >> 32) * i >> 32);
        const uint32_t moved = order[i - 1];
        order[i - 1] = order[other];
        order[other] = moved;
    }
}

static double length_share(const struct corpus_text *text) {
    return text->count > 0 ? 1 / sqrt((double)text->count) : 0;
}

/* One vector is the common case, and most of the time of training goes here. */
static double sum_one(const float *weights, const uint32_t *features, uint32_t count) {
    double even = 0;
    double odd = 0;
    uint32_t i = 0;
    for (; i + 1 < count; i += 2) {
        even += (double)weights[features[i]];
        odd += (double)weights[features[i + 1]];
    }
    return even + odd + (i < count ? (double)weights[features[i]] : 0);
}

static void sum_many(const struct text_learner *learner, const struct corpus_text *text,
                     double *out_sums) {
    const uint32_t *features = learner->corpus->features + text->first;
    (void)memset(out_sums, 0, learner->vectors * sizeof(*out_sums));
    for (uint32_t i = 0; i < text->count; i++) {
        const float *row = learner->weights + (size_t)features[i] * learner->vectors;
        for (uint32_t k = 0; k < learner->vectors; k++) {
            out_sums[k] += (double)row[k];
        }
    }
}

void text_learner_score(const struct text_learner *learner, size_t text, double *out_scores) {
    const struct corpus_text *facts = &learner->corpus->texts[text];
    if (learner->vectors == 1) {
        out_scores[0] =
            sum_one(learner->weights, learner->corpus->features + facts->first, facts->count);
    } else {
        sum_many(learner, facts, out_scores);
    }
    const double share = length_share(facts);
    for (uint32_t k = 0; k < learner->vectors; k++) {
        out_scores[k] = out_scores[k] * share + learner->biases[k];
    }
}

/* Chances of all labels from what the vectors say. */
static uint32_t chances_of(const double *scores, uint32_t labels_count, double *out_chances) {
    if (labels_count == 2) {
        out_chances[0] = 0;
        out_chances[1] = scores[0];
    } else {
        (void)memcpy(out_chances, scores, labels_count * sizeof(*scores));
    }
    return text_chances(out_chances, labels_count);
}

static void learn_one(struct text_learner *learner, size_t index, double step) {
    const struct corpus_text *text = &learner->corpus->texts[index];
    double scores[TEXT_LABELS_MAX] = {0};
    double chances[TEXT_LABELS_MAX];
    text_learner_score(learner, index, scores);
    (void)chances_of(scores, learner->corpus->labels_count, chances);
    if (1 - chances[text->label] < ERROR_LEAST) {
        return;
    }
    const double share = length_share(text);
    float moves[TEXT_LABELS_MAX];
    for (uint32_t k = 0; k < learner->vectors; k++) {
        const uint32_t label = learner->vectors == 1 ? 1 : k;
        const double wrong = chances[label] - (text->label == label ? 1 : 0);
        learner->biases[k] -= BIAS_SHARE * step * wrong;
        moves[k] = (float)(step * wrong * share);
    }
    const uint32_t *features = learner->corpus->features + text->first;
    for (uint32_t i = 0; learner->vectors == 1 && i < text->count; i++) {
        learner->weights[features[i]] -= moves[0];
    }
    for (uint32_t i = 0; learner->vectors > 1 && i < text->count; i++) {
        float *row = learner->weights + (size_t)features[i] * learner->vectors;
        for (uint32_t k = 0; k < learner->vectors; k++) {
            row[k] -= moves[k];
        }
    }
}

void text_learner_learn(struct text_learner *learner, uint16_t without, double step,
                        uint32_t passes, uint64_t seed) {
    assert(passes > 0 && passes <= LEARNER_PASSES_MAX);
    const struct text_corpus *corpus = learner->corpus;
    const size_t weights = (size_t)corpus->buckets * learner->vectors;
    (void)memset(learner->weights, 0, weights * sizeof(*learner->weights));
    (void)memset(learner->biases, 0, sizeof(learner->biases));
    size_t count = 0;
    for (size_t i = 0; i < corpus->texts_count; i++) {
        if (corpus->texts[i].fold != without) {
            learner->order[count++] = (uint32_t)i;
        }
    }
    uint64_t random = seed;
    const double steps = (double)count * passes;
    double done = 0;
    for (uint32_t pass = 0; pass < passes; pass++) {
        shuffle(learner->order, count, &random);
        for (size_t i = 0; i < count; i++) {
            learn_one(learner, learner->order[i], step * (1 - done / steps));
            done++;
        }
    }
}

uint32_t text_calibrated(const struct text_calibration *calibration, uint32_t labels_count,
                         const float *scores, double *out_chances) {
    double odds[TEXT_LABELS_MAX] = {0};
    for (uint32_t k = 0; k < text_vectors(labels_count); k++) {
        odds[k] = calibration->slope * (double)scores[k] + calibration->offsets[k];
    }
    return chances_of(odds, labels_count, out_chances);
}

/* First and second derivatives of the loss by slope and offsets. */
struct bend {
    double slope, slope_again;
    double offsets[TEXT_LABELS_MAX], offsets_again[TEXT_LABELS_MAX];
    double loss;
};

/* Nobody is certain of a label that few texts have: the right one is worth a little less than 1,
 * which also keeps the slope finite where the scores separate the labels without a fault. */
static double wanted(const struct text_corpus *corpus, uint32_t truth, uint32_t label) {
    const double texts = corpus->labels[truth].texts;
    const double all = texts + corpus->labels_count;
    return (label == truth ? texts + 1 : 1) / all;
}

static struct bend bend_at(const struct text_corpus *corpus, const float *scores,
                           const struct text_calibration *at) {
    struct bend bend = {0};
    const uint32_t vectors = text_vectors(corpus->labels_count);
    for (size_t i = 0; i < corpus->texts_count; i++) {
        const float *said = scores + i * vectors;
        const uint32_t truth = corpus->texts[i].label;
        double chances[TEXT_LABELS_MAX];
        (void)text_calibrated(at, corpus->labels_count, said, chances);
        double mean = 0;
        double square = 0;
        for (uint32_t k = 0; k < vectors; k++) {
            const uint32_t label = vectors == 1 ? 1 : k;
            const double wrong = chances[label] - wanted(corpus, truth, label);
            const double score = (double)said[k];
            bend.slope += wrong * score;
            bend.offsets[k] += wrong;
            bend.offsets_again[k] += chances[label] * (1 - chances[label]);
            mean += chances[label] * score;
            square += chances[label] * score * score;
        }
        bend.slope_again += square - mean * mean;
        bend.loss -= log(chances[truth] > 1e-300 ? chances[truth] : 1e-300);
    }
    bend.loss /= (double)corpus->texts_count;
    return bend;
}

/* Half of Newton's step, since several numbers pull together, and never a leap. */
static double half_step(double first, double second, double most) {
    const double step = 0.5 * first / (second + 1e-9);
    return step > most ? most : step < -most ? -most : step;
}

/* Newton's method, each number by itself. */
struct text_calibration text_calibrate(const struct text_corpus *corpus, const float *scores) {
    struct text_calibration at = {.slope = 1};
    const uint32_t vectors = text_vectors(corpus->labels_count);
    for (int round = 0; round < CALIBRATION_ROUNDS; round++) {
        const struct bend bend = bend_at(corpus, scores, &at);
        at.slope -= half_step(bend.slope, bend.slope_again, 0.5 * at.slope);
        for (uint32_t k = 0; k < vectors; k++) {
            at.offsets[k] -= half_step(bend.offsets[k], bend.offsets_again[k], 1);
        }
    }
    at.loss = bend_at(corpus, scores, &at).loss;
    return at;
}
