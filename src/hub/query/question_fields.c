// SPDX-License-Identifier: Apache-2.0
/* question_fields: what fields results have: as their workflow says, or as they were seen. */
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "hub/query/question_catalogue.h"
#include "hub/query/question_sql.h"
#include "platform/json.h"
#include "platform/json_member.h"

enum { NAMES_MAX = 32, SEEN_RESULTS_MAX = 200, SEEN_BYTES_MAX = 8 << 20, FACE_BYTES_MAX = 4 << 20 };

/* Kinds of values that a field was seen with, a bit for each; for booleans one. */
struct seen_field {
    struct slice name;
    unsigned kinds;
};

/* Results of one name. */
struct seen_result {
    struct slice name;
    struct seen_field *fields; /* CATALOGUE_FIELDS_MAX of them */
    uint32_t count;
    int results;
};

struct seen {
    struct arena *arena;
    struct seen_result results[NAMES_MAX];
    uint32_t count;
};

/* --- what was seen ---------------------------------------------------------------------------- */

static bool is_name(struct slice text) {
    for (size_t i = 0; i < text.count; i++) {
        if ((unsigned char)text.bytes[i] < ' ' || text.bytes[i] == 0x7f) {
            return false;
        }
    }
    return text.count > 0 && text.count <= CATALOGUE_NAME_BYTES_MAX && text_is_utf8(text);
}

static struct seen_result *find_result(struct seen *seen, struct slice name) {
    for (uint32_t i = 0; i < seen->count; i++) {
        if (slice_equal(seen->results[i].name, name)) {
            return &seen->results[i];
        }
    }
    if (seen->count == NAMES_MAX || !is_name(name)) {
        return NULL;
    }
    struct seen_result *result = &seen->results[seen->count];
    *result = (struct seen_result){
        .name = arena_copy(seen->arena, name),
        .fields = arena_get(seen->arena, CATALOGUE_FIELDS_MAX, sizeof(*result->fields))};
    const bool has_room = result->name.bytes != NULL && result->fields != NULL;
    seen->count += has_room ? 1 : 0;
    return has_room ? result : NULL;
}

static void note_field(struct seen *seen, struct seen_result *result, struct slice name,
                       enum json_member_kind kind) {
    const unsigned bit = 1u << (kind == JSON_MEMBER_FALSE ? JSON_MEMBER_TRUE : (unsigned)kind);
    for (uint32_t i = 0; i < result->count; i++) {
        if (slice_equal(result->fields[i].name, name)) {
            result->fields[i].kinds |= bit;
            return;
        }
    }
    if (result->count < CATALOGUE_FIELDS_MAX && is_name(name)) {
        const struct slice kept = arena_copy(seen->arena, name);
        if (kept.bytes != NULL) {
            result->fields[result->count++] = (struct seen_field){.name = kept, .kinds = bit};
        }
    }
}

/* Names with escapes are left to json functions. */
static void note_result(struct seen *seen, struct seen_result *result, struct slice body) {
    struct json_member member;
    struct slice name;
    size_t place = 0;
    while (json_member_next(body, &place, &name, &member)) {
        if (slice_find(name, '\\') == name.count) {
            note_field(seen, result, name, member.kind);
        }
    }
    result->results++;
}

static status look_at_newest(struct seen *seen, struct database *database, struct slice workflow,
                             struct error *err) {
    size_t bytes = 0;
    CLEANUP(query_done) struct query rows = query_on(database, SQL_QUESTION_NEWEST);
    query_bind_text(&rows, workflow);
    query_bind_number(&rows, CATALOGUE_LOOKED_AT);
    while (bytes < SEEN_BYTES_MAX && query_next(&rows)) {
        struct seen_result *result = find_result(seen, query_text(&rows, 0));
        if (result != NULL && result->results < SEEN_RESULTS_MAX) {
            note_result(seen, result, query_text(&rows, 1));
            bytes += query_text(&rows, 1).count;
        }
    }
    return query_status(&rows, err);
}

static struct slice type_of(unsigned kinds) {
    kinds &= ~(1u << JSON_MEMBER_NONE);
    if (kinds == 1u << JSON_MEMBER_INTEGER) {
        return SLICE("integer");
    }
    if (kinds != 0 && (kinds & ~(1u << JSON_MEMBER_INTEGER | 1u << JSON_MEMBER_REAL)) == 0) {
        return SLICE("number");
    }
    return kinds == 1u << JSON_MEMBER_TEXT     ? SLICE("string")
           : kinds == 1u << JSON_MEMBER_TRUE   ? SLICE("boolean")
           : kinds == 1u << JSON_MEMBER_LIST   ? SLICE("list")
           : kinds == 1u << JSON_MEMBER_OBJECT ? SLICE("object")
                                               : SLICE("any");
}

static status add_seen(struct catalogue *catalogue, struct slice workflow,
                       const struct seen_result *result, bool alone, struct error *err) {
    struct catalogue_field fields[CATALOGUE_FIELDS_MAX];
    for (uint32_t i = 0; i < result->count; i++) {
        fields[i] = (struct catalogue_field){.name = result->fields[i].name,
                                             .type = type_of(result->fields[i].kinds)};
    }
    return catalogue_add_result(catalogue, workflow, result->name, fields, result->count, alone,
                                err);
}

