// SPDX-License-Identifier: Apache-2.0
#include "wire/schema.h"

#include <assert.h>
#include <string.h>

#include "platform/json.h"

enum { NAME_BYTES_MAX = 48 };

/* Texts of the schema that stand for a whole value. */
static const char ANYTHING[] = "{}";
static const char NAME[] = "{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9-]{0,62}$\"}";
static const char FIELD[] = "{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][A-Za-z0-9_]{0,62}$\"}";
static const char SCHEMA_FILE[] =
    "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9][A-Za-z0-9._-]*[.]schema[.](yaml|json)$\"}";
static const char BOOLEAN[] = "{\"type\":\"boolean\"}";
static const char TEXT[] = "{\"type\":[\"string\",\"number\",\"boolean\"]}";
static const char TEXTS[] =
    "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"number\",\"boolean\"]}}";
static const char TEXT_MAP[] =
    "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\","
    "\"number\",\"boolean\",\"null\"]}}";
static const char SPAN[] = "{\"type\":\"string\",\"pattern\":\"^([0-9]+(ms|s|m|h|d)|0)$\"}";
static const char SIZE[] = "{\"type\":\"string\",\"pattern\":\"^([0-9]+(B|KiB|MiB|GiB)|0)$\"}";
static const char ZERO[] = "{\"const\":0}";
static const char MAP[] = "{\"type\":[\"object\",\"string\",\"null\"]}";

/* The tables that were named on the way and are still to be written. */
struct tables {
    const struct key_table *list[SCHEMA_TABLES_MAX];
    size_t count;
};

/* "a step" and "`retry`" become "step" and "retry". */
static void table_name(const struct key_table *table, char out_name[NAME_BYTES_MAX]) {
    const char *what = table->what;
    size_t count = 0;
    what += strncmp(what, "an ", 3) == 0 ? 3 : strncmp(what, "a ", 2) == 0 ? 2 : 0;
    for (; *what != '\0' && count + 1 < NAME_BYTES_MAX; what++) {
        const bool letter = (*what >= 'a' && *what <= 'z') || *what == '_';
        if (letter) {
            out_name[count++] = *what;
        } else if (*what == ' ') {
            out_name[count++] = '-';
        }
    }
    out_name[count] = '\0';
}

static void write_reference(struct tables *tables, const struct key_table *table,
                            struct buffer *out) {
    char name[NAME_BYTES_MAX];
    size_t at = 0;
    while (at < tables->count && tables->list[at] != table) {
        at++;
    }
    if (at == tables->count) {
        assert(at < SCHEMA_TABLES_MAX);
        tables->list[tables->count++] = table;
    }
    table_name(table, name);
    buffer_print(out, "{\"$ref\":\"#/$defs/%s\"}", name);
}

/* Of words, `most` are built; 0: all. */
static void write_words(const struct key *key, struct buffer *out) {
    buffer_add_text(out, "{\"enum\":[");
    for (int64_t i = 0; key->words[i] != NULL && (key->most == 0 || i < key->most); i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        json_write_text(out, slice_of(key->words[i]));
    }
    buffer_add_text(out, "]}");
}

static void write_count(const struct key *key, struct buffer *out) {
    buffer_print(out, "{\"type\":\"integer\",\"minimum\":%lld,\"maximum\":%lld}",
                 (long long)key->least, (long long)(key->most != 0 ? key->most : INT32_MAX));
}

static void write_either(const char *one, const char *other, struct buffer *out) {
    buffer_print(out, "{\"anyOf\":[%s,%s]}", one, other);
}

/* What the readers that many keys share take. */
static void write_by_reader(const struct key *key, struct buffer *out) {
    if (key->read == keys_read_name) {
        buffer_add_text(out, NAME);
    } else if (key->read == keys_read_text) {
        buffer_add_text(out, TEXT);
    } else if (key->read == keys_read_boolean) {
        buffer_add_text(out, BOOLEAN);
    } else if (key->read == keys_read_count) {
        write_count(key, out);
    } else if (key->read == keys_read_span) {
        write_either(SPAN, key->least > 0 ? SPAN : ZERO, out);
    } else if (key->read == keys_read_size) {
        write_either(SIZE, key->least > 0 ? SIZE : ZERO, out);
    } else if (key->words != NULL) {
        write_words(key, out);
    } else {
        buffer_add_text(out, ANYTHING);
    }
}

/* A map of names to words or maps, or nothing. */
static void write_fields(struct tables *tables, const struct key *key, struct buffer *out) {
    buffer_print(
        out,
        "{\"type\":\"null\"},{\"type\":\"object\",\"propertyNames\":{\"anyOf\":["
        "%s,{\"pattern\":\"^x-\"}]},\"patternProperties\":{\"^x-\":{}},\"additionalProperties\":{"
        "\"anyOf\":[",
        FIELD);
    write_words(key, out);
    buffer_add_text(out, ",");
    write_reference(tables, key->table, out);
    buffer_add_text(out, "]}}");
}

/* The forms in which words, spans and the like stand together. */
static void write_mixed(struct tables *tables, const struct key *key, struct buffer *out) {
    buffer_add_text(out, "{\"anyOf\":[");
    if (key->words != NULL) {
        write_words(key, out);
        buffer_add_text(out, ",");
    }
    switch (key->form) {
    case FORM_SPAN:
        write_either(SPAN, ZERO, out);
        break;
    case FORM_NUMBER:
        buffer_add_text(out, "{\"type\":\"integer\"}");
        break;
    case FORM_FIELDS:
        write_fields(tables, key, out);
        break;
    default:
        buffer_print(out, "%s%s", key->words == NULL ? TEXT : "", key->words == NULL ? "," : "");
        write_reference(tables, key->table, out);
        break;
    }
    buffer_add_text(out, "]}");
}

