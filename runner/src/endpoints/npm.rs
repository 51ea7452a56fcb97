//! npm's registries: `.npmrc` of the person and of the machine, and `npm_config_*`. Tokens in them are never read out.

use std::collections::BTreeMap;

use opaque_policy::facts::Resolved;
use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;

use super::settings::{Setting, Settings, Unusable};
use super::url::{Leads, Url};
use super::{Ask, Outcome};

/// The machine's file; npm itself says what else its installation sets.
const MACHINE: &str = "/etc/npmrc";

/// What npm is configured to use.
pub(super) fn look(settings: &Settings<'_>, ask: Ask<'_>) -> Result<Outcome, Unusable> {
    let known = read(settings)?;
    let mut resolved = Resolved::default();
    let mut scopes = String::new();
    for (key, setting) in known.iter().filter(|(key, _)| is_scope(key)) {
        if let Some(url) = setting.open(&mut resolved)? {
            scopes.push_str(&format!("{key}={url}\n"));
        }
    }
    if !scopes.is_empty() {
        resolved.files.insert(settings.in_home(".npmrc"), scopes);
    }
    if let Some(file) = known.get("cafile").filter(|file| !file.value.is_empty()) {
        settings.certificates(&mut resolved, "npm_config_cafile", &file.value);
    }
    if let Some(file) = settings.variable("NODE_EXTRA_CA_CERTS") {
        settings.certificates(&mut resolved, "NODE_EXTRA_CA_CERTS", file);
    }
    let answered = match known.get("registry") {
        Some(setting) => Ok(setting.clone()),
        None => ask(&["npm", "config", "get", "registry"]).map(|answer| Setting {
            name: "registry".to_owned(),
            place: "npm's own default".to_owned(),
            value: answer.trim().to_owned(),
        }),
    };
    let lacks = match answered {
        Ok(setting) => {
            if let Some(url) = setting.open(&mut resolved)? {
                resolved.env.insert(Text::from("npm_config_registry"), Text::from(url.as_str()));
            }
            None
        }
        Err(why) => Some(format!("no `.npmrc` of yours names a registry, and {why}")),
    };
    Ok(Outcome { resolved, lacks })
}

/// The hosts that a workspace's own `.npmrc` names: asked for, not granted.
pub(super) fn asked(text: &str) -> Vec<Url> {
    let settings = parse(text, "the workspace's .npmrc", None);
    let named = settings.into_iter().filter(|(key, _)| key == "registry" || is_scope(key));
    named
        .filter_map(|(_, setting)| setting.url().ok())
        .filter_map(|leads| match leads {
            Leads::Url(url) => Some(url),
            Leads::File => None,
        })
        .collect()
}

/// Everything that is set, the strongest word last: machine, person, environment.
fn read(settings: &Settings<'_>) -> Result<BTreeMap<String, Setting>, Unusable> {
    let mut known = BTreeMap::new();
    let variables = variables(settings);
    let named = |key: &str, usual: AbsPath| {
        variables
            .iter()
            .find(|(name, _)| name == key)
            .and_then(|(_, set)| AbsPath::new(&set.value).ok())
            .unwrap_or(usual)
    };
    let machine = AbsPath::new(MACHINE).unwrap_or_else(|_| AbsPath::root());
    for path in [named("globalconfig", machine), named("userconfig", settings.in_home(".npmrc"))] {
        if let Some(text) = settings.file(&path)? {
            known.extend(parse(&text, &path.to_string(), Some(settings)));
        }
    }
    known.extend(variables.iter().cloned());
    Ok(known)
}

/// `npm_config_NAME`, in any case, with `_` for `-`.
fn variables(settings: &Settings<'_>) -> Vec<(String, Setting)> {
    let Some(environment) = settings.environment else { return Vec::new() };
    let pairs = environment.iter().filter_map(|(name, value)| Some((name.as_str()?, value.as_str()?)));
    pairs
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value)| {
            let key = name.to_ascii_lowercase().strip_prefix("npm_config_")?.replace('_', "-");
            let place = "the environment".to_owned();
            Some((key, Setting { name: name.to_owned(), place, value: value.to_owned() }))
        })
        .collect()
}

/// Lines `key = value`; sections and lists mean nothing to us. Credentials (`//host/:_authToken`, `_auth`) stay behind.
fn parse(text: &str, place: &str, settings: Option<&Settings<'_>>) -> Vec<(String, Setting)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';', '[']));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| (unquoted(key.trim()), unquoted(value.trim())))
        .filter(|(key, _)| *key == "registry" || *key == "cafile" || is_scope(key))
        .map(|(key, value)| {
            let value = settings.map_or_else(|| value.to_owned(), |settings| expanded(value, settings));
            (key.to_owned(), Setting { name: key.to_owned(), place: place.to_owned(), value })
        })
        .collect()
}

fn is_scope(key: &str) -> bool {
    let scope = key.strip_prefix('@').and_then(|key| key.strip_suffix(":registry"));
    scope.is_some_and(|scope| {
        !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    })
}

fn unquoted(text: &str) -> &str {
    let within = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

/// Replaces `${NAME}` by the variable, as npm does; one that is not set stays as it is, `${NAME?}` becomes nothing.
fn expanded(value: &str, settings: &Settings<'_>) -> String {
    let mut text = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            text.push_str("${");
            rest = after;
            continue;
        };
        let (plain, optional) = name.strip_suffix('?').map_or((name, false), |plain| (plain, true));
        match settings.variable(plain) {
            Some(value) => text.push_str(value),
            None if optional => {}
            None => text.push_str(&format!("${{{name}}}")),
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}
