use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::egress::EgressEntry;
use crate::limits::LimitRequest;
use crate::network_grants::NetworkGrants;
use crate::path::AbsPath;
use crate::principal::{ClientKind, Executable, Principal};
use crate::request::{Asked, AskedSecret, AskedTier, AskedVariable, Chooser, Interpreter};
use crate::secret::Delivery;
use crate::surroundings::{Origin, Provenance};

const SMALL: &str = r#"{
    "principal": { "uid": 1000, "kind": "human" },
    "command": { "path": "/usr/bin/git", "argv": ["git", "push"], "cwd": "/home/ann/src" }
}"#;

#[test]
fn what_is_left_out_is_not_known_and_null_is_absent() {
    let request = RequestFile::parse(SMALL).unwrap();
    assert_eq!(request.operation.name, "sandbox.exec");
    assert_eq!(request.surroundings, Surroundings::default());
    let text = SMALL.replace("\"command\"", "\"context\": { \"ssh_dest\": null, \"origin\": \"ssh\" }, \"command\"");
    let request = RequestFile::parse(&text).unwrap();
    assert_eq!(request.surroundings.ssh_dest, Fact::Absent);
    assert!(request.surroundings.cgroup.is_unknown());
}

#[test]
fn what_nobody_understands_is_refused_with_its_place() {
    for (wrong, message) in [
        (SMALL.replace("\"uid\"", "\"role\""), "unknown field `role`"),
        (SMALL.replace("\"principal\"", "\"agent\": false, \"principal\""), "unknown field `agent`"),
        (SMALL.replace("\"uid\": 1000", "\"uid\": 1000, \"uid\": 0"), "duplicate key `uid`"),
        (SMALL.replace("/usr/bin/git", "usr/bin/git"), "is no path"),
        (SMALL.replace("/home/ann/src", "/home/../etc"), "is no path"),
        (SMALL.replace("[\"git\", \"push\"]", "[]"), "`argv` is empty"),
        (SMALL.replace("[\"git\", \"push\"]", "\"git push\""), "invalid type"),
        (SMALL.replace("human", "root"), "unknown variant `root`"),
        (format!("{SMALL}x"), "trailing characters"),
    ] {
        let error = RequestFile::parse(&wrong).unwrap_err();
        assert!(error.contains(message), "{error}\n{wrong}");
    }
}

