// SPDX-License-Identifier: Apache-2.0
/* ebb-device: the device's daemon, and `ebb run` at a desk. `ebb` execs it; its options are ebb's.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/time.h"
#include "deployment/join.h"
#include "platform/file.h"
#include "platform/json.h"
#include "runtime/agent_trial.h"
#include "runtime/desk_run.h"
#include "runtime/serve.h"
#include "wire/token.h"

enum { EXIT_CONFIGURATION = 78 }; /* EX_CONFIG: a supervisor need not start it again */
enum { SETS_MAX = 256, ANSWER_BYTES_MAX = 16 << 20, TYPED_BYTES_MAX = 2 * TOKEN_TEXT_BYTES_MAX };

struct list {
    const char *items[SETS_MAX + 1]; /* as they were typed, ended by NULL */
    size_t count;
};

struct words {
    const char *verb, *item;
    const char *config, *data, *workflows, *agents, *socket, *event, *with, *log, *save;
    const char *name, *hub, *proxy, *tell;
    struct list sets, files, labels;
    bool traced, json;
};

enum word_kind { WORD_TEXT, WORD_LIST, WORD_SWITCH };

static const struct {
    const char *name;
    enum word_kind kind;
    size_t place; /* in struct words */
} OPTIONS[] = {
    {"config", WORD_TEXT, offsetof(struct words, config)},
    {"data", WORD_TEXT, offsetof(struct words, data)},
    {"workflows", WORD_TEXT, offsetof(struct words, workflows)},
    {"agents", WORD_TEXT, offsetof(struct words, agents)},
    {"socket", WORD_TEXT, offsetof(struct words, socket)},
    {"event", WORD_TEXT, offsetof(struct words, event)},
    {"with", WORD_TEXT, offsetof(struct words, with)},
    {"log", WORD_TEXT, offsetof(struct words, log)},
    {"save", WORD_TEXT, offsetof(struct words, save)},
    {"name", WORD_TEXT, offsetof(struct words, name)},
    {"hub", WORD_TEXT, offsetof(struct words, hub)},
    {"proxy", WORD_TEXT, offsetof(struct words, proxy)},
    {"tell", WORD_TEXT, offsetof(struct words, tell)},
    {"set", WORD_LIST, offsetof(struct words, sets)},
    {"file", WORD_LIST, offsetof(struct words, files)},
    {"label", WORD_LIST, offsetof(struct words, labels)},
    {"trace", WORD_SWITCH, offsetof(struct words, traced)},
    {"json", WORD_SWITCH, offsetof(struct words, json)},
};

enum { OPTION_COUNT = sizeof(OPTIONS) / sizeof(OPTIONS[0]) };

static status take_option(int index, struct words *out, struct error *err) {
    void *place = (char *)out + OPTIONS[index].place;
    if (OPTIONS[index].kind == WORD_TEXT) {
        *(const char **)place = optarg;
    } else if (OPTIONS[index].kind == WORD_SWITCH) {
        *(bool *)place = true;
    } else {
        struct list *list = place;
        if (list->count == SETS_MAX) {
            return fail(err, STATUS_INVALID, "--%s stands at most %d times", OPTIONS[index].name,
                        SETS_MAX);
        }
        list->items[list->count++] = optarg;
    }
    return STATUS_OK;
}

static status read_words(int count, char **arguments, struct words *out, struct error *err) {
    struct option options[OPTION_COUNT + 1] = {{0}};
    int index = 0;
    int option;
    for (int i = 0; i < OPTION_COUNT; i++) {
        options[i].name = OPTIONS[i].name;
        options[i].has_arg = OPTIONS[i].kind == WORD_SWITCH ? no_argument : required_argument;
    }
    opterr = 0;
    while ((option = getopt_long(count, arguments, "", options, &index)) != -1) {
        if (option != 0) {
            return fail(err, STATUS_INVALID, "unknown option '%s'", arguments[optind - 1]);
        }
        TRY(take_option(index, out, err));
    }
    out->verb = optind < count ? arguments[optind] : "";
    out->item = optind + 1 < count ? arguments[optind + 1] : NULL;
    if (out->log != NULL && log_level_from(out->log) < 0) {
        return fail(err, STATUS_INVALID, "--log is debug, info, warn or error, not '%s'", out->log);
    }
    return STATUS_OK;
}

static status do_run(const struct words *words, struct error *err) {
    const struct desk_options options = {
        .file = words->item,
        .data = words->data,
        .agents = words->agents,
        .event = words->event,
        .config = words->config,
        .sets = words->sets.items,
        .traced = words->traced,
    };
    log_set_level(words->log != NULL ? (enum log_level)log_level_from(words->log) : LOG_WARN);
    return options.file != NULL ? desk_run(&options, err)
                                : fail(err, STATUS_INVALID, "run FILE: which file?");
}

static status do_serve(const struct words *words, struct error *err) {
    const struct serve_options options = {
        .config = words->config,
        .data = words->data,
        .workflows = words->workflows,
        .agents = words->agents,
        .socket = words->socket,
    };
    if (words->log != NULL) {
        log_set_level((enum log_level)log_level_from(words->log));
    }
    return serve(&options, err);
}

