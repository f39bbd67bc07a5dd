/*
 * workflows: what people ask about workflows and attachments.
 *
 *   GET  /v1/workflows          which run, and on how many devices (hub/workflow_sums)
 *   GET  /v1/workflows/NAME     what one looks like, and its counts over all devices
 *   GET  /v1/blobs/HASH         the bytes of an attachment, or 404 and its state
 *   GET  /v1/blobs/HASH/want    its state: wanted, here, gone ...
 *   POST /v1/blobs/HASH/want    {"device":NAME}: it is asked of that device (hub/attachments)
 *
 * Who may is the caller's to say. Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "hub/attachments.h"
#include "hub/device_reports.h"
#include "hub/reader.h"

struct hub_workflows {
    struct reader *reader; /* not owned, like all here */
    struct device_reports *reports;
    struct attachments *attachments;
};

/* Takes the request when it is one of these; false: it is another's. */
bool hub_workflows_take(const struct hub_workflows *workflows, struct http_request *request);
