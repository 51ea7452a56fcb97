//! Reads the shell's grammar: lists, pipelines, compound and simple commands.
//!
//! What POSIX shells and bash agree on. Where they differ, or where it does not know, it gives up:
//! a script that is not understood is the strictest there is. Linear in the script, bounded in depth.

use super::super::word::{Word, is_name};
use super::here_document::HereDocument;
use super::script::{NotUnderstood, Parse, Script, Simple};

/// How deep commands may stand in each other.
const MOST_DEPTH: usize = 40;

const RESERVED: &[&str] = &["then", "do", "done", "fi", "else", "elif", "esac", "}", "in", "coproc", "]]"];

/// Reads a script. What was found before it was not understood any more is found all the same.
pub(super) fn read(source: &[u8], depth: usize) -> (Script, Parse<()>) {
    let mut parser = Parser { source, at: 0, depth, script: Script::default(), pending: Vec::new() };
    let verdict = parser.whole();
    (parser.script, verdict)
}

pub(super) struct Parser<'a> {
    pub(super) source: &'a [u8],
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) script: Script,
    /// Here-documents whose text begins at the next line.
    pub(super) pending: Vec<HereDocument>,
}

impl Parser<'_> {
    fn whole(&mut self) -> Parse<()> {
        self.list()?;
        self.demand(self.peek().is_none() && self.pending.is_empty())
    }

    /// Commands up to whatever closes them, which the caller looks at.
    pub(super) fn list(&mut self) -> Parse<()> {
        loop {
            self.skip_lines()?;
            if self.is_at_closer() {
                return Ok(());
            }
            let function = self.and_or()?;
            self.skip_blanks();
            let detached = self.peek() == Some(b'&');
            if let Some(name) = function.filter(|_| self.depth == 0 && !detached) {
                self.script.define(name);
            }
            match self.peek() {
                Some(b';') if self.is_at_case_end() => return Ok(()),
                Some(b';' | b'&') => self.at += 1,
                Some(b'\n' | b')' | b'#') | None => {}
                Some(_) => return Err(NotUnderstood),
            }
        }
    }

    /// A list one level further in.
    pub(super) fn inner_list(&mut self) -> Parse<()> {
        self.demand(self.depth < MOST_DEPTH)?;
        self.depth += 1;
        self.list()?;
        self.depth -= 1;
        Ok(())
    }

    fn is_at_closer(&self) -> bool {
        match self.peek() {
            None | Some(b')') => true,
            Some(b';') => self.is_at_case_end(),
            Some(_) => {
                matches!(self.bare_word(), b"then" | b"do" | b"done" | b"fi" | b"else" | b"elif" | b"esac" | b"}")
            }
        }
    }

    fn is_at_case_end(&self) -> bool {
        self.looking_at(";;") || self.looking_at(";&") || self.looking_at(";|")
    }

    /// Gives the function's name when all it does is to define one.
    fn and_or(&mut self) -> Parse<Option<Vec<u8>>> {
        let first = self.pipeline()?;
        let mut alone = true;
        loop {
            self.skip_blanks();
            if !(self.take("&&") || self.take("||")) {
                return Ok(first.filter(|_| alone));
            }
            alone = false;
            self.skip_lines()?;
            self.pipeline()?;
        }
    }

    fn pipeline(&mut self) -> Parse<Option<Vec<u8>>> {
        let mut alone = true;
        while self.bare_word() == b"!" || self.is_at_time() {
            self.at += self.bare_word().len();
            self.skip_blanks();
            alone = false;
        }
        let first = self.command()?;
        loop {
            self.skip_blanks();
            if self.looking_at("||") || !self.take("|") {
                return Ok(first.filter(|_| alone));
            }
            let _also_errors = self.take("&");
            alone = false;
            self.skip_lines()?;
            self.command()?;
        }
    }

    /// The word `time` where it is the shell's own; with options it is taken as the program.
    fn is_at_time(&self) -> bool {
        let rest = self.source.get(self.at + 4..).unwrap_or_default();
        self.bare_word() == b"time" && rest.trim_ascii_start().first().is_some_and(|byte| *byte != b'-')
    }

    fn command(&mut self) -> Parse<Option<Vec<u8>>> {
        match self.bare_word() {
            b"if" => self.compound(Self::conditional)?,
            b"while" | b"until" => self.compound(Self::repetition)?,
            b"for" | b"select" => self.compound(Self::iteration)?,
            b"case" => self.compound(Self::selection)?,
            b"{" => self.compound(|parser| {
                parser.inner_list()?;
                parser.word_is("}")
            })?,
            b"[[" => self.compound(Self::test)?,
            b"function" => return self.named_function().map(Some),
            b"" if self.looking_at("((") => return Err(NotUnderstood),
            b"" if self.peek() == Some(b'(') => {
                self.at += 1;
                self.inner_list()?;
                self.byte_is(b')')?;
                self.redirections()?;
            }
            word if RESERVED.iter().any(|reserved| word == reserved.as_bytes()) => return Err(NotUnderstood),
            _ => return self.simple(),
        }
        Ok(None)
    }

    fn compound(&mut self, body: fn(&mut Self) -> Parse<()>) -> Parse<()> {
        self.at += self.bare_word().len();
        body(self)?;
        self.redirections()
    }

    fn conditional(&mut self) -> Parse<()> {
        self.inner_list()?;
        self.word_is("then")?;
        self.inner_list()?;
        while self.bare_word() == b"elif" {
            self.at += 4;
            self.inner_list()?;
            self.word_is("then")?;
            self.inner_list()?;
        }
        if self.bare_word() == b"else" {
            self.at += 4;
            self.inner_list()?;
        }
        self.word_is("fi")
    }

    fn repetition(&mut self) -> Parse<()> {
        self.inner_list()?;
        self.do_done()
    }

    fn do_done(&mut self) -> Parse<()> {
        self.word_is("do")?;
        self.inner_list()?;
        self.word_is("done")
    }

    fn iteration(&mut self) -> Parse<()> {
        self.skip_blanks();
        let name = self.bare_word().to_vec();
        self.demand(is_name(&name))?;
        self.at += name.len();
        // What the variable becomes counts like an assignment.
        let variable = Word::new([&name[..], b"="].concat(), super::super::word::Rest::Open, name.len() + 1);
        self.script.take(Simple { assignments: vec![variable], ..Simple::default() });
        self.skip_lines()?;
        if self.bare_word() == b"in" {
            self.at += 2;
            let words = self.words_of_list()?;
            self.script.take(Simple { read: words, ..Simple::default() });
        }
        self.skip_blanks();
        let _separator = self.take(";");
        self.skip_lines()?;
        self.do_done()
    }

    fn words_of_list(&mut self) -> Parse<Vec<Word>> {
        let mut words = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b';' | b'\n') => return Ok(words),
                _ if self.is_at_word() => words.push(self.word()?),
                _ => return Err(NotUnderstood),
            }
        }
    }

    fn selection(&mut self) -> Parse<()> {
        self.skip_blanks();
        self.demand(self.is_at_word())?;
        self.word()?;
        self.skip_lines()?;
        self.word_is("in")?;
        loop {
            self.skip_lines()?;
            if self.bare_word() == b"esac" {
                return self.word_is("esac");
            }
            self.patterns()?;
            self.inner_list()?;
            if !(self.take(";;&") || self.take(";;") || self.take(";&") || self.take(";|")) {
                return self.word_is("esac");
            }
        }
    }

    fn patterns(&mut self) -> Parse<()> {
        let _opening = self.take("(");
        loop {
            self.skip_blanks();
            self.demand(self.is_at_word() && self.peek() != Some(b'#'))?;
            self.word()?;
            self.skip_blanks();
            if self.take(")") {
                return Ok(());
            }
            self.byte_is(b'|')?;
        }
    }

    /// `[[ … ]]` with one expression. Other shells would run what follows `&&` in it, and write to what follows `>`.
    fn test(&mut self) -> Parse<()> {
        let mut simple = Simple::default();
        loop {
            self.skip_blanks();
            if self.bare_word() == b"]]" {
                self.at += 2;
                self.script.take(simple);
                return Ok(());
            }
            if self.take("<") || self.take(">") {
                self.skip_blanks();
                self.demand(self.is_at_word())?;
                simple.written.push(self.word()?);
                continue;
            }
            self.demand(self.is_at_word() && self.peek() != Some(b'#'))?;
            let word = self.word()?;
            // Numbers are expressions here, and an expression can run commands.
            let evaluates =
                ["-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"].iter().any(|operator| word.is(operator));
            self.demand(!evaluates)?;
            simple.read.push(word);
        }
    }

    fn named_function(&mut self) -> Parse<Vec<u8>> {
        self.at += self.bare_word().len();
        self.skip_blanks();
        let name = self.bare_word().to_vec();
        self.demand(!name.is_empty())?;
        self.at += name.len();
        self.skip_blanks();
        if self.take("(") {
            self.skip_blanks();
            self.byte_is(b')')?;
        }
        self.body_of(name)
    }

    fn body_of(&mut self, name: Vec<u8>) -> Parse<Vec<u8>> {
        self.skip_lines()?;
        self.demand(
            self.peek() == Some(b'(')
                || matches!(self.bare_word(), b"{" | b"if" | b"while" | b"until" | b"for" | b"case"),
        )?;
        self.demand(self.depth < MOST_DEPTH)?;
        self.depth += 1;
        self.command()?;
        self.depth -= 1;
        Ok(name)
    }

    fn simple(&mut self) -> Parse<Option<Vec<u8>>> {
        let mut simple = Simple::default();
        let start = self.at;
        let mut detached = false;
        loop {
            self.skip_blanks();
            detached |= self.looking_at("&>");
            if self.redirection(&mut simple)? {
                continue;
            }
            if self.peek() == Some(b'(') {
                return self.function(simple).map(Some);
            }
            if !self.is_at_word() {
                break;
            }
            // Some shells end the command at the `&` of `&>`, so that the words behind it are another one.
            self.demand(!detached)?;
            let word = self.word()?;
            if simple.words.is_empty() && word.bare_assignment().is_some() {
                self.array(&word)?;
                simple.assignments.push(word);
            } else {
                simple.words.push(word);
            }
        }
        self.demand(self.at > start)?;
        self.script.take(simple);
        Ok(None)
    }

    /// `NAME=(…)`.
    fn array(&mut self, word: &Word) -> Parse<()> {
        if !(self.peek() == Some(b'(') && word.start().ends_with(b"=")) {
            return Ok(());
        }
        self.at += 1;
        let mut simple = Simple::default();
        loop {
            self.skip_lines()?;
            if self.take(")") {
                self.script.take(simple);
                return Ok(());
            }
            self.demand(self.is_at_word())?;
            let word = self.word()?;
            // `[expression]=value` evaluates the expression.
            self.demand(!word.start().starts_with(b"["))?;
            simple.read.push(word);
        }
    }

    fn function(&mut self, simple: Simple) -> Parse<Vec<u8>> {
        let only = match simple {
            Simple { words, assignments, written, read, functions: _ }
                if assignments.is_empty() && written.is_empty() && read.is_empty() =>
            {
                words
            }
            _ => return Err(NotUnderstood),
        };
        let [name] = only.as_slice() else { return Err(NotUnderstood) };
        let name =
            name.text().filter(|text| name.is_bare(&String::from_utf8_lossy(text))).ok_or(NotUnderstood)?.to_vec();
        self.byte_is(b'(')?;
        self.skip_blanks();
        self.byte_is(b')')?;
        self.body_of(name)
    }

    fn redirections(&mut self) -> Parse<()> {
        let mut simple = Simple::default();
        self.skip_blanks();
        while self.redirection(&mut simple)? {
            self.skip_blanks();
        }
        self.script.take(simple);
        Ok(())
    }

    /// Reads one redirection if there is one.
    fn redirection(&mut self, simple: &mut Simple) -> Parse<bool> {
        let before = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        let is_substitution = self.looking_at("<(") || self.looking_at(">(");
        let is_sign = matches!(self.peek(), Some(b'<' | b'>')) || (self.at == before && self.looking_at("&>"));
        if is_substitution || !is_sign {
            self.at = before;
            return Ok(false);
        }
        if self.take("<<<") {
            self.target()?;
        } else if self.take("<<-") {
            self.here_document(true)?;
        } else if self.take("<<") {
            self.here_document(false)?;
        } else if self.take("<&") {
            self.target()?;
        } else if self.take(">&") {
            let target = self.target()?;
            if !target.text().is_some_and(is_descriptor) {
                simple.written.push(target);
            }
        } else if ["&>>", "&>", "<>", ">>", ">|", ">"].iter().any(|operator| self.take(operator)) {
            let target = self.target()?;
            simple.written.push(target);
        } else if self.take("<") {
            let target = self.target()?;
            // A shell that reads from here opens a connection.
            self.demand(!target.start().starts_with(b"/dev/tcp") && !target.start().starts_with(b"/dev/udp"))?;
            simple.read.push(target);
        }
        Ok(true)
    }

    fn target(&mut self) -> Parse<Word> {
        self.skip_blanks();
        self.demand(self.is_at_word() && self.peek() != Some(b'#'))?;
        let target = self.word()?;
        // Some shells read `>!` as one sign, and the file behind it.
        self.demand(!target.start().starts_with(b"!"))?;
        Ok(target)
    }

    fn here_document(&mut self, strips_tabs: bool) -> Parse<()> {
        let end = self.target()?;
        let document = HereDocument::new(&end, strips_tabs)?;
        self.pending.push(document);
        Ok(())
    }
}

fn is_descriptor(text: &[u8]) -> bool {
    text == b"-" || !text.is_empty() && text.strip_suffix(b"-").unwrap_or(text).iter().all(u8::is_ascii_digit)
}
