/*
 * renewal: a device's certificate is renewed over the link that it has, before anything is sent.
 *
 * When half of its life is over (deployment/identity says when) the hub is asked for another one
 * over a fresh connection; what it answers is written to the identity's file by a worker, and
 * counts from the next connection on. A renewal that fails costs nothing: the certificate that is
 * there goes on, also when it has expired, since the hub takes an expired one for this.
 *
 * Thread: loop. Survives: power cuts: the old certificate or the new one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "deployment/identity.h"
#include "platform/link.h"
#include "platform/worker.h"

struct renewal;

/* `ended` is told on the loop once a renewal_begin: OK when the file holds the new certificate. */
status renewal_create(struct pool *pool, const char *folder,
                      void (*ended)(void *owner, const struct error *outcome), void *owner,
                      struct renewal **out_renewal, struct error *err);

/* When the pool is idle. NULL is fine. */
void renewal_destroy(struct renewal *renewal);

/* Asks over a link that is connected and idle; the link's next answer or loss is handed in. */
status renewal_begin(struct renewal *renewal, struct link *link, const struct identity *identity,
                     struct error *err);
void renewal_answered(struct renewal *renewal, const struct link_answer *answer);
void renewal_lost(struct renewal *renewal, const struct error *error);

/* Whether the hub answered the last one, and that it does not take this device. */
bool renewal_was_refused(const struct renewal *renewal);

/* Whether an answer or a loss of the link is this one's business. */
bool renewal_is_asking(const struct renewal *renewal);
