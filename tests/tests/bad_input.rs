//! Input that cannot be right: a clear error with a hint, the right exit code, and nothing run.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use opaque_tests::{Ended, Sandbox, each_identity};

const TOUCH: [&str; 3] = ["--", "touch", "started"];

#[track_caller]
fn refuses(sandbox: &Sandbox, ended: &Ended, code: i32, words: &[&str]) {
    ended.expect(code);
    for word in words {
        ended.noting(word);
    }
    assert!(ended.stdout.is_empty(), "standard output belongs to the command\n{ended}");
    for line in ended.errors().lines() {
        assert!(line.starts_with("opaque-run: "), "a line without its mark: {line}\n{ended}");
    }
    assert!(!sandbox.project().join("started").exists(), "the command ran\n{ended}");
    assert!(!ended.errors().contains("panicked") && !ended.errors().contains("Err("), "{ended}");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_policy_file_that_is_missing_stops_the_run() {
    each_identity(|sandbox| {
        let ended = sandbox.run(["--policy", "/nonexistent/policy.toml"].iter().chain(&TOUCH));
        refuses(sandbox, &ended, 125, &["/nonexistent/policy.toml"]);
    });
}

#[test]
fn a_malformed_policy_names_file_line_column_and_the_nearest_key() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefualt = \"allow\"\n");
        let ended = sandbox.run(TOUCH);
        refuses(sandbox, &ended, 125, &["policy.toml:2:", "defualt", "default"]);
        for text in [
            "version = ",
            "default = \"allow\"\ndefault = \"deny\"\nversion = 1\n",
            "version = 1\n",
            "version = 99\ndefault = \"allow\"\n",
            "version = 1\ndefault = 7\n",
        ] {
            sandbox.policy(text);
            refuses(sandbox, &sandbox.run(TOUCH), 125, &["policy.toml:"]);
        }
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        sandbox.run(TOUCH).expect(0);
    });
}

#[test]
fn a_policy_that_others_may_write_is_not_believed() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        let file = sandbox.home().join(".config/opaque/policy.toml");
        let directory = file.parent().unwrap().to_owned();
        for (path, bad, good) in [(&file, 0o664, 0o644), (&file, 0o646, 0o644), (&directory, 0o777, 0o755)] {
            set_mode(path, bad);
            refuses(sandbox, &sandbox.run(TOUCH), 125, &["chmod", "policy"]);
            set_mode(path, good);
        }
        sandbox.run(TOUCH).expect(0);
    });
}

#[test]
fn a_policy_of_another_user_is_not_believed() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        let file = sandbox.home().join(".config/opaque/policy.toml");
        if std::os::unix::fs::chown(&file, Some(23_456), Some(23_456)).is_err() {
            return opaque_tests::missing("the right to give a file to another user");
        }
        refuses(sandbox, &sandbox.run(TOUCH), 125, &["policy.toml"]);
    });
}

#[test]
fn a_policy_that_cannot_be_read_stops_the_run() {
    each_identity(|sandbox| {
        if sandbox.identity().is_root() {
            return;
        }
        sandbox.policy("version = 1\ndefault = \"allow\"\n");
        let file = sandbox.home().join(".config/opaque/policy.toml");
        set_mode(&file, 0);
        refuses(sandbox, &sandbox.run(TOUCH), 125, &["policy.toml"]);
        set_mode(&file, 0o600);
        sandbox.run(TOUCH).expect(0);
    });
}

#[test]
fn a_policy_that_is_a_directory_a_pipe_or_huge_stops_the_run() {
    each_identity(|sandbox| {
        sandbox.directory(&sandbox.elsewhere().join("directory"));
        let big = sandbox.write(sandbox.elsewhere().join("big"), "#".repeat(32 << 20));
        let pipe = sandbox.elsewhere().join("pipe");
        sandbox.probe_outside(&["mknod", "fifo", &pipe.display().to_string()]).done();
        for path in [sandbox.elsewhere().join("directory"), big, pipe] {
            let path = path.display().to_string();
            refuses(sandbox, &sandbox.run(["--policy", &path].iter().chain(&TOUCH)), 125, &[&path]);
        }
    });
}

