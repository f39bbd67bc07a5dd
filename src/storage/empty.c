// SPDX-License-Identifier: Apache-2.0
extern int empty_storage;
int empty_storage;
