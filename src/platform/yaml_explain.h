/*
 * yaml_explain: what a person did wrong first when a line is not YAML, told from the line itself.
 *
 * The half of yaml's sentences that needs no library; platform/yaml is its only user.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "platform/yaml.h"

/* The line of that number, counted from 1, without its end. */
struct slice yaml_line(struct slice text, int number);

/* Whether expressions stand under this key: when, from, with, open, close, where. */
bool yaml_key_takes_expression(struct slice key);

/* Whether an expression stands on the line: behind such a key, or in a mark. */
bool yaml_has_expression(struct slice line);

/* The mistake itself where the line shows it (a tab as indent, no blank behind a key), else NULL.
 * Static text. */
const char *yaml_mistake(struct slice line);
