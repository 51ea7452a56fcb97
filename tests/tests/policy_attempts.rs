//! Attempts to be let run by a policy that is wrong, that others can write, or that means somebody else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use opaque_tests::{Ended, Sandbox, each_identity};

const ALLOWS: &str = "version = 1\ndefault = \"allow\"\n";

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs what leaves a trace. True when the trace is there.
fn runs(sandbox: &Sandbox) -> (bool, Ended) {
    let trace = sandbox.project().join("started");
    let _ = fs::remove_file(&trace);
    let ended = sandbox.run(["--", "touch", "started"]);
    (trace.exists(), ended)
}

#[track_caller]
fn is_refused(sandbox: &Sandbox, words: &[&str]) {
    let (ran, ended) = runs(sandbox);
    assert!(!ran, "the command ran\n{ended}");
    ended.expect(125);
    for word in words {
        ended.noting(word);
    }
}

/// One mistake of every class, and where it is.
const MALFORMED: [(&str, &str); 27] = [
    ("version = 1\ndefault = \"deny", "2:16"),
    ("version = 1\ndefault = \"d\u{7f}eny\"", "2:13"),
    (
        "version = 1\ndefault = \"deny\"\nx = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "3:85",
    ),
    ("version = 2026-01-02\ndefault = \"deny\"", "1:11"),
    ("version = 1\ndefault = \"deny\"\ndefault = \"deny\"", "3:1"),
    ("version = 1\ndefualt = \"deny\"", "2:1"),
    ("version = 1\ndefault = \"deny\"\n[[audit]]\nsync = \"disk\"", "3:1"),
    ("version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"", "3:1"),
    ("version = 1\ndefault = true", "2:11"),
    ("version = 1\ndefault = \"alow\"", "2:11"),
    ("version = 1\ndefault = \"deny\"\n[[approved]]\nintent = \"x\"", "3:3"),
    ("version = 9\ndefault = \"deny\"", "1:11"),
    ("RULE\n[rules.command]\nsha256 = \"abc\"", "7:10"),
    ("RULE\nclients = [\"nobody\"]", "6:12"),
    ("RULE\nuid = []", "6:7"),
    ("RULE\n[rules.command]\npath = \"/usr/bin/[ab]\"", "7:8"),
    ("RULE\n[rules.command]\nargv = [\"~a(\"]", "7:9"),
    ("RULE\n[rules.command]\npath = \"npm\"", "7:8"),
    ("RULE\n[rules.command]\nargv = [{ host = \"a*\" }]", "7:18"),
    ("RULE\n[rules.workspace]\nbranch_pattern = \"main\"", "7:1"),
    ("RULE\n[rules.approval]\nrequire = \"always\"\nfactors = []", "7:11"),
    ("RULE\n[rules.command]\nargv = [\"**\", \"x\"]", "7:15"),
    ("RULE\n[rules.approval]\nrequire = \"never\"\nlease_ttl = 5", "8:1"),
    (
        "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\"",
        "4:8",
    ),
    ("RULE\n[[rules]]\nname = \"s\"\naction = \"deny\"\nuid = 1", "7:8"),
    ("RULE\n[[rules.examples]]\nno_match = [\"a\"]", "7:13"),
    ("[[rules]]\nname = \"r\"\nallow = true", "1:1"),
];

#[test]
fn a_policy_with_a_mistake_of_any_class_stops_the_run_at_its_place() {
    let rule = "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"";
    each_identity(|sandbox| {
        for (text, place) in MALFORMED {
            sandbox.policy(&text.replace("RULE", rule));
            is_refused(sandbox, &[&format!("policy.toml:{place}: ")]);
        }
        sandbox.policy(&format!("{rule}\n"));
        assert!(runs(sandbox).0);
    });
}

#[test]
fn a_policy_is_believed_only_where_nobody_else_can_have_written_it() {
    each_identity(|sandbox| {
        sandbox.policy(ALLOWS);
        let file = sandbox.home().join(".config/opaque/policy.toml");
        let directory = file.parent().unwrap().to_owned();
        let above = directory.parent().unwrap().to_owned();
        assert!(runs(sandbox).0);
        for (path, bad) in [(&file, 0o664), (&file, 0o622), (&directory, 0o775), (&directory, 0o757), (&above, 0o777)] {
            let good = fs::metadata(path).unwrap().permissions().mode();
            set_mode(path, bad);
            let (ran, ended) = runs(sandbox);
            assert!(!ran, "{} {bad:o}\n{ended}", path.display());
            ended.expect(125).noting("chmod go-w");
            ended.noting(&path.display().to_string());
            set_mode(path, good);
        }
        assert!(runs(sandbox).0);
    });
}

#[test]
fn a_policy_behind_a_link_is_believed_only_where_nobody_else_could_lead_it() {
    each_identity(|sandbox| {
        sandbox.policy(ALLOWS);
        let file = sandbox.home().join(".config/opaque/policy.toml");
        let kept = sandbox.elsewhere().join("kept");
        sandbox.directory(&kept);
        let real = kept.join("real.toml");
        sandbox.write(&real, ALLOWS);
        set_mode(&real, 0o644);
        fs::remove_file(&file).unwrap();
        symlink(&real, &file).unwrap();
        assert!(runs(sandbox).0, "a link to what is the caller's own is followed");
        set_mode(&kept, 0o777);
        is_refused(sandbox, &["chmod", "kept"]);
        set_mode(&kept, 0o755);
        set_mode(&real, 0o666);
        is_refused(sandbox, &["chmod", "real.toml"]);
        set_mode(&real, 0o644);
        assert!(runs(sandbox).0);
    });
}

#[test]
fn a_script_with_another_first_line_is_another_script() {
    each_identity(|sandbox| {
        let evil = sandbox.script("interpreter", "#!/bin/sh\ntouch started\n");
        let script = sandbox.script("tool", "#!/bin/sh\ntouch started\n");
        let digest = sandbox.outside(["sha256sum", &script.display().to_string()]).text()[..64].to_owned();
        sandbox.policy(&format!(
            "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"\n[rules.command]\npath = \"{}\"\nsha256 = \"{digest}\"\n",
            script.display()
        ));
        let tool = || {
            let trace = sandbox.project().join("started");
            let _ = fs::remove_file(&trace);
            let ended = sandbox.run(["--", "./tool"]);
            (trace.exists(), ended)
        };
        let (ran, ended) = tool();
        assert!(ran, "{ended}");
        sandbox.script("tool", format!("#!{}\ntouch started\n", evil.display()));
        let (ran, ended) = tool();
        assert!(!ran, "{ended}");
        ended.expect(120);
    });
}

#[test]
fn every_argument_vector_has_a_plan_of_its_own_and_arrives_as_it_is() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let vectors: [&[&[u8]]; 9] = [
        &[b"a b"],
        &[b"a", b"b"],
        &[b"a\nb"],
        &[b"a\tb"],
        &[b"a\x1bb"],
        &["a\u{202e}b".as_bytes()],
        &[b"a\xffb"],
        &["a\u{fffd}b".as_bytes()],
        &[b"a b", b""],
    ];
    each_identity(|sandbox| {
        let line = |head: &[&str], words: &[&[u8]]| -> Vec<OsString> {
            let head = head.iter().map(OsString::from);
            head.chain(words.iter().map(|word| OsString::from_vec(word.to_vec()))).collect()
        };
        let mut plans = std::collections::BTreeSet::new();
        for words in vectors {
            let plan = sandbox.run(line(&["--plan", "--json", "--", "printf", "%s|"], words)).expect(0).stdout.clone();
            assert!(plans.insert(plan), "{words:?} has the plan of another");
            let ended = sandbox.run(line(&["--", "printf", "%s|"], words));
            let expected: Vec<u8> = words.iter().flat_map(|word| [word, b"|".as_slice()].concat()).collect();
            assert_eq!(ended.expect(0).stdout, expected, "{words:?}");
        }
    });
}

