use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::document::SourceFile;
use crate::path::AbsPath;
use crate::policy_set::PolicySet;
use crate::profile::Profile;
use crate::schema::Format;
use crate::schema::tests::documents::takes;
use crate::sources::{PolicySources, Sight};

mod documentation;
mod malformed;
mod v1;

fn source(text: &str) -> SourceFile {
    SourceFile { file: "policy.toml".to_owned(), bytes: text.as_bytes().to_vec() }
}

fn policy(text: &str) -> Result<PolicySet, LoadError> {
    let home = AbsPath::new("/home/ann").unwrap();
    let sources = PolicySources { home, system: Vec::new(), user: vec![source(text)], repo: None };
    let loaded = PolicySet::load(&sources, Sight::First);
    if loaded.is_ok() {
        takes(Format::Policy, text);
    }
    loaded
}

fn refused(text: &str) -> LoadError {
    policy(text).err().unwrap_or_else(|| panic!("this loaded:\n{text}"))
}

fn profile(text: &str) -> Result<Profile, LoadError> {
    let loaded = Profile::parse(&source(text));
    if loaded.is_ok() {
        takes(Format::Profile, text);
    }
    loaded
}

/// A policy with every key.
pub(crate) const WHOLE: &str = include_str!("tests/whole.toml");

/// A profile with every key.
pub(crate) const WHOLE_PROFILE: &str = include_str!("tests/whole_profile.toml");

#[test]
fn a_policy_that_uses_every_key_loads() {
    assert!(policy(WHOLE).is_ok(), "{}", policy(WHOLE).unwrap_err());
    assert!(profile(WHOLE_PROFILE).is_ok(), "{}", profile(WHOLE_PROFILE).unwrap_err());
}

