/*
 * welcome: what a hub says to a person when it starts: where devices reach it, and at its first
 * start a token and the line to type on a device.
 *
 * Thread: the program's first, before the loop runs: the writing session is nobody else's yet.
 * Survives: the token, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdio.h>

#include "hub/hub_daemon.h"

/* A token is made for a hub that has neither devices nor tokens yet, unless `out` goes into a
 * journal, where a secret would stay. */
status welcome(struct hub_daemon *hub, FILE *out, struct error *err);
