use std::path::Path;

use opaque_policy::preset::PRESETS;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::policy::fmt::values;
use crate::policy::layout::comments;

const TEXT: &str = r#"version = 1
default = "deny"

# about a
[[rules]]
name = "a"
action   =   "ask"    # why so
approval.require = "first_use"
approval.lease_ttl = "5m"
uid = [
  1, # one
]
# between
[rules.command]
argv = ["x", { flag = "-n", value = { one_of = ["1"] } }] # all of it
path = "/x"

[audit]
sync = "disk"

# the second
# one
[[rules]]
name = "b"
action = "deny"
  [rules.workspace]
  branch_pattern = "main" # only there
[[rules.examples]]
match = ["y"]
[[rules.examples]]
no_match = ["z"]
# end of b

# about c

[[rules]]
action = "deny"
name = "c""#;

fn order() -> Order {
    Order::of_policy().below("rules")
}

fn path(key: &str) -> Vec<String> {
    Key::parse(key).unwrap().iter().map(|key| key.get().to_owned()).collect()
}

/// What a change took away and what it put there: `-` and `+` lines.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let before = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let (old, new) = (&old[before..], &new[before..]);
    let after = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    let marked = |mark: &str, lines: &[&str]| -> String {
        lines[..lines.len() - after].iter().map(|line| format!("{mark}{}\n", line.trim_end_matches('\n'))).collect()
    };
    marked("-", old) + &marked("+", new)
}

fn setting(rule: &str, key: &str, value: &str) -> String {
    difference(TEXT, &set(TEXT, rule, &path(key), value, order()).unwrap())
}

fn unsetting(rule: &str, key: &str) -> String {
    difference(TEXT, &unset(TEXT, rule, &path(key)).unwrap())
}

#[test]
fn a_value_is_replaced_where_it_stands() {
    assert_eq!(
        setting("a", "action", "\"deny\""),
        "-action   =   \"ask\"    # why so\n+action   =   \"deny\"    # why so\n"
    );
    assert_eq!(setting("a", "approval.lease_ttl", "60"), "-approval.lease_ttl = \"5m\"\n+approval.lease_ttl = 60\n");
    assert_eq!(setting("a", "uid", "7"), "-uid = [\n-  1, # one\n-]\n+uid = 7\n");
    assert_eq!(
        setting("b", "workspace.branch_pattern", "['x']"),
        "-  branch_pattern = \"main\" # only there\n+  branch_pattern = ['x'] # only there\n"
    );
    assert_eq!(setting("c", "action", "\"ask\""), "-action = \"deny\"\n+action = \"ask\"\n");
}

#[test]
fn a_key_that_is_new_gets_a_line_at_its_place() {
    assert_eq!(setting("a", "why", "\"w\""), "+why = \"w\"\n");
    assert!(set(TEXT, "a", &path("why"), "1", order()).unwrap().contains("# why so\nwhy = 1\napproval.require"));
    assert!(set(TEXT, "a", &path("command.class"), "1", order()).unwrap().contains("# all of it\nclass = 1\npath"));
    assert!(set(TEXT, "a", &path("approval.budget"), "1", order()).unwrap().contains("\"5m\"\napproval.budget = 1\n"));
    assert!(set(TEXT, "c", &path("why"), "1", order()).unwrap().ends_with("action = \"deny\"\nwhy = 1\nname = \"c\""));
    assert!(set(TEXT, "c", &path("uid"), "1", order()).unwrap().ends_with("action = \"deny\"\nuid = 1\nname = \"c\""));
}

