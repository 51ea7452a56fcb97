//! The values of a run's secrets between the approval and the command: read, checked, handed on, overwritten.

use std::os::fd::OwnedFd;

use opaque_policy::facts::{HostFacts, Workspace};
use opaque_policy::output::{Output, Show};
use opaque_policy::plan::Plan;
use opaque_policy::secret::{Delivery, Masking, SecretGrant};
use opaque_policy::text::Text;
use opaque_redact::{PatternError, Patterns, Rules, RulesError, SHORTEST, SHORTEST_ALLOWED, Secret, Short};
use opaque_sys::locked::{self, Locked};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

use crate::outcome::Refusal;
use crate::secrets::{self, Owner, Value};

/// The secrets of one run with their values. Nothing here can be shown.
pub struct Held {
    secrets: Vec<One>,
    /// What the person should know about how they are kept.
    pub notes: Vec<String>,
}

struct One {
    grant: SecretGrant,
    value: Locked,
}

impl Held {
    /// Reads the value of each secret of the plan.
    ///
    /// # Errors
    /// A value cannot be read, cannot be masked, or stands in the plan or the command line already.
    pub fn read(plan: &Plan, facts: &HostFacts) -> Result<Self, Refusal> {
        if !plan.secrets.is_empty() {
            secrets::keep_memory_private()
                .map_err(|errno| Refusal::cannot_build(format!("cannot keep memory out of core files: {errno}")))?;
        }
        let workspace = match &facts.workspace {
            Workspace::Root(root) => Some(root.inode),
            Workspace::None { .. } => None,
        };
        let owner = Owner { account: &facts.account, environment: &facts.env, workspace };
        let (mut secrets, mut notes) = (Vec::new(), Vec::new());
        for grant in &plan.secrets {
            let Value { bytes: value, notes: about } = secrets::read(&grant.name, &grant.source, grant.timeout, owner)?;
            check_against_plan(&grant.name, secrets::bare(value.as_bytes()), plan)?;
            notes.extend(about);
            secrets.push(One { grant: grant.clone(), value });
        }
        Ok(Self { secrets, notes })
    }

    /// What is masked in output.
    ///
    /// # Errors
    /// A value or a pattern that cannot be masked.
    pub fn rules(&self, output: &Output) -> Result<Rules, Refusal> {
        let secrets = self.to_be_masked()?;
        let (secrets, patterns) = match output.show {
            Show::All | Show::Nothing => (Vec::new(), Patterns::none()),
            Show::MaskedSecrets => (secrets, Patterns::none()),
            Show::MaskedSecretsAndPatterns => (secrets, patterns(output).map_err(|error| unusable(&error))?),
        };
        out_of_swap(Rules::new(&secrets, &patterns))
    }

    /// What is masked in text in lower case, whatever the output shows.
    ///
    /// # Errors
    /// A value that cannot be masked.
    pub fn rules_in_lower_case(&self) -> Result<Rules, Refusal> {
        out_of_swap(Rules::in_lower_case(&self.to_be_masked()?))
    }

    fn to_be_masked(&self) -> Result<Vec<Secret>, Refusal> {
        let mut secrets = Vec::new();
        for One { grant, value } in &self.secrets {
            let short = match grant.masking {
                Masking::Unmasked => continue,
                Masking::Masked => Short::Refused,
                Masking::MaskedShort => Short::Allowed,
            };
            let secret = Secret::copied(grant.name.to_string(), value.as_bytes(), short);
            secrets.push(secret.map_err(|error| {
                unusable(&error).hint("a profile can say `short = true`, or `redact = false`, under `[secrets.NAME]`")
            })?);
        }
        Ok(secrets)
    }

    /// The values that are masked.
    pub fn masked(&self) -> impl Iterator<Item = &Locked> {
        self.secrets.iter().filter(|one| one.grant.masking != Masking::Unmasked).map(|one| &one.value)
    }

    /// `NAME=value` with a NUL behind it, for each secret that is delivered in its variable. A line end at the end of what
    /// is kept stays behind, as with `$(…)`.
    ///
    /// # Errors
    /// No memory can be locked.
    pub fn variables(&self) -> Result<Vec<Locked>, Refusal> {
        self.delivered(Delivery::Env)
            .map(|One { grant, value }| {
                let name = grant.name.as_bytes();
                let mut variable =
                    Locked::with_capacity(name.len() + value.len() + 2).map_err(|errno| no_memory(&errno))?;
                for part in [name, b"=", secrets::bare(value.as_bytes()), b"\0"] {
                    variable.extend(part).map_err(|errno| no_memory(&errno))?;
                }
                Ok(variable)
            })
            .collect()
    }

