// SPDX-License-Identifier: Apache-2.0
#include "agents/detector_families.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const float EXPONENT_MOST = 80; /* beyond it a float is none */

static float sigmoid(float number) {
    return 1.0f / (1.0f + expf(-fmaxf(-EXPONENT_MOST, fminf(EXPONENT_MOST, number))));
}

static const struct detector_rows *part(const struct detector_work *work, enum detector_part part) {
    return work->outputs->counts[part] > 0 ? work->outputs->parts[part] : NULL;
}

/* Those of labels that nobody wants are left out before they could take anybody's place. */
static void take(struct detector_work *work, const struct candidate *candidate) {
    const struct detector_after *after = work->outputs->after;
    if (after->kept == NULL ||
        (candidate->kind < after->labels.count && after->kept[candidate->kind])) {
        candidates_add(work->candidates, candidate);
    }
}

/* The class with the highest score of a row, and its chance. */
static float find_best(const struct detector_after *after, const float *scores, uint32_t count,
                       uint32_t *out_kind) {
    const bool has_background =
        after->background && count > 1; /* a lone score is no background's */
    uint32_t best = has_background ? 1 : 0;
    for (uint32_t i = best + 1; i < count; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    /* Labels that are as many as all classes name the background too. */
    *out_kind = has_background && after->labels.count != count ? best - 1 : best;
    if (after->scores == DETECTOR_SIGMOID) {
        return sigmoid(scores[best]);
    }
    if (after->scores == DETECTOR_CHANCES) {
        return scores[best];
    }
    const float most = fmaxf(scores[0], scores[best]);
    float sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += expf(scores[i] - most);
    }
    return expf(scores[best] - most) / sum;
}

/* Four numbers as the manifest says they are meant. */
static void set_box(const struct detector_work *work, const float *box,
                    struct candidate *candidate) {
    const struct detector_after *after = work->outputs->after;
    const struct picture_fit *fit = work->outputs->look->fit;
    const float across = after->units == DETECTOR_FRACTIONS ? (float)fit->width : 1;
    const float down = after->units == DETECTOR_FRACTIONS ? (float)fit->height : 1;
    const bool swaps = after->form == DETECTOR_YXYX;
    const float first = box[swaps ? 1 : 0] * across;
    const float second = box[swaps ? 0 : 1] * down;
    const float third = box[swaps ? 3 : 2] * across;
    const float fourth = box[swaps ? 2 : 3] * down;
    const bool has_size =
        after->form == DETECTOR_CENTRE_SIZE || after->form == DETECTOR_CORNER_SIZE;
    const float back = after->form == DETECTOR_CENTRE_SIZE ? 0.5f : 0;
    candidate->width = has_size ? third : third - first;
    candidate->height = has_size ? fourth : fourth - second;
    candidate->x = first - back * candidate->width;
    candidate->y = second - back * candidate->height;
}

/* --- blazeface --- */

enum { BLAZEFACE_BOX = 4, BLAZEFACE_POINT = 2 };

/* The centre of the cell that a row belongs to, in pixels; rows count through all grids. */
static void find_cell(const struct detector_outputs *outputs, uint32_t row, float *out_x,
                      float *out_y) {
    const struct detector_after *after = outputs->after;
    uint32_t grid = 0;
    uint32_t count;
    while (row >= (count = after->grids[grid].cells * after->grids[grid].cells *
                           after->grids[grid].anchors)) {
        row -= count;
        grid++;
    }
    const uint32_t cells = after->grids[grid].cells;
    const uint32_t cell = row / after->grids[grid].anchors;
    const uint32_t down = cell / cells;
    *out_x = ((float)(cell % cells) + 0.5f) / (float)cells * (float)outputs->look->fit->width;
    *out_y = ((float)down + 0.5f) / (float)cells * (float)outputs->look->fit->height;
}

/* The numbers of a row that counts through all outputs with boxes. */
static const float *find_row(const struct detector_outputs *outputs, uint32_t row,
                             uint32_t *out_columns) {
    const struct detector_rows *boxes = outputs->parts[DETECTOR_PART_BOXES];
    while (row >= boxes->rows) {
        row -= boxes->rows;
        boxes++;
    }
    *out_columns = boxes->columns;
    return boxes->numbers + (size_t)row * boxes->columns;
}

