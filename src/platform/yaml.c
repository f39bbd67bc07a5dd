// SPDX-License-Identifier: Apache-2.0
#include "platform/yaml.h"

#include <assert.h>
#include <libfyaml.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/yaml_explain.h"
#include "platform/yaml_guard.h"
#include "platform/yaml_keys.h"

static const char HINT[] = " (an expression? quote it, or use a |- block)";

enum { ANCHORS_MAX = 256, SCRATCH_BYTES_MAX = 32 << 20 };

/* A list or map that is being read; its children wait on the stack of the reading. */
struct frame {
    enum yaml_kind kind;
    struct place place;
    uint32_t first; /* index of its first child on the stack */
    int anchor;     /* index of its anchor, or -1 */
    bool flow;      /* in brackets */
    bool has_key;   /* of a map: the key of the next value is there */
    bool has_merge; /* of a map: it has a key << */
    struct slice key;
    struct place key_place;
};

struct anchor {
    struct slice name;
    bool ready; /* false inside the very node that it names */
    struct yaml node;
};

struct reading {
    struct arena *arena;
    struct slice text;
    struct buffer stack;     /* of struct yaml_pair: finished children of unfinished nodes */
    struct buffer documents; /* of struct yaml_document */
    struct buffer scratch;   /* while the keys of a map are compared */
    struct frame frames[YAML_DEPTH_MAX];
    int depth;
    struct anchor anchors[ANCHORS_MAX];
    int anchor_count;
    uint32_t nodes;
    size_t expanded_bytes;
    struct place place; /* of what is wrong */
    struct error *err;
};

static void reading_done(struct reading *reading) {
    buffer_done(&reading->stack);
    buffer_done(&reading->documents);
    buffer_done(&reading->scratch);
}

static status wrong(struct reading *reading, struct place place, const char *what) {
    reading->place = place;
    return fail(reading->err, STATUS_INVALID, "%s", what);
}

static status full(struct reading *reading) {
    return fail(reading->err, STATUS_FULL, "the file does not fit the %zu bytes for it",
                reading->arena->bytes_max);
}

/* The innermost list or map in brackets that is still open, or NULL. */
static const struct frame *open_bracket(const struct reading *reading) {
    for (int i = reading->depth - 1; i >= 0; i--) {
        if (reading->frames[i].flow) {
            return &reading->frames[i];
        }
    }
    return NULL;
}

static bool in_expression(const struct reading *reading, int line) {
    if (yaml_has_expression(yaml_line(reading->text, line))) {
        return true;
    }
    for (int i = 0; i < reading->depth; i++) {
        const struct frame *frame = &reading->frames[i];
        if (frame->has_key && yaml_key_takes_expression(frame->key)) {
            return true;
        }
    }
    return false;
}

/* ---- nodes ------------------------------------------------------------------------------ */

/* Every node and every byte of text counts, also what an alias repeats. */
static status count_node(struct reading *reading, struct place place, size_t bytes) {
    if (++reading->nodes > YAML_NODES_MAX) {
        reading->place = place;
        return fail(reading->err, STATUS_INVALID, "more than %d nodes, aliases expanded",
                    YAML_NODES_MAX);
    }
    if (bytes > YAML_EXPANDED_BYTES_MAX - reading->expanded_bytes) {
        reading->place = place;
        return fail(reading->err, STATUS_INVALID, "more than %d bytes of text, aliases expanded",
                    YAML_EXPANDED_BYTES_MAX);
    }
    reading->expanded_bytes += bytes;
    return STATUS_OK;
}

/* Puts a finished node where it belongs: under its key, into its list, or as a document. */
static status put(struct reading *reading, const struct yaml *node) {
    if (reading->depth == 0) {
        const struct yaml_document document = {.root = *node};
        buffer_add(&reading->documents,
                   (struct slice){.bytes = (const char *)&document, .count = sizeof(document)});
        return buffer_status(&reading->documents, reading->err);
    }
    struct frame *frame = &reading->frames[reading->depth - 1];
    struct yaml_pair pair = {.value = *node};
    if (frame->kind == YAML_MAP) {
        pair.key = frame->key;
        pair.key_place = frame->key_place;
        frame->has_key = false;
    }
    buffer_add(&reading->stack,
               (struct slice){.bytes = (const char *)&pair, .count = sizeof(pair)});
    return buffer_status(&reading->stack, reading->err);
}

