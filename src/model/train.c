// SPDX-License-Identifier: Apache-2.0
#include "model/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/time.h"
#include "model/distill_loss.h"
#include "model/text_answers.h"
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
    CLAIMS = 12,
    TAUGHT_CLAIMS = 4 /* of these, the last */
};

/* Held-back texts choose one of them. Clean labels want large steps; wrong ones small steps, with
 * which a text of its own is not learned by heart. */
static const double STEPS[] = {0.1, 0.5, 2, 7, 20};

enum {
    STEPS_COUNT = sizeof(STEPS) / sizeof(STEPS[0]),
    FIRST_STEP = 2,
    TRIES_MAX = 4,                         /* of steps */
    BLENDS_MAX = 2 * (DISTILL_CHOICES - 1) /* other ones, with a teacher */
};

static const double READ_SHARE = 0.3;

/* What is learned with: one of STEPS, and how teacher and labels are blended. */
struct attempt {
    int step;
    struct distill_blend blend;
};

/* What one training holds; undone as a whole. */
struct training {
    const struct train_options *options;
    struct text_corpus corpus;
    struct text_answers answers; /* empty without a teacher */
    struct text_learner learner;
    float *scores; /* of the held-back texts: the attempt being tried, then the best so far */
    float *best_scores;
    struct text_calibration calibration; /* of the best attempt so far */
    struct attempt best;
    int tries;
    int8_t *weights;
    double scales[TEXT_LABELS_MAX];
    double biases[TEXT_LABELS_MAX];
};

static void training_done(struct training *training) {
    text_learner_done(&training->learner);
    text_corpus_done(&training->corpus);
    text_answers_done(&training->answers);
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
                                      .letters = -1,
                                      .share = -1};
}

