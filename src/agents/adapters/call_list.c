// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/call_list.h"

void call_list_add(struct call_list *list, struct agent_call *call) {
    call->next = NULL;
    if (list->last != NULL) {
        list->last->next = call;
    } else {
        list->first = call;
    }
    list->last = call;
    list->count++;
}

struct agent_call *call_list_take(struct call_list *list) {
    struct agent_call *call = list->first;
    if (call != NULL) {
        (void)call_list_remove(list, call); /* it is the first one */
    }
    return call;
}

bool call_list_remove(struct call_list *list, struct agent_call *call) {
    struct agent_call *before = NULL;
    struct agent_call *at = list->first;
    while (at != NULL && at != call) {
        before = at;
        at = at->next;
    }
    if (at == NULL) {
        return false;
    }
    if (before != NULL) {
        before->next = call->next;
    } else {
        list->first = call->next;
    }
    if (list->last == call) {
        list->last = before;
    }
    call->next = NULL;
    list->count--;
    return true;
}