#[test]
fn who_hides_what_it_is_gets_no_more() {
    each_identity(|sandbox| {
        let run = sandbox.base().join("tools/opaque-run").display().to_string();
        let agent = sandbox.base().join("tools/claude").display().to_string();
        fs::copy("/bin/bash", &agent).unwrap();
        set_mode(Path::new(&agent), 0o755);
        let command = format!("{run} -- touch started");
        let ways = [
            format!("{command}; exit $?"),
            format!("env -i HOME=$HOME PATH=$PATH {command}; exit $?"),
            format!("unset CLAUDECODE CI; {command}; exit $?"),
            format!("OPAQUE_AGENT=0 OPAQUE_PROVENANCE=trusted OPAQUE_KIND=human SSH_TTY=/dev/pts/0 {command}; exit $?"),
            format!("(exec -a bash {command}); exit $?"),
            format!("setsid {command}; exit $?"),
            format!("exec -a zsh setsid -w {command}"),
            format!(
                "(setsid sh -c '{command}; echo $? > ended' > /dev/null 2>&1 &); while ! test -s ended; do sleep 0.02; done; exit $(cat ended)"
            ),
        ];
        let trace = sandbox.project().join("started");
        for (lines, expected) in [
            ("client_types = [\"human\"]", false),
            ("[rules.context]\nprovenance = \"trusted\"", false),
            ("client_types = [\"agent\"]", true),
        ] {
            sandbox.policy(&format!(
                "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"\ntrust = \"derived\"\n{lines}\n"
            ));
            for way in &ways {
                let _ = fs::remove_file(sandbox.project().join("ended"));
                let _ = fs::remove_file(&trace);
                let ended = sandbox.outside([&agent, "-c", way]);
                assert_eq!(trace.exists(), expected, "{lines}: {way}\n{ended}");
                ended.expect(if expected { 0 } else { 120 });
            }
        }
    });
}

#[test]
fn the_tool_for_people_gives_nobody_another_kind() {
    each_identity(|sandbox| {
        let tool = sandbox.base().join("tools/opaque");
        fs::copy(opaque_tests::opaque(), &tool).unwrap();
        sandbox.policy(
            "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"\ntrust = \"derived\"\nclient_types = [\"human\"]\n",
        );
        let (ran, ended) = runs(sandbox);
        assert!(!ran);
        ended.expect(120);
        let said = sandbox.outside([&tool.display().to_string(), "policy", "explain", "--", "touch", "started"]);
        assert!(said.text().contains("denied"), "{said}");
        assert!(said.text().contains("client_types = `human` does not hold"), "{said}");
        assert!(!sandbox.project().join("started").exists());
    });
}
