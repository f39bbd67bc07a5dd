/*
 * call_list: calls one behind the other, through their own `next`. A call is in one list at most.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent.h"

/* All zeroes is an empty list. */
struct call_list {
    struct agent_call *first, *last; /* not owned */
    uint32_t count;
};

void call_list_add(struct call_list *list, struct agent_call *call);

/* The first one, taken out; NULL when there is none. */
struct agent_call *call_list_take(struct call_list *list);

/* Takes `call` out; false when it is not there. */
bool call_list_remove(struct call_list *list, struct agent_call *call);
