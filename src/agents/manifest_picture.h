/*
 * manifest_picture: `before: { image: ... }` and `after: { detector: ... }` of a manifest: how a
 * picture becomes a model's input, and what its outputs say is in it.
 *
 * Part of agent_manifest; plain data in the manifest's arena.
 *
 * Thread: any; blocks on the disk, where labels and anchors are.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "agents/agent_manifest.h"
#include "agents/detector.h"
#include "agents/picture_tensor.h"
#include "wire/keys.h"

/* before: { image: ... } */
struct manifest_picture {
    struct slice from; /* an input of the agent; empty: `image` */
    struct slice to;   /* an input of the model; empty: the one that is left */
    struct picture_before before;
    bool scaled;     /* scale, offset, mean or std are said, so a metadata.json's do not count */
    bool has_layout; /* said, else it is as the shape of the model's input shows */
};

extern const struct key_table MANIFEST_PICTURE_TABLE, MANIFEST_DETECTOR_TABLE;

/* Readers of one key each. The target has a `const struct manifest_picture *`, or a `const struct
 * detector_after *`, where the key says; the reading's owner is the manifest. */
void manifest_read_picture(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target);
void manifest_read_detector(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target);
