//! Durations, sizes and shares as a person writes them. Never guesses a unit.

use std::time::Duration;

/// Says why a text is not the quantity that was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a duration.
    #[error("`{0}` is not a duration")]
    Duration(String),
    /// Not a size.
    #[error("`{0}` is not a size")]
    Size(String),
    /// Not a share of CPU time.
    #[error("`{0}` is not a percentage")]
    Percent(String),
    /// Not a count.
    #[error("`{0}` is not a count")]
    Count(String),
    /// A bound of nothing.
    #[error("`{0}` is zero, which would let nothing run")]
    Zero(String),
    /// Not the name of a limit.
    #[error("unknown limit `{0}`")]
    Limit(String),
}

impl UnitError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Duration(_) => "write whole numbers with a unit, e.g. `500ms`, `90s`, `10m`, `1h30m`",
            Self::Size(_) => "write a whole number with a unit, e.g. `64KiB`, `512MiB`, `2GiB`, `10MB`",
            Self::Percent(_) => "write percent of one core, e.g. `50%` or `200%` for two cores",
            Self::Count(_) => "write a whole number, e.g. `512`",
            Self::Zero(_) => "leave the limit out, or write a bound above zero",
            Self::Limit(_) => "limits are wall, cpu, memory, pids, files, tmp, inodes and output",
        }
    }
}

/// Parses a duration such as `90s` or `1h30m`; the units are d, h, m, s and ms, largest first.
///
/// # Errors
/// When the text is anything else, or zero.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Duration(text.to_owned());
    let mut total = Duration::ZERO;
    let mut largest = u64::MAX;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, tail) = leading_number(rest).ok_or_else(wrong)?;
        let unit_length = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_length).ok_or_else(wrong)?;
        let milliseconds = milliseconds_in(unit).filter(|size| *size < largest).ok_or_else(wrong)?;
        let part = number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        largest = milliseconds;
        rest = tail;
    }
    match (text.is_empty(), total.is_zero()) {
        (true, _) => Err(wrong()),
        (false, true) => Err(UnitError::Zero(text.to_owned())),
        (false, false) => Ok(total),
    }
}

/// Parses a size such as `512MiB` (binary) or `10MB` (decimal) into bytes.
///
/// # Errors
/// When the text is anything else, or zero.
pub fn size(text: &str) -> Result<u64, UnitError> {
    let wrong = || UnitError::Size(text.to_owned());
    let (number, unit) = leading_number(text).ok_or_else(wrong)?;
    let bytes = number.checked_mul(bytes_in(unit).ok_or_else(wrong)?).ok_or_else(wrong)?;
    more_than_zero(bytes, text)
}

/// Parses percent of one core, such as `200%`.
///
/// # Errors
/// When the text is anything else, or zero.
pub fn percent(text: &str) -> Result<u32, UnitError> {
    let wrong = || UnitError::Percent(text.to_owned());
    let (number, unit) = leading_number(text).ok_or_else(wrong)?;
    if unit != "%" {
        return Err(wrong());
    }
    let share = u32::try_from(number).map_err(|_| wrong())?;
    if share == 0 { Err(UnitError::Zero(text.to_owned())) } else { Ok(share) }
}

/// Parses a whole number above zero.
///
/// # Errors
/// When the text is anything else, or zero.
pub fn count(text: &str) -> Result<u64, UnitError> {
    match leading_number(text) {
        Some((number, "")) => more_than_zero(number, text),
        Some(_) | None => Err(UnitError::Count(text.to_owned())),
    }
}

/// Writes a duration the way [`duration`] reads it.
#[must_use]
pub fn show_duration(value: Duration) -> String {
    let mut rest = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, milliseconds) in TIME_UNITS {
        if rest >= milliseconds {
            text.push_str(&format!("{}{name}", rest / milliseconds));
            rest %= milliseconds;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Writes a size the way [`size`] reads it, in the largest binary unit that is exact.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    SIZE_UNITS
        .iter()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit))
        .map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

// Largest first: durations are written that way and shown that way.
const TIME_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const SIZE_UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

fn milliseconds_in(unit: &str) -> Option<u64> {
    TIME_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size)
}

fn bytes_in(unit: &str) -> Option<u64> {
    match unit {
        "kB" | "KB" => Some(1_000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        "TB" => Some(1_000_000_000_000),
        binary => SIZE_UNITS.iter().find(|(name, _)| *name == binary).map(|(_, size)| *size),
    }
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

fn more_than_zero(value: u64, text: &str) -> Result<u64, UnitError> {
    if value == 0 { Err(UnitError::Zero(text.to_owned())) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_whole_numbers_with_units_largest_first() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in
            ["", "5", "s", "5 s", "1.5h", "30m1h", "5s5s", "-5s", "99999999999999999999s", "5x", "184467440737095516d"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(duration("0s"), Err(UnitError::Zero("0s".into())));
    }

    #[test]
    fn a_size_needs_a_unit() {
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert_eq!(size("10MB"), Ok(10_000_000));
        assert_eq!(size("7B"), Ok(7));
        for wrong in ["", "5", "5G", "5 MiB", "1.5GiB", "MiB", "99999999999TiB", "5mib"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn percent_and_count_are_plain() {
        assert_eq!(percent("200%"), Ok(200));
        assert!(percent("200").is_err());
        assert!(percent("0%").is_err());
        assert_eq!(count("64"), Ok(64));
        assert!(count("64k").is_err());
        assert!(count("0").is_err());
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        for text in ["1d2h3m4s5ms", "90ms", "1h"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
        for text in ["3GiB", "1023B", "1025KiB"] {
            assert_eq!(show_size(size(text).unwrap()), text);
        }
    }
}
