/*
 * yaml: a YAML 1.2 file as a tree of nodes that know their line and column (libfyaml).
 *
 * Plain data in the caller's arena. A key that stands twice in a map, a tab as indent, an alias
 * that expands beyond YAML_EXPANDED_BYTES_MAX are errors with their place. JSON is YAML.
 *
 * Thread: any. Foreign bytes: bounded before anything is built.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"

enum {
    YAML_BYTES_MAX = 1 << 20,
    YAML_EXPANDED_BYTES_MAX = 1 << 20, /* text of all nodes after aliases are expanded */
    YAML_DEPTH_MAX = 48,
    YAML_NODES_MAX = 100000
};

struct place {
    int line;   /* from 1 */
    int column; /* from 1, in code points */
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_pair;

struct yaml {
    enum yaml_kind kind;
    bool quoted;        /* a scalar in quotes or a block scalar: always text */
    struct place place; /* of a scalar its first character, behind a quote or the indent */
    struct slice text;  /* of a scalar */
    uint32_t count;     /* items or pairs */
    const struct yaml *items;
    const struct yaml_pair *pairs;
};

struct yaml_pair {
    struct slice key; /* keys are scalars; anything else is an error */
    struct place key_place;
    struct yaml value;
};

/* One document of a file. */
struct yaml_document {
    struct yaml root;
};

/* All documents of `text`, in order (an empty file has none). On failure *out_place says where,
 * when it is known (line 0 when not). */
status yaml_read(struct arena *arena, struct slice text, const struct yaml_document **out_documents,
                 uint32_t *out_count, struct place *out_place, struct error *err);

/* The pair's value, or NULL. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);

/* The node as JSON by YAML 1.2's core schema: null, true, 12, 0x1f, 1.5, text. false: no room. */
bool yaml_value(struct arena *arena, const struct yaml *node, struct value *out_value);
