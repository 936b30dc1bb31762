/* SPDX-License-Identifier: MIT
 * q_value_time.c - between Unix time, q time and the calendar. */
#include "transports/q/q_value.h"

static bool special_long(int64_t x)
{
    return x == TROUPE_Q_NULL_LONG || x == TROUPE_Q_INF_LONG || x == -TROUPE_Q_INF_LONG;
}

static bool special_int(int32_t x)
{
    return x == TROUPE_Q_NULL_INT || x == TROUPE_Q_INF_INT || x == -TROUPE_Q_INF_INT;
}

static int64_t shift_long(int64_t x, int64_t by)
{
    if (special_long(x)) {
        return x;
    }
    if (by < 0 && x <= -TROUPE_Q_INF_LONG - by) {
        return -TROUPE_Q_INF_LONG;
    }
    return by > 0 && x >= TROUPE_Q_INF_LONG - by ? TROUPE_Q_INF_LONG : x + by;
}

static int32_t shift_int(int32_t x, int32_t by)
{
    if (special_int(x)) {
        return x;
    }
    int64_t moved = (int64_t)x + by;
    return moved <= -TROUPE_Q_INF_INT  ? -TROUPE_Q_INF_INT
           : moved >= TROUPE_Q_INF_INT ? TROUPE_Q_INF_INT
                                       : (int32_t)moved;
}

int64_t troupe_q_timestamp_from_unix(int64_t unix_ns)
{
    return shift_long(unix_ns, -TROUPE_Q_EPOCH_NS);
}

int64_t troupe_q_timestamp_to_unix(int64_t timestamp)
{
    return shift_long(timestamp, TROUPE_Q_EPOCH_NS);
}

int32_t troupe_q_date_from_unix(int32_t unix_days)
{
    return shift_int(unix_days, -TROUPE_Q_EPOCH_DAYS);
}

int32_t troupe_q_date_to_unix(int32_t date)
{
    return shift_int(date, TROUPE_Q_EPOCH_DAYS);
}

int32_t troupe_q_month_from_unix(int32_t unix_months)
{
    return shift_int(unix_months, -TROUPE_Q_EPOCH_MONTHS);
}

int32_t troupe_q_month_to_unix(int32_t month)
{
    return shift_int(month, TROUPE_Q_EPOCH_MONTHS);
}

/* Both count years from March, so that a leap day is the last of its year, in eras of 400
 * years (146097 days). 2000-03-01 begins an era; it is day 60 of q. */
enum { DAYS_ERA = 146097, MARCH_2000 = 60 };

void troupe_q_civil(int32_t date, int *year, int *month, int *day)
{
    int64_t days = (int64_t)date - MARCH_2000;
    int64_t era = (days >= 0 ? days : days - (DAYS_ERA - 1)) / DAYS_ERA;
    int64_t in_era = days - era * DAYS_ERA;
    int64_t years = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * years + years / 4 - years / 100);
    int64_t march = (5 * in_year + 2) / 153; /* months since March */

    *day = (int)(in_year - (153 * march + 2) / 5 + 1);
    *month = (int)(march < 10 ? march + 3 : march - 9);
    *year = (int)(2000 + era * 400 + years + (*month <= 2));
}

int32_t troupe_q_days(int year, int month, int day)
{
    int64_t from = (int64_t)year - 2000 - (month <= 2);
    int64_t era = (from >= 0 ? from : from - 399) / 400;
    int64_t years = from - era * 400;
    int64_t march = month > 2 ? month - 3 : month + 9;
    int64_t in_year = (153 * march + 2) / 5 + day - 1;

    return (int32_t)(era * DAYS_ERA + years * 365 + years / 4 - years / 100 + in_year +
                     MARCH_2000);
}
