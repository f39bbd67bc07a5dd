// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_attachments.h"

#include "agents/jpeg_within.h"

static status no_room(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "the run is too large");
}

/* What stands in the result for what is not attached, and why. */
static status leave_out(struct run *run, const struct blob *blob, const struct error *why,
                        struct value *out_value, struct error *err) {
    struct member *members = value_new_object(&run->arena, 3, out_value);
    if (members == NULL) {
        return no_room(err);
    }
    members[0] = (struct member){.name = SLICE("type"), .value = value_of_text(blob_type(blob))};
    members[1] = (struct member){.name = SLICE("bytes"),
                                 .value = value_of_integer((int64_t)blob_count(blob))};
    members[2] = (struct member){.name = SLICE("left_out"),
                                 .value = value_of_text(run_keep_text(run, why->text))};
    return STATUS_OK;
}

/* The blob in the form that is wanted, shared. A picture becomes a JPEG that is small enough. */
static status fit(const struct attachment *attachment, struct blob *blob, struct blob **out_blob,
                  struct error *err) {
    const struct slice type = blob_type(blob);
    if (slice_is(attachment->as, "image/jpeg") && slice_starts(type, "image/")) {
        return jpeg_within(blob, attachment->bytes_max, out_blob, err);
    }
    if (attachment->as.count > 0 && !slice_equal(attachment->as, type)) {
        return fail(err, STATUS_INVALID, "it is %.*s, not %.*s", SLICE_ARGS(type),
                    SLICE_ARGS(attachment->as));
    }
    if ((int64_t)blob_count(blob) > attachment->bytes_max) {
        return fail(err, STATUS_FULL, "more than the %lld bytes of `max`",
                    (long long)attachment->bytes_max);
    }
    *out_blob = blob_share(blob);
    return STATUS_OK;
}

/* Where neither `egress` nor `privacy` keeps it here, it may follow its result to the hub. */
static enum blob_leaves leaves_of(const struct run *run, const struct attachment *attachment,
                                  const struct result_rule *rule, const struct blob *blob) {
    if (workflow_blob_stays(run->version->workflow, attachment, blob_type(blob))) {
        return BLOB_NEVER_LEAVES;
    }
    return rule->lane == LANE_LOCAL ? BLOB_UNSAID : BLOB_MAY_LEAVE;
}

static status keep(struct run *run, const struct attachment *attachment,
                   const struct result_rule *rule, struct blob *blob, struct value *out_value,
                   struct error *err) {
    const int64_t keep_ms = attachment->keep_ms > 0 ? attachment->keep_ms : rule->keep_ms;
    if (!value_of_blob(&run->arena, blob, out_value)) {
        return no_room(err);
    }
    return run_blobs_attach(&run->blobs, blob, keep_ms, leaves_of(run, attachment, rule, blob),
                            err);
}

static status attach(struct run *run, const struct attachment *attachment,
                     const struct result_rule *rule, struct value *value, struct error *err) {
    struct blob *blob = value->blob;
    struct blob *fitted = NULL;
    struct error why = {0};
    status code = fit(attachment, blob, &fitted, &why);
    code = code == STATUS_OK ? keep(run, attachment, rule, fitted, value, &why) : code;
    blob_release(fitted);
    if (code == STATUS_FULL) {
        return leave_out(run, blob, &why, value, err);
    }
    return code == STATUS_OK ? STATUS_OK : fail(err, code, "%s", why.text);
}

static status render(struct run *run, const struct attachment *attachment,
                     const struct result_rule *rule, struct value *out_value, struct error *err) {
    TRY(template_render(attachment->from, &run->context, out_value, err));
    if (out_value->kind == VALUE_BLOB) {
        return attach(run, attachment, rule, out_value, err);
    }
    if (out_value->kind != VALUE_NULL) {
        return fail(err, STATUS_INVALID, "`from` is of type %s: only blobs are attached",
                    value_kind_name(out_value->kind));
    }
    return STATUS_OK;
}

status run_attachments_add(struct run *run, const struct result_rule *rule, struct value *value,
                           struct error *err) {
    struct value whole;
    const uint32_t fields = value->count;
    if (rule->attachment_count == 0) {
        return STATUS_OK;
    }
    if (value->kind != VALUE_OBJECT) {
        return fail(err, STATUS_INVALID,
                    "a result that attaches something is an object, not of type %s",
                    value_kind_name(value->kind));
    }
    struct member *members = value_new_object(&run->arena, fields + rule->attachment_count, &whole);
    if (members == NULL) {
        return no_room(err);
    }
    for (uint32_t i = 0; i < fields; i++) {
        members[i] = value->members[i];
    }
    for (uint32_t i = 0; i < rule->attachment_count; i++) {
        const struct attachment *attachment = &rule->attachments[i];
        struct member *field = &members[fields + i];
        field->name = attachment->name;
        if (render(run, attachment, rule, &field->value, err) != STATUS_OK) {
            return fail_while(err, "attachment '%.*s'", SLICE_ARGS(attachment->name));
        }
    }
    *value = whole;
    return STATUS_OK;
}
