/*
 * manifest_variants: `model: { variants: ..., use: ... }` of a manifest: models that may stand for
 * one another, what each of them costs, and which one is opened.
 *
 * Part of agent_manifest. They are listed in agent.yaml, or in the variants.yaml that `ebb model
 * optimize` writes; what is wrong with that file is said with its own lines and columns.
 *
 * Not here: making them (model/optimise), and going over to a cheaper one while it runs, which is
 * not in this version: the one that is chosen here is the agent's model.
 *
 * Thread: any; blocks on the disk. Foreign bytes: bounded before anything is built.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent_manifest.h"
#include "wire/keys.h"

enum {
    MANIFEST_VARIANTS_MAX = 16,
    MANIFEST_VARIANTS_BYTES_MAX = 64 * 1024, /* of variants.yaml */
};

#define MANIFEST_VARIANTS_FILE "variants.yaml"

struct manifest_variant {
    struct slice name;
    struct slice file; /* beside the file that lists it; only the one in use need be there */
    int64_t p50_us, p95_us, rss_bytes; /* measured where it was made; 0: it is not said */
    bool no_memory_pattern;            /* it is run so */
};

struct manifest_variants {
    const struct manifest_variant *list; /* the best first */
    uint32_t count;                      /* 0: the manifest names one model */
    uint32_t used;
};

/* The keys of one of them. */
extern const struct key_table MANIFEST_VARIANT_TABLE;

/* Reads the node of `variants`, a list or the path of a file or folder, and chooses by that of
 * `use` (NULL: what the file says, else the first). The one that is chosen becomes the manifest's
 * model, and enters its digest as variants.yaml does. */
void manifest_read_variants(struct reading *reading, const struct yaml *variants,
                            const struct yaml *use, struct agent_manifest *manifest,
                            struct manifest_variants *out_variants);
