//! What holds for every policy: stricter never permits more, and what is not read changes nothing.

use super::*;

#[derive(Debug, Clone)]
pub(super) struct Sketch {
    pub(super) action: &'static str,
    path: Option<&'static str>,
    argv: Option<&'static str>,
    uid: Option<u32>,
    kind: Option<&'static str>,
}

impl Sketch {
    pub(super) fn text(&self, index: usize) -> String {
        let mut text = format!("[[rules]]\nname = \"r{index}\"\naction = \"{}\"\ntrust = \"derived\"\n", self.action);
        if self.action == "ask" {
            text += "approval = { require = \"always\", factors = [\"fido2\"] }\n";
        }
        if let Some(uid) = self.uid {
            text += &format!("uid = {uid}\n");
        }
        if let Some(kind) = self.kind {
            text += &format!("client_types = [\"{kind}\"]\n");
        }
        if let Some(path) = self.path {
            text += &format!("command.path = \"{path}\"\n");
        }
        if let Some(argv) = self.argv {
            text += &format!("command.argv = {argv}\n");
        }
        text
    }
}

pub(super) fn sketch() -> impl Strategy<Value = Sketch> {
    use prop::option::of;
    use prop::sample::select;
    (
        select(vec!["allow", "ask", "deny"]),
        of(select(vec!["/bin/a", "/bin/*", "/bin/**", "/bin/b"])),
        of(select(vec!["[\"x\"]", "[\"x\", \"**\"]", "[\"*\", \"y\"]"])),
        of(select(vec![1_u32, 2])),
        of(select(vec!["human", "agent"])),
    )
        .prop_map(|(action, path, argv, uid, kind)| Sketch { action, path, argv, uid, kind })
}

fn default() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["allow", "deny", "pass"])
}

pub(super) fn layer() -> impl Strategy<Value = String> {
    (default(), prop::collection::vec(sketch(), 0..4)).prop_map(|(default, rules)| layer_text(default, &rules))
}

fn layer_text(default: &str, rules: &[Sketch]) -> String {
    let rules: String = rules.iter().enumerate().map(|(index, rule)| rule.text(index)).collect();
    format!("default = \"{default}\"\n{rules}")
}

pub(super) fn any_request() -> impl Strategy<Value = Request> {
    let commands = vec!["/bin/a x", "/bin/a x y", "/bin/b", "/bin/b z y", "/opt/c x"];
    let kinds = vec![ClientKind::Human, ClientKind::Agent, ClientKind::Ci];
    (prop::sample::select(commands), 1_u32..4, prop::sample::select(kinds))
        .prop_map(|(command, uid, kind)| Request { principal: Principal::new(uid, kind), ..request(command) })
}

/// Loads without the check for shadows, which random rules often have.
pub(super) fn loaded(system: &[&str], user: &[&str]) -> PolicySet {
    loaded_with(system, user, None)
}

pub(super) fn loaded_with(system: &[&str], user: &[&str], repo: Option<&str>) -> PolicySet {
    let files = |texts: &[&str]| texts.iter().map(|text| file(text)).collect();
    let sources = PolicySources { home: home(), system: files(system), user: files(user), repo: repo.map(file) };
    PolicySet::load(&sources, Sight::Again).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn strictness(decision: &Decision) -> u8 {
    match decision {
        Decision::Allow(_) => 0,
        Decision::Ask(_) => 1,
        Decision::Deny(_) => 2,
    }
}

proptest! {
    #[test]
    fn a_deny_rule_in_front_never_permits_more(
        rules in prop::collection::vec(sketch(), 0..4), default in default(), extra in sketch(), request in any_request()
    ) {
        let before = decide(&loaded(&[], &[&layer_text(default, &rules)]), &request);
        let deny = Sketch { action: "deny", ..extra };
        let with: Vec<Sketch> = std::iter::once(deny).chain(rules).collect();
        let after = decide(&loaded(&[], &[&layer_text(default, &with)]), &request);
        prop_assert!(strictness(&after) >= strictness(&before));
    }

    #[test]
    fn a_layer_with_an_opinion_never_permits_what_the_other_does_not(one in layer(), other in layer(), request in any_request()) {
        let alone = decide(&loaded(&[&one], &[]), &request);
        let both = decide(&loaded(&[&one], &[&other]), &request);
        // A layer without an opinion denies when it is alone and leaves the answer to the other when it is not.
        let has_opinion = !matches!(&alone, Decision::Deny(denial) if *denial.reason() == Reason::NoOpinion);
        prop_assert!(!has_opinion || strictness(&both) >= strictness(&alone));
    }

    #[test]
    fn the_order_of_layers_does_not_matter(one in layer(), other in layer(), request in any_request()) {
        let forth = decide(&loaded(&[&one], &[&other]), &request);
        let back = decide(&loaded(&[&other], &[&one]), &request);
        prop_assert_eq!(strictness(&forth), strictness(&back));
    }

    #[test]
    fn a_file_that_is_split_into_drop_ins_means_the_same(
        rules in prop::collection::vec(sketch(), 1..5), at in 0_usize..5, default in default(), request in any_request()
    ) {
        let texts: Vec<String> = rules.iter().enumerate().map(|(index, rule)| rule.text(index)).collect();
        let (first, second) = texts.split_at(at.min(texts.len()));
        let whole = loaded(&[], &[&layer_text(default, &rules)]);
        let head = format!("default = \"{default}\"\n{}", first.concat());
        let split = loaded(&[], &[&head, &second.concat()]);
        let (whole, split) = (decide(&whole, &request), decide(&split, &request));
        prop_assert_eq!(whole.trace(), split.trace());
        prop_assert_eq!(strictness(&whole), strictness(&split));
    }

    #[test]
    fn facts_that_no_rule_reads_change_nothing(layer in layer(), request in any_request(), number in any::<u64>(), sha in "[0-9a-f]{64}") {
        let policy = loaded(&[], &[&layer]);
        // What a person may be asked about is hashed, and nothing else is looked at.
        prop_assert!(policy.needs().iter().all(|need| *need == Need::ProgramContent));
        let mut other = request.clone();
        other.command.program.inode.number = number;
        other.command.program.sha256 = Some(sha);
        other.command.program.named = AbsPath::new("/somewhere/else").unwrap();
        other.command.cwd = AbsPath::root();
        other.command.argv[0] = Text::from("other-name");
        prop_assert_eq!(decide(&policy, &request), decide(&policy, &other));
    }

    #[test]
    fn a_smaller_ceiling_never_permits_more(
        wide in 1_u64..100, narrow in 1_u64..100, asked in prop::option::of(1_u64..120), reads in prop::bool::ANY
    ) {
        let (wide, narrow) = (wide.max(narrow), wide.min(narrow));
        let policy = |pids: u64, read: &str| loaded(&[], &[&format!("{MAKE}[rules.sandbox]\n{read}\nlimits.pids = {pids}\n")]);
        let limits = asked.map(|pids| limit("pids", &pids.to_string())).unwrap_or_default();
        let read = if reads { vec![path("/data/x")] } else { Vec::new() };
        let request = asking(Asked { limits, read, ..Asked::default() });
        let loose = decide(&policy(wide, "read = [\"/data\"]"), &request);
        let tight = decide(&policy(narrow, "read = [\"/data/y\"]"), &request);
        prop_assert!(strictness(&tight) >= strictness(&loose));
        if let (Decision::Allow(loose), Decision::Allow(tight)) = (loose, tight) {
            prop_assert!(tight.grants().limits.pids.unwrap().max <= loose.grants().limits.pids.unwrap().max);
        }
    }
}
