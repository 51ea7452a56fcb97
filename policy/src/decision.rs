//! The answer to a request. An answer that permits carries its grants and its obligations, so
//! nobody can take one without the other; an answer that denies carries the reason and the fix.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::answer::Answer;
use crate::approval::{Approval, Obligation};
use crate::egress::EgressEntry;
use crate::facts::HostFacts;
use crate::grants::Grants;
use crate::layer::{Layer, Vote};
use crate::limits::Beyond;
use crate::matcher::question::Question;
use crate::path::AbsPath;
use crate::plan::Access;
use crate::reach::Reach;
use crate::request::{Chooser, Request};
use crate::rule::Action;
use crate::text::Text;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// It may run.
    Allow(Permission),
    /// It may run once it is approved.
    Ask(Permission),
    /// It may not run.
    Deny(Denial),
}

impl Decision {
    /// The answer in one word.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::Allow(_) => Answer::Allow,
            Self::Ask(_) => Answer::Ask,
            Self::Deny(_) => Answer::Deny,
        }
    }

    /// The rule that decided, `layer:name`.
    #[must_use]
    pub fn rule(&self) -> &str {
        match self {
            Self::Allow(permission) | Self::Ask(permission) => permission.rule(),
            Self::Deny(denial) => denial.rule(),
        }
    }

    /// How each layer voted.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        match self {
            Self::Allow(permission) | Self::Ask(permission) => permission.trace(),
            Self::Deny(denial) => denial.trace(),
        }
    }
}

/// Leave to run with exactly these grants, under these obligations.
///
/// Made only by [`crate::policy_set::PolicySet::decide`]:
///
/// ```compile_fail
/// let permission = opaque_policy::decision::Permission { obligations: todo!(), ..todo!() };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Permission {
    pub(crate) grants: Grants,
    pub(crate) reaches: Vec<Reach>,
    pub(crate) rule: String,
    pub(crate) why: Option<String>,
    pub(crate) obligations: Vec<Obligation>,
    pub(crate) policy_digest: String,
    pub(crate) trace: Trace,
}

impl Permission {
    /// What the run gets.
    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The rule that decided, `layer:name`.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// What that rule's author wants the person to read.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// The approval that is needed before the run: the strictest that any layer asks for.
    #[must_use]
    pub fn approval(&self) -> Approval {
        self.obligations.iter().map(|obligation| obligation.require).max().unwrap_or(Approval::Never)
    }

    /// What each layer wants approved; all of it has to be.
    #[must_use]
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// SHA-256 over every policy input, lower-case hex.
    #[must_use]
    pub fn policy_digest(&self) -> &str {
        &self.policy_digest
    }

    /// How each layer voted.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Holds the paths of `--read` and `--write` against the ceilings once more, now that the host
    /// says where their links lead. To be asked before the grants are lowered.
    ///
    /// # Errors
    /// The denial, when a link leads out of a ceiling.
    pub fn check_links(&self, facts: &HostFacts) -> Result<(), Box<Denial>> {
        for reach in &self.reaches {
            let mut excess = reach.excess_of_links(&self.grants.read, Access::ReadOnly, facts);
            excess.extend(reach.excess_of_links(&self.grants.write, Access::ReadWrite, facts));
            if !excess.is_empty() {
                let (rule, reason, trace) = (reach.rule.clone(), Reason::Excess(excess), self.trace.clone());
                return Err(Box::new(Denial { rule, why: None, reason, trace }));
            }
        }
        Ok(())
    }
}

/// How many things beyond a ceiling one message names.
const SHOWN: usize = 5;

/// A refusal, with its reason and the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub(crate) rule: String,
    pub(crate) why: Option<String>,
    pub(crate) reason: Reason,
    pub(crate) trace: Trace,
}