static status check_blazeface(const struct detector_outputs *outputs, struct error *err) {
    const struct detector_after *after = outputs->after;
    uint32_t wanted = 0, boxes = 0, scores = 0;
    for (uint32_t i = 0; i < after->grid_count; i++) {
        wanted += after->grids[i].cells * after->grids[i].cells * after->grids[i].anchors;
    }
    for (uint32_t i = 0; i < outputs->counts[DETECTOR_PART_BOXES]; i++) {
        const struct detector_rows *rows = &outputs->parts[DETECTOR_PART_BOXES][i];
        if (rows->columns < BLAZEFACE_BOX) {
            return detector_outputs_wrong(rows, "a row has a box, so at least 4 numbers", err);
        }
        boxes += rows->rows;
    }
    for (uint32_t i = 0; i < outputs->counts[DETECTOR_PART_SCORES]; i++) {
        const struct detector_rows *rows = &outputs->parts[DETECTOR_PART_SCORES][i];
        if (rows->columns != 1) {
            return detector_outputs_wrong(rows, "a row is one score", err);
        }
        scores += rows->rows;
    }
    if (boxes != wanted || scores != wanted) {
        return fail(err, STATUS_INVALID,
                    "the model has %u boxes and %u scores, and the `grids` %u anchors", boxes,
                    scores, wanted);
    }
    return STATUS_OK;
}

status detector_blazeface(struct detector_work *work, struct error *err) {
    const struct detector_outputs *outputs = work->outputs;
    TRY(check_blazeface(outputs, err));
    uint32_t row = 0;
    for (uint32_t i = 0; i < outputs->counts[DETECTOR_PART_SCORES]; i++) {
        const struct detector_rows *scores = &outputs->parts[DETECTOR_PART_SCORES][i];
        for (uint32_t k = 0; k < scores->rows; k++, row++) {
            struct candidate candidate = {.row = row};
            candidate.score = find_best(outputs->after, &scores->numbers[k], 1, &candidate.kind);
            if (candidate.score < work->score_least) {
                continue;
            }
            float x, y;
            uint32_t columns;
            find_cell(outputs, row, &x, &y);
            set_box(work, find_row(outputs, row, &columns), &candidate);
            candidate.x += x;
            candidate.y += y;
            take(work, &candidate);
        }
    }
    return STATUS_OK;
}

bool detector_blazeface_point(const struct detector_outputs *outputs,
                              const struct candidate *candidate, uint32_t index, float *out_x,
                              float *out_y) {
    uint32_t columns;
    const float *numbers = find_row(outputs, candidate->row, &columns);
    if (index >= (columns - BLAZEFACE_BOX) / BLAZEFACE_POINT) {
        return false;
    }
    const struct picture_fit *fit = outputs->look->fit;
    const bool is_share = outputs->after->units == DETECTOR_FRACTIONS;
    numbers += BLAZEFACE_BOX + index * BLAZEFACE_POINT;
    find_cell(outputs, candidate->row, out_x, out_y);
    *out_x += numbers[0] * (is_share ? (float)fit->width : 1);
    *out_y += numbers[1] * (is_share ? (float)fit->height : 1);
    return true;
}

/* --- yolo8 --- */

/* The axis of classes: the one that is as long as four and the labels, else the shorter one. */
static status find_axes(const struct detector_after *after, const struct detector_rows *output,
                        uint32_t *out_length, bool *out_first, struct error *err) {
    const struct tensor *tensor = output->tensor;
    if (tensor->rank < 2 || output->columns == 0 || output->rows == 0 ||
        tensor->shape[tensor->rank - 2] != output->rows) {
        return detector_outputs_wrong(
            output, "1 x numbers x boxes, or 1 x boxes x numbers, is wanted", err);
    }
    const uint32_t wanted = after->labels.count + 4;
    *out_first = output->rows <= output->columns;
    if (after->labels.count > 0) {
        *out_first = output->rows == wanted;
        if (!*out_first && output->columns != wanted) {
            return detector_outputs_wrong(
                output, "with four numbers for a box and one for each label it has another shape",
                err);
        }
    }
    *out_length = *out_first ? output->rows : output->columns;
    return *out_length > 4 && *out_length <= DETECTOR_CLASSES_MAX
               ? STATUS_OK
               : detector_outputs_wrong(output, "a box has four numbers and a score for each class",
                                        err);
}

