//! Shows a decision and a plan to a person, or to a program as JSON. Runs nothing.

use std::fmt::Write;

use nftables::schema::Nftables;
use opaque_policy::decision::Decision;
use opaque_policy::intent::Intent;
use opaque_policy::output::{CiMasks, Overflow, Sequences, Show};
use opaque_policy::plan::{Access, Content, Plan, Protection};
use opaque_policy::secret::{Delivery, Masking, SecretGrant};
use opaque_policy::units;
use serde::Serialize;

use crate::bounds::{Bound, Bounds, Enforcement};
use crate::flags::Form;
use crate::gateway;
use crate::ruleset;

/// `--plan`: the plan, and what an approval beforehand would name.
pub fn plan(plan: &Plan, bounds: &Bounds, intent: Option<&Intent>, form: Form) -> String {
    match form {
        Form::Text => plan_text(plan, bounds, intent),
        Form::Json => plan_json(plan, bounds, intent),
    }
}

/// `--explain`: the decision and why, and what would run.
pub fn decision(decision: &Decision, plan: Option<&Plan>, form: Form) -> String {
    match form {
        Form::Text => decision_text(decision, plan),
        Form::Json => decision_json(decision, plan),
    }
}

/// `--plan --json`: the plan, its digest, how its limits would be kept, and the rules of its packet filter.
fn plan_json(plan: &Plan, bounds: &Bounds, intent: Option<&Intent>) -> String {
    #[derive(Serialize)]
    struct Shown<'a> {
        digest: String,
        /// What an approval beforehand names; absent where none is asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        intent: Option<&'a Intent>,
        plan: &'a Plan,
        limits: &'a [Bound],
        /// The packet filter's rules in the format of `nft -j list ruleset`; absent where no way out is granted.
        ruleset: Option<Nftables<'static>>,
    }
    let ruleset = gateway::ruleset(&plan.network).map(|rules| ruleset::describe(&rules));
    json(&Shown { digest: plan.digest(), intent, plan, limits: &bounds.bounds, ruleset })
}

/// `--explain --json`: the decision, its whole trace and, when it permits, the plan.
fn decision_json(decision: &Decision, plan: Option<&Plan>) -> String {
    #[derive(Serialize)]
    struct Shown<'a> {
        decision: &'static str,
        rule: &'a str,
        reason: Option<String>,
        hint: Option<String>,
        trace: &'a opaque_policy::decision::Trace,
        plan: Option<&'a Plan>,
    }
    let (word, rule, reason, hint) = words(decision);
    json(&Shown { decision: word, rule, reason, hint, trace: decision.trace(), plan })
}

/// `--plan`: the plan for a person.
pub(crate) fn plan_text(plan: &Plan, bounds: &Bounds, intent: Option<&Intent>) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "plan       {}", plan.digest());
    if let Some(intent) = intent {
        let _ = writeln!(text, "intent     {intent}");
    }
    let _ = writeln!(text, "program    {}", plan.program.path);
    for interpreter in &plan.program.interpreters {
        let _ = writeln!(text, "           run by {}", interpreter.path);
    }
    for (index, argument) in plan.argv.iter().enumerate() {
        let _ = writeln!(text, "{} {argument}", if index == 0 { "arguments " } else { "          " });
    }
    let _ = writeln!(text, "directory  {}", plan.cwd);
    let _ = writeln!(text, "identity   uid {}, gid {}", plan.identity.uid, plan.identity.gid);
    let _ = writeln!(text, "profile    {} (by {})", plan.authority.profile, plan.authority.rule);
    let _ = writeln!(text, "tier       namespaces");
    list(&mut text, "network", network(plan).into_iter());
    list(&mut text, "writable", plan.mounts.iter().filter_map(writable));
    list(&mut text, "read-only", plan.mounts.iter().filter_map(read_only));
    list(
        &mut text,
        "protected",
        plan.protected.iter().filter_map(|protected| match protected.by {
            Protection::Pinned { .. } => None,
            Protection::ReadOnly { .. } => Some(protected.path.to_string()),
            Protection::Placeholder | Protection::PlaceholderFile { .. } => {
                Some(format!("{} (does not exist, cannot be made)", protected.path))
            }
        }),
    );
    list(&mut text, "variables", plan.env.iter().map(|variable| format!("{}={}", variable.name, variable.value)));
    list(&mut text, "secrets", plan.secrets.iter().map(secret));
    list(&mut text, "output", output(plan).into_iter());
    list(&mut text, "limits", bounds.bounds.iter().map(limit));
    list(&mut text, "notes", plan.notes.iter().cloned());
    text
}

/// `--explain`: the decision and why, for a person.
fn decision_text(decision: &Decision, plan: Option<&Plan>) -> String {
    let (word, rule, reason, hint) = words(decision);
    let mut text = format!("{word} by `{rule}`\n");
    if let Some(reason) = reason {
        let _ = writeln!(text, "  {reason}");
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "  hint: {hint}");
    }
    let _ = writeln!(text);
    let _ = write!(text, "{}", decision.trace());
    if let Some(plan) = plan {
        let _ = writeln!(text);
        let _ = writeln!(text, "it would run under profile `{}` with:", plan.authority.profile);
        list(&mut text, "writable", plan.mounts.iter().filter_map(writable));
        let read_only = plan.mounts.iter().filter_map(read_only).count();
        let _ = writeln!(text, "read-only  {read_only} system and toolchain paths (see --plan)");
        list(&mut text, "network", network(plan).into_iter());
        list(&mut text, "notes", plan.notes.iter().cloned());
    }
    text
}

