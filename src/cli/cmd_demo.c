// SPDX-License-Identifier: Apache-2.0
/*
 * `ebb demo`: the cold room on its recorded day, with the daemon killed in the middle.
 *
 * 1. Everything lies in one folder, which goes again unless --keep names it; whatever ends this
 *    process ends the daemon as well.
 * 2. The morning is played at a steady pace, until a door is left open. Then some readings come at
 *    once and the daemon is killed while it works on them; the sensors go on meanwhile; the daemon
 *    is started again, knows that the anomaly lasts, and gets the rest.
 * 3. What is counted is asked of the daemon as anybody could: each reading has one result, or the
 *    command fails.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/own_device.h"
#include "cli/recorded_day.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/folder.h"

enum {
    PACE_MS = 5,       /* from a reading to the next */
    BURST = 60,        /* readings that come at once before the kill, and again while it is dead */
    QUIET_MS = 1500,   /* nothing moved for so long: what has no result gets none */
    END_MS = 13500,    /* what is not done by then is too slow to be shown */
    KILL_AT = 400,     /* reading: a door stands open, and an anomaly lasts */
    EVERY_MS = 300000, /* from a reading to the next, as recorded: five minutes */
    DAY_MS = 86400000,
    NS_A_MS = 1000000,
    PAGE = 500,
    PAGE_KEY_BYTES = 64
};

struct demo {
    struct call *call;
    struct own_device *device;
    struct recorded_day day;
    const char *home, *example, *readings; /* folders; of the call's arena */
    bool kept;
    int64_t began_ns, midnight_ms;
    size_t played;
    int64_t first_ready_ms, ready_ms; /* of the first start and of that after the kill */
    int64_t before_kill;              /* results that were acknowledged by then */
};

/* --- what it is made of --- */

/* Beside the build folder of a source tree, or where `make install` puts examples. */
static status find_example(struct demo *demo, struct error *err) {
    static const char *const PLACES[] = {"../examples/cold-room",
                                         "../share/ebb/examples/cold-room"};
    struct file_facts facts;
    for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
        const struct slice path =
            arena_print(&demo->call->arena, "%s/%s", file_program_folder(), PLACES[i]);
        char whole[PATH_MAX];
        if (path.bytes != NULL && file_facts(path.bytes, &facts, NULL) == STATUS_OK &&
            realpath(path.bytes, whole) != NULL) {
            demo->example = arena_copy(&demo->call->arena, slice_of(whole)).bytes;
        }
        if (demo->example != NULL) {
            return STATUS_OK;
        }
    }
    return fail(err, STATUS_NOT_FOUND, "the example cold-room is not there: neither %s/%s nor %s",
                file_program_folder(), PLACES[0], PLACES[1]);
}

static status find_python(struct call *call, struct error *err) {
    const char *folders = getenv("PATH");
    struct slice left = slice_of(folders != NULL ? folders : "/usr/local/bin:/usr/bin:/bin");
    while (left.count > 0) {
        const size_t end = slice_find(left, ':');
        const struct slice path =
            arena_print(&call->arena, "%.*s/python3", SLICE_ARGS(slice_part(left, 0, end)));
        if (path.bytes != NULL && access(path.bytes, X_OK) == 0) {
            return STATUS_OK;
        }
        left = slice_part(left, end + 1, left.count);
    }
    return fail(err, STATUS_NOT_FOUND,
                "the demo's agent is a Python script and there is no python3 in PATH: install "
                "python3 and try again");
}

