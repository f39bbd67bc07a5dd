/*
 * doctor_report: what a doctor found, for people and as JSON, and the exit code that says it.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "cli/call.h"
#include "cli/doctor.h"

/* {"well","findings":[{"what","severity","class","text","remedy"},...],"more"}, or two lines a
 * finding. The class of the first fault, with no sentence beside those that were written; OK when
 * there is none. */
status doctor_report(struct call *call, const struct doctor *doctor, struct error *err);
