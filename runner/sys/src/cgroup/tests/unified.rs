//! The unified hierarchy: its rules on a tree of plain files that stands for it, its life cycle on the real one.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Pid;
use tempfile::TempDir;

use super::super::directory::Directory;
use super::super::membership::memberships;
use super::super::mounted::mounts;
use super::super::v2;
use super::super::{Available, Mechanism, Reason, Resource, SwapBound, Usage};

/// A directory with the files of a cgroup.
fn cgroup(path: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(path).unwrap();
    for (file, text) in files {
        fs::write(path.join(file), text).unwrap();
    }
}

/// A machine whose unified hierarchy is `tree`, with this process in `own`.
fn machine(tree: &TempDir, own: &str) -> Available {
    let mountinfo = format!("35 24 0:30 / {} rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n", tree.path().display());
    Available::find(&format!("0::{own}\n"), &mountinfo)
}

fn mechanisms(available: &Available) -> [Mechanism; 3] {
    Resource::ALL.map(|resource| available.mechanism(resource))
}

fn members(pids: &[u32]) -> String {
    pids.iter().map(|pid| format!("{pid}\n")).collect()
}

fn text(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn alone_in_a_delegated_cgroup_we_move_aside_and_enable_what_is_needed() {
    let tree = TempDir::new().unwrap();
    let scope = tree.path().join("app.slice/run-1.scope");
    let own = members(&[std::process::id()]);
    let files = [
        ("cgroup.controllers", "cpu memory pids\n"),
        ("cgroup.subtree_control", "\n"),
        ("cgroup.type", "domain\n"),
        ("cgroup.procs", own.as_str()),
    ];
    cgroup(&scope, &files);

    let available = machine(&tree, "/app.slice/run-1.scope");
    assert_eq!(mechanisms(&available), [Mechanism::V2; 3]);
    let unified = available.unified.unwrap();
    unified.enable(&[Resource::Memory, Resource::Pids]).unwrap();
    // A file keeps what was written last.
    assert_eq!(text(scope.join("opaque-supervisors/cgroup.procs")), std::process::id().to_string());
    assert_eq!(text(scope.join("cgroup.subtree_control")), "+memory +pids");

    // What we start between looking and making the group comes along.
    fs::write(scope.join("cgroup.procs"), members(&[std::process::id(), 4711])).unwrap();
    unified.enable(&[Resource::Memory]).unwrap();
    assert_eq!(text(scope.join("opaque-supervisors/cgroup.procs")), "4711");
}

#[test]
fn from_the_supervisors_cgroup_groups_are_made_beside_it() {
    let tree = TempDir::new().unwrap();
    let scope = tree.path().join("run-1.scope");
    let files = [
        ("cgroup.controllers", "cpu memory pids\n"),
        ("cgroup.subtree_control", "memory pids\n"),
        ("cgroup.type", "domain\n"),
        ("cgroup.procs", ""),
    ];
    cgroup(&scope, &files);
    cgroup(&scope.join("opaque-supervisors"), &[("cgroup.procs", &members(&[1, std::process::id()]))]);

    let unified = machine(&tree, "/run-1.scope/opaque-supervisors").unified.unwrap();
    assert_eq!(unified.home(), scope);
    unified.enable(&[Resource::Memory]).unwrap();
    assert_eq!(text(scope.join("cgroup.subtree_control")), "memory pids\n");
    unified.enable(&[Resource::Memory, Resource::Cpu]).unwrap();
    assert_eq!(text(scope.join("cgroup.subtree_control")), "+cpu");
}

#[test]
fn a_cgroup_shared_with_others_gives_only_what_it_hands_down_already() {
    let tree = TempDir::new().unwrap();
    let shared = members(&[1, std::process::id()]);
    let files = [
        ("cgroup.controllers", "memory pids\n"),
        ("cgroup.subtree_control", "pids\n"),
        ("cgroup.type", "domain\n"),
        ("cgroup.procs", shared.as_str()),
    ];
    cgroup(&tree.path().join("session"), &files);
    let expected = [Mechanism::None(Reason::Shared), Mechanism::V2, Mechanism::None(Reason::NotDelegated)];
    assert_eq!(mechanisms(&machine(&tree, "/session")), expected);
}

#[test]
fn whoever_may_write_above_a_shared_cgroup_gets_groups_beside_it_and_no_higher_limits() {
    let tree = TempDir::new().unwrap();
    let slice = tree.path().join("system.slice");
    cgroup(&slice, &[("cgroup.subtree_control", "cpu memory pids\n"), ("cgroup.procs", "")]);
    let shared = members(&[1, std::process::id()]);
    let files = [
        ("cgroup.controllers", "cpu memory pids\n"),
        ("cgroup.subtree_control", ""),
        ("cgroup.type", "domain\n"),
        ("cgroup.procs", shared.as_str()),
        ("memory.max", "max\n"),
        ("pids.max", "100\n"),
        ("cpu.max", "50000 100000\n"),
    ];
    cgroup(&slice.join("a.service"), &files);
    let available = machine(&tree, "/system.slice/a.service");
    let expected = [Mechanism::V2, Mechanism::V2, Mechanism::None(Reason::Shared)];
    assert_eq!(mechanisms(&available), expected, "a share of processor time cannot be passed on");
    let unified = available.unified.unwrap();
    assert_eq!(unified.home(), slice);
    assert_eq!(unified.bounded(Resource::Memory, 5), 5);
    assert_eq!(unified.bounded(Resource::Pids, 5), 5);
    assert_eq!(unified.bounded(Resource::Pids, 500), 100);
}

#[test]
fn the_root_of_all_may_hold_processes_and_hand_controllers_down() {
    let tree = TempDir::new().unwrap();
    let files =
        [("cgroup.controllers", "cpu memory pids\n"), ("cgroup.subtree_control", ""), ("cgroup.procs", "1\n2\n")];
    cgroup(tree.path(), &files);
    let available = machine(&tree, "/");
    assert_eq!(mechanisms(&available), [Mechanism::V2; 3]);
    available.unified.unwrap().enable(&Resource::ALL).unwrap();
    assert_eq!(text(tree.path().join("cgroup.subtree_control")), "+memory +pids +cpu");
    assert!(!tree.path().join("opaque-supervisors").exists());
}

#[test]
fn a_threaded_cgroup_is_not_used() {
    let tree = TempDir::new().unwrap();
    let files = [
        ("cgroup.controllers", "cpu pids\n"),
        ("cgroup.subtree_control", "cpu\n"),
        ("cgroup.type", "threaded\n"),
        ("cgroup.procs", ""),
    ];
    cgroup(&tree.path().join("t"), &files);
    let expected = [Reason::NotDelegated, Reason::Threaded, Reason::Threaded].map(Mechanism::None);
    assert_eq!(mechanisms(&machine(&tree, "/t")), expected);
}

#[test]
fn limits_are_written_as_the_kernel_reads_them_and_swap_is_shut() {
    let tree = TempDir::new().unwrap();
    let path = tree.path().join("group");
    let group = Directory::create(path.clone()).unwrap();
    let missing = v2::limit_memory(&group, 1 << 20).unwrap_err();
    assert!(missing.to_string().ends_with("memory.max`"), "{missing}");

    cgroup(&path, &[("memory.max", ""), ("memory.oom.group", ""), ("pids.max", ""), ("cpu.max", "")]);
    assert_eq!(v2::limit_memory(&group, 1 << 20).unwrap(), SwapBound::Absent);
    cgroup(&path, &[("memory.max", ""), ("memory.swap.max", "")]);
    assert_eq!(v2::limit_memory(&group, 1 << 20).unwrap(), SwapBound::Held);
    v2::limit_pids(&group, 64).unwrap();
    v2::limit_cpu(&group, 150).unwrap();
    let written = ["memory.max", "memory.oom.group", "memory.swap.max", "pids.max", "cpu.max"];
    let written = written.map(|file| text(path.join(file)));
    assert_eq!(written, ["1048576", "1", "0", "64", "150000 100000"]);
}

#[test]
fn usage_is_read_where_it_is_counted() {
    let tree = TempDir::new().unwrap();
    let path = tree.path().join("group");
    let group = Directory::create(path.clone()).unwrap();
    assert_eq!(v2::usage(&group), Usage::default());
    let files = [
        ("memory.peak", "4096\n"),
        ("memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 1\n"),
        ("pids.peak", "9\n"),
        ("pids.events", "max 3\n"),
        ("cpu.stat", "usage_usec 1234\nuser_usec 1000\n"),
    ];
    cgroup(&path, &files);
    let expected = Usage {
        memory_peak: Some(4096),
        cpu_usec: Some(1234),
        pids_peak: Some(9),
        oom_kills: Some(1),
        pids_refused: Some(3),
    };
    assert_eq!(v2::usage(&group), expected);
}

/// Our own cgroup of this machine's unified hierarchy, when we may make others below it.
fn real() -> Option<PathBuf> {
    let (cgroups, mountinfo) = (text("/proc/self/cgroup".into()), text("/proc/self/mountinfo".into()));
    let memberships = memberships(&cgroups);
    let own = memberships.iter().find(|own| own.is_unified())?;
    let path =
        mounts(&mountinfo).iter().filter(|mount| mount.is_unified).find_map(|mount| mount.directory(own.path))?;
    fs::metadata(path.join("cgroup.procs")).ok()?;
    rustix::fs::access(&path, rustix::fs::Access::WRITE_OK).ok()?;
    Some(path)
}

#[test]
fn a_real_cgroup_takes_a_process_kills_it_and_goes() {
    let Some(home) = real() else {
        assert!(std::env::var_os("CI").is_none(), "no unified hierarchy that we may write");
        eprintln!("skipped: no unified hierarchy that we may write");
        return;
    };
    let path = home.join(super::limiting::unused_name().to_string());
    let group = Directory::create(path.clone()).unwrap();
    assert!(group.handle().as_raw_fd() > 2);
    let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
    group.attach(Pid::from_child(&child)).unwrap();
    assert_eq!(text(path.join("cgroup.procs")), members(&[child.id()]));
    assert!(!group.remove_now());
    group.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    group.remove().unwrap();
    assert!(!path.exists());
}
