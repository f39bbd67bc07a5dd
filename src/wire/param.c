// SPDX-License-Identifier: Apache-2.0
#include "wire/param.h"

#include <stdio.h>

#include "base/text.h"
#include "platform/json.h"
#include "platform/secret.h"

const struct param *param_find(const struct param *params, uint32_t count, struct slice name) {
    for (uint32_t i = 0; i < count; i++) {
        if (slice_equal(params[i].field.name, name)) {
            return &params[i];
        }
    }
    return NULL;
}

const char *param_nearest(const struct param *params, uint32_t count, struct slice name) {
    const char *words[PARAMS_MAX + 1];
    for (uint32_t i = 0; i < count; i++) {
        words[i] = params[i].field.name.bytes; /* copies end with a zero */
    }
    words[count] = NULL;
    return text_nearest(name, words);
}

const char *param_type_name(const struct param *param) {
    return param->role == PARAM_SOURCE        ? "source"
           : param->role == PARAM_DESTINATION ? "destination"
                                              : field_type_name(param->field.type);
}

/* Anywhere in it: expressions are written into journals and results. */
static bool holds_secret(struct value value) {
    struct slice name;
    bool holds = value.kind == VALUE_TEXT && secret_named(value_text(value), &name);
    for (uint32_t i = 0; !holds && value.kind == VALUE_LIST && i < value.count; i++) {
        holds = holds_secret(value.items[i]);
    }
    for (uint32_t i = 0; !holds && value.kind == VALUE_OBJECT && i < value.count; i++) {
        holds = holds_secret(value.members[i].value);
    }
    return holds;
}

status param_check(const struct param *param, struct value value, struct error *err) {
    if (holds_secret(value)) {
        return fail(err, STATUS_INVALID,
                    "a secret stands in sources, destinations and agents' settings, not in a "
                    "parameter");
    }
    if (param->role != PARAM_VALUE && !text_is_name(value_text(value))) {
        return fail(err, STATUS_INVALID,
                    "it is the name of a %s of the device: small letters, "
                    "digits and -",
                    param_type_name(param));
    }
    return field_check(&param->field, value, err);
}

status param_read(const struct param *param, struct arena *arena, struct slice text,
                  struct value *out_value, struct error *err) {
    const struct yaml_document *documents;
    uint32_t count = 0;
    struct place place;
    if (param->field.type == FIELD_STRING || param->field.type == FIELD_TIME) {
        if (!text_is_utf8(text)) {
            return fail(err, STATUS_INVALID, "it is not UTF-8");
        }
        *out_value = value_of_text(text);
        return STATUS_OK;
    }
    TRY(yaml_read(arena, text, &documents, &count, &place, err));
    if (count != 1) {
        return fail(err, STATUS_INVALID, "it is a %s, not %s", param_type_name(param),
                    count == 0 ? "nothing" : "several documents");
    }
    return yaml_value(arena, &documents[0].root, out_value)
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "no room for its value");
}

void param_range(const struct param *param, char out_text[PARAM_RANGE_BYTES]) {
    const struct field *field = &param->field;
    out_text[0] = '\0';
    if (field->has_min && field->has_max) {
        (void)snprintf(out_text, PARAM_RANGE_BYTES, "from %g to %g", field->min, field->max);
    } else if (field->has_min) {
        (void)snprintf(out_text, PARAM_RANGE_BYTES, "at least %g", field->min);
    } else if (field->has_max) {
        (void)snprintf(out_text, PARAM_RANGE_BYTES, "at most %g", field->max);
    } else if (field->count_max > 0) {
        (void)snprintf(out_text, PARAM_RANGE_BYTES, "at most %lld %s", (long long)field->count_max,
                       field->type == FIELD_LIST ? "items" : "bytes");
    }
}

static void write_text(struct buffer *out, const char *name, struct slice text) {
    if (text.count > 0) {
        buffer_print(out, ",\"%s\":", name);
        json_write_text(out, text);
    }
}

static void write_param(const struct param *param, struct buffer *out) {
    char range[PARAM_RANGE_BYTES];
    param_range(param, range);
    buffer_add_text(out, "{\"name\":");
    json_write_text(out, param->field.name);
    write_text(out, "type", slice_of(param_type_name(param)));
    write_text(out, "kind", param->kind);
    buffer_add_text(out, ",\"value\":");
    json_write(out, param->value);
    if (param->field.has_default) {
        buffer_add_text(out, ",\"default\":");
        json_write(out, param->field.default_value);
    }
    write_text(out, "unit", param->field.unit);
    write_text(out, "range", slice_of(range));
    write_text(out, "origin", param->origin);
    write_text(out, "help", param->help);
    buffer_add_byte(out, '}');
}

void params_write(const struct param *params, uint32_t count, struct buffer *out) {
    buffer_add_byte(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        write_param(&params[i], out);
    }
    buffer_add_byte(out, ']');
}
