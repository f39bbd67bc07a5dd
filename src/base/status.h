/*
 * status: what became of a call, named by what the caller does next.
 *
 * A closed list. A new class is added only when some caller would act differently on it; the
 * sentence for people is in struct error. Dropping a returned status is a compiler warning.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#if defined(__clang__)
#define MUST_USE __attribute__((warn_unused_result))
#else
#define MUST_USE [[nodiscard]]
#endif

enum MUST_USE status_code {
    STATUS_OK = 0,
    STATUS_INVALID,     /* what was given is wrong: mend it, trying again is no use */
    STATUS_NOT_FOUND,   /* no such thing */
    STATUS_OFFLINE,     /* the other end is away: keep it and try later */
    STATUS_BUSY,        /* try again soon */
    STATUS_CONFLICT,    /* somebody else holds or changed it */
    STATUS_FULL,        /* a bound is reached: bytes, entries, disk */
    STATUS_CORRUPT,     /* bytes on disk or wire are not what was written */
    STATUS_DENIED,      /* not allowed */
    STATUS_TIMEOUT,     /* a deadline passed */
    STATUS_CRASH,       /* a child process ended or was killed */
    STATUS_NO_MEMORY,   /* an allocation failed */
    STATUS_SYSTEM,      /* the operating system refused: errno is in the sentence */
    STATUS_INTERRUPTED, /* a person or a supervisor ended it before it was done: leave it */
    STATUS_COUNT
};

typedef enum status_code status;

/* The class as one lower-case word ("invalid", "not_found"); static text. */
const char *status_name(status code);

/* The class that a word names, or STATUS_COUNT. */
status status_from_name(const char *word);

/* The exit code of a command that ends with this class; the table is in docs/exit-codes.md. */
int status_exit_code(status code);
