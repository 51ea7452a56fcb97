//! Where values of secrets come from: everything that is a value, everything that is none, and that no value is shown.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use opaque_tests::{VALUE, each_identity};
use serde_json::{Value, json};

#[test]
fn list_says_where_each_secret_is_kept_and_how_it_is_delivered() {
    each_identity(|sandbox| {
        assert!(
            sandbox.opaque(&["secrets", "list"]).finish().expect(0).text().contains("no profile declares a secret")
        );
        sandbox.declare(&[
            ("NPM_TOKEN", "from = \"keyring:npm/publish\""),
            ("KEY", "from = [\"cmd:/usr/bin/printf\", \"a b\"]\ndeliver = \"file\""),
        ]);
        let listed = sandbox.opaque(&["secrets", "list"]).finish().expect(0).text();
        let rows: Vec<Vec<&str>> = listed
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        let wanted = [
            vec!["NAME", "SOURCE", "DELIVERY", "PROFILE"],
            vec!["KEY", "cmd:/usr/bin/printf a b", "file", "mine"],
            vec!["NPM_TOKEN", "keyring:npm/publish", "env", "mine"],
        ];
        assert_eq!(rows, wanted, "{listed}");
        let listed = sandbox.opaque(&["secrets", "list", "--json"]).finish().expect(0).text();
        let wanted = json!({"version": 1, "secrets": [
            {"name": "KEY", "source": "cmd:/usr/bin/printf a b", "deliver": "file", "profile": "mine"},
            {"name": "NPM_TOKEN", "source": "keyring:npm/publish", "deliver": "env", "profile": "mine"},
        ]});
        assert_eq!(serde_json::from_str::<Value>(&listed).unwrap(), wanted);
    });
}

