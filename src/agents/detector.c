// SPDX-License-Identifier: Apache-2.0
#include "agents/detector.h"

#include <math.h>

#include "agents/detector_families.h"
#include "base/memory.h"

static const double DIGITS = 1e5;

static const struct {
    detector_family *read;
    struct detector_after usual;
} FAMILIES[] = {
    [DETECTOR_BLAZEFACE] = {detector_blazeface,
                            {.form = DETECTOR_CENTRE_SIZE,
                             .units = DETECTOR_PIXELS,
                             .scores = DETECTOR_SIGMOID,
                             .score_least = 0.5,
                             .overlap_most = 0.3,
                             .grids = {{16, 2}, {8, 6}},
                             .grid_count = 2}},
    [DETECTOR_YOLO8] = {detector_yolo8,
                        {.form = DETECTOR_CENTRE_SIZE,
                         .units = DETECTOR_PIXELS,
                         .scores = DETECTOR_CHANCES,
                         .score_least = 0.25,
                         .overlap_most = 0.45}},
    [DETECTOR_SSD] = {detector_ssd,
                      {.form = DETECTOR_CORNERS,
                       .units = DETECTOR_FRACTIONS,
                       .scores = DETECTOR_CHANCES,
                       .background = true,
                       .score_least = 0.5,
                       .overlap_most = 0.45,
                       .variances = {0.1, 0.2}}},
    [DETECTOR_CENTRE] = {detector_centre,
                         {.units = DETECTOR_FRACTIONS,
                          .scores = DETECTOR_SIGMOID,
                          .score_least = 0.3,
                          .overlap_most = 1}},
    [DETECTOR_BOXES] = {detector_boxes,
                        {.form = DETECTOR_CORNERS,
                         .units = DETECTOR_PIXELS,
                         .scores = DETECTOR_CHANCES,
                         .score_least = 0.5,
                         .overlap_most = 1}},
};

void detector_after_init(struct detector_after *after, enum detector_decode decode) {
    *after = FAMILIES[decode].usual;
    after->decode = decode;
    after->most = 100;
}

static double digits(double number) {
    return round(number * DIGITS) / DIGITS;
}

static double within(double number) {
    return number < 0 ? 0 : number > 1 ? 1 : number;
}

static bool make_list(struct arena *arena, const double *numbers, uint32_t count,
                      struct value *out_list) {
    struct value *items = value_new_list(arena, count, out_list);
    for (uint32_t i = 0; items != NULL && i < count; i++) {
        items[i] = value_of_real(digits(numbers[i]));
    }
    return items != NULL;
}

/* The part of the box that lies within the picture. */
static bool make_box(const struct picture_fit *fit, const struct candidate *candidate,
                     struct arena *arena, struct value *out_box) {
    const double left = within(picture_fit_x(fit, candidate->x));
    const double top = within(picture_fit_y(fit, candidate->y));
    const double right = within(picture_fit_x(fit, candidate->x + candidate->width));
    const double bottom = within(picture_fit_y(fit, candidate->y + candidate->height));
    const double box[] = {left, top, right - left, bottom - top};
    return make_list(arena, box, 4, out_box);
}

/* Without points the member is left out: `*out_points` has no items then. */
static bool make_points(const struct detector_outputs *outputs, const struct candidate *candidate,
                        struct arena *arena, struct value *out_points) {
    const struct picture_fit *fit = outputs->look->fit;
    uint32_t count = 0;
    float x, y;
    *out_points = (struct value){.kind = VALUE_LIST};
    if (outputs->after->decode != DETECTOR_BLAZEFACE) {
        return true;
    }
    while (detector_blazeface_point(outputs, candidate, count, &x, &y)) {
        count++;
    }
    struct value *points = value_new_list(arena, count, out_points);
    bool whole = points != NULL;
    for (uint32_t i = 0; whole && i < count; i++) {
        (void)detector_blazeface_point(outputs, candidate, i, &x, &y);
        const double place[] = {picture_fit_x(fit, x), picture_fit_y(fit, y)};
        whole = make_list(arena, place, 2, &points[i]);
    }
    return whole;
}

static bool make_object(const struct detector_outputs *outputs, const struct candidate *candidate,
                        struct arena *arena, struct value *out_object) {
    struct value box, points;
    struct member *members = value_new_object(arena, 4, out_object);
    const struct slice label = labels_name(&outputs->after->labels, candidate->kind, arena);
    if (members == NULL || label.bytes == NULL ||
        !make_box(outputs->look->fit, candidate, arena, &box) ||
        !make_points(outputs, candidate, arena, &points)) {
        return false;
    }
    members[0] = (struct member){SLICE("label"), value_of_text(label)};
    members[1] = (struct member){SLICE("score"), value_of_real(digits(candidate->score))};
    members[2] = (struct member){SLICE("box"), box};
    members[3] = (struct member){SLICE("points"), points};
    out_object->count = points.count > 0 ? 4 : 3;
    return true;
}

/* Whether anything of it lies within the picture. */
static bool is_inside(const struct picture_fit *fit, const struct candidate *candidate) {
    return picture_fit_x(fit, candidate->x) < 1 && picture_fit_y(fit, candidate->y) < 1 &&
           picture_fit_x(fit, candidate->x + candidate->width) > 0 &&
           picture_fit_y(fit, candidate->y + candidate->height) > 0;
}

static status make_objects(const struct detector_outputs *outputs, const struct candidates *list,
                           struct arena *arena, struct value *out_objects, struct error *err) {
    struct value *objects = value_new_list(arena, list->count, out_objects);
    out_objects->count = 0;
    for (uint32_t i = 0; objects != NULL && i < list->count; i++) {
        if (!is_inside(outputs->look->fit, &list->items[i])) {
            continue;
        }
        if (!make_object(outputs, &list->items[i], arena, &objects[out_objects->count++])) {
            objects = NULL;
        }
    }
    return objects != NULL ? STATUS_OK
                           : fail(err, STATUS_NO_MEMORY, "no memory for what a detector found");
}

static status find(struct detector_outputs *outputs, struct candidates *list, struct error *err) {
    const struct detector_after *after = outputs->after;
    const double least = outputs->look->score_least;
    struct detector_work work = {.outputs = outputs,
                                 .candidates = list,
                                 .score_least = (float)(least < 0 ? after->score_least : least)};
    TRY(FAMILIES[after->decode].read(&work, err));
    candidates_choose(list, (float)after->overlap_most, after->most);
    return STATUS_OK;
}

status detector_decode(const struct detector_after *after, const struct detector_look *look,
                       struct arena *arena, struct value *out_objects, struct error *err) {
    CLEANUP(detector_outputs_done) struct detector_outputs outputs;
    TRY(detector_outputs_init(&outputs, after, look, err));
    struct candidates *list = arena_get(&outputs.scratch, 1, sizeof(*list));
    if (list == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for what a detector found");
    }
    TRY(find(&outputs, list, err));
    return make_objects(&outputs, list, arena, out_objects, err);
}
