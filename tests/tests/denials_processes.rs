//! Processes outside: they cannot be seen, traced, signalled or read, and nothing of the caller's leaks in.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;

use opaque_tests::{Identity, Running, Sandbox, Twin, each_identity};

/// A process outside that belongs to the identity: its pid, and where a text of its own lies.
fn outsider(sandbox: &Sandbox) -> (Running, [String; 3]) {
    let mut running = sandbox.launch_probe_outside(&["hold"]).start();
    let line = running.wait_for("\n");
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    (running, words.try_into().expect("pid, address and length"))
}

#[test]
fn a_process_outside_cannot_be_traced() {
    each_identity(|sandbox| {
        let (_running, [pid, ..]) = outsider(sandbox);
        sandbox.forbids(&["trace", &pid], Twin::Neighbours);
    });
}

#[test]
fn a_process_inside_cannot_be_traced_either() {
    each_identity(|sandbox| {
        assert_eq!(sandbox.forbids(&["trace-child"], Twin::Everybody).refused(), "EPERM");
    });
}

#[test]
fn the_memory_of_a_process_outside_cannot_be_read() {
    each_identity(|sandbox| {
        let (_running, [pid, address, length]) = outsider(sandbox);
        sandbox.forbids(&["read-memory", &pid, &address, &length], Twin::Neighbours);
        sandbox.forbids(&["open-write", &format!("/proc/{pid}/mem")], Twin::Neighbours);
    });
}

#[test]
fn a_process_outside_cannot_be_named() {
    each_identity(|sandbox| {
        let (_running, [pid, ..]) = outsider(sandbox);
        assert_eq!(sandbox.forbids(&["signal", &pid], Twin::Everybody).refused(), "ESRCH");
        sandbox.forbids(&["open-process", &pid], Twin::Everybody);
        sandbox.forbids(&["read", &format!("/proc/{pid}/cmdline")], Twin::Everybody);
    });
}

#[test]
fn only_the_runs_own_processes_are_visible() {
    each_identity(|sandbox| {
        let inside = sandbox.permits(&["processes"]);
        let count = inside.split(' ').count();
        assert!((1..=3).contains(&count), "{inside}");
        assert!(sandbox.probe_outside(&["processes"]).done().split(' ').count() > count);
    });
}

#[test]
fn the_first_process_keeps_its_secrets() {
    each_identity(|sandbox| {
        let (_running, [pid, ..]) = outsider(sandbox);
        for file in ["environ", "maps", "auxv"] {
            sandbox.probe(&["read", &format!("/proc/1/{file}")]).refused();
            sandbox.twin(&["read", &format!("/proc/{pid}/{file}")], Twin::Neighbours);
        }
        for act in ["open-write", "reopen-for-write"] {
            sandbox.probe(&[act, "/proc/1/mem"]).refused();
            sandbox.twin(&[act, &format!("/proc/{pid}/mem")], Twin::Neighbours);
        }
        for path in ["root", "cwd"] {
            let probe = sandbox.probe(&["list", &format!("/proc/1/{path}")]);
            assert!(probe.code == Some(1), "/proc/1/{path} is open\n{probe}");
            sandbox.twin(&["list", &format!("/proc/{pid}/{path}")], Twin::Neighbours);
        }
        sandbox.probe(&["open-descriptors", "1"]).refused();
        sandbox.twin(&["open-descriptors", &pid], Twin::Neighbours);
    });
}

