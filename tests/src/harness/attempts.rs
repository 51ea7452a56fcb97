//! Rows of attempts on the network, made inside and outside: what came of each, how fast, and what is on record.
//!
//! The rows are the probe's (`attempts`). A denial counts only when it came to the named error, at once, is in the
//! report, and nothing was seen to leave; its twin is the same row outside.

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::ended::Ended;
use super::lab::Lab;
use super::lab_log::Flow;
use super::launch::Launch;
use super::sandbox::Sandbox;
use crate::internet::{DNS, WEB};

/// From the start of an act to its refusal.
const AT_ONCE: Duration = Duration::from_millis(50);
/// A machine that does something else meanwhile is asked again.
const ROUNDS: usize = 4;

/// What came of one row.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The row.
    pub row: String,
    /// `done …` or `refused ERROR`.
    pub outcome: String,
    /// From the row's start.
    pub elapsed: Duration,
}

/// A row that must be refused.
#[derive(Debug, Clone)]
pub struct Denial {
    /// What is attempted.
    pub row: String,
    /// The error that it must come to.
    pub error: &'static str,
    /// What must be in the report: `WHERE TRANSPORT: REASON`; nothing where the kernel refuses without asking anyone.
    pub record: Option<String>,
    has_twin: bool,
}

impl Denial {
    /// A row that is refused with this error, and with this on record.
    pub fn new(row: impl Into<String>, error: &'static str, record: impl Into<String>) -> Self {
        Self { row: row.into(), error, record: Some(record.into()), has_twin: true }
    }

    /// A row that the kernel refuses by itself.
    pub fn unrecorded(row: impl Into<String>, error: &'static str) -> Self {
        Self { row: row.into(), error, record: None, has_twin: true }
    }

    /// The same where nobody outside could do it either; the reason is for the reader.
    #[must_use]
    pub fn without_twin(self, _because: &'static str) -> Self {
        Self { has_twin: false, ..self }
    }
}

/// A run whose rows have been read.
pub struct Attempted {
    /// Each row, in order.
    pub rows: Vec<Attempt>,
    /// The run.
    pub ended: Ended,
}

impl Attempted {
    /// Reads what the probe said about these rows.
    ///
    /// # Panics
    /// When it did not speak of each.
    #[track_caller]
    #[must_use]
    pub fn read<S: AsRef<str>>(ended: Ended, rows: &[S]) -> Self {
        let text = ended.text();
        let said: Vec<&str> = text.lines().filter(|line| line.contains('|')).collect();
        assert_eq!(said.len(), rows.len(), "the probe should speak of each row\n{ended}");
        let read = |(row, said): (&S, &&str)| {
            let (outcome, micros) = said.rsplit_once('|').expect("the line was chosen for its bar");
            let elapsed = Duration::from_micros(micros.parse().expect("the probe counts microseconds"));
            Attempt { row: row.as_ref().to_owned(), outcome: outcome.to_owned(), elapsed }
        };
        Self { rows: rows.iter().zip(&said).map(read).collect(), ended }
    }

    /// Everything that the report says was blocked, as `WHERE TRANSPORT: REASON`.
    #[must_use]
    pub fn blocked(&self) -> Vec<String> {
        blocked(self.ended.reported())
    }

    /// Demands that every row was done; answers with the details.
    ///
    /// # Panics
    /// When one was not.
    #[track_caller]
    pub fn all_done(&self) -> Vec<String> {
        let detail = |attempt: &Attempt| {
            let detail = attempt.outcome.strip_prefix("done");
            detail.unwrap_or_else(|| panic!("should succeed: {attempt:?}\n{}", self.ended)).trim().to_owned()
        };
        self.rows.iter().map(detail).collect()
    }
}