static bool wants_key(const struct reading *reading) {
    if (reading->depth == 0) {
        return false;
    }
    const struct frame *frame = &reading->frames[reading->depth - 1];
    return frame->kind == YAML_MAP && !frame->has_key;
}

static status put_key(struct reading *reading, const struct yaml *node) {
    struct frame *frame = &reading->frames[reading->depth - 1];
    if (!node->quoted && node->text.count == 0) {
        return wrong(reading, node->place, "a key is missing before ':'");
    }
    frame->has_merge = frame->has_merge || (!node->quoted && slice_is(node->text, "<<"));
    frame->key = node->text;
    frame->key_place = node->place;
    frame->has_key = true;
    return STATUS_OK;
}

/* ---- anchors and aliases ---------------------------------------------------------------- */

static status add_anchor(struct reading *reading, struct fy_token *token, struct place place,
                         int *out_index) {
    *out_index = -1;
    size_t count = 0;
    const char *name = token != NULL ? fy_token_get_text(token, &count) : NULL;
    if (name == NULL) {
        return STATUS_OK;
    }
    if (reading->anchor_count == ANCHORS_MAX) {
        reading->place = place;
        return fail(reading->err, STATUS_INVALID, "more than %d anchors in a file", ANCHORS_MAX);
    }
    const struct slice copy =
        arena_copy(reading->arena, (struct slice){.bytes = name, .count = count});
    if (copy.bytes == NULL) {
        return full(reading);
    }
    *out_index = reading->anchor_count++;
    reading->anchors[*out_index] = (struct anchor){.name = copy};
    return STATUS_OK;
}

static void settle_anchor(struct reading *reading, int index, const struct yaml *node) {
    if (index >= 0) {
        reading->anchors[index].node = *node;
        reading->anchors[index].ready = true;
    }
}

/* A copy stands at the place of its use, with all that is in it: that is where a person looks. */
static status copy_node(struct reading *reading, const struct yaml *from, struct place place,
                        int depth, struct yaml *out_node) {
    TRY(count_node(reading, place, from->text.count));
    if (from->kind != YAML_SCALAR && depth >= YAML_DEPTH_MAX) {
        reading->place = place;
        return fail(reading->err, STATUS_INVALID, "nested deeper than %d levels", YAML_DEPTH_MAX);
    }
    *out_node = *from;
    out_node->place = place;
    if (from->kind == YAML_LIST) {
        struct yaml *items = arena_get(reading->arena, from->count, sizeof(*items));
        if (items == NULL) {
            return full(reading);
        }
        for (uint32_t i = 0; i < from->count; i++) {
            TRY(copy_node(reading, &from->items[i], place, depth + 1, &items[i]));
        }
        out_node->items = items;
    } else if (from->kind == YAML_MAP) {
        struct yaml_pair *pairs = arena_get(reading->arena, from->count, sizeof(*pairs));
        if (pairs == NULL) {
            return full(reading);
        }
        for (uint32_t i = 0; i < from->count; i++) {
            TRY(count_node(reading, place, from->pairs[i].key.count));
            TRY(copy_node(reading, &from->pairs[i].value, place, depth + 1, &pairs[i].value));
            pairs[i].key = from->pairs[i].key;
            pairs[i].key_place = place;
        }
        out_node->pairs = pairs;
    }
    return STATUS_OK;
}

static status take_alias(struct reading *reading, struct fy_event *event, struct place place) {
    size_t count = 0;
    const char *name = fy_token_get_text(event->alias.anchor, &count);
    const struct slice wanted = {.bytes = name, .count = name != NULL ? count : 0};
    if (wants_key(reading)) {
        return wrong(reading, place, "a key must be a word, not an alias");
    }
    for (int i = reading->anchor_count - 1; i >= 0; i--) {
        const struct anchor *anchor = &reading->anchors[i];
        if (!slice_equal(anchor->name, wanted)) {
            continue;
        }
        if (!anchor->ready) {
            return wrong(reading, place, "an alias inside of what it names");
        }
        struct yaml copy;
        TRY(copy_node(reading, &anchor->node, place, reading->depth, &copy));
        return put(reading, &copy);
    }
    reading->place = place;
    return fail(reading->err, STATUS_INVALID, "no anchor '&%.*s' stands before this alias",
                (int)(wanted.count < 64 ? wanted.count : 64), wanted.bytes);
}

