/*
 * jq_agent: an agent that is one jq filter, for small transforms between steps.
 *
 * The filter sees the object of `with:` as `.`; its one output is the agent's. A filter of native
 * forms runs here; any other is a question to the jq child, through the call's context.
 *
 * Thread: worker; several calls at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent.h"

extern const struct agent_kind JQ_AGENT;
