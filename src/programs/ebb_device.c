// SPDX-License-Identifier: Apache-2.0
/* ebb-device: the device's daemon, and `ebb run` at a desk. `ebb` execs it; its options are ebb's.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "platform/file.h"
#include "runtime/agent_trial.h"
#include "runtime/desk_run.h"
#include "runtime/serve.h"

enum { EXIT_CONFIGURATION = 78 }; /* EX_CONFIG: a supervisor need not start it again */
enum { SETS_MAX = 256 };

struct words {
    const char *verb, *item;
    const char *config, *data, *workflows, *agents, *socket, *event, *with, *log, *save;
    const char *sets[SETS_MAX + 1]; /* as they were typed, ended by NULL */
    size_t set_count;
    const char *files[SETS_MAX + 1]; /* likewise */
    size_t file_count;
    int traced;
};

/* Of an option that may stand several times. */
static status add_word(const char *option, const char *words[SETS_MAX + 1], size_t *count,
                       struct error *err) {
    if (*count == SETS_MAX) {
        return fail(err, STATUS_INVALID, "--%s stands at most %d times", option, SETS_MAX);
    }
    words[(*count)++] = optarg;
    return STATUS_OK;
}

static status read_words(int count, char **arguments, struct words *out, struct error *err) {
    int traced = 0;
    const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                     {"data", required_argument, NULL, 'd'},
                                     {"workflows", required_argument, NULL, 'w'},
                                     {"agents", required_argument, NULL, 'a'},
                                     {"socket", required_argument, NULL, 's'},
                                     {"event", required_argument, NULL, 'e'},
                                     {"with", required_argument, NULL, 'i'},
                                     {"file", required_argument, NULL, 'f'},
                                     {"save", required_argument, NULL, 'o'},
                                     {"log", required_argument, NULL, 'l'},
                                     {"set", required_argument, NULL, 'v'},
                                     {"trace", no_argument, &traced, 1},
                                     {0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            out->config = optarg;
            break;
        case 'd':
            out->data = optarg;
            break;
        case 'w':
            out->workflows = optarg;
            break;
        case 'a':
            out->agents = optarg;
            break;
        case 's':
            out->socket = optarg;
            break;
        case 'e':
            out->event = optarg;
            break;
        case 'i':
            out->with = optarg;
            break;
        case 'f':
            TRY(add_word("file", out->files, &out->file_count, err));
            break;
        case 'o':
            out->save = optarg;
            break;
        case 'l':
            out->log = optarg;
            break;
        case 'v':
            TRY(add_word("set", out->sets, &out->set_count, err));
            break;
        case 0:
            break;
        default:
            return fail(err, STATUS_INVALID, "unknown option '%s'", arguments[optind - 1]);
        }
    }
    out->traced = traced;
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
        .sets = words->sets,
        .traced = words->traced != 0,
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
        .files = words->files,
        .save = words->save,
        .agents = folders,
    };
    return trial.name != NULL ? agent_trial_run(&trial, err)
                              : fail(err, STATUS_INVALID, "agent-run NAME: which agent?");
}

int main(int count, char **arguments) {
    struct words words = {0};
    struct error err = {0};
    file_keep_standard_descriptors();
    (void)umask(027); /* results and whole mails lie in the data folder */
    (void)signal(SIGPIPE, SIG_IGN);
    status code = read_words(count, arguments, &words, &err);
    if (code == STATUS_OK) {
        if (strcmp(words.verb, "run") == 0) {
            code = do_run(&words, &err);
        } else if (strcmp(words.verb, "serve") == 0) {
            code = do_serve(&words, &err);
            if (code == STATUS_INVALID) {
                (void)fprintf(stderr, "ebb: %s\n", err.text);
                return EXIT_CONFIGURATION;
            }
        } else if (strcmp(words.verb, "agent-run") == 0) {
            code = do_trial(&words, &err);
        } else {
            code = fail(&err, STATUS_INVALID,
                        "'%s' is no verb of ebb-device: run, serve or agent-run", words.verb);
        }
    }
    if (code != STATUS_OK && err.text[0] != '\0') { /* without a sentence it was said already */
        (void)fprintf(stderr, "ebb: %s\n", err.text);
    }
    return status_exit_code(code);
}
