//! One request, every road to an answer: decided directly, read back from its file, replayed from its record, and by
//! the plain evaluator. And what a record hides or nobody gathered never makes `simulate` surer than it can be.

use super::*;
use crate::answer::Answer;
use crate::fact::Fact;
use crate::redacted::{Redacted, Whole};
use crate::request_file::{RequestFile, recorded};
use crate::simulate::{Missing, Possible};

fn read_back(request: &Request) -> Request {
    RequestFile::parse(std::str::from_utf8(&recorded(request, usize::MAX)).unwrap()).unwrap()
}

/// The request as a person would write it, with nothing hidden.
fn written(request: &Request) -> String {
    let mut file: serde_json::Value = serde_json::from_slice(&recorded(request, usize::MAX)).unwrap();
    file.as_object_mut().unwrap().remove("redacted");
    if let Fact::Known(env) = &request.surroundings.env {
        file["context"]["env"] = serde_json::to_value(env).unwrap();
    }
    file.to_string()
}

fn single(decision: &Decision) -> Possible {
    Possible { answers: [(decision.answer(), decision.rule().to_owned())].into(), unknown: BTreeSet::new() }
}

fn policies(layers: &[naive::Layer]) -> PolicySet {
    laws::loaded(&[&naive::text(&layers[0])], &[&naive::text(&layers[1])])
}

/// Which facts of a request are taken away, and what stands there instead.
type Taken = (Vec<bool>, Request);

/// A request in place of each fact that was taken from another: what it might have been.
fn filled(from: &Request, other: &Request, taken: &[bool]) -> Request {
    let mut request = from.clone();
    let (around, instead) = (&mut request.surroundings, &other.surroundings);
    if taken[0] {
        request.principal.roles = other.principal.roles.clone();
    }
    if taken[1] {
        request.repository.branch = other.repository.branch.clone();
    }
    if taken[2] {
        around.process_name = instead.process_name.clone();
    }
    if taken[3] {
        around.coding_agent_name = instead.coding_agent_name.clone();
    }
    if taken[4] {
        around.origin = instead.origin.clone();
    }
    if taken[5] {
        around.env = instead.env.clone();
    }
    request
}

fn taken() -> impl Strategy<Value = Taken> {
    (prop::collection::vec(any::<bool>(), 6), naive::asked())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

    #[test]
    fn every_road_leads_to_one_answer(layers in naive::layers(), request in naive::asked()) {
        let policies = policies(&layers);
        let decision = decide(&policies, &request);
        let mut classified = request.clone();
        classified.command.classify();
        let written = RequestFile::parse(&written(&request)).unwrap();
        prop_assert_eq!(&written, &classified);
        prop_assert_eq!(&decide(&policies, &written), &decision);
        prop_assert_eq!(policies.simulate(&written, Missing::Again, built_in()), single(&decision));
        // In a record the value of a variable is hidden: then it is one of the answers.
        let found = policies.simulate(&read_back(&request), Missing::Again, built_in());
        prop_assert!(found.answers.contains(&(decision.answer(), decision.rule().to_owned())), "{:?}", found);
        let plainly = [Answer::Allow, Answer::Ask, Answer::Deny][usize::from(naive::evaluate(&layers, &request))];
        prop_assert_eq!(decision.answer(), plainly);
    }

}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn whatever_was_missing_the_answer_is_one_that_was_foreseen(
        layers in naive::layers(), request in naive::asked(), (taken, other) in taken()
    ) {
        let policies = policies(&layers);
        let mut without = request;
        without = filled(&without, &RequestFile::parse(BARE).unwrap(), &taken);
        let foreseen = policies.simulate(&read_back(&without), Missing::Anything, built_in());
        let decision = decide(&policies, &filled(&without, &other, &taken));
        prop_assert!(foreseen.answers.contains(&(decision.answer(), decision.rule().to_owned())), "{:?}", foreseen);
        prop_assert_eq!(foreseen.only().is_none(), !foreseen.unknown.is_empty());
    }

    #[test]
    fn whatever_was_hidden_the_answer_is_one_that_was_foreseen(
        layers in naive::layers(), request in naive::asked(), wholes in prop::collection::vec(0..Whole::ALL.len(), 0..4),
        argument in any::<bool>()
    ) {
        let policies = policies(&layers);
        let decision = decide(&policies, &request);
        let mut hidden = request.clone();
        hide_argument(&mut hidden, argument);
        for whole in wholes {
            hide(&mut hidden, Whole::ALL[whole]);
        }
        for missing in [Missing::Again, Missing::Anything] {
            let foreseen = policies.simulate(&read_back(&hidden), missing, built_in());
            prop_assert!(foreseen.answers.contains(&(decision.answer(), decision.rule().to_owned())), "{:?}", foreseen);
        }
        // The engine takes what is hidden for unknown: that never permits more.
        let read = read_back(&hidden);
        // Only where nobody had an opinion a doubt may bring one.
        let had_opinion = !matches!(&decision, Decision::Deny(denial) if *denial.reason() == Reason::NoOpinion);
        prop_assert!(!had_opinion || laws::strictness(&decide(&policies, &read)) >= laws::strictness(&decision));
    }
}

const BARE: &str =
    r#"{"principal": {"uid": 1, "kind": "human"}, "command": {"path": "/bin/a", "argv": ["a"], "cwd": "/"}}"#;

fn hide_argument(request: &mut Request, is_hidden: bool) {
    if is_hidden && request.command.argv.len() > 1 {
        request.redacted.insert(Redacted::Argument(1));
    }
}

fn hide(request: &mut Request, whole: Whole) {
    request.redacted.insert(Redacted::Whole(whole));
    match whole {
        Whole::Operation => request.operation.name = crate::request::RUN.to_owned(),
        Whole::Target => request.operation.target.clear(),
        Whole::Secrets => request.operation.secrets.clear(),
        Whole::Arguments => request.command.argv.truncate(1),
        Whole::Roles => request.principal.roles = Fact::Unknown,
        Whole::Branch => request.repository.branch = Fact::Unknown,
        Whole::Env => request.surroundings.env = Fact::Unknown,
        Whole::Program => request.command.program.inode = Inode { device: 0, number: 0 },
        // The requests here have none of these.
        Whole::Executable
        | Whole::RemoteUrl
        | Whole::Ancestors
        | Whole::RequesterCommand
        | Whole::Cgroup
        | Whole::AskedProfile
        | Whole::AskedRead
        | Whole::AskedWrite
        | Whole::AskedEnv
        | Whole::AskedSecrets
        | Whole::AskedNetwork => {}
    }
}
