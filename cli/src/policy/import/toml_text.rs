//! Reads TOML into a tree with places. Nesting is bounded by the parser.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{Entry, Kind, Node, Place, Refusal, checked};

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Node, Refusal> {
    let lines = Lines::new(text);
    let root = DeTable::parse(text).map_err(|error| {
        let at = lines.place(error.span().map_or(0, |span| span.start));
        Refusal::new(at, format!("this is not TOML: {}", error.message().replace('\n', " ")))
    })?;
    Ok(Node { place: Place { line: 1, column: 1 }, kind: table(root.get_ref(), &lines)? })
}

fn table(table: &DeTable<'_>, lines: &Lines<'_>) -> Result<Kind, Refusal> {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let place = lines.place(key.span().start);
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        checked(place, key)?;
        Ok(Entry { place, key: key.to_string(), value: node(value, lines)? })
    };
    Ok(Kind::Table(table.iter().map(entry).collect::<Result<_, Refusal>>()?))
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Result<Node, Refusal> {
    let place = lines.place(value.span().start);
    let kind = match value.get_ref() {
        DeValue::String(text) => {
            checked(place, text)?;
            Kind::Text(text.to_string())
        }
        DeValue::Integer(number) => Kind::Word(number.to_string()),
        DeValue::Float(number) => Kind::Word(number.to_string()),
        DeValue::Boolean(flag) => Kind::Word(flag.to_string()),
        DeValue::Datetime(date) => Kind::Word(date.to_string()),
        DeValue::Array(values) => Kind::List(values.iter().map(|value| node(value, lines)).collect::<Result<_, _>>()?),
        DeValue::Table(inner) => table(inner, lines)?,
    };
    Ok(Node { place, kind })
}

/// A text by its lines.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

/// Columns are counted in characters up to here, and in bytes behind it, so that no long line takes long.
const COUNTED: usize = 1000;

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or_default();
        let before = offset.saturating_sub(start);
        let head = self.text.get(start..offset).filter(|head| head.len() <= COUNTED);
        Place { line, column: head.map_or(before, |head| head.chars().count()) + 1 }
    }
}
