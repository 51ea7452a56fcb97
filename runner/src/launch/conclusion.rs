//! What the journal keeps of the end of a run, or of why there was none.

use opaque_egress::log::Record;
use serde::Serialize;

use super::judged::Judged;
use crate::invocation::describe;
use crate::journal::{Decided, Journal, Receipt};
use crate::outcome::{Class, Refusal};
use crate::report::Usage;

/// Flows and refusals of the network that the journal keeps of one run, each; the report has more.
const RECORDED: usize = 64;

/// Which record the end of a run makes.
pub(super) enum Recording<'d> {
    /// The intent is on record.
    Conclusion(Receipt),
    /// It never was.
    Refusal(&'d Decided),
}

/// Records a refusal; one that cannot be recorded is still one.
pub(super) fn refused(journal: &Journal, recording: Recording<'_>, refusal: Refusal) -> Refusal {
    let recorded = record(journal, recording, &Conclusion::refused(&refusal));
    recorded.into_iter().fold(refusal, Refusal::hint)
}

/// Writes the conclusion, whatever came; what cannot be written is said.
pub(super) fn record(journal: &Journal, recording: Recording<'_>, conclusion: &Conclusion) -> Vec<String> {
    let written = match recording {
        Recording::Conclusion(receipt) => journal.conclude(receipt, conclusion),
        Recording::Refusal(decided) => journal.refuse(conclusion, decided).map(drop),
    };
    match written {
        Ok(()) => Vec::new(),
        Err(error) => vec![format!("the end of this run is not recorded: {}", describe(&error))],
    }
}

/// What the journal says about the end of a run.
#[derive(Debug, Serialize)]
pub(super) struct Conclusion<'a> {
    class: Class,
    code: u8,
    message: Option<String>,
    usage: Option<&'a Usage>,
    network: Option<Record>,
    warnings: &'a [String],
}

impl<'a> Conclusion<'a> {
    pub(super) fn of(judged: &'a Judged, network: &Record) -> Self {
        Self {
            class: judged.ending.class(),
            code: judged.ending.code(),
            message: judged.ending.message(),
            usage: Some(&judged.usage),
            network: Some(network.shortened(RECORDED)),
            warnings: &judged.warnings,
        }
    }

    pub(super) fn refused(refusal: &Refusal) -> Self {
        Self {
            class: refusal.class,
            code: refusal.class.code().unwrap_or(125),
            message: Some(refusal.message.clone()),
            usage: None,
            network: None,
            warnings: &[],
        }
    }
}
