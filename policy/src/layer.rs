//! A layer: the rules of all files of one place, in order, and how it votes. The first rule that
//! matches wins; without one the layer's default answers.

use std::fmt;

use crate::alike::{Alike, Hearing};
use crate::approval::{Approval, Factors, Obligation};
use crate::ceiling::Ceiling;
use crate::matcher::question::Question;
use crate::matcher::verdict::Match;
use crate::rule::{Action, Rule};

/// What nobody can approve.
static NOBODYS: Obligation =
    Obligation { require: Approval::Always, factors: Factors::Any(Vec::new()), lease_ttl: None, budget: None };

/// Where a layer comes from, from the strongest authority down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerName {
    /// Compiled in, never overridden.
    Floor,
    /// The machine's policy.
    System,
    /// The caller's policy.
    User,
    /// The repository's own file: it only tightens.
    Repo,
    /// What holds when neither the machine nor the caller has a policy.
    BuiltIn,
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Floor => "floor",
            Self::System => "system",
            Self::User => "user",
            Self::Repo => "repo",
            Self::BuiltIn => "built-in",
        })
    }
}

/// What a layer answers when no rule matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// It answers.
    Answer(Action, Obligation),
    /// It has no opinion.
    Pass,
}

/// One layer of policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) name: LayerName,
    pub(crate) rules: Vec<Rule>,
    pub(crate) alike: Alike,
    pub(crate) fallback: Fallback,
    /// What a run may have that the default permits.
    pub(crate) fallback_ceiling: Ceiling,
}

/// How a layer voted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vote {
    pub(crate) by: By,
    /// How many rules were reached, from the first on.
    pub(crate) reached: usize,
}

/// Who in a layer decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    /// The rule with this index.
    Rule(usize),
    /// The default.
    Default,
}

impl Layer {
    /// Votes on a request.
    ///
    /// A fact that was not gathered never satisfies an `allow`; an `ask` or `deny` that hangs on
    /// it counts only when it is stricter than what the rules after it answer.
    pub(crate) fn vote(&self, question: &Question<'_>) -> Vote {
        let mut open: Option<usize> = None;
        let mut by = By::Default;
        let mut reached = self.rules.len();
        let mut hearing = Hearing::new(&self.alike, question);
        for (index, rule) in self.rules.iter().enumerate() {
            match (hearing.verdict(index, rule), rule.action) {
                (Match::Yes, Action::Allow | Action::Ask | Action::Deny) => {
                    by = By::Rule(index);
                    reached = index + 1;
                    break;
                }
                (Match::Unknown, Action::Ask | Action::Deny) => open = self.stricter(open, index),
                (Match::Unknown, Action::Allow) | (Match::No, Action::Allow | Action::Ask | Action::Deny) => {}
            }
        }
        Vote { by: self.against_open(by, open), reached }
    }

    /// Who decides when this one would and a rule before it stands open.
    pub(crate) fn against_open(&self, by: By, open: Option<usize>) -> By {
        match open.map(By::Rule) {
            Some(open) if self.strictness(open) > self.strictness(by) => open,
            Some(_) | None => by,
        }
    }

    /// What was answered, and what has to be approved for it; `None` for no opinion.
    pub(crate) fn answer(&self, by: By) -> Option<(Action, &Obligation)> {
        match (by, &self.fallback) {
            // INVARIANT: an index always comes from this layer's own rules.
            (By::Rule(index), Fallback::Answer(..) | Fallback::Pass) => {
                // Deny is the stricter answer if not.
                Some(self.rules.get(index).map_or((Action::Deny, &NOBODYS), |rule| (rule.action, &rule.obligation)))
            }
            (By::Default, Fallback::Answer(action, obligation)) => Some((*action, obligation)),
            (By::Default, Fallback::Pass) => None,
        }
    }

    /// What may have to be approved.
    pub(crate) fn obligations(&self) -> impl Iterator<Item = &Obligation> {
        let default = match &self.fallback {
            Fallback::Answer(Action::Ask, obligation) => Some(obligation),
            Fallback::Answer(Action::Allow | Action::Deny, _) | Fallback::Pass => None,
        };
        let asking = self.rules.iter().filter(|rule| rule.action == Action::Ask);
        asking.map(|rule| &rule.obligation).chain(default)
    }

    /// The rule that decided, if it was one.
    pub(crate) fn rule(&self, by: By) -> Option<&Rule> {
        match by {
            By::Rule(index) => self.rules.get(index),
            By::Default => None,
        }
    }

    /// The most that a run may have under this vote.
    pub(crate) fn ceiling(&self, by: By) -> &Ceiling {
        self.rule(by).map_or(&self.fallback_ceiling, |rule| &rule.ceiling)
    }

    /// `layer:name` of who decided.
    pub(crate) fn label(&self, by: By) -> String {
        let name = self.rule(by).map_or("default", |rule| rule.name.as_str());
        format!("{}:{name}", self.name)
    }

    pub(crate) fn stricter(&self, open: Option<usize>, index: usize) -> Option<usize> {
        match open {
            Some(earlier) if self.strictness(By::Rule(earlier)) >= self.strictness(By::Rule(index)) => Some(earlier),
            Some(_) | None => Some(index),
        }
    }

    // No opinion sorts below every answer.
    fn strictness(&self, by: By) -> Option<(Action, Approval)> {
        self.answer(by).map(|(action, obligation)| (action, obligation.require))
    }
}
