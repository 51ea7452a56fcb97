//! Reads what a profile says about secrets and about what becomes of output.

use crate::document::{Item, Table};
use crate::egress::{EgressEntry, EndpointName};
use crate::environment::is_loader_variable;
use crate::grammar;
use crate::load::LoadError;
use crate::load::clients::sha256;
use crate::load::network::egress;
use crate::load::profile::{name, not_a_variable, optional_list, place};
use crate::output::{CiMasks, OutputPattern, Overflow, OwnOutput, Sequences, Show};
use crate::path::AbsPath;
use crate::secret::{
    Coupling, Delivery, LONGEST_PATIENCE, Masking, PATIENCE, SecretGrant, Source, is_reserved, variable_name,
};
use crate::shape::{Holds, Key, Keys, Shape};
use crate::text::Text;
use crate::units;

pub(crate) const SECRET: Keys = Keys {
    name: "secret",
    known: &[
        Key::required(
            "from",
            Shape::OneOrMany(&Shape::Text(&grammar::SOURCE)),
            "Where the value is kept; after `cmd:/path` in a list its arguments",
        ),
        Key::optional(
            "identity",
            Shape::Text(&grammar::PLACE),
            "What opens an `age:` file; `~/.config/age/keys.txt` without it",
        ),
        Key::optional(
            "timeout",
            Shape::Text(&grammar::DURATION),
            "How long a program that gives it out may take; 30 s without it",
        ),
        Key::optional(
            "deliver",
            Shape::Word(&DELIVERY),
            "How the command gets it; in the variable itself without this line",
        ),
        Key::optional("only_with", Shape::Table(&ONLY_WITH), "With what it may go; with anything without it"),
        Key::optional("redact", Shape::Boolean, "Whether it is masked in output, as it is without this line"),
        Key::optional("short", Shape::Boolean, "Whether a value of 4 to 7 bytes is taken and masked"),
    ],
    later: &["ttl"],
    holds: Holds::Any,
};

const ONLY_WITH: Keys = Keys {
    name: "only_with",
    known: &[
        Key::optional("program", Shape::Text(&grammar::PATH), "The program that is started, by its path"),
        Key::optional("sha256", Shape::Text(&grammar::SHA256), "Its content"),
        Key::optional(
            "egress",
            Shape::List(&Shape::Text(&grammar::EGRESS)),
            "The most that the run may reach; an empty list is no network",
        ),
    ],
    later: &[],
    holds: Holds::AtLeastOne,
};

pub(crate) const OUTPUT: Keys = Keys {
    name: "output",
    known: &[
        Key::optional("redact", Shape::Word(&SHOW), "What is shown of output; secrets are masked without this line"),
        Key::optional(
            "patterns",
            Shape::List(&Shape::Table(&PATTERN)),
            "Expressions that are replaced, with `redact = \"secrets+patterns\"`",
        ),
        Key::optional("sequences", Shape::Word(&SEQUENCES), "What becomes of a terminal's dangerous sequences"),
        Key::optional("on_overflow", Shape::Word(&OVERFLOW), "What happens at the limit of output"),
        Key::optional("ci", Shape::Word(&CI), "The CI service that is told what to mask, inside one of its jobs"),
    ],
    later: &[],
    holds: Holds::Any,
};

const PATTERN: Keys = Keys {
    name: "output_pattern",
    known: &[
        Key::optional(
            "name",
            Shape::Text(&grammar::NAME),
            "Under which name its matches are counted; `pattern` without it",
        ),
        Key::required("regex", Shape::Text(&grammar::TEXT), "A regular expression, within one line of at most 4 KiB"),
        Key::required("replace", Shape::Text(&grammar::VALUE), "What is printed instead, as it stands"),
    ],
    later: &[],
    holds: Holds::Any,
};

const DELIVERY: [(&str, Delivery); 3] = [("env", Delivery::Env), ("file", Delivery::File), ("fd", Delivery::Fd)];

const SHOW: [(&str, Show); 4] = [
    ("secrets", Show::MaskedSecrets),
    ("secrets+patterns", Show::MaskedSecretsAndPatterns),
    ("withhold", Show::Nothing),
    ("off", Show::All),
];

const SEQUENCES: [(&str, Sequences); 2] = [("pass", Sequences::Pass), ("filter", Sequences::Filter)];

const OVERFLOW: [(&str, Overflow); 2] = [("kill", Overflow::Kill), ("truncate", Overflow::Truncate)];

const CI: [(&str, CiMasks); 2] = [("none", CiMasks::None), ("github", CiMasks::Github)];

/// Reads the `[secrets]` table.
pub(crate) fn secrets(item: &Item<'_>) -> Result<Vec<SecretGrant>, LoadError> {
    item.open_table()?.entries().map(|entry| secret(&entry)).collect()
}

/// Reads how a command gets a secret, as a flag says it.
#[must_use]
pub fn delivery(word: &str) -> Option<Delivery> {
    DELIVERY.iter().find(|(name, _)| *name == word).map(|(_, delivery)| *delivery)
}

