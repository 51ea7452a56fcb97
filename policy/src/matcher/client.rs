//! Conditions on the program that asks.

use std::collections::BTreeSet;

use crate::fact::Fact;
use crate::glob::TextGlob;
use crate::matcher::Grade;
use crate::matcher::verdict::{Match, yes};
use crate::path_glob::PathGlob;
use crate::policy_set::Need;
use crate::principal::{ClientKind, Executable, Principal};

/// A named client: a program that asks, by everything that is written of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) uid: Option<u32>,
    pub(crate) kind: Option<ClientKind>,
    pub(crate) exe_path: Option<ExePath>,
    pub(crate) exe_sha256: Option<String>,
    pub(crate) codesign_team_id: Option<String>,
}

/// A pattern over the path of an executable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ExePath {
    /// Component by component.
    Path(PathGlob),
    /// As Policy v1 reads it: `*` crosses `/`.
    Text(TextGlob),
}

impl Client {
    pub(crate) fn judge(&self, principal: &Principal) -> Match {
        let uid = self.uid.map(|uid| yes(uid == principal.uid));
        let kind = self.kind.map(|kind| yes(kind == principal.kind));
        let executable = |holds: &dyn Fn(&Executable) -> Match| match &principal.executable {
            Fact::Known(executable) => holds(executable),
            Fact::Absent => Match::No,
            Fact::Unknown => Match::Unknown,
        };
        let path = self.exe_path.as_ref().map(|path| executable(&|found| yes(path.matches(found))));
        let sha256 =
            self.exe_sha256.as_ref().map(|wanted| executable(&|found| Match::of(&found.sha256, |sha| sha == wanted)));
        let team = self.codesign_team_id.as_ref();
        let team = team.map(|wanted| executable(&|found| Match::of(&found.codesign_team_id, |team| team == wanted)));
        Match::all([uid, kind, path, sha256, team].into_iter().flatten())
    }

    /// True when nothing is said of it but its name.
    pub(crate) fn is_anybody(&self) -> bool {
        self.uid.is_none() && self.grade() == Grade::Verified
    }

    /// Adds what has to be known for it.
    pub(crate) fn ask(&self, needs: &mut BTreeSet<Need>) {
        if self.exe_path.is_some() || self.exe_sha256.is_some() || self.codesign_team_id.is_some() {
            needs.insert(Need::Client);
        }
        if self.exe_sha256.is_some() {
            needs.insert(Need::ClientContent);
        }
    }

    pub(crate) fn grade(&self) -> Grade {
        let is_uid_alone = self.kind.is_none()
            && self.exe_path.is_none()
            && self.exe_sha256.is_none()
            && self.codesign_team_id.is_none();
        if is_uid_alone { Grade::Verified } else { Grade::Derived }
    }
}

impl ExePath {
    fn matches(&self, executable: &Executable) -> bool {
        match self {
            Self::Path(glob) => glob.matches(&executable.path),
            Self::Text(glob) => glob.matches(executable.path.as_bytes()),
        }
    }
}

/// A condition on the kind of client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kinds {
    pub(crate) listed: Vec<ClientKind>,
    /// Under Policy v1: who is a human. Everybody else is an agent then, whatever else is known.
    pub(crate) humans: Option<Vec<Client>>,
}

impl Kinds {
    pub(crate) fn judge(&self, principal: &Principal) -> Match {
        let Some(humans) = &self.humans else { return yes(self.listed.contains(&principal.kind)) };
        let wants = |kind| self.listed.contains(&kind);
        match Match::any(humans.iter().map(|human| human.judge(principal))) {
            Match::Yes => yes(wants(ClientKind::Human)),
            Match::No => yes(wants(ClientKind::Agent)),
            Match::Unknown if wants(ClientKind::Human) && wants(ClientKind::Agent) => Match::Yes,
            Match::Unknown => Match::Unknown,
        }
    }

    pub(crate) fn grade(&self) -> Grade {
        // A file of version 1 has no word for trust: its list of humans is believed, and `policy check` says so.
        if self.humans.is_some() { Grade::Verified } else { Grade::Derived }
    }

    pub(crate) fn covers(&self, narrow: &Self) -> bool {
        self.humans == narrow.humans && narrow.listed.iter().all(|kind| self.listed.contains(kind))
    }
}
