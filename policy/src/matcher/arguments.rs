//! Conditions on the argument vector, element by element. Nothing is ever joined into a line.
//!
//! INVARIANT: a hole (any element that is written as a table) never takes an argument that begins with `-`, and where
//! one element is a flag, an option that is not declared is a mismatch.

mod hidden;

use std::borrow::Borrow;
use std::fmt;

use crate::destination::HostGlob;
use crate::matcher::write_list;
use crate::path::AbsPath;
use crate::pattern::TextPattern;
use crate::text::Text;

/// A whole argument vector, without the program's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Arguments {
    /// One for each of the first arguments that belong to no flag.
    pub(crate) each: Vec<Element>,
    pub(crate) rest: Rest,
    /// Options that may stand anywhere before `--`.
    pub(crate) flags: Vec<Flag>,
}

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Element {
    /// Text: a literal, a glob, or a regular expression.
    Pattern(TextPattern),
    /// A value that is filled in.
    Hole(Hole),
}

/// A value that is filled in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Hole {
    /// One of these words.
    OneOf(Vec<Text>),
    /// Text that matches any of these.
    Text(Vec<TextPattern>),
    /// A whole number between these.
    Number { least: u64, most: u64 },
    /// A path within any of these places, by its text.
    Path(Vec<Under>),
    /// A host that matches any of these.
    Host(Vec<HostGlob>),
}

/// A place that a path may lie in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Under {
    /// The working directory.
    Cwd,
    /// This one.
    Place(AbsPath),
}

/// An option that may be given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Flag {
    /// With its dashes.
    pub(crate) name: Text,
    /// The value that follows, as `--name=value` or as the next argument; `None` takes none.
    pub(crate) value: Option<Hole>,
    /// Whether it must be given.
    pub(crate) is_required: bool,
}

/// What may follow the arguments that have an element of their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Rest {
    /// Nothing.
    Nothing,
    /// Anything: `**`.
    Anything,
    /// So many, each of this kind.
    Each { hole: Hole, least: usize, most: usize },
}

impl Arguments {
    /// True when the whole vector matches. `cwd` is what relative paths start from; without one they stay below it.
    pub(crate) fn matches(&self, arguments: &[Text], cwd: Option<&AbsPath>) -> bool {
        if self.flags.is_empty() {
            return self.matches_in_order(arguments, cwd);
        }
        self.without_flags(arguments, cwd).is_some_and(|positional| self.matches_in_order(&positional, cwd))
    }

    fn matches_in_order<T: Borrow<Text>>(&self, arguments: &[T], cwd: Option<&AbsPath>) -> bool {
        let Some((first, more)) = arguments.split_at_checked(self.each.len()) else { return false };
        let each = self.each.iter().zip(first).all(|(element, argument)| element.matches(argument.borrow(), cwd));
        each && match &self.rest {
            Rest::Nothing => more.is_empty(),
            Rest::Anything => true,
            Rest::Each { hole, least, most } => {
                (*least..=*most).contains(&more.len()) && more.iter().all(|one| hole.takes(one.borrow(), cwd))
            }
        }
    }

    /// What is left when every declared option is taken out; `None` where one is not declared, has a wrong value, or is
    /// missing. Behind `--` nothing is an option.
    fn without_flags<'a>(&self, arguments: &'a [Text], cwd: Option<&AbsPath>) -> Option<Vec<&'a Text>> {
        let mut positional = Vec::with_capacity(arguments.len());
        let mut given = vec![false; self.flags.len()];
        let mut left = arguments.iter();
        while let Some(argument) = left.next() {
            let bytes = argument.as_bytes();
            if bytes == b"--" {
                positional.extend(left);
                break;
            }
            if !bytes.starts_with(b"-") || bytes == b"-" {
                positional.push(argument);
                continue;
            }
            let (index, attached) = self.flags.iter().enumerate().find_map(|(index, flag)| {
                let after = bytes.strip_prefix(flag.name.as_bytes())?;
                match after.split_first() {
                    None => Some((index, None)),
                    Some((b'=', value)) if flag.value.is_some() => Some((index, Some(value))),
                    Some(_) => None,
                }
            })?;
            let flag = self.flags.get(index)?;
            if let Some(hole) = &flag.value {
                let value = match attached {
                    Some(attached) => Text::new(attached)?,
                    None => left.next()?.clone(),
                };
                if !hole.takes(&value, cwd) {
                    return None;
                }
            }
            *given.get_mut(index)? = true;
        }
        let is_whole = self.flags.iter().zip(&given).all(|(flag, given)| *given || !flag.is_required);
        is_whole.then_some(positional)
    }

    /// True when it is certain that whatever matches `narrow` matches here too.
    pub(crate) fn covers(&self, narrow: &Self) -> bool {
        if self == narrow {
            return true;
        }
        if !self.flags.is_empty() || !narrow.flags.is_empty() {
            return false;
        }
        let length_fits = match (&self.rest, &narrow.rest) {
            (Rest::Nothing, Rest::Nothing) => self.each.len() == narrow.each.len(),
            (Rest::Anything, _) => self.each.len() <= narrow.each.len(),
            (Rest::Nothing | Rest::Each { .. }, _) => false,
        };
        length_fits && self.each.iter().zip(&narrow.each).all(|(wide, narrow)| wide.covers(narrow))
    }
}

