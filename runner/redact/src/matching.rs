//! Replaces what patterns match in one line. Sees what the exact half lets through, so a masked value is `***` here.
//!
//! At most one possible match is under way at a time: the leftmost. What stands before it has left. What is replaced is
//! decided by the first pattern that matches from there, how much of it by the longest match.

use std::sync::Arc;

use regex_automata::Anchored;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::start;

use crate::exact::LET_GO;
use crate::pattern::{Compiled, LONGEST_MATCH, Replacement};
use crate::wiped::Wiped;

/// The pattern half of a redactor.
pub(crate) struct Matcher {
    compiled: Arc<Compiled>,
    cache: Cache,
    others: Option<Cache>,
    /// What the possible match under way consists of, from its first byte on.
    held: Wiped,
    /// The byte before that.
    before: Option<u8>,
    under_way: Option<UnderWay>,
    /// What of `held` has left already, or is replaced.
    gone: usize,
    /// Whether the rest of the line is masked.
    is_dropping: bool,
    counts: Vec<u64>,
}

/// A possible match, from the beginning of what is held.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    state: LazyStateID,
    /// How many bytes it has read.
    read: usize,
    /// How long the longest match is, and the pattern that matched first.
    matched: Option<(usize, usize)>,
    /// Whether the replacement has left.
    is_replaced: bool,
    /// How much a silent stream has let go of it.
    let_go: usize,
}

impl UnderWay {
    /// Some pattern matches what was read. The first one to do so decides what it is replaced with.
    fn matches(&mut self, automaton: &DFA, cache: &Cache) {
        let pattern = match self.matched {
            Some((_, pattern)) => pattern,
            None => first_pattern(automaton, cache, self.state),
        };
        if self.read > 0 {
            self.matched = Some((self.read, pattern));
        }
    }
}

/// What became of a possible match.
enum Fate {
    /// There are no more bytes to tell.
    Open,
    /// It is as long as it gets.
    Settled,
}

impl Matcher {
    pub(crate) fn new(compiled: Arc<Compiled>) -> Self {
        Self {
            cache: compiled.automaton.create_cache(),
            others: compiled.others.as_ref().map(DFA::create_cache),
            counts: vec![0; compiled.replacements.len()],
            compiled,
            held: Wiped::default(),
            before: None,
            under_way: None,
            gone: 0,
            is_dropping: false,
        }
    }

    pub(crate) fn push(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.read(data, Ending::Open, out);
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.read(&[], Ending::Final, out);
        self.before = None;
        self.is_dropping = false;
    }

