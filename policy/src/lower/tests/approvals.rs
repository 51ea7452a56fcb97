//! An approval holds for exactly the plan, or exactly the intent, that it names: any single change afterwards refuses the run.

use std::time::Duration;

use super::hosts::{Host, path};
use crate::approval::Factor;
use crate::authorize::{Beforehand, Confirmation, Consent, Unauthorized, authorize};
use crate::decision::Decision;
use crate::document::SourceFile;
use crate::fact::Fact;
use crate::facts::GitLayout;
use crate::host_name::HostPattern;
use crate::intent::Intent;
use crate::limits::{Limit, Limits};
use crate::lower::lower;
use crate::output::{Sequences, Show};
use crate::plan::{Authority, IdMap, Plan, Protection, Variable};
use crate::policy_set::PolicySet;
use crate::principal::{ClientKind, Principal};
use crate::profile::Profiles;
use crate::request::Request;
use crate::secret::{Delivery, Masking, SecretGrant, Source};
use crate::sources::{PolicySources, Sight};
use crate::text::Text;

const ASKS: &str =
    "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"ask\"\napproval.require = \"first_use\"\n";

struct Case {
    decision: Decision,
    request: Request,
    plan: Plan,
}

fn case() -> Case {
    let mut host = Host::debian();
    host.workspace("/home/ann/app", GitLayout::None);
    host.env("LANG", "C");
    let mut request = host.request.clone();
    request.command.program.sha256 = Some("aa".repeat(32));
    request.repository.remote_url = Fact::Known("https://git.example/team/app".to_owned());
    let user = vec![SourceFile { file: "policy.toml".to_owned(), bytes: ASKS.into() }];
    let sources = PolicySources { home: path("/home/ann"), system: Vec::new(), user, repo: None };
    let policies = PolicySet::load(&sources, Sight::First).unwrap();
    let decision = policies.decide(&request, &Profiles::built_in());
    let Decision::Ask(permission) = &decision else { panic!("it does not ask") };
    let authority = Authority {
        profile: permission.grants().profile.clone(),
        profile_digest: permission.grants().profile_digest.clone(),
        policy_digest: permission.policy_digest().to_owned(),
        rule: permission.rule().to_owned(),
    };
    host.grants = permission.grants().clone();
    let plan = lower(&host.grants, authority, &request, &host.answered()).unwrap();
    Case { decision, request, plan }
}

impl Case {
    fn intent(&self, plan: &Plan) -> Intent {
        let Decision::Ask(permission) = &self.decision else { panic!("it does not ask") };
        Intent::of(plan, permission, &self.request).unwrap()
    }

    fn confirmed(&self) -> Consent {
        Consent::Confirmed(Confirmation { digest: self.plan.digest(), factors: vec![Factor::Tty] })
    }

    fn beforehand(&self) -> Consent {
        Consent::Beforehand(Beforehand { intent: self.intent(&self.plan), expires: "2999-01-01T00:00:00Z".to_owned() })
    }