#[test]
fn a_table_that_is_new_gets_a_header_at_its_place() {
    assert_eq!(setting("b", "command.path", "'/x'"), "+[rules.command]\n+path = '/x'\n");
    let before = set(TEXT, "b", &path("command.path"), "'/x'", order()).unwrap();
    assert!(before.contains("action = \"deny\"\n[rules.command]\npath = '/x'\n  [rules.workspace]"), "{before}");
    let limits = set(TEXT, "b", &path("sandbox.limits.pids"), "5", order()).unwrap();
    assert!(limits.contains("# only there\n[rules.sandbox]\nlimits.pids = 5\n[[rules.examples]]"), "{limits}");
    let more = set(&limits, "b", &path("sandbox.limits.wall"), "'5s'", order()).unwrap();
    assert!(more.contains("limits.pids = 5\n") && more.contains("limits.wall = '5s'\n"), "{more}");
    assert!(
        set(TEXT, "c", &path("command.path"), "1", order()).unwrap().ends_with("\"c\"\n[rules.command]\npath = 1\n")
    );
}

#[test]
fn a_table_between_braces_is_changed_between_its_braces() {
    let text = "rules = [{ name = \"a\", action = \"ask\", approval = { require = \"always\" }, target = {} }]\n";
    let changed = |key, value| set(text, "a", &path(key), value, order()).unwrap();
    assert_eq!(changed("action", "1"), text.replace("\"ask\"", "1"));
    assert_eq!(changed("approval.factors", "1"), text.replace("\"always\" }", "\"always\", factors = 1 }"));
    assert_eq!(changed("target.fields.a", "1"), text.replace("{}", "{ fields.a = 1 }"));
    assert_eq!(changed("command.path", "1"), text.replace(" }]", ", command.path = 1 }]"));
    assert_eq!(unset(text, "a", &path("action")).unwrap(), text.replace("action = \"ask\", ", ""));
    assert_eq!(unset(text, "a", &path("target")).unwrap(), text.replace(", target = {}", ""));
    assert_eq!(unset(text, "a", &path("approval.require")).unwrap(), text.replace("require = \"always\"", ""));
    let dotted =
        "rules = [{ name = \"a\", approval.require = \"always\", action = \"ask\", approval.budget = 2, uid = 1 }]\n";
    let without = |key: &str, gone: &str| {
        assert_eq!(unset(dotted, "a", &path(key)).unwrap(), dotted.replace(gone, ""), "{key}");
    };
    without("approval.budget", "approval.budget = 2, ");
    without("approval.require", "approval.require = \"always\", ");
    without("name", "name = \"a\", ");
    without("uid", ", uid = 1");
    assert!(removed(text, "a").unwrap_err().0.contains("no lines of its own"));
}

#[test]
fn what_is_unset_leaves_the_comments_that_it_can() {
    assert_eq!(unsetting("a", "action"), "-action   =   \"ask\"    # why so\n+# why so\n");
    assert_eq!(unsetting("a", "uid"), "-uid = [\n-  1, # one\n-]\n");
    assert_eq!(
        unsetting("b", "workspace.branch_pattern"),
        "-  branch_pattern = \"main\" # only there\n+  # only there\n"
    );
    assert_eq!(unsetting("a", "approval"), "-approval.require = \"first_use\"\n-approval.lease_ttl = \"5m\"\n");
    assert_eq!(unsetting("a", "approval.require"), "-approval.require = \"first_use\"\n");
    assert_eq!(unsetting("a", "approval.lease_ttl"), "-approval.lease_ttl = \"5m\"\n");
    assert_eq!(unsetting("b", "workspace"), "-  [rules.workspace]\n-  branch_pattern = \"main\" # only there\n");
    assert_eq!(
        unsetting("b", "examples"),
        "-[[rules.examples]]\n-match = [\"y\"]\n-[[rules.examples]]\n-no_match = [\"z\"]\n"
    );
    assert_eq!(unsetting("c", "name"), "-name = \"c\"\n");
}