/* The best class of each box, class by class, since so the numbers lie. */
static void find_all_best(const float *numbers, uint32_t classes, uint32_t boxes, float *scores,
                          uint32_t *kinds) {
    (void)memcpy(scores, numbers, boxes * sizeof(*scores));
    for (uint32_t c = 1; c < classes; c++) {
        const float *row = numbers + (size_t)c * boxes;
        for (uint32_t i = 0; i < boxes; i++) {
            kinds[i] = row[i] > scores[i] ? c : kinds[i];
            scores[i] = row[i] > scores[i] ? row[i] : scores[i];
        }
    }
}

static void add_yolo8(struct detector_work *work, const float *box, float score,
                      struct candidate candidate) {
    candidate.score = work->outputs->after->scores == DETECTOR_SIGMOID ? sigmoid(score) : score;
    if (candidate.score >= work->score_least) {
        set_box(work, box, &candidate);
        take(work, &candidate);
    }
}

status detector_yolo8(struct detector_work *work, struct error *err) {
    const struct detector_rows *output = part(work, DETECTOR_PART_BOXES);
    const struct detector_after *after = work->outputs->after;
    uint32_t length = 0;
    bool is_first = false;
    if (output == NULL) {
        return fail(err, STATUS_INVALID, "the model has no output");
    }
    TRY(find_axes(after, output, &length, &is_first, err));
    const uint32_t boxes = is_first ? output->columns : output->rows;
    if (!is_first) {
        for (uint32_t i = 0; i < boxes; i++) {
            const float *row = output->numbers + (size_t)i * length;
            struct candidate candidate = {.row = i};
            for (uint32_t c = 1; c < length - 4; c++) {
                candidate.kind = row[4 + c] > row[4 + candidate.kind] ? c : candidate.kind;
            }
            add_yolo8(work, row, row[4 + candidate.kind], candidate);
        }
        return STATUS_OK;
    }
    float *scores = arena_get(&work->outputs->scratch, boxes, sizeof(*scores));
    uint32_t *kinds = arena_get(&work->outputs->scratch, boxes, sizeof(*kinds));
    if (scores == NULL || kinds == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for what a detector found");
    }
    find_all_best(output->numbers + (size_t)4 * boxes, length - 4, boxes, scores, kinds);
    for (uint32_t i = 0; i < boxes; i++) {
        const float *at = output->numbers + i;
        const float box[] = {at[0], at[boxes], at[(size_t)2 * boxes], at[(size_t)3 * boxes]};
        add_yolo8(work, box, scores[i], (struct candidate){.kind = kinds[i], .row = i});
    }
    return STATUS_OK;
}

/* --- ssd --- */

/* A box relative to an anchor: its centre is moved and its size grows by a power of e. */
static void set_from_anchor(const struct detector_work *work, const float *box, const float *anchor,
                            struct candidate *candidate) {
    const struct detector_after *after = work->outputs->after;
    const struct picture_fit *fit = work->outputs->look->fit;
    const float move = (float)after->variances[0];
    const float grow = (float)after->variances[1];
    const bool swaps = after->form == DETECTOR_YXYX;
    const float x = anchor[0] + box[swaps ? 1 : 0] * move * anchor[2];
    const float y = anchor[1] + box[swaps ? 0 : 1] * move * anchor[3];
    const float width = anchor[2] * expf(fminf(EXPONENT_MOST / 2, box[swaps ? 3 : 2] * grow));
    const float height = anchor[3] * expf(fminf(EXPONENT_MOST / 2, box[swaps ? 2 : 3] * grow));
    candidate->width = width * (float)fit->width;
    candidate->height = height * (float)fit->height;
    candidate->x = x * (float)fit->width - candidate->width / 2;
    candidate->y = y * (float)fit->height - candidate->height / 2;
}

