//! Names that are not open: nobody inside learns where they lead, and nobody outside learns that they were asked.

use opaque_tests::internet::DNS;
use opaque_tests::{Denial, each_identity_in_a_lab};

const OPEN: &[&str] = &["--allow-net", "api.example.test"];
const WILD: &[&str] = &["--allow-net", "*.example.test", "--allow-net", "!git.example.test"];

fn unknown(name: &str) -> Denial {
    Denial::new(format!("lookup {name}"), "ENOENT", format!("{name} dns: name not allowed"))
}

#[test]
fn a_name_that_is_not_open_does_not_exist() {
    each_identity_in_a_lab(|sandbox, lab| {
        let names = [
            "evil.test",
            "other.test",
            "example.test",
            "www.example.test",
            "api.example.test.evil.test",
            "evil-example.test",
            "example.test.evil.test",
        ];
        lab.denies(sandbox, OPEN, &names.map(unknown));
        let attempted = lab.attempt(sandbox, OPEN, &["lookup api.example.test"]);
        assert!(attempted.all_done()[0].contains("198.18.1.0"), "{:?}", attempted.rows);
    });
}

#[test]
fn a_wildcard_opens_neither_its_own_domain_nor_a_lookalike() {
    each_identity_in_a_lab(|sandbox, lab| {
        let names = ["example.test", "evil-example.test", "example.test.evil.test", "dual.test"];
        lab.denies(sandbox, WILD, &names.map(unknown));
        let attempted = lab.attempt(sandbox, WILD, &["lookup www.example.test", "lookup deep.down.example.test"]);
        attempted.all_done();
        assert_eq!(attempted.blocked(), [""; 0]);
    });
}

#[test]
fn an_exception_stays_closed_below_a_wildcard() {
    each_identity_in_a_lab(|sandbox, lab| {
        let excepted =
            |name: &str| Denial::new(format!("lookup {name}"), "ENOENT", "git.example.test dns: name excepted");
        lab.denies(sandbox, WILD, &["git.example.test", "GIT.Example.Test", "git.example.test."].map(excepted));
        lab.attempt(sandbox, WILD, &["lookup npm.example.test"]).all_done();
    });
}

#[test]
fn a_trailing_dot_and_upper_case_make_no_other_name() {
    each_identity_in_a_lab(|sandbox, lab| {
        let same = ["api.example.test", "api.example.test.", "API.EXAMPLE.TEST", "Api.Example.tesT."];
        let rows = same.map(|name| format!("lookup {name}"));
        let found = lab.attempt(sandbox, OPEN, &rows).all_done();
        assert!(found.iter().all(|addresses| *addresses == found[0]), "{found:?}");
        let closed = ["evil.test.", "EVIL.TEST", "eViL.tEsT."];
        let refused = |name: &str| Denial::new(format!("lookup {name}"), "ENOENT", "evil.test dns: name not allowed");
        lab.denies(sandbox, OPEN, &closed.map(refused));
    });
}

/// Questions that no resolver of a C library would send, straight to the sandbox's own.
#[test]
fn a_question_whose_name_is_none_is_answered_with_nothing() {
    each_identity_in_a_lab(|sandbox, lab| {
        let long = ["a"; 150].join(".");
        let label = "b".repeat(64);
        let homograph = "\\xd0\\xb0pi.example.test";
        let nul = "api.example.test\\x00.evil.test";
        let (space, hidden) = ("api\\s.example.test", "evil\\x2etest.api.example.test");
        let names = [long.as_str(), &label, homograph, nul, space, hidden, "xn--pi-7kc.example.test", "*.example.test"];
        let mut rows: Vec<String> = Vec::new();
        for name in names {
            rows.extend(["udp", "tcp"].map(|transport| format!("ask {transport} 198.18.0.1:53 1 {name}")));
        }
        let before = lab.queries().len();
        for attempt in &lab.attempt(sandbox, &["--allow-net", "api.example.test"], &rows).rows {
            let is_answered = attempt.outcome.starts_with("done code");
            let has_name = ["code 3 answers 0", "code 1 answers 0"].iter().any(|none| attempt.outcome.contains(none));
            let is_dropped = ["refused EAGAIN", "refused ECONNRESET"].contains(&&*attempt.outcome);
            assert!(is_answered && has_name || is_dropped, "{attempt:?}");
        }
        assert_eq!(lab.after_a_twin(sandbox).1, before, "somebody outside was asked");
        let twin = format!("ask udp {DNS}:53 1 {homograph}");
        lab.attempt_outside(sandbox, &[twin]).all_done();
        assert_eq!(lab.queries().len(), before + 1);
    });
}

#[test]
fn a_port_that_is_not_open_at_an_open_name_is_reset() {
    each_identity_in_a_lab(|sandbox, lab| {
        let (hello, target) = ("ping", "api.example.test");
        let closed = |port: u16| {
            Denial::new(
                format!("say {target}:{port} {hello}"),
                "ECONNRESET",
                format!("{target}:{port} tcp: port not allowed"),
            )
        };
        lab.denies(sandbox, OPEN, &[closed(7), closed(5432)]);
        let open = ["--allow-net", "api.example.test:7/tcp"];
        let attempted = lab.attempt(sandbox, &open, &["say api.example.test:7 ping"]);
        assert_eq!(attempted.all_done(), ["ping"]);
        assert_eq!(lab.connections().last().unwrap().local.port(), 7);
    });
}

#[test]
fn lists_that_open_nothing_open_nothing() {
    each_identity_in_a_lab(|sandbox, lab| {
        let rows = [unknown("api.example.test"), unknown("evil.test")];
        lab.denies(sandbox, &[], &rows);
        lab.denies(sandbox, &["--allow-net", "!evil.test"], &[unknown("api.example.test")]);
        // An empty word is no entry: the run does not start.
        lab.run(sandbox, ["--allow-net", "", "--", "true"]).expect(125);
    });
}
