// SPDX-License-Identifier: Apache-2.0
#include "model/sample_list.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "platform/file.h"
#include "platform/hash.h"

enum { SHARES = 10, CALIBRATION_SHARES = 4, SELECTION_SHARES = 2 };

static const char *const PART_NAMES[] = {"calibration", "selection", "evaluation", "any part"};

const char *sample_part_name(enum sample_part part) {
    return PART_NAMES[part];
}

/* Where the ending begins, in the last part of the path. */
static size_t stem_count(struct slice name) {
    for (size_t i = name.count; i > 1 && name.bytes[i - 1] != '/'; i--) {
        if (name.bytes[i - 1] == '.' && name.bytes[i - 2] != '/') {
            return i - 1;
        }
    }
    return name.count;
}

enum sample_part sample_part_of(struct slice name) {
    const struct slice stem = slice_part(name, 0, stem_count(name));
    const uint64_t share = hash_64(stem, (struct slice){0}) % SHARES;
    return share < CALIBRATION_SHARES                      ? SAMPLE_CALIBRATION
           : share < CALIBRATION_SHARES + SELECTION_SHARES ? SAMPLE_SELECTION
                                                           : SAMPLE_EVALUATION;
}

/* --- looking --- */

/* What the listing of a folder is gathering. */
struct gathering {
    struct sample_list *list;
    const struct sample_kind *kind;
    const char *inner;     /* the part's own folder; NULL: the hash says what is of it */
    enum sample_part part; /* what the hash must say; SAMPLE_PART_COUNT: anything */
    uint32_t seen;         /* samples of every part */
    status done;
    struct error *err;
};

static bool ends_with(const char *name, const char *ending) {
    const size_t count = strlen(name);
    const size_t last = strlen(ending);
    bool same = count > last;
    for (size_t i = 0; same && i < last; i++) {
        same = tolower((unsigned char)name[count - last + i]) == ending[i];
    }
    return same;
}

static bool is_kind(const struct sample_kind *kind, const char *name,
                    const struct file_facts *facts) {
    if (facts->is_folder) {
        return kind->folders;
    }
    for (size_t i = 0; facts->is_regular && kind->endings[i] != NULL; i++) {
        if (ends_with(name, kind->endings[i])) {
            return true;
        }
    }
    return false;
}

static status join(char out_path[SAMPLE_PATH_BYTES_MAX], const char *folder, const char *name,
                   struct error *err) {
    const int count = snprintf(out_path, SAMPLE_PATH_BYTES_MAX, "%s/%s", folder, name);
    if (count < 0 || count >= SAMPLE_PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "the path '%.100s/%.100s' is too long", folder, name);
    }
    return STATUS_OK;
}

static status gather_one(struct gathering *gathering, const char *name) {
    struct sample_list *list = gathering->list;
    struct file_facts facts;
    char inner[SAMPLE_PATH_BYTES_MAX];
    char path[SAMPLE_PATH_BYTES_MAX];
    if (gathering->inner != NULL) {
        TRY(join(inner, gathering->inner, name, gathering->err));
        name = inner;
    }
    TRY(join(path, list->folder, name, gathering->err));
    const status looked = file_facts(path, &facts, gathering->err);
    if (looked == STATUS_NOT_FOUND) {
        return STATUS_OK; /* a link to nowhere, or gone since it was listed */
    }
    TRY(looked);
    if (!is_kind(gathering->kind, name, &facts)) {
        return STATUS_OK;
    }
    gathering->seen++;
    if (gathering->part != SAMPLE_PART_COUNT && sample_part_of(slice_of(name)) != gathering->part) {
        return STATUS_OK;
    }
    buffer_add(&list->names, (struct slice){.bytes = name, .count = strlen(name) + 1});
    list->count++;
    return buffer_status(&list->names, gathering->err);
}

static bool gather(void *owner, const char *name) {
    struct gathering *gathering = owner;
    if (name[0] != '.') {
        gathering->done = gather_one(gathering, name);
    }
    return gathering->done == STATUS_OK;
}

/* The part's own folder, all of it. */
static status list_inner(struct gathering *gathering, enum sample_part part) {
    char path[SAMPLE_PATH_BYTES_MAX];
    gathering->inner = PART_NAMES[part];
    gathering->part = SAMPLE_PART_COUNT;
    TRY(join(path, gathering->list->folder, gathering->inner, gathering->err));
    TRY(file_list(path, gather, gathering, gathering->err));
    return gathering->done;
}

/* Whether the folder has one for each part. */
static bool is_split(const char *folder) {
    struct file_facts facts;
    struct error ignored;
    char path[SAMPLE_PATH_BYTES_MAX];
    bool split = true;
    for (int part = 0; split && part < SAMPLE_PART_COUNT; part++) {
        split = join(path, folder, PART_NAMES[part], &ignored) == STATUS_OK &&
                file_facts(path, &facts, &ignored) == STATUS_OK && facts.is_folder;
    }
    return split;
}

static status list_all(struct gathering *gathering) {
    const enum sample_part part = gathering->part;
    const char *folder = gathering->list->folder;
    if (!is_split(folder)) {
        TRY(file_list(folder, gather, gathering, gathering->err));
        return gathering->done;
    }
    for (int each = 0; each < SAMPLE_PART_COUNT; each++) {
        if (part == SAMPLE_PART_COUNT || (int)part == each) {
            TRY(list_inner(gathering, (enum sample_part)each));
        }
    }
    return STATUS_OK;
}

status sample_list_open(const char *folder, const struct sample_kind *kind, enum sample_part part,
                        struct sample_list *out_list, struct error *err) {
    struct gathering gathering = {.list = out_list, .kind = kind, .part = part, .err = err};
    *out_list = (struct sample_list){0};
    buffer_init(&out_list->names, SAMPLE_NAMES_BYTES_MAX);
    if (strlen(folder) >= sizeof(out_list->folder)) {
        return fail(err, STATUS_INVALID, "the path '%.100s...' is too long", folder);
    }
    (void)memcpy(out_list->folder, folder, strlen(folder) + 1);
    TRY(list_all(&gathering));
    if (gathering.seen == 0) {
        return fail(err, STATUS_NOT_FOUND, "'%s' has no samples: %s are wanted", folder,
                    kind->wanted);
    }
    if (out_list->count == 0) {
        return fail(err, STATUS_NOT_FOUND,
                    "none of the %u samples in '%s' is for %s: with a dozen more some will be, or "
                    "put them into folders calibration, selection and evaluation",
                    gathering.seen, folder, PART_NAMES[part]);
    }
    return STATUS_OK;
}

void sample_list_done(struct sample_list *list) {
    buffer_done(&list->names);
}

const char *sample_list_next(struct sample_list *list) {
    if (list->at == list->names.count) {
        return NULL;
    }
    const char *name = list->names.bytes + list->at;
    list->at += strlen(name) + 1;
    return name;
}

void sample_list_rewind(struct sample_list *list) {
    list->at = 0;
}

status sample_list_path(const struct sample_list *list, const char *name,
                        char out_path[SAMPLE_PATH_BYTES_MAX], struct error *err) {
    return join(out_path, list->folder, name, err);
}
