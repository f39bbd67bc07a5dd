// SPDX-License-Identifier: Apache-2.0
#include "hub/api/resources.h"
#include "hub/enrolment.h"

static const char *const DEVICE_QUERIES[] = {"label", "after", "words", "need",
                                             "state", "sort",  "limit", NULL};

static const char *const OVERVIEW_QUERIES[] = {"hours", "workflow", NULL};

static const char *const LABEL_QUERIES[] = {"label", NULL};

static const char *const DEED_QUERIES[] = {"who", "words", "since", "before", NULL};

const struct hub_route HUB_REGISTRY_ROUTES[] = {
    {"/v1/devices", "GET", "GET, DELETE", "POST", DEVICE_QUERIES, hub_devices},
    {"/v1/overview", "GET", NULL, NULL, OVERVIEW_QUERIES, hub_overview},
    {"/v1/tokens", "GET, POST", "DELETE", NULL, LABEL_QUERIES, hub_tokens},
    {"/v1/alarms", "GET", NULL, "POST", LABEL_QUERIES, hub_alarms},
    {"/v1/access", "GET, POST", "DELETE", NULL, LABEL_QUERIES, hub_access},
    {"/v1/people", "GET, POST", "DELETE", "POST", NULL, hub_people},
    {"/v1/audit", "GET", NULL, NULL, DEED_QUERIES, hub_deeds},
    {0},
};

const struct hub_route HUB_ENROLMENT_ROUTES[] = {
    {"/v1/enrol", "POST", NULL, NULL, NULL, enrolment_enrol},
    {"/v1/renew", "POST", NULL, NULL, NULL, enrolment_renew},
    {"/v1/leave", "POST", NULL, NULL, NULL, enrolment_leave},
    {0},
};
