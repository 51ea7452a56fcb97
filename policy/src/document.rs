//! A strict cursor over a TOML document: every table states its keys before it is read, anything
//! else is refused with its place and the nearest key. Never turns a missing key into a default.

mod tree;

use std::ops::Range;

use toml::de::DeTable;

use crate::document::tree::{KEYS, Node, Refused, Tree, Value};
use crate::load::LoadError;
use crate::shape::{Keys, Reading, Shape, Words};

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

/// One value and the key that it belongs to.
#[derive(Clone)]
pub(crate) struct Item<'d> {
    document: &'d Document<'d>,
    /// What has the key: the value itself, or the list that it stands in.
    named: &'d Node,
    node: &'d Node,
    shape: Option<&'static Shape>,
}

impl<'d> Item<'d> {
    /// The key.
    pub(crate) fn key(&self) -> &'d str {
        self.document.tree.key(self.named)
    }

    /// Where the value stands, to be remembered for a later error.
    pub(crate) fn at(&self) -> At {
        let span = self.node.span();
        At { start: span.start, end: span.end }
    }

    /// The value as text.
    pub(crate) fn string(&self) -> Result<&'d str, LoadError> {
        self.is_read(Reading::Text);
        if let Value::String(text) = self.node.value() {
            Ok(self.document.tree.text(text))
        } else {
            Err(self.expected("a string"))
        }
    }

    /// The value as a non-negative whole number.
    pub(crate) fn number(&self) -> Result<u64, LoadError> {
        self.is_read(Reading::Number);
        let Value::Integer(digits, radix) = self.node.value() else { return Err(self.expected("a whole number")) };
        u64::from_str_radix(self.document.tree.text(digits), radix)
            .map_err(|_| self.error(format!("`{}` must be a whole number from 0 to {}", self.key(), u64::MAX)))
    }

    /// The value as true or false.
    pub(crate) fn boolean(&self) -> Result<bool, LoadError> {
        self.is_read(Reading::Boolean);
        if let Value::Boolean(value) = self.node.value() { Ok(value) } else { Err(self.expected("true or false")) }
    }

    /// The value as a list.
    pub(crate) fn list(&self) -> Result<List<'d>, LoadError> {
        self.is_read(Reading::List);
        if !self.is_list() {
            return Err(self.expected("a list"));
        }
        let shape = self.shape.and_then(Shape::element);
        Ok(List { of: Self { shape, ..self.clone() }, next: self.document.tree.children(self.node).next() })
    }

    /// The value as a list with something in it: an empty list of matchers would match nothing.
    pub(crate) fn non_empty_list(&self) -> Result<List<'d>, LoadError> {
        self.is_read(Reading::FullList);
        let list = self.list()?;
        if list.next.is_none() {
            let message = format!("`{}` is empty and could never match", self.key());
            return Err(self.error(message).hint("leave the key out to match anything"));
        }
        Ok(list)
    }

    /// The value as a list, each element parsed.
    pub(crate) fn each<T>(&self, parse: impl Fn(&Self) -> Result<T, LoadError>) -> Result<Vec<T>, LoadError> {
        self.list()?.each(parse)
    }

    /// The value as a table with these keys.
    pub(crate) fn table(&self, keys: &'static Keys) -> Result<Table<'d>, LoadError> {
        self.is_read(Reading::Table(keys));
        self.opened(Described::Keys(keys))?.checked(keys)
    }

    /// The value as a table whose keys are names that the writer chose.
    pub(crate) fn open_table(&self) -> Result<Table<'d>, LoadError> {
        self.is_read(Reading::Named);
        self.opened(Described::Named(self.shape.and_then(Shape::named)))
    }

    fn opened(&self, holds: Described) -> Result<Table<'d>, LoadError> {
        if !self.is_table() {
            return Err(self.expected("a table"));
        }
        Ok(Table { document: self.document, node: self.node, holds })
    }

    /// True when the value is a table.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.node.value(), Value::Table(..))
    }

    /// True when the value is a list.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.value(), Value::Array(_))
    }

    /// True when the value is a whole number.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.node.value(), Value::Integer(..))
    }

    /// The value as one of these words.
    pub(crate) fn word<T: Copy + Sync>(&self, words: &[(&'static str, T)]) -> Result<T, LoadError> {
        self.is_read(Reading::Word(&words));
        let text = self.string()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        let known = words.words();
        let error = self.error(format!("`{text}` is not a value of `{}`", self.key()));
        Err(match nearest(text, known.iter().copied()) {
            Some(word) => error.hint(format!("did you mean `{word}`?")),
            None => error.hint(format!("write {}", list(&known))),
        })
    }

    /// An error at the value.
    pub(crate) fn error(&self, message: impl Into<String>) -> LoadError {
        let span = self.node.span();
        self.document.error(&span, message)
    }

    /// An error at the key.
    pub(crate) fn key_error(&self, message: impl Into<String>) -> LoadError {
        let span = self.named.key_span();
        self.document.error(&span, message)
    }

    // INVARIANT: what is read is what is described, which every test that reads the key proves; so a schema that is
    // printed from the descriptions takes what the loader takes.
    fn is_read(&self, reading: Reading<'_>) {
        debug_assert!(
            self.shape.is_some_and(|shape| shape.admits(reading)),
            "`{}` is read in a way that its description does not say",
            self.key()
        );
    }

    fn expected(&self, what: &str) -> LoadError {
        self.error(format!("`{}` must be {what}, not {}", self.key(), kind(self.node.value())))
    }
}

/// The elements of a list, one after another.
#[derive(Clone)]
pub(crate) struct List<'d> {
    /// The list, with the shape of an element.
    of: Item<'d>,
    next: Option<&'d Node>,
}

impl<'d> List<'d> {
    /// How many elements the whole list has.
    pub(crate) fn count_all(&self) -> usize {
        self.of.node.value().count()
    }

    /// Parses each.
    pub(crate) fn each<T>(self, parse: impl Fn(&Item<'d>) -> Result<T, LoadError>) -> Result<Vec<T>, LoadError> {
        // An iterator that may fail does not tell how long it is, and memory that grows is used twice.
        let mut all = Vec::with_capacity(self.count_all());
        for item in self {
            all.push(parse(&item)?);
        }
        Ok(all)
    }
}

impl<'d> Iterator for List<'d> {
    type Item = Item<'d>;

    fn next(&mut self) -> Option<Item<'d>> {
        let node = self.next?;
        self.next = self.of.document.tree.after(node);
        Some(Item { node, ..self.of.clone() })
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

fn kind(value: Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(..) => "a whole number",
        Value::Float => "a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime => "a date",
        Value::Array(_) => "a list",
        Value::Table(..) => "a table",
    }
}
