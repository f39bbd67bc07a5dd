/*
 * commands: the table of what ebb can do. A new command is a file cmd_X.c and a row here.
 *
 * The order is that of the help: daily verbs first, then the nouns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "cli/command.h"

#define COMMANDS(ROW)                                                                              \
    ROW(run)                                                                                       \
    ROW(check)                                                                                     \
    ROW(apply)                                                                                     \
    ROW(diff)                                                                                      \
    ROW(serve)                                                                                     \
    ROW(status)                                                                                    \
    ROW(logs)                                                                                      \
    ROW(doctor)                                                                                    \
    ROW(open)                                                                                      \
    ROW(join)                                                                                      \
    ROW(leave)                                                                                     \
    ROW(demo)                                                                                      \
    ROW(train_text)                                                                                \
    ROW(new_workflow)                                                                              \
    ROW(new_agent)                                                                                 \
    ROW(schema)                                                                                    \
    ROW(version)                                                                                   \
    ROW(help)                                                                                      \
    ROW(completion)                                                                                \
    ROW(agent_list)                                                                                \
    ROW(agent_show)                                                                                \
    ROW(agent_run)                                                                                 \
    ROW(model_inspect)                                                                             \
    ROW(model_optimize)                                                                            \
    ROW(model_report)                                                                              \
    ROW(model_bench)                                                                               \
    ROW(model_quantize)                                                                            \
    ROW(model_distill)                                                                             \
    ROW(model_prune)                                                                               \
    ROW(model_float16)                                                                             \
    ROW(model_fold)                                                                                \
    ROW(model_bind)                                                                                \
    ROW(model_upgrade)                                                                             \
    ROW(model_compile)                                                                             \
    ROW(workflow_list)                                                                             \
    ROW(workflow_show)                                                                             \
    ROW(workflow_start)                                                                            \
    ROW(workflow_stop)                                                                             \
    ROW(workflow_rm)                                                                               \
    ROW(param_show)                                                                                \
    ROW(config_show)                                                                               \
    ROW(secret_set)                                                                                \
    ROW(secret_list)                                                                               \
    ROW(secret_rm)                                                                                 \
    ROW(result_list)                                                                               \
    ROW(result_save)                                                                               \
    ROW(result_show)                                                                               \
    ROW(event_list)                                                                                \
    ROW(event_show)                                                                                \
    ROW(event_post)                                                                                \
    ROW(runs_list)                                                                                 \
    ROW(runs_show)                                                                                 \
    ROW(runs_resume)                                                                               \
    ROW(sync_status)                                                                               \
    ROW(sync_now)                                                                                  \
    ROW(sync_pause)                                                                                \
    ROW(sync_resume)                                                                               \
    ROW(queue_list)                                                                                \
    ROW(queue_stat)                                                                                \
    ROW(queue_export)                                                                              \
    ROW(queue_peek)                                                                                \
    ROW(hub_serve)                                                                                 \
    ROW(hub_status)                                                                                \
    ROW(hub_doctor)                                                                                \
    ROW(hub_query)                                                                                 \
    ROW(hub_revoke)                                                                                \
    ROW(hub_backup)                                                                                \
    ROW(hub_restore)                                                                               \
    ROW(hub_token_new)                                                                             \
    ROW(hub_token_list)                                                                            \
    ROW(hub_token_rm)                                                                              \
    ROW(hub_device_list)                                                                           \
    ROW(hub_device_show)                                                                           \
    ROW(hub_device_label)                                                                          \
    ROW(hub_device_replace)                                                                        \
    ROW(hub_device_rm)                                                                             \
    ROW(hub_alarm_list)                                                                            \
    ROW(hub_result_list)                                                                           \
    ROW(hub_result_show)                                                                           \
    ROW(hub_result_export)                                                                         \
    ROW(hub_result_save)                                                                           \
    ROW(hub_workflow_list)                                                                         \
    ROW(hub_workflow_show)                                                                         \
    ROW(hub_person_new)                                                                            \
    ROW(hub_person_list)                                                                           \
    ROW(hub_person_change)                                                                         \
    ROW(hub_person_rm)                                                                             \
    ROW(hub_audit_list)                                                                            \
    ROW(hub_access_new)                                                                            \
    ROW(hub_access_list)                                                                           \
    ROW(hub_access_rm)                                                                             \
    ROW(hub_queue_import)

#define COMMAND_DECLARE(name) extern const struct command cmd_##name;
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE
