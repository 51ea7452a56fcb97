//! Attacks with commands: look-alikes of a program, of its arguments and of its paths. A policy that lists what may run
//! permits none of them, and no rule has to know them.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use opaque_tests::{Ended, Terminal, each_identity, eventually};

/// A policy that permits these programs and nothing else.
fn permit_only(paths: &[&str]) -> String {
    let rule = |(index, path)| {
        format!("[[rules]]\nname = \"r{index}\"\naction = \"allow\"\n[rules.command]\npath = \"{path}\"\n")
    };
    let rules: String = paths.iter().enumerate().map(rule).collect();
    format!("version = 1\ndefault = \"deny\"\n{rules}")
}

#[track_caller]
fn denied(ended: &Ended) {
    ended.expect(120).noting("denied by `user:default`");
}

#[test]
fn a_program_of_the_same_name_is_another_program() {
    each_identity(|sandbox| {
        sandbox.policy(&permit_only(&["/usr/bin/git"]));
        let evil = "#!/bin/sh\ntouch evil\n";
        let bin = sandbox.home().join("bin");
        sandbox.script(bin.join("git"), evil);
        sandbox.script("git", evil);
        let elsewhere = sandbox.script(sandbox.elsewhere().join("git"), evil).display().to_string();
        let copy = sandbox.script("copy/git", fs::read("/usr/bin/git").unwrap()).display().to_string();
        sandbox.directory(&sandbox.project().join("link"));
        symlink("/bin/sh", sandbox.project().join("link/git")).unwrap();
        let first = format!("{}:/usr/bin:/bin", bin.display());
        denied(&sandbox.launch(["--", "git", "--version"]).env("PATH", &first).finish());
        let climbing = format!("/usr/bin/../..{}/git", sandbox.project().display());
        for typed in ["./git", &elsewhere, &copy, "./link/git", &climbing] {
            denied(&sandbox.run(["--", typed, "--version"]));
        }
        // The name that it is started under decides nothing.
        let run = sandbox.base().join("tools/opaque-run");
        let line = format!("exec -a /usr/bin/git {} -- ./git --version", run.display());
        denied(&sandbox.outside(["bash", "-c", &line]));
        assert!(!sandbox.project().join("evil").exists());
        sandbox.run(["--", "/usr/bin/git", "--version"]).expect(0);
        let last = format!("/usr/bin:/bin:{}", bin.display());
        sandbox.launch(["--", "git", "--version"]).env("PATH", last).finish().expect(0);
    });
}

#[test]
fn a_script_is_neither_its_interpreter_nor_another_script_of_the_same_path() {
    each_identity(|sandbox| {
        // What may run is the shell's file, not whatever names it in its first line.
        let shell = fs::canonicalize("/bin/sh").unwrap();
        sandbox.policy(&permit_only(&[shell.to_str().unwrap()]));
        sandbox.script("script", "#!/bin/sh\ntouch evil\n");
        denied(&sandbox.run(["--", "./script"]));
        sandbox.run(["--", "sh", "-c", "true"]).expect(0);

        // A script that is named with its content is not the one whose first line names something else.
        let evil = sandbox.script("interpreter", "#!/bin/sh\ntouch evil\n");
        let script = sandbox.script("deploy", "#!/bin/sh\ntouch deployed\n");
        let digest = sandbox.outside(["sha256sum", "deploy"]).text()[..64].to_owned();
        sandbox.policy(&format!("{}sha256 = \"{digest}\"\n", permit_only(&[script.to_str().unwrap()])));
        sandbox.run(["--", "./deploy"]).expect(0);
        assert!(fs::remove_file(sandbox.project().join("deployed")).is_ok());
        for line in [evil.to_str().unwrap(), "/usr/bin/env sh", "/bin/sh -x", "/bin/sh\r"] {
            sandbox.script("deploy", format!("#!{line}\ntouch deployed\n"));
            let ended = sandbox.run(["--", "./deploy"]);
            assert!(matches!(ended.code, Some(120 | 126 | 127)), "{line:?}\n{ended}");
            assert!(!sandbox.project().join("evil").exists() && !sandbox.project().join("deployed").exists());
        }
        sandbox.script("deploy", "#!/bin/sh\ntouch deployed\n");
        sandbox.run(["--", "./deploy"]).expect(0);
    });
}