/* ---- lists and maps --------------------------------------------------------------------- */

static status finish_list(struct reading *reading, const struct yaml_pair *children, uint32_t count,
                          struct yaml *node) {
    struct yaml *items = arena_get(reading->arena, count, sizeof(*items));
    if (items == NULL) {
        return full(reading);
    }
    for (uint32_t i = 0; i < count; i++) {
        items[i] = children[i].value;
    }
    node->count = count;
    node->items = items;
    return STATUS_OK;
}

/* ---- events ----------------------------------------------------------------------------- */

static struct place place_of(struct fy_event *event, struct place otherwise) {
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (mark == NULL) {
        return otherwise;
    }
    return (struct place){.line = mark->line + 1, .column = mark->column + 1};
}

/* The first character of a block scalar, which the library places at the start of its line. */
static struct place place_in_block(const struct reading *reading, struct fy_event *event,
                                   struct place place) {
    const struct fy_mark *mark = fy_event_start_mark(event);
    const struct slice text = reading->text;
    for (size_t i = mark != NULL ? mark->input_pos : text.count; i < text.count; i++) {
        const char c = text.bytes[i];
        if (c == '\n') {
            place = (struct place){.line = place.line + 1, .column = 1};
        } else if (c == ' ' || c == '\r') {
            place.column++;
        } else {
            return place;
        }
    }
    return place_of(event, place);
}

/* An alias stands at its star; the library places it behind. */
static struct place place_of_alias(const struct reading *reading, struct fy_event *event,
                                   struct place place) {
    const struct fy_mark *mark = fy_event_start_mark(event);
    const bool behind = mark != NULL && mark->input_pos > 0 && place.column > 1 &&
                        mark->input_pos <= reading->text.count &&
                        reading->text.bytes[mark->input_pos - 1] == '*';
    return (struct place){.line = place.line, .column = place.column - (behind ? 1 : 0)};
}

/* Where we are when an event has no place of its own: an empty value stands behind its key. */
static struct place place_now(const struct reading *reading) {
    if (reading->depth == 0) {
        return (struct place){.line = 1, .column = 1};
    }
    const struct frame *frame = &reading->frames[reading->depth - 1];
    return frame->has_key ? frame->key_place : frame->place;
}

/* Tags of the core schema say nothing new but for !!str and !, which make text of anything. */
static status take_tag(struct reading *reading, struct fy_token *tag, struct place place,
                       bool *out_text) {
    static const char CORE[] = "tag:yaml.org,2002:";
    static const char *const KNOWN[] = {"str", "int", "float", "bool", "null", "map", "seq", NULL};
    *out_text = false;
    size_t count = 0;
    const char *bytes = tag != NULL ? fy_token_get_text(tag, &count) : NULL;
    if (bytes == NULL) {
        return STATUS_OK;
    }
    const struct slice name = {.bytes = bytes, .count = count};
    if (slice_is(name, "!")) {
        *out_text = true;
        return STATUS_OK;
    }
    const struct slice word = slice_part(name, sizeof(CORE) - 1, name.count);
    for (size_t i = 0; slice_starts(name, CORE) && KNOWN[i] != NULL; i++) {
        if (slice_is(word, KNOWN[i])) {
            *out_text = i == 0;
            return STATUS_OK;
        }
    }
    const struct fy_mark *mark = fy_token_start_mark(tag);
    if (mark != NULL) {
        place = (struct place){.line = mark->line + 1, .column = mark->column + 1};
    }
    reading->place = place;
    return fail(reading->err, STATUS_INVALID, "a tag ('!' at the front) means nothing here%s",
                in_expression(reading, place.line) ? HINT : "");
}