#[test]
fn a_rule_goes_with_the_comment_directly_above_it() {
    let b = "# the second\n# one\n[[rules]]\nname = \"b\"\naction = \"deny\"\n  [rules.workspace]\n  branch_pattern = \"main\" # only there\n[[rules.examples]]\nmatch = [\"y\"]\n[[rules.examples]]\nno_match = [\"z\"]\n";
    assert_eq!(removed(TEXT, "b").unwrap(), TEXT.replace(b, ""));
    assert_eq!(removed(TEXT, "c").unwrap(), TEXT.replace("\n[[rules]]\naction = \"deny\"\nname = \"c\"", ""));
    let moved_up = moved(TEXT, "b", Side::Before, "a").unwrap();
    assert_eq!(moved_up, TEXT.replace(b, "").replace("# about a\n", &format!("{b}\n# about a\n")));
    let moved_down = moved(TEXT, "b", Side::After, "c").unwrap();
    assert_eq!(moved_down, format!("{}\n\n{b}", TEXT.replace(b, "")));
    assert_eq!(comments(&moved_down).len(), comments(TEXT).len());
}

#[test]
fn what_cannot_be_done_is_said() {
    let torn = TEXT
        .replace("[audit]\nsync = \"disk\"\n", "")
        .replace("[rules.command]", "[audit]\nsync = \"disk\"\n[rules.command]");
    for (changed, message) in [
        (set(TEXT, "d", &path("action"), "1", order()), "the rules are a, b, c"),
        (set("version = 1", "d", &path("action"), "1", order()), "there is no rule in it"),
        (set(TEXT, "a", &path("command"), "1", order()), "`command` is a table"),
        (set(TEXT, "b", &path("examples"), "1", order()), "`examples` is a table"),
        (set(TEXT, "b", &path("examples.match"), "1", order()), "`examples` has no keys of its own"),
        (set(TEXT, "a", &path("action.x"), "1", order()), "`action` has no keys of its own"),
        (unset(TEXT, "a", &path("why")), "the rule `a` has no `why`"),
        (unset(TEXT, "a", &path("sandbox.read")), "the rule `a` has no `sandbox.read`"),
        (moved(TEXT, "a", Side::After, "d"), "there is no rule `d`"),
        (moved(TEXT, "a", Side::After, "a"), "beside itself"),
        (removed(&torn, "a"), "do not stand together"),
        (unset("a = ", "a", &path("why")), "TOML parse error"),
    ] {
        let said = changed.unwrap_err().0;
        assert!(said.contains(message), "{said}");
    }
    // A key alone can be changed there all the same.
    assert_eq!(
        set(&torn, "a", &path("command.path"), "'/y'", order()).unwrap(),
        torn.replace("path = \"/x\"", "path = '/y'")
    );
}

/// Documents with rules under headers.
fn documents() -> Vec<String> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |file: &str| std::fs::read_to_string(checkout.join(file)).unwrap();
    let mut documents: Vec<String> = PRESETS.iter().map(|preset| preset.text.to_owned()).collect();
    documents.push(read("policy/src/load/tests/whole.toml"));
    documents.push(read("docs/policy.md").split("```toml\n").nth(1).unwrap().split("```").next().unwrap().to_owned());
    documents.push(TEXT.to_owned());
    documents.extend(documents.clone().iter().map(|text| text.replace('\n', "\r\n")));
    documents
}

fn rules(document: &Json) -> Vec<String> {
    document["rules"].as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap().to_owned()).collect()
}

/// Paths of keys below a rule that are no element of a list.
fn keys(value: &Json, here: &[String]) -> Vec<Vec<String>> {
    let Some(table) = value.as_object() else { return Vec::new() };
    let deeper = table.iter().flat_map(|(key, value)| {
        let path = [here, std::slice::from_ref(key)].concat();
        let below = keys(value, &path);
        [vec![path], below].concat()
    });
    deeper.collect()
}

