/*
 * yaml_keys: the keys of one YAML map as they count: none twice, merges (<<) merged.
 *
 * The half of yaml's maps that needs no library; platform/yaml is its only user.
 *
 * Thread: any; an arena and a buffer belong to one thread at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "platform/yaml.h"

/* Replaces the pairs of `map`, which lie elsewhere as they were written, by those that it has, in
 * the arena. With `merges`, a plain key << brings the pairs of its map (or list of maps), which
 * give way to written ones and to those of earlier maps. INVALID with a place for a key that was
 * written twice and for << before anything else; FULL when the arena or the scratch has no room. */
status yaml_keys_settle(struct arena *arena, struct buffer *scratch, struct yaml *map, bool merges,
                        struct place *out_place, struct error *err);
