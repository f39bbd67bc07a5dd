/*
 * cli: `ebb` at a desk: finds the command, reads the options, runs it, says what went wrong.
 *
 * The one place where a command's failure is printed. A mistyped word never starts anything.
 *
 * Thread: the process's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

/* Runs what the words of main ask for and returns the exit code (docs/exit-codes.md). */
int cli_main(int count, char **words);