/* A folder of our own that goes again, or the one that --keep names, which must be new or empty. */
static status make_home(struct demo *demo, struct error *err) {
    struct call *call = demo->call;
    const char *kept = call_option(call, "keep");
    demo->kept = kept != NULL;
    if (kept != NULL) {
        if (rmdir(kept) != 0 && errno != ENOENT) {
            return fail(err, STATUS_CONFLICT,
                        "--keep wants a new or an empty folder, and %s is "
                        "neither",
                        kept);
        }
        TRY(file_make_folder(kept, err));
        char whole[PATH_MAX];
        if (realpath(kept, whole) == NULL) {
            return fail_errno(err, errno, "find %s", kept);
        }
        demo->home = arena_copy(&call->arena, slice_of(whole)).bytes;
    } else {
        const char *temporary = getenv("TMPDIR");
        const struct slice made =
            arena_print(&call->arena, "%s/ebb-demo-XXXXXX",
                        temporary != NULL && *temporary == '/' ? temporary : "/tmp");
        union {
            const char *given;
            char *changed;
        } path = {.given = made.bytes};
        demo->home = made.bytes != NULL ? mkdtemp(path.changed) : NULL;
    }
    return demo->home != NULL ? STATUS_OK : fail_errno(err, errno, "make a folder for the demo");
}

static status copy_example(struct demo *demo, struct error *err) {
    struct arena *arena = &demo->call->arena;
    const struct slice to = arena_print(arena, "%s/workflows", demo->home);
    const struct slice agents = arena_print(arena, "%s/agents", demo->example);
    const struct slice to_agents = arena_print(arena, "%s/workflows/agents", demo->home);
    const struct slice file = arena_print(arena, "%s/cold-room.yaml", demo->example);
    const struct slice to_file = arena_print(arena, "%s/workflows/cold-room.yaml", demo->home);
    const struct slice day = arena_print(arena, "%s/recorded-day.ndjson", demo->example);
    demo->readings = arena_print(arena, "%s/workflows/readings", demo->home).bytes;
    if (to.bytes == NULL || agents.bytes == NULL || to_agents.bytes == NULL || file.bytes == NULL ||
        to_file.bytes == NULL || day.bytes == NULL || demo->readings == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the demo's paths");
    }
    TRY(recorded_day_read(day.bytes, &demo->day, err));
    TRY(file_make_folder(demo->readings, err));
    TRY(folder_copy_file(file.bytes, to_file.bytes, err));
    return folder_copy(agents.bytes, to_agents.bytes, NULL, err);
}

/* An example that somebody has changed may have faults. */
static status check_workflow(struct call *call, struct error *err) {
    struct value row = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &row, err, "/v1/workflows/cold-room"));
    return daemon_wait_loaded(call, &row, err);
}

/* --- the day --- */

static int64_t passed_ms(const struct demo *demo) {
    return (clock_monotonic_ns() - demo->began_ns) / NS_A_MS;
}

/* The day ends now, so that every reading but the last lies in the past, as a logger's do. */
static status play_one(struct demo *demo, struct error *err) {
    const int64_t at_ms = demo->midnight_ms + demo->day.readings[demo->played].number * EVERY_MS;
    TRY(recorded_day_play(&demo->day, demo->played, demo->readings, at_ms, err));
    demo->played++;
    const double share = (double)demo->played / (double)demo->day.count;
    terminal_progress(&demo->call->terminal, demo->call->talk, "readings", share, "");
    return STATUS_OK;
}

static status play_burst(struct demo *demo, struct error *err) {
    const size_t until =
        demo->played + BURST < demo->day.count ? demo->played + BURST : demo->day.count;
    while (demo->played < until) {
        TRY(play_one(demo, err));
    }
    return STATUS_OK;
}

/* One after another at the pace; what a slow moment held up is made up for. */
static status play_until(struct demo *demo, size_t until, struct error *err) {
    const int64_t began_ns = clock_monotonic_ns();
    const size_t first = demo->played;
    while (demo->played < until) {
        const int64_t due_ms = (int64_t)(demo->played - first) * PACE_MS;
        const int64_t now_ms = (clock_monotonic_ns() - began_ns) / NS_A_MS;
        if (now_ms < due_ms) {
            TRY(own_device_wait(demo->device, due_ms - now_ms, err));
        }
        TRY(play_one(demo, err));
    }
    return STATUS_OK;
}

