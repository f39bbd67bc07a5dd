// SPDX-License-Identifier: Apache-2.0
#include "model/text_examples.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "model/text_model.h"
#include "platform/file.h"
#include "platform/json.h"

enum { PATH_BYTES_MAX = 4096 };

struct text_examples {
    char path[PATH_BYTES_MAX];
    bool is_folder;
    uint64_t count;
    uint64_t bytes;
    struct buffer names; /* folder: LABEL/NAME and a zero, one after another */
    size_t at;           /* in names, or in file */
    struct buffer file;  /* the text, or the file of lines */
    uint64_t line;
    struct arena arena; /* of the line's JSON */
};

/* What the listing of a folder is gathering. */
struct gathering {
    struct text_examples *examples;
    const char *label; /* NULL: the names are labels */
    status done;
    struct error *err;
};

static status join(char out_path[PATH_BYTES_MAX], const char *folder, const char *name,
                   struct error *err) {
    const int count = snprintf(out_path, PATH_BYTES_MAX, "%s/%s", folder, name);
    if (count < 0 || count >= PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "the path '%.100s/%.100s' is too long", folder, name);
    }
    return STATUS_OK;
}

static status check_label(struct slice label, struct error *err) {
    const char *fault = text_label_fault(label);
    return fault == NULL ? STATUS_OK
                         : fail(err, STATUS_INVALID, "label '%.*s': %s",
                                SLICE_ARGS(slice_part(label, 0, TEXT_LABEL_BYTES_MAX)), fault);
}

static bool gather(void *owner, const char *name);

static status gather_label(struct text_examples *examples, const char *path, const char *label,
                           struct error *err) {
    const uint64_t before = examples->count;
    struct gathering texts = {.examples = examples, .label = label, .err = err};
    TRY(file_list(path, gather, &texts, err));
    TRY(texts.done);
    if (examples->count == before) {
        return fail(err, STATUS_INVALID, "the folder '%s' of label '%s' has no examples", path,
                    label);
    }
    return STATUS_OK;
}

static status gather_one(struct gathering *gathering, const char *name) {
    struct text_examples *examples = gathering->examples;
    struct error *err = gathering->err;
    char inner[PATH_BYTES_MAX];
    char path[PATH_BYTES_MAX];
    if (gathering->label == NULL) {
        TRY(join(path, examples->path, name, err));
    } else {
        TRY(join(inner, gathering->label, name, err));
        TRY(join(path, examples->path, inner, err));
    }
    struct file_facts facts;
    const status looked = file_facts(path, &facts, err);
    if (looked == STATUS_NOT_FOUND) {
        return STATUS_OK; /* a link to nowhere, or gone since it was listed */
    }
    TRY(looked);
    if (gathering->label == NULL && facts.is_folder) {
        TRY(check_label(slice_of(name), err));
        return gather_label(examples, path, name, err);
    }
    if (gathering->label == NULL) {
        return STATUS_OK;
    }
    if (facts.is_regular) {
        buffer_add(&examples->names, (struct slice){.bytes = inner, .count = strlen(inner) + 1});
        examples->count++;
        examples->bytes += (uint64_t)facts.bytes;
    }
    return buffer_status(&examples->names, err);
}

static bool gather(void *owner, const char *name) {
    struct gathering *gathering = owner;
    if (name[0] != '.') {
        gathering->done = gather_one(gathering, name);
    }
    return gathering->done == STATUS_OK;
}

static status open_folder(struct text_examples *examples, struct error *err) {
    examples->is_folder = true;
    struct gathering labels = {.examples = examples, .err = err};
    TRY(file_list(examples->path, gather, &labels, err));
    TRY(labels.done);
    if (examples->count == 0) {
        return fail(err, STATUS_INVALID,
                    "'%s' has no examples: a folder for each label is wanted, with an example in "
                    "each file",
                    examples->path);
    }
    return STATUS_OK;
}

static struct slice next_line(struct text_examples *examples) {
    const struct slice left =
        slice_part(buffer_slice(&examples->file), examples->at, examples->file.count);
    const size_t count = slice_find(left, '\n');
    examples->at += count < left.count ? count + 1 : count;
    examples->line++;
    return slice_part(left, 0, count);
}

static status open_lines(struct text_examples *examples, struct error *err) {
    TRY(file_read(examples->path, &examples->file, err));
    examples->bytes = examples->file.count;
    while (examples->at < examples->file.count) {
        examples->count += slice_trim(next_line(examples)).count > 0;
    }
    examples->at = 0;
    examples->line = 0;
    if (examples->count == 0) {
        return fail(err, STATUS_INVALID, "'%s' has no lines", examples->path);
    }
    return STATUS_OK;
}

static status open_either(struct text_examples *examples, struct error *err) {
    struct file_facts facts;
    TRY(file_facts(examples->path, &facts, err));
    return facts.is_folder ? open_folder(examples, err) : open_lines(examples, err);
}

