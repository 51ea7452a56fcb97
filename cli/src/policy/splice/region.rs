//! Where a rule stands in a text: its lines, from the comment directly above it to its last value.

use std::ops::Range;

use opaque_policy::order::Order;
use toml_edit::{Document, InlineTable, Item, Table, Value};

use super::{Impossible, span};

/// A rule as it is written.
pub(super) enum Rule<'t> {
    /// Under `[[rules]]`.
    Header(&'t Table),
    /// Between braces, in a list.
    Inline(&'t InlineTable),
}

/// The rule with this name.
pub(super) fn named<'t>(document: &'t Document<&str>, rule: &str) -> Result<Rule<'t>, Impossible> {
    let is_named = |name: Option<&str>| name == Some(rule);
    let (found, names): (Option<Rule<'t>>, Vec<&str>) = match document.as_table().get("rules") {
        Some(Item::ArrayOfTables(rules)) => (
            rules.iter().find(|one| is_named(one.get("name").and_then(Item::as_str))).map(Rule::Header),
            rules.iter().filter_map(|one| one.get("name")?.as_str()).collect(),
        ),
        Some(Item::Value(Value::Array(rules))) => (
            rules
                .iter()
                .filter_map(Value::as_inline_table)
                .find(|one| is_named(one.get("name").and_then(Value::as_str)))
                .map(Rule::Inline),
            rules.iter().filter_map(|one| one.as_inline_table()?.get("name")?.as_str()).collect(),
        ),
        Some(Item::None | Item::Value(_) | Item::Table(_)) | None => (None, Vec::new()),
    };
    found.ok_or_else(|| {
        let hint = match names.as_slice() {
            [] => "there is no rule in it".to_owned(),
            names => format!("the rules are {}", names.join(", ")),
        };
        Impossible::new(format!("there is no rule `{rule}`\nhint: {hint}"))
    })
}

/// The lines of a rule.
pub(super) struct Region {
    /// From the comment directly above the header to the end of the last line that says something.
    pub(super) lines: Range<usize>,
    /// Each table directly below the rule: its key, and where its last line ends.
    tables: Vec<(String, usize)>,
    /// Where the last line under the rule's own header ends.
    own: usize,
}

impl Region {
    /// The lines of the rule with this name, which have to stand together.
    pub(super) fn of(document: &Document<&str>, text: &str, rule: &str) -> Result<Self, Impossible> {
        let Rule::Header(table) = named(document, rule)? else {
            let message = format!("the rule `{rule}` has no lines of its own\nhint: write it under `[[rules]]`");
            return Err(Impossible::new(message));
        };
        let header = span(table.span())?;
        let own = own_end(text, table)?;
        let mut tables = Vec::new();
        for (key, item) in table.iter() {
            for (_, end) in below(text, item)? {
                tables.push((key.to_owned(), end));
            }
        }
        let end = tables.iter().map(|(_, end)| *end).max().unwrap_or(own).max(own);
        let start = comment_start(text, line_start(text, header.start));
        let region = Self { lines: start..end, tables, own };
        let others = headers(document.as_table());
        let inside = others.iter().filter(|other| region.lines.contains(&other.start)).count();
        let whole = headers(table).len() + 1;
        if inside == whole {
            Ok(region)
        } else {
            let message = format!("the tables of the rule `{rule}` do not stand together");
            Err(Impossible::new(format!("{message}\nhint: `opaque policy fmt` puts them together")))
        }
    }

    /// The end of the line after which a table of the rule is best written.
    pub(super) fn place_for(&self, order: Order, key: &str, text: &str) -> usize {
        let before = self.tables.iter().filter(|(other, _)| order.place(other) <= order.place(key));
        before.map(|(_, end)| *end).max().unwrap_or(self.own).min(text.len())
    }

    /// The lines with the blank ones after them, or where none follows, with those before them.
    pub(super) fn with_blank_lines(&self, text: &str) -> Range<usize> {
        let mut place = self.lines.clone();
        let after = text.get(place.end..).unwrap_or_default();
        if after.trim().is_empty() {
            place.end = text.len();
            let before = text.get(..place.start).unwrap_or_default();
            let kept = before.trim_end();
            place.start = line_end(text, kept.len()).min(place.start);
        } else {
            let blank: usize =
                after.split_inclusive('\n').take_while(|line| line.trim().is_empty()).map(str::len).sum();
            place.end += blank;
        }
        place
    }
}

/// The lines of a table and of all that is below it.
pub(super) fn lines_of(text: &str, table: &Table) -> Result<Vec<Range<usize>>, Impossible> {
    if table.is_dotted() {
        return table
            .get_values()
            .into_iter()
            .map(|(path, value)| {
                // The keys before the dots are on the same line.
                let key = span(path.first().and_then(|key| key.span()))?;
                Ok(line_start(text, key.start)..line_end(text, span(value.span())?.end))
            })
            .collect();
    }
    let mut lines = Vec::new();
    if !table.is_implicit() {
        let header = span(table.span())?;
        lines.push(line_start(text, header.start)..own_end(text, table)?);
    }
    for (_, item) in table.iter() {
        lines.extend(below(text, item)?.into_iter().map(|(start, end)| start..end));
    }
    Ok(lines)
}

/// First and last byte of the lines of each table with a header in this item, with those below it.
fn below(text: &str, item: &Item) -> Result<Vec<(usize, usize)>, Impossible> {
    let tables: Vec<&Table> = match item {
        Item::Table(one) => vec![one],
        Item::ArrayOfTables(several) => several.iter().collect(),
        Item::None | Item::Value(_) => Vec::new(),
    };
    let mut found = Vec::new();
    for table in tables.into_iter().filter(|table| !table.is_dotted()) {
        found.extend(lines_of(text, table)?.into_iter().map(|lines| (lines.start, lines.end)));
    }
    Ok(found)
}

/// Where every header at and below a table stands, its own not counted.
fn headers(table: &Table) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (_, item) in table.iter() {
        let tables: Vec<&Table> = match item {
            Item::Table(one) => vec![one],
            Item::ArrayOfTables(several) => several.iter().collect(),
            Item::None | Item::Value(_) => Vec::new(),
        };
        for one in tables {
            found.extend(one.span().filter(|_| !one.is_dotted() && !one.is_implicit()));
            found.extend(headers(one));
        }
    }
    found
}

/// Where the last line under a table's own header ends.
fn own_end(text: &str, table: &Table) -> Result<usize, Impossible> {
    let header = span(table.span())?.end;
    let values = table.get_values();
    let last = values.iter().filter_map(|(_, value)| value.span()).map(|span| span.end).max().unwrap_or(header);
    Ok(line_end(text, last.max(header)))
}

/// Where the line begins that this byte is in.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// Where the line ends that this byte is in, its newline included.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|after| after.find('\n')).map_or(text.len(), |newline| at + newline + 1)
}

/// Where the comment begins whose last line is directly above.
fn comment_start(text: &str, mut at: usize) -> usize {
    while let Some(above) = at.checked_sub(1).map(|newline| line_start(text, newline)) {
        if !text.get(above..at).is_some_and(|line| line.trim_start().starts_with('#')) {
            break;
        }
        at = above;
    }
    at
}
