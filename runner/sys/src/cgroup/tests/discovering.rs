//! From the text of `/proc` to the directory of our own cgroup, for machines of every kind.

use std::path::PathBuf;

use super::super::membership::{Membership, memberships};
use super::super::mounted::mounts;
use super::super::{Available, Mechanism, Name, Reason, Resource};

/// The directory that the texts give for a controller; `unified` stands for the unified hierarchy.
fn locate(controller: &str, cgroups: &str, mountinfo: &str) -> Option<PathBuf> {
    let memberships = memberships(cgroups);
    let unified = controller == "unified";
    let own = memberships.iter().find(|own| if unified { own.is_unified() } else { own.has(controller) })?;
    let mounts = mounts(mountinfo);
    let mut fitting = mounts.iter().filter(|mount| if unified { mount.is_unified } else { mount.has(controller) });
    fitting.find_map(|mount| mount.directory(own.path))
}

const HYBRID_CGROUPS: &str = "9:name=systemd:/\n8:pids:/\n4:memory:/jobs/7f\n2:cpuacct:/\n1:cpu:/\n0::/\n";
const HYBRID_MOUNTS: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

#[test]
fn a_hybrid_machine_has_one_directory_for_each_hierarchy() {
    for (controller, expected) in [
        ("memory", "/sys/fs/cgroup/memory/jobs/7f"),
        ("pids", "/sys/fs/cgroup/pids"),
        ("cpu", "/sys/fs/cgroup/cpu"),
        ("unified", "/sys/fs/cgroup/unified"),
    ] {
        assert_eq!(locate(controller, HYBRID_CGROUPS, HYBRID_MOUNTS), Some(expected.into()), "{controller}");
    }
    assert_eq!(locate("hugetlb", HYBRID_CGROUPS, HYBRID_MOUNTS), None);
}

#[test]
fn controllers_that_are_mounted_together_share_a_directory() {
    let cgroups = "5:cpu,cpuacct:/user.slice\n3:memory:/user.slice/session-2.scope\n1:name=systemd:/x\n";
    let mounts = "\
40 30 0:34 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:15 - cgroup cgroup rw,cpu,cpuacct
41 30 0:35 / /sys/fs/cgroup/memory rw,nosuid shared:16 - cgroup cgroup rw,memory
42 30 0:36 / /sys/fs/cgroup/systemd rw,nosuid - cgroup cgroup rw,xattr,name=systemd
";
    assert_eq!(locate("cpu", cgroups, mounts), Some("/sys/fs/cgroup/cpu,cpuacct/user.slice".into()));
    assert_eq!(locate("cpuacct", cgroups, mounts), Some("/sys/fs/cgroup/cpu,cpuacct/user.slice".into()));
    assert_eq!(locate("memory", cgroups, mounts), Some("/sys/fs/cgroup/memory/user.slice/session-2.scope".into()));
    assert_eq!(locate("unified", cgroups, mounts), None);
}

#[test]
fn a_delegated_scope_of_a_user_session_is_found_whole() {
    let scope = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-r0:1.scope";
    let cgroups = format!("0::{scope}\n");
    let mounts =
        "35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    assert_eq!(memberships(&cgroups), [Membership { controllers: "", path: scope }]);
    assert_eq!(locate("unified", &cgroups, mounts), Some(format!("/sys/fs/cgroup{scope}").into()));
}

#[test]
fn a_container_that_sees_only_its_own_cgroup_is_found_below_the_bind_mount() {
    let cgroups = "4:memory:/docker/0a1b\n0::/docker/0a1b/init\n";
    let mounts = "\
900 899 0:40 /docker/0a1b /sys/fs/cgroup/memory ro,nosuid master:20 - cgroup cgroup rw,memory
901 899 0:41 /docker/0a1b /sys/fs/cgroup/unified ro,nosuid - cgroup2 cgroup rw
";
    assert_eq!(locate("memory", cgroups, mounts), Some("/sys/fs/cgroup/memory".into()));
    assert_eq!(locate("unified", cgroups, mounts), Some("/sys/fs/cgroup/unified/init".into()));
}

#[test]
fn a_mount_that_does_not_hold_our_cgroup_is_passed_over() {
    // The second prefix is one of characters only, not of components; the third was made outside our namespace.
    for root in ["/other", "/job", "/.."] {
        let mounts = format!("1 2 0:3 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
        assert_eq!(locate("memory", "4:memory:/jobs/7f\n", &mounts), None, "{root}");
    }
}

#[test]
fn a_cgroup_outside_of_our_namespace_is_not_looked_for_above_the_mount() {
    let mounts = "1 2 0:3 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    assert_eq!(locate("memory", "4:memory:/../jobs/7f\n", mounts), None);
    assert_eq!(locate("memory", "4:memory:/jobs/..7f\n", mounts), Some("/sys/fs/cgroup/memory/jobs/..7f".into()));
}

#[test]
fn blanks_in_mount_points_are_unescaped() {
    let mounts = "1 2 0:3 / /mnt/c\\040g\\134x\\9 rw - cgroup2 cgroup2 rw\n";
    assert_eq!(locate("unified", "0::/a\n", mounts), Some("/mnt/c g\\x\\9/a".into()));
}

#[test]
fn a_cgroup_that_was_removed_under_us_and_garbage_give_nothing() {
    for cgroups in ["0::/gone (deleted)\n", "0:\n", "", "nonsense\n", "0::relative\n"] {
        assert_eq!(memberships(cgroups), [], "{cgroups:?}");
    }
    assert_eq!(mounts("1 2 0:3 /\n- cgroup2\n1 2 3 / /x rw - ext4 /dev/x rw\n"), []);
}

#[test]
fn a_machine_without_cgroups_says_why_for_every_resource() {
    let available = Available::find("", "");
    for resource in [Resource::Memory, Resource::Pids, Resource::Cpu] {
        assert_eq!(available.mechanism(resource), Mechanism::None(Reason::NotMounted));
    }
    let hidden = Available::find("4:memory:/jobs/7f\n", "1 2 0:3 /other /nowhere rw - cgroup cgroup rw,memory\n");
    assert_eq!(hidden.mechanism(Resource::Memory), Mechanism::None(Reason::NotVisible));
    assert_eq!(hidden.mechanism(Resource::Memory).to_string(), "none: our own cgroup cannot be seen from here");
}

#[test]
fn only_our_own_names_are_read_back() {
    let name = Name::new(4711, 0xBEEF);
    assert_eq!(name.to_string(), "opaque-4711-000000000000beef");
    assert_eq!(Name::parse(&name.to_string()), Some(name));
    for other in ["opaque-supervisors", "opaque-1-2", "opaque--1-000000000000beef", "opaque-+1-000000000000beef", "x"] {
        assert_eq!(Name::parse(other), None, "{other}");
    }
}
