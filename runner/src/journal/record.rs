//! What a record says about a run: enough to know what happened, bounded, with the names of variables only.

use opaque_policy::authorize::Consent;
use opaque_policy::plan::Plan;
use opaque_policy::text::Text;
use serde::Serialize;
use serde_json::{Value, json};

use super::line::hash;

/// Longest argument that is kept whole.
const ARGUMENT: usize = 4096;
/// Longest record. With the line's other fields it stays below 64 KiB.
const RECORD: usize = 60 * 1024;

/// The intent to carry out a plan.
pub(super) fn intent(plan: &Plan, digest: &str, consent: Option<&Consent>) -> Vec<u8> {
    let argv: Vec<Value> = plan.argv.iter().map(argument).collect();
    let env: Vec<&Text> = plan.env.iter().map(|variable| &variable.name).collect();
    bounded_with(
        &json!({
            "plan": digest,
            "principal": plan.principal,
            "program": plan.program,
            "cwd": plan.cwd,
            "workspace": plan.workspace,
            "tier": plan.tier,
            "authority": plan.authority,
            "env": env,
            "argv": argv,
            "approved": consent,
        }),
        json!({"plan": digest, "principal": plan.principal}),
    )
}

/// Any other record.
pub(super) fn bounded<T: Serialize>(record: &T) -> Vec<u8> {
    bounded_with(record, json!({}))
}

fn argument(argument: &Text) -> Value {
    let bytes = argument.as_bytes();
    if bytes.len() <= ARGUMENT {
        return json!(argument);
    }
    json!({"length": bytes.len(), "sha256": hash(bytes), "begins": start(bytes)})
}

fn start(bytes: &[u8]) -> Value {
    json!(Text::new(bytes.get(..64).unwrap_or(bytes)))
}

/// The record itself, or its length and hash beside what must not be lost.
fn bounded_with<T: Serialize>(record: &T, kept: Value) -> Vec<u8> {
    let bytes = serde_json::to_vec(record).unwrap_or_else(|_| b"null".to_vec());
    if bytes.len() <= RECORD {
        return bytes;
    }
    let mut short = kept;
    if let Some(fields) = short.as_object_mut() {
        fields.insert("length".to_owned(), json!(bytes.len()));
        fields.insert("sha256".to_owned(), json!(hash(&bytes)));
        fields.insert("begins".to_owned(), json!(String::from_utf8_lossy(bytes.get(..1024).unwrap_or(&bytes))));
    }
    short.to_string().into_bytes()
}
