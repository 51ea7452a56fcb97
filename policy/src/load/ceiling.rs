//! Reads a `[rules.sandbox]` table.

use std::sync::Arc;

use crate::ceiling::{Bounds, Ceiling};
use crate::document::{Item, Keys};
use crate::glob::TextGlob;
use crate::load::LoadError;
use crate::load::network::{egress, loopback, publish};
use crate::load::profile::{limits, name, place, tier};
use crate::network_grants::NetworkBounds;
use crate::profile::DEFAULT_PROFILE;

const SANDBOX: Keys = Keys {
    known: &["profile", "profiles", "read", "write", "env", "egress", "loopback", "publish", "limits", "min_tier"],
    later: &["secrets"],
};

/// Reads the most that a run may have.
pub(crate) fn ceiling(item: &Item<'_>) -> Result<Ceiling, LoadError> {
    let table = item.table(&SANDBOX)?;
    let preferred = table.get("profile").map(|item| name(&item)).transpose()?;
    let profiles = match table.get("profiles") {
        Some(item) => item.non_empty_list()?.iter().map(name).collect::<Result<Vec<_>, _>>()?,
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
        env: table.get("env").map(|item| item.each(variable_glob)).transpose()?,
        network: NetworkBounds {
            egress: table.get("egress").map(|item| item.each(egress)).transpose()?,
            loopback: table.get("loopback").map(|item| item.each(loopback)).transpose()?,
            publish: table.get("publish").map(|item| item.each(publish)).transpose()?,
        },
        limits: table.get("limits").map(|item| limits(&item)).transpose()?.unwrap_or_default(),
        min_tier: table.get("min_tier").map(|item| tier(&item)).transpose()?,
    })))
}

fn variable_glob(item: &Item<'_>) -> Result<TextGlob, LoadError> {
    TextGlob::new(item.string()?).map_err(|error| item.error(error.to_string()).hint(error.hint()))
}
