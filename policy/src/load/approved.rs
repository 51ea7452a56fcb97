//! Reads a file of approvals that were given beforehand.

use crate::authorize::Beforehand;
use crate::document::{Document, Item, SourceFile};
use crate::grammar;
use crate::intent::Intent;
use crate::load::LoadError;
use crate::load::policy::check_version;
use crate::load::profile::line;
use crate::shape::{Holds, Key, Keys, Shape};

pub(crate) const APPROVED: Keys = Keys {
    name: "approvals",
    known: &[
        Key::required("version", Shape::Number { least: 1, most: 1 }, "The version of the format"),
        Key::optional("approved", Shape::List(&Shape::Table(&ENTRY)), "What is approved before anybody asks for it"),
    ],
    later: &[],
    holds: Holds::Any,
};

const ENTRY: Keys = Keys {
    name: "approved",
    known: &[
        Key::required("intent", Shape::Text(&grammar::INTENT), "The intent, as `opaque-run --plan` prints it"),
        Key::required("expires", Shape::Text(&grammar::TIME), "Until when"),
        Key::optional("why", Shape::Text(&grammar::LINE), "What it is for"),
    ],
    later: &[],
    holds: Holds::Any,
};

/// The form of a time: `YYYY-MM-DDTHH:MM:SSZ` (RFC 3339, in UTC). Two of them compare as texts.
const TIME: &[u8] = b"0000-00-00T00:00:00Z";

/// The approvals of a file, expired ones included.
///
/// # Errors
/// The first thing that is wrong in it.
pub fn approved(source: &SourceFile) -> Result<Vec<Beforehand>, LoadError> {
    let document = Document::parse(&source.file, &source.bytes)?;
    let table = document.root(&APPROVED)?;
    check_version(&table)?;
    table.get("approved").map_or(Ok(Vec::new()), |item| item.each(entry))
}

fn entry(item: &Item<'_>) -> Result<Beforehand, LoadError> {
    let table = item.table(&ENTRY)?;
    let named = table.require("intent")?;
    let intent = Intent::named(named.string()?).ok_or_else(|| {
        named
            .error("`intent` is a SHA-256: 64 digits from `0` to `9` and `a` to `f`")
            .hint("`opaque-run --plan` prints it")
    })?;
    let expires = table.require("expires")?;
    if !is_time(expires.string()?) {
        let error = expires.error("`expires` is a time in UTC, as in `2031-12-31T23:59:59Z`");
        return Err(error.hint("write year, month, day, `T`, hour, minute, second and `Z`, each with all its digits"));
    }
    table.get("why").map(|item| line(&item)).transpose()?;
    Ok(Beforehand { intent, expires: expires.string()?.to_owned() })
}

fn is_time(text: &str) -> bool {
    let fits = |(byte, form): (u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form };
    let field = |from: usize| text.get(from..from + 2).and_then(|digits| digits.parse::<u32>().ok());
    text.len() == TIME.len()
        && text.bytes().zip(TIME).all(fits)
        && field(5).is_some_and(|month| (1..=12).contains(&month))
        && field(8).is_some_and(|day| (1..=31).contains(&day))
        && field(11).is_some_and(|hour| hour < 24)
        && field(14).is_some_and(|minute| minute < 60)
        && field(17).is_some_and(|second| second < 60)
}
