// SPDX-License-Identifier: Apache-2.0
#include "runtime/crash_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "platform/clock.h"

enum { PAGE_BYTES = 4096 };

/* The file's layout; zero means nobody. */
struct page {
    struct id boot;
    struct id running[POOL_WORKERS_MAX];
};

struct crash_page {
    struct page *page; /* mapped */
};

static void take_blamed(const struct page *page, struct id out_blamed[POOL_WORKERS_MAX],
                        int *out_count) {
    *out_count = 0;
    if (!id_equal(page->boot, clock_boot_id())) {
        return;
    }
    for (int i = 0; i < POOL_WORKERS_MAX; i++) {
        if (!id_is_zero(page->running[i])) {
            out_blamed[(*out_count)++] = page->running[i];
        }
    }
}

static status map_page(const char *path, struct page **out_page, struct error *err) {
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        return fail_errno(err, errno, "open '%s'", path);
    }
    void *page = MAP_FAILED;
    /* The blocks are taken now: a store to a page without one is a SIGBUS when the disk is full. */
    const int refused = posix_fallocate(file, 0, PAGE_BYTES);
    if (refused == 0) {
        page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    const int number = refused != 0 ? refused : errno;
    (void)close(file);
    if (page == MAP_FAILED) {
        return fail_errno(err, number, "map '%s'", path);
    }
    *out_page = page;
    return STATUS_OK;
}

status crash_page_open(const char *folder, struct crash_page **out_page,
                       struct id out_blamed[POOL_WORKERS_MAX], int *out_count, struct error *err) {
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/running", folder);
    struct crash_page *crash_page = memory_new(1, sizeof(*crash_page));
    if (crash_page == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the page of running runs");
    }
    const status code = map_page(path, &crash_page->page, err);
    if (code != STATUS_OK) {
        memory_free(crash_page);
        return code;
    }
    take_blamed(crash_page->page, out_blamed, out_count);
    *crash_page->page = (struct page){.boot = clock_boot_id()};
    *out_page = crash_page;
    return STATUS_OK;
}

void crash_page_enter(struct crash_page *page, int worker, struct id run) {
    page->page->running[worker] = run;
}

void crash_page_leave(struct crash_page *page, int worker) {
    page->page->running[worker] = (struct id){0};
}

void crash_page_close(struct crash_page *page) {
    if (page != NULL) {
        (void)munmap(page->page, PAGE_BYTES);
        memory_free(page);
    }
}
