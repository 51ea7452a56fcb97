//! Masks every form of every value. Knows nothing of patterns.
//!
//! Most of a stream is skipped (`suspect`); what may hold a secret goes through the automaton byte by byte and is held
//! back from the first byte on that may still begin a form. It is read twice: as it is, and without line breaks and escape
//! sequences, as long as that differs. Found forms are marked, and marks that touch or overlap become one mask: so it does
//! not matter which form is found first, nor where the stream is cut.

use std::sync::Arc;

use crate::automaton::{Automaton, Owned, ROOT, State};
use crate::interruption::{self, Reader, Reading};
use crate::joined::Joined;
use crate::suspect::{Beginnings, Suspects};
use crate::wiped::Wiped;

/// What stands for a secret.
pub(crate) const MASK: &[u8] = b"***";
/// How much of a possible match a stream lets go that has fallen silent.
pub(crate) const LET_GO: u64 = 3;
/// What is held back is looked through again whenever it has grown by so much.
const HELD: usize = 16 << 10;

/// What all maskers over the same secrets share.
pub(crate) struct Values {
    pub(crate) automaton: Automaton,
    pub(crate) beginnings: Beginnings,
    /// The secrets that each form belongs to.
    pub(crate) owners: Vec<Vec<usize>>,
}

/// What becomes of a byte that is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// It leaves as it is, unless it still turns out to be part of a form.
    Plain,
    /// It interrupts a form: it leaves as it is, behind the mask, and does not end it.
    Inside,
    /// It belongs to a form.
    Masked,
}

/// A form that was found, until its last byte has left.
struct Found {
    end: u64,
    form: usize,
}

/// The exact half of a redactor.
pub(crate) struct Masker {
    values: Arc<Values>,
    held: Wiped,
    marks: Vec<Mark>,
    /// The place in the stream of the first byte that is held back.
    base: u64,
    state: State,
    reader: Reader,
    /// The stream without its interruptions, where that is not the same.
    joined: Option<Joined>,
    /// What may be an interruption and is not read by `joined` yet. It may have left already.
    pending: Wiped,
    found: Vec<Found>,
    /// Whether the last byte that left was masked, and the secrets that this mask stands for so far.
    is_in_mask: bool,
    in_mask: Vec<usize>,
    counts: Vec<u64>,
}

impl Values {
    pub(crate) fn new(forms: Owned) -> Self {
        let automaton = Automaton::new(&forms);
        let beginnings = Beginnings::new(&forms);
        Self { automaton, beginnings, owners: forms.into_values().collect() }
    }
}

impl Masker {
    pub(crate) fn new(values: Arc<Values>, secrets: usize) -> Self {
        Self {
            values,
            held: Wiped::with_room(HELD * 2),
            marks: Vec::new(),
            base: 0,
            state: ROOT,
            reader: Reader::Outside,
            joined: None,
            pending: Wiped::default(),
            found: Vec::new(),
            is_in_mask: false,
            in_mask: Vec::new(),
            counts: vec![0; secrets],
        }
    }

    pub(crate) fn push(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if self.values.owners.is_empty() {
            out.extend(data);
            return;
        }
        let values = Arc::clone(&self.values);
        let mut suspects = Suspects::new(&values.beginnings, data);
        let (mut at, mut until) = (0, 0);
        let mut look_through = HELD + self.held.len();
        while at < data.len() {
            if self.is_idle() && at >= until {
                self.release(self.position(), out);
                let suspect = suspects.next(at);
                self.pass(data.get(at..suspect.begin).unwrap_or_default(), out);
                (at, until) = (suspect.begin, suspect.until);
            }
            let Some(&byte) = data.get(at) else { break };
            self.step(&values, byte);
            at += 1;
            if self.held.len() >= look_through {
                self.release(self.certain(), out);
                look_through = HELD + self.held.len();
            }
        }
        self.release(self.certain(), out);
    }

