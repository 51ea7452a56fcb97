//! `opaque policy schema`, `fmt` and `edit`: documents are described, laid out and changed, and mean what they meant.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use opaque_tests::{Ended, Sandbox, each_identity, opaque};

const CARELESS: &str = "# mine\ndefault='deny'\nversion=1\n\n\n[[rules]]\naction=\"allow\" # always\nname='true'\n[rules.sandbox]\nprofile = \"default\"\n[rules.command]\n# wherever it is\npath=\"/**/true\"\n# the end\n";

const LAID_OUT: &str = "# mine\nversion = 1\ndefault = 'deny'\n\n[[rules]]\nname = 'true'\naction = \"allow\" # always\n[rules.command]\n# wherever it is\npath = \"/**/true\"\n[rules.sandbox]\nprofile = \"default\"\n# the end\n";

fn tool(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    let copy = sandbox.base().join("tools/opaque");
    if !copy.exists() {
        sandbox.script(&copy, fs::read(opaque()).unwrap());
    }
    let line = [&[copy.to_str().unwrap()], arguments].concat();
    sandbox.launch_outside(line).finish()
}

fn own(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".config/opaque/policy.toml")
}

fn text(sandbox: &Sandbox) -> String {
    fs::read_to_string(own(sandbox)).unwrap()
}

#[test]
fn the_schema_is_json_and_knows_the_keys_of_both_formats() {
    each_identity(|sandbox| {
        for (arguments, place, key) in [
            (&["policy", "schema"][..], "/$defs/rule/properties/action/enum/2", "deny"),
            (&["policy", "schema"], "/$defs/approval/properties/require/enum/1", "first_use"),
            (&["policy", "schema", "--profile"], "/$defs/fs/properties/workspace/enum/0", "rw"),
        ] {
            let schema: serde_json::Value = serde_json::from_str(&tool(sandbox, arguments).expect(0).text()).unwrap();
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
            assert_eq!(schema.pointer(place).unwrap(), key);
        }
    });
}

#[test]
fn fmt_lays_the_own_files_out_and_what_they_answer_stays() {
    each_identity(|sandbox| {
        sandbox.policy(CARELESS);
        fs::set_permissions(own(sandbox), fs::Permissions::from_mode(0o640)).unwrap();
        let said = tool(sandbox, &["policy", "fmt", "--check"]).expect(1).errors();
        assert!(said.contains("policy.toml: would be laid out otherwise"), "{said}");
        assert_eq!(text(sandbox), CARELESS);
        sandbox.run(["--", "true"]).expect(0);
        let said = tool(sandbox, &["policy", "fmt"]).expect(0).text();
        assert!(said.contains("policy.toml: laid out"), "{said}");
        assert_eq!(text(sandbox), LAID_OUT);
        assert_eq!(fs::metadata(own(sandbox)).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(own(sandbox).parent().unwrap()).unwrap().count(), 1, "something was left there");
        sandbox.run(["--", "true"]).expect(0);
        sandbox.run(["--", "false"]).expect(120);
        assert_eq!(tool(sandbox, &["policy", "fmt", "--check"]).expect(0).text(), "");
        assert_eq!(tool(sandbox, &["policy", "fmt"]).expect(0).text(), "");
    });
}

#[test]
fn fmt_touches_nothing_when_one_of_the_files_does_not_load() {
    each_identity(|sandbox| {
        let good = sandbox.write(sandbox.project().join("good.toml"), CARELESS);
        let wrong = CARELESS.replace("name=", "nmae=");
        let bad = sandbox.write(sandbox.project().join("bad.toml"), &wrong);
        for arguments in [&["policy", "fmt", "good.toml", "bad.toml"][..], &["policy", "fmt", "--check", "bad.toml"]] {
            let said = tool(sandbox, arguments).expect(1).errors();
            assert!(
                said.contains("bad.toml:8:1: unknown key `nmae`") && said.contains("did you mean `name`?"),
                "{said}"
            );
        }
        assert_eq!(fs::read_to_string(&bad).unwrap(), wrong);
        assert_eq!(fs::read_to_string(&good).unwrap(), CARELESS);
        tool(sandbox, &["policy", "fmt", "good.toml"]).expect(0);
        assert_eq!(fs::read_to_string(&good).unwrap(), LAID_OUT);
        tool(sandbox, &["policy", "fmt", "absent.toml"]).expect(1);
    });
}

#[test]
fn fmt_reads_a_drop_in_beside_its_layer_and_a_profile_as_one() {
    each_identity(|sandbox| {
        sandbox.policy("version = 1\ndefault = \"deny\"\n\n[[clients]]\nname = \"bot\"\nuid = 4000\n");
        let rule = "version=1\n[[rules]]\nname='r'\naction='ask'\nclients=['bot']\n";
        let drop_in = sandbox.setting(".config/opaque/policy.d/10.toml", rule);
        let profile =
            sandbox.setting(".config/opaque/profiles/mine.toml", "description='x'\nname='mine'\nextends=['default']\n");
        tool(sandbox, &["policy", "fmt"]).expect(0);
        assert_eq!(
            fs::read_to_string(&drop_in).unwrap(),
            "version = 1\n\n[[rules]]\nname = 'r'\naction = 'ask'\nclients = ['bot']\n"
        );
        assert_eq!(fs::read_to_string(profile).unwrap(), "name = 'mine'\ndescription = 'x'\nextends = ['default']\n");
        // By itself nobody knows who `bot` is.
        sandbox.write(sandbox.project().join("10.toml"), rule);
        assert!(tool(sandbox, &["policy", "fmt", "10.toml"]).expect(1).errors().contains("there is no client `bot`"));
    });
}

