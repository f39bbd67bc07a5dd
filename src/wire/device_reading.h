/*
 * device_reading: what the files that read a device's file share.
 *
 * Not for other rooms. Thread: any, one reading at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/device.h"
#include "wire/keys.h"

/* Whose file is read: the owner of the reading. */
struct device_reading {
    struct slice file;
    struct device *device; /* what is filled */
};

/* "FILE:LINE:COLUMN" in the arena; empty without memory, which is noted. */
struct slice device_origin(struct reading *reading, struct place place);

/* Notes where settings are said: one; or all those of a section that the map has. */
void device_note(struct reading *reading, enum device_setting setting, struct place place);
void device_note_section(struct reading *reading, const char *section, const struct yaml *map);

/* The map is the guide's edge_config.json; and reading it. What ebb does not know there is a
 * warning. */
bool edge_config_is(const struct yaml *root);
void edge_config_read(struct reading *reading, const struct yaml *root, struct device *device);

/* The path as it stands in the file, which means its own folder, made whole; empty without memory,
 * which is noted. */
struct slice device_whole_path(struct reading *reading, struct slice path);

/* Calls `add` for every name of a map; names that are none are said. */
void device_each_name(struct reading *reading, const struct key *key, const struct yaml *node,
                      void (*add)(struct reading *reading, struct slice name,
                                  const struct yaml *node));

/* Readers of keys, each in its own file, and what may stand there. */
key_reader device_read_sources, device_read_destinations, device_read_hub;
extern const struct key_table SOURCE_TABLE, DESTINATION_TABLE, HUB_TABLE;

/* What is wrong with the text as `hub.proxy`; NULL: nothing. */
const char *device_proxy_fault(struct slice text);

/* "metered", "hour", "day". */
const char *device_link_key_name(enum device_link_key key);
