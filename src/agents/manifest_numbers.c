// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_numbers.h"

#include <math.h>

#include "base/value.h"

/* The scalar as a number; false when it is none. */
static bool read_number(struct reading *reading, const struct yaml *node, double *out_number) {
    struct value value;
    if (node->kind != YAML_SCALAR) {
        return false;
    }
    if (!yaml_value(reading->arena, node, &value)) {
        reading->faults->no_memory = true;
        return false;
    }
    *out_number = value_number(value);
    return value_is_number(value);
}

/* The same, or one number through another. */
static bool read_fraction(struct reading *reading, const struct yaml *node, double *out_number) {
    const size_t stroke = slice_find(node->text, '/');
    struct yaml part = *node;
    double above;
    double below = 1;
    if (node->kind != YAML_SCALAR) {
        return false;
    }
    part.text = slice_trim(slice_part(node->text, 0, stroke));
    bool right = read_number(reading, &part, &above);
    if (stroke < node->text.count) {
        part.text = slice_trim(slice_part(node->text, stroke + 1, node->text.count));
        right = read_number(reading, &part, &below) && right;
    }
    *out_number = right && below != 0 ? above / below : 0;
    return right && below != 0 && isfinite(*out_number);
}

void manifest_read_ratio(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct slice text;
    double ratio;
    if (!keys_scalar(reading, key->name, "a number such as 1/255", node, &text)) {
        return;
    }
    if (!read_fraction(reading, node, &ratio) || ratio == 0) {
        faults_add(reading->faults, node->place,
                   "`%s: %.*s`: a number that is not 0, such as 0.5 or 1/255", key->name,
                   QUOTED(text));
        return;
    }
    *(double *)((char *)target + key->offset) = ratio;
}

bool manifest_number(struct reading *reading, const char *name, const struct yaml *node,
                     struct number_range range, double *out_number) {
    double number;
    if (!read_fraction(reading, node, &number) || number < range.least || number > range.most) {
        const bool is_text = node->kind == YAML_SCALAR && node->text.count > 0;
        faults_add(reading->faults, node->place, "`%s` is a number from %g to %g, not %.*s", name,
                   range.least, range.most,
                   QUOTED(is_text ? node->text : slice_of(yaml_what(node))));
        return false;
    }
    *out_number = number;
    return true;
}

bool manifest_numbers(struct reading *reading, const char *name, const struct yaml *node,
                      struct number_range range, uint32_t count, double *out_numbers) {
    if (node->kind == YAML_LIST && node->count != count) {
        faults_add(reading->faults, node->place, "`%s` is a number, or a list of %u", name, count);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct yaml *item = node->kind == YAML_LIST ? &node->items[i] : node;
        if (!manifest_number(reading, name, item, range, &out_numbers[i])) {
            return false;
        }
    }
    return true;
}

void manifest_read_number_list(struct reading *reading, const struct key *key,
                               const struct yaml *node, void *target) {
    const struct yaml *items = node->kind == YAML_LIST ? node->items : node;
    const uint32_t count = node->kind == YAML_LIST ? node->count : 1;
    if (count == 0 || count > key->most) {
        faults_add(reading->faults, node->place, "`%s` is a list of 1 to %lld numbers", key->name,
                   (long long)key->most);
        return;
    }
    double *numbers = arena_get(reading->arena, count, sizeof(*numbers));
    if (numbers == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!read_number(reading, &items[i], &numbers[i]) ||
            (key->least > 0 && !(numbers[i] > 0))) {
            faults_add(reading->faults, items[i].place, "`%s` holds numbers%s, not %s", key->name,
                       key->least > 0 ? " above 0" : "",
                       items[i].kind == YAML_SCALAR ? "this" : yaml_what(&items[i]));
            return;
        }
    }
    *(struct manifest_number_list *)((char *)target + key->offset) =
        (struct manifest_number_list){.numbers = numbers, .count = count};
}

void manifest_read_name_list(struct reading *reading, const struct key *key,
                             const struct yaml *node, void *target) {
    if (node->kind != YAML_LIST || node->count == 0 || node->count > key->most) {
        faults_add(reading->faults, node->place, "`%s` is a list of 1 to %lld names, not %s",
                   key->name, (long long)key->most,
                   node->kind == YAML_LIST ? "so many" : yaml_what(node));
        return;
    }
    struct slice *names = arena_get(reading->arena, node->count, sizeof(*names));
    for (uint32_t i = 0; names != NULL && i < node->count; i++) {
        if (node->items[i].kind != YAML_SCALAR) {
            faults_add(reading->faults, node->items[i].place, "`%s` holds names, not %s", key->name,
                       yaml_what(&node->items[i]));
            return;
        }
        names[i] = arena_copy(reading->arena, node->items[i].text);
        if (names[i].bytes == NULL) {
            names = NULL;
        }
    }
    if (names == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    *(struct manifest_name_list *)((char *)target + key->offset) =
        (struct manifest_name_list){.names = names, .count = node->count};
}
