// SPDX-License-Identifier: Apache-2.0
#include "runtime/reload.h"

#include <assert.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "platform/file.h"
#include "runtime/recovery.h"

enum { PATH_BYTES_MAX = 4096 };

static_assert(RELOAD_FILES_MAX + RELOAD_FOLDERS_MAX + 2 <= CATALOG_FOLDERS_MAX,
              "each workflow may have agents beside it");

struct workflow_file {
    char path[PATH_BYTES_MAX];
    struct workflow_file *next;
};

struct reload {
    struct orchestrator *orchestrator;
    struct generation *generation;
    reload_listener *listener;
    void *owner;
    struct workflow_file *files, **files_end; /* owned */
    uint32_t file_count;
    struct error error; /* why not all files could be gathered */
    const char *folder; /* that is being listed */
    struct loaded {
        struct slot *slot;
        struct version *version; /* owned until it is installed */
    } * loaded;
    uint32_t loaded_count;
};

/* --- which files --- */
static bool add_file(struct reload *reload, const char *path) {
    if (reload->file_count >= RELOAD_FILES_MAX) {
        (void)fail(&reload->error, STATUS_FULL, "there are more than %d", RELOAD_FILES_MAX);
        return false;
    }
    struct workflow_file *file = memory_new(1, sizeof(*file));
    if (file == NULL) {
        (void)fail(&reload->error, STATUS_NO_MEMORY, "out of memory for a file's name");
        return false;
    }
    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    *reload->files_end = file;
    reload->files_end = &file->next;
    reload->file_count++;
    return true;
}

static bool consider(void *owner, const char *name) {
    struct reload *reload = owner;
    char path[PATH_BYTES_MAX];
    struct file_facts facts;
    if (name[0] == '.' || workflow_is_schema_file(slice_of(name))) {
        return true;
    }
    const int count = snprintf(path, sizeof(path) - 32, "%s/%s", reload->folder, name);
    if (count < 0 || (size_t)count >= sizeof(path) - 32) {
        return true;
    }
    const struct slice plain = slice_of(name);
    if (slice_ends(plain, ".yaml") || slice_ends(plain, ".yml") || slice_ends(plain, ".json")) {
        return add_file(reload, path);
    }
    (void)snprintf(path + count, sizeof(path) - (size_t)count, "/workflow.yaml");
    return file_facts(path, &facts, NULL) != STATUS_OK || add_file(reload, path);
}

static status gather_files(struct reload *reload, const struct reload_places *places,
                           struct error *err) {
    if (places->file != NULL) {
        (void)add_file(reload, places->file); /* told below */
    }
    for (int i = 0; places->workflows[i] != NULL; i++) {
        reload->folder = places->workflows[i];
        const status code = file_list(reload->folder, consider, reload, err);
        if (code != STATUS_OK && code != STATUS_NOT_FOUND) {
            return fail_while(err, "list the workflows in '%s'", reload->folder);
        }
    }
    if (reload->error.code != STATUS_OK) {
        *err = reload->error;
        return fail_while(err, "list the workflows");
    }
    return STATUS_OK;
}

/* Agents stand beside the files, in the folders that were named, and with ebb itself. */
static status make_generation(struct reload *reload, const struct reload_places *places,
                              struct error *err) {
    const uint32_t most = reload->file_count + RELOAD_FOLDERS_MAX + 2;
    struct arena arena;
    arena_init(&arena, SIZE_MAX / 4);
    const char **folders = arena_get(&arena, most, sizeof(*folders));
    uint32_t count = 0;
    for (const struct workflow_file *file = reload->files; folders != NULL && file != NULL;
         file = file->next) {
        char path[PATH_BYTES_MAX];
        (void)memcpy(path, file->path, sizeof(path));
        const char *folder = arena_print(&arena, "%s/agents", dirname(path)).bytes;
        bool fresh = folder != NULL;
        for (uint32_t i = 0; fresh && i < count; i++) {
            fresh = strcmp(folders[i], folder) != 0;
        }
        if (fresh) {
            folders[count++] = folder;
        }
    }
    for (int i = 0; folders != NULL && places->agents[i] != NULL; i++) {
        folders[count++] = places->agents[i];
    }
    status code =
        folders != NULL ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory for the agents");
    if (folders != NULL) {
        folders[count] = arena_print(&arena, "%s/../share/ebb/agents", file_program_folder()).bytes;
        code = generation_create(folders, &reload->generation, err);
    }
    if (code == STATUS_OK) {
        reload->generation->binding = places->binding;
        generation_adopt(reload->generation, reload->orchestrator->generation);
    }
    arena_done(&arena);
    return code;
}