/// A rule around which a document is complete.
fn rule(lines: &str) -> String {
    format!("version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"\n{lines}\n")
}

#[test]
fn a_misspelt_key_names_the_nearest() {
    assert_snapshot!(refused("version = 1\ndefualt = \"deny\"\n"), @r#"
    policy.toml:2:1: unknown key `defualt`
      defualt = "deny"
      ^^^^^^^
    hint: did you mean `default`?
    "#);
}

#[test]
fn a_key_of_a_later_version_is_never_ignored() {
    let wrong = profile("name = \"x\"\ncache = [\"~/.cache\"]\n").unwrap_err();
    assert_snapshot!(wrong, @r#"
    policy.toml:2:1: `cache` is not supported yet
      cache = ["~/.cache"]
      ^^^^^
    hint: remove it: this version would not carry it out, and nothing is ignored silently
    "#);
}

#[test]
fn a_failing_example_names_the_condition() {
    assert_snapshot!(refused(&rule("[rules.command]\npath = \"/usr/bin/npm\"\nargv = [\"publish\"]\n[[rules.examples]]\nmatch = [\"npm publish now\"]")), @r#"
    policy.toml:10:10: the rule `r` does not match its example `npm publish now`
      match = ["npm publish now"]
               ^^^^^^^^^^^^^^^^^
    hint: command.argv = [`publish`] does not hold
    "#);
}

#[test]
fn a_shadowed_rule_names_the_one_before_it() {
    let text = rule(
        "[rules.command]\npath = \"/usr/bin/*\"\n[[rules]]\nname = \"later\"\naction = \"deny\"\n[rules.command]\npath = \"/usr/bin/rm\"\nargv = [\"-rf\"]",
    );
    assert_snapshot!(refused(&text), @r#"
    policy.toml:9:8: the rule `later` is never reached: `r` before it matches all that it does
      name = "later"
             ^^^^^^^
    hint: move it before the other, or remove one
    "#);
}

#[test]
fn an_allow_on_a_derived_fact_says_what_to_add() {
    assert_snapshot!(refused(&rule("client_types = [\"human\"]")), @r#"
    policy.toml:6:1: `client_types` is a derived fact, and this rule allows on it
      client_types = ["human"]
      ^^^^^^^^^^^^
    hint: add `trust = "derived"` to accept a fact that the caller's uid can influence, or use `ask`
    "#);
}

#[test]
fn broken_syntax_is_pointed_at() {
    assert_snapshot!(refused("version = 1\ndefault = \"deny\n"), @r#"
    policy.toml:2:16: invalid basic string, expected `"`
      default = "deny
                     ^
    "#);
    assert_snapshot!(refused("version = 1\nversion = 1\n"), @r#"
    policy.toml:2:1: duplicate key
      version = 1
      ^^^^^^^
    hint: a key or a table stands once: remove one of the two, or join them
    "#);
}

#[test]
fn a_rule_that_denies_takes_neither_sandbox_nor_approval() {
    for (table, column) in [("[rules.sandbox]", 8), ("[rules.approval]\nrequire = \"always\"", 8)] {
        let error = refused(&rule(table).replace("\"allow\"", "\"deny\""));
        assert_eq!((error.line(), error.column()), (6, column), "{error}");
    }
}

#[test]
fn a_rule_is_not_shadowed_by_one_that_leaves_something_to_it() {
    for (before, after) in [
        ("uid = 1", "uid = [1, 2]"),
        ("[rules.command]\npath = \"/usr/bin/rm\"", "[rules.command]\npath = \"/usr/bin/*\""),
        ("[rules.command]\nargv = [\"a\"]", "[rules.command]\nargv = [\"a\", \"**\"]"),
        ("[rules.command]\nargv = [\"a\", \"**\"]", "[rules.command]\nargv = [\"*\"]"),
        ("[rules.command]\npath = \"/usr/bin/rm\"\nargv = [\"x\"]", "[rules.command]\npath = \"/usr/bin/rm\""),
    ] {
        let text = rule(&format!("{before}\n[[rules]]\nname = \"later\"\naction = \"deny\"\n{after}"));
        assert!(policy(&text).is_ok(), "{}", policy(&text).unwrap_err());
    }
}

#[test]
fn what_is_not_text_or_too_large_or_too_deep_is_refused() {
    let load = |bytes: Vec<u8>| {
        let home = AbsPath::root();
        let user = vec![SourceFile { file: "p".into(), bytes }];
        PolicySet::load(&PolicySources { home, system: Vec::new(), user, repo: None }, Sight::Again).unwrap_err()
    };
    let error = load(b"version = 1\nwhy = \"\xff\"".to_vec());
    assert_eq!((error.line(), error.column(), error.message()), (2, 8, "not UTF-8 text"));
    assert!(load(vec![b'#'; crate::document::MAX_BYTES + 1]).message().contains("at most 1048576"));
    for deep in
        ["a.".repeat(100_000) + "a = 1", format!("a = {}", "[".repeat(100_000)), format!("[{}a]", "a.".repeat(100_000))]
    {
        assert!(load(deep.into_bytes()).message().contains("nested too deep"));
    }
}

#[test]
fn the_default_stands_once_a_layer() {
    let first = source("version = 1\ndefault = \"deny\"\n");
    let drop_in = |text: &str| SourceFile { file: "10.toml".into(), ..source(text) };
    let load = |second: SourceFile| {
        let user = vec![first.clone(), second];
        PolicySet::load(&PolicySources { home: AbsPath::root(), system: Vec::new(), user, repo: None }, Sight::First)
    };
    assert!(load(drop_in("version = 1\n")).is_ok());
    assert_snapshot!(load(drop_in("version = 1\ndefault = \"ask\"\n[default_approval]\nrequire = \"always\"")).unwrap_err(), @r#"
    10.toml:2:11: the user layer already has a default
      default = "ask"
                ^^^^^
    hint: write `default` once a layer, in the first file
    "#);
}

/// Every key of a complete document, as (line number, key).
fn keys(text: &str) -> Vec<(usize, String)> {
    let key =
        |line: &str| line.split(" =").next().filter(|key| line.contains(" =") && !key.is_empty()).map(str::to_owned);
    text.lines().enumerate().filter_map(|(index, line)| Some((index, key(line)?))).collect()
}

fn with_line(text: &str, index: usize, new: &str) -> String {
    let lines: Vec<&str> = text.lines().enumerate().map(|(at, line)| if at == index { new } else { line }).collect();
    lines.join("\n")
}

#[test]
fn every_known_key_is_read() {
    // A date is a value of no key: a key that were accepted without being read would let it pass.
    for (index, key) in keys(WHOLE) {
        let error = refused(&with_line(WHOLE, index, &format!("{key} = 1979-05-27")));
        assert_eq!(error.line(), index + 1, "{error}");
    }
    for (index, key) in keys(WHOLE_PROFILE) {
        let error = profile(&with_line(WHOLE_PROFILE, index, &format!("{key} = 1979-05-27"))).unwrap_err();
        assert_eq!(error.line(), index + 1, "{error}");
    }
}

proptest! {
    #[test]
    fn a_renamed_or_repeated_key_is_always_refused_at_its_line(which in 0_usize..40, suffix in "_[a-z]{1,4}") {
        type Load = fn(&str) -> Option<LoadError>;
        let loaders: [(&str, Load); 2] = [(WHOLE, |text| policy(text).err()), (WHOLE_PROFILE, |text| profile(text).err())];
        for (text, load) in loaders {
            let keys = keys(text);
            let (index, key) = &keys[which % keys.len()];
            let line = text.lines().nth(*index).unwrap();
            let renamed = load(&with_line(text, *index, &line.replacen(key.as_str(), &format!("{key}{suffix}"), 1)));
            let renamed = renamed.expect("a renamed key loaded");
            prop_assert_eq!(renamed.line(), index + 1);
            let repeated = load(&with_line(text, *index, &format!("{line}\n{line}"))).expect("a repeated key loaded");
            prop_assert_eq!(repeated.line(), index + 2);
        }
    }

    #[test]
    fn no_bytes_make_the_loader_fail_otherwise_than_by_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let file = SourceFile { file: "p".into(), bytes };
        if let Err(error) = Profile::parse(&file) {
            prop_assert!(error.line() >= 1 && error.column() >= 1);
        }
    }
}
