/*
 * webhook_keys: readers of the keys that say a webhook, the same in a device's file and in a hub's.
 *
 * Thread: any, one reading at a time. Foreign bytes: bounded by the file's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/keys.h"
#include "wire/webhook.h"

/* The row's offset is that of a struct webhook in the target. */
key_reader webhook_read_url, webhook_read_headers;

/* The name of the secret in `secret:NAME`; the offset is that of a struct slice. */
key_reader webhook_read_secret;
