// SPDX-License-Identifier: Apache-2.0
/* ebb-hub: the central daemon. `ebb hub serve` and `ebb hub restore` exec it; its options are
 * ebb's. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "hub/hub_restore.h"
#include "hub/hub_serve.h"
#include "platform/file.h"

enum { EXIT_CONFIGURATION = 78 }; /* EX_CONFIG: a supervisor need not start it again */

struct words {
    struct hub_serve_options serve;
    const char *passphrase_file;
    bool json;
};

static status read_words(int count, char **arguments, struct words *out_words, struct error *err) {
    static const struct option OPTIONS[] = {{"data", required_argument, NULL, 'd'},
                                            {"listen", required_argument, NULL, 'a'},
                                            {"people", required_argument, NULL, 'p'},
                                            {"socket", required_argument, NULL, 's'},
                                            {"names", required_argument, NULL, 'n'},
                                            {"log", required_argument, NULL, 'l'},
                                            {"authority", required_argument, NULL, 'c'},
                                            {"authority-key", required_argument, NULL, 'k'},
                                            {"site", required_argument, NULL, 'i'},
                                            {"device-life", required_argument, NULL, 'e'},
                                            {"config", required_argument, NULL, 'f'},
                                            {"passphrase-file", required_argument, NULL, 'w'},
                                            {"json", no_argument, NULL, 'j'},
                                            {0}};
    struct hub_serve_options *out = &out_words->serve;
    int option;
    opterr = 0;
    while ((option = getopt_long(count, arguments, "", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'd':
            out->data = optarg;
            break;
        case 'a':
            out->listen = optarg;
            break;
        case 'p':
            out->people = optarg;
            break;
        case 's':
            out->socket = optarg;
            break;
        case 'n':
            out->names = optarg;
            break;
        case 'c':
            out->authority = optarg;
            break;
        case 'k':
            out->authority_key = optarg;
            break;
        case 'i':
            out->site = optarg;
            break;
        case 'e':
            out->device_life = optarg;
            break;
        case 'f':
            out->config = optarg;
            break;
        case 'w':
            out_words->passphrase_file = optarg;
            break;
        case 'j':
            out_words->json = true;
            break;
        case 'l':
            if (log_level_from(optarg) < 0) {
                return fail(err, STATUS_INVALID, "--log is debug, info, warn or error, not '%s'",
                            optarg);
            }
            log_set_level((enum log_level)log_level_from(optarg));
            break;
        default:
            return fail(err, STATUS_INVALID, "unknown option '%s'", arguments[optind - 1]);
        }
    }
    return STATUS_OK;
}

static status act(int count, char **arguments, struct error *err) {
    struct words words = {.serve.out = stdout};
    TRY(read_words(count, arguments, &words, err));
    const char *verb = optind < count ? arguments[optind] : "";
    if (strcmp(verb, "serve") == 0) {
        return hub_serve(&words.serve, err);
    }
    if (strcmp(verb, "restore") == 0 && optind + 1 < count) {
        const struct hub_restore_options restore = {.path = arguments[optind + 1],
                                                    .data = words.serve.data,
                                                    .passphrase_file = words.passphrase_file,
                                                    .json = words.json,
                                                    .out = stdout};
        return hub_restore(&restore, err);
    }
    return fail(err, STATUS_INVALID, "ebb-hub knows `serve` and `restore FILE`");
}

int main(int count, char **arguments) {
    struct error err = {0};
    file_keep_standard_descriptors();
    (void)umask(027); /* results and keys lie in the data folder */
    (void)signal(SIGPIPE, SIG_IGN);
    const status code = act(count, arguments, &err);
    if (code != STATUS_OK) {
        (void)fprintf(stderr, "ebb: %s\n", err.text);
    }
    return code == STATUS_INVALID ? EXIT_CONFIGURATION : status_exit_code(code);
}
