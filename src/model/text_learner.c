// SPDX-License-Identifier: Apache-2.0
#include "model/text_learner.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/dice.h"

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

/* How much each label's chance is too large, by the label. False: there is nothing to learn. */
static bool err_by_label(const struct text_learner *learner, size_t index, const double *scores,
                         double *out_wrong) {
    const uint16_t label = learner->corpus->texts[index].label;
    (void)chances_of(scores, learner->corpus->labels_count, out_wrong);
    out_wrong[label] -= 1;
    return -out_wrong[label] >= ERROR_LEAST;
}

/* The same by the teacher, and by the label where the text has one. */
static bool err_by_teacher(const struct text_learner *learner, size_t index, const double *scores,
                           double *out_wrong) {
    const uint32_t labels = learner->corpus->labels_count;
    float student[TEXT_LABELS_MAX] = {0};
    float slope[TEXT_LABELS_MAX];
    for (uint32_t k = 0; k < learner->vectors; k++) {
        student[learner->vectors == 1 ? 1 : k] = (float)scores[k];
    }
    const struct distill_row row = {
        .student = student,
        .teacher = text_answers_of(learner->answers, index),
        .classes = labels,
        .label = learner->answers->labelled[index] ? (int32_t)learner->corpus->texts[index].label
                                                   : DISTILL_NO_LABEL,
    };
    (void)distill_loss(&learner->blend, &row, slope);
    double most = 0;
    for (uint32_t k = 0; k < labels; k++) {
        out_wrong[k] = (double)slope[k];
        most = fmax(most, fabs(out_wrong[k]));
    }
    return most >= ERROR_LEAST;
}

static void learn_one(struct text_learner *learner, size_t index, double step) {
    const struct corpus_text *text = &learner->corpus->texts[index];
    double scores[TEXT_LABELS_MAX] = {0};
    double wrong[TEXT_LABELS_MAX] = {0};
    text_learner_score(learner, index, scores);
    if (learner->answers != NULL ? !err_by_teacher(learner, index, scores, wrong)
                                 : !err_by_label(learner, index, scores, wrong)) {
        return;
    }
    const double share = length_share(text);
    float moves[TEXT_LABELS_MAX];
    for (uint32_t k = 0; k < learner->vectors; k++) {
        const uint32_t label = learner->vectors == 1 ? 1 : k;
        learner->biases[k] -= BIAS_SHARE * step * wrong[label];
        moves[k] = (float)(step * wrong[label] * share);
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
    uint64_t dice = seed;
    const double steps = (double)count * passes;
    double done = 0;
    for (uint32_t pass = 0; pass < passes; pass++) {
        dice_shuffle(&dice, learner->order, count);
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

/* What is right of a text, label by label. */
static void find_truth(const struct text_corpus *corpus, const struct text_answers *answers,
                       size_t text, double *out_truth) {
    if (answers != NULL && !answers->labelled[text]) {
        (void)distill_chances(text_answers_of(answers, text), corpus->labels_count, 1, out_truth);
        return;
    }
    for (uint32_t k = 0; k < corpus->labels_count; k++) {
        out_truth[k] = k == corpus->texts[text].label ? 1 : 0;
    }
}

/* Nobody is certain of a label that few texts have: the right one is worth a little less than 1,
 * which also keeps the slope finite where the scores separate the labels without a fault. */
static double wanted(const struct text_corpus *corpus, size_t text, double truth) {
    const double texts = corpus->labels[corpus->texts[text].label].texts;
    return (texts * truth + 1) / (texts + corpus->labels_count);
}

static double loss_of(const double *truth, const double *chances, uint32_t labels_count) {
    double loss = 0;
    for (uint32_t k = 0; k < labels_count; k++) {
        if (truth[k] > 0) {
            loss -= truth[k] * log(chances[k] > 1e-300 ? chances[k] : 1e-300);
        }
    }
    return loss;
}

static struct bend bend_at(const struct text_corpus *corpus, const struct text_answers *answers,
                           const float *scores, const struct text_calibration *at) {
    struct bend bend = {0};
    const uint32_t vectors = text_vectors(corpus->labels_count);
    for (size_t i = 0; i < corpus->texts_count; i++) {
        const float *said = scores + i * vectors;
        double truth[TEXT_LABELS_MAX] = {0};
        double chances[TEXT_LABELS_MAX];
        find_truth(corpus, answers, i, truth);
        (void)text_calibrated(at, corpus->labels_count, said, chances);
        double mean = 0;
        double square = 0;
        for (uint32_t k = 0; k < vectors; k++) {
            const uint32_t label = vectors == 1 ? 1 : k;
            const double wrong = chances[label] - wanted(corpus, i, truth[label]);
            const double score = (double)said[k];
            bend.slope += wrong * score;
            bend.offsets[k] += wrong;
            bend.offsets_again[k] += chances[label] * (1 - chances[label]);
            mean += chances[label] * score;
            square += chances[label] * score * score;
        }
        bend.slope_again += square - mean * mean;
        bend.loss += loss_of(truth, chances, corpus->labels_count);
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
struct text_calibration text_calibrate(const struct text_corpus *corpus,
                                       const struct text_answers *answers, const float *scores) {
    struct text_calibration at = {.slope = 1};
    const uint32_t vectors = text_vectors(corpus->labels_count);
    for (int round = 0; round < CALIBRATION_ROUNDS; round++) {
        const struct bend bend = bend_at(corpus, answers, scores, &at);
        at.slope -= half_step(bend.slope, bend.slope_again, 0.5 * at.slope);
        for (uint32_t k = 0; k < vectors; k++) {
            at.offsets[k] -= half_step(bend.offsets[k], bend.offsets_again[k], 1);
        }
    }
    at.loss = bend_at(corpus, answers, scores, &at).loss;
    return at;
}
