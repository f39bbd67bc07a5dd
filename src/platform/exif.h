/*
 * exif: how a camera was held, out of the metadata that it put beside its picture.
 *
 * Nothing else of EXIF is read. Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"

/* The orientation, 1 to 8, of EXIF data (a TIFF header and what follows); 1, upright, when it does
 * not say or makes no sense. */
uint8_t exif_orientation(struct slice tiff);
