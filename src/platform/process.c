// SPDX-License-Identifier: Apache-2.0
#include "platform/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "platform/file.h"
#include "platform/process_input.h"

enum {
    LAUNCH_WORDS_MAX = 20, /* ebb-launch itself and its options */
    NUMBER_TEXT_BYTES = 24,
    READ_BYTES = 64 * 1024,
    CHILD_DESCRIPTORS = 4
};

/* One end of a pipe on which the child speaks. */
struct outlet {
    int descriptor; /* -1: closed */
    struct poll *poll;
};

struct process {
    struct loop *loop; /* not owned */
    struct process_events events;
    void *owner;
    struct signal_watch *children; /* until it is reaped */
    pid_t number;                  /* 0: never started */
    bool gone;                     /* reaped; its number may be another's by now */
    bool ending;                   /* its end is being told: the memory stays until that is over */
    bool destroyed;                /* nobody is told anything any more */

    struct outlet output;
    struct outlet log;

    struct process_input input;
};

/* What become the child's descriptors, until it has them; -1: none. */
struct child_ends {
    int descriptors[CHILD_DESCRIPTORS];
};

static void shut(int *descriptor) {
    if (*descriptor >= 0) {
        (void)close(*descriptor); /* of a pipe: nothing to lose */
        *descriptor = -1;
    }
}

static void child_ends_done(struct child_ends *ends) {
    for (size_t i = 0; i < CHILD_DESCRIPTORS; i++) {
        shut(&ends->descriptors[i]);
    }
}

static void outlet_close(struct outlet *outlet) {
    poll_close(outlet->poll);
    outlet->poll = NULL;
    shut(&outlet->descriptor);
}

static void close_pipes(struct process *process) {
    process_input_close(&process->input);
    outlet_close(&process->output);
    outlet_close(&process->log);
}

static void tell_output_ended(struct process *process) {
    outlet_close(&process->output);
    if (!process->destroyed && process->events.output_ended != NULL) {
        process->events.output_ended(process->owner);
    }
}

/* Reads once and tells it. False when nothing is there now, or never will be. */
static bool outlet_take(struct process *process, struct outlet *outlet) {
    char bytes[READ_BYTES];
    const bool is_output = outlet == &process->output;
    const ssize_t count = read(outlet->descriptor, bytes, sizeof bytes);
    if (count > 0) {
        void (*tell)(void *, struct slice) =
            is_output ? process->events.output : process->events.log;
        if (tell != NULL) {
            tell(process->owner, (struct slice){.bytes = bytes, .count = (size_t)count});
        }
        return true;
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (is_output) {
        tell_output_ended(process);
    } else {
        outlet_close(outlet);
    }
    return false;
}

static void output_ready(void *owner) {
    struct process *process = owner;
    (void)outlet_take(process, &process->output);
}

static void log_ready(void *owner) {
    struct process *process = owner;
    (void)outlet_take(process, &process->log);
}

/* What lies in the pipe when the child is gone. A descendant that still holds the other end may go
 * on writing, so no more is taken than a pipe holds. */
static void outlet_drain(struct process *process, struct outlet *outlet) {
    const int room = outlet->descriptor >= 0 ? fcntl(outlet->descriptor, F_GETPIPE_SZ) : 0;
    for (int taken = 0; taken < room && !process->destroyed; taken += READ_BYTES) {
        if (outlet->descriptor < 0 || !outlet_take(process, outlet)) {
            break;
        }
    }
}

static void process_free(struct process *process) {
    signal_watch_destroy(process->children);
    process_input_done(&process->input);
    memory_free(process);
}

/* Its end is told once its output has been. */
static void tell_end(struct process *process, int how) {
    const bool by_signal = WIFSIGNALED(how);
    process_input_close(&process->input);
    outlet_drain(process, &process->log);
    outlet_close(&process->log);
    outlet_drain(process, &process->output);
    if (process->output.descriptor >= 0) {
        tell_output_ended(process);
    }
    if (!process->destroyed && process->events.ended != NULL) {
        process->events.ended(process->owner, by_signal ? -1 : WEXITSTATUS(how),
                              by_signal ? WTERMSIG(how) : 0);
    }
}

/* A child of ours has changed: perhaps this one. As long as it is not reaped nobody else can have
 * its number, so its group is killed first. */
static void child_changed(void *owner, int signal) {
    (void)signal;
    struct process *process = owner;
    siginfo_t facts = {0};
    const int options = WEXITED | WNOHANG | WNOWAIT;
    const bool is_ours = waitid(P_PID, (id_t)process->number, &facts, options) == 0;
    if (is_ours && facts.si_pid == 0) {
        return;
    }
    int how = SIGKILL; /* if somebody reaped it behind our back, nobody knows */
    if (is_ours) {
        (void)kill(-process->number, SIGKILL); /* fails when all of it is gone */
        (void)waitpid(process->number, &how, 0);
    }
    process->gone = true;
    signal_watch_destroy(process->children);
    process->children = NULL;
    if (!process->destroyed) {
        process->ending = true;
        tell_end(process, how);
        process->ending = false;
    }
    if (process->destroyed) {
        process_free(process);
    }
}

/* Whether `path`, seen from the folder, can be run; DENIED is kept in *found until a better one. */
static bool can_run(int folder, const char *path, status *found) {
    struct stat facts;
    if (fstatat(folder, path, &facts, 0) != 0) {
        *found = errno == EACCES ? STATUS_DENIED : *found;
        return false;
    }
    if (!S_ISREG(facts.st_mode) || faccessat(folder, path, X_OK, 0) != 0) {
        *found = STATUS_DENIED;
        return false;
    }
    return true;
}

static const char *path_of(const char *const *environment) {
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, "PATH=", 5) == 0) {
            return *environment + 5;
        }
    }
    return "/bin:/usr/bin"; /* what exec falls back to */
}

