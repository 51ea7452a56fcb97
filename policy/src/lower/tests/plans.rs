//! Whole plans as snapshots, and what single grants change in them.

use super::hosts::{Host, inode, path};
use crate::facts::{GitLayout, PathFact};
use crate::grants::WorkspaceAccess;
use crate::lower::questions;
use crate::plan::{Access, Content, Plan, Protection, Shape, Step};
use crate::text::Text;

/// The whole plan as JSON, an element of a list on each line.
fn shown(plan: &Plan) -> String {
    let value = serde_json::to_value(plan).unwrap();
    let mut text = String::new();
    for (key, value) in value.as_object().unwrap() {
        match value.as_array() {
            Some(list) => {
                text += &format!("{key}:\n");
                list.iter().for_each(|element| text += &format!("  {element}\n"));
            }
            None => text += &format!("{key}: {value}\n"),
        }
    }
    text
}

fn content<'a>(plan: &'a Plan, target: &str) -> Option<&'a Content> {
    plan.mounts.iter().find(|mount| mount.target == path(target)).map(|mount| &mount.content)
}

fn bind(target: &str, access: Access) -> Content {
    Content::Bind { source: path(target), inode: inode(&path(target)), shape: Shape::Directory, access }
}

fn protection<'a>(plan: &'a Plan, at: &str) -> Option<&'a Protection> {
    plan.protected.iter().find(|protected| protected.path == path(at)).map(|protected| &protected.by)
}

fn variable<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    plan.env.iter().find(|variable| variable.name == Text::from(name)).and_then(|variable| variable.value.as_str())
}

#[test]
fn a_plain_user_in_a_checkout() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    host.env("PATH", "/home/ann/.cargo/bin:/usr/bin:/bin:.::/home/ann/.config:/home/ann/project/none");
    host.env("TERM", "xterm-256color");
    host.env("AWS_SECRET_ACCESS_KEY", "x");
    host.facts.git_settings = vec![
        ("user.name".to_owned(), r#"Ann "the \ one""#.to_owned()),
        ("core.fsmonitor".to_owned(), "evil".to_owned()),
        ("user.email".to_owned(), "ann@mail.test\n[core]".to_owned()),
    ];
    insta::assert_snapshot!(shown(&host.lower().unwrap()));
}

#[test]
fn root_in_a_checkout_of_another_uid() {
    let mut host = Host::bare("root", 0, "/root");
    host.directories(&["/usr", "/root"]);
    let root = host.checkout("/builds/project");
    (root.owner_uid, root.owner_gid) = (1001, 1002);
    insta::assert_snapshot!(shown(&host.lower().unwrap()));
}

#[test]
fn a_worktree() {
    let mut host = Host::debian();
    host.files(&["/home/ann/tree/.git", "/home/ann/main/.git/config", "/home/ann/main/.git/worktrees/tree/commondir"]);
    host.directories(&["/home/ann/main/.git/hooks", "/home/ann/main/.git/modules/sub/hooks"]);
    let git = GitLayout::File {
        git_dir: path("/home/ann/main/.git/worktrees/tree"),
        common_dir: Some(path("/home/ann/main/.git")),
        modules: vec![path("/home/ann/main/.git/modules/sub")],
    };
    host.workspace("/home/ann/tree", git);
    insta::assert_snapshot!(shown(&host.lower().unwrap()));
}

#[test]
fn a_directory_without_git() {
    let mut host = Host::debian();
    host.workspace("/home/ann/notes", GitLayout::None);
    insta::assert_snapshot!(shown(&host.lower().unwrap()));
}

#[test]
fn the_home_directory_without_a_workspace() {
    let plan = Host::debian().lower().unwrap();
    insta::assert_snapshot!(shown(&plan));
}

#[test]
fn a_system_whose_usr_is_not_merged() {
    insta::assert_snapshot!(shown(&Host::unmerged().lower().unwrap()));
}

