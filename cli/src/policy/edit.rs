//! `opaque policy edit`: changes one rule of a file, and nothing else in it.

use std::path::PathBuf;

use clap::Args;
use toml_edit::{Key, Value};

use crate::Wrong;
use crate::file::{at, read};
use crate::policy::candidate::{Force, Kind};
use crate::policy::splice::{self, Impossible, Side};
use crate::replace::replace;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub(crate) struct Edit {
    /// The policy file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The name of the rule
    #[arg(value_name = "RULE")]
    rule: String,
    /// Give a key a value, such as `action=deny`, `uid=[1000, 1001]` or `approval.lease_ttl=10m`
    #[arg(long, value_name = "KEY=VALUE", group = "change")]
    set: Vec<String>,
    /// Take a key out, or a whole table such as `approval`; before anything is set
    #[arg(long, value_name = "KEY", group = "change")]
    unset: Vec<String>,
    /// Move the rule before another one
    #[arg(long, value_name = "RULE", group = "change", conflicts_with = "after")]
    before: Option<String>,
    /// Move the rule after another one
    #[arg(long, value_name = "RULE", group = "change")]
    after: Option<String>,
    /// Take the rule out, with the comment directly above it
    #[arg(long, group = "change", conflicts_with_all = ["set", "unset", "before", "after"])]
    remove: bool,
}

impl Edit {
    pub(super) fn carry_out(self) -> Result<String, Wrong> {
        let old = read(&self.file)?;
        let new = self.changed(&old).map_err(|Impossible(message)| at(&self.file, message))?;
        if new == old {
            return Ok(format!("{}: `{}` is like that already\n", self.file.display(), self.rule));
        }
        // A file that would not load stays what it is.
        Force::read()?.meaning(&self.file, &new)?;
        replace(&self.file, &old, &new)?;
        Ok(format!("{}: `{}` is changed\n", self.file.display(), self.rule))
    }

    fn changed(&self, old: &str) -> Result<String, Impossible> {
        let order = Kind::of(old).order().below("rules");
        if self.remove {
            return splice::removed(old, &self.rule);
        }
        let mut text = old.to_owned();
        for key in &self.unset {
            text = splice::unset(&text, &self.rule, &path(key)?)?;
        }
        for assignment in &self.set {
            let (key, written) = assignment
                .split_once('=')
                .ok_or_else(|| Impossible(format!("`{assignment}` sets nothing\nhint: write `KEY=VALUE`")))?;
            text = splice::set(&text, &self.rule, &path(key)?, &value(written)?, order)?;
        }
        let moved = [(Side::Before, &self.before), (Side::After, &self.after)];
        for (side, other) in moved.into_iter().filter_map(|(side, other)| Some((side, other.as_ref()?))) {
            text = splice::moved(&text, &self.rule, side, other)?;
        }
        Ok(text)
    }
}

/// A key, dotted where it is below another one.
fn path(key: &str) -> Result<Vec<String>, Impossible> {
    let keys = Key::parse(key.trim())
        .map_err(|_| Impossible(format!("`{key}` is no key\nhint: write `action`, or `approval.require`")))?;
    Ok(keys.iter().map(|key| key.get().to_owned()).collect())
}

/// A value of TOML; a plain word is a string.
fn value(written: &str) -> Result<String, Impossible> {
    let written = written.trim();
    match written.parse::<Value>() {
        Ok(_) => Ok(written.to_owned()),
        Err(error) if written.is_empty() || written.starts_with(['"', '\'', '[', '{']) => {
            Err(Impossible(format!("`{written}` is no value: {}", error.message().replace('\n', " "))))
        }
        Err(_) => Ok(Value::from(written).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_word_is_a_string_and_anything_else_is_what_it_is() {
        for (written, meant) in [
            ("deny", "\"deny\""),
            (" 10m", "\"10m\""),
            ("10", "10"),
            ("true", "true"),
            ("\"true\"", "\"true\""),
            ("[ \"a\" ]", "[ \"a\" ]"),
            ("History is \"shared\".", "'History is \"shared\".'"),
            ("/usr/bin/git", "\"/usr/bin/git\""),
            ("a\nname = 'b'", "\"\"\"\na\nname = 'b'\"\"\""),
        ] {
            assert_eq!(value(written).unwrap(), meant);
        }
        for wrong in ["", "[1", "\"a", "{ a }", "'a' # b"] {
            assert!(value(wrong).is_err(), "{wrong}");
        }
        assert_eq!(path("approval.\"a b\"").unwrap(), ["approval", "a b"]);
        assert!(path("a b").is_err());
    }
}
