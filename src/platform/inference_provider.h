/*
 * inference_provider: what may execute a model: the processor, or a kind of accelerator; part of
 * inference.
 *
 * A row each, by the word that manifests use (INFERENCE_PROVIDERS). Whether the library was built
 * with one, and whether this machine has what it drives, is known when it is asked for.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "platform/inference_library.h"

struct OrtSessionOptions;

/* Has sessions with these options execute what they can there. false: not here, and why. */
bool inference_provider_append(const struct inference_library *library, uint8_t provider,
                               struct OrtSessionOptions *options, struct error *err);
