/*
 * manifest_image: the keys of a manifest that only `kind: image` has.
 *
 * Part of agent_manifest. Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent_manifest.h"
#include "wire/keys.h"

/* The words of `do`, in the order of enum manifest_image_deed. */
extern const char *const MANIFEST_DEEDS[];

/* Readers of one key each; the target is the manifest. */
void manifest_read_do(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target);
void manifest_read_margin(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target);