static bool in_path(int folder, const char *path, const char *name, status *found) {
    for (const char *at = path;; at++) {
        const char *end = strchrnul(at, ':');
        char candidate[PATH_MAX];
        const int count = snprintf(candidate, sizeof candidate, "%.*s%s%s", (int)(end - at), at,
                                   end > at ? "/" : "./", name);
        if (count > 0 && (size_t)count < sizeof candidate && can_run(folder, candidate, found)) {
            return true;
        }
        if (*end == '\0') {
            return false;
        }
        at = end;
    }
}

/* Says before anything is forked what exec would only say afterwards. */
static status check_program(const struct process_options *options, struct error *err) {
    const char *name = options->arguments[0];
    int folder = AT_FDCWD;
    if (options->folder != NULL) {
        folder = open(options->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0) {
            return fail_errno(err, errno, "run '%.200s' in folder '%.200s'", name, options->folder);
        }
    }
    const char *path = path_of(options->environment);
    status found = STATUS_NOT_FOUND;
    const bool has_slash = strchr(name, '/') != NULL;
    const bool ok = has_slash ? can_run(folder, name, &found)
                              : name[0] != '\0' && in_path(folder, path, name, &found);
    if (folder >= 0) {
        (void)close(folder);
    }
    if (ok) {
        return STATUS_OK;
    }
    if (found == STATUS_DENIED) {
        return fail(err, found, "run '%.200s': it is there, but is no file that may be executed",
                    name);
    }
    return has_slash
               ? fail(err, found, "run '%.200s': no such file", name)
               : fail(err, found, "run '%.200s': no such program in PATH (%.200s)", name, path);
}

static status find_launcher(char out_path[PATH_MAX], struct error *err) {
    const char *named = getenv("EBB_LAUNCH");
    const int count = named != NULL
                          ? snprintf(out_path, PATH_MAX, "%s", named)
                          : snprintf(out_path, PATH_MAX, "%s/ebb-launch", file_program_folder());
    if (count < 0 || count >= PATH_MAX || access(out_path, X_OK) != 0) {
        return fail(err, STATUS_NOT_FOUND,
                    "find ebb-launch: '%.200s' is not there; it belongs beside the program",
                    out_path);
    }
    return STATUS_OK;
}

/* The words of ebb-launch, then the child's. Numbers are written into the places given. */
struct command {
    const char *words[LAUNCH_WORDS_MAX + PROCESS_ARGUMENTS_MAX + 1];
    size_t count;
    char numbers[5][NUMBER_TEXT_BYTES];
    size_t numbers_used;
};

static void command_add(struct command *command, const char *name, const char *value) {
    command->words[command->count++] = name;
    command->words[command->count++] = value;
}

static void command_add_number(struct command *command, const char *name, int64_t number) {
    if (number > 0) {
        char *text = command->numbers[command->numbers_used++];
        (void)snprintf(text, NUMBER_TEXT_BYTES, "%lld", (long long)number);
        command_add(command, name, text);
    }
}

