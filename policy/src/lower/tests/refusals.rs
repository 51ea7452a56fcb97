//! What is refused, how it is classed, and what the person is told.

use super::hosts::{Host, inode, path};
use crate::facts::{GitLayout, Leads, PathFact};
use crate::grants::{Grant, Origin, Place, WorkspaceAccess};
use crate::lower::{Refusal, RefusalClass};
use crate::request::{Chooser, Interpreter};
use crate::text::Text;

fn refusal(host: &Host) -> Refusal {
    host.lower().unwrap_err()
}

fn assert_refused(host: &Host, class: RefusalClass, what: &str) {
    let refusal = refusal(host);
    assert_eq!((refusal.class, refusal.what.as_str()), (class, what));
}

#[test]
fn the_floor_keeps_places_from_every_grant() {
    let mut host = Host::debian();
    host.special("/home/ann/agent.sock");
    host.link("/home/ann/all", "/", "/");
    host.directories(&["/run/user/1000", "/proc/1", "/dev/shm"]);
    for place in ["/", "/proc/1", "/dev/shm", "/run/user/1000", "/tmp", "/home/ann/agent.sock", "/home/ann/all"] {
        for grant in [Host::read, Host::write] {
            let mut host = host.clone();
            grant(&mut host, place);
            let refusal = refusal(&host);
            assert_eq!(refusal.class, RefusalClass::Denied, "{place}");
            assert!(refusal.hint.is_some());
        }
    }
}

#[test]
fn the_floor_keeps_places_from_writing_that_may_be_read() {
    let mut host = Host::debian();
    host.link("/home/ann/up", "..", "/home");
    host.link("/home/ann/policy", ".config/opaque", "/home/ann/.config/opaque");
    host.directories(&["/usr/lib/x", "/sys/class", "/etc/opaque", "/home/ann/.config/opaque/profiles"]);
    for place in [
        "/usr/lib/x",
        "/etc",
        "/opt",
        "/sys/class",
        "/var",
        "/home",
        "/home/ann",
        "/home/ann/up",
        "/home/ann/policy",
        "/home/ann/.config/opaque",
        "/home/ann/.config/opaque/profiles",
    ] {
        let mut reading = host.clone();
        reading.read(place);
        assert!(reading.lower().is_ok(), "{place}: {:?}", reading.lower());
        let mut writing = host.clone();
        writing.write(place);
        assert_eq!(refusal(&writing).class, RefusalClass::Denied, "{place}");
    }
}

#[test]
fn a_workspace_is_held_to_the_floor_as_well() {
    for root in ["/", "/home/ann", "/home", "/tmp", "/usr/lib", "/home/ann/.config/opaque"] {
        let mut host = Host::debian();
        host.workspace(root, GitLayout::None);
        assert_eq!(refusal(&host).class, RefusalClass::Denied, "{root}");
    }
}

#[test]
fn a_git_file_cannot_point_the_workspace_at_the_home() {
    let mut host = Host::debian();
    host.files(&["/home/ann/tree/.git"]);
    host.workspace(
        "/home/ann/tree",
        GitLayout::File { git_dir: path("/home/ann"), common_dir: None, modules: Vec::new() },
    );
    let what = "`/home/ann` cannot be writable: it holds the whole home directory";
    assert_refused(&host, RefusalClass::Denied, what);
}

#[test]
fn a_place_that_does_not_exist_is_refused_from_a_flag_and_skipped_from_a_profile() {
    let mut host = Host::debian();
    host.grants.read.push(Grant { place: Place::Home(path("/none")), origin: Origin::Profile });
    assert!(host.lower().is_ok());
    host.write("/data/none");
    assert_refused(&host, RefusalClass::Unbuildable, "`/data/none` is granted with `--write` and does not exist");
}

#[test]
fn a_home_grant_that_is_too_long_never_becomes_a_wider_one() {
    let mut host = Host::debian();
    let long = path(&format!("/{}", "x".repeat(4090)));
    host.grants.read.push(Grant { place: Place::Home(long), origin: Origin::Profile });
    assert_eq!(refusal(&host).class, RefusalClass::Unbuildable);
}

#[test]
fn a_program_that_is_not_visible_is_refused_with_the_flag_that_shows_it() {
    let mut host = Host::debian();
    host.program("/srv/tools/bin/x");
    assert_refused(&host, RefusalClass::NotVisible, "program `/srv/tools/bin/x` does not exist inside");
    assert_eq!(refusal(&host).hint.as_deref(), Some("show it with `--read /srv/tools/bin`"));
    host.directories(&["/srv/tools/bin"]);
    host.read("/srv/tools/bin");
    assert!(host.lower().is_ok());

    // Showing one script does not suggest showing the whole home.
    host.program("/home/ann/x.sh");
    assert_eq!(refusal(&host).hint.as_deref(), Some("show it with `--read /home/ann/x.sh`"));
}

#[test]
fn a_program_behind_a_link_needs_both_the_link_and_what_it_leads_to() {
    let mut host = Host::debian();
    host.program("/bin/true");
    host.request.command.program.path = path("/usr/bin/true");
    assert!(host.lower().is_ok());
    host.request.command.program.path = path("/srv/true");
    assert_eq!(refusal(&host).class, RefusalClass::NotVisible);
}

