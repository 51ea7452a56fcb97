//! The child's life from clone to exec, as a list of sentences.
//!
//! INVARIANT: nothing here allocates, locks or formats. Everything was prepared in the [`Image`];
//! a failure leaves as numbers. The allocator counts: a request for memory on the way ends the run.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Signal};

use crate::arena;
use crate::attest::{self, Missing};
use crate::channel::{ChildChannel, Message};
use crate::clone::{self, Forked};
use crate::image::{IdMap, Image, Inode, Place};
use crate::init::{Init, Session};
use crate::mount::root::{self, Root};
use crate::mount::{sources, tree};
use crate::network::{Handed, Network, addresses, loopback, sockets};
use crate::step::{At, Failure, Step};
use crate::terminal::{self, Replaced};
use crate::{descriptors, exec, idmap, init, landlock, limits, pinned, privilege, seccomp, signals};

/// Confines this process, starts the command in it and serves as its init. Never returns.
pub(crate) fn live(mut image: Image, channel: ChildChannel) -> ! {
    let calls = arena::calls();
    match confine(&mut image, &channel) {
        Ok(forked) => match forked.side {
            Forked::Parent(command) => {
                drop_everything_but_the_channel(&channel);
                forget_secrets(&mut image);
                let session = if terminal::has_session(&image) { Session::Own } else { Session::Callers };
                Init { command, session, channel: &channel, home: image.home.as_ref() }.serve()
            }
            Forked::Child => {
                let failure = start(&image, &channel, &forked, calls);
                give_up(&channel, failure)
            }
        },
        Err(failure) => give_up(&channel, failure),
    }
}

struct Confined {
    side: Forked,
    canary: OwnedFd,
    copies: [Option<Inode>; COPIES],
    /// What stands in the place of the caller's streams.
    replaced: Replaced,
    /// Whether the packet filter is still to be put in force.
    awaits_filter: bool,
}

/// Most private copies of one run: a program and its chain of interpreters.
const COPIES: usize = 16;

fn confine(image: &mut Image, channel: &ChildChannel) -> Result<Confined, Failure> {
    let fault = image.fault;
    let step = |step: Step, act: &mut dyn FnMut() -> Result<(), Errno>| -> Result<(), Failure> {
        if fault.skips(step) {
            return Ok(());
        }
        fault.check(step).at(step)?;
        act().at(step)
    };

    if image.has_secrets() {
        // A supervisor that holds secrets is not dumpable, and then nobody may write this process's maps.
        rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable).at(Step::IdMap)?;
    }
    step(Step::IdMap, &mut || match image.identity.map {
        IdMap::Single => idmap::map_own(image.identity),
        IdMap::Full => channel.wait(),
    })?;
    step(Step::DieWithParent, &mut || rustix::process::set_parent_process_death_signal(Some(Signal::KILL)))?;
    step(Step::Identity, &mut || privilege::take_identity(image.identity))?;
    // The change of ids clears the death signal; it is asked for once more.
    step(Step::DieWithParent, &mut || rustix::process::set_parent_process_death_signal(Some(Signal::KILL)))?;
    step(Step::Propagation, &mut root::make_private)?;
    rustix::process::umask(Mode::empty());

    fault.check(Step::Sources).at(Step::Sources)?;
    sources::take(&mut image.entries, &image.ruleset, fault)?;
    fault.check(Step::Root).at(Step::Root)?;
    let root = root::mount(&image.scratch).at(Step::Root)?;
    let mut copies = [None; COPIES];
    pinned::lay(&root, &image.pinned, &image.ruleset, &mut copies).at(Step::Root)?;
    fault.check(Step::Proc).at(Step::Proc)?;
    let proc = root::new_proc().at(Step::Proc)?;
    step(Step::NestedNamespaces, &mut || root::close_nested_namespaces(&proc))?;
    step(Step::CoreDumps, &mut || root::empty_core_dumps(&proc).and_then(|()| limits::no_core_dumps()))?;
    let awaits_filter = connect(&image.network, &proc, channel, &step)?;
    fault.check(Step::Tree).at(Step::Tree)?;
    tree::build(&root, &proc, &mut image.entries, &image.ruleset, &image.secrets, image.identity.map)?;
    pinned::cover(&root, &image.pinned).at(Step::Tree)?;
    step(Step::Pivot, &mut || root::pivot(&root))?;
    step(Step::DetachOldRoot, &mut root::detach_old)?;
    step(Step::SealRoot, &mut || root::seal(&root))?;
    step(Step::Cwd, &mut || enter(&image.cwd))?;

    let Root { base, canary, empty_directory } = root;
    // Before the limit on descriptors, which may lie below the number that this gets.
    let canary = match image.handed.is_empty() {
        true => canary,
        false => descriptors::moved_above_handed(canary).at(Step::Descriptors)?,
    };
    let mut replaced = [None; 3];
    step(Step::Streams, &mut || terminal::replace_streams(image, channel, &mut replaced))?;
    step(Step::ResourceLimits, &mut || limits::set(&image.limits))?;
    step(Step::NoNewPrivileges, &mut privilege::no_new_privileges)?;
    step(Step::Capabilities, &mut privilege::drop_capabilities)?;
    step(Step::Landlock, &mut || {
        landlock::allow_streams(&image.ruleset)?;
        landlock::restrict(&image.ruleset)
    })?;
    // What is owned is given up by its owner; the rest of the caller's descriptors is closed by number.
    drop((proc, base, empty_directory));
    descriptors::hand(&image.handed).at(Step::Descriptors)?;
    step(Step::Descriptors, &mut || {
        descriptors::close_all_except(image.handed.len(), [channel.0.as_raw_fd(), canary.as_raw_fd()])
    })?;
    step(Step::Seccomp, &mut || seccomp::install(&image.filter))?;
    step(Step::HideInit, &mut || rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable))?;
    if !fault.skips(Step::Attest) {
        attest::init_dies_with_the_supervisor()?;
    }
    if image.joins_cgroups {
        step(Step::JoinCgroup, &mut || channel.take_over(|door| idmap::write_all(&door, b"0")))?;
    }
    fault.check(Step::Fork).at(Step::Fork)?;
    let side = clone::fork().at(Step::Fork)?;
    Ok(Confined { side, canary, copies, replaced, awaits_filter })
}

