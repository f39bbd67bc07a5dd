// SPDX-License-Identifier: Apache-2.0
#include "agents/image_agent.h"

#include <math.h>
#include <stdio.h>

#include "agents/picture_paint.h"
#include "base/blob.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/image.h"

enum { LABEL_BYTES = 80 };

static const struct image_colour WHITE = {255, 255, 255};

struct agent {
    const struct agent_manifest *manifest; /* not owned */
};

/* One call: the picture, and what is to be done with it. */
struct painting {
    struct agent_call *call;
    const struct manifest_image *how;
    struct image image;         /* owned; upright. Of a crop: nothing */
    const struct image *source; /* of a crop: the blob's, else `image` */
    struct value boxes;         /* a list */
    bool one;                   /* it was `box`, not a list */
};

static status check_agent(const struct agent_manifest *manifest, struct error *err) {
    (void)manifest; /* it has said all; what it needs is the machine's */
    return image_check(err);
}

static status open_agent(struct loop *loop, const struct agent_manifest *manifest,
                         struct agent **out_agent, struct error *err) {
    (void)loop;
    struct agent *agent = memory_new(1, sizeof(*agent));
    if (agent == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for agent '%.*s'",
                    SLICE_ARGS(manifest->name));
    }
    agent->manifest = manifest;
    *out_agent = agent;
    return STATUS_OK;
}

static void close_agent(struct agent *agent) {
    memory_free(agent);
}

static status decode(struct slice encoded, struct image *out_image, struct error *err) {
    struct image_facts facts;
    TRY(image_look(encoded, &facts, err));
    TRY(image_decode(encoded, &facts, 1, WHITE, out_image, err));
    const status code = image_turn_upright(out_image, facts.orientation, err);
    if (code != STATUS_OK) {
        image_done(out_image);
    }
    return code;
}

static void release_pixels(void *image) {
    image_done(image);
    memory_free(image);
}

/* The pixels stay with the blob: of one picture many pieces are cut. */
static status read_for_crop(struct painting *painting, struct blob *blob, struct error *err) {
    struct slice encoded;
    struct image *image = blob_derived(blob, release_pixels);
    if (image == NULL) {
        TRY(blob_open(blob, &encoded, err));
        image = memory_new(1, sizeof(*image));
        if (image == NULL) {
            return fail(err, STATUS_NO_MEMORY, "no memory for a picture");
        }
        const status code = decode(encoded, image, err);
        if (code != STATUS_OK) {
            memory_free(image);
            return code;
        }
        blob_set_derived(blob, image, release_pixels);
    }
    painting->source = image;
    return STATUS_OK;
}

static status read_picture(struct painting *painting, struct error *err) {
    const struct value *value = value_get(painting->call->with, SLICE("image"));
    if (value == NULL || value->kind != VALUE_BLOB) {
        return fail(err, STATUS_INVALID, "`image` is %s: a picture is wanted",
                    value == NULL ? "missing" : value_kind_name(value->kind));
    }
    if (painting->how->deed == IMAGE_CROP) {
        return read_for_crop(painting, value->blob, err);
    }
    struct slice encoded;
    TRY(blob_open(value->blob, &encoded, err));
    painting->source = &painting->image;
    return decode(encoded, &painting->image, err);
}

/* Finds the list that the step gave, or the one box of a crop. */
static status read_boxes(struct painting *painting, struct error *err) {
    static const char *const NAMES[] = {"objects", "boxes"};
    const struct value *box = value_get(painting->call->with, SLICE("box"));
    if (box != NULL && box->kind != VALUE_NULL && painting->how->deed == IMAGE_CROP) {
        painting->one = true;
        painting->boxes = (struct value){.kind = VALUE_LIST, .count = 1, .items = box};
        return STATUS_OK;
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        const struct value *list = value_get(painting->call->with, slice_of(NAMES[i]));
        if (list == NULL || list->kind == VALUE_NULL) {
            continue;
        }
        if (list->kind != VALUE_LIST || list->count > IMAGE_AGENT_BOXES_MAX) {
            return fail(err, STATUS_INVALID, "`%s` is a list of at most %d boxes, not %s%s",
                        NAMES[i], IMAGE_AGENT_BOXES_MAX,
                        list->kind == VALUE_LIST ? "a longer " : "", value_kind_name(list->kind));
        }
        painting->boxes = *list;
        return STATUS_OK;
    }
    return fail(err, STATUS_INVALID,
                "there is no `%s`: a list of boxes, or of objects that have one",
                painting->how->deed == IMAGE_CROP ? "box` and no `objects" : "objects");
}

static status read_box(struct value value, uint32_t index, struct picture_box *out_box,
                       struct error *err) {
    if (!picture_box_read(value, out_box)) {
        return fail(err, STATUS_INVALID,
                    "box %u is no [x, y, width, height] in fractions of the picture", index + 1);
    }
    return STATUS_OK;
}

