// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/table.h"
#include "model/compiled.h"
#include "platform/file.h"

enum { ROUNDS = 7, ANSWER_MEMBERS = 11 };
static const int64_t MEMORY_BYTES = (int64_t)2 << 30;

struct compiling {
    const char *source, *path;
    struct inference_options options;
    struct error missing[INFERENCE_PROVIDERS_MAX]; /* of each provider: code OK, or why not */
    struct compiled_stamp stamp;
    struct file_facts source_facts, facts;
    int64_t source_ns, compiled_ns;
};

static status read_provider(struct compiling *compiling, struct slice word, struct error *err) {
    struct inference_options *options = &compiling->options;
    for (uint8_t i = 0; INFERENCE_PROVIDERS[i] != NULL; i++) {
        if (slice_is(word, INFERENCE_PROVIDERS[i])) {
            if (options->provider_count == INFERENCE_PROVIDERS_MAX) {
                return fail(err, STATUS_INVALID, "--providers names at most %d",
                            INFERENCE_PROVIDERS_MAX);
            }
            options->providers[options->provider_count++] = i;
            return STATUS_OK;
        }
    }
    return fail(err, STATUS_INVALID,
                "--providers: '%.*s' is none; there is cpu, cuda, tensorrt, openvino, xnnpack, qnn",
                word.count < 40 ? (int)word.count : 40, word.bytes);
}

static status read_providers(struct call *call, struct compiling *compiling, struct error *err) {
    struct slice rest = slice_of(call_option(call, "providers"));
    while (rest.count > 0) {
        const size_t end = slice_find(rest, ',');
        TRY(read_provider(compiling, slice_trim(slice_part(rest, 0, end)), err));
        rest = slice_part(rest, end + 1, rest.count);
    }
    return STATUS_OK;
}

static status read_options(struct call *call, struct compiling *compiling, struct error *err) {
    const char *out = call_option(call, "out");
    struct file_facts there;
    char usual[COMPILED_PATH_BYTES];
    *compiling = (struct compiling){.source = call_argument(call, 0)};
    compiling->options = (struct inference_options){
        .threads = 1, .memory_bytes = MEMORY_BYTES, .is_strict = call_has(call, "strict")};
    TRY(read_providers(call, compiling, err));
    TRY(file_facts(compiling->source, &compiling->source_facts, err));
    TRY(compiled_path(compiling->source, usual, err));
    compiling->path = out != NULL ? out : arena_copy(&call->arena, slice_of(usual)).bytes;
    if (compiling->path == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a name");
    }
    if (file_facts(compiling->path, &there, NULL) == STATUS_OK &&
        there.inode == compiling->source_facts.inode) {
        return fail(err, STATUS_INVALID,
                    "'%.300s' is the model itself: --out says where the compiled one goes",
                    compiling->path);
    }
    return STATUS_OK;
}

/* Whether the provider takes the model, the processor what it cannot; else why not. */
static bool takes(const struct compiling *compiling, uint8_t provider, struct error *err) {
    struct inference_options options = compiling->options;
    struct inference_model *model = NULL;
    struct error said = {0};
    options.providers[0] = provider;
    options.providers[1] = 0;
    options.provider_count = 2;
    options.is_strict = true;
    if (!inference_provider_is_here(provider, err)) {
        return false;
    }
    const status code = inference_open(compiling->source, &options, &model, &said);
    inference_close(model);
    if (code != STATUS_OK) {
        const char *reason = strstr(said.text, "not with provider");
        reason = reason != NULL ? strchr(reason, ':') : NULL;
        (void)fail(err, code, "%s", reason != NULL ? reason + 2 : said.text);
    }
    return code == STATUS_OK;
}

/* Those before the first that takes it: a person is told why. */
static void look_for_providers(struct compiling *compiling) {
    const struct inference_options *options = &compiling->options;
    for (uint32_t i = 0; i < options->provider_count; i++) {
        if (options->providers[i] == 0 ||
            takes(compiling, options->providers[i], &compiling->missing[i])) {
            return;
        }
    }
}

static bool is_faster(const struct compiling *compiling) {
    return compiling->compiled_ns < compiling->source_ns;
}

static struct value missing_value(struct arena *arena, const struct compiling *compiling) {
    struct value list = {.kind = VALUE_NULL};
    struct value *items = value_new_list(arena, INFERENCE_PROVIDERS_MAX, &list);
    uint32_t count = 0;
    for (uint32_t i = 0; items != NULL && i < compiling->options.provider_count; i++) {
        struct member *members = compiling->missing[i].code != STATUS_OK
                                     ? value_new_object(arena, 2, &items[count])
                                     : NULL;
        if (members != NULL) {
            members[0] = (struct member){
                SLICE("provider"),
                value_of_text(slice_of(INFERENCE_PROVIDERS[compiling->options.providers[i]]))};
            members[1] = (struct member){SLICE("reason"),
                                         value_of_text(slice_of(compiling->missing[i].text))};
            count++;
        }
    }
    list.count = items != NULL ? count : list.count;
    return list;
}

