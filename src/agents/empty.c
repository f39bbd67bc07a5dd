// SPDX-License-Identifier: Apache-2.0
extern int empty_agents;
int empty_agents;