status text_examples_open(const char *path, struct text_examples **out_examples,
                          struct error *err) {
    struct text_examples *examples = memory_new(1, sizeof(*examples));
    if (examples == NULL) {
        return fail(err, STATUS_NO_MEMORY, "read '%s': out of memory", path);
    }
    buffer_init(&examples->names, EXAMPLES_NAMES_BYTES_MAX);
    buffer_init(&examples->file, EXAMPLES_FILE_BYTES_MAX);
    arena_init(&examples->arena, 4 * (size_t)EXAMPLES_LINE_BYTES_MAX);
    if (strlen(path) >= PATH_BYTES_MAX) {
        text_examples_close(examples);
        return fail(err, STATUS_INVALID, "the path '%.100s...' is too long", path);
    }
    (void)memcpy(examples->path, path, strlen(path) + 1);
    const status opened = open_either(examples, err);
    if (opened != STATUS_OK) {
        text_examples_close(examples);
        return opened;
    }
    *out_examples = examples;
    return STATUS_OK;
}

void text_examples_close(struct text_examples *examples) {
    if (examples != NULL) {
        buffer_done(&examples->names);
        buffer_done(&examples->file);
        arena_done(&examples->arena);
        memory_free(examples);
    }
}

uint64_t text_examples_count(const struct text_examples *examples) {
    return examples->count;
}

uint64_t text_examples_bytes(const struct text_examples *examples) {
    return examples->bytes;
}

static status next_file(struct text_examples *examples, size_t bytes_max,
                        struct text_example *out_example, bool *out_more, struct error *err) {
    if (examples->at == examples->names.count) {
        *out_more = false;
        return STATUS_OK;
    }
    const struct slice name = slice_of(examples->names.bytes + examples->at);
    examples->at += name.count + 1;
    char path[PATH_BYTES_MAX];
    TRY(join(path, examples->path, name.bytes, err));
    int64_t whole = 0;
    buffer_clear(&examples->file);
    TRY(file_read_start(path, bytes_max, &examples->file, &whole, err));
    *out_example = (struct text_example){.label = slice_part(name, 0, slice_find(name, '/')),
                                         .text = buffer_slice(&examples->file),
                                         .name = name};
    *out_more = true;
    return STATUS_OK;
}

static status read_json(struct text_examples *examples, struct slice line,
                        struct text_example *out_example, struct error *err) {
    struct value object = {0};
    arena_reset(&examples->arena);
    TRY(json_read(&examples->arena, line, &object, err));
    const struct value *label = value_get(object, SLICE("label"));
    const struct value *text = value_get(object, SLICE("text"));
    if (label == NULL || label->kind != VALUE_TEXT || text == NULL || text->kind != VALUE_TEXT) {
        return fail(err, STATUS_INVALID,
                    "an object with the strings \"label\" and \"text\" is wanted");
    }
    *out_example = (struct text_example){.label = value_text(*label), .text = value_text(*text)};
    return STATUS_OK;
}

static status read_line(struct text_examples *examples, struct slice line,
                        struct text_example *out_example, struct error *err) {
    if (line.count > EXAMPLES_LINE_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a line has at most %d bytes", EXAMPLES_LINE_BYTES_MAX);
    }
    const struct slice bare = slice_trim(line);
    if (bare.bytes[0] == '{') {
        return read_json(examples, bare, out_example, err);
    }
    const size_t tab = slice_find(line, '\t');
    if (tab == line.count) {
        return fail(err, STATUS_INVALID,
                    "a label, a tab and the text are wanted, or an object with \"label\" and "
                    "\"text\"");
    }
    *out_example = (struct text_example){.label = slice_trim(slice_part(line, 0, tab)),
                                         .text = slice_trim(slice_part(line, tab + 1, line.count))};
    return STATUS_OK;
}

static status next_text_line(struct text_examples *examples, size_t bytes_max,
                             struct text_example *out_example, bool *out_more, struct error *err) {
    struct slice line = {0};
    while (slice_trim(line).count == 0) {
        if (examples->at == examples->file.count) {
            *out_more = false;
            return STATUS_OK;
        }
        line = next_line(examples);
    }
    if (read_line(examples, line, out_example, err) != STATUS_OK ||
        check_label(out_example->label, err) != STATUS_OK) {
        return fail_while(err, "%s:%llu", examples->path, (unsigned long long)examples->line);
    }
    out_example->text = slice_part(out_example->text, 0, bytes_max);
    *out_more = true;
    return STATUS_OK;
}

status text_examples_next(struct text_examples *examples, size_t bytes_max,
                          struct text_example *out_example, bool *out_more, struct error *err) {
    return examples->is_folder ? next_file(examples, bytes_max, out_example, out_more, err)
                               : next_text_line(examples, bytes_max, out_example, out_more, err);
}
