//! What the flags asked for, in the words that flags and ceilings use.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::egress::{self, EgressEntry};
use crate::limits::{Limit, LimitRequest};
use crate::network_grants::NetworkGrants;
use crate::path::AbsPath;
use crate::redacted::{Redacted, RedactedFacts};
use crate::request::{Asked, AskedSecret, AskedTier, AskedVariable};
use crate::request_file::fields::Mark;
use crate::secret::Delivery;
use crate::text::Text;
use crate::units::{show_duration, show_size};

/// What the flags asked for. What is left out was not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AskedFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) read: Vec<AbsPath>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) write: Vec<AbsPath>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) env: Vec<VariableFile>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) secrets: Vec<SecretFile>,
    #[serde(skip_serializing_if = "super::is_default")]
    pub(super) network: NetworkFile,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    limits: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "super::is_default")]
    tier: AskedTier,
}

/// `--env NAME` or `--env NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VariableFile {
    name: Text,
    /// Without it the caller's value is passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Text(Text),
    Hidden(Mark),
}

/// `--secret NAME=SOURCE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretFile {
    name: String,
    from: String,
    #[serde(default, skip_serializing_if = "super::is_default")]
    deliver: Delivery,
}

/// What flags ask of the network, as it is typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NetworkFile {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    egress: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loopback: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    publish: Vec<String>,
}

impl AskedFile {
    /// As flags say it, with every value of a variable hidden.
    pub(super) fn of(asked: &Asked) -> Self {
        let variable = |variable: &AskedVariable| VariableFile {
            name: variable.name.clone(),
            value: variable.value.as_ref().map(|_| Value::Hidden(Mark::SILENT)),
        };
        let NetworkGrants { egress, loopback, publish } = &asked.network;
        Self {
            profile: asked.profile.clone(),
            read: asked.read.clone(),
            write: asked.write.clone(),
            env: asked.env.iter().map(variable).collect(),
            secrets: asked.secrets.iter().map(SecretFile::of).collect(),
            network: NetworkFile { egress: words(egress), loopback: words(loopback), publish: words(publish) },
            limits: limit_words(&asked.limits),
            tier: asked.tier,
        }
    }

    /// Complains about the first thing that no flag can say.
    pub(super) fn check(&self) -> Result<(), String> {
        self.network().and(self.limits()).map(drop)?;
        self.secrets().map(drop)
    }

    /// The flags; which values were hidden is remembered.
    pub(super) fn into_asked(self, redacted: &mut RedactedFacts) -> Asked {
        // INVARIANT: a file is only made after `check`, so neither is ever the default here.
        let (network, limits) = (self.network().unwrap_or_default(), self.limits().unwrap_or_default());
        let secrets = self.secrets().unwrap_or_default();
        let variable = |VariableFile { name, value }: VariableFile| {
            let value = value.map(|value| match value {
                Value::Text(text) => text,
                Value::Hidden(_) => {
                    redacted.insert(Redacted::AskedValue(name.clone()));
                    Text::from("")
                }
            });
            AskedVariable { name, value }
        };
        let env = self.env.into_iter().map(variable).collect();
        let Self { profile, read, write, tier, .. } = self;
        Asked { profile, read, write, env, secrets, network, limits, tier }
    }

    fn network(&self) -> Result<NetworkGrants, String> {
        let NetworkFile { egress, loopback, publish } = &self.network;
        Ok(NetworkGrants {
            egress: each(egress, EgressEntry::parse)?,
            loopback: each(loopback, egress::parse_loopback)?,
            publish: each(publish, egress::parse_publish)?,
        })
    }

    fn secrets(&self) -> Result<Vec<AskedSecret>, String> {
        self.secrets.iter().map(SecretFile::read).collect()
    }

    fn limits(&self) -> Result<LimitRequest, String> {
        let mut limits = LimitRequest::default();
        for (name, text) in &self.limits {
            limits.set(name, text, true).map_err(|error| error.to_string())?;
        }
        Ok(limits)
    }
}

impl SecretFile {
    fn of(asked: &AskedSecret) -> Self {
        Self { name: asked.name.to_string(), from: asked.source.to_string(), deliver: asked.deliver }
    }

    fn read(&self) -> Result<AskedSecret, String> {
        AskedSecret::parse(&self.name, &self.from, self.deliver).map_err(|error| error.to_string())
    }
}

fn words<T: std::fmt::Display>(entries: &[T]) -> Vec<String> {
    entries.iter().map(T::to_string).collect()
}

fn each<T, E: std::fmt::Display>(words: &[String], parse: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, String> {
    words.iter().map(|word| parse(word).map_err(|error| error.to_string())).collect()
}

/// Each limit the way `--limit` reads it.
fn limit_words(limits: &LimitRequest) -> BTreeMap<String, String> {
    let LimitRequest { wall, cpu, memory, pids, files, tmp, inodes, output } = limits;
    let count = |limit: &Option<Limit<u64>>| limit.map(|limit| limit.max.to_string());
    let size = |limit: &Option<Limit<u64>>| limit.map(|limit| show_size(limit.max));
    [
        ("wall", wall.map(|limit| show_duration(limit.max))),
        ("cpu", cpu.map(|limit| format!("{}%", limit.max))),
        ("memory", size(memory)),
        ("pids", count(pids)),
        ("files", count(files)),
        ("tmp", size(tmp)),
        ("inodes", count(inodes)),
        ("output", size(output)),
    ]
    .into_iter()
    .filter_map(|(name, text)| Some((name.to_owned(), text?)))
    .collect()
}
