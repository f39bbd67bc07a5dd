/*
 * libfyaml_leaks: libfyaml before 1.0 loses the pieces of a quoted text that has more than a few
 * doubled quotes. That is the library's, bounded by the file's size, and not what a target of ours
 * should stop at.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void) {
    return "leak:libfyaml";
}
