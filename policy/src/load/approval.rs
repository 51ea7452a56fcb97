//! Reads `[rules.approval]` and `[default_approval]`.

use std::time::Duration;

use crate::approval::{Approval, Factor, Factors, LONGEST_LEASE, Obligation};
use crate::document::{Item, Table};
use crate::grammar;
use crate::load::LoadError;
use crate::rule::Action;
use crate::shape::{Holds, Key, Keys, Shape};
use crate::units;

pub(crate) const APPROVAL: Keys = Keys {
    name: "approval",
    known: &[
        Key::required("require", Shape::Word(&REQUIRE), "When somebody has to approve"),
        FACTORS,
        LEASE_TTL,
        Key::optional(
            "budget",
            Shape::Number { least: 1, most: u32::MAX as u64 },
            "How many runs one approval answers for; only with `first_use`",
        ),
        ONE_TIME,
    ],
    later: &[],
    holds: Holds::Any,
};

pub(crate) const FACTORS: Key = Key::optional(
    "factors",
    Shape::Either(&[FACTOR_LIST, Shape::Table(&ANY_OR_ALL)]),
    "Who or what approves: any of a list, or `{ all = [...] }` for each of it; `tty` without this line",
);

pub(crate) const LEASE_TTL: Key = Key::optional(
    "lease_ttl",
    Shape::Either(&[Shape::Text(&grammar::DURATION), Shape::Number { least: 1, most: LONGEST_LEASE.as_secs() }]),
    "How long one approval answers for: an hour at most, as a duration or in whole seconds; only with `first_use`",
);

pub(crate) const ONE_TIME: Key = Key::optional("one_time", Shape::Boolean, "Whether no lease remains of an approval");

const ANY_OR_ALL: Keys = Keys {
    name: "any_or_all",
    known: &[
        Key::optional("any", FACTOR_LIST, "Any of these is enough"),
        Key::optional("all", FACTOR_LIST, "Each of these is needed"),
    ],
    later: &[],
    holds: Holds::One,
};

const FACTOR_LIST: Shape = Shape::FullList(&Shape::Word(&FACTOR));

pub(crate) const REQUIRE: [(&str, Approval); 3] =
    [("always", Approval::Always), ("first_use", Approval::FirstUse), ("never", Approval::Never)];

const FACTOR: [(&str, Factor); 5] = [
    ("tty", Factor::Tty),
    ("broker", Factor::Broker),
    ("local_bio", Factor::LocalBio),
    ("fido2", Factor::Fido2),
    ("ios_faceid", Factor::IosFaceid),
];

/// What an action needs when no approval is written.
pub(crate) fn implied(action: Action) -> Obligation {
    match action {
        Action::Allow => Obligation::none(),
        Action::Ask | Action::Deny => Obligation::once(Approval::Always),
    }
}

/// Reads the table and holds it against the action.
pub(crate) fn obligation(item: &Item<'_>, action: Action) -> Result<Obligation, LoadError> {
    let table = item.table(&APPROVAL)?;
    let require = table.require("require")?;
    match (action, require.word(&REQUIRE)?) {
        (Action::Allow, asked @ (Approval::Always | Approval::FirstUse)) => {
            let error = require.error(format!("`require = \"{}\"` contradicts `action = \"allow\"`", asked.as_str()));
            Err(error.hint("write `action = \"ask\"`, or leave the approval out"))
        }
        (Action::Ask, Approval::Never) => {
            let error = require.error("`require = \"never\"` contradicts `action = \"ask\"`");
            Err(error.hint("write `action = \"allow\"`, or `always` or `first_use` here"))
        }
        (Action::Allow | Action::Ask | Action::Deny, asked) => details(&table, asked),
    }
}

/// Reads what stands beside `require`.
pub(crate) fn details(table: &Table<'_>, require: Approval) -> Result<Obligation, LoadError> {
    let factors = match table.get("factors") {
        Some(item) => factors(&item)?,
        None => Factors::Any(vec![Factor::Tty]),
    };
    let lease_ttl =
        table.get("lease_ttl").map(|item| for_first_use(&item, require).and_then(|()| ttl(&item))).transpose()?;
    let budget =
        table.get("budget").map(|item| for_first_use(&item, require).and_then(|()| budget(&item))).transpose()?;
    let is_one_time = table.get("one_time").map(|item| item.boolean()).transpose()?.unwrap_or(false);
    if let (true, Some(item)) = (is_one_time, table.get("lease_ttl").or_else(|| table.get("budget"))) {
        let message = format!("`one_time` means that no lease remains, and `{}` is about one", item.key());
        return Err(item.key_error(message).hint("leave one of the two out"));
    }
    Ok(Obligation { require, factors, lease_ttl, budget })
}

fn factors(item: &Item<'_>) -> Result<Factors, LoadError> {
    if !item.is_table() {
        return Ok(Factors::Any(list(item)?));
    }
    let table = item.table(&ANY_OR_ALL)?;
    match (table.get("any"), table.get("all")) {
        (Some(any), None) => Ok(Factors::Any(list(&any)?)),
        (None, Some(all)) => Ok(Factors::All(list(&all)?)),
        (None, None) => Err(no_factor(item)),
        (Some(_), Some(all)) => Err(all.key_error("`any` and `all` contradict each other").hint("write one of them")),
    }
}

fn list(item: &Item<'_>) -> Result<Vec<Factor>, LoadError> {
    let factors = item.each(|factor| factor.word(&FACTOR))?;
    if factors.is_empty() { Err(no_factor(item)) } else { Ok(factors) }
}

fn no_factor(item: &Item<'_>) -> LoadError {
    item.error("an approval without a factor would be nobody's")
        .hint("name one: `tty`, `broker`, `local_bio`, `fido2` or `ios_faceid`")
}

fn for_first_use(item: &Item<'_>, require: Approval) -> Result<(), LoadError> {
    match require {
        Approval::FirstUse => Ok(()),
        Approval::Always | Approval::Never => {
            let message = format!("`{}` has no meaning with `require = \"{}\"`", item.key(), require.as_str());
            Err(item.key_error(message).hint("a lease answers for later runs: write `require = \"first_use\"`"))
        }
    }
}

/// `10m`, or whole seconds.
fn ttl(item: &Item<'_>) -> Result<Duration, LoadError> {
    let ttl = if item.is_number() {
        Duration::from_secs(item.number()?)
    } else {
        units::duration(item.string()?).map_err(|error| item.error(error.to_string()).hint(error.hint()))?
    };
    if ttl.is_zero() || ttl > LONGEST_LEASE {
        return Err(item.error("a lease lasts more than nothing and an hour at most").hint("write e.g. `\"10m\"`"));
    }
    Ok(ttl)
}

fn budget(item: &Item<'_>) -> Result<u32, LoadError> {
    u32::try_from(item.number()?)
        .ok()
        .filter(|budget| *budget > 0)
        .ok_or_else(|| item.error("`budget` is the number of runs that one approval answers for, at least 1"))
}