#[test]
fn no_running_program_can_be_overwritten() {
    each_identity(|sandbox| {
        let programs = ["tools/opaque-run", "tools/opaque-probe"].map(|name| sandbox.base().join(name));
        let before = programs.clone().map(|program| std::fs::read(program).unwrap());
        for path in ["/proc/1/exe", "/proc/self/exe"] {
            sandbox.probe(&["open-write", path]).refused();
            sandbox.probe(&["reopen-for-write", path]).refused();
            sandbox.probe(&["truncate", path]).refused();
        }
        sandbox.probe(&["read", "/proc/1/exe"]).refused();
        assert_eq!(before, programs.map(|program| std::fs::read(program).unwrap()));
        // The twin: a program that belongs to the identity and is not running can be opened for writing.
        let own = sandbox.script("program", "#!/bin/sh\n").display().to_string();
        sandbox.twin(&["reopen-for-write", &own], Twin::Neighbours);
        let (_running, [pid, ..]) = outsider(sandbox);
        sandbox.twin(&["read", &format!("/proc/{pid}/exe")], Twin::Neighbours);
    });
}

#[test]
fn descriptors_of_the_caller_do_not_survive() {
    each_identity(|sandbox| {
        let leak = |launch: opaque_tests::Launch| {
            (3..64).fold(launch, |launch, number| match number % 3 {
                0 => launch.inherit(number, File::open("/").unwrap()),
                1 => launch.inherit(number, std::net::UdpSocket::bind("127.0.0.1:0").unwrap()),
                _ => launch.inherit(number, File::open("/etc/hostname").unwrap()),
            })
        };
        assert_eq!(leak(sandbox.launch_probe(&[], &["descriptors"])).finish().refused(), "EBADF");
        let outside = leak(sandbox.launch_probe_outside(&["descriptors"])).finish().done();
        let leaked = outside.split(' ').filter(|number| number.len() < 3);
        assert_eq!(leaked.count(), 61, "{outside}");
        assert_eq!(leak(sandbox.launch_probe(&[], &["descend", "3", "etc"])).finish().refused(), "EBADF");
        leak(sandbox.launch_probe_outside(&["descend", "3", "etc"])).finish().done();
    });
}

#[test]
fn a_setuid_program_gains_nothing() {
    each_identity(|sandbox| {
        if matches!(sandbox.identity(), Identity::Caller { .. }) {
            return opaque_tests::missing("the right to give a file to another user");
        }
        let copy = sandbox.project().join("changer");
        std::fs::copy(opaque_tests::probe(), &copy).unwrap();
        std::os::unix::fs::chown(&copy, Some(65_534), Some(65_534)).unwrap();
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o6755)).unwrap();
        let copy = copy.display().to_string();
        let act = ["execute", &copy, "status", "Uid"];
        let own = sandbox.identity().uid().to_string();
        assert_eq!(sandbox.permits(&act), [own.as_str(); 4].join(" "));
        assert_eq!(sandbox.probe_outside(&act).done(), format!("{own} 65534 65534 65534"));
    });
}

#[test]
fn a_crash_leaves_no_core_dump() {
    each_identity(|sandbox| {
        sandbox.directory(&sandbox.project().join("crash"));
        let directory = sandbox.at("crash");
        let inside = sandbox.probe(&["crash", &directory]);
        inside.expect(128 + 11);
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "a core dump was written");
        let limit = sandbox.permits(&["limit", "core"]);
        assert_eq!(limit, "1 1", "0 would let a piped handler run again");
        // A program that turns its core files off is told that it did, and the limit stays what it is.
        sandbox.permits(&["limit-core", "0"]);
        let script = format!("ulimit -c 0 && {} limit core", sandbox.base().join("tools/opaque-probe").display());
        let tools = sandbox.base().join("tools").display().to_string();
        assert_eq!(sandbox.run(["--read", &tools, "--", "sh", "-c", &script]).done(), "1 1");
        assert_eq!(sandbox.shell_outside(&script).done().split(' ').next(), Some("0"), "the twin's limit is set");
        let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
        if !pattern.starts_with('|') && !pattern.starts_with('/') {
            let probe = sandbox.base().join("tools/opaque-probe").display().to_string();
            let script = format!("ulimit -c unlimited && exec {probe} crash {directory}");
            assert_eq!(sandbox.shell_outside(&script).signal, Some(11));
            assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "the twin left no core dump");
        }
    });
}
