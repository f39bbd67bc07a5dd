// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef fail /* the analyser's are for callers */
#undef fail_errno
#undef fail_while

/* By way of a copy, since what is said may quote the sentence that is there. Cut is fine. */
__attribute__((format(printf, 2, 0))) static void write_text(struct error *err, const char *format,
                                                             va_list args) {
    char text[ERROR_TEXT_MAX];
    const int count = vsnprintf(text, sizeof(text), format, args);
    (void)memcpy(err->text, count < 0 ? "" : text, count < 0 ? 1 : strlen(text) + 1);
}

status fail(struct error *err, status code, const char *format, ...) {
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        write_text(err, format, args);
        va_end(args);
        err->code = code;
    }
    return code;
}

static status class_of(int number) {
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return STATUS_FULL;
    case ENOENT:
        return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_DENIED;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_SYSTEM;
    }
}

status fail_errno(struct error *err, int number, const char *format, ...) {
    const status code = class_of(number);
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        write_text(err, format, args);
        va_end(args);
        const size_t used = strlen(err->text);
        char words[128];
        const char *said = strerror_r(number, words, sizeof(words));
        (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", said);
        err->code = code;
    }
    return code;
}

status fail_while(struct error *err, const char *format, ...) {
    if (err == NULL) {
        return STATUS_SYSTEM;
    }
    assert(err->code != STATUS_OK);
    if (err->code == STATUS_OK) {
        err->code = STATUS_SYSTEM; /* a failure that said nothing is one all the same */
    }
    char before[ERROR_TEXT_MAX];
    (void)memcpy(before, err->text, sizeof(before));
    before[sizeof(before) - 1] = '\0';
    va_list args;
    va_start(args, format);
    write_text(err, format, args);
    va_end(args);
    const size_t used = strlen(err->text);
    (void)snprintf(err->text + used, sizeof(err->text) - used, ": %.*s", ERROR_TEXT_MAX, before);
    return err->code;
}
