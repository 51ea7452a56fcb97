//! Secrets: they arrive, exactly as they are kept, with the command alone; nothing that it prints shows them; and what
//! cannot be given safely is not given.

use std::fs;

use opaque_tests::{Ended, Sandbox, each_identity};

const VALUE: &str = "correct-horse/battery+staple=1";

/// SHA-256 of [`VALUE`], by coreutils outside.
fn digest(sandbox: &Sandbox) -> String {
    sandbox.shell_outside(&format!("printf %s '{VALUE}' | sha256sum")).expect(0).text()
}

fn key(sandbox: &Sandbox) -> String {
    let path = sandbox.elsewhere().join("key");
    sandbox.directory(&sandbox.elsewhere());
    sandbox.write(&path, format!("{VALUE}\n"));
    sandbox.shell_outside(&format!("chmod 600 '{}'", path.display())).expect(0);
    path.display().to_string()
}

/// A run that gets [`VALUE`] as `KEY`.
fn with_key(sandbox: &Sandbox, options: &[&str], script: &str) -> Ended {
    let secret = format!("KEY=file:{}", key(sandbox));
    let start = [&["--secret", secret.as_str()], options, &["--", "sh", "-c", script]].concat();
    sandbox.run_reporting(start)
}

fn journal(sandbox: &Sandbox) -> String {
    let directory = sandbox.home().join(".local/state/opaque/journal");
    let files = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn a_secret_arrives_whole_in_each_way_of_delivery_and_nowhere_without_being_asked_for() {
    each_identity(|sandbox| {
        let expected = digest(sandbox);
        for (options, script) in [
            (&[][..], "printf %s \"$KEY\" | sha256sum"),
            (&["--deliver", "file"], "sha256sum < \"$KEY\""),
            (&["--deliver", "fd"], "eval \"cat <&$KEY\" | sha256sum"),
        ] {
            assert_eq!(with_key(sandbox, options, script).expect(0).text(), expected, "{script}");
        }
        assert_eq!(
            sandbox.shell("echo \"[$KEY]\"; ls /run/secrets 2>&1 | wc -l; ls /proc/self/fd | wc -l").text(),
            "[]\n1\n4"
        );
    });
}

#[test]
fn a_secret_from_the_callers_environment_comes_in_under_its_own_name_only() {
    each_identity(|sandbox| {
        let start = [
            "--secret",
            "TOKEN=env:MY_TOKEN",
            "--",
            "sh",
            "-c",
            "printf %s \"$TOKEN\" | sha256sum; echo \"[$MY_TOKEN]\"",
        ];
        let ended = sandbox.launch(start).env("MY_TOKEN", VALUE).finish();
        assert_eq!(ended.expect(0).text(), format!("{}\n[]", digest(sandbox)));
    });
}

#[test]
fn a_secrets_file_belongs_to_the_command_and_is_gone_with_it() {
    each_identity(|sandbox| {
        let script = "stat -c '%a %u' \"$KEY\" /run/secrets; echo \"$KEY\"; echo x > \"$KEY\" || echo refused";
        let ended = with_key(sandbox, &["--deliver", "file"], script);
        let uid = sandbox.identity().uid();
        // The superuser's files can be written by the superuser anywhere; inside it has no such right.
        assert_eq!(ended.text(), format!("400 {uid}\n700 {uid}\n/run/secrets/KEY\nrefused"));
        assert!(!std::path::Path::new("/run/secrets/KEY").exists());
    });
}

#[test]
fn a_descriptor_is_read_once_and_no_other_is_handed_in() {
    each_identity(|sandbox| {
        let script = "ls /proc/self/fd | tr '\\n' ' '; cat <&3 | wc -c; cat <&3 | wc -c; printf %s \"$KEY\"";
        let ended = with_key(sandbox, &["--deliver", "fd"], script);
        // The listing's own descriptor is the last of those.
        assert_eq!(ended.expect(0).text(), format!("0 1 2 3 4 {}\n0\n3", VALUE.len()));
    });
}

#[test]
fn what_a_command_prints_is_masked_in_every_form_on_both_streams() {
    each_identity(|sandbox| {
        let script = "echo \"it is $KEY.\"; echo \"$KEY\" >&2; printf %s \"$KEY\" | base64; printf %s \"$KEY\" | od -An -tx1 | tr -d ' \\n'; \
                      echo; printf '%s' \"$KEY\" | fold -w 7; echo; printf %.3s \"$KEY\"; sleep 0.2; printf %s \"$KEY\" | cut -c4-";
        let ended = with_key(sandbox, &[], script);
        let text = ended.expect(0).text();
        let (masked, slow) = text.trim_end().rsplit_once('\n').unwrap();
        // What was folded leaves its line ends behind the mask.
        assert_eq!(masked.trim_end(), "it is ***.\n***\n***\n***");
        assert!(slow == "***" || slow == "cor***", "{slow}");
        assert!(ended.errors().contains("***"), "{}", ended.errors());
        for (place, text) in [("output", &text), ("errors", &ended.errors()), ("journal", &journal(sandbox))] {
            assert!(!text.contains(VALUE) && !text.contains("horse"), "{place}: {text}");
        }
        let report = ended.reported().to_string();
        assert!(!report.contains("horse"), "{report}");
        let masked = &ended.reported()["usage"]["output"]["masked"];
        assert!(masked["KEY"].as_u64() >= Some(5), "{masked}");
        // The twin outside shows it.
        assert!(sandbox.shell_outside(&format!("KEY='{VALUE}'; {script}")).text().contains(VALUE));
    });
}

#[test]
fn no_process_outside_shows_a_secret() {
    each_identity(|sandbox| {
        // No other test has it on a command line meanwhile.
        let value = format!("only-in-this-test-{}", sandbox.identity().uid());
        let path = key(sandbox);
        sandbox.write(&path, &value);
        let start = ["--secret", &format!("KEY=file:{path}"), "--", "sh", "-c", "echo ready; read line"];
        let mut running = sandbox.launch(start).stdin_open().start();
        running.wait_for("ready");
        let (inside, outside) = shown_by_processes(&value);
        assert!(inside > 0, "the command has it in its environment");
        assert_eq!(outside, Vec::<String>::new());
        running.type_in(b"\n");
        running.wait().expect(0);
        // The same search finds it where it is given by hand.
        let mut twin =
            sandbox.launch_outside(["sh", "-c", "echo ready; read line"]).env("KEY", &value).stdin_open().start();
        twin.wait_for("ready");
        assert!(!shown_by_processes(&value).1.is_empty());
        twin.type_in(b"\n");
        twin.wait().expect(0);
    });
}

/// How many processes inside a sandbox, and which outside of one, show a value in their environment or command line.
fn shown_by_processes(value: &str) -> (usize, Vec<String>) {
    let own = fs::read_link("/proc/self/ns/pid").unwrap();
    let (mut inside, mut outside) = (0, Vec::new());
    for entry in fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
    {
        for file in ["environ", "cmdline"] {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            if bytes.windows(value.len()).any(|window| window == value.as_bytes()) {
                match fs::read_link(entry.path().join("ns/pid")) {
                    Ok(namespace) if namespace != own => inside += 1,
                    Ok(_) | Err(_) => outside.push(format!("{}/{file}", entry.path().display())),
                }
            }
        }
    }
    (inside, outside)
}

#[test]
fn a_supervisor_that_holds_a_secret_has_no_memory_for_others_and_no_core() {
    each_identity(|sandbox| {
        let reads = |pid: i32| {
            sandbox
                .outside(["sh", "-c", &format!("cat /proc/{pid}/environ > /dev/null && head -c0 /proc/{pid}/mem")])
                .code
        };
        let path = key(sandbox);
        let wait = ["--", "sh", "-c", "echo ready; read line"];
        let secret = format!("KEY=file:{path}");
        for (options, is_hidden) in [(&["--secret", secret.as_str()][..], true), (&[], false)] {
            let mut running = sandbox.launch([options, &wait].concat()).stdin_open().start();
            running.wait_for("ready");
            let dumpable = fs::metadata(format!("/proc/{}/environ", running.pid()))
                .map(|data| std::os::unix::fs::MetadataExt::uid(&data));
            // The kernel gives the files of a process that must not be dumped to the superuser.
            let owner = if is_hidden { 0 } else { sandbox.identity().uid() };
            assert_eq!(dumpable.ok(), Some(owner), "{options:?}");
            if !sandbox.identity().is_root() {
                assert_eq!(reads(running.pid()) == Some(0), !is_hidden, "{options:?}");
            }
            running.type_in(b"\n");
            running.wait().expect(0);
        }
    });
}

#[test]
fn a_value_stands_in_no_memory_but_the_commands() {
    each_identity(|sandbox| {
        if !is_root() {
            return;
        }
        let value = format!("only-in-the-command-{}", sandbox.identity().uid());
        let path = key(sandbox);
        sandbox.write(&path, &value);
        let secret = format!("KEY=file:{path}");
        for deliver in ["env", "file"] {
            let start = [
                "--secret",
                &secret,
                "--deliver",
                deliver,
                "--",
                "sh",
                "-c",
                "V=$(cat $KEY 2>/dev/null || echo $KEY); echo ready; read line",
            ];
            let mut running = sandbox.launch(start).stdin_open().start();
            running.wait_for("ready");
            let supervisor = running.pid();
            let own = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).unwrap();
            let init: i32 = own.split_whitespace().find(|pid| is_init(pid)).unwrap().parse().unwrap();
            let command = fs::read_to_string(format!("/proc/{init}/task/{init}/children")).unwrap();
            let command: i32 = command.split_whitespace().next().unwrap().parse().unwrap();
            assert!(stands_in_memory(command, &value), "the command has it: {deliver}");
            assert!(!stands_in_memory(supervisor, &value), "the supervisor still has it: {deliver}");
            assert!(!stands_in_memory(init, &value), "the init still has it: {deliver}");
            running.type_in(b"\n");
            running.wait().expect(0);
        }
    });
}