/* --- one file --- */

/* A file that cannot be read as a workflow stands under its own name. */
static struct slot *slot_of_file(struct reload *reload, const char *path) {
    for (struct slot *slot = reload->orchestrator->slots; slot != NULL; slot = slot->next) {
        if (strcmp(slot_file(slot), path) == 0) {
            return slot;
        }
    }
    char room[PATH_BYTES_MAX];
    (void)snprintf(room, sizeof(room), "%s", path);
    struct slice name = slice_of(basename(room));
    char folder[PATH_BYTES_MAX];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    if (slice_is(name, "workflow.yaml")) {
        name = slice_of(basename(dirname(folder)));
    }
    name = slice_part(name, 0, slice_find(name, '.'));
    return orchestrator_add_slot(reload->orchestrator, slice_part(name, 0, SLOT_NAME_BYTES - 1));
}

static void tell_faults(struct reload *reload, const char *path, const struct fault_list *faults,
                        const struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 1 << 20);
    if (faults != NULL && faults->count > 0) {
        fault_list_write(faults, &text);
    } else {
        buffer_print(&text, "%s: %s\n", path, err->text);
    }
    struct slot *slot = slot_of_file(reload, path);
    if (slot != NULL) {
        slot_set_fault(slot, slice_trim(buffer_slice(&text)));
        slot->listed = true;
        if (slot->version == NULL) {
            struct error no_memory; /* the file is named in the text as well */
            (void)slot_set_file(slot, slice_of(path), &no_memory);
            slot->state = SLOT_FAULTY;
        }
    }
    if (reload->listener != NULL) {
        reload->listener(reload->owner, path, buffer_slice(&text));
    }
}

/* None has changed, and none is broken: a reload is a person's word that it should be tried. */
static bool same_agents(const struct version *at_work, const struct version *fresh) {
    bool same = at_work->workflow->step_count == fresh->workflow->step_count;
    for (uint32_t i = 0; same && i < at_work->workflow->step_count; i++) {
        const struct opened_agent *agent = &at_work->agents[i];
        same = id_equal(agent->manifest->digest, fresh->agents[i].manifest->digest) &&
               !catalog_stats(agent->entry)->broken;
    }
    return same;
}

static bool is_twice(const struct reload *reload, const struct slot *slot) {
    for (uint32_t i = 0; i < reload->loaded_count; i++) {
        if (reload->loaded[i].slot == slot) {
            return true;
        }
    }
    return false;
}

/* A source whose files are deleted gives each of them to one workflow. */
static bool is_shared(const struct reload *reload, const struct workflow *workflow,
                      struct error *err) {
    for (uint32_t i = 0; i < workflow->trigger_count; i++) {
        const struct trigger *trigger = &workflow->triggers[i];
        for (uint32_t k = 0; k < reload->loaded_count; k++) {
            const struct workflow *other = reload->loaded[k].version->workflow;
            if (trigger->bound.count > 0 && trigger->after == WATCH_DELETE &&
                workflow_has_source(other, trigger->source)) {
                (void)fail(err, STATUS_CONFLICT,
                           "source '%.*s' deletes its files (`after: delete`), and workflow '%.*s' "
                           "has it already: one workflow, or `after: keep`",
                           SLICE_ARGS(trigger->source), SLICE_ARGS(other->name));
                return true;
            }
        }
    }
    return false;
}

static void load_file(struct reload *reload, const char *path) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    struct fault_list *faults = NULL;
    struct version *version = NULL;
    struct error err;
    if (file_read(path, &text, &err) != STATUS_OK ||
        generation_load(reload->generation, reload->orchestrator->options.loop, slice_of(path),
                        buffer_slice(&text), &version, &faults, &err) != STATUS_OK) {
        tell_faults(reload, path, faults, &err);
        fault_list_release(faults);
        return;
    }
    fault_list_release(faults);
    if (is_shared(reload, version->workflow, &err)) {
        tell_faults(reload, path, NULL, &err);
        version_release(version);
        return;
    }
    struct slot *slot = orchestrator_add_slot(reload->orchestrator, version->workflow->name);
    if (slot != NULL && is_twice(reload, slot)) {
        (void)fail(&err, STATUS_CONFLICT, "workflow '%s' stands in %s already", slot->name,
                   slot_file(slot));
        tell_faults(reload, path, NULL, &err);
        slot = NULL;
    }
    if (slot != NULL && slot_set_file(slot, slice_of(path), &err) != STATUS_OK) {
        tell_faults(reload, path, NULL, &err);
        slot = NULL;
    }
    if (slot == NULL) {
        version_release(version);
        return;
    }
    reload->loaded[reload->loaded_count++] = (struct loaded){.slot = slot, .version = version};
}

