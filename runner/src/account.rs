//! Who the caller is, from the system database and the kernel. Never believes `HOME` or `USER`.

use std::os::fd::AsFd;

use opaque_policy::coding_agent::CodingAgent;
use opaque_policy::facts::Account;
use opaque_policy::path::AbsPath;
use opaque_policy::principal::ClientKind;
use opaque_policy::text::Text;
use rustix::fs::{Mode, OFlags};

use crate::descriptor;
use crate::invocation::Environment;
use crate::process::{Process, own_group};

pub(crate) mod ancestors;

/// Longest system database that is read; what follows is unknown.
const DATABASE: usize = 1024 * 1024;
/// Variables by which CI systems make themselves known.
const CI: [&str; 9] = [
    "CI",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "BUILDKITE",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "CIRCLECI",
    "TF_BUILD",
    "BITBUCKET_BUILD_NUMBER",
];

/// The local accounts of this machine.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    entries: Vec<Account>,
}

/// Says why the caller's account cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The private home directory of the run would cover the system.
    #[error("the home directory of uid {uid} is `{home}`, which no run can have for its own")]
    Home {
        /// The caller.
        uid: u32,
        /// What the database says.
        home: AbsPath,
    },
}

impl AccountError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Home { uid, .. } => {
                format!("give uid {uid} a home directory of its own in /etc/passwd, or remove its entry")
            }
        }
    }
}

impl Accounts {
    /// Reads `/etc/passwd`; a missing or unreadable one has no accounts.
    #[must_use]
    pub fn read() -> Self {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let content = rustix::fs::open("/etc/passwd", flags, Mode::empty())
            .and_then(|file| descriptor::read_bounded(file, DATABASE))
            .unwrap_or_default();
        Self::parse(&content)
    }

    /// Parses the lines of `passwd(5)`; a line that makes no sense is no account.
    #[must_use]
    pub fn parse(content: &[u8]) -> Self {
        Self { entries: content.split(|byte| *byte == b'\n').filter_map(entry).collect() }
    }

    /// The account of the real uid. One that the database does not know is named by its number and gets a home that
    /// nobody can have prepared: `/home/uid-N`.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub fn current(&self) -> Result<Account, AccountError> {
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        self.of(uid, gid, directory_service)
    }

    fn of(&self, uid: u32, gid: u32, elsewhere: impl Fn(u32) -> Option<Account>) -> Result<Account, AccountError> {
        let known = self.entries.iter().find(|entry| entry.uid == uid).cloned().or_else(|| elsewhere(uid));
        let account = known.map_or_else(|| unknown(uid, gid), |known| Account { gid, ..known });
        if is_system(&account.home) {
            return Err(AccountError::Home { uid, home: account.home });
        }
        Ok(account)
    }

    /// The account other than `own` whose home directory is `path`.
    #[must_use]
    pub fn other_home(&self, path: &AbsPath, own: &Account) -> Option<&Account> {
        self.entries.iter().find(|entry| entry.home == *path && entry.uid != own.uid && entry.home != own.home)
    }
}

/// What kind of client stands behind this process. `known` are coding agents beyond the built-in ones.
///
/// All of it is derived: a program of the same uid can look like any kind, so a rule that permits by kind must say so.
#[must_use]
pub fn client_kind(environment: &Environment, known: &[CodingAgent]) -> ClientKind {
    if CI.into_iter().any(|name| environment.contains_key(&Text::from(name))) {
        return ClientKind::Ci;
    }
    if !is_foreground() || coding_agent(environment, known).is_some() || !Process::this().has_its_lineage() {
        return ClientKind::Agent;
    }
    ClientKind::Human
}

/// The coding agent that stands between this process and a person, as far as can be told.
#[must_use]
pub fn coding_agent(environment: &Environment, known: &[CodingAgent]) -> Option<Text> {
    ancestors::coding_agent(Process::parent_of_this(), environment, known)
}

/// True when this process stands in the foreground of a terminal.
pub(crate) fn is_foreground() -> bool {
    let Some(own) = own_group() else { return false };
    let is_ours =
        |terminal: &dyn Fn() -> rustix::io::Result<rustix::process::Pid>| terminal().is_ok_and(|group| group == own);
    is_ours(&|| rustix::termios::tcgetpgrp(rustix::stdio::stdin().as_fd()))
        || is_ours(&|| rustix::termios::tcgetpgrp(rustix::stdio::stderr().as_fd()))
}

