/*
 * date: days of the Gregorian calendar, counted from 1970-01-01.
 *
 * No clock and no time zone: platform/clock and platform/zone know those. Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

struct date {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

/* Days from 1970-01-01 to the date, and back. */
int64_t date_days(struct date date);
struct date date_of_days(int64_t days);

/* 0 Sunday to 6 Saturday. */
int date_weekday(int64_t days);

/* 28 to 31. */
int date_month_length(int64_t year, int month);