static status command_make(struct command *command, const struct process_options *options,
                           const char *launcher, struct error *err) {
    const struct process_limits *limits = &options->limits;
    command->count = 0;
    command->numbers_used = 0;
    command->words[command->count++] = launcher;
    command_add_number(command, "--parent", getpid());
    command_add_number(command, "--memory", limits->memory_bytes);
    command_add_number(command, "--cpu", limits->cpu_seconds);
    command_add_number(command, "--file", limits->file_bytes);
    command_add_number(command, "--files",
                       limits->files > 0 ? limits->files : PROCESS_FILES_DEFAULT);
    if (options->folder != NULL) {
        command_add(command, "--folder", options->folder);
    }
    if (options->descriptor >= 0) {
        command_add(command, "--descriptor", "yes");
    }
    command->words[command->count++] = "--";
    for (size_t i = 0; options->arguments[i] != NULL; i++) {
        if (i == PROCESS_ARGUMENTS_MAX) {
            return fail(err, STATUS_INVALID, "run '%.200s': more than %d arguments",
                        options->arguments[0], PROCESS_ARGUMENTS_MAX);
        }
        command->words[command->count++] = options->arguments[i];
    }
    command->words[command->count] = NULL;
    return STATUS_OK;
}

/* Where each of the child's descriptors comes from. All lie above them, so that none is written
 * over before it was taken. */
static bool arrange(posix_spawn_file_actions_t *actions, const struct child_ends *ends) {
    bool ok = true;
    for (int i = 0; i < CHILD_DESCRIPTORS; i++) {
        const int from = ends->descriptors[i];
        ok = ok && (from < 0 || posix_spawn_file_actions_adddup2(actions, from, i) == 0);
    }
    return ok;
}

/* What is between fork and exec runs in the C library, with every signal blocked, on memory that is
 * shared and not copied: so it takes the same short time however large the daemon is. */
static int spawn_launcher(pid_t *out_number, const char *launcher, const struct command *command,
                          const struct process_options *options, const struct child_ends *ends) {
    const union {
        const char *const *given;
        char *const *wanted; /* not written to */
    } words = {.given = command->words}, environment = {.given = options->environment};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    /* Its own session before this returns, so that its group can be killed from the start. */
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    const int code = arrange(&actions, ends)
                         // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a union
                         ? posix_spawn(out_number, launcher, &actions, &attributes, words.wanted,
                                       environment.wanted)
                         : ENOMEM;
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return code;
}

static status spawn(struct process *process, const struct process_options *options,
                    const struct child_ends *ends, struct error *err) {
    char launcher[PATH_MAX];
    struct command command;
    TRY(check_program(options, err));
    TRY(find_launcher(launcher, err));
    TRY(command_make(&command, options, launcher, err));
    TRY(signal_watch_create(process->loop, SIGCHLD, child_changed, process, &process->children,
                            err));
    pid_t number = 0;
    const int code = spawn_launcher(&number, launcher, &command, options, ends);
    if (code != 0) {
        return fail_errno(err, code, "run '%.200s'", options->arguments[0]);
    }
    process->number = number;
    return STATUS_OK;
}

/* Moves a descriptor out of the way of those that a child has. */
static status lift(int *descriptor, struct error *err) {
    if (*descriptor >= CHILD_DESCRIPTORS) {
        return STATUS_OK;
    }
    const int higher = fcntl(*descriptor, F_DUPFD_CLOEXEC, CHILD_DESCRIPTORS);
    if (higher < 0) {
        return fail_errno(err, errno, "hand a descriptor to a child");
    }
    (void)close(*descriptor);
    *descriptor = higher;
    return STATUS_OK;
}

static status make_pipe(int *out_ours, int *out_theirs, bool we_read, struct error *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fail_errno(err, errno, "make a pipe for a child");
    }
    *out_ours = ends[we_read ? 0 : 1];
    *out_theirs = ends[we_read ? 1 : 0];
    /* Of our end alone: the child's stays as programs expect it. */
    if (fcntl(*out_ours, F_SETFL, O_NONBLOCK) != 0) {
        return fail_errno(err, errno, "make a pipe for a child");
    }
    return lift(out_theirs, err);
}

