//! When, exactly? As ledger/times.py: RFC 3339 UTC, years 1..9999.

use crate::wire::Timestamp;

pub const MIN_US: i64 = -62_135_596_800_000_000;
pub const MAX_US: i64 = 253_402_300_799_999_999;
const DAY_S: i64 = 86_400;

/// The text of a protobuf Timestamp; None where there is no such moment.
pub fn text_of_timestamp(stamp: &Timestamp) -> Option<String> {
    if !(0..=999_999_999).contains(&stamp.nanos)
        || !(MIN_US / 1_000_000..=MAX_US / 1_000_000).contains(&stamp.seconds)
    {
        return None;
    }
    let (year, month, day) = civil(stamp.seconds.div_euclid(DAY_S));
    let second = stamp.seconds.rem_euclid(DAY_S);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let whole = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    let us = stamp.nanos / 1000;
    Some(if stamp.nanos % 1000 != 0 {
        format!("{whole}.{:09}Z", stamp.nanos)
    } else if us == 0 {
        whole + "Z"
    } else if us % 1000 != 0 {
        format!("{whole}.{us:06}Z")
    } else {
        format!("{whole}.{:03}Z", us / 1000)
    })
}

/// Microseconds from 1970, digits below them cut; of a moment that `text_of_timestamp` has.
pub fn us_of(stamp: &Timestamp) -> i64 {
    stamp.seconds * 1_000_000 + i64::from(stamp.nanos / 1000)
}

/// Is this `YYYY-MM-DD`, and a day of the calendar?
pub fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0_i64, |sum, byte| {
            byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    match (number(0, 4), number(5, 7), number(8, 10)) {
        (Some(year), Some(month), Some(day)) => {
            year >= 1 && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day)
        }
        _ => false,
    }
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Year, month and day of a day counted from 1970-01-01 (Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms", civil_from_days).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
