/*
 * candidates: what a detector's numbers suggest, until the best of them are chosen.
 *
 * At most CANDIDATES_MAX are kept, those with the highest scores. Places are pixels of the tensor
 * that the model looked at.
 *
 * Thread: any; one list belongs to one call.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    CANDIDATES_MAX = 1024,
    CANDIDATES_ROOM = 2 * CANDIDATES_MAX /* so that the worse half goes at once */
};

struct candidate {
    float score;
    uint32_t kind;             /* the number of its label */
    uint32_t row;              /* of the model's output, for what belongs to it */
    float x, y, width, height; /* corner and size */
};

struct candidates {
    uint32_t count;
    struct candidate items[CANDIDATES_ROOM];
};

/* A box without a positive size, or whose score is infinite or no number, is passed over. */
void candidates_add(struct candidates *list, const struct candidate *candidate);

/* Sorts by score, the highest first; of two that are equal the one from the lower row. */
void candidates_sort(struct candidates *list);

/* What two boxes have in common, as a share of what they cover together: 0 to 1. */
float candidate_overlap(const struct candidate *a, const struct candidate *b);

/* Of those of one kind that overlap by more than `share`, leaves the one with the highest score
 * (non-maximum suppression), and of all at most `most`. Sorted then. */
void candidates_choose(struct candidates *list, float share, uint32_t most);
