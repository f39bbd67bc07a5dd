// SPDX-License-Identifier: Apache-2.0
extern int empty_platform;
int empty_platform;
