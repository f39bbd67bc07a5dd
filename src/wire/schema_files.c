// SPDX-License-Identifier: Apache-2.0
// The fields of a `schema:`: those that stand there, and those of files beside the workflow.
#include <stdarg.h>
#include <stdio.h>

#include "platform/file.h"
#include "platform/hash.h"
#include "platform/json.h"
#include "wire/workflow_draft.h"

static const char SCHEMAS[] = "schemas";

bool workflow_is_schema_file(struct slice name) {
    for (size_t i = 0; i < name.count; i++) {
        const char c = name.bytes[i];
        const bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || (c != '.' && c != '-' && c != '_'))) {
            return false;
        }
    }
    return name.count <= SCHEMA_FILE_NAME_BYTES_MAX &&
           (slice_ends(name, ".schema.yaml") || slice_ends(name, ".schema.json"));
}

/* --- those that a text brings along --- */

static const struct yaml *find(const struct yaml *map, struct slice name) {
    for (uint32_t i = 0; map != NULL && map->kind == YAML_MAP && i < map->count; i++) {
        if (slice_equal(map->pairs[i].key, name)) {
            return &map->pairs[i].value;
        }
    }
    return NULL;
}

const struct yaml *schemas_of(const struct yaml_document *documents, uint32_t count) {
    const struct yaml *root = count == 2 ? &documents[1].root : NULL;
    const bool ours = root != NULL && root->kind == YAML_MAP && root->count == 1 &&
                      slice_is(root->pairs[0].key, SCHEMAS) &&
                      root->pairs[0].value.kind == YAML_MAP;
    return ours ? &root->pairs[0].value : NULL;
}

const struct yaml *schemas_find(const struct yaml *schemas, const struct yaml *result) {
    const struct yaml *schema = yaml_get(result, "schema");
    return schema != NULL && schema->kind == YAML_SCALAR ? find(schemas, schema->text) : schema;
}

/* --- those of files --- */

/* What is wrong with a file is said where it is named. */
__attribute__((format(printf, 5, 6))) static void say(struct reading *reading,
                                                      const struct yaml *node, struct slice file,
                                                      struct place place, const char *format, ...) {
    char text[FAULT_TEXT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (place.line > 0) {
        faults_add(reading->faults, node->place, "%.*s:%d:%d: %s", SLICE_ARGS(file), place.line,
                   place.column, text);
    } else {
        faults_add(reading->faults, node->place, "%.*s: %s", SLICE_ARGS(file), text);
    }
}

static struct slice path_of(struct workflow_draft *draft, struct slice name) {
    const struct slice file = draft->workflow->file;
    size_t count = file.count;
    while (count > 0 && file.bytes[count - 1] != '/') {
        count--;
    }
    const struct slice folder = slice_part(file, 0, count);
    const char *other = draft->doors != NULL ? draft->doors->folder : NULL;
    const struct slice path =
        other != NULL
            ? arena_print(draft->scratch, "%s/%.*s", other, SLICE_ARGS(name))
            : arena_print(draft->scratch, "%.*s%.*s", SLICE_ARGS(folder), SLICE_ARGS(name));
    draft->reading.faults->no_memory |= path.bytes == NULL;
    return path;
}

static bool read_bytes(struct workflow_draft *draft, const struct yaml *node,
                       struct slice *out_text) {
    const struct slice path = path_of(draft, node->text);
    struct error err;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, SCHEMA_FILE_BYTES_MAX);
    if (path.bytes == NULL) {
        return false;
    }
    const status code = file_read(path.bytes, &bytes, &err);
    if (code == STATUS_NO_MEMORY) {
        draft->reading.faults->no_memory = true;
        return false;
    }
    if (code != STATUS_OK) {
        faults_add(draft->reading.faults, node->place, "`schema: %.*s`: %s", SLICE_ARGS(node->text),
                   err.text);
        return false;
    }
    *out_text = arena_copy(draft->scratch, buffer_slice(&bytes));
    draft->reading.faults->no_memory |= out_text->bytes == NULL;
    return out_text->bytes != NULL;
}

