/*
 * http_agent: an agent that is a service somewhere else (`kind: http`), asked over HTTP.
 *
 * The inputs are the body of the request, as JSON, or its query under GET and DELETE; the answer is
 * the JSON object of the outputs. The header Idempotency-Key is the same for the same step of the
 * same run, after any number of crashes. A call whose time is over is broken off.
 *
 * How it fails says what is known: OFFLINE, the request never went out (no name, no connection, no
 * proxy, no TLS), so that waiting and asking again does nothing twice; TIMEOUT and CRASH, it did,
 * and there was no answer in time, the line broke or the service failed; BUSY, DENIED, INVALID as
 * it answered. Its places for calls are few, so that a service that hangs is not buried.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent.h"

enum {
    HTTP_AGENT_CALLS_MAX = 16,               /* at once; more wait */
    HTTP_AGENT_BODY_BYTES_MAX = 2 << 20,     /* of a request */
    HTTP_AGENT_RETRY_AFTER_MS_MAX = 3600000, /* what a service may ask for */
};

extern const struct agent_kind HTTP_AGENT;
