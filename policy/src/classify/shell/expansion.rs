//! Reads what the shell replaces: parameters, substitutions, arithmetic. Their values are never known.

use super::super::variables;
use super::super::word::{Rest, is_name_byte};
use super::grammar::{Parser, read};
use super::lexer::Draft;
use super::script::{NotUnderstood, Parse};

impl Parser<'_> {
    /// What begins with `$`.
    pub(super) fn dollar(&mut self, draft: &mut Draft, quoted: bool) -> Parse<()> {
        let rest = if quoted { Rest::Open } else { Rest::Split };
        let next = self.peek_second();
        if self.looking_at("$((") {
            self.at += 3;
            self.arithmetic()?;
            draft.open(rest);
            return Ok(());
        }
        self.at += 1;
        match next {
            Some(b'(') => {
                self.substitution()?;
                draft.open(rest);
            }
            Some(b'{') => self.braces(draft, quoted)?,
            Some(b'@' | b'*') => {
                self.at += 1;
                draft.open(Rest::Split);
            }
            Some(b'#' | b'?' | b'-' | b'$' | b'!' | b'0'..=b'9') => {
                self.at += 1;
                draft.open(rest);
            }
            Some(byte) if is_name_byte(byte) => {
                let name = self.name();
                value_of(name, draft, rest);
            }
            Some(b'\'') if !quoted => {
                draft.open(Rest::Open);
                self.escaped_quotes()?;
            }
            Some(b'"') if !quoted => {
                draft.open(Rest::Open);
                self.double_quotes(draft)?;
            }
            // Old arithmetic, marks of other shells, and a `$` that a joined line parts from its name.
            Some(b'[' | b'+' | b'^' | b'=' | b'~' | b'\\' | b':') => return Err(NotUnderstood),
            Some(_) | None => draft.push(b'$'),
        }
        // A subscript in some shells, where it is an expression.
        self.demand(!(draft_is_open(next) && self.peek() == Some(b'[')))
    }

    fn name(&mut self) -> &[u8] {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Commands in parentheses, from the opening one on.
    pub(super) fn substitution(&mut self) -> Parse<()> {
        // Shells differ in where a here-document begins that waits across this.
        self.demand(self.pending.is_empty())?;
        self.byte_is(b'(')?;
        self.inner_list()?;
        self.demand(self.pending.is_empty())?;
        self.byte_is(b')')
    }

    /// `$((…))` from behind the parentheses on. A name in it would be evaluated, and its value may run commands.
    fn arithmetic(&mut self) -> Parse<()> {
        let mut open = 0_usize;
        loop {
            let next = self.peek();
            self.at += 1;
            match next {
                Some(b'(') => open += 1,
                Some(b')') if open > 0 => open -= 1,
                Some(b')') => return self.byte_is(b')'),
                Some(b'$') if matches!(self.peek(), Some(b'#' | b'?' | b'$')) => self.at += 1,
                Some(
                    b'0'..=b'9'
                    | b' '
                    | b'+'
                    | b'-'
                    | b'*'
                    | b'/'
                    | b'%'
                    | b'<'
                    | b'>'
                    | b'='
                    | b'?'
                    | b':'
                    | b'~'
                    | b'^',
                ) => {}
                Some(_) | None => return Err(NotUnderstood),
            }
        }
    }

    /// `` `…` `` from the opening quote on.
    pub(super) fn back_quotes(&mut self, draft: &mut Draft, quoted: bool) -> Parse<()> {
        self.demand(self.pending.is_empty() && self.depth < 40)?;
        self.at += 1;
        let mut inner = Vec::new();
        loop {
            let byte = self.peek().ok_or(NotUnderstood)?;
            self.at += 1;
            match (byte, self.peek()) {
                (b'`', _) => break,
                (b'\\', Some(next @ (b'$' | b'`' | b'\\'))) => {
                    self.at += 1;
                    inner.push(next);
                }
                // Shells differ in whether this quote is escaped for the inside.
                (b'\\', Some(b'"')) if quoted => return Err(NotUnderstood),
                _ => inner.push(byte),
            }
        }
        let (script, verdict) = read(&inner, self.depth + 1);
        self.script.absorb(script);
        draft.open(if quoted { Rest::Open } else { Rest::Split });
        verdict
    }

    /// `${…}` from the brace on.
    fn braces(&mut self, draft: &mut Draft, quoted: bool) -> Parse<()> {
        self.at += 1;
        let rest = if quoted { Rest::Open } else { Rest::Split };
        if self.peek() == Some(b'#') && self.peek_second() != Some(b'}') {
            self.at += 1;
        }
        let name = match self.peek() {
            Some(b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-') => {
                self.at += 1;
                Vec::new()
            }
            Some(byte) if is_name_byte(byte) => self.name().to_vec(),
            Some(_) | None => return Err(NotUnderstood),
        };
        let is_list = name.is_empty() || self.subscript()?;
        if self.take("}") {
            value_of(&name, draft, if is_list { Rest::Split } else { rest });
            return Ok(());
        }
        draft.open(if is_list { Rest::Split } else { rest });
        self.operation(&name, quoted)
    }

    /// `[@]`, `[*]` or `[3]`: true when there may be many values. Anything else would be evaluated.
    fn subscript(&mut self) -> Parse<bool> {
        if !self.take("[") {
            return Ok(false);
        }
        let all = self.take("@") || self.take("*");
        while !all && self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.byte_is(b']')?;
        Ok(all)
    }

    fn operation(&mut self, name: &[u8], quoted: bool) -> Parse<()> {
        let assigns = self.looking_at(":=") || self.looking_at("=");
        self.demand(!(assigns && variables::steers(name)))?;
        let known = [":-", ":=", ":+", ":?", "-", "=", "+", "?", "##", "#", "%%", "%", "//", "/", "^^", "^", ",,", ","];
        if known.iter().any(|operator| self.take(operator)) {
            return self.operand(quoted);
        }
        // A part of the value, which is cut out by expressions.
        self.byte_is(b':')?;
        while matches!(self.peek(), Some(b'0'..=b'9' | b' ' | b':' | b'-')) {
            self.at += 1;
        }
        self.byte_is(b'}')
    }

    fn operand(&mut self, quoted: bool) -> Parse<()> {
        let mut unused = Draft::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                b'$' => {
                    self.demand(self.depth < 40)?;
                    self.depth += 1;
                    self.dollar(&mut unused, quoted)?;
                    self.depth -= 1;
                }
                b'`' => self.back_quotes(&mut unused, quoted)?,
                b'\\' => self.at += 2,
                // Shells differ in what quotes mean within quotes, and some run `<(…)` here.
                b'\'' | b'"' | b'\n' | b'{' | b'<' | b'>' => return Err(NotUnderstood),
                _ => self.at += 1,
            }
        }
        Err(NotUnderstood)
    }

    /// `$'…'` from the quote on; plain quotes in some shells, so that both must see the same end.
    fn escaped_quotes(&mut self) -> Parse<()> {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'\'' => return Ok(()),
                b'\\' if self.peek() == Some(b'\'') || self.looking_at("\\'") => return Err(NotUnderstood),
                b'\n' => return Err(NotUnderstood),
                _ => {}
            }
        }
        Err(NotUnderstood)
    }
}

/// The home directory is known by its sign; any other value is not.
fn value_of(name: &[u8], draft: &mut Draft, rest: Rest) {
    if name == b"HOME" && draft.is_empty() {
        draft.quote();
        draft.push(b'~');
    } else {
        draft.open(rest);
    }
}

fn draft_is_open(next: Option<u8>) -> bool {
    next.is_some_and(|byte| is_name_byte(byte) || matches!(byte, b'@' | b'*' | b'#' | b'?' | b'!' | b'-'))
}
