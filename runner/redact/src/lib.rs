//! Masks secrets in a byte stream. Reads no file, no clock and no environment, and never prints a value.
//!
//! In reading order: [`Secret`] is a value under a name; [`Patterns`] are expressions and the formats of well-known
//! tokens; [`Rules`] make both ready; a [`Redactor`] carries one stream through them.
//!
//! # What is masked
//! Each secret as it is, and in base64 (three alignments, both alphabets, wrapped or not), hexadecimal, percent-encoded,
//! escaped as in JSON and as shells quote; each line of one with several lines; all that through line breaks and a
//! terminal's escape sequences. Every byte of every occurrence becomes part of a `***`; occurrences that overlap or touch
//! share one. Interruptions inside an occurrence leave behind its mask. Then patterns are replaced, in what is left.
//! Everything else leaves byte by byte as it came.
//!
//! # Bounds
//! Bytes leave at once unless they end in the beginning of a possible match. That is held back: at most the longest form
//! of the longest secret and 4 KiB of interruptions, at most 4 KiB for a pattern. A secret has 4 bytes to 64 KiB, and
//! fewer than 8 only by leave; all forms together take 16 MiB at most.
//!
//! # What it does not do
//! A program that wants its output to carry a secret past this can: reversed, compressed, encrypted, spelled out. A bound
//! on what a program can tell is not here, but in what it may reach and in whether its output is shown at all.

mod pattern;
mod redactor;
mod secret;

mod builtin;
mod forms;

mod sequences;

mod exact;
mod matching;

mod wiped;

mod automaton;
mod interruption;
mod joined;
mod suspect;

pub use pattern::{LONGEST_MATCH, LONGEST_PATTERN, MOST_PATTERNS, PatternError, Patterns};
pub use redactor::{Redactor, Rules, RulesError, Stream};
pub use secret::{LONGEST, SHORTEST, SHORTEST_ALLOWED, Secret, SecretError, Short};
pub use sequences::SequenceFilter;
