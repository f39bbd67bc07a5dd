// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_picture.h"

#include <stddef.h>
#include <string.h>

#include "agents/anchors.h"
#include "agents/manifest_files.h"
#include "agents/manifest_numbers.h"

enum { GRID_ANCHORS_MAX = 64, LABELS_IN_MANIFEST_MAX = 1024 };

/* Words in the order of their enums. */
static const char *const DECODES[] = {"blazeface", "yolo8", "ssd", "centre", "boxes", NULL};
static const char *const FORMS[] = {"xywh", "cxcywh", "xyxy", "yxyx", NULL};
static const char *const UNITS[] = {"pixels", "fractions", NULL};
static const char *const ACTIVATIONS[] = {"none", "sigmoid", "softmax", NULL};

/* What the keys of `detector` fill. */
struct detector_draft {
    struct detector_after after; /* first: keys count from here */
    struct manifest_name_list keep;
    const struct yaml *keep_node;
};

static void read_labels(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct labels *labels = &((struct detector_draft *)target)->after.labels;
    struct slice text, path;
    int64_t bytes;
    struct error why = {0};
    if (node->kind == YAML_LIST) {
        const struct key inner = {.name = key->name, .most = LABELS_IN_MANIFEST_MAX};
        struct manifest_name_list list = {0};
        manifest_read_name_list(reading, &inner, node, &list);
        *labels = (struct labels){.names = list.names, .count = list.count};
    } else if (keys_scalar(reading, key->name, "a list, or the path of a file with one a line",
                           node, &text) &&
               manifest_need_file(reading, reading->owner, text, node->place, &path, &bytes) &&
               labels_read_file(path.bytes, reading->arena, labels, &why) != STATUS_OK) {
        faults_add(reading->faults, node->place, "`%s: %.*s`: %s", key->name, QUOTED(text),
                   why.text);
    }
}

static void read_keep(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct detector_draft *draft = target;
    const struct key inner = {.name = key->name, .most = LABELS_IN_MANIFEST_MAX};
    draft->keep_node = node;
    manifest_read_name_list(reading, &inner, node, &draft->keep);
}

/* From 0 to 1. */
static void read_share(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    double number;
    if (manifest_number(reading, key->name, node, (struct number_range){0, 1}, &number)) {
        (void)memcpy((char *)target + key->offset, &number, sizeof(number));
    }
}

static void read_anchors(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct detector_after *after = &((struct detector_draft *)target)->after;
    struct slice text, path;
    int64_t bytes;
    struct error why = {0};
    if (keys_scalar(reading, key->name, "the path of a file", node, &text) &&
        manifest_need_file(reading, reading->owner, text, node->place, &path, &bytes) &&
        anchors_read(path.bytes, reading->arena, &after->anchors, &after->anchor_count, &why) !=
            STATUS_OK) {
        faults_add(reading->faults, node->place, "`%s: %.*s`: %s", key->name, QUOTED(text),
                   why.text);
    }
}

static void read_variances(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    struct detector_after *after = &((struct detector_draft *)target)->after;
    (void)manifest_numbers(reading, key->name, node, (struct number_range){0, 1000}, 2,
                           after->variances);
}

static const struct key GRID_KEYS[] = {{.name = "cells",
                                        .state = KEY_REQUIRED,
                                        .read = keys_read_count,
                                        .offset = offsetof(struct detector_grid, cells),
                                        .least = 1,
                                        .most = DETECTOR_CELLS_MAX,
                                        .help = "How many cells a side of the grid has.",
                                        .form = FORM_NUMBER},
                                       {.name = "anchors",
                                        .state = KEY_REQUIRED,
                                        .read = keys_read_count,
                                        .offset = offsetof(struct detector_grid, anchors),
                                        .least = 1,
                                        .most = GRID_ANCHORS_MAX,
                                        .help = "How many boxes the model gives for each cell.",
                                        .form = FORM_NUMBER},
                                       {0}};
static const struct key_table GRID_TABLE = {
    .what = "a grid", .keys = GRID_KEYS, .example = "{ cells: 16, anchors: 2 }"};