#[test]
fn an_interpreter_that_is_not_visible_is_refused() {
    let mut host = Host::debian();
    let named = path("/srv/python");
    let step = Interpreter {
        path: named.clone(),
        inode: inode(&named),
        named,
        sha256: None,
        argv: Vec::new(),
        chosen_by: Chooser::Script,
    };
    host.request.command.program.interpreters.push(step);
    let what = "`/srv/python`, which runs the script `/usr/bin/true`, does not exist inside";
    assert_refused(&host, RefusalClass::NotVisible, what);
}

#[test]
fn a_working_directory_that_does_not_exist_inside_is_refused_with_the_reason() {
    let mut host = Host::debian();
    host.cwd("/home/ann/.ssh");
    let why = "the home directory is never a workspace";
    assert_refused(
        &host,
        RefusalClass::Unbuildable,
        &format!("the working directory `/home/ann/.ssh` does not exist inside ({why})"),
    );
    for cwd in ["/", "/tmp", "/home/ann", "/home", "/usr/bin"] {
        host.cwd(cwd);
        assert!(host.lower().is_ok(), "{cwd}");
    }
}

#[test]
fn a_workspace_that_the_profile_does_not_grant_is_no_working_directory() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    host.grants.workspace = WorkspaceAccess::None;
    assert_eq!(refusal(&host).class, RefusalClass::Unbuildable);
}

#[test]
fn a_protected_link_is_refused_unless_it_is_granted_by_name() {
    let mut host = Host::debian();
    host.checkout("/home/ann/project");
    host.link("/home/ann/project/.git/hooks", "../hooks", "/home/ann/project/hooks");
    let refused = refusal(&host);
    assert_eq!(refused.class, RefusalClass::Denied);
    assert!(refused.hint.unwrap().contains("--write /home/ann/project/.git/hooks"));
    host.write("/home/ann/project/.git/hooks");
    assert!(host.lower().is_ok());
}

#[test]
fn a_writable_link_to_a_directory_that_holds_policy_is_refused() {
    let mut host = Host::debian();
    host.link("/home/ann/settings", ".config", "/home/ann/.config");
    host.write("/home/ann/settings");
    assert_eq!(refusal(&host).class, RefusalClass::Denied);
}

#[test]
fn a_loader_variable_is_never_passed() {
    for name in ["LD_PRELOAD", "GIT_SSH_COMMAND", "BASH_ENV", "NODE_OPTIONS", "PYTHONPATH"] {
        let mut host = Host::debian();
        host.grants.env_pass.push(Text::from(name));
        assert_eq!(refusal(&host).class, RefusalClass::Denied, "{name}");
    }
}

#[test]
fn a_question_without_an_answer_is_refused_and_never_taken_for_absence() {
    let host = Host::debian();
    let mut facts = host.answered();
    facts.paths.remove(&path("/usr"));
    let authority = host.lower().unwrap().authority;
    let refusal = crate::lower::lower(&host.grants, authority, &host.request, &facts).unwrap_err();
    assert_eq!(refusal.what, "nothing is known about `/usr`, which the plan depends on");
}

#[test]
fn a_grant_that_is_hidden_at_once_is_refused() {
    let mut host = Host::debian();
    host.directories(&["/data/set/in"]);
    host.read("/data/set/in");
    host.hide("/data/set");
    assert_refused(&host, RefusalClass::Unbuildable, "`/data/set/in` is granted and hidden at once");
}

#[test]
fn a_link_that_dangles_counts_as_absent() {
    let mut host = Host::debian();
    host.workspace("/home/ann/project", GitLayout::None);
    let mut facts = host.answered();
    let link = PathFact::Link { text: Text::from("gone"), real: None, leads_to: Leads::Nowhere };
    facts.paths.insert(path("/opt"), link);
    let authority = host.lower().unwrap().authority;
    let plan = crate::lower::lower(&host.grants, authority, &host.request, &facts).unwrap();
    assert!(plan.mounts.iter().all(|mount| mount.target != path("/opt")));
}

#[test]
fn the_home_is_kept_from_writing_where_it_really_is_too() {
    let mut host = Host::debian();
    host.link("/home/ann", "/data/ann", "/data/ann");
    host.directories(&["/data/ann"]);
    host.facts.guarded.clear();
    host.cwd("/usr");
    assert!(host.lower().is_ok());
    host.write("/data/ann");
    assert_refused(&host, RefusalClass::Denied, "`/data/ann` cannot be writable: it holds the whole home directory");
}

#[test]
fn what_lies_in_a_guarded_directory_is_not_shown_through_its_mask() {
    let mut host = Host::debian();
    host.files(&["/home/ann/.config/opaque/policy.toml"]);
    host.read("/home/ann/.config/opaque/policy.toml");
    assert!(host.lower().is_ok());
    host.write("/home/ann/.config");
    let what = "`/home/ann/.config/opaque/policy.toml` is granted and hidden at once";
    assert_refused(&host, RefusalClass::Unbuildable, what);
}
