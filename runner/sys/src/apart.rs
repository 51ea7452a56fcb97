//! Starts a program of the host's apart from this process: in a session of its own, with nothing but its standard streams,
//! and no longer than this process lives.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, Signal};

use crate::clone::last_errno;

/// Has the program start apart: it leads a session, so it has no terminal and its group has its process id; descriptors
/// from 3 on are closed when it starts; it leaves no core dump; it is killed when the thread that starts it ends.
pub fn set_apart(command: &mut Command) {
    let parent = rustix::process::getpid();
    let prepare = move || -> io::Result<()> {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have ended before that was in force.
        if rustix::process::getppid() != Some(parent) {
            return Err(Errno::SRCH.into());
        }
        rustix::process::setsid()?;
        rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
        Ok(close_others_on_exec()?)
    };
    // SAFETY: the closure makes system calls on plain numbers only: it allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
}

/// Marks every descriptor but the standard streams to be closed by exec. The one by which a failed exec is told is marked
/// already.
fn close_others_on_exec() -> Result<(), Errno> {
    // SAFETY: takes numbers; no descriptor is closed before exec.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::process::Stdio;

    use super::*;

    fn ask(script: &str, prepare: impl Fn(&mut Command)) -> String {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null());
        prepare(&mut command);
        let said = command.output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn the_program_leads_a_session_without_a_core_dump() {
        // Fields 5 and 6 of `stat` are group and session (proc(5)); the shell's name has no blank.
        let script = "read -r pid name state parent group session rest < /proc/self/stat; \
                      [ $pid = $group ] && [ $pid = $session ] && echo leads; ulimit -c; ulimit -Hc";
        assert_eq!(ask(script, set_apart), "leads\n0\n0");
        assert!(!ask(script, |_| ()).starts_with("leads"), "control");
    }

    #[test]
    fn it_has_nothing_but_its_standard_streams() {
        let inherited = std::fs::File::open("/dev/null").unwrap();
        // A descriptor without the mark, as a caller may leave one.
        rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
        let script = format!("[ -e /proc/self/fd/{} ] && echo there || echo gone", inherited.as_raw_fd());
        assert_eq!(ask(&script, set_apart), "gone");
        assert_eq!(ask(&script, |_| ()), "there", "control");
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error() {
        let mut command = Command::new("/no/such/program");
        set_apart(&mut command);
        assert_eq!(command.spawn().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
