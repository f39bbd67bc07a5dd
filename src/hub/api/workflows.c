// SPDX-License-Identifier: Apache-2.0
#include "hub/api/workflows.h"

#include <stdio.h>
#include <string.h>

#include "hub/hub_answer.h"
#include "hub/workflow_sums.h"

enum { METHOD_NOT_ALLOWED = 405, NAME_BYTES = REPORT_NAME_BYTES_MAX + 1 };

/* What the reading thread is asked. */
struct question {
    struct device_reports *reports; /* not owned */
    char name[NAME_BYTES];          /* "": all */
};

static status look(const void *asked, struct database *database, struct buffer *out,
                   struct error *err) {
    const struct question *question = asked;
    return question->name[0] != '\0'
               ? workflow_sums_show(question->reports, database, slice_of(question->name), out, err)
               : workflow_sums_list(question->reports, database, out, err);
}

static void refuse(struct http_request *request, status code, const char *text) {
    struct error err;
    (void)fail(&err, code, "%s", text);
    hub_answer_error_as(request, code == STATUS_INVALID ? METHOD_NOT_ALLOWED : 404, &err);
}

static void take_workflows(const struct hub_workflows *workflows, struct http_request *request,
                           struct slice name) {
    struct question question = {.reports = workflows->reports};
    if (!slice_is(request->method, "GET")) {
        refuse(request, STATUS_INVALID, "workflows know GET");
        return;
    }
    if (name.count >= NAME_BYTES || slice_find(name, '\0') < name.count) {
        refuse(request, STATUS_NOT_FOUND, "no workflow has such a name");
        return;
    }
    (void)snprintf(question.name, sizeof(question.name), "%.*s", SLICE_ARGS(name));
    reader_ask(workflows->reader, request, look, &question, sizeof(question));
}

static void take_blob(const struct hub_workflows *workflows, struct http_request *request,
                      struct slice rest) {
    const size_t end = slice_find(rest, '/');
    const struct slice verb = slice_part(rest, end + 1, rest.count);
    struct id hash;
    if (end != ID_HEX_BYTES || !id_read(slice_part(rest, 0, end), &hash) ||
        (verb.count > 0 && !slice_is(verb, "want"))) {
        refuse(request, STATUS_NOT_FOUND,
               "an attachment is at /v1/blobs/HASH, with 32 hexadecimal digits, and at "
               "/v1/blobs/HASH/want");
    } else if (verb.count > 0 && slice_is(request->method, "POST")) {
        attachments_want(workflows->attachments, hash, request);
    } else if (verb.count > 0 && slice_is(request->method, "GET")) {
        attachments_show(workflows->attachments, hash, request);
    } else if (slice_is(request->method, "GET")) {
        attachments_give(workflows->attachments, hash, request);
    } else {
        refuse(request, STATUS_INVALID, "an attachment knows GET, and its `want` GET and POST");
    }
}

bool hub_workflows_take(const struct hub_workflows *workflows, struct http_request *request) {
    static const char WORKFLOWS[] = "/v1/workflows";
    static const char BLOBS[] = "/v1/blobs/";
    const struct slice path = request->path;
    const size_t at = sizeof(WORKFLOWS) - 1;
    if (slice_starts(path, WORKFLOWS) && (path.count == at || path.bytes[at] == '/')) {
        take_workflows(workflows, request, slice_part(path, at + 1, path.count));
        return true;
    }
    if (slice_starts(path, BLOBS)) {
        take_blob(workflows, request, slice_part(path, sizeof(BLOBS) - 1, path.count));
        return true;
    }
    return false;
}
