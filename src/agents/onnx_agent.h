/*
 * onnx_agent: an agent that is a model in an ONNX file, the guide's EdgeOptimizedAgent.
 *
 * A call is preprocess (onnx_inputs), predict (platform/inference) and postprocess (onnx_outputs),
 * as the manifest's `before`, `model` and `after` say. A run of the model that takes longer than
 * its step may is ended before its next operator. What the model carries from call to call is the
 * run's state, so one agent serves many streams.
 *
 * Thread: worker; several calls at once share the model. Nothing survives a crash by itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent.h"

extern const struct agent_kind ONNX_AGENT;