static status write_json(struct call *call, const struct compiling *compiling, struct error *err) {
    const struct compiled_stamp *stamp = &compiling->stamp;
    char source[ID_HEX_BYTES + 1];
    id_write_hex(stamp->source, source);
    struct value answer = {.kind = VALUE_NULL};
    struct member *members = value_new_object(&call->arena, ANSWER_MEMBERS, &answer);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    const struct member rows[ANSWER_MEMBERS] = {
        {SLICE("file"), value_of_text(slice_of(compiling->path))},
        {SLICE("source_bytes"), value_of_integer(compiling->source_facts.bytes)},
        {SLICE("compiled_bytes"), value_of_integer(compiling->facts.bytes)},
        {SLICE("source_load_ms"), value_of_real((double)compiling->source_ns / 1e6)},
        {SLICE("compiled_load_ms"), value_of_real((double)compiling->compiled_ns / 1e6)},
        {SLICE("faster"), value_of_boolean(is_faster(compiling))},
        {SLICE("onnxruntime"), value_of_text(slice_of(stamp->release))},
        {SLICE("provider"), value_of_text(slice_of(stamp->provider))},
        {SLICE("passed_over"), missing_value(&call->arena, compiling)},
        {SLICE("processor"), value_of_text(slice_of(stamp->processor))},
        {SLICE("source"), value_of_text(slice_of(source))},
    };
    (void)memcpy(members, rows, sizeof(rows));
    return call_write_json(call, answer, false, err);
}

static void add_row(struct table *table, struct arena *arena, const char *what, int64_t bytes,
                    int64_t load_ns) {
    table_add(table, (const struct slice[]){slice_of(what), human_bytes(arena, bytes),
                                            arena_print(arena, "%.1f ms", (double)load_ns / 1e6)});
}

static status write_text(struct call *call, const struct compiling *compiling, struct error *err) {
    static const struct table_column COLUMNS[] = {{"", false}, {"FILE", true}, {"LOAD", true}};
    const struct compiled_stamp *stamp = &compiling->stamp;
    struct table table;
    table_init(&table, &call->arena, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    add_row(&table, &call->arena, "source", compiling->source_facts.bytes, compiling->source_ns);
    add_row(&table, &call->arena, "compiled", compiling->facts.bytes, compiling->compiled_ns);
    TRY(table_write(&table, call->out, &call->terminal, err));
    (void)fprintf(call->out, "\nfor ONNX Runtime %s, provider %s, processor %s\n", stamp->release,
                  stamp->provider, stamp->processor);
    for (uint32_t i = 0; i < compiling->options.provider_count; i++) {
        if (compiling->missing[i].code != STATUS_OK) {
            (void)fprintf(call->out, "%s is passed over: %s\n",
                          INFERENCE_PROVIDERS[compiling->options.providers[i]],
                          compiling->missing[i].text);
        }
    }
    if (!is_faster(compiling)) {
        (void)fprintf(call->out, "it takes as long to load as the source: there is no use in it\n");
    }
    (void)fprintf(call->out, "%s\n", compiling->path);
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    struct compiling *compiling = arena_get(&call->arena, 1, sizeof(*compiling));
    if (compiling == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to compile in");
    }
    TRY(read_options(call, compiling, err));
    log_set_level(LOG_ERROR); /* what it would say of providers is in the answer, once */
    look_for_providers(compiling);
    TRY(compiled_make(compiling->source, &compiling->options, compiling->path, &compiling->stamp,
                      err));
    TRY(file_facts(compiling->path, &compiling->facts, err));
    /* As an agent opens it, whose manifest has read the file for its own digest. */
    const struct compiled_source source = {.path = compiling->source,
                                           .digest = &compiling->stamp.source};
    TRY(compiled_measure(&source, compiling->path, &compiling->options, ROUNDS,
                         &compiling->source_ns, &compiling->compiled_ns, err));
    return call->json ? write_json(call, compiling, err) : write_text(call, compiling, err);
}

static const struct command_option OPTIONS[] = {
    {"providers", "LIST", "what executes it, the best first: cuda,cpu (cpu)"},
    {"strict", NULL, "fail where a provider is not to be had, and do not pass it over"},
    {"out", "FILE", "the compiled model (NAME.compiled.onnx beside FILE); -o is the same"},
    {0}};

const struct command cmd_model_compile = {
    .noun = "model",
    .verb = "compile",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Keep what ONNX Runtime makes of a model, so that it opens faster",
    .details =
        "The graph as ONNX Runtime optimises it for this machine is written beside the model,\n"
        "with a stamp of what it is good for: the release, the providers, the processor, the\n"
        "source. An agent whose manifest says `model: { file: m.onnx, compiled: true }` loads it\n"
        "where all of that is true, and otherwise makes it anew by itself. How long both take to\n"
        "load is measured and said.\n",
    .example = "ebb model compile model.onnx",
    .options = OPTIONS,
    .run = run};
