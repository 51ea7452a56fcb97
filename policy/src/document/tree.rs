//! A TOML document as a flat list of nodes with their places. Says that something is wrong, never what: the `toml` crate
//! has the words for that, and what that crate refuses is refused here.
//!
//! Lexing, grammar and the decoding of strings and numbers are `toml_parser`'s, as they are in the `toml` crate. What is
//! ours is how events become tables, and it is small because it need not explain itself.

mod building;
mod texts;

use std::num::NonZeroU32;
use std::ops::Range;

use toml_parser::lexer::TokenKind;
use toml_parser::parser::{RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{ParseError, Source};

use crate::document::tree::building::Building;
use crate::document::tree::texts::{Place, Texts};

/// How deep lists and tables may stand in each other: as in the `toml` crate.
const DEPTH: u32 = 80;

/// Tokens that are handed to the grammar at once, or a few more: all tokens of a long file take more memory than the rest.
const WINDOW: usize = if cfg!(test) { 4 } else { 1024 };

/// Keys in one table: they are found by looking at one after another.
pub(super) const KEYS: usize = 256;

/// A parsed document.
#[derive(Debug)]
pub(super) struct Tree<'s> {
    texts: Texts<'s>,
    // INVARIANT: the first node is the top table; `first`, `last` and `next` are places in this list.
    nodes: Vec<Node>,
}

/// A value, with the key that it has in a table. Small: a long policy has many, and is slow by the memory that it touches.
#[derive(Debug)]
pub(super) struct Node {
    /// The text of the key.
    key: Place,
    key_place: Place,
    place: Place,
    value: Value,
    next: Option<Below>,
}

type Index = u32;

/// The index of a node that stands in another: any but the first.
type Below = NonZeroU32;

/// What stands in a document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    String(Text),
    /// Its digits, without underscores and prefix, and their base.
    Integer(Text, u32),
    Boolean(bool),
    Float,
    Datetime,
    Array(Children),
    Table(Children, Made),
}

/// A text of the tree that it stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text(Place);

/// The values in a list or a table.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Children {
    first: Option<Below>,
    last: Option<Below>,
    count: u32,
    /// For a list: one that `[[…]]` makes, which further ones may join.
    is_of_tables: bool,
}

/// How a table came to be, which says what may be added to it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// By a header of its own, or it is the top table.
    Header,
    /// By a header that leads through it.
    Through,
    /// By a dotted key.
    Dotted,
    /// In braces.
    Inline,
    /// In braces, by a dotted key.
    InlineDotted,
}

/// Why a document has no tree.
#[derive(Debug)]
pub(super) enum Refused {
    /// The `toml` crate has the words for it.
    Wrong,
    /// A dotted key that adds to a list of tables, which TOML forbids and the `toml` crate lets through.
    Dotted(Range<usize>),
    /// One key more than a table may have.
    Keys(Range<usize>),
}

impl<'s> Tree<'s> {
    /// Parses a text.
    pub(super) fn parse(text: &'s str) -> Result<Self, Refused> {
        let source = Source::new(text);
        let mut building = Building::new(text, text.len() / 16);
        let mut wrong: Option<ParseError> = None;
        {
            let mut checked = ValidateWhitespace::new(&mut building, source);
            let mut guarded = RecursionGuard::new(&mut checked, DEPTH);
            let mut window = Vec::with_capacity(2 * WINDOW);
            let mut depth = 0_u32;
            for token in source.lex() {
                window.push(token);
                match token.kind() {
                    TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
                    TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
                    // A line that ends outside of all brackets ends what it says; without a pair the rest is one window.
                    TokenKind::Newline if depth == 0 && window.len() >= WINDOW => {
                        parse_document(&window, &mut guarded, &mut wrong);
                        window.clear();
                    }
                    TokenKind::Dot
                    | TokenKind::Equals
                    | TokenKind::Comma
                    | TokenKind::Whitespace
                    | TokenKind::Comment
                    | TokenKind::Newline
                    | TokenKind::LiteralString
                    | TokenKind::BasicString
                    | TokenKind::MlLiteralString
                    | TokenKind::MlBasicString
                    | TokenKind::Atom
                    | TokenKind::Eof => {}
                }
            }
            parse_document(&window, &mut guarded, &mut wrong);
        }
        let (texts, nodes) = building.finish()?;
        if wrong.is_some() { Err(Refused::Wrong) } else { Ok(Self { texts, nodes }) }
    }

    /// The top table.
    pub(super) fn root(&self) -> Option<&Node> {
        self.nodes.first()
    }

    /// The values in a list or a table, in the order in which they are written.
    pub(super) fn children(&self, of: &Node) -> impl Iterator<Item = &Node> {
        let first = of.value.children().and_then(|children| children.first);
        std::iter::successors(self.node(first), |node| self.after(node))
    }

    /// The value that stands behind this one in the same list or table.
    pub(super) fn after(&self, node: &Node) -> Option<&Node> {
        self.node(node.next)
    }

    /// The value of a key in a table.
    pub(super) fn get(&self, table: &Node, key: &str) -> Option<&Node> {
        self.node(find(&self.nodes, &self.texts, table, key))
    }

    /// The key of a value; empty for what stands in a list.
    pub(super) fn key(&self, of: &Node) -> &str {
        self.texts.get(of.key)
    }

    /// A text that stands in this tree.
    pub(super) fn text(&self, text: Text) -> &str {
        self.texts.get(text.0)
    }

    fn node(&self, index: Option<Below>) -> Option<&Node> {
        self.nodes.get(index?.get() as usize)
    }
}

/// Looks for a key in a table.
fn find(nodes: &[Node], texts: &Texts<'_>, table: &Node, key: &str) -> Option<Below> {
    let mut next = table.value.children()?.first;
    while let Some(index) = next {
        let node = nodes.get(index.get() as usize)?;
        if node.key.len() == key.len() && texts.bytes(node.key) == key.as_bytes() {
            return Some(index);
        }
        next = node.next;
    }
    None
}

impl Node {
    pub(super) fn key_span(&self) -> Range<usize> {
        self.key_place.range()
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.place.range()
    }

    pub(super) fn value(&self) -> Value {
        self.value
    }
}

impl Value {
    pub(super) fn is_empty(&self) -> bool {
        self.children().is_none_or(|children| children.first.is_none())
    }

    pub(super) fn count(&self) -> usize {
        self.children().map_or(0, |children| children.count as usize)
    }

    fn children(&self) -> Option<Children> {
        match self {
            Self::Array(children) | Self::Table(children, _) => Some(*children),
            Self::String(_) | Self::Integer(..) | Self::Boolean(_) | Self::Float | Self::Datetime => None,
        }
    }

    fn children_mut(&mut self) -> Option<&mut Children> {
        match self {
            Self::Array(children) | Self::Table(children, _) => Some(children),
            Self::String(_) | Self::Integer(..) | Self::Boolean(_) | Self::Float | Self::Datetime => None,
        }
    }

    fn made(&self) -> Option<Made> {
        match self {
            Self::Table(_, made) => Some(*made),
            Self::String(_) | Self::Integer(..) | Self::Boolean(_) | Self::Float | Self::Datetime | Self::Array(_) => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
