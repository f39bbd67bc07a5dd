/*
 * library: a shared library that is loaded when it is first needed, for doors whose library an idle
 * daemon must not map.
 *
 * A door has one `struct library` for the whole process, static, and a table of function pointers
 * that library_use fills. What was loaded stays loaded. A library that is not there is looked for
 * again at the next use: whoever installs it need not start the daemon anew.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"

struct library {
    const char *file;             /* "libspng.so.0", as the linker finds it */
    const char *package;          /* of Debian: what a person installs */
    const char *const *functions; /* their names, ended by NULL */
    void *table;                  /* a struct of nothing but pointers to them, in that order */
    void *handle;                 /* NULL: not loaded */
};

/* Fills the table once. NOT_FOUND names the package, or the function that the library lacks. */
status library_use(struct library *library, struct error *err);