#[test]
fn a_hundred_paths_are_asked_about_and_what_is_below_absent_ones_costs_no_look() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    let asked = questions(&host.grants, &host.facts);
    let mut looks = 0;
    host.facts.clone().answer(asked.clone(), |_| {
        looks += 1;
        PathFact::Absent
    });
    assert!(asked.len() <= 110, "{}", asked.len());
    assert!(host.answered().paths.len() <= 80, "{}", host.answered().paths.len());
    assert!(looks <= 60, "{looks}");
}

#[test]
fn a_write_grant_inside_a_read_grant_is_writable_and_the_rest_is_not() {
    let mut host = Host::debian();
    host.directories(&["/data/set", "/data/set/out"]);
    host.read("/data/set");
    host.write("/data/set/out");
    let plan = host.lower().unwrap();
    assert_eq!(content(&plan, "/data/set"), Some(&bind("/data/set", Access::ReadOnly)));
    assert_eq!(content(&plan, "/data/set/out"), Some(&bind("/data/set/out", Access::ReadWrite)));
    assert_eq!(content(&plan, "/data"), Some(&Content::Directory));
}

#[test]
fn the_same_place_granted_twice_is_writable() {
    let mut host = Host::debian();
    host.directories(&["/data/set"]);
    host.read("/data/set");
    host.write("/data/set");
    assert_eq!(content(&host.lower().unwrap(), "/data/set"), Some(&bind("/data/set", Access::ReadWrite)));
}

#[test]
fn a_granted_link_is_recreated_beside_what_it_leads_to() {
    let mut host = Host::debian();
    host.link("/data/current", "set", "/data/set");
    host.link("/data/deep", "current", "/data/set");
    host.read("/data/current");
    host.read("/data/deep");
    let plan = host.lower().unwrap();
    assert_eq!(content(&plan, "/data/set"), Some(&bind("/data/set", Access::ReadOnly)));
    assert_eq!(content(&plan, "/data/current"), Some(&Content::Symlink { text: Text::from("set") }));
    assert_eq!(content(&plan, "/data/deep"), Some(&Content::Symlink { text: Text::from("/data/set") }));
}

#[test]
fn a_write_grant_opens_a_toolchain_directory_too() {
    let mut host = Host::debian();
    host.write("/home/ann/.cargo");
    let plan = host.lower().unwrap();
    assert_eq!(content(&plan, "/home/ann/.cargo"), Some(&bind("/home/ann/.cargo", Access::ReadWrite)));
    assert_eq!(content(&plan, "/home/ann/.cargo/bin"), None);
}

#[test]
fn reading_the_whole_home_shows_it_as_it_is_and_says_so() {
    let mut host = Host::debian();
    host.facts.git_settings = vec![("user.name".to_owned(), "Ann".to_owned())];
    host.read("/home/ann");
    let plan = host.lower().unwrap();
    assert_eq!(content(&plan, "/home/ann"), Some(&bind("/home/ann", Access::ReadOnly)));
    assert_eq!(content(&plan, "/home/ann/.gitconfig"), None);
    assert!(plan.notes.iter().any(|note| note.contains("whole home directory")), "{:?}", plan.notes);
}

#[test]
fn what_is_hidden_is_empty_below_a_grant_and_absent_elsewhere() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    host.directories(&["/home/ann/project/keys"]);
    host.files(&["/home/ann/project/.env"]);
    host.link_to_file("/home/ann/project/secret", "keys/one", "/home/ann/project/src/one");
    for text in [
        "/home/ann/project/keys",
        "/home/ann/project/.env",
        "/home/ann/project/secret",
        "/home/ann/.ssh",
        "/home/ann/.cargo",
    ] {
        host.hide(text);
    }
    let plan = host.lower().unwrap();
    let empty = Content::File { text: String::new() };
    assert_eq!(content(&plan, "/home/ann/project/keys"), Some(&Content::Directory));
    assert_eq!(content(&plan, "/home/ann/project/.env"), Some(&empty));
    assert_eq!(content(&plan, "/home/ann/project/src/one"), Some(&empty));
    assert_eq!(content(&plan, "/home/ann/.ssh"), None);
    assert_eq!(content(&plan, "/home/ann/.cargo/bin"), None);
}

