//! Every form in which a value may stand in output, as byte strings to look for. Never looks for anything itself.
//!
//! The forms of a value: as it is; base64 at the three alignments that it can have inside something longer, in both
//! alphabets; hexadecimal in both cases, of a short value also in pieces as dumps show it; percent-encoded; escaped as in JSON and as shells quote. Of a value of several
//! lines also each line, and the whole without its line breaks. Base64 that was wrapped and values interrupted by the
//! terminal's escapes are the scanner's business, which looks for them in what is left of the stream without interruptions:
//! so a form that holds some stands here without them too.

mod base64;
mod dump;
mod escape;

use std::collections::BTreeSet;
use std::ops::Deref;

use zeroize::Zeroize;

use crate::interruption;
use crate::secret::{SHORTEST, is_common, is_repetition};

/// One form; its bytes are overwritten when it is dropped.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Form(Vec<u8>);

/// Forms without doubles.
#[derive(Default)]
pub(crate) struct Forms(BTreeSet<Form>);

impl Forms {
    /// All forms of one value.
    pub(crate) fn of(value: &[u8]) -> Self {
        let mut forms = Self::default();
        forms.add_all(value);
        dump::add(value, &mut forms);
        if value.contains(&b'\n') {
            let lines = value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
            for line in lines.filter(|line| is_telling(line)) {
                forms.add_all(line);
            }
        }
        forms
    }

    fn add_all(&mut self, value: &[u8]) {
        self.add(value.to_vec());
        base64::add(value, self);
        escape::add(value, self);
    }

    fn add(&mut self, form: Vec<u8>) {
        let joined = interruption::without(&form);
        if joined.len() < form.len() && is_worth_masking(&joined) {
            self.0.insert(Form(joined.to_vec()));
        }
        self.0.insert(Form(form));
    }
}

impl IntoIterator for Forms {
    type Item = Form;
    type IntoIter = std::collections::btree_set::IntoIter<Form>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Form {
    pub(crate) fn in_lower_case(&self) -> Self {
        Self(self.0.to_ascii_lowercase())
    }
}

impl Deref for Form {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// True for a part of a value that would be taken as one by itself.
fn is_worth_masking(text: &[u8]) -> bool {
    text.len() >= SHORTEST && !is_common(text) && !is_repetition(text)
}

/// True for a line that is worth masking by itself. The frame of a PEM block is public, and so is a lone bracket.
fn is_telling(line: &[u8]) -> bool {
    is_worth_masking(line) && !line.starts_with(b"-----")
}

#[cfg(test)]
impl From<&str> for Form {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(value: &str) -> Vec<String> {
        Forms::of(value.as_bytes()).into_iter().map(|form| String::from_utf8_lossy(&form).into_owned()).collect()
    }

    #[test]
    fn a_plain_value_has_few_forms() {
        let mut expected = [
            "tok3nvalue",
            // Base64 alone and with a line end behind it, then what is certain at each alignment.
            "dG9rM252YWx1ZQ==",
            "dG9rM252YWx1ZQo=",
            "dG9rM252YWx1Z",
            "RvazNudmFsdW",
            "0b2szbnZhbHVl",
            "746f6b336e76616c7565",
            "746F6B336E76616C7565",
            "%74%6f%6b%33%6e%76%61%6c%75%65",
            "%74%6F%6B%33%6E%76%61%6C%75%65",
            "74 6f 6b 33 6e 76 61 6c 75 65",
            "74 6F 6B 33 6E 76 61 6C 75 65",
            "74:6f:6b:33:6e:76:61:6c:75:65",
            "74:6F:6B:33:6E:76:61:6C:75:65",
            "746f 6b33 6e76 616c 7565",
            "74 6f6b 336e 7661 6c75 65",
            "74 6f 6b 33 6e 76 61 6c",
            "746f 6b33 6e76 616c",
        ];
        expected.sort_unstable();
        assert_eq!(forms("tok3nvalue"), expected);
    }

    #[test]
    fn a_value_with_quotes_and_controls_is_looked_for_as_others_write_it() {
        let forms = forms("pa\"ss'w\\o/r$d\té");
        for form in [
            r#"pa\"ss'w\\o/r$d\té"#,
            r#"pa\"ss'w\\o/r$d\t\u00e9"#,
            r#"pa\"ss'w\\o/r$d\t\u00E9"#,
            r#"pa\"ss'w\\o\/r$d\t\u00e9"#,
            "pa\"ss'\\''w\\o/r$d\té",
            "pa\"ss'\"'\"'w\\o/r$d\té",
            "pa\\\"ss'w\\\\o/r\\$d\té",
            r#"pa"ss\'w\\o/r$d\té"#,
            r#"pa"ss\'w\\o/r$d\t\303\251"#,
            "pa%22ss%27w%5Co%2Fr%24d%09%C3%A9",
            "pa%22ss'w%5co%2fr%24d%09%c3%a9",
            "pa%22ss%27w%5Co/r%24d%09%C3%A9",
        ] {
            assert!(forms.iter().any(|known| known == form), "{form} is not among {forms:#?}");
        }
    }

    #[test]
    fn each_telling_line_stands_for_itself_and_the_frame_does_not() {
        let forms = forms("-----BEGIN KEY-----\nMIIEvQIBADANBg\n  {\nq83vEjRWeJq8\n-----END KEY-----");
        for form in
            ["MIIEvQIBADANBg", "q83vEjRWeJq8", "-----BEGIN KEY-----MIIEvQIBADANBg{q83vEjRWeJq8-----END KEY-----"]
        {
            assert!(forms.iter().any(|known| known == form), "{form} is missing");
        }
        assert!(!forms.iter().any(|form| form == "-----BEGIN KEY-----" || form == "{"));
    }
}
