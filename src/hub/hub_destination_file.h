/*
 * hub_destination_file: the `destinations:` of hub.yaml: where the hub's own results go besides,
 * which of them, and from when on.
 *
 *   destinations:
 *     desk: { webhook: https://desk.example/hook, sign: secret:desk, label: site=bremen }
 *     plant: { postgres: postgresql://ebb@db.example/plant, password: secret:plant-db, since: all }
 *
 * A webhook has the keys that it has in a device's file (wire/webhook_keys).
 *
 * Plain data in the reading's arena; any thread. Foreign bytes: no, an operator's file.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "carriers/carrier.h"
#include "hub/store/hub_outgoing.h"

enum { HUB_DESTINATIONS_MAX = 16, HUB_DESTINATION_BATCH_MAX = 500 };

enum hub_destination_kind { HUB_DESTINATION_WEBHOOK, HUB_DESTINATION_POSTGRES };

struct hub_destination_settings {
    enum hub_destination_kind kind;
    struct webhook hook;
    uint32_t batch;
    struct postgres_place postgres;
    int64_t
        give_up_ms; /* how long a result is tried, from when it arrived; 0: as long as it stays */
    enum hub_outgoing_since since;
    int64_t since_ms;
    struct slice place; /* what is shown of it: a URL, or the name of the secret that has it */
};

/* All of them: the list and the settings have one order. */
struct hub_destination_list {
    struct hub_outgoing_list outgoing;
    const struct hub_destination_settings *settings;
};

struct reading; /* wire/keys */
struct key;
struct yaml;

/* A reader of wire/keys: fills the struct hub_destination_list at the row's offset. */
void hub_destination_file_read(struct reading *reading, const struct key *key,
                               const struct yaml *node, void *target);
