// SPDX-License-Identifier: Apache-2.0
#include "sync/report.h"

#include <string.h>

#include "platform/hash.h"
#include "platform/json.h"

enum { WAITING_MAX = 1 << 30 }; /* that is believed of one lane */

static const char FACES[] = "/v1/faces/";
static const char BLOBS[] = "/v1/blobs/";

/* --- shape ----------------------------------------------------------------------------------- */

static bool is_of_number(char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* Behind the text that begins at `at`, or the end. */
static size_t text_end(struct slice text, size_t at) {
    for (at++; at < text.count && text.bytes[at] != '"'; at++) {
        at += text.bytes[at] == '\\' ? 1 : 0;
    }
    return at < text.count ? at + 1 : text.count;
}

struct id report_shape(struct slice text) {
    struct id shape = {0};
    size_t from = 0;
    for (size_t at = 0; at < text.count;) {
        const char c = text.bytes[at];
        if (c == '"') {
            at = text_end(text, at);
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            shape = hash_128(id_slice(&shape), slice_part(text, from, at));
            while (at < text.count && is_of_number(text.bytes[at])) {
                at++;
            }
            from = at;
        } else {
            at++;
        }
    }
    return hash_128(id_slice(&shape), slice_part(text, from, text.count));
}

/* --- reading --------------------------------------------------------------------------------- */

static status read_object(struct arena *arena, struct slice text, struct value *out_object,
                          struct error *err) {
    if (text.count > REPORT_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "it has more than %d bytes", REPORT_BYTES_MAX);
    }
    TRY(json_read(arena, text, out_object, err));
    return out_object->kind == VALUE_OBJECT
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "it is of type %s, not a JSON object",
                      value_kind_name(out_object->kind));
}

static const struct value *find(struct value object, const char *name) {
    static const struct value NOTHING = {.kind = VALUE_NULL};
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL ? found : &NOTHING;
}

static bool read_name(const struct value *value, struct slice *out_name) {
    *out_name = value_text(*value);
    return value->kind == VALUE_TEXT && value->count > 0 && value->count <= REPORT_NAME_BYTES_MAX;
}

static bool read_digest(const struct value *value, struct id *out_digest) {
    *out_digest = (struct id){0};
    return value->kind == VALUE_NULL ||
           (value->kind == VALUE_TEXT && value->count == ID_HEX_BYTES &&
            id_read(value_text(*value), out_digest));
}

static status read_workflow(struct value item, struct report_workflow *out_workflow,
                            struct error *err) {
    if (!read_name(find(item, "name"), &out_workflow->name)) {
        return fail(err, STATUS_INVALID, "a workflow has a `name` of 1 to %d bytes",
                    REPORT_NAME_BYTES_MAX);
    }
    return read_digest(find(item, "digest"), &out_workflow->digest)
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "a workflow's `digest` is 32 hexadecimal digits");
}

status report_read(struct arena *arena, struct slice text, struct report_workflow **out_workflows,
                   int *out_count, struct error *err) {
    struct value object;
    TRY(read_object(arena, text, &object, err));
    const struct value *list = find(object, "workflows");
    if ((list->kind != VALUE_LIST && list->kind != VALUE_NULL) ||
        list->count > REPORT_WORKFLOWS_MAX) {
        return fail(err, STATUS_INVALID, "`workflows` is a list of at most %d",
                    REPORT_WORKFLOWS_MAX);
    }
    struct report_workflow *workflows = arena_get(arena, list->count + 1, sizeof(*workflows));
    if (workflows == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a report");
    }
    for (uint32_t i = 0; i < list->count; i++) {
        TRY(read_workflow(list->items[i], &workflows[i], err));
    }
    *out_workflows = workflows;
    *out_count = (int)list->count;
    return STATUS_OK;
}

static const struct value *part(struct value object, const char *name, const char *member) {
    static const struct value NOTHING = {.kind = VALUE_NULL};
    const struct value *found = value_get(*find(object, name), slice_of(member));
    return found != NULL ? found : &NOTHING;
}

static void add_lane(struct value lane, struct report_summary *summary) {
    const struct value *waiting = find(lane, "waiting");
    const int64_t more =
        waiting->kind == VALUE_INTEGER && waiting->integer > 0 && waiting->integer < WAITING_MAX
            ? waiting->integer
            : 0;
    summary->waiting += more;
    summary->is_behind = summary->is_behind || value_truth(*find(lane, "behind"));
}

status report_summarise(struct arena *arena, struct slice text, struct report_summary *out_summary,
                        struct error *err) {
    struct value object;
    *out_summary = (struct report_summary){.waiting = 0};
    TRY(read_object(arena, text, &object, err));
    const struct value *lanes = find(object, "lanes");
    for (uint32_t i = 0; lanes->kind == VALUE_LIST && i < lanes->count; i++) {
        add_lane(lanes->items[i], out_summary);
    }
    out_summary->clock_is_bad = slice_is(value_text(*part(object, "clock", "quality")), "bad");
    out_summary->is_full = value_truth(*part(object, "store", "full"));
    return STATUS_OK;
}

