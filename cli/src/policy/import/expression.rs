//! Carries regular expressions of Go over into ours. Only forms that both read alike are taken; anything else is
//! refused by name, never guessed. Theirs match anywhere in a text, ours match all of it.

use std::iter::Peekable;
use std::str::Chars;

use super::pattern::{ANYTHING, escape};

/// Which part of a text an expression is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// What stands behind the last `@`, if there is one.
    Host,
}

/// An expression that was carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expression {
    /// A pattern of ours, with its `~`.
    pub(super) pattern: String,
    /// True when the written one had to match from the first character to the last.
    pub(super) is_anchored: bool,
}

/// Carries over what stands behind `~`, or says which part of it cannot be.
pub(super) fn carried_over(written: &str, part: Part) -> Result<Expression, String> {
    let mut reader = Reader {
        rest: written.chars().peekable(),
        part,
        body: String::new(),
        depth: 0,
        can_repeat: false,
        alternates: false,
        ends: Ends::default(),
    };
    reader.read()?;
    let Reader { body, alternates, ends: Ends { start, end }, .. } = reader;
    let body = if alternates { format!("(?:{body})") } else { body };
    let (before, between) = match part {
        Part::Whole => ("", ANYTHING),
        Part::Host => ("(?:(?s-u:.*)@)?", "(?-u:[^@]*)"),
    };
    let head = if start { "" } else { between };
    let tail = if end { "" } else { between };
    Ok(Expression { pattern: format!("~{before}{head}{body}{tail}"), is_anchored: start && end })
}

struct Reader<'w> {
    rest: Peekable<Chars<'w>>,
    part: Part,
    body: String,
    depth: usize,
    can_repeat: bool,
    alternates: bool,
    ends: Ends,
}

