//! What each byte means where the terminal and the filter stand.

use super::harmless::{self, Command};
use super::plain::{ENQUIRY, ESCAPE, LATIN, begins_by_itself};
use super::{BELL, Base, CANCEL, Ends, LONGEST_GONE, LONGEST_TEXT, Passing, Reading, SUBSTITUTE, SequenceFilter};

impl SequenceFilter {
    pub(super) fn step(&mut self, byte: u8, out: &mut Vec<u8>) {
        match self.reading {
            Reading::Nothing => match self.base {
                Base::Passing(passing, length) => self.step_passing(passing, length, byte, out),
                Base::Text | Base::Escape => self.step_text(byte, out),
            },
            Reading::Character => self.step_character(byte, out),
            Reading::Escape => self.step_escape(byte, out),
            Reading::Control => self.step_control(byte, out),
            Reading::Command => self.step_command(byte, out),
            Reading::CommandEscape if byte == b'\\' => {
                self.held.extend(&[ESCAPE, byte]);
                self.end_command(2, out);
            }
            Reading::CommandEscape => {
                self.take_out();
                self.step(ESCAPE, out);
                self.step(byte, out);
            }
            Reading::Device => match byte {
                b'0'..=b'9' | b';' => self.hold_or(byte, |filter| filter.begin_gone(Ends::Escape)),
                b'q' => {
                    self.held.push(byte);
                    self.pass(out);
                    self.base = Base::Passing(Passing::Image, 0);
                }
                _ => {
                    self.begin_gone(Ends::Escape);
                    self.step(byte, out);
                }
            },
            Reading::GoneControl => match byte {
                0x20..=0x3f => {}
                0x40..=0x7e => self.restore(),
                _ => {
                    self.restore();
                    self.step(byte, out);
                }
            },
            Reading::Gone(ends, length) => match byte {
                ESCAPE => self.reading = Reading::GoneEscape(ends, length),
                BELL if ends == Ends::Bell => self.restore(),
                CANCEL | SUBSTITUTE => self.restore(),
                _ if length >= LONGEST_GONE => {
                    self.restore();
                    self.step(byte, out);
                }
                _ => self.reading = Reading::Gone(ends, length + 1),
            },
            // Multiplexers write it twice where they hand on what is inside.
            Reading::GoneEscape(Ends::Escape, length) if byte == ESCAPE => {
                self.reading = Reading::Gone(Ends::Escape, length);
            }
            Reading::GoneEscape(..) => {
                self.restore();
                if byte != b'\\' {
                    self.step(ESCAPE, out);
                    self.step(byte, out);
                }
            }
        }
    }

