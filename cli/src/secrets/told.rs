//! What is said of secrets, for a person and as JSON.

use std::fmt::Write as _;

use opaque_policy::secret::{Delivery, Source};
use opaque_policy::text::Text;
use opaque_runner::invocation::describe;
use serde::Serialize;

use crate::Wrong;
use crate::secrets::{Checked, Declared};

/// The version of both formats.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Listing<'a> {
    version: u32,
    secrets: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a Text,
    source: &'a Source,
    deliver: Delivery,
    profile: &'a str,
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    ok: bool,
    secrets: Vec<Reported<'a>>,
}

#[derive(Serialize)]
struct Reported<'a> {
    name: &'a Text,
    source: &'a Source,
    profile: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    hints: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

/// One line each: name, source, delivery and profile.
pub(super) fn list(declared: &[Declared<'_>]) -> String {
    if declared.is_empty() {
        return "no profile declares a secret\n".to_owned();
    }
    let rows = declared.iter().map(|secret| {
        [
            secret.grant.name.to_string(),
            secret.grant.source.to_string(),
            word(secret.grant.deliver).to_owned(),
            secret.profile.to_owned(),
        ]
    });
    let head = ["NAME", "SOURCE", "DELIVERY", "PROFILE"].map(str::to_owned);
    table(&[head].into_iter().chain(rows).collect::<Vec<_>>())
}

pub(super) fn list_as_json(declared: &[Declared<'_>]) -> Result<String, Wrong> {
    let secrets = declared.iter().map(|secret| Listed {
        name: &secret.grant.name,
        source: &secret.grant.source,
        deliver: secret.grant.deliver,
        profile: secret.profile,
    });
    json(&Listing { version: VERSION, secrets: secrets.collect() })
}

/// One line each, and below it what is wrong or worth a look.
pub(super) fn check(checked: &[Checked<'_>]) -> String {
    if checked.is_empty() {
        return "no profile declares a secret\n".to_owned();
    }
    let mut text = String::new();
    for Checked { declared: Declared { profile, grant }, came } in checked {
        let (name, source) = (&grant.name, &grant.source);
        match came {
            Ok(notes) => {
                let _ = writeln!(text, "{name}  ok  ({source}, profile `{profile}`)");
                for note in notes {
                    let _ = writeln!(text, "  note: {note}");
                }
            }
            Err(failure) => {
                let _ = writeln!(
                    text,
                    "{name}  failed  ({source}, profile `{profile}`)\n  {}",
                    describe(failure.why.as_ref())
                );
                for hint in &failure.hints {
                    let _ = writeln!(text, "  hint: {hint}");
                }
            }
        }
    }
    text
}

pub(super) fn check_as_json(checked: &[Checked<'_>]) -> Result<String, Wrong> {
    let secrets = checked.iter().map(|Checked { declared: Declared { profile, grant }, came }| Reported {
        name: &grant.name,
        source: &grant.source,
        profile,
        ok: came.is_ok(),
        reason: came.as_ref().err().map(|failure| describe(failure.why.as_ref())),
        hints: came.as_ref().err().map_or(&[], |failure| &failure.hints),
        notes: came.as_ref().map_or(&[], |notes| notes),
    });
    json(&Report { version: VERSION, ok: checked.iter().all(|secret| secret.came.is_ok()), secrets: secrets.collect() })
}

fn json(value: &impl Serialize) -> Result<String, Wrong> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

fn word(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Env => "env",
        Delivery::File => "file",
        Delivery::Fd => "fd",
    }
}

/// Columns of equal width, the last one as it is.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let padding = if column + 1 == N { 0 } else { width(column) };
            format!("{cell:<padding$}")
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  "));
    }
    text
}