    fn authorize(&self, plan: Plan, consent: Consent) -> Result<(), Unauthorized> {
        authorize(&self.decision, &self.request, plan, Some(consent)).map(drop)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Of the plan and of the intent.
    Both,
    /// Of the plan alone: the place of this run on this machine.
    PlanAlone,
}

type Change = (&'static str, Part, fn(&mut Plan));

const CHANGES: [Change; 30] = [
    ("version", Part::PlanAlone, |plan| plan.version += 1),
    ("principal", Part::PlanAlone, |plan| plan.principal = Principal::new(1000, ClientKind::Agent)),
    ("program's path", Part::PlanAlone, |plan| plan.program.path = path("/usr/bin/other")),
    ("program's inode", Part::PlanAlone, |plan| plan.program.inode.number += 1),
    ("program's content", Part::Both, |plan| plan.program.sha256 = Some("bb".repeat(32))),
    ("an argument more", Part::Both, |plan| plan.argv.push(Text::from(""))),
    ("an argument", Part::Both, |plan| plan.argv[0] = Text::from("other")),
    ("directory below the root", Part::Both, |plan| plan.cwd = path("/home/ann/app/below")),
    ("directory elsewhere", Part::Both, |plan| plan.cwd = path("/home/ann/app2")),
    ("a variable's value", Part::Both, |plan| plan.env[0].value = Text::from("other")),
    ("a variable less", Part::Both, |plan| drop(plan.env.pop())),
    ("a variable more", Part::Both, |plan| {
        plan.env.push(Variable { name: Text::from("Z"), value: Text::from("") });
    }),
    ("uid", Part::Both, |plan| plan.identity.uid += 1),
    ("gid", Part::PlanAlone, |plan| plan.identity.gid += 1),
    ("map of ids", Part::PlanAlone, |plan| plan.identity.map = IdMap::Full),
    ("home", Part::PlanAlone, |plan| plan.home = path("/home/other")),
    ("a mount less", Part::PlanAlone, |plan| drop(plan.mounts.pop())),
    ("a mount elsewhere", Part::PlanAlone, |plan| plan.mounts[3].target = path("/elsewhere")),
    ("a protection less", Part::PlanAlone, |plan| drop(plan.protected.pop())),
    ("a protection weaker", Part::PlanAlone, |plan| {
        plan.protected[0].by = Protection::PlaceholderFile { text: String::new() }
    }),
    ("workspace", Part::Both, |plan| plan.workspace = None),
    ("a host that stays closed", Part::Both, |plan| {
        plan.network.except.push(HostPattern::of_person("a.test").unwrap())
    }),
    ("a published port", Part::Both, |plan| plan.network.publish.push(8080)),
    ("a port of the host", Part::Both, |plan| plan.network.loopback.push("127.0.0.1:1".parse().unwrap())),
    ("limits", Part::Both, |plan| {
        plan.limits =
            Limits { wall: Some(Limit { max: Duration::from_secs(9), required: false }), ..Limits::default() };
    }),
    ("a secret more", Part::Both, |plan| plan.secrets.push(secret())),
    ("where a secret is kept", Part::Both, |plan| {
        plan.secrets = vec![SecretGrant { source: Source::parse("env:OTHER").unwrap(), ..secret() }];
    }),
    ("what is shown of output", Part::Both, |plan| plan.output.show = Show::All),
    ("what becomes of sequences", Part::Both, |plan| plan.output.sequences = Sequences::Filter),
    ("notes", Part::PlanAlone, |plan| plan.notes.push("x".to_owned())),
];

fn secret() -> SecretGrant {
    SecretGrant {
        name: Text::from("TOKEN"),
        source: Source::parse("env:TOKEN").unwrap(),
        deliver: Delivery::Env,
        only_with: None,
        masking: Masking::Masked,
        timeout: Duration::from_secs(1),
    }
}

#[test]
fn what_was_approved_is_authorized() {
    let case = case();
    case.authorize(case.plan.clone(), case.confirmed()).unwrap();
    case.authorize(case.plan.clone(), case.beforehand()).unwrap();
    let none = authorize(&case.decision, &case.request, case.plan.clone(), None);
    assert!(matches!(none, Err(Unauthorized::NotApproved { .. })));
}

#[test]
fn any_single_change_after_a_confirmation_refuses_the_run() {
    let case = case();
    for (what, _, change) in CHANGES {
        let mut plan = case.plan.clone();
        change(&mut plan);
        assert!(plan != case.plan, "{what}");
        let refused = case.authorize(plan, case.confirmed());
        assert!(matches!(refused, Err(Unauthorized::Changed { .. })), "{what}: {refused:?}");
    }
}

#[test]
fn an_approval_beforehand_holds_where_the_checkout_stands_elsewhere_and_for_no_other_run() {
    let case = case();
    for (what, part, change) in CHANGES {
        let mut plan = case.plan.clone();
        change(&mut plan);
        let answer = case.authorize(plan, case.beforehand());
        match part {
            Part::Both => assert!(matches!(answer, Err(Unauthorized::AnotherIntent { .. })), "{what}: {answer:?}"),
            Part::PlanAlone => assert_eq!(answer, Ok(()), "{what}"),
        }
    }
}

#[test]
fn a_plan_under_another_rule_profile_or_policy_is_foreign() {
    let case = case();
    let changes: [fn(&mut Authority); 3] = [
        |authority| authority.rule.push('x'),
        |authority| authority.profile_digest.push('x'),
        |authority| authority.policy_digest.push('x'),
    ];
    for change in changes {
        let mut plan = case.plan.clone();
        change(&mut plan.authority);
        assert_eq!(case.authorize(plan.clone(), case.confirmed()), Err(Unauthorized::Foreign));
        assert_eq!(case.authorize(plan, case.beforehand()), Err(Unauthorized::Foreign));
    }
}

#[test]
fn what_is_asked_for_besides_belongs_to_the_intent() {
    let case = case();
    let changes: [fn(&mut Request); 3] = [
        |request| request.asked.read.push(path("/data")),
        |request| request.asked.write.push(path("/data")),
        |request| request.repository.remote_url = Fact::Absent,
    ];
    for change in changes {
        let mut request = case.request.clone();
        change(&mut request);
        let answer = authorize(&case.decision, &request, case.plan.clone(), Some(case.beforehand()));
        assert!(matches!(answer, Err(Unauthorized::AnotherIntent { .. })), "{answer:?}");
    }
}

#[test]
fn what_is_not_known_has_no_intent() {
    let mut case = case();
    let consent = case.beforehand();
    case.request.repository.remote_url = Fact::Unknown;
    let answer = case.authorize(case.plan.clone(), consent.clone());
    assert!(matches!(answer, Err(Unauthorized::AnotherIntent { now: Err(_), .. })), "{answer:?}");
    case.plan.program.sha256 = None;
    let answer = case.authorize(case.plan.clone(), consent);
    assert!(matches!(answer, Err(Unauthorized::AnotherIntent { now: Err(_), .. })), "{answer:?}");
}

#[test]
fn every_spelling_of_a_remote_has_one_intent() {
    let case = case();
    let mut other = case.request.clone();
    other.repository.remote_url = Fact::Known("git@GIT.example:team/app.git".to_owned());
    let answer = authorize(&case.decision, &other, case.plan.clone(), Some(case.beforehand()));
    assert!(answer.is_ok(), "{answer:?}");
}

#[test]
fn an_approval_beforehand_ends_with_its_time() {
    let case = case();
    let intent = case.intent(&case.plan);
    let given = Beforehand { intent: intent.clone(), expires: "2031-06-01T12:00:00Z".to_owned() };
    assert!(given.approves(&intent, "2031-06-01T11:59:59Z"));
    for late in ["2031-06-01T12:00:00Z", "2031-06-01T12:00:01Z", "2032-01-01T00:00:00Z"] {
        assert!(!given.approves(&intent, late), "{late}");
    }
}
