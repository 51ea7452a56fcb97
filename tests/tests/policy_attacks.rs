//! Attacks on the policy itself: files that are wrong, missing, or that somebody else could have written. Nothing starts
//! under any of them, and each is accepted once it is repaired as the message says.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use opaque_tests::{Ended, Sandbox, each_identity};

const OPEN: &str = "version = 1\ndefault = \"allow\"\n";
const TOUCH: [&str; 3] = ["--", "touch", "started"];
/// The `other` account of every sandbox.
const STRANGER: u32 = 23_456;

#[track_caller]
fn refused(sandbox: &Sandbox, ended: &Ended, words: &[&str]) {
    ended.expect(125);
    for word in words {
        ended.noting(word);
    }
    assert!(!sandbox.project().join("started").exists(), "the command ran\n{ended}");
}

#[track_caller]
fn runs(sandbox: &Sandbox, ended: &Ended) {
    ended.expect(0);
    fs::remove_file(sandbox.project().join("started")).unwrap_or_else(|error| panic!("{error}\n{ended}"));
}

fn in_home(sandbox: &Sandbox, path: &str) -> PathBuf {
    sandbox.home().join(path)
}

fn give(path: &Path, uid: u32) {
    chown(path, Some(uid), Some(uid)).unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_wrong_in_a_policy_is_told_by_line_and_column_and_nothing_starts() {
    let rule = "[[rules]]\nname = \"touch\"\naction = \"allow\"\n[rules.command]\npath = \"/**/touch\"\n";
    let ask = "[[rules]]\nname = \"touch\"\naction = \"ask\"\n[rules.approval]\n";
    let head = "version = 1\ndefault = \"deny\"\n";
    each_identity(|sandbox| {
        for (text, place, message) in [
            // An approval that nobody could give would be one that everybody has.
            (format!("{head}{ask}require = \"always\"\nfactors = []\n"), "8:11", "factors"),
            (format!("{head}{ask}require = \"always\"\nfactors = {{ all = [] }}\n"), "8:", "factor"),
            (format!("{head}{ask}factors = [\"tty\"]\n"), "6:1", "`require` is missing"),
            // A key in a place where nobody reads it.
            (format!("{head}{rule}[rules.workspace]\nrequire = true\n"), "9:1", "unknown key `require`"),
            (format!("{head}{rule}[rules.approvals]\nrequire = \"always\"\n"), "8:8", "unknown key `approvals`"),
            (format!("{head}{rule}audit_retention_days = 90\n"), "8:1", "unknown key `audit_retention_days`"),
            (format!("version = 1\n{rule}default = \"deny\"\n"), "7:1", "unknown key `default`"),
            (format!("{head}{rule}\n[Rules]\n"), "9:2", "unknown key `Rules`"),
            (format!("{head}{rule}Path = \"/bin/x\"\n"), "8:1", "unknown key `Path`"),
            // A rule that does nothing, and a policy that does not say what else holds.
            (format!("{head}{}", rule.replace("action = \"allow\"\n", "")), "3:1", "`action` is missing"),
            (format!("version = 1\n{rule}"), "1:1", "no `default`"),
            // A rule behind one that takes everything from it.
            (
                format!(
                    "{head}{rule}{}argv = [\"x\"]\n",
                    rule.replace("\"touch\"", "\"later\"").replace("allow", "deny")
                ),
                "9:8",
                "`later` is never reached",
            ),
        ] {
            sandbox.policy(&text);
            refused(sandbox, &sandbox.run(TOUCH), &[&format!("policy.toml:{place}"), message]);
        }
        sandbox.policy(&format!("{head}{rule}"));
        runs(sandbox, &sandbox.run(TOUCH));
    });
}

#[test]
fn a_policy_that_does_not_load_or_is_not_there_starts_nothing_the_first_time() {
    each_identity(|sandbox| {
        let state = in_home(sandbox, ".local/state");
        let named = sandbox.setting("named.toml", "version = 1\ndefault = \n").display().to_string();
        let absent = in_home(sandbox, "absent.toml").display().to_string();
        let by_flag = |file: &str| sandbox.run(["--policy", file].iter().chain(&TOUCH));
        let by_variable = |file: &str| sandbox.launch(TOUCH).env("OPAQUE_CONFIG", file).finish();
        // Nobody's last good policy is there to fall back on, and none of the caller's own takes its place.
        sandbox.policy(OPEN);
        for (file, words) in [(&named, "named.toml:2:"), (&absent, "absent.toml")] {
            refused(sandbox, &by_flag(file), &[words]);
            refused(sandbox, &by_variable(file), &[words]);
        }
        refused(sandbox, &sandbox.run(["--policy", ""].iter().chain(&TOUCH)), &["policy"]);
        assert!(!state.exists(), "something was kept of runs that never were");
        sandbox.setting("named.toml", OPEN);
        runs(sandbox, &by_flag(&named));
        runs(sandbox, &by_variable(&named));
    });
}

#[test]
fn a_policy_by_relative_name_is_not_believed_where_somebody_else_chose_the_directory() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"deny\"\n");
        let trap = sandbox.base().join("trap");
        let policy = sandbox.write(trap.join("policy.toml"), OPEN);
        let here = |flag: &str| {
            let started = sandbox.at("started");
            let project = sandbox.project().display().to_string();
            let options = ["--policy", flag, "--write", &project, "--", "touch", &started];
            sandbox.launch(options).cwd(&trap).finish()
        };
        let ceiling = format!(
            "{OPEN}[[rules]]\nname = \"r\"\naction = \"allow\"\n[rules.sandbox]\nwrite = [\"{}\"]\n",
            sandbox.project().display()
        );
        fs::write(&policy, ceiling).unwrap();
        runs(sandbox, &here("policy.toml"));
        // A stranger's directory, even around a file of one's own; a stranger's file; a directory that all may write.
        for (owner_of_directory, owner_of_file, mode) in [
            (STRANGER, STRANGER, 0o755),
            (STRANGER, sandbox.identity().uid(), 0o755),
            (sandbox.identity().uid(), STRANGER, 0o755),
            (sandbox.identity().uid(), sandbox.identity().uid(), 0o777),
            (sandbox.identity().uid(), sandbox.identity().uid(), 0o1777),
        ] {
            give(&trap, owner_of_directory);
            give(&policy, owner_of_file);
            set_mode(&trap, mode);
            for flag in ["policy.toml", "./policy.toml", "../trap/policy.toml"] {
                refused(sandbox, &here(flag), &["trap"]);
            }
        }
        give(&trap, sandbox.identity().uid());
        give(&policy, sandbox.identity().uid());
        set_mode(&trap, 0o755);
        runs(sandbox, &here("policy.toml"));
    });
}

