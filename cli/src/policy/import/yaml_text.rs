//! Reads YAML into a tree with places. One document, no anchors, aliases, tags or merge keys, no key twice: what a
//! policy does not need is refused, so that no text is larger or other than it looks. Never recurses.

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::source::{Entry, Kind, Node, Place, Refusal, checked};

/// How deep values may stand in each other: three times what any source needs.
const DEEPEST: usize = 24;

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Node, Refusal> {
    indented_by_spaces(text)?;
    let mut parser = Parser::new_from_str(text);
    let mut tree = Tree::default();
    let mut documents = 0_usize;
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| {
            let at = Place { line: error.marker().line(), column: error.marker().col() + 1 };
            Refusal::new(at, format!("this is not YAML: {}", error.info()))
        })?;
        let place = place(&span);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(Refusal::new(place, "this is a second document").hint("import one file at a time"));
                }
            }
            Event::Alias(_) => return Err(indirect(place)),
            Event::Scalar(text, style, anchor, tag) => {
                plain(place, anchor, tag.is_some())?;
                checked(place, &text)?;
                tree.add(Node { place, kind: scalar(text.into_owned(), style) })?;
            }
            Event::SequenceStart(anchor, tag) => {
                plain(place, anchor, tag.is_some())?;
                tree.open(place, Inside::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                plain(place, anchor, tag.is_some())?;
                tree.open(place, Inside::Table { entries: Vec::new(), keys: HashSet::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => tree.close()?,
        }
    }
    tree.root.ok_or_else(|| Refusal::new(Place { line: 1, column: 1 }, "there is nothing in it"))
}

/// A tab has no width that two readers agree on.
fn indented_by_spaces(text: &str) -> Result<(), Refusal> {
    for (index, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(column) = line.get(..indent).and_then(|indent| indent.find('\t')) {
            let at = Place { line: index + 1, column: column + 1 };
            return Err(Refusal::new(at, "this line begins with a tab").hint("indent by spaces"));
        }
    }
    Ok(())
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

fn plain(place: Place, anchor: usize, is_tagged: bool) -> Result<(), Refusal> {
    match (anchor, is_tagged) {
        (0, false) => Ok(()),
        (0, true) => Err(Refusal::new(place, "tags are not read").hint("leave it out")),
        (_, _) => Err(indirect(place)),
    }
}

fn indirect(place: Place) -> Refusal {
    Refusal::new(place, "anchors and aliases are not read").hint("write the value itself in each place")
}

/// What a scalar is, after the core schema of YAML 1.2.
fn scalar(text: String, style: ScalarStyle) -> Kind {
    match style {
        ScalarStyle::Plain => match text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Nothing,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Word(text),
            other
                if other.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
                    && other.parse::<f64>().is_ok() =>
            {
                Kind::Word(text)
            }
            _ => Kind::Text(text),
        },
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted | ScalarStyle::Literal | ScalarStyle::Folded => {
            Kind::Text(text)
        }
    }
}

/// The tree so far, and what of it is still open.
#[derive(Default)]
struct Tree {
    open: Vec<(Place, Inside)>,
    root: Option<Node>,
}

enum Inside {
    List(Vec<Node>),
    Table { entries: Vec<Entry>, keys: HashSet<String>, key: Option<(Place, String)> },
}

impl Tree {
    fn open(&mut self, place: Place, inside: Inside) -> Result<(), Refusal> {
        if self.open.len() >= DEEPEST {
            return Err(Refusal::new(place, format!("values stand in each other more than {DEEPEST} deep")));
        }
        self.open.push((place, inside));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refusal> {
        let Some((place, inside)) = self.open.pop() else { return Ok(()) };
        let kind = match inside {
            Inside::List(values) => Kind::List(values),
            Inside::Table { entries, .. } => Kind::Table(entries),
        };
        self.add(Node { place, kind })
    }

    fn add(&mut self, node: Node) -> Result<(), Refusal> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((_, Inside::List(values))) => values.push(node),
            Some((_, Inside::Table { entries, keys, key })) => match key.take() {
                Some((place, key)) => entries.push(Entry { place, key, value: node }),
                None => {
                    let place = node.place;
                    let name = name(node)?;
                    if !keys.insert(name.clone()) {
                        return Err(Refusal::new(place, format!("the key `{name}` stands here twice")));
                    }
                    *key = Some((place, name));
                }
            },
        }
        Ok(())
    }
}

fn name(node: Node) -> Result<String, Refusal> {
    match node.kind {
        Kind::Text(text) if text == "<<" => {
            Err(Refusal::new(node.place, "merge keys are not read").hint("write the keys themselves"))
        }
        Kind::Text(text) | Kind::Word(text) => Ok(text),
        Kind::Nothing | Kind::List(_) | Kind::Table(_) => Err(Refusal::new(node.place, "a key is one word")),
    }
}
