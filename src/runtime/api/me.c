// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "runtime/api/api.h"

/* Who asks, and what they may: as a hub answers it, so that one page serves both. */
void api_me(struct api_call *call) {
    const uid_t user = call->request->peer_user;
    const bool may_change = user == 0 || user == geteuid();
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, API_ANSWER_BYTES_MAX);
    buffer_print(
        &out,
        "{\"name\":\"local:%u\",\"role\":\"%s\",\"may\":[\"read\"%s],\"must_change\":false,"
        "\"is_device\":true}\n",
        (unsigned)user, may_change ? "admin" : "viewer",
        may_change ? ",\"operate\",\"admin\"" : "");
    api_answer(call, &out);
}
