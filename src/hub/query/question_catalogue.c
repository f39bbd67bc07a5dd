// SPDX-License-Identifier: Apache-2.0
#include "hub/query/question_catalogue.h"

#include <string.h>
#include <strings.h>

/* --- the views that every hub has ------------------------------------------------------------- */

#define COLUMN(name, expression, type, unit)                                                       \
    { SLICE(name), SLICE(expression), SLICE(""), SLICE(type), SLICE(unit) }

/* Of a record and its device, in each view of records. */
#define RECORD_COLUMNS                                                                             \
    COLUMN("created_at", "iso(r.wall_ms)", "time", ""),                                            \
        COLUMN("created_ms", "r.wall_ms", "integer", "ms"),                                        \
        COLUMN("arrived_at", "iso(r.arrived_ms)", "time", ""),                                     \
        COLUMN("arrived_ms", "r.arrived_ms", "integer", "ms"),                                     \
        COLUMN("device", "ebb_device(r.stream)", "string", ""),                                    \
        COLUMN("device_id", "ebb_device_id(r.stream)", "string", ""),                              \
        COLUMN("labels", "ebb_labels(r.stream)", "object", ""),                                    \
        COLUMN("lane", "ebb_lane(r.lane)", "string", ""),                                          \
        COLUMN("number", "r.number", "integer", "")

#define RESULT_COLUMNS                                                                             \
    COLUMN("id", "ebb_result_id(r.first_id, r.stream, r.lane, r.seq)", "string", ""),              \
        RECORD_COLUMNS, COLUMN("priority", "r.priority", "integer", ""),                           \
        COLUMN("run", "ebb_hex(r.run)", "string", "")

#define FROM_RECORD "FROM main.record r "

static const struct catalogue_column RESULTS[] = {
    RESULT_COLUMNS, COLUMN("workflow", "r.workflow", "string", ""),
    COLUMN("name", "r.name", "string", ""), COLUMN("result", "r.body", "object", "")};

static const struct catalogue_column FAILURES[] = {
    RESULT_COLUMNS,
    COLUMN("workflow", "r.workflow", "string", ""),
    COLUMN("step", "ebb_field(r.body, 'step')", "string", ""),
    COLUMN("class", "ebb_field(r.body, 'class')", "string", ""),
    COLUMN("text", "ebb_field(r.body, 'text')", "string", ""),
    COLUMN("event_id", "ebb_field(r.body, 'event_id')", "string", "")};

static const struct catalogue_column GAPS[] = {
    RECORD_COLUMNS,
    COLUMN("reason", "ebb_field(r.body, 'reason')", "string", ""),
    COLUMN("count", "ebb_field(r.body, 'count')", "integer", ""),
    COLUMN("bytes", "ebb_field(r.body, 'bytes')", "integer", "By"),
    COLUMN("from_at", "iso(ebb_field(r.body, 't0'))", "time", ""),
    COLUMN("to_at", "iso(ebb_field(r.body, 't1'))", "time", ""),
    COLUMN("from_seq", "ebb_field(r.body, 'from')", "integer", ""),
    COLUMN("to_seq", "ebb_field(r.body, 'to')", "integer", "")};

static const struct catalogue_column DEVICES[] = {
    COLUMN("name", "d.name", "string", ""),
    COLUMN("id", "ebb_uuid(d.id)", "string", ""),
    COLUMN("labels", "d.labels", "object", ""),
    COLUMN("state", "ebb_state(d.state)", "string", ""),
    COLUMN("joined_at", "iso(d.created_ms)", "time", ""),
    COLUMN("joined_ms", "d.created_ms", "integer", "ms"),
    COLUMN("contact_at", "iso(d.contact_ms)", "time", ""),
    COLUMN("contact_ms", "d.contact_ms", "integer", "ms"),
    COLUMN("facts", "d.facts", "object", "")};

static const struct catalogue_column ALARMS[] = {COLUMN("kind", "a.kind", "string", ""),
                                                 COLUMN("device", "d.name", "string", ""),
                                                 COLUMN("subject", "a.subject", "string", ""),
                                                 COLUMN("text", "a.text", "string", ""),
                                                 COLUMN("count", "a.count", "integer", ""),
                                                 COLUMN("first_at", "iso(a.first_ms)", "time", ""),
                                                 COLUMN("first_ms", "a.first_ms", "integer", "ms"),
                                                 COLUMN("last_at", "iso(a.last_ms)", "time", ""),
                                                 COLUMN("last_ms", "a.last_ms", "integer", "ms")};

