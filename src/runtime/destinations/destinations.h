/*
 * destinations: all that a device's file names besides the hub.
 *
 * Their numbers are the store's (storage/cursors), and stand before the first workflow is loaded.
 *
 * Thread: loop; destinations_bits from any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/destinations/destination.h"

struct destinations;

struct destinations_options {
    struct loop *loop; /* not owned, like all here */
    struct pool *pool;
    struct store *store;
    const struct device *device; /* NULL: there are none */
};

/* Gives them their numbers; before the store's first job (it blocks on the disk when there is a new
 * one). */
status destinations_create(const struct destinations_options *options,
                           struct destinations **out_destinations, struct error *err);

/* They begin to look for what is due. For one that cannot (there is no libcurl), results wait. */
void destinations_start(struct destinations *destinations);

/* The bits of those names that are destinations here. NULL has none. */
uint64_t destinations_bits(const struct destinations *destinations, const struct slice *names,
                           uint32_t count);

/* A result for these stands in the lane. */
void destinations_note(struct destinations *destinations, uint64_t bits, enum lane lane);

/* As destination_stop, destination_destroy. NULL is fine. */
void destinations_stop(struct destinations *destinations);
void destinations_destroy(struct destinations *destinations);

/* The facts of the one of that index, from 0; false behind the last one. */
bool destinations_facts(const struct destinations *destinations, uint32_t index,
                        struct destination_facts *out_facts);