/// Only the superuser reads the memory of a process that must not be dumped.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// True for the first process of a pid namespace.
fn is_init(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1"))
}

/// Looks through everything that a process has mapped and may write.
fn stands_in_memory(pid: i32, value: &str) -> bool {
    use std::os::unix::fs::FileExt;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    maps.lines().filter(|line| line.contains(" rw")).any(|line| {
        let (from, to) = line.split_once(' ').and_then(|(range, _)| range.split_once('-')).unwrap();
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut piece = vec![0; usize::try_from(to - from).unwrap()];
        memory.read_exact_at(&mut piece, from).is_ok() && memchr::memmem::find(&piece, value.as_bytes()).is_some()
    })
}

#[test]
fn what_cannot_be_given_is_refused_by_name_and_nothing_starts() {
    each_identity(|sandbox| {
        let path = key(sandbox);
        sandbox.write(sandbox.elsewhere().join("empty"), "\n");
        sandbox.write(sandbox.elsewhere().join("nul"), "abc\0defghijk");
        sandbox.write(sandbox.elsewhere().join("short"), "x7!kq");
        sandbox.write(sandbox.elsewhere().join("word"), "password");
        sandbox.shell_outside(&format!("chmod 600 '{}'/*", sandbox.elsewhere().display())).expect(0);
        let file = |name: &str| format!("KEY=file:{}", sandbox.elsewhere().join(name).display());
        let good = format!("KEY=file:{path}");
        let touch = ["--", "touch", "started"];
        for (options, words) in [
            (vec!["--secret", "KEY"], "declares no secret `KEY`"),
            (vec!["--secret", "KEY=env:UNSET_VARIABLE"], "`UNSET_VARIABLE` is not set"),
            (vec!["--secret", "KEY=env:EMPTY"], "the value is empty"),
            (vec!["--secret", &file("missing")], "there is no"),
            (vec!["--secret", &file("empty")], "the value is empty"),
            (vec!["--secret", &file("nul")], "NUL"),
            (vec!["--secret", &file("short")], "shorter than 8 bytes"),
            (vec!["--secret", &file("word")], "common word"),
            (vec!["--secret", "KEY=file:/dev/zero"], "not a regular file"),
            (vec!["--secret", "KEY=file:/"], "not a regular file"),
            (vec!["--secret", "KEY=/etc/passwd"], "no source of a secret"),
            (vec!["--secret", "KEY=cmd:/bin/true"], "taken only from a profile"),
            (vec!["--secret", "KEY=keyring:a/b"], "taken only from a profile"),
            (vec!["--secret", "KEY=pass:a"], "taken only from a profile"),
            (vec!["--secret", "LD_PRELOAD=env:HOME"], "cannot be called `LD_PRELOAD`"),
            (vec!["--secret", "PATH=env:HOME"], "cannot be called `PATH`"),
            (vec!["--secret", "A-B=env:HOME"], "names no secret"),
            (vec!["--secret", ""], "names no secret"),
            (vec!["--secret", &good, "--secret", &good], "asked for twice"),
            (vec!["--secret", &good, "--deliver", "stdin"], "`--deliver stdin`"),
            (vec!["--secret", "KEY", "--deliver", "file"], "named on the spot"),
            (vec!["--deliver", "file"], "--secret"),
        ] {
            let ended = sandbox.launch([options.as_slice(), &touch].concat()).env("EMPTY", "").finish();
            ended.expect(125);
            assert!(ended.errors().contains(words), "{options:?}: {}", ended.errors());
            assert!(!sandbox.project().join("started").exists(), "{options:?}");
            for value in [VALUE, "x7!kq", "abc\0def"] {
                assert!(!ended.errors().contains(value), "{options:?}: {}", ended.errors());
            }
        }
    });
}

