//! Makes a tree from the events of the grammar. Once something is wrong, whatever else is made does not count.

use toml_parser::decoder::Encoding;
use toml_parser::parser::EventReceiver;
use toml_parser::{ErrorSink, Raw, Source, Span};

use crate::document::tree::texts::{Place, Texts};
use crate::document::tree::{Below, Children, DEPTH, Index, KEYS, Made, Node, Refused, Value, find};

/// The text of a key, and where it stands.
#[derive(Debug, Clone, Copy, Default)]
struct Key {
    text: Place,
    place: Place,
}

/// The key of what stands in a list.
const NAMELESS: Key = Key { text: Place { start: 0, end: 0 }, place: Place { start: 0, end: 0 } };

/// A tree in the making.
pub(super) struct Building<'s> {
    source: Source<'s>,
    texts: Texts<'s>,
    nodes: Vec<Node>,
    /// The table whose header came last.
    table: Index,
    /// Lists and tables in braces that are still open.
    open: Vec<Index>,
    /// The parts of the key that is being read.
    keys: Vec<Key>,
    /// Where the header that is being read begins.
    header: usize,
    refused: Option<Refused>,
}

impl<'s> Building<'s> {
    pub(super) fn new(text: &'s str, nodes: usize) -> Self {
        let mut all = Vec::with_capacity(nodes + 1);
        all.push(Node::new(NAMELESS, NAMELESS.place, Value::Table(Children::default(), Made::Header)));
        let (source, texts) = (Source::new(text), Texts::new(text));
        Self { source, texts, nodes: all, table: 0, open: Vec::new(), keys: Vec::new(), header: 0, refused: None }
    }

    pub(super) fn finish(self) -> Result<(Texts<'s>, Vec<Node>), Refused> {
        self.refused.map_or(Ok((self.texts, self.nodes)), Err)
    }

    fn wrong<T>(&mut self) -> Option<T> {
        self.refused.get_or_insert(Refused::Wrong);
        None
    }

    /// Adds a value to a list or a table that has no such key.
    fn add(&mut self, to: Index, key: Key, place: Place, value: Value) -> Option<Index> {
        let Some(index) = Index::try_from(self.nodes.len()).ok().and_then(Below::new) else { return self.wrong() };
        let parent = &mut self.nodes.get_mut(to as usize)?.value;
        let is_table = parent.made().is_some();
        let children = parent.children_mut()?;
        children.count += 1;
        if is_table && children.count as usize > KEYS {
            self.refused.get_or_insert(Refused::Keys(key.place.range()));
            return None;
        }
        children.first.get_or_insert(index);
        let before = children.last.replace(index);
        if let Some(before) = before {
            self.nodes.get_mut(before.get() as usize)?.next = Some(index);
        }
        self.nodes.push(Node::new(key, place, value));
        Some(index.get())
    }

    fn value(&self, index: Index) -> Option<Value> {
        self.nodes.get(index as usize).map(|node| node.value)
    }

    fn made(&self, index: Index) -> Option<Made> {
        self.value(index)?.made()
    }

    fn set_made(&mut self, index: Index, now: Made) {
        if let Some(Node { value: Value::Table(_, made), .. }) = self.nodes.get_mut(index as usize) {
            *made = now;
        }
    }

    fn find(&self, table: Index, key: Key) -> Option<Index> {
        let table = self.nodes.get(table as usize)?;
        find(&self.nodes, &self.texts, table, self.texts.get(key.text)).map(Below::get)
    }

    /// The last table of a list that `[[…]]` makes.
    fn last_of_tables(&self, index: Index) -> Option<Index> {
        let value = self.value(index)?;
        value.children().filter(|children| children.is_of_tables)?.last.map(Below::get)
    }

