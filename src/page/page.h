/*
 * page: the page that a hub and a device show people: its files, as they are in the program, and
 * how they are answered.
 *
 * Nothing in them is secret; all that they show comes from /v1. They ask no other machine for
 * anything, and the browser is told to see to that (Content-Security-Policy): it runs no script and
 * shows no style that is not one of these files.
 *
 * The page names its files with their version in the path, under which a browser keeps them: an
 * upgrade is seen at the next load, and nothing is asked for twice.
 *
 * Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "platform/http_server.h"

/* Answers when the path is one of the page's files, and it is only looked at; false: another. */
bool page_take(struct http_request *request);

/* For answers with what comes from devices: nobody is to keep it, to guess what it is, or to show
 * it as a page. */
void page_add_headers(struct http_request *request);