#[test]
fn a_target_that_is_stated_twice_is_refused() {
    let with = |more: &str| RequestFile::parse(&SMALL.replacen('{', &format!("{{{more},"), 1));
    for (once, again, name) in [
        (r#""target": {"host": "a.test"}"#, r#""target": {"host": "a.test", "host": "b.test"}"#, "host"),
        (r#""context": {"env": {"A": "1"}}"#, r#""context": {"env": {"A": "1", "A": "2"}}"#, "A"),
        (r#""asked": {"limits": {"pids": "1"}}"#, r#""asked": {"limits": {"pids": "1", "pids": "9"}}"#, "pids"),
    ] {
        assert!(with(once).is_ok(), "control: {:?}", with(once));
        assert!(with(again).unwrap_err().contains(&format!("duplicate key `{name}`")), "{again}");
    }
}

#[test]
fn what_a_record_hides_is_unknown_and_remembered() {
    let hidden = r#", "redacted": ["repository.branch", "context.env.TOKEN", "asked.read"], "context": {"env": {}, "env_read": ["TOKEN"]}}"#;
    let text = SMALL.replace("[\"git\", \"push\"]", r#"["git", {"redacted": true, "length": 9}]"#);
    let request = RequestFile::parse(&text.replace("\n}", hidden)).unwrap();
    let names: Vec<String> = request.redacted.iter().map(|fact| fact.name().to_string()).collect();
    assert_eq!(names, ["command.argv.1", "context.env.TOKEN", "repository.branch", "asked.read"]);
    assert!(request.repository.branch.is_unknown() && request.command.classes.is_unknown());
}

#[test]
fn a_record_that_contradicts_itself_is_refused() {
    for (more, message) in [
        (r#""redacted": ["repository.branch"], "repository": {"branch": "main"}"#, "is redacted and stated as well"),
        (r#""redacted": ["repository.branch"], "repository": {"branch": null}"#, "is redacted and stated as well"),
        (r#""redacted": ["command.argv"]"#, "is redacted and stated as well"),
        (r#""redacted": ["context.env.A"], "context": {"env": {"A": "1"}}"#, "is redacted and stated as well"),
        (r#""redacted": ["context.env.A"]"#, "`context.env` is not there"),
        (r#""redacted": ["principal.uid"]"#, "`principal.uid` under `redacted` is no fact that a record leaves out"),
        (r#""redacted": ["command.argv.1"]"#, "is no fact that a record leaves out"),
        (r#""asked": {"limits": {"memory": "much"}}"#, "`much` is not a size"),
        (r#""asked": {"network": {"egress": ["a:1"]}}"#, "port 1 needs its protocol"),
        (r#""asked": {"env": ["A=1"]}"#, "invalid type"),
        (r#""asked": {"profil": "x"}"#, "unknown field `profil`"),
    ] {
        let text = SMALL.replacen('{', &format!("{{{more},"), 1);
        let error = RequestFile::parse(&text).unwrap_err();
        assert!(error.contains(message), "{error}\n{text}");
    }
    let unmarked = SMALL.replace("\"push\"", r#"{"redacted": false}"#);
    assert!(RequestFile::parse(&unmarked).is_err());
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        "[a-z-]{0,6}".prop_map(|text| Text::from(text.as_str())),
        prop::collection::vec(1_u8..=255, 0..6).prop_map(|bytes| Text::new(bytes).unwrap()),
    ]
}

fn path() -> impl Strategy<Value = AbsPath> {
    prop::collection::vec("[a-z]{1,4}", 0..4).prop_map(|parts| AbsPath::new(format!("/{}", parts.join("/"))).unwrap())
}

fn fact<T: Clone + std::fmt::Debug + 'static>(
    known: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Fact<T>> {
    prop_oneof![Just(Fact::Unknown), Just(Fact::Absent), known.prop_map(Fact::Known)].boxed()
}

fn principal() -> impl Strategy<Value = Principal> {
    let kind = prop::sample::select(vec![ClientKind::Human, ClientKind::Agent, ClientKind::Ci]);
    let executable = (path(), fact("[0-9a-f]{4}"), fact("[A-Z]{4}"))
        .prop_map(|(path, sha256, codesign_team_id)| Executable { path, sha256, codesign_team_id });
    (any::<u32>(), kind, fact(executable), fact(prop::collection::vec("[a-z]{1,3}", 0..3)))
        .prop_map(|(uid, kind, executable, roles)| Principal { uid, kind, executable, roles })
}

fn command() -> impl Strategy<Value = Command> {
    let inode = || (any::<u64>(), any::<u64>()).prop_map(|(device, number)| Inode { device, number });
    let interpreter = (path(), path(), inode(), prop::option::of("[0-9a-f]{4}"), prop::collection::vec(text(), 1..3))
        .prop_map(|(path, named, inode, sha256, argv)| Interpreter {
            path,
            named,
            inode,
            sha256,
            argv,
            chosen_by: Chooser::Machine,
        });
    let program = (path(), path(), inode(), prop::option::of("[0-9a-f]{4}"), prop::collection::vec(interpreter, 0..2))
        .prop_map(|(path, named, inode, sha256, interpreters)| Program { path, named, inode, sha256, interpreters });
    (program, prop::collection::vec(text(), 1..5), path()).prop_map(|(program, argv, cwd)| {
        let mut command = Command { program, argv, cwd, classes: Fact::Unknown };
        command.classify();
        command
    })
}

fn surroundings() -> impl Strategy<Value = Surroundings> {
    let texts = || fact(prop::collection::vec(text(), 0..3));
    let names = (fact(text()), fact(text()), texts(), texts(), fact(text()), fact(text()));
    let read = prop::option::of(prop::collection::btree_set(text(), 0..3));
    let flags =
        (fact(any::<bool>()), fact(any::<bool>()), fact(any::<bool>()), fact(text()), fact(text()), fact(text()));
    let origin = fact(prop::sample::select(vec![Origin::Tty, Origin::Mcp]));
    let provenance = fact(prop::sample::select(vec![Provenance::Trusted, Provenance::System]));
    // Variables were found, and none; a value would be hidden.
    (names, flags, read, fact(Just(BTreeMap::new())), fact(text()), origin, provenance).prop_map(
        |(names, flags, env_read, env, coding_agent_name, origin, provenance)| {
            let (process_name, parent_process_name, ancestors, command, cgroup, tmux_window) = names;
            let (is_in_container, is_in_known_hosts, is_forwarded, ssh_dest, forwarded_via, key) = flags;
            Surroundings {
                process_name,
                parent_process_name,
                ancestors,
                command,
                cgroup,
                tmux_window,
                is_in_container,
                coding_agent_name,
                env,
                env_read,
                ssh_dest,
                is_in_known_hosts,
                is_forwarded,
                forwarded_via,
                key,
                origin,
                provenance,
            }
        },
    )
}

fn asked() -> impl Strategy<Value = Asked> {
    let entries = vec![
        "api.example.test",
        "*.data.example.test:8443/tls",
        "!old.example.test",
        "10.1.2.0/24:6379/tcp",
        "[2001:db8::]/32:53/udp",
        "@npm-registry",
        "web.example.test:80",
    ];
    let entry = prop::sample::select(entries).prop_filter_map("an entry", |text| EgressEntry::parse(text).ok());
    let loopback = prop::sample::select(vec!["127.0.0.1:5432", "[::1]:80"]).prop_map(|text| text.parse().unwrap());
    let network = (
        prop::collection::vec(entry, 0..3),
        prop::collection::vec(loopback, 0..2),
        prop::collection::vec(1_u16.., 0..2),
    )
        .prop_map(|(egress, loopback, publish)| NetworkGrants { egress, loopback, publish });
    let limits =
        (1_u64..1 << 45, 1_u64..1 << 40, 1_u32..5000, any::<[bool; 8]>()).prop_map(|(size, time, share, set)| {
            let mut limits = LimitRequest::default();
            let mut give = |is_set: bool, name: &str, text: String| {
                if is_set {
                    limits.set(name, &text, true).unwrap();
                }
            };
            give(set[0], "wall", format!("{time}ms"));
            give(set[1], "cpu", format!("{share}%"));
            for (is_set, name) in set[2..4].iter().chain(&set[4..5]).zip(["memory", "tmp", "output"]) {
                give(*is_set, name, format!("{size}B"));
            }
            for (is_set, name) in set[5..].iter().zip(["pids", "files", "inodes"]) {
                give(*is_set, name, size.to_string());
            }
            limits
        });
    let variable = text().prop_map(|name| AskedVariable { name, value: None });
    let tier = prop::sample::select(vec![AskedTier::Auto, AskedTier::Namespaces]);
    let paths = || prop::collection::vec(path(), 0..3);
    let sources = prop::sample::select(vec!["env:TOKEN", "file:/etc/key", "file:~/a b"]);
    let delivery = prop::sample::select(vec![Delivery::Env, Delivery::File, Delivery::Fd]);
    let secret = ("[A-Z]{1,3}_T", sources, delivery)
        .prop_filter_map("a secret", |(name, from, deliver)| AskedSecret::parse(&name, from, deliver).ok());
    let secrets = prop::collection::vec(secret, 0..3);
    let env = prop::collection::vec(variable, 0..3);
    (prop::option::of("[a-z]{0,5}"), paths(), paths(), env, secrets, network, limits, tier).prop_map(
        |(profile, read, write, env, secrets, network, limits, tier)| Asked {
            profile,
            read,
            write,
            env,
            secrets,
            network,
            limits,
            tier,
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let target = prop::collection::btree_map("[a-z]{1,3}", text(), 0..3);
    let operation = ("[a-z.]{1,6}|sandbox\\.exec", target, prop::collection::vec("[A-Z]{1,4}", 0..3))
        .prop_map(|(name, target, secrets)| Operation { name, target, secrets });
    let repository = (
        fact("[a-z:/]{0,9}"),
        fact("[a-z]{0,4}"),
        prop::sample::select(vec![Fact::Unknown, Fact::Absent, Fact::Known(true), Fact::Known(false)]),
    )
        .prop_map(|(remote_url, branch, is_clean)| Repository { remote_url, branch, is_clean });
    (principal(), operation, command(), repository, surroundings(), asked()).prop_map(
        |(principal, operation, command, repository, surroundings, asked)| Request {
            principal,
            operation,
            command,
            repository,
            surroundings,
            asked,
            redacted: RedactedFacts::new(),
        },
    )
}

fn read_back(request: &Request, room: usize) -> Request {
    let bytes = recorded(request, room);
    RequestFile::parse(std::str::from_utf8(&bytes).unwrap()).unwrap_or_else(|error| {
        panic!("{error}\n{}", String::from_utf8_lossy(&bytes));
    })
}

/// The objects in a value.
fn objects(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(objects).sum(),
        Value::Object(entries) => 1 + entries.values().map(objects).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The value as JSON, where the object that `left` counts down to gets one key more: `added`, or one of its own again.
fn spoilt(value: &Value, left: &mut usize, added: Option<usize>) -> String {
    match value {
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(|value| spoilt(value, left, added)).collect();
            format!("[{}]", values.join(","))
        }
        Value::Object(entries) => {
            let is_this = *left == 0;
            *left = left.wrapping_sub(1);
            let mut parts: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(&**key), spoilt(value, left, added)))
                .collect();
            if is_this {
                let again = added.and_then(|which| parts.get(which.checked_rem(parts.len())?).cloned());
                parts.push(again.unwrap_or_else(|| r#""trusted":true"#.to_owned()));
            }
            format!("{{{}}}", parts.join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn an_unknown_or_repeated_key_anywhere_is_refused(
        request in request(), at in any::<prop::sample::Index>(), added in prop::option::of(0_usize..20)
    ) {
        let value: Value = serde_json::from_slice(&recorded(&request, usize::MAX)).unwrap();
        let text = value.to_string();
        prop_assert!(RequestFile::parse(&text).is_ok(), "control: {}", text);
        let text = spoilt(&value, &mut at.index(objects(&value)), added);
        prop_assert!(RequestFile::parse(&text).is_err(), "{}", text);
    }

    #[test]
    fn a_record_is_read_back_as_the_very_request_that_was_decided(request in request()) {
        prop_assert_eq!(read_back(&request, usize::MAX), request);
    }

    #[test]
    fn values_are_never_recorded_and_the_rest_is_read_back(request in request(), env in prop::collection::btree_set("[A-Z]{1,4}", 1..4)) {
        let secret = "a-very-private-value";
        let mut request = request;
        let text = |name: &String| Text::from(name.as_str());
        request.surroundings.env = Fact::Known(env.iter().map(|name| (text(name), Text::from(secret))).collect());
        request.asked.env.extend(env.iter().map(|name| AskedVariable { name: text(name), value: Some(Text::from(secret)) }));
        prop_assert!(!String::from_utf8(recorded(&request, usize::MAX)).unwrap().contains(secret));
        let mut expected = request.clone();
        expected.surroundings.env = Fact::Known(BTreeMap::new());
        for variable in expected.asked.env.iter_mut().filter(|variable| variable.value.is_some()) {
            variable.value = Some(Text::from(""));
        }
        expected.redacted.extend(env.iter().map(|name| Redacted::Variable(text(name))));
        expected.redacted.extend(env.iter().map(|name| Redacted::AskedValue(text(name))));
        let read = read_back(&request, usize::MAX);
        prop_assert_eq!(&read, &expected);
        prop_assert_eq!(read_back(&read, usize::MAX), expected, "a record of what was recorded is the same");
    }

    #[test]
    fn where_room_is_short_what_gives_way_is_named(request in request(), room in 0_usize..2000) {
        let (bytes, read) = (recorded(&request, room).len(), read_back(&request, room));
        let hidden: Vec<Whole> = Whole::ALL.into_iter().filter(|whole| read.redacted.contains(&Redacted::Whole(*whole))).collect();
        let is_whole = read == request;
        prop_assert_eq!(is_whole, hidden.is_empty());
        prop_assert!(bytes <= room || Whole::ALL.into_iter().all(|whole| !RequestFile::of(&read).states(whole)));
        let full = recorded(&request, usize::MAX).len();
        prop_assert_eq!(is_whole, full <= room || RequestFile::of(&request) == RequestFile::of(&read));
    }
}

/// Everything that a request may say.
const WHOLE: &str = r#"{
    "principal": { "uid": 1000, "kind": "agent", "executable": { "path": "/usr/bin/claude" }, "roles": ["release"] },
    "operation": "ssh.sign",
    "target": { "repo": "team/app", "host": "git.example" },
    "secrets": ["TOKEN"],
    "command": { "path": "/usr/bin/git", "argv": ["git", "push"], "cwd": "/home/ann/src", "sha256": null },
    "repository": { "remote_url": "git@git.example:team/app", "branch": "main" },
    "context": { "env": { "CI": "1" }, "origin": "tty", "is_in_container": false }
}"#;

/// Every key, with what stands before it and from it on.
fn keys() -> Vec<(&'static str, &'static str, &'static str)> {
    let ends = WHOLE.match_indices("\": ").map(|(end, _)| end);
    let key = |end: usize| {
        let (before, _) = WHOLE.split_at(end);
        let (before, from) = WHOLE.split_at(before.rfind('"').unwrap());
        (before, from, from.split('"').nth(1).unwrap())
    };
    ends.map(key).collect()
}

/// A key with its value, to the next comma or brace on its level.
fn entry(from: &str) -> &str {
    let mut depth = 0;
    let end = from.find(|character| {
        depth += match character {
            '{' | '[' => 1,
            '}' | ']' => -1,
            _ => 0,
        };
        (depth == 0 && character == ',') || depth < 0
    });
    from.split_at(end.unwrap()).0.trim_end()
}

#[test]
fn a_key_that_is_unknown_or_stands_twice_is_refused_wherever_it_stands() {
    assert!(RequestFile::parse(WHOLE).is_ok(), "{:?}", RequestFile::parse(WHOLE));
    assert!(keys().len() > 20, "{:?}", keys());
    for (before, from, key) in keys() {
        let twice = format!("{before}{}, {from}", entry(from));
        let error = RequestFile::parse(&twice).expect_err(&twice);
        assert!(error.contains(&format!("duplicate key `{key}`")), "{error}\n{twice}");
        // The keys of `target` and `env` are the writer's own.
        if !["repo", "host", "CI"].contains(&key) {
            let unknown = format!("{before}\"confidence\": 1, {from}");
            let error = RequestFile::parse(&unknown).expect_err(&unknown);
            assert!(error.contains("unknown field `confidence`"), "{error}\n{unknown}");
        }
    }
}

#[test]
fn what_a_caller_would_like_to_say_of_itself_is_no_key() {
    for claim in [
        "\"confidence\": 1",
        "\"writes\": false",
        "\"agent\": false",
        "\"provenance\": \"trusted\"",
        "\"trust\": \"verified\"",
    ] {
        for place in ["\"operation\"", "\"uid\"", "\"path\": \"/usr/bin/git\"", "\"branch\""] {
            let claimed = WHOLE.replacen(place, &format!("{claim}, {place}"), 1);
            assert!(RequestFile::parse(&claimed).is_err(), "{claimed}");
        }
    }
}
