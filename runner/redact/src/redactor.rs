//! The redactor of one stream: exact values first, then patterns. Has no clock; who owns the stream says when it is silent.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::automaton::Owned;
use crate::exact::{Masker, Values};
use crate::forms::{Form, Forms};
use crate::matching::Matcher;
use crate::pattern::{Compiled, PatternError, Patterns};
use crate::secret::Secret;
use crate::wiped::Wiped;

/// All forms of all secrets together, 16 MiB; the automaton over them takes about nine times as much at most.
const LARGEST: usize = 16 << 20;

/// What to mask, made ready once and shared by the redactors of all streams of a run.
#[derive(Clone)]
pub struct Rules {
    values: Arc<Values>,
    compiled: Option<Arc<Compiled>>,
    secrets: Arc<[String]>,
    patterns: Arc<[String]>,
}

/// Why there are no rules.
#[derive(Debug, Error)]
pub enum RulesError {
    /// A secret's forms do not fit into memory that a run may take.
    #[error("secret `{name}` is too large beside the others to be looked for in all its forms")]
    TooLarge {
        /// The secret with which it became too much.
        name: String,
    },
    /// The patterns cannot be compiled together.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// How long a stream has to be silent before [`Redactor::flush`] is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// A program reads it.
    Pipe,
    /// A person watches it, and may wait for the echo of a key.
    Terminal,
}

/// Masks one stream.
///
/// ```
/// use opaque_redact::{Patterns, Redactor, Rules, Secret, Short};
/// let secret = Secret::copied("TOKEN", b"correct horse", Short::Refused)?;
/// let mut redactor = Redactor::new(&Rules::new(&[secret], &Patterns::none())?);
/// let mut out = Vec::new();
/// redactor.push(b"a correct ho", &mut out);
/// assert_eq!(out, b"a ");
/// redactor.push(b"rse, is it\n", &mut out);
/// redactor.finish(&mut out);
/// assert_eq!(out, b"a ***, is it\n");
/// assert_eq!(redactor.counts().collect::<Vec<_>>(), [("TOKEN", 1)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Redactor {
    rules: Rules,
    masker: Masker,
    matcher: Option<Matcher>,
    /// What the exact half has let through, on its way to the patterns.
    between: Wiped,
}

impl Rules {
    /// Works out every form of every secret and compiles the patterns. Keeps nothing of the values in clear beyond what
    /// it looks for with, and overwrites that when the last redactor is gone.
    ///
    /// # Errors
    /// Secrets or patterns are too large together.
    pub fn new(secrets: &[Secret], patterns: &Patterns) -> Result<Self, RulesError> {
        Self::with(secrets, patterns, |form| form)
    }

    /// The same for text in lower case, whatever the case of the values, and without patterns.
    ///
    /// # Errors
    /// The secrets are too large together.
    pub fn in_lower_case(secrets: &[Secret]) -> Result<Self, RulesError> {
        Self::with(secrets, &Patterns::none(), |form| form.in_lower_case())
    }

    fn with(secrets: &[Secret], patterns: &Patterns, written: impl Fn(Form) -> Form) -> Result<Self, RulesError> {
        // First, so that nothing is taken on the stack where a value has just been.
        let compiled = Compiled::new(patterns)?.map(Arc::new);
        let mut owned = Owned::new();
        let mut size = 0;
        for (number, secret) in secrets.iter().enumerate() {
            for form in Forms::of(secret.value()).into_iter().map(&written) {
                size += form.len();
                if size > LARGEST {
                    return Err(RulesError::TooLarge { name: secret.name().to_owned() });
                }
                let owners = owned.entry(form).or_default();
                if !owners.contains(&number) {
                    owners.push(number);
                }
            }
        }
        Ok(Self {
            values: Arc::new(Values::new(owned)),
            compiled,
            secrets: secrets.iter().map(|secret| secret.name().to_owned()).collect(),
            patterns: patterns.names().map(str::to_owned).collect(),
        })
    }

    /// The memory in which the values stand in clear while these rules, a copy of them or a redactor lives: for a caller
    /// that keeps it out of swap.
    #[must_use]
    pub fn in_clear(&self) -> &[u8] {
        self.values.automaton.in_clear()
    }

    /// True when there are values to look for.
    #[must_use]
    pub fn have_secrets(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// True when there is nothing to look for: the stream needs no redactor.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.patterns.is_empty()
    }
}

impl Stream {
    /// How long silence lasts before a possible match may be let go in part.
    #[must_use]
    pub fn silence(self) -> Duration {
        match self {
            Self::Pipe => Duration::from_millis(20),
            Self::Terminal => Duration::from_millis(1),
        }
    }
}

impl Redactor {
    /// A redactor at the beginning of a stream.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self {
            masker: Masker::new(Arc::clone(&rules.values), rules.secrets.len()),
            matcher: rules.compiled.clone().map(Matcher::new),
            rules: rules.clone(),
            between: Wiped::default(),
        }
    }

    /// Reads what the stream brought, and adds to `out` what may leave: everything but the end of it that may still
    /// become a match. However a stream is cut, the same leaves in all.
    pub fn push(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.pass(data.len(), out, |masker, out| masker.push(data, out));
    }

    /// Called when the stream has been silent for [`Stream::silence`]: of a possible match at most the first three bytes
    /// leave, so that prompts show. The rest is still held, and masked from the fourth byte on if it is a match.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.pass(0, out, Masker::flush);
        if let Some(matcher) = &mut self.matcher {
            matcher.flush(out);
        }
    }

    /// True when [`Redactor::flush`] would let something go, so that a timer is of use.
    #[must_use]
    pub fn wants_flush(&self) -> bool {
        self.masker.wants_flush() || self.matcher.as_ref().is_some_and(Matcher::wants_flush)
    }

    /// Ends the stream: what was held back and became no match leaves. The redactor is then at the beginning of another.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.pass(0, out, Masker::finish);
        if let Some(matcher) = &mut self.matcher {
            matcher.finish(out);
        }
    }

    /// How often each secret and each pattern was masked so far, by name. Secrets come first, and one that was never
    /// masked counts none.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        let secrets = self.rules.secrets.iter().zip(self.masker.counts());
        let patterns = self.matcher.iter().flat_map(|matcher| self.rules.patterns.iter().zip(matcher.counts()));
        secrets.chain(patterns).map(|(name, &count)| (name.as_str(), count))
    }

    /// Lets the exact half work, and the patterns on what it let through.
    fn pass(&mut self, more: usize, out: &mut Vec<u8>, work: impl FnOnce(&mut Masker, &mut Vec<u8>)) {
        match &mut self.matcher {
            None => work(&mut self.masker, out),
            Some(matcher) => {
                let most = self.masker.most(more);
                work(&mut self.masker, self.between.room_for(most));
                matcher.push(&self.between, out);
                self.between.clear();
            }
        }
    }
}
