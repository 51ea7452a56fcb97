//! The compiled filters, instruction by instruction, against the table that they come from.

use std::collections::{BTreeMap, BTreeSet};

use libc::sock_filter;

use super::super::argument::CHECKED;
use super::super::machine::{ARCHITECTURE, answer};
use super::super::rule::{Action, Clause, Table, Test, Verdict};
use super::super::table::{ABSENT, PERMITTED, PERMITTED_HERE, Profile, REFUSED, REFUSED_HERE, table};
use super::super::tree::{Error, compile};
use super::machine::{Call, run};
use super::reading::read;

const X32: u32 = 0x4000_0000;
const I386: u32 = 0x4000_0003;
const PROFILES: [Profile; 2] = [Profile::Default, Profile::Debug];
const EPERM: Action = Action::Errno(libc::EPERM as u16);
const ENOSYS: Action = Action::Errno(libc::ENOSYS as u16);
const EAFNOSUPPORT: Action = Action::Errno(libc::EAFNOSUPPORT as u16);

/// Answers of the default profile, one call at a time.
struct Judge {
    program: Vec<sock_filter>,
}

impl Judge {
    fn new(profile: Profile) -> Self {
        Self { program: compile(ARCHITECTURE, &table(profile)).unwrap() }
    }

    fn action(&self, number: libc::c_long, arguments: [u64; 6]) -> u32 {
        run(&self.program, Call { number: number as u32, architecture: ARCHITECTURE, arguments })
    }

    fn says(&self, number: libc::c_long, arguments: [u64; 6], expected: Action) {
        assert_eq!(self.action(number, arguments), answer(expected), "call {number} with {arguments:x?}");
    }
}

/// Values at and around everything that a verdict compares with, plain and with upper bits set.
fn telling_values(verdict: &Verdict) -> BTreeSet<u64> {
    let mut values = BTreeSet::from([0, 1, u64::MAX, 1 << 32]);
    let Verdict::Checked { clauses, .. } = verdict else { return values };
    for test in clauses.iter().flat_map(|clause| clause.when) {
        values.extend([test.mask, !test.mask]);
        for &value in test.values {
            values.extend([value, value + 1, value | 1 << 32, value | 0x80000]);
        }
    }
    values
}

#[test]
fn the_filter_and_the_table_agree_on_every_number() {
    for profile in PROFILES {
        let table = table(profile);
        let program = compile(ARCHITECTURE, &table).unwrap();
        let numbers = (0..1024).chain((0..1024).map(|number| number | X32)).chain([X32 - 1, u32::MAX - 1, u32::MAX]);
        for number in numbers {
            for architecture in [ARCHITECTURE, I386] {
                for value in [0, 1, 4, u64::MAX] {
                    let call = Call { number, architecture, arguments: [value; 6] };
                    let expected = read(&table, ARCHITECTURE, call);
                    assert_eq!(run(&program, call), answer(expected), "{profile:?} {call:x?}");
                }
            }
        }
    }
}

#[test]
fn the_filter_and_the_table_agree_on_every_telling_argument() {
    for profile in PROFILES {
        let table = table(profile);
        let program = compile(ARCHITECTURE, &table).unwrap();
        for (&number, verdict) in &table.verdicts {
            let Verdict::Checked { .. } = verdict else { continue };
            let values = telling_values(verdict);
            for (&first, &second) in values.iter().flat_map(|first| values.iter().map(move |second| (first, second))) {
                for third in [0, 6, 262, libc::S_IFBLK.into(), libc::S_IFIFO.into(), 1 << 32, u64::MAX] {
                    let call = Call { number, architecture: ARCHITECTURE, arguments: [first, second, third, 0, 0, 0] };
                    let expected = read(&table, ARCHITECTURE, call);
                    assert_eq!(run(&program, call), answer(expected), "{profile:?} {call:x?}");
                }
            }
        }
    }
}

#[test]
fn no_x32_number_and_no_foreign_architecture_is_ever_permitted() {
    for profile in PROFILES {
        let judge = Judge::new(profile);
        for number in 0..1024_u32 {
            let x32 = Call { number: number | X32, architecture: ARCHITECTURE, arguments: [0; 6] };
            assert_eq!(run(&judge.program, x32), answer(ENOSYS));
            let foreign = Call { number, architecture: I386, arguments: [0; 6] };
            assert_eq!(run(&judge.program, foreign), answer(Action::Kill));
        }
    }
}