#[test]
fn a_value_that_stands_in_the_open_is_no_secret() {
    each_identity(|sandbox| {
        let secret = format!("KEY=file:{}", key(sandbox));
        let base = ["--secret", secret.as_str()];
        for (options, words) in [
            (vec!["--", "echo", VALUE], "stands in the command's arguments"),
            (vec!["--", "echo", "--token=correct-horse/battery+staple=1"], "stands in the command's arguments"),
            (vec!["--env", "OTHER=correct-horse/battery+staple=1", "--", "true"], "stands in the variable `OTHER`"),
        ] {
            let ended = sandbox.run([&base[..], &options].concat());
            ended.expect(125);
            assert!(ended.errors().contains(words) && ended.errors().contains("`KEY`"), "{}", ended.errors());
            assert!(!ended.errors().contains(VALUE), "{}", ended.errors());
        }
        let passed =
            sandbox.launch(["--env", "TOKEN", "--secret", "KEY=env:TOKEN", "--", "true"]).env("TOKEN", VALUE).finish();
        assert!(passed.expect(125).errors().contains("stands in the variable `TOKEN`"), "{}", passed.errors());
    });
}

const PROFILE: &str = r#"
name = "deploy"
extends = ["default"]
[secrets.KEY]
from = "file:~/keys/deploy"
[secrets.PIN]
from = "env:PIN_OF_ANN"
short = true
[secrets.LABEL]
from = "env:LABEL_OF_ANN"
redact = false
"#;

