// SPDX-License-Identifier: Apache-2.0
#include "model/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/time.h"
#include "model/text_corpus.h"
#include "model/text_examples.h"
#include "model/text_learner.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/json.h"

enum {
    SHORT_BYTES = 512, /* where texts have fewer on average, letters help */
    SHORT_LETTERS = 4,
    BUCKETS_LEAST = 1024,
    ENOUGH_BUCKETS = 16, /* for each one that is used */
    READ_SHARE_TEXTS = 64,
    PROVENANCE_ARENA_BYTES = 64 * 1024,
    CLAIMS = 8
};

/* Held-back texts choose one of them. Clean labels want large steps; wrong ones small steps, with
 * which a text of its own is not learned by heart. */
static const double STEPS[] = {0.1, 0.5, 2, 7, 20};

enum { STEPS_COUNT = sizeof(STEPS) / sizeof(STEPS[0]), FIRST_STEP = 2, TRIES_MAX = 4 };

static const double READ_SHARE = 0.3;

/* What one training holds; undone as a whole. */
struct training {
    const struct train_options *options;
    struct text_corpus corpus;
    struct text_learner learner;
    float *scores; /* of the held-back texts: the step being tried, then the best so far */
    float *best_scores;
    struct text_calibration calibration; /* of the best step so far */
    int step;                            /* its index, -1 before the first try */
    int tries;
    int8_t *weights;
    double scales[TEXT_LABELS_MAX];
    double biases[TEXT_LABELS_MAX];
};

static void training_done(struct training *training) {
    text_learner_done(&training->learner);
    text_corpus_done(&training->corpus);
    memory_free(training->scores);
    memory_free(training->best_scores);
    memory_free(training->weights);
}

void train_options_init(struct train_options *options) {
    *options = (struct train_options){.seed = 1,
                                      .model_bytes_max = TRAIN_MODEL_BYTES_DEFAULT,
                                      .memory_bytes_max = TRAIN_MEMORY_BYTES_DEFAULT,
                                      .passes = TRAIN_PASSES_DEFAULT,
                                      .text_bytes_max = TEXT_BYTES_DEFAULT,
                                      .pairs = true,
                                      .letters = -1};
}

static status check_options(const struct train_options *options, struct error *err) {
    if (options->model_bytes_max < TRAIN_MODEL_BYTES_MIN ||
        options->model_bytes_max > TEXT_MODEL_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a model file may be from %d to %d bytes large",
                    TRAIN_MODEL_BYTES_MIN, TEXT_MODEL_BYTES_MAX);
    }
    if (options->passes < 1 || options->passes > TRAIN_PASSES_MAX) {
        return fail(err, STATUS_INVALID, "from 1 to %d passes are made over the texts",
                    TRAIN_PASSES_MAX);
    }
    if (options->memory_bytes_max < 1 << 20) {
        return fail(err, STATUS_INVALID, "training needs 1 MiB of memory at least");
    }
    return STATUS_OK;
}

static void tell(const struct training *training, double share) {
    if (training->options->progress != NULL) {
        training->options->progress(training->options->owner, share);
    }
}

static uint8_t choose_letters(int wanted, const struct text_examples *examples) {
    if (wanted >= 0) {
        return (uint8_t)(wanted > UINT8_MAX ? UINT8_MAX : wanted);
    }
    const uint64_t mean = text_examples_bytes(examples) / text_examples_count(examples);
    return mean < SHORT_BYTES ? SHORT_LETTERS : 0;
}

static status read_texts(struct training *training, struct text_examples *examples,
                         struct error *err) {
    const struct train_options *options = training->options;
    const struct text_settings settings = {
        .bytes_max = options->text_bytes_max,
        .pairs = options->pairs,
        .letters = choose_letters(options->letters, examples),
    };
    TRY(text_corpus_init(&training->corpus, &settings, (size_t)options->memory_bytes_max, err));
    const double all = (double)text_examples_count(examples);
    bool more = true;
    while (true) {
        struct text_example example = {0};
        TRY(text_examples_next(examples, settings.bytes_max, &example, &more, err));
        if (!more) {
            return STATUS_OK;
        }
        TRY(text_corpus_add(&training->corpus, example.text, example.label, err));
        if (training->corpus.texts_count % READ_SHARE_TEXTS == 0) {
            tell(training, READ_SHARE * (double)training->corpus.texts_count / all);
        }
    }
}

/* As many buckets as the file has room for, but no more than a few for each feature there is. */
static void choose_buckets(struct training *training) {
    struct text_corpus *corpus = &training->corpus;
    const uint64_t room = (uint64_t)(training->options->model_bytes_max - TEXT_MODEL_HEAD_MAX);
    uint32_t buckets = (uint32_t)(room / text_vectors(corpus->labels_count));
    const uint64_t enough = (uint64_t)text_corpus_features(corpus) * ENOUGH_BUCKETS;
    while (buckets / 2 >= enough && buckets / 2 >= BUCKETS_LEAST) {
        buckets /= 2;
    }
    text_corpus_bucket(corpus, buckets);
}

