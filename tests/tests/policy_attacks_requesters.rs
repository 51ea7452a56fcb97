//! Attacks by the one who asks: an agent that hides, a caller that asserts what it is, a place that pretends to be another.
//! Whatever cannot be seen any more counts as the stricter of what it could be.

use std::fs;
use std::path::Path;
use std::time::Duration;

use opaque_tests::{Ended, Launch, Sandbox, Terminal, each_identity, eventually, opaque};

/// A policy that denies unless this matches.
fn only_where(lines: &str) -> String {
    format!(
        "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"allow\"\ntrust = \"derived\"\n{lines}\n"
    )
}

/// What a rule may say of people, and of those who are no agents.
const PEOPLE: [&str; 2] = ["client_types = [\"human\"]", "[rules.context]\nis_coding_agent = false"];

/// A copy of a program under another name.
fn placed(sandbox: &Sandbox, name: &str, from: impl AsRef<Path>) -> String {
    sandbox.script(sandbox.base().join("tools").join(name), fs::read(from).unwrap()).display().to_string()
}

/// What a launch at a terminal leaves in the file `code`, and what the terminal showed.
fn code_at_a_terminal(sandbox: &Sandbox, launch: Launch) -> (Option<String>, String) {
    let file = sandbox.project().join("code");
    let _ = fs::remove_file(&file);
    let terminal = Terminal::new(sandbox.identity());
    let running = launch.on(&terminal).start();
    let written = || fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n'));
    eventually(Duration::from_secs(20), || written().is_some());
    let code = written().map(|text| text.trim().to_owned());
    let _ = running.wait();
    (code, terminal.screen())
}

#[track_caller]
fn ends(sandbox: &Sandbox, shell: &str, line: &str, expected: &str) {
    let (code, screen) = code_at_a_terminal(sandbox, sandbox.launch_outside([shell, "-c", line]));
    assert_eq!(code.as_deref(), Some(expected), "{shell} -c {line}\n{screen}");
}

#[test]
fn an_agent_that_starts_our_programs_itself_is_still_an_agent() {
    each_identity(|sandbox| {
        let agent = placed(sandbox, "claude", "/bin/sh");
        let tool = placed(sandbox, "opaque", opaque());
        let run = sandbox.base().join("tools/opaque-run").display().to_string();
        for rule in PEOPLE {
            sandbox.policy(&only_where(rule));
            let line = format!("{run} -- true; echo $? > code");
            ends(sandbox, "/bin/sh", &line, "0");
            ends(sandbox, &agent, &line, "120");
            let line =
                format!("{tool} policy explain -- true | head -n 1 | cut -c1-7 > answer; echo `cat answer` > code");
            ends(sandbox, "/bin/sh", &line, "allowed");
            ends(sandbox, &agent, &line, "denied");
        }
        let line =
            format!("sh -c '{run} --plan --json -- true; exit $?' | grep -o '\"kind\": \"[a-z]*\"' | head -n 1 > code");
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        ends(sandbox, "/bin/sh", &line, "\"kind\": \"human\"");
        ends(sandbox, &agent, &line, "\"kind\": \"agent\"");
    });
}

#[test]
fn an_agent_that_hides_is_never_taken_for_a_person() {
    each_identity(|sandbox| {
        let agent = placed(sandbox, "claude", "/bin/sh");
        let run = sandbox.base().join("tools/opaque-run").display().to_string();
        let act = format!("{run} -- true; echo $? > code");
        sandbox.script("act.sh", format!("#!/bin/sh\n{act}\n"));
        sandbox.script("deep.sh", "#!/bin/sh\n[ $1 = 0 ] && exec ./act.sh\n./deep.sh $(($1 - 1)); exit $?\n");
        // Waits until who started it is gone.
        sandbox.script("orphan.sh", "#!/bin/sh\nwhile kill -0 $1 2>/dev/null; do sleep 0.02; done\n./act.sh\n");
        for rule in PEOPLE {
            sandbox.policy(&only_where(rule));
            ends(sandbox, "/bin/sh", "./act.sh; true", "0");
            ends(sandbox, "/bin/sh", "./deep.sh 5; true", "0");
            for hiding in [
                "./act.sh; true",
                "env -i PATH=\"$PATH\" HOME=\"$HOME\" ./act.sh; true",
                "unset CLAUDECODE; ./act.sh; true",
                "bash -c 'exec -a bash ./act.sh'; true",
                "./deep.sh 5; true",
                "./deep.sh 40; true",
                // Twice forked, and whoever is in between is gone: the parent is the first process.
                "sh -c './orphan.sh $$ & exit'; while [ ! -s code ]; do sleep 0.02; done",
                "sh -c 'sh -c \"./orphan.sh \\$\\$ & exit\"; exit'; while [ ! -s code ]; do sleep 0.02; done",
                "sh -c 'exec setsid ./orphan.sh $$ & exit'; while [ ! -s code ]; do sleep 0.02; done",
                "setsid -w ./act.sh; true",
                "nohup ./act.sh; true",
            ] {
                ends(sandbox, &agent, hiding, "120");
            }
            // The name that an agent gives itself hides it neither.
            let line = format!("exec -a bash {agent} -c './act.sh; true'");
            ends(sandbox, "bash", &line, "120");
            for said in ["1", "0", "false", ""] {
                let marked = sandbox.launch_outside(["/bin/sh", "-c", "./act.sh; true"]).env("CLAUDECODE", said);
                assert_eq!(code_at_a_terminal(sandbox, marked).0.as_deref(), Some("120"), "CLAUDECODE={said}");
            }
        }
    });
}

