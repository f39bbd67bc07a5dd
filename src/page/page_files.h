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
extern const char JSON_OPENAPI[];
extern const char JS_API[];
extern const char JS_APP[];
extern const char JS_AUDIT[];
extern const char JS_CHART[];
extern const char JS_DEVICE[];
extern const char JS_DEVICES[];
extern const char JS_DOM[];
extern const char JS_GRAPH[];
extern const char JS_HEALTH[];
extern const char JS_LOGIN[];
extern const char JS_OVERVIEW[];
extern const char JS_OWN_LOGS[];
extern const char JS_OWN_OVERVIEW[];
extern const char JS_OWN_RESULTS[];
extern const char JS_OWN_WORKFLOW[];
extern const char JS_PEOPLE[];
extern const char JS_QUESTIONS[];
extern const char JS_RESULT[];
extern const char JS_RESULTS[];
extern const char JS_UPLOT_IIFE_MIN[];
extern const char JS_WORDS[];
extern const char JS_WORKFLOW[];
extern const char JS_WORKFLOWS[];
extern const char SVG_ICON[];
extern const char TEXT_LICENSE[]; /* uPlot's */