/* Verdicts on disk, and whether the workflow has nothing more to do. Every reading has a verdict in
 * the lane low; what else comes of one lies in others. */
static status look(struct demo *demo, int64_t *out_verdicts, bool *out_idle, struct error *err) {
    struct value row = {.kind = VALUE_NULL};
    struct value queue = {.kind = VALUE_NULL};
    TRY(daemon_get(demo->call, &row, err, "/v1/workflows/cold-room"));
    TRY(daemon_get(demo->call, &queue, err, "/v1/queue"));
    uint32_t count = 0;
    const struct value *lanes = human_items(queue, "lanes", &count);
    *out_verdicts = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (slice_is(human_member(&demo->call->arena, lanes[i], "lane"), "low")) {
            *out_verdicts = human_number(lanes[i], "waiting");
        }
    }
    *out_idle =
        human_number(row, "queued") + human_number(row, "running") + human_number(row, "waiting") ==
        0;
    return STATUS_OK;
}

/* Until nothing has moved for a while: what is missing then would be missing for ever. */
static status wait_until_quiet(struct demo *demo, struct error *err) {
    int64_t last = -1;
    int64_t moved_ns = clock_monotonic_ns();
    for (;;) {
        int64_t verdicts = 0;
        bool idle = false;
        TRY(look(demo, &verdicts, &idle, err));
        const int64_t now_ns = clock_monotonic_ns();
        if (verdicts != last || !idle) {
            moved_ns = now_ns;
        }
        last = verdicts;
        const bool all = idle && verdicts >= (int64_t)demo->day.count;
        if (all || now_ns - moved_ns > (int64_t)QUIET_MS * NS_A_MS) {
            return STATUS_OK;
        }
        if (passed_ms(demo) > END_MS) {
            return fail(err, STATUS_TIMEOUT,
                        "after %d ms only %" PRId64 " of %zu readings are judged: this machine, or "
                        "its disk, is too slow for the demo",
                        END_MS, verdicts, demo->day.count);
        }
        TRY(own_device_wait(demo->device, PACE_MS * 4, err));
    }
}

static status play_day(struct demo *demo, struct error *err) {
    FILE *talk = demo->call->talk;
    const struct terminal *terminal = &demo->call->terminal;
    bool idle = false;
    (void)fprintf(talk, "1. a daemon of its own is ready after %" PRId64 " ms\n",
                  demo->first_ready_ms);
    (void)fprintf(talk, "2. %zu readings of three cold rooms, a day of them, %d a second\n",
                  demo->day.count, 1000 / PACE_MS);
    TRY(play_until(demo, demo->day.count < KILL_AT ? demo->day.count : KILL_AT, err));
    TRY(play_burst(demo, err));
    TRY(look(demo, &demo->before_kill, &idle, err));
    TRY(own_device_kill(demo->device, err));
    terminal_progress_done(terminal, talk);
    (void)fprintf(talk,
                  "3. SIGKILL, with %zu readings there and %" PRId64
                  " results on disk a moment before; the sensors go on\n",
                  demo->played, demo->before_kill);
    TRY(play_burst(demo, err));
    TRY(own_device_start(demo->device, &demo->ready_ms, err));
    terminal_progress_done(terminal, talk);
    (void)fprintf(talk, "4. started again, ready after %" PRId64 " ms; the rest of the day\n",
                  demo->ready_ms);
    TRY(play_until(demo, demo->day.count, err));
    terminal_progress_done(terminal, talk);
    return wait_until_quiet(demo, err);
}

/* --- what came of it --- */

