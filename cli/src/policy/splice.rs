//! Changes to one rule of a document, each as a replacement of the bytes of one place: every other byte stays what it
//! was. Decides nothing about what the document means, and touches no file.

mod region;

use std::ops::Range;

use opaque_policy::order::Order;
use toml_edit::{Document, InlineTable, Item, Key, Table, Value};

use crate::policy::layout::places;
use region::{Region, line_end, line_start, named};

/// Why a change cannot be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Impossible(pub(super) String);

impl Impossible {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

type Changed = Result<String, Impossible>;

/// Where a rule is moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Directly before the other.
    Before,
    /// Directly after it.
    After,
}

/// The document with one key of a rule at this value: the value is replaced, or a line is added at its place.
pub(super) fn set(text: &str, rule: &str, path: &[String], value: &str, order: Order) -> Changed {
    let document = parsed(text)?;
    let shown = path.join(".");
    match found(&document, rule, path)? {
        Found::Value { value: old, .. } => Ok(replaced(text, span(old.span())?, value)),
        Found::Tables(_) => Err(Impossible::new(format!(
            "`{shown}` is a table\nhint: name a key in it, or replace all of it: remove it with `--unset {shown}` before"
        ))),
        Found::Nothing { inside: Inside::Inline(table), rest } => {
            Ok(in_braces(text, table, &format!("{} = {value}", dotted(rest)))?)
        }
        Found::Nothing { inside: Inside::Header(table), rest } => {
            let is_rule = rest.len() == path.len();
            match rest.split_first() {
                // A table of the rule that there is none of yet.
                Some((first, below)) if is_rule && !below.is_empty() && !table.contains_key(first) => {
                    let region = Region::of(&document, text, rule)?;
                    let at = region.place_for(order, first, text);
                    let header =
                        format!("[rules.{}]\n{} = {value}", dotted(std::slice::from_ref(first)), dotted(below));
                    Ok(with_line(text, at, &header))
                }
                Some(_) | None => {
                    let order = path.iter().take(path.len() - rest.len()).fold(order, |order, key| order.below(key));
                    Ok(with_line(
                        text,
                        after_neighbour(text, table, rest, order)?,
                        &format!("{} = {value}", dotted(rest)),
                    ))
                }
            }
        }
    }
}

/// The document without one key of a rule, or without a table of it. A comment behind a value gets a line of its own.
pub(super) fn unset(text: &str, rule: &str, path: &[String]) -> Changed {
    let document = parsed(text)?;
    match found(&document, rule, path)? {
        Found::Value { value, inside: Inside::Header(_) } => Ok(without_line(text, span(value.span())?)),
        Found::Value { value, inside: Inside::Inline(table) } => out_of_braces(text, table, &span(value.span())?),
        Found::Tables(tables) => {
            let mut places = Vec::new();
            for table in tables {
                places.extend(region::lines_of(text, table)?);
            }
            // From the last to the first, so that places stay where they are.
            places.sort_by_key(|place| std::cmp::Reverse(place.start));
            Ok(places.into_iter().fold(text.to_owned(), |text, place| replaced(&text, place, "")))
        }
        Found::Nothing { .. } => Err(Impossible::new(format!("the rule `{rule}` has no `{}`", path.join(".")))),
    }
}

/// The document without a rule, and without the comment directly above it.
pub(super) fn removed(text: &str, rule: &str) -> Changed {
    let document = parsed(text)?;
    let region = Region::of(&document, text, rule)?;
    Ok(replaced(text, region.with_blank_lines(text), ""))
}