    /// Lets the first three bytes of a possible match go.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) {
        let Some(mut under_way) = self.under_way else { return };
        let count = self.may_go(&under_way);
        out.extend(self.held.get(self.gone..self.gone + count).unwrap_or_default());
        self.gone += count;
        under_way.let_go += count;
        self.under_way = Some(under_way);
    }

    /// True when `flush` would let something go.
    pub(crate) fn wants_flush(&self) -> bool {
        self.under_way.is_some_and(|under_way| self.may_go(&under_way) > 0)
    }

    fn may_go(&self, under_way: &UnderWay) -> usize {
        let left = self.held.len().saturating_sub(self.gone);
        left.min((LET_GO as usize).saturating_sub(under_way.let_go))
    }

    /// How often each pattern was replaced.
    pub(crate) fn counts(&self) -> &[u64] {
        &self.counts
    }

    fn read(&mut self, data: &[u8], ending: Ending, out: &mut Vec<u8>) {
        if self.under_way.is_none() {
            self.read_through(data, ending, out);
            return;
        }
        let mut joined = std::mem::take(&mut self.held);
        joined.extend(data);
        self.read_through(&joined, ending, out);
    }

    fn read_through(&mut self, data: &[u8], ending: Ending, out: &mut Vec<u8>) {
        let mut text = Text { data, at: 0, gone: self.gone, before: self.before, ending, known: 0, beginning: None };
        loop {
            if self.is_dropping {
                let rest = text.rest();
                let line = rest.iter().position(|&byte| is_line_end(byte));
                text.drop_to(text.at + line.unwrap_or(rest.len()));
                self.is_dropping = line.is_none();
            }
            let mut under_way = match self.under_way.take() {
                Some(under_way) => under_way,
                None => {
                    let next = self.next_beginning(&mut text);
                    text.emit_to(next.unwrap_or(data.len()), out);
                    if next.is_none() {
                        break;
                    }
                    match self.begin(&text) {
                        Some(under_way) => under_way,
                        None => {
                            text.emit_to(text.at + 1, out);
                            continue;
                        }
                    }
                }
            };
            match self.follow(&mut under_way, &text) {
                Fate::Open => {
                    self.replace_early(&mut under_way, &mut text, out);
                    self.under_way = Some(under_way);
                    break;
                }
                Fate::Settled => self.settle(&under_way, &mut text, out),
            }
        }
        self.before = text.look_behind();
        self.gone = text.gone.saturating_sub(text.at);
        self.held.extend(text.rest());
    }

    fn begin(&mut self, text: &Text<'_>) -> Option<UnderWay> {
        let state = first_state(&self.compiled.automaton, &mut self.cache, Anchored::Yes, text.look_behind())?;
        let let_go = text.gone.saturating_sub(text.at);
        Some(UnderWay { state, read: 0, matched: None, is_replaced: false, let_go })
    }

    /// Reads on until the match is settled or the bytes are at an end. A match shows one byte behind its end.
    fn follow(&mut self, under_way: &mut UnderWay, text: &Text<'_>) -> Fate {
        let Self { compiled, cache, .. } = self;
        let automaton = &compiled.automaton;
        let is_to_line_end = |pattern| {
            compiled.replacements.get(pattern).is_some_and(|replacement: &Replacement| replacement.to_line_end)
        };
        for &byte in text.rest().iter().skip(under_way.read) {
            let Some(state) = next_state(automaton, cache, under_way.state, byte) else { return Fate::Settled };
            under_way.state = state;
            if state.is_match() {
                under_way.matches(automaton, cache);
            }
            let is_dropped = under_way.matched.is_some_and(|(_, pattern)| is_to_line_end(pattern));
            if state.is_dead() || is_dropped || is_line_end(byte) || under_way.read >= LONGEST_MATCH {
                return Fate::Settled;
            }
            under_way.read += 1;
        }
        if text.ending == Ending::Open {
            return Fate::Open;
        }
        if let Ok(last) = automaton.next_eoi_state(cache, under_way.state) {
            under_way.state = last;
            if last.is_match() {
                under_way.matches(automaton, cache);
            }
        }
        Fate::Settled
    }

    /// A match that can only grow is replaced before it has.
    fn replace_early(&mut self, under_way: &mut UnderWay, text: &mut Text<'_>, out: &mut Vec<u8>) {
        let Some((length, pattern)) = under_way.matched else { return };
        if !under_way.is_replaced {
            self.replace(pattern, out);
            under_way.is_replaced = true;
        }
        text.gone = text.gone.max(text.at + length);
    }

    fn settle(&mut self, under_way: &UnderWay, text: &mut Text<'_>, out: &mut Vec<u8>) {
        let Some((length, pattern)) = under_way.matched else {
            text.emit_to(text.at + 1, out);
            return;
        };
        if !under_way.is_replaced {
            self.replace(pattern, out);
        }
        text.drop_to(text.at + length);
        let replacement = self.compiled.replacements.get(pattern);
        self.is_dropping = replacement.is_some_and(|replacement| replacement.to_line_end);
    }

    fn replace(&mut self, pattern: usize, out: &mut Vec<u8>) {
        if let Some(replacement) = self.compiled.replacements.get(pattern) {
            out.extend(&replacement.text);
        }
        if let Some(count) = self.counts.get_mut(pattern) {
            *count += 1;
        }
    }

    /// The first place at or behind `text.at` where some pattern may match, now or with what follows.
    fn next_beginning(&mut self, text: &mut Text<'_>) -> Option<usize> {
        if text.at < text.known {
            return Some(text.at);
        }
        if text.beginning.is_none_or(|known| known < text.at) {
            text.beginning = Some(self.next_by_beginning(text).unwrap_or(text.data.len()));
        }
        let by_beginning = text.beginning.unwrap_or(text.data.len());
        let other = self.next_other(text, by_beginning).unwrap_or(by_beginning);
        Some(other.min(by_beginning)).filter(|&place| place < text.data.len())
    }

    fn next_by_beginning(&self, text: &Text<'_>) -> Option<usize> {
        let search = self.compiled.search.as_ref()?;
        let found = search.find(text.data, (text.at..text.data.len()).into()).map(|found| found.start);
        if text.ending == Ending::Final {
            return found;
        }
        // A long beginning that is not whole yet may stand before a short one that is.
        let longest = self.compiled.beginnings.iter().map(Vec::len).max().unwrap_or(0);
        let tail = text.at.max((text.data.len() + 1).saturating_sub(longest));
        let unfinished = (tail..found.unwrap_or(text.data.len())).find(|&place| {
            let rest = text.data.get(place..).unwrap_or_default();
            self.compiled.beginnings.iter().any(|beginning| beginning.starts_with(rest))
        });
        unfinished.or(found)
    }

    /// The same for patterns without a telling beginning. A line that is at an end and matches nothing is skipped.
    fn next_other(&mut self, text: &mut Text<'_>, before: usize) -> Option<usize> {
        let automaton = self.compiled.others.as_ref()?;
        let cache = self.others.as_mut()?;
        let mut at = text.at;
        while at < before {
            let look_behind = if at == text.at { text.look_behind() } else { text.byte_before(at) };
            let mut state = first_state(automaton, cache, Anchored::No, look_behind)?;
            let mut end = at;
            let mut is_open = true;
            for &byte in text.data.get(at..).unwrap_or_default() {
                state = next_state(automaton, cache, state, byte)?;
                if state.is_match() {
                    text.known = end;
                    return Some(at);
                }
                if is_line_end(byte) {
                    is_open = false;
                    break;
                }
                end += 1;
            }
            if is_open && text.ending == Ending::Final {
                is_open = automaton.next_eoi_state(cache, state).is_ok_and(|last| last.is_match());
            }
            if is_open {
                // Whether a match ends here is not known yet, so it may begin wherever it would not be too long.
                text.known = text.data.len();
                at = at.max((text.data.len() - 1).saturating_sub(LONGEST_MATCH));
                return Some(at).filter(|_| at < text.data.len());
            }
            at = end + 1;
        }
        None
    }
}