impl Element {
    fn matches(&self, argument: &Text, cwd: Option<&AbsPath>) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.matches(argument.as_bytes()),
            Self::Hole(hole) => hole.takes(argument, cwd),
        }
    }

    fn covers(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Pattern(wide), Self::Pattern(narrow)) => wide.covers(narrow),
            (wide, narrow) => wide == narrow,
        }
    }
}

impl Hole {
    /// True when a value may stand here.
    pub(crate) fn takes(&self, value: &Text, cwd: Option<&AbsPath>) -> bool {
        let bytes = value.as_bytes();
        if bytes.starts_with(b"-") {
            return false;
        }
        match self {
            Self::OneOf(words) => words.contains(value),
            Self::Text(patterns) => patterns.iter().any(|pattern| pattern.matches(bytes)),
            Self::Number { least, most } => is_number(bytes, *least, *most),
            Self::Path(places) => places.iter().any(|place| place.holds(bytes, cwd)),
            Self::Host(globs) => globs.iter().any(|glob| glob.matches(bytes)),
        }
    }
}

/// A plain decimal number: no sign, no leading zero, so that every program reads the same.
fn is_number(bytes: &[u8], least: u64, most: u64) -> bool {
    let is_plain = bytes.iter().all(u8::is_ascii_digit) && (bytes == b"0" || !bytes.starts_with(b"0"));
    let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<u64>().ok());
    is_plain && number.is_some_and(|number| (least..=most).contains(&number))
}

impl Under {
    /// By the text alone: a link in it may lead elsewhere, and what is reached there is the sandbox's business.
    fn holds(&self, bytes: &[u8], cwd: Option<&AbsPath>) -> bool {
        let is_absolute = bytes.starts_with(b"/");
        let start = if is_absolute { Some(AbsPath::root()) } else { cwd.cloned() };
        let Some(start) = start else {
            // An example has no working directory: what never leaves it is below it.
            return matches!(self, Self::Cwd) && stays_below(bytes);
        };
        let Some(path) = normal(start, bytes) else { return false };
        match self {
            Self::Cwd => cwd.is_some_and(|cwd| path.is_within(cwd)),
            Self::Place(place) => path.is_within(place),
        }
    }
}

/// The path with `.` and `..` taken away; `None` when it leads above the root or is too long.
fn normal(start: AbsPath, bytes: &[u8]) -> Option<AbsPath> {
    let mut parts: Vec<&[u8]> = start.components().collect();
    for part in bytes.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    AbsPath::new([b"/".as_slice(), &parts.join(b"/".as_slice())].concat()).ok()
}

fn stays_below(bytes: &[u8]) -> bool {
    let mut depth = 0_usize;
    for part in bytes.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            _ => depth += 1,
        }
    }
    true
}