/// The document with a rule at another place among the others, with the comment directly above it.
pub(super) fn moved(text: &str, rule: &str, side: Side, other: &str) -> Changed {
    if rule == other {
        return Err(Impossible::new("a rule cannot stand beside itself"));
    }
    let document = parsed(text)?;
    let region = Region::of(&document, text, rule)?;
    Region::of(&document, text, other)?;
    let mut block = text.get(region.lines.clone()).unwrap_or_default().to_owned();
    if !block.ends_with('\n') {
        block.push('\n');
    }
    let rest = replaced(text, region.with_blank_lines(text), "");
    let place = Region::of(&parsed(&rest)?, &rest, other)?.lines;
    Ok(match side {
        Side::Before => replaced(&rest, place.start..place.start, &format!("{block}\n")),
        Side::After if rest.get(..place.end).is_some_and(|before| before.ends_with('\n')) => {
            replaced(&rest, place.end..place.end, &format!("\n{block}"))
        }
        Side::After => replaced(&rest, place.end..place.end, &format!("\n\n{block}")),
    })
}

/// What stands at a path below a rule.
enum Found<'t> {
    /// A value.
    Value { value: &'t Value, inside: Inside<'t> },
    /// A table with a header, with dotted keys, or several.
    Tables(Vec<&'t Table>),
    /// Nothing: the deepest table that there is, and what is left of the path.
    Nothing { inside: Inside<'t>, rest: &'t [String] },
}

/// The table that a key stands in: the one under whose header, or between whose braces, it is written.
#[derive(Clone, Copy)]
enum Inside<'t> {
    Header(&'t Table),
    Inline(&'t InlineTable),
}

fn found<'t>(document: &'t Document<&str>, rule: &str, path: &'t [String]) -> Result<Found<'t>, Impossible> {
    match named(document, rule)? {
        region::Rule::Header(table) => below(table, table, path, path),
        region::Rule::Inline(table) => Ok(below_inline(table, table, path, path)),
    }
}

/// `header` is the table under whose header `table` is written, with `from` the rest of the path below that header.
fn below<'t>(
    header: &'t Table,
    table: &'t Table,
    path: &'t [String],
    from: &'t [String],
) -> Result<Found<'t>, Impossible> {
    let nothing = Found::Nothing { inside: Inside::Header(header), rest: from };
    let Some((first, rest)) = path.split_first() else { return Ok(Found::Tables(vec![table])) };
    let Some(item) = table.get(first) else { return Ok(nothing) };
    match item {
        Item::None => Ok(nothing),
        Item::Value(Value::InlineTable(inline)) if !rest.is_empty() => Ok(below_inline(inline, inline, rest, rest)),
        Item::Value(value) if rest.is_empty() => Ok(Found::Value { value, inside: Inside::Header(header) }),
        Item::Table(one) if one.is_dotted() => below(header, one, rest, from),
        Item::Table(one) => below(one, one, rest, rest),
        Item::ArrayOfTables(several) if rest.is_empty() => Ok(Found::Tables(several.iter().collect())),
        Item::Value(_) | Item::ArrayOfTables(_) => Err(Impossible::new(format!(
            "`{first}` has no keys of its own\nhint: replace all of it with `--set {first}=VALUE`"
        ))),
    }
}

fn below_inline<'t>(
    braces: &'t InlineTable,
    table: &'t InlineTable,
    path: &'t [String],
    from: &'t [String],
) -> Found<'t> {
    let inside = Inside::Inline(braces);
    let found = path.split_first().and_then(|(first, rest)| Some((table.get(first)?, rest)));
    let Some((value, rest)) = found else { return Found::Nothing { inside, rest: from } };
    match (value, rest) {
        (value, []) => Found::Value { value, inside },
        (Value::InlineTable(one), rest) if one.is_dotted() => below_inline(braces, one, rest, from),
        (Value::InlineTable(one), rest) => below_inline(one, one, rest, rest),
        (
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_),
            _,
        ) => Found::Nothing { inside, rest: from },
    }
}

