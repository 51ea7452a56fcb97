//! Secrets: they arrive, exactly as they are kept, with the command alone; nothing that it prints shows them; and what
//! cannot be given safely is not given.

use std::fs;

use opaque_tests::{Sandbox, VALUE, each_identity};

fn journal(sandbox: &Sandbox) -> String {
    let directory = sandbox.home().join(".local/state/opaque/journal");
    let files = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn a_secret_arrives_whole_in_each_way_of_delivery_and_nowhere_without_being_asked_for() {
    each_identity(|sandbox| {
        // A variable lacks the last line end.
        let [bare, kept] = sandbox.digests_of_value();
        for (options, script, expected) in [
            (&[][..], "printf %s \"$KEY\" | sha256sum", bare),
            (&["--deliver", "file"], "sha256sum < \"$KEY\"", kept.clone()),
            (&["--deliver", "fd"], "eval \"cat <&$KEY\" | sha256sum", kept),
        ] {
            assert_eq!(sandbox.run_with_key(options, script).expect(0).text(), expected, "{script}");
        }
        assert_eq!(
            sandbox.shell("echo \"[$KEY]\"; ls /run/secrets 2>&1 | wc -l; ls /proc/self/fd | wc -l").text(),
            "[]\n1\n4"
        );
    });
}

#[test]
fn a_key_is_one_for_the_programs_that_use_it() {
    each_identity(|sandbox| {
        sandbox.directory(&sandbox.elsewhere());
        let path = sandbox.elsewhere().join("id").display().to_string();
        sandbox.shell_outside(&format!("ssh-keygen -q -t ed25519 -N '' -C of-a-test -f '{path}'")).expect(0);
        let public = sandbox.shell_outside(&format!("cat '{path}.pub'")).expect(0).text();
        let start = ["--secret", &format!("KEY=file:{path}"), "--deliver", "file", "--", "sh", "-c"];
        let read = sandbox.run([&start[..], &["ssh-keygen -y -f \"$KEY\""]].concat());
        assert_eq!(read.expect(0).text(), public);
        // Without its last line end it is none.
        let cut = "umask 077; printf %s \"$(cat \"$KEY\")\" > cut; ssh-keygen -y -f cut";
        assert_ne!(sandbox.run([&start[..], &[cut]].concat()).code, Some(0));
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
        assert_eq!(ended.expect(0).text(), format!("{}\n[]", sandbox.digests_of_value()[0]));
    });
}

#[test]
fn a_secrets_file_belongs_to_the_command_and_is_gone_with_it() {
    each_identity(|sandbox| {
        let script = "stat -c '%a %u' \"$KEY\" /run/secrets; echo \"$KEY\"; echo x > \"$KEY\" || echo refused";
        let ended = sandbox.run_with_key(&["--deliver", "file"], script);
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
        let ended = sandbox.run_with_key(&["--deliver", "fd"], script);
        // The listing's own descriptor is the last of those. A line end is kept behind the value.
        assert_eq!(ended.expect(0).text(), format!("0 1 2 3 4 {}\n0\n3", VALUE.len() + 1));
    });
}

#[test]
fn what_a_command_prints_is_masked_in_every_form_on_both_streams() {
    each_identity(|sandbox| {
        let script = "echo \"it is $KEY.\"; echo \"$KEY\" >&2; printf %s \"$KEY\" | base64; printf %s \"$KEY\" | od -An -tx1 | tr -d ' \\n'; \
                      echo; printf '%s' \"$KEY\" | fold -w 7; echo; printf %.3s \"$KEY\"; sleep 0.2; printf %s \"$KEY\" | cut -c4-";
        let ended = sandbox.run_with_key(&[], script);
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
fn what_cannot_be_given_is_refused_by_name_and_nothing_starts() {
    each_identity(|sandbox| {
        let path = sandbox.key();
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
        let secret = format!("KEY=file:{}", sandbox.key());
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
        let secret = format!("KEY=file:{}", sandbox.key());
        assert!(!seen(&["--secret", &secret, "--", "sh", "-c", inodes]), "a pipe of the supervisor's");
    });
}

#[test]
fn a_secret_that_is_kept_for_others_to_read_is_given_with_a_note() {
    each_identity(|sandbox| {
        let path = sandbox.key();
        sandbox.shell_outside(&format!("chmod 644 '{path}'")).expect(0);
        let ended = sandbox.run_reporting(["--secret", &format!("KEY=file:{path}"), "--", "true"]);
        let notes = ended.expect(0).reported()["notes"].to_string();
        assert!(notes.contains("chmod 600"), "{notes}");
    });
}
