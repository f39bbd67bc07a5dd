// SPDX-License-Identifier: Apache-2.0
#include "runtime/link_ledger.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/json.h"
#include "platform/worker.h"

enum { PATH_BYTES_MAX = 4096, LEDGER_BYTES_MAX = 16 << 10, NS_PER_MS = 1000000 };

/* As of when: the boot clock counts within one boot, the wall clock from one to the next. */
struct entry {
    struct scheduler_use use;
    struct id boot;
    int64_t boot_ms, wall_ms;
    bool known;
};

struct link_ledger {
    struct job job; /* first */
    struct pool *pool;
    char path[PATH_BYTES_MAX];
    struct entry entry;    /* noted last */
    struct entry written;  /* or being written, which is the worker's until it is done */
    struct error outcome;  /* of writing */
    int64_t written_at_ms; /* 0: not by this process */
    bool writing;
    bool worth; /* a link has a budget */
};

static int64_t now_ms(void) {
    return clock_boot_ns() / NS_PER_MS;
}

/* --- the file -------------------------------------------------------------------------------- */

static bool has_carried(const struct link_use *link) {
    bool carried = false;
    for (int i = 0; i < SCHEDULER_WINDOW_SLOTS; i++) {
        carried = carried || link->day.slots[i] > 0;
    }
    return carried;
}

static void write_window(struct buffer *out, const char *name,
                         const struct sliding_window *window) {
    buffer_print(out, ",\"%s\":{\"newest\":%lld,\"slots\":[", name, (long long)window->newest);
    for (int i = 0; i < SCHEDULER_WINDOW_SLOTS; i++) {
        buffer_print(out, "%s%lld", i > 0 ? "," : "", (long long)window->slots[i]);
    }
    buffer_add_text(out, "]}");
}

static void write_entry(struct buffer *out, const struct entry *entry) {
    char boot[ID_UUID_BYTES + 1];
    const char *between = "";
    id_write_uuid(entry->boot, boot);
    buffer_print(out, "{\"boot\":\"%s\",\"boot_ms\":%lld,\"wall_ms\":%lld,\"time_ms\":%lld,", boot,
                 (long long)entry->boot_ms, (long long)entry->wall_ms,
                 (long long)entry->use.time_ms);
    buffer_add_text(out, "\"links\":[");
    for (int i = 0; i < SCHEDULER_LINKS; i++) {
        const struct link_use *link = &entry->use.links[i];
        if (has_carried(link)) {
            buffer_print(out, "%s{\"kind\":", between);
            json_write_text(out, slice_of(link->kind));
            write_window(out, "hour", &link->hour);
            write_window(out, "day", &link->day);
            buffer_add_byte(out, '}');
            between = ",";
        }
    }
    buffer_add_text(out, "]}\n");
}

static status write_file(const char *path, const struct entry *entry, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, LEDGER_BYTES_MAX);
    write_entry(&text, entry);
    TRY(buffer_status(&text, err));
    return file_replace(path, buffer_slice(&text), err);
}

/* -1, which no number there is: it is missing, or something else. */
static int64_t number_of(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL && member->kind == VALUE_INTEGER ? member->integer : -1;
}

static struct slice text_of(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL ? value_text(*member) : (struct slice){0};
}

/* What is not whole is told by -1, and left out by the scheduler. */
static void read_window(struct value link, const char *name, struct sliding_window *out) {
    const struct value *window = value_get(link, slice_of(name));
    const struct value *slots = window != NULL ? value_get(*window, SLICE("slots")) : NULL;
    if (slots == NULL || slots->kind != VALUE_LIST || slots->count != SCHEDULER_WINDOW_SLOTS) {
        out->newest = -1;
        return;
    }
    out->newest = number_of(*window, "newest");
    for (int i = 0; i < SCHEDULER_WINDOW_SLOTS; i++) {
        out->slots[i] = slots->items[i].kind == VALUE_INTEGER ? slots->items[i].integer : -1;
    }
}

static void read_entry(struct value file, struct entry *entry) {
    const struct value *links = value_get(file, SLICE("links"));
    entry->known = id_read(text_of(file, "boot"), &entry->boot) && links != NULL &&
                   links->kind == VALUE_LIST && links->count <= SCHEDULER_LINKS;
    entry->boot_ms = number_of(file, "boot_ms");
    entry->wall_ms = number_of(file, "wall_ms");
    entry->use.time_ms = number_of(file, "time_ms");
    for (uint32_t i = 0; entry->known && i < links->count; i++) {
        struct link_use *link = &entry->use.links[i];
        (void)snprintf(
            link->kind, sizeof(link->kind), "%.*s",
            SLICE_ARGS(slice_part(text_of(links->items[i], "kind"), 0, SCHEDULER_KIND_BYTES - 1)));
        read_window(links->items[i], "hour", &link->hour);
        read_window(links->items[i], "day", &link->day);
        link->used = 1;
    }
}

