//! A repository's own file: it tightens at once, asks for grants that count once they are trusted, and never widens.

use super::laws::{layer, loaded_with, sketch, strictness};
use super::*;
use crate::network_grants::NetworkGrants;

/// Policies from the caller's and the repository's text; an empty text of the caller's is no layer.
fn policies(user: &str, repo: &str) -> Result<PolicySet, String> {
    let user = if user.is_empty() { Vec::new() } else { vec![file(user)] };
    let repo = SourceFile { file: ".opaque.toml".to_owned(), bytes: format!("version = 1\n{repo}").into_bytes() };
    let sources = PolicySources { home: home(), system: Vec::new(), user, repo: Some(repo) };
    PolicySet::load(&sources, Sight::First).map_err(|error| error.to_string())
}

const NO_PUSH: &str = "[[rules]]\nname = \"no-push\"\naction = \"deny\"\nwhy = \"CI pushes.\"\n\
    [rules.command]\npath = \"/usr/bin/git\"\nargv = [\"push\", \"**\"]\n";

#[test]
fn a_repository_s_rules_hold_at_once() {
    for user in ["", "default = \"allow\"\n"] {
        let policy = policies(user, NO_PUSH).unwrap();
        assert_eq!(told(decide(&policy, &request("/usr/bin/git push"))), "denied by `repo:no-push`: CI pushes.");
        assert_eq!(word(&decide(&policy, &request("/usr/bin/git status"))), "allow");
    }
    let asks = NO_PUSH.replace("deny", "ask");
    let policy = policies("default = \"allow\"\n", &asks).unwrap();
    let Decision::Ask(permission) = decide(&policy, &request("/usr/bin/git push")) else { panic!("it does not ask") };
    assert_eq!(permission.rule(), "repo:no-push");
}

#[test]
fn a_repository_that_asks_permits_nothing_by_itself() {
    let asks = NO_PUSH.replace("deny", "ask");
    let policy = policies("default = \"pass\"\n", &asks).unwrap();
    let denial = denied(decide(&policy, &request("/usr/bin/git push")));
    assert_eq!(*denial.reason(), Reason::NoOpinion);
}

#[test]
fn a_repository_cannot_widen() {
    let rule = |rest: &str| format!("[[rules]]\nname = \"x\"\n{rest}");
    for (text, message) in [
        (rule("action = \"allow\"\n"), "4:10: a repository can only tighten"),
        (
            rule("action = \"ask\"\n[rules.sandbox]\nwrite = [\"/\"]\n"),
            "5:8: a repository's rule says nothing about the sandbox",
        ),
        (rule("action = \"deny\"\n[rules.sandbox]\nlimits.pids = 9\n"), "says nothing about the sandbox"),
        ("default = \"allow\"\n".to_owned(), "2:1: unknown key `default`"),
        ("[[clients]]\nname = \"x\"\n".to_owned(), "2:3: unknown key `clients`"),
        ("[request]\nwrite = [\"/\"]\n".to_owned(), "3:1: unknown key `write`"),
        ("[request]\nsecrets = [\"TOKEN\"]\n".to_owned(), "3:1: unknown key `secrets`"),
        ("[request]\nenv = [\"TOKEN\"]\n".to_owned(), "3:1: unknown key `env`"),
        ("[request]\nprofile = \"a b\"\n".to_owned(), "3:11: `a b` is not a name"),
        (rule("action = \"deny\"\nclients = [\"x\"]\n"), "there is no client `x`"),
        (format!("{NO_PUSH}{NO_PUSH}"), "already has a rule `no-push`"),
    ] {
        let error = policies("default = \"allow\"\n", &text).unwrap_err();
        assert!(error.contains(message), "{error}\n{text}");
        assert!(error.contains(".opaque.toml"), "{error}");
    }
}

#[test]
fn a_request_is_only_told_and_grants_nothing() {
    let text = "[request]\nprofile = \"ci\"\negress = [\"api.test\"]\n[request.limits]\nmemory = \"64GiB\"\n";
    let policy = policies("", text).unwrap();
    let without = allowed(decide(&policies("", "").unwrap(), &request("/usr/bin/make all")));
    let permission = allowed(decide(&policy, &request("/usr/bin/make all")));
    assert_eq!(permission.grants(), without.grants());
    let asked = policy.repo_request().unwrap();
    assert_eq!(asked.profile.as_deref(), Some("ci"));
    assert_eq!(asked.network.egress.len(), 1);
    assert!(asked.limits.memory.unwrap().required);
}

#[test]
fn what_was_typed_goes_before_what_a_trusted_repository_asks_for() {
    let text = "[request]\nprofile = \"ci\"\negress = [\"api.test\"]\n[request.limits]\npids = 99\nfiles = 99\n";
    let policy = policies("", text).unwrap();
    let mut typed = Asked { profile: Some("default".to_owned()), limits: limit("pids", "5"), ..Asked::default() };
    typed.add(policy.repo_request().unwrap());
    assert_eq!(typed.profile.as_deref(), Some("default"));
    assert_eq!(typed.limits.pids.unwrap().max, 5);
    assert_eq!(typed.limits.files.unwrap().max, 99);
    let mut nothing = Asked::default();
    nothing.add(policy.repo_request().unwrap());
    assert_eq!(nothing.profile.as_deref(), Some("ci"));
    assert_eq!(nothing.network, NetworkGrants { egress: nothing.network.egress.clone(), ..NetworkGrants::default() });
}

#[test]
fn what_a_trusted_repository_asks_for_must_fit_the_ceiling_as_flags_must() {
    let policy = policies("default = \"allow\"\n", "[request]\negress = [\"api.test\"]\n").unwrap();
    let mut request = request("/usr/bin/make all");
    request.asked.add(policy.repo_request().unwrap());
    assert!(told(decide(&policy, &request)).contains("reaching `api.test"));
}

proptest! {
    #[test]
    fn a_repository_never_permits_more(
        one in layer(), other in prop::option::of(layer()), rules in prop::collection::vec(sketch(), 0..4),
        request in laws::any_request()
    ) {
        let user: Vec<&str> = other.iter().map(String::as_str).collect();
        let text: String =
            rules.iter().enumerate().filter(|(_, rule)| rule.action != "allow").map(|(index, rule)| rule.text(index)).collect();
        let without = decide(&loaded_with(&[&one], &user, None), &request);
        let with = decide(&loaded_with(&[&one], &user, Some(&text)), &request);
        prop_assert!(strictness(&with) >= strictness(&without));
        if let (Decision::Allow(without) | Decision::Ask(without), Decision::Allow(with) | Decision::Ask(with)) = (without, with) {
            prop_assert_eq!(with.grants(), without.grants());
        }
    }
}
