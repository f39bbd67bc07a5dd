// SPDX-License-Identifier: Apache-2.0
extern int empty_wire;
int empty_wire;
