/*
 * hub_metrics: /metrics: figures in the text that Prometheus reads.
 *
 * A name begins with ebb_hub_ and ends in _total, _seconds or _bytes where it is one. Labels are
 * names of the hub's own file and words of ours, never a device's.
 *
 * Thread: loop; what lies on the disk is read by the reading thread. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/hub_daemon.h"
#include "platform/http_server.h"

void hub_metrics_take(struct hub_daemon *hub, struct http_request *request);