/// Argument vectors that look alike in a line.
fn look_alikes() -> Vec<Vec<OsString>> {
    let words: [&[&[u8]]; 13] = [
        &[b"a b"],
        &[b"a", b"b"],
        &[b"a", b"b", b""],
        &[b"", b"a", b"b"],
        &[b"a\nb"],
        &[b"a\tb"],
        &[b"a\\nb"],
        &[b"a\x1b[2Jb"],
        &[b"a\x1b]0;x\x07b"],
        &["a\u{202e}b".as_bytes()],
        &["a\u{200b}b".as_bytes()],
        &[b"a\xffb"],
        &[b"'a b'"],
    ];
    words.iter().map(|words| words.iter().map(|word| OsString::from_vec(word.to_vec())).collect()).collect()
}

fn with<'a>(words: &'a [&'a str], more: &'a [OsString]) -> impl Iterator<Item = &'a OsStr> {
    words.iter().map(OsStr::new).chain(more.iter().map(OsString::as_os_str))
}

#[test]
fn argument_vectors_that_look_alike_are_told_apart_shown_harmlessly_and_passed_exactly() {
    each_identity(|sandbox| {
        let asks = "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"ask\"\n";
        sandbox.policy(asks);
        sandbox.script("tool", "#!/bin/sh\nfor word; do printf '%s\\0' \"$word\"; done > got\n");
        let mut digests = BTreeSet::new();
        let mut screens = BTreeSet::new();
        for words in look_alikes() {
            let shown = sandbox.run(with(&["--plan", "--json", "--", "./tool"], &words)).expect(0).text();
            let plan: serde_json::Value = serde_json::from_str(&shown).unwrap();
            assert!(digests.insert(plan["digest"].as_str().unwrap().to_owned()), "{words:?} has the digest of another");

            let mut terminal = Terminal::new(sandbox.identity());
            let running = sandbox.launch(with(&["--", "./tool"], &words)).on(&terminal).start();
            terminal.wait_for("type `yes` to run it");
            let question = terminal.screen();
            let is_plain = |shown: char| shown == '\r' || shown == '\n' || (' '..='~').contains(&shown);
            assert!(question.chars().all(is_plain), "{words:?} reached the terminal: {question:?}");
            let command = question.split("one argument a line:").nth(1).unwrap().split("\r\n\r\n").next().unwrap();
            assert_eq!(command.trim().lines().count(), words.len() + 1, "{command:?}");
            assert!(screens.insert(command.to_owned()), "{words:?} looks like another: {command:?}");
            terminal.press("yes\n");
            let ended = running.wait();
            assert_eq!(ended.code, Some(0), "{ended}\n{}", terminal.screen());
            let expected: Vec<u8> = words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
            assert_eq!(fs::read(sandbox.project().join("got")).unwrap(), expected);
            eventually(Duration::from_millis(50), || false);
        }
    });
}