static void read_file(const char *path, struct entry *entry) {
    CLEANUP(buffer_done) struct buffer text;
    struct arena arena;
    struct value file = {.kind = VALUE_NULL};
    struct error err;
    buffer_init(&text, LEDGER_BYTES_MAX);
    arena_init(&arena, 16 * LEDGER_BYTES_MAX);
    status code = file_read(path, &text, &err);
    if (code == STATUS_OK) {
        code = json_read(&arena, buffer_slice(&text), &file, &err);
    }
    if (code == STATUS_OK) {
        read_entry(file, entry);
    } else if (code != STATUS_NOT_FOUND) {
        log_line(LOG_WARN, "runtime", "sync: what links have carried is not known: %s", err.text);
    }
    arena_done(&arena);
}

/* --- writing it ------------------------------------------------------------------------------ */

static void work(struct job *job, int worker) {
    struct link_ledger *ledger = (struct link_ledger *)job;
    (void)worker;
    ledger->outcome = (struct error){.code = STATUS_OK};
    ledger->outcome.code = write_file(ledger->path, &ledger->written, &ledger->outcome);
}

static void say_outcome(const struct link_ledger *ledger) {
    if (ledger->outcome.code != STATUS_OK) {
        log_line(LOG_WARN, "runtime", "sync: keep what links have carried: %s",
                 ledger->outcome.text);
    }
}

/* What was not written is news still. */
static void done(struct job *job) {
    struct link_ledger *ledger = (struct link_ledger *)job;
    ledger->writing = false;
    say_outcome(ledger);
    if (ledger->outcome.code != STATUS_OK) {
        ledger->written = (struct entry){.known = false};
    }
}

static bool is_written(const struct entry *written, const struct link_use *link) {
    bool found = false;
    for (int i = 0; i < SCHEDULER_LINKS; i++) {
        const struct link_use *before = &written->use.links[i];
        found = found || (strcmp(before->kind, link->kind) == 0 &&
                          memcmp(&before->day, &link->day, sizeof(link->day)) == 0);
    }
    return found;
}

static bool has_news(const struct link_ledger *ledger) {
    bool news = false;
    for (int i = 0; i < SCHEDULER_LINKS; i++) {
        const struct link_use *link = &ledger->entry.use.links[i];
        news = news || (has_carried(link) && !is_written(&ledger->written, link));
    }
    return news && ledger->worth;
}

/* --- what the manager does ------------------------------------------------------------------- */

status link_ledger_create(struct pool *pool, const char *folder, struct link_ledger **out_ledger,
                          struct error *err) {
    struct link_ledger *ledger = memory_new(1, sizeof(*ledger));
    if (ledger == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to count what links carry");
    }
    ledger->job = (struct job){.work = work, .done = done};
    ledger->pool = pool;
    (void)snprintf(ledger->path, sizeof(ledger->path), "%s/links.json", folder);
    read_file(ledger->path, &ledger->entry);
    ledger->written = ledger->entry;
    *out_ledger = ledger;
    return STATUS_OK;
}

void link_ledger_give(const struct link_ledger *ledger, struct sender *sender) {
    const struct entry *entry = &ledger->entry;
    const int64_t elapsed_ms = id_equal(entry->boot, clock_boot_id())
                                   ? now_ms() - entry->boot_ms
                                   : clock_wall_ms() - entry->wall_ms;
    if (entry->known) {
        sender_recall(sender, now_ms(), &entry->use, elapsed_ms);
    }
}

void link_ledger_take(struct link_ledger *ledger, const struct sender *sender) {
    struct sender_budget budget;
    struct entry *entry = &ledger->entry;
    sender_budget(sender, now_ms(), &budget);
    ledger->worth =
        ledger->worth || budget.link.budget.bytes_hour > 0 || budget.link.budget.bytes_day > 0;
    sender_use(sender, now_ms(), &entry->use);
    entry->boot = clock_boot_id();
    entry->boot_ms = now_ms();
    entry->wall_ms = clock_wall_ms();
    entry->known = true;
}

int64_t link_ledger_look(struct link_ledger *ledger, const struct sender *sender) {
    const int64_t due_ms = ledger->written_at_ms == 0 ? 0 : ledger->written_at_ms + LINK_LEDGER_MS;
    link_ledger_take(ledger, sender);
    if (!has_news(ledger)) {
        return 0;
    }
    if (due_ms > now_ms()) {
        return due_ms;
    }
    if (ledger->writing) {
        return now_ms() + LINK_LEDGER_MS; /* on a disk that takes so long */
    }
    ledger->written = ledger->entry;
    ledger->written_at_ms = now_ms();
    ledger->writing = true;
    pool_submit(ledger->pool, &ledger->job);
    return 0;
}

void link_ledger_destroy(struct link_ledger *ledger) {
    if (ledger == NULL) {
        return;
    }
    if (ledger->writing || has_news(ledger)) { /* what nobody began is not written */
        ledger->outcome = (struct error){.code = STATUS_OK};
        ledger->outcome.code = write_file(ledger->path, &ledger->entry, &ledger->outcome);
        say_outcome(ledger);
    }
    memory_free(ledger);
}
