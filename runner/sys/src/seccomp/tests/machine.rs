//! Runs a filter as the kernel does: an interpreter of classic BPF.

use libc::sock_filter;

use super::super::machine::code;

/// A call as a filter sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) number: u32,
    pub(super) architecture: u32,
    pub(super) arguments: [u64; 6],
}

impl Call {
    /// Reads a word of `struct seccomp_data`.
    fn word(&self, offset: u32) -> u32 {
        let mut data = Vec::with_capacity(64);
        data.extend(self.number.to_le_bytes());
        data.extend(self.architecture.to_le_bytes());
        data.extend(0x7fff_dead_beef_u64.to_le_bytes());
        data.extend(self.arguments.iter().flat_map(|argument| argument.to_le_bytes()));
        assert_eq!(offset % 4, 0, "the kernel refuses unaligned loads");
        let at = offset as usize;
        u32::from_le_bytes(data[at..at + 4].try_into().unwrap())
    }
}

/// Runs `program` to its return value. Panics on whatever the kernel would refuse to load.
pub(super) fn run(program: &[sock_filter], call: Call) -> u32 {
    let mut accumulator = 0_u32;
    let mut at = 0_usize;
    loop {
        let instruction = program[at];
        at += 1;
        match instruction.code {
            code::LOAD => accumulator = call.word(instruction.k),
            code::AND => accumulator &= instruction.k,
            code::JUMP => at += instruction.k as usize,
            code::JUMP_IF_EQUAL => {
                at += usize::from(if accumulator == instruction.k { instruction.jt } else { instruction.jf });
            }
            code::JUMP_IF_AT_LEAST => {
                at += usize::from(if accumulator >= instruction.k { instruction.jt } else { instruction.jf });
            }
            code::RETURN => return instruction.k,
            other => panic!("unknown instruction {other:#x}"),
        }
    }
}