static void read_grids(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct detector_after *after = &((struct detector_draft *)target)->after;
    if (node->kind != YAML_LIST || node->count == 0 || node->count > DETECTOR_GRIDS_MAX) {
        faults_add(reading->faults, node->place, "`%s` is a list of 1 to %d maps such as %s",
                   key->name, DETECTOR_GRIDS_MAX, GRID_TABLE.example);
        return;
    }
    (void)memset(after->grids, 0, sizeof(after->grids));
    after->grid_count = node->count;
    for (uint32_t i = 0; i < node->count; i++) {
        (void)keys_read(reading, &GRID_TABLE, &node->items[i], &after->grids[i]);
    }
}

/* A name, or a list of them. */
static void read_output(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    const struct yaml one = {.kind = YAML_LIST, .place = node->place, .count = 1, .items = node};
    struct manifest_name_list list = {0};
    const struct key inner = {.name = key->name, .most = DETECTOR_OUTPUTS_MAX};
    manifest_read_name_list(reading, &inner, node->kind == YAML_LIST ? node : &one, &list);
    const struct detector_names names = {.names = list.names, .count = list.count};
    (void)memcpy((char *)target + key->offset, &names, sizeof(names));
}

#define PART(part) offsetof(struct detector_after, parts[part])
static const struct key OUTPUT_KEYS[] = {
    {.name = "boxes",
     .read = read_output,
     .offset = PART(DETECTOR_PART_BOXES),
     .help = "Boxes; of decode: centre the map of sizes; of yolo8 all.",
     .form = FORM_ANYTHING},
    {.name = "scores",
     .read = read_output,
     .offset = PART(DETECTOR_PART_SCORES),
     .help = "Scores; of decode: centre the map of centres.",
     .form = FORM_ANYTHING},
    {.name = "classes",
     .read = read_output,
     .offset = PART(DETECTOR_PART_CLASSES),
     .help = "Classes, of decode: boxes.",
     .form = FORM_ANYTHING},
    {.name = "offsets",
     .read = read_output,
     .offset = PART(DETECTOR_PART_OFFSETS),
     .help = "Offsets within a cell, of decode: centre.",
     .form = FORM_ANYTHING},
    {0}};
static const struct key_table OUTPUT_TABLE = {
    .what = "`outputs`", .keys = OUTPUT_KEYS, .example = "{ boxes: b, scores: s }"};

static void read_outputs(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    (void)key;
    (void)keys_read(reading, &OUTPUT_TABLE, node, target);
}

static const struct key DETECTOR_KEYS[] = {
    {.name = "decode", /* read before all others, since their defaults depend on it */
     .state = KEY_REQUIRED,
     .words = DECODES,
     .help = "The family of the model: blazeface, yolo8, ssd, centre, or boxes (decoded already)."},
    {.name = "labels",
     .read = read_labels,
     .help = "What the classes are called: a list, or a file with one a line.",
     .form = FORM_ANYTHING},
    {.name = "keep", .read = read_keep, .help = "The labels that count; all.", .form = FORM_TEXTS},
    {.name = "score",
     .read = read_share,
     .offset = offsetof(struct detector_after, score_least),
     .help = "The least score of an object, unless the step gives min_score.",
     .form = FORM_TEXT},
    {.name = "nms",
     .read = read_share,
     .offset = offsetof(struct detector_after, overlap_most),
     .help = "How much two boxes of one label may overlap before one goes; 1: doubles stay.",
     .form = FORM_TEXT},
    {.name = "max",
     .read = keys_read_count,
     .offset = offsetof(struct detector_after, most),
     .least = 1,
     .most = DETECTOR_MOST,
     .help = "How many objects at most; 100.",
     .form = FORM_NUMBER},
    {.name = "outputs",
     .read = read_outputs,
     .help = "Which output is what, where shape and name do not tell.",
     .form = FORM_KEYS,
     .table = &OUTPUT_TABLE},
    {.name = "form",
     .read = keys_read_word,
     .offset = offsetof(struct detector_after, form),
     .words = FORMS,
     .help = "The four numbers of a box: xywh, cxcywh (its centre), xyxy or yxyx (two corners)."},
    {.name = "units",
     .read = keys_read_word,
     .offset = offsetof(struct detector_after, units),
     .words = UNITS,
     .help = "What a box is counted in: pixels of the model's input, or fractions of it."},
    {.name = "activation",
     .read = keys_read_word,
     .offset = offsetof(struct detector_after, scores),
     .words = ACTIVATIONS,
     .help = "What makes a chance of a score: none, sigmoid or softmax."},
    {.name = "background",
     .read = keys_read_boolean,
     .offset = offsetof(struct detector_after, background),
     .help = "Whether class 0 means nothing, and the labels begin behind it."},
    {.name = "anchors",
     .read = read_anchors,
     .help = "Of ssd: a file of boxes that boxes are relative to, centre and size a line.",
     .form = FORM_TEXT},
    {.name = "variances",
     .read = read_variances,
     .help = "Of ssd with anchors: what moves and sizes are multiplied with; [0.1, 0.2].",
     .form = FORM_ANYTHING},
    {.name = "grids",
     .read = read_grids,
     .help = "Of blazeface: its grids; [{ cells: 16, anchors: 2 }, { cells: 8, anchors: 6 }].",
     .form = FORM_MAPS,
     .table = &GRID_TABLE},
    {0}};
