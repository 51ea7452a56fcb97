//! The person's git settings that a run may see: `user.*`, `init.*` and `core.autocrlf`. Includes, and everything that executes, stay outside.

use opaque_policy::path::AbsPath;

/// Longest configuration file that is read.
pub const LONGEST: usize = 256 * 1024;

/// Reads the settings that may be shown, in the order in which git reads them: a later one replaces an earlier one.
///
/// `config_home` is `$XDG_CONFIG_HOME` when it is set and absolute.
#[must_use]
pub fn shown(home: &AbsPath, config_home: Option<&AbsPath>) -> Vec<(String, String)> {
    let config_home = config_home.cloned().or_else(|| home.join(".config").ok());
    let files = [config_home.and_then(|directory| directory.join("git/config").ok()), home.join(".gitconfig").ok()];
    let mut shown: Vec<(String, String)> = Vec::new();
    for file in files.into_iter().flatten() {
        let content = crate::git::followed(&file, LONGEST).unwrap_or_default();
        for (name, value) in parse(&content).into_iter().filter(|(name, _)| is_shown(name)) {
            shown.retain(|(known, _)| *known != name);
            shown.push((name, value));
        }
    }
    shown
}

fn is_shown(name: &str) -> bool {
    let one_dot = name.matches('.').count() == 1;
    one_dot && (name.starts_with("user.") || name.starts_with("init.") || name == "core.autocrlf")
        // A template directory holds hooks.
        && name != "init.templatedir"
}

/// Parses `git-config(1)` syntax: names lower-case except for a quoted subsection. A line that makes no sense ends the
/// reading, as git refuses the whole file then.
#[must_use]
pub fn parse(content: &[u8]) -> Vec<(String, String)> {
    read(content).0
}

/// The same, but `None` when a line makes no sense.
#[must_use]
pub fn parse_whole(content: &[u8]) -> Option<Vec<(String, String)>> {
    let (settings, reading) = read(content);
    (reading == Reading::Whole).then_some(settings)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Whole,
    Broken,
}

fn read(content: &[u8]) -> (Vec<(String, String)>, Reading) {
    let mut settings = Vec::new();
    let Ok(text) = std::str::from_utf8(content) else {
        return (settings, Reading::Broken);
    };
    let mut section = None;
    let mut characters = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '#' | ';' => skip_line(&mut characters),
            '[' => match header(&mut characters) {
                Some(name) => section = Some(name),
                None => return (settings, Reading::Broken),
            },
            ' ' | '\t' | '\n' | '\r' => {}
            letter if letter.is_ascii_alphabetic() => match (assignment(letter, &mut characters), &section) {
                (Some((name, value)), Some(section)) => settings.push((format!("{section}.{name}"), value)),
                (Some(_) | None, Some(_) | None) => return (settings, Reading::Broken),
            },
            _ => return (settings, Reading::Broken),
        }
    }
    (settings, Reading::Whole)
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn skip_line(characters: &mut Characters<'_>) {
    while characters.next().is_some_and(|character| character != '\n') {}
}

/// `section]` or `section "sub"]`.
fn header(characters: &mut Characters<'_>) -> Option<String> {
    let mut name = String::new();
    loop {
        match characters.next()? {
            ']' => return (!name.is_empty()).then_some(name),
            '"' => break,
            ' ' | '\t' => {}
            letter if letter.is_ascii_alphanumeric() || letter == '-' || letter == '.' => {
                name.push(letter.to_ascii_lowercase());
            }
            _ => return None,
        }
    }
    name.push('.');
    loop {
        match characters.next()? {
            '"' => break,
            '\n' => return None,
            '\\' => name.push(characters.next()?),
            other => name.push(other),
        }
    }
    (characters.next()? == ']').then_some(name)
}

/// `name = value`, or `name` alone, which is true.
fn assignment(first: char, characters: &mut Characters<'_>) -> Option<(String, String)> {
    let mut name = String::from(first.to_ascii_lowercase());
    while let Some(letter) = characters.next_if(|letter| letter.is_ascii_alphanumeric() || *letter == '-') {
        name.push(letter.to_ascii_lowercase());
    }
    while characters.next_if(|blank| matches!(blank, ' ' | '\t' | '\r')).is_some() {}
    match characters.next() {
        None | Some('\n') => Some((name, "true".to_owned())),
        Some('=') => Some((name, value(characters)?)),
        Some('#' | ';') => {
            skip_line(characters);
            Some((name, "true".to_owned()))
        }
        Some(_) => None,
    }
}

fn value(characters: &mut Characters<'_>) -> Option<String> {
    let mut value = String::new();
    let mut solid = 0;
    let mut is_quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '\n' if is_quoted => return None,
            '\n' => break,
            '"' => is_quoted = !is_quoted,
            '\\' => match characters.next()? {
                '\n' => continue,
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'b' => value.push('\u{8}'),
                same @ ('"' | '\\') => value.push(same),
                _ => return None,
            },
            '#' | ';' if !is_quoted => {
                skip_line(characters);
                break;
            }
            blank @ (' ' | '\t' | '\r') if !is_quoted => {
                if !value.is_empty() {
                    value.push(blank);
                }
                continue;
            }
            other => value.push(other),
        }
        solid = value.len();
    }
    value.truncate(solid);
    (!is_quoted).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn settings_are_read_as_git_reads_them() {
        let text = b"# c\n[User]\n\tname = \"Ann  Lee\" # who\n\temail=ann@mail.test ; x\n[core]\n autocrlf\n[url \"A b\"] insteadOf = x\\\"y \\\n z\n[init]defaultBranch = main  \n";
        let expected = [
            pair("user.name", "Ann  Lee"),
            pair("user.email", "ann@mail.test"),
            pair("core.autocrlf", "true"),
            pair("url.A b.insteadof", "x\"y  z"),
            pair("init.defaultbranch", "main"),
        ];
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn a_malformed_line_ends_the_reading() {
        assert_eq!(parse(b"[user]\nname = a\n= b\nemail = c\n"), [pair("user.name", "a")]);
        assert_eq!(parse(b"[user\nname = a\n"), []);
        assert_eq!(parse(b"name = a\n"), []);
        assert_eq!(parse(b"[user]\nname = \"a\n"), []);
        assert_eq!(parse(b"\xff"), []);
    }

    #[test]
    fn only_harmless_settings_are_shown_and_the_last_one_counts() {
        let home = tempfile::tempdir().unwrap();
        let path = AbsPath::new(home.path().as_os_str().as_encoded_bytes()).unwrap();
        fs::create_dir_all(home.path().join(".config/git")).unwrap();
        fs::write(home.path().join(".config/git/config"), "[user]\nname = Old\nemail = e@mail.test\n").unwrap();
        let text = "[user]\nname = New\n[core]\nautocrlf = input\nfsmonitor = evil\nhooksPath = evil\n[include]\npath = evil\n\
            [init]\ntemplateDir = evil\ndefaultBranch = main\n[user \"x\"]\nname = sub\n[credential]\nhelper = evil\n";
        fs::write(home.path().join(".gitconfig"), text).unwrap();
        let expected = [
            pair("user.email", "e@mail.test"),
            pair("user.name", "New"),
            pair("core.autocrlf", "input"),
            pair("init.defaultbranch", "main"),
        ];
        assert_eq!(shown(&path, None), expected);
    }
}