#[test]
fn an_unknown_profile_names_the_nearest() {
    each_identity(|sandbox| {
        let ended = sandbox.run(["--profile", "crago"].iter().chain(&TOUCH));
        refuses(sandbox, &ended, 120, &["crago", "cargo"]);
    });
}

#[test]
fn a_malformed_profile_stops_the_run() {
    each_identity(|sandbox| {
        let file = sandbox.home().join(".config/opaque/profiles/mine.toml");
        for text in [
            "name = ",
            "name = \"mine\"\nunknown = 1\n",
            "name = \"mine\"\n[fs]\nworkspce = \"rw\"\n",
            "name = \"mine\"\nextends = [\"nothing\"]\n",
            "name = \"mine\"\nextends = [\"mine\"]\n",
        ] {
            sandbox.write(&file, text);
            refuses(sandbox, &sandbox.run(["--profile", "mine"].iter().chain(&TOUCH)), 125, &["mine"]);
        }
        sandbox.write(&file, "name = \"mine\"\ndescription = \"own\"\nextends = [\"default\"]\n");
        sandbox.run(["--profile", "mine"].iter().chain(&TOUCH)).expect(0);
        fs::remove_file(sandbox.project().join("started")).unwrap();
        set_mode(&file, 0o666);
        refuses(sandbox, &sandbox.run(["--profile", "mine"].iter().chain(&TOUCH)), 125, &["mine.toml"]);
    });
}

#[test]
fn a_program_that_is_missing_exits_127() {
    each_identity(|sandbox| {
        for program in ["no-such-program", "./missing", "/usr/bin/no-such-program"] {
            refuses(sandbox, &sandbox.run(["--", program]), 127, &[program]);
        }
        let other = sandbox.script(sandbox.base().join("home/bin/tool"), "#!/bin/sh\n").display().to_string();
        let ended = sandbox.run(["--", &other]);
        assert!(matches!(ended.code, Some(125..=127)), "a program that is not visible inside\n{ended}");
        ended.noting("--read");
    });
}

#[test]
fn a_program_that_cannot_be_executed_exits_126() {
    each_identity(|sandbox| {
        sandbox.directory(&sandbox.project().join("directory"));
        sandbox.write("text", "just text\n");
        for program in ["./directory", "./text", "/usr", "/dev/null"] {
            refuses(sandbox, &sandbox.run(["--", program]), 126, &[program.trim_start_matches("./")]);
        }
        sandbox.script("garbage", b"\x7fELF but not really");
        let ended = sandbox.run(["--", "./garbage"]);
        refuses(sandbox, &ended, 126, &["garbage"]);
    });
}

#[test]
fn scripts_that_name_each_other_for_ever_exit_126() {
    each_identity(|sandbox| {
        let one = sandbox.project().join("one");
        let other = sandbox.project().join("other");
        sandbox.script("one", format!("#!{}\n", other.display()));
        sandbox.script("other", format!("#!{}\n", one.display()));
        refuses(sandbox, &sandbox.run(["--", "./one"]), 126, &["one"]);
        sandbox.script("dangling", "#!/nonexistent/interpreter\n");
        let ended = sandbox.run(["--", "./dangling"]);
        assert!(matches!(ended.code, Some(126 | 127)), "{ended}");
        ended.noting("/nonexistent/interpreter");
        sandbox.script("bare", "#!\n");
        sandbox.script("long", format!("#!/{}\n", "x".repeat(5000)));
        for script in ["./bare", "./long"] {
            let ended = sandbox.run(["--", script]);
            assert!(matches!(ended.code, Some(126 | 127)), "{ended}");
        }
        sandbox.script("fine", "#!/usr/bin/env sh\necho $0 $1\n");
        assert_eq!(sandbox.run(["--", "./fine", "argument"]).expect(0).text(), "./fine argument");
    });
}