status detector_ssd(struct detector_work *work, struct error *err) {
    const struct detector_after *after = work->outputs->after;
    const struct detector_rows *boxes = part(work, DETECTOR_PART_BOXES);
    const struct detector_rows *scores = part(work, DETECTOR_PART_SCORES);
    if (boxes == NULL || scores == NULL) {
        return fail(err, STATUS_INVALID, "the model has no output with %s",
                    boxes == NULL ? "boxes, which are four numbers" : "scores");
    }
    if (boxes->columns != 4) {
        return detector_outputs_wrong(boxes, "a box is four numbers", err);
    }
    if (scores->rows != boxes->rows || scores->columns <= (after->background ? 1 : 0)) {
        return detector_outputs_wrong(scores, "a row of scores for each box is wanted", err);
    }
    if (after->anchors != NULL && after->anchor_count != boxes->rows) {
        return fail(err, STATUS_INVALID, "the model has %u boxes, and there are %u anchors",
                    boxes->rows, after->anchor_count);
    }
    for (uint32_t i = 0; i < boxes->rows; i++) {
        struct candidate candidate = {.row = i};
        candidate.score = find_best(after, scores->numbers + (size_t)i * scores->columns,
                                    scores->columns, &candidate.kind);
        if (candidate.score < work->score_least) {
            continue;
        }
        if (after->anchors != NULL) {
            set_from_anchor(work, boxes->numbers + (size_t)i * 4, after->anchors + (size_t)i * 4,
                            &candidate);
        } else {
            set_box(work, boxes->numbers + (size_t)i * 4, &candidate);
        }
        take(work, &candidate);
    }
    return STATUS_OK;
}

/* --- centre --- */

/* Maps of one picture: channels x height x width. */
struct maps {
    uint32_t channels, height, width;
    const float *numbers;
};

static status take_maps(const struct detector_rows *rows, const struct maps *like,
                        struct maps *out_maps, struct error *err) {
    const struct tensor *tensor = rows->tensor;
    const bool fits = tensor->rank == 4 && tensor->shape[0] == 1 && tensor->shape[1] >= 1 &&
                      tensor->shape[1] <= DETECTOR_CLASSES_MAX && tensor->shape[2] >= 1 &&
                      tensor->shape[3] >= 1;
    if (!fits || (like != NULL && (tensor->shape[1] != 2 || tensor->shape[2] != like->height ||
                                   tensor->shape[3] != like->width))) {
        return detector_outputs_wrong(rows,
                                      like == NULL ? "1 x classes x height x width is wanted"
                                                   : "1 x 2 x the map's height and width is wanted",
                                      err);
    }
    *out_maps = (struct maps){(uint32_t)tensor->shape[1], (uint32_t)tensor->shape[2],
                              (uint32_t)tensor->shape[3], rows->numbers};
    return STATUS_OK;
}

/* No neighbour is higher, and of two that are equal the first counts. */
static bool is_peak(const struct maps *heat, const float *plane, uint32_t x, uint32_t y) {
    const float height = plane[(size_t)y * heat->width + x];
    for (int down = -1; down <= 1; down++) {
        for (int across = -1; across <= 1; across++) {
            const int64_t at_x = (int64_t)x + across;
            const int64_t at_y = (int64_t)y + down;
            if ((across == 0 && down == 0) || at_x < 0 || at_y < 0 || at_x >= heat->width ||
                at_y >= heat->height) {
                continue;
            }
            const float other = plane[at_y * heat->width + at_x];
            const bool is_before = down < 0 || (down == 0 && across < 0);
            if (other > height || (other == height && is_before)) {
                return false;
            }
        }
    }
    return true;
}

static void add_centre(struct detector_work *work, const struct maps *heat,
                       const struct maps *sizes, const struct maps *offsets,
                       struct candidate candidate) {
    const struct picture_fit *fit = work->outputs->look->fit;
    const size_t plane = (size_t)heat->width * heat->height;
    const size_t at = candidate.row;
    const float cell_width = (float)fit->width / (float)heat->width;
    const float cell_height = (float)fit->height / (float)heat->height;
    const bool in_pixels = work->outputs->after->units == DETECTOR_PIXELS;
    const size_t row = at / heat->width;
    const float right = offsets->numbers != NULL ? offsets->numbers[at] : 0.5f;
    const float down = offsets->numbers != NULL ? offsets->numbers[plane + at] : 0.5f;
    candidate.width = sizes->numbers[at] * (in_pixels ? 1 : cell_width);
    candidate.height = sizes->numbers[plane + at] * (in_pixels ? 1 : cell_height);
    candidate.x = ((float)(at % heat->width) + right) * cell_width - candidate.width / 2;
    candidate.y = ((float)row + down) * cell_height - candidate.height / 2;
    take(work, &candidate);
}