/* "face 0.97", or what there is of it. */
static struct slice label_of(struct value object, char out_text[LABEL_BYTES]) {
    const struct value *label = value_get(object, SLICE("label"));
    const struct value *score = value_get(object, SLICE("score"));
    const struct slice name = label != NULL ? value_text(*label) : (struct slice){0};
    int count = snprintf(out_text, LABEL_BYTES, "%.*s", SLICE_ARGS(name));
    if (score != NULL && value_is_number(*score) && count < LABEL_BYTES) {
        count += snprintf(out_text + count, (size_t)(LABEL_BYTES - count), "%s%.2f",
                          count > 0 ? " " : "", value_number(*score));
    }
    return (struct slice){out_text, (size_t)(count < LABEL_BYTES ? count : LABEL_BYTES - 1)};
}

static void draw_points(struct image *image, struct value object, struct image_colour colour) {
    const struct value *points = value_get(object, SLICE("points"));
    const uint32_t count = points != NULL && points->kind == VALUE_LIST ? points->count : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct value point = points->items[i];
        if (point.kind == VALUE_LIST && point.count == 2) {
            paint_dot(image, value_number(point.items[0]), value_number(point.items[1]), colour);
        }
    }
}

static void draw(struct painting *painting, struct value object, const struct picture_box *box) {
    char text[LABEL_BYTES];
    const struct value *label = value_get(object, SLICE("label"));
    const struct image_colour colour =
        paint_colour_of(label != NULL ? value_text(*label) : (struct slice){0});
    paint_box(&painting->image, box, colour);
    draw_points(&painting->image, object, colour);
    paint_label(&painting->image, box, colour, label_of(object, text));
}

static status take_picture(struct painting *painting, const struct image *image,
                           struct value *out_value, struct error *err) {
    char *bytes;
    size_t count;
    struct blob *blob;
    TRY(image_encode_jpeg(image, painting->how->quality, &bytes, &count, err));
    TRY(blob_create(SLICE("image/jpeg"), bytes, count, &blob, err));
    const bool whole = value_of_blob(painting->call->arena, blob, out_value);
    blob_release(blob);
    return whole ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "no memory for a picture");
}

static status answer(struct painting *painting, const struct agent_manifest *manifest,
                     const char *name, struct value value) {
    struct agent_call *call = painting->call;
    struct value out;
    struct member *members = value_new_object(call->arena, 1, &out);
    if (members == NULL) {
        return fail(&call->error, STATUS_NO_MEMORY, "no memory for the answer");
    }
    members[0] = (struct member){slice_of(name), value};
    return agent_take_output(manifest, call, out);
}

static status paint_all(struct painting *painting, const struct agent_manifest *manifest) {
    struct error *err = &painting->call->error;
    for (uint32_t i = 0; i < painting->boxes.count; i++) {
        struct picture_box box;
        TRY(read_box(painting->boxes.items[i], i, &box, err));
        if (painting->how->deed == IMAGE_BLUR) {
            TRY(paint_blur(&painting->image, &box, err));
        } else {
            draw(painting, painting->boxes.items[i], &box);
        }
    }
    struct value picture;
    TRY(take_picture(painting, &painting->image, &picture, err));
    return answer(painting, manifest, "image", picture);
}

static status crop_one(struct painting *painting, uint32_t index, struct value *out_value,
                       struct error *err) {
    struct picture_box box;
    struct resample_part part;
    TRY(read_box(painting->boxes.items[index], index, &box, err));
    if (!picture_box_part(&box, painting->how->margin, painting->source, &part)) {
        return fail(err, STATUS_INVALID, "box %u lies outside of the picture", index + 1);
    }
    CLEANUP(image_done) struct image cut = {0};
    TRY(image_cut(painting->source, (uint32_t)part.x, (uint32_t)part.y, (uint32_t)part.width,
                  (uint32_t)part.height, &cut, err));
    return take_picture(painting, &cut, out_value, err);
}

static status crop_all(struct painting *painting, const struct agent_manifest *manifest) {
    struct error *err = &painting->call->error;
    struct value list;
    struct value *pictures = value_new_list(painting->call->arena, painting->boxes.count, &list);
    if (pictures == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    for (uint32_t i = 0; i < painting->boxes.count; i++) {
        TRY(crop_one(painting, i, &pictures[i], err));
    }
    return painting->one ? answer(painting, manifest, "image", pictures[0])
                         : answer(painting, manifest, "images", list);
}

static void painting_done(struct painting *painting) {
    image_done(&painting->image);
}

static status paint(const struct agent *agent, struct agent_call *call) {
    const struct agent_manifest *manifest = agent->manifest;
    if (clock_boot_ns() >= call->deadline_ns) {
        return fail(&call->error, STATUS_TIMEOUT, "the step's time was over before it began");
    }
    CLEANUP(painting_done)
    struct painting painting = {.call = call, .how = &manifest->image};
    TRY(read_boxes(&painting, &call->error));
    TRY(read_picture(&painting, &call->error));
    return painting.how->deed == IMAGE_CROP ? crop_all(&painting, manifest)
                                            : paint_all(&painting, manifest);
}

static void run_agent(struct agent *agent, struct agent_call *call) {
    call->error.code = paint(agent, call);
}

static void requirements(const struct agent *agent, struct agent_requirements *out_requirements) {
    agent_requirements_of(agent->manifest, out_requirements);
    out_requirements->offline_capable = true;
}

const struct agent_kind IMAGE_AGENT = {
    .name = "image",
    .place = AGENT_ON_WORKER,
    .check = check_agent,
    .open = open_agent,
    .run = run_agent,
    .close = close_agent,
    .requirements = requirements,
};
