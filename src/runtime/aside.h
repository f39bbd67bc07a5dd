/*
 * aside: keeps an event that does not fit, so that a person can look at what came.
 *
 * It is on disk (storage/quarantine) before its source is told, and marked as seen in the same
 * commit. What fails for want of space is tried again, and meanwhile the event counts against what
 * its feed may offer.
 *
 * Thread: loop. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/slot.h"

/* Takes the event, whose `unfit` says why it is kept. */
void aside_keep(struct slot *slot, struct event *event);
