//! Comments: those between two things of a document, and all of a text. Never takes a `#` inside a string for one.

/// Whole lines between two things: comments, and one blank line wherever there were any.
pub(super) struct Lines {
    // INVARIANT: each line ends with `\n`; no two blank lines follow each other.
    text: String,
}

impl Lines {
    /// Of what stands between two things, without what is behind the first of them.
    pub(super) fn of(between: &str) -> Self {
        let mut text = String::new();
        let mut was_blank = false;
        let (whole, last) = between.rsplit_once('\n').unwrap_or(("", between));
        let last = Some(last).filter(|last| !last.trim().is_empty());
        let whole = Some(whole).filter(|_| between.contains('\n'));
        for line in whole.into_iter().flat_map(|whole| whole.split('\n')).chain(last) {
            let line = line.trim();
            if !(line.is_empty() && was_blank) {
                text.push_str(line);
                text.push('\n');
            }
            was_blank = line.is_empty();
        }
        Self { text }
    }

    /// All of them.
    pub(super) fn all(&self) -> &str {
        &self.text
    }

    /// Without a blank line at the beginning.
    pub(super) fn without_first_blank(&self) -> &str {
        self.text.strip_prefix('\n').unwrap_or(&self.text)
    }

    /// The lines before the first blank one and those after it, when it is not the first.
    pub(super) fn split_tail(&self) -> Option<(&str, &str)> {
        let at = self.text.find("\n\n").filter(|_| !self.text.starts_with('\n'))?;
        Some((self.text.get(..=at)?, self.text.get(at + 2..)?))
    }
}

/// The comment on the rest of a line.
pub(super) fn trailing(rest: &str) -> Option<&str> {
    let comment = rest.split('\n').next()?.trim();
    comment.starts_with('#').then_some(comment)
}

/// Every comment of a text, in order.
pub(crate) fn comments(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['#', '"', '\'']) {
        let Some(from) = rest.get(at..) else { break };
        let length = match from.as_bytes().first() {
            Some(b'#') => {
                let comment = from.split('\n').next().unwrap_or_default();
                found.push(comment.trim_end());
                comment.len()
            }
            Some(_) | None => string_length(from),
        };
        rest = from.get(length..).unwrap_or_default();
    }
    found
}

/// How long the string is that a text begins with, quotes included.
fn string_length(text: &str) -> usize {
    let quote = text.get(..1).unwrap_or_default();
    let triple = quote.repeat(3);
    let delimiter = if text.starts_with(&triple) { triple.as_str() } else { quote };
    let mut at = delimiter.len();
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(delimiter) {
            // Up to two quotes may stand before the closing ones.
            let quotes = rest.len() - rest.trim_start_matches(quote).len();
            return at + if delimiter.len() == 3 { quotes.min(5) } else { 1 };
        }
        let is_escape = quote == "\"" && rest.starts_with('\\');
        let step = rest.chars().take(if is_escape { 2 } else { 1 }).map(char::len_utf8).sum::<usize>();
        at += step;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_sign_inside_a_string_is_no_comment() {
        let text = "a = \"# no \\\" # no\" # one\nb = '# no \\' # two\nc = \"\"\"\n# no \"# no\\\"\"\"\"\"\" # three\nd = '''# no'''' # four\n#five";
        assert_eq!(comments(text), ["# one", "# two", "# three", "# four", "#five"]);
        assert_eq!(comments("a = \"é\" # é"), ["# é"]);
        assert_eq!(comments("\"#"), [""; 0]);
    }

    #[test]
    fn several_blank_lines_are_one() {
        assert_eq!(Lines::of("\n\n\n  # a  \n\t\n\n# b\n").all(), "\n# a\n\n# b\n");
        assert_eq!(Lines::of("# a\n\n# b\n").split_tail(), Some(("# a\n", "# b\n")));
        assert_eq!(Lines::of("\n# a\n\n# b\n").split_tail(), None);
        assert_eq!(Lines::of("  ").all(), "");
    }
}
