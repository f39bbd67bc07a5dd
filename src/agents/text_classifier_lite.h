/*
 * text_classifier_lite: an agent that says which label a text has, and how likely that is.
 *
 * Takes {text}, gives {label, score, scores}: the likeliest label, its chance from 0 to 1, and the
 * chance of each label by name; a manifest that lists its outputs may leave some out. The chances
 * are calibrated where the model was trained, so that of the texts with a score of 0.9 about nine
 * in ten have that label; they have six digits, the same on every machine. The model is a file of
 * model/train, read once.
 *
 * Thread: worker; several calls at once share the model, which never changes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent.h"

extern const struct agent_kind TEXT_CLASSIFIER_LITE;