#[test]
fn check_says_of_each_secret_whether_it_can_be_had() {
    each_identity(|sandbox| {
        sandbox.declare(&[
            ("GOOD", "from = \"env:GOOD\""),
            ("GONE", "from = \"env:GONE\""),
            ("FILED", "from = \"file:~/token\""),
            ("PRINTED", "from = [\"cmd:/bin/cat\", \"/etc/passwd\"]"),
        ]);
        let file = sandbox.write(sandbox.home().join("token"), format!("{VALUE}\n"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let said = sandbox.opaque(&["secrets", "check"]).env("GOOD", VALUE).says(1);
        assert!(said.contains("GOOD  ok  (env:GOOD, profile `mine`)"), "{said}");
        assert!(
            said.contains("GONE  failed  (env:GONE, profile `mine`)\n  the variable `GONE` is not set\n  hint: "),
            "{said}"
        );
        assert!(said.contains("PRINTED  ok") && !said.contains("/bin/sh"), "{said}");
        assert!(said.contains(&format!("chmod 600 {}", file.display())), "{said}");
        let said = sandbox.opaque(&["secrets", "check", "GOOD", "FILED"]).env("GOOD", VALUE).says(0);
        assert!(!said.contains("GONE") && !said.contains("PRINTED"), "{said}");
        let said = sandbox.opaque(&["secrets", "check", "--json", "GOOD", "GONE"]).env("GOOD", VALUE).says(1);
        let report: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((&report["version"], &report["ok"]), (&json!(1), &json!(false)));
        let wanted = json!({"name": "GOOD", "source": "env:GOOD", "profile": "mine", "ok": true});
        assert_eq!(report["secrets"][1], wanted);
        assert_eq!(report["secrets"][0]["reason"], json!("the variable `GONE` is not set"));
        let said = sandbox.opaque(&["secrets", "check", "GOD"]).says(1);
        assert!(
            said.contains("no profile declares a secret `GOD`") && said.contains("hint: did you mean `GOOD`?"),
            "{said}"
        );
    });
}

#[test]
fn what_is_no_value_is_refused_with_its_name_the_reason_and_the_fix() {
    each_identity(|sandbox| {
        let home = sandbox.home();
        sandbox.write(home.join("token"), VALUE);
        sandbox.write(home.join("nul"), format!("{VALUE}\0"));
        sandbox.write(home.join("empty"), "\n");
        sandbox.write(home.join("long"), VALUE.repeat(4000));
        sandbox.directory(&home.join("directory"));
        assert!(Command::new("mkfifo").arg(home.join("pipe")).status().unwrap().success());
        let _socket = UnixListener::bind(home.join("socket")).unwrap();
        symlink("pipe", home.join("link")).unwrap();
        let shell = |script: &str| format!("from = [\"cmd:/bin/sh\", \"-c\", {}]", json!(script));
        let sleeping = format!("{}\ntimeout = \"1s\"", shell("echo unlock me >&2; cat ~/token; sleep 600"));
        let scripts = [
            ("exit 7", "`/bin/sh` ended with exit code 7"),
            ("cat ~/token; echo sorry >&2; exit 1", "exit code 1: sorry"),
            ("cat ~/token; cat ~/token >&2; exit 1", "its message holds a secret and is withheld"),
            ("cat ~/token; printf '\\033]0;x\\007\\n' >&2; exit 1", "exit code 1: \\u{1b}]0;x\\u{7}"),
            ("kill -9 $$", "was ended by signal 9"),
            ("yes $(cat ~/token) | head -c 10485760", "printed more than 64 KiB"),
            ("true", "the value is empty"),
            ("cat ~/nul", "the value holds a NUL byte"),
        ];
        let files = [
            ("nothing", "there is no `"),
            ("nul", "the value holds a NUL byte"),
            ("empty", "the value is empty"),
            ("long", "the value is longer than 64 KiB"),
            ("directory", "is a directory, not a regular file"),
            ("pipe", "is a pipe, not a regular file"),
            ("link", "is a pipe, not a regular file"),
            ("socket", "is a socket, not a regular file"),
        ];
        let scripts = scripts.iter().map(|(script, reason)| (shell(script), *reason));
        let files = files.iter().map(|(name, reason)| (format!("from = \"file:~/{name}\""), *reason));
        let others = [
            ("from = \"env:UNSET\"".to_owned(), "the variable `UNSET` is not set"),
            ("from = \"file:/dev/zero\"".to_owned(), "is a device, not a regular file"),
            ("from = \"cmd:/no/such/program\"".to_owned(), "there is no `/no/such/program`"),
            (sleeping, "gave no value within 1s: unlock me"),
        ];
        for (table, reason) in scripts.chain(files).chain(others) {
            sandbox.declare(&[("TOKEN", &table)]);
            let launch = sandbox.opaque(&["secrets", "check"]).patience(Duration::from_secs(10));
            let said = launch.says(1);
            assert!(said.contains("TOKEN  failed") && said.contains(reason), "{table}: {said}");
            assert!(said.contains("  hint: "), "{table}: {said}");
        }
    });
}

#[test]
fn a_file_of_another_user_is_refused() {
    each_identity(|sandbox| {
        sandbox.declare(&[("TOKEN", "from = \"file:~/token\"")]);
        let file = sandbox.write(sandbox.home().join("token"), VALUE);
        let _ = sandbox.opaque(&["secrets", "check"]).says(0);
        sandbox.receives(|launch| launch);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        chown(&file, Some(23_456), None).unwrap();
        assert_eq!(sandbox.outside(["cat", file.to_str().unwrap()]).text(), VALUE, "control: it could be read");
        let said = sandbox.opaque(&["secrets", "check"]).says(1);
        assert!(said.contains("belongs to uid 23456") && said.contains("hint: chown"), "{said}");
    });
}

#[test]
fn a_file_of_the_workspace_says_nothing_about_secrets() {
    each_identity(|sandbox| {
        sandbox.write(sandbox.home().join("keys/deploy"), VALUE);
        let chosen_inside = sandbox.project().join("token");
        sandbox.declare(&[("TOKEN", &format!("from = \"file:{}\"", chosen_inside.display()))]);
        // What a command could do that ran here before.
        symlink(sandbox.home().join("keys/deploy"), &chosen_inside).unwrap();
        let said = sandbox.opaque(&["secrets", "check"]).says(1);
        assert!(said.contains("lies in the workspace") && said.contains("hint: keep it outside"), "{said}");
        let _ = sandbox.opaque(&["secrets", "check"]).cwd(sandbox.elsewhere()).says(0);
    });
}

#[test]
fn a_value_needs_memory_that_is_never_swapped_out() {
    each_identity(|sandbox| {
        sandbox.declare(&[("TOKEN", "from = \"env:TOKEN\"")]);
        let _ = sandbox.opaque(&["secrets", "check"]).env("TOKEN", VALUE).says(0);
        let copy = sandbox.base().join("tools/opaque");
        let script = format!("ulimit -l 0; exec {} secrets check", copy.display());
        let limited = sandbox.launch_outside(["sh", "-c", &script]).env("TOKEN", VALUE);
        // The superuser is held by no such limit.
        if sandbox.identity().is_root() {
            let _ = limited.says(0);
        } else {
            let said = limited.says(1);
            assert!(said.contains("there is no locked memory left") && said.contains("`ulimit -l`"), "{said}");
        }
    });
}

#[test]
fn a_tool_that_is_not_installed_is_named_with_the_way_to_get_it() {
    each_identity(|sandbox| {
        for (name, source) in [("op", "op://private/npm/token"), ("vault", "vault:secret/npm#token")] {
            if Path::new("/usr/bin").join(name).exists() || Path::new("/usr/local/bin").join(name).exists() {
                eprintln!("skipped: `{name}` is installed here");
                continue;
            }
            sandbox.declare(&[("TOKEN", &format!("from = \"{source}\""))]);
            // One that anybody could have put there is none.
            let fake = sandbox.script(sandbox.home().join(format!("bin/{name}")), "#!/bin/sh\necho evil\n");
            let path = format!("{}:/usr/bin:/bin", fake.parent().unwrap().display());
            let outside = sandbox.launch_outside(["sh", "-c", name]).env("PATH", &path).finish();
            assert_eq!(outside.expect(0).text(), "evil", "control");
            let said = sandbox.opaque(&["secrets", "check"]).env("PATH", &path).says(1);
            assert!(said.contains(&format!("`{name}` is not installed")) && said.contains("hint: install"), "{said}");
        }
    });
}
