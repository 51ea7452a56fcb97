//! Patterns: expressions that a profile names and formats of well-known tokens, compiled. Never looks at output.
//!
//! An expression sees bytes, one line at a time: `^` and `$` are a line's ends, classes such as `\w` are ASCII, and the
//! longest match counts. `.*` in front is dropped, since it would only hold the line back. `.*` at the end is not waited
//! for: what it stands for, the rest of the line, is masked as soon as the rest of the expression has matched.

use regex_automata::hybrid::dfa::DFA;
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::prefilter::Prefilter;
use regex_automata::{MatchKind, util::syntax};
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind};
use thiserror::Error;

use crate::builtin::FORMATS;
use crate::exact::MASK;

/// The longest match, 4 KiB.
pub const LONGEST_MATCH: usize = 4096;
/// The longest expression and the longest replacement.
pub const LONGEST_PATTERN: usize = 1024;
/// The most patterns beside the built-in ones.
pub const MOST_PATTERNS: usize = 128;

/// What all expressions may take together as an automaton.
const LARGEST: usize = 4 << 20;
/// What is kept of the automaton's states; more are made anew when they are needed.
const CACHE: usize = 1 << 20;
/// An expression is looked for by how it begins if that is so long at least.
const SHORTEST_BEGINNING: usize = 3;

/// What to mask beside the secrets themselves.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    all: Vec<Pattern>,
    own: usize,
}

#[derive(Debug, Clone)]
struct Pattern {
    name: String,
    expression: Hir,
    to_line_end: bool,
    replacement: Vec<u8>,
}

/// Why a pattern is refused.
#[derive(Debug, Error)]
pub enum PatternError {
    /// It cannot be read.
    #[error("pattern `{name}` cannot be read: {message}")]
    Syntax {
        /// The pattern's name.
        name: String,
        /// What is wrong with it, and where.
        message: String,
    },
    /// It matches where nothing stands.
    #[error("pattern `{name}` matches empty text\nhint: say what the secret part looks like")]
    Empty {
        /// The pattern's name.
        name: String,
    },
    /// It can match nothing, or nothing within one line.
    #[error("pattern `{name}` can never match within one line of {LONGEST_MATCH} bytes")]
    Never {
        /// The pattern's name.
        name: String,
    },
    /// The expression or its replacement is longer than 1 KiB, or the replacement is more than one line.
    #[error("pattern `{name}` or its replacement is longer than {LONGEST_PATTERN} bytes or more than one line")]
    TooLong {
        /// The pattern's name.
        name: String,
    },
    /// More than 128 patterns.
    #[error("pattern `{name}` is one more than {MOST_PATTERNS}")]
    TooMany {
        /// The pattern's name.
        name: String,
    },
    /// The automaton of all patterns would be too large.
    #[error("the patterns are too large together\nhint: lower the counts in braces")]
    TooLarge(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Patterns {
    /// No patterns.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The formats of well-known tokens.
    ///
    /// # Errors
    /// None that a test does not rule out.
    pub fn well_known() -> Result<Self, PatternError> {
        let mut patterns = Self::none();
        for (name, expression) in FORMATS {
            patterns.all.push(Pattern::new(name, expression, MASK)?);
        }
        Ok(patterns)
    }

    /// Adds an expression, and what is printed for a match. The replacement is taken as it is.
    ///
    /// # Errors
    /// The expression cannot be read, matches empty text, can never match in a line, or is too much.
    pub fn add(&mut self, name: &str, expression: &str, replacement: &str) -> Result<(), PatternError> {
        if self.own >= MOST_PATTERNS {
            return Err(PatternError::TooMany { name: name.to_owned() });
        }
        self.all.push(Pattern::new(name, expression, replacement.as_bytes())?);
        self.own += 1;
        Ok(())
    }

    /// The names, in the order in which they were added.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|pattern| pattern.name.as_str())
    }
}

impl Pattern {
    fn new(name: &str, expression: &str, replacement: &[u8]) -> Result<Self, PatternError> {
        let name = name.to_owned();
        let is_long = expression.len() > LONGEST_PATTERN || replacement.len() > LONGEST_PATTERN;
        if is_long || replacement.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            return Err(PatternError::TooLong { name });
        }
        let syntax = syntax::Config::new().unicode(false).utf8(false).multi_line(true).crlf(true).nest_limit(64);
        let expression = match syntax::parse_with(expression, &syntax) {
            Ok(expression) => expression,
            Err(error) => return Err(PatternError::Syntax { name, message: error.to_string() }),
        };
        let (expression, to_line_end) = trimmed(expression);
        let properties = expression.properties();
        match properties.minimum_len() {
            None => Err(PatternError::Never { name }),
            Some(0) => Err(PatternError::Empty { name }),
            Some(length) if length > LONGEST_MATCH => Err(PatternError::Never { name }),
            Some(_) => Ok(Self { name, expression, to_line_end, replacement: replacement.to_vec() }),
        }
    }
}

/// Takes `.*` away from both ends, and says whether it stood at the second.
fn trimmed(expression: Hir) -> (Hir, bool) {
    let mut parts = if let HirKind::Concat(parts) = expression.kind() { parts.clone() } else { vec![expression] };
    while parts.first().is_some_and(is_anything) {
        parts.remove(0);
    }
    let mut to_line_end = false;
    while parts.last().is_some_and(is_anything) {
        parts.pop();
        to_line_end = true;
    }
    (Hir::concat(parts), to_line_end)
}