static status take_scalar(struct reading *reading, struct fy_event *event, struct place place) {
    size_t count = 0;
    const char *bytes =
        event->scalar.value != NULL ? fy_token_get_text(event->scalar.value, &count) : "";
    if (bytes == NULL) {
        return fail(reading->err, STATUS_NO_MEMORY, "out of memory");
    }
    struct yaml node = {.kind = YAML_SCALAR, .place = place};
    bool is_text = false;
    int anchor = -1;
    TRY(take_tag(reading, event->scalar.tag, place, &is_text));
    TRY(add_anchor(reading, event->scalar.anchor, place, &anchor));
    TRY(count_node(reading, place, count));
    const enum fy_scalar_style style =
        event->scalar.value != NULL ? fy_token_scalar_style(event->scalar.value) : FYSS_PLAIN;
    node.quoted = is_text || style != FYSS_PLAIN;
    if (style == FYSS_LITERAL || style == FYSS_FOLDED) {
        node.place = place_in_block(reading, event, place);
    } else if (style == FYSS_PLAIN && count == 0) {
        node.place = place_now(reading); /* later releases of the library place it at the colon */
    }
    node.text = arena_copy(reading->arena, (struct slice){.bytes = bytes, .count = count});
    if (node.text.bytes == NULL) {
        return full(reading);
    }
    if (!text_is_utf8(node.text)) {
        return wrong(reading, place, "an escape (\\u, \\U or \\x) stands for no character");
    }
    settle_anchor(reading, anchor, &node);
    return wants_key(reading) ? put_key(reading, &node) : put(reading, &node);
}

static status open_node(struct reading *reading, enum yaml_kind kind, struct fy_event *event,
                        struct place place) {
    if (wants_key(reading)) {
        return wrong(reading, place, "a key must be a word, not a list or a map");
    }
    if (reading->depth == YAML_DEPTH_MAX) {
        reading->place = place;
        return fail(reading->err, STATUS_INVALID, "nested deeper than %d levels", YAML_DEPTH_MAX);
    }
    struct frame frame = {.kind = kind,
                          .place = place,
                          .anchor = -1,
                          .flow = fy_event_get_node_style(event) == FYNS_FLOW};
    bool is_text = false;
    TRY(take_tag(reading, fy_event_get_tag_token(event), place, &is_text));
    TRY(add_anchor(reading, fy_event_get_anchor_token(event), place, &frame.anchor));
    TRY(count_node(reading, place, 0));
    frame.first = (uint32_t)(reading->stack.count / sizeof(struct yaml_pair));
    reading->frames[reading->depth++] = frame;
    return STATUS_OK;
}

static status close_node(struct reading *reading) {
    assert(reading->depth > 0);
    const struct frame frame = reading->frames[--reading->depth];
    const struct yaml_pair *all = (const struct yaml_pair *)(const void *)reading->stack.bytes;
    const size_t count = reading->stack.count / sizeof(*all) - frame.first;
    struct yaml node = {.kind = frame.kind, .place = frame.place};
    const struct yaml_pair *children = count > 0 ? all + frame.first : NULL;
    if (frame.kind == YAML_MAP) {
        node.count = (uint32_t)count;
        node.pairs = children;
        TRY(yaml_keys_settle(reading->arena, &reading->scratch, &node, frame.has_merge,
                             &reading->place, reading->err));
    } else {
        TRY(finish_list(reading, children, (uint32_t)count, &node));
    }
    reading->stack.count = frame.first * sizeof(*all);
    settle_anchor(reading, frame.anchor, &node);
    return put(reading, &node);
}

static status take_event(struct reading *reading, struct fy_event *event) {
    const struct place place = place_of(event, place_now(reading));
    switch (event->type) {
    case FYET_DOCUMENT_START:
        reading->anchor_count = 0;
        return STATUS_OK;
    case FYET_SCALAR:
        return take_scalar(reading, event, place);
    case FYET_ALIAS:
        return take_alias(reading, event, place_of_alias(reading, event, place));
    case FYET_SEQUENCE_START:
        return open_node(reading, YAML_LIST, event, place);
    case FYET_MAPPING_START:
        return open_node(reading, YAML_MAP, event, place);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        return close_node(reading);
    default:
        return STATUS_OK;
    }
}

/* ---- errors of the library -------------------------------------------------------------- */

