// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_call.h"

#include "base/time.h"
#include "platform/http_error.h"
#include "platform/json.h"

void hub_call_refuse(struct hub_call *call, const struct error *err) {
    call->code = http_error_code(err->code);
    buffer_clear(&call->out);
    http_error_write(err, &call->out);
}

bool hub_call_changes(const struct hub_call *call) {
    return !slice_is(call->method, "GET");
}

status hub_call_body(struct hub_call *call, struct value *out_body, struct error *err) {
    struct value body = {.kind = VALUE_NULL};
    if (call->body.count > 0 && json_read(call->arena, call->body, &body, err) != STATUS_OK) {
        return fail_while(err, "read what was sent");
    }
    if (body.kind != VALUE_OBJECT) {
        return fail(err, STATUS_INVALID, "what is sent here is a JSON object");
    }
    *out_body = body;
    return STATUS_OK;
}

struct slice hub_call_text(struct value body, const char *name) {
    const struct value *member = value_get(body, slice_of(name));
    return member != NULL && member->kind == VALUE_TEXT ? value_text(*member) : SLICE("");
}

struct value hub_call_value(struct value body, const char *name) {
    const struct value *member = value_get(body, slice_of(name));
    return member != NULL ? *member : (struct value){.kind = VALUE_NULL};
}

status hub_call_number(struct value body, const char *name, int64_t least, int64_t most,
                       int64_t otherwise, int64_t *out_number, struct error *err) {
    const struct value *member = value_get(body, slice_of(name));
    if (member == NULL || member->kind == VALUE_NULL) {
        *out_number = otherwise;
        return STATUS_OK;
    }
    if (member->kind != VALUE_INTEGER || member->integer < least || member->integer > most) {
        return fail(err, STATUS_INVALID, "%s is a whole number from %lld to %lld", name,
                    (long long)least, (long long)most);
    }
    *out_number = member->integer;
    return STATUS_OK;
}

void hub_call_write_text(struct buffer *out, const char *name, struct slice text) {
    buffer_print(out, "\"%s\":", name);
    json_write_text(out, text);
}

void hub_call_write_time(struct buffer *out, const char *name, int64_t wall_ms) {
    char text[TIME_TEXT_BYTES];
    time_write(wall_ms, text);
    if (wall_ms > 0) {
        buffer_print(out, "\"%s\":\"%s\"", name, text);
    } else {
        buffer_print(out, "\"%s\":null", name);
    }
}
