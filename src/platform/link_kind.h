/*
 * link_kind: by which interface of this machine a connection goes, and what kind of link that is.
 *
 * What the kernel says under /sys/class/net decides: wireless -> wifi; a modem (DEVTYPE=wwan, or a
 * name such as wwan0 and ppp0) -> cellular; an Ethernet device that is hardware -> ethernet. All
 * else is `other`: loopback, tunnels, bridges, containers. Whether a link costs money the kernel
 * does not know; people say so (wire/device).
 *
 * Thread: any; reads a few files of the kernel's, never the disk.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

enum link_kind {
    LINK_KIND_ETHERNET,
    LINK_KIND_WIFI,
    LINK_KIND_CELLULAR,
    LINK_KIND_OTHER,
    LINK_KIND_COUNT
};

enum { LINK_INTERFACE_BYTES = 16 }; /* of an interface's name, its zero included */

/* "ethernet", "wifi", "cellular", "other". */
const char *link_kind_name(enum link_kind kind);

/* Of the interface, by the tree that the kernel shows at `sys` ("/sys", or a test's). */
enum link_kind link_kind_of(const char *sys, const char *interface);

/* The interface that has the connected socket's own address. False, and an empty name: none has
 * it. */
bool link_kind_interface(int descriptor, char out_interface[LINK_INTERFACE_BYTES]);