/* What the library says, in one sentence, with what people do wrong first. */
static status fail_parse(struct reading *reading, struct fy_diag *diag) {
    void *position = NULL;
    const struct fy_diag_error *said = fy_diag_errors_iterate(diag, &position);
    if (said == NULL || said->msg == NULL) {
        return fail(reading->err, STATUS_INVALID, "this is not YAML");
    }
    reading->place = (struct place){.line = said->line, .column = said->column};
    const char *mistake = yaml_mistake(yaml_line(reading->text, said->line));
    char where[64] = "";
    const struct frame *bracket = open_bracket(reading);
    if (bracket != NULL) {
        (void)snprintf(where, sizeof(where), " in the %s that begins at %d:%d",
                       bracket->kind == YAML_LIST ? "list" : "map", bracket->place.line,
                       bracket->place.column);
    }
    const int line = bracket != NULL ? bracket->place.line : said->line;
    return fail(reading->err, STATUS_INVALID, "not YAML: %s%s%s",
                mistake != NULL ? mistake : said->msg, where,
                in_expression(reading, said->line) || in_expression(reading, line) ? HINT : "");
}

/* ---- reading ---------------------------------------------------------------------------- */

static void diag_done(struct fy_diag *const *diag) {
    fy_diag_destroy(*diag);
}

static void parser_done(struct fy_parser *const *parser) {
    if (*parser != NULL) {
        fy_parser_destroy(*parser);
    }
}

static status parse(struct reading *reading) {
    struct fy_diag_cfg talk;
    fy_diag_cfg_default(&talk);
    talk.fp = NULL;
    talk.colorize = false;
    CLEANUP(diag_done) struct fy_diag *diag = fy_diag_create(&talk);
    if (diag == NULL) {
        return fail(reading->err, STATUS_NO_MEMORY, "out of memory");
    }
    fy_diag_set_collect_errors(diag, true);
    const struct fy_parse_cfg config = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
        .diag = diag,
    };
    CLEANUP(parser_done) struct fy_parser *parser = fy_parser_create(&config);
    if (parser == NULL ||
        fy_parser_set_string(parser, reading->text.bytes, reading->text.count) != 0) {
        return fail(reading->err, STATUS_NO_MEMORY, "out of memory");
    }
    for (;;) {
        struct fy_event *event = fy_parser_parse(parser);
        if (event == NULL) {
            return fy_parser_get_stream_error(parser) ? fail_parse(reading, diag) : STATUS_OK;
        }
        const status code = take_event(reading, event);
        fy_parser_event_free(parser, event);
        if (code != STATUS_OK) {
            return code;
        }
    }
}

static status read_documents(struct reading *reading, const struct yaml_document **out_documents,
                             uint32_t *out_count) {
    TRY(yaml_guard(reading->text, &reading->place, reading->err));
    TRY(parse(reading));
    const size_t count = reading->documents.count / sizeof(struct yaml_document);
    struct yaml_document *documents = arena_get(reading->arena, count, sizeof(*documents));
    if (documents == NULL) {
        return full(reading);
    }
    if (count > 0) {
        (void)memcpy(documents, reading->documents.bytes, reading->documents.count);
    }
    *out_documents = documents;
    *out_count = (uint32_t)count;
    return STATUS_OK;
}

status yaml_read(struct arena *arena, struct slice text, const struct yaml_document **out_documents,
                 uint32_t *out_count, struct place *out_place, struct error *err) {
    *out_place = (struct place){0};
    if (text.count == 0) {
        *out_documents = NULL;
        *out_count = 0;
        return STATUS_OK; /* which the library takes for a failure */
    }
    if (text.count > YAML_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a file has at most %d bytes", YAML_BYTES_MAX);
    }
    struct reading *reading = memory_new(1, sizeof(*reading));
    if (reading == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    reading->arena = arena;
    reading->text = text;
    reading->err = err;
    buffer_init(&reading->stack, SCRATCH_BYTES_MAX);
    buffer_init(&reading->documents, SCRATCH_BYTES_MAX);
    buffer_init(&reading->scratch, SCRATCH_BYTES_MAX);
    const status code = read_documents(reading, out_documents, out_count);
    *out_place = reading->place;
    reading_done(reading);
    memory_free(reading);
    return code;
}

const struct yaml *yaml_get(const struct yaml *map, const char *key) {
    for (uint32_t i = 0; map->kind == YAML_MAP && i < map->count; i++) {
        if (slice_is(map->pairs[i].key, key)) {
            return &map->pairs[i].value;
        }
    }
    return NULL;
}
