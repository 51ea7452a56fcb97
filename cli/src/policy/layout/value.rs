//! One value, written in one line or, where a list is too long for that or holds comments, over several.

use opaque_policy::order::Order;
use toml_edit::{Array, InlineTable, RawString, Value};

use super::comment::{Lines, comments, trailing};
use super::{COLUMNS, places};

/// The value as it stands behind a key of this width.
pub(super) fn written(text: &str, value: &Value, order: Order, width: usize) -> String {
    let line = in_line(text, value, order);
    let is_wide = width + line.chars().count() > COLUMNS;
    match value {
        Value::Array(list) if has_comments(text, value) || is_wide && !list.is_empty() => over_lines(text, list, order),
        Value::Array(_)
        | Value::InlineTable(_)
        | Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => line,
    }
}

fn in_line(text: &str, value: &Value, order: Order) -> String {
    match value {
        // It has lines of its own, which are its writer's.
        Value::Array(_) | Value::InlineTable(_) if has_comments(text, value) => source(text, value).to_owned(),
        Value::Array(list) => {
            let elements: Vec<String> = list.iter().map(|element| in_line(text, element, order)).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::InlineTable(table) => inline_table(text, table, order),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            source(text, value).to_owned()
        }
    }
}

fn inline_table(text: &str, table: &InlineTable, order: Order) -> String {
    let mut values = table.get_values();
    values.sort_by_key(|(path, _)| places(path, order));
    let entries: Vec<String> = values
        .iter()
        .map(|(path, value)| {
            let names: Vec<_> = path.iter().map(|key| key.display_repr()).collect();
            let order = path.iter().fold(order, |order, key| order.below(key.get()));
            format!("{} = {}", names.join("."), in_line(text, value, order))
        })
        .collect();
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// An element a line, with the comments that stand between them.
fn over_lines(text: &str, list: &Array, order: Order) -> String {
    let slice = |raw: Option<&RawString>| raw.and_then(|raw| text.get(raw.span()?)).unwrap_or_default();
    let mut out = String::from("[");
    let mut has_comment = false;
    for element in list.iter() {
        let (prefix, suffix) = (slice(element.decor().prefix()), slice(element.decor().suffix()));
        between(&mut out, prefix, has_comment);
        out.push_str(&format!("    {},", in_line(text, element, order)));
        // Before the comma or after it: on the line of the element.
        has_comment = !comments(suffix).is_empty();
        if let Some(comment) = trailing(suffix) {
            out.push_str(&format!(" {comment}"));
        }
        let further = suffix.split_once('\n').map_or("", |(_, further)| further);
        if !comments(further).is_empty() {
            out.push('\n');
            out.push_str(&indented(&Lines::of(further)));
            out.pop();
        }
    }
    between(&mut out, slice(Some(list.trailing())), has_comment);
    out.push(']');
    out
}

/// What stands between two elements: the rest of the line of the first, unless it has a comment, and lines of comments.
fn between(out: &mut String, text: &str, has_comment: bool) {
    let (rest, lines) = text.split_once('\n').unwrap_or((text, ""));
    match trailing(rest) {
        Some(comment) if has_comment => out.push_str(&format!("\n    {comment}")),
        Some(comment) => out.push_str(&format!(" {comment}")),
        None => {}
    }
    out.push('\n');
    out.push_str(&indented(&Lines::of(lines)));
}

/// Comments below each other. Blank lines mean nothing inside a list.
fn indented(lines: &Lines) -> String {
    lines.all().lines().filter(|line| !line.is_empty()).map(|line| format!("    {line}\n")).collect()
}

fn has_comments(text: &str, value: &Value) -> bool {
    !comments(source(text, value)).is_empty()
}

fn source<'t>(text: &'t str, value: &Value) -> &'t str {
    value.span().and_then(|span| text.get(span)).unwrap_or_default()
}