/* A copy of the descriptor that the child gets as its fourth. */
static status copy_descriptor(int given, struct child_ends *ends, struct error *err) {
    if (given < 0) {
        return STATUS_OK;
    }
    int *place = &ends->descriptors[CHILD_DESCRIPTORS - 1];
    *place = fcntl(given, F_DUPFD_CLOEXEC, CHILD_DESCRIPTORS);
    return *place >= 0 ? STATUS_OK : fail_errno(err, errno, "hand descriptor %d to a child", given);
}

/* It is written to alone: what the child writes there itself is an error of its own. */
static status make_socket(int *out_ours, int *out_theirs, struct error *err) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return fail_errno(err, errno, "make a socket for a child");
    }
    *out_ours = ends[0];
    *out_theirs = ends[1];
    if (shutdown(*out_ours, SHUT_RD) != 0 || fcntl(*out_ours, F_SETFL, O_NONBLOCK) != 0) {
        return fail_errno(err, errno, "make a socket for a child");
    }
    return lift(out_theirs, err);
}

static status open_pipes(struct process *process, const struct process_options *options,
                         struct child_ends *ends, struct error *err) {
    int *ours = &process->input.descriptor;
    TRY(copy_descriptor(options->descriptor, ends, err));
    TRY(options->takes_descriptors ? make_socket(ours, &ends->descriptors[0], err)
                                   : make_pipe(ours, &ends->descriptors[0], false, err));
    TRY(make_pipe(&process->output.descriptor, &ends->descriptors[1], true, err));
    TRY(make_pipe(&process->log.descriptor, &ends->descriptors[2], true, err));
    TRY(poll_open(process->loop, process->output.descriptor, false, output_ready, process,
                  &process->output.poll, err));
    return poll_open(process->loop, process->log.descriptor, false, log_ready, process,
                     &process->log.poll, err);
}

status process_start(struct loop *loop, const struct process_options *options,
                     struct process **out_process, struct error *err) {
    assert(options->arguments != NULL && options->arguments[0] != NULL);
    assert(options->environment != NULL);
    struct process *process = memory_new(1, sizeof *process);
    if (process == NULL) {
        return fail(err, STATUS_NO_MEMORY, "run '%.200s': out of memory", options->arguments[0]);
    }
    process->loop = loop;
    process->events = options->events;
    process->owner = options->owner;
    process->output.descriptor = process->log.descriptor = -1;
    process_input_init(&process->input, loop);
    process->input.is_socket = options->takes_descriptors;

    CLEANUP(child_ends_done) struct child_ends ends = {{-1, -1, -1, -1}};
    status code = open_pipes(process, options, &ends, err);
    if (code == STATUS_OK) {
        code = spawn(process, options, &ends, err);
    }
    if (code != STATUS_OK) {
        close_pipes(process);
        process_free(process);
        return code;
    }
    *out_process = process;
    return STATUS_OK;
}

status process_write(struct process *process, struct slice bytes, struct error *err) {
    return process_input_write(&process->input, bytes, NULL, process->number, err);
}

status process_hand(struct process *process, struct slice bytes,
                    struct process_descriptors *descriptors, struct error *err) {
    return process_input_write(&process->input, bytes, descriptors, process->number, err);
}

void process_close_input(struct process *process) {
    process_input_end(&process->input);
}

void process_hold_output(struct process *process, bool hold) {
    struct outlet *outlet = &process->output;
    struct error err;
    if (hold || outlet->descriptor < 0) {
        poll_close(outlet->poll);
        outlet->poll = NULL;
    } else if (outlet->poll == NULL &&
               poll_open(process->loop, outlet->descriptor, false, output_ready, process,
                         &outlet->poll, &err) != STATUS_OK) {
        process_kill(process); /* its end tells */
    }
}

void process_hand_over(struct process *process, const struct process_events *events, void *owner) {
    process->events = *events;
    process->owner = owner;
}

void process_kill(struct process *process) {
    process_signal(process, SIGKILL);
}

void process_signal(struct process *process, int signal) {
    /* No such group: all of it is gone, or an emulator's posix_spawn, which does not wait for its
     * child, has returned before that leads one. */
    if (!process->gone && kill(-process->number, signal) != 0) {
        (void)kill(process->number, signal);
    }
}

int process_number(const struct process *process) {
    return process->number;
}

void process_destroy(struct process *process) {
    if (process == NULL) {
        return;
    }
    process_kill(process);
    close_pipes(process);
    process->destroyed = true;
    if (process->gone && !process->ending) {
        process_free(process);
    }
}
