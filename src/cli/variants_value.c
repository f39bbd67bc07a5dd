// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "cli/variants.h"

enum {
    VARIANT_MEMBERS = 9,
    ANSWER_MEMBERS = 10,
    LAYER_MEMBERS = 6,
    TRY_MEMBERS = 6,
    CHANGED_MEMBERS = 4,
    SAMPLE_MEMBERS = 10,
    NUMBER_MEMBERS = 3
};

static const struct value NONE = {.kind = VALUE_NULL};

static struct value real_or_null(double number) {
    return isfinite(number) ? value_of_real(number) : NONE;
}

/* --- the value --- */

static struct value cost_value(struct arena *arena, const struct cost *cost) {
    struct value value = NONE;
    struct member *members = value_new_object(arena, COST_COUNT, &value);
    for (int kind = 0; members != NULL && kind < COST_COUNT; kind++) {
        members[kind] = (struct member){slice_of(cost_name((enum cost_kind)kind)),
                                        real_or_null(cost->of[kind])};
    }
    return value;
}

static struct value text_value(struct arena *arena, const char *text) {
    return value_of_text(arena_copy(arena, slice_of(text)));
}

/* --- samples with another answer --- */

static struct value number_value(struct arena *arena, const struct changed_sample *sample,
                                 const struct changed_number *number,
                                 const struct variants_extras *extras) {
    struct value value = NONE;
    struct member *members = value_new_object(arena, NUMBER_MEMBERS, &value);
    const bool is_labelled = extras->labels != NULL && (extras->labelled.count == 0 ||
                                                        slice_is(extras->labelled, sample->output));
    if (members != NULL) {
        members[0] = (struct member){SLICE("place"), value_of_integer((int64_t)number->place)};
        members[1] = (struct member){SLICE("value"), real_or_null((double)number->value)};
        members[2] = (struct member){
            SLICE("label"),
            is_labelled ? value_of_text(labels_name(extras->labels, number->place, arena)) : NONE};
    }
    return value;
}

static struct value picture_value(struct arena *arena, const struct changed_sample *sample,
                                  const struct variants_extras *extras) {
    char name[SAMPLE_PICTURE_NAME_BYTES];
    return extras->pictures != NULL && sample_pictures_take(extras->pictures, sample->path, name)
               ? text_value(arena, name)
               : NONE;
}

static struct value sample_value(struct arena *arena, const struct changed_sample *sample,
                                 const struct variants_extras *extras) {
    struct value value = NONE;
    struct member *members = value_new_object(arena, SAMPLE_MEMBERS, &value);
    const struct member rows[SAMPLE_MEMBERS] = {
        {SLICE("sample"), text_value(arena, sample->name)},
        {SLICE("moment"), value_of_integer(sample->moment)},
        {SLICE("rows"), value_of_integer((int64_t)sample->rows)},
        {SLICE("rows_changed"), value_of_integer((int64_t)sample->rows_changed)},
        {SLICE("sqnr_db"), real_or_null(sample->sqnr_db)},
        {SLICE("output"), text_value(arena, sample->output)},
        {SLICE("row"), value_of_integer((int64_t)sample->row)},
        {SLICE("original"), number_value(arena, sample, &sample->original, extras)},
        {SLICE("variant"), number_value(arena, sample, &sample->variant, extras)},
        {SLICE("picture"), picture_value(arena, sample, extras)},
    };
    if (members != NULL) {
        (void)memcpy(members, rows, sizeof(rows));
    }
    return value;
}

static struct value changed_value(struct arena *arena, const struct changed *changed,
                                  const struct variants_extras *extras) {
    struct value value = NONE;
    struct value list = NONE;
    struct member *members = value_new_object(arena, CHANGED_MEMBERS, &value);
    struct value *items = value_new_list(arena, changed->count, &list);
    if (members == NULL || items == NULL) {
        return NONE;
    }
    for (uint32_t i = 0; i < changed->count; i++) {
        items[i] = sample_value(arena, &changed->samples[i], extras);
    }
    members[0] = (struct member){SLICE("samples"), value_of_integer(changed->sample_count)};
    members[1] = (struct member){SLICE("changed"), value_of_integer(changed->changed_count)};
    members[2] = (struct member){SLICE("has_answers"), value_of_boolean(changed->has_rows)};
    members[3] = (struct member){SLICE("shown"), list};
    return value;
}

/* --- variants --- */