static status check_teacher(const struct train_options *options, struct error *err) {
    const struct distill_blend blend = {.temperature = options->temperature,
                                        .share = options->share};
    const char *fault = distill_blend_fault(&blend);
    const uint32_t labels = options->teacher != NULL ? options->teacher->labels_count : 2;
    if (labels < 2 || labels > TEXT_LABELS_MAX) {
        return fail(err, STATUS_INVALID, "a teacher has from 2 to %d labels, this has %u",
                    TEXT_LABELS_MAX, labels);
    }
    return fault == NULL ? STATUS_OK : fail(err, STATUS_INVALID, "%s", fault);
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
    return check_teacher(options, err);
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

static bool has_label(const struct teacher *teacher, struct slice label) {
    for (uint32_t i = 0; i < teacher->labels_count; i++) {
        if (slice_equal(teacher->labels[i], label)) {
            return true;
        }
    }
    return false;
}

/* Has the teacher look at a text; one without a label gets the teacher's. */
static status ask_teacher(struct training *training, struct text_example *example,
                          struct error *err) {
    const struct teacher *teacher = training->options->teacher;
    const bool labelled = !slice_is(example->label, TRAIN_UNLABELLED);
    if (labelled && !has_label(teacher, example->label)) {
        return fail(err, STATUS_INVALID, "label '%.*s' is none of the teacher's",
                    SLICE_ARGS(slice_part(example->label, 0, TEXT_LABEL_BYTES_MAX)));
    }
    uint32_t best = 0;
    if (text_answers_ask(&training->answers, teacher, example->text, labelled, &best, err) !=
        STATUS_OK) {
        return fail_while(err, "ask the teacher about text %zu", training->answers.count + 1);
    }
    example->label = labelled ? example->label : teacher->labels[best];
    return STATUS_OK;
}

/* A teacher may look at more of a text than its student will. */
static status read_texts(struct training *training, struct text_examples *examples,
                         struct error *err) {
    const struct train_options *options = training->options;
    const struct teacher *teacher = options->teacher;
    const struct text_settings settings = {
        .bytes_max = options->text_bytes_max,
        .pairs = options->pairs,
        .letters = choose_letters(options->letters, examples),
    };
    const size_t bytes_max = (size_t)options->memory_bytes_max;
    const uint32_t looked_at = teacher != NULL ? TEXT_BYTES_MAX : settings.bytes_max;
    TRY(text_corpus_init(&training->corpus, &settings, bytes_max, err));
    if (teacher != NULL) {
        text_answers_init(&training->answers, teacher->labels_count, bytes_max);
    }
    const double all = (double)text_examples_count(examples);
    bool more = true;
    while (true) {
        struct text_example example = {0};
        TRY(text_examples_next(examples, looked_at, &example, &more, err));
        if (!more) {
            return STATUS_OK;
        }
        if (teacher != NULL) {
            TRY(ask_teacher(training, &example, err));
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

static const struct text_answers *answers_of(const struct training *training) {
    return training->options->teacher != NULL ? &training->answers : NULL;
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
    TRY(text_learner_init(&training->learner, corpus, err));
    training->learner.answers = answers_of(training);
    return STATUS_OK;
}

static void learn_from(struct training *training, const struct attempt *attempt, uint16_t without) {
    training->learner.blend = attempt->blend;
    text_learner_learn(&training->learner, without, STEPS[attempt->step], training->options->passes,
                       training->options->seed);
}

/* Scores every text by a model that was trained without its fold. */
static void hold_back(struct training *training, const struct attempt *attempt) {
    const struct text_corpus *corpus = &training->corpus;
    const struct text_learner *learner = &training->learner;
    const int tries = TRIES_MAX + (training->options->teacher != NULL ? BLENDS_MAX : 0);
    const double all = TRAIN_FOLDS * tries + 1;
    for (uint32_t fold = 0; fold < TRAIN_FOLDS; fold++) {
        learn_from(training, attempt, (uint16_t)fold);
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

/* True when the held-back chances are more honest than in any attempt before. */
static bool try_out(struct training *training, struct attempt attempt) {
    if (attempt.step < 0 || attempt.step >= STEPS_COUNT) {
        return false;
    }
    hold_back(training, &attempt);
    const struct text_calibration calibration =
        text_calibrate(&training->corpus, answers_of(training), training->scores);
    if (training->tries > 1 && calibration.loss >= training->calibration.loss) {
        return false;
    }
    training->calibration = calibration;
    training->best = attempt;
    float *spare = training->best_scores;
    training->best_scores = training->scores;
    training->scores = spare;
    return true;
}

static struct attempt step_on(struct attempt attempt, int way) {
    attempt.step += way;
    return attempt;
}

/* Temperatures, then shares, at the best step; what the options set is not tried, and no share
 * where the teacher alone knows. */
static void try_blends(struct training *training) {
    const struct train_options *options = training->options;
    for (int i = 1; options->temperature <= 0 && i < DISTILL_CHOICES; i++) {
        struct attempt attempt = training->best;
        attempt.blend.temperature = DISTILL_TEMPERATURES[i];
        (void)try_out(training, attempt);
    }
    const bool labels = training->answers.labelled_count > 0;
    for (int i = 1; labels && options->share < 0 && i < DISTILL_CHOICES; i++) {
        struct attempt attempt = training->best;
        attempt.blend.share = DISTILL_SHARES[i];
        (void)try_out(training, attempt);
    }
}

/* Walks from the middle step up while it gets better, else down; then learns from everything. */
static void learn(struct training *training) {
    const struct train_options *options = training->options;
    struct attempt first = {
        .step = FIRST_STEP,
        .blend = {.temperature = options->temperature, .share = options->share}};
    first.blend.temperature =
        first.blend.temperature > 0 ? first.blend.temperature : DISTILL_TEMPERATURES[0];
    if (first.blend.share < 0) {
        first.blend.share = training->answers.labelled_count > 0 ? DISTILL_SHARES[0] : 1;
    }
    (void)try_out(training, first);
    const int way = try_out(training, step_on(first, 1)) ? 1 : -1;
    while (try_out(training, step_on(training->best, way))) {
    }
    if (options->teacher != NULL) {
        try_blends(training);
    }
    learn_from(training, &training->best, FOLD_NONE);
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
    uint32_t agreed = 0;
    const bool taught = training->options->teacher != NULL;
    for (size_t i = 0; i < corpus->texts_count; i++) {
        double chances[TEXT_LABELS_MAX];
        const uint32_t label = text_calibrated(&training->calibration, corpus->labels_count,
                                               training->best_scores + i * vectors, chances);
        report->labels[corpus->texts[i].label].said[label]++;
        said[label]++;
        right += label == corpus->texts[i].label;
        if (taught) {
            const float *teacher = text_answers_of(&training->answers, i);
            agreed += label == distill_best(teacher, corpus->labels_count);
        }
    }
    report->accuracy = (double)right / (double)corpus->texts_count;
    report->agreement = (double)agreed / (double)corpus->texts_count;
    report->labelled = taught ? training->answers.labelled_count : report->texts;
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
    report->step = STEPS[training->best.step];
    if (training->options->teacher != NULL) {
        report->temperature = training->best.blend.temperature;
        report->share = training->best.blend.share;
    }
    report->letters = corpus->settings.letters;
    report->buckets = corpus->buckets;
    count_answers(training, report);
}

static struct member claim(struct slice name, struct value value) {
    return (struct member){.name = name, .value = value};
}

/* When and from what: {"trained_at","ebb","texts","labels","accuracy","loss","step","seed"}, and of
 * what a teacher taught {"labelled","agreement","temperature","share"}. */
static status write_provenance(const struct training *training, const struct train_report *report,
                               struct buffer *out, struct error *err) {
    struct arena arena;
    arena_init(&arena, PROVENANCE_ARENA_BYTES);
    int64_t at_ms = training->options->trained_at_ms;
    at_ms = at_ms != 0 ? at_ms : clock_wall_ms();
    char at[TIME_TEXT_BYTES];
    time_write(at_ms, at);
    struct value object = {0};
    const uint32_t count = training->options->teacher != NULL ? CLAIMS : CLAIMS - TAUGHT_CLAIMS;
    struct member *claims = value_new_object(&arena, count, &object);
    if (claims != NULL) {
        claims[0] = claim(SLICE("trained_at"), value_of_text(slice_of(at)));
        claims[1] = claim(SLICE("ebb"), value_of_text(SLICE(EBB_VERSION)));
        claims[2] = claim(SLICE("texts"), value_of_integer(report->texts));
        claims[3] = claim(SLICE("labels"), value_of_integer(report->labels_count));
        claims[4] = claim(SLICE("accuracy"), value_of_real(report->accuracy));
        claims[5] = claim(SLICE("loss"), value_of_real(report->loss));
        claims[6] = claim(SLICE("step"), value_of_real(report->step));
        claims[7] = claim(SLICE("seed"), value_of_integer((int64_t)training->options->seed));
        if (training->options->teacher != NULL) {
            claims[8] = claim(SLICE("labelled"), value_of_integer(report->labelled));
            claims[9] = claim(SLICE("agreement"), value_of_real(report->agreement));
            claims[10] = claim(SLICE("temperature"), value_of_real(report->temperature));
            claims[11] = claim(SLICE("share"), value_of_real(report->share));
        }
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
    if (training->options->teacher != NULL) {
        TRY(text_answers_settle(&training->answers, training->options->teacher, &training->corpus,
                                err));
    }
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
