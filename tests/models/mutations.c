// SPDX-License-Identifier: Apache-2.0
/*
 * mutations: models of ONNX's own test data, and some that are made for it (tests/models/seeds),
 * are changed by chance and then by every pass, which must leave what still runs answering as
 * before, or refuse it.
 *
 * The seeds are fixed: each model is changed in ways of its own, the same in each run. Before that
 * most inputs become constants, since passes do nothing to what a caller may still change. What
 * ONNX Runtime does not load or run, the passes must take or refuse all the same, and what they
 * make of it must hold together. A model that ends the process, or takes too long, before a pass
 * has touched it is left out: the work is done in processes of their own.
 *
 * usage: mutations [--planted] [SEEDS [FOLDER]]    Ends with `N passed, N failed`.
 * With --planted a pass with a bug is there as well and must be found. EBB_TELL names a folder in
 * which the models that failed are kept.
 */
#include <fts.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/tensor_number.h"
#include "model/dice.h"
#include "model/element_type.h"
#include "model/onnx_file.h"
#include "model/profile_inputs.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "platform/inference.h"
#include "tests/models/mutate.h"
#include "tests/models/passes.h"
#include "tests/models/seeds.h"
#include "tests/models/stored.h"

enum {
    MODELS_MAX = 4096,
    CHANCE_BYTES = 96,
    CHANGES_MAX = 4,
    FILE_BYTES_MAX = 1 << 20,
    SEEDS_USUAL = 1,
    SEEDS_MORE = 100, /* of the models that are made for it, as many times */
    SECONDS_EACH = 20,
    STEADY_TIMES = 2
};
static const int64_t MEMORY_BYTES = (int64_t)1 << 28;
static const size_t ARENA_BYTES = (size_t)1 << 30;

/* Where a child is, so that its end can be told. */
enum phase { PHASE_MODEL, PHASE_PASS, PHASE_RESULT };

/* Shared with the children. */
struct progress {
    uint32_t model, seed; /* at work */
    enum phase phase;
    uint32_t pass;
    uint32_t run, left_out, not_run; /* mutated models */
    struct {
        uint32_t changed, same, refused, failed;
    } passes[TEST_PASSES_MAX];
};

struct work {
    struct progress *progress;
    char *paths[MODELS_MAX];
    uint32_t path_count, seeds;
    bool planted;
};

/* What a model is given, by the names of its inputs, and what it answered. */
struct given {
    struct arena arena;
    const char *names[STORED_PORTS_MAX];
    struct tensor tensors[STORED_PORTS_MAX];
    uint32_t count;
};

struct answers {
    struct tensor tensors[STORED_PORTS_MAX];
    uint32_t count;
};

/* --- running --- */

/* false: it does not load or run with what is given. Answers lie in the arena. On the heap alone
 * other bytes lie beside a tensor. */
static bool ask(struct slice bytes, const struct given *given, bool heap_alone, struct arena *arena,
                struct answers *out_answers, struct error *err) {
    const struct inference_options options = {.threads = 1,
                                              .memory_bytes = MEMORY_BYTES,
                                              .level = INFERENCE_LEVEL_NONE,
                                              .no_arena = heap_alone};
    struct inference_model *model = NULL;
    struct inference_run *run = NULL;
    struct tensor inputs[STORED_PORTS_MAX];
    struct tensor outputs[STORED_PORTS_MAX];
    uint32_t wanted[STORED_PORTS_MAX];
    if (inference_open_bytes(bytes, &options, &model, err) != STATUS_OK) {
        return false;
    }
    const uint32_t count = inference_input_count(model);
    out_answers->count = inference_output_count(model);
    bool good = count <= STORED_PORTS_MAX && out_answers->count <= STORED_PORTS_MAX;
    for (uint32_t i = 0; good && i < count; i++) {
        uint32_t at = 0;
        while (at < given->count &&
               strcmp(given->names[at], inference_input(model, i)->name) != 0) {
            at++;
        }
        good = at < given->count;
        inputs[i] = good ? given->tensors[at] : (struct tensor){0};
    }
    for (uint32_t i = 0; i < STORED_PORTS_MAX; i++) {
        wanted[i] = i;
    }
    good = good && inference_run_create(model, &run, err) == STATUS_OK &&
           inference_run(run, inputs, wanted, out_answers->count, outputs, err) == STATUS_OK;
    for (uint32_t i = 0; good && i < out_answers->count; i++) {
        out_answers->tensors[i] = outputs[i];
        void *copy = arena_get(arena, outputs[i].byte_count + 1, 1);
        good = copy != NULL;
        if (good) {
            (void)memcpy(copy, outputs[i].bytes, outputs[i].byte_count);
            out_answers->tensors[i].bytes = copy;
        }
    }
    inference_run_destroy(run);
    inference_close(model);
    return good;
}

