// SPDX-License-Identifier: Apache-2.0
#include "platform/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/clock.h"

enum { NS_A_MS = 1000000 };

/* A group of its own, so that Ctrl-C reaches the daemon alone; no signal blocked or ignored. */
static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int failed = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    failed = failed != 0 ? failed : posix_spawnattr_setsigmask(attributes, &none);
    failed = failed != 0 ? failed : posix_spawnattr_setsigdefault(attributes, &all);
    return failed != 0 ? failed : posix_spawnattr_setpgroup(attributes, 0);
}

static int set_descriptors(posix_spawn_file_actions_t *actions, int socket) {
    int failed = posix_spawn_file_actions_adddup2(actions, socket, STDIN_FILENO);
    for (int descriptor = STDOUT_FILENO; failed == 0 && descriptor <= STDERR_FILENO; descriptor++) {
        failed = posix_spawn_file_actions_addopen(actions, descriptor, "/dev/null", O_RDWR, 0);
    }
    return failed;
}

static int spawn(const char *path, char *const *environment, int socket, pid_t *out_pid) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    char name[NAME_MAX + 1];
    char *arguments[] = {name, NULL};
    char *nothing[] = {NULL};
    const char *slash = strrchr(path, '/');
    (void)snprintf(name, sizeof(name), "%s", slash != NULL ? slash + 1 : path);
    int failed = posix_spawnattr_init(&attributes);
    if (failed != 0) {
        return failed;
    }
    failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        (void)posix_spawnattr_destroy(&attributes);
        return failed;
    }
    failed = set_attributes(&attributes);
    failed = failed != 0 ? failed : set_descriptors(&actions, socket);
    failed = failed != 0 ? failed
                         : posix_spawn(out_pid, path, &actions, &attributes, arguments,
                                       environment != NULL ? environment : nothing);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return failed;
}

status child_start(const char *path, char *const *environment, struct child *out_child,
                   struct error *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return fail_errno(err, errno, "start '%s': make a socket pair", path);
    }
    pid_t pid = 0;
    const int failed = spawn(path, environment, pair[1], &pid);
    (void)close(pair[1]);
    if (failed != 0) {
        (void)close(pair[0]);
        return fail_errno(err, failed, "start '%s'", path);
    }
    *out_child = (struct child){.socket = pair[0], .pid = pid};
    return STATUS_OK;
}

bool child_is_gone(const struct child *child) {
    char byte;
    const ssize_t got = recv(child->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* Waits for the socket. The clock goes on in suspend and poll's does not, so it is asked again. */
static status wait_for(const struct child *child, short events, int64_t deadline_ns,
                       struct error *err) {
    for (;;) {
        const int64_t left_ns = deadline_ns - clock_boot_ns();
        if (left_ns <= 0) {
            return fail(err, STATUS_TIMEOUT, "no answer in time");
        }
        const int64_t left_ms = (left_ns + NS_A_MS - 1) / NS_A_MS;
        struct pollfd wanted = {.fd = child->socket, .events = events};
        const int ready = poll(&wanted, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (ready > 0) {
            return STATUS_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return fail_errno(err, errno, "wait for a child");
        }
    }
}

static bool would_wait(int number) {
    return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

static status gone(struct error *err) {
    return fail(err, STATUS_CRASH, "the child has ended");
}

status child_send(struct child *child, struct slice head, struct slice body, int64_t deadline_ns,
                  struct error *err) {
    const size_t all = head.count + body.count;
    size_t sent = 0;
    while (sent < all) {
        /* sendmsg reads only; iovec has no const. */
        struct iovec parts[2];
        size_t count = 0;
        const struct slice rests[] = {
            slice_part(head, sent, head.count),
            slice_part(body, sent > head.count ? sent - head.count : 0, body.count),
        };
        for (size_t i = 0; i < 2; i++) {
            if (rests[i].count > 0) {
                (void)memcpy(&parts[count].iov_base, &rests[i].bytes, sizeof(rests[i].bytes));
                parts[count].iov_len = rests[i].count;
                count++;
            }
        }
        const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        const ssize_t took = sendmsg(child->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (took >= 0) {
            sent += (size_t)took;
        } else if (!would_wait(errno)) {
            return gone(err);
        } else {
            TRY(wait_for(child, POLLOUT, deadline_ns, err));
        }
    }
    return STATUS_OK;
}

/* Nothing is there at first, an answer takes its time: waiting comes before reading. */
status child_receive(struct child *child, char *bytes, size_t least, size_t most,
                     int64_t deadline_ns, size_t *out_count, struct error *err) {
    size_t got = 0;
    while (got < least) {
        TRY(wait_for(child, POLLIN, deadline_ns, err));
        const ssize_t came = recv(child->socket, bytes + got, most - got, MSG_DONTWAIT);
        if (came == 0 || (came < 0 && !would_wait(errno))) {
            return gone(err);
        }
        got += came > 0 ? (size_t)came : 0;
    }
    *out_count = got;
    return STATUS_OK;
}

struct child_end child_stop(struct child *child) {
    struct child_end end = {0};
    int how = 0;
    if (child->pid == 0) {
        return end;
    }
    /* A child that ended by itself keeps its own way of ending: a zombie takes no signal. */
    (void)kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &how, 0) < 0 && errno == EINTR) {
    }
    (void)close(child->socket);
    end.exit_code = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
    end.signal = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    *child = (struct child){.socket = -1};
    return end;
}

void child_end_write(struct child_end end, char out_words[CHILD_WORDS_BYTES_MAX]) {
    if (end.signal != 0) {
        (void)snprintf(out_words, CHILD_WORDS_BYTES_MAX, "was killed by signal %d (SIG%s)",
                       end.signal, sigabbrev_np(end.signal));
    } else {
        (void)snprintf(out_words, CHILD_WORDS_BYTES_MAX, "ended with code %d", end.exit_code);
    }
}