static const struct catalogue_column WORKFLOWS[] = {
    COLUMN("workflow", "u.workflow", "string", ""), COLUMN("records", "u.records", "integer", ""),
    COLUMN("bytes", "u.bytes", "integer", "By"),
    COLUMN("removed_records", "u.removed_records", "integer", ""),
    COLUMN("removed_bytes", "u.removed_bytes", "integer", "By")};

/* The columns that a view of a workflow begins with, and what it ends with. */
static const struct catalogue_column COMMON[] = {RESULT_COLUMNS};
static const struct catalogue_column WHOLE[] = {COLUMN("result", "r.body", "object", "")};

enum {
    COMMON_COUNT = sizeof(COMMON) / sizeof(COMMON[0]),
    WHOLE_COUNT = sizeof(WHOLE) / sizeof(WHOLE[0])
};

static const struct {
    const char *name, *help, *from;
    const struct catalogue_column *columns;
    size_t count;
} OWN[] = {
    {"results", "each result, of whatever workflow", FROM_RECORD "WHERE r.kind = 1", RESULTS,
     sizeof(RESULTS) / sizeof(RESULTS[0])},
    {"failures", "each run that failed", FROM_RECORD "WHERE r.kind IN (2, 3) AND r.kind = 2",
     FAILURES, sizeof(FAILURES) / sizeof(FAILURES[0])},
    {"gaps", "what devices gave up before the hub had it",
     FROM_RECORD "WHERE r.kind IN (2, 3) AND r.kind = 3", GAPS, sizeof(GAPS) / sizeof(GAPS[0])},
    {"devices", "each device, those that were removed as well", "FROM main.device d", DEVICES,
     sizeof(DEVICES) / sizeof(DEVICES[0])},
    {"alarms", "what a person at the hub must hear",
     "FROM main.alarm a LEFT JOIN main.device d ON d.id = ebb_id(a.subject)", ALARMS,
     sizeof(ALARMS) / sizeof(ALARMS[0])},
    {"workflows", "how much there is of each workflow, as far as it was counted",
     "FROM main.workflow_use u", WORKFLOWS, sizeof(WORKFLOWS) / sizeof(WORKFLOWS[0])},
};

bool catalogue_is_json(struct slice type) {
    static const char *const TYPES[] = {"object", "list", "box", "image", "audio", "file"};
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        if (slice_is(type, TYPES[i])) {
            return true;
        }
    }
    return false;
}

/* --- adding ----------------------------------------------------------------------------------- */

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "no memory for what can be asked");
}

static struct catalogue_view *add_view(struct catalogue *catalogue, uint32_t columns) {
    if (catalogue->count == catalogue->room) {
        const uint32_t room = catalogue->room > 0 ? 2 * catalogue->room : 16;
        struct catalogue_view *views = arena_get(catalogue->arena, room, sizeof(*views));
        if (views == NULL) {
            return NULL;
        }
        if (catalogue->count > 0) {
            (void)memcpy(views, catalogue->views, catalogue->count * sizeof(*views));
        }
        catalogue->views = views;
        catalogue->room = room;
    }
    struct catalogue_view *view = &catalogue->views[catalogue->count];
    view->columns = arena_get(catalogue->arena, columns, sizeof(*view->columns));
    catalogue->count += view->columns != NULL ? 1 : 0;
    return view->columns != NULL ? view : NULL;
}

status catalogue_add_own(struct catalogue *catalogue, struct error *err) {
    for (size_t i = 0; i < sizeof(OWN) / sizeof(OWN[0]); i++) {
        struct catalogue_view *view = add_view(catalogue, (uint32_t)OWN[i].count);
        if (view == NULL) {
            return no_memory(err);
        }
        (void)memcpy(view->columns, OWN[i].columns, OWN[i].count * sizeof(*view->columns));
        view->name = slice_of(OWN[i].name);
        view->help = slice_of(OWN[i].help);
        view->from = slice_of(OWN[i].from);
        view->count = (uint32_t)OWN[i].count;
    }
    return STATUS_OK;
}