/* What is no number, or large beyond float noise, says nothing. */
static bool says_something(const struct tensor *tensor) {
    for (size_t i = 0; i < tensor->byte_count / tensor_type_bytes(tensor->type); i++) {
        const double number = tensor_number_at(tensor, i);
        if (!isfinite(number) || fabs(number) > 1e15) {
            return false;
        }
    }
    return true;
}

static bool same_answers(const struct answers *ours, const struct answers *wanted,
                         double tolerance) {
    bool same = ours->count == wanted->count;
    for (uint32_t i = 0; same && i < wanted->count; i++) {
        const bool counts = says_something(&wanted->tensors[i]) && tolerance == TEST_PASS_EXACT;
        same = stored_same_tensor(&ours->tensors[i], &wanted->tensors[i],
                                  counts ? 1e-4 : TEST_PASS_LOADS);
    }
    return same;
}

/* --- one mutated model --- */

/* The input is that tensor from now on. */
static void bind(struct graph_model *model, const char *name, const struct tensor *tensor) {
    struct graph_value *input = graph_model_input(model, slice_of(name));
    void *bytes = NULL;
    if (input == NULL) {
        return;
    }
    const struct graph_tensor *constant = graph_tensor_new(
        model, element_type_of_tensor(tensor->type), tensor->shape, tensor->rank, &bytes);
    if (constant != NULL && constant->byte_count == tensor->byte_count) {
        (void)memcpy(bytes, tensor->bytes, tensor->byte_count);
        (void)graph_bind_input(input, constant);
    }
}

static struct graph_model *make(struct slice file, const struct given *given, uint64_t seed) {
    struct graph_model *model = NULL;
    uint8_t bytes[CHANCE_BYTES];
    uint64_t dice = seed;
    struct mutation mutation = {.bytes = bytes, .count = sizeof(bytes)};
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)dice_below(&dice, 256);
    }
    if (onnx_file_read(file, NULL, &model, NULL) != STATUS_OK) {
        return NULL;
    }
    for (uint32_t i = 1; i < given->count; i++) {
        if (dice_below(&dice, 8) > 0) {
            bind(model, given->names[i], &given->tensors[i]);
        }
    }
    for (uint32_t changes = 1 + mutation_next(&mutation, CHANGES_MAX); changes > 0; changes--) {
        if (mutate_graph(model, &mutation) != STATUS_OK) {
            onnx_file_close(model);
            return NULL;
        }
    }
    return model;
}

static const char *called(const struct work *work) {
    const char *path = work->paths[work->progress->model];
    static const char *const MADE[] = {"pictures", "matrices",  "branches",
                                       "older",    "recurrent", "constants"};
    return path != NULL ? path : MADE[work->progress->model];
}

/* Operators whose answers are numbers by chance. */
static bool has_chance(const struct graph_model *model) {
    static const char CHANCE[] = "Bernoulli Multinomial RandomNormal RandomNormalLike "
                                 "RandomUniform RandomUniformLike";
    bool has = false;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        has = has || graph_node_is_any(node, CHANCE) ||
              (graph_node_is(node, "Dropout") && node->input_count > 1);
    }
    return has;
}

