// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/agent_message.h"

#include <string.h>

#include "base/text.h"
#include "platform/json.h"
#include "wire/workflow.h"

static const int64_t NS_PER_MS = 1000 * 1000;

/* --- reading --- */

static void be_wrong(struct agent_message *message, const char *what) {
    *message = (struct agent_message){.kind = MESSAGE_WRONG, .text = slice_of(what)};
}

static struct value member_of(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL ? *member : (struct value){0};
}

/* The status of an error class that a workflow can name; COUNT for any other word. */
static status class_from(struct value word) {
    char name[16] = "";
    const struct slice text = value_text(word);
    if (text.count >= sizeof(name)) {
        return STATUS_COUNT;
    }
    if (text.count > 0) {
        (void)memcpy(name, text.bytes, text.count);
    }
    const status code = status_from_name(name);
    const bool is_class = code != STATUS_COUNT && code != STATUS_OK &&
                          strcmp(error_class_name(error_class_of(code)), name) == 0;
    return is_class ? code : STATUS_COUNT;
}

static void read_error(struct value error, struct agent_message *message) {
    const status class = class_from(member_of(error, "class"));
    message->kind = MESSAGE_ERROR;
    message->class_known = class != STATUS_COUNT;
    message->class = message->class_known ? class : STATUS_INVALID;
    message->text = value_text(member_of(error, "text"));
}

static void read_answer(struct value object, struct value id, struct agent_message *message) {
    const struct value *out = value_get(object, SLICE("out"));
    const struct value *error = value_get(object, SLICE("error"));
    const struct value *part = value_get(object, SLICE("part"));
    if (id.kind != VALUE_INTEGER) {
        be_wrong(message, "an `id` is the number of a request");
        return;
    }
    message->id = id.integer;
    if (error != NULL) {
        read_error(*error, message);
    } else if (out != NULL) {
        message->kind = MESSAGE_OUT;
        message->body = *out;
        message->state = member_of(object, "state");
    } else if (part != NULL) {
        message->kind = MESSAGE_PART;
        message->body = *part;
    } else {
        be_wrong(message, "a line with an `id` has `out`, `error` or `part`");
    }
}

static void read_log(struct value log, struct agent_message *message) {
    const struct value level = member_of(log, "level");
    const struct value text = member_of(log, "text");
    static const char *const WORDS[] = {"debug", "info", "warn", "error"};
    message->kind = MESSAGE_LOG;
    message->level = LOG_INFO;
    message->text = value_text(text);
    bool known = level.kind == VALUE_NULL;
    for (int i = 0; i < 4; i++) {
        if (level.kind == VALUE_TEXT && slice_is(value_text(level), WORDS[i])) {
            message->level = (enum log_level)i;
            known = true;
        }
    }
    if (text.kind != VALUE_TEXT || !known) {
        be_wrong(message, "a `log` has a `text`, and debug, info, warn or error as its `level`");
    }
}

static void read_metric(struct value metric, struct agent_message *message) {
    const struct value *value = value_get(metric, SLICE("value"));
    const struct value *add = value_get(metric, SLICE("add"));
    const struct value *number = value != NULL ? value : add;
    message->kind = MESSAGE_METRIC;
    message->name = value_text(member_of(metric, "name"));
    message->adds = value == NULL;
    if (!text_is_field(message->name) || number == NULL || !value_is_number(*number)) {
        be_wrong(message, "a `metric` has a `name` of at most 63 letters, digits and _, and a "
                          "number as its `value` or `add`");
        return;
    }
    message->number = value_number(*number);
}

static void read_ready(struct value object, struct agent_message *message) {
    const struct value version = member_of(object, "ebb");
    message->kind = MESSAGE_READY;
    message->version = version.kind == VALUE_INTEGER ? version.integer : 0;
    message->ready = value_truth(member_of(object, "ready"));
}

status agent_message_read(struct arena *arena, struct slice line, struct agent_message *out_message,
                          struct error *err) {
    struct value object = {0};
    TRY(json_read(arena, line, &object, err));
    if (object.kind != VALUE_OBJECT) {
        return fail(err, STATUS_INVALID, "it is a %s", value_kind_name(object.kind));
    }
    struct agent_message message = {0};
    const struct value *id = value_get(object, SLICE("id"));
    const struct value *log = value_get(object, SLICE("log"));
    const struct value *metric = value_get(object, SLICE("metric"));
    if (id != NULL) {
        read_answer(object, *id, &message);
    } else if (log != NULL) {
        read_log(*log, &message);
    } else if (metric != NULL) {
        read_metric(*metric, &message);
    } else if (value_get(object, SLICE("ebb")) != NULL ||
               value_get(object, SLICE("ready")) != NULL) {
        read_ready(object, &message);
    }
    *out_message = message;
    return STATUS_OK;
}

/* --- writing --- */

void agent_message_write_hello(struct buffer *out, const struct agent_manifest *manifest,
                               struct slice settings) {
    buffer_print(out, "{\"ebb\":%d,\"hello\":{\"agent\":", AGENT_MESSAGE_VERSION);
    json_write_text(out, manifest->name);
    buffer_add_text(out, ",\"version\":");
    json_write_text(out, manifest->version_text);
    buffer_add_text(out, ",\"settings\":");
    buffer_add(out, settings);
    buffer_print(out, ",\"blobs\":\"%s\"}}\n", manifest->blobs_by_descriptor ? "fd" : "path");
}

void agent_message_write_request(struct buffer *out, int64_t id, const struct agent_call *call,
                                 uint32_t descriptors, int64_t now_ns) {
    char run[ID_HEX_BYTES + 1], key[ID_HEX_BYTES + 1];
    const int64_t left_ms = (call->deadline_ns - now_ns) / NS_PER_MS;
    id_write_hex(call->run, run);
    id_write_hex(call->key, key);
    buffer_print(out, "{\"id\":%lld,\"run\":\"%s\",\"key\":\"%s\"", (long long)id, run, key);
    if (call->run_folder != NULL) {
        buffer_add_text(out, ",\"dir\":");
        json_write_text(out, slice_of(call->run_folder));
    }
    buffer_print(out, ",\"deadline_ms\":%lld,\"attempt\":%d",
                 (long long)(left_ms > 0 ? left_ms : 0), call->attempt);
    if (descriptors > 0) {
        buffer_print(out, ",\"fds\":%u", (unsigned)descriptors);
    }
    buffer_add_text(out, ",\"with\":");
    json_write(out, call->with);
    if (call->state.kind != VALUE_NULL) {
        buffer_add_text(out, ",\"state\":");
        json_write(out, call->state);
    }
    buffer_add_text(out, "}\n");
}

void agent_message_write_cancel(struct buffer *out, int64_t id) {
    buffer_print(out, "{\"cancel\":%lld}\n", (long long)id);
}
