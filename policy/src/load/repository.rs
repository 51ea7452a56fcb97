//! Reads a repository's own file, `.opaque.toml`: rules that only tighten, and a request that counts once the person
//! trusts it. Never widens anything by itself.

use std::collections::BTreeSet;

use crate::alike::Alike;
use crate::ceiling::Ceiling;
use crate::document::{Document, Item, SourceFile};
use crate::grammar;
use crate::layer::{Fallback, Layer, LayerName};
use crate::load::LoadError;
use crate::load::clients::Clients;
use crate::load::network::egress;
use crate::load::policy::{check, check_version};
use crate::load::profile::{LIMITS, limits, name};
use crate::load::rule::{LoadedRule, RULE, rule};
use crate::network_grants::NetworkGrants;
use crate::request::Asked;
use crate::rule::{Action, Rule};
use crate::shape::{Holds, Key, Keys, Shape};
use crate::sources::Sight;

pub(crate) const REPOSITORY: Keys = Keys {
    name: "repository",
    known: &[
        Key::required("version", Shape::Number { least: 1, most: 1 }, "The version of the format"),
        Key::optional(
            "rules",
            Shape::List(&Shape::Table(&RULE)),
            "Rules that deny or ask, without a sandbox; they hold at once",
        ),
        Key::optional("request", Shape::Table(&REQUEST), "What counts as typed once the person trusts this very file"),
    ],
    later: &[],
    holds: Holds::Any,
};

const REQUEST: Keys = Keys {
    name: "request",
    known: &[
        Key::optional("profile", Shape::Text(&grammar::NAME), "The profile, as `--profile` names it"),
        Key::optional("egress", Shape::List(&Shape::Text(&grammar::EGRESS)), "Ways out, as `--allow-net` names them"),
        Key::optional("limits", Shape::Table(&LIMITS), "Resources, as `--limit` names them"),
    ],
    later: &[],
    holds: Holds::Any,
};

/// What a repository's file says.
pub(crate) struct LoadedRepository {
    pub(crate) layer: Layer,
    /// What it asks for, as if the person had typed it.
    pub(crate) request: Option<Asked>,
}

/// Reads the file.
pub(crate) fn repository(source: &SourceFile, sight: Sight) -> Result<LoadedRepository, LoadError> {
    let document = Document::parse(&source.file, &source.bytes)?;
    let table = document.root(&REPOSITORY)?;
    check_version(&table)?;
    let rules = match table.get("rules") {
        Some(item) => item.each(|item| tightening(item, sight))?,
        None => Vec::new(),
    };
    let mut names = BTreeSet::new();
    if let Some(twice) = rules.iter().find(|loaded| !names.insert(loaded.rule.name.as_str())) {
        let message = format!("the repo layer already has a rule `{}`", twice.rule.name);
        return Err(twice.at.error(source, message).hint("give this one another name"));
    }
    let alike = match sight {
        Sight::First => check(&rules, source)?,
        Sight::Again => Alike::among(&rules.iter().map(|loaded| &loaded.rule).collect::<Vec<_>>()),
    };
    let rules: Vec<Rule> = rules.into_iter().map(|loaded| loaded.rule).collect();
    let layer =
        Layer { name: LayerName::Repo, rules, alike, fallback: Fallback::Pass, fallback_ceiling: Ceiling::Unbounded };
    Ok(LoadedRepository { layer, request: table.get("request").map(|item| request(&item)).transpose()? })
}

/// A rule that permits nothing and bounds nothing: what permits is the person's or the machine's word.
fn tightening(item: &Item<'_>, sight: Sight) -> Result<LoadedRule, LoadError> {
    let table = item.table(&RULE)?;
    if let Some(sandbox) = table.get("sandbox") {
        let error = sandbox.key_error("a repository's rule says nothing about the sandbox");
        return Err(error.hint("what a command may have is written in your own policy; here a rule asks or denies"));
    }
    let mut loaded = rule(item, &Clients::default(), sight)?;
    if loaded.rule.action == Action::Allow {
        let error = table.require("action")?.error("a repository can only tighten: a rule here asks or denies");
        return Err(error.hint("write the rule into your own policy if it should allow"));
    }
    loaded.rule.ceiling = Ceiling::Unbounded;
    Ok(loaded)
}

fn request(item: &Item<'_>) -> Result<Asked, LoadError> {
    let table = item.table(&REQUEST)?;
    let egress = table.get("egress").map(|item| item.each(egress)).transpose()?.unwrap_or_default();
    Ok(Asked {
        profile: table.get("profile").map(|item| name(&item)).transpose()?,
        network: NetworkGrants { egress, ..NetworkGrants::default() },
        limits: table.get("limits").map(|item| limits(&item)).transpose()?.unwrap_or_default().demanded(),
        ..Asked::default()
    })
}
