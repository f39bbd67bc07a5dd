// SPDX-License-Identifier: Apache-2.0
#include "page/page.h"

#include <stdio.h>
#include <string.h>

#include "page/page_files.h"
#include "platform/hash.h"

enum { ETAG_BYTES = 24, NOT_MODIFIED = 304 };

static const char POLICY[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src "
    "'self' blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

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

static const struct page_file *find(struct slice path) {
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
        if (slice_is(path, FILES[i].path)) {
            return &FILES[i];
        }
    }
    return NULL;
}

bool page_take(struct http_request *request) {
    const struct page_file *file = slice_is(request->method, "GET") ? find(request->path) : NULL;
    char etag[ETAG_BYTES];
    if (file == NULL) {
        return false;
    }
    const struct slice text = slice_of(file->text);
    const struct slice had = slice_of(http_header(request, "If-None-Match"));
    (void)snprintf(etag, sizeof(etag), "\"%016llx\"", (unsigned long long)hash_64(text, SLICE("")));
    http_answer_header(request, "ETag", etag);
    http_answer_header(request, "Cache-Control", "no-cache");
    http_answer_header(request, "Content-Security-Policy", POLICY);
    http_answer_header(request, "Referrer-Policy", "no-referrer");
    http_answer_header(request, "X-Content-Type-Options", "nosniff");
    if (slice_is(had, etag)) {
        http_answer(request, NOT_MODIFIED, NULL, SLICE(""));
    } else {
        http_answer(request, 200, file->type, text);
    }
    return true;
}

void page_add_headers(struct http_request *request) {
    http_answer_header(request, "Cache-Control", "no-store");
    http_answer_header(request, "Content-Security-Policy",
                       "default-src 'none'; frame-ancestors 'none'; sandbox");
    http_answer_header(request, "X-Content-Type-Options", "nosniff");
}
