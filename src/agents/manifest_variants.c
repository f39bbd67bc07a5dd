// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_variants.h"

#include <stddef.h>
#include <string.h>

#include "agents/manifest_files.h"
#include "agents/manifest_onnx.h"
#include "base/text.h"
#include "base/time.h"
#include "platform/file.h"

enum { SCRATCH_BYTES_MAX = 8 << 20 };
static const int64_t US_IN_MS = 1000;
static const int64_t COST_US_MAX = INT64_C(3600) * 1000 * 1000;

/* --- one variant --- */

/* A run of a small model takes less than a millisecond, which no other span of a file does. */
static bool read_us(struct slice text, int64_t *out_us) {
    int64_t ms;
    uint64_t us;
    if (slice_ends(text, "us") &&
        text_number(slice_part(text, 0, text.count - 2), (uint64_t)COST_US_MAX, &us)) {
        *out_us = (int64_t)us;
    } else if (time_read_span(text, &ms) && ms <= COST_US_MAX / US_IN_MS) {
        *out_us = ms * US_IN_MS;
    } else {
        return false;
    }
    return *out_us > 0;
}

static void read_time(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct slice text;
    if (keys_scalar(reading, key->name, "a time such as 24ms", node, &text) &&
        !read_us(text, (int64_t *)((char *)target + key->offset))) {
        faults_add(reading->faults, node->place,
                   "`%s: %.*s`: a time is a whole number with us, ms or s, such as 24ms, above 0 "
                   "and at most an hour",
                   key->name, QUOTED(text));
    }
}

static const struct key COST_KEYS[] = {
    {.name = "p50",
     .read = read_time,
     .offset = offsetof(struct manifest_variant, p50_us),
     .help = "What half of its runs take at most, such as 310us or 24ms.",
     .form = FORM_TEXT},
    {.name = "p95",
     .read = read_time,
     .offset = offsetof(struct manifest_variant, p95_us),
     .help = "What 95 of 100 of its runs take at most.",
     .form = FORM_TEXT},
    {.name = "rss",
     .read = keys_read_size,
     .offset = offsetof(struct manifest_variant, rss_bytes),
     .least = 1,
     .most = INT64_C(1) << 44,
     .help = "The memory of a process that runs it, such as 54MiB."},
    {0}};
static const struct key_table COST_TABLE = {
    .what = "`cost`", .keys = COST_KEYS, .example = "{ p95: 24ms, rss: 54MiB }"};

static void read_cost(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    (void)key;
    const struct manifest_variant *variant = target;
    if (keys_read(reading, &COST_TABLE, node, target) && variant->p95_us > 0 &&
        variant->p50_us > variant->p95_us) {
        faults_add(reading->faults, node->place,
                   "`p50` is above `p95`: what half of the runs take at most is not more than "
                   "what 95 of 100 do");
    }
}

static void read_memory_pattern(struct reading *reading, const struct key *key,
                                const struct yaml *node, void *target) {
    bool pattern = true;
    struct key inner = *key;
    inner.offset = 0;
    keys_read_boolean(reading, &inner, node, &pattern);
    ((struct manifest_variant *)target)->no_memory_pattern = !pattern;
}

static const struct key VARIANT_KEYS[] = {
    {.name = "name",
     .state = KEY_REQUIRED,
     .read = keys_read_name,
     .offset = offsetof(struct manifest_variant, name),
     .help = "By which `use` chooses it: small letters, digits and -."},
    {.name = "file",
     .state = KEY_REQUIRED,
     .read = keys_read_text,
     .offset = offsetof(struct manifest_variant, file),
     .help = "The model, beside the file in which this stands.",
     .form = FORM_TEXT},
    {.name = "memory_pattern",
     .read = read_memory_pattern,
     .help = "false: a run asks for its memory bit by bit; it keeps less of it, and is as fast "
             "where this was written. true.",
     .form = FORM_BOOLEAN},
    {.name = "cost",
     .read = read_cost,
     .help = "What it was measured to cost: { p50: 22ms, p95: 24ms, rss: 54MiB }.",
     .form = FORM_KEYS,
     .table = &COST_TABLE},
    {0}};
const struct key_table MANIFEST_VARIANT_TABLE = {
    .what = "a variant", .keys = VARIANT_KEYS, .example = "{ name: int8, file: int8.onnx }"};

/* --- the list --- */

