/*
 * moment: when a person means: a day, a moment, or a span ago.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "cli/call.h"

/* The option's moment in milliseconds since 1970, at least 1; 0 where it is not given. INVALID says
 * what it may be. */
status moment_option(const struct call *call, const char *name, int64_t *out_ms, struct error *err);