status detector_centre(struct detector_work *work, struct error *err) {
    const struct detector_after *after = work->outputs->after;
    const struct detector_rows *scores = part(work, DETECTOR_PART_SCORES);
    const struct detector_rows *boxes = part(work, DETECTOR_PART_BOXES);
    const struct detector_rows *moves = part(work, DETECTOR_PART_OFFSETS);
    struct maps heat = {0}, sizes = {0}, offsets = {0};
    if (scores == NULL || boxes == NULL) {
        return fail(err, STATUS_INVALID, "the model has no map of %s",
                    scores == NULL ? "centres" : "sizes");
    }
    TRY(take_maps(scores, NULL, &heat, err));
    TRY(take_maps(boxes, &heat, &sizes, err));
    if (moves != NULL) {
        TRY(take_maps(moves, &heat, &offsets, err));
    }
    assert(heat.numbers != NULL && sizes.numbers != NULL);
    const size_t cells = (size_t)heat.width * heat.height;
    for (uint32_t kind = 0; kind < heat.channels; kind++) {
        const float *plane = heat.numbers + kind * cells;
        for (uint32_t at = 0; at < cells; at++) {
            const float score = after->scores == DETECTOR_SIGMOID ? sigmoid(plane[at]) : plane[at];
            if (score >= work->score_least &&
                is_peak(&heat, plane, at % heat.width, at / heat.width)) {
                add_centre(work, &heat, &sizes, &offsets,
                           (struct candidate){.score = score, .kind = kind, .row = at});
            }
        }
    }
    return STATUS_OK;
}

/* --- boxes --- */

enum { SIX = 6, SIX_SCORE = 4, SIX_CLASS = 5 };

/* A class as a model writes it, a whole number; false when it is none. */
static bool take_class(const struct detector_after *after, float number, uint32_t *out_kind) {
    const float first = after->background ? 1 : 0;
    if (!(number >= first) || number >= (float)DETECTOR_CLASSES_MAX) {
        return false;
    }
    *out_kind = (uint32_t)(number + 0.5f) - (after->background ? 1 : 0);
    return true;
}

static status check_boxes(const struct detector_rows *boxes, const struct detector_rows *scores,
                          const struct detector_rows *classes, struct error *err) {
    if (boxes == NULL) {
        return fail(err, STATUS_INVALID, "the model has no output with boxes");
    }
    if (boxes->columns == SIX && scores == NULL) {
        return STATUS_OK;
    }
    if (boxes->columns != 4) {
        return detector_outputs_wrong(
            boxes, "a box is four numbers, or six with a score and a class", err);
    }
    if (scores == NULL) {
        return fail(err, STATUS_INVALID, "the model has no output with scores");
    }
    if (scores->rows * scores->columns != boxes->rows) {
        return detector_outputs_wrong(scores, "a score for each box is wanted", err);
    }
    if (classes != NULL && classes->rows * classes->columns != boxes->rows) {
        return detector_outputs_wrong(classes, "a class for each box is wanted", err);
    }
    return STATUS_OK;
}

status detector_boxes(struct detector_work *work, struct error *err) {
    const struct detector_after *after = work->outputs->after;
    const struct detector_rows *boxes = part(work, DETECTOR_PART_BOXES);
    const struct detector_rows *scores = part(work, DETECTOR_PART_SCORES);
    const struct detector_rows *classes = part(work, DETECTOR_PART_CLASSES);
    TRY(check_boxes(boxes, scores, classes, err));
    for (uint32_t i = 0; i < boxes->rows; i++) {
        const float *row = boxes->numbers + (size_t)i * boxes->columns;
        const bool is_six = boxes->columns == SIX;
        struct candidate candidate = {.row = i};
        candidate.score = is_six ? row[SIX_SCORE] : scores->numbers[i];
        if (after->scores == DETECTOR_SIGMOID) {
            candidate.score = sigmoid(candidate.score);
        }
        const bool has_class = is_six || classes != NULL;
        if (candidate.score < work->score_least ||
            (has_class &&
             !take_class(after, is_six ? row[SIX_CLASS] : classes->numbers[i], &candidate.kind))) {
            continue;
        }
        set_box(work, row, &candidate);
        take(work, &candidate);
    }
    return STATUS_OK;
}
