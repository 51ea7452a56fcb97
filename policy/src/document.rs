//! A strict cursor over a TOML document: every table states its keys before it is read, anything
//! else is refused with its place and the nearest key. Never turns a missing key into a default.

mod item;
mod tree;

use std::ops::Range;

use toml::de::DeTable;

pub(crate) use crate::document::item::Item;
use crate::document::tree::{KEYS, Node, Refused, Tree};
use crate::load::LoadError;
use crate::shape::{Keys, Shape};

/// One file as the edge read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name as shown in messages.
    pub file: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The largest file that is read: 1 MiB. Nesting is bounded by the parser (80 levels).
pub const MAX_BYTES: usize = 1 << 20;

/// A parsed document and the text it came from.
pub(crate) struct Document<'s> {
    source: Source<'s>,
    tree: Tree<'s>,
}

#[derive(Clone, Copy)]
struct Source<'s> {
    file: &'s str,
    text: &'s str,
}

impl<'s> Document<'s> {
    /// Parses a file's bytes.
    pub(crate) fn parse(file: &'s str, bytes: &'s [u8]) -> Result<Self, LoadError> {
        if bytes.len() > MAX_BYTES {
            let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", bytes.len());
            return Err(LoadError::new(file, "", 0, 0, message));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let valid = bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
            LoadError::new(file, valid.unwrap_or_default(), error.valid_up_to(), error.valid_up_to(), "not UTF-8 text")
                .hint("save the file as UTF-8; a pattern for other bytes is written as a regular expression")
        })?;
        let source = Source { file, text };
        let tree = Tree::parse(text).map_err(|refused| source.refuse(refused))?;
        Ok(Self { source, tree })
    }

    /// An error at a key of the top table, if it is there.
    pub(crate) fn misplaced(&self, key: &str, message: &str) -> Option<LoadError> {
        let span = self.tree.get(self.tree.root()?, key)?.key_span();
        Some(self.error(&span, message))
    }

    /// True when the top table has this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.tree.root().is_some_and(|root| self.tree.get(root, key).is_some())
    }

    /// The top table.
    pub(crate) fn root(&self, keys: &'static Keys) -> Result<Table<'_>, LoadError> {
        let node = self.tree.root().ok_or_else(|| self.source.refuse(Refused::Wrong))?;
        Table { document: self, node, holds: Described::Keys(keys) }.checked(keys)
    }

    fn error(&self, at: &Range<usize>, message: impl Into<String>) -> LoadError {
        LoadError::new(self.source.file, self.source.text, at.start, at.end, message)
    }
}

impl Source<'_> {
    /// Says what is wrong with a text that has no tree.
    fn refuse(self, refused: Refused) -> LoadError {
        let Self { file, text } = self;
        match (refused, DeTable::parse(text)) {
            (Refused::Keys(at), _) => {
                LoadError::new(file, text, at.start, at.end, format!("a table has at most {KEYS} keys"))
            }
            (Refused::Dotted(at), Ok(_)) => {
                let message = "a dotted key cannot add to what `[[…]]` began";
                LoadError::new(file, text, at.start, at.end, message)
                    .hint("write the key below that header, or under a header of its own")
            }
            (Refused::Wrong | Refused::Dotted(_), Err(error)) => {
                let span = error.span().unwrap_or(0..0);
                let at = |message: String| LoadError::new(file, text, span.start, span.end, message);
                match error.message() {
                    "duplicate key" => at("duplicate key".to_owned())
                        .hint("a key or a table stands once: remove one of the two, or join them"),
                    deep if deep.contains("recurs") => {
                        at("lists, tables and dotted keys are nested too deep".to_owned())
                            .hint("no key of these files needs more than a few levels")
                    }
                    other => at(other.replace('\n', " ")),
                }
            }
            (Refused::Wrong, Ok(_)) => LoadError::new(file, text, 0, 0, "this is no TOML that can be read here"),
        }
    }
}

/// A table whose keys are all known.
#[derive(Clone)]
pub(crate) struct Table<'d> {
    document: &'d Document<'d>,
    node: &'d Node,
    holds: Described,
}

/// Where the description of a table's values stands.
#[derive(Clone, Copy)]
enum Described {
    /// Each key has its own.
    Keys(&'static Keys),
    /// All of them have one.
    Named(Option<&'static Shape>),
}

impl<'d> Table<'d> {
    fn checked(self, keys: &'static Keys) -> Result<Self, LoadError> {
        match self.document.tree.children(self.node).find(|node| keys.find(self.document.tree.key(node)).is_none()) {
            Some(node) => Err(self.refuse(self.document.tree.key(node), node.key_span(), keys)),
            None => Ok(self),
        }
    }

    /// The value of a key, when it is there.
    pub(crate) fn get(&self, key: &'static str) -> Option<Item<'d>> {
        self.document.tree.get(self.node, key).map(|node| self.item(node))
    }

    /// The value of a key that must be there.
    pub(crate) fn require(&self, key: &'static str) -> Result<Item<'d>, LoadError> {
        self.get(key).ok_or_else(|| self.error(format!("`{key}` is missing")))
    }

    /// Every key with its value: for a table whose keys are the writer's own names.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Item<'d>> {
        self.document.tree.children(self.node).map(|node| self.item(node))
    }

    fn item(&self, node: &'d Node) -> Item<'d> {
        Item { document: self.document, named: node, node, shape: self.shape(self.document.tree.key(node)) }
    }

    fn shape(&self, key: &str) -> Option<&'static Shape> {
        match self.holds {
            // Only a debug build holds what is read against its description.
            _ if !cfg!(debug_assertions) => None,
            Described::Keys(keys) => keys.find(key).map(|key| &key.shape),
            Described::Named(shape) => shape,
        }
    }

    /// How many keys are there.
    pub(crate) fn len(&self) -> usize {
        self.node.value().count()
    }

    /// True when no key is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.node.value().is_empty()
    }

    /// An error about the table as a whole.
    pub(crate) fn error(&self, message: impl Into<String>) -> LoadError {
        let span = self.node.span();
        self.document.error(&span, message)
    }

    fn refuse(&self, key: &str, span: Range<usize>, keys: &'static Keys) -> LoadError {
        let at = |message| self.document.error(&span, message);
        if keys.later.contains(&key) {
            return at(format!("`{key}` is not supported yet"))
                .hint("remove it: this version would not carry it out, and nothing is ignored silently");
        }
        let error = at(format!("unknown key `{key}`"));
        match nearest(key, keys.names()) {
            Some(known) => error.hint(format!("did you mean `{known}`?")),
            None => error.hint(format!("the keys here are {}", list(&keys.names().collect::<Vec<_>>()))),
        }
    }
}

/// A place in a file that outlives the parsed document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    start: usize,
    end: usize,
}

impl At {
    /// An error at this place of the file that it was taken from.
    pub(crate) fn error(self, source: &SourceFile, message: impl Into<String>) -> LoadError {
        let text = std::str::from_utf8(&source.bytes).unwrap_or_default();
        LoadError::new(&source.file, text, self.start, self.end, message)
    }
}

/// The candidate that a person most probably meant, when one is near.
pub fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    // Long words cannot be near any of ours, and the distance costs their length squared.
    if word.len() > 64 {
        return None;
    }
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (word.len().max(candidate.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` or `c`.
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