status face_read(struct arena *arena, struct slice text, struct slice *out_workflow,
                 struct error *err) {
    struct value object;
    TRY(read_object(arena, text, &object, err));
    return read_name(find(object, "workflow"), out_workflow)
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "`workflow` is a name of 1 to %d bytes",
                      REPORT_NAME_BYTES_MAX);
}

/* --- wants ----------------------------------------------------------------------------------- */

static void write_ids(struct buffer *out, const char *name, const struct id *ids, int count) {
    buffer_print(out, "\"%s\":[", name);
    for (int i = 0; i < count; i++) {
        char hex[ID_HEX_BYTES + 1];
        id_write_hex(ids[i], hex);
        buffer_print(out, "%s\"%s\"", i > 0 ? "," : "", hex);
    }
    buffer_add_byte(out, ']');
}

void want_write(const struct want *want, struct buffer *out) {
    buffer_add_text(out, "{\"want\":{");
    write_ids(out, "workflows", want->workflows, want->workflow_count);
    buffer_add_byte(out, ',');
    write_ids(out, "blobs", want->blobs, want->blob_count);
    buffer_add_text(out, "}}");
}

static status read_ids(struct value object, const char *name, struct id *ids, int count_max,
                       int *out_count, struct error *err) {
    const struct value *list = find(object, name);
    int count = 0;
    if (list->kind != VALUE_LIST && list->kind != VALUE_NULL) {
        return fail(err, STATUS_INVALID, "'%s' must be a list", name);
    }
    for (uint32_t i = 0; i < list->count && count < count_max; i++) {
        if (list->items[i].kind != VALUE_TEXT || !read_digest(&list->items[i], &ids[count])) {
            return fail(err, STATUS_INVALID, "'%s' must hold 32 hexadecimal digits each", name);
        }
        count++;
    }
    *out_count = count;
    return STATUS_OK;
}

status want_read(struct arena *arena, struct slice text, struct want *out_want, struct error *err) {
    struct value object;
    struct want want = {.workflow_count = 0};
    *out_want = want;
    TRY(read_object(arena, text, &object, err));
    const struct value *said = find(object, "want");
    TRY(read_ids(*said, "workflows", want.workflows, WANT_FACES_MAX, &want.workflow_count, err));
    TRY(read_ids(*said, "blobs", want.blobs, WANT_BLOBS_MAX, &want.blob_count, err));
    *out_want = want;
    return STATUS_OK;
}

void blob_progress_write(struct blob_progress progress, struct buffer *out) {
    buffer_print(out, "{\"have\":%lld,\"here\":%s}", (long long)progress.have,
                 progress.here ? "true" : "false");
}

status blob_progress_read(struct arena *arena, struct slice text,
                          struct blob_progress *out_progress, struct error *err) {
    struct value object;
    TRY(read_object(arena, text, &object, err));
    const struct value *have = find(object, "have");
    const struct value *here = find(object, "here");
    if (have->kind != VALUE_INTEGER || have->integer < 0) {
        return fail(err, STATUS_INVALID, "'have' must be a count of bytes");
    }
    *out_progress = (struct blob_progress){.have = have->integer,
                                           .here = here->kind == VALUE_BOOLEAN && here->boolean};
    return STATUS_OK;
}

const char *blob_gone_name(enum blob_gone gone) {
    static const char *const NAMES[BLOB_GONE_COUNT] = {"gone", "kept", "large"};
    return gone < BLOB_GONE_COUNT ? NAMES[gone] : NAMES[BLOB_GONE];
}

bool blob_gone_read(struct slice word, enum blob_gone *out_gone) {
    for (int i = 0; i < BLOB_GONE_COUNT; i++) {
        if (slice_is(word, blob_gone_name((enum blob_gone)i))) {
            *out_gone = (enum blob_gone)i;
            return true;
        }
    }
    return false;
}

/* --- paths ----------------------------------------------------------------------------------- */

static void write_path(struct buffer *out, const char *folder, struct id id) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(id, hex);
    buffer_print(out, "%s%s", folder, hex);
}

void face_path_write(struct buffer *out, struct id digest) {
    write_path(out, FACES, digest);
}

void blob_path_write(struct buffer *out, struct id hash, int64_t bytes, int64_t from) {
    write_path(out, BLOBS, hash);
    buffer_print(out, "?bytes=%lld&from=%lld", (long long)bytes, (long long)from);
}

void blob_gone_path_write(struct buffer *out, struct id hash, enum blob_gone gone) {
    write_path(out, BLOBS, hash);
    buffer_print(out, "?gone=%s", blob_gone_name(gone));
}

/* There is one way to write a path: lower case. */
static bool read_path(struct slice path, const char *folder, struct id *out_id) {
    const size_t at = strlen(folder);
    char hex[ID_HEX_BYTES + 1];
    struct id id;
    if (path.count != at + ID_HEX_BYTES || !slice_starts(path, folder) ||
        !id_read(slice_part(path, at, path.count), &id)) {
        return false;
    }
    id_write_hex(id, hex);
    if (memcmp(hex, path.bytes + at, ID_HEX_BYTES) != 0) {
        return false;
    }
    *out_id = id;
    return true;
}

bool face_path_read(struct slice path, struct id *out_digest) {
    return read_path(path, FACES, out_digest);
}

bool blob_path_read(struct slice path, struct id *out_hash) {
    return read_path(path, BLOBS, out_hash);
}