/* The file's fields, or NULL when it is of no use. */
static const struct yaml *read_file(struct workflow_draft *draft, const struct yaml *node) {
    const struct yaml_document *documents;
    uint32_t count = 0;
    struct place place = {0};
    struct slice text;
    struct error err;
    if (!read_bytes(draft, node, &text)) {
        return NULL;
    }
    const status code = yaml_read(draft->scratch, text, &documents, &count, &place, &err);
    if (code == STATUS_NO_MEMORY) {
        draft->reading.faults->no_memory = true;
    } else if (code != STATUS_OK) {
        say(&draft->reading, node, node->text, place, "%s", err.text);
    } else if (count != 1 || yaml_is_null(&documents[0].root)) {
        say(&draft->reading, node, node->text, (struct place){0},
            "one map of fields such as { t: number }, not %s",
            count > 1 ? "several documents" : "an empty file");
    } else if (documents[0].root.kind == YAML_MAP &&
               yaml_get(&documents[0].root, "$schema") != NULL) {
        say(&draft->reading, node, node->text, documents[0].root.place,
            "this is a JSON Schema: fields are written as under a trigger's `schema`, "
            "{ t: { type: number, unit: Cel } }");
    } else {
        return &documents[0].root;
    }
    return NULL;
}

/* A file is read once, however many `schema:` keys name it. */
static const struct yaml *open_file(struct workflow_draft *draft, const struct yaml *node) {
    for (uint32_t i = 0; i < draft->schema_file_count; i++) {
        if (slice_equal(draft->schema_files[i].name, node->text)) {
            return draft->schema_files[i].root;
        }
    }
    if (draft->schema_files == NULL) {
        draft->schema_files = draft_scratch(draft, SCHEMA_FILES_MAX, sizeof(*draft->schema_files));
    }
    if (draft->schema_files == NULL) {
        return NULL;
    }
    if (draft->schema_file_count == SCHEMA_FILES_MAX) {
        faults_add(draft->reading.faults, node->place, "a workflow has at most %d files of schemas",
                   SCHEMA_FILES_MAX);
        return NULL;
    }
    struct schema_file *file = &draft->schema_files[draft->schema_file_count++];
    file->name = arena_copy(draft->reading.arena, node->text);
    draft->reading.faults->no_memory |= file->name.bytes == NULL;
    file->root = read_file(draft, node);
    return file->root;
}

/* The same with what is wrong in the file told where it is named. */
static void read_fields_of_file(struct reading *reading, const struct yaml *node,
                                const struct yaml *fields, fields_judge *also,
                                struct field_set *out_set) {
    struct faults inner;
    struct reading file = *reading;
    file.faults = &inner;
    faults_init(&inner, draft_of(reading)->scratch);
    field_set_read(&file, fields, out_set);
    if (also != NULL) {
        also(&file, fields, out_set);
    }
    for (uint32_t i = 0; i < inner.count; i++) {
        say(reading, node, node->text, inner.held[i].place, "%.*s", SLICE_ARGS(inner.held[i].text));
    }
    reading->faults->no_memory |= inner.no_memory;
}

/* --- both --- */

static const struct yaml *find_named(struct reading *reading, const struct yaml *node) {
    struct workflow_draft *draft = draft_of(reading);
    if (!workflow_is_schema_file(node->text)) {
        faults_add(reading->faults, node->place,
                   "`schema: %.*s`: fields such as { t: number }, or the name of a file beside the "
                   "workflow that ends in .schema.yaml or .schema.json",
                   QUOTED(node->text));
        return NULL;
    }
    if (draft->schemas == NULL) {
        return open_file(draft, node);
    }
    const struct yaml *brought = find(draft->schemas, node->text);
    if (brought == NULL) {
        faults_add(reading->faults, node->place, "`schema: %.*s`: `%s` brings no such file along",
                   QUOTED(node->text), SCHEMAS);
    }
    return brought;
}