/* Every result of a name, newest first, page after page. */
static status each_result(struct demo *demo, const char *name,
                          void (*each)(struct demo *demo, struct value result), size_t *out_count,
                          struct error *err) {
    char key[PAGE_KEY_BYTES] = "";
    bool more = true;
    *out_count = 0;
    while (more) {
        struct value answer = {.kind = VALUE_NULL};
        uint32_t count = 0;
        TRY(daemon_get(demo->call, &answer, err,
                       "/v1/results?workflow=cold-room&name=%s&limit=%d%s%s", name, PAGE,
                       *key != '\0' ? "&before=" : "", key));
        const struct value *rows = human_items(answer, "results", &count);
        for (uint32_t i = 0; i < count; i++) {
            const struct value *result = value_get(rows[i], SLICE("result"));
            each(demo, result != NULL ? *result : (struct value){.kind = VALUE_NULL});
        }
        *out_count += count;
        const struct value *next = value_get(answer, SLICE("next"));
        const struct slice text = next != NULL ? value_text(*next) : SLICE("");
        more = count > 0 && text.count > 0 && text.count < sizeof(key);
        (void)snprintf(key, sizeof(key), "%.*s", SLICE_ARGS(text));
    }
    return STATUS_OK;
}

static void count_reading(struct demo *demo, struct value result) {
    recorded_day_count(&demo->day, result);
}

static void show_alarm(struct demo *demo, struct value result) {
    struct arena *arena = &demo->call->arena;
    if (demo->call->json) {
        return;
    }
    const int64_t minute = (human_number(result, "number") - 1) * (EVERY_MS / 60000);
    (void)fprintf(demo->call->out, "  %02d:%02d  room %.*s: anomaly %.*s, %.*s degrees, %.*s %%\n",
                  (int)(minute / 60), (int)(minute % 60),
                  SLICE_ARGS(human_member(arena, result, "sensor")),
                  SLICE_ARGS(human_member(arena, result, "anomaly")),
                  SLICE_ARGS(human_member(arena, result, "t")),
                  SLICE_ARGS(human_member(arena, result, "rh")));
}

static status show_queue(struct demo *demo, struct error *err) {
    static const struct listing_column COLUMNS[] = {{"LANE", "lane", LISTING_TEXT},
                                                    {"WAITING", "waiting", LISTING_COUNT},
                                                    {"BYTES", "bytes", LISTING_BYTES}};
    static const struct listing LISTING = {.columns = COLUMNS,
                                           .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                           .nothing = "no lane holds anything"};
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(demo->call, &answer, err, "/v1/queue"));
    uint32_t count = 0;
    uint32_t holding = 0;
    const struct value *lanes = human_items(answer, "lanes", &count);
    struct value *shown = arena_get(&demo->call->arena, count, sizeof(*shown));
    for (uint32_t i = 0; shown != NULL && i < count; i++) {
        if (human_number(lanes[i], "waiting") > 0) {
            shown[holding++] = lanes[i];
        }
    }
    (void)fprintf(demo->call->out, "\nThe queue, until a hub takes it:\n");
    return listing_write(demo->call, &LISTING, shown, holding, err);
}

static status answer_json(struct demo *demo, size_t results, size_t alarms, struct error *err) {
    struct value answer;
    struct member *members = value_new_object(&demo->call->arena, 8, &answer);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    const struct {
        struct slice name;
        int64_t number;
    } rows[8] = {{SLICE("readings"), (int64_t)demo->played},
                 {SLICE("results"), (int64_t)results},
                 {SLICE("lost"), (int64_t)recorded_day_lost(&demo->day)},
                 {SLICE("doubled"), (int64_t)recorded_day_doubled(&demo->day)},
                 {SLICE("alarms"), (int64_t)alarms},
                 {SLICE("results_before_kill"), demo->before_kill},
                 {SLICE("ready_ms"), demo->ready_ms},
                 {SLICE("took_ms"), passed_ms(demo)}};
    for (size_t i = 0; i < 8; i++) {
        members[i] = (struct member){rows[i].name, value_of_integer(rows[i].number)};
    }
    return call_write_json(demo->call, answer, false, err);
}

