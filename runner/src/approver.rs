//! Asks the person at the terminal to approve a plan, by its digest. A policy that minds programs which type the answer
//! asks for another factor.
//!
//! INVARIANT: the whole plan is shown, every part of it as text that cannot drive the terminal.

use std::fmt::Write as _;

use opaque_policy::approval::{Factor, Factors};
use opaque_policy::authorize::{Beforehand, Confirmation};
use opaque_policy::decision::Permission;
use opaque_policy::plan::Plan;
use opaque_policy::text::Text;

use crate::bounds::Bounds;
use crate::confirmation::{self, Unconfirmed};
use crate::consent::Asking;
use crate::explain;
use crate::outcome::{Class, Refusal};

/// Asks for a plan's approval at the controlling terminal.
///
/// # Errors
/// The refusal (exit code 121): the person does not approve, or cannot be asked.
pub(crate) fn ask(asking: &Asking<'_>) -> Result<Confirmation, Refusal> {
    let Asking { permission, plan, bounds, coding_agent, state, .. } = asking;
    let mut factors = permission.obligations().iter().map(|obligation| &obligation.factors);
    if let Some(factors) = factors.find(|factors| !factors.are_met_by(&[Factor::Tty])) {
        return Err(not_here(permission, factors));
    }
    match confirmation::confirm(&question(permission, plan, bounds), "run it", coding_agent.as_ref(), state) {
        Ok(_) => Ok(Confirmation { digest: plan.digest(), factors: vec![Factor::Tty] }),
        Err(unconfirmed) => Err(not_approved(permission, &unconfirmed)),
    }
}

fn not_approved(permission: &Permission, unconfirmed: &Unconfirmed) -> Refusal {
    let rule = permission.rule();
    match unconfirmed {
        Unconfirmed::Nobody(why) => {
            refused(permission, format!("`{rule}` asks for an approval, and nobody can be asked: {why}"))
                .hint("run it at a terminal of your own, in the foreground")
        }
        Unconfirmed::TooLong => {
            refused(permission, format!("`{rule}` asks for an approval, and the plan is too long to be read"))
                .hint("put long arguments into a file")
        }
        Unconfirmed::No | Unconfirmed::Late => {
            refused(permission, format!("not approved: `{rule}` asks, and {unconfirmed}"))
        }
    }
}

/// The refusal of a run that asks nobody.
pub(crate) fn unattended(permission: &Permission, hint: &str) -> Refusal {
    refused(permission, format!("`{}` asks for an approval, and `--unattended` asks nobody", permission.rule()))
        .hint(hint)
}

/// What the person would have to do.
#[must_use]
pub fn what_it_takes(permission: &Permission) -> String {
    let mut factors = permission.obligations().iter().map(|obligation| &obligation.factors);
    let here = match factors.find(|factors| !factors.are_met_by(&[Factor::Tty])) {
        Some(factors) => format!("only {factors} can approve it, which this version cannot ask: exit code 121"),
        None => "the run would ask at its terminal first; without one it ends with exit code 121".to_owned(),
    };
    match Beforehand::falls_short_of(permission) {
        None => format!("unless it is approved beforehand, {here}"),
        Some(_) => here,
    }
}

fn not_here(permission: &Permission, factors: &Factors) -> Refusal {
    let message =
        format!("`{}` asks for an approval by {factors}, and only `tty` can be asked here", permission.rule());
    refused(permission, message)
        .hint("a weaker factor is never taken: change the rule if a confirmation at the terminal is enough")
}

fn refused(permission: &Permission, message: String) -> Refusal {
    let why = permission.why().map_or(String::new(), |why| format!(": {}", Text::from(why)));
    Refusal::new(Class::NotApproved, format!("{message}{why}"))
}

/// Everything that the person has to know: the rule and its reason, each argument, the whole plan.
fn question(permission: &Permission, plan: &Plan, bounds: &Bounds) -> String {
    let mut text = format!("\nopaque-run: `{}` asks for your approval\n", permission.rule());
    if let Some(why) = permission.why() {
        let _ = writeln!(text, "  {}", Text::from(why));
    }
    let _ = writeln!(text, "\ncommand, one argument a line:");
    for argument in &plan.argv {
        let _ = writeln!(text, "  {}", quoted(argument));
    }
    let _ = writeln!(text, "\n{}", explain::plan_text(plan, bounds, None));
    text
}

/// As in JSON, so that no two arguments look alike; what JSON leaves as it is and a terminal does not is escaped too.
fn quoted(argument: &Text) -> String {
    let json = serde_json::to_string(argument).unwrap_or_default();
    Text::from(json.as_str()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_arguments_look_alike_and_none_drives_the_terminal() {
        for (argument, shown) in [
            ("a b", r#""a b""#),
            ("a\nb", r#""a\nb""#),
            (r"a\nb", r#""a\\nb""#),
            ("\u{1b}[2J", r#""\u001b[2J""#),
            ("\u{202e}x", r#""\u{202e}x""#),
            (r"\u{202e}x", r#""\\u{202e}x""#),
            ("", r#""""#),
            ("\"", r#""\"""#),
            ("a ", r#""a ""#),
        ] {
            assert_eq!(quoted(&Text::from(argument)), shown);
        }
        assert_eq!(quoted(&Text::new(*b"\xff").unwrap()), r#"{"bytes":[255]}"#);
    }
}
