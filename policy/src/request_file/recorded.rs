//! What the journal keeps of a request: every fact that was gathered, with values that may be secret or are too long
//! hidden and marked. Bounded; nothing is ever left out without a word.

use std::collections::BTreeMap;

use crate::fact::Fact;
use crate::redacted::{Redacted, Whole};
use crate::request::{Inode, Request};
use crate::request_file::RequestFile;
use crate::request_file::asked::{AskedFile, NetworkFile};
use crate::request_file::fields::{Argument, CommandFile, Mark, PrincipalFile};
use crate::text::Text;

/// Longest argument that is kept whole.
const ARGUMENT: usize = 4096;

/// The record of a request as JSON on one line. Whole facts give way until it has at most `room` bytes; the program's
/// path and the working directory stay, so that it may be a little over 48 KiB at worst.
#[must_use]
pub fn recorded(request: &Request, room: usize) -> Vec<u8> {
    let mut file = RequestFile::of(request);
    let mut bytes = file.to_bytes();
    let mut next = Whole::ALL.into_iter();
    while bytes.len() > room
        && let Some(whole) = next.next()
    {
        if file.states(whole) {
            file.hide(whole);
            bytes = file.to_bytes();
        }
    }
    bytes
}

impl RequestFile {
    /// A request as it is recorded, however long that is.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let mut redacted: Vec<Text> =
            request.redacted.iter().filter(|fact| is_listed(fact)).map(Redacted::name).collect();
        let mut context = request.surroundings.clone();
        if let Fact::Known(env) = &mut context.env {
            redacted.extend(std::mem::take(env).into_keys().map(|name| Redacted::Variable(name).name()));
        }
        let is_long = |texts: &Vec<Text>| texts.iter().any(|text| text.as_bytes().len() > ARGUMENT);
        if context.command.known().is_some_and(is_long) {
            context.command = Fact::Unknown;
            redacted.push(Text::from(Whole::RequesterCommand.name()));
        }
        let command = &request.command;
        let program = &command.program;
        let (nowhere, is_elsewhere) = (Inode { device: 0, number: 0 }, program.named != program.path);
        let argument = |(index, text): (usize, &Text)| {
            if request.redacted.contains(&Redacted::Argument(index)) {
                Argument::Hidden(Mark::SILENT)
            } else if text.as_bytes().len() > ARGUMENT {
                Argument::Hidden(Mark::of(text.as_bytes()))
            } else {
                Argument::Text(text.clone())
            }
        };
        Self {
            principal: PrincipalFile::of(&request.principal),
            operation: request.operation.name.clone(),
            target: request.operation.target.clone(),
            secrets: request.operation.secrets.clone(),
            command: CommandFile {
                path: program.path.clone(),
                argv: command.argv.iter().enumerate().map(argument).collect(),
                cwd: command.cwd.clone(),
                sha256: Fact::looked(program.sha256.clone()),
                named: is_elsewhere.then(|| program.named.clone()),
                inode: (program.inode != nowhere).then_some(program.inode),
                interpreters: program.interpreters.clone(),
            },
            repository: request.repository.clone(),
            context,
            asked: AskedFile::of(&request.asked),
            redacted,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        // No map here has keys but text, so that this cannot fail.
        serde_json::to_vec(self).unwrap_or_else(|_| b"null".to_vec())
    }

    /// True when the file says something of this fact.
    pub(super) fn states(&self, whole: Whole) -> bool {
        match whole {
            Whole::Operation => !super::is_run(&self.operation),
            Whole::Target => !self.target.is_empty(),
            Whole::Secrets => !self.secrets.is_empty(),
            Whole::Program => {
                let CommandFile { named, inode, interpreters, .. } = &self.command;
                named.is_some() || inode.is_some() || !interpreters.is_empty()
            }
            Whole::Arguments => self.command.argv.len() > 1,
            Whole::Executable => !self.principal.executable.is_unknown(),
            Whole::Roles => !self.principal.roles.is_unknown(),
            Whole::RemoteUrl => !self.repository.remote_url.is_unknown(),
            Whole::Branch => !self.repository.branch.is_unknown(),
            Whole::Ancestors => !self.context.ancestors.is_unknown(),
            Whole::RequesterCommand => !self.context.command.is_unknown(),
            Whole::Env => !self.context.env.is_unknown() || self.context.env_read.is_some(),
            Whole::Cgroup => !self.context.cgroup.is_unknown(),
            Whole::AskedProfile => self.asked.profile.is_some(),
            Whole::AskedRead => !self.asked.read.is_empty(),
            Whole::AskedWrite => !self.asked.write.is_empty(),
            Whole::AskedEnv => !self.asked.env.is_empty(),
            Whole::AskedSecrets => !self.asked.secrets.is_empty(),
            Whole::AskedNetwork => !super::is_default(&self.asked.network),
        }
    }

    /// Leaves a fact out and says so.
    fn hide(&mut self, whole: Whole) {
        match whole {
            Whole::Operation => super::run().clone_into(&mut self.operation),
            Whole::Target => self.target = BTreeMap::new(),
            Whole::Secrets => self.secrets = Vec::new(),
            Whole::Program => {
                (self.command.named, self.command.inode, self.command.interpreters) = (None, None, Vec::new())
            }
            Whole::Arguments => {
                self.command.argv.truncate(1);
                self.command.argv.iter_mut().for_each(Argument::shorten);
            }
            Whole::Executable => self.principal.executable = Fact::Unknown,
            Whole::Roles => self.principal.roles = Fact::Unknown,
            Whole::RemoteUrl => self.repository.remote_url = Fact::Unknown,
            Whole::Branch => self.repository.branch = Fact::Unknown,
            Whole::Ancestors => self.context.ancestors = Fact::Unknown,
            Whole::RequesterCommand => self.context.command = Fact::Unknown,
            Whole::Env => {
                (self.context.env, self.context.env_read) = (Fact::Unknown, None);
                self.redacted.retain(|name| !matches!(Redacted::listed(name), Some(Redacted::Variable(_))));
            }
            Whole::Cgroup => self.context.cgroup = Fact::Unknown,
            Whole::AskedProfile => self.asked.profile = None,
            Whole::AskedRead => self.asked.read = Vec::new(),
            Whole::AskedWrite => self.asked.write = Vec::new(),
            Whole::AskedEnv => self.asked.env = Vec::new(),
            Whole::AskedSecrets => self.asked.secrets = Vec::new(),
            Whole::AskedNetwork => self.asked.network = NetworkFile::default(),
        }
        self.redacted.push(Text::from(whole.name()));
    }
}

/// True for what stands in the list; the rest is marked in its place.
fn is_listed(fact: &Redacted) -> bool {
    match fact {
        Redacted::Whole(_) | Redacted::Variable(_) => true,
        Redacted::Argument(_) | Redacted::AskedValue(_) => false,
    }
}
