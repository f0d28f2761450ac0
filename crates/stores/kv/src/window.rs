//! When a window begins and when it ends.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::Offset;

/// How a counter begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Span {
    /// It counts what is held now and nothing else.
    Held,
    /// It slides, see [`crate::slots`].
    Minute,
    /// At midnight.
    Day(i32),
    /// On the first.
    Month(i32),
    /// Never.
    Total,
}

/// A window: the moment it begins names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Its first millisecond since 1970.
    pub(crate) start_ms: i64,
    /// The first millisecond after it; nothing when it has no end.
    pub(crate) end_ms: Option<i64>,
}

const WITHOUT_END: Bounds = Bounds { start_ms: 0, end_ms: None };
const DAY_MS: i64 = 86_400_000;

impl Span {
    /// The window in which `now_ms` lies. Counters that slide, or only hold, have one window without end.
    pub(crate) fn bounds(self, now_ms: i64) -> Bounds {
        match self {
            Self::Held | Self::Minute | Self::Total => WITHOUT_END,
            Self::Day(offset_s) => {
                let offset_ms = i64::from(offset_s) * 1000;
                let start_ms = now_ms - (now_ms + offset_ms).rem_euclid(DAY_MS);
                Bounds { start_ms, end_ms: Some(start_ms + DAY_MS) }
            }
            Self::Month(offset_s) => month(now_ms, offset_s).unwrap_or(WITHOUT_END),
        }
    }

    /// Whether a counter is to outlive the process that counts.
    pub(crate) fn is_lasting(self) -> bool {
        matches!(self, Self::Day(_) | Self::Month(_) | Self::Total)
    }
}

/// Nothing for moments beyond the year 9999, where the calendar ends.
fn month(now_ms: i64, offset_s: i32) -> Option<Bounds> {
    let offset = Offset::from_seconds(offset_s).ok()?;
    let first = offset.to_datetime(Timestamp::from_millisecond(now_ms).ok()?).date().first_of_month();
    let next = first.last_of_month().tomorrow().ok()?;
    let start_of = |day: jiff::civil::Date| {
        offset.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok().map(Timestamp::as_millisecond)
    };
    Some(Bounds { start_ms: start_of(first)?, end_ms: Some(start_of(next)?) })
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held => write!(f, "held"),
            Self::Minute => write!(f, "minute"),
            Self::Day(offset_s) => write!(f, "day{offset_s:+}"),
            Self::Month(offset_s) => write!(f, "month{offset_s:+}"),
            Self::Total => write!(f, "total"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn bounds(span: Span, now: &str) -> (i64, i64) {
        let bounds = span.bounds(at(now));
        (bounds.start_ms, bounds.end_ms.unwrap())
    }

    #[test]
    fn a_day_goes_from_midnight_to_midnight_of_its_place() {
        let peking = Span::Day(8 * 3600);

        assert_eq!(
            bounds(peking, "2024-02-29T15:59:59.999Z"),
            (at("2024-02-28T16:00:00Z"), at("2024-02-29T16:00:00Z"))
        );
        assert_eq!(bounds(peking, "2024-02-29T16:00:00Z"), (at("2024-02-29T16:00:00Z"), at("2024-03-01T16:00:00Z")));
        assert_eq!(
            bounds(Span::Day(-5 * 3600), "1969-12-31T04:00:00Z"),
            (at("1969-12-30T05:00:00Z"), at("1969-12-31T05:00:00Z"))
        );
    }

    #[test]
    fn a_month_is_as_long_as_the_calendar_says() {
        assert_eq!(
            bounds(Span::Month(0), "2024-02-29T23:59:59.999Z"),
            (at("2024-02-01T00:00:00Z"), at("2024-03-01T00:00:00Z"))
        );
        assert_eq!(
            bounds(Span::Month(8 * 3600), "2024-12-31T16:00:00Z"),
            (at("2024-12-31T16:00:00Z"), at("2025-01-31T16:00:00Z"))
        );
    }
}
