//! Ends a run: notes on standard error, the report, the exit code.
//!
//! Standard output belongs to the command; only `--plan`, `--explain`, `--help` and `--version` write to it.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use crate::flags::Flags;
use crate::launch::Ended;
use crate::line::{self, Came};
use crate::outcome::{Class, Refusal};
use crate::report::{Destination, Exit, Report, VERSION};

/// Most notes that are printed for one run; all are in the report.
const NOTES: usize = 5;

/// Walks the line and ends with the exit code that belongs to its outcome.
#[must_use]
pub fn run(flags: &Flags) -> ExitCode {
    let speaker = Speaker { is_quiet: flags.quiet };
    let destination = match flags.report.as_deref().map(Destination::open).transpose() {
        Ok(destination) => destination,
        Err(refusal) => return speaker.refuse(&refusal),
    };
    let (code, report) = match line::walk(flags, destination.as_ref()) {
        Ok(Came::Shown(text)) => return show(&text),
        Ok(Came::Ran(ended)) => speaker.end(*ended),
        Err(refusal) => (speaker.refuse(&refusal), refused(refusal)),
    };
    match destination.map(|destination| destination.write(&report)) {
        None | Some(Ok(())) => code,
        Some(Err(error)) => {
            speaker.error(&format!("cannot write the report: {error}"));
            ExitCode::from(125)
        }
    }
}

/// Prints text that was asked for.
#[must_use]
pub fn show(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(125),
    }
}

/// The command line was not understood.
#[must_use]
pub fn misused(message: &str) -> ExitCode {
    let speaker = Speaker { is_quiet: false };
    for line in message.lines().filter(|line| !line.trim().is_empty()) {
        speaker.say(line.strip_prefix("error: ").unwrap_or(line));
    }
    ExitCode::from(125)
}

/// Says one-line notes on standard error.
struct Speaker {
    is_quiet: bool,
}

impl Speaker {
    fn refuse(&self, refusal: &Refusal) -> ExitCode {
        self.error(&refusal.message);
        for hint in &refusal.hints {
            self.error(&format!("hint: {hint}"));
        }
        ExitCode::from(refusal.class.code().unwrap_or(125))
    }

    fn end(&self, ended: Ended) -> (ExitCode, Report) {
        let message = ended.ending.message();
        if let Some(message) = &message {
            self.error(message);
        }
        for warning in ended.warnings.iter().filter(|_| !self.is_quiet) {
            self.say(warning);
        }
        // Notes help a person at a terminal and whoever looks at a failure; a script that works needs none.
        let wants_notes = !self.is_quiet && (ended.ending.code() != 0 || std::io::stderr().is_terminal());
        if wants_notes {
            for note in ended.notes.iter().take(NOTES) {
                self.say(note);
            }
        }
        let code = ended.ending.code();
        (ExitCode::from(code), reported(ended, message))
    }

    /// Says why a run failed or was ended; `--quiet` does not hide that.
    fn error(&self, text: &str) {
        self.say(text);
    }

    fn say(&self, text: &str) {
        for line in text.lines() {
            let _ = writeln!(std::io::stderr(), "opaque-run: {line}");
        }
    }
}

fn reported(ended: Ended, message: Option<String>) -> Report {
    Report {
        version: VERSION,
        run: Some(ended.run),
        exit: Exit::ended(ended.ending.class(), ended.ending.code(), ended.end),
        message,
        hints: Vec::new(),
        tier: Some("namespaces"),
        profile: Some(ended.plan.authority.profile),
        rule: Some(ended.plan.authority.rule),
        plan_digest: Some(ended.digest),
        controls: ended.controls,
        limits: ended.limits,
        network: Some(ended.network),
        usage: Some(ended.usage),
        notes: [ended.warnings, ended.notes].concat(),
    }
}

fn refused(refusal: Refusal) -> Report {
    let class: Class = refusal.class;
    Report {
        version: VERSION,
        run: None,
        exit: Exit::refused(class),
        message: Some(refusal.message),
        hints: refusal.hints,
        tier: None,
        profile: None,
        rule: None,
        plan_digest: None,
        controls: Vec::new(),
        limits: Vec::new(),
        network: None,
        usage: None,
        notes: Vec::new(),
    }
}
