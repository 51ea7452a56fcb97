//! Cargo's registries: the person's `config.toml` and `CARGO_REGISTRIES_*`. Cargo cannot be asked for its default, and
//! `credentials.toml` is never opened.

use std::collections::BTreeMap;

use opaque_policy::facts::Resolved;
use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;
use toml::de::{DeTable, DeValue};

use super::Outcome;
use super::settings::{Setting, Settings, Unusable, below};

/// Sources that replace each other in a row.
const CHAIN: usize = 16;
/// Where cargo's own registry is replaced.
const DEFAULT_SOURCE: &str = "crates-io";

/// What is set, and where.
#[derive(Default)]
struct Known {
    place: String,
    /// `[source.NAME]`: its keys and texts.
    sources: BTreeMap<String, BTreeMap<String, String>>,
    /// `[registries.NAME] index`.
    registries: BTreeMap<String, Setting>,
    /// `[http] cainfo`.
    certificates: Option<String>,
}

/// What cargo is configured to use.
pub(super) fn look(settings: &Settings<'_>) -> Result<Outcome, Unusable> {
    let home = settings.variable_path("CARGO_HOME").unwrap_or_else(|| settings.in_home(".cargo"));
    let mut known = read(settings, &home)?;
    let named = settings.environment.into_iter().flatten();
    for (name, value) in named.filter_map(|(name, value)| Some((name.as_str()?, value.as_str()?))) {
        let registry = name.strip_prefix("CARGO_REGISTRIES_").and_then(|name| name.strip_suffix("_INDEX"));
        if let Some(registry) = registry.filter(|registry| is_name(registry) && !value.is_empty()) {
            // Cargo upper-cases the name and writes `_` for `-`: the file's own spelling stays where there is one.
            let spelt = |known: &&String| known.to_ascii_uppercase().replace('-', "_") == registry;
            let own = known.registries.keys().find(spelt).cloned();
            let setting = Setting { name: name.into(), place: "the environment".into(), value: value.into() };
            known.registries.insert(own.unwrap_or_else(|| registry.to_ascii_lowercase()), setting);
        }
    }
    let mut resolved = Resolved::default();
    let mut text = String::new();
    let replaces = chain(&known, &mut resolved, &mut text)?;
    for (name, setting) in &known.registries {
        if let Some(url) = setting.open(&mut resolved)? {
            text.push_str(&format!("[registries.{name}]\nindex = \"{url}\"\n"));
        }
    }
    if !text.is_empty() {
        resolved.files.insert(below(&home_inside(settings, &home), "config.toml"), text);
    }
    let certificates = settings.variable("CARGO_HTTP_CAINFO").map(str::to_owned).or(known.certificates);
    if let Some(file) = certificates {
        settings.certificates(&mut resolved, "CARGO_HTTP_CAINFO", &file);
    }
    let why = "no configuration of yours replaces cargo's own registry, and cargo cannot be asked for it";
    Ok(Outcome { resolved, lacks: (!replaces).then(|| why.to_owned()) })
}

/// `CARGO_HOME` inside: a profile or a flag may set it.
fn home_inside(settings: &Settings<'_>, home: &AbsPath) -> AbsPath {
    let set = settings.grants.env_set.get(&Text::from("CARGO_HOME"));
    set.and_then(|path| AbsPath::new(path.as_bytes()).ok()).unwrap_or_else(|| home.clone())
}

/// Follows `replace-with` from cargo's own registry; true when something replaces it.
fn chain(known: &Known, resolved: &mut Resolved, text: &mut String) -> Result<bool, Unusable> {
    let unusable = |why: String| Unusable::at(&known.place, &why);
    let mut name = DEFAULT_SOURCE;
    for _ in 0..CHAIN {
        let source = known.sources.get(name);
        if let Some(next) = source.and_then(|source| source.get("replace-with")) {
            if !is_name(next) {
                return Err(unusable(format!("`[source.{name}]` is replaced by something without a usable name")));
            }
            text.push_str(&format!("[source.{name}]\nreplace-with = \"{next}\"\n"));
            name = next;
            continue;
        }
        if name == DEFAULT_SOURCE {
            return Ok(false);
        }
        let Some(source) = source else {
            // A registry of that name does as well; it is written with the others.
            let is_registry = known.registries.contains_key(name);
            return if is_registry { Ok(true) } else { Err(unusable(format!("there is no `[source.{name}]`"))) };
        };
        if let Some(index) = source.get("registry") {
            let place = known.place.clone();
            let setting = Setting { name: format!("source.{name}.registry"), place, value: index.clone() };
            if let Some(url) = setting.open(resolved)? {
                text.push_str(&format!("[source.{name}]\nregistry = \"{url}\"\n"));
            }
        } else {
            for key in ["local-registry", "directory"] {
                if let Some(path) = source.get(key).and_then(|path| AbsPath::new(path).ok()) {
                    let quoted = path.to_string().replace('\\', "\\\\").replace('"', "\\\"");
                    text.push_str(&format!("[source.{name}]\n{key} = \"{quoted}\"\n"));
                    resolved.notes.push(format!("cargo's source is `{path}`: show it with `--read {path}`"));
                }
            }
        }
        return Ok(true);
    }
    Err(unusable("sources replace each other in a circle".to_owned()))
}

/// `config`, the older name, counts before `config.toml`, as for cargo.
fn read(settings: &Settings<'_>, home: &AbsPath) -> Result<Known, Unusable> {
    for name in ["config", "config.toml"] {
        let path = below(home, name);
        if let Some(text) = settings.file(&path)? {
            return parse(&text, &path.to_string());
        }
    }
    Ok(Known::default())
}

fn parse(text: &str, place: &str) -> Result<Known, Unusable> {
    // The parser's own message would repeat the text.
    let root = DeTable::parse(text).map_err(|_| Unusable::at(place, "it is not TOML"))?;
    let root = root.get_ref();
    let mut known = Known { place: place.to_owned(), ..Known::default() };
    for (name, table) in tables(root, "source") {
        let texts =
            table.iter().filter_map(|(key, value)| Some((key.get_ref().to_string(), value.get_ref().as_str()?)));
        known.sources.insert(name, texts.map(|(key, value)| (key, value.to_owned())).collect());
    }
    for (name, table) in tables(root, "registries") {
        if let Some(index) = text_of(table, "index") {
            let setting = Setting { name: format!("registries.{name}.index"), place: place.to_owned(), value: index };
            known.registries.insert(name, setting);
        }
    }
    let http = root.get("http").and_then(|http| http.get_ref().as_table());
    known.certificates = http.and_then(|http| text_of(http, "cainfo"));
    Ok(known)
}

fn tables<'t>(root: &'t DeTable<'t>, name: &str) -> Vec<(String, &'t DeTable<'t>)> {
    let table = root.get(name).and_then(|table| table.get_ref().as_table());
    let entries = table.into_iter().flat_map(|table| table.iter());
    entries
        .filter_map(|(key, value)| Some((key.get_ref().to_string(), value.get_ref().as_table()?)))
        .filter(|(name, _)| is_name(name))
        .collect()
}

fn text_of(table: &DeTable<'_>, key: &str) -> Option<String> {
    table.get(key).map(|value| value.get_ref()).and_then(DeValue::as_str).map(str::to_owned)
}

/// A bare key of TOML.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