static bool is_own_name(struct slice name) {
    for (size_t i = 0; i < sizeof(OWN) / sizeof(OWN[0]); i++) {
        if (name.count == strlen(OWN[i].name) &&
            strncasecmp(name.bytes, OWN[i].name, name.count) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_column(const struct catalogue_view *view, struct slice name) {
    for (uint32_t i = 0; i < view->count; i++) {
        const struct slice other = view->columns[i].name;
        if (other.count == name.count && strncasecmp(other.bytes, name.bytes, name.count) == 0) {
            return true;
        }
    }
    return slice_is(name, WHOLE[0].name.bytes);
}

/* The workflow's name stands in the SQL as text; a quote in it is doubled. */
static struct slice quoted(struct arena *arena, struct slice text) {
    char *room = arena_get(arena, 2 * text.count + 1, 1);
    size_t count = 0;
    for (size_t i = 0; room != NULL && i < text.count; i++) {
        if (text.bytes[i] == '\'') {
            room[count++] = '\'';
        }
        room[count++] = text.bytes[i];
    }
    return (struct slice){.bytes = room, .count = count};
}

/* One that cannot have a name of its own is left out: the whole result has it. */
static status add_field(struct arena *arena, struct catalogue_view *view,
                        const struct catalogue_field *field, struct error *err) {
    const struct slice member = arena_copy(arena, field->name);
    struct slice name = member;
    if (member.bytes != NULL && has_column(view, name)) {
        name = arena_print(arena, "result_%.*s", SLICE_ARGS(member));
    }
    const struct slice unit = arena_copy(arena, field->unit);
    const struct slice type = arena_copy(arena, field->type);
    if (name.bytes == NULL || unit.bytes == NULL || type.bytes == NULL) {
        return no_memory(err);
    }
    if (!has_column(view, name)) {
        view->columns[view->count++] =
            (struct catalogue_column){.name = name, .member = member, .type = type, .unit = unit};
    }
    return STATUS_OK;
}

static status name_view(struct catalogue *catalogue, struct catalogue_view *view,
                        struct slice workflow, struct slice name, bool alone, struct error *err) {
    struct arena *arena = catalogue->arena;
    const struct slice workflow_text = quoted(arena, workflow);
    const struct slice name_text = quoted(arena, name);
    view->name = arena_print(arena, "%.*s.%.*s", SLICE_ARGS(workflow), SLICE_ARGS(name));
    view->help = arena_print(arena, "results '%.*s' of workflow '%.*s'", SLICE_ARGS(name),
                             SLICE_ARGS(workflow));
    view->from = arena_print(
        arena, FROM_RECORD "WHERE r.kind = 1 AND r.workflow = '%.*s' AND r.name = '%.*s'",
        SLICE_ARGS(workflow_text), SLICE_ARGS(name_text));
    view->alias = SLICE("");
    if (alone && !is_own_name(workflow)) {
        view->alias = arena_copy(arena, workflow);
    }
    const bool has_room = workflow_text.bytes != NULL && name_text.bytes != NULL &&
                          view->name.bytes != NULL && view->help.bytes != NULL &&
                          view->from.bytes != NULL && view->alias.bytes != NULL;
    return has_room ? STATUS_OK : no_memory(err);
}

status catalogue_add_result(struct catalogue *catalogue, struct slice workflow, struct slice name,
                            const struct catalogue_field *fields, uint32_t count, bool alone,
                            struct error *err) {
    if (catalogue->count >= CATALOGUE_VIEWS_MAX) {
        return STATUS_OK;
    }
    struct catalogue_view *view = add_view(catalogue, COMMON_COUNT + count + WHOLE_COUNT);
    if (view == NULL) {
        return no_memory(err);
    }
    TRY(name_view(catalogue, view, workflow, name, alone, err));
    (void)memcpy(view->columns, COMMON, sizeof(COMMON));
    view->count = COMMON_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        TRY(add_field(catalogue->arena, view, &fields[i], err));
    }
    (void)memcpy(&view->columns[view->count], WHOLE, sizeof(WHOLE));
    view->count += WHOLE_COUNT;
    return STATUS_OK;
}