/* --- what its workflow says ------------------------------------------------------------------- */

static struct slice text_of(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL ? value_text(*member) : SLICE("");
}

static struct value list_of(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL && member->kind == VALUE_LIST ? *member
                                                        : (struct value){.kind = VALUE_LIST};
}

static uint32_t read_fields(struct value list,
                            struct catalogue_field out_fields[CATALOGUE_FIELDS_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < list.count && count < CATALOGUE_FIELDS_MAX; i++) {
        const struct slice type = text_of(list.items[i], "type");
        const struct catalogue_field field = {.name = text_of(list.items[i], "name"),
                                              .type = type.count > 0 ? type : SLICE("any"),
                                              .unit = text_of(list.items[i], "unit")};
        if (is_name(field.name) && field.unit.count <= CATALOGUE_NAME_BYTES_MAX &&
            field.type.count <= CATALOGUE_NAME_BYTES_MAX) {
            out_fields[count++] = field;
        }
    }
    return count;
}

/* The results that the face names, without those that say nothing of their fields: of these, and of
 * what is not named, there is what was seen. */
static status add_faces(struct catalogue *catalogue, struct slice workflow, struct value results,
                        const struct seen *seen, struct error *err) {
    for (uint32_t i = 0; i < results.count; i++) {
        struct catalogue_field fields[CATALOGUE_FIELDS_MAX];
        const struct slice name = text_of(results.items[i], "name");
        const uint32_t count = read_fields(list_of(results.items[i], "fields"), fields);
        if (!is_name(name) || count == 0) {
            continue;
        }
        bool alone = results.count == 1;
        for (uint32_t k = 0; k < seen->count; k++) {
            alone = alone && slice_equal(seen->results[k].name, name);
        }
        TRY(catalogue_add_result(catalogue, workflow, name, fields, count, alone, err));
    }
    return STATUS_OK;
}

static bool is_named(struct value results, struct slice name) {
    for (uint32_t i = 0; i < results.count; i++) {
        if (slice_equal(text_of(results.items[i], "name"), name) &&
            list_of(results.items[i], "fields").count > 0) {
            return true;
        }
    }
    return false;
}

/* The newest face's results; an empty list where there is none that can be read. */
static status read_face(struct database *database, struct arena *arena, struct slice workflow,
                        struct value *out_results, struct error *err) {
    struct value face;
    CLEANUP(query_done) struct query row = query_on(database, SQL_QUESTION_FACE);
    query_bind_text(&row, workflow);
    if (query_next(&row) && query_text(&row, 0).count <= FACE_BYTES_MAX &&
        json_read(arena, query_text(&row, 0), &face, NULL) == STATUS_OK) {
        *out_results = list_of(face, "results");
    }
    return query_status(&row, err);
}

/* --- workflows -------------------------------------------------------------------------------- */

static status add_workflow(struct catalogue *catalogue, struct database *database,
                           struct slice workflow, struct error *err) {
    struct value results = {.kind = VALUE_LIST};
    struct seen seen = {.arena = catalogue->arena};
    TRY(read_face(database, catalogue->arena, workflow, &results, err));
    TRY(look_at_newest(&seen, database, workflow, err));
    TRY(add_faces(catalogue, workflow, results, &seen, err));
    for (uint32_t i = 0; i < seen.count; i++) {
        if (!is_named(results, seen.results[i].name)) {
            const bool alone = seen.count == 1 && results.count <= 1;
            TRY(add_seen(catalogue, workflow, &seen.results[i], alone, err));
        }
    }
    return STATUS_OK;
}

/* Whether `sql` has the name in it as it would stand between quotes, large or small letters. */
static bool could_mean(struct slice sql, struct slice name) {
    char text[2 * CATALOGUE_NAME_BYTES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < name.count; i++) {
        if (name.bytes[i] == '"') {
            text[count++] = '"';
        }
        text[count++] = name.bytes[i];
    }
    for (size_t i = 0; i + count <= sql.count; i++) {
        if (strncasecmp(sql.bytes + i, text, count) == 0) {
            return true;
        }
    }
    return false;
}

status catalogue_load(struct catalogue *catalogue, struct arena *arena, struct database *database,
                      const struct slice *sql, struct error *err) {
    *catalogue = (struct catalogue){.arena = arena};
    TRY(catalogue_add_own(catalogue, err));
    CLEANUP(query_done) struct query row = query_on(database, SQL_QUESTION_WORKFLOWS);
    query_bind_number(&row, CATALOGUE_WORKFLOWS_MAX);
    while (query_next(&row)) {
        const struct slice name = query_text(&row, 0);
        if (is_name(name) && (sql == NULL || could_mean(*sql, name))) {
            TRY(add_workflow(catalogue, database, name, err));
        }
    }
    return query_status(&row, err);
}
