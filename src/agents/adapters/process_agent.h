/*
 * process_agent: an agent that is a program in any language (`kind: process`).
 *
 * With `protocol: lines` it keeps `instances` processes, started with the first call that needs
 * them, and gives each one request at a time. A process is killed when its call is late or it says
 * what it should not, and a new one is started for the next call, so a late answer never meets
 * another request. One that ends by itself is started again after a while (restart_policy); the
 * call that it had ends with CRASH, the others wait. A broken agent refuses its calls with CRASH
 * until it is opened anew or mended. With `protocol: messages` a process has many requests at once
 * (message_process): a call goes to one that has nothing to do, or that is started for it, and to
 * one that is at work when all `instances` are there. A call that is late is cancelled, and the
 * process lives on when it answers that. With `mode: once` a call has a process of its own, at most
 * `instances` at a time.
 *
 * Under `lines`, what had been printed by the moment an answer was read is seen before the next
 * request goes out: a second line then fails the call that it belongs to.
 *
 * Closing it kills its processes, but those that speak `messages` are told before (farewell): the
 * loop is to run on until they are gone.
 *
 * Thread: loop. Its processes end with the daemon, and nothing of them survives a crash.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent.h"

extern const struct agent_kind PROCESS_AGENT;