const struct key_table MANIFEST_DETECTOR_TABLE = {
    .what = "`detector`", .keys = DETECTOR_KEYS, .example = "{ decode: yolo8, labels: coco.txt }"};

/* Marks the labels that are kept. */
static void take_keep(struct reading *reading, struct detector_draft *draft) {
    const struct labels *labels = &draft->after.labels;
    if (labels->count == 0) {
        faults_add(reading->faults, draft->keep_node->place,
                   "`keep` names labels, and there are no `labels`");
        return;
    }
    bool *kept = arena_get(reading->arena, labels->count, sizeof(*kept));
    if (kept == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < draft->keep.count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < labels->count; k++) {
            const bool same = slice_equal(labels->names[k], draft->keep.names[i]);
            kept[k] = kept[k] || same;
            found = found || same;
        }
        if (!found) {
            faults_add(reading->faults, draft->keep_node->items[i].place,
                       "`keep: %.*s` is none of the %u labels", QUOTED(draft->keep.names[i]),
                       labels->count);
        }
    }
    draft->after.kept = kept;
}

/* Keys of one family alone. */
static void check_family(struct reading *reading, const struct yaml *node,
                         enum detector_decode decode) {
    static const struct {
        const char *name;
        enum detector_decode decode;
    } ROWS[] = {
        {"anchors", DETECTOR_SSD}, {"variances", DETECTOR_SSD}, {"grids", DETECTOR_BLAZEFACE}};
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        const struct yaml *value = yaml_get(node, ROWS[i].name);
        if (value != NULL && decode != ROWS[i].decode) {
            faults_add(reading->faults, value->place, "`%s` belongs to `decode: %s`, not to %s",
                       ROWS[i].name, DECODES[ROWS[i].decode], DECODES[decode]);
        }
    }
}

static const struct slice FACE[] = {{"face", 4}};

void manifest_read_detector(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target) {
    const struct yaml *word = node->kind == YAML_MAP ? yaml_get(node, "decode") : NULL;
    struct slice text;
    int decode = -1;
    if (word != NULL && keys_scalar(reading, "decode", "a word", word, &text)) {
        decode = keys_word(reading, "decode", DECODES, text, word->place);
    }
    struct detector_draft draft = {0};
    detector_after_init(&draft.after, decode >= 0 ? (enum detector_decode)decode : DETECTOR_BOXES);
    if (!keys_read(reading, &MANIFEST_DETECTOR_TABLE, node, &draft) || decode < 0) {
        return;
    }
    check_family(reading, node, draft.after.decode);
    if (draft.after.decode == DETECTOR_BLAZEFACE && draft.after.labels.count == 0) {
        draft.after.labels = (struct labels){.names = FACE, .count = 1};
    }
    if (draft.keep_node != NULL) {
        take_keep(reading, &draft);
    }
    struct detector_after *after = arena_get(reading->arena, 1, sizeof(*after));
    if (after == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    *after = draft.after;
    (void)memcpy((char *)target + key->offset, &after, sizeof(after));
}
