//! Acts on kernel facilities that ordinary programs do not need.

use crate::{Act, Attempt, answer, argument};

pub(crate) const ACTS: &[(&str, Act)] = &[
    ("add-key", add_key),
    ("request-key", request_key),
    ("list-session-keys", list_session_keys),
    ("join-session-keyring", join_session_keyring),
    ("bpf", bpf),
    ("io-uring", io_uring),
    ("userfaultfd", userfaultfd),
    ("performance-event", performance_event),
    ("int80", int80),
    ("x32", x32),
    ("personality", personality),
    ("memory-file", memory_file),
    ("kernel-log", kernel_log),
    ("set-host-name", set_host_name),
    ("swap-off", swap_off),
    ("reboot", reboot),
    ("load-module", load_module),
    ("open-by-handle", open_by_handle),
    ("fanotify", fanotify),
    ("set-clock", set_clock),
    ("quota", quota),
    ("kernel-compare", kernel_compare),
    ("unknown-call", unknown_call),
];

const PROCESS_KEYRING: libc::c_long = -2;
const SESSION_KEYRING: libc::c_long = -3;
const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;
const KEYCTL_READ: libc::c_long = 11;

fn done(result: libc::c_long) -> Attempt {
    answer(result).map(|_| String::new())
}

/// Adds a key to the process's own keyring, which dies with it.
fn add_key(_: &[String]) -> Attempt {
    // SAFETY: the strings end in NUL and the length is that of the payload.
    done(unsafe {
        libc::syscall(libc::SYS_add_key, c"user".as_ptr(), c"probe".as_ptr(), b"x".as_ptr(), 1, PROCESS_KEYRING)
    })
}

fn request_key(arguments: &[String]) -> Attempt {
    add_key(arguments)?;
    let nothing: *const libc::c_char = std::ptr::null();
    // SAFETY: the strings end in NUL; no call-out information is passed.
    done(unsafe { libc::syscall(libc::SYS_request_key, c"user".as_ptr(), c"probe".as_ptr(), nothing, 0) })
}

fn list_session_keys(_: &[String]) -> Attempt {
    let mut keys = [0_i32; 64];
    // SAFETY: the buffer has the length that is passed.
    let bytes = answer(unsafe {
        libc::syscall(libc::SYS_keyctl, KEYCTL_READ, SESSION_KEYRING, keys.as_mut_ptr(), size_of_val(&keys))
    })?;
    Ok(format!("{} keys", bytes / 4))
}

/// Joins a new session keyring without a name; it dies with the process.
fn join_session_keyring(_: &[String]) -> Attempt {
    let nameless: *const libc::c_char = std::ptr::null();
    // SAFETY: a null name means a new anonymous keyring.
    done(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nameless) })
}

/// Makes an array map of one element.
fn bpf(_: &[String]) -> Attempt {
    let mut attributes = [0_u32; 16];
    attributes[..4].copy_from_slice(&[2, 4, 4, 1]);
    // SAFETY: the attributes live through the call; their size is passed.
    done(unsafe { libc::syscall(libc::SYS_bpf, 0, attributes.as_ptr(), size_of_val(&attributes)) })
}

fn io_uring(_: &[String]) -> Attempt {
    let mut parameters = [0_u8; 120];
    // SAFETY: `struct io_uring_params` has 120 bytes; zeros ask for nothing special.
    done(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) })
}

fn userfaultfd(_: &[String]) -> Attempt {
    const USER_MODE_ONLY: libc::c_long = 1;
    // SAFETY: no pointer is passed.
    done(unsafe { libc::syscall(libc::SYS_userfaultfd, libc::c_long::from(libc::O_CLOEXEC) | USER_MODE_ONLY) })
}

/// Counts the process's own page faults.
fn performance_event(_: &[String]) -> Attempt {
    let mut attributes = [0_u8; 128];
    attributes[0] = 1; // PERF_TYPE_SOFTWARE
    attributes[4] = 128; // size
    attributes[8] = 2; // PERF_COUNT_SW_PAGE_FAULTS
    attributes[40] = 0b0110_0000; // exclude_kernel, exclude_hv
    // SAFETY: the attributes live through the call and name their size.
    done(unsafe { libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), 0, -1, -1, 0) })
}

/// `getpid` by the 32-bit entry.
#[cfg(target_arch = "x86_64")]
fn int80(_: &[String]) -> Attempt {
    let result: i64;
    // SAFETY: `getpid` touches no memory; the 32-bit entry may clobber r8 to r11.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("rax") 20_i64 => result,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    if result < 0 { Err(i32::try_from(-result).unwrap_or(libc::EIO)) } else { Ok(String::new()) }
}

#[cfg(not(target_arch = "x86_64"))]
fn int80(_: &[String]) -> Attempt {
    Err(libc::ENOSYS)
}

/// `getpid` by its x32 number.
fn x32(_: &[String]) -> Attempt {
    // SAFETY: no pointer is passed.
    done(unsafe { libc::syscall(libc::SYS_getpid | 0x4000_0000) })
}

/// Turns address randomisation off.
fn personality(_: &[String]) -> Attempt {
    // SAFETY: no pointer is passed.
    done(unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) }.into())
}

