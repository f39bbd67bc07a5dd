/*
 * device_json: a device as the API shows it.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/fleet.h"
#include "hub/hub_call.h"

/* Appends the members "name", "state" ... "id", without braces. */
void device_json_write(struct buffer *out, const struct device_row *row);

/* The same of a device of the fleet, and ,"stored" ... "needs". */
void device_json_write_known(struct buffer *out, const struct fleet_device *device);

/* Appends ["overdue","alarm"]. */
void device_json_write_needs(struct buffer *out, unsigned needs);
