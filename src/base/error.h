/*
 * error: a class for the program and one sentence for a person.
 *
 * Filled by whoever fails, put into context on the way up ("install agent 'spam': open model: no
 * such file"), printed once at the top of a loop. No allocation. Not a log: below a top nobody
 * prints.
 *
 * Thread: any; an error belongs to one call at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/status.h"

enum { ERROR_TEXT_MAX = 512 };

struct error {
    status code;
    char text[ERROR_TEXT_MAX]; /* ended by a zero; cut, never overrun */
};

/* These three are cold: what leads to them is laid apart from what runs, so that a program in which
 * nothing fails does not have it in memory. */

/* Writes class and sentence (err may be NULL) and returns the class, so that a caller can
 * `return fail(err, STATUS_INVALID, "...")`. */
status fail(struct error *err, status code, const char *format, ...)
    __attribute__((cold, format(printf, 3, 4)));

/* The same for a call that left errno: class SYSTEM (FULL for ENOSPC and EDQUOT, NOT_FOUND for
 * ENOENT, DENIED for EACCES, EPERM and EROFS, NO_MEMORY for ENOMEM); the sentence ends with
 * errno's words. */
status fail_errno(struct error *err, int number, const char *format, ...)
    __attribute__((cold, format(printf, 3, 4)));

/* Puts what was being done in front of the sentence that is there: "doing: sentence". Returns the
 * class that is there, SYSTEM when err is NULL: who needs the class hands in an error. */
status fail_while(struct error *err, const char *format, ...)
    __attribute__((cold, format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* What the analyser cannot see from outside: none of them ever returns OK. */
static inline status not_ok(status code) {
    if (code == STATUS_OK) {
        __builtin_unreachable();
    }
    return code;
}
#define fail(...)       not_ok((fail)(__VA_ARGS__))
#define fail_errno(...) not_ok((fail_errno)(__VA_ARGS__))
#define fail_while(...) not_ok((fail_while)(__VA_ARGS__))
#endif

/* Leaves the function with the class when the call did not succeed; the one macro that returns. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        const status try_status_ = (call);                                                         \
        if (try_status_ != STATUS_OK) {                                                            \
            return try_status_;                                                                    \
        }                                                                                          \
    } while (0)

/* Undoes a local when it goes out of scope: CLEANUP(buffer_done) struct buffer b; */
#define CLEANUP(undo) __attribute__((cleanup(undo)))