/// Sets the run's network up and hands the supervisor its ends of it; true when the supervisor has to put a packet
/// filter in force and say so.
fn connect(
    network: &Network,
    proc: &OwnedFd,
    channel: &ChildChannel,
    step: &impl Fn(Step, &mut dyn FnMut() -> Result<(), Errno>) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let mut handed = Handed::new();
    step(Step::Loopback, &mut loopback::up)?;
    step(Step::Addresses, &mut || {
        addresses::open_low_ports(proc)?;
        addresses::apply(&network.addresses)
    })?;
    step(Step::Resolver, &mut || sockets::resolver(network, &mut handed))?;
    if let Some(gate) = &network.gate {
        addresses::send_unpaced(proc);
        step(Step::Routes, &mut || addresses::apply(&gate.routes))?;
        step(Step::Listeners, &mut || sockets::gate(network, gate, &mut handed))?;
    }
    // Whatever a test left out is missed by attestation; then there is nothing whole to hand over.
    if handed.count() != network.doors {
        return Ok(false);
    }
    channel.send_doors(&handed).at(Step::Resolver)?;
    Ok(network.gate.is_some())
}

/// The command's process: checks every layer from inside, waits at the barrier, becomes the command.
fn start(image: &Image, channel: &ChildChannel, confined: &Confined, calls: usize) -> Failure {
    match pass_barrier(image, channel, confined, calls) {
        Ok(program) => {
            let failed = image.fault.check(Step::Exec).err();
            let errno = failed.unwrap_or_else(|| exec::execute(&program, &image.exec.argv, &image.exec.env));
            Failure::new(Step::Exec, errno)
        }
        Err(failure) => failure,
    }
}

fn pass_barrier(image: &Image, channel: &ChildChannel, confined: &Confined, calls: usize) -> Result<OwnedFd, Failure> {
    let canary = &confined.canary;
    let fault = image.fault;
    fault.check(Step::Attest).at(Step::Attest)?;
    if !fault.skips(Step::Streams) {
        terminal::come_to_the_foreground(image).at(Step::Streams)?;
    }
    let inside = attest::look()?;
    if confined.awaits_filter {
        channel.wait().at(Step::Rules)?;
    }
    if !fault.skips(Step::Attest) {
        attest::every_layer(image, channel, canary, &confined.replaced, &inside)?;
    }
    fault.check(Step::Program).at(Step::Program)?;
    let program = exec::open(&image.exec, &confined.copies).at(Step::Program)?;
    fault.check(Step::Signals).at(Step::Signals)?;
    signals::reset(inside.ignored_signals).at(Step::Signals)?;
    rustix::process::umask(Mode::from_raw_mode(image.umask));
    if arena::calls() != calls {
        return Err(attest::failed(Missing::NoAllocation, Errno::NOMEM));
    }
    channel.send(Message::Ready(inside.namespaces)).at(Step::Barrier)?;
    fault.check(Step::Barrier).at(Step::Barrier)?;
    channel.wait().at(Step::Barrier)?;
    // From here on only the standard streams are left: the rest is close-on-exec.
    rustix::io::fcntl_setfd(canary, rustix::io::FdFlags::CLOEXEC).at(Step::Descriptors)?;
    Ok(program)
}

fn enter(cwd: &Place) -> Result<(), Errno> {
    rustix::process::chdir(&*cwd.path)?;
    if let Some(inode) = cwd.inode {
        let here = rustix::fs::statat(rustix::fs::CWD, c".", rustix::fs::AtFlags::empty())?;
        if here.st_dev != inode.device || here.st_ino != inode.number {
            return Err(Errno::STALE);
        }
    }
    Ok(())
}

/// The command has its own copies; what the init still had is overwritten.
fn forget_secrets(image: &mut Image) {
    image.secrets.clear();
    image.exec.env.forget();
}

fn drop_everything_but_the_channel(channel: &ChildChannel) {
    let _ = descriptors::close_all_except(0, [channel.0.as_raw_fd()]);
}

fn give_up(channel: &ChildChannel, failure: Failure) -> ! {
    // When nobody listens any more there is nobody to tell.
    let _ = channel.send(Message::Failed(failure));
    init::leave(125)
}
