//! Kernel facilities that ordinary programs do not need, one test each.

use opaque_tests::{Twin, each_identity};

/// One test: an act that is refused inside and has its twin outside.
macro_rules! refused {
    ($($name:ident: $act:expr, $twin:expr;)*) => {$(
        #[test]
        fn $name() {
            each_identity(|sandbox| {
                let act: &[&str] = &$act;
                sandbox.forbids(act, $twin);
            });
        }
    )*};
}

refused! {
    a_key_cannot_be_added: ["add-key"], Twin::Everybody;
    a_key_cannot_be_requested: ["request-key"], Twin::Everybody;
    the_session_keyring_cannot_be_listed: ["list-session-keys"], Twin::Everybody;
    a_session_keyring_cannot_be_joined: ["join-session-keyring"], Twin::Everybody;
    a_bpf_map_cannot_be_made: ["bpf"], Twin::Superuser;
    an_io_ring_cannot_be_made: ["io-uring"], Twin::Everybody;
    page_faults_cannot_be_caught: ["userfaultfd"], Twin::Everybody;
    performance_events_cannot_be_opened: ["performance-event"], Twin::Superuser;
    address_randomisation_cannot_be_turned_off: ["personality"], Twin::Everybody;
    the_kernel_log_cannot_be_read: ["kernel-log"], Twin::Superuser;
    the_host_name_cannot_be_set: ["set-host-name"], Twin::Superuser;
    swap_cannot_be_turned_off: ["swap-off"], Twin::Superuser;
    the_machine_cannot_be_restarted: ["reboot"], Twin::Superuser;
    a_module_cannot_be_loaded: ["load-module"], Twin::WhereBuilt;
    a_file_cannot_be_opened_by_its_handle: ["open-by-handle"], Twin::Superuser;
    a_file_system_cannot_be_watched_whole: ["fanotify"], Twin::Superuser;
    the_clock_cannot_be_adjusted: ["set-clock"], Twin::Superuser;
    kernel_objects_cannot_be_compared: ["kernel-compare"], Twin::Everybody;
    an_x32_call_never_passes: ["x32"], Twin::Nobody("most kernels are built without x32; the filter is tested by interpreting it");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_call_by_the_32_bit_entry_never_passes() {
    each_identity(|sandbox| {
        let inside = sandbox.probe(&["int80"]);
        assert!(!inside.text().starts_with("done"), "the 32-bit entry is open\n{inside}");
        assert!(inside.signal.is_some() || inside.code == Some(1) || inside.code == Some(128 + 31), "{inside}");
        let outside = sandbox.probe_outside(&["int80"]);
        if outside.signal == Some(SEGV) {
            opaque_tests::missing("the kernel's 32-bit entry");
        } else {
            outside.done();
        }
    });
}

/// What a kernel without the 32-bit entry answers with.
#[cfg(target_arch = "x86_64")]
const SEGV: i32 = 11;

#[test]
fn namespaces_cannot_be_made() {
    each_identity(|sandbox| {
        for kind in ["user", "mount", "pid", "net", "ipc", "uts", "cgroup", "time"] {
            let twin = if kind == "user" { Twin::Everybody } else { Twin::Superuser };
            sandbox.forbids(&["unshare", kind], twin);
            if kind != "time" {
                sandbox.forbids(&["clone", kind], twin);
            }
            sandbox.forbids(&["clone3", kind], twin);
        }
        sandbox.permits(&["clone", "none"]);
        sandbox.permits(&["threads", "20"]);
    });
}

#[test]
fn the_call_whose_flags_no_filter_can_read_does_not_exist() {
    each_identity(|sandbox| {
        assert_eq!(sandbox.forbids(&["clone3", "none"], Twin::Everybody).refused(), "ENOSYS");
    });
}

#[test]
fn a_call_that_the_filter_does_not_know_does_not_exist() {
    each_identity(|sandbox| {
        for number in ["500", "1000", "100000"] {
            assert_eq!(sandbox.probe(&["unknown-call", number]).refused(), "ENOSYS");
        }
        sandbox.permits(&["memory-file"]);
    });
}

#[test]
fn a_namespace_cannot_be_joined() {
    each_identity(|sandbox| {
        for kind in ["net", "uts", "ipc", "mnt", "pid", "user"] {
            sandbox.probe(&["setns", &format!("/proc/self/ns/{kind}")]).refused();
        }
        sandbox.twin(&["setns", "/proc/self/ns/net"], Twin::Superuser);
    });
}

#[test]
fn nothing_can_be_mounted_or_unmounted() {
    each_identity(|sandbox| {
        sandbox.directory(&sandbox.project().join("point"));
        let (point, project) = (sandbox.at("point"), sandbox.project().display().to_string());
        sandbox.forbids(&["mount", &point], Twin::Superuser);
        sandbox.forbids(&["bind", &project, &point], Twin::Superuser);
        sandbox.forbids(&["fsopen"], Twin::Superuser);
        sandbox.forbids(&["open-tree", &project], Twin::Superuser);
        sandbox.forbids(&["move-mount", &project, &point], Twin::Superuser);
        sandbox.forbids(&["chroot", &project], Twin::Superuser);
        sandbox.probe(&["pivot-root", &project]).refused();
        // These twins need a mount that is safe to change; the account file is one, in the test's own namespace.
        sandbox.probe(&["unmount", &project]).refused();
        sandbox.twin(&["unmount", "/etc/passwd"], Twin::Superuser);
        sandbox.probe(&["remount-writable", "/usr"]).refused();
        sandbox.twin(&["remount-writable", "/etc/passwd"], Twin::Superuser);
        sandbox.probe(&["mount-setattr", &project]).refused();
        sandbox.twin(&["mount-setattr", "/etc/passwd"], Twin::Superuser);
    });
}

#[test]
fn kernel_settings_cannot_be_written() {
    each_identity(|sandbox| {
        for setting in ["kernel/hostname", "kernel/core_pattern", "vm/swappiness", "kernel/printk", "fs/file-max"] {
            sandbox.forbids(&["rewrite", &format!("/proc/sys/{setting}")], Twin::Superuser);
        }
        sandbox.forbids(&["open-write", "/proc/sysrq-trigger"], Twin::WhereBuilt);
        let twin = Twin::Nobody("it takes CAP_SYS_RESOURCE, which a container's root may lack");
        sandbox.forbids(&["open-write", "/proc/sys/user/max_user_namespaces"], twin);
    });
}

#[test]
fn what_proc_says_about_the_machine_is_masked() {
    each_identity(|sandbox| {
        for file in ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger", "/proc/latency_stats"] {
            let inside = sandbox.probe(&["read", file]);
            assert!(inside.code == Some(1) || inside.text() == "done", "{file} can be read inside\n{inside}");
        }
        sandbox.twin(&["read", "/proc/keys"], Twin::WhereBuilt);
        // Symbols may be listed; where they lie may not.
        let symbols = sandbox.probe(&["read", "/proc/kallsyms"]).text();
        let addresses = symbols.lines().filter_map(|line| line.trim_start_matches("done ").split(' ').next());
        assert!(addresses.filter(|word| word.len() == 16).all(|word| word == "0000000000000000"), "{symbols}");
    });
}

