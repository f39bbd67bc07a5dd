// SPDX-License-Identifier: Apache-2.0
/* /healthz: the loop turns. /readyz: what is still being loaded. /v1/reload: read the files again.
 */
#include "runtime/api/api.h"

void api_health(struct api_call *call) {
    http_answer(call->request, 200, "text/plain", SLICE("ok\n"));
}

static uint32_t count_loading(const struct daemon *daemon) {
    uint32_t loading = 0;
    for (const struct slot *slot = daemon->orchestrator->slots; slot != NULL; slot = slot->next) {
        loading += slot->state == SLOT_LOADING;
    }
    return loading;
}

void api_ready(struct api_call *call) {
    const struct daemon *daemon = call->daemon;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    const bool workflows = !daemon->loaded || count_loading(daemon) > 0;
    const bool expressions = daemon->orchestrator->warming > 0;
    const bool ready = !workflows && !expressions;
    buffer_print(&json, "{\"ready\":%s,\"loading\":[%s%s%s]}\n", ready ? "true" : "false",
                 workflows ? "\"workflows\"" : "", workflows && expressions ? "," : "",
                 expressions ? "\"expressions\"" : "");
    http_answer(call->request, ready ? 200 : 503, "application/json", buffer_slice(&json));
}

void api_reload(struct api_call *call) {
    struct error err;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    if (daemon_reload(call->daemon, &err) != STATUS_OK) {
        api_refuse(call, &err);
        return;
    }
    uint32_t count = 0;
    for (const struct slot *slot = call->daemon->orchestrator->slots; slot != NULL;
         slot = slot->next) {
        count += slot->version != NULL;
    }
    buffer_print(&json, "{\"workflows\":%u}\n", count);
    api_answer(call, &json);
}