fn declare(sandbox: &Sandbox, more: &str) {
    sandbox.setting(".config/opaque/profiles/deploy.toml", &format!("{PROFILE}{more}"));
    let path = sandbox.home().join("keys/deploy");
    sandbox.write(&path, VALUE);
    sandbox.shell_outside(&format!("chmod 600 '{}'", path.display())).expect(0);
}

#[test]
fn a_profile_declares_secrets_and_a_run_names_those_that_it_needs() {
    each_identity(|sandbox| {
        declare(sandbox, "");
        let start = |names: &[&str], script: &str| {
            let names: Vec<&str> = names.iter().flat_map(|name| ["--secret", name]).collect();
            let start = [&["--profile", "deploy"], names.as_slice(), &["--", "sh", "-c", script]].concat();
            sandbox.launch(start).env("PIN_OF_ANN", "x7!kq").env("LABEL_OF_ANN", "1").finish()
        };
        let all = start(&["KEY", "PIN", "LABEL"], "echo $KEY $PIN $LABEL; printf %s \"$KEY\" | sha256sum");
        assert_eq!(all.expect(0).text(), format!("*** *** 1\n{}", digest(sandbox)));
        // Nothing is given that was not named.
        assert_eq!(start(&["LABEL"], "echo \"[$KEY] [$PIN] [$LABEL]\"").expect(0).text(), "[] [] [1]");
        let near = start(&["KEYS"], "true");
        assert!(near.expect(125).errors().contains("did you mean `KEY`?"), "{}", near.errors());
    });
}