#[test]
fn upper_bits_do_not_pass_a_forbidden_terminal_request() {
    let judge = Judge::new(Profile::Default);
    let named = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCCONS, libc::TIOCSETD, libc::TIOCSSERIAL];
    for request in named.map(|request| u64::from(request as u32)).into_iter().chain([0x4B47]) {
        judge.says(libc::SYS_ioctl, [0, request, 0, 0, 0, 0], EPERM);
        judge.says(libc::SYS_ioctl, [0, request | 1 << 32, 0, 0, 0, 0], EPERM);
        judge.says(libc::SYS_ioctl, [0, request | 0xFFFF_FFFF_0000_0000, 0, 0, 0, 0], EPERM);
    }
    judge.says(libc::SYS_ioctl, [0, 0x5401, 0, 0, 0, 0], Action::Allow);
}

#[test]
fn only_the_listed_socket_families_types_and_protocols_pass() {
    let judge = Judge::new(Profile::Default);
    let flags = (libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) as u64;
    for family in 0..64_u64 {
        for kind in 0..16_u64 {
            for protocol in [0, 1, 2, 6, 17, 58, 132, 136, 255, 262] {
                let expected = match (family, kind, protocol) {
                    (1, 1 | 2 | 5, _) | (2 | 10, 1 | 2, 0 | 6 | 17) | (16, 2 | 3, 0) => Action::Allow,
                    (1 | 2 | 10 | 16, _, _) => EPERM,
                    _ => EAFNOSUPPORT,
                };
                for kind in [kind, kind | flags] {
                    judge.says(libc::SYS_socket, [family, kind, protocol, 0, 0, 0], expected);
                    judge.says(libc::SYS_socket, [family | 7 << 32, kind, protocol, 0, 0, 0], expected);
                }
            }
        }
    }
    judge.says(libc::SYS_socketpair, [1, 1, 0, 0, 0, 0], Action::Allow);
    judge.says(libc::SYS_socketpair, [16, 3, 0, 0, 0, 0], EAFNOSUPPORT);
}

#[test]
fn clone_makes_threads_and_processes_but_no_namespace() {
    let judge = Judge::new(Profile::Default);
    let thread = libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_SIGHAND | libc::CLONE_THREAD;
    judge.says(libc::SYS_clone, [thread as u64, 0, 0, 0, 0, 0], Action::Allow);
    judge.says(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0], Action::Allow);
    for flag in [0x20000_u64, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] {
        judge.says(libc::SYS_clone, [flag, 0, 0, 0, 0, 0], EPERM);
        judge.says(libc::SYS_clone, [flag | thread as u64 | 1 << 32, 0, 0, 0, 0, 0], EPERM);
    }
    judge.says(libc::SYS_clone3, [0; 6], ENOSYS);
}

#[test]
fn the_core_limit_can_be_read_but_not_set() {
    let judge = Judge::new(Profile::Default);
    let core = libc::RLIMIT_CORE as u64;
    let pointer = 0x7fff_0000_0000;
    judge.says(libc::SYS_prlimit64, [0, core, 0, pointer, 0, 0], Action::Allow);
    judge.says(libc::SYS_prlimit64, [0, core, pointer, 0, 0, 0], Action::Errno(0));
    judge.says(libc::SYS_prlimit64, [1, core | 1 << 32, 1, 0, 0, 0], Action::Errno(0));
    judge.says(libc::SYS_prlimit64, [0, libc::RLIMIT_NOFILE as u64, pointer, 0, 0, 0], Action::Allow);
    judge.says(super::super::call::SETRLIMIT, [core, pointer, 0, 0, 0, 0], Action::Errno(0));
    judge.says(super::super::call::SETRLIMIT, [core | 1 << 40, pointer, 0, 0, 0, 0], Action::Errno(0));
    judge.says(super::super::call::SETRLIMIT, [libc::RLIMIT_CPU as u64, pointer, 0, 0, 0, 0], Action::Allow);
}

#[test]
fn device_nodes_are_refused_and_pipes_are_not() {
    let judge = Judge::new(Profile::Default);
    for (kind, expected) in [
        (libc::S_IFCHR, EPERM),
        (libc::S_IFBLK, EPERM),
        (libc::S_IFIFO, Action::Allow),
        (libc::S_IFREG, Action::Allow),
        (libc::S_IFSOCK, Action::Allow),
        (0, Action::Allow),
    ] {
        judge.says(libc::SYS_mknodat, [0, 0, u64::from(kind | 0o666), 0, 0, 0], expected);
        #[cfg(target_arch = "x86_64")]
        judge.says(libc::SYS_mknod, [0, u64::from(kind | 0o666), 0, 0, 0, 0], expected);
    }
}