/// The end of the line after which a key is best written.
fn after_neighbour(text: &str, table: &Table, path: &[String], order: Order) -> Result<usize, Impossible> {
    let keys: Vec<Key> = path.iter().map(Key::new).collect();
    let place = places(&keys.iter().collect::<Vec<_>>(), order);
    let neighbour = table
        .get_values()
        .into_iter()
        .filter(|(path, _)| places(path, order) <= place)
        .max_by_key(|(path, value)| (places(path, order), value.span().map(|span| span.start)));
    let end = match neighbour {
        Some((_, value)) => span(value.span())?.end,
        None => span(table.span())?.end,
    };
    Ok(line_end(text, end))
}

/// A line of its own, at the beginning of a line.
fn with_line(text: &str, at: usize, line: &str) -> String {
    let is_at_start = text.get(..at).is_none_or(|before| before.is_empty() || before.ends_with('\n'));
    let new = if is_at_start { format!("{line}\n") } else { format!("\n{line}\n") };
    replaced(text, at..at, &new)
}

/// A key stands in the line in which its value begins.
fn without_line(text: &str, value: Range<usize>) -> String {
    let line = line_start(text, value.start)..line_end(text, value.end);
    let behind = text.get(value.end..line.end).unwrap_or_default().trim();
    let before = text.get(line.start..value.start).unwrap_or_default();
    let indentation = before.get(..before.len() - before.trim_start().len()).unwrap_or_default();
    let kept = if behind.is_empty() { String::new() } else { format!("{indentation}{behind}\n") };
    replaced(text, line, &kept)
}

fn in_braces(text: &str, table: &InlineTable, entry: &str) -> Changed {
    match table.get_values().last() {
        Some((_, last)) => {
            let at = span(last.span())?.end;
            Ok(replaced(text, at..at, &format!(", {entry}")))
        }
        None => Ok(replaced(text, span(table.span())?, &format!("{{ {entry} }}"))),
    }
}

/// Takes the entry with this value out, together with the comma that it needs. The span of a dotted key is no help: it is
/// where the first key began that begins alike.
fn out_of_braces(text: &str, table: &InlineTable, value: &Range<usize>) -> Changed {
    let mut values =
        table.get_values().into_iter().map(|(_, value)| span(value.span())).collect::<Result<Vec<_>, _>>()?;
    values.sort_by_key(|value| value.start);
    let before = values.iter().rev().find(|other| other.end <= value.start);
    let after = values.iter().find(|other| other.start >= value.end);
    let begins = match before {
        Some(before) => behind_comma(text, before.end..value.start)?,
        None => span(table.span())?.start + 1,
    };
    let place = match (before, after) {
        (_, Some(after)) => skipped(text, begins)..skipped(text, behind_comma(text, value.end..after.start)?),
        (Some(before), None) => before.end..value.end,
        (None, None) => skipped(text, begins)..value.end,
    };
    Ok(replaced(text, place, ""))
}

/// The place behind the comma between two entries.
fn behind_comma(text: &str, between: Range<usize>) -> Result<usize, Impossible> {
    let found =
        text.get(between.clone()).filter(|between| !between.contains('#')).and_then(|between| between.find(','));
    found
        .map(|comma| between.start + comma + 1)
        .ok_or_else(|| Impossible::new("there are comments between the braces\nhint: change it by hand"))
}

/// The place of the next character that is not blank.
fn skipped(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + (rest.len() - rest.trim_start().len())
}

fn parsed(text: &str) -> Result<Document<&str>, Impossible> {
    Document::parse(text).map_err(|error| Impossible::new(error.to_string()))
}

fn span(span: Option<Range<usize>>) -> Result<Range<usize>, Impossible> {
    span.ok_or_else(|| Impossible::new("the place cannot be found in the text"))
}

fn dotted(path: &[String]) -> String {
    path.iter().map(|key| Key::new(key).display_repr().into_owned()).collect::<Vec<_>>().join(".")
}

fn replaced(text: &str, place: Range<usize>, new: &str) -> String {
    let (before, after) = (text.get(..place.start).unwrap_or_default(), text.get(place.end..).unwrap_or_default());
    format!("{before}{new}{after}")
}

#[cfg(test)]
mod tests;