impl Denial {
    /// The rule that decided, `layer:name`.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// What that rule's author wants the person to read.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// What exactly was refused.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match &self.reason {
            Reason::Rule => None,
            Reason::Default | Reason::NoOpinion if self.chosen_interpreter().is_some() => {
                let by = self.chosen_interpreter().map(ToString::to_string).unwrap_or_default();
                Some(format!(
                    "`PATH` leads the script to `{by}`, which the caller could have put there: a rule that means it names it, `interpreter = \"{by}\"`"
                ))
            }
            Reason::Default | Reason::NoOpinion => {
                Some("a rule with `action = \"allow\"` for this command would permit it".to_owned())
            }
            Reason::UnknownProfile { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Reason::UnknownProfile { nearest: None, known, .. } => {
                Some(format!("the profiles here are {}", known.join(", ")))
            }
            Reason::LoaderVariable(name) => {
                Some(format!("write `{name}` into the `[env] set` of a profile, if it must be set"))
            }
            Reason::Redacted(_) => Some("`opaque policy simulate` says what a recorded request may come to".to_owned()),
            Reason::Excess(excess) => excess.first().map(|excess| excess.hint(&self.rule)),
        }
    }

    /// What runs the script, when the caller's `PATH` chose it.
    fn chosen_interpreter(&self) -> Option<&AbsPath> {
        let interpreters = &self.trace.request.command.program.interpreters;
        interpreters.iter().find(|one| one.chosen_by == Chooser::Caller).map(|one| &one.path)
    }

    /// How each layer voted.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }
}

/// Shows the refusal in one line, without the hint.
impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "denied by `{}`", self.rule)?;
        match &self.reason {
            Reason::Rule => {}
            Reason::Default => f.write_str(": no rule matches")?,
            Reason::NoOpinion => f.write_str(": no layer has an opinion")?,
            Reason::UnknownProfile { name, .. } => write!(f, ": there is no profile `{}`", Text::from(name.as_str()))?,
            Reason::LoaderVariable(name) => write!(f, ": `{name}` makes programs load other code")?,
            Reason::Redacted(names) => write!(f, ": {} was redacted", names.join(", "))?,
            Reason::Excess(excess) => {
                for (index, excess) in excess.iter().take(SHOWN).enumerate() {
                    write!(f, "{} {excess}", if index == 0 { ":" } else { "," })?;
                }
                if excess.len() > SHOWN {
                    write!(f, " and {} more", excess.len() - SHOWN)?;
                }
            }
        }
        match &self.why {
            Some(why) => write!(f, ": {}", Text::from(why.as_str())),
            None => Ok(()),
        }
    }
}

/// What exactly was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A rule denies the command.
    Rule,
    /// No rule matches and the layer's default denies.
    Default,
    /// Every layer passes.
    NoOpinion,
    /// The request or the rule names a profile that does not exist.
    UnknownProfile {
        /// The name.
        name: String,
        /// The most similar one that exists.
        nearest: Option<String>,
        /// All that exist.
        known: Vec<String>,
    },
    /// A flag names a variable that no flag may set.
    LoaderVariable(Text),
    /// What the flags asked was left out of the record that the request was read from.
    Redacted(Vec<&'static str>),
    /// The run would have more than the rule allows.
    Excess(Vec<Excess>),
}

/// One thing that a run would have beyond a rule's ceiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excess {
    /// A profile.
    Profile {
        /// The one that was asked for.
        name: String,
        /// Those that are allowed.
        allowed: Vec<String>,
    },
    /// A readable place.
    Read(AbsPath),
    /// A writable place.
    Write(AbsPath),
    /// An environment variable.
    Variable(Text),
    /// A way out.
    Egress(EgressEntry),
    /// A port of the host's loopback.
    Loopback(SocketAddr),
    /// A published port.
    Publish(u16),
    /// A secret.
    Secret(String),
    /// A limit.
    Limit(Beyond),
}

impl Excess {
    fn hint(&self, rule: &str) -> String {
        match self {
            Self::Profile { allowed, .. } => match allowed.as_slice() {
                [only] => format!("use `--profile {only}`, or list the profile in `profiles` of `{rule}`"),
                [] => format!("name a profile in `profiles` of `{rule}` that the same layer can see"),
                several => format!(
                    "use one of the profiles {}, or list the profile in `profiles` of `{rule}`",
                    several.join(", ")
                ),
            },
            Self::Read(path) => listed("read", &path.to_string(), rule),
            Self::Write(path) => listed("write", &path.to_string(), rule),
            Self::Variable(name) => listed("env", &name.to_string(), rule),
            Self::Egress(entry) => listed("egress", &entry.to_string(), rule),
            Self::Loopback(address) => listed("loopback", &address.to_string(), rule),
            Self::Publish(port) => listed("publish", &port.to_string(), rule),
            Self::Secret(name) => listed("secrets", &Text::from(name.as_str()).to_string(), rule),
            Self::Limit(Beyond { name, allowed, .. }) => {
                format!(
                    "ask for at most {name}={allowed}, or raise `limits.{name}` under `[rules.sandbox]` of `{rule}`"
                )
            }
        }
    }
}