#[test]
fn a_program_may_confine_itself_but_not_judge_others() {
    let judge = Judge::new(Profile::Default);
    judge.says(libc::SYS_seccomp, [1, 0, 1, 0, 0, 0], Action::Allow);
    judge.says(libc::SYS_seccomp, [1, 1, 1, 0, 0, 0], Action::Allow);
    judge.says(libc::SYS_seccomp, [1, 8, 1, 0, 0, 0], EPERM);
    judge.says(libc::SYS_seccomp, [1, 9 | 1 << 32, 1, 0, 0, 0], EPERM);
    judge.says(libc::SYS_prctl, [libc::PR_SET_SECCOMP as u64, 2, 1, 0, 0, 0], Action::Allow);
    judge.says(libc::SYS_prctl, [libc::PR_SET_MM as u64, 2, 1, 0, 0, 0], EPERM);
    judge.says(libc::SYS_landlock_restrict_self, [0; 6], Action::Allow);
}

#[test]
fn the_debug_profile_adds_tracing_and_nothing_else() {
    let (default, debug) = (table(Profile::Default), table(Profile::Debug));
    let changed: Vec<_> =
        debug.verdicts.iter().filter(|(number, verdict)| default.verdicts.get(number) != Some(verdict)).collect();
    let numbers: BTreeSet<_> = changed.iter().map(|(number, _)| i64::from(**number)).collect();
    let expected = [libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_personality];
    assert_eq!(numbers, BTreeSet::from(expected));
    Judge::new(Profile::Default).says(libc::SYS_personality, [0x40000, 0, 0, 0, 0, 0], EPERM);
    Judge::new(Profile::Debug).says(libc::SYS_personality, [0x40000, 0, 0, 0, 0, 0], Action::Allow);
    Judge::new(Profile::Debug).says(libc::SYS_personality, [0x400000, 0, 0, 0, 0, 0], EPERM);
}

#[test]
fn no_call_stands_in_two_lists() {
    let checked: Vec<_> = CHECKED.iter().map(|(number, _)| *number).collect();
    let mut seen = BTreeSet::new();
    for list in [PERMITTED, PERMITTED_HERE, REFUSED, REFUSED_HERE, ABSENT, &checked] {
        for number in list {
            assert!(seen.insert(*number), "call {number} stands in two lists");
        }
    }
}

#[test]
fn answers_that_are_hundreds_of_instructions_away_are_still_reached() {
    const MANY: &[Clause] = &[Clause { when: &[TEST, TEST, TEST], action: EPERM }; 40];
    const TEST: Test = Test::long(3, &[1 << 40, 2 << 40, 3]);
    let verdicts: BTreeMap<_, _> = (0..12)
        .map(|number| (number * 3, Verdict::Checked { clauses: MANY, otherwise: Action::Errno(number as u16 + 1) }))
        .collect();
    let table = Table { verdicts, otherwise: Action::Allow };
    let program = compile(ARCHITECTURE, &table).unwrap_err();
    assert!(matches!(program, Error::TooLong { instructions } if instructions > 4096));

    let few = Table { verdicts: table.verdicts.into_iter().take(2).collect(), otherwise: Action::Allow };
    let program = compile(ARCHITECTURE, &few).unwrap();
    assert!(program.len() > 1000, "{}", program.len());
    for number in 0..40 {
        for value in [0, 3, 1 << 40, 2 << 40, 3 << 40, 3 | 1 << 40] {
            let call = Call { number, architecture: ARCHITECTURE, arguments: [value; 6] };
            assert_eq!(run(&program, call), answer(read(&few, ARCHITECTURE, call)), "{call:x?}");
        }
    }
}

#[test]
fn an_empty_table_answers_everything_alike() {
    let table = Table { verdicts: BTreeMap::new(), otherwise: ENOSYS };
    let program = compile(ARCHITECTURE, &table).unwrap();
    for number in [0, 1, 1023, u32::MAX] {
        let call = Call { number, architecture: ARCHITECTURE, arguments: [0; 6] };
        assert_eq!(run(&program, call), answer(ENOSYS));
    }
}

#[test]
fn the_filter_stays_short_enough_to_install_quickly() {
    let instructions = Judge::new(Profile::Default).program.len();
    assert!(instructions <= 320, "{instructions} instructions; installing takes time in proportion");
}
