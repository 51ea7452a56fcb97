//! Lays a TOML document out: keys in the order of their description, one space around `=`, one blank line between
//! tables, lists wrapped where they are too long. Keeps each comment, each value as it is written, and the order of
//! everything that has one. Touches no file.

mod comment;
mod value;

use opaque_policy::order::Order;
use toml_edit::{Document, Item, Key, RawString, Table, TomlError, Value};

use comment::{Lines, trailing};

pub(crate) use comment::comments;

/// The widest line that a list is written in.
const COLUMNS: usize = 100;

/// A document, laid out.
pub(crate) fn laid_out(text: &str, order: Order) -> Result<String, TomlError> {
    let document = Document::parse(text)?;
    let mut page = Page { text, out: String::new() };
    page.values(document.as_table(), order);
    let mut blocks = blocks(document.as_table(), order);
    blocks.sort_by_key(|block| block.first().and_then(|section| section.table.position()));
    for block in blocks {
        let mut is_first = true;
        for section in block {
            page.section(&section, is_first);
            is_first = false;
        }
    }
    page.ending(document.trailing());
    Ok(page.out)
}

/// A table with a header of its own.
struct Section<'t> {
    header: String,
    table: &'t Table,
    order: Order,
}

/// Tables with what is below each: what may not be torn apart.
fn blocks<'t>(table: &'t Table, order: Order) -> Vec<Vec<Section<'t>>> {
    let mut found = Vec::new();
    for (name, item) in table.iter() {
        let Some(key) = table.key(name) else { continue };
        let order = order.below(name);
        match item {
            Item::Table(one) => found.push(sections(one, &key.display_repr(), order, false)),
            Item::ArrayOfTables(several) => {
                found.extend(several.iter().map(|one| sections(one, &key.display_repr(), order, true)));
            }
            Item::None | Item::Value(_) => {}
        }
    }
    found.retain(|block| !block.is_empty());
    found
}

/// A table and all below it, in the order of their description.
fn sections<'t>(table: &'t Table, path: &str, order: Order, is_element: bool) -> Vec<Section<'t>> {
    let mut found = Vec::new();
    if !table.is_implicit() && !table.is_dotted() {
        let header = if is_element { format!("[[{path}]]") } else { format!("[{path}]") };
        found.push(Section { header, table, order });
    }
    let mut below: Vec<(usize, Vec<Section<'t>>)> = Vec::new();
    for (name, item) in table.iter() {
        let Some(key) = table.key(name) else { continue };
        let path = format!("{path}.{}", key.display_repr());
        let place = order.place(name);
        let order = order.below(name);
        match item {
            Item::Table(one) => below.push((place, sections(one, &path, order, false))),
            Item::ArrayOfTables(several) => {
                below.extend(several.iter().map(|one| (place, sections(one, &path, order, true))));
            }
            Item::None | Item::Value(_) => {}
        }
    }
    // Stable: what has no place among the others stays in the order in which it was written.
    below.sort_by_key(|(place, _)| *place);
    found.extend(below.into_iter().flat_map(|(_, sections)| sections));
    found
}

/// What is written so far, and the text that it comes from.
struct Page<'t> {
    text: &'t str,
    out: String,
}

/// Where a comment behind something begins.
#[derive(Clone, Copy)]
enum Column {
    /// Where it began, as comments below each other are aligned.
    Kept,
    /// After a blank.
    Next,
}