static void keep(const struct work *work, struct slice bytes, const char *pass) {
    const char *folder = getenv("EBB_TELL");
    char path[STORED_PATH_BYTES];
    if (folder != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%u-%u-%s.onnx", folder, work->progress->model,
                       work->progress->seed, pass);
        (void)file_replace(path, bytes, NULL);
    }
}

/* What the pass makes of the model's file; a failure is a refusal, or *out_wrong. */
static status run_pass(const struct test_pass *pass, struct slice file, struct buffer *out_bytes,
                       bool *out_wrong, struct error *err) {
    struct graph_model *model = NULL;
    struct graph_model *again = NULL;
    uint32_t changes = 0;
    *out_wrong = false;
    TRY(onnx_file_read(file, NULL, &model, err));
    status code = pass->run(model, &changes, err);
    if (code == STATUS_OK) {
        *out_wrong = true; /* from here on nothing is a refusal */
        code = graph_verify(model, err);
    }
    if (code == STATUS_OK) {
        code = onnx_file_pack(model, out_bytes, err);
    }
    if (code == STATUS_OK) {
        code = onnx_file_read(buffer_slice(out_bytes), NULL, &again, err);
    }
    onnx_file_close(model);
    onnx_file_close(again);
    return code;
}

/* Whether the model answers the same each time: with some ONNX Runtime reads beside a tensor whose
 * shape it does not look at. */
static bool is_steady(struct slice file, const struct given *given, struct arena *arena,
                      const struct answers *wanted) {
    bool same = true;
    for (int i = 0; same && i < STEADY_TIMES; i++) {
        struct answers again = {0};
        same = ask(file, given, i % 2 == 0, arena, &again, NULL) &&
               same_answers(&again, wanted, TEST_PASS_EXACT);
    }
    return same;
}

static void check_pass(const struct work *work, uint32_t index, struct slice file,
                       const struct given *given, const struct answers *wanted) {
    const struct test_pass *pass = &TEST_PASSES[index];
    struct progress *progress = work->progress;
    CLEANUP(buffer_done) struct buffer bytes;
    CLEANUP(arena_done) struct arena arena;
    struct answers answers = {0};
    struct error err = {0};
    bool wrong = false;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    arena_init(&arena, ARENA_BYTES);
    progress->pass = index;
    progress->phase = PHASE_PASS;
    const status code = run_pass(pass, file, &bytes, &wrong, &err);
    progress->phase = PHASE_RESULT;
    if (code != STATUS_OK && !wrong) {
        progress->passes[index].refused++;
        return;
    }
    if (code == STATUS_OK && slice_equal(buffer_slice(&bytes), file)) {
        progress->passes[index].same++;
        return;
    }
    if (code == STATUS_OK &&
        (wanted == NULL || (ask(buffer_slice(&bytes), given, false, &arena, &answers, &err) &&
                            same_answers(&answers, wanted, pass->tolerance)))) {
        progress->passes[index].changed++;
        return;
    }
    if (wanted != NULL && !is_steady(file, given, &arena, wanted)) {
        return;
    }
    progress->passes[index].failed++;
    if (strcmp(pass->name, "planted") != 0) {
        printf("mutations: %s: seed %u: %s: %s\n", called(work), progress->seed, pass->name,
               err.text[0] != '\0' ? err.text : "other answers than before");
        keep(work, file, "given");
        keep(work, buffer_slice(&bytes), pass->name);
    }
}

static bool is_here(const struct work *work, uint32_t index) {
    return work->planted || strcmp(TEST_PASSES[index].name, "planted") != 0;
}

