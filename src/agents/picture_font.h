/*
 * picture_font: letters of five by eight dots, for what is written on a picture.
 *
 * Blank to tilde; anything else shows as a question mark. Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PICTURE_FONT_WIDTH = 5, PICTURE_FONT_HEIGHT = 8 };

/* Whether the letter has a dot there, from its upper left corner. */
bool picture_font_dot(char letter, uint32_t x, uint32_t y);
