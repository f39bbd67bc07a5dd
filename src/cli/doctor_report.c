// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_report.h"

#include <stdio.h>

#include "cli/terminal.h"

enum { REPORT_MEMBERS = 3, FINDING_MEMBERS = 5 };

static const char *severity_of(const struct finding *finding) {
    return finding->code != STATUS_OK ? "fault" : finding->is_good ? "good" : "warning";
}

static struct value finding_value(struct arena *arena, const struct finding *finding) {
    struct value value;
    struct member *members = value_new_object(arena, FINDING_MEMBERS, &value);
    if (members == NULL) {
        return (struct value){.kind = VALUE_NULL};
    }
    const bool fault = finding->code != STATUS_OK;
    members[0] = (struct member){SLICE("what"), value_of_text(slice_of(finding->what))};
    members[1] = (struct member){SLICE("severity"), value_of_text(slice_of(severity_of(finding)))};
    members[2] =
        (struct member){SLICE("class"), fault ? value_of_text(slice_of(status_name(finding->code)))
                                              : (struct value){.kind = VALUE_NULL}};
    members[3] = (struct member){SLICE("text"), value_of_text(finding->text)};
    members[4] = (struct member){SLICE("remedy"), value_of_text(finding->remedy)};
    return value;
}

static status write_json(struct call *call, const struct doctor *doctor, struct error *err) {
    struct value answer, list;
    struct member *members = value_new_object(&call->arena, REPORT_MEMBERS, &answer);
    struct value *items = value_new_list(&call->arena, doctor->count, &list);
    if (members == NULL || items == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    for (uint32_t i = 0; i < doctor->count; i++) {
        items[i] = finding_value(&call->arena, &doctor->findings[i]);
    }
    members[0] =
        (struct member){SLICE("well"), value_of_boolean(doctor_worst(doctor) == STATUS_OK)};
    members[1] = (struct member){SLICE("findings"), list};
    members[2] = (struct member){SLICE("more"), value_of_integer(doctor->more)};
    return call_write_json(call, answer, false, err);
}

static void write_finding(struct call *call, const struct finding *finding) {
    const bool is_fault = finding->code != STATUS_OK;
    const enum terminal_colour colour = is_fault ? COLOUR_RED : COLOUR_YELLOW;
    terminal_paint(call->out, call->terminal.out_colour, finding->is_good ? COLOUR_GREEN : colour,
                   slice_of(finding->what));
    (void)fputs(is_fault ? ": " : finding->is_good ? ": good: " : ": warning: ", call->out);
    terminal_write(call->out, finding->text);
    (void)fputc('\n', call->out);
    if (finding->remedy.count > 0) {
        (void)fputs("    ", call->out);
        terminal_write(call->out, finding->remedy);
        (void)fputc('\n', call->out);
    }
}

static void write_text(struct call *call, const struct doctor *doctor) {
    const uint32_t bad = doctor_count_bad(doctor);
    for (uint32_t i = 0; i < doctor->count; i++) {
        write_finding(call, &doctor->findings[i]);
    }
    if (doctor->more > 0) {
        (void)fprintf(call->out, "and %u more\n", doctor->more);
    }
    (void)fflush(call->out);
    if (bad == 0) {
        (void)fprintf(call->talk, "nothing is wrong\n");
    } else if (doctor_worst(doctor) == STATUS_OK) {
        (void)fprintf(call->talk, "no fault, %u warning%s\n", bad, bad == 1 ? "" : "s");
    }
}

status doctor_report(struct call *call, const struct doctor *doctor, struct error *err) {
    if (call->json) {
        TRY(write_json(call, doctor, err));
    } else {
        write_text(call, doctor);
    }
    const status worst = doctor_worst(doctor);
    return worst == STATUS_OK ? STATUS_OK : fail(err, worst, "%s", "");
}
