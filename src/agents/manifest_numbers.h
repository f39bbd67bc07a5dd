/*
 * manifest_numbers: readers of keys that hold numbers with a fraction, lists of them, and lists of
 * names.
 *
 * Part of agent_manifest, like wire/keys for what files of all kinds have.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/keys.h"

struct manifest_number_list {
    const double *numbers; /* in the reading's arena */
    uint32_t count;
};

struct manifest_name_list {
    const struct slice *names; /* in the reading's arena, each ended by a zero */
    uint32_t count;
};

struct number_range {
    double least, most;
};

/* One number of that range, such as 0.45 or 1/255, or a fault that says so. */
bool manifest_number(struct reading *reading, const char *name, const struct yaml *node,
                     struct number_range range, double *out_number);

/* A list of `count` such numbers, or one that stands for all of them. */
bool manifest_numbers(struct reading *reading, const char *name, const struct yaml *node,
                      struct number_range range, uint32_t count, double *out_numbers);

/* double: a number such as 0.5, or one through another such as 1/255; not 0. */
void manifest_read_ratio(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target);

/* struct manifest_number_list: a number, or a list of at most key->most; above 0 when key->least is
 * 1. */
void manifest_read_number_list(struct reading *reading, const struct key *key,
                               const struct yaml *node, void *target);

/* struct manifest_name_list: a list of at most key->most texts. */
void manifest_read_name_list(struct reading *reading, const struct key *key,
                             const struct yaml *node, void *target);