#[test]
fn a_link_that_leads_to_itself_or_nowhere_is_not_found() {
    each_identity(|sandbox| {
        symlink("loop", sandbox.project().join("loop")).unwrap();
        symlink("/nonexistent", sandbox.project().join("dangling")).unwrap();
        for program in ["./loop", "./dangling"] {
            let ended = sandbox.run(["--", program]);
            assert!(matches!(ended.code, Some(126 | 127)), "{ended}");
            ended.noting(program.trim_start_matches("./"));
        }
    });
}

#[test]
fn an_argument_vector_of_two_megabytes_passes_or_is_refused_like_outside() {
    each_identity(|sandbox| {
        let big = vec!["x".repeat(100_000); 15];
        let run = |extra: &[String]| {
            let mut arguments = vec!["--".to_owned(), "true".to_owned()];
            arguments.extend_from_slice(extra);
            sandbox.run(&arguments)
        };
        run(&big).expect(0);
        let one_too_long = vec!["x".repeat(131_000)];
        run(&one_too_long).expect(0);
        let many: Vec<String> = (0..20_000).map(|index| format!("argument-{index}")).collect();
        assert_eq!(
            sandbox
                .run(["--".to_owned(), "sh".into(), "-c".into(), "echo $#".into(), "sh".into()].iter().chain(&many))
                .expect(0)
                .text(),
            "20000"
        );
    });
}

