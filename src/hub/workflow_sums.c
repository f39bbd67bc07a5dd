// SPDX-License-Identifier: Apache-2.0
#include "hub/workflow_sums.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/row.h"
#include "hub/store/hub_sql.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "sync/report.h"

enum { SUMS_BYTES_MAX = 8 << 20, COUNTS_MAX = 8, NS_PER_MS = 1000000 };

static const char *const COUNTS[COUNTS_MAX] = {"events",  "runs",    "results", "failures",
                                               "skipped", "dropped", "queued",  "waiting"};
static const char *const STEP_COUNTS[] = {"runs", "failures", "skipped"};

/* A name and what is counted under it. */
struct sum {
    struct slice name; /* in the arena */
    int64_t counts[COUNTS_MAX];
};

struct sums {
    struct sum items[WORKFLOW_SUMS_MAX];
    int count;
};

/* Over all devices; about one workflow where `name` says which. */
struct walk {
    struct arena arena; /* of what is kept */
    struct slice name;  /* empty: all */
    int64_t devices;
    struct sums workflows, digests, states, steps, results;
    int64_t counts[COUNTS_MAX];
};

/* NULL: there is no room. */
static struct sum *find_sum(struct walk *walk, struct sums *sums, struct slice name) {
    for (int i = 0; i < sums->count; i++) {
        if (slice_equal(sums->items[i].name, name)) {
            return &sums->items[i];
        }
    }
    const struct slice copy =
        sums->count < WORKFLOW_SUMS_MAX && name.count > 0 && name.count <= REPORT_NAME_BYTES_MAX
            ? arena_copy(&walk->arena, name)
            : (struct slice){0};
    if (copy.bytes == NULL) {
        return NULL;
    }
    sums->items[sums->count] = (struct sum){.name = copy};
    return &sums->items[sums->count++];
}

static void add(int64_t *sum, struct value object, const char *name) {
    const struct value *value = value_get(object, slice_of(name));
    if (value != NULL && value->kind == VALUE_INTEGER && value->integer > 0) {
        *sum = *sum <= INT64_MAX - value->integer ? *sum + value->integer : INT64_MAX;
    }
}

static void count_one(struct walk *walk, struct sums *sums, struct slice name) {
    struct sum *sum = find_sum(walk, sums, name);
    if (sum != NULL) {
        sum->counts[0]++;
    }
}

static struct slice text_of(struct value object, const char *name) {
    const struct value *value = value_get(object, slice_of(name));
    return value != NULL && value->kind == VALUE_TEXT ? value_text(*value) : SLICE("");
}

static struct value object_of(struct value object, const char *name) {
    const struct value *value = value_get(object, slice_of(name));
    return value != NULL && value->kind == VALUE_OBJECT ? *value
                                                        : (struct value){.kind = VALUE_OBJECT};
}

/* --- one device ------------------------------------------------------------------------------ */

static void add_steps(struct walk *walk, struct value steps) {
    for (uint32_t i = 0; i < steps.count; i++) {
        struct sum *sum = find_sum(walk, &walk->steps, steps.members[i].name);
        for (size_t k = 0; sum != NULL && k < sizeof(STEP_COUNTS) / sizeof(STEP_COUNTS[0]); k++) {
            add(&sum->counts[k], steps.members[i].value, STEP_COUNTS[k]);
        }
    }
}

static void add_results(struct walk *walk, struct value results) {
    for (uint32_t i = 0; i < results.count; i++) {
        struct sum *sum = find_sum(walk, &walk->results, results.members[i].name);
        const struct value *count = &results.members[i].value;
        if (sum != NULL && count->kind == VALUE_INTEGER && count->integer > 0) {
            sum->counts[0] += count->integer <= INT64_MAX - sum->counts[0] ? count->integer : 0;
        }
    }
}

static void add_workflow(struct walk *walk, struct value workflow) {
    const struct slice name = text_of(workflow, "name");
    if (walk->name.count == 0) {
        count_one(walk, &walk->workflows, name);
        return;
    }
    if (!slice_equal(name, walk->name)) {
        return;
    }
    walk->devices++;
    count_one(walk, &walk->digests, text_of(workflow, "digest"));
    count_one(walk, &walk->states, text_of(workflow, "state"));
    for (int i = 0; i < COUNTS_MAX; i++) {
        add(&walk->counts[i], workflow, COUNTS[i]);
    }
    add_steps(walk, object_of(workflow, "steps"));
    add_results(walk, object_of(workflow, "results_by_name"));
}

