//! The examples of a rule: commands that it must and must not match. They are split into words
//! without a shell: quotes and backslashes group, nothing is expanded.

use std::borrow::Cow;

use crate::document::{At, Item, SourceFile};
use crate::grammar;
use crate::load::LoadError;
use crate::path::AbsPath;
use crate::rule::{ExampleCommand, ExampleProgram, Rule};
use crate::shape::{Holds, Key, Keys, Shape};
use crate::text::Text;

pub(crate) const EXAMPLE: Keys = Keys {
    name: "example",
    known: &[
        Key::optional("match", COMMANDS, "Commands that the rule must match"),
        Key::optional("no_match", COMMANDS, "Commands that it must not match"),
    ],
    later: &[],
    holds: Holds::AtLeastOne,
};

const COMMANDS: Shape = Shape::FullList(&Shape::Text(&grammar::COMMAND));

/// The examples of one rule.
pub(crate) type Examples = Vec<RuleExample>;

/// One example and what it expects.
pub(crate) struct RuleExample {
    command: ExampleCommand,
    text: String,
    expects: Expected,
    at: At,
}

#[derive(Clone, Copy)]
enum Expected {
    Match,
    NoMatch,
}

/// Reads `[[rules.examples]]`.
pub(crate) fn examples(item: &Item<'_>) -> Result<Examples, LoadError> {
    let list = item.non_empty_list()?;
    let mut examples = Vec::with_capacity(list.count_all());
    for element in list {
        let table = element.table(&EXAMPLE)?;
        if table.is_empty() {
            return Err(element.error("an example without `match` or `no_match`"));
        }
        for (key, expects) in [("match", Expected::Match), ("no_match", Expected::NoMatch)] {
            if let Some(list) = table.get(key) {
                for command in list.non_empty_list()? {
                    examples.push(example(&command, expects)?);
                }
            }
        }
    }
    Ok(examples)
}

/// Holds a rule against its examples. They speak of the command alone, so only the conditions on
/// the command are judged; content, uid and client count as met.
pub(crate) fn check(rule: &Rule, examples: &Examples, source: &SourceFile) -> Result<(), LoadError> {
    for example in examples {
        match (example.expects, rule.fails_example(&example.command)) {
            (Expected::Match, Some(matcher)) => {
                let message = format!("the rule `{}` does not match its example `{}`", rule.name, example.text);
                return Err(example.at.error(source, message).hint(format!("{matcher} does not hold")));
            }
            (Expected::NoMatch, None) => {
                let message = format!("the rule `{}` matches `{}`, which it should not", rule.name, example.text);
                return Err(example.at.error(source, message).hint("tighten `command.path` or `command.argv`"));
            }
            (Expected::Match, None) | (Expected::NoMatch, Some(_)) => {}
        }
    }
    Ok(())
}

fn example(item: &Item<'_>, expects: Expected) -> Result<RuleExample, LoadError> {
    let text = item.string()?;
    let words = split(text).map_err(|unclosed| {
        item.error(format!("{unclosed} is not closed"))
            .hint("examples are split like shell words, but nothing is expanded")
    })?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(item.error("an example needs a command"));
    };
    let program = if program.contains('/') {
        let path = AbsPath::new(program.as_bytes())
            .map_err(|error| item.error(format!("`{program}` is no program: {error}")))?;
        ExampleProgram::Path(path)
    } else if program.contains('\0') {
        return Err(item.error("the name of a program contains a NUL byte"));
    } else {
        ExampleProgram::Name(program.as_bytes().to_vec())
    };
    let mut texts = Vec::with_capacity(arguments.len());
    for word in arguments {
        texts.push(Text::new(word.as_bytes()).ok_or_else(|| item.error("an argument contains a NUL byte"))?);
    }
    Ok(RuleExample {
        command: ExampleCommand { program, arguments: texts },
        text: text.to_owned(),
        expects,
        at: item.at(),
    })
}

/// Splits into words: blanks separate, `'…'` is literal, `"…"` takes backslash escapes of `"` and
/// `\`, a backslash elsewhere takes the next character as it is.
fn split(text: &str) -> Result<Vec<Cow<'_, str>>, &'static str> {
    if !text.contains(['\'', '"', '\\']) {
        return Ok(text.split_ascii_whitespace().map(Cow::Borrowed).collect());
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            blank if blank.is_ascii_whitespace() => words.extend(word.take().map(Cow::Owned)),
            '\'' => single_quoted(&mut characters, word.get_or_insert_default())?,
            '"' => double_quoted(&mut characters, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(characters.next().ok_or("a backslash")?),
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word.map(Cow::Owned));
    Ok(words)
}

fn single_quoted(characters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    loop {
        match characters.next().ok_or("a single quote")? {
            '\'' => return Ok(()),
            plain => word.push(plain),
        }
    }
}

fn double_quoted(characters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    loop {
        match characters.next().ok_or("a double quote")? {
            '"' => return Ok(()),
            '\\' => match characters.next().ok_or("a double quote")? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            plain => word.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_without_a_shell() {
        let words = |text| split(text).unwrap();
        assert_eq!(words("npm  publish --tag next "), ["npm", "publish", "--tag", "next"]);
        assert_eq!(
            words(r#"sh -c 'echo "$HOME"; ls' "a b\"c\d" \  ''"#),
            ["sh", "-c", r#"echo "$HOME"; ls"#, r#"a b"c\d"#, " ", ""]
        );
        assert_eq!(words("a;b|c $x `y`"), ["a;b|c", "$x", "`y`"]);
        assert_eq!(words("  "), [""; 0]);
        for open in ["'a", "\"a", "a\\", "\"a\\"] {
            assert!(split(open).is_err(), "{open}");
        }
    }
}
