//! Reads a `[rules.sandbox]` table.

use std::sync::Arc;

use crate::ceiling::{Bounds, Ceiling};
use crate::document::Item;
use crate::glob::TextGlob;
use crate::grammar;
use crate::load::LoadError;
use crate::load::network::{egress, loopback, publish};
use crate::load::profile::{LIMITS, TIERS, limits, name, place, tier};
use crate::network_grants::NetworkBounds;
use crate::profile::DEFAULT_PROFILE;
use crate::shape::{Holds, Key, Keys, Shape};

pub(crate) const SANDBOX: Keys = Keys {
    name: "sandbox",
    known: &[
        Key::optional(
            "profile",
            Shape::Text(&grammar::NAME),
            "The profile of a run that names none; one of `profiles`",
        ),
        Key::optional("profiles", Shape::FullList(&Shape::Text(&grammar::NAME)), "Profiles that a run may use"),
        Key::optional("read", Shape::List(&Shape::Text(&grammar::PLACE)), "Places that may be read"),
        Key::optional("write", Shape::List(&Shape::Text(&grammar::PLACE)), "Places that may be written"),
        Key::optional("env", Shape::List(&Shape::Text(&grammar::GLOB)), "Variables that may be passed"),
        Key::optional("egress", Shape::List(&Shape::Text(&grammar::EGRESS)), "Ways out to the network"),
        Key::optional(
            "loopback",
            Shape::List(&Shape::Text(&grammar::LOOPBACK)),
            "Ports of the host's loopback that may be reached",
        ),
        Key::optional(
            "publish",
            Shape::List(&Shape::Text(&grammar::PORT)),
            "Ports of the run that the host's loopback may reach",
        ),
        Key::optional("secrets", Shape::List(&Shape::Text(&grammar::GLOB)), "Secrets that may be used, by their names"),
        Key::optional("limits", Shape::Table(&LIMITS), "The highest limits that may be asked for"),
        Key::optional("min_tier", Shape::Word(&TIERS), "The weakest tier that will do"),
    ],
    later: &[],
    holds: Holds::Any,
};

/// Reads the most that a run may have.
pub(crate) fn ceiling(item: &Item<'_>) -> Result<Ceiling, LoadError> {
    let table = item.table(&SANDBOX)?;
    let preferred = table.get("profile").map(|item| name(&item)).transpose()?;
    let profiles = match table.get("profiles") {
        Some(item) => item.non_empty_list()?.each(name)?,
        None => vec![preferred.clone().unwrap_or_else(|| DEFAULT_PROFILE.to_owned())],
    };
    if let (Some(item), Some(preferred)) = (table.get("profile"), &preferred)
        && !profiles.contains(preferred)
    {
        let error = item.error(format!("`{preferred}` is not one of `profiles`"));
        return Err(error.hint("a run without `--profile` uses it, so it must be allowed"));
    }
    // One profile is no choice: a run that names none means that one.
    let preferred = preferred.or_else(|| match profiles.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    });
    Ok(Ceiling::Bounded(Arc::new(Bounds {
        preferred,
        profiles,
        read: table.get("read").map(|item| item.each(place)).transpose()?,
        write: table.get("write").map(|item| item.each(place)).transpose()?,
        env: table.get("env").map(|item| item.each(name_glob)).transpose()?,
        network: NetworkBounds {
            egress: table.get("egress").map(|item| item.each(egress)).transpose()?,
            loopback: table.get("loopback").map(|item| item.each(loopback)).transpose()?,
            publish: table.get("publish").map(|item| item.each(publish)).transpose()?,
        },
        secrets: table.get("secrets").map(|item| item.each(name_glob)).transpose()?,
        limits: table.get("limits").map(|item| limits(&item)).transpose()?.unwrap_or_default(),
        min_tier: table.get("min_tier").map(|item| tier(&item)).transpose()?,
    })))
}

fn name_glob(item: &Item<'_>) -> Result<TextGlob, LoadError> {
    TextGlob::new(item.string()?).map_err(|error| item.error(error.to_string()).hint(error.hint()))
}
