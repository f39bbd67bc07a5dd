// SPDX-License-Identifier: Apache-2.0
#include "page/page.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "page/page_files.h"
#include "platform/hash.h"

enum {
    ETAG_BYTES = 24,
    NOT_MODIFIED = 304,
    VERSION_BYTES = 16,
    HTML_BYTES_MAX = 16 << 10,
    PATH_BYTES = 80
};

static const char POLICY[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src "
    "'self' blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct page_file {
    const char *path, *type, *text;
};

static const char JS[] = "text/javascript; charset=utf-8";
static const char CSS[] = "text/css; charset=utf-8";

static const struct page_file FILES[] = {
    {"/", "text/html; charset=utf-8", HTML_INDEX},
    {"/page/icon.svg", "image/svg+xml", SVG_ICON},
    {"/v1/openapi.json", "application/json", JSON_OPENAPI},
    {"/page/style.css", CSS, CSS_STYLE},
    {"/page/uplot.css", CSS, CSS_UPLOT_MIN},
    {"/page/uplot.txt", "text/plain; charset=utf-8", TEXT_LICENSE},
    {"/page/uplot.js", JS, JS_UPLOT_IIFE_MIN},
    {"/page/api.js", JS, JS_API},
    {"/page/app.js", JS, JS_APP},
    {"/page/chart.js", JS, JS_CHART},
    {"/page/dom.js", JS, JS_DOM},
    {"/page/graph.js", JS, JS_GRAPH},
    {"/page/views/audit.js", JS, JS_AUDIT},
    {"/page/views/device.js", JS, JS_DEVICE},
    {"/page/views/devices.js", JS, JS_DEVICES},
    {"/page/views/health.js", JS, JS_HEALTH},
    {"/page/views/login.js", JS, JS_LOGIN},
    {"/page/views/overview.js", JS, JS_OVERVIEW},
    {"/page/views/own_logs.js", JS, JS_OWN_LOGS},
    {"/page/views/own_overview.js", JS, JS_OWN_OVERVIEW},
    {"/page/views/own_results.js", JS, JS_OWN_RESULTS},
    {"/page/views/own_workflow.js", JS, JS_OWN_WORKFLOW},
    {"/page/views/people.js", JS, JS_PEOPLE},
    {"/page/views/questions.js", JS, JS_QUESTIONS},
    {"/page/views/result.js", JS, JS_RESULT},
    {"/page/views/results.js", JS, JS_RESULTS},
    {"/page/views/workflow.js", JS, JS_WORKFLOW},
    {"/page/views/workflows.js", JS, JS_WORKFLOWS},
    {"/page/words.js", JS, JS_WORDS},
};

/* Of all files together, in hexadecimal digits and a zero. Made once, on the loop. */
static const char *version_of_files(void) {
    static char version[VERSION_BYTES + 1];
    if (version[0] == '\0') {
        struct digest all = hash_256(SLICE(""));
        for (size_t i = 0; i < COUNT_OF(FILES); i++) {
            all = hash_mac(digest_slice(&all), slice_of(FILES[i].path), slice_of(FILES[i].text));
        }
        char hex[DIGEST_HEX_BYTES + 1];
        digest_write(all, hex);
        (void)memcpy(version, hex, VERSION_BYTES);
    }
    return version;
}

static const struct page_file *find(struct slice path) {
    for (size_t i = 0; i < COUNT_OF(FILES); i++) {
        if (slice_is(path, FILES[i].path)) {
            return &FILES[i];
        }
    }
    return NULL;
}

/* "/page/VERSION/app.js" is "/page/app.js" of just this version, and may be kept for ever. */
static const struct page_file *find_versioned(struct slice path) {
    static const char FOLDER[] = "/page/";
    char plain[PATH_BYTES];
    const size_t head = sizeof(FOLDER) - 1;
    const struct slice rest = slice_part(path, head + VERSION_BYTES, path.count);
    if (!slice_starts(path, FOLDER) || !slice_starts(rest, "/") ||
        rest.count >= PATH_BYTES - head ||
        !slice_is(slice_part(path, head, head + VERSION_BYTES), version_of_files())) {
        return NULL;
    }
    (void)snprintf(plain, sizeof(plain), "/page%.*s", SLICE_ARGS(rest));
    return find(slice_of(plain));
}

/* The page itself names its files with their version. */
static void write_html(struct buffer *out) {
    static const char MARK[] = "=\"page/";
    const char *at = HTML_INDEX;
    for (const char *next = strstr(at, MARK); next != NULL; next = strstr(at, MARK)) {
        const size_t count = (size_t)(next - at) + sizeof(MARK) - 1;
        buffer_add(out, (struct slice){.bytes = at, .count = count});
        buffer_print(out, "%s/", version_of_files());
        at += count;
    }
    buffer_add_text(out, at);
}

static void answer(struct http_request *request, const char *type, struct slice text) {
    const struct slice had = slice_of(http_header(request, "If-None-Match"));
    char etag[ETAG_BYTES];
    (void)snprintf(etag, sizeof(etag), "\"%016llx\"", (unsigned long long)hash_64(text, SLICE("")));
    http_answer_header(request, "ETag", etag);
    http_answer_header(request, "Content-Security-Policy", POLICY);
    http_answer_header(request, "Referrer-Policy", "no-referrer");
    http_answer_header(request, "X-Content-Type-Options", "nosniff");
    if (slice_is(had, etag)) {
        http_answer(request, NOT_MODIFIED, NULL, SLICE(""));
    } else {
        http_answer(request, 200, type, text);
    }
}

bool page_take(struct http_request *request) {
    const struct page_file *kept = find_versioned(request->path);
    const struct page_file *file = kept != NULL ? kept : find(request->path);
    if (file == NULL || !slice_is(request->method, "GET")) {
        return false;
    }
    http_answer_header(request, "Cache-Control",
                       kept != NULL ? "public, max-age=31536000, immutable" : "no-cache");
    if (file->text != HTML_INDEX) {
        answer(request, file->type, slice_of(file->text));
        return true;
    }
    CLEANUP(buffer_done) struct buffer html;
    buffer_init(&html, HTML_BYTES_MAX);
    write_html(&html);
    answer(request, file->type, buffer_slice(&html));
    return true;
}

void page_add_headers(struct http_request *request) {
    http_answer_header(request, "Cache-Control", "no-store");
    http_answer_header(request, "Content-Security-Policy",
                       "default-src 'none'; frame-ancestors 'none'; sandbox");
    http_answer_header(request, "X-Content-Type-Options", "nosniff");
}