static status make_room(struct training *training, struct error *err) {
    const struct text_corpus *corpus = &training->corpus;
    const size_t vectors = text_vectors(corpus->labels_count);
    const size_t scores = corpus->texts_count * vectors;
    const size_t weights = corpus->buckets * vectors;
    const size_t bytes = 2 * scores * sizeof(float) + weights * (sizeof(float) + 1);
    if (bytes > (size_t)training->options->memory_bytes_max) {
        return fail(err, STATUS_FULL,
                    "%zu texts of %u labels need %zu MiB of memory, more than training may take",
                    corpus->texts_count, corpus->labels_count, bytes >> 20);
    }
    training->scores = memory_new(scores, sizeof(float));
    training->best_scores = memory_new(scores, sizeof(float));
    training->weights = memory_new(weights, 1);
    if (training->scores == NULL || training->best_scores == NULL || training->weights == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    return text_learner_init(&training->learner, corpus, err);
}

/* Scores every text by a model that was trained without its fold. */
static void hold_back(struct training *training, int step) {
    const struct text_corpus *corpus = &training->corpus;
    struct text_learner *learner = &training->learner;
    const double all = TRAIN_FOLDS * TRIES_MAX + 1;
    for (uint32_t fold = 0; fold < TRAIN_FOLDS; fold++) {
        text_learner_learn(learner, (uint16_t)fold, STEPS[step], training->options->passes,
                           training->options->seed);
        for (size_t i = 0; i < corpus->texts_count; i++) {
            if (corpus->texts[i].fold == fold) {
                double scores[TEXT_LABELS_MAX];
                text_learner_score(learner, i, scores);
                for (uint32_t k = 0; k < learner->vectors; k++) {
                    training->scores[i * learner->vectors + k] = (float)scores[k];
                }
            }
        }
        const double done = training->tries * TRAIN_FOLDS + (int)fold + 1;
        tell(training, READ_SHARE + (1 - READ_SHARE) * done / all);
    }
    training->tries++;
}

/* True when the held-back chances are more honest than under any step before. */
static bool try_step(struct training *training, int step) {
    if (step < 0 || step >= STEPS_COUNT) {
        return false;
    }
    hold_back(training, step);
    const struct text_calibration calibration = text_calibrate(&training->corpus, training->scores);
    if (training->step >= 0 && calibration.loss >= training->calibration.loss) {
        return false;
    }
    training->calibration = calibration;
    training->step = step;
    float *spare = training->best_scores;
    training->best_scores = training->scores;
    training->scores = spare;
    return true;
}

/* Walks from the middle step up while it gets better, else down; then learns from everything. */
static void learn(struct training *training) {
    training->step = -1;
    (void)try_step(training, FIRST_STEP);
    const int way = try_step(training, FIRST_STEP + 1) ? 1 : -1;
    while (try_step(training, training->step + way)) {
    }
    text_learner_learn(&training->learner, FOLD_NONE, STEPS[training->step],
                       training->options->passes, training->options->seed);
}

/* Weights become bytes; the calibration goes into scales and biases. */
static void quantise(struct training *training) {
    const struct text_learner *learner = &training->learner;
    const size_t buckets = training->corpus.buckets;
    for (uint32_t k = 0; k < learner->vectors; k++) {
        float most = 0;
        for (size_t b = 0; b < buckets; b++) {
            most = fmaxf(most, fabsf(learner->weights[b * learner->vectors + k]));
        }
        const float unit = most > 0 ? most / INT8_MAX : 1;
        for (size_t b = 0; b < buckets; b++) {
            const size_t at = b * learner->vectors + k;
            training->weights[at] = (int8_t)lrintf(learner->weights[at] / unit);
        }
        training->scales[k] = training->calibration.slope * (double)unit;
        training->biases[k] =
            training->calibration.slope * learner->biases[k] + training->calibration.offsets[k];
    }
}

static void count_answers(const struct training *training, struct train_report *report) {
    const struct text_corpus *corpus = &training->corpus;
    const uint32_t vectors = text_vectors(corpus->labels_count);
    uint32_t said[TEXT_LABELS_MAX] = {0};
    uint32_t right = 0;
    for (size_t i = 0; i < corpus->texts_count; i++) {
        double chances[TEXT_LABELS_MAX];
        const uint32_t label = text_calibrated(&training->calibration, corpus->labels_count,
                                               training->best_scores + i * vectors, chances);
        report->labels[corpus->texts[i].label].said[label]++;
        said[label]++;
        right += label == corpus->texts[i].label;
    }
    report->accuracy = (double)right / (double)corpus->texts_count;
    for (uint32_t i = 0; i < corpus->labels_count; i++) {
        struct train_label *label = &report->labels[i];
        (void)memcpy(label->name, corpus->labels[i].name, sizeof(label->name));
        label->texts = corpus->labels[i].texts;
        label->recall = (double)label->said[i] / label->texts;
        label->precision = said[i] > 0 ? (double)label->said[i] / said[i] : 0;
    }
}

static void fill_report(const struct training *training, struct train_report *report) {
    const struct text_corpus *corpus = &training->corpus;
    report->texts = (uint32_t)corpus->texts_count;
    report->repeats = corpus->repeats;
    report->text_bytes = corpus->text_bytes;
    report->labels_count = corpus->labels_count;
    report->loss = training->calibration.loss;
    report->step = STEPS[training->step];
    report->letters = corpus->settings.letters;
    report->buckets = corpus->buckets;
    count_answers(training, report);
}

static struct member claim(struct slice name, struct value value) {
    return (struct member){.name = name, .value = value};
}

/* When and from what: {"trained_at","ebb","texts","labels","accuracy","loss","step","seed"}. */
static status write_provenance(const struct training *training, const struct train_report *report,
                               struct buffer *out, struct error *err) {
    struct arena arena;
    arena_init(&arena, PROVENANCE_ARENA_BYTES);
    int64_t at_ms = training->options->trained_at_ms;
    at_ms = at_ms != 0 ? at_ms : clock_wall_ms();
    char at[TIME_TEXT_BYTES];
    time_write(at_ms, at);
    struct value object = {0};
    struct member *claims = value_new_object(&arena, CLAIMS, &object);
    if (claims != NULL) {
        claims[0] = claim(SLICE("trained_at"), value_of_text(slice_of(at)));
        claims[1] = claim(SLICE("ebb"), value_of_text(SLICE(EBB_VERSION)));
        claims[2] = claim(SLICE("texts"), value_of_integer(report->texts));
        claims[3] = claim(SLICE("labels"), value_of_integer(report->labels_count));
        claims[4] = claim(SLICE("accuracy"), value_of_real(report->accuracy));
        claims[5] = claim(SLICE("loss"), value_of_real(report->loss));
        claims[6] = claim(SLICE("step"), value_of_real(report->step));
        claims[7] = claim(SLICE("seed"), value_of_integer((int64_t)training->options->seed));
        json_write(out, object);
    }
    arena_done(&arena);
    return claims != NULL ? buffer_status(out, err) : fail(err, STATUS_NO_MEMORY, "out of memory");
}

static status write_model(const struct training *training, struct train_report *report,
                          struct buffer *out, struct error *err) {
    const struct text_corpus *corpus = &training->corpus;
    CLEANUP(buffer_done) struct buffer provenance;
    buffer_init(&provenance, TEXT_PROVENANCE_BYTES_MAX);
    TRY(write_provenance(training, report, &provenance, err));
    struct slice labels[TEXT_LABELS_MAX];
    for (uint32_t i = 0; i < corpus->labels_count; i++) {
        labels[i] = slice_of(corpus->labels[i].name);
    }
    const struct text_parts parts = {
        .settings = corpus->settings,
        .labels = labels,
        .labels_count = corpus->labels_count,
        .buckets = corpus->buckets,
        .scales = training->scales,
        .biases = training->biases,
        .weights = training->weights,
        .provenance = buffer_slice(&provenance),
    };
    const size_t before = out->count;
    TRY(text_model_write(&parts, out, err));
    report->model_bytes = out->count - before;
    return STATUS_OK;
}

static double seconds_since(int64_t start_ns) {
    return (double)(clock_monotonic_ns() - start_ns) / 1e9;
}

static status train_on(struct training *training, struct text_examples *examples,
                       struct buffer *out, struct train_report *report, struct error *err) {
    const int64_t start_ns = clock_monotonic_ns();
    TRY(read_texts(training, examples, err));
    TRY(text_corpus_settle(&training->corpus, TRAIN_FOLDS, training->options->seed, err));
    report->read_seconds = seconds_since(start_ns);
    const int64_t read_ns = clock_monotonic_ns();
    choose_buckets(training);
    TRY(make_room(training, err));
    learn(training);
    quantise(training);
    fill_report(training, report);
    TRY(write_model(training, report, out, err));
    report->learn_seconds = seconds_since(read_ns);
    tell(training, 1);
    return STATUS_OK;
}

status train_text(const char *path, const struct train_options *options, struct buffer *out,
                  struct train_report *out_report, struct error *err) {
    TRY(check_options(options, err));
    struct text_examples *examples = NULL;
    TRY(text_examples_open(path, &examples, err));
    struct training training = {.options = options};
    struct train_report report = {0};
    const status done = train_on(&training, examples, out, &report, err);
    training_done(&training);
    text_examples_close(examples);
    if (done != STATUS_OK) {
        return fail_while(err, "train on '%s'", path);
    }
    *out_report = report;
    return STATUS_OK;
}

status train_text_file(const char *path, const char *model_path,
                       const struct train_options *options, struct train_report *out_report,
                       struct error *err) {
    CLEANUP(buffer_done) struct buffer model;
    buffer_init(&model, TEXT_MODEL_BYTES_MAX);
    struct train_report report = {0};
    TRY(train_text(path, options, &model, &report, err));
    TRY(file_replace(model_path, buffer_slice(&model), err));
    *out_report = report;
    return STATUS_OK;
}
