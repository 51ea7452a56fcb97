//! Here-documents: text that begins on the line after the command that reads it.

use super::super::word::Word;
use super::grammar::Parser;
use super::lexer::Draft;
use super::script::{NotUnderstood, Parse};

/// A here-document whose text has not been reached.
pub(super) struct HereDocument {
    end: Vec<u8>,
    strips_tabs: bool,
    expands: bool,
}

impl HereDocument {
    pub(super) fn new(end: &Word, strips_tabs: bool) -> Parse<Self> {
        let text = end.text().ok_or(NotUnderstood)?;
        let expands = String::from_utf8(text.to_vec()).is_ok_and(|text| end.is_bare(&text));
        Ok(Self { end: text.to_vec(), strips_tabs, expands })
    }

    fn is_end(&self, line: &[u8]) -> bool {
        let tabs = line.iter().take_while(|byte| self.strips_tabs && **byte == b'\t').count();
        line.get(tabs..) == Some(self.end.as_slice())
    }
}

impl Parser<'_> {
    /// Reads the texts that begin here.
    pub(super) fn here_documents(&mut self) -> Parse<()> {
        for document in std::mem::take(&mut self.pending) {
            self.text_of(&document)?;
        }
        Ok(())
    }

    fn text_of(&mut self, document: &HereDocument) -> Parse<()> {
        let start = self.at;
        loop {
            let rest = self.source.get(self.at..).filter(|rest| !rest.is_empty()).ok_or(NotUnderstood)?;
            let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
            if document.is_end(line) {
                let text = self.source.get(start..self.at).unwrap_or_default();
                self.at += line.len();
                return if document.expands { self.expansions_of(text) } else { Ok(()) };
            }
            // A joined line may hide the end from some shells.
            self.demand(!(document.expands && line.ends_with(b"\\")))?;
            self.at = self.source.len().min(self.at + line.len() + 1);
        }
    }

    fn expansions_of(&mut self, text: &[u8]) -> Parse<()> {
        let mut inner = Parser {
            source: text,
            at: 0,
            depth: self.depth + 1,
            script: std::mem::take(&mut self.script),
            pending: Vec::new(),
        };
        let verdict = inner.expansions();
        self.script = inner.script;
        verdict
    }

    fn expansions(&mut self) -> Parse<()> {
        let mut unused = Draft::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'$' => self.dollar(&mut unused, true)?,
                b'`' => self.back_quotes(&mut unused, true)?,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        Ok(())
    }
}
