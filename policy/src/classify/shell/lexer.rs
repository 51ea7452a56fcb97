//! Reads the shell's words, and what stands between them.

use super::super::word::{Rest, Word};
use super::grammar::Parser;
use super::script::{NotUnderstood, Parse};

/// A word while it is read.
#[derive(Default)]
pub(super) struct Draft {
    start: Vec<u8>,
    rest: Option<Rest>,
    bare: Option<usize>,
    bracket: Option<usize>,
    brace: Option<(usize, bool)>,
}

impl Draft {
    pub(super) fn push(&mut self, byte: u8) {
        if self.rest.is_none() {
            self.start.push(byte);
        }
    }

    /// From here on the bytes are quoted, or come from elsewhere.
    pub(super) fn quote(&mut self) {
        self.bare.get_or_insert(self.start.len());
    }

    /// Something follows that is not known.
    pub(super) fn open(&mut self, rest: Rest) {
        self.quote();
        self.rest = Some(self.rest.map_or(rest, |known| known.max(rest)));
    }

    /// True before the first byte.
    pub(super) fn is_empty(&self) -> bool {
        self.start.is_empty() && self.rest.is_none()
    }

    fn open_from(&mut self, at: usize) {
        self.start.truncate(at);
        self.bare = Some(self.bare.map_or(at, |bare| bare.min(at)));
        self.open(Rest::Open);
    }

    /// A byte without quotes, which may make the word a pattern or a list of words.
    fn push_bare(&mut self, byte: u8) {
        match byte {
            b'*' | b'?' => return self.open(Rest::Open),
            b'[' => self.bracket = self.bracket.or(Some(self.start.len())),
            b']' => {
                if let Some(at) = self.bracket {
                    return self.open_from(at);
                }
            }
            b'{' => self.brace = self.brace.or(Some((self.start.len(), false))),
            b',' => self.brace = self.brace.map(|(at, _)| (at, true)),
            b'.' if self.start.ends_with(b".") || self.rest.is_some() => {
                self.brace = self.brace.map(|(at, _)| (at, true))
            }
            b'}' => {
                if let Some((at, true)) = self.brace {
                    return self.open_from(at);
                }
            }
            _ => {}
        }
        self.push(byte);
    }

    fn finish(self) -> Word {
        let bare = self.bare.unwrap_or(self.start.len());
        Word::new(self.start, self.rest.unwrap_or(Rest::Known), bare)
    }
}

impl<'a> Parser<'a> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    pub(super) fn peek_second(&self) -> Option<u8> {
        self.source.get(self.at + 1).copied()
    }

    pub(super) fn looking_at(&self, text: &str) -> bool {
        self.source.get(self.at..).is_some_and(|rest| rest.starts_with(text.as_bytes()))
    }

    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        if found {
            self.at += text.len();
        }
        found
    }

    pub(super) fn demand(&self, claim: bool) -> Parse<()> {
        if claim { Ok(()) } else { Err(NotUnderstood) }
    }

    pub(super) fn byte_is(&mut self, byte: u8) -> Parse<()> {
        self.demand(self.peek() == Some(byte))?;
        self.at += 1;
        Ok(())
    }

    pub(super) fn word_is(&mut self, word: &str) -> Parse<()> {
        self.demand(self.bare_word() == word.as_bytes())?;
        self.at += word.len();
        Ok(())
    }

    /// The bytes up to the end of the word here; empty when anything in it is quoted or expanded.
    pub(super) fn bare_word(&self) -> &'a [u8] {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| is_end(*byte) || matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'`'));
        let (word, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or_default();
        if after.first().is_none_or(|byte| is_end(*byte)) { word } else { b"" }
    }

    /// True where a word begins, a process substitution included.
    pub(super) fn is_at_word(&self) -> bool {
        match self.peek() {
            None | Some(b'#') => false,
            Some(b'<' | b'>') => self.peek_second() == Some(b'('),
            Some(byte) => !is_end(byte),
        }
    }

    /// Skips spaces, joined lines and a comment.
    pub(super) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) || self.looking_at("\\\n") {
            self.at += if self.peek() == Some(b'\\') { 2 } else { 1 };
        }
        // A comment begins where a word could.
        if self.peek() == Some(b'#') {
            let rest = self.source.get(self.at..).unwrap_or_default();
            self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        }
    }

    /// Skips blanks and ends of lines, reading the here-documents that begin there.
    pub(super) fn skip_lines(&mut self) -> Parse<()> {
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'\n') {
                return Ok(());
            }
            self.at += 1;
            self.here_documents()?;
        }
    }

    pub(super) fn word(&mut self) -> Parse<Word> {
        let mut draft = Draft::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'\'' => self.single_quotes(&mut draft)?,
                b'"' => self.double_quotes(&mut draft)?,
                b'\\' => self.escape(&mut draft)?,
                b'$' => self.dollar(&mut draft, false)?,
                b'`' => self.back_quotes(&mut draft, false)?,
                b'<' | b'>' if self.peek_second() == Some(b'(') => {
                    self.at += 1;
                    self.substitution()?;
                    // Its name is the path of a descriptor, so never an option.
                    b"/dev/fd/".iter().for_each(|byte| draft.push(*byte));
                    draft.open(Rest::Open);
                }
                _ if is_end(byte) => break,
                _ => {
                    self.at += 1;
                    draft.push_bare(byte);
                }
            }
        }
        Ok(draft.finish())
    }

    fn escape(&mut self, draft: &mut Draft) -> Parse<()> {
        let byte = self.peek_second().ok_or(NotUnderstood)?;
        self.at += 2;
        if byte != b'\n' {
            draft.quote();
            draft.push(byte);
        }
        Ok(())
    }

    fn single_quotes(&mut self, draft: &mut Draft) -> Parse<()> {
        draft.quote();
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == b'\'' {
                return Ok(());
            }
            self.demand(byte != b'\n' || self.pending.is_empty())?;
            draft.push(byte);
        }
        Err(NotUnderstood)
    }

    pub(super) fn double_quotes(&mut self, draft: &mut Draft) -> Parse<()> {
        draft.quote();
        self.at += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'$' => self.dollar(draft, true)?,
                b'`' => self.back_quotes(draft, true)?,
                b'\\' => self.quoted_escape(draft)?,
                _ => {
                    self.demand(byte != b'\n' || self.pending.is_empty())?;
                    self.at += 1;
                    draft.push(byte);
                }
            }
        }
        Err(NotUnderstood)
    }

    fn quoted_escape(&mut self, draft: &mut Draft) -> Parse<()> {
        let byte = self.peek_second().ok_or(NotUnderstood)?;
        self.at += 2;
        match byte {
            b'\n' => {}
            b'$' | b'`' | b'"' | b'\\' => draft.push(byte),
            _ => {
                draft.push(b'\\');
                draft.push(byte);
            }
        }
        Ok(())
    }
}

/// True for a byte that ends a word without quotes.
fn is_end(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')')
}
