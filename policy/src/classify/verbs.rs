//! Programs that do what their first operand says: `git push`, `npm install`.

use super::options;
use super::place;
use super::scope::Scope;
use super::set::{NOTHING, OPAQUE, READ, Set, WORK};
use super::word::Word;

/// A program with commands of its own.
pub(super) struct Verbs {
    /// Options before the command that take no value and change nothing.
    pub(super) flags: &'static str,
    /// Options before the command that take a value and change nothing.
    pub(super) valued: &'static str,
    /// Classes by command: `verb`, `verb:word` for its first operand, `verb:--option` on top; `*` is any verb.
    /// Instead of these: `verb:=word` for nothing but that word, `verb:=` for nothing, `verb:^word` for it and operands.
    pub(super) verbs: &'static [(Set, &'static str)],
    /// Any other command.
    pub(super) otherwise: Set,
    /// No command at all.
    pub(super) alone: Set,
}

impl Verbs {
    #[must_use]
    pub(super) fn classes(&self, arguments: &[Word], scope: Scope) -> Set {
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let Some(text) = word.text() else { return OPAQUE };
            if lists(self.flags, text) {
                continue;
            }
            if !word.is_option() {
                let rest = words.as_slice();
                let set = self.of_verb(text, rest);
                return set.and(outputs(rest, scope)).and(if set.has(WORK) { far(rest, scope) } else { NOTHING });
            }
            let name = text.split(|byte| *byte == b'=').next().unwrap_or_default();
            if ["--version", "--help", "-h", "-V", "-v"].iter().any(|known| word.is(known))
                && words.as_slice().is_empty()
            {
                return READ;
            }
            let is_valued = lists(self.valued, name);
            if is_valued && name.len() == text.len() {
                let hidden = words.next().is_none_or(|value| value.rest() == super::word::Rest::Split);
                if hidden {
                    return OPAQUE;
                }
            } else if !is_valued {
                return OPAQUE;
            }
        }
        self.alone
    }

    fn of_verb(&self, verb: &[u8], rest: &[Word]) -> Set {
        let keys = self.verbs.iter().flat_map(|(set, keys)| keys.split_ascii_whitespace().map(move |key| (key, *set)));
        let (mut whole, mut first, mut extra) = (None, None, NOTHING);
        let operand = rest.iter().position(|word| !word.is_option());
        for (key, set) in keys {
            let (name, detail) = key.split_once(':').map_or((key, None), |(name, detail)| (name, Some(detail)));
            if name.as_bytes() != verb && name != "*" {
                continue;
            }
            match detail {
                None => whole = Some(set.and(whole.unwrap_or(NOTHING))),
                Some(form) if form.starts_with(['=', '^']) => {
                    if has_form(rest, form) {
                        return set;
                    }
                }
                Some(option) if option.starts_with('-') => {
                    if rest.iter().any(|word| options::gives(word, option, "")) {
                        extra.add(set);
                    }
                }
                Some(word) => {
                    if operand.and_then(|at| rest.get(at)).is_some_and(|given| given.is(word)) {
                        first = Some(set);
                    } else if rest.iter().any(|given| given.text().is_none() || given.is(word)) {
                        extra.add(set);
                    }
                }
            }
        }
        let default = whole.unwrap_or(self.otherwise);
        // What looks like the first operand may be the value of an option before it.
        let is_certain = operand == Some(0);
        match first {
            Some(set) if is_certain => set.and(extra),
            Some(set) => set.and(default).and(extra),
            None => default.and(extra),
        }
    }
}

/// True when the words after the verb have a form in which it only reads.
fn has_form(rest: &[Word], form: &str) -> bool {
    match (rest.split_first(), form.strip_prefix('='), form.strip_prefix('^')) {
        (None, Some(only), _) => only.is_empty(),
        (Some((first, others)), Some(only), _) => first.is(only) && others.is_empty(),
        (Some((first, others)), None, Some(word)) => {
            first.is(word) && others.iter().all(|word| word.text().is_some() && !word.is_option())
        }
        (None | Some(_), None, _) => false,
    }
}

/// What the options write that nearly every such program has: `--output FILE`, `-o FILE`.
fn outputs(rest: &[Word], scope: Scope) -> Set {
    let value = |at: usize, word: &Word, option: &str| {
        options::attached(word, option)
            .or_else(|| rest.get(at + 1).cloned())
            .map_or(NOTHING, |value| place::written(&value, scope.base))
    };
    let of = |(at, word): (usize, &Word)| match word.start() {
        start if start.starts_with(b"--output=") => value(at, word, "--output"),
        b"--output" | b"--output-file" | b"--outfile" => value(at, word, "--output"),
        _ => NOTHING,
    };
    rest.iter().enumerate().map(of).collect()
}

/// Where a command that writes below the working directory is told to write elsewhere.
fn far(rest: &[Word], scope: Scope) -> Set {
    let value = |word: &Word| match word.start().iter().position(|byte| *byte == b'=') {
        Some(equals) if word.is_option() => {
            Word::new(word.start().get(equals + 1..).unwrap_or_default().to_vec(), word.rest(), 0)
        }
        Some(_) | None => word.clone(),
    };
    let leads_away = |word: &Word| {
        word.start().starts_with(b"/") || word.start().starts_with(b"~") || word.start().starts_with(b"..")
    };
    rest.iter().map(value).filter(leads_away).map(|word| place::written(&word, scope.base)).collect()
}

fn lists(names: &str, name: &[u8]) -> bool {
    names.split_ascii_whitespace().any(|known| known.as_bytes() == name)
}
