//! Which known program a file or a command name stands for. Never looks whether it exists.

use crate::path::AbsPath;

/// Programs that are many, and do what they are called as.
const MANY: &[&[u8]] = &[b"busybox", b"toybox", b"coreutils", b"busybox.static"];

/// The name to look a file up by; `None` when it lies where anybody may have put it.
#[must_use]
pub(super) fn of_file<'a>(file: &'a AbsPath, called: Option<&'a [u8]>) -> Option<&'a [u8]> {
    let name = file.name().filter(|_| is_installed(file))?;
    if !MANY.contains(&name) {
        return Some(name);
    }
    let called =
        called.and_then(|called| called.rsplit(|byte| *byte == b'/').next()).filter(|called| !called.is_empty());
    Some(called.unwrap_or(name))
}

/// The name to look a command up by: itself, or the file it names.
#[must_use]
pub(super) fn of_command(command: &[u8]) -> Option<Vec<u8>> {
    if !command.contains(&b'/') {
        return Some(command.to_vec());
    }
    let file = AbsPath::new(command).ok()?;
    of_file(&file, None).map(<[u8]>::to_vec)
}

/// A program's name without its version: `python3.12`, `gcc-13`.
#[must_use]
pub(super) fn without_version(name: &[u8]) -> &[u8] {
    let end = name
        .iter()
        .rposition(|byte| !(byte.is_ascii_digit() || matches!(byte, b'.' | b'-')))
        .map_or(0, |last| last + 1);
    name.get(..end).unwrap_or_default()
}

/// Directories that packages fill, and the places in a home directory that toolchains fill.
fn is_installed(file: &AbsPath) -> bool {
    let mut names = file.components();
    match names.next() {
        Some(b"bin" | b"sbin" | b"lib" | b"lib64" | b"nix" | b"snap" | b"opt") => true,
        Some(b"usr") => !matches!(names.next(), Some(b"tmp" | b"src" | b"home")),
        Some(b"home") => {
            matches!(names.nth(1), Some(name) if is_toolchain(name)) || file.components().nth(1) == Some(b"linuxbrew")
        }
        Some(b"root") => names.next().is_some_and(is_toolchain),
        Some(_) | None => false,
    }
}

fn is_toolchain(name: &[u8]) -> bool {
    matches!(
        name,
        b".cargo"
            | b".rustup"
            | b".nvm"
            | b".volta"
            | b".pyenv"
            | b".asdf"
            | b".deno"
            | b".bun"
            | b".local"
            | b"go"
            | b".sdkman"
    )
}
