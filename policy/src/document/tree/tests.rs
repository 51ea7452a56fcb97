//! The tree holds what the `toml` crate finds, and nothing is taken that this crate refuses.

use std::borrow::Cow;

use proptest::prelude::*;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::*;

/// A table in words: every key and every value with its place, sorted by key.
fn by_crate(table: &DeTable<'_>) -> String {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<Cow<'_, str>> = key;
        format!("{}@{:?}={}", key.get_ref(), key.span(), value_by_crate(value))
    };
    let mut entries: Vec<String> = table.iter().map(entry).collect();
    entries.sort();
    format!("{{{}}}", entries.join(","))
}

fn value_by_crate(value: &Spanned<DeValue<'_>>) -> String {
    let shown = match value.get_ref() {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => format!("{}/{}", number.as_str(), number.radix()),
        DeValue::Float(_) => "float".to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "date".to_owned(),
        DeValue::Array(list) => format!("[{}]", list.iter().map(value_by_crate).collect::<Vec<_>>().join(",")),
        DeValue::Table(table) => by_crate(table),
    };
    format!("{shown}@{:?}", value.span())
}

fn by_tree(tree: &Tree<'_>, table: &Node) -> String {
    let entry = |node: &Node| format!("{}@{:?}={}", tree.key(node), node.key_span(), value_by_tree(tree, node));
    let mut entries: Vec<String> = tree.children(table).map(entry).collect();
    entries.sort();
    format!("{{{}}}", entries.join(","))
}

fn value_by_tree(tree: &Tree<'_>, node: &Node) -> String {
    let shown = match node.value() {
        Value::String(text) => format!("{:?}", tree.text(text)),
        Value::Integer(digits, radix) => format!("{}/{radix}", tree.text(digits)),
        Value::Float => "float".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Datetime => "date".to_owned(),
        Value::Array(_) => {
            format!("[{}]", tree.children(node).map(|one| value_by_tree(tree, one)).collect::<Vec<_>>().join(","))
        }
        Value::Table(..) => by_tree(tree, node),
    };
    format!("{shown}@{:?}", node.span())
}

/// What both make of a text; `None` where it is refused. Where only the crate takes it, its answer does not count.
fn both(text: &str) -> (Option<String>, Option<String>) {
    let by_crate = DeTable::parse(text).ok().map(|table| by_crate(table.get_ref()));
    match Tree::parse(text) {
        Ok(tree) => (by_crate, tree.root().map(|root| by_tree(&tree, root))),
        Err(Refused::Dotted(_)) => (None, None),
        Err(Refused::Wrong | Refused::Keys(_)) => (by_crate, None),
    }
}

#[test]
fn each_kind_of_document_is_what_the_crate_says() {
    for text in [
        "",
        "# only a comment",
        "\u{feff}a = 1",
        "a = 1\nb = 'x'\r\nc = \"\\u00e9\\n\"\n",
        "a = 0x1f\nb = 1_000\nc = -5\nd = 1.5\ne = true\nf = 2026-01-02\ng = inf",
        "a.b.c = 1\na.b.d = 2\na.e = 3",
        "'a b'.\"c\\td\" = 1",
        "a = { b.c = 1, b.d = [1, 2, { e = 'f' }], }",
        "[a]\nb = 1\n[a.c]\nd = 1\n[e.f.g]\nh = 1\n[e]\ni = 1",
        "[[a]]\nb = 1\n[a.c]\nd = 1\n[[a.e]]\nf = 1\n[[a.e]]\nf = 2\n[[a]]\nb = 2",
        "[a]\nb.c = 1\n[a.d]\ne = 1",
        "a = \"\"\"\nx\\\n  y\"\"\"\nb = '''\n'x'\n'''",
        "a = [\n  1, # one\n  2,\n]",
        "[a.b]\nc = 1\n[a]\nb = 1",
        "a = 1\na = 2",
        "a = 1\na.b = 2",
        "[a]\n[a]",
        "[a]\nb.c = 1\n[a.b]\nd = 1",
        "[[a]]\n[a]",
        "a = []\n[[a]]",
        "a = {}\n[a.b]",
        "a = { b = 1 }\na.c = 2",
        "a = { b.c = 1, b = 2 }",
        "a = { b = {}, b.c = 1 }",
        "[a.b.c]\n[a]\nb.d = 1",
        "a",
        "a = ",
        "a = 'x",
        "a = 1 b = 2",
        "[a",
        "[[a]",
        "a = [1, 2",
        "a = { b = 1",
        "= 1",
        "a = 1e",
        "a = \"\\x\"",
        "a = \"\u{7}\"",
        "a = '\u{7}'",
        "a = \"\u{7f}\"\nb = '\u{7f}'",
        "a = 'x\ty'\nb = \"x\ty\"",
        "a = 'é\\'\nb = \"é'\"\nc = '\"'",
        "a = ''\nb = \"\"\n'' = 1",
        "\"\" = 1\n\"é\" = 2\n'c\\d' = 3",
        "é = 1",
        "a-b_C9 = 1",
        "a$ = 1",
    ] {
        let (by_crate, by_tree) = both(text);
        assert_eq!(by_tree, by_crate, "{text}");
    }
}

