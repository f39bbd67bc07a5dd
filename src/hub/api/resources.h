/*
 * resources: what people at the hub ask about devices, tokens and alarms; a handler each.
 *
 *   GET    /v1/overview                       who needs somebody, what there is, by the hour
 *   GET    /v1/devices?label=&words=&need=&state=&sort=&limit=&after=
 *                                             {"devices":[...],"total":N,"after":NEXT}
 *   GET    /v1/devices/NAME                   all of one, with its certificates and alarms
 *   DELETE /v1/devices/NAME                   it may not come in any more, and its name is free
 *   POST   /v1/devices/NAME/revoke            every certificate of it, at once and for good
 *   POST   /v1/devices/NAME/labels            {"line":"3","old":null}
 *   POST   /v1/devices/NAME/replace           {"by":OTHER}: what joined as OTHER is NAME now
 *   GET    /v1/tokens?label=k=v               {"tokens":[...]}
 *   POST   /v1/tokens                         {uses, ttl_ms, labels, name, device, addresses}
 *   DELETE /v1/tokens/ID
 *   GET    /v1/alarms?label=k=v               {"alarms":[...]}, of devices with the label
 *   POST   /v1/alarms/NUMBER/seen
 *   GET    /v1/access?label=k=v               {"access":[...]}: programs without a certificate
 *   POST   /v1/access                         {name, labels, may, ttl_ms}
 *   DELETE /v1/access/ID
 *   GET    /v1/people                         {"people":[...]} with their sessions
 *   POST   /v1/people                         {name, role, password}: false: who comes by a proxy
 *   DELETE /v1/people/NAME
 *   POST   /v1/people/NAME/role, /reset, /unlock, /log-out
 *   GET    /v1/audit?who=&words=&since=&before=   {"deeds":[...],"next":NUMBER}
 *
 * NAME is a name or an id. Changing devices is for operators, people, programs and what cannot be
 * taken back for admins. Thread: the writing one, or (GET) the reading one (hub/hub_call).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/hub_call.h"

hub_handler hub_devices, hub_tokens, hub_alarms, hub_access, hub_people, hub_deeds, hub_overview;

/* GET /v1/devices */
hub_handler hub_device_list;

/* "alarms":[...] of one subject, or of all where it is empty. */
status hub_alarms_write(struct hub_call *call, struct database *database, struct slice subject,
                        struct error *err);
