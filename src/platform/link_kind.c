// SPDX-License-Identifier: Apache-2.0
#include "platform/link_kind.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "platform/file.h"

enum { PATH_BYTES_MAX = 256, SYS_FILE_BYTES_MAX = 4096 };

_Static_assert((int)LINK_INTERFACE_BYTES == IF_NAMESIZE, "as the kernel bounds names");

const char *link_kind_name(enum link_kind kind) {
    static const char *const NAMES[LINK_KIND_COUNT] = {
        [LINK_KIND_ETHERNET] = "ethernet",
        [LINK_KIND_WIFI] = "wifi",
        [LINK_KIND_CELLULAR] = "cellular",
        [LINK_KIND_OTHER] = "other",
    };
    return NAMES[kind];
}

/* --- what the kernel says of an interface ---------------------------------------------------- */

static bool is_there(const char *folder, const char *name) {
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* What cannot be read says nothing. */
static void read_text(const char *folder, const char *name, struct buffer *out) {
    char path[PATH_BYTES_MAX];
    int64_t bytes = 0;
    struct error err;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    buffer_clear(out);
    (void)file_read_start(path, SYS_FILE_BYTES_MAX, out, &bytes, &err);
    buffer_add_byte(out, '\0');
}

static bool has_line(const struct buffer *text, const char *line) {
    const size_t count = strlen(line);
    const char *found = text->failed == STATUS_OK ? strstr(text->bytes, line) : NULL;
    return found != NULL && (found == text->bytes || found[-1] == '\n') &&
           (found[count] == '\n' || found[count] == '\0');
}

enum link_kind link_kind_of(const char *sys, const char *interface) {
    char folder[PATH_BYTES_MAX - 32];
    CLEANUP(buffer_done) struct buffer event;
    CLEANUP(buffer_done) struct buffer type;
    buffer_init(&event, 2 * SYS_FILE_BYTES_MAX);
    buffer_init(&type, 2 * SYS_FILE_BYTES_MAX);
    const int count = snprintf(folder, sizeof folder, "%s/class/net/%s", sys, interface);
    if (interface[0] == '\0' || count >= (int)sizeof folder) {
        return LINK_KIND_OTHER;
    }
    read_text(folder, "uevent", &event);
    read_text(folder, "type", &type);
    if (is_there(folder, "wireless") || is_there(folder, "phy80211") ||
        has_line(&event, "DEVTYPE=wlan")) {
        return LINK_KIND_WIFI;
    }
    if (has_line(&event, "DEVTYPE=wwan") || strncmp(interface, "wwan", 4) == 0 ||
        strncmp(interface, "ppp", 3) == 0) {
        return LINK_KIND_CELLULAR;
    }
    _Static_assert(ARPHRD_ETHER == 1, "the number that stands there");
    return has_line(&type, "1") && is_there(folder, "device") ? LINK_KIND_ETHERNET
                                                              : LINK_KIND_OTHER;
}

/* --- by which interface a connection goes ---------------------------------------------------- */

/* The same address; ports are not compared. */
static bool is_same(const struct sockaddr *have, const struct sockaddr_storage *sought) {
    if (have == NULL || have->sa_family != sought->ss_family) {
        return false;
    }
    if (have->sa_family == AF_INET) {
        struct sockaddr_in a, b;
        memcpy(&a, have, sizeof a);
        memcpy(&b, sought, sizeof b);
        return a.sin_addr.s_addr == b.sin_addr.s_addr;
    }
    if (have->sa_family == AF_INET6) {
        struct sockaddr_in6 a, b;
        memcpy(&a, have, sizeof a);
        memcpy(&b, sought, sizeof b);
        /* A link-local address may stand on several interfaces. */
        return memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0 &&
               (b.sin6_scope_id == 0 || a.sin6_scope_id == b.sin6_scope_id);
    }
    return false;
}

bool link_kind_interface(int descriptor, char out_interface[LINK_INTERFACE_BYTES]) {
    struct sockaddr_storage own = {0};
    socklen_t bytes = sizeof own;
    struct ifaddrs *all = NULL;
    out_interface[0] = '\0';
    if (getsockname(descriptor, (struct sockaddr *)&own, &bytes) != 0 || getifaddrs(&all) != 0) {
        return false;
    }
    for (const struct ifaddrs *one = all; one != NULL && out_interface[0] == '\0';
         one = one->ifa_next) {
        if (is_same(one->ifa_addr, &own)) {
            (void)snprintf(out_interface, LINK_INTERFACE_BYTES, "%s", one->ifa_name);
        }
    }
    freeifaddrs(all);
    return out_interface[0] != '\0';
}