fn words(decision: &Decision) -> (&'static str, &str, Option<String>, Option<String>) {
    match decision {
        Decision::Allow(permission) => ("allowed", permission.rule(), permission.why().map(str::to_owned), None),
        Decision::Ask(permission) => (
            "needs approval",
            permission.rule(),
            permission.why().map(str::to_owned),
            Some(crate::approver::what_it_takes(permission)),
        ),
        Decision::Deny(denial) => ("denied", denial.rule(), Some(denial.to_string()), denial.hint()),
    }
}

fn list(text: &mut String, name: &str, items: impl Iterator<Item = String>) {
    for (index, item) in items.enumerate() {
        let _ = writeln!(text, "{:<10} {item}", if index == 0 { name } else { "" });
    }
}

fn writable(mount: &opaque_policy::plan::Mount) -> Option<String> {
    match &mount.content {
        Content::Bind { access: Access::ReadWrite, .. } => Some(mount.target.to_string()),
        Content::Private { .. } => Some(format!("{} (private, gone afterwards)", mount.target)),
        Content::Bind { access: Access::ReadOnly, .. }
        | Content::Device { .. }
        | Content::Directory
        | Content::Symlink { .. }
        | Content::File { .. }
        | Content::Secret { .. }
        | Content::Proc
        | Content::Pts => None,
    }
}

fn read_only(mount: &opaque_policy::plan::Mount) -> Option<String> {
    match &mount.content {
        Content::Bind { access: Access::ReadOnly, .. } => Some(mount.target.to_string()),
        Content::Bind { access: Access::ReadWrite, .. }
        | Content::Private { .. }
        | Content::Device { .. }
        | Content::Directory
        | Content::Symlink { .. }
        | Content::File { .. }
        | Content::Secret { .. }
        | Content::Proc
        | Content::Pts => None,
    }
}

/// The ways out, one line each.
fn network(plan: &Plan) -> Vec<String> {
    let network = &plan.network;
    let ways = network.egress.iter().map(|way| match way.endpoint {
        Some(endpoint) => format!("{} ({endpoint})", way.opening),
        None => way.opening.to_string(),
    });
    let except = network.except.iter().map(|pattern| format!("never {pattern}"));
    let loopback = network.loopback.iter().map(|address| format!("{address} of the host"));
    let publish = network.publish.iter().map(|port| format!("the host's 127.0.0.1:{port} reaches port {port} inside"));
    let lines: Vec<String> = ways.chain(except).chain(loopback).chain(publish).collect();
    if lines.is_empty() { vec!["private loopback only".to_owned()] } else { lines }
}

fn secret(secret: &SecretGrant) -> String {
    let delivery = match secret.deliver {
        Delivery::Env => "in its variable",
        Delivery::File => "in a file that its variable names",
        Delivery::Fd => "from a descriptor that its variable names",
    };
    let masking = match secret.masking {
        Masking::Masked | Masking::MaskedShort => "",
        Masking::Unmasked => ", not masked in output",
    };
    format!("{} from {}, {delivery}{masking}", secret.name, secret.source)
}

/// What becomes of output, where that is not just to be shown.
fn output(plan: &Plan) -> Vec<String> {
    let shown = match plan.output.show {
        Show::Nothing => Some("withheld"),
        Show::All if !plan.secrets.is_empty() => Some("secrets are not masked"),
        Show::MaskedSecrets if !plan.secrets.is_empty() => Some("secrets are masked"),
        Show::MaskedSecretsAndPatterns => Some("secrets and the formats of tokens are masked"),
        Show::All | Show::MaskedSecrets => None,
    };
    let sequences = match plan.output.sequences {
        Sequences::Filter => Some("dangerous sequences for terminals are taken out"),
        Sequences::Pass => None,
    };
    let ci = match plan.output.ci {
        CiMasks::Github => Some("GitHub Actions is told what to mask, inside one of its jobs"),
        CiMasks::None => None,
    };
    let overflow = match plan.output.on_overflow {
        Overflow::Truncate => Some("cut off at its limit"),
        Overflow::Kill => None,
    };
    [shown, sequences, ci, overflow].into_iter().flatten().map(str::to_owned).collect()
}

fn limit(bound: &Bound) -> String {
    let max = match bound.name {
        "memory" | "tmp" | "output" => units::show_size(bound.max),
        "wall" => units::show_duration(std::time::Duration::from_millis(bound.max)),
        "cpu" => format!("{}%", bound.max),
        _ => bound.max.to_string(),
    };
    let weaker = match bound.enforcement {
        Enforcement::Enforced => "",
        Enforcement::Degraded => " (degraded)",
        Enforcement::Absent => " (absent)",
    };
    format!("{} {max}: {}{weaker}", bound.name, bound.mechanism)
}

fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