static void check_mutated(const struct work *work, struct slice file, const struct given *given) {
    struct progress *progress = work->progress;
    CLEANUP(arena_done) struct arena arena;
    struct answers wanted = {0};
    arena_init(&arena, ARENA_BYTES);
    progress->phase = PHASE_MODEL;
    const bool runs =
        ask(file, given, false, &arena, &wanted, NULL) && is_steady(file, given, &arena, &wanted);
    progress->run += runs;
    progress->not_run += !runs;
    for (uint32_t i = 0; TEST_PASSES[i].name != NULL; i++) {
        if (is_here(work, i)) {
            check_pass(work, i, file, given, runs ? &wanted : NULL);
        }
    }
}

/* --- the models --- */

/* Numbers that lie beside the model, or, for one that was made for this, by chance. */
static bool read_numbers(const struct inference_model *model, const char *path,
                         struct given *given) {
    struct stored_set *set = arena_get(&given->arena, 1, sizeof(*set));
    char folder[STORED_PATH_BYTES];
    if (set == NULL) {
        return false;
    }
    if (path == NULL) {
        return profile_inputs_make(inference_input(model, 0), 1, NULL, 0, 1, given->tensors,
                                   NULL) == STATUS_OK;
    }
    (void)snprintf(folder, sizeof(folder), "%.*s/test_data_set_0", (int)(strrchr(path, '/') - path),
                   path);
    if (!stored_set_read(folder, &given->arena, set) || set->input_count != given->count) {
        return false;
    }
    (void)memcpy(given->tensors, set->inputs, sizeof(set->inputs));
    return true;
}

/* false: there are no numbers for its inputs, or ONNX Runtime does not load it. */
static bool read_given(const char *path, struct slice file, struct given *given) {
    const struct inference_options options = {.threads = 1, .memory_bytes = MEMORY_BYTES};
    struct inference_model *model = NULL;
    if (inference_open_bytes(file, &options, &model, NULL) != STATUS_OK) {
        return false;
    }
    given->count = inference_input_count(model);
    const bool fits = given->count <= STORED_PORTS_MAX && read_numbers(model, path, given);
    for (uint32_t i = 0; fits && i < given->count; i++) {
        given->names[i] =
            arena_copy(&given->arena, slice_of(inference_input(model, i)->name)).bytes;
    }
    inference_close(model);
    return fits;
}

/* The first SEED_COUNT are made here; the others are files. */
static bool read_model(const struct work *work, uint32_t index, struct buffer *file) {
    struct graph_model *model = NULL;
    if (index >= SEED_COUNT) {
        return file_read(work->paths[index], file, NULL) == STATUS_OK;
    }
    const bool made = seed_graph(index, &model, NULL) == STATUS_OK &&
                      onnx_file_pack(model, file, NULL) == STATUS_OK;
    onnx_file_close(model);
    return made;
}

/* The same wherever the model stands among others, so that one alone can be looked at again. */
static uint64_t first_seed(const struct work *work) {
    const char *path = work->paths[work->progress->model];
    return path != NULL ? hash_64(slice_of(path), (struct slice){0})
                        : work->progress->model * 1000000ULL;
}

static void check_seeds(const struct work *work) {
    struct progress *progress = work->progress;
    CLEANUP(buffer_done) struct buffer file;
    struct given given = {0};
    buffer_init(&file, FILE_BYTES_MAX);
    arena_init(&given.arena, ARENA_BYTES);
    const char *path = work->paths[progress->model];
    progress->phase = PHASE_MODEL;
    const uint32_t seeds = work->seeds * (progress->model < SEED_COUNT ? SEEDS_MORE : 1);
    if (read_model(work, progress->model, &file) && read_given(path, buffer_slice(&file), &given)) {
        for (; progress->seed < seeds; progress->seed++) {
            CLEANUP(buffer_done) struct buffer bytes;
            buffer_init(&bytes, ONNX_BYTES_MAX);
            (void)alarm(SECONDS_EACH);
            struct graph_model *model =
                make(buffer_slice(&file), &given, first_seed(work) + progress->seed);
            if (model != NULL && !has_chance(model) &&
                onnx_file_pack(model, &bytes, NULL) == STATUS_OK) {
                check_mutated(work, buffer_slice(&bytes), &given);
            }
            onnx_file_close(model);
        }
    }
    arena_done(&given.arena);
}

