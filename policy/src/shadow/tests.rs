//! The index finds what comparing every pair finds, and nothing else.

use proptest::prelude::*;

use super::*;
use crate::document::SourceFile;
use crate::layer::LayerName;
use crate::load::load_layer;
use crate::sources::Sight;

/// Every rule with the first one before it that covers it, the slow and obvious way.
fn plainly(rules: &[Rule]) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (index, later) in rules.iter().enumerate() {
        let earlier = rules.iter().take(index).find(|earlier| earlier.covers(later));
        found.extend(earlier.map(|earlier| (later.name.as_str(), earlier.name.as_str())));
    }
    found
}

fn by_words(rules: &[Rule]) -> Vec<(&str, &str)> {
    let rules: Vec<&Rule> = rules.iter().collect();
    shadowed(&rules, &Alike::among(&rules))
        .into_iter()
        .map(|shadow| (shadow.later.name.as_str(), shadow.earlier.name.as_str()))
        .collect()
}

fn rules(conditions: &[Vec<&'static str>]) -> Vec<Rule> {
    let mut text = String::from(
        "version = 1\ndefault = \"deny\"\n[[clients]]\nname = \"x\"\nuid = 1\n[[clients]]\nname = \"y\"\nuid = 2\n",
    );
    for (index, conditions) in conditions.iter().enumerate() {
        text.push_str(&format!("[[rules]]\nname = \"r{index}\"\naction = \"deny\"\n"));
        conditions.iter().for_each(|condition| text.push_str(&format!("{condition}\n")));
    }
    let file = SourceFile { file: "p.toml".to_owned(), bytes: text.into_bytes() };
    // What was checked before is not checked again, so that shadowed rules come through.
    load_layer(LayerName::User, &[file], Sight::Again).unwrap().layer.rules
}

/// Values of each key that cover one another in part.
const VALUES: &[(&str, &[&str])] = &[
    ("operation", &["'sandbox.exec'", "'ssh.*'", "'ssh.sign'", "'*'"]),
    (
        "command.path",
        &["'/usr/bin/git'", "'/usr/bin/*'", "'/**/git'", "'/**'", "'/*/bin/git'", "'/usr/**'", "'/opt/git'"],
    ),
    (
        "command.argv",
        &[
            "['push']",
            "['push', '**']",
            "['pu*', '**']",
            "['*', '**']",
            "['**']",
            "['push', 'origin']",
            "['p*', 'origin']",
            "['~p.*', '**']",
            "['push', { one_of = ['a', 'b'] }]",
            "['push', { rest = { text = '*' } }]",
            "['push', { flag = '--tag' }]",
            "['']",
        ],
    ),
    ("command.class", &["'publish'", "['publish', 'vcs-write']"]),
    ("command.sha256", &[SOME, OTHER, BOTH]),
    ("uid", &["1", "[1, 2]", "[2, 1]", "2"]),
    ("clients", &["'x'", "['x', 'y']", "['y', 'x']"]),
    ("client_types", &["['human']", "['human', 'agent']"]),
    ("roles", &["'a'", "['a', 'b']", "['b']"]),
    ("target.fields", &["{ repo = 'a' }", "{ repo = '*' }"]),
    ("workspace.remote_url_pattern", &["'git.example/a/*'", "'git.example/**'"]),
    ("workspace.branch_pattern", &["'main'", "'m*'"]),
    ("secret_names.patterns", &["'A'", "['A', 'B']"]),
    (
        "context.cwd",
        &["'/home/ann/src'", "'/home/*/src'", "['/home/ann/src', '/srv']", "'/home/**'", "['/srv', '/home/*/src']"],
    ),
    ("context.process_name", &["'bash'", "'b*'", "['bash', 'zsh']", "['zsh', 'b*']", "'~b.*'", "'*'"]),
    ("context.ssh_dest", &["'git.example'", "'*.example'", "'*'", "'git@git.example'"]),
    ("context.is_coding_agent", &["true", "false"]),
    ("context.env", &["{ A = '1' }", "{ A = '*' }"]),
    ("context.origin", &["'tty'", "['tty', 'ssh']"]),
    ("context.provenance", &["'trusted'", "['trusted', 'system']"]),
];

const SOME: &str = "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'";
const OTHER: &str = "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'";
const BOTH: &str = "['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb']";

/// One rule: up to three keys, each with one of its values.
fn conditions() -> impl Strategy<Value = Vec<&'static str>> {
    let lines: Vec<Vec<&'static str>> = VALUES
        .iter()
        .map(|(key, values)| {
            values.iter().map(|value| &*Box::leak(format!("{key} = {value}").into_boxed_str())).collect()
        })
        .collect();
    proptest::sample::subsequence(lines, 0..=3)
        .prop_flat_map(|keys| keys.into_iter().map(proptest::sample::select).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_index_finds_what_comparing_every_pair_finds(conditions in proptest::collection::vec(conditions(), 2..30)) {
        let rules = rules(&conditions);
        prop_assert_eq!(by_words(&rules), plainly(&rules));
    }
}

#[test]
fn every_pair_of_values_of_one_key_is_decided_alike() {
    let mut shadows = 0;
    for (key, values) in VALUES {
        for (wide, narrow) in values.iter().flat_map(|wide| values.iter().map(move |narrow| (wide, narrow))) {
            let lines: Vec<Vec<&'static str>> =
                [wide, narrow].map(|value| vec![&*Box::leak(format!("{key} = {value}").into_boxed_str())]).to_vec();
            let rules = rules(&lines);
            assert_eq!(by_words(&rules), plainly(&rules), "{key}: {wide} {narrow}");
            shadows += plainly(&rules).len();
        }
    }
    // Each value covers itself, and there are others: the test would say nothing if nothing were shadowed.
    let values: usize = VALUES.iter().map(|(_, values)| values.len()).sum();
    assert!(shadows > values + 20, "{shadows} of {values}");
}
