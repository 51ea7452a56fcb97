//! What a record says about a run: enough to know what happened and to decide it again, bounded, with the names of
//! variables only.

use opaque_policy::answer::Answered;
use opaque_policy::authorize::Consent;
use opaque_policy::decision::Decision;
use opaque_policy::plan::Plan;
use opaque_policy::request::Request;
use opaque_policy::request_file::recorded;
use opaque_policy::text::Text;
use serde::Serialize;
use serde_json::{Value, json};

use super::line::hash;

/// Longest argument that is kept whole.
const ARGUMENT: usize = 4096;
/// Longest record. With the line's other fields it stays below 64 KiB.
const RECORD: usize = 60 * 1024;

/// Longest request that is kept beside whatever else a record says.
const REQUEST: usize = 30 * 1024;

/// A request and what it was answered, as every record of it ends.
#[derive(Debug, Clone)]
pub struct Decided {
    // Fields of an object, without its braces: they are written once and stand in any record.
    fields: Vec<u8>,
}

impl Decided {
    /// The request as it may be recorded, and the answer that policies with this digest gave.
    #[must_use]
    pub fn new(request: &Request, decision: &Decision, policy_digest: &str) -> Self {
        let mut fields = b"\"answer\":".to_vec();
        // Text alone: this cannot fail.
        fields.extend(serde_json::to_vec(&Answered::new(decision, policy_digest)).unwrap_or_else(|_| b"null".to_vec()));
        fields.extend_from_slice(b",\"request\":");
        fields.extend(recorded(request, REQUEST));
        Self { fields }
    }

    /// A record with these fields behind its own.
    fn behind(&self, record: Vec<u8>) -> Vec<u8> {
        let mut record = match record.strip_suffix(b"}") {
            Some(b"{") => b"{".to_vec(),
            Some(before) => [before, b","].concat(),
            // What is no object has no fields of its own.
            None => [b"{\"record\":", record.as_slice(), b","].concat(),
        };
        record.extend_from_slice(&self.fields);
        record.push(b'}');
        record
    }

    #[cfg(test)]
    pub(super) fn fields(&self) -> &[u8] {
        &self.fields
    }

    fn room(&self) -> usize {
        RECORD.saturating_sub(self.fields.len())
    }
}

/// The intent to carry out a plan.
pub(super) fn intent(plan: &Plan, digest: &str, consent: Option<&Consent>, decided: &Decided) -> Vec<u8> {
    let argv: Vec<Value> = plan.argv.iter().map(argument).collect();
    let env: Vec<&Text> = plan.env.iter().map(|variable| &variable.name).collect();
    let record = json!({
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
    });
    // The request says who asked, whatever else has to give way to it.
    decided.behind(bounded_with(&record, json!({"plan": digest}), decided.room()))
}

/// A refusal of what was decided so.
pub(super) fn refusal<T: Serialize>(refusal: &T, decided: &Decided) -> Vec<u8> {
    decided.behind(bounded_with(refusal, json!({}), decided.room()))
}

/// Any other record.
pub(super) fn bounded<T: Serialize>(record: &T) -> Vec<u8> {
    bounded_with(record, json!({}), RECORD)
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
fn bounded_with<T: Serialize>(record: &T, kept: Value, room: usize) -> Vec<u8> {
    let bytes = serde_json::to_vec(record).unwrap_or_else(|_| b"null".to_vec());
    if bytes.len() <= room {
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
