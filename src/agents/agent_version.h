/*
 * agent_version: three numbers that order an agent's releases, and ranges of them.
 *
 * A version is written whole, "1.2.0", without words behind it. A range is what a workflow may ask
 * for: "^1", "~1.2", "1.2.0", ">=1.2", "*".
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

enum { AGENT_VERSION_PART_MAX = 999999999, AGENT_VERSION_TEXT_BYTES = 36 };

struct agent_version {
    int major, minor, patch;
};

/* "1.2.0": three numbers without leading zeroes; false for anything else. */
bool agent_version_read(struct slice text, struct agent_version *out_version);

/* "1.2.0" and a zero. */
void agent_version_write(struct agent_version version, char out_text[AGENT_VERSION_TEXT_BYTES]);

/* Negative, 0, positive: a is older than, the same as, newer than b. */
int agent_version_compare(struct agent_version a, struct agent_version b);

/* Whether the version lies in the range. "^1.2" is 1.2.0 or newer up to the next number that may
 * break something (the first that is not 0: ^0.2 stays below 0.3.0), "~1.2" is 1.2.x, "1.2" any
 * version that begins so, "*" and "" any at all. When the range itself is wrong the answer is
 * false, as is *out_valid. */
bool agent_version_in(struct agent_version version, struct slice range, bool *out_valid);