/* A report that cannot be read says nothing. */
static void add_report(struct walk *walk, struct slice text) {
    struct value report = {.kind = VALUE_NULL};
    struct error err;
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, REPORT_ARENA_BYTES_MAX);
    if (text.count == 0 || text.count > REPORT_BYTES_MAX ||
        json_read(&arena, text, &report, &err) != STATUS_OK) {
        return;
    }
    const struct value *list = value_get(report, SLICE("workflows"));
    for (uint32_t i = 0; list != NULL && list->kind == VALUE_LIST && i < list->count; i++) {
        if (list->items[i].kind == VALUE_OBJECT) {
            add_workflow(walk, list->items[i]);
        }
    }
}

static void add_device(struct walk *walk, struct device_reports *reports,
                       const struct query *query) {
    struct slice unwritten = {0};
    int64_t came_ms = 0;
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, 2 * REPORT_BYTES_MAX);
    const bool newer =
        device_reports_unwritten(reports, row_id(query, 0), &arena, &unwritten, &came_ms);
    add_report(walk, newer ? unwritten : query_text(query, 1));
}

static status walk_devices(struct walk *walk, struct device_reports *reports,
                           struct database *database, struct error *err) {
    const int64_t end_ns = clock_monotonic_ns() + (int64_t)WORKFLOW_SUMS_MS * NS_PER_MS;
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_REPORT_ALL);
    while (query_next(&query)) {
        if (clock_monotonic_ns() > end_ns) {
            return fail(err, STATUS_TIMEOUT, "the reports of all devices take more than %d ms",
                        WORKFLOW_SUMS_MS);
        }
        add_device(walk, reports, &query);
    }
    return query_status(&query, err);
}

/* --- faces ----------------------------------------------------------------------------------- */

/* The newest of that workflow; in the arena. `out_face` is null where none is known. */
static status find_face(struct database *database, struct arena *arena, struct slice name,
                        struct id *out_digest, struct slice *out_text, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_FACE_NEWEST);
    query_bind_text(&query, name);
    *out_text = (struct slice){0};
    if (query_next(&query)) {
        *out_digest = row_id(&query, 0);
        *out_text = arena_copy(arena, query_text(&query, 2));
    }
    return query_status(&query, err);
}

static void write_digest(struct buffer *out, struct slice face, struct id digest) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(digest, hex);
    buffer_print(out, face.count > 0 ? ",\"digest\":\"%s\"" : ",\"digest\":null",
                 face.count > 0 ? hex : "");
}

/* --- the list -------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return slice_compare(((const struct sum *)a)->name, ((const struct sum *)b)->name);
}

static status write_listed(struct database *database, const struct sum *sum, struct buffer *out,
                           struct error *err) {
    struct value face = {.kind = VALUE_NULL};
    struct slice text;
    struct id digest = {0};
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, REPORT_ARENA_BYTES_MAX);
    TRY(find_face(database, &arena, sum->name, &digest, &text, err));
    if (text.count > 0) {
        TRY(json_read(&arena, text, &face, err));
    }
    buffer_add_text(out, "{\"name\":");
    json_write_text(out, sum->name);
    buffer_add_text(out, ",\"summary\":");
    json_write_text(out, text_of(face, "summary"));
    buffer_print(out, ",\"devices\":%lld", (long long)sum->counts[0]);
    write_digest(out, text, digest);
    buffer_add_byte(out, '}');
    return STATUS_OK;
}

static struct walk *create_walk(struct slice name, struct error *err) {
    struct walk *walk = memory_new(1, sizeof(*walk));
    if (walk == NULL) {
        (void)fail(err, STATUS_NO_MEMORY, "out of memory for the sums");
        return NULL;
    }
    arena_init(&walk->arena, SUMS_BYTES_MAX);
    walk->name = name;
    return walk;
}

static void destroy_walk(struct walk *walk) {
    arena_done(&walk->arena);
    memory_free(walk);
}

static status list(struct walk *walk, struct device_reports *reports, struct database *database,
                   struct buffer *out, struct error *err) {
    struct sums *sums = &walk->workflows;
    TRY(walk_devices(walk, reports, database, err));
    if (sums->count > 0) {
        qsort(sums->items, (size_t)sums->count, sizeof(sums->items[0]), by_name);
    }
    buffer_add_text(out, "{\"workflows\":[");
    for (int i = 0; i < sums->count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        TRY(write_listed(database, &sums->items[i], out, err));
    }
    buffer_add_text(out, "]}\n");
    return buffer_status(out, err);
}

status workflow_sums_list(struct device_reports *reports, struct database *database,
                          struct buffer *out, struct error *err) {
    struct walk *walk = create_walk(SLICE(""), err);
    if (walk == NULL) {
        return err->code;
    }
    const status listed = list(walk, reports, database, out, err);
    destroy_walk(walk);
    return listed;
}

/* --- one workflow ---------------------------------------------------------------------------- */

