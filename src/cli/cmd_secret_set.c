// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/secrets.h"
#include "platform/secret.h"

/* What is typed is not shown; the terminal is as it was afterwards. */
static status read_line(struct call *call, const char *name, struct buffer *out,
                        struct error *err) {
    struct termios before, quiet;
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return fail_errno(err, errno, "ask the terminal");
    }
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    /* What was typed before is dropped, so the question comes after that. */
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) != 0) {
        return fail_errno(err, errno, "ask the terminal");
    }
    (void)fprintf(call->talk, "secret %s: ", name);
    (void)fflush(call->talk);
    const ssize_t count =
        read(STDIN_FILENO, buffer_reserve(out, SECRET_BYTES_MAX), SECRET_BYTES_MAX);
    const int why = errno;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fputc('\n', call->talk);
    if (count < 0) {
        return fail_errno(err, why, "read from the terminal");
    }
    buffer_took(out, (size_t)count);
    return STATUS_OK;
}

static status read_all(struct buffer *out, struct error *err) {
    for (;;) {
        char *room = buffer_reserve(out, SECRET_BYTES_MAX + 1 - out->count);
        const size_t wanted = SECRET_BYTES_MAX + 1 - out->count;
        const ssize_t count = room != NULL && wanted > 0 ? read(STDIN_FILENO, room, wanted) : 0;
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return fail_errno(err, errno, "read standard input");
        }
        if (count == 0) {
            return buffer_status(out, err);
        }
        buffer_took(out, (size_t)count);
    }
}

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    char folder[SECRET_PATH_BYTES_MAX];
    TRY(secrets_check_name(name, err));
    secrets_choose_folder(call);
    secret_folder(folder);
    if (call->dry_run) {
        (void)fprintf(call->talk, "would write %s/%s\n", folder, name);
        return STATUS_OK;
    }
    CLEANUP(secret_forget) struct buffer secret;
    buffer_init(&secret, SECRET_BYTES_MAX + 1);
    TRY(isatty(STDIN_FILENO) == 1 ? read_line(call, name, &secret, err) : read_all(&secret, err));
    struct slice bytes = buffer_slice(&secret);
    if (slice_is(bytes, "\n")) {
        bytes.count = 0; /* nothing was typed */
    }
    TRY(secret_write(slice_of(name), bytes, err));
    return secrets_say_done(call, "set", name, err);
}

const struct command cmd_secret_set = {
    .noun = "secret",
    .verb = "set",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Write a secret: typed without being shown, or read from standard input",
    .details =
        "Files name it `secret:NAME`: agents' `env:`, sources and destinations. It is a file that\n"
        "only its owner may read; a secret is never an argument of a command.\n",
    .example = "ebb secret set desk-hmac\n"
               "ebb secret set desk-hmac < desk-hmac.key",
    .options = SECRETS_OPTIONS,
    .dry_run = true,
    .run = run};
