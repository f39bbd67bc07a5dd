/*
 * joining: what `ebb join` and `ebb leave` share: the data folder is that of the daemon that runs,
 * and the daemon is told. And how both mend a device that its hub refuses.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "cli/call.h"

/* What a person does when the hub refuses a device: a sentence. */
extern const char joining_again[];

/* Asks the daemon where its data is: without --data that is taken; with another --data it is said
 * that the daemon does not get to know. No daemon is no error. Then becomes `ebb-device VERB`;
 * comes back on failure only. */
status joining_become(struct call *call, const char *verb, struct error *err);