#[test]
fn a_table_has_an_upper_number_of_keys() {
    let keys = |count: usize| (0..count).map(|key| format!("k{key} = 1\n")).collect::<String>();
    assert!(Tree::parse(&keys(KEYS)).is_ok());
    assert!(matches!(Tree::parse(&keys(KEYS + 1)), Err(Refused::Keys(_))));
}

#[test]
fn nesting_ends_where_the_crate_ends_it() {
    for depth in [70, 79, 80, 81, 82, 100, 5_000] {
        for text in [
            format!("a = {}{}", "[".repeat(depth), "]".repeat(depth)),
            format!("a = {}1{}", "{ b = ".repeat(depth), " }".repeat(depth)),
            format!("{}a = 1", "b.".repeat(depth)),
            format!("[{}a]", "b.".repeat(depth)),
        ] {
            let (by_crate, by_tree) = both(&text);
            assert_eq!(by_tree.is_some(), by_crate.is_some(), "{depth}: {}", text.chars().take(9).collect::<String>());
        }
    }
}

/// Lines that fit together more often than not, and sometimes do not.
fn document() -> impl Strategy<Value = String> {
    let key = "[ab](\\.[abc]){0,2}|'a'|\"b\"";
    let values = ["1", "'x'", "\"\\t\"", "[1, { a = 1, b.c = 2 }]", "{ a.b = 1, a.c = { a = [] } }", "{}", "[]"];
    let value = proptest::sample::select(values.to_vec());
    let line = prop_oneof![
        4 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        2 => key.prop_map(|key| format!("[{key}]")),
        2 => key.prop_map(|key| format!("[[{key}]]")),
        1 => Just("b = { a = 1, a.b = 1 }".to_owned()),
    ];
    proptest::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn any_document_is_what_the_crate_says(text in document()) {
        let (by_crate, by_tree) = both(&text);
        prop_assert_eq!(by_tree, by_crate, "{}", text);
    }

    #[test]
    fn any_text_is_taken_or_refused_as_the_crate_does(text in "[ab=\\[\\]{}'\"#.,1 \n\t\r\\\\é\u{0}]{0,24}") {
        let (by_crate, by_tree) = both(&text);
        prop_assert_eq!(by_tree, by_crate, "{}", text);
    }
}

#[test]
fn a_dotted_key_adds_nothing_to_a_list_of_tables() {
    for text in ["[[a.b]]\n[a]\nb.c = 1", "[[a]]\nb = 1\n[[c]]\n[d]\ne = 1\n[[a.f]]\n[a.g]\n"] {
        let is_refused = matches!(Tree::parse(text), Err(Refused::Dotted(_)));
        assert_eq!(is_refused, text.contains("b.c"), "{text}");
    }
}
