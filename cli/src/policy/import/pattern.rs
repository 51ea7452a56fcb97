//! Writes globs of other languages in ours: there `*` is any run of characters and `?` any one, `/` included. What our
//! globs cannot say becomes a regular expression that means exactly the same.

/// Any character, in an expression of ours.
pub(super) const ANY: &str = "(?s:.)";

/// Any run of bytes.
pub(super) const ANYTHING: &str = "(?s-u:.*)";

/// The pattern that matches exactly this text.
pub(super) fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | '~' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// A glob over text.
pub(super) fn glob(written: &str) -> String {
    if written.contains('?') {
        return format!("~{}", body(written, ANY));
    }
    let parts: Vec<String> = collapsed(written).split('*').map(literal).collect();
    parts.join("*")
}

/// A glob as a regular expression without the `~`; `one` is what `?` becomes, and what a star repeats.
pub(super) fn body(written: &str, one: &str) -> String {
    let mut expression = String::new();
    for character in collapsed(written).chars() {
        match character {
            '*' if one == ANY => expression.push_str(ANYTHING),
            '*' => expression.push_str(&format!("(?-u:{one}*)")),
            '?' => expression.push_str(one),
            other => escape(other, &mut expression),
        }
    }
    expression
}

/// Adds a character that means itself in an expression.
pub(super) fn escape(character: char, expression: &mut String) {
    if matches!(character, '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$') {
        expression.push('\\');
    }
    expression.push(character);
}

/// Stars in a row are one star where one crosses everything.
pub(super) fn collapsed(written: &str) -> String {
    let mut collapsed = String::with_capacity(written.len());
    for character in written.chars() {
        if character != '*' || !collapsed.ends_with('*') {
            collapsed.push(character);
        }
    }
    collapsed
}

#[cfg(test)]
mod tests {
    use opaque_policy::pattern::TextPattern;

    use super::*;

    /// The glob of the other language, as plainly as it can be said.
    fn plainly(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((&'*', rest)), _) => {
                plainly(rest, text) || text.split_first().is_some_and(|(_, text)| plainly(pattern, text))
            }
            (Some((&'?', rest)), Some((_, text))) => plainly(rest, text),
            (Some((wanted, rest)), Some((found, text))) => wanted == found && plainly(rest, text),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    proptest::proptest! {
        #[test]
        fn a_glob_matches_what_it_matched(pattern in "[a/*?.\\[{~\\\\é]{1,8}", text in "[a/.\\[{~\\\\é\n]{0,10}") {
            let ours = TextPattern::new(&glob(&pattern)).unwrap();
            let theirs = plainly(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
            assert_eq!(ours.matches(text.as_bytes()), theirs, "{pattern:?} {ours} {text:?}");
        }
    }

    #[test]
    fn special_characters_mean_themselves() {
        for text in ["a*b", "~x", "[a]", "{b}", "c\\d", "e?"] {
            let pattern = TextPattern::new(&literal(text)).unwrap();
            assert_eq!(pattern.as_literal(), Some(text.as_bytes()), "{text}");
        }
    }
}