/// A stated list replaces what the profile has, so the advice says what else belongs in it.
fn listed(key: &str, what: &str, rule: &str) -> String {
    format!(
        "leave `{what}` out, or list it in `{key}` under `[rules.sandbox]` of `{rule}`, with all that the profile has there"
    )
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile { name, .. } => write!(f, "profile `{name}` is not allowed"),
            Self::Read(path) => write!(f, "reading `{path}` is not allowed"),
            Self::Write(path) => write!(f, "writing `{path}` is not allowed"),
            Self::Variable(name) => write!(f, "the variable `{name}` is not allowed"),
            Self::Egress(entry) => write!(f, "reaching `{entry}` is not allowed"),
            Self::Loopback(address) => write!(f, "the host's `{address}` is not allowed"),
            Self::Publish(port) => write!(f, "publishing port {port} is not allowed"),
            Self::Secret(name) => write!(f, "the secret `{}` is not allowed", Text::from(name.as_str())),
            Self::Limit(Beyond { name, asked, allowed }) => write!(f, "{name}={asked} is above {allowed}"),
        }
    }
}

/// How each layer voted, and why each rule did or did not match.
#[derive(Debug, Clone)]
pub struct Trace {
    // The layers are shared, and each rule is asked once more, by all of its conditions, when someone reads.
    pub(crate) layers: Arc<[Layer]>,
    pub(crate) votes: Vec<Vote>,
    pub(crate) request: Box<Request>,
}

impl Trace {
    /// The trace in words, layer by layer.
    #[must_use]
    pub fn layers(&self) -> Vec<LayerTrace> {
        let question = Question::new(&self.request);
        self.layers.iter().zip(&self.votes).map(|(layer, vote)| LayerTrace::new(layer, *vote, &question)).collect()
    }
}

/// Two traces are the same when they say the same.
impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        self.votes == other.votes && self.layers() == other.layers()
    }
}

impl Eq for Trace {}

impl Serialize for Trace {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.layers().serialize(serializer)
    }
}

/// Shows one line for each layer and, indented, one for each rule.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for layer in self.layers() {
            writeln!(f, "{}: {} by `{}`", layer.layer, layer.answer, layer.decided_by)?;
            for rule in layer.rules {
                match rule.mismatches.as_slice() {
                    [] => writeln!(f, "  {} ({}): matches", rule.name, rule.action)?,
                    mismatches => writeln!(f, "  {} ({}): {}", rule.name, rule.action, mismatches.join(", "))?,
                }
            }
        }
        Ok(())
    }
}

/// How one layer voted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerTrace {
    /// The layer.
    pub layer: String,
    /// `allow`, `ask`, `deny` or `pass`.
    pub answer: &'static str,
    /// `layer:name` of the rule, or `layer:default`.
    pub decided_by: String,
    /// The rules that were judged, in order.
    pub rules: Vec<RuleTrace>,
}

/// What one rule said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleTrace {
    /// The rule.
    pub name: String,
    /// `allow`, `ask` or `deny`.
    pub action: &'static str,
    /// The conditions that are not met; empty when the rule matches.
    pub mismatches: Vec<String>,
}

impl LayerTrace {
    fn new(layer: &Layer, vote: Vote, question: &Question<'_>) -> Self {
        let rules = layer.rules.iter().take(vote.reached).map(|rule| {
            let judgement = rule.judge(question);
            let matchers = rule.matchers.iter().enumerate();
            let mismatch = |(index, matcher)| judgement.mismatch(index).map(|how| format!("{matcher} {how}"));
            RuleTrace {
                name: rule.name.clone(),
                action: rule.action.as_str(),
                mismatches: matchers.filter_map(mismatch).collect(),
            }
        });
        Self {
            layer: layer.name.to_string(),
            answer: layer.answer(vote.by).map_or("pass", |(action, _)| action.as_str()),
            decided_by: layer.label(vote.by),
            rules: rules.collect(),
        }
    }
}

impl Action {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}
