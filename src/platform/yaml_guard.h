/*
 * yaml_guard: bytes that libfyaml must not see, because it hangs, crashes or takes for ever on
 * them.
 *
 * Each rule stands for inputs that a fuzzer or a bug report has shown, in 0.7.12 or later, and
 * tells a person what would be right. platform/yaml is its only user.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/slice.h"
#include "platform/yaml.h"

enum { YAML_EMPTY_LINES_MAX = 100 }; /* in a row */

/* INVALID with a place and a sentence for the first thing that is refused. */
status yaml_guard(struct slice text, struct place *out_place, struct error *err);
