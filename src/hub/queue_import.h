/*
 * queue_import: a section of a device's exported queue (wire/queue_file), carried here by hand, is
 * taken like any other delivery.
 *
 * Its signature must be of a certificate that this hub's authority has issued to the device that
 * the section names, and that device must be active; whether the certificate has ended does not
 * count, since the file may have been long on its way. The ranges keep out what is held already. A
 * section that does not follow from what is held is refused with what is missing.
 *
 * Thread: loop; the work is the writing thread's. Survives: what was taken, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/authority.h"
#include "hub/ingest.h"
#include "platform/http_server.h"

/* Answers the request, whose body is one section, when it is committed: {"device","lane","first",
 * "last","poisoned"}. DENIED: not signed by a device of ours. CONFLICT: it does not follow. */
void queue_import_take(struct ingest *ingest, const struct authority *authority,
                       struct http_request *request);
