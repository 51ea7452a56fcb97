//! One value of a document, read as what the reader says that it is; a list, element by element. Anything else is refused
//! with its place.

use crate::document::tree::{Node, Value};
use crate::document::{At, Described, Document, Table, list, nearest};
use crate::load::LoadError;
use crate::shape::{Keys, Reading, Shape, Words};

/// One value and the key that it belongs to.
#[derive(Clone)]
pub(crate) struct Item<'d> {
    pub(super) document: &'d Document<'d>,
    /// What has the key: the value itself, or the list that it stands in.
    pub(super) named: &'d Node,
    pub(super) node: &'d Node,
    pub(super) shape: Option<&'static Shape>,
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