/// Shows the vector as it is written.
impl fmt::Display for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = self.each.iter().map(ToString::to_string).collect();
        words.extend(self.flags.iter().map(ToString::to_string));
        match &self.rest {
            Rest::Nothing => {}
            Rest::Anything => words.push("`**`".to_owned()),
            Rest::Each { hole, least, most } => words.push(format!("{least} to {most} of {hole}")),
        }
        write!(f, "[{}]", words.join(", "))
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(pattern) => write!(f, "`{pattern}`"),
            Self::Hole(hole) => hole.fmt(f),
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let question = if self.is_required { "" } else { "?" };
        match &self.value {
            Some(hole) => write!(f, "`{}`{question} with {hole}", self.name),
            None => write!(f, "`{}`{question}", self.name),
        }
    }
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(words) => write_list(f, words),
            Self::Text(patterns) => write_list(f, patterns),
            Self::Number { least, most } => write!(f, "a number from {least} to {most}"),
            Self::Path(places) => {
                f.write_str("a path under ")?;
                write_list(f, places)
            }
            Self::Host(globs) => {
                f.write_str("the host ")?;
                write_list(f, globs)
            }
        }
    }
}

impl fmt::Display for Under {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cwd => f.write_str("."),
            Self::Place(place) => place.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pattern: &str) -> Element {
        Element::Pattern(TextPattern::new(pattern).unwrap())
    }

    fn flag(name: &str, value: Option<Hole>, is_required: bool) -> Flag {
        Flag { name: Text::from(name), value, is_required }
    }

    fn words(words: &[&str]) -> Hole {
        Hole::OneOf(words.iter().map(|word| Text::from(*word)).collect())
    }

    fn any() -> Hole {
        Hole::Text(vec![TextPattern::new("*").unwrap()])
    }

    fn matches(arguments: &Arguments, line: &str) -> bool {
        let line: Vec<Text> = line.split(' ').filter(|word| !word.is_empty()).map(Text::from).collect();
        arguments.matches(&line, Some(&AbsPath::new("/home/ann/src").unwrap()))
    }

    #[test]
    fn declared_options_stand_anywhere_and_others_nowhere() {
        let publish = Arguments {
            each: vec![text("publish")],
            rest: Rest::Each { hole: any(), least: 0, most: 1 },
            flags: vec![flag("--tag", Some(words(&["next", "latest"])), true), flag("-n", None, false)],
        };
        for (line, expected) in [
            ("publish --tag next", true),
            ("--tag=latest publish", true),
            ("publish --tag next -n pkg", true),
            ("publish", false),
            ("publish --tag evil", false),
            ("publish --tag", false),
            ("publish --tag=", false),
            ("publish --tags next", false),
            ("publish --tag next --script-shell=/tmp/x", false),
            ("publish --tag next -nx", false),
            ("publish --tag next -n=x", false),
            ("publish --tag next a b", false),
            ("publish --tag next -", false),
            ("-n --tag next -- publish", true),
            ("publish --tag next -- -n", false),
            ("publish -- --tag next", false),
        ] {
            assert_eq!(matches(&publish, line), expected, "{line}");
        }
    }

    #[test]
    fn a_hole_never_takes_an_option() {
        for hole in [any(), Hole::Path(vec![Under::Cwd]), Hole::Host(vec![HostGlob::Any])] {
            assert!(!hole.takes(&Text::from("--receive-pack=x"), None), "{hole}");
            assert!(!hole.takes(&Text::from("-x"), None), "{hole}");
        }
    }

    #[test]
    fn a_number_is_one_that_every_program_reads_alike() {
        let number = Hole::Number { least: 0, most: 100 };
        for (value, expected) in [
            ("0", true),
            ("100", true),
            ("-5", false),
            ("101", false),
            ("-6", false),
            ("007", false),
            ("+1", false),
            ("1e2", false),
            ("0x10", false),
            ("", false),
            ("-", false),
            ("99999999999999999999", false),
        ] {
            assert_eq!(number.takes(&Text::from(value), None), expected, "{value}");
        }
    }

    #[test]
    fn a_path_stays_within_its_place() {
        let hole = Hole::Path(vec![Under::Cwd, Under::Place(AbsPath::new("/srv/data").unwrap())]);
        let cwd = AbsPath::new("/home/ann/src").unwrap();
        for (value, expected) in [
            ("a/b", true),
            ("./a/../b", true),
            (".", true),
            ("/home/ann/src/x", true),
            ("/srv/data/x", true),
            ("/srv/data", true),
            ("/srv/data-evil/x", false),
            ("/home/ann/src-evil", false),
            ("..", false),
            ("../src/x", true),
            ("../src-evil", false),
            ("a/../../x", false),
            ("/srv/data/../../etc/passwd", false),
            ("~/x", true),
        ] {
            assert_eq!(hole.takes(&Text::from(value), Some(&cwd)), expected, "{value}");
        }
    }
}
