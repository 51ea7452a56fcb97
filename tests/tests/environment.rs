//! The environment inside: exactly the names of the profile, with values that cannot surprise a program.

use std::collections::BTreeMap;

use opaque_tests::{Ended, Sandbox, each_identity};

fn variables(ended: &Ended) -> BTreeMap<String, String> {
    let text = ended.done();
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

const DANGEROUS: [&str; 30] = [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "GLIBC_TUNABLES",
    "BASH_ENV",
    "ENV",
    "IFS",
    "PS4",
    "SHELLOPTS",
    "NODE_OPTIONS",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PERL5OPT",
    "RUBYOPT",
    "GIT_SSH_COMMAND",
    "GIT_CONFIG_COUNT",
    "GIT_DIR",
    "EDITOR",
    "PAGER",
    "RUSTC_WRAPPER",
    "MAKEFLAGS",
    "HTTPS_PROXY",
    "SSLKEYLOGFILE",
    "KUBECONFIG",
    "DOCKER_HOST",
    "SSH_AUTH_SOCK",
    "DBUS_SESSION_BUS_ADDRESS",
    "AWS_SECRET_ACCESS_KEY",
    "GITHUB_TOKEN",
    "LANGCHAIN_KEY",
];

#[test]
fn nothing_of_the_callers_environment_comes_in_but_what_the_profile_names() {
    each_identity(|sandbox| {
        let caller = |launch: opaque_tests::Launch| {
            // A value that no program acts on, so that the twin runs.
            DANGEROUS
                .iter()
                .filter(|name| !["LD_PRELOAD", "LD_AUDIT"].contains(name))
                .fold(launch, |launch, name| launch.env(name, "/nonexistent"))
        };
        let inside = variables(&caller(sandbox.launch_probe(&[], &["environment"])).finish());
        let outside = variables(&caller(sandbox.launch_probe_outside(&["environment"])).finish());
        for name in DANGEROUS {
            assert!(!inside.contains_key(name), "{name} came in");
        }
        assert!(outside.contains_key("GITHUB_TOKEN"), "the twin sees it");
        let expected = [
            "HOME",
            "LANG",
            "LOGNAME",
            "PATH",
            "SHELL",
            "TERM",
            "TMPDIR",
            "USER",
            "TZ",
            "NO_COLOR",
            "COLORTERM",
            "XDG_RUNTIME_DIR",
            "PWD",
            "HOSTNAME",
            "LC_ALL",
        ];
        for name in inside.keys() {
            let known =
                expected.contains(&name.as_str()) || name.starts_with("OPAQUE") || name.starts_with("GIT_CONFIG");
            assert!(known, "an unexpected variable came in: {name}={}", inside[name]);
        }
        assert_eq!(inside["HOME"], sandbox.home().display().to_string());
        assert_eq!(inside["TERM"], "xterm-256color");
    });
}

#[test]
fn the_home_comes_from_the_account_and_not_from_the_callers_variable() {
    each_identity(|sandbox| {
        let ended = sandbox.launch_probe(&[], &["environment"]).env("HOME", "/etc").finish();
        assert_eq!(variables(&ended)["HOME"], sandbox.home().display().to_string());
    });
}

#[test]
fn a_variable_is_passed_or_set_when_it_is_asked_for() {
    each_identity(|sandbox| {
        let launch = sandbox.launch_probe(&["--env", "PASSED", "--env", "SET=a=b c"], &["environment"]);
        let inside = variables(&launch.env("PASSED", "as it was").finish());
        assert_eq!((inside["PASSED"].as_str(), inside["SET"].as_str()), ("as it was", "a=b c"));
        let absent = variables(&sandbox.launch_probe(&["--env", "PASSED"], &["environment"]).finish());
        assert!(!absent.contains_key("PASSED"), "a variable that the caller does not have stays away");
    });
}

#[test]
fn loader_variables_are_refused_on_the_command_line() {
    each_identity(|sandbox| {
        for name in [
            "LD_PRELOAD=/tmp/x.so",
            "LD_LIBRARY_PATH=/tmp",
            "BASH_ENV=/tmp/x",
            "NODE_OPTIONS=--inspect",
            "GIT_SSH_COMMAND=x",
            "PYTHONPATH=/tmp",
        ] {
            let ended = sandbox.run(["--env", name, "--", "touch", "started"]);
            ended.expect(120);
            ended.noting(name.split('=').next().unwrap());
            assert!(!sandbox.project().join("started").exists());
        }
        // The twin: a variable that no loader reads.
        sandbox.run(["--env", "HARMLESS=1", "--", "touch", "started"]).expect(0);
    });
}

#[test]
fn the_search_path_keeps_only_absolute_directories_that_exist_inside() {
    each_identity(|sandbox| {
        sandbox.directory(&sandbox.project().join("bin"));
        let bin = sandbox.at("bin");
        let path = format!(".:relative::{bin}:/nonexistent:/usr/bin:/bin");
        let inside = variables(&sandbox.launch_probe(&[], &["environment"]).env("PATH", path).finish());
        let kept: Vec<&str> = inside["PATH"].split(':').collect();
        assert!(kept.contains(&bin.as_str()) && kept.contains(&"/usr/bin"), "{kept:?}");
        assert!(kept.iter().all(|directory| directory.starts_with('/')), "{kept:?}");
        assert!(!kept.contains(&"/nonexistent"), "{kept:?}");
    });
}

#[test]
fn a_terminal_or_zone_name_that_could_be_a_path_does_not_come_in() {
    each_identity(|sandbox| {
        for (name, value) in
            [("TERM", "../../etc/x"), ("TERM", "a b\nc"), ("TZ", "/home/other/file"), ("TZ", ":../../x")]
        {
            let inside = variables(&sandbox.launch_probe(&[], &["environment"]).env(name, value).finish());
            assert_ne!(inside.get(name).map(String::as_str), Some(value), "{name}");
        }
        let inside =
            variables(&sandbox.launch_probe(&[], &["environment"]).env("TERM", "screen.xterm-256color").finish());
        assert_eq!(inside["TERM"], "screen.xterm-256color");
    });
}

#[test]
fn bytes_that_are_no_text_pass_through_arguments_and_values() {
    use std::os::unix::ffi::OsStrExt;
    each_identity(|sandbox| {
        let odd = std::ffi::OsStr::from_bytes(b"a\xff\x01z");
        let tools = sandbox.base().join("tools");
        let run = |sandbox: &Sandbox| {
            let mut arguments: Vec<&std::ffi::OsStr> =
                vec!["--read".as_ref(), tools.as_os_str(), "--env".as_ref(), "ODD".as_ref(), "--".as_ref()];
            let probe = tools.join("opaque-probe");
            arguments.push(probe.as_os_str());
            arguments.extend(["arguments".as_ref(), odd]);
            sandbox.launch(arguments).env("ODD", odd).finish()
        };
        let ended = run(sandbox);
        assert!(ended.done().ends_with("a\\xff\\x01z"), "{ended}");
    });
}

#[test]
fn signals_that_the_caller_ignored_and_its_mask_are_reset_except_a_wish_to_survive_hangup() {
    each_identity(|sandbox| {
        let tools = sandbox.base().join("tools").display().to_string();
        let script =
            format!("trap '' USR1 PIPE; exec {tools}/opaque-run --read {tools} -- {tools}/opaque-probe signals");
        let inside = sandbox.shell_outside(&script).done();
        // The probe's own runtime ignores SIGPIPE (bit 12).
        let blocked = inside.split("blocked=").nth(1).unwrap();
        assert_eq!(blocked, "0000000000000000", "{inside}");
        let ignored = u64::from_str_radix(inside.split(['=', ' ']).nth(1).unwrap(), 16).unwrap();
        // Two more belong to the C library, which ignores them in whatever it spawns.
        assert_eq!(ignored & !(1 << 12 | 1 << 31 | 1 << 32), 0, "{inside}");
        let script = format!("trap '' USR1; exec {tools}/opaque-probe signals");
        assert_ne!(sandbox.shell_outside(&script).done(), inside, "the twin inherits them");
    });
}
