// SPDX-License-Identifier: Apache-2.0
extern int empty_runtime;
int empty_runtime;
