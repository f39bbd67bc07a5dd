// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_onnx.h"

#include <stddef.h>
#include <string.h>

#include "agents/manifest_files.h"
#include "agents/manifest_numbers.h"
#include "platform/file.h"

/* The manifest's own part, made when the first of its keys is read. */
static struct onnx_manifest *part_of(struct reading *reading, struct agent_manifest *manifest) {
    if (manifest->onnx == NULL) {
        manifest->onnx = arena_get(reading->arena, 1, sizeof(*manifest->onnx));
        if (manifest->onnx == NULL) {
            reading->faults->no_memory = true;
            return NULL;
        }
        manifest->onnx->options.threads = 1;
    }
    return manifest->onnx;
}

/* Calls `read` for a map, or for each map of a list of at most ONNX_PARTS_MAX; the targets are a
 * new array in the arena. NULL: none was right. */
static void *read_maps(struct reading *reading, const struct key *key, const struct yaml *node,
                       size_t bytes_each, uint32_t *out_count,
                       void (*read)(struct reading *reading, const struct key *key,
                                    const struct yaml *map, void *target)) {
    const struct yaml *maps = node->kind == YAML_LIST ? node->items : node;
    const uint32_t count = node->kind == YAML_LIST ? node->count : 1;
    if (count == 0 || count > ONNX_PARTS_MAX) {
        faults_add(reading->faults, node->place, "`%s` is a map, or a list of at most %d",
                   key->name, ONNX_PARTS_MAX);
        return NULL;
    }
    char *targets = arena_get(reading->arena, count, bytes_each);
    if (targets == NULL) {
        reading->faults->no_memory = true;
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        read(reading, key, &maps[i], targets + i * bytes_each);
    }
    *out_count = count;
    return targets;
}

/* --- model --- */

static void read_file(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct agent_manifest *manifest = target;
    struct slice text;
    if (keys_scalar(reading, key->name, "the path of a file", node, &text)) {
        manifest_need_model(reading, manifest, text, node->place);
    }
}

static void read_metadata(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct agent_manifest *manifest = target;
    struct slice text;
    struct slice path;
    int64_t bytes;
    struct error why = {0};
    if (!keys_scalar(reading, key->name, "the path of a file", node, &text) ||
        !manifest_need_file(reading, manifest, text, node->place, &path, &bytes)) {
        return;
    }
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ONNX_METADATA_BYTES_MAX);
    struct onnx_metadata *metadata = arena_get(reading->arena, 1, sizeof(*metadata));
    if (metadata == NULL) {
        reading->faults->no_memory = true;
    } else if (file_read(path.bytes, &json, &why) != STATUS_OK ||
               onnx_metadata_read(buffer_slice(&json), reading->arena, metadata, &why) !=
                   STATUS_OK) {
        faults_add(reading->faults, node->place, "`%s: %.*s`: %s", key->name, QUOTED(text),
                   why.text);
    } else {
        manifest->onnx->metadata = metadata;
    }
}

static void read_set(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target) {
    struct agent_manifest *manifest = target;
    struct value set;
    if (node->kind != YAML_MAP || node->count > ONNX_PARTS_MAX) {
        faults_add(reading->faults, node->place,
                   "`%s` is a map of at most %d of the model's inputs and numbers, such as "
                   "{ sr: 16000 }",
                   key->name, ONNX_PARTS_MAX);
    } else if (!yaml_value(reading->arena, node, &set) || !value_copy(reading->arena, set, &set)) {
        reading->faults->no_memory = true;
    } else {
        manifest->onnx->set = set.members;
        manifest->onnx->set_count = set.count;
    }
}

static void read_carry(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct agent_manifest *manifest = target;
    if (node->kind != YAML_MAP || node->count > ONNX_PARTS_MAX) {
        faults_add(reading->faults, node->place,
                   "`%s` is a map of at most %d outputs and the inputs that they become, such as "
                   "{ stateN: state }",
                   key->name, ONNX_PARTS_MAX);
        return;
    }
    struct carry_pair *pairs = arena_get(reading->arena, node->count, sizeof(*pairs));
    if (pairs == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct key inner = {.name = key->name, .offset = offsetof(struct carry_pair, input)};
        pairs[i].output = arena_copy(reading->arena, node->pairs[i].key);
        keys_read_text(reading, &inner, &node->pairs[i].value, &pairs[i]);
    }
    manifest->carries = true;
    manifest->onnx->carry = pairs;
    manifest->onnx->carry_count = node->count;
}