    /// Lets go what a person may be waiting for: of what may become a mask, the first three bytes.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) {
        self.release(self.base + self.leaving() as u64, out);
    }

    /// True when `flush` would let something go.
    pub(crate) fn wants_flush(&self) -> bool {
        self.leaving() > 0
    }

    /// How much of what is held a silent stream lets go: also masks, and line ends behind them, which tell nothing.
    fn leaving(&self) -> usize {
        let allowed = index_from(self.base, self.allowed()).min(self.held.len());
        let mut is_behind_mask = match allowed.checked_sub(1) {
            Some(last) => self.marks.get(last) == Some(&Mark::Masked),
            None => self.is_in_mask,
        };
        let rest = self.marks.iter().zip(self.held.iter()).skip(allowed);
        let more = rest.take_while(|&(&mark, &byte)| {
            is_behind_mask |= mark == Mark::Masked;
            mark == Mark::Masked || is_behind_mask && matches!(byte, b'\n' | b'\r')
        });
        allowed + more.count()
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.walk_joined(&Arc::clone(&self.values));
        self.release(self.position(), out);
        self.state = ROOT;
        self.reader = Reader::Outside;
        self.joined = None;
        self.pending.clear();
        self.is_in_mask = false;
        self.in_mask.clear();
    }

    /// At most so many bytes leave when so many more are read.
    pub(crate) fn most(&self, more: usize) -> usize {
        self.held.len() + more + 2 * MASK.len()
    }

    /// How often each secret was masked.
    pub(crate) fn counts(&self) -> &[u64] {
        &self.counts
    }

    fn position(&self) -> u64 {
        self.base + self.held.len() as u64
    }

    /// Nothing of what was read can belong to a match.
    fn is_idle(&self) -> bool {
        self.state == ROOT && self.joined.as_ref().is_none_or(|joined| joined.state() == ROOT)
    }

    fn step(&mut self, values: &Values, byte: u8) {
        let here = self.position();
        self.held.push(byte);
        self.marks.push(Mark::Plain);
        if self.joined.is_some() || self.reader != Reader::Outside || interruption::is_opening(byte) {
            self.step_joined(values, byte, here);
        }
        self.state = values.automaton.next(self.state, byte);
        for (form, length) in values.automaton.found(self.state) {
            self.mark(here + 1 - length.min(here + 1), here + 1, &[], form);
        }
        self.state = values.automaton.open(self.state);
        if self.joined.as_ref().is_some_and(|joined| joined.is_straight(self.state, here + 1)) {
            self.joined = None;
        }
    }

    /// Leaves the straight way where an interruption may begin.
    fn step_joined(&mut self, values: &Values, byte: u8, here: u64) {
        let mut reading = self.reader.read(byte);
        if reading == Reading::Failed {
            self.walk_joined(values);
            reading = self.reader.read(byte);
        }
        self.pending.push(byte);
        let state = self.state;
        match reading {
            Reading::Plain => self.walk_joined(values),
            Reading::Pending | Reading::Failed => {
                self.joined.get_or_insert_with(|| Joined::new(state, here));
            }
            Reading::Complete => {
                let joined = self.joined.get_or_insert_with(|| Joined::new(state, here));
                joined.skip(here + 1);
                joined.settle(&values.automaton);
                self.pending.clear();
            }
        }
    }

    /// What was pending interrupts nothing.
    fn walk_joined(&mut self, values: &Values) {
        let Some(mut joined) = self.joined.take() else { return self.pending.clear() };
        let pending = std::mem::take(&mut self.pending);
        for &byte in pending.iter() {
            joined.walk(&values.automaton, byte);
            for (form, length) in values.automaton.found(joined.state()) {
                // What nothing interrupts, the straight way has seen.
                if joined.has_skipped(length) {
                    self.mark(joined.start(length), joined.position(), joined.skipped(), form);
                }
            }
            joined.settle(&values.automaton);
        }
        self.joined = Some(joined);
    }

    /// Marks a form that was found. Of one whose beginning was let go, what is still here.
    fn mark(&mut self, start: u64, end: u64, skipped: &[std::ops::Range<u64>], form: usize) {
        let base = self.base;
        let inside = || skipped.iter().filter(|skipped| skipped.start >= start);
        let whole = self.marks.get_mut(index_from(base, start)..index_from(base, end)).unwrap_or_default();
        for mark in whole.iter_mut().filter(|mark| **mark == Mark::Plain) {
            *mark = Mark::Inside;
        }
        let starts = [start].into_iter().chain(inside().map(|skipped| skipped.end));
        let ends = inside().map(|skipped| skipped.start).chain([end]);
        for (start, end) in starts.zip(ends) {
            let piece = self.marks.get_mut(index_from(base, start)..index_from(base, end));
            piece.unwrap_or_default().fill(Mark::Masked);
        }
        self.found.push(Found { end, form });
    }

    /// What lies before this place cannot belong to a match that is not known yet.
    fn certain(&self) -> u64 {
        let automaton = &self.values.automaton;
        let straight = self.position().saturating_sub(automaton.depth(self.state));
        let joined = self.started().map(|joined| joined.start(automaton.depth(joined.state())));
        joined.into_iter().fold(straight, u64::min)
    }

    /// How far a silent stream may leave.
    fn allowed(&self) -> u64 {
        let automaton = &self.values.automaton;
        let straight = match self.state {
            ROOT => self.position(),
            state => self.position().saturating_sub(automaton.depth(state)) + LET_GO,
        };
        let joined = self.started().map(|joined| joined.place_of(automaton.depth(joined.state()), LET_GO));
        joined.into_iter().fold(straight, u64::min).min(self.position())
    }

    /// A match under way that the straight way does not see.
    fn started(&self) -> Option<&Joined> {
        self.joined.as_ref().filter(|joined| joined.state() != ROOT)
    }

    /// Lets everything before a place leave, and behind it what is masked whatever may follow.
    fn release(&mut self, to: u64, out: &mut Vec<u8>) {
        let to = index_from(self.base, to).min(self.held.len());
        // What is pending may still tell of one more secret in the same mask.
        let read = self.joined.as_ref().map_or(self.position(), Joined::position);
        let masked = self.marks.get(to..index_from(self.base, read)).unwrap_or_default();
        let to = to + masked.iter().take_while(|&&mark| mark == Mark::Masked).count();
        let mut at = 0;
        while at < to {
            let Some(&mark) = self.marks.get(at) else { break };
            let row = self.marks.get(at..to).unwrap_or_default();
            let end = at + row.iter().take_while(|&&next| next == mark).count();
            let bytes = self.held.get(at..end).unwrap_or_default();
            match mark {
                Mark::Plain => {
                    out.extend(bytes);
                    self.is_in_mask = false;
                    self.in_mask.clear();
                }
                Mark::Inside => out.extend(bytes),
                Mark::Masked => {
                    if !self.is_in_mask {
                        out.extend(MASK);
                        self.is_in_mask = true;
                    }
                    self.count(self.base + end as u64);
                }
            }
            at = end;
        }
        self.held.remove_first(to);
        self.marks.drain(..to);
        self.base += to as u64;
    }

    /// Counts what was found and ends in the mask that has left up to `end`: each secret once a mask.
    fn count(&mut self, end: u64) {
        let Self { found, values, in_mask, counts, .. } = self;
        found.retain(|found| {
            if found.end > end {
                return true;
            }
            for &owner in values.owners.get(found.form).into_iter().flatten() {
                if !in_mask.contains(&owner) {
                    in_mask.push(owner);
                    if let Some(count) = counts.get_mut(owner) {
                        *count += 1;
                    }
                }
            }
            false
        });
    }

    /// Bytes that cannot belong to a match.
    fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if !bytes.is_empty() {
            out.extend(bytes);
            self.base += bytes.len() as u64;
            self.reader = self.reader.behind(bytes);
            self.joined = None;
            self.pending.clear();
            self.is_in_mask = false;
            self.in_mask.clear();
        }
    }
}

fn index_from(base: u64, place: u64) -> usize {
    usize::try_from(place.saturating_sub(base)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
