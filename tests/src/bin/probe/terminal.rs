//! Acts on the terminal at standard input.

use crate::{Act, Attempt, answer, argument};

pub(crate) const ACTS: &[(&str, Act)] = &[
    ("type-into-terminal", type_into_terminal),
    ("console-paste", console_paste),
    ("is-terminal", is_terminal),
    ("window-size", window_size),
    ("wait-for-resize", wait_for_resize),
    ("take-terminal", take_terminal),
];

/// Pushes one character into the terminal's input; `high` sets a bit above the 32 that the kernel reads.
fn type_into_terminal(arguments: &[String]) -> Attempt {
    let request = widen(libc::TIOCSTI, arguments);
    // SAFETY: the character lives through the call.
    answer(unsafe { libc::syscall(libc::SYS_ioctl, 0, request, b"#".as_ptr()) }).map(|_| String::new())
}

/// Asks the console for its shift state (`TIOCLINUX` 6): harmless, and only a virtual console answers.
fn console_paste(arguments: &[String]) -> Attempt {
    let request = widen(libc::TIOCLINUX, arguments);
    let mut subcode = [6_u8, 0, 0, 0];
    // SAFETY: the buffer lives through the call and may be written.
    answer(unsafe { libc::syscall(libc::SYS_ioctl, 0, request, subcode.as_mut_ptr()) }).map(|_| String::new())
}

fn widen(request: libc::c_ulong, arguments: &[String]) -> libc::c_ulong {
    match argument(arguments, 0) {
        "plain" => request,
        "high" => request | 1 << 32,
        other => panic!("plain or high, not {other}"),
    }
}

fn is_terminal(_: &[String]) -> Attempt {
    // SAFETY: no pointer is passed.
    match unsafe { libc::isatty(0) } {
        1 => Ok(String::new()),
        _ => Err(crate::errno::last()),
    }
}

fn window_size(_: &[String]) -> Attempt {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the structure is ours to be written.
    answer(unsafe { libc::ioctl(0, libc::TIOCGWINSZ, &raw mut size) })?;
    Ok(format!("{} {}", size.ws_row, size.ws_col))
}

/// Waits for SIGWINCH and says the new size.
fn wait_for_resize(arguments: &[String]) -> Attempt {
    // SAFETY: an all-zero set is what `sigemptyset` starts from.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours.
    unsafe { libc::sigaddset(&raw mut set, libc::SIGWINCH) };
    // SAFETY: the set is ours; the old one is not asked for.
    answer(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) })?;
    println!("ready");
    let patience = libc::timespec { tv_sec: 20, tv_nsec: 0 };
    // SAFETY: the set and the time live through the call.
    answer(unsafe { libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const patience) })?;
    window_size(arguments)
}

/// Steals the terminal at standard input from the session that has it.
fn take_terminal(_: &[String]) -> Attempt {
    // SAFETY: the argument 1 asks to steal; no pointer is passed.
    answer(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 1) }).map(|_| String::new())
}
