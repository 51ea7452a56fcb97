//! The classic BPF instructions that a filter uses, and where the kernel puts what they read.
//!
//! From `linux/filter.h`, `linux/seccomp.h` (`struct seccomp_data`) and `linux/audit.h`.

use libc::sock_filter;

use super::rule::Action;

/// The most instructions that the kernel takes (`BPF_MAXINSNS`).
pub(super) const MOST_INSTRUCTIONS: usize = 4096;

/// `AUDIT_ARCH_X86_64`.
#[cfg(target_arch = "x86_64")]
pub(super) const ARCHITECTURE: u32 = 0xC000_003E;

/// `AUDIT_ARCH_AARCH64`.
#[cfg(target_arch = "aarch64")]
pub(super) const ARCHITECTURE: u32 = 0xC000_00B7;

/// Offset of the call number.
pub(super) const NUMBER_OFFSET: u32 = 0;
/// Offset of the architecture that the call was made for.
pub(super) const ARCHITECTURE_OFFSET: u32 = 4;

// The halves of an argument are read as on a little-endian machine.
const _: () = assert!(cfg!(target_endian = "little"));

/// The operations, as `sock_filter.code` spells them.
pub(super) mod code {
    pub(in super::super) const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    pub(in super::super) const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
    pub(in super::super) const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
    pub(in super::super) const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    pub(in super::super) const JUMP_IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    pub(in super::super) const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
}

/// Offset of an argument's low half.
pub(super) const fn low_offset(argument: u8) -> u32 {
    16 + 8 * argument as u32
}

/// Offset of an argument's high half.
pub(super) const fn high_offset(argument: u8) -> u32 {
    low_offset(argument) + 4
}

/// An instruction that does not branch.
pub(super) const fn straight(code: u16, operand: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k: operand }
}

/// The value that a filter returns for an action.
pub(super) const fn answer(action: Action) -> u32 {
    match action {
        Action::Allow => libc::SECCOMP_RET_ALLOW,
        Action::Errno(number) => libc::SECCOMP_RET_ERRNO | number as u32,
        Action::Kill => libc::SECCOMP_RET_KILL_PROCESS,
    }
}
