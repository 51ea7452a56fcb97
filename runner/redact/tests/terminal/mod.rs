//! Terminals in few lines, each with a way of its own to read what standards leave open, and what none of them may be asked to
//! do. Shares nothing with the filter.

/// How one terminal reads.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question that standards leave open")]
pub(crate) struct Terminal {
    /// C1 controls as single bytes, where they are not part of a character.
    raw_controls: bool,
    /// The same, and parts of unfinished characters.
    unfinished_controls: bool,
    /// C1 controls as characters.
    encoded_controls: bool,
    /// A control byte ends a sequence, instead of being obeyed inside it.
    controls_abort: bool,
    /// `CAN` and `SUB` are nothing special.
    ignores_cancel: bool,
    /// A string goes on behind an escape byte that does not end it.
    strings_survive_escape: bool,
    /// The bell ends every string, not only commands.
    bell_ends_all: bool,
    /// What other bytes and characters do inside a sequence.
    high: High,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum High {
    Ignored,
    Abort,
    /// Read without their highest bit.
    Folded,
}

/// Every way to read there is among these.
pub(crate) fn all() -> impl Iterator<Item = Terminal> {
    (0..128u32).flat_map(|bits| {
        let is = move |bit: u32| bits >> bit & 1 == 1;
        [High::Ignored, High::Abort, High::Folded].map(|high| Terminal {
            raw_controls: is(0),
            unfinished_controls: is(0) && is(1),
            encoded_controls: is(2),
            controls_abort: is(3),
            ignores_cancel: is(4),
            strings_survive_escape: is(5),
            bell_ends_all: is(6),
            high,
        })
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Byte(u8),
    Control(u8),
    Other(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Text,
    Escape(Vec<u8>),
    Control(Vec<u8>),
    /// Its introducer, what it holds, and whether an escape byte was the last.
    Text2(u8, Vec<u8>, bool),
}

impl Terminal {
    /// What it was asked to do that it must not be, each as a short text.
    pub(crate) fn harm(self, bytes: &[u8]) -> Vec<String> {
        let mut harm = Vec::new();
        let mut state = State::Text;
        for symbol in self.symbols(bytes) {
            if symbol == Symbol::Byte(0x05) && !matches!(state, State::Text2(..)) {
                harm.push("answerback".to_owned());
            }
            state = self.next(state, symbol, &mut harm);
        }
        if let State::Text2(kind, text, _) = state
            && !(kind == b']' && is_palette(&text))
        {
            harm.push(format!("an open string {:?}", char::from(kind)));
        }
        harm
    }

    fn symbols(self, bytes: &[u8]) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                symbols.push(match u32::from(character) {
                    code @ ..0x80 => Symbol::Byte(code as u8),
                    code @ 0x80..0xa0 if self.encoded_controls => Symbol::Control(code as u8),
                    code => Symbol::Other(code as u8 | 0x80),
                });
            }
            for (index, &byte) in chunk.invalid().iter().enumerate() {
                let is_control = self.raw_controls && (index == 0 || self.unfinished_controls);
                symbols.push(match byte {
                    0x80..0xa0 if is_control => Symbol::Control(byte),
                    _ => Symbol::Other(byte),
                });
            }
        }
        symbols
    }

    fn next(self, state: State, symbol: Symbol, harm: &mut Vec<String>) -> State {
        if let State::Text2(kind, mut text, is_escaped) = state {
            let is_end = match symbol {
                Symbol::Byte(b'\\') if is_escaped => true,
                Symbol::Byte(0x07) => kind == b']' || self.bell_ends_all,
                Symbol::Control(0x9c) => true,
                _ => false,
            };
            if is_end {
                harm.extend(harm_of_string(kind, &text));
                return State::Text;
            }
            match symbol {
                _ if kind == b']' && is_palette(&text) => {
                    return self.next(State::Text, symbol, harm);
                }
                Symbol::Byte(0x1b) => return State::Text2(kind, text, true),
                _ if is_escaped && !self.strings_survive_escape => {
                    return self.next(State::Escape(Vec::new()), symbol, harm);
                }
                Symbol::Byte(0x18 | 0x1a) if !self.ignores_cancel => return State::Text,
                Symbol::Control(control @ (0x90 | 0x98 | 0x9b | 0x9d..=0x9f)) => return begun(control - 0x40),
                Symbol::Byte(byte) | Symbol::Control(byte) | Symbol::Other(byte) => {
                    if is_escaped {
                        text.push(0x1b);
                    }
                    text.push(byte);
                }
            }
            return State::Text2(kind, text, false);
        }
        match symbol {
            Symbol::Byte(0x1b) => return State::Escape(Vec::new()),
            Symbol::Control(control @ (0x90 | 0x98 | 0x9b | 0x9d..=0x9f)) => return begun(control - 0x40),
            Symbol::Control(_) => return State::Text,
            Symbol::Byte(0x18 | 0x1a) if !self.ignores_cancel => return State::Text,
            Symbol::Byte(..0x20 | 0x7f) => return if self.controls_abort { State::Text } else { state },
            _ => {}
        }
        let byte = match (symbol, self.high) {
            (Symbol::Byte(byte), _) => byte,
            (_, High::Ignored) => return state,
            (_, High::Abort) => return State::Text,
            (Symbol::Other(byte) | Symbol::Control(byte), High::Folded) if byte >= 0xa0 => byte & 0x7f,
            (_, High::Folded) => return state,
        };
        match state {
            State::Text | State::Text2(..) => State::Text,
            State::Escape(mut body) => {
                body.push(byte);
                match byte {
                    0x20..0x30 => State::Escape(body),
                    b'[' | b']' | b'P' | b'X' | b'^' | b'_' if body.len() == 1 => begun(byte),
                    _ => {
                        if matches!(body.as_slice(), b" G" | b"G" | b"`") || body.starts_with(b"%") && body != b"%G" {
                            harm.push(format!("escape {}", body.escape_ascii()));
                        }
                        State::Text
                    }
                }
            }
            State::Control(mut body) => {
                body.push(byte);
                if byte < 0x40 {
                    return State::Control(body);
                }
                if harms(&body) {
                    harm.push(format!("control {}", body.escape_ascii()));
                }
                State::Text
            }
        }
    }
}

fn begun(kind: u8) -> State {
    match kind {
        b'[' => State::Control(Vec::new()),
        _ => State::Text2(kind, Vec::new(), false),
    }
}

/// What the Linux console takes for its colours, which nothing ends. Others go on until something does.
fn is_palette(text: &[u8]) -> bool {
    text == b"R" || text.len() == 8 && text[0] == b'P'
}

fn harm_of_string(kind: u8, text: &[u8]) -> Option<String> {
    let shown = || format!("string {:?} {}", char::from(kind), text.escape_ascii());
    let is_harmful = match kind {
        b']' => {
            let number: Vec<u8> = text.iter().copied().take_while(u8::is_ascii_digit).collect();
            let rest = &text[number.len()..];
            let number: u64 = String::from_utf8(number).unwrap().parse().unwrap_or(u64::MAX);
            match number {
                0..=2 => rest.starts_with(b";?"),
                4 | 5 | 10..=19 | 22 => rest.split(|byte| *byte == b';').any(|part| part.starts_with(b"?")),
                8 | 104 | 105 | 110..=119 => false,
                9 => !rest.starts_with(b";4;"),
                _ => !matches!(text.first(), Some(b'R' | b'P')),
            }
        }
        b'P' => text.iter().find(|byte| !byte.is_ascii_digit() && **byte != b';') != Some(&b'q'),
        _ => true,
    };
    is_harmful.then(shown)
}

/// Control sequences as terminals execute them: sloppily.
fn harms(body: &[u8]) -> bool {
    let (&last, body) = body.split_last().unwrap();
    let has = |byte: u8| body.contains(&byte);
    let numbers = || {
        body.split(|byte| !byte.is_ascii_digit() && *byte != b':').filter(|number| !number.is_empty()).map(|number| {
            let digits = number.iter().take_while(|byte| byte.is_ascii_digit());
            digits.fold(0u32, |sum, digit| sum.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')))
        })
    };
    let is_plain = !body.iter().any(|byte| matches!(byte, 0x20..0x30 | 0x3c..0x40));
    let first = numbers().next().unwrap_or(0);
    match last {
        b'i' | b']' => true,
        b't' => is_plain && !matches!(first, 14 | 16 | 18 | 19 | 22 | 23) || has(b'>'),
        b'y' => is_plain || has(b'*') || has(b'#'),
        b'z' => has(b'*'),
        b'n' => is_plain && !matches!(first, 5 | 6) || has(b'?') && first == 63,
        b'h' => {
            is_plain && numbers().any(|mode| mode == 2)
                || has(b'?') && numbers().any(|mode| [38, 46, 5522].contains(&mode))
        }
        b'l' => has(b'?') && numbers().any(|mode| mode == 2),
        b'w' => has(b'$'),
        b'u' => has(b'$') || has(b'&'),
        b'p' => has(b'"') || has(b'+'),
        b'|' => has(b'$') || has(b'*'),
        _ => false,
    }
}