#[test]
fn policy_says_which_secrets_a_run_may_use() {
    each_identity(|sandbox| {
        declare(sandbox, "");
        let policy = |rule: &str| {
            sandbox.policy(&format!(
                "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"build\"\naction = \"allow\"\ncommand = {{ path = \"/**\" }}\n{rule}"
            ));
        };
        let own = ["--profile", "deploy", "--secret", "KEY", "--", "sh", "-c", "echo $KEY"];
        let spot = format!("KEY=file:{}", sandbox.home().join("keys/deploy").display());
        let spot = ["--secret", &spot, "--", "sh", "-c", "echo $KEY"];
        let denied = |start: &[&str]| {
            let ended = sandbox.run(start);
            assert!(ended.expect(120).errors().contains("secret `KEY` is not allowed"), "{}", ended.errors());
        };
        policy("[rules.sandbox]\nprofiles = [\"deploy\", \"default\"]\n");
        assert_eq!(sandbox.run(own).expect(0).text(), "***");
        denied(&spot);
        policy("[rules.sandbox]\nprofiles = [\"deploy\", \"default\"]\nsecrets = []\n");
        denied(&own);
        denied(&spot);
        policy("[rules.sandbox]\nprofiles = [\"deploy\", \"default\"]\nsecrets = [\"K*\"]\n");
        assert_eq!(sandbox.run(own).expect(0).text(), "***");
        assert_eq!(sandbox.run(spot).expect(0).text(), "***");
        // A rule for other secrets is no rule for this one.
        policy("[rules.secret_names]\npatterns = \"OTHER_*\"\n");
        sandbox.run(own).expect(120);
    });
}

#[test]
fn a_secret_goes_only_with_what_it_is_coupled_to() {
    each_identity(|sandbox| {
        let of = |path: &str| sandbox.shell_outside(&format!("sha256sum {path}")).expect(0).text()[..64].to_owned();
        let [sh, env] = ["sh", "env"]
            .map(|name| sandbox.shell_outside(&format!("realpath /usr/bin/{name}")).text().trim().to_owned());
        let couple = |with: &str| {
            declare(sandbox, "");
            let profile = PROFILE.replace(
                "from = \"file:~/keys/deploy\"",
                &format!("from = \"file:~/keys/deploy\"\nonly_with = {{ {with} }}"),
            );
            sandbox.setting(".config/opaque/profiles/deploy.toml", &profile);
        };
        let start = |options: &[&str], command: &[&str]| {
            sandbox.run([&["--profile", "deploy", "--secret", "KEY"], options, &["--"], command].concat())
        };
        let refused = |ended: Ended, words: &str| {
            ended.expect(120);
            assert!(
                ended.errors().contains("the secret `KEY` may not go with this run") && ended.errors().contains(words),
                "{}",
                ended.errors()
            );
        };
        couple(&format!("program = \"{sh}\""));
        assert_eq!(start(&[], &["sh", "-c", "echo $KEY"]).expect(0).text(), "***");
        refused(start(&[], &["env"]), &env);
        // A script is not the program that it is for, whatever runs it.
        sandbox.script("steal", "#!/bin/sh\necho $KEY\n");
        refused(start(&[], &["./steal"]), "steal");
        couple(&format!("program = \"{sh}\", sha256 = \"{}\"", of(&sh)));
        assert_eq!(start(&[], &["sh", "-c", "echo $KEY"]).expect(0).text(), "***");
        couple(&format!("sha256 = \"{}\"", of(&env)));
        refused(start(&[], &["sh", "-c", "echo $KEY"]), "the content of");
        couple("egress = [\"api.example.test\"]");
        assert_eq!(start(&[], &["sh", "-c", "echo $KEY"]).expect(0).text(), "***");
        assert_eq!(start(&["--allow-net", "api.example.test"], &["sh", "-c", "echo $KEY"]).expect(0).text(), "***");
        refused(start(&["--allow-net", "other.example.test"], &["true"]), "other.example.test");
        refused(start(&["--loopback", "127.0.0.1:9"], &["true"]), "127.0.0.1:9");
    });
}

