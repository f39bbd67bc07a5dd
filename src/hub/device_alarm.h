/*
 * device_alarm: what a device says a person must hear (a record of kind alarm: its disk is full, a
 * run was set aside, it goes on in a new stream), as an alarm that the hub shows.
 *
 * One row a day for a device: the newest, and how many there were, so that no device fills the
 * list. All of them are records.
 *
 * Thread: the writing one, in its open transaction.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/store/hub_store.h"

status device_alarm_raise(struct hub_session *session, struct id device,
                          const struct record *record, int64_t now_ms, struct error *err);