impl Page<'_> {
    fn source(&self, raw: Option<&RawString>) -> &str {
        raw.and_then(|raw| self.text.get(raw.span()?)).unwrap_or_default()
    }

    /// The column at which a comment behind something began.
    fn column(&self, raw: Option<&RawString>) -> usize {
        let at =
            raw.and_then(RawString::span).and_then(|span| Some(span.start + self.text.get(span.clone())?.find('#')?));
        let before = at.and_then(|at| self.text.get(..at)).unwrap_or_default();
        before.rsplit('\n').next().unwrap_or_default().chars().count()
    }

    /// The comment behind something on its line, where it began as far as there is room.
    fn behind(&mut self, raw: Option<&RawString>, column: Column) {
        if let Some(comment) = trailing(self.source(raw)).map(str::to_owned) {
            let column = match column {
                Column::Kept => self.column(raw),
                Column::Next => 0,
            };
            let width = self.out.rsplit('\n').next().unwrap_or_default().chars().count();
            let blanks = column.saturating_sub(width).max(1);
            self.out.push_str(&" ".repeat(blanks));
            self.out.push_str(&comment);
        }
        self.out.push('\n');
    }

    fn section(&mut self, section: &Section<'_>, is_first: bool) {
        let lines = Lines::of(self.source(section.table.decor().prefix()));
        match (is_first && !self.out.is_empty(), lines.split_tail()) {
            // What ends a block without a blank line before it belongs to that block.
            (true, Some((tail, own))) => {
                self.out.push_str(&format!("{tail}\n{own}"));
            }
            (true, None) => self.out.push_str(&format!("\n{}", lines.without_first_blank())),
            (false, _) => self.out.push_str(lines.without_first_blank()),
        }
        self.out.push_str(&section.header);
        self.behind(section.table.decor().suffix(), Column::Kept);
        self.values(section.table, section.order);
    }

    /// The values of a table, one key a line.
    fn values(&mut self, table: &Table, order: Order) {
        let mut values = table.get_values();
        let is_top = table.position().is_none() && self.out.is_empty();
        // What stands above the first key of the document is about the document.
        let first = values.iter().filter_map(|(path, _)| path.last()).min_by_key(|key| key.span().map(|at| at.start));
        let heading = first.and_then(|key| key.leaf_decor().prefix()).filter(|_| is_top).cloned();
        if heading.is_some() {
            let lines = Lines::of(self.source(heading.as_ref()));
            self.out.push_str(lines.without_first_blank());
        }
        values
            .sort_by_key(|(path, _)| (places(path, order), path.last().and_then(|key| key.span()).map(|at| at.start)));
        let mut is_first = true;
        for (path, value) in values {
            let prefix =
                path.last().and_then(|key| key.leaf_decor().prefix()).filter(|raw| Some(*raw) != heading.as_ref());
            let lines = Lines::of(self.source(prefix));
            self.out.push_str(if is_first { lines.without_first_blank() } else { lines.all() });
            self.entry(&path, value, order);
            is_first = false;
        }
    }

    fn entry(&mut self, path: &[&Key], value: &Value, order: Order) {
        let names: Vec<_> = path.iter().map(|key| key.display_repr()).collect();
        let key = format!("{} = ", names.join("."));
        let order = path.iter().fold(order, |order, key| order.below(key.get()));
        let value_text = value::written(self.text, value, order, key.chars().count());
        self.out.push_str(&key);
        self.out.push_str(&value_text);
        let is_one_line = value.span().and_then(|span| self.text.get(span)).is_some_and(|text| !text.contains('\n'));
        self.behind(value.decor().suffix(), if is_one_line { Column::Kept } else { Column::Next });
    }

    fn ending(&mut self, raw: &RawString) {
        let lines = Lines::of(self.source(Some(raw)));
        let text = if self.out.is_empty() { lines.without_first_blank() } else { lines.all() };
        let text = text.trim_end_matches('\n').to_owned();
        if !text.is_empty() {
            self.out.push_str(&text);
            self.out.push('\n');
        }
    }
}

/// Where a dotted key stands, step by step.
pub(crate) fn places(path: &[&Key], order: Order) -> Vec<usize> {
    let mut here = order;
    let mut places = Vec::with_capacity(path.len());
    for key in path {
        places.push(here.place(key.get()));
        here = here.below(key.get());
    }
    places
}

#[cfg(test)]
mod tests;