fn memory_file(_: &[String]) -> Attempt {
    // SAFETY: the name ends in NUL.
    done(unsafe { libc::memfd_create(c"probe".as_ptr(), libc::MFD_CLOEXEC) }.into())
}

/// Asks for the size of the kernel's log.
fn kernel_log(_: &[String]) -> Attempt {
    let nowhere: *mut libc::c_char = std::ptr::null_mut();
    // SAFETY: action 10 (size of the buffer) reads no pointer.
    done(unsafe { libc::klogctl(10, nowhere, 0) }.into())
}

/// Sets the host name that is already set.
fn set_host_name(_: &[String]) -> Attempt {
    let mut name = [0_u8; 64];
    // SAFETY: the buffer has the length that is passed.
    answer(unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) })?;
    let length = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    // SAFETY: the first `length` bytes are the name.
    done(unsafe { libc::sethostname(name.as_ptr().cast(), length) }.into())
}

/// Turns off a swap area that does not exist: EPERM comes before ENOENT.
fn swap_off(_: &[String]) -> Attempt {
    // SAFETY: the path ends in NUL.
    permitted(unsafe { libc::swapoff(c"/nonexistent".as_ptr()) }, libc::ENOENT)
}

/// Asks to reboot with magic numbers that the kernel never accepts: EPERM comes before EINVAL.
fn reboot(_: &[String]) -> Attempt {
    let nothing: *const libc::c_void = std::ptr::null();
    // SAFETY: with wrong magic numbers nothing is read.
    let result = unsafe { libc::syscall(libc::SYS_reboot, 0, 0, 0, nothing) };
    permitted(i32::try_from(result).unwrap_or(-1), libc::EINVAL)
}

/// Loads a module from a descriptor that is none: EPERM comes before EBADF.
fn load_module(_: &[String]) -> Attempt {
    // SAFETY: the parameters end in NUL.
    let result = unsafe { libc::syscall(libc::SYS_finit_module, -1, c"".as_ptr(), 0) };
    permitted(i32::try_from(result).unwrap_or(-1), libc::EBADF)
}

/// Opens the root directory by its handle, which passes every mount boundary.
fn open_by_handle(_: &[String]) -> Attempt {
    let mut handle = [0_u8; 8 + 128];
    handle[0] = 128;
    let mut mount = 0_i32;
    // SAFETY: the handle has the room that it names; the mount id is written.
    answer(unsafe {
        libc::syscall(
            libc::SYS_name_to_handle_at,
            libc::AT_FDCWD,
            c"/".as_ptr(),
            handle.as_mut_ptr(),
            &raw mut mount,
            0,
        )
    })?;
    // SAFETY: the path ends in NUL.
    let root = answer(unsafe { libc::open(c"/".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC) })?;
    // SAFETY: the handle was filled above.
    done(unsafe { libc::syscall(libc::SYS_open_by_handle_at, root, handle.as_ptr(), libc::O_RDONLY) })
}

fn fanotify(_: &[String]) -> Attempt {
    const CLASS_CONTENT: libc::c_uint = 4;
    // SAFETY: no pointer is passed.
    done(unsafe { libc::fanotify_init(CLASS_CONTENT | libc::FAN_CLOEXEC, 0) }.into())
}

/// Asks to slew the clock by nothing.
fn set_clock(_: &[String]) -> Attempt {
    // SAFETY: an all-zero `timex` is valid; the mode says which fields count.
    let mut adjustment: libc::timex = unsafe { std::mem::zeroed() };
    adjustment.modes = libc::ADJ_OFFSET_SINGLESHOT;
    // SAFETY: the structure lives through the call.
    done(unsafe { libc::adjtimex(&raw mut adjustment) }.into())
}

/// Switches quotas on for a device that does not exist.
fn quota(_: &[String]) -> Attempt {
    let nothing: *mut libc::c_char = std::ptr::null_mut();
    let command = 0x0080_0002_i64 << 8;
    // SAFETY: the path ends in NUL; no buffer is passed.
    let result = unsafe { libc::syscall(libc::SYS_quotactl, command, c"/nonexistent".as_ptr(), 0, nothing) };
    permitted(i32::try_from(result).unwrap_or(-1), libc::ENOENT)
}

/// Compares two descriptors of the process itself.
fn kernel_compare(_: &[String]) -> Attempt {
    let own = std::process::id();
    // SAFETY: no pointer is passed.
    done(unsafe { libc::syscall(libc::SYS_kcmp, own, own, 0, 1, 1) })
}

/// A call that no kernel has: refused everywhere; its error number tells which filter answered.
fn unknown_call(arguments: &[String]) -> Attempt {
    let number: libc::c_long = argument(arguments, 0).parse().expect("a number");
    // SAFETY: an unknown number reads no memory.
    done(unsafe { libc::syscall(number) })
}

/// An act that a permitted caller sees refused for another reason, `harmless`.
fn permitted(result: i32, harmless: i32) -> Attempt {
    match answer(result) {
        Ok(_) => Ok(String::new()),
        Err(number) if number == harmless => Ok("permitted".to_owned()),
        Err(number) => Err(number),
    }
}
