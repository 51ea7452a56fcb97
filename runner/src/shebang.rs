//! Reads the `#!` line of a script by the kernel's rules (Linux `fs/binfmt_script.c`). Never opens a file.

/// How many bytes of a file the kernel looks at (`BINPRM_BUF_SIZE`).
pub const HEAD: usize = 256;

/// What the first bytes of a file say about how the kernel would run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// An ELF image.
    Elf,
    /// A script: the interpreter and its one optional argument.
    Script(Line),
    /// Neither: `execve` answers `ENOEXEC`.
    Unknown,
}

/// A parsed `#!` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The interpreter as the script names it.
    pub interpreter: Vec<u8>,
    /// Everything after it, inner spaces kept; the kernel passes it as one argument.
    pub argument: Option<Vec<u8>>,
}

/// Says why a `#!` line cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The kernel would cut the line.
    #[error("its `#!` line is longer than 255 bytes")]
    TooLong,
    /// No interpreter after `#!`.
    #[error("its `#!` line names no interpreter")]
    Empty,
    /// A NUL byte in the line.
    #[error("its `#!` line holds a NUL byte")]
    Nul,
    /// The line ends with a carriage return, which the kernel takes as part of the name.
    #[error("its `#!` line ends with a carriage return (CRLF line endings)")]
    CarriageReturn,
}

impl Head {
    /// Reads the first bytes of a file; at most [`HEAD`] of them count.
    ///
    /// # Errors
    /// See [`LineError`].
    pub fn read(bytes: &[u8]) -> Result<Self, LineError> {
        let bytes = bytes.get(..HEAD).unwrap_or(bytes);
        if bytes.starts_with(b"\x7fELF") {
            return Ok(Self::Elf);
        }
        match bytes.strip_prefix(b"#!") {
            Some(rest) => line(rest, bytes.len() == HEAD).map(Self::Script),
            None => Ok(Self::Unknown),
        }
    }
}

impl Line {
    /// The program that `#!/usr/bin/env x` looks up: exactly one plain word, no option, no assignment.
    #[must_use]
    pub fn env_program(&self) -> Option<&[u8]> {
        let is_env = self.interpreter == b"/usr/bin/env" || self.interpreter == b"/bin/env";
        let word = self.argument.as_deref()?;
        let is_plain = !word.starts_with(b"-") && !word.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'='));
        (is_env && is_plain).then_some(word)
    }
}

fn line(rest: &[u8], may_be_cut: bool) -> Result<Line, LineError> {
    let line = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => rest.get(..end).unwrap_or(rest),
        None if may_be_cut => return Err(LineError::TooLong),
        None => rest,
    };
    if line.contains(&0) {
        return Err(LineError::Nul);
    }
    let line = trim(line);
    if line.ends_with(b"\r") {
        return Err(LineError::CarriageReturn);
    }
    let end = line.iter().position(|byte| is_blank(*byte)).unwrap_or(line.len());
    let (interpreter, argument) = line.split_at_checked(end).unwrap_or((line, b""));
    let argument = trim(argument);
    if interpreter.is_empty() {
        return Err(LineError::Empty);
    }
    Ok(Line { interpreter: interpreter.to_vec(), argument: (!argument.is_empty()).then(|| argument.to_vec()) })
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_blank(*last)
    {
        bytes = rest;
    }
    bytes
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(interpreter: &str, argument: Option<&str>) -> Result<Head, LineError> {
        Ok(Head::Script(Line { interpreter: interpreter.into(), argument: argument.map(Into::into) }))
    }

    #[test]
    fn everything_after_the_interpreter_is_one_argument() {
        assert_eq!(Head::read(b"#!/bin/sh\n"), script("/bin/sh", None));
        assert_eq!(Head::read(b"#! \t/bin/sh  -e  -u \t\nx"), script("/bin/sh", Some("-e  -u")));
        assert_eq!(Head::read(b"#!/bin/sh"), script("/bin/sh", None));
    }

    #[test]
    fn a_line_that_the_kernel_would_misread_is_refused() {
        assert_eq!(Head::read(b"#!/bin/sh\r\n"), Err(LineError::CarriageReturn));
        assert_eq!(Head::read(b"#!  \n"), Err(LineError::Empty));
        assert_eq!(Head::read(b"#!/bin/sh\0x\n"), Err(LineError::Nul));
        let long = [b"#!/".as_slice(), &[b'a'; 300]].concat();
        assert_eq!(Head::read(&long), Err(LineError::TooLong));
    }

    #[test]
    fn the_newline_may_be_the_last_byte_that_the_kernel_reads() {
        let longest = [b"#!/".as_slice(), &[b'a'; HEAD - 4], b"\n"].concat();
        assert!(matches!(Head::read(&longest), Ok(Head::Script(line)) if line.interpreter.len() == HEAD - 3));
    }

    #[test]
    fn what_is_neither_elf_nor_script_is_unknown() {
        assert_eq!(Head::read(b"\x7fELF\x02"), Ok(Head::Elf));
        assert_eq!(Head::read(b"echo hello\n"), Ok(Head::Unknown));
        assert_eq!(Head::read(b""), Ok(Head::Unknown));
    }

    #[test]
    fn env_names_a_program_only_with_one_plain_word() {
        let program = |line: &str| match Head::read(line.as_bytes()) {
            Ok(Head::Script(line)) => line.env_program().map(<[u8]>::to_vec),
            _ => None,
        };
        assert_eq!(program("#!/usr/bin/env python3\n"), Some(b"python3".to_vec()));
        assert_eq!(program("#!/usr/bin/env -S python3 -u\n"), None);
        assert_eq!(program("#!/usr/bin/env A=1 python3\n"), None);
        assert_eq!(program("#!/usr/bin/env A=1\n"), None);
        assert_eq!(program("#!/usr/bin/env\n"), None);
        assert_eq!(program("#!/opt/env python3\n"), None);
    }
}
