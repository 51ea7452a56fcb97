//! Which window of tmux the caller sits in. The machine's own `tmux` asks the caller's own server; never through a shell,
//! with a setting of the caller's, or by a name that the caller's directories could answer to.
//!
//! The server is the caller's and says what it likes: the answer is a derived fact. It could also have its client execute
//! something, so that none is asked that listens in a workspace, where a sandboxed program may have put it. What is odd in
//! any way is not known.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use opaque_policy::fact::Fact;
use opaque_policy::facts::Workspace;
use opaque_policy::text::Text;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};

use crate::invocation::Environment;
use crate::policy_files::walk::Walk;
use crate::{answer, descriptor};

/// Where the machine's own program is.
const PROGRAMS: [&str; 3] = ["/usr/bin/tmux", "/usr/local/bin/tmux", "/bin/tmux"];
/// The server's socket, which the program is handed as a descriptor: nobody can put another in its place meanwhile.
const SOCKET: &str = "/proc/self/fd/0";
/// The pane is asked for too, as tmux answers with nothing, or for another one, where it knows no such pane.
const FORMAT: &str = "#{pane_id}:#{session_name}:#{window_name}";
/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest answer.
const ANSWER: usize = 4096;

/// True when the caller sits in tmux, or says so.
#[must_use]
pub fn is_around(environment: &Environment) -> bool {
    environment.contains_key(&Text::from("TMUX"))
}

/// `session:window`; absent outside of tmux.
#[must_use]
pub fn window(environment: &Environment, workspace: &Workspace) -> Fact<Text> {
    let variable = |name| environment.get(&Text::from(name)).map(Text::as_bytes);
    let Some(server) = variable("TMUX") else { return Fact::Absent };
    Fact::looked(variable("TMUX_PANE").and_then(|pane| ask(server, pane, workspace)))
}

fn ask(server: &[u8], pane: &[u8], workspace: &Workspace) -> Option<Text> {
    let pane = pane_of(pane)?;
    let socket = socket(server, rustix::process::getuid().as_raw())?;
    if !is_outside(&socket, workspace) {
        return None;
    }
    let program = PROGRAMS.into_iter().find_map(program)?;
    let mut asking = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    // `-u`: names come as they are, whatever the locale is.
    asking.args(["-u", "-S", SOCKET, "display-message", "-p", "-t", pane, FORMAT]);
    asking.env_clear().current_dir("/").stdin(socket).stdout(Stdio::piped()).stderr(Stdio::null());
    let until = Instant::now() + PATIENCE;
    let mut child = asking.spawn().ok()?;
    let said = answer::listen(&mut child, until, ANSWER);
    // Who has said too much, or nothing yet, is waited for no longer.
    let until = if said.is_ok() { until } else { Instant::now() };
    let is_whole = answer::end(&mut child, until).is_some_and(|status| status.success());
    name(&said.ok().filter(|_| is_whole)?, pane)
}

/// A pane's number as tmux writes it: `%7`.
fn pane_of(text: &[u8]) -> Option<&str> {
    let digits = text.strip_prefix(b"%")?;
    let is_number = (1..=10).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)
}

/// The server's socket, when it is one and the caller's; no link leads to it.
fn socket(server: &[u8], uid: u32) -> Option<OwnedFd> {
    // `TMUX` is the path, the server's number and the session's; a path may have commas in it.
    let mut parts = server.rsplitn(3, |byte| *byte == b',');
    let path = parts.nth(2).filter(|path| path.starts_with(b"/"))?;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let socket = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).ok()?;
    let stat = rustix::fs::fstat(&socket).ok()?;
    (descriptor::kind(&stat) == FileType::Socket && stat.st_uid == uid).then_some(socket)
}

fn is_outside(socket: &OwnedFd, workspace: &Workspace) -> bool {
    match workspace {
        Workspace::Root(root) => {
            matches!(descriptor::real_path(socket), Ok(Some(path)) if !path.is_within(&root.path))
        }
        Workspace::None { .. } => true,
    }
}

/// The program, when it and all on the way to it are root's, and nobody else may write there.
fn program(path: &str) -> Option<OwnedFd> {
    let root = File::open("/").ok()?;
    Walk { root: root.as_fd(), uid: 0, outside: None }.program(path.as_bytes()).ok()?
}