/// At which ends of the text it has to stand.
#[derive(Clone, Copy, Default)]
struct Ends {
    start: bool,
    end: bool,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), String> {
        while let Some(character) = self.rest.next() {
            match character {
                '^' if self.body.is_empty() && self.depth == 0 && !self.ends.start => self.ends.start = true,
                '$' if self.rest.peek().is_none() && self.depth == 0 => self.ends.end = true,
                '^' | '$' => return Err(format!("`{character}` elsewhere than at the very ends")),
                '\\' => self.escaped()?,
                '.' => self.one(match self.part {
                    Part::Whole => ".",
                    Part::Host => "[^@\\n]",
                }),
                '[' => self.class()?,
                '(' => self.group()?,
                ')' => {
                    self.depth = self.depth.checked_sub(1).ok_or("a `)` without its `(`")?;
                    self.one(")");
                }
                '|' => {
                    self.alternates |= self.depth == 0;
                    self.body.push('|');
                    self.can_repeat = false;
                }
                '*' | '+' | '?' => self.repeat(&character.to_string())?,
                '{' => {
                    let counted = self.count()?;
                    self.repeat(&counted)?;
                }
                other => {
                    escape(other, &mut self.body);
                    self.can_repeat = true;
                }
            }
        }
        match (self.depth, self.alternates && (self.ends.start || self.ends.end)) {
            (0, true) => Err("`^` or `$` beside a `|` that stands in no brackets".to_owned()),
            (0, false) if self.body.is_empty() => Err("an expression of nothing".to_owned()),
            (0, false) => Ok(()),
            (_, _) => Err("a `(` without its `)`".to_owned()),
        }
    }

    fn one(&mut self, text: &str) {
        self.body.push_str(text);
        self.can_repeat = true;
    }

    fn group(&mut self) -> Result<(), String> {
        if self.rest.next_if_eq(&'?').is_some() && self.rest.next() != Some(':') {
            return Err("a group with options or a name".to_owned());
        }
        self.depth += 1;
        self.body.push_str("(?:");
        self.can_repeat = false;
        Ok(())
    }

    fn repeat(&mut self, how: &str) -> Result<(), String> {
        if !self.can_repeat {
            return Err(format!("`{how}` with nothing to repeat"));
        }
        self.body.push_str(how);
        // How greedy it is makes no difference to what matches.
        let _ = self.rest.next_if_eq(&'?');
        self.can_repeat = false;
        Ok(())
    }

    /// `{2}`, `{2,}`, `{2,5}`. Any other brace is text there and an error here.
    fn count(&mut self) -> Result<String, String> {
        let mut inside = String::new();
        for character in self.rest.by_ref() {
            match character {
                '}' => {
                    let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
                    let is_number = |text: &str| text.parse::<u16>().is_ok_and(|count| count <= 1000);
                    let is_count = is_number(least) && (most.is_empty() || is_number(most));
                    return if is_count {
                        Ok(format!("{{{inside}}}"))
                    } else {
                        Err("a `{` without a number".to_owned())
                    };
                }
                '0'..='9' | ',' if inside.len() < 9 => inside.push(character),
                _ => return Err("a `{` without a number".to_owned()),
            }
        }
        Err("a `{` without its `}`".to_owned())
    }

    fn escaped(&mut self) -> Result<(), String> {
        let character = self.rest.next().ok_or("a backslash before nothing")?;
        match shorthand(character) {
            Some(ranges) => self.set(ranges.to_vec(), false),
            None if character.is_ascii_uppercase() && shorthand(character.to_ascii_lowercase()).is_some() => {
                let ranges = shorthand(character.to_ascii_lowercase()).unwrap_or_default();
                self.set(ranges.to_vec(), true);
            }
            None if character.is_ascii_punctuation() => {
                escape(character, &mut self.body);
                self.can_repeat = true;
            }
            None => return Err(format!("`\\{character}`")),
        }
        Ok(())
    }

    /// A bracket: single characters and ranges.
    fn class(&mut self) -> Result<(), String> {
        let is_negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges: Vec<(char, char)> = Vec::new();
        let mut is_first = true;
        loop {
            let character = self.rest.next().ok_or("a `[` without its `]`")?;
            match character {
                ']' if !is_first => break,
                '[' => return Err("a `[` within brackets".to_owned()),
                '\\' => {
                    let escaped = self.rest.next().ok_or("a backslash before nothing")?;
                    match shorthand(escaped) {
                        Some(listed) => ranges.extend(listed),
                        None => self.range(punctuation(escaped)?, &mut ranges)?,
                    }
                }
                other => self.range(other, &mut ranges)?,
            }
            is_first = false;
        }
        self.set(ranges, is_negated);
        Ok(())
    }

    /// A character of a bracket, or the range that it begins.
    fn range(&mut self, from: char, ranges: &mut Vec<(char, char)>) -> Result<(), String> {
        let mut ahead = self.rest.clone();
        let to = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) if to != ']' => {
                let _ = (self.rest.next(), self.rest.next());
                match to {
                    '\\' => punctuation(self.rest.next().ok_or("a backslash before nothing")?)?,
                    '[' => return Err("a `[` within brackets".to_owned()),
                    plain => plain,
                }
            }
            _ => from,
        };
        if to < from {
            return Err(format!("the range `{from}-{to}`"));
        }
        ranges.push((from, to));
        Ok(())
    }

    /// Writes a set of characters. A host has no `@`, so no set may take one in.
    fn set(&mut self, mut ranges: Vec<(char, char)>, is_negated: bool) {
        if self.part == Part::Host {
            if is_negated {
                ranges.push(('@', '@'));
            } else {
                ranges = ranges.into_iter().flat_map(without_at).collect();
            }
        }
        // Nothing but a host with an `@` would match, and there is none.
        if ranges.is_empty() {
            return self.one("[a&&b]");
        }
        let mut set = String::from(if is_negated { "[^" } else { "[" });
        for (from, to) in ranges {
            member(from, &mut set);
            if to != from {
                set.push('-');
                member(to, &mut set);
            }
        }
        set.push(']');
        self.one(&set);
    }
}

/// `\d`, `\w` and `\s` are about ASCII there.
fn shorthand(letter: char) -> Option<&'static [(char, char)]> {
    match letter {
        'd' => Some(&[('0', '9')]),
        'w' => Some(&[('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')]),
        's' => Some(&[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')]),
        _ => None,
    }
}

fn punctuation(character: char) -> Result<char, String> {
    if character.is_ascii_punctuation() { Ok(character) } else { Err(format!("`\\{character}` within brackets")) }
}

fn without_at((from, to): (char, char)) -> Vec<(char, char)> {
    let below = (from < '@').then_some((from, to.min('?')));
    let above = (to > '@').then_some((from.max('A'), to));
    below.into_iter().chain(above).filter(|(from, to)| from <= to).collect()
}

fn member(character: char, set: &mut String) {
    match character {
        '\t' => set.push_str("\\t"),
        '\n' => set.push_str("\\n"),
        '\u{c}' => set.push_str("\\f"),
        '\r' => set.push_str("\\r"),
        '\\' | ']' | '[' | '^' | '-' | '&' | '~' => {
            set.push('\\');
            set.push(character);
        }
        plain => set.push(plain),
    }
}

#[cfg(test)]
mod tests;