static void read_providers(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    struct inference_options *options = &((struct agent_manifest *)target)->onnx->options;
    if (node->kind != YAML_LIST || node->count == 0 || node->count > INFERENCE_PROVIDERS_MAX) {
        faults_add(reading->faults, node->place,
                   "`%s` is a list of at most %d words, the best first, such as [cuda, cpu]",
                   key->name, INFERENCE_PROVIDERS_MAX);
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        struct slice word;
        const int index =
            keys_scalar(reading, key->name, "a word", &node->items[i], &word)
                ? keys_word(reading, key->name, INFERENCE_PROVIDERS, word, node->items[i].place)
                : -1;
        if (index >= 0) {
            options->providers[options->provider_count++] = (uint8_t)index;
        }
    }
}

static void read_threads(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct key inner = *key;
    inner.offset = offsetof(struct inference_options, threads);
    keys_read_count(reading, &inner, node, &((struct agent_manifest *)target)->onnx->options);
}

static void read_compiled(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct key inner = *key;
    inner.offset = offsetof(struct onnx_manifest, compiled);
    keys_read_boolean(reading, &inner, node, ((struct agent_manifest *)target)->onnx);
}

static const struct key MODEL_KEYS[] = {
    {.name = "file",
     .read = read_file,
     .help =
         "The model, a file of the agent's folder: ONNX, or for kind text what `ebb train text` "
         "makes.",
     .form = FORM_TEXT},
    {.name = "metadata",
     .read = read_metadata,
     .help = "metadata.json of a model in ONNX: input_shape, input_type, preprocessing.",
     .form = FORM_TEXT},
    {.name = "set",
     .read = read_set,
     .help = "Inputs of the model that never change, and their numbers: { sr: 16000 }.",
     .form = FORM_MAP},
    {.name = "carry",
     .read = read_carry,
     .help = "Outputs that are inputs of the next call: { stateN: state }.",
     .form = FORM_TEXT_MAP},
    {.name = "threads",
     .read = read_threads,
     .least = 1,
     .most = INFERENCE_THREADS_MAX,
     .help = "How many threads compute one call; 1.",
     .form = FORM_NUMBER},
    {.name = "providers",
     .read = read_providers,
     .help = "What executes the model, the best first; what is not to be had is passed over.",
     .form = FORM_WORDS,
     .words = INFERENCE_PROVIDERS},
    {.name = "compiled",
     .read = read_compiled,
     .help = "true: what ONNX Runtime makes of the model when it is opened is kept beside it as "
             "NAME.compiled.onnx and loaded the next time, for as long as it is true.",
     .form = FORM_BOOLEAN},
    {.name = "variants",
     .help = "In place of file: the folder where `ebb model optimize` wrote variants.yaml, or a "
             "list of models, the best first.",
     .form = FORM_TEXT_OR_MAPS,
     .table = &MANIFEST_VARIANT_TABLE},
    {.name = "use",
     .help = "Which of the variants is the model; what variants.yaml says, or the first.",
     .form = FORM_TEXT},
    {.name = "batch", .state = KEY_RESERVED},
    {0}};
const struct key_table MANIFEST_MODEL_TABLE = {
    .what = "`model` of an agent of kind onnx", .keys = MODEL_KEYS, .example = "{ file: m.onnx }"};

/* One model by its file, or one of several. */
static void choose_model(struct reading *reading, const struct yaml *map,
                         struct agent_manifest *manifest) {
    const struct yaml *file = yaml_get(map, "file");
    const struct yaml *variants = yaml_get(map, "variants");
    const struct yaml *use = yaml_get(map, "use");
    if (file != NULL && variants != NULL) {
        faults_add(reading->faults, variants->place,
                   "`file` is the one model that there is, `variants` are several to choose from: "
                   "either, not both");
    } else if (variants != NULL) {
        manifest_read_variants(reading, variants, use, manifest, &manifest->onnx->variants);
    } else if (use != NULL) {
        faults_add(reading->faults, use->place,
                   "`use` chooses one of `variants`, and there are none beside it");
    } else if (file == NULL) {
        faults_add(reading->faults, map->place, "%s needs the key `file`, or `variants`",
                   MANIFEST_MODEL_TABLE.what);
    }
}

void manifest_read_onnx_model(struct reading *reading, const struct key *key,
                              const struct yaml *node, void *target) {
    (void)key;
    if (part_of(reading, target) != NULL &&
        keys_read(reading, &MANIFEST_MODEL_TABLE, node, target)) {
        choose_model(reading, node, target);
    }
}

