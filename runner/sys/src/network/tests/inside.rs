//! Two processes for a test: an ordinary user's supervisor, and its child in a user and network namespace of its own.

use std::any::Any;
use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::thread;

use rustix::io::Errno;

use crate::channel::{self, Channel, ChildChannel, Message};
use crate::clone;
use crate::netfilter::Filter;
use crate::netlink;
use crate::network::{Doors, Handed, Network, addresses, loopback, sockets};
use crate::step::Step;

/// A user that owns nothing.
const NOBODY: u32 = 65534;

/// Set in the process that a test is run in by itself.
const MARK: &str = "OPAQUE_TEST_BY_ITSELF";

/// Runs a test's body in a process with one thread: a fork of many may find a lock that nobody will ever open.
pub(super) fn by_itself(body: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let this = thread::current();
    let name = this.name().expect("a test's thread has its name");
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(MARK, "1");
    let ended = again.output().unwrap();
    let said = [String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr)].concat();
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
}

/// Runs `supervise` as an ordinary user and `live` as its child in namespaces of its own; what either asserts holds
/// for the test. The child ends with the supervisor's leave: it may still be asked about what it did.
pub(super) fn run(network: &Network, supervise: impl FnOnce(Channel), live: impl FnOnce(ChildChannel)) {
    let ended = fork(|| {
        become_ordinary();
        let (ours, theirs) = channel::pair(network.expected(), 0).unwrap();
        let child = start(|| {
            enter();
            live(theirs);
        });
        supervise(ours);
        assert_eq!(wait(child), 0, "inside");
    });
    assert_eq!(ended, 0, "see above");
}

/// Runs something in namespaces of its own, as an ordinary user.
pub(super) fn alone(live: impl FnOnce()) {
    let ended = fork(|| {
        become_ordinary();
        enter();
        live();
    });
    assert_eq!(ended, 0, "see above");
}

/// The steps as the child takes them, but for those that a test leaves out.
pub(super) fn set_up(network: &Network, skipped: &[Step], handed: &mut Handed) -> Result<(), (Step, Errno)> {
    let mut step = |step: Step, act: &mut dyn FnMut(&mut Handed) -> Result<(), Errno>| {
        if skipped.contains(&step) { Ok(()) } else { act(handed).map_err(|errno| (step, errno)) }
    };
    step(Step::Loopback, &mut |_| loopback::up())?;
    step(Step::Addresses, &mut |_| {
        addresses::open_low_ports(&OwnedFd::from(fs::File::open("/proc").unwrap()))?;
        addresses::apply(&network.addresses)
    })?;
    step(Step::Resolver, &mut |handed| sockets::resolver(network, handed))?;
    let Some(gate) = &network.gate else { return Ok(()) };
    step(Step::Routes, &mut |_| addresses::apply(&gate.routes))?;
    step(Step::Listeners, &mut |handed| sockets::gate(network, gate, handed))
}

/// The same where nobody is outside to put the packet filter in force.
pub(super) fn set_up_alone(network: &Network, skipped: &[Step], handed: &mut Handed) -> Result<(), (Step, Errno)> {
    set_up(network, skipped, handed)?;
    match &network.gate {
        Some(gate) if !skipped.contains(&Step::Rules) => {
            let filter = Filter::new(netlink::netfilter().unwrap(), gate.rules.clone());
            filter.enforce().map_err(|errno| (Step::Rules, errno))
        }
        Some(_) | None => Ok(()),
    }
}

/// Sets everything up, hands it over, and waits until it is in force.
pub(super) fn hand_over(network: &Network, channel: &ChildChannel) {
    let mut handed = Handed::new();
    set_up(network, &[], &mut handed).unwrap();
    channel.send_doors(&handed).unwrap();
    channel.wait().unwrap();
}

/// What the child handed over, the packet filter in force.
pub(super) fn doors(channel: &Channel) -> Doors {
    match channel.receive().unwrap() {
        Some(Message::Doors(doors)) => {
            if let Some(gate) = &doors.gate {
                gate.filter.enforce().unwrap();
            }
            channel.go().unwrap();
            doors
        }
        other => panic!("{other:?}"),
    }
}

fn become_ordinary() {
    if rustix::process::getuid().is_root() {
        rustix::thread::set_thread_groups(&[]).unwrap();
        let (user, group) = (rustix::process::Uid::from_raw(NOBODY), rustix::process::Gid::from_raw(NOBODY));
        rustix::thread::set_thread_res_gid(group, group, group).unwrap();
        rustix::thread::set_thread_res_uid(user, user, user).unwrap();
        // A process that changed its ids may not write its own maps before this.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).unwrap();
    }
    assert!(!rustix::process::getuid().is_root());
}

/// Enters the namespaces, as their root: what is executed keeps every capability there.
fn enter() {
    let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    // SAFETY: takes flags only; this process has one thread.
    let entered = unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) };
    assert_eq!(entered, 0, "{}", clone::last_errno());
    fs::write("/proc/self/setgroups", "deny").unwrap();
    fs::write("/proc/self/uid_map", format!("0 {user} 1")).unwrap();
    fs::write("/proc/self/gid_map", format!("0 {group} 1")).unwrap();
}

fn fork(act: impl FnOnce()) -> i32 {
    wait(start(act))
}

fn start(act: impl FnOnce()) -> rustix::process::Pid {
    // The C library's own call: it leaves the allocator usable in the child.
    // SAFETY: the child uses nothing that another thread may hold but the allocator, and ends by `_exit`.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let code = match catch_unwind(AssertUnwindSafe(act)) {
            Ok(()) => 0,
            Err(said) => {
                let _ = writeln!(std::io::stderr(), "in a process of the test: {}", text(&*said));
                1
            }
        };
        crate::init::leave(code);
    }
    rustix::process::Pid::from_raw(pid).expect("a process")
}

fn wait(pid: rustix::process::Pid) -> i32 {
    let (_, status) = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty()).unwrap().unwrap();
    status.exit_status().unwrap_or(-1)
}

fn text(said: &dyn Any) -> String {
    let owned = said.downcast_ref::<String>().cloned();
    owned.or_else(|| said.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[test]
fn what_a_process_of_a_test_asserts_counts() {
    by_itself(|| {
        let failed = catch_unwind(|| alone(|| assert_eq!(1, 2, "on purpose")));
        assert!(failed.is_err());
    });
}
