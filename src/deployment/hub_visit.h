/*
 * hub_visit: one request to a hub and its answer, over a link and a loop of its own, for commands.
 *
 * A daemon keeps its link for hours and does not come here (runtime/sync_manager).
 *
 * Thread: the caller's, which it blocks, HUB_VISIT_MS at most. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "platform/link.h"

enum { HUB_VISIT_MS = 60 * 1000 };

struct hub_visit {
    struct link_options link; /* the clock's floor is filled in */
    const char *path;         /* "/v1/enrol"; the method is POST */
    struct slice body;        /* JSON */
};

/* OK: the hub answered, whatever; the body is appended to *out_body. Else what link's `lost` says,
 * or TIMEOUT. */
status hub_visit(const struct hub_visit *visit, int *out_code, struct buffer *out_body,
                 struct error *err);