/// A directory service (LDAP and the like) answers through the C library; a static one knows only the file.
fn directory_service(uid: u32) -> Option<Account> {
    if cfg!(target_feature = "crt-static") {
        return None;
    }
    let user = nix::unistd::User::from_uid(uid.into()).ok()??;
    let home = AbsPath::new(user.dir.as_os_str().as_encoded_bytes()).ok()?;
    Some(Account { uid, gid: user.gid.as_raw(), name: user.name, home })
}

fn unknown(uid: u32, gid: u32) -> Account {
    let home = AbsPath::new(format!("/home/uid-{uid}")).unwrap_or_else(|_| AbsPath::root());
    Account { uid, gid, name: uid.to_string(), home }
}

fn entry(line: &[u8]) -> Option<Account> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = AbsPath::new(fields.nth(1)?).ok()?;
    Some(Account { uid, gid, name, home })
}

/// Directories that an empty private home would hide from the run.
fn is_system(home: &AbsPath) -> bool {
    const WHOLE: [&str; 9] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/dev", "/proc", "/sys"];
    const ALONE: [&str; 7] = ["/", "/home", "/opt", "/run", "/tmp", "/var", "/nix"];
    let is_below = |system: &&str| AbsPath::new(system).is_ok_and(|system| home.is_within(&system));
    let is_same = |system: &&str| home.as_bytes() == system.as_bytes();
    WHOLE.iter().any(is_below) || ALONE.iter().any(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\nnonsense\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/srv/bob:/bin/sh\n\
        daemon:x:1:1::/usr/sbin:/sbin/nologin\nroot2:x:7:7::/:/bin/sh\n";

    fn path(text: &str) -> AbsPath {
        AbsPath::new(text).unwrap()
    }

    fn account(uid: u32) -> Result<Account, AccountError> {
        Accounts::parse(PASSWD).of(uid, 5, |_| None)
    }

    #[test]
    fn an_account_comes_from_the_system_database_with_the_real_group() {
        assert_eq!(account(1000), Ok(Account { uid: 1000, gid: 5, name: "ann".into(), home: path("/home/ann") }));
    }

    #[test]
    fn a_uid_without_an_entry_is_named_by_its_number() {
        assert_eq!(account(4711), Ok(Account { uid: 4711, gid: 5, name: "4711".into(), home: path("/home/uid-4711") }));
    }

    #[test]
    fn a_directory_service_is_asked_only_when_the_file_does_not_know() {
        let elsewhere = |uid| Some(Account { uid, gid: 1, name: "ldap".into(), home: path("/home/ldap") });
        assert_eq!(Accounts::parse(PASSWD).of(4711, 5, elsewhere).unwrap().name, "ldap");
        assert_eq!(Accounts::parse(PASSWD).of(1000, 5, elsewhere).unwrap().name, "ann");
    }

    #[test]
    fn a_home_that_would_hide_the_system_is_refused() {
        assert_eq!(account(7), Err(AccountError::Home { uid: 7, home: AbsPath::root() }));
        assert_eq!(account(1), Err(AccountError::Home { uid: 1, home: path("/usr/sbin") }));
    }

    #[test]
    fn another_home_is_known_and_the_own_one_is_not_another() {
        let accounts = Accounts::parse(PASSWD);
        let own = account(1000).unwrap();
        assert_eq!(accounts.other_home(&path("/srv/bob"), &own).map(|other| other.uid), Some(1001));
        assert_eq!(accounts.other_home(&path("/home/ann"), &own), None);
    }

    #[test]
    fn the_machine_s_own_database_has_root() {
        assert!(Accounts::read().entries.iter().any(|entry| entry.uid == 0));
    }

    #[test]
    fn a_ci_variable_makes_a_ci_client() {
        let environment = Environment::from([(Text::from("GITLAB_CI"), Text::from(""))]);
        assert_eq!(client_kind(&environment, &[]), ClientKind::Ci);
        assert_ne!(client_kind(&Environment::new(), &[]), ClientKind::Ci);
    }
}
