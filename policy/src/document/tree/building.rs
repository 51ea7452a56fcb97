//! Makes a tree from the events of the grammar. Once something is wrong, whatever else is made does not count.

use std::borrow::Cow;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::EventReceiver;
use toml_parser::{ErrorSink, Raw, Source, Span};

use crate::document::tree::{Children, DEPTH, Index, KEYS, Made, Node, Place, Refused, Value};

/// A key and where it stands.
type Key<'s> = (Cow<'s, str>, Place);

/// A tree in the making.
pub(super) struct Building<'s> {
    source: Source<'s>,
    nodes: Vec<Node<'s>>,
    /// The table whose header came last.
    table: Index,
    /// Lists and tables in braces that are still open.
    open: Vec<Index>,
    /// The parts of the key that is being read.
    keys: Vec<Key<'s>>,
    /// Where the header that is being read begins.
    header: usize,
    refused: Option<Refused>,
}

impl<'s> Building<'s> {
    pub(super) fn new(source: Source<'s>, nodes: usize) -> Self {
        let value = Value::Table(Children::default(), Made::Header);
        let (key, place) = nameless();
        let mut all = Vec::with_capacity(nodes + 1);
        all.push(Node { key, key_place: place, place, value, next: None });
        Self { source, nodes: all, table: 0, open: Vec::new(), keys: Vec::new(), header: 0, refused: None }
    }

    pub(super) fn finish(self) -> Result<Vec<Node<'s>>, Refused> {
        self.refused.map_or(Ok(self.nodes), Err)
    }

    fn wrong<T>(&mut self) -> Option<T> {
        self.refused.get_or_insert(Refused::Wrong);
        None
    }

    /// Adds a value to a list or a table that has no such key.
    fn add(&mut self, to: Index, (key, key_place): Key<'s>, place: Place, value: Value<'s>) -> Option<Index> {
        let Ok(index) = Index::try_from(self.nodes.len()) else { return self.wrong() };
        let parent = &mut self.nodes.get_mut(to as usize)?.value;
        let is_table = parent.made().is_some();
        let children = parent.children_mut()?;
        children.count += 1;
        if is_table && children.count as usize > KEYS {
            self.refused.get_or_insert(Refused::Keys(key_place.range()));
            return None;
        }
        children.first.get_or_insert(index);
        let before = children.last.replace(index);
        if let Some(before) = before {
            self.nodes.get_mut(before as usize)?.next = Some(index);
        }
        self.nodes.push(Node { key, key_place, place, value, next: None });
        Some(index)
    }

    fn value(&self, index: Index) -> Option<&Value<'s>> {
        self.nodes.get(index as usize).map(|node| &node.value)
    }

    fn made(&self, index: Index) -> Option<Made> {
        self.value(index)?.made()
    }

    fn set_made(&mut self, index: Index, now: Made) {
        if let Some(Node { value: Value::Table(_, made), .. }) = self.nodes.get_mut(index as usize) {
            *made = now;
        }
    }

    fn find(&self, table: Index, key: &str) -> Option<Index> {
        let mut next = self.value(table)?.children()?.first;
        while let Some(index) = next {
            let node = self.nodes.get(index as usize)?;
            if node.key == key {
                return Some(index);
            }
            next = node.next;
        }
        None
    }

    /// The last table of a list that `[[…]]` makes.
    fn last_of_tables(&self, index: Index) -> Option<Index> {
        let value = self.value(index)?;
        value.children().filter(|children| children.is_of_tables)?.last
    }

    /// The table that a header's path leads to, made where it is not there.
    fn through(&mut self, path: Vec<Key<'s>>) -> Option<Index> {
        let mut table = 0;
        for (key, place) in path {
            table = match self.find(table, &key) {
                None => self.add(table, (key, place), place, Value::Table(Children::default(), Made::Through))?,
                Some(found) => match self.made(found) {
                    Some(Made::Header | Made::Through | Made::Dotted) => found,
                    Some(Made::Inline | Made::InlineDotted) => return self.wrong(),
                    None => match self.last_of_tables(found) {
                        Some(last) => last,
                        None => return self.wrong(),
                    },
                },
            };
        }
        Some(table)
    }

    fn begin_table(&mut self, end: usize, is_of_tables: bool) -> Option<()> {
        let mut path = std::mem::take(&mut self.keys);
        let place = Place::new(self.header, end);
        let (Some(key), Some(place), true) = (path.pop(), place, path.len() < DEPTH as usize) else {
            return self.wrong();
        };
        let parent = self.through(path)?;
        let empty = Value::Table(Children::default(), Made::Header);
        self.table = match (self.find(parent, &key.0), is_of_tables) {
            (None, false) => self.add(parent, key, place, empty)?,
            (Some(found), false) if self.made(found) == Some(Made::Through) => {
                self.set_made(found, Made::Header);
                let node = self.nodes.get_mut(found as usize)?;
                (node.place, node.key_place) = (place, key.1);
                found
            }
            (None, true) => {
                let list = Value::Array(Children { is_of_tables: true, ..Children::default() });
                let list = self.add(parent, key, place, list)?;
                self.add(list, nameless(), place, empty)?
            }
            (Some(list), true) if self.last_of_tables(list).is_some() => self.add(list, nameless(), place, empty)?,
            (Some(_), false | true) => return self.wrong(),
        };
        Some(())
    }

    /// Puts a value where it belongs: into the list that is open, or behind the key that was read.
    fn put(&mut self, place: Place, value: Value<'s>) -> Option<Index> {
        let within = self.open.last().copied();
        if let Some(list) = within.filter(|within| self.made(*within).is_none()) {
            return self.add(list, nameless(), place, value);
        }
        let mut table = within.unwrap_or(self.table);
        let dotted = if within.is_some() { Made::InlineDotted } else { Made::Dotted };
        let mut path = std::mem::take(&mut self.keys);
        let (Some(key), true) = (path.pop(), path.len() < DEPTH as usize) else { return self.wrong() };
        for (key, place) in path.drain(..) {
            table = match self.find(table, &key) {
                None => self.add(table, (key, place), place, Value::Table(Children::default(), dotted))?,
                Some(found) => match (self.made(found), dotted) {
                    (Some(made), dotted) if made == dotted => found,
                    (Some(Made::Through), Made::Dotted) => {
                        self.set_made(found, Made::Dotted);
                        found
                    }
                    (None, Made::Dotted) if self.last_of_tables(found).is_some() => {
                        self.refused.get_or_insert(Refused::Dotted(place.range()));
                        return None;
                    }
                    (Some(_) | None, _) => return self.wrong(),
                },
            };
        }
        // The memory of the path is used again for the next key.
        self.keys = path;
        if self.find(table, &key.0).is_some() {
            return self.wrong();
        }
        self.add(table, key, place, value)
    }

    fn open_value(&mut self, span: Span, value: Value<'s>) -> bool {
        let opened = Place::of(span).and_then(|place| self.put(place, value));
        if opened.is_none() {
            self.refused.get_or_insert(Refused::Wrong);
        }
        // What is open is remembered even where it is wrong, so that every end has its beginning.
        self.open.push(opened.unwrap_or_default());
        true
    }

    fn close_value(&mut self, span: Span) {
        let closed = self.open.pop().and_then(|index| self.nodes.get_mut(index as usize));
        match (closed, u32::try_from(span.end())) {
            (Some(node), Ok(end)) => node.place.end = end,
            (Some(_) | None, _) => self.refuse(),
        }
    }

    fn refuse(&mut self) {
        self.refused.get_or_insert(Refused::Wrong);
    }

    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Option<(Raw<'s>, Place)> {
        let text = self.source.get(span)?.as_str();
        Some((Raw::new_unchecked(text, encoding, span), Place::of(span)?))
    }
}