#[test]
fn flags_that_mean_nothing_are_refused_before_anything_happens() {
    each_identity(|sandbox| {
        let mut wrong = Vec::new();
        for (flags, word) in [
            (vec!["--bogus"], "bogus"),
            (vec!["--timeout", "soon"], "soon"),
            (vec!["--timeout", "0s"], "0s"),
            (vec!["--limit", "memory"], "memory"),
            (vec!["--limit", "memory=lots"], "lots"),
            (vec!["--limit", "hats=3"], "hats"),
            (vec!["--limit", "pids=0"], "pids"),
            (vec!["--tier", "landlock"], "landlock"),
            (vec!["--tier", "none"], "none"),
            (vec!["--env", "=x"], "--env"),
            (vec!["--read", "/nonexistent"], "/nonexistent"),
            (vec!["--report", "fd:77"], "77"),
            (vec!["--report", "/nonexistent/report"], "/nonexistent/report"),
        ] {
            let ended = sandbox.run(flags.iter().chain(&TOUCH));
            let started = fs::remove_file(sandbox.project().join("started")).is_ok();
            if started || !matches!(ended.code, Some(120 | 125)) || !ended.errors().contains(word) {
                wrong.push(format!("{flags:?}{}\n{ended}", if started { " ran the command" } else { "" }));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let nothing: [&str; 0] = [];
        assert_ne!(sandbox.run(nothing).code, Some(0));
        assert_ne!(sandbox.run(["--"]).code, Some(0));
        sandbox.run(TOUCH).expect(0);
    });
}

#[test]
fn a_working_directory_that_was_deleted_stops_the_run() {
    each_identity(|sandbox| {
        let opaque = sandbox.base().join("tools/opaque-run").display().to_string();
        let gone = sandbox.at("gone");
        let ended = sandbox
            .shell_outside(&format!("mkdir {gone} && cd {gone} && rmdir {gone} && exec {opaque} -- touch started"));
        refuses(sandbox, &ended, 125, &["directory"]);
    });
}

#[test]
fn a_working_directory_that_cannot_be_entered_stops_the_run() {
    each_identity(|sandbox| {
        if sandbox.identity().is_root() {
            return;
        }
        let opaque = sandbox.base().join("tools/opaque-run").display().to_string();
        let closed = sandbox.at("closed");
        let ended = sandbox.shell_outside(&format!("mkdir {closed} && cd {closed} && chmod 0 {closed} && {opaque} -- touch ../started; code=$?; chmod 700 {closed}; exit $code"));
        assert!(matches!(ended.code, Some(125 | 1)), "{ended}");
        assert!(!ended.errors().contains("panicked"), "{ended}");
    });
}

#[test]
fn a_full_disk_for_the_journal_stops_the_run() {
    each_identity(|sandbox| {
        let ended = sandbox.run(["--journal", "/dev/full"].iter().chain(&TOUCH));
        refuses(sandbox, &ended, 125, &["journal"]);
        let directory = sandbox.elsewhere().join("journal");
        sandbox.directory(&directory);
        let launch = sandbox.launch([
            "--journal".to_owned(),
            directory.display().to_string(),
            "--".into(),
            "touch".into(),
            "started".into(),
        ]);
        // A file system without a free byte: a tmpfs of one page that is already used.
        let full = sandbox.filled(launch, &directory);
        refuses(sandbox, &full.finish(), 125, &["journal"]);
    });
}

#[test]
fn a_journal_that_cannot_be_written_stops_the_run() {
    each_identity(|sandbox| {
        let file = sandbox.write(sandbox.elsewhere().join("file"), "").display().to_string();
        for place in [file.as_str(), "/proc/journal", "/dev/null/a"] {
            let ended = sandbox.run(["--journal", place].iter().chain(&TOUCH));
            refuses(sandbox, &ended, 125, &["journal"]);
        }
    });
}

#[test]
fn a_report_never_overwrites_and_never_lands_where_the_command_may_write() {
    each_identity(|sandbox| {
        let standing = sandbox.write(sandbox.elsewhere().join("report"), "mine").display().to_string();
        refuses(sandbox, &sandbox.run(["--report", &standing].iter().chain(&TOUCH)), 125, &["report"]);
        assert_eq!(fs::read(&standing).unwrap(), b"mine");
        let link = sandbox.elsewhere().join("link");
        symlink(sandbox.elsewhere().join("target"), &link).unwrap();
        refuses(
            sandbox,
            &sandbox.run(["--report", &link.display().to_string()].iter().chain(&TOUCH)),
            125,
            &["report"],
        );
        let inside = sandbox.run(["--report", "report.json"].iter().chain(&TOUCH));
        assert!(matches!(inside.code, Some(120 | 125)), "{inside}");
        inside.noting("fd:");
        assert!(!sandbox.project().join("report.json").exists());
    });
}

#[test]
fn a_directory_or_socket_as_a_stream_is_refused_or_relayed() {
    each_identity(|sandbox| {
        let ended = sandbox.launch(TOUCH).stdin_from(fs::File::open("/").unwrap()).finish();
        refuses(sandbox, &ended, 125, &["standard input"]);
        let (here, there) = std::os::unix::net::UnixStream::pair().unwrap();
        std::io::Write::write_all(&mut &here, b"over a socket").unwrap();
        here.shutdown(std::net::Shutdown::Write).unwrap();
        let ended = sandbox.launch(["--", "cat"]).stdin_from(there).finish();
        assert_eq!(ended.expect(0).text(), "over a socket");
    });
}

#[test]
fn a_machine_without_its_facility_stops_the_run_and_says_which() {
    each_identity(|sandbox| {
        if !sandbox.identity().is_root() {
            return;
        }
        let opaque = sandbox.base().join("tools/opaque-run").display().to_string();
        // In a user namespace that may hold no other, as in a container that forbids them.
        let script = format!("echo 0 > /proc/sys/user/max_net_namespaces && exec {opaque} -- touch started");
        let ended = sandbox.outside(["unshare", "-U", "-r", "sh", "-c", &script]);
        refuses(sandbox, &ended, 125, &["namespace"]);
    });
}
