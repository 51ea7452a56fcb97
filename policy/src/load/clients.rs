//! Reads `[[clients]]`: the programs that ask, named once and referred to by rules of the same layer.

use std::collections::BTreeMap;

use crate::document::{Item, Table, list, nearest};
use crate::grammar;
use crate::load::LoadError;
use crate::load::matchers::path_glob;
use crate::load::profile::name;
use crate::matcher::client::{Client, ExePath};
use crate::principal::ClientKind;
use crate::shape::{Holds, Key, Keys, Shape};

pub(crate) const CLIENT: Keys = Keys {
    name: "client",
    known: &[
        Key::required("name", Shape::Text(&grammar::NAME), "What rules call it, once in a layer"),
        Key::optional("kind", Shape::Word(&KINDS), "What kind of principal it is"),
        Key::optional("uid", UID, "The uid that it runs as"),
        Key::optional("exe_path", Shape::Text(&grammar::PATH_GLOB), "The path of its executable"),
        Key::optional("exe_sha256", Shape::Text(&grammar::SHA256), "The digest of its executable"),
        Key::optional("codesign_team_id", Shape::Text(&grammar::TEAM), "Who signed it, on macOS"),
    ],
    later: &[],
    holds: Holds::Any,
};

// The last one is no user: it is how system calls say "unchanged".
pub(crate) const UID: Shape = Shape::Number { least: 0, most: u32::MAX as u64 - 1 };

pub(crate) const KINDS: [(&str, ClientKind); 3] =
    [("human", ClientKind::Human), ("agent", ClientKind::Agent), ("ci", ClientKind::Ci)];

/// The clients of one layer.
#[derive(Debug, Default)]
pub(crate) struct Clients(BTreeMap<String, Client>);

impl Clients {
    /// Adds the clients of one file.
    pub(crate) fn add(&mut self, table: &Table<'_>) -> Result<(), LoadError> {
        let Some(item) = table.get("clients") else { return Ok(()) };
        for item in item.list()? {
            let client = client(&item)?;
            let at = item.table(&CLIENT)?.require("name")?;
            if self.0.contains_key(&client.name) {
                let message = format!("this layer already has a client `{}`", client.name);
                return Err(at.error(message).hint("give this one another name"));
            }
            self.0.insert(client.name.clone(), client);
        }
        Ok(())
    }

    /// The client that a rule names.
    pub(crate) fn named(&self, item: &Item<'_>) -> Result<Client, LoadError> {
        let name = item.string()?;
        self.0.get(name).cloned().ok_or_else(|| {
            let error = item.error(format!("there is no client `{name}` in this layer"));
            match nearest(name, self.0.keys().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None if self.0.is_empty() => error.hint("describe it under `[[clients]]`"),
                None => {
                    let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
                    error.hint(format!("the clients here are {}", list(&known)))
                }
            }
        })
    }
}

fn client(item: &Item<'_>) -> Result<Client, LoadError> {
    let table = item.table(&CLIENT)?;
    let client = Client {
        name: name(&table.require("name")?)?,
        uid: table.get("uid").map(|item| uid(&item)).transpose()?,
        kind: table.get("kind").map(|item| item.word(&KINDS)).transpose()?,
        exe_path: table.get("exe_path").map(|item| path_glob(&item).map(ExePath::Path)).transpose()?,
        exe_sha256: table.get("exe_sha256").map(|item| sha256(&item)).transpose()?,
        codesign_team_id: table.get("codesign_team_id").map(|item| team(&item)).transpose()?,
    };
    if client.is_anybody() {
        let error = item.error(format!("the client `{}` would be anybody", client.name));
        return Err(error.hint("say `exe_path`, `exe_sha256`, `codesign_team_id`, `uid` or `kind`"));
    }
    Ok(client)
}

pub(crate) fn uid(item: &Item<'_>) -> Result<u32, LoadError> {
    u32::try_from(item.number()?).ok().filter(|uid| *uid != u32::MAX).ok_or_else(|| item.error("this is not a uid"))
}

pub(crate) fn sha256(item: &Item<'_>) -> Result<String, LoadError> {
    let text = item.string()?;
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(item.error("a SHA-256 digest has 64 hexadecimal digits").hint("`sha256sum FILE` prints it"));
    }
    Ok(text.to_ascii_lowercase())
}

pub(crate) fn team(item: &Item<'_>) -> Result<String, LoadError> {
    let text = item.string()?;
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        return Err(item.error("a team has 10 capital letters and digits").hint("`codesign -dv PROGRAM` prints it"));
    }
    Ok(text.to_owned())
}