/* Where variants stand and who is told what is wrong there: agent.yaml, or a file of their own. */
struct listed {
    struct reading *reading;
    struct slice folder; /* what their paths begin with: "rec/", or nothing */
    const struct yaml *maps;
    const struct yaml *use; /* what this file says; NULL: nothing */
};

static void check_names(struct reading *reading, const struct yaml *maps,
                        const struct manifest_variant *list) {
    for (uint32_t i = 0; i < maps->count; i++) {
        for (uint32_t before = 0; list[i].name.count > 0 && before < i; before++) {
            if (slice_equal(list[before].name, list[i].name)) {
                faults_add(reading->faults, maps->items[i].place,
                           "there are two variants `%.*s`: each has a name of its own",
                           QUOTED(list[i].name));
                break;
            }
        }
    }
}

static bool read_list(const struct listed *listed, struct manifest_variants *variants) {
    struct reading *reading = listed->reading;
    const struct yaml *maps = listed->maps;
    const uint32_t faults_before = reading->faults->error_count;
    if (maps->kind != YAML_LIST || maps->count == 0 || maps->count > MANIFEST_VARIANTS_MAX) {
        faults_add(reading->faults, maps->place,
                   "`variants` is a list of at most %d, the best first, such as "
                   "[{ name: int8, file: int8.onnx }]",
                   MANIFEST_VARIANTS_MAX);
        return false;
    }
    struct manifest_variant *list = arena_get(reading->arena, maps->count, sizeof(*list));
    if (list == NULL) {
        reading->faults->no_memory = true;
        return false;
    }
    for (uint32_t i = 0; i < maps->count; i++) {
        (void)keys_read(reading, &MANIFEST_VARIANT_TABLE, &maps->items[i], &list[i]);
    }
    check_names(reading, maps, list);
    variants->list = list;
    variants->count = maps->count;
    return !reading->faults->no_memory && reading->faults->error_count == faults_before;
}

/* The index of the one that `use` names; -1 when there is none, which is said. */
static int find_used(struct reading *reading, const struct yaml *use,
                     const struct manifest_variants *variants) {
    const char *names[MANIFEST_VARIANTS_MAX + 1] = {NULL};
    struct slice text;
    for (uint32_t i = 0; i < variants->count; i++) {
        names[i] = variants->list[i].name.bytes;
    }
    return keys_scalar(reading, "use", "the name of a variant", use, &text)
               ? keys_word(reading, "use", names, text, use->place)
               : -1;
}

/* What agent.yaml says comes before what the variants' own file does; that is read all the same. */
static void choose(struct reading *reading, const struct yaml *use, const struct listed *listed,
                   struct manifest_variants *variants, struct agent_manifest *manifest) {
    int used = listed->use != NULL ? find_used(listed->reading, listed->use, variants) : 0;
    if (use != NULL) {
        used = find_used(reading, use, variants);
    }
    if (used < 0) {
        return;
    }
    variants->used = (uint32_t)used;
    manifest->onnx->options.no_memory_pattern = variants->list[used].no_memory_pattern;
    const struct slice file = variants->list[used].file;
    const struct slice path =
        slice_starts(file, "/")
            ? file
            : arena_print(reading->arena, "%.*s%.*s", SLICE_ARGS(listed->folder), SLICE_ARGS(file));
    const struct yaml *node = yaml_get(&listed->maps->items[used], "file");
    if (path.bytes == NULL) {
        reading->faults->no_memory = true;
    } else {
        manifest_need_model(listed->reading, manifest, path, node->place);
    }
}

/* --- variants.yaml --- */

static void read_format(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    (void)target;
    struct slice text;
    if (keys_scalar(reading, key->name, "the format's version, 1", node, &text) &&
        !slice_is(text, "1")) {
        faults_add(reading->faults, node->place, "`ebb: %.*s`: this ebb reads format version 1",
                   QUOTED(text));
    }
}

/* `use` and `variants` are read when the whole file is known to be a map. */
static const struct key FILE_KEYS[] = {{.name = "ebb", .state = KEY_REQUIRED, .read = read_format},
                                       {.name = "use"},
                                       {.name = "variants", .state = KEY_REQUIRED},
                                       {0}};
static const struct key_table FILE_TABLE = {.what = "a file of variants", .keys = FILE_KEYS};