void schema_fields_read(struct reading *reading, const struct yaml *node, fields_judge *also,
                        struct field_set *out_set, const struct yaml **out_fields) {
    const bool named = node->kind == YAML_SCALAR && !yaml_is_null(node);
    const struct yaml *fields = named ? find_named(reading, node) : node;
    *out_set = (struct field_set){.open = true};
    *out_fields = fields;
    if (fields == NULL) {
        return;
    }
    if (named && draft_of(reading)->schemas == NULL) {
        read_fields_of_file(reading, node, fields, also, out_set);
        return;
    }
    field_set_read(reading, fields, out_set);
    if (also != NULL) {
        also(reading, fields, out_set);
    }
}

/* --- the text that has all --- */

/* JSON lets a DEL stand in a text, YAML does not. */
static void write_fields(const struct workflow_draft *draft, const struct yaml *fields,
                         struct buffer *out) {
    struct value value;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, WORKFLOW_BYTES_MAX);
    if (yaml_value(draft->scratch, fields, &value)) {
        json_write(&json, value);
    } else {
        draft->reading.faults->no_memory = true;
    }
    for (size_t i = 0; i < json.count; i++) {
        if (json.bytes[i] == 0x7f) {
            buffer_add_text(out, "\\u007f");
        } else {
            buffer_add_byte(out, (uint8_t)json.bytes[i]);
        }
    }
    if (out->failed == STATUS_OK) {
        out->failed = json.failed;
    }
}

static void write_files(const struct workflow_draft *draft, struct buffer *out) {
    buffer_print(out, "---\n%s:\n", SCHEMAS);
    for (uint32_t i = 0; i < draft->schema_file_count; i++) {
        buffer_add_text(out, "  ");
        buffer_add(out, draft->schema_files[i].name);
        buffer_add_text(out, ": ");
        write_fields(draft, draft->schema_files[i].root, out);
        buffer_add_byte(out, '\n');
    }
}

static void keep_names(struct workflow_draft *draft) {
    struct slice *names = arena_get(draft->reading.arena, draft->schema_file_count, sizeof(*names));
    for (uint32_t i = 0; names != NULL && i < draft->schema_file_count; i++) {
        names[i] = draft->schema_files[i].name;
    }
    draft->reading.faults->no_memory |= names == NULL;
    draft->workflow->schema_files = names;
    draft->workflow->schema_file_count = draft->schema_file_count;
}

/* What is read again later, when nobody is there to mend it, is read again now. */
static bool can_be_read(struct workflow_draft *draft, struct slice text) {
    const struct yaml_document *documents;
    uint32_t count;
    struct place place = {0};
    struct error err;
    const status code = yaml_read(draft->scratch, text, &documents, &count, &place, &err);
    if (code == STATUS_NO_MEMORY) {
        draft->reading.faults->no_memory = true;
    } else if (code != STATUS_OK) {
        faults_add(draft->reading.faults, (struct place){0},
                   "the schemas of files do not fit behind the workflow: %s", err.text);
    }
    return code == STATUS_OK;
}

void schema_files_keep(struct workflow_draft *draft) {
    struct workflow *workflow = draft->workflow;
    struct faults *faults = draft->reading.faults;
    if (draft->schema_file_count == 0) {
        return;
    }
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    buffer_add(&text, workflow->text);
    buffer_add_text(&text, slice_ends(workflow->text, "\n") ? "" : "\n");
    write_files(draft, &text);
    keep_names(draft);
    if (text.failed == STATUS_FULL) {
        faults_add(faults, (struct place){0},
                   "a workflow file and the schemas that it names have at most %d bytes together",
                   WORKFLOW_BYTES_MAX);
        return;
    }
    faults->no_memory |= text.failed != STATUS_OK;
    if (faults->no_memory || !can_be_read(draft, buffer_slice(&text))) {
        return;
    }
    workflow->text = arena_copy(draft->reading.arena, buffer_slice(&text));
    workflow->digest = hash_128(buffer_slice(&text), (struct slice){0});
    faults->no_memory |= workflow->text.bytes == NULL;
}