static void write_maps(struct tables *tables, const struct key *key, struct buffer *out) {
    const bool either = key->form != FORM_MAPS;
    buffer_add_text(out, either ? "{\"anyOf\":[" : "");
    if (key->form == FORM_MAP_OR_MAPS) {
        write_reference(tables, key->table, out);
    } else if (key->form == FORM_TEXT_OR_MAPS) {
        buffer_add_text(out, TEXT);
    }
    buffer_add_text(out, either ? "," : "");
    buffer_add_text(out, "{\"type\":\"array\",\"items\":");
    write_reference(tables, key->table, out);
    buffer_add_text(out, either ? "}]}" : "}");
}

static void write_form(struct tables *tables, const struct key *key, struct buffer *out) {
    static const char *const TEXT_OF[] = {
        [FORM_ANYTHING] = ANYTHING,
        [FORM_VERSION] = "{\"const\":1}",
        [FORM_TEXT] = TEXT,
        [FORM_FIELD_NAME] = FIELD,
        [FORM_TEXTS] = TEXTS,
        [FORM_MAP] = MAP,
        [FORM_TEXT_MAP] = TEXT_MAP,
        [FORM_BOOLEAN] = BOOLEAN,
        [FORM_VALUES] = "{\"type\":\"object\"}",
    };
    switch (key->form) {
    case FORM_OF_READER:
        write_by_reader(key, out);
        break;
    case FORM_WORDS:
        buffer_add_text(out, "{\"type\":\"array\",\"items\":");
        write_words(key, out);
        buffer_add_text(out, "}");
        break;
    case FORM_KEYS:
        write_reference(tables, key->table, out);
        break;
    case FORM_MAPS:
    case FORM_TEXT_OR_MAPS:
    case FORM_MAP_OR_MAPS:
        write_maps(tables, key, out);
        break;
    case FORM_NAMED_MAPS:
        buffer_add_text(out, "{\"type\":\"object\",\"patternProperties\":{\"^x-\":{}},"
                             "\"additionalProperties\":{\"anyOf\":[{\"type\":\"null\"},");
        write_reference(tables, key->table, out);
        buffer_add_text(out, "]}}");
        break;
    case FORM_FIELDS_FILE:
        buffer_print(out, "{\"anyOf\":[%s,", SCHEMA_FILE);
        write_fields(tables, key, out);
        buffer_add_text(out, "]}");
        break;
    case FORM_SPAN:
    case FORM_NUMBER:
    case FORM_FIELDS:
    case FORM_WORD_OR_KEYS:
        write_mixed(tables, key, out);
        break;
    default:
        buffer_add_text(out, TEXT_OF[key->form]);
        break;
    }
}

/* A key's own sentence stands beside what its value may be. */
static void write_key(struct tables *tables, const struct key *key, struct buffer *out) {
    json_write_text(out, slice_of(key->name));
    buffer_add_text(out, ":{");
    if (key->help != NULL) {
        buffer_add_text(out, "\"description\":");
        json_write_text(out, slice_of(key->help));
        buffer_add_text(out, ",");
    }
    buffer_add_text(out, "\"allOf\":[");
    write_form(tables, key, out);
    buffer_add_text(out, "]}");
}

static void write_table(struct tables *tables, const struct key_table *table, struct slice more,
                        struct buffer *out) {
    bool first = true;
    buffer_add_text(out, "{\"type\":\"object\",\"additionalProperties\":false,"
                         "\"patternProperties\":{\"^x-\":{}},\"properties\":{");
    for (const struct key *key = table->keys; key->name != NULL; key++) {
        if (key->state != KEY_RESERVED) {
            buffer_add_text(out, first ? "" : ",");
            write_key(tables, key, out);
            first = false;
        }
    }
    buffer_add_text(out, "},\"required\":[");
    first = true;
    for (const struct key *key = table->keys; key->name != NULL; key++) {
        if (key->state == KEY_REQUIRED || key->form == FORM_VERSION) {
            buffer_add_text(out, first ? "" : ",");
            json_write_text(out, slice_of(key->name));
            first = false;
        }
    }
    buffer_add_text(out, "]");
    if (more.count > 0) {
        buffer_add_text(out, ",");
        buffer_add(out, more);
    }
    buffer_add_text(out, "}");
}

void schema_write(const struct key_table *root, const char *title, struct slice more,
                  struct buffer *out) {
    struct tables tables = {.count = 0};
    buffer_add_text(out,
                    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":");
    json_write_text(out, slice_of(title));
    buffer_add_text(out, ",\"allOf\":[");
    write_reference(&tables, root, out);
    buffer_add_text(out, "],\"$defs\":{");
    for (size_t i = 0; i < tables.count; i++) {
        char name[NAME_BYTES_MAX];
        table_name(tables.list[i], name);
        buffer_print(out, "%s\"%s\":", i > 0 ? "," : "", name);
        write_table(&tables, tables.list[i], i == 0 ? more : SLICE(""), out);
    }
    buffer_add_text(out, "}}\n");
}
