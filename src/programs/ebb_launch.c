// SPDX-License-Identifier: Apache-2.0
/*
 * ebb-launch: stands between the daemon and a child process: ties its life to the daemon's, sets
 * its limits, closes what is not its own, and becomes the program.
 *
 * usage: ebb-launch [--parent PID] [--memory BYTES] [--cpu SECONDS] [--file BYTES] [--files N]
 *                   [--folder PATH] [--descriptor yes] -- PROGRAM [ARGUMENT...]
 *
 * The environment is passed on as it came. What fails before the program runs is one line on
 * standard error; the exit code is 127 when the program is not there, else 126.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/file.h"

enum { CANNOT_RUN = 126, NOT_THERE = 127, OWN_DESCRIPTOR = 3, SIGNAL_SET_BYTES = 8 };

struct launch {
    int64_t parent; /* who must still be our parent; 0: whoever it is */
    int64_t memory_bytes;
    int64_t cpu_seconds;
    int64_t file_bytes;
    int64_t files;
    const char *folder;
    bool descriptor;  /* descriptor 3 is the program's */
    char **arguments; /* the program's, ended by NULL */
};

static int give_up(int code, const char *doing, const char *what, const char *why) {
    (void)fprintf(stderr, "ebb-launch: %s '%s': %s\n", doing, what, why);
    return code;
}

static bool read_number(const char *text, int64_t *out_number) {
    char *end = NULL;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 0) {
        return false;
    }
    *out_number = number;
    return true;
}

static bool read_option(struct launch *launch, const char *name, char *value) {
    const struct {
        const char *name;
        int64_t *number;
    } numbers[] = {
        {"--parent", &launch->parent},   {"--memory", &launch->memory_bytes},
        {"--cpu", &launch->cpu_seconds}, {"--file", &launch->file_bytes},
        {"--files", &launch->files},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            return read_number(value, numbers[i].number);
        }
    }
    if (strcmp(name, "--folder") == 0) {
        launch->folder = value;
        return true;
    }
    launch->descriptor = strcmp(name, "--descriptor") == 0 && strcmp(value, "yes") == 0;
    return launch->descriptor;
}

/* Options come in pairs, up to "--". */
static int read_options(struct launch *launch, char **words) {
    while (words[0] != NULL && strcmp(words[0], "--") != 0) {
        if (words[1] == NULL || !read_option(launch, words[0], words[1])) {
            return give_up(CANNOT_RUN, "read option", words[0], "not an option with such a value");
        }
        words += 2;
    }
    if (words[0] == NULL || words[1] == NULL) {
        return give_up(CANNOT_RUN, "find", "-- PROGRAM", "there is none among the arguments");
    }
    launch->arguments = &words[1];
    return 0;
}

/* A program begins with no signal blocked and none ignored, whatever the daemon does with them. The
 * kernel is asked itself, since the C library refuses two signals that it keeps for itself, and
 * leaves them ignored when it starts a process. */
static void reset_signals(void) {
    const struct {
        unsigned long handler; /* 0: the default */
        unsigned long rest[4];
    } plain = {0};
    for (int number = 1; number <= SIGRTMAX; number++) {
        (void)syscall(SYS_rt_sigaction, number, &plain, NULL,
                      SIGNAL_SET_BYTES); /* not KILL, STOP */
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Its own session: no terminal to read or to be stopped by, and one group that can be killed whole.
 * The daemon has seen to it already, before exec, so that it can kill the group from the start. */
static void lead_group(void) {
    if (getpgrp() != getpid()) {
        (void)setsid(); /* cannot fail for who leads no group */
    }
}

/* The daemon may have ended before prctl: then nobody sends the signal any more. */
static int tie_to_parent(const struct launch *launch) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return give_up(CANNOT_RUN, "tie to the life of", "parent", strerror(errno));
    }
    if (launch->parent != 0 && getppid() != launch->parent) {
        return CANNOT_RUN;
    }
    return 0;
}

static bool limit(__rlimit_resource_t resource, int64_t soft, int64_t hard) {
    struct rlimit now;
    if (getrlimit(resource, &now) != 0) {
        return false;
    }
    const rlim_t hard_wanted = (rlim_t)hard;
    const rlim_t soft_wanted = (rlim_t)soft;
    now.rlim_max = hard_wanted < now.rlim_max ? hard_wanted : now.rlim_max;
    now.rlim_cur = soft_wanted < now.rlim_max ? soft_wanted : now.rlim_max;
    return setrlimit(resource, &now) == 0;
}

static int set_limits(const struct launch *launch) {
    /* The soft limit of time is a signal that the program may still answer, the hard one is not. */
    const struct {
        const char *name;
        int64_t soft;
        int64_t hard;
        __rlimit_resource_t resource;
        bool wanted;
    } limits[] = {
        {"core", 0, 0, RLIMIT_CORE, true},
        {"files", launch->files, launch->files, RLIMIT_NOFILE, launch->files > 0},
        {"file", launch->file_bytes, launch->file_bytes, RLIMIT_FSIZE, launch->file_bytes > 0},
        {"cpu", launch->cpu_seconds, launch->cpu_seconds + 1, RLIMIT_CPU, launch->cpu_seconds > 0},
        {"memory", launch->memory_bytes, launch->memory_bytes, RLIMIT_AS, launch->memory_bytes > 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (limits[i].wanted && !limit(limits[i].resource, limits[i].soft, limits[i].hard)) {
            return give_up(CANNOT_RUN, "limit", limits[i].name, strerror(errno));
        }
    }
    return 0;
}

static int close_others(const struct launch *launch) {
    const unsigned first = OWN_DESCRIPTOR + (launch->descriptor ? 1U : 0U);
    if (syscall(SYS_close_range, first, ~0U, 0U) == 0) {
        return 0;
    }
    /* Linux before 5.9. */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return give_up(CANNOT_RUN, "close", "descriptors", strerror(errno));
    }
    for (rlim_t number = first; number < files.rlim_cur; number++) {
        (void)close((int)number); /* most are not open */
    }
    return 0;
}

static int enter_folder(const struct launch *launch) {
    if (launch->folder != NULL && chdir(launch->folder) != 0) {
        return give_up(CANNOT_RUN, "enter folder", launch->folder, strerror(errno));
    }
    return 0;
}

int main(int count, char **words) {
    struct launch launch = {0};
    file_keep_standard_descriptors();
    int code = count > 0 ? read_options(&launch, words + 1) : CANNOT_RUN;
    if (code != 0) {
        return code;
    }
    reset_signals();
    lead_group();
    code = tie_to_parent(&launch);
    code = code != 0 ? code : enter_folder(&launch);
    code = code != 0 ? code : close_others(&launch);
    code = code != 0 ? code : set_limits(&launch);
    if (code != 0) {
        return code;
    }
    (void)execvp(launch.arguments[0], launch.arguments);
    code = errno == ENOENT || errno == ENOTDIR ? NOT_THERE : CANNOT_RUN;
    return give_up(code, "run", launch.arguments[0], strerror(errno));
}