    /// The content of the secret's file.
    ///
    /// # Errors
    /// No memory can be locked, or there is no such secret.
    pub fn file(&self, name: &Text) -> Result<Locked, Refusal> {
        let mut files = self.delivered(Delivery::File).filter(|one| one.grant.name == *name);
        let one = files.next().ok_or_else(|| Refusal::cannot_build(format!("the secret `{name}` has no value")))?;
        one.value.grown(one.value.len()).map_err(|errno| no_memory(&errno))
    }

    /// A pipe with the value in it, for each secret that is delivered by descriptor, in the plan's order.
    ///
    /// # Errors
    /// The kernel gives no pipe, or none that is large enough.
    pub fn pipes(&self) -> Result<Vec<OwnedFd>, Refusal> {
        let pipe = |One { grant, value }: &One| {
            filled_pipe(value.as_bytes()).map_err(|errno| {
                Refusal::cannot_build(format!("the secret `{}` cannot be put into a pipe: {errno}", grant.name))
                    .hint("deliver it as a file")
            })
        };
        self.delivered(Delivery::Fd).map(pipe).collect()
    }

    fn delivered(&self, by: Delivery) -> impl Iterator<Item = &One> {
        self.secrets.iter().filter(move |one| one.grant.deliver == by)
    }
}

fn out_of_swap(rules: Result<Rules, RulesError>) -> Result<Rules, Refusal> {
    let rules = rules.map_err(|error| unusable(&error))?;
    if rules.have_secrets() {
        locked::keep(rules.in_clear()).map_err(|errno| no_memory(&errno))?;
    }
    Ok(rules)
}

/// Makes a profile's expressions ready as a run would.
///
/// # Errors
/// One cannot be read, or together they are too much.
pub fn check_expressions(output: &Output) -> Result<(), RulesError> {
    Rules::new(&[], &patterns(output)?).map(drop)
}

fn patterns(output: &Output) -> Result<Patterns, PatternError> {
    let mut patterns = Patterns::well_known()?;
    for pattern in &output.patterns {
        patterns.add(&pattern.name, &pattern.regex, &pattern.replace)?;
    }
    Ok(patterns)
}

/// Whoever can see the plan sees what stands in it: the journal, the prompt, every process of the machine.
fn check_against_plan(name: &Text, value: &[u8], plan: &Plan) -> Result<(), Refusal> {
    // One of so few bytes that nothing masks it is told by a whole word only.
    let holds = |text: &[u8]| match value.len() < SHORTEST_ALLOWED {
        true => text == value,
        false => memchr::memmem::find(text, value).is_some(),
    };
    if plan.argv.iter().any(|argument| holds(argument.as_bytes())) {
        return Err(Refusal::cannot_build(format!(
            "the value of the secret `{name}` stands in the command's arguments, which every process can read"
        ))
        .hint("let the command read it from the variable, the file or the descriptor instead"));
    }
    if let Some(variable) = plan.env.iter().find(|variable| holds(variable.value.as_bytes())) {
        return Err(Refusal::cannot_build(format!(
            "the value of the secret `{name}` stands in the variable `{}`, which the command gets as well",
            variable.name
        ))
        .hint(format!("leave `{}` out, or make that variable the secret", variable.name)));
    }
    // A short one, which somebody has allowed by name, stands by chance in digests and numbers of files.
    if value.len() >= SHORTEST && holds(&serde_json::to_vec(plan).unwrap_or_default()) {
        return Err(Refusal::cannot_build(format!("the value of the secret `{name}` stands in the plan of this run"))
            .hint("use a random value, which is the name of nothing"));
    }
    Ok(())
}

fn filled_pipe(value: &[u8]) -> Result<OwnedFd, Errno> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // An account with many pipes gets small ones: a write that does not fit is refused and does not wait.
    rustix::fs::fcntl_setfl(&write, OFlags::NONBLOCK)?;
    if value.len() > 4096 {
        rustix::pipe::fcntl_setpipe_size(&write, value.len())?;
    }
    match rustix::io::retry_on_intr(|| rustix::io::write(&write, value))? {
        written if written == value.len() => Ok(read),
        _ => Err(Errno::NOSPC),
    }
}

fn unusable(error: &dyn std::fmt::Display) -> Refusal {
    let text = error.to_string();
    let (message, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
    let hint = (!hint.is_empty()).then(|| hint.to_owned());
    Refusal::cannot_build(message.to_owned()).with_hint(hint)
}

fn no_memory(errno: &Errno) -> Refusal {
    Refusal::cannot_build(format!("no memory can be locked for a secret: {errno}"))
        .hint("raise the limit on locked memory (`ulimit -l`)")
}

#[cfg(test)]
mod tests;