static const struct key TEXT_MODEL_KEYS[] = {
    {.name = "file", .state = KEY_REQUIRED, .read = read_file}, {0}};
static const struct key_table *const MODEL_OF_ONNX[] = {&MANIFEST_MODEL_TABLE, NULL};
static const struct key_table TEXT_MODEL_TABLE = {
    .what = "`model` of an agent of kind text", .keys = TEXT_MODEL_KEYS, .others = MODEL_OF_ONNX};

void manifest_read_text_model(struct reading *reading, const struct key *key,
                              const struct yaml *node, void *target) {
    (void)key;
    (void)keys_read(reading, &TEXT_MODEL_TABLE, node, target);
}

/* --- before --- */

/* What the keys of `numbers` and `audio` fill. */
struct before_draft {
    struct slice from, to;
    struct manifest_name_list features;
    struct manifest_number_list means, deviations;
    double scale;
    int context;
};

static const struct key NUMBERS_KEYS[] = {
    {.name = "from",
     .read = keys_read_text,
     .offset = offsetof(struct before_draft, from),
     .help = "The input of the agent that it is.",
     .form = FORM_TEXT},
    {.name = "to",
     .read = keys_read_text,
     .offset = offsetof(struct before_draft, to),
     .help = "The input of the model that it becomes.",
     .form = FORM_TEXT},
    {.name = "features",
     .read = manifest_read_name_list,
     .offset = offsetof(struct before_draft, features),
     .most = ONNX_FEATURES_MAX,
     .help = "The fields whose numbers make a row, in this order.",
     .form = FORM_TEXTS},
    {.name = "scale",
     .read = manifest_read_ratio,
     .offset = offsetof(struct before_draft, scale),
     .help = "What each number is multiplied with, such as 1/255.",
     .form = FORM_TEXT},
    {.name = "mean",
     .read = manifest_read_number_list,
     .offset = offsetof(struct before_draft, means),
     .most = ONNX_METADATA_CHANNELS_MAX,
     .help = "What is taken off each number: one for all, or one for each feature or channel.",
     .form = FORM_ANYTHING},
    {.name = "std",
     .read = manifest_read_number_list,
     .offset = offsetof(struct before_draft, deviations),
     .least = 1,
     .most = ONNX_METADATA_CHANNELS_MAX,
     .help = "What each number is divided by then.",
     .form = FORM_ANYTHING},
    {0}};
static const struct key_table NUMBERS_TABLE = {
    .what = "`numbers`", .keys = NUMBERS_KEYS, .example = "{ features: [t, rh] }"};

static const struct key AUDIO_KEYS[] = {
    {.name = "from",
     .read = keys_read_text,
     .offset = offsetof(struct before_draft, from),
     .help = "The input of the agent that it is.",
     .form = FORM_TEXT},
    {.name = "to",
     .read = keys_read_text,
     .offset = offsetof(struct before_draft, to),
     .help = "The input of the model that it becomes.",
     .form = FORM_TEXT},
    {.name = "scale",
     .read = manifest_read_ratio,
     .offset = offsetof(struct before_draft, scale),
     .help = "What each number is multiplied with, such as 1/255.",
     .form = FORM_TEXT},
    {.name = "context",
     .read = keys_read_count,
     .offset = offsetof(struct before_draft, context),
     .least = 1,
     .most = ONNX_CONTEXT_MAX,
     .help = "How many samples of the call before stand in front of the new ones."},
    {0}};
static const struct key_table AUDIO_TABLE = {
    .what = "`audio`", .keys = AUDIO_KEYS, .example = "{ scale: 1/32768 }"};

/* `mean` and `std` are of one length; the one that is missing is zeroes or ones. */
static void take_scaling(struct reading *reading, const struct yaml *node,
                         const struct before_draft *draft, struct numbers_before *before) {
    const struct manifest_number_list *means = &draft->means;
    const struct manifest_number_list *deviations = &draft->deviations;
    const uint32_t count = means->count > 0 ? means->count : deviations->count;
    before->scaling_given = draft->scale != 0 || count > 0;
    if (means->count > 0 && deviations->count > 0 && means->count != deviations->count) {
        faults_add(reading->faults, node->place, "`mean` has %u numbers and `std` has %u: as many",
                   means->count, deviations->count);
        return;
    }
    double *other = arena_get(reading->arena, count, sizeof(*other));
    if (other == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        other[i] = means->count > 0 ? 1 : 0;
    }
    before->scaling = (struct number_scaling){
        .scale = draft->scale != 0 ? draft->scale : 1,
        .means = means->count > 0 ? means->numbers : other,
        .deviations = deviations->count > 0 ? deviations->numbers : other,
        .channels = count,
    };
}

