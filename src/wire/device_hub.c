// SPDX-License-Identifier: Apache-2.0
// The `hub:` of a device: by which proxy its hub is reached, and what each kind of link may carry.
#include <string.h>

#include "platform/route.h"
#include "wire/device_reading.h"

enum { BUDGET_BYTES_LEAST = 1 << 10 };

const char *device_proxy_fault(struct slice text) {
    static const char EXAMPLE[] = "a proxy is an address such as http://proxy.lan:3128";
    char proxy[DIAL_HOST_BYTES_MAX + 32];
    struct error err;
    if (slice_find(text, '@') < text.count) {
        return "a password stands in no file of settings: `ebb join --proxy` keeps it where only "
               "the daemon reads";
    }
    if (!slice_starts(text, "http://") || text.count >= sizeof proxy ||
        slice_find(text, '\0') < text.count) {
        return EXAMPLE;
    }
    memcpy(proxy, text.bytes, text.count);
    proxy[text.count] = '\0';
    return route_check_proxy(proxy, &err) == STATUS_OK ? NULL : EXAMPLE;
}

static void read_proxy(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct slice text;
    if (!keys_scalar(reading, key->name, "an address such as http://proxy.lan:3128", node, &text)) {
        return;
    }
    const char *fault = device_proxy_fault(text);
    const size_t shown = slice_find(text, '@') < text.count ? 0 : text.count;
    if (fault != NULL) {
        faults_add(reading->faults, node->place, "`%s%s%.*s`: %s", key->name, shown > 0 ? ": " : "",
                   QUOTED(slice_part(text, 0, shown)), fault);
        return;
    }
    keys_read_text(reading, key, node, target);
}

/* In the order of enum device_link_key. */
static const struct key LINK_KEYS[] = {
    {.name = "metered",
     .read = keys_read_boolean,
     .offset = offsetof(struct device_link, metered),
     .help = "Whether bytes cost money: true for cellular, else false."},
    {.name = "hour",
     .read = keys_read_size,
     .offset = offsetof(struct device_link, bytes_hour),
     .least = BUDGET_BYTES_LEAST,
     .help = "How much may be sent within an hour, but for control and urgent, such as 5MiB."},
    {.name = "day",
     .read = keys_read_size,
     .offset = offsetof(struct device_link, bytes_day),
     .least = BUDGET_BYTES_LEAST,
     .help = "How much may be sent within 24 hours, but for control and urgent, such as 50MiB."},
    {0}};

static const struct key_table LINK_TABLE = {
    .what = "a link", .example = "{ metered: true, hour: 5MiB, day: 50MiB }", .keys = LINK_KEYS};

static void read_link(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct device_link *link = (void *)((char *)target + key->offset);
    if (!keys_read(reading, &LINK_TABLE, node, link)) {
        return;
    }
    for (int i = 0; i < DEVICE_LINK_KEY_COUNT; i++) {
        const struct yaml *said = yaml_get(node, LINK_KEYS[i].name);
        if (said != NULL) {
            link->origins[i] = device_origin(reading, said->place);
        }
    }
}

static const struct key LINKS_KEYS[] = {
    {.name = "ethernet",
     .read = read_link,
     .offset = offsetof(struct device, links[LINK_KIND_ETHERNET]),
     .help = "A cable.",
     .form = FORM_KEYS,
     .table = &LINK_TABLE},
    {.name = "wifi",
     .read = read_link,
     .offset = offsetof(struct device, links[LINK_KIND_WIFI]),
     .help = "A wireless network.",
     .form = FORM_KEYS,
     .table = &LINK_TABLE},
    {.name = "cellular",
     .read = read_link,
     .offset = offsetof(struct device, links[LINK_KIND_CELLULAR]),
     .help = "A modem.",
     .form = FORM_KEYS,
     .table = &LINK_TABLE},
    {.name = "other",
     .read = read_link,
     .offset = offsetof(struct device, links[LINK_KIND_OTHER]),
     .help = "All else, such as a tunnel or a bridge.",
     .form = FORM_KEYS,
     .table = &LINK_TABLE},
    {0}};

static const struct key_table LINKS_TABLE = {
    .what = "`links`", .example = "{ cellular: { hour: 5MiB } }", .keys = LINKS_KEYS};

static void read_links(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    (void)key;
    (void)keys_read(reading, &LINKS_TABLE, node, target);
}

static const struct key HUB_KEYS[] = {
    {.name = "proxy",
     .read = read_proxy,
     .offset = offsetof(struct device, proxy),
     .help = "By which the hub is reached, such as http://proxy.lan:3128.",
     .form = FORM_TEXT},
    {.name = "links",
     .read = read_links,
     .help = "What each kind of link costs and may carry: ethernet, wifi, cellular, other.",
     .form = FORM_KEYS,
     .table = &LINKS_TABLE},
    {0}};

static const struct key_table *const OTHERS[] = {&LINKS_TABLE, &LINK_TABLE, NULL};

const struct key_table HUB_TABLE = {.what = "`hub`",
                                    .example = "{ proxy: \"http://proxy.lan:3128\" }",
                                    .keys = HUB_KEYS,
                                    .others = OTHERS};

void device_read_hub(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target) {
    if (keys_read(reading, &HUB_TABLE, node, target)) {
        device_note_section(reading, key->name, node);
    }
}

const char *device_link_key_name(enum device_link_key key) {
    return LINK_KEYS[key].name;
}

bool device_link_is_metered(const struct device *device, enum link_kind kind) {
    const struct device_link *link = &device->links[kind];
    return link->origins[DEVICE_LINK_METERED].count > 0 ? link->metered
                                                        : kind == LINK_KIND_CELLULAR;
}
