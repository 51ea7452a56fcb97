//! What the document of Gatekeeper says of deciding, a row for each sentence, named by its section; and what a command
//! may have.

use opaque_policy::decision::Decision;

use super::*;

const DEFAULTS: &str = include_str!("sources/gatekeeper.yaml");
const CODEX: &str = include_str!("sources/gatekeeper-codex.yaml");

fn run(line: &[&str]) -> Value {
    let program = if line[0].starts_with('/') { line[0].to_owned() } else { format!("/usr/bin/{}", line[0]) };
    json!({
        "principal": { "uid": 1000, "kind": "agent" },
        "command": { "path": program, "argv": line, "cwd": "/home/ann/project" }
    })
}

#[test]
fn the_document() {
    let none = "write_whitelist: []\n";
    let rows: [(&str, &str, &str, &[&str], &str); 27] = [
        ("Command Classes", "Safe: list", DEFAULTS, &["ls", "-l"], "allow"),
        ("Command Classes", "Safe: search", DEFAULTS, &["grep", "-r", "x", "."], "allow"),
        ("Command Classes", "Safe: open", DEFAULTS, &["cat", "file"], "allow"),
        ("Command Classes", "Warn: writes within the home", none, &["touch", "x"], "ask"),
        ("Command Classes", "Warn: installs", none, &["pip", "install", "x"], "ask"),
        ("Command Classes", "Block: sudo", none, &["sudo", "ls"], "deny"),
        ("Command Classes", "Block: system changes", none, &["systemctl", "stop", "ssh"], "deny"),
        ("Command Classes", "Block: deletes", none, &["rm", "-rf", "/srv"], "deny"),
        ("Command Classes", "Block: firewall", none, &["iptables", "-F"], "deny"),
        ("Approval Flow", "risky: held", DEFAULTS, &["touch", "x"], "ask"),
        ("Approval Flow", "what nobody knows: held", DEFAULTS, &["/home/ann/project/run-it"], "ask"),
        ("Policy Files", "sudo", DEFAULTS, &["sudo", "ls"], "ask"),
        ("Policy Files", "apt", DEFAULTS, &["apt", "install", "x"], "ask"),
        ("Policy Files", "apt, though it only looks", DEFAULTS, &["apt", "list"], "ask"),
        ("Policy Files", "apt-get, which has apt in it", DEFAULTS, &["apt-get", "install", "x"], "ask"),
        ("Policy Files", "snap", DEFAULTS, &["snap", "list"], "ask"),
        ("Policy Files", "flatpak", DEFAULTS, &["flatpak", "list"], "ask"),
        ("Policy Files", "pip", DEFAULTS, &["pip3", "list"], "ask"),
        ("Policy Files", "cargo", DEFAULTS, &["cargo", "tree"], "ask"),
        ("Policy Files", "rm -rf", DEFAULTS, &["rm", "-rf", "build"], "ask"),
        ("Policy Files", "pkill", DEFAULTS, &["pkill", "x"], "ask"),
        ("Policy Files", "iptables", DEFAULTS, &["iptables", "-L"], "ask"),
        ("Policy Files", "in a script", DEFAULTS, &["sh", "-c", "ls; pip install x"], "ask"),
        ("Agent Write Approvals", "git commit", CODEX, &["git", "commit", "-m", "x"], "ask"),
        ("Agent Write Approvals", "git in another way", CODEX, &["git", "status"], "allow"),
        ("Agent Write Approvals", "apply_patch", CODEX, &["apply_patch", "x"], "ask"),
        ("Enforcement Points", "other commands that look", CODEX, &["git", "log"], "allow"),
    ];
    let rows: Vec<Row> = rows
        .into_iter()
        .map(|(section, sentence, source, line, answer)| Row {
            section,
            sentence,
            source: source.to_owned(),
            request: run(line),
            theirs: answer,
            ours: answer,
            change: None,
        })
        .collect();
    check(System::Gatekeeper, &rows);
    let patch = with(run(&["true"]), json!({ "operation": "patch.apply" }));
    assert_eq!(answer(&converted(System::Gatekeeper, CODEX), &patch), "ask");
    assert_eq!(answer(&converted(System::Gatekeeper, DEFAULTS), &patch), "deny");
}