    /// The table that a header's path leads to, made where it is not there.
    fn through(&mut self, path: &[Key]) -> Option<Index> {
        let mut table = 0;
        for key in path {
            table = match self.find(table, *key) {
                None => self.add(table, *key, key.place, Value::Table(Children::default(), Made::Through))?,
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

    fn begin_table(&mut self, path: &[Key], end: usize, is_of_tables: bool) -> Option<()> {
        let (Some((key, path)), Some(place)) = (path.split_last(), Place::new(self.header, end)) else {
            return self.wrong();
        };
        if path.len() >= DEPTH as usize {
            return self.wrong();
        }
        let parent = self.through(path)?;
        let empty = Value::Table(Children::default(), Made::Header);
        self.table = match (self.find(parent, *key), is_of_tables) {
            (None, false) => self.add(parent, *key, place, empty)?,
            (Some(found), false) if self.made(found) == Some(Made::Through) => {
                self.set_made(found, Made::Header);
                let node = self.nodes.get_mut(found as usize)?;
                (node.place, node.key_place) = (place, key.place);
                found
            }
            (None, true) => {
                let list = Value::Array(Children { is_of_tables: true, ..Children::default() });
                let list = self.add(parent, *key, place, list)?;
                self.add(list, NAMELESS, place, empty)?
            }
            (Some(list), true) if self.last_of_tables(list).is_some() => self.add(list, NAMELESS, place, empty)?,
            (Some(_), false | true) => return self.wrong(),
        };
        Some(())
    }

    /// Ends a header.
    fn close_table(&mut self, span: Span, is_of_tables: bool) {
        let path = std::mem::take(&mut self.keys);
        if self.begin_table(&path, span.end(), is_of_tables).is_none() {
            self.refuse();
        }
        self.use_again(path);
    }

    /// Puts a value where it belongs: into the list that is open, or behind the key that was read.
    fn put(&mut self, place: Place, value: Value) -> Option<Index> {
        let within = self.open.last().copied();
        if let Some(list) = within.filter(|within| self.made(*within).is_none()) {
            return self.add(list, NAMELESS, place, value);
        }
        let path = std::mem::take(&mut self.keys);
        let put = self.put_behind(&path, within, place, value);
        self.use_again(path);
        put
    }

    fn put_behind(&mut self, path: &[Key], within: Option<Index>, place: Place, value: Value) -> Option<Index> {
        let mut table = within.unwrap_or(self.table);
        let dotted = if within.is_some() { Made::InlineDotted } else { Made::Dotted };
        let Some((key, path)) = path.split_last().filter(|(_, path)| path.len() < DEPTH as usize) else {
            return self.wrong();
        };
        for key in path {
            table = match self.find(table, *key) {
                None => self.add(table, *key, key.place, Value::Table(Children::default(), dotted))?,
                Some(found) => match (self.made(found), dotted) {
                    (Some(made), dotted) if made == dotted => found,
                    (Some(Made::Through), Made::Dotted) => {
                        self.set_made(found, Made::Dotted);
                        found
                    }
                    (None, Made::Dotted) if self.last_of_tables(found).is_some() => {
                        self.refused.get_or_insert(Refused::Dotted(key.place.range()));
                        return None;
                    }
                    (Some(_) | None, _) => return self.wrong(),
                },
            };
        }
        if self.find(table, *key).is_some() {
            return self.wrong();
        }
        self.add(table, *key, place, value)
    }

    /// Keeps the memory of a path for the next key.
    fn use_again(&mut self, mut path: Vec<Key>) {
        path.clear();
        self.keys = path;
    }

    fn open_value(&mut self, span: Span, value: Value) -> bool {
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

impl Node {
    fn new(key: Key, place: Place, value: Value) -> Self {
        Self { key: key.text, key_place: key.place, place, value, next: None }
    }
}

impl EventReceiver for Building<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.header = span.start();
        self.keys.clear();
    }

    fn std_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.close_table(span, false);
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.header = span.start();
        self.keys.clear();
    }

    fn array_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.close_table(span, true);
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
        let key = self.raw(span, encoding).and_then(|(raw, place)| {
            let text = self.texts.key(raw, place, encoding, error)?;
            Some(Key { text, place })
        });
        match key {
            Some(key) => self.keys.push(key),
            None => self.refuse(),
        }
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        let put = self.raw(span, encoding).and_then(|(raw, place)| {
            let value = self.texts.value(raw, place, encoding, error)?;
            self.put(place, value)
        });
        if put.is_none() {
            self.refuse();
        }
    }

    fn error(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.refuse();
    }
}
