//! What came of a started command.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// A command that ended, with everything that it said.
#[derive(Clone)]
pub struct Ended {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output (or everything that reached the terminal).
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// How long it took.
    pub elapsed: Duration,
    /// The report, when one was asked for and written.
    pub report: Option<Value>,
    pub(crate) line: String,
}

impl Ended {
    /// Standard output as text without surrounding white space.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }

    /// Standard error as text.
    #[must_use]
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The lines of standard error that `opaque-run` wrote, without their mark.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.errors().lines().filter_map(|line| line.strip_prefix("opaque-run: ")).map(str::to_owned).collect()
    }

    /// Demands an exit code.
    ///
    /// # Panics
    /// When it was another one, showing everything that the command said.
    #[track_caller]
    pub fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "wanted exit code {code}\n{self}");
        self
    }

    /// Demands that a note of `opaque-run` contains a text.
    ///
    /// # Panics
    /// When none does.
    #[track_caller]
    pub fn noting(&self, text: &str) -> &Self {
        assert!(self.errors().contains(text), "wanted a note with `{text}`\n{self}");
        assert!(!self.notes().is_empty(), "wanted a line that starts with `opaque-run: `\n{self}");
        self
    }

    /// The report.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    #[must_use]
    pub fn reported(&self) -> &Value {
        self.report.as_ref().unwrap_or_else(|| panic!("no report was written\n{self}"))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  command: {}", self.line)?;
        writeln!(f, "  ended:   code {:?}, signal {:?}, after {:?}", self.code, self.signal, self.elapsed)?;
        writeln!(f, "  stdout:  {}", excerpt(&self.stdout))?;
        write!(f, "  stderr:  {}", excerpt(&self.stderr))
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(3000)]).into_owned();
    if bytes.len() > 3000 { format!("{text}… ({} bytes)", bytes.len()) } else { text }
}