#[test]
fn what_is_not_listed_is_denied_however_it_is_spelt_and_wrapped() {
    each_identity(|sandbox| {
        let victim = sandbox.project().join("victim/file");
        sandbox.write(&victim, "mine");
        sandbox.script("clean.sh", "#!/bin/sh\nrm -rf victim\n");
        sandbox.script("sudo", "#!/bin/sh\nrm -rf victim\n");
        sandbox.write("list", "victim\n");
        let list = fs::canonicalize("/bin/ls").unwrap();
        sandbox.policy(&permit_only(&[list.to_str().unwrap()]));
        let spellings: &[&[&str]] = &[
            &["rm", "-rf", "victim"],
            &["rm", "-fr", "victim"],
            &["rm", "-r", "-f", "victim"],
            &["rm", "--recursive", "--force", "victim"],
            &["rm", "-rf", "--", "./victim/"],
            &["/bin/rm", "-rf", "victim"],
            &["/usr/bin/../bin/rm", "-rf", "victim"],
            &["rm  -rf", "victim"],
            &["sh", "-c", "rm  -rf victim"],
            &["sh", "-c", "$(echo r)m -rf victim"],
            &["sh", "-c", "$(echo ./su)do"],
            &["$(echo su)do", "rm", "-rf", "victim"],
            &["./sudo"],
            &["./clean.sh"],
            &["sh", "clean.sh"],
            &["env", "rm", "-rf", "victim"],
            &["nice", "timeout", "9", "rm", "-rf", "victim"],
            &["xargs", "-a", "list", "rm", "-rf"],
            &["find", "victim", "-delete"],
            &["bash", "-c", "eval \"$0\"", "rm -rf victim"],
            &["perl", "-e", "unlink 'victim/file'"],
            &["/lib64/ld-linux-x86-64.so.2", "/bin/rm", "-rf", "victim"],
            // Words of a line are not taken apart.
            &["ls; rm -rf victim"],
            &["ls", ";", "rm", "-rf", "victim"],
            &["ls", "$(rm -rf victim)"],
        ];
        for words in spellings {
            let ended = sandbox.run([&["--"], *words].concat());
            // `ls` may run, with odd names; what does not exist is not found.
            let expected: &[i32] = if words[0] == "ls" { &[2] } else { &[120, 127] };
            assert!(ended.code.is_some_and(|code| expected.contains(&code)), "{words:?}\n{ended}");
            assert!(victim.exists(), "{words:?}\n{ended}");
        }
        sandbox.run(["--", "ls", "victim"]).expect(0);
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        for words in spellings.iter().take(8).filter(|words| words[0] != "rm  -rf") {
            sandbox.run([&["--"], *words].concat()).expect(0);
            assert!(!victim.exists(), "{words:?} does nothing anyway");
            sandbox.write(&victim, "mine");
        }
    });
}

#[test]
fn a_path_permits_no_interpreter_that_the_caller_puts_into_its_way() {
    each_identity(|sandbox| {
        let tool = sandbox.script("tool", "#!/usr/bin/env python3\nopen('done', 'w')\n");
        let evil = sandbox.elsewhere().join("evil");
        sandbox.directory(&evil);
        // Root's own directories are the machine's: here others may write.
        fs::set_permissions(&evil, fs::Permissions::from_mode(0o777)).unwrap();
        let other = sandbox.script(evil.join("python3"), "#!/bin/sh\ntouch taken\n");
        let policy = |more: &str| {
            sandbox.policy(&format!(
                "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"tool\"\naction = \"allow\"\n[rules.command]\npath = \"{}\"\n{more}[rules.sandbox]\nread = [\"{}\"]\n",
                tool.display(),
                evil.display()
            ));
        };
        let path = format!("{}:/usr/bin:/bin", evil.display());
        let attempt = || sandbox.launch(["--read", evil.to_str().unwrap(), "--", "./tool"]).env("PATH", &path).finish();
        policy("");
        sandbox.launch(["--", "./tool"]).env("PATH", "/usr/bin:/bin").finish().expect(0);
        assert!(sandbox.project().join("done").exists());
        attempt().expect(120).noting("which the caller could have put there");
        assert!(!sandbox.project().join("taken").exists());
        // A rule that names it means it.
        policy(&format!("interpreter = \"{}\"\n", other.display()));
        attempt().expect(120);
        policy("interpreter = \"/usr/bin/*\"\n");
        attempt().expect(120);
        policy(&format!("interpreter = [\"{}\", \"/usr/bin/*\"]\n", other.display()));
        attempt().expect(0);
        assert!(sandbox.project().join("taken").exists());
    });
}
