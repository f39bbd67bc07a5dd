/*
 * greeting: a device's hello and what it is told: per stream a verdict and what the hub holds of
 * it.
 *
 * Read and answered on the loop; compared with the store on the writing thread, in the transaction
 * that gives the connection its number and claims streams that are nobody's yet for the device.
 *
 * Thread: loop. Survives: claims and the number, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/contact.h"
#include "hub/ingest.h"
#include "platform/http_server.h"

/* Takes the request, whose body is whole, and answers it after the commit. `contact` may go away
 * meanwhile only with the request. */
void greeting_take(struct ingest *ingest, struct contact *contact, struct http_request *request);
