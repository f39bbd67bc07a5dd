// SPDX-License-Identifier: Apache-2.0
#include "agents/candidates.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const struct candidate *one = a;
    const struct candidate *other = b;
    if (one->score != other->score) {
        return one->score > other->score ? -1 : 1;
    }
    return one->row < other->row ? -1 : one->row > other->row;
}

void candidates_sort(struct candidates *list) {
    qsort(list->items, list->count, sizeof(list->items[0]), compare);
}

void candidates_add(struct candidates *list, const struct candidate *candidate) {
    if (!(candidate->width > 0) || !(candidate->height > 0) || !isfinite(candidate->score)) {
        return;
    }
    if (list->count == CANDIDATES_ROOM) {
        candidates_sort(list);
        list->count = CANDIDATES_MAX;
    }
    list->items[list->count++] = *candidate;
}

static float common(float a, float a_size, float b, float b_size) {
    const float from = a > b ? a : b;
    const float to = a + a_size < b + b_size ? a + a_size : b + b_size;
    return to > from ? to - from : 0;
}

float candidate_overlap(const struct candidate *a, const struct candidate *b) {
    const float both =
        common(a->x, a->width, b->x, b->width) * common(a->y, a->height, b->y, b->height);
    const float all = a->width * a->height + b->width * b->height - both;
    return all > 0 ? both / all : 0;
}

static bool is_covered(const struct candidates *list, uint32_t count, float share,
                       const struct candidate *candidate) {
    for (uint32_t i = 0; i < count; i++) {
        if (list->items[i].kind == candidate->kind &&
            candidate_overlap(&list->items[i], candidate) > share) {
            return true;
        }
    }
    return false;
}

void candidates_choose(struct candidates *list, float share, uint32_t most) {
    candidates_sort(list);
    const uint32_t count = list->count < CANDIDATES_MAX ? list->count : CANDIDATES_MAX;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count && kept < most; i++) {
        const struct candidate candidate = list->items[i];
        if (!is_covered(list, kept, share, &candidate)) {
            list->items[kept++] = candidate;
        }
    }
    list->count = kept;
}