/// The command after `hint: `, without the advice behind it.
fn repair(ended: &Ended) -> String {
    let errors = ended.errors();
    let hint =
        errors.lines().find_map(|line| line.split_once("hint: ")).unwrap_or_else(|| panic!("no hint\n{ended}")).1;
    hint.split(", or ").next().unwrap().to_owned()
}

#[test]
fn a_policy_that_somebody_else_could_write_counts_again_after_the_command_that_the_message_names() {
    each_identity(|sandbox| {
        let own = ".config/opaque/policy.toml";
        let drop_in = ".config/opaque/policy.d/10.toml";
        sandbox.policy(OPEN);
        sandbox.setting(drop_in, "version = 1\n");
        runs(sandbox, &sandbox.run(TOUCH));
        for (path, mode) in [
            (own, 0o664),
            (own, 0o646),
            (drop_in, 0o664),
            (drop_in, 0o602),
            (".config/opaque/policy.d", 0o775),
            (".config/opaque", 0o777),
            (".config", 0o770),
        ] {
            let broken = in_home(sandbox, path);
            set_mode(&broken, mode);
            let ended = sandbox.run(TOUCH);
            refused(sandbox, &ended, &[&format!("hint: chmod go-w {}", broken.display())]);
            sandbox.shell_outside(&repair(&ended)).expect(0);
            runs(sandbox, &sandbox.run(TOUCH));
        }
        for path in [own, drop_in, ".config/opaque/policy.d", ".config/opaque"] {
            let broken = in_home(sandbox, path);
            give(&broken, STRANGER);
            let ended = sandbox.run(TOUCH);
            refused(sandbox, &ended, &[&format!("hint: chown $(id -u) {}", broken.display())]);
            // Only root gives files away, so the plain user has to ask for it.
            assert_eq!(sandbox.shell_outside(&repair(&ended)).code == Some(0), sandbox.identity().is_root());
            give(&broken, sandbox.identity().uid());
            runs(sandbox, &sandbox.run(TOUCH));
        }
    });
}

#[test]
fn a_link_from_a_trusted_place_to_one_that_others_write_is_not_followed_to_a_policy() {
    each_identity(|sandbox| {
        let dots = sandbox.base().join("dots");
        let real = sandbox.write(dots.join("policy.toml"), OPEN);
        let own = in_home(sandbox, ".config/opaque/policy.toml");
        let drop_in = in_home(sandbox, ".config/opaque/policy.d/10.toml");
        let open = || {
            give(&dots, sandbox.identity().uid());
            give(&real, sandbox.identity().uid());
            set_mode(&dots, 0o755);
            set_mode(&real, 0o644);
        };
        let break_it: [(&str, &dyn Fn()); 4] = [
            ("chmod go-w", &|| set_mode(&real, 0o666)),
            ("chmod go-w", &|| set_mode(&dots, 0o777)),
            ("chown", &|| give(&real, STRANGER)),
            ("chown", &|| give(&dots, STRANGER)),
        ];
        for (link, rest) in [(&own, None), (&drop_in, Some(OPEN))] {
            let _ = fs::remove_file(&own);
            if rest.is_some() {
                sandbox.policy(OPEN);
                fs::write(&real, "version = 1\n").unwrap();
            }
            sandbox.needs_belief();
            sandbox.directory(link.parent().unwrap());
            symlink(&real, link).unwrap();
            for (hint, break_it) in break_it {
                open();
                runs(sandbox, &sandbox.run(TOUCH));
                break_it();
                refused(sandbox, &sandbox.run(TOUCH), &[hint, "dots"]);
            }
            open();
            runs(sandbox, &sandbox.run(TOUCH));
        }
        // The directory itself may be a link as well.
        let _ = fs::remove_file(&drop_in);
        let _ = fs::remove_file(&own);
        fs::remove_dir_all(own.parent().unwrap()).unwrap();
        fs::write(&real, OPEN).unwrap();
        symlink(&dots, own.parent().unwrap()).unwrap();
        runs(sandbox, &sandbox.run(TOUCH));
        set_mode(&dots, 0o777);
        refused(sandbox, &sandbox.run(TOUCH), &["chmod go-w", "dots"]);
    });
}
