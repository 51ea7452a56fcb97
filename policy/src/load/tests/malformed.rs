//! Malformed policies, one mistake each, by class, and the place where each is refused.

use std::time::{Duration, Instant};

use super::*;
use crate::document::MAX_BYTES;

mod first;
mod keys;
mod messages;
mod patterns;
mod rules;
mod secrets;
mod shape;
mod values;

/// What is loaded from a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Policy,
    Profile,
}

/// A malformed file.
type Malformed = (Kind, Vec<u8>);

/// Mistakes of one class: a file, line and column of the complaint, and words that it says.
struct Class {
    name: &'static str,
    rows: Vec<(Malformed, usize, usize, &'static str)>,
}

fn classes() -> Vec<Class> {
    vec![
        shape::syntax(),
        shape::encoding(),
        shape::nesting(),
        shape::size(),
        shape::dates(),
        shape::duplicate(),
        keys::unknown_key(),
        keys::table(),
        keys::missing(),
        keys::kind(),
        keys::word(),
        keys::later(),
        keys::elsewhere(),
        values::number(),
        values::digest(),
        values::name(),
        values::empty(),
        patterns::glob(),
        patterns::regex(),
        patterns::path(),
        patterns::host(),
        rules::grade(),
        rules::arguments(),
        secrets::secret(),
        secrets::output(),
        rules::approval(),
        rules::lease(),
        rules::shadowed(),
        rules::example(),
        first::v1(),
    ]
}

/// A whole policy file.
fn text(text: &str) -> Malformed {
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> Malformed {
    (Kind::Policy, bytes.to_vec())
}

/// A policy that denies, with these lines.
fn file(lines: &str) -> Malformed {
    text(&format!("version = 1\ndefault = \"deny\"\n{lines}\n"))
}

/// A rule that allows, with these lines.
fn rule(lines: &str) -> Malformed {
    text(&super::rule(lines))
}

fn ask(lines: &str) -> Malformed {
    text(&super::rule(lines).replace("\"allow\"", "\"ask\""))
}

fn deny(lines: &str) -> Malformed {
    text(&super::rule(lines).replace("\"allow\"", "\"deny\""))
}

/// A profile with these lines.
fn profile(lines: &str) -> Malformed {
    (Kind::Profile, format!("name = \"p\"\n{lines}\n").into_bytes())
}

trait Replaced {
    fn replace(self, from: &str, to: &str) -> Self;
}

impl Replaced for Malformed {
    fn replace(self, from: &str, to: &str) -> Self {
        let text = String::from_utf8(self.1).unwrap();
        (self.0, text.replacen(from, to, 1).into_bytes())
    }
}

/// Loads the file, which has to be refused.
fn refusal((kind, bytes): &Malformed) -> LoadError {
    let file = match kind {
        Kind::Policy => "policy.toml",
        Kind::Profile => "p.toml",
    };
    let source = SourceFile { file: file.to_owned(), bytes: bytes.clone() };
    let refused = match kind {
        Kind::Policy => {
            let home = AbsPath::new("/home/ann").unwrap();
            PolicySet::load(&PolicySources { home, system: Vec::new(), user: vec![source], repo: None }, Sight::First)
                .err()
        }
        Kind::Profile => Profile::parse(&source).err(),
    };
    refused.unwrap_or_else(|| panic!("this loaded:\n{}", String::from_utf8_lossy(bytes)))
}

#[test]
fn every_malformed_file_is_refused_at_its_place() {
    let mut wrong = Vec::new();
    for class in classes() {
        for (malformed, line, column, words) in &class.rows {
            let error = refusal(malformed);
            let is_right = error.message().contains(words)
                && (error.line(), error.column()) == (*line, *column)
                && error.to_string().starts_with(&format!("{}:{line}:{column}: ", error.file()));
            if !is_right {
                let text: String = String::from_utf8_lossy(&malformed.1).chars().take(300).collect();
                wrong.push(format!("{}: {text}\n{error}\nexpected at {line}:{column}: {words}\n", class.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_many_mistakes_of_each_class_and_no_two_are_the_same() {
    let classes = classes();
    for class in &classes {
        assert!(class.rows.len() >= 5, "{}: {}", class.name, class.rows.len());
    }
    let names: std::collections::BTreeSet<&str> = classes.iter().map(|class| class.name).collect();
    assert_eq!(names.len(), classes.len());
    let rows = classes.iter().flat_map(|class| &class.rows);
    let texts: std::collections::BTreeSet<&Malformed> = rows.clone().map(|(malformed, ..)| malformed).collect();
    assert_eq!(texts.len(), rows.clone().count());
    assert!(texts.len() >= 300, "{}", texts.len());
}

#[test]
fn a_mistake_is_found_at_once() {
    // Each also without the last bytes, and cut in half: what is cut may load or not, and does so at once.
    for class in classes() {
        for ((kind, bytes), ..) in &class.rows {
            for length in [bytes.len(), bytes.len().saturating_sub(1), bytes.len() / 2] {
                let source = SourceFile { file: "x.toml".to_owned(), bytes: bytes[..length].to_vec() };
                let home = AbsPath::new("/home/ann").unwrap();
                let start = Instant::now();
                match kind {
                    Kind::Policy => drop(PolicySet::load(
                        &PolicySources { home, system: Vec::new(), user: vec![source], repo: None },
                        Sight::First,
                    )),
                    Kind::Profile => drop(Profile::parse(&source)),
                }
                // A build without optimisation, on a machine that does other things, has ten times as long.
                let most = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });
                assert!(start.elapsed() < most, "{}: {:?}", class.name, start.elapsed());
            }
        }
    }
}
