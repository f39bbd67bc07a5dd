/*
 * deed_note: a deed of what is not done in a transaction: a backup that was begun, an attachment
 * that was asked for. Written a moment later; without memory, or when the hub ends first, it is
 * not.
 *
 * Thread: loop. Survives: the deed, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/ingest.h"
#include "hub/people/rights.h"
#include "platform/http_server.h"

/* Method, path and body of the request, as hub/api/hub_desk has them of others. */
void deed_note(struct ingest *ingest, const struct caller *caller,
               const struct http_request *request);