fn put<'j>(rule: &'j mut Json, path: &[String]) -> &'j mut Json {
    path.iter().fold(rule, |value, key| &mut value[key.as_str()])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_change_changes_that_key_of_that_rule_in_its_own_lines_and_nothing_else(
        which in any::<usize>(), one in any::<usize>(), key in any::<usize>(), kind in 0..4,
        fresh in proptest::sample::select(vec!["why", "roles", "command.sha256", "sandbox.limits.files", "context.env.A", "secret_names.patterns"]),
    ) {
        let documents = documents();
        let text = &documents[which % documents.len()];
        let before = values(text).unwrap();
        let names = rules(&before);
        let index = one % names.len();
        let rule = &names[index];
        let all = keys(&before["rules"][index], &[]);
        let mut wanted = before.clone();
        let (changed, keeps_comments) = match kind {
            0 => {
                let path = &all[key % all.len()];
                prop_assume!(!put(&mut wanted["rules"][index], path).is_object() && path[0] != "examples");
                *put(&mut wanted["rules"][index], path) = json!("new");
                (set(text, rule, path, "\"new\"", order()), path[0] != "uid")
            }
            1 => {
                let path = path(fresh);
                prop_assume!(!all.contains(&path));
                *put(&mut wanted["rules"][index], &path) = json!(["new"]);
                (set(text, rule, &path, "[\"new\"]", order()), true)
            }
            2 => {
                let path = &all[key % all.len()];
                let is_table = put(&mut wanted["rules"][index], path).is_object() || path[0] == "examples";
                let (last, above) = path.split_last().unwrap();
                put(&mut wanted["rules"][index], above).as_object_mut().unwrap().remove(last);
                (unset(text, rule, path), !is_table && path[0] != "uid")
            }
            _ => {
                prop_assume!(names.len() > 1);
                wanted["rules"].as_array_mut().unwrap().remove(index);
                (removed(text, rule), false)
            }
        };
        let new = changed.map_err(|Impossible(message)| TestCaseError::fail(message))?;
        let is_wanted = |found: &Json| {
            // A table whose last key went is empty, or gone when it was only said by dots.
            let without_empty = |value: &Json| value.to_string().replace(",\"approval\":{}", "").replace("\"approval\":{},", "").replace(",\"limits\":{}", "").replace("\"limits\":{},", "").replace("{\"limits\":{}}", "{}");
            without_empty(found) == without_empty(&wanted)
        };
        prop_assert!(is_wanted(&values(&new).unwrap()), "{new}\n{wanted}");
        let said: Vec<&str> = comments(&new);
        if keeps_comments {
            prop_assert_eq!(said, comments(text));
        }
        // Only lines of the rule change.
        let document = parsed(text).unwrap();
        let lines = Region::of(&document, text, rule).unwrap().with_blank_lines(text);
        let (head, tail) = (text.get(..lines.start).unwrap(), text.get(lines.end..).unwrap().trim_start());
        prop_assert!(new.starts_with(head) && new.ends_with(tail), "{}", difference(text, &new));
    }

    #[test]
    fn a_rule_that_is_moved_and_moved_back_is_where_it_was(which in any::<usize>(), one in any::<usize>(), other in any::<usize>()) {
        let documents = documents();
        let text = &documents[which % documents.len()];
        let before = values(text).unwrap();
        let names = rules(&before);
        let (from, to) = (one % names.len(), other % names.len());
        prop_assume!(from != to && names.len() > 1);
        let new = moved(text, &names[from], Side::Before, &names[to]).unwrap();
        let mut wanted = names.clone();
        let name = wanted.remove(from);
        wanted.insert(if from < to { to - 1 } else { to }, name.clone());
        prop_assert_eq!(rules(&values(&new).unwrap()), wanted);
        let mut sorted = [comments(text), comments(&new)];
        sorted.iter_mut().for_each(|comments| comments.sort_unstable());
        prop_assert_eq!(&sorted[0], &sorted[1]);
        let back = match names.get(from + 1) {
            Some(next) => moved(&new, &name, Side::Before, next),
            None => moved(&new, &name, Side::After, &names[from - 1]),
        };
        prop_assert_eq!(rules(&values(&back.unwrap()).unwrap()), names);
    }
}
