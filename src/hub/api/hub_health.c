// SPDX-License-Identifier: Apache-2.0
#include "hub/api/hub_health.h"

#include <stdio.h>
#include <sys/resource.h>

#include "hub/hub_call.h"
#include "hub/store/hub_sql.h"
#include "platform/certificate.h"
#include "platform/clock.h"
#include "platform/json.h"

enum { LEAST_MS = 10 * 60 * 1000 };

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

/* What the loop knows. */
struct health {
    int64_t authority_ends_ms, server_ends_ms, files, now_ms;
    unsigned connections_max;
    char addresses[HUB_NAMES_BYTES]; /* with blanks between them */
};

/* When the first certificate of PEM ends; 0: nobody can read it. */
static int64_t end_of(struct slice pem) {
    struct certificate_facts facts;
    return certificate_read(pem, &facts, NULL) == STATUS_OK ? facts.not_after_ms : 0;
}

static void write_addresses(struct buffer *out, struct slice rest) {
    buffer_add_text(out, "{\"addresses\":[");
    for (bool is_first = true; rest.count > 0; is_first = false) {
        const size_t end = slice_find(rest, ' ');
        buffer_add_text(out, is_first ? "" : ",");
        json_write_text(out, slice_part(rest, 0, end));
        rest = slice_part(rest, end + 1, rest.count);
    }
    buffer_add_text(out, "],");
}

/* What is counted takes more on the disk: by as much as all of it does. */
static int64_t growth_of(const struct query *row, int64_t now_ms) {
    const int64_t came = query_number(row, 0);
    const int64_t first_ms = query_number(row, 1);
    const int64_t counted = query_number(row, 2);
    const int64_t in_use = query_number(row, 3);
    const int64_t past_ms = now_ms - first_ms < DAY_MS ? now_ms - first_ms : DAY_MS;
    if (first_ms == 0 || past_ms < LEAST_MS || counted == 0) {
        return -1;
    }
    return (int64_t)((double)came * (double)in_use / (double)counted * (double)DAY_MS /
                     (double)past_ms);
}

static status write_growth(const struct health *health, struct database *database,
                           struct buffer *out, struct error *err) {
    CLEANUP(query_done) struct query row = query_on(database, SQL_HUB_GROWTH);
    query_bind_number(&row, health->now_ms - DAY_MS);
    if (query_next(&row)) {
        const int64_t growth = growth_of(&row, health->now_ms);
        if (growth < 0) {
            buffer_add_text(out, ",\"growth_day_bytes\":null");
        } else {
            buffer_print(out, ",\"growth_day_bytes\":%lld", (long long)growth);
        }
        buffer_print(out, ",\"reusable_bytes\":%lld", (long long)query_number(&row, 4));
    }
    return query_status(&row, err);
}

static status look(const void *question, struct database *database, struct buffer *out,
                   struct error *err) {
    const struct health *health = question;
    write_addresses(out, slice_of(health->addresses));
    hub_call_write_time(out, "authority_ends_at", health->authority_ends_ms);
    buffer_add_byte(out, ',');
    hub_call_write_time(out, "server_ends_at", health->server_ends_ms);
    buffer_print(out, ",\"files\":%lld,\"connections_max\":%u", (long long)health->files,
                 health->connections_max);
    TRY(write_growth(health, database, out, err));
    buffer_add_text(out, "}\n");
    return buffer_status(out, err);
}

void hub_health_take(struct hub_daemon *hub, struct http_request *request) {
    struct rlimit limit = {.rlim_cur = 0};
    (void)getrlimit(RLIMIT_NOFILE, &limit); /* cannot fail for a limit that there is */
    struct health health = {.authority_ends_ms = end_of(authority_certificate(hub->authority)),
                            .server_ends_ms = end_of(authority_server_chain(hub->authority)),
                            .files = (int64_t)limit.rlim_cur,
                            .now_ms = clock_wall_ms(),
                            .connections_max = hub->options.connections_max};
    (void)snprintf(health.addresses, sizeof(health.addresses), "%s", hub->addresses);
    reader_ask(hub->reader, request, look, &health, sizeof(health));
}
