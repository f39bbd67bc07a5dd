/*
 * settings_text: the settings of a manifest as JSON, with its secrets put in.
 *
 * A text `secret:NAME` stands in a manifest as it was written; a process must be told the secret
 * itself. Who has the JSON sends it on at once and forgets it (secret_forget).
 *
 * Thread: loop (reads small files).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/value.h"

/* Appends the value. What secret_read says where a secret cannot be read; INVALID also when one is
 * no UTF-8 text. What it wrote by then is to be forgotten as well. */
status settings_text_write(struct buffer *out, struct value settings, struct error *err);