/// The key of what stands in a list.
fn nameless<'s>() -> Key<'s> {
    (Cow::Borrowed(""), Place::default())
}

impl EventReceiver for Building<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.header = span.start();
        self.keys.clear();
    }

    fn std_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        if self.begin_table(span.end(), false).is_none() {
            self.refuse();
        }
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.header = span.start();
        self.keys.clear();
    }

    fn array_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        if self.begin_table(span.end(), true).is_none() {
            self.refuse();
        }
    }

    fn inline_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.open_value(span, Value::Table(Children::default(), Made::Inline))
    }

    fn inline_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.close_value(span);
    }

    fn array_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.open_value(span, Value::Array(Children::default()))
    }

    fn array_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.close_value(span);
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        let Some((raw, place)) = self.raw(span, encoding) else { return self.refuse() };
        let mut key = Cow::Borrowed("");
        raw.decode_key(&mut key, error);
        self.keys.push((key, place));
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        let Some((raw, place)) = self.raw(span, encoding) else { return self.refuse() };
        let mut text = Cow::Borrowed("");
        let value = match raw.decode_scalar(&mut text, error) {
            ScalarKind::String => Value::String(text),
            ScalarKind::Boolean(value) => Value::Boolean(value),
            ScalarKind::DateTime => Value::Datetime,
            ScalarKind::Float => Value::Float,
            ScalarKind::Integer(radix) => Value::Integer(text, radix.value()),
        };
        if self.put(place, value).is_none() {
            self.refuse();
        }
    }

    fn error(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.refuse();
    }
}
