/*
 * hub_file: hub.yaml, a hub's own settings (`ebb hub serve --config FILE`).
 *
 *   ebb: 1
 *   retention:
 *     default: { keep: 365d }
 *     workflows:
 *       inbox-triage: { keep: 90d, bytes: 10GiB }
 *   people:
 *     overdue: 1h              # a device that was silent for longer needs somebody
 *     proxy: { from: 127.0.0.1, header: X-Remote-User, role: viewer }
 *   attachments: { bytes: 2GiB }
 *   destinations:
 *     desk: { webhook: https://desk.example/hook }
 *
 * What a workflow does not say is as the default says it; what that does not say has no bound.
 *
 * Thread: any; blocks on the disk (a small file).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "hub/hub_destination_file.h"
#include "hub/store/hub_retention.h"
#include "wire/fault.h"

enum { HUB_OVERDUE_MS = 60 * 60 * 1000 };

/* A reverse proxy before the people's port that says who somebody is. */
struct hub_proxy {
    struct slice from;   /* its addresses, with commas */
    struct slice header; /* in which it says so; empty: nobody is believed */
    unsigned rights;     /* of those whom the hub does not know; 0: none */
};

struct hub_settings {
    struct hub_retention_rules retention;
    struct hub_proxy proxy;
    int64_t overdue_ms;
    int64_t attachment_bytes; /* of all together; 0: as hub/attachments has it */
    struct hub_destination_list destinations;
};

/* Everything lives in the arena. INVALID when the file has faults: *out_faults has them, which
 * fault_list_release gives back. */
status hub_file_read(struct arena *arena, struct slice file, struct slice text,
                     struct hub_settings *out_settings, struct fault_list **out_faults,
                     struct error *err);