static struct value variant_value(struct arena *arena, const struct optimise_variant *variant,
                                  const struct variants_extras *extras) {
    struct value value = NONE;
    struct member *members = value_new_object(arena, VARIANT_MEMBERS, &value);
    const bool offered = variant->refused[0] == '\0';
    const struct member rows[VARIANT_MEMBERS] = {
        {SLICE("name"), text_value(arena, variant->name)},
        {SLICE("file"), text_value(arena, variant->file)},
        {SLICE("how"), text_value(arena, variant->how)},
        {SLICE("offered"), value_of_boolean(offered)},
        {SLICE("why_not"), text_value(arena, offered ? variant->choice.why : variant->refused)},
        {SLICE("keeps_budget"), value_of_boolean(offered && variant->choice.keeps)},
        {SLICE("undominated"), value_of_boolean(offered && variant->choice.is_undominated)},
        {SLICE("cost"), cost_value(arena, &variant->row.cost)},
        {SLICE("changed"),
         variant->changed != NULL ? changed_value(arena, variant->changed, extras) : NONE},
    };
    if (members != NULL) {
        (void)memcpy(members, rows, sizeof(rows));
    }
    return value;
}

static struct value layers_value(struct arena *arena, const struct quantize_found *found) {
    struct value list = NONE;
    struct value *items = value_new_list(arena, found->layer_count, &list);
    for (uint32_t i = 0; items != NULL && i < found->layer_count; i++) {
        const struct quantize_search_layer *layer = &found->layers[i];
        struct member *members = value_new_object(arena, LAYER_MEMBERS, &items[i]);
        if (members == NULL) {
            return NONE;
        }
        members[0] = (struct member){SLICE("name"), value_of_text(arena_copy(arena, layer->name))};
        members[1] =
            (struct member){SLICE("operator"), value_of_text(arena_copy(arena, layer->op))};
        members[2] =
            (struct member){SLICE("weights"), value_of_integer((int64_t)layer->weight_count)};
        members[3] = (struct member){SLICE("sqnr_db"), real_or_null(layer->sqnr_db)};
        members[4] = (struct member){SLICE("stays_float"), value_of_boolean(layer->stays)};
        members[5] = (struct member){
            SLICE("why_not"),
            layer->why.count > 0 ? value_of_text(arena_copy(arena, layer->why)) : NONE};
    }
    return list;
}

static struct value tries_value(struct arena *arena, const struct quantize_found *found) {
    struct value list = NONE;
    struct value *items = value_new_list(arena, found->try_count, &list);
    for (uint32_t i = 0; items != NULL && i < found->try_count; i++) {
        const struct quantize_try *tried = &found->tries[i];
        struct member *members = value_new_object(arena, TRY_MEMBERS, &items[i]);
        if (members == NULL) {
            return NONE;
        }
        members[0] = (struct member){SLICE("float_layers"), value_of_integer(tried->staying)};
        members[1] = (struct member){SLICE("sqnr_db"), real_or_null(tried->proof.worst_sqnr_db)};
        members[2] =
            (struct member){SLICE("argmax"), value_of_real(drift_agreement(&tried->proof.drift))};
        members[3] =
            (struct member){SLICE("iou"), real_or_null(drift_mask_overlap(&tried->proof.drift))};
        members[4] = (struct member){SLICE("close_enough"), value_of_boolean(tried->is_good)};
        members[5] = (struct member){SLICE("cost"), real_or_null(tried->cost)};
    }
    return list;
}

struct value variants_value(struct arena *arena, const char *folder,
                            const struct optimised *optimised,
                            const struct variants_extras *extras) {
    struct value answer = NONE;
    struct value variants = NONE;
    struct member *members = value_new_object(arena, ANSWER_MEMBERS, &answer);
    struct value *items = value_new_list(arena, optimised->variant_count, &variants);
    if (members == NULL || items == NULL) {
        return NONE;
    }
    for (uint32_t i = 0; i < optimised->variant_count; i++) {
        items[i] = variant_value(arena, &optimised->variants[i], extras);
    }
    const struct quantize_found *found = &optimised->search;
    const struct member rows[ANSWER_MEMBERS] = {
        {SLICE("folder"), value_of_text(slice_of(folder))},
        {SLICE("budget"), extras->budget != NULL ? text_value(arena, extras->budget) : NONE},
        {SLICE("use"), text_value(arena, optimised->variants[optimised->picked].name)},
        {SLICE("keeps_budget"), value_of_boolean(optimised->keeps)},
        {SLICE("samples"), value_of_integer(optimised->sample_count)},
        {SLICE("agreement"),
         value_of_text(extras->is_mask ? SLICE("drift.iou") : SLICE("drift.argmax"))},
        {SLICE("variants"), variants},
        {SLICE("layers"), optimised->has_search ? layers_value(arena, found) : NONE},
        {SLICE("tries"), optimised->has_search ? tries_value(arena, found) : NONE},
        {SLICE("report"), value_of_text(SLICE(VARIANTS_REPORT_FILE))},
    };
    (void)memcpy(members, rows, sizeof(rows));
    return answer;
}
