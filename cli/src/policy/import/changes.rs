//! What an import says beside the policy that it prints: what changed its meaning, what is not carried over, and what
//! to look at. Never decides any of it.

use std::collections::BTreeSet;
use std::fmt;

use opaque_policy::text::Text;

/// What kind of thing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Changed,
    Left,
    Look,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Changed, Self::Left, Self::Look];

    fn title(self) -> &'static str {
        match self {
            Self::Changed => "what changed its meaning",
            Self::Left => "what is not carried over",
            Self::Look => "what to look at",
        }
    }
}

/// Everything that is said of one import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes(Vec<Change>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    kind: Kind,
    lines: BTreeSet<usize>,
    text: String,
}

impl Changes {
    /// Something means another thing in the printed policy than in the source. Line 0 is all of it.
    pub(super) fn changed(&mut self, line: usize, text: impl Into<String>) {
        self.add(Kind::Changed, line, text.into());
    }

    /// Something of the source has no counterpart in the printed policy.
    pub(super) fn left(&mut self, line: usize, text: impl Into<String>) {
        self.add(Kind::Left, line, text.into());
    }

    /// Something means the same, and deserves a look.
    pub(super) fn look(&mut self, line: usize, text: impl Into<String>) {
        self.add(Kind::Look, line, text.into());
    }

    /// True when something is not carried over.
    pub(super) fn leaves_something(&self) -> bool {
        self.0.iter().any(|change| change.kind == Kind::Left)
    }

    /// What holds for several lines is said once.
    fn add(&mut self, kind: Kind, line: usize, text: String) {
        match self.0.iter_mut().find(|change| change.kind == kind && change.text == text) {
            Some(change) => {
                change.lines.insert(line);
            }
            None => self.0.push(Change { kind, lines: BTreeSet::from([line]), text }),
        }
    }
}

/// One thing a line, below its title, in the order of the source.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("everything is carried over and means the same\n");
        }
        for kind in Kind::ALL {
            let mut said: Vec<&Change> = self.0.iter().filter(|change| change.kind == kind).collect();
            said.sort_by_key(|change| change.lines.first().copied());
            if !said.is_empty() {
                writeln!(f, "{}:", kind.title())?;
            }
            for Change { lines, text, .. } in said {
                let lines: Vec<String> = lines.iter().filter(|line| **line > 0).map(usize::to_string).collect();
                let place = match lines.as_slice() {
                    [] => String::new(),
                    [line] => format!("line {line}: "),
                    lines => format!("lines {}: ", lines.join(", ")),
                };
                writeln!(f, "  {place}{}", Text::from(text.as_str()))?;
            }
        }
        Ok(())
    }
}
