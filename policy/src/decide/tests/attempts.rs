//! Attempts to get more from a policy than its author meant, each beside what the author did mean.

use super::*;

fn decided(policy: &PolicySet, line: &[&str]) -> &'static str {
    let mut request = request(line[0]);
    request.command.argv = line.iter().map(|word| Text::from(*word)).collect();
    word(&decide(policy, &request))
}

fn only(conditions: &str) -> PolicySet {
    policy("", &format!("default = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"\n{conditions}\n"))
}

#[test]
fn a_program_of_the_same_name_elsewhere_is_another_program() {
    let policy = only("command.path = '/usr/bin/git'");
    assert_eq!(decided(&policy, &["/usr/bin/git", "status"]), "allow");
    for other in
        ["/tmp/x/git", "/usr/bin/git2", "/usr/bin/x/git", "/usr/local/bin/git", "/home/ann/usr/bin/git", "/git"]
    {
        assert_eq!(decided(&policy, &[other, "status"]), "deny", "{other}");
    }
}

#[test]
fn words_are_never_joined_nor_split() {
    for (argv, yes, no) in [
        ("['a b']", ["x", "a b"].as_slice(), ["x", "a", "b"].as_slice()),
        ("['a', 'b']", &["x", "a", "b"], &["x", "a b"]),
        ("['push', 'origin']", &["x", "push", "origin"], &["x", "push origin"]),
        ("['a*']", &["x", "a b"], &["x", "a", "b"]),
    ] {
        let policy = only(&format!("command.argv = {argv}"));
        for (line, expected) in [(yes, "allow"), (no, "deny")] {
            let line: Vec<&str> = std::iter::once("/usr/bin/x").chain(line[1..].iter().copied()).collect();
            assert_eq!(decided(&policy, &line), expected, "{argv} {line:?}");
        }
    }
    // What a terminal would swallow or turn round is part of the word.
    let policy = only("command.argv = ['safe']");
    assert_eq!(decided(&policy, &["/usr/bin/x", "safe"]), "allow");
    for word in ["safe\n", "safe\t", "\u{1b}[2Ksafe", "\u{202e}efas", "safe\u{200b}", "safe ", "\u{feff}safe", "SAFE"] {
        assert_eq!(decided(&policy, &["/usr/bin/x", word]), "deny", "{word:?}");
    }
    let mut request = request("/usr/bin/x");
    request.command.argv.push(Text::new([b"safe".as_slice(), b"\xff"].concat()).unwrap());
    assert_eq!(word(&decide(&policy, &request)), "deny");
}

#[test]
fn what_an_allowlist_does_not_name_does_not_run_however_it_is_written() {
    let policy = only("command.path = '/usr/bin/ls'\ncommand.argv = [{ rest = { path = { under = '.' } }, max = 9 }]");
    assert_eq!(decided(&policy, &["/usr/bin/ls", "src"]), "allow");
    for line in [
        ["/usr/bin/rm", "-rf", "/"].as_slice(),
        &["/usr/bin/rm", "", "-rf", "/"],
        &["/usr/bin/rm", "-fr", "/"],
        &["/usr/bin/rm", "-r", "-f", "/"],
        &["/bin/rm", "-rf", "/"],
        &["/usr/bin/sh", "-c", "rm -rf /"],
        &["/usr/bin/sh", "-c", "$(echo su)do rm -rf /"],
        &["/usr/bin/bash", "/home/ann/src/script"],
        &["/home/ann/src/script"],
        &["/usr/bin/env", "rm", "-rf", "/"],
        &["/usr/bin/ls", "$(rm -rf /)", "-x"],
        &["/usr/bin/ls", "--hyperlink=always"],
    ] {
        assert_eq!(decided(&policy, line), "deny", "{line:?}");
    }
}

#[test]
fn a_host_is_compared_by_its_labels() {
    let asks = |destination: &str| {
        let policy = policy(
            "",
            "default = 'deny'\n[[rules]]\nname = 'r'\naction = 'ask'\n[rules.context]\nssh_dest = ['github.com', '*.github.com']\n",
        );
        let mut request = request("/usr/bin/ssh");
        request.surroundings.ssh_dest = Fact::Known(Text::from(destination));
        word(&decide(&policy, &request))
    };
    for host in ["github.com", "git@github.com", "GitHub.COM", "github.com.", "a.github.com", "user@x@github.com"] {
        assert_eq!(asks(host), "ask", "{host}");
    }
    for host in [
        "evilgithub.com",
        "github.com.evil.test",
        "github.com@evil.test",
        "user@github.com@evil.test",
        "xn--gthub-n4a.com",
        "g\u{456}thub.com",
        "github.com..",
        ".github.com",
        "github.com/evil",
        "github.com\n",
        "github\u{3002}com",
        "",
    ] {
        assert_eq!(asks(host), "deny", "{host}");
    }
}

#[test]
fn a_path_is_compared_by_its_components() {
    let policy = only("command.argv = [{ path = { under = ['/mnt/data/projects', '/roms'] } }]");
    for (path, expected) in [
        ("/mnt/data/projects/a", "allow"),
        ("/mnt/data/projects", "allow"),
        ("/roms/./a//b", "allow"),
        ("/mnt/data/projects-evil", "deny"),
        ("/mnt/data/projects/../projects-evil", "deny"),
        ("/roms/../../etc/passwd", "deny"),
        ("/roms/../etc", "deny"),
        ("~/x", "deny"),
        ("~", "deny"),
        ("mnt/data/projects/a", "deny"),
        ("", "deny"),
    ] {
        assert_eq!(decided(&policy, &["/usr/bin/cat", path]), expected, "{path}");
    }
    let globs = only("command.path = '/opt/tools/*'");
    for (program, expected) in [("/opt/tools/a", "allow"), ("/opt/tools-evil/a", "deny"), ("/opt/tools/a/b", "deny")] {
        assert_eq!(decided(&globs, &[program]), expected, "{program}");
    }
}

/// Arguments as they are typed.
type Words = &'static [&'static str];

#[test]
fn an_option_that_the_template_does_not_declare_is_a_mismatch() {
    let templates: [(&str, &str, Words, &[Words]); 4] = [
        (
            "/usr/bin/git",
            "['push', { one_of = ['origin'] }, { rest = { text = '*' }, max = 1 }]",
            &["push", "origin", "main"],
            &[
                &["push", "origin", "--receive-pack=/tmp/x"],
                &["push", "--receive-pack=/tmp/x", "origin"],
                &["push", "--exec=/tmp/x", "origin", "main"],
                &["-c", "core.sshCommand=/tmp/x", "push", "origin", "main"],
                &["push", "origin", "-f"],
                &["--git-dir=/tmp/x", "push", "origin"],
                &["push", "origin", "main", "--force"],
            ],
        ),
        (
            "/usr/bin/git",
            "['fetch', { flag = '--depth', value = { number = { min = 1, max = 50 } } }, { text = '*' }]",
            &["fetch", "--depth=5", "origin"],
            &[
                &["fetch", "--upload-pack=/tmp/x", "origin"],
                &["fetch", "--upload-pack", "/tmp/x"],
                &["fetch", "--depth=5", "--upload-pack=/tmp/x"],
                &["fetch", "--depth=-1", "origin"],
                &["fetch", "--depth", "--upload-pack=/tmp/x", "origin"],
                &["fetch", "--dep=5", "origin"],
                &["fetch", "--", "--upload-pack=/tmp/x"],
            ],
        ),
        (
            "/usr/bin/tar",
            "['-xf', { path = { under = '.' } }, { rest = { path = { under = '.' } } }]",
            &["-xf", "a.tar", "b"],
            &[
                &["-xf", "a.tar", "--to-command=/tmp/x"],
                &["-xf", "a.tar", "--checkpoint-action=exec=/tmp/x"],
                &["-xf", "a.tar", "-I/tmp/x"],
                &["-xf", "--use-compress-program=/tmp/x", "a.tar"],
                &["--to-command=/tmp/x", "-xf", "a.tar"],
            ],
        ),
        (
            "/usr/bin/npm",
            "['publish', { flag = '--tag', value = { one_of = ['next', 'latest'] } }]",
            &["publish", "--tag", "next"],
            &[
                &["publish", "--script-shell=/tmp/x"],
                &["publish", "--tag", "next", "--script-shell", "/tmp/x"],
                &["publish", "--tag=next", "--registry=http://evil.test"],
                &["--script-shell=/tmp/x", "publish"],
                &["publish", "--tag", "--script-shell=/tmp/x"],
                &["publish", "--tags=next"],
            ],
        ),
    ];
    for (program, template, meant, smuggled) in templates {
        let policy = only(&format!("command.path = '{program}'\ncommand.argv = {template}"));
        let line = |words: &[&'static str]| [&[program], words].concat();
        assert_eq!(decided(&policy, &line(meant)), "allow", "{meant:?}");
        for words in smuggled {
            assert_eq!(decided(&policy, &line(words)), "deny", "{words:?}");
        }
    }
}

#[test]
fn inside_a_container_or_where_nobody_knows_nothing_is_wider() {
    let outside_only = policy(
        "",
        "default = 'deny'\n[[rules]]\nname = 'r'\naction = 'allow'\ntrust = 'derived'\ncontext.is_in_container = false\n",
    );
    let not_inside =
        policy("", "default = 'allow'\n[[rules]]\nname = 'r'\naction = 'deny'\ncontext.is_in_container = true\n");
    for (fact, expected) in [(Fact::Known(false), "allow"), (Fact::Known(true), "deny"), (Fact::Unknown, "deny")] {
        for policy in [&outside_only, &not_inside] {
            let mut request = request("/usr/bin/true");
            request.surroundings.is_in_container = fact.clone();
            assert_eq!(word(&decide(policy, &request)), expected, "{fact:?}");
        }
    }
}