    fn step_text(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            ESCAPE => self.begin(byte, Reading::Escape),
            LATIN..=0xf4 => self.begin(byte, Reading::Character),
            ENQUIRY => self.count += 1,
            _ if begins_by_itself(byte) => self.count += 1,
            _ => out.push(byte),
        }
    }

    fn step_passing(&mut self, passing: Passing, length: usize, byte: u8, out: &mut Vec<u8>) {
        match (passing, byte) {
            (_, ESCAPE) => self.begin(byte, Reading::Escape),
            (Passing::Text, BELL) => {
                out.push(byte);
                self.base = Base::Text;
            }
            (Passing::Text, _) if length >= LONGEST_TEXT => {
                self.cut(out);
                self.reading = Reading::Gone(Ends::Bell, 0);
                self.step(byte, out);
            }
            (Passing::Text, LATIN..=0xf4) => {
                self.begin(byte, Reading::Character);
                self.base = Base::Passing(passing, length + 1);
            }
            (Passing::Text, 0x20..=0x7e | 0xa0..) | (Passing::Image, 0x20..=0x7e | b'\n' | b'\r') => {
                out.push(byte);
                self.base = Base::Passing(passing, length + 1);
            }
            _ => self.count += 1,
        }
    }

    fn step_character(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.held.push(byte);
        match std::str::from_utf8(&self.held) {
            Ok(character) => {
                let is_control = character.chars().any(|character| match self.base {
                    Base::Passing(..) => character.is_control(),
                    Base::Text | Base::Escape => u8::try_from(character).is_ok_and(begins_by_itself),
                });
                if is_control { self.take_out() } else { self.pass(out) }
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => {
                self.held.pop();
                self.break_character(out);
                self.step(byte, out);
            }
        }
    }

    /// What was held is no character: each byte is one by itself.
    pub(super) fn break_character(&mut self, out: &mut Vec<u8>) {
        let is_text = matches!(self.base, Base::Text);
        for &byte in self.held.iter().skip(self.left) {
            if is_text && begins_by_itself(byte) || !is_text && matches!(byte, 0x80..=0x9f) {
                self.count += 1;
            } else {
                out.push(byte);
            }
        }
        self.restore();
    }

    fn step_escape(&mut self, byte: u8, out: &mut Vec<u8>) {
        if let Base::Passing(..) = self.base {
            if byte == b'\\' {
                self.held.push(byte);
                self.pass(out);
                return;
            }
            self.cut(out);
        }
        let is_lone = self.is_lone_escape();
        match byte {
            b'[' if is_lone => self.begin(byte, Reading::Control),
            b']' if is_lone => self.begin(byte, Reading::Command),
            b'P' if is_lone => self.begin(byte, Reading::Device),
            b'X' | b'^' | b'_' if is_lone => self.begin_gone(Ends::Escape),
            0x20..=0x2f => self.hold_or(byte, Self::take_out),
            0x30..=0x7e => {
                self.held.push(byte);
                let body = self.held.strip_prefix(&[ESCAPE]).unwrap_or(&self.held);
                if harmless::escape(body) { self.pass(out) } else { self.take_out() }
            }
            ENQUIRY => self.count += 1,
            // A terminal in the middle of an escape sequence may take these as any other byte of it.
            0x80.. if self.base == Base::Escape => self.take_out(),
            0x80.. => {
                self.take_out();
                self.step(byte, out);
            }
            _ if !is_lone => {
                self.take_out();
                self.step(byte, out);
            }
            ESCAPE => {
                out.extend(self.held.iter());
                self.pass_escape();
                self.held.push(byte);
            }
            // Terminals obey these and go on with the sequence, or not.
            _ => {
                out.extend(self.held.iter().chain([&byte]));
                self.pass_escape();
            }
        }
    }

    fn step_control(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            0x20..=0x3f => self.hold_or(byte, |filter| {
                filter.take_out();
                filter.reading = Reading::GoneControl;
            }),
            0x40..=0x7e => {
                self.held.push(byte);
                let body = self.body(b'[');
                if harmless::control(body) { self.pass(out) } else { self.take_out() }
            }
            ENQUIRY => self.count += 1,
            _ => {
                self.take_out();
                self.step(byte, out);
            }
        }
    }

    fn step_command(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            BELL => {
                self.held.push(byte);
                self.end_command(1, out);
            }
            ESCAPE => self.reading = Reading::CommandEscape,
            0x20..=0x7e => {
                self.hold_or(byte, |filter| filter.begin_gone(Ends::Bell));
                if self.reading == Reading::Command {
                    match harmless::command(self.body(b']')) {
                        Command::Undecided => {}
                        Command::Text => {
                            self.pass(out);
                            self.base = Base::Passing(Passing::Text, 0);
                        }
                        Command::Whole => self.pass(out),
                        Command::Harmful => self.begin_gone(Ends::Bell),
                    }
                }
            }
            _ => {
                self.begin_gone(Ends::Bell);
                self.step(byte, out);
            }
        }
    }

    /// A command has ended that was read as a whole, with so many bytes behind it.
    fn end_command(&mut self, end: usize, out: &mut Vec<u8>) {
        let body = self.body(b']');
        let body = body.get(..body.len() - end.min(body.len())).unwrap_or_default();
        if harmless::whole_command(body) { self.pass(out) } else { self.take_out() }
    }
}
