/*
 * resources: what people at the hub ask about devices, tokens and alarms; a handler each.
 *
 *   GET    /v1/devices?label=k=v&after=NAME   {"devices":[...],"after":NAME}
 *   GET    /v1/devices/NAME                   all of one, with its certificates and alarms
 *   DELETE /v1/devices/NAME                   it may not come in any more, and its name is free
 *   POST   /v1/devices/NAME/revoke            every certificate of it, at once and for good
 *   POST   /v1/devices/NAME/labels            {"line":"3","old":null}
 *   POST   /v1/devices/NAME/replace           {"by":OTHER}: what joined as OTHER is NAME now
 *   GET    /v1/tokens?label=k=v               {"tokens":[...]}
 *   POST   /v1/tokens                         {uses, ttl_ms, labels, name, device, addresses}
 *   DELETE /v1/tokens/ID
 *   GET    /v1/alarms?label=k=v               {"alarms":[...]}, of devices with the label
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

hub_handler hub_devices, hub_tokens, hub_alarms, hub_access, hub_people, hub_deeds;

/* "alarms":[...] of one subject, or of all where it is empty. */
status hub_alarms_write(struct hub_call *call, struct database *database, struct slice subject,
                        struct error *err);