#[test]
fn a_path_named_exactly_is_unprotected_and_its_parent_is_not() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    host.write("/home/ann/project/.git/config");
    let plan = host.lower().unwrap();
    assert_eq!(protection(&plan, "/home/ann/project/.git/config"), None);
    assert!(matches!(protection(&plan, "/home/ann/project/.git/hooks"), Some(Protection::ReadOnly { .. })));

    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    host.write("/home/ann/project");
    assert!(matches!(
        protection(&host.lower().unwrap(), "/home/ann/project/.git/config"),
        Some(Protection::ReadOnly { .. })
    ));
}

#[test]
fn a_file_granted_by_name_below_a_protected_directory_is_mounted_after_it() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    host.files(&["/home/ann/project/.github/workflows/one.yml"]);
    host.write("/home/ann/project/.github/workflows/one.yml");
    let plan = host.lower().unwrap();
    let steps: Vec<_> =
        plan.steps().into_iter().filter(|step| step.target().is_within(&path("/home/ann/project/.github"))).collect();
    assert!(
        matches!(
            steps[..],
            [
                Step::Protect(_),
                Step::Protect(crate::plan::Protected { by: Protection::ReadOnly { .. }, .. }),
                Step::Mount(crate::plan::Mount { content: Content::Bind { access: Access::ReadWrite, .. }, .. }),
            ]
        ),
        "{steps:?}"
    );
}

#[test]
fn a_grant_above_the_workspace_pins_its_root() {
    let mut host = Host::debian();
    host.checkout("/home/ann/work/project");
    host.directories(&["/home/ann/work"]);
    host.write("/home/ann/work");
    let plan = host.lower().unwrap();
    assert!(matches!(protection(&plan, "/home/ann/work/project"), Some(Protection::Pinned { .. })));
    assert!(matches!(protection(&plan, "/home/ann/work/project/.git/hooks"), Some(Protection::ReadOnly { .. })));
}

#[test]
fn nothing_is_protected_in_a_workspace_that_is_read_only() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    host.grants.workspace = WorkspaceAccess::ReadOnly;
    assert_eq!(host.lower().unwrap().protected, []);
}

#[test]
fn guarded_paths_inside_a_writable_grant_are_masked() {
    let mut host = Host::debian();
    host.facts.guarded.push(path("/home/ann/.config/state/opaque"));
    host.facts.guarded.push(path("/home/ann/.config/state/journal"));
    host.directories(&["/home/ann/.config/state/opaque"]);
    host.write("/home/ann/.config");
    let plan = host.lower().unwrap();
    assert_eq!(content(&plan, "/home/ann/.config/opaque"), Some(&Content::Directory));
    assert_eq!(content(&plan, "/home/ann/.config/state"), Some(&bind("/home/ann/.config/state", Access::ReadWrite)));
    assert_eq!(content(&plan, "/home/ann/.config/state/opaque"), Some(&Content::Directory));
    assert_eq!(protection(&plan, "/home/ann/.config/state/journal"), Some(&Protection::Placeholder));
}

#[test]
fn path_keeps_what_exists_inside_in_order_and_nothing_else() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    host.directories(&["/home/ann/project/venv/bin", "/home/ann/bin", "/srv/bin"]);
    host.link("/home/ann/project/out", "/srv/bin", "/srv/bin");
    host.env("PATH", "venv/bin:/home/ann/project/venv/bin:/home/ann/project/out:/home/ann/bin:/srv/bin:/bin/:/usr/bin/../x:/usr/bin:/bin");
    assert_eq!(variable(&host.lower().unwrap(), "PATH"), Some("/home/ann/project/venv/bin:/bin:/usr/bin"));
    host.env("PATH", "relative::/srv/bin");
    assert_eq!(variable(&host.lower().unwrap(), "PATH"), Some("/usr/local/bin:/usr/bin:/bin"));
}