fn secret(item: &Item<'_>) -> Result<SecretGrant, LoadError> {
    let named = item.key();
    let name = variable_name(named)
        .ok_or_else(|| not_a_variable(item.key_error(format!("`{named}` is not the name of a variable"))))?;
    if is_loader_variable(&name) || is_reserved(&name) {
        return Err(item
            .key_error(format!("a secret cannot be called `{named}`: that variable means something to every program"))
            .hint("give it the name under which the command looks for it"));
    }
    let table = item.table(&SECRET)?;
    let mut source = source(&table.require("from")?)?;
    if let Some(item) = table.get("identity") {
        let Source::Age { identity, .. } = &mut source else {
            return Err(item.key_error("only an `age:` file has an identity"));
        };
        *identity = place(&item)?;
    }
    let flag = |key| table.get(key).map(|item| item.boolean()).transpose();
    let masking = match (flag("redact")?.unwrap_or(true), flag("short")?.unwrap_or(false)) {
        (true, false) => Masking::Masked,
        (true, true) => Masking::MaskedShort,
        (false, false) => Masking::Unmasked,
        (false, true) => return Err(table.error("a secret that is not masked can have any length: leave `short` out")),
    };
    Ok(SecretGrant {
        name,
        source,
        deliver: table.get("deliver").map_or(Ok(Delivery::Env), |item| item.word(&DELIVERY))?,
        only_with: table.get("only_with").map(|item| coupling(&item)).transpose()?,
        masking,
        timeout: table.get("timeout").map_or(Ok(PATIENCE), |item| timeout(&item))?,
    })
}

fn source(item: &Item<'_>) -> Result<Source, LoadError> {
    let parsed = |item: &Item<'_>| {
        Source::parse(item.string()?).map_err(|error| item.error(error.to_string()).hint(error.hint()))
    };
    if !item.is_list() {
        return parsed(item);
    }
    let words: Vec<Item<'_>> = item.non_empty_list()?.collect();
    let (first, rest) = words.split_first().ok_or_else(|| item.error("`from` names no source"))?;
    match (parsed(first)?, rest) {
        (Source::Command(mut argv), rest) => {
            for word in rest {
                argv.push(Text::new(word.string()?).ok_or_else(|| word.error("an argument contains a NUL byte"))?);
            }
            Ok(Source::Command(argv))
        }
        (source, []) => Ok(source),
        (_, [second, ..]) => Err(second.error("only `cmd:` has arguments").hint("a secret has one source")),
    }
}

fn timeout(item: &Item<'_>) -> Result<std::time::Duration, LoadError> {
    let time = units::duration(item.string()?).map_err(|error| item.error(error.to_string()).hint(error.hint()))?;
    if time > LONGEST_PATIENCE {
        return Err(item.error(format!("`timeout` is at most {}", units::show_duration(LONGEST_PATIENCE))));
    }
    Ok(time)
}

fn coupling(item: &Item<'_>) -> Result<Coupling, LoadError> {
    let table = item.table(&ONLY_WITH)?;
    if table.is_empty() {
        return Err(table.error("`only_with` says nothing").hint("name a `program`, its `sha256` or its `egress`"));
    }
    let program = |item: Item<'_>| {
        AbsPath::new(item.string()?)
            .map_err(|error| item.error(format!("`program` is no absolute path: {error}")).hint("write `/usr/bin/npm`"))
    };
    Ok(Coupling {
        program: table.get("program").map(program).transpose()?,
        sha256: table.get("sha256").map(|item| sha256(&item)).transpose()?,
        egress: table.get("egress").map(|item| item.each(coupled_egress)).transpose()?,
    })
}

/// A way out that a secret may be near. What the workspace names is not for the one who keeps the secret to trust.
fn coupled_egress(item: &Item<'_>) -> Result<EgressEntry, LoadError> {
    match egress(item)? {
        EgressEntry::Endpoint(EndpointName::GitRemote) => {
            Err(item.error("the workspace names that host").hint("write the host itself"))
        }
        EgressEntry::Except(_) => Err(item.error("`only_with` lists what may be reached").hint("leave exceptions out")),
        entry @ (EgressEntry::Opening(_) | EgressEntry::Endpoint(_)) => Ok(entry),
    }
}

/// Reads the `[output]` table.
pub(crate) fn output(item: &Item<'_>) -> Result<OwnOutput, LoadError> {
    let table = item.table(&OUTPUT)?;
    let own = OwnOutput {
        show: table.get("redact").map(|item| item.word(&SHOW)).transpose()?,
        patterns: optional_list(&table, "patterns", pattern)?,
        sequences: table.get("sequences").map(|item| item.word(&SEQUENCES)).transpose()?,
        on_overflow: table.get("on_overflow").map(|item| item.word(&OVERFLOW)).transpose()?,
        ci: table.get("ci").map(|item| item.word(&CI)).transpose()?,
    };
    if !own.patterns.is_empty() && own.show.is_some_and(|show| show != Show::MaskedSecretsAndPatterns) {
        return Err(unused(&table));
    }
    Ok(own)
}

fn unused(table: &Table<'_>) -> LoadError {
    table.error("these patterns are never used").hint("write `redact = \"secrets+patterns\"`, or remove `patterns`")
}

fn pattern(item: &Item<'_>) -> Result<OutputPattern, LoadError> {
    let table = item.table(&PATTERN)?;
    Ok(OutputPattern {
        name: table.get("name").map_or_else(|| Ok("pattern".to_owned()), |item| name(&item))?,
        regex: table.require("regex")?.string()?.to_owned(),
        replace: table.require("replace")?.string()?.to_owned(),
    })
}