/// The name in an answer.
fn name(said: &[u8], pane: &str) -> Option<Text> {
    let line = std::str::from_utf8(said).ok()?.strip_suffix('\n')?;
    let name = line.strip_prefix(pane)?.strip_prefix(':')?;
    let (session, _) = name.split_once(':')?;
    (!session.is_empty() && !name.chars().any(char::is_control)).then(|| Text::new(name))?
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_pane_is_a_number_and_nothing_else() {
        assert_eq!(pane_of(b"%0"), Some("%0"));
        assert_eq!(pane_of(b"%1234567890"), Some("%1234567890"));
        for wrong in ["", "%", "0", "%-1", "%1 ", "main", "%1;kill-server", "=x", "%12345678901", "%\u{663}"] {
            assert_eq!(pane_of(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn an_answer_names_the_pane_that_was_asked_for_and_one_window() {
        let named = |said: &str| name(said.as_bytes(), "%1").map(|name| name.to_string());
        assert_eq!(named("%1:main:deploy\n"), Some("main:deploy".to_owned()));
        assert_eq!(named("%1:main:a:b c\n"), Some("main:a:b c".to_owned()));
        assert_eq!(named("%1:main:dépl\n"), Some("main:dépl".to_owned()));
        for odd in [
            "",
            "\n",
            ":\n",
            "::\n",
            "%1::deploy\n",
            "%1:main\n",
            "%2:main:deploy\n",
            "%11:main:deploy\n",
            "%1:main:deploy",
            "%1:main:deploy\n\n",
            "%1:main:de\nploy\n",
            "%1:main:\u{1b}[2J\n",
            "%1:main:\u{85}\n",
        ] {
            assert_eq!(named(odd), None, "{odd:?}");
        }
        assert_eq!(name(b"%1:main:\xff\n", "%1"), None);
    }

    #[test]
    fn a_socket_is_the_callers_own_and_no_link_leads_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(directory.path()).unwrap();
        let at = |name: &str| format!("{},12,0", real.join(name).display()).into_bytes();
        let _listening = UnixListener::bind(real.join("a,b")).unwrap();
        let uid = real.join("a,b").metadata().unwrap().uid();
        std::fs::write(real.join("file"), "").unwrap();
        symlink("a,b", real.join("link")).unwrap();
        symlink(".", real.join("way")).unwrap();
        assert!(socket(&at("a,b"), uid).is_some());
        assert!(socket(&at("a,b"), uid + 1).is_none());
        for other in ["file", "link", "way/a,b", "none"] {
            assert!(socket(&at(other), uid).is_none(), "{other}");
        }
        for odd in [&b""[..], b"x,1,0", b"/", b"/tmp", b",1,0", b"/tmp/x,1"] {
            assert!(socket(odd, uid).is_none());
        }
    }

    #[test]
    fn a_program_that_is_not_roots_alone_is_never_started() {
        let directory = tempfile::tempdir().unwrap();
        let own = std::fs::canonicalize(directory.path()).unwrap().join("tmux");
        std::fs::copy("/bin/true", &own).unwrap();
        // In a directory that everybody may write to, even root's.
        assert!(program(own.to_str().unwrap()).is_none());
        assert!(program("/usr/bin").is_none());
        assert!(program("/nonexistent/tmux").is_none());
        // The control.
        assert!(program("/bin/sh").is_some());
    }

    #[test]
    fn outside_of_tmux_there_is_no_window_and_an_odd_server_is_not_known() {
        let with = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| (Text::from(*name), Text::from(*value))).collect::<Environment>()
        };
        let none = Workspace::None { why: String::new() };
        assert_eq!(window(&with(&[("TMUX_PANE", "%0")]), &none), Fact::Absent);
        assert_eq!(window(&with(&[("TMUX", "/nonexistent/s,1,0"), ("TMUX_PANE", "%0")]), &none), Fact::Unknown);
        assert_eq!(window(&with(&[("TMUX", "/nonexistent/s,1,0")]), &none), Fact::Unknown);
    }
}
