//! What commands are classified as: a corpus of shell lines, and laws that hold over all of it.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const CORPUS: &str = include_str!("corpus.txt");

fn class_names(classes: &[Class]) -> String {
    classes.iter().map(|class| class.as_str()).collect::<Vec<_>>().join(",")
}

fn run(program: &str, argv: &[&str]) -> Vec<Class> {
    let argv: Vec<Text> = argv.iter().map(|argument| Text::from(*argument)).collect();
    classify(&AbsPath::new(program).unwrap(), &argv)
}

fn line(script: &str) -> Vec<Class> {
    run("/bin/sh", &["sh", "-c", script])
}

/// The corpus: expected classes and the line, in which `\n` is an end of line, `\t` a tab and `\\` a backslash
/// before either of these.
fn corpus() -> impl Iterator<Item = (usize, &'static str, String)> {
    CORPUS.lines().enumerate().map(|(at, row)| {
        let (expected, line) = row.split_once('\t').unwrap_or_else(|| panic!("no tab in line {}", at + 1));
        let line = line.replace("\\\\", "\u{1}").replace("\\n", "\n").replace("\\t", "\t").replace('\u{1}', "\\");
        (at + 1, expected, line)
    })
}

#[test]
fn every_line_of_the_corpus_is_classified_as_it_says() {
    let wrong: Vec<String> = corpus()
        .filter_map(|(at, expected, script)| {
            let found = class_names(&line(&script));
            (found != expected).then(|| format!("{at}: `{script}`\n    is {found}\n    not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} lines:\n{}", wrong.len(), wrong.join("\n"));
    assert!(corpus().count() >= 400);
}

/// Says which classes of `whole` are missing in `part`'s wrapping.
fn missing(classes: &[Class], found: &[Class]) -> Vec<Class> {
    classes.iter().copied().filter(|class| !found.contains(class)).collect()
}

fn quoted(script: &str) -> String {
    format!("'{}'", script.replace('\'', "'\\''"))
}

/// Lines that a wrapper completes, so that they mean something else in it.
const UNFINISHED: [&str; 2] = ["ls )", "ls &&"];

#[test]
fn no_harmless_wrapper_takes_a_class_away() {
    let wrappers: [fn(&str) -> String; 14] = [
        |script| format!("( {script}\n)"),
        |script| format!("{{ {script}\n}}"),
        |script| format!("true; {script}"),
        |script| format!("true && {{ {script}\n}}"),
        |script| format!("{{ {script}\n}} && true"),
        |script| format!("{{ {script}\n}} | cat"),
        |script| format!("{script}\ntrue"),
        |script| format!("if true; then {script}\nfi"),
        |script| format!("while true; do {script}\ndone"),
        |script| format!("case x in x) {script}\nesac"),
        |script| format!("f() {{ {script}\n}}; f"),
        |script| format!("echo \"$( {script}\n)\""),
        |script| format!("sh -c {}", quoted(script)),
        |script| format!("nice env A=b bash -c {}", quoted(script)),
    ];
    let mut wrong = Vec::new();
    for (at, _, script) in corpus().filter(|(_, _, script)| !UNFINISHED.contains(&script.as_str())) {
        let classes = line(&script);
        for (number, wrap) in wrappers.iter().enumerate() {
            let lost = missing(&classes, &line(&wrap(&script)));
            if !lost.is_empty() {
                wrong.push(format!("{at}: wrapper {number} of `{script}` takes away {}", class_names(&lost)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_quoting_and_no_runner_takes_a_class_from_a_simple_command() {
    let is_simple = |script: &&str| {
        script.split(' ').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./=:@,+".contains(&byte))
        })
    };
    let is_builtin = |script: &str| {
        ["cd", "exec", "set", "f", "function", "trap", "builtin", "command", ":"]
            .contains(&script.split(' ').next().unwrap())
    };
    for (_, _, script) in corpus()
        .filter(|(_, _, script)| is_simple(&script.as_str()) && !script.contains('=') && !script.starts_with("if "))
    {
        let classes = line(&script);
        let words: Vec<&str> = script.split(' ').collect();
        let in_quotes = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let escaped = words.iter().map(|word| format!("\\{}", word)).collect::<Vec<_>>().join(" ");
        for wrapped in [in_quotes, escaped, format!("{script} >&2"), format!("! {script}")] {
            assert_eq!(missing(&classes, &line(&wrapped)), [], "{wrapped}");
        }
        for runner in ["nice", "nohup", "timeout 5", "env A=b", "sudo", "setsid", "stdbuf -oL", "busybox"] {
            let wrapped = format!("{runner} {script}");
            assert!(is_builtin(&script) || missing(&classes, &line(&wrapped)).is_empty(), "{wrapped}");
        }
    }
}

#[test]
fn an_argument_vector_is_classified_like_the_line_it_stands_for() {
    for (program, argv, expected) in [
        ("/usr/bin/ls", &["ls", "; rm -rf /"][..], "read-only"),
        ("/usr/bin/npm", &["npm", "publish"], "publish"),
        ("/usr/lib/node_modules/npm/bin/npm-cli.js", &["npm", "publish"], "publish"),
        ("/usr/bin/git", &["ls"], "read-only"),
        ("/usr/bin/git", &["ls", "push"], "vcs-write,publish"),
        ("/usr/bin/rm", &["ls", "x"], "workspace-write,destructive"),
        ("/bin/busybox", &["rm", "x"], "workspace-write,destructive"),
        ("/bin/busybox", &["/bin/sh", "-c", "rm x"], "workspace-write,destructive"),
        ("/bin/busybox", &["busybox", "rm", "x"], "workspace-write,destructive"),
        ("/usr/bin/python3.12", &["python3", "--version"], "read-only"),
        ("/usr/bin/python3.12", &["python3", "x.py"], "opaque-script"),
        ("/tmp/ls", &["ls"], "opaque-script"),
        ("/home/ann/work/ls", &["ls"], "opaque-script"),
        ("/home/ann/.cargo/bin/cargo", &["cargo", "tree"], "read-only"),
        ("/work/run.sh", &["/work/run.sh"], "opaque-script"),
        ("/usr/bin/git", &[], "read-only"),
        ("/usr/bin/env", &["env", "A=b", "npm", "publish"], "publish"),
        ("/usr/bin/sudo", &["sudo", "ls"], "read-only,privilege"),
    ] {
        assert_eq!(class_names(&run(program, argv)), expected, "{program} {argv:?}");
    }
}

#[test]
fn a_script_of_more_than_64_kib_is_opaque() {
    let most = format!("ls{}", " ".repeat(64 * 1024 - 2));
    assert_eq!(line(&most), [Class::ReadOnly]);
    assert_eq!(line(&format!("{most} ")), [Class::OpaqueScript]);
}

#[test]
fn a_script_of_more_than_4096_commands_is_opaque() {
    assert_eq!(line(&"ls;".repeat(4096)), [Class::ReadOnly]);
    assert_eq!(line(&"ls;".repeat(4097)), [Class::OpaqueScript]);
}

#[test]
fn wrappers_beyond_the_bound_are_opaque() {
    assert_eq!(line(&format!("{}ls", "nice ".repeat(5))), [Class::ReadOnly]);
    assert_eq!(line(&format!("{}ls", "nice ".repeat(50))), [Class::OpaqueScript]);
}

/// For 64 KiB; without optimization, and on a machine that does other things, more.
const BOUND: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1500 } else { 50 });

#[test]
fn no_script_takes_long_however_it_is_nested() {
    let parts = [
        "(",
        "$(",
        "`",
        "\"$(",
        "${x:-",
        "{ ",
        "if ",
        "<(",
        "a;",
        "a&&",
        "<<a ",
        "<<a\n",
        "f(){ ",
        "case x in x) ",
        "$((",
        "((",
        "[[ ",
        "'",
        "\"",
        "\\",
        "x=(",
        "! ",
        "time ",
        "a|",
        "git a;",
        "rm a;",
        "find . -exec ",
        "sudo ",
        "nice ",
        "a(){ :;};",
        "$x ",
        "{a,",
        "* ",
        "cp a ",
        "-a ",
    ];
    for part in parts {
        let begun = Instant::now();
        assert!(!line(&part.repeat(64 * 1024 / part.len())).is_empty());
        let took = begun.elapsed();
        assert!(took < BOUND, "`{part}` took {took:?}");
    }
}

#[test]
fn one_command_of_many_words_does_not_take_long() {
    for start in [
        "cp ",
        "git push ",
        "tar xf ",
        "find . ",
        "sed -e ",
        "xargs ",
        "parallel ",
        "curl ",
        "rsync ",
        "find . -exec ls ",
    ] {
        for word in ["a ", "-a ", "-e ", "-- ", "$x ", "{} "] {
            let begun = Instant::now();
            assert!(!line(&format!("{start}{}", word.repeat((64 * 1024 - 20) / word.len()))).is_empty());
            let took = begun.elapsed();
            assert!(took < BOUND, "`{start}{word}` took {took:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_classified(bytes in proptest::collection::vec(1_u8.., 0..300)) {
        let script = Text::new(bytes).unwrap();
        let classes = classify(&AbsPath::new("/bin/sh").unwrap(), &[Text::from("sh"), Text::from("-c"), script]);
        prop_assert!(!classes.is_empty() && classes.is_sorted());
    }

    #[test]
    fn any_row_of_the_shells_signs_is_classified(script in "([(){}<>|&;$`'\"\\\\ \n#=*?\\[\\]!~]|rm|if|fi|x|<<|case|esac|in|do|done|for|then){0,60}") {
        prop_assert!(!line(&script).is_empty());
    }

    #[test]
    fn what_stands_before_a_command_never_hides_it(head in "[a-z $()\"'`;&|<>{}\\\\#]{0,12}") {
        let alone = line(&head);
        // A head that is whole by itself is followed by a command of its own on the next line.
        let both = line(&format!("{head}\nnpm publish"));
        prop_assert!(alone.contains(&Class::OpaqueScript) || both.contains(&Class::Publish) || both.contains(&Class::OpaqueScript), "{head:?}");
    }
}