/// Whether more bytes may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    Final,
}

/// The bytes that are read through, and how far.
struct Text<'a> {
    data: &'a [u8],
    /// What stands before this place is done with.
    at: usize,
    /// What stands before this place has left.
    gone: usize,
    /// The byte before the first one.
    before: Option<u8>,
    ending: Ending,
    /// Before this place some match may begin that has no telling beginning.
    known: usize,
    /// The next place where a telling beginning stands, or the end; as far as it was looked for.
    beginning: Option<usize>,
}

impl Text<'_> {
    fn rest(&self) -> &[u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    fn look_behind(&self) -> Option<u8> {
        if self.at == 0 { self.before } else { self.byte_before(self.at) }
    }

    fn byte_before(&self, place: usize) -> Option<u8> {
        self.data.get(place.checked_sub(1)?).copied()
    }

    fn emit_to(&mut self, place: usize, out: &mut Vec<u8>) {
        out.extend(self.data.get(self.gone.max(self.at)..place).unwrap_or_default());
        self.drop_to(place);
    }

    fn drop_to(&mut self, place: usize) {
        self.at = place;
        self.gone = self.gone.max(place);
    }
}

// The automaton makes its states as they are needed. It can refuse to only where it was told to give up, or to stop at
// certain bytes; it was told neither, so the following always answer.

fn first_state(automaton: &DFA, cache: &mut Cache, anchored: Anchored, before: Option<u8>) -> Option<LazyStateID> {
    let config = start::Config::new().anchored(anchored).look_behind(before);
    automaton.start_state(cache, &config).ok()
}

#[inline]
fn next_state(automaton: &DFA, cache: &mut Cache, state: LazyStateID, byte: u8) -> Option<LazyStateID> {
    automaton.next_state(cache, state, byte).ok()
}

/// The first of the patterns that match in a state that matches.
fn first_pattern(automaton: &DFA, cache: &Cache, state: LazyStateID) -> usize {
    let patterns = 0..automaton.match_len(cache, state);
    patterns.map(|index| automaton.match_pattern(cache, state, index).as_usize()).min().unwrap_or(0)
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests;