#[test]
fn what_means_another_thing_here_is_told() {
    let blocked = Some("Block-by-default denies, unless `require_approval` names the command");
    let rows = [
        (
            "Command Classes",
            "a delete in a whitelisted path is not blocked",
            &["rm", "-rf", "/mnt/data/projects/x"][..],
            "allow",
            "deny",
            blocked,
        ),
        ("Policy Files", "`rm -rf` in another order of its options", &["rm", "-fr", "build"], "allow", "deny", blocked),
        ("Policy Files", "behind another program", &["env", "sudo", "ls"], "ask", "deny", blocked),
    ];
    let rows: Vec<Row> = rows
        .into_iter()
        .map(|(section, sentence, line, theirs, ours, change)| Row {
            section,
            sentence,
            source: if section == "Command Classes" {
                "write_whitelist: [/mnt/data/projects]\n".to_owned()
            } else {
                DEFAULTS.to_owned()
            },
            request: run(line),
            theirs,
            ours,
            change,
        })
        .collect();
    check(System::Gatekeeper, &rows);
}

#[test]
fn a_word_elsewhere_in_the_command_line_is_no_longer_held_which_is_told() {
    // There the words were looked for anywhere in the text of the line: `pipeline` is held for its `pip`.
    let converted = converted(System::Gatekeeper, DEFAULTS);
    for line in [&["cat", "pipeline.txt"][..], &["echo", "pip"], &["env", "pip", "list"]] {
        assert_eq!(answer(&converted, &run(line)), "allow", "{line:?}");
    }
    let told = converted.changes.to_string();
    let (_, left) = told.split_once("what is not carried over").unwrap();
    assert!(left.contains("an entry of `require_approval` anywhere else in the command line"), "{told}");
}

#[test]
fn a_command_may_have_what_the_source_listed_and_no_more() {
    let converted = converted(System::Gatekeeper, DEFAULTS);
    let policies = load(&converted.policy, &home(), Sight::First).unwrap();
    let profiles = Profiles::load(&[], &[file(converted.profile.as_ref().unwrap())]).unwrap();
    let request = |line: &[&str]| RequestFile::parse(&run(line).to_string()).unwrap();
    let Decision::Allow(permission) = policies.decide(&request(&["ls"]), &profiles) else { panic!("not allowed") };
    let grants = permission.grants();
    assert_eq!(grants.profile, "gatekeeper");
    assert_eq!(grants.env_pass, [opaque_policy::text::Text::from("LANG")]);
    assert_eq!(grants.workspace, opaque_policy::grants::WorkspaceAccess::ReadOnly);
    assert_eq!(grants.protect, Profiles::built_in().grants("default").unwrap().protect);
    // Places may be asked for below the whitelist, and nowhere else.
    for (place, expected) in [
        ("/home/ann/project", "ask"),
        ("/mnt/data/projects/x", "ask"),
        ("/mnt/data/projects-evil", "deny"),
        ("/mnt/data", "deny"),
        ("/etc", "deny"),
    ] {
        let mut request = request(&["touch", "x"]);
        request.asked.write.push(AbsPath::new(place).unwrap());
        let found = match policies.decide(&request, &profiles) {
            Decision::Allow(_) => "allow",
            Decision::Ask(_) => "ask",
            Decision::Deny(_) => "deny",
        };
        assert_eq!(found, expected, "{place}");
    }
    // Without the profile nothing runs.
    assert!(matches!(policies.decide(&request(&["ls"]), &Profiles::built_in()), Decision::Deny(_)));
}

#[test]
fn a_protected_place_takes_what_it_is_in_out_of_the_whitelist() {
    let writable = |protect: &str, allow: &str| {
        let source = format!("protect_paths: [{protect}]\nwrite_whitelist: [{allow}]\n");
        let policy = converted(System::Gatekeeper, &source).policy;
        let line = policy.lines().rfind(|line| line.starts_with("sandbox.write")).unwrap().to_owned();
        line.trim_start_matches("sandbox.write = ").to_owned()
    };
    for (protect, allow, expected) in [
        ("/", "\"~/\"", "[\"~\"]"),
        ("/home/ann/.ssh", "\"~/\"", "[]"),
        ("/home/ann", "\"~/\"", "[]"),
        ("/home/annabel", "\"~/\"", "[\"~\"]"),
        ("\"~/.ssh\"", "/home/ann/x, /home/ann", "[\"/home/ann/x\"]"),
        ("/srv/a", "/srv/ab, /srv/a/b, /srv/a", "[\"/srv/ab\", \"/srv/a/b\"]"),
        ("", "", "[]"),
    ] {
        assert_eq!(writable(protect, allow), expected, "{protect} {allow}");
    }
}
