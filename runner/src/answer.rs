//! What a program that was asked something says: for so long at most, and so much.

use std::os::fd::AsFd;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// How often a program is looked at that has said everything and has not ended.
const STEP: Duration = Duration::from_millis(1);

/// Everything that a child writes to its output, when it is no more than `bound` bytes and ends in time.
pub(crate) fn listen(child: &mut Child, until: Instant, bound: usize) -> Result<Vec<u8>, String> {
    let Some(output) = child.stdout.take() else { return Ok(Vec::new()) };
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let left =
            Timespec::try_from(until.saturating_duration_since(Instant::now())).map_err(|why| why.to_string())?;
        match rustix::event::poll(&mut [PollFd::new(&output, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err("it took too long".to_owned()),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno.to_string()),
        }
        match rustix::io::read(output.as_fd(), &mut buffer) {
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.to_string()),
        }
        if answer.len() > bound {
            return Err("its answer is too long".to_owned());
        }
    }
}

/// How a child ended; `None` where it had to be killed.
pub(crate) fn end(child: &mut Child, until: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(STEP),
            Ok(None) | Err(_) => {
                // It has ended already, or it ends now.
                drop(child.kill());
                drop(child.wait());
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::alone::Alone;

    fn said(script: &str, patience: Duration) -> (Result<Vec<u8>, String>, Option<bool>) {
        let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn_alone().unwrap();
        let until = Instant::now() + patience;
        let answer = listen(&mut child, until, 16);
        (answer, end(&mut child, until).map(|status| status.success()))
    }

    #[test]
    fn an_answer_is_taken_in_time_and_at_no_great_length() {
        let long = Duration::from_secs(20);
        assert_eq!(said("echo yes", long), (Ok(b"yes\n".to_vec()), Some(true)));
        assert_eq!(said("echo no; exit 3", long), (Ok(b"no\n".to_vec()), Some(false)));
        assert_eq!(said("echo 0123456789abcdef", long).0, Err("its answer is too long".to_owned()));
        let short = Duration::from_millis(50);
        assert_eq!(said("exec sleep 20", short), (Err("it took too long".to_owned()), None));
        // Whoever has said everything has to end too.
        assert_eq!(said("echo yes; exec sleep 20 >&-", short), (Ok(b"yes\n".to_vec()), None));
    }
}
