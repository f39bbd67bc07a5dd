/*
 * test_folder: a folder of its own for a test, with the files that the test puts there.
 *
 * For unit tests alone: it lies under TMPDIR or /tmp and goes when the test is over.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEST_PATH_BYTES = 512 };

struct test_folder {
    char path[TEST_PATH_BYTES];
};

/* Makes an empty folder. */
static inline void test_folder_make(struct test_folder *folder) {
    const char *above = getenv("TMPDIR");
    (void)snprintf(folder->path, sizeof(folder->path), "%s/ebb-agents-XXXXXX",
                   above != NULL && above[0] != '\0' ? above : "/tmp");
    assert_non_null(mkdtemp(folder->path));
}

/* Writes the file `name`, with the folders that it names on the way, executable when it begins with
 * "#!". */
static inline void test_folder_write(const struct test_folder *folder, const char *name,
                                     const char *text) {
    char path[2 * TEST_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    for (char *slash = path + strlen(folder->path) + 1; (slash = strchr(slash, '/')) != NULL;
         slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700); /* may be there; if it fails, so does fopen */
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) != EOF);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, strncmp(text, "#!", 2) == 0 ? 0700 : 0600), 0);
}

static inline int test_folder_remove_one(const char *path, const struct stat *facts, int kind,
                                         struct FTW *where) {
    (void)facts;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline void test_folder_remove(struct test_folder *folder) {
    if (folder->path[0] != '\0' &&
        nftw(folder->path, test_folder_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        perror(folder->path);
    }
    folder->path[0] = '\0';
}
