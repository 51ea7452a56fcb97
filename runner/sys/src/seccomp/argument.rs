//! The calls whose arguments decide, each with its reason.
//!
//! Every `int` and flag word is compared on its low 32 bits, as the kernel reads it. Pointers are only compared with
//! null: what they point at could change between the check and the call.

use libc::c_long;

use super::call;
use super::rule::{Action, Clause, Test, Verdict};

const PERMISSION: Action = Action::Errno(libc::EPERM as u16);

/// Calls checked under every profile, except those that a profile replaces.
pub(super) const CHECKED: &[(c_long, Verdict)] = &[
    (libc::SYS_clone, CLONE),
    (libc::SYS_socket, SOCKET),
    (libc::SYS_socketpair, SOCKET_PAIR),
    (libc::SYS_ioctl, IOCTL),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mknod, MKNOD),
    (libc::SYS_mknodat, MKNODAT),
    (libc::SYS_personality, PERSONALITY),
    (libc::SYS_prctl, PRCTL),
    (libc::SYS_prlimit64, PRLIMIT),
    (call::SETRLIMIT, SETRLIMIT),
    (libc::SYS_seccomp, SECCOMP),
];

/// `PER_LINUX` and `PER_LINUX32`, each with and without `UNAME26`, and the query of the present value.
pub(super) const PERSONALITY: Verdict =
    refuse_unless(&[allow(&[Test::int(0, &[0, 0x8, 0x20000, 0x20008, 0xFFFF_FFFF])])]);

/// The same with `ADDR_NO_RANDOMIZE`, which debuggers set for their target.
pub(super) const PERSONALITY_OF_A_DEBUGGER: Verdict = refuse_unless(&[allow(&[Test::int(
    0,
    &[0, 0x8, 0x20000, 0x20008, 0xFFFF_FFFF, 0x40000, 0x40008, 0x60000, 0x60008],
)])]);

/// No new namespaces. `CLONE_NEWTIME` has no place here: in `clone` its bit belongs to the exit signal.
const CLONE: Verdict = refuse_unless(&[allow(&[Test::int_masked(0, NEW_NAMESPACES, &[0])])]);
const NEW_NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

/// Local sockets; TCP and UDP over IP; routing netlink. Other families do not exist as far as a program can tell.
///
/// MPTCP, SCTP and SMC stay out because they are not TCP to Landlock; raw and packet sockets and the crypto, virtual
/// machine and other families for the kernel code that they reach.
const SOCKET: Verdict = no_family_unless(&[
    allow(&[Test::int(0, LOCAL), Test::int_masked(1, SOCKET_TYPE, &[STREAM, DATAGRAM, SEQUENCED])]),
    allow(&[
        Test::int(0, INTERNET),
        Test::int_masked(1, SOCKET_TYPE, &[STREAM, DATAGRAM]),
        Test::int(2, &[0, libc::IPPROTO_TCP as u64, libc::IPPROTO_UDP as u64]),
    ]),
    allow(&[
        Test::int(0, NETLINK),
        Test::int_masked(1, SOCKET_TYPE, &[DATAGRAM, RAW]),
        Test::int(2, &[libc::NETLINK_ROUTE as u64]),
    ]),
    refuse(&[Test::int(0, PERMITTED_FAMILIES)]),
]);

/// Pairs are local.
const SOCKET_PAIR: Verdict = no_family_unless(&[allow(&[Test::int(0, LOCAL)])]);

/// The bits of a socket's type that are not flags (`SOCK_TYPE_MASK`).
const SOCKET_TYPE: u64 = 0xF;
const STREAM: u64 = libc::SOCK_STREAM as u64;
const DATAGRAM: u64 = libc::SOCK_DGRAM as u64;
const RAW: u64 = libc::SOCK_RAW as u64;
const SEQUENCED: u64 = libc::SOCK_SEQPACKET as u64;
const LOCAL: &[u64] = &[libc::AF_UNIX as u64];
const INTERNET: &[u64] = &[libc::AF_INET as u64, libc::AF_INET6 as u64];
const NETLINK: &[u64] = &[libc::AF_NETLINK as u64];
const PERMITTED_FAMILIES: &[u64] =
    &[libc::AF_UNIX as u64, libc::AF_INET as u64, libc::AF_INET6 as u64, libc::AF_NETLINK as u64];

/// Requests that put input into a terminal, take it over, or change the machine's keyboard and console.
const IOCTL: Verdict = allow_unless(&[refuse(&[Test::int(
    1,
    &[
        0x5412, // TIOCSTI
        0x541C, // TIOCLINUX
        0x541D, // TIOCCONS
        0x5423, // TIOCSETD
        0x541F, // TIOCSSERIAL
        0x4B3A, // KDSETMODE
        0x4B47, // KDSKBENT
        0x4B49, // KDSKBSENT
        0x4B4D, // KDSETKEYCODE
    ],
)])]);

/// Plain files, pipes and sockets; no devices.
#[cfg(target_arch = "x86_64")]
const MKNOD: Verdict = refuse_unless(&[allow(&[Test::int_masked(1, FILE_TYPE, PLAIN_FILE_TYPES)])]);
const MKNODAT: Verdict = refuse_unless(&[allow(&[Test::int_masked(2, FILE_TYPE, PLAIN_FILE_TYPES)])]);
const FILE_TYPE: u64 = libc::S_IFMT as u64;
const PLAIN_FILE_TYPES: &[u64] = &[0, libc::S_IFREG as u64, libc::S_IFIFO as u64, libc::S_IFSOCK as u64];

/// A process does not rewrite where its own arguments, environment and executable are said to be.
const PRCTL: Verdict = allow_unless(&[refuse(&[Test::int(0, &[libc::PR_SET_MM as u64])])]);

/// The core limit stays 1: that value alone keeps a piped core handler on the host from being started. A program that
/// turns its core files off (gpg, sudo, `ulimit -c 0`) is told that it succeeded: there are none.
const PRLIMIT: Verdict = allow_unless(&[allow(&[Test::long(2, &[0])]), pretend(&[Test::int(1, CORE_LIMIT)])]);
const SETRLIMIT: Verdict = allow_unless(&[pretend(&[Test::int(0, CORE_LIMIT)])]);
const CORE_LIMIT: &[u64] = &[libc::RLIMIT_CORE as u64];

/// Programs may confine themselves further, but not become the judge of other calls.
const SECCOMP: Verdict = refuse_unless(&[allow(&[Test::int_masked(1, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER, &[0])])]);

/// The first clause that holds answers; when none does, the call is allowed.
const fn allow_unless(clauses: &'static [Clause]) -> Verdict {
    Verdict::Checked { clauses, otherwise: Action::Allow }
}

/// The first clause that holds answers; when none does, the call is refused.
const fn refuse_unless(clauses: &'static [Clause]) -> Verdict {
    Verdict::Checked { clauses, otherwise: PERMISSION }
}

/// The first clause that holds answers; when none does, the socket family does not exist.
const fn no_family_unless(clauses: &'static [Clause]) -> Verdict {
    Verdict::Checked { clauses, otherwise: Action::Errno(libc::EAFNOSUPPORT as u16) }
}

const fn allow(when: &'static [Test]) -> Clause {
    Clause { when, action: Action::Allow }
}

/// The call does nothing and reports success.
const fn pretend(when: &'static [Test]) -> Clause {
    Clause { when, action: Action::Errno(0) }
}

const fn refuse(when: &'static [Test]) -> Clause {
    Clause { when, action: PERMISSION }
}