static status do_trial(const struct words *words, struct error *err) {
    const char *folders[] = {"agents", words->agents, NULL};
    log_set_level(words->log != NULL ? (enum log_level)log_level_from(words->log) : LOG_WARN);
    const struct agent_trial trial = {
        .name = words->item,
        .with = words->with,
        .files = words->files.items,
        .save = words->save,
        .agents = folders,
    };
    return trial.name != NULL ? agent_trial_run(&trial, err)
                              : fail(err, STATUS_INVALID, "agent-run NAME: which agent?");
}

/* --- joining ---------------------------------------------------------------------------------- */

static void write_text(struct buffer *out, const char *name, struct slice text) {
    buffer_print(out, "\"%s\":", name);
    json_write_text(out, text);
}

/* What a program reads of it. */
static void print_json(const struct joined *joined, struct error *err) {
    const struct identity *identity = &joined->identity;
    char id[ID_UUID_BYTES + 1], ends[TIME_TEXT_BYTES];
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ANSWER_BYTES_MAX);
    id_write_uuid(identity->device, id);
    time_write(identity->not_after_ms, ends);
    buffer_print(&json, "{\"device\":\"%s\",\"certificate_ends_at\":\"%s\",", id, ends);
    write_text(&json, "name", identity->name);
    buffer_add_byte(&json, ',');
    write_text(&json, "site", identity->site);
    buffer_add_byte(&json, ',');
    write_text(&json, "data", slice_of(joined->data));
    buffer_add_text(&json, ",\"hubs\":[");
    for (int i = 0; identity->hubs[i] != NULL; i++) {
        buffer_add_text(&json, i > 0 ? "," : "");
        json_write_text(&json, slice_of(identity->hubs[i]));
    }
    buffer_print(&json, "],\"hub_knows\":%s}\n", joined->hub_knows ? "true" : "false");
    if (buffer_status(&json, err) == STATUS_OK) {
        (void)printf("%.*s", SLICE_ARGS(buffer_slice(&json)));
    }
}

/* What has happened has happened, whether the daemon hears of it or not. */
static void tell_daemon(const struct words *words) {
    struct error err;
    if (words->tell != NULL && join_tell(words->tell, &err) != STATUS_OK) {
        (void)fprintf(stderr, "ebb: the daemon could not be told (%s): start it anew\n", err.text);
    }
}

static status do_join(const struct words *words, struct error *err) {
    char typed[TYPED_BYTES_MAX];
    const struct join_options options = {.token = words->item != NULL ? words->item : typed,
                                         .name = words->name,
                                         .labels = words->labels.items,
                                         .hub = words->hub,
                                         .data = words->data,
                                         .config = words->config,
                                         .proxy = words->proxy};
    struct joined joined = {0};
    struct arena arena;
    if (words->item == NULL && fgets(typed, sizeof(typed), stdin) == NULL) {
        return fail(err, STATUS_INVALID, "there is no token on standard input");
    }
    arena_init(&arena, ANSWER_BYTES_MAX);
    const status code = join_hub(&options, &arena, &joined, err);
    if (code == STATUS_OK) {
        char ends[TIME_TEXT_BYTES];
        time_write(joined.identity.not_after_ms, ends);
        (void)fprintf(stderr,
                      "done: this device is '%.*s' of site '%.*s' (%s); its certificate lasts to "
                      "%.10s and renews itself\n",
                      SLICE_ARGS(joined.identity.name), SLICE_ARGS(joined.identity.site),
                      joined.identity.hubs[0], ends);
        tell_daemon(words);
        if (words->json) {
            print_json(&joined, err);
        }
    }
    identity_forget(&joined.identity);
    arena_done(&arena);
    return code;
}

static status do_leave(const struct words *words, struct error *err) {
    struct joined joined = {0};
    struct arena arena;
    arena_init(&arena, ANSWER_BYTES_MAX);
    const status code = join_leave(words->data, words->config, &arena, &joined, err);
    if (code == STATUS_OK) {
        (void)fprintf(stderr, "done: this device has left its hub%s; results that wait stay here\n",
                      joined.hub_knows ? ""
                                       : ", which could not be told (`ebb hub device rm` there)");
        tell_daemon(words);
        if (words->json) {
            print_json(&joined, err);
        }
    }
    identity_forget(&joined.identity);
    arena_done(&arena);
    return code;
}

/* --- verbs ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    status (*run)(const struct words *words, struct error *err);
} VERBS[] = {{"run", do_run},
             {"serve", do_serve},
             {"agent-run", do_trial},
             {"join", do_join},
             {"leave", do_leave}};

static status run_verb(const struct words *words, struct error *err) {
    for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]); i++) {
        if (strcmp(words->verb, VERBS[i].name) == 0) {
            return VERBS[i].run(words, err);
        }
    }
    return fail(err, STATUS_INVALID,
                "'%s' is no verb of ebb-device: run, serve, agent-run, join or leave", words->verb);
}

int main(int count, char **arguments) {
    struct words words = {0};
    struct error err = {0};
    file_keep_standard_descriptors();
    (void)umask(027); /* results and whole mails lie in the data folder */
    (void)signal(SIGPIPE, SIG_IGN);
    status code = read_words(count, arguments, &words, &err);
    const bool is_known = code == STATUS_OK;
    if (is_known) {
        code = run_verb(&words, &err);
    }
    if (code != STATUS_OK && err.text[0] != '\0') { /* without a sentence it was said already */
        (void)fprintf(stderr, "ebb: %s\n", err.text);
    }
    return code == STATUS_INVALID && is_known && strcmp(words.verb, "serve") == 0
               ? EXIT_CONFIGURATION
               : status_exit_code(code);
}