static status show(struct demo *demo, struct error *err) {
    struct call *call = demo->call;
    size_t results = 0;
    size_t alarms = 0;
    TRY(each_result(demo, "reading", count_reading, &results, err));
    if (!call->json) {
        (void)fprintf(call->out, "\nAlarms, the newest first:\n");
    }
    TRY(each_result(demo, "alarm", show_alarm, &alarms, err));
    if (call->json) {
        return answer_json(demo, results, alarms, err);
    }
    TRY(show_queue(demo, err));
    (void)fprintf(call->out,
                  "\n  readings        %zu\n  results         %zu\n  lost            %zu\n"
                  "  doubled         %zu\n",
                  demo->played, results, recorded_day_lost(&demo->day),
                  recorded_day_doubled(&demo->day));
    return STATUS_OK;
}

static void say_next(const struct demo *demo) {
    FILE *talk = demo->call->talk;
    (void)fflush(demo->call->out);
    (void)fprintf(talk, "\nNext (%" PRId64 ".%" PRId64 " s so far):\n", passed_ms(demo) / 1000,
                  passed_ms(demo) % 1000 / 100);
    if (demo->kept) {
        (void)fprintf(talk,
                      "  ebb serve --data %s/data --workflows %s/workflows --socket %s/ebb.sock &\n"
                      "  ebb result list --lane urgent --socket %s/ebb.sock\n",
                      demo->home, demo->home, demo->home, demo->home);
    } else {
        (void)fprintf(talk,
                      "  ebb demo --keep DIR          the same, and it stays to be looked at\n");
    }
    (void)fprintf(talk,
                  "  ebb new workflow NAME        begin with your own\n"
                  "  ebb new agent NAME           a program of yours as an agent\n"
                  "  %s\n"
                  "                               what ran here, and its agent in Python\n",
                  demo->example);
}

/* --- the whole --- */

static void demo_done(struct demo *demo) {
    terminal_progress_done(&demo->call->terminal, demo->call->talk);
    own_device_destroy(demo->device);
    recorded_day_done(&demo->day);
    if (demo->home != NULL && !demo->kept) {
        (void)folder_remove(demo->home, NULL); /* what stays of it is in a folder for such */
    }
}

static status judge(const struct demo *demo, struct error *err) {
    const size_t lost = recorded_day_lost(&demo->day);
    const size_t doubled = recorded_day_doubled(&demo->day);
    if (lost > 0 || doubled > 0) {
        return fail(err, STATUS_CORRUPT, "%zu readings have no result, %zu results are too many",
                    lost, doubled);
    }
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    CLEANUP(demo_done) struct demo demo = {.call = call, .began_ns = clock_monotonic_ns()};
    demo.midnight_ms = clock_wall_ms() - DAY_MS;
    TRY(find_example(&demo, err));
    TRY(find_python(call, err));
    TRY(make_home(&demo, err));
    TRY(copy_example(&demo, err));
    TRY(own_device_create(call, demo.home, &demo.device, err));
    TRY(own_device_start(demo.device, &demo.first_ready_ms, err));
    TRY(check_workflow(call, err));
    TRY(play_day(&demo, err));
    TRY(show(&demo, err));
    TRY(own_device_stop(demo.device, err));
    TRY(judge(&demo, err));
    say_next(&demo);
    return STATUS_OK;
}

static const struct command_option OPTIONS[] = {
    {"keep", "DIR", "leave everything in this folder, which must be new or empty"}, {0}};

const struct command cmd_demo = {
    .verb = "demo",
    .summary = "Play a day of three cold rooms, kill the daemon in the middle, count what came out",
    .details =
        "A daemon of its own in a folder that goes again, nothing fetched, about ten seconds. The\n"
        "exit code is 0 only when each reading has one result and no more. Needs python3, since\n"
        "the agent that judges the readings is a Python script.\n",
    .example = "ebb demo\n"
               "ebb demo --keep /tmp/cold-room",
    .options = OPTIONS,
    .run = run};