static void read_one_numbers(struct reading *reading, const struct key *key,
                             const struct yaml *node, void *target) {
    (void)key;
    struct numbers_before *before = target;
    struct before_draft draft = {0};
    if (keys_read(reading, &NUMBERS_TABLE, node, &draft)) {
        before->from = draft.from;
        before->to = draft.to;
        before->features = draft.features.names;
        before->feature_count = draft.features.count;
        take_scaling(reading, node, &draft, before);
    }
}

static void read_numbers(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct onnx_manifest *onnx = ((struct agent_manifest *)target)->onnx;
    onnx->numbers = read_maps(reading, key, node, sizeof(*onnx->numbers), &onnx->numbers_count,
                              read_one_numbers);
}

static void read_audio(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    (void)key;
    struct agent_manifest *manifest = target;
    struct before_draft draft = {.scale = 1};
    if (keys_read(reading, &AUDIO_TABLE, node, &draft)) {
        manifest->carries = manifest->carries || draft.context > 0;
        manifest->onnx->audio = (struct audio_before){.given = true,
                                                      .from = draft.from,
                                                      .to = draft.to,
                                                      .context = draft.context,
                                                      .scale = draft.scale};
    }
}

static void read_picture(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct key inner = *key;
    inner.offset = offsetof(struct onnx_manifest, picture);
    manifest_read_picture(reading, &inner, node, ((struct agent_manifest *)target)->onnx);
}

static const struct key BEFORE_KEYS[] = {
    {.name = "numbers",
     .read = read_numbers,
     .help = "Numbers of the call that become an input of the model.",
     .form = FORM_MAP_OR_MAPS,
     .table = &NUMBERS_TABLE},
    {.name = "audio",
     .read = read_audio,
     .help = "Sound (PCM of 16 bits, one channel) that becomes an input of the model.",
     .form = FORM_KEYS,
     .table = &AUDIO_TABLE},
    {.name = "image",
     .read = read_picture,
     .help = "A picture (JPEG or PNG) that becomes an input of the model.",
     .form = FORM_KEYS,
     .table = &MANIFEST_PICTURE_TABLE},
    {0}};
const struct key_table MANIFEST_BEFORE_TABLE = {
    .what = "`before`", .keys = BEFORE_KEYS, .example = "{ numbers: { features: [t, rh] } }"};

void manifest_read_before(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    (void)key;
    if (part_of(reading, target) != NULL) {
        (void)keys_read(reading, &MANIFEST_BEFORE_TABLE, node, target);
    }
}

/* --- after --- */

static const struct key VALUE_KEYS[] = {{.name = "output",
                                         .read = keys_read_text,
                                         .offset = offsetof(struct value_after, output),
                                         .help = "The output of the model; its only one.",
                                         .form = FORM_TEXT},
                                        {.name = "as",
                                         .read = keys_read_text,
                                         .offset = offsetof(struct value_after, as),
                                         .help = "The name that it gets; value, or values.",
                                         .form = FORM_TEXT},
                                        {0}};
static const struct key_table VALUE_TABLE = {
    .what = "`value`", .keys = VALUE_KEYS, .example = "{ output: y, as: score }"};

static void read_one_value(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    struct value_after *after = target;
    after->one = strcmp(key->name, "value") == 0;
    after->as = slice_of(key->name);
    (void)keys_read(reading, &VALUE_TABLE, node, after);
}

/* `value` and `values` add to one list. */
static void read_values(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct onnx_manifest *onnx = ((struct agent_manifest *)target)->onnx;
    uint32_t count = 0;
    const struct value_after *more =
        read_maps(reading, key, node, sizeof(*onnx->values), &count, read_one_value);
    if (more == NULL) {
        return;
    }
    struct value_after *all = arena_get(reading->arena, onnx->values_count + count, sizeof(*all));
    if (all == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < onnx->values_count; i++) {
        all[i] = onnx->values[i];
    }
    (void)memcpy(all + onnx->values_count, more, count * sizeof(*all));
    onnx->values = all;
    onnx->values_count += count;
}