/* "NAME":n, of each. */
static void write_counted(struct buffer *out, const char *member, const struct sums *sums) {
    buffer_print(out, ",\"%s\":{", member);
    for (int i = 0; i < sums->count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        json_write_text(out, sums->items[i].name);
        buffer_print(out, ":%lld", (long long)sums->items[i].counts[0]);
    }
    buffer_add_byte(out, '}');
}

static void write_digests(struct buffer *out, const struct sums *sums) {
    buffer_add_text(out, ",\"digests\":[");
    for (int i = 0; i < sums->count; i++) {
        buffer_add_text(out, i > 0 ? ",{\"digest\":" : "{\"digest\":");
        json_write_text(out, sums->items[i].name);
        buffer_print(out, ",\"devices\":%lld}", (long long)sums->items[i].counts[0]);
    }
    buffer_add_byte(out, ']');
}

static void write_steps(struct buffer *out, const struct sums *sums) {
    buffer_add_text(out, ",\"steps\":{");
    for (int i = 0; i < sums->count; i++) {
        const int64_t *counts = sums->items[i].counts;
        buffer_add_text(out, i > 0 ? "," : "");
        json_write_text(out, sums->items[i].name);
        buffer_print(out, ":{\"runs\":%lld,\"failures\":%lld,\"skipped\":%lld}",
                     (long long)counts[0], (long long)counts[1], (long long)counts[2]);
    }
    buffer_add_byte(out, '}');
}

static void write_walk(const struct walk *walk, struct slice face, struct id digest,
                       struct buffer *out) {
    buffer_add_text(out, "{\"name\":");
    json_write_text(out, walk->name);
    buffer_print(out, ",\"devices\":%lld", (long long)walk->devices);
    write_digest(out, face, digest);
    buffer_add_text(out, ",\"face\":");
    buffer_add(out, face.count > 0 ? face : SLICE("null"));
    write_digests(out, &walk->digests);
    write_counted(out, "states", &walk->states);
    buffer_add_text(out, ",\"counts\":{");
    for (int i = 0; i < COUNTS_MAX; i++) {
        buffer_print(out, "%s\"%s\":%lld", i > 0 ? "," : "", COUNTS[i], (long long)walk->counts[i]);
    }
    buffer_add_byte(out, '}');
    write_steps(out, &walk->steps);
    write_counted(out, "results_by_name", &walk->results);
    buffer_add_text(out, "}\n");
}

static status show(struct walk *walk, struct device_reports *reports, struct database *database,
                   struct buffer *out, struct error *err) {
    struct slice face;
    struct id digest = {0};
    TRY(walk_devices(walk, reports, database, err));
    TRY(find_face(database, &walk->arena, walk->name, &digest, &face, err));
    if (walk->devices == 0 && face.count == 0) {
        return fail(err, STATUS_NOT_FOUND, "no device has reported a workflow '%.*s'",
                    SLICE_ARGS(walk->name));
    }
    write_walk(walk, face, digest, out);
    return buffer_status(out, err);
}

status workflow_sums_show(struct device_reports *reports, struct database *database,
                          struct slice name, struct buffer *out, struct error *err) {
    struct walk *walk = create_walk(name, err);
    if (walk == NULL) {
        return err->code;
    }
    const status shown = show(walk, reports, database, out, err);
    destroy_walk(walk);
    return shown;
}
