// SPDX-License-Identifier: Apache-2.0
/*
 * `ebb logs`: what the daemon said lately; with --follow also what it says from now on.
 *
 * Following asks again and again, so the daemon keeps nothing for who follows. A daemon that goes
 * away is waited for: lines of another process are numbered from 1 again, and are told by its pid.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"

enum { LINES_DEFAULT = 100, LINES_MAX = 1000, LOOK_MS = 250 };

struct following {
    const char *level, *workflow; /* "" where they are not given */
    int64_t lines, after, pid;
    bool away; /* and that was said */
};

static enum terminal_colour colour_of(struct slice level) {
    return slice_is(level, "error")  ? COLOUR_RED
           : slice_is(level, "warn") ? COLOUR_YELLOW
                                     : COLOUR_NONE;
}

/* "2026-11-23T10:00:00.120Z warn  runtime: sentence", as the daemon writes it. */
static status show_line(struct call *call, struct value line, struct error *err) {
    if (call->json) {
        return call_write_json(call, line, false, err);
    }
    struct arena *arena = &call->arena;
    const struct slice level = human_member(arena, line, "level");
    terminal_write(call->out, human_member(arena, line, "time"));
    (void)fputc(' ', call->out);
    terminal_paint(call->out, call->terminal.out_colour, colour_of(level), level);
    (void)fprintf(call->out, "%*s ", level.count < 5 ? (int)(5 - level.count) : 0, "");
    terminal_write(call->out, human_member(arena, line, "room"));
    (void)fputs(": ", call->out);
    terminal_write(call->out, human_member(arena, line, "text"));
    (void)fputc('\n', call->out);
    return STATUS_OK;
}

static status ask(struct call *call, const struct following *from, struct value *out_answer,
                  struct error *err) {
    return daemon_get(call, out_answer, err, "/v1/logs?limit=%" PRId64 "&after=%" PRId64 "%s%s%s%s",
                      from->lines, from->after, *from->level != '\0' ? "&level=" : "", from->level,
                      *from->workflow != '\0' ? "&workflow=" : "", from->workflow);
}

/* Shows what came, and goes on behind it. */
static status show(struct call *call, struct following *from, struct value answer,
                   struct error *err) {
    uint32_t count = 0;
    const struct value *lines = human_items(answer, "lines", &count);
    const int64_t missed = human_number(answer, "missed");
    if (missed > 0) {
        (void)fprintf(call->talk, "ebb: %" PRId64 " lines were gone before they were read\n",
                      missed);
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(show_line(call, lines[i], err));
    }
    from->after = human_number(answer, "last");
    from->pid = human_number(answer, "pid");
    from->lines = LINES_MAX;
    return STATUS_OK;
}

/* One look while following. Nobody there is no failure: it is said once. */
static status look(struct call *call, struct following *from, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    status code = ask(call, from, &answer, err);
    if (code == STATUS_OK && human_number(answer, "pid") != from->pid) {
        (void)fprintf(call->talk, "ebb: the daemon has been started again\n");
        from->after = 0;
        code = ask(call, from, &answer, err);
    }
    if (code == STATUS_OFFLINE) {
        if (!from->away) {
            (void)fprintf(call->talk, "ebb: the daemon is away; waiting for it\n");
        }
        from->away = true;
        return STATUS_OK;
    }
    TRY(code);
    from->away = false;
    return show(call, from, answer, err);
}

static status follow(struct call *call, struct following *from, struct error *err) {
    for (;;) {
        if (fflush(call->out) != 0) {
            return fail(err, STATUS_SYSTEM, "the lines could not be written to standard output");
        }
        arena_reset(&call->arena);
        daemon_pause(LOOK_MS);
        TRY(look(call, from, err));
    }
}

static status read_options(struct call *call, struct following *out, struct error *err) {
    *out = (struct following){.level = "", .workflow = ""};
    const char *level = call_option(call, "level");
    const char *workflow = call_option(call, "workflow");
    if (level != NULL) {
        if (log_level_from(level) < 0) {
            return fail(err, STATUS_INVALID,
                        "--level wants debug, info, warn or error, not '%.40s'", level);
        }
        out->level = level;
    }
    if (workflow != NULL) {
        TRY(daemon_check_name("workflow", workflow, err));
        out->workflow = workflow;
    }
    return call_number(call, "lines", 1, LINES_MAX, LINES_DEFAULT, &out->lines, err);
}

static status run(struct call *call, struct error *err) {
    struct following from;
    struct value answer = {.kind = VALUE_NULL};
    TRY(read_options(call, &from, err));
    const status code = ask(call, &from, &answer, err);
    if (code == STATUS_OFFLINE) {
        (void)fprintf(call->talk, "what a daemon said before it ended is where its standard error "
                                  "went: under systemd in `journalctl -u ebb`\n");
    }
    TRY(code);
    TRY(show(call, &from, answer, err));
    return call_has(call, "follow") ? follow(call, &from, err) : STATUS_OK;
}

static const struct command_option OPTIONS[] = {
    {"follow", NULL, "go on with what comes, until Ctrl-C"},
    {"workflow", "NAME", "lines about this workflow alone"},
    {"level", "LEVEL", "lines of this level and above: debug, info, warn, error"},
    {"lines", "N", "the last so many (100), 1000 at most"},
    {0}};

const struct command cmd_logs = {
    .verb = "logs",
    .summary = "Show what the daemon said lately, and go on with what it says",
    .details = "The daemon keeps its last 1,000 lines in memory; what must outlast it is in the\n"
               "journal of the system (`journalctl -u ebb` under systemd) or where its standard\n"
               "error goes. `ebb serve --log debug` makes it say more. -f and -n N are short for\n"
               "--follow and --lines N.\n",
    .example = "ebb logs --level warn\n"
               "ebb logs --follow --workflow inbox-triage",
    .options = OPTIONS,
    .asks_daemon = true,
    .run = run};
