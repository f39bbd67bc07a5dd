/*
 * detector: what a detection model's numbers say is in a picture.
 *
 * Five families, by name: another model of one of them needs a manifest and no C. Each gives boxes
 * with scores; what is left after the threshold and the suppression of doubles becomes objects
 *
 *     { label, score, box: [x, y, width, height], points: [[x, y], ...] }
 *
 * in fractions of the upright picture, cut to it, the highest score first, with five digits. Points
 * are there where the model has them.
 *
 * Thread: any, several at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agents/labels.h"
#include "agents/picture_tensor.h"
#include "base/arena.h"
#include "base/value.h"

enum detector_decode {
    DETECTOR_BLAZEFACE, /* boxes relative to the cells of square grids, and points */
    DETECTOR_YOLO8,     /* one output: box and a score for each class; either order of axes */
    DETECTOR_SSD,       /* boxes, as they are or relative to anchors, and scores for each class */
    DETECTOR_CENTRE,    /* a map of centres for each class, and maps of sizes and offsets */
    DETECTOR_BOXES      /* the model has decoded them: boxes, scores, classes; or rows of six */
};

/* The four numbers of a box. */
enum detector_form { DETECTOR_CORNER_SIZE, DETECTOR_CENTRE_SIZE, DETECTOR_CORNERS, DETECTOR_YXYX };

enum detector_units { DETECTOR_PIXELS, DETECTOR_FRACTIONS }; /* of the tensor */

/* What makes a chance of a score. */
enum detector_scores { DETECTOR_CHANCES, DETECTOR_SIGMOID, DETECTOR_SOFTMAX };

enum {
    DETECTOR_GRIDS_MAX = 8,
    DETECTOR_CELLS_MAX = 1024, /* along a side */
    DETECTOR_OUTPUTS_MAX = 8,  /* that play one part */
    DETECTOR_MOST = 1000,      /* objects */
    DETECTOR_ANCHORS_MAX = 1 << 20,
    DETECTOR_CLASSES_MAX = 65536
};

/* What an output of the model is for; of DETECTOR_CENTRE scores are the map and boxes the sizes. */
enum detector_part {
    DETECTOR_PART_BOXES,
    DETECTOR_PART_SCORES,
    DETECTOR_PART_CLASSES,
    DETECTOR_PART_OFFSETS,
    DETECTOR_PARTS
};

/* Outputs by name, in order. */
struct detector_names {
    const struct slice *names;
    uint32_t count; /* 0: found by their shapes */
};

/* Of a square grid of cells, each with so many anchors in its centre. */
struct detector_grid {
    uint32_t cells, anchors;
};

struct detector_after {
    enum detector_decode decode;
    struct detector_names parts[DETECTOR_PARTS];
    enum detector_form form;
    enum detector_units units;
    enum detector_scores scores;
    bool background;      /* class 0 means nothing, and the labels begin behind it */
    struct labels labels; /* none: a class is its number */
    const bool *kept;     /* of each label; NULL: all are kept */
    double score_least;
    double overlap_most; /* of two of one class; 1: doubles stay */
    uint32_t most;
    struct detector_grid grids[DETECTOR_GRIDS_MAX];
    uint32_t grid_count;
    const float *anchors; /* centre and size in fractions; NULL: boxes are as they are */
    uint32_t anchor_count;
    double variances[2]; /* of centre and size, relative to an anchor */
};

/* What is done for a family when nothing else is said. */
void detector_after_init(struct detector_after *after, enum detector_decode decode);

/* One picture that a model has looked at. */
struct detector_look {
    const struct tensor *outputs;
    const char *const *names;
    uint32_t count;
    const struct picture_fit *fit;
    double score_least; /* of this call; negative: the manifest's */
};

/* A list of objects in `arena`. INVALID: the outputs are not of the shape that the family has, or
 * hold what is no number. */
status detector_decode(const struct detector_after *after, const struct detector_look *look,
                       struct arena *arena, struct value *out_objects, struct error *err);