static const char *const SOFTMAX_WORDS[] = {"auto", "yes", "no", NULL};

static void read_labels(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct slice text;
    struct slice path;
    int64_t bytes;
    struct error why = {0};
    if (keys_scalar(reading, key->name, "the path of a file with a label a line", node, &text) &&
        manifest_need_file(reading, reading->owner, text, node->place, &path, &bytes) &&
        labels_read_file(path.bytes, reading->arena,
                         (struct labels *)((char *)target + key->offset), &why) != STATUS_OK) {
        faults_add(reading->faults, node->place, "`%s: %.*s`: %s", key->name, QUOTED(text),
                   why.text);
    }
}

static const struct key CLASSIFIER_KEYS[] = {
    {.name = "output",
     .read = keys_read_text,
     .offset = offsetof(struct classifier_after, output),
     .help = "The output of the model with a number for each class; its only one.",
     .form = FORM_TEXT},
    {.name = "labels",
     .read = read_labels,
     .offset = offsetof(struct classifier_after, labels),
     .help = "A file with the name of a class a line; without it they are numbers from 0.",
     .form = FORM_TEXT},
    {.name = "top",
     .read = keys_read_count,
     .offset = offsetof(struct classifier_after, top),
     .least = 1,
     .most = CLASSIFIER_TOP_MAX,
     .help = "How many of the likeliest are listed; 5."},
    {.name = "softmax",
     .read = keys_read_word,
     .offset = offsetof(struct classifier_after, softmax),
     .help = "Whether the numbers become chances: yes, no, or auto, unless they are already.",
     .words = SOFTMAX_WORDS},
    {0}};
static const struct key_table CLASSIFIER_TABLE = {
    .what = "`classifier`", .keys = CLASSIFIER_KEYS, .example = "{ labels: labels.txt }"};

static void read_classifier(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target) {
    (void)key;
    struct onnx_manifest *onnx = ((struct agent_manifest *)target)->onnx;
    struct classifier_after *after = arena_get(reading->arena, 1, sizeof(*after));
    if (after == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    after->top = CLASSIFIER_TOP_DEFAULT;
    if (yaml_is_null(node) || keys_read(reading, &CLASSIFIER_TABLE, node, after)) {
        onnx->classifier = after;
    }
}

static void read_performance(struct reading *reading, const struct key *key,
                             const struct yaml *node, void *target) {
    struct key inner = *key;
    inner.offset = offsetof(struct onnx_manifest, performance);
    keys_read_boolean(reading, &inner, node, ((struct agent_manifest *)target)->onnx);
}

/* What it found lies in a picture, so there must be one. */
static void read_detector(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct onnx_manifest *onnx = ((struct agent_manifest *)target)->onnx;
    struct key inner = *key;
    inner.offset = offsetof(struct onnx_manifest, detector);
    manifest_read_detector(reading, &inner, node, onnx);
    if (onnx->detector != NULL && onnx->picture == NULL) {
        faults_add(reading->faults, node->place,
                   "`detector` needs `before: { image: ... }`: the picture that it looks at");
    }
}

static const struct key AFTER_KEYS[] = {
    {.name = "value",
     .read = read_values,
     .help = "An output of the model that is one number.",
     .form = FORM_MAP_OR_MAPS,
     .table = &VALUE_TABLE},
    {.name = "values",
     .read = read_values,
     .help = "An output of the model as a list of its numbers.",
     .form = FORM_MAP_OR_MAPS,
     .table = &VALUE_TABLE},
    {.name = "classifier",
     .read = read_classifier,
     .help = "A number for each class as label, score and top, the likeliest labels.",
     .form = FORM_KEYS,
     .table = &CLASSIFIER_TABLE},
    {.name = "performance",
     .read = read_performance,
     .help = "true: each output says how long the model took.",
     .form = FORM_BOOLEAN},
    {.name = "detector",
     .read = read_detector,
     .help = "What a detection model found, as objects: label, score, box.",
     .form = FORM_KEYS,
     .table = &MANIFEST_DETECTOR_TABLE},
    {0}};
const struct key_table MANIFEST_AFTER_TABLE = {
    .what = "`after`", .keys = AFTER_KEYS, .example = "{ value: { output: y, as: score } }"};

void manifest_read_after(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    (void)key;
    if (part_of(reading, target) != NULL) {
        (void)keys_read(reading, &MANIFEST_AFTER_TABLE, node, target);
    }
}