#[test]
fn an_orphan_is_never_asked_for_an_approval() {
    each_identity(|sandbox| {
        let run = sandbox.base().join("tools/opaque-run").display().to_string();
        sandbox.policy("version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"ask\"\n");
        sandbox.script("act.sh", format!("#!/bin/sh\n{run} -- touch done 2>said; echo $? > code\n"));
        sandbox.script("orphan.sh", "#!/bin/sh\nwhile kill -0 $1 2>/dev/null; do sleep 0.02; done\n./act.sh\n");
        ends(sandbox, "/bin/sh", "sh -c './orphan.sh $$ & exit'; while [ ! -s code ]; do sleep 0.02; done", "121");
        let said = fs::read_to_string(sandbox.project().join("said")).unwrap();
        assert!(said.contains("nobody can be asked: who started this run cannot be told"), "{said}");
        // With the same terminal and everybody still there, somebody is.
        let mut terminal = Terminal::new(sandbox.identity());
        let running = sandbox.launch_outside(["/bin/sh", "-c", "./act.sh; true"]).on(&terminal).start();
        terminal.wait_for("type `yes` to run it");
        assert!(!sandbox.project().join("done").exists());
        terminal.press("yes\n");
        let _ = running.wait();
        assert!(sandbox.project().join("done").exists(), "{}", terminal.screen());
    });
}

#[test]
fn what_a_caller_asserts_of_itself_is_refused_or_ignored() {
    each_identity(|sandbox| {
        let tool = placed(sandbox, "opaque", opaque());
        let asserting = |launch: Launch| {
            let said = ["AGENT", "OPAQUE_AGENT", "CODING_AGENT", "WRITES", "OPAQUE_WRITES"].map(|name| (name, "false"));
            let more = [
                ("PROVENANCE", "trusted"),
                ("OPAQUE_PROVENANCE", "trusted"),
                ("OPAQUE_ORIGIN", "tty"),
                ("OPAQUE_CLIENT", "human"),
                ("OPAQUE_ROLES", "release"),
                ("CONFIDENCE", "1"),
                ("SUDO_USER", "ann"),
            ];
            said.into_iter().chain(more).fold(launch, |launch, (name, value)| launch.env(name, value))
        };
        let request = |more: &str| {
            format!(
                "{{{more} \"principal\": {{\"uid\": 1, \"kind\": \"agent\"}}, \"command\": {{\"path\": \"/bin/true\", \"argv\": [\"true\"], \"cwd\": \"/\"}}}}"
            )
        };
        let explained = |more: &str| {
            sandbox.write("r.json", request(more));
            sandbox.outside([&*tool, "policy", "explain", "--request", "r.json"])
        };
        for (rule, stated) in [
            ("[rules.context]\nprovenance = \"trusted\"", "\"context\": {\"provenance\": \"trusted\"},"),
            ("[rules.context]\nprovenance = \"system\"", "\"context\": {\"provenance\": \"system\"},"),
            ("[rules.context]\norigin = \"tty\"", "\"context\": {\"origin\": \"tty\"},"),
            ("[rules.context]\norigin = \"mcp\"", "\"context\": {\"origin\": \"mcp\"},"),
        ] {
            sandbox.policy(&only_where(rule));
            asserting(sandbox.launch(["--", "touch", "started"])).finish().expect(120);
            // The rule means something: a request that is only explained may suppose it.
            assert!(explained(stated).expect(0).text().starts_with("allowed by `user:r`"), "{}", explained(stated));
            assert!(explained("").expect(0).text().starts_with("denied by"), "{}", explained(""));
        }
        for rule in ["client_types = [\"human\"]", "roles = [\"release\"]"] {
            sandbox.policy(&only_where(rule));
            asserting(sandbox.launch(["--", "touch", "started"])).finish().expect(120);
        }
        // A claim is nothing that a rule could permit on.
        sandbox.policy(&only_where("[rules.context]\nenv = { AGENT = \"false\" }"));
        asserting(sandbox.launch(["--", "touch", "started"])).finish().expect(125).noting("policy.toml:8:");

        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        assert!(explained("").expect(0).text().starts_with("allowed by"), "control");
        for said in ["\"agent\": false,", "\"confidence\": 1,", "\"writes\": false,", "\"provenance\": \"trusted\","] {
            let name = said.split('"').nth(1).unwrap();
            let ended = explained(said);
            assert!(ended.expect(1).errors().contains(&format!("unknown field `{name}`")), "{ended}");
        }
        for flag in ["--agent=false", "--provenance=trusted", "--confidence=1", "--writes=false", "--human", "--yes"] {
            sandbox.run([flag, "--", "touch", "started"]).expect(125);
        }
        assert!(!sandbox.project().join("started").exists());
        sandbox.run(["--", "touch", "started"]).expect(0);
    });
}

