/*
 * hub_destinations: all that a hub's file names, and what is said of them.
 *
 * Thread: loop. Survives: their rows (hub/store/hub_outgoing).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "hub/destinations/hub_destination.h"

struct hub_destinations;

struct hub_destinations_options {
    struct loop *loop; /* not owned, like all here */
    struct ingest *ingest;
    struct reader *reader;
    const struct hub_destination_list *list;
};

/* They begin to look for what is due. One that cannot be sent to (libcurl is not installed) is said
 * in the log, and its results wait. */
status hub_destinations_create(const struct hub_destinations_options *options,
                               struct hub_destinations **out_destinations, struct error *err);

/* As hub_destination_stop, hub_destination_destroy. NULL is fine. */
void hub_destinations_stop(struct hub_destinations *destinations);
void hub_destinations_destroy(struct hub_destinations *destinations);

/* What is known of all of them at one moment, for another thread. */
struct hub_destinations_facts {
    struct hub_destination_facts items[HUB_DESTINATIONS_MAX];
    uint32_t count;
};
void hub_destinations_look(const struct hub_destinations *destinations,
                           struct hub_destinations_facts *out_facts);

/* Appends [{"name","kind","place","waiting","sent","refused","given_up","removed","success_at",
 * "failure_at","retry_at","failing","failure"},...]. Any thread. */
void hub_destinations_write(struct buffer *out, const struct hub_destinations_facts *facts);
