// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/settings_text.h"

#include "base/text.h"
#include "platform/json.h"
#include "platform/secret.h"

static status write_secret(struct buffer *out, struct slice name, struct error *err) {
    CLEANUP(secret_forget) struct buffer secret;
    buffer_init(&secret, SECRET_BYTES_MAX);
    TRY(secret_read(name, &secret, err));
    if (!text_is_utf8(buffer_slice(&secret))) {
        return fail(err, STATUS_INVALID, "secret '%.*s' is no UTF-8 text: no setting can hold it",
                    SLICE_ARGS(name));
    }
    json_write_text(out, buffer_slice(&secret));
    return STATUS_OK;
}

static status write_list(struct buffer *out, struct value list, struct error *err) {
    buffer_add_byte(out, '[');
    for (uint32_t i = 0; i < list.count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        TRY(settings_text_write(out, list.items[i], err));
    }
    buffer_add_byte(out, ']');
    return STATUS_OK;
}

static status write_object(struct buffer *out, struct value object, struct error *err) {
    buffer_add_byte(out, '{');
    for (uint32_t i = 0; i < object.count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        json_write_text(out, object.members[i].name);
        buffer_add_byte(out, ':');
        TRY(settings_text_write(out, object.members[i].value, err));
    }
    buffer_add_byte(out, '}');
    return STATUS_OK;
}

status settings_text_write(struct buffer *out, struct value settings, struct error *err) {
    struct slice name;
    if (settings.kind == VALUE_LIST) {
        return write_list(out, settings, err);
    }
    if (settings.kind == VALUE_OBJECT) {
        return write_object(out, settings, err);
    }
    if (settings.kind == VALUE_TEXT && secret_named(value_text(settings), &name)) {
        return write_secret(out, name, err);
    }
    json_write(out, settings);
    return STATUS_OK;
}