static const struct yaml *read_root(struct reading *reading, struct arena *scratch,
                                    struct slice text) {
    const struct yaml_document *documents = NULL;
    uint32_t count = 0;
    struct place place = {0};
    struct error why = {0};
    if (text.count > 0 && yaml_read(scratch, text, &documents, &count, &place, &why) != STATUS_OK) {
        faults_add(reading->faults, place, "%s", why.text);
    } else if (count != 1) {
        faults_add(reading->faults, (struct place){1, 1},
                   "a file of variants is one document; this file has %u", count);
    } else if (keys_read(reading, &FILE_TABLE, &documents[0].root, NULL)) {
        return &documents[0].root;
    }
    return NULL;
}

/* Each fault of the file, at the place in agent.yaml that names it. */
static void pass_on(struct reading *reading, struct place place, struct slice path,
                    const struct faults *faults) {
    reading->faults->no_memory = reading->faults->no_memory || faults->no_memory;
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->held[i];
        faults_add(reading->faults, place, "%.*s:%d:%d: %.*s", QUOTED(path), fault->place.line,
                   fault->place.column, SLICE_ARGS(fault->text));
    }
}

/* The folder with its slash, of a path that has one; else nothing. */
static struct slice folder_of(struct slice path) {
    size_t count = path.count;
    while (count > 0 && path.bytes[count - 1] != '/') {
        count--;
    }
    return slice_part(path, 0, count);
}

struct naming {
    const struct yaml *variants, *use; /* of agent.yaml */
    struct slice path;                 /* of the file of variants */
};

static void read_text(struct reading *reading, const struct naming *naming, struct slice text,
                      struct agent_manifest *manifest, struct manifest_variants *out_variants) {
    struct arena scratch;
    struct faults faults;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    faults_init(&faults, reading->arena);
    struct reading inner = *reading;
    inner.faults = &faults;
    const struct yaml *root = read_root(&inner, &scratch, text);
    const struct yaml *maps = root != NULL ? yaml_get(root, "variants") : NULL;
    if (maps != NULL) {
        const struct listed listed = {.reading = &inner,
                                      .folder = folder_of(naming->path),
                                      .maps = maps,
                                      .use = yaml_get(root, "use")};
        if (read_list(&listed, out_variants)) {
            choose(reading, naming->use, &listed, out_variants, manifest);
        }
    }
    pass_on(reading, naming->variants->place, naming->path, &faults);
    arena_done(&scratch);
}

/* What does not end as a YAML file is the folder where one lies. */
static struct slice file_named(struct arena *arena, struct slice text) {
    if (slice_ends(text, ".yaml")) {
        return arena_copy(arena, text);
    }
    while (text.count > 1 && slice_ends(text, "/")) {
        text.count--;
    }
    return arena_print(arena, "%.*s/" MANIFEST_VARIANTS_FILE, SLICE_ARGS(text));
}

static void read_named(struct reading *reading, const struct yaml *variants, const struct yaml *use,
                       struct agent_manifest *manifest, struct manifest_variants *out_variants) {
    struct slice text;
    struct slice whole;
    int64_t bytes;
    struct error why = {0};
    if (!keys_scalar(reading, "variants",
                     "a list, or the folder where " MANIFEST_VARIANTS_FILE " lies", variants,
                     &text)) {
        return;
    }
    const struct naming naming = {
        .variants = variants, .use = use, .path = file_named(reading->arena, text)};
    if (naming.path.bytes == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    if (!manifest_need_file(reading, manifest, naming.path, variants->place, &whole, &bytes)) {
        return;
    }
    CLEANUP(buffer_done) struct buffer content;
    buffer_init(&content, MANIFEST_VARIANTS_BYTES_MAX);
    if (file_read(whole.bytes, &content, &why) != STATUS_OK) {
        faults_add(reading->faults, variants->place, "`variants: %.*s`: %s", QUOTED(text),
                   why.text);
        return;
    }
    read_text(reading, &naming, buffer_slice(&content), manifest, out_variants);
}

void manifest_read_variants(struct reading *reading, const struct yaml *variants,
                            const struct yaml *use, struct agent_manifest *manifest,
                            struct manifest_variants *out_variants) {
    if (variants->kind != YAML_LIST) {
        read_named(reading, variants, use, manifest, out_variants);
        return;
    }
    const struct listed listed = {.reading = reading, .maps = variants};
    if (read_list(&listed, out_variants)) {
        choose(reading, use, &listed, out_variants, manifest);
    }
}