/// True for `.*`, in a group or not, greedy or not.
fn is_anything(part: &Hir) -> bool {
    match part.kind() {
        HirKind::Capture(capture) => is_anything(&capture.sub),
        HirKind::Repetition(repetition) => {
            repetition.min == 0 && repetition.max.is_none() && is_any_byte(&repetition.sub)
        }
        HirKind::Empty
        | HirKind::Literal(_)
        | HirKind::Class(_)
        | HirKind::Look(_)
        | HirKind::Concat(_)
        | HirKind::Alternation(_) => false,
    }
}

/// True for a class that leaves out line ends at most.
fn is_any_byte(part: &Hir) -> bool {
    let HirKind::Class(Class::Bytes(class)) = part.kind() else { return false };
    let contains = |byte: u8| class.ranges().iter().any(|range| range.start() <= byte && byte <= range.end());
    (0..=u8::MAX).filter(|byte| !matches!(byte, b'\n' | b'\r')).all(contains)
}

/// What all redactors over the same patterns share.
pub(crate) struct Compiled {
    /// All expressions, from wherever they are asked to begin.
    pub(crate) automaton: DFA,
    /// What expressions begin with that begin with something.
    pub(crate) beginnings: Vec<Vec<u8>>,
    pub(crate) search: Option<Prefilter>,
    /// The other expressions, from anywhere.
    pub(crate) others: Option<DFA>,
    pub(crate) replacements: Vec<Replacement>,
}

/// What becomes of a match.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    pub(crate) text: Vec<u8>,
    pub(crate) to_line_end: bool,
}

impl Compiled {
    /// Nothing for no patterns.
    pub(crate) fn new(patterns: &Patterns) -> Result<Option<Self>, PatternError> {
        if patterns.all.is_empty() {
            return Ok(None);
        }
        let (mut beginnings, mut others) = (Vec::new(), Vec::new());
        for pattern in &patterns.all {
            match beginnings_of(&pattern.expression) {
                Some(mut found) => beginnings.append(&mut found),
                None => others.push(&pattern.expression),
            }
        }
        beginnings.sort();
        beginnings.dedup();
        let all: Vec<&Hir> = patterns.all.iter().map(|pattern| &pattern.expression).collect();
        let replacement =
            |pattern: &Pattern| Replacement { text: pattern.replacement.clone(), to_line_end: pattern.to_line_end };
        let mut search = Prefilter::new(MatchKind::LeftmostFirst, &beginnings);
        if search.is_none() {
            // Too many beginnings for a quick search: every expression is looked for everywhere.
            beginnings.clear();
            others.clone_from(&all);
            search = None;
        }
        Ok(Some(Self {
            automaton: automaton(&all)?,
            beginnings,
            search,
            others: if others.is_empty() { None } else { Some(automaton(&others)?) },
            replacements: patterns.all.iter().map(replacement).collect(),
        }))
    }
}

fn automaton(expressions: &[&Hir]) -> Result<DFA, PatternError> {
    let limits = thompson::Config::new().utf8(false).nfa_size_limit(Some(LARGEST)).which_captures(WhichCaptures::None);
    let expressions: Vec<Hir> = expressions.iter().map(|&expression| expression.clone()).collect();
    let mut compiler = thompson::Compiler::new();
    let nfa = compiler.configure(limits).build_many_from_hir(&expressions);
    let nfa = nfa.map_err(|error| PatternError::TooLarge(Box::new(error)))?;
    let config = DFA::config().match_kind(MatchKind::All).cache_capacity(CACHE).skip_cache_capacity_check(true);
    DFA::builder().configure(config).build_from_nfa(nfa).map_err(|error| PatternError::TooLarge(Box::new(error)))
}

/// What every match begins with, if that is telling.
fn beginnings_of(expression: &Hir) -> Option<Vec<Vec<u8>>> {
    // Few beginnings are found faster than long ones.
    let mut extractor = Extractor::new();
    extractor.limit_class(8).limit_repeat(1).limit_literal_len(12).limit_total(16);
    let found = extractor.extract(expression);
    let literals = found.literals()?;
    let is_telling = |length| length >= SHORTEST_BEGINNING;
    let all_telling = !literals.is_empty() && literals.iter().all(|literal| is_telling(literal.len()));
    all_telling.then(|| literals.iter().map(|literal| literal.as_bytes().to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(expression: &str, replacement: &str) -> String {
        Patterns::none().add("mine", expression, replacement).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_pattern_that_would_mask_nothing_or_everything_is_refused() {
        for (expression, expected) in [
            ("a*", "pattern `mine` matches empty text"),
            (".*", "pattern `mine` matches empty text"),
            ("^.*$", "pattern `mine` matches empty text"),
            ("[^\\x00-\\xff]", "pattern `mine` can never match within one line of 4096 bytes"),
            ("a{5000}", "pattern `mine` can never match within one line of 4096 bytes"),
            ("(a", "pattern `mine` cannot be read: "),
        ] {
            assert!(said(expression, "").starts_with(expected), "{expression}: {}", said(expression, ""));
        }
        assert!(said(&"a".repeat(1025), "").contains("longer than 1024 bytes"));
        assert!(said("abc", "a\nb").contains("more than one line"));
        assert_eq!(said("pass(word)?: *[^ ]{4,}", "password: ***"), "");
    }

    #[test]
    fn patterns_that_are_too_large_or_too_many_are_refused() {
        let mut patterns = Patterns::none();
        patterns.add("large", "([a-z]{100}[0-9]{100}){20}", "").unwrap();
        for _ in 1..MOST_PATTERNS {
            patterns.add("large", "([a-z]{100}[0-9]{100}){20}", "").unwrap();
        }
        assert!(matches!(Compiled::new(&patterns), Err(PatternError::TooLarge(_))));
        assert!(matches!(patterns.add("more", "abc", ""), Err(PatternError::TooMany { .. })));
    }
}