#[test]
fn a_link_stays_and_what_it_leads_to_is_laid_out() {
    each_identity(|sandbox| {
        let real = sandbox.write(sandbox.project().join("real.toml"), CARELESS);
        let link = sandbox.project().join("link.toml");
        symlink("real.toml", &link).unwrap();
        tool(sandbox, &["policy", "fmt", "link.toml"]).expect(0);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), LAID_OUT);
        fs::hard_link(&real, sandbox.project().join("twin.toml")).unwrap();
        let said = tool(sandbox, &["policy", "edit", "real.toml", "true", "--set", "why=x"]).expect(1).errors();
        assert!(said.contains("the file has 2 names"), "{said}");
        assert_eq!(fs::read_to_string(&real).unwrap(), LAID_OUT);
    });
}

#[test]
fn edit_changes_the_line_that_was_meant_and_what_is_answered() {
    each_identity(|sandbox| {
        sandbox.policy(CARELESS);
        let file = own(sandbox);
        let edit = |arguments: &[&str]| {
            tool(sandbox, &[&["policy", "edit", file.to_str().unwrap(), "true"], arguments].concat())
        };
        sandbox.run(["--", "true"]).expect(0);
        edit(&["--set", "command.path=/**/false"]).expect(0);
        assert_eq!(text(sandbox), CARELESS.replace("path=\"/**/true\"", "path=\"/**/false\""));
        sandbox.run(["--", "true"]).expect(120);
        sandbox.run(["--", "false"]).expect(1);
        edit(&["--set", "action=deny", "--unset", "sandbox", "--set", "why=No."]).expect(0);
        let said = sandbox.run(["--", "false"]).expect(120).errors();
        assert!(said.contains("No."), "{said}");
        let expected = CARELESS
            .replace("path=\"/**/true\"", "path=\"/**/false\"")
            .replace("\"allow\" # always\n", "\"deny\" # always\nwhy = \"No.\"\n")
            .replace("[rules.sandbox]\nprofile = \"default\"\n", "");
        assert_eq!(text(sandbox), expected);
        assert!(edit(&["--set", "action=deny"]).expect(0).text().contains("like that already"));
    });
}

#[test]
fn edit_leaves_a_file_alone_that_would_not_load() {
    each_identity(|sandbox| {
        sandbox.policy(CARELESS);
        let file = own(sandbox);
        for (arguments, message) in [
            (&["true", "--set", "action=alow"][..], "`alow` is not a value of `action`"),
            (&["true", "--set", "actoin=deny"], "did you mean `action`?"),
            (&["true", "--set", "action=deny"], "a rule that denies grants no sandbox"),
            (&["true", "--set", "approval.lease_ttl=10m"], "`require` is missing"),
            (&["true", "--unset", "action"], "`action` is missing"),
            (&["true", "--set", "command.argv=[\"x\""], "is no value"),
            (&["true", "--set", "action"], "sets nothing"),
            (&["ture", "--set", "action=deny"], "the rules are true"),
            (&["true", "--after", "other"], "there is no rule `other`"),
        ] {
            let line = [&["policy", "edit", file.to_str().unwrap()], arguments].concat();
            let said = tool(sandbox, &line).expect(1).errors();
            assert!(said.contains(message), "{said}");
            assert_eq!(text(sandbox), CARELESS);
        }
        for arguments in
            [&["true"][..], &["true", "--remove", "--set", "action=deny"], &["true", "--before", "a", "--after", "b"]]
        {
            tool(sandbox, &[&["policy", "edit", file.to_str().unwrap()], arguments].concat()).expect(2);
        }
        sandbox.run(["--", "true"]).expect(0);
    });
}

#[test]
fn edit_moves_and_removes_rules() {
    each_identity(|sandbox| {
        let rule = |name: &str, action: &str, class: &str| {
            format!("# {name}\n[[rules]]\nname = \"{name}\"\naction = \"{action}\"\n[rules.command]\n{class}\n")
        };
        let (shut, open) = (rule("shut", "deny", "argv = [\"x\"]"), rule("open", "allow", "path = \"/**/true\""));
        let head = "version = 1\ndefault = \"deny\"\n\n";
        sandbox.policy(&format!("{head}{shut}\n{open}"));
        let file = own(sandbox);
        let edit =
            |arguments: &[&str]| tool(sandbox, &[&["policy", "edit", file.to_str().unwrap()], arguments].concat());
        sandbox.run(["--", "true", "x"]).expect(120);
        edit(&["shut", "--after", "open"]).expect(0);
        assert_eq!(text(sandbox), format!("{head}{open}\n{shut}"));
        sandbox.run(["--", "true", "x"]).expect(0);
        edit(&["shut", "--before", "open"]).expect(0);
        assert_eq!(text(sandbox), format!("{head}{shut}\n{open}"));
        edit(&["shut", "--remove"]).expect(0);
        assert_eq!(text(sandbox), format!("{head}{open}"));
        sandbox.run(["--", "true", "x"]).expect(0);
        edit(&["open", "--remove"]).expect(0);
        assert_eq!(text(sandbox), "version = 1\ndefault = \"deny\"\n");
        sandbox.run(["--", "true"]).expect(120);
    });
}