/* --- putting it to work --- */
static void install(struct reload *reload) {
    struct orchestrator *orchestrator = reload->orchestrator;
    for (uint32_t i = 0; i < reload->loaded_count; i++) {
        struct slot *slot = reload->loaded[i].slot;
        struct version *version = reload->loaded[i].version;
        slot->listed = true;
        const bool unchanged = slot->version != NULL && slot->state == SLOT_RUNNING &&
                               workflow_is_same(slot->version->workflow, version->workflow) &&
                               same_agents(slot->version, version);
        if (unchanged) {
            slot_set_fault(slot, (struct slice){0});
            version_release(version);
            continue;
        }
        orchestrator_install(slot, version, reload_is_stopped(orchestrator, slot->name));
    }
    for (struct slot *slot = orchestrator->slots; slot != NULL; slot = slot->next) {
        if (!slot->listed && slot->state != SLOT_LEFT) {
            slot_set_fault(slot, (struct slice){0});
            orchestrator_leave_slot(slot);
        }
    }
}

/* The first time, kept runs are taken up between the two: they may need versions of their own. Runs
 * begin when the store has numbered the versions: not in this turn. */
static status begin(struct reload *reload, struct error *err) {
    struct recovered *recovered = NULL;
    install(reload);
    TRY(recovery_read(reload->orchestrator, reload->generation, &recovered, err));
    const status code = generation_ready(reload->generation, err);
    if (code == STATUS_OK) {
        recovery_start(reload->orchestrator, recovered);
    } else {
        recovery_drop(recovered);
    }
    return code;
}

/* What is at work stays so unless all is ready. */
static status change(struct reload *reload, struct error *err) {
    const status code = generation_ready(reload->generation, err);
    if (code == STATUS_OK) {
        install(reload);
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < reload->loaded_count; i++) {
        version_release(reload->loaded[i].version);
    }
    return code;
}

static status load_all(struct reload *reload, bool first, struct error *err) {
    reload->loaded = memory_new(reload->file_count, sizeof(*reload->loaded));
    if (reload->loaded == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the workflows");
    }
    for (struct slot *slot = reload->orchestrator->slots; slot != NULL; slot = slot->next) {
        slot->listed = false;
    }
    for (const struct workflow_file *file = reload->files; file != NULL; file = file->next) {
        load_file(reload, file->path);
    }
    return first ? begin(reload, err) : change(reload, err);
}

static void free_files(struct reload *reload) {
    while (reload->files != NULL) {
        struct workflow_file *file = reload->files;
        reload->files = file->next;
        memory_free(file);
    }
    memory_free(reload->loaded);
}

status reload_workflows(struct orchestrator *orchestrator, const struct reload_places *places,
                        bool first, reload_listener *listener, void *owner, struct error *err) {
    struct reload reload = {.orchestrator = orchestrator, .listener = listener, .owner = owner};
    reload.files_end = &reload.files;
    if (!first && places->refresh != NULL) {
        places->refresh(places->owner);
    }
    status code = gather_files(&reload, places, err);
    if (code == STATUS_OK) {
        code = make_generation(&reload, places, err);
    }
    if (code == STATUS_OK) {
        code = load_all(&reload, first, err);
        if (code == STATUS_OK) {
            orchestrator_take_generation(orchestrator, reload.generation);
        } else {
            generation_release(reload.generation);
        }
    }
    free_files(&reload);
    return code;
}

/* --- stopped by a person --- */
static void stopped_path(const struct orchestrator *orchestrator, const char *name,
                         char path[PATH_BYTES_MAX]) {
    (void)snprintf(path, PATH_BYTES_MAX, "%s/stopped/%s", orchestrator->options.folder, name);
}

bool reload_is_stopped(const struct orchestrator *orchestrator, const char *name) {
    char path[PATH_BYTES_MAX];
    struct file_facts facts;
    stopped_path(orchestrator, name, path);
    return file_facts(path, &facts, NULL) == STATUS_OK;
}

status reload_set_stopped(const struct orchestrator *orchestrator, const char *name, bool stopped,
                          struct error *err) {
    char path[PATH_BYTES_MAX];
    char folder[PATH_BYTES_MAX];
    (void)snprintf(folder, sizeof(folder), "%s/stopped", orchestrator->options.folder);
    stopped_path(orchestrator, name, path);
    if (stopped) {
        TRY(file_make_folder(folder, err));
        return file_replace(path, SLICE("stopped by a person\n"), err);
    }
    const status code = file_remove(path, err);
    return code == STATUS_NOT_FOUND ? STATUS_OK : code;
}
