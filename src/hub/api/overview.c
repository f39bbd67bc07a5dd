// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "hub/api/device_json.h"
#include "hub/api/resources.h"
#include "hub/labels.h"
#include "hub/store/hub_sql.h"
#include "platform/json.h"

enum { HOURS, WORKFLOW, NAMED_MAX = 8, HOURS_MOST = 24 * 366, HOURS_USUAL = 48 };
enum { LABEL_NAMES_MAX = 20, LABEL_VALUES_MAX = 30 };

static const int64_t HOUR_MS = INT64_C(3600) * 1000;

/* --- who needs somebody --- */

static void write_need(struct buffer *out, const struct fleet *fleet, int kind) {
    int count = 0;
    buffer_print(out, "{\"need\":\"%s\",\"names\":[", need_name(kind));
    for (int i = 0; i < fleet->count; i++) {
        if ((fleet->devices[i].needs & (1U << kind)) != 0) {
            if (count < NAMED_MAX) {
                buffer_add_text(out, count > 0 ? "," : "");
                json_write_text(out, fleet->devices[i].name);
            }
            count++;
        }
    }
    buffer_print(out, "],\"devices\":%d}", count);
}

static void write_fleet(struct buffer *out, const struct fleet *fleet) {
    int states[DEVICE_REMOVED] = {0};
    int needing = 0;
    for (int i = 0; i < fleet->count; i++) {
        states[fleet->devices[i].state]++;
        needing += fleet->devices[i].needs != 0 ? 1 : 0;
    }
    buffer_print(out, "{\"need_you\":%d,\"devices\":{", needing);
    for (int i = DEVICE_ACTIVE; i < DEVICE_REMOVED; i++) {
        buffer_print(out, "%s\"%s\":%d", i > 0 ? "," : "", device_state_name((enum device_state)i),
                     states[i]);
    }
    buffer_add_text(out, "},\"needs\":[");
    for (int i = 0; i < NEED_KINDS; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        write_need(out, fleet, i);
    }
    buffer_add_byte(out, ']');
}

/* --- labels, to choose from --- */

struct label {
    struct slice name;
    struct slice values[LABEL_VALUES_MAX];
    int count;
};

struct labels {
    struct label items[LABEL_NAMES_MAX];
    int count;
};

static struct label *find_label(struct labels *labels, struct slice name) {
    for (int i = 0; i < labels->count; i++) {
        if (slice_equal(labels->items[i].name, name)) {
            return &labels->items[i];
        }
    }
    if (labels->count == LABEL_NAMES_MAX) {
        return NULL;
    }
    labels->items[labels->count] = (struct label){.name = name};
    return &labels->items[labels->count++];
}

static void note_value(struct label *label, struct slice value) {
    for (int i = 0; i < label->count; i++) {
        if (slice_equal(label->values[i], value)) {
            return;
        }
    }
    if (label->count < LABEL_VALUES_MAX) {
        label->values[label->count++] = value;
    }
}

static status write_labels(struct hub_call *call, const struct fleet *fleet, struct error *err) {
    struct labels *labels = arena_get(call->arena, 1, sizeof(*labels));
    if (labels == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for labels");
    }
    labels->count = 0;
    for (int i = 0; i < fleet->count; i++) {
        struct value all;
        TRY(labels_read(call->arena, fleet->devices[i].labels, &all, err));
        for (uint32_t j = 0; j < all.count; j++) {
            struct label *label = find_label(labels, all.members[j].name);
            if (label != NULL && all.members[j].value.kind == VALUE_TEXT) {
                note_value(label, value_text(all.members[j].value));
            }
        }
    }
    buffer_add_text(&call->out, ",\"labels\":{");
    for (int i = 0; i < labels->count; i++) {
        const struct label *label = &labels->items[i];
        buffer_add_text(&call->out, i > 0 ? "," : "");
        json_write_text(&call->out, label->name);
        buffer_add_text(&call->out, ":[");
        for (int j = 0; j < label->count; j++) {
            buffer_add_text(&call->out, j > 0 ? "," : "");
            json_write_text(&call->out, label->values[j]);
        }
        buffer_add_byte(&call->out, ']');
    }
    buffer_add_byte(&call->out, '}');
    return STATUS_OK;
}

/* --- by the hour --- */

/* Numbers of one column, an hour each, also of hours in which nothing was made. */
struct hours {
    int64_t first, count;
    int64_t (*rows)[3];
};

static status load_hours(struct hub_call *call, struct database *database, struct hours *hours,
                         struct error *err) {
    hours->rows = arena_get(call->arena, (size_t)hours->count, sizeof(*hours->rows));
    if (hours->rows == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for %lld hours", (long long)hours->count);
    }
    (void)memset(hours->rows, 0, (size_t)hours->count * sizeof(*hours->rows));
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_TALLY_LIST);
    query_bind_number(&query, hours->first);
    query_bind_text(&query, call->queries[WORKFLOW]);
    while (query_next(&query)) {
        const int64_t at = query_number(&query, 0) - hours->first;
        for (int i = 0; i < 3 && at < hours->count; i++) {
            hours->rows[at][i] = query_number(&query, i + 1);
        }
    }
    return query_status(&query, err);
}

static status write_hours(struct hub_call *call, struct database *database, struct error *err) {
    static const char *const NAMES[] = {"results", "failures", "gone"};
    uint64_t wish = HOURS_USUAL;
    const struct slice text = call->queries[HOURS];
    if (text.count > 0 && (!text_number(text, HOURS_MOST, &wish) || wish == 0)) {
        return fail(err, STATUS_INVALID, "hours is a whole number from 1 to %d", HOURS_MOST);
    }
    struct hours hours = {.first = call->now_ms / HOUR_MS - (int64_t)wish + 1,
                          .count = (int64_t)wish};
    TRY(load_hours(call, database, &hours, err));
    buffer_print(&call->out, ",\"hours\":{\"first\":%lld", (long long)hours.first * 3600);
    for (int column = 0; column < 3; column++) {
        buffer_print(&call->out, ",\"%s\":[", NAMES[column]);
        for (int64_t i = 0; i < hours.count; i++) {
            buffer_print(&call->out, "%s%lld", i > 0 ? "," : "", (long long)hours.rows[i][column]);
        }
        buffer_add_byte(&call->out, ']');
    }
    buffer_add_byte(&call->out, '}');
    return STATUS_OK;
}

status hub_overview(struct hub_call *call, struct database *database, struct error *err) {
    struct fleet fleet;
    TRY(fleet_load(database, call->arena, call->now_ms, call->settings->overdue_ms, &fleet, err));
    write_fleet(&call->out, &fleet);
    TRY(write_labels(call, &fleet, err));
    TRY(write_hours(call, database, err));
    buffer_add_text(&call->out, "}\n");
    return buffer_status(&call->out, err);
}