/* All models from the one at work on; ends the process. */
static void be_child(const struct work *work) {
    for (; work->progress->model < work->path_count; work->progress->model++) {
        check_seeds(work);
        work->progress->seed = 0;
    }
    (void)fflush(stdout);
    _exit(0);
}

/* A child ended early: whose fault that is says the phase. */
static void take_end(const struct work *work) {
    struct progress *progress = work->progress;
    if (progress->phase == PHASE_MODEL) {
        progress->left_out++;
    } else {
        progress->passes[progress->pass].failed++;
        printf("mutations: %s: seed %u: %s: the process ended %s\n", called(work), progress->seed,
               TEST_PASSES[progress->pass].name,
               progress->phase == PHASE_PASS ? "in the pass" : "in what it made");
    }
    progress->seed++;
}

static bool check_all(const struct work *work) {
    while (work->progress->model < work->path_count) {
        (void)fflush(stdout);
        const pid_t child = fork();
        int ended = 0;
        if (child == 0) {
            be_child(work);
        }
        if (child < 0 || waitpid(child, &ended, 0) != child) {
            return false;
        }
        if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
            take_end(work);
        }
    }
    return true;
}

/* --- all of it --- */

static int compare_names(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void find_models(struct work *work, const char *root) {
    char top[STORED_PATH_BYTES];
    (void)snprintf(top, sizeof(top), "%s", root);
    char *const tops[] = {top, NULL};
    work->path_count = SEED_COUNT;
    FTS *walk = fts_open(tops, FTS_LOGICAL | FTS_NOCHDIR, compare_names);
    for (FTSENT *at; walk != NULL && (at = fts_read(walk)) != NULL;) {
        if (at->fts_info == FTS_F && strcmp(at->fts_name, "model.onnx") == 0 &&
            at->fts_statp->st_size <= FILE_BYTES_MAX && work->path_count < MODELS_MAX) {
            work->paths[work->path_count++] = strdup(at->fts_path);
        }
    }
    (void)fts_close(walk);
}

static int report(const struct work *work, bool went_through) {
    const struct progress *progress = work->progress;
    uint32_t passed = 0;
    uint32_t failed = went_through && progress->run > 0 ? 0 : 1;
    printf("mutations: %u changed models run, %u do not, %u end the process before any pass\n",
           progress->run, progress->not_run, progress->left_out);
    for (uint32_t i = 0; TEST_PASSES[i].name != NULL; i++) {
        if (is_here(work, i)) {
            const bool is_planted = strcmp(TEST_PASSES[i].name, "planted") == 0;
            const bool good = is_planted == (progress->passes[i].failed > 0);
            printf("mutations: %s: %u changed, %u as they were, %u refused, %u unusable\n",
                   TEST_PASSES[i].name, progress->passes[i].changed, progress->passes[i].same,
                   progress->passes[i].refused, progress->passes[i].failed);
            passed += good;
            failed += !good;
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 ? 1 : 0;
}

int main(int count, char **words) {
    static struct work work;
    const int first = count > 1 && strcmp(words[1], "--planted") == 0 ? 2 : 1;
    work.planted = first == 2;
    work.seeds = count > first ? (uint32_t)strtoul(words[first], NULL, 10) : SEEDS_USUAL;
    work.progress = mmap(NULL, sizeof(*work.progress), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (work.progress == MAP_FAILED) {
        return 1;
    }
    log_set_level(LOG_ERROR);
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* a child may end before it has said all */
    find_models(&work, count > first + 1 ? words[first + 1] : "/usr/share/libonnx-testdata/data");
    const bool went_through = check_all(&work);
    const int code = report(&work, went_through);
    for (uint32_t i = 0; i < work.path_count; i++) {
        free(work.paths[i]);
    }
    return code;
}
