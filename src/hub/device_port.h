/*
 * device_port: the port that devices come to: TLS, their certificates, hello, what they send.
 *
 *   POST /v1/hello            hub/greeting
 *   PUT  /v1/streams/...      hub/upload
 *   PUT  /v1/report           hub/device_reports
 *   PUT  /v1/faces/DIGEST     hub/faces
 *   PUT  /v1/blobs/HASH       hub/attachments
 *   POST /v1/enrol, /v1/renew, /v1/leave   hub/api/hub_desk
 *   GET  /healthz
 *
 * Who comes without a certificate that the authority has issued and the registry knows sees
 * /healthz and /v1/enrol, and nothing else; one that has expired may renew. All are looked up at
 * every request, so who is revoked is denied at the next. Who is let in may rest between requests
 * for hours.
 *
 * Thread: loop. Survives nothing of its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/authority.h"
#include "hub/registry.h"
#include "hub/upload.h"
#include "platform/loop.h"

enum { DEVICE_CONNECTIONS_MAX = 16384 };

struct device_port;
struct attachments;
struct device_reports;
struct faces;
struct hub_desk;

struct device_port_options {
    struct loop *loop;
    const char *address; /* "0.0.0.0:8443" */
    unsigned connections_max;
    struct authority *authority; /* not owned, as are all that follow */
    struct registry *registry;
    struct ingest *ingest;
    struct hub_desk *desk;
    struct device_reports *reports;
    struct faces *faces;
    struct attachments *attachments;
};

status device_port_open(const struct device_port_options *options, struct device_port **out_port,
                        struct error *err);

/* Closes every connection; ingest has answered its last job. NULL is fine. */
void device_port_close(struct device_port *port);

/* Whether a device waits for an answer, which must come before the port is closed. */
bool device_port_owes(const struct device_port *port);

/* The address as the system has it. */
const char *device_port_address(const struct device_port *port);

struct device_port_counters {
    int connections; /* of devices */
    uint64_t refused;
    struct uploads_counters uploads;
};
void device_port_counters(const struct device_port *port, struct device_port_counters *out);