#[test]
fn a_toolchain_that_a_variable_moves_is_shown_there_and_the_variable_is_passed() {
    let mut host = Host::debian();
    host.directories(&["/cache/cargo/bin", "/cache/cargo/registry"]);
    host.env("CARGO_HOME", "/cache/cargo");
    host.env("GOROOT", "relative");
    let plan = host.lower().unwrap();
    assert_eq!(variable(&plan, "CARGO_HOME"), Some("/cache/cargo"));
    assert_eq!(variable(&plan, "GOROOT"), None);
    assert_eq!(content(&plan, "/cache/cargo"), Some(&Content::Private { mode: 0o755 }));
    assert_eq!(content(&plan, "/cache/cargo/bin"), Some(&bind("/cache/cargo/bin", Access::ReadOnly)));
}

#[test]
fn values_are_checked_before_they_are_passed() {
    let cases = [
        ("TERM", "xterm-256color", Some("xterm-256color")),
        ("TERM", "../../etc/x", Some("dumb")),
        ("TZ", "Europe/Berlin", Some("Europe/Berlin")),
        ("TZ", "<+03>-3", Some("<+03>-3")),
        ("TZ", ":/etc/shadow", None),
        ("TZ", "/etc/shadow", None),
        ("TZ", "a/../../shadow", None),
        ("TZ", "Europe Berlin", None),
        ("LANG", "C\nX", None),
    ];
    for (name, value, expected) in cases {
        let mut host = Host::debian();
        host.env(name, value);
        assert_eq!(variable(&host.lower().unwrap(), name), expected, "{name}={value}");
    }
}

#[test]
fn an_account_whose_home_is_a_system_directory_gets_a_spare_one() {
    for home in ["/", "/usr/sbin", "/opt"] {
        let mut host = Host::bare("daemon", 2, home);
        host.directories(&["/usr", "/opt"]);
        host.cwd("/usr");
        let plan = host.lower().unwrap();
        assert_eq!(plan.home, path("/home/user"), "{home}");
        assert_eq!(content(&plan, "/home/user"), Some(&Content::Private { mode: 0o700 }));
    }
}

#[test]
fn the_steps_of_a_plan_are_one_walk_through_the_tree() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    host.directories(&["/home/ann/project-two", "/home/ann/project/in"]);
    host.read("/home/ann/project-two");
    host.read("/home/ann/project/in");
    let plan = host.lower().unwrap();
    let steps = plan.steps();
    assert_eq!(steps.len(), plan.mounts.len() + plan.protected.len());
    let (mut open, mut closed): (Vec<&crate::path::AbsPath>, Vec<&crate::path::AbsPath>) = (Vec::new(), Vec::new());
    for step in &steps {
        while let Some(top) = open.pop_if(|top| !step.target().is_within(top)) {
            closed.push(top);
        }
        assert!(!closed.iter().any(|above| step.target().is_within(above)), "{} comes too late", step.target());
        open.push(step.target());
    }
}

#[test]
fn a_plain_user_stays_who_they_are_in_a_workspace_of_another_uid() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project").owner_uid = 1001;
    let plan = host.lower().unwrap();
    assert_eq!((plan.identity.uid, plan.identity.gid), (1000, 1000));
}

#[test]
fn a_toolchain_variable_that_names_the_home_or_more_makes_nothing_of_it() {
    let usual = Host::debian().lower().unwrap();
    for place in ["/", "/home", "/home/ann"] {
        let mut host = Host::debian();
        host.env("RUSTUP_HOME", place);
        let plan = host.lower().unwrap();
        assert_eq!(plan.mounts, usual.mounts, "{place}");
    }
}
