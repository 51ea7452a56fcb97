//! What a bench prints: figures beside the bound that each must keep.

use std::fmt;

/// What a figure may be.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// At least the first and at most the second.
    Within(f64, f64),
}

impl Bound {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
            Self::Within(least, most) => (least..=most).contains(&figure),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::Within(least, most) => write!(f, "{least} – {most}"),
        }
    }
}

/// Rows of text under a title. The first column is a name, the last the verdict.
#[derive(Debug, Clone)]
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
    is_held: bool,
}

impl Table {
    /// An empty table; the verdict's column comes by itself.
    #[must_use]
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let head = columns.iter().chain(&["bound", "verdict"]).map(|&name| name.to_owned()).collect();
        Self { title: title.into(), rows: vec![head], is_held: true }
    }

    /// Adds a row that is only there to compare with.
    pub fn reference(&mut self, mut cells: Vec<String>) {
        cells.extend(["–".to_owned(), "–".to_owned()]);
        self.rows.push(cells);
    }

    /// Adds a row whose figure has a bound.
    pub fn bounded(&mut self, mut cells: Vec<String>, figure: f64, bound: Bound) {
        let holds = bound.holds(figure);
        self.is_held &= holds;
        cells.extend([bound.to_string(), if holds { "held" } else { "MISSED" }.to_owned()]);
        self.rows.push(cells);
    }

    /// True when every bound holds.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.is_held
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        writeln!(f, "\n{}", self.title)?;
        for row in &self.rows {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 { write!(f, "  {cell:<width$}")? } else { write!(f, "  {cell:>width$}")? }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
