use insta::assert_snapshot;

use super::*;

fn file(text: &str) -> SourceFile {
    let name = text.lines().next().and_then(|line| line.split('"').nth(1)).unwrap_or("p");
    SourceFile { file: format!("{name}.toml"), bytes: text.as_bytes().to_vec() }
}

fn load(texts: &[&str]) -> Result<Profiles, LoadError> {
    let files: Vec<SourceFile> = texts.iter().map(|text| file(text)).collect();
    Profiles::load(&[], &files)
}

fn grants(texts: &[&str], name: &str) -> Grants {
    load(texts).unwrap_or_else(|error| panic!("{error}")).grants(name).unwrap()
}

fn names(texts: &[Text]) -> Vec<&str> {
    texts.iter().filter_map(Text::as_str).collect()
}

#[test]
fn every_built_in_profile_parses_and_is_named_as_its_file() {
    for (name, text) in BUILT_IN {
        let profile = parse_profile(name, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(profile.name(), name);
        assert!(profile.description().is_some() && !profile.examples().is_empty(), "{name}");
        let grants = Profiles::built_in().grants(name).unwrap();
        assert_eq!((grants.system, grants.min_tier), (Visibility::ReadOnly, Tier::Namespaces), "{name}");
        assert!(grants.protect.contains(&AbsPath::new("/.git/hooks").unwrap()), "{name}");
        assert!(grants.read.is_empty() && grants.write.is_empty(), "{name}");
    }
}

#[test]
fn default_has_no_limit_that_ends_a_run_or_needs_its_output() {
    let limits = Profiles::built_in().grants("default").unwrap().limits;
    let expected = [("pids", "4096"), ("tmp", "1GiB"), ("inodes", "200000")];
    let mut only = Limits::default();
    for (name, text) in expected {
        only.set(name, text, false).unwrap();
    }
    assert_eq!(limits, only);
}

#[test]
fn lists_add_up_and_single_values_are_overridden() {
    let base = "name = \"base\"\n[fs]\nsystem = \"ro\"\nworkspace = \"rw\"\nread = [\"/a\", \"/b\"]\nprotect = [\"x\"]\n[env]\npass = [\"A\"]\nset = { K = \"1\", L = \"1\" }\n[limits]\npids = 10\nfiles = 5\n";
    let child = "name = \"child\"\nextends = [\"base\"]\n[fs]\nworkspace = \"ro\"\nread = [\"/b\", \"/c\"]\n[env]\npass = [\"B\"]\nset = { K = \"2\" }\n[limits]\npids = 20\n";
    let grants = grants(&[base, child], "child");
    let read: Vec<String> = grants.read.iter().map(|grant| format!("{:?}", grant.place)).collect();
    assert_eq!(read, ["Absolute(/a)", "Absolute(/b)", "Absolute(/c)"]);
    assert_eq!((grants.system, grants.toolchains), (Visibility::ReadOnly, Visibility::None));
    assert_eq!(grants.workspace, WorkspaceAccess::ReadOnly);
    assert_eq!(names(&grants.env_pass), ["A", "B"]);
    assert_eq!(grants.env_set.get(&Text::from("K")), Some(&Text::from("2")));
    assert_eq!(grants.env_set.get(&Text::from("L")), Some(&Text::from("1")));
    assert_eq!(
        (grants.limits.pids.map(|limit| limit.max), grants.limits.files.map(|limit| limit.max)),
        (Some(20), Some(5))
    );
}

#[test]
fn between_two_parents_the_stricter_value_holds_in_either_order() {
    let one = "name = \"one\"\n[fs]\nworkspace = \"ro\"\nsystem = \"ro\"\n[limits]\npids = 10\n";
    let two = "name = \"two\"\n[fs]\nworkspace = \"rw\"\nsystem = \"none\"\n[limits]\npids = 5\n";
    for order in ["\"one\", \"two\"", "\"two\", \"one\""] {
        let child = format!("name = \"child\"\nextends = [{order}]\n");
        let grants = grants(&[one, two, &child], "child");
        assert_eq!((grants.workspace, grants.system), (WorkspaceAccess::ReadOnly, Visibility::None));
        assert_eq!(grants.limits.pids.map(|limit| limit.max), Some(5));
    }
}

#[test]
fn what_no_profile_grants_does_not_exist() {
    let grants = grants(&["name = \"bare\"\n"], "bare");
    assert_eq!(
        (grants.system, grants.toolchains, grants.workspace),
        (Visibility::None, Visibility::None, WorkspaceAccess::None)
    );
    assert!(grants.env_pass.is_empty() && grants.env_set.is_empty());
}

#[test]
fn a_name_is_taken_once() {
    assert_snapshot!(load(&["name = \"cargo\"\n"]).unwrap_err(), @r#"
    cargo.toml:1:1: the profile `cargo` is already built in
      name = "cargo"
      ^
    hint: give this one another name, and `extends` the other
    "#);
    let system = [file("name = \"mine\"\n")];
    assert_snapshot!(Profiles::load(&system, &system).unwrap_err(), @r#"
    mine.toml:1:1: the profile `mine` is already defined in the system layer
      name = "mine"
      ^
    hint: give this one another name, and `extends` the other
    "#);
}

#[test]
fn a_parent_must_exist_and_be_no_descendant() {
    assert_snapshot!(load(&["name = \"mine\"\nextends = [\"defualt\"]\n"]).unwrap_err(), @r#"
    mine.toml:2:12: there is no profile `defualt`
      extends = ["defualt"]
                 ^^^^^^^^^
    hint: did you mean `default`?
    "#);
    assert_snapshot!(load(&["name = \"one\"\nextends = [\"one\"]\n"]).unwrap_err(), @r#"
    one.toml:2:12: `one` extends itself through `one`
      extends = ["one"]
                 ^^^^^
    "#);
    let error = load(&["name = \"one\"\nextends = [\"two\"]\n", "name = \"two\"\nextends = [\"default\", \"one\"]\n"])
        .unwrap_err();
    assert_snapshot!(error, @r#"
    one.toml:2:12: `one` extends itself through `two`
      extends = ["two"]
                 ^^^^^
    "#);
}

#[test]
fn the_machine_cannot_extend_what_the_caller_defines() {
    let system = [file("name = \"one\"\nextends = [\"two\"]\n")];
    let user = [file("name = \"two\"\n")];
    assert!(Profiles::load(&system, &user).is_err());
    assert!(Profiles::load(&user, &system).is_ok());
}

#[test]
fn a_profile_of_too_many_documents_is_refused() {
    let mut texts = vec!["name = \"p0\"\n".to_owned()];
    for level in 1..40 {
        let below = level - 1;
        texts.push(format!("name = \"p{level}\"\nextends = [\"p{below}\", \"p{below}\"]\n"));
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert!(load(&texts[..6]).is_ok());
    assert!(load(&texts).unwrap_err().message().contains("more than 64 documents"));
}

#[test]
fn the_digest_covers_every_document_of_the_chain() {
    let child = "name = \"child\"\nextends = [\"base\"]\n";
    let digest = |base: &str| grants(&[base, child], "child").profile_digest;
    assert_ne!(digest("name = \"base\"\n"), digest("name = \"base\"\n# other\n"));
    assert_eq!(digest("name = \"base\"\n"), digest("name = \"base\"\n"));
}

#[test]
fn a_program_finds_the_profile_that_is_suggested_for_it() {
    let profiles = Profiles::built_in();
    assert_eq!(profiles.suggestion("cargo").as_deref(), Some("cargo"));
    assert_eq!(profiles.suggestion("gcc").as_deref(), Some("make"));
    assert_eq!(profiles.suggestion("unheard-of"), None);
}
