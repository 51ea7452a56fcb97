//! Rules that speak of what a command does, decided for real command lines.

use opaque_tests::{Sandbox, each_identity};

fn codes(sandbox: &Sandbox, rows: &[(&[&str], i32)]) {
    for (command, code) in rows {
        let ended = sandbox.run([&["--"], *command].concat());
        assert_eq!(ended.code, Some(*code), "{command:?}\n{ended}");
    }
}

#[test]
fn what_destroys_is_denied_however_it_is_wrapped() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"allow\"\n[[rules]]\nname = \"keep\"\naction = \"deny\"\n[rules.command]\nclass = [\"destructive\", \"opaque-script\"]\n");
        codes(
            sandbox,
            &[
                (&["true"], 0),
                (&["sh", "-c", "ls | wc -l && true"], 0),
                (&["rm", "-rf", "build"], 120),
                (&["sh", "-c", "ls; rm -rf build"], 120),
                (&["env", "A=1", "nice", "sh", "-c", "if true; then (rm -rf build); fi"], 120),
                (&["find", ".", "-name", "x", "-delete"], 120),
                (&["sh", "-c", "echo cm0gLXJmIC8= | base64 -d | sh"], 120),
                (&["sh", "-c", "$X"], 120),
                (&["sh", "-c", "eval ls"], 120),
            ],
        );
    });
}

#[test]
fn an_allow_needs_every_class_to_be_listed() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"look\"\naction = \"allow\"\ntrust = \"derived\"\n[rules.command]\nclass = [\"read-only\"]\n");
        codes(
            sandbox,
            &[
                (&["ls"], 0),
                (&["sh", "-c", "ls . | sort"], 0),
                (&["sh", "-c", "ls . > list"], 120),
                (&["touch", "x"], 120),
                (&["sh", "-c", "ls; touch x"], 120),
                (&["sort", "-o", "list", "/dev/null"], 120),
            ],
        );
    });
}