/// What a report says was blocked, as `WHERE TRANSPORT: REASON`.
#[must_use]
pub fn blocked(report: &Value) -> Vec<String> {
    let entries = report["network"]["blocked"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |entry: &Value| {
        let host = if entry["name"].is_string() { text(&entry["name"]) } else { text(&entry["address"]) };
        let port = entry["port"].as_u64().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{host}{port} {}: {}", text(&entry["transport"]), text(&entry["reason"]))
    };
    entries.iter().map(line).collect()
}

impl Lab {
    /// `opaque-run` with these options and a report, attempting rows.
    pub fn launch_attempts<S: AsRef<str>>(&self, sandbox: &Sandbox, options: &[&str], rows: &[S]) -> Launch {
        let tools = sandbox.base().join("tools").display().to_string();
        let probe = format!("{tools}/opaque-probe");
        let mut words = vec!["--read", &tools];
        words.extend_from_slice(options);
        words.extend_from_slice(&["--", &probe, "attempts"]);
        words.extend(rows.iter().map(AsRef::as_ref));
        self.launch_reporting(sandbox, words)
    }

    /// Attempts rows inside.
    #[track_caller]
    pub fn attempt<S: AsRef<str>>(&self, sandbox: &Sandbox, options: &[&str], rows: &[S]) -> Attempted {
        Attempted::read(self.launch_attempts(sandbox, options, rows).finish(), rows)
    }

    /// Attempts rows outside.
    #[track_caller]
    pub fn attempt_outside<S: AsRef<str>>(&self, sandbox: &Sandbox, rows: &[S]) -> Attempted {
        let mut words = vec!["attempts"];
        words.extend(rows.iter().map(AsRef::as_ref));
        Attempted::read(self.around(sandbox.launch_probe_outside(&words)).finish(), rows)
    }

    /// Demands that each row is refused inside, at once, on record, and without a packet or a question leaving; then
    /// that each succeeds outside.
    ///
    /// # Panics
    /// When one is not.
    #[track_caller]
    pub fn denies(&self, sandbox: &Sandbox, options: &[&str], denials: &[Denial]) {
        let before = self.seen();
        self.refuses(sandbox, options, denials);
        assert_eq!(self.after_a_twin(sandbox), before, "something left");
        self.twins(sandbox, denials);
    }

    /// The same for names that are open: asking about them is allowed, and leads to nothing else.
    ///
    /// # Panics
    /// When a row is not refused.
    #[track_caller]
    pub fn denies_after_asking(&self, sandbox: &Sandbox, options: &[&str], denials: &[Denial]) {
        self.refuses(sandbox, options, denials);
        let others: Vec<Flow> = self.after_a_twin(sandbox).0.into_iter().filter(|flow| !asks(flow)).collect();
        assert_eq!(others, [], "something left");
        assert_eq!((self.connections(), self.datagrams()), (vec![], vec![]), "something was reached");
        self.twins(sandbox, denials);
    }

    /// Demands that each row is refused inside, at once, and on record.
    #[track_caller]
    fn refuses(&self, sandbox: &Sandbox, options: &[&str], denials: &[Denial]) {
        let rows: Vec<&str> = denials.iter().map(|denial| &*denial.row).collect();
        let mut fastest: Vec<Duration> = vec![Duration::MAX; rows.len()];
        for _ in 0..ROUNDS {
            let attempted = self.attempt(sandbox, options, &rows);
            let blocked = attempted.blocked();
            for (attempt, denial) in attempted.rows.iter().zip(denials) {
                let wanted = format!("refused {}", denial.error);
                assert_eq!(attempt.outcome, wanted, "{attempt:?}\n{blocked:#?}\n{}", attempted.ended);
                let is_recorded = denial.record.as_ref().is_none_or(|record| blocked.contains(record));
                assert!(is_recorded, "{denial:?} is not on record: {blocked:#?}");
            }
            for (fastest, attempt) in fastest.iter_mut().zip(&attempted.rows) {
                *fastest = attempt.elapsed.min(*fastest);
            }
            if fastest.iter().all(|elapsed| *elapsed < AT_ONCE) {
                return;
            }
        }
        let slow: Vec<_> = rows.iter().zip(fastest).filter(|(_, elapsed)| *elapsed >= AT_ONCE).collect();
        panic!("refused, but not at once: {slow:?}");
    }

    #[track_caller]
    fn twins(&self, sandbox: &Sandbox, denials: &[Denial]) {
        let rows: Vec<&str> = denials.iter().filter(|denial| denial.has_twin).map(|denial| &*denial.row).collect();
        let kept: Vec<&str> = rows.into_iter().filter(|row| self.has_ipv6() || !row.contains("::")).collect();
        self.attempt_outside(sandbox, &kept).all_done();
    }

    /// Everything that was seen to leave, once a packet that was sent just now was seen as well; without that one.
    ///
    /// # Panics
    /// When it is not seen.
    pub fn after_a_twin(&self, sandbox: &Sandbox) -> (Vec<Flow>, usize) {
        // A port of its own each time, where nobody listens: a flow is on record once.
        static NEXT: AtomicU16 = AtomicU16::new(TWINS);
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        let _ = self.around(sandbox.launch_probe_outside(&["tcp-connect", &format!("{WEB}:{port}")])).finish();
        self.wait_for_packet("tcp", WEB, port);
        self.seen()
    }

    fn seen(&self) -> (Vec<Flow>, usize) {
        let flows = self.packets().into_iter().filter(|flow| flow.port < TWINS || flow.protocol != "tcp").collect();
        (flows, self.queries().len())
    }
}

/// The first port of the packets that show that the record is up to date.
const TWINS: u16 = 60_000;

/// True for a question to the host's own resolver.
fn asks(flow: &Flow) -> bool {
    flow.port == 53 && flow.to.to_string() == DNS
}