#[test]
fn no_capability_is_held_and_none_can_be_gained() {
    each_identity(|sandbox| {
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(sandbox.permits(&["status", set]), "0000000000000000", "{set}");
        }
        assert_eq!(sandbox.permits(&["status", "NoNewPrivs"]), "1");
        assert_eq!(sandbox.permits(&["status", "Seccomp"]), "2");
        sandbox.forbids(&["gain-capability"], Twin::Superuser);
        sandbox.forbids(&["set-uid", "65534"], Twin::Superuser);
        sandbox.forbids(&["set-gid", "65534"], Twin::Superuser);
        sandbox.forbids(&["set-groups"], Twin::Superuser);
    });
}

#[test]
fn granted_directories_are_mounted_without_setuid_and_devices() {
    each_identity(|sandbox| {
        let project = sandbox.project().display().to_string();
        let flags = sandbox.permits(&["mount-flags", &project]);
        let has = |flag: &str, flags: &str| flags.split(',').any(|one| one == flag);
        assert!(has("rw", &flags) && has("nosuid", &flags) && has("nodev", &flags), "{flags}");
        let tools = sandbox.base().join("tools").display().to_string();
        let flags = sandbox.permits(&["mount-flags", &tools]);
        assert!(has("ro", &flags) && has("nosuid", &flags) && has("nodev", &flags), "{flags}");
    });
}