#[test]
fn a_plan_names_secrets_and_says_nothing_of_their_values() {
    each_identity(|sandbox| {
        let secret = format!("KEY=file:{}", key(sandbox));
        let text = sandbox.run(["--plan", "--secret", &secret, "--deliver", "file", "--", "true"]);
        assert!(text.expect(0).text().contains("secrets    KEY from file:/"), "{}", text.text());
        let json = sandbox.run(["--plan", "--json", "--secret", "KEY=env:NOT_EVEN_SET", "--", "true"]);
        let plan: serde_json::Value = serde_json::from_str(&json.expect(0).text()).unwrap();
        assert_eq!(plan["plan"]["secrets"][0]["source"], "env:NOT_EVEN_SET");
        assert!(!text.text().contains(VALUE));
    });
}

#[test]
fn output_is_withheld_cut_off_or_shown_as_it_is_when_the_profile_says_so() {
    each_identity(|sandbox| {
        let run = |output: &str, options: &[&str], script: &str| {
            declare(sandbox, output);
            let start = [&["--profile", "deploy", "--secret", "KEY"], options, &["--", "sh", "-c", script]].concat();
            sandbox.run_reporting(start)
        };
        let withheld = run("[output]\nredact = \"withhold\"\n", &[], "echo $KEY; echo more >&2; exit 3");
        assert_eq!(withheld.expect(3).text(), "");
        assert!(!withheld.errors().contains("more\n") && withheld.errors().contains("bytes of output were withheld"));
        let off = run("[output]\nredact = \"off\"\n", &[], "echo $KEY");
        assert_eq!(off.expect(0).text(), VALUE);

        let cut = run(
            "[output]\non_overflow = \"truncate\"\n",
            &["--limit", "output=10B"],
            "echo 0123456789abc; echo $KEY; exit 4",
        );
        assert_eq!(cut.expect(4).text(), "0123456789");
        assert!(cut.reported()["usage"]["output"]["dropped"].as_u64() > Some(0), "{:#}", cut.reported());
        let killed = run("", &["--limit", "output=10B"], "echo 0123456789abc; sleep 9");
        assert_eq!(killed.expect(122).text(), "0123456789");

        let pattern = "[output]\nredact = \"secrets+patterns\"\npatterns = [{ name = \"ticket\", regex = \"T-[0-9]{9}\", replace = \"T-***\" }]\n";
        let patterns = run(pattern, &[], "echo $KEY T-123456789 ghp_0123456789abcdefghijABCDEFGHIJ012345");
        assert!(
            patterns.expect(0).text().starts_with("*** T-*** ") && !patterns.text().contains("ghp_0123"),
            "{}",
            patterns.text()
        );
        assert_eq!(patterns.reported()["usage"]["output"]["masked"]["ticket"], 1);
    });
}

#[test]
fn without_anything_to_mask_the_command_writes_to_the_callers_own_descriptors() {
    each_identity(|sandbox| {
        let inodes = "seen=$(stat -L -c '%d:%i' /proc/$$/fd/1); echo $seen > inodes";
        let seen = |start: &[&str]| {
            let (read, write) = std::io::pipe().unwrap();
            let own = fs::metadata(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&write))).unwrap();
            let own = std::os::unix::fs::MetadataExt::ino(&own);
            sandbox.launch(start).stdout_to(write).finish().expect(0);
            drop(read);
            fs::read_to_string(sandbox.project().join("inodes")).unwrap().contains(&format!(":{own}\n"))
        };
        assert!(seen(&["--", "sh", "-c", inodes]), "the very same pipe");
        let secret = format!("KEY=file:{}", key(sandbox));
        assert!(!seen(&["--secret", &secret, "--", "sh", "-c", inodes]), "a pipe of the supervisor's");
    });
}

#[test]
fn a_secret_that_is_kept_for_others_to_read_is_given_with_a_note() {
    each_identity(|sandbox| {
        let path = key(sandbox);
        sandbox.shell_outside(&format!("chmod 644 '{path}'")).expect(0);
        let ended = sandbox.run_reporting(["--secret", &format!("KEY=file:{path}"), "--", "true"]);
        let notes = ended.expect(0).reported()["notes"].to_string();
        assert!(notes.contains("chmod 600"), "{notes}");
    });
}
