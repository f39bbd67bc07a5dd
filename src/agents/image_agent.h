/*
 * image_agent: an agent that draws into pictures, cuts parts out of them, or blurs what is in them.
 *
 * Its manifest says which: `do: draw`, `crop` or `blur`. It takes `image`, a JPEG or PNG picture,
 * and `objects` or `boxes`: a list of boxes, or of objects with a box as detectors give them, which
 * may have a label, a score and points. It gives `image`, a JPEG, upright. A crop takes `box`, one
 * of these, and gives `image`, or takes a list and gives `images`.
 *
 * Thread: worker; several calls at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent.h"

enum { IMAGE_AGENT_BOXES_MAX = 1000 }; /* of one call */

extern const struct agent_kind IMAGE_AGENT;
