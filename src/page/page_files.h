/*
 * page_files: the page's files, embedded by the build: files/app.js is JS_APP.
 *
 * uPlot, which draws its charts, comes from npm (tools/deps).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

extern const char CSS_STYLE[];
extern const char CSS_UPLOT_MIN[];
extern const char HTML_INDEX[];
extern const char JS_APP[];
extern const char JS_UPLOT_IIFE_MIN[];
extern const char SVG_ICON[];