/// A root directory without the marks of a container manager, and the command in it.
const UNMARKED: &str = r#"
root=$(mktemp -d "$PROJECT/root-XXXX") && mount -t tmpfs -o mode=755 none $root && mkdir $root/before && cd / || exit 99
for entry in *; do
    if [ -L $entry ]; then cp -a $entry $root/; elif [ -d $entry ]; then mkdir $root/$entry && mount --rbind /$entry $root/$entry; fi
done
cd $root && pivot_root . before && cd "$PROJECT" && umount -l /before && exec "$@"
"#;

#[test]
fn a_namespace_or_another_root_never_counts_as_the_machine_itself() {
    each_identity(|sandbox| {
        let run = sandbox.base().join("tools/opaque-run").display().to_string();
        let answer = |place: &[&str]| {
            let line = [place, &[&*run, "--explain", "--", "true"]].concat();
            sandbox.launch_outside(line).env("PROJECT", sandbox.project()).finish()
        };
        let is_allowed = |ended: &Ended| ended.text().starts_with("allowed by");
        let machine = ["unshare", "-m", "sh", "-c", UNMARKED, "sh"];
        let faked = "mount -t tmpfs none /proc/$$/ns && ln -s 'pid:[4026531836]' /proc/$$/ns/pid && ln -s 'user:[4026531837]' /proc/$$/ns/user && exec \"$@\"";
        let places: [&[&str]; 7] = [
            &["unshare", "-U", "-r"],
            &["unshare", "-U", "-r", "unshare", "-U", "-r"],
            &["unshare", "-U", "-r", "-p", "-f"],
            &["unshare", "-U", "-r", "-p", "-f", "--mount-proc"],
            &["unshare", "-U", "-r", "chroot", "/"],
            &["unshare", "-U", "-r", "-m", "sh", "-c", "umount -l /proc; mount -t tmpfs none /proc; exec \"$@\"", "sh"],
            &["unshare", "-U", "-r", "-m", "sh", "-c", faked, "sh"],
        ];
        sandbox.policy(&only_where("[rules.context]\nis_in_container = false"));
        // As root the places stand in a root without marks, so that the namespace alone tells; others cannot make one.
        let around: &[&str] = if sandbox.identity().is_root() { &machine } else { &[] };
        if sandbox.identity().is_root() {
            let ended = answer(around);
            assert!(is_allowed(&ended), "the machine itself\n{ended}");
            let ended = answer(&[around, &["unshare", "-p", "-f"]].concat());
            assert!(ended.text().starts_with("denied by"), "{ended}");
        }
        for place in places {
            let ended = answer(&[around, place].concat());
            assert!(!is_allowed(&ended) && !ended.errors().contains("panicked"), "{place:?}\n{ended}");
            assert!(ended.text().starts_with("denied by") || ended.code == Some(125), "{place:?}\n{ended}");
        }
    });
}
