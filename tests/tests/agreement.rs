//! `explain`, `--plan`, the run itself and `simulate` on what the run recorded: one request, one answer, by one rule.
//!
//! What follows an answer to its very end is tested here and in `approval.rs`: that `yes` runs exactly what was shown
//! (`yes_runs_it_and_everything_was_shown_before`), that nothing else does (`anything_else_does_not`), and that nobody is
//! asked where nobody can be (`without_a_terminal_nobody_can_be_asked`).

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use opaque_tests::{Ended, Sandbox, Terminal, each_identity, opaque};
use serde_json::{Value, json};

const ROWS: [(&str, &str); 3] = [
    ("the policy guide", include_str!("../../policy/src/decide/tests/rows/policy-guide.json")),
    ("the policy model", include_str!("../../policy/src/decide/tests/rows/policy-model.json")),
    ("the specification of security", include_str!("../../policy/src/decide/tests/rows/security-specification.json")),
];
const ORDINARY: &str = include_str!("../../policy/src/decide/tests/rows/ordinary.json");

fn tool(sandbox: &Sandbox, arguments: &[&str], env: &[(String, String)]) -> Ended {
    let copy = sandbox.base().join("tools/opaque");
    if !copy.exists() {
        fs::copy(opaque(), &copy).unwrap();
    }
    let launch = sandbox.launch_outside([&[copy.to_str().unwrap()], arguments].concat());
    env.iter().fold(launch, |launch, (name, value)| launch.env(name, value)).finish()
}

fn run(sandbox: &Sandbox, arguments: &[&str], env: &[(String, String)]) -> Ended {
    env.iter().fold(sandbox.launch(arguments), |launch, (name, value)| launch.env(name, value)).finish()
}

/// What the records of one kind say, in order.
fn records(directory: &std::path::Path, kind: &str) -> Vec<Value> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["kind"] == kind).map(|mut line| line["record"].take()).collect()
}

/// The answer and the rule of `--plan --json`: a plan names its rule, a denial is told.
fn planned(ended: &Ended) -> (i32, String) {
    let code = ended.code.unwrap_or_else(|| panic!("{ended}"));
    let rule = match code {
        0 => {
            let shown: Value = serde_json::from_slice(&ended.stdout).unwrap_or_else(|error| panic!("{error}\n{ended}"));
            shown["plan"]["authority"]["rule"].as_str().unwrap().to_owned()
        }
        _ => ended.errors().split('`').nth(1).unwrap_or_else(|| panic!("{ended}")).to_owned(),
    };
    (code, rule)
}

/// The answer and the rule of `explain --json`.
fn explained(ended: &Ended) -> (String, String) {
    let shown: Value = serde_json::from_slice(&ended.expect(0).stdout).unwrap();
    let answer = match shown["decision"].as_str().unwrap() {
        "allowed" => "allow",
        "needs approval" => "ask",
        "denied" => "deny",
        other => panic!("{other}"),
    };
    (answer.to_owned(), shown["rule"].as_str().unwrap().to_owned())
}

/// The request of a row: an ordinary one with what the row changes.
fn request(row: &Value) -> Value {
    let mut file: Value = serde_json::from_str(ORDINARY).unwrap();
    for (part, change) in row["change"].as_object().into_iter().flatten() {
        match (file.get_mut(part).and_then(Value::as_object_mut), change) {
            (Some(part), Value::Object(change)) => part.extend(change.clone()),
            _ => file[part] = change.clone(),
        }
    }
    for name in row["unknown"].as_array().into_iter().flatten() {
        let (part, key) = name.as_str().unwrap().split_once('.').unwrap();
        file[part].as_object_mut().unwrap().remove(key).unwrap();
    }
    file
}

/// Where in a request each condition of a policy looks.
fn places(policy: &str) -> Vec<String> {
    let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.trim().to_owned());
    let places = policy.lines().filter_map(key).filter_map(|key| match key.as_str() {
        "name" | "action" | "trust" | "default" | "require" => None,
        "path" | "argv" => Some(format!("command.{key}")),
        "remote_url_pattern" => Some("repository.remote_url".to_owned()),
        "branch_pattern" => Some("repository.branch".to_owned()),
        "roles" => Some("principal.roles".to_owned()),
        "uid" => Some("principal.uid".to_owned()),
        "exe_path" | "clients" => Some("principal.executable".to_owned()),
        "ancestor" => Some("context.ancestors".to_owned()),
        "is_coding_agent" => Some("context.coding_agent_name".to_owned()),
        "operation" => Some("operation".to_owned()),
        "fields" => Some("target".to_owned()),
        "patterns" => Some("secrets".to_owned()),
        other => Some(format!("context.{other}")),
    });
    places.collect()
}

/// A policy that reads everything and denies, so that its refusal records every fact that this machine can make.
const READS_ALL: &str = "version = 1\ndefault = \"deny\"\n[[clients]]\nname = \"c\"\nexe_path = \"/none\"\n\
    [[rules]]\nname = \"all\"\naction = \"ask\"\nclients = [\"c\"]\nroles = [\"none\"]\n\
    [rules.workspace]\nremote_url_pattern = \"none.example/x\"\nbranch_pattern = \"none\"\n\
    [rules.context]\nprocess_name = \"none\"\nenv = { CLAUDECODE = \"none\", EDITOR = \"none\" }\n\
    [rules.approval]\nrequire = \"always\"\nfactors = [\"fido2\"]\n";

/// What a row needs around it: its repository, its variables and its program, as far as a test can make them.
struct World {
    env: Vec<(String, String)>,
    program: String,
    arguments: Vec<String>,
}

impl World {
    fn make(sandbox: &Sandbox, request: &Value) -> Self {
        if let Some(url) = request["repository"]["remote_url"].as_str() {
            sandbox.write(".git/config", format!("[remote \"origin\"]\n\turl = {url}\n"));
        } else {
            sandbox.write(".git/config", "");
        }
        let branch = request["repository"]["branch"].as_str().unwrap_or("none");
        sandbox.write(".git/HEAD", format!("ref: refs/heads/{branch}\n"));
        let mut env: Vec<(String, String)> = Vec::new();
        for (name, value) in request["context"]["env"].as_object().into_iter().flatten() {
            env.push((name.clone(), value.as_str().unwrap().to_owned()));
        }
        if request["context"]["coding_agent_name"] == "claude" {
            env.push(("CLAUDECODE".to_owned(), "1".to_owned()));
        }
        // Another place than the system's is as good as any other.
        let path = request["command"]["path"].as_str().unwrap();
        let program = if path.starts_with("/usr/") {
            path.to_owned()
        } else {
            sandbox.script("elsewhere/git", "#!/bin/sh\nexit 0\n").display().to_string()
        };
        let words = request["command"]["argv"].as_array().unwrap();
        let arguments = words[1..].iter().map(|word| word.as_str().unwrap().to_owned()).collect();
        Self { env, program, arguments }
    }

    fn line<'a>(&'a self, options: &[&'a str]) -> Vec<&'a str> {
        let command = [self.program.as_str()].into_iter().chain(self.arguments.iter().map(String::as_str));
        options.iter().copied().chain(["--"]).chain(command).collect()
    }

    /// The facts that a run here has, from what it records.
    fn facts(&self, sandbox: &Sandbox) -> Value {
        sandbox.policy(READS_ALL);
        run(sandbox, &self.line(&[]), &self.env).expect(120);
        let journal = sandbox.home().join(".local/state/opaque/journal");
        records(&journal, "refusal").pop().unwrap()["request"].clone()
    }
}

/// True when a run here has this fact as the row wants it.
fn has(place: &str, wanted: &Value, here: &Value) -> bool {
    let at = |file: &Value| match place.split_once('.') {
        Some((part, key)) => file[part].get(key).cloned(),
        None => file.get(place).cloned(),
    };
    match place {
        // Any place that is not the system's stands for any other.
        "command.path" => {
            at(here) == at(wanted) || at(here).is_some_and(|path| path.as_str().unwrap().ends_with("/elsewhere/git"))
        }
        // The values are ours and are never recorded.
        "context.env" => {
            let names: Vec<String> = here["redacted"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect();
            let wanted = wanted["context"]["env"].as_object().unwrap();
            names.contains(&"context.env.CLAUDECODE".to_owned()) == wanted.contains_key("CLAUDECODE")
        }
        "command.argv" => at(here).unwrap().as_array().unwrap()[1..] == at(wanted).unwrap().as_array().unwrap()[1..],
        _ => at(here) == at(wanted),
    }
}

#[test]
fn every_sentence_of_the_documents_is_what_the_programs_answer() {
    each_identity(|sandbox| {
        let mut facts: BTreeMap<String, Value> = BTreeMap::new();
        let (mut carried, mut total) = (0, 0);
        for (document, rows) in ROWS {
            for row in serde_json::from_str::<Vec<Value>>(rows).unwrap() {
                let name =
                    format!("{document}, {}: {}", row["section"].as_str().unwrap(), row["sentence"].as_str().unwrap());
                let lines: Vec<&str> =
                    row["policy"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
                let policy = format!("version = 1\n{}\n", lines.join("\n"));
                let (expect, rule) = (row["expect"].as_str().unwrap(), row["rule"].as_str().unwrap());
                let wanted = request(&row);
                let world = World::make(sandbox, &wanted);
                let around =
                    format!("{} {:?} {:?} {}", world.program, world.arguments, world.env, wanted["repository"]);
                let here = facts.entry(around).or_insert_with(|| world.facts(sandbox));
                total += 1;
                sandbox.policy(&policy);
                if places(&policy).iter().all(|place| has(place, &wanted, here)) {
                    carried += 1;
                    let found = planned(&run(sandbox, &world.line(&["--plan", "--json"]), &world.env));
                    let code = if expect == "deny" { 120 } else { 0 };
                    assert_eq!(found, (code, rule.to_owned()), "{name}\n{policy}");
                } else {
                    sandbox.write("row.json", wanted.to_string());
                    let found =
                        explained(&tool(sandbox, &["policy", "explain", "--json", "--request", "row.json"], &[]));
                    assert_eq!(found, (expect.to_owned(), rule.to_owned()), "{name}\n{policy}");
                }
            }
        }
        assert_eq!(total, 87);
        assert!(carried >= 20, "only {carried} rows were taken through the program");
        eprintln!("{carried} of {total} rows through `opaque-run --plan`, the others through `explain --request`");
    });
}

#[test]
fn each_answer_is_followed_to_its_end() {
    each_identity(|sandbox| {
        let policy =
            |action: &str| format!("version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"\naction = \"{action}\"\n");
        let act = ["--", "sh", "-c", "touch marker && echo it ran"];
        let is_done = || fs::remove_file(sandbox.project().join("marker")).is_ok();
        let journal = sandbox.home().join(".local/state/opaque/journal");
        let last = |kind: &str| records(&journal, kind).pop().unwrap()["answer"].clone();

        sandbox.policy(&policy("allow"));
        assert_eq!(sandbox.run(act).expect(0).text(), "it ran");
        assert!(is_done());
        assert_eq!((&last("intent")["decision"], &last("intent")["rule"]), (&json!("allow"), &json!("user:r")));

        sandbox.policy(&policy("deny"));
        sandbox.run(act).expect(120);
        assert!(!is_done());
        assert_eq!((&last("refusal")["decision"], &last("refusal")["rule"]), (&json!("deny"), &json!("user:r")));

        sandbox.policy(&policy("ask"));
        sandbox.run([&["--unattended"][..], &act].concat()).expect(121);
        assert!(!is_done());
        assert_eq!((&last("refusal")["decision"], &last("refusal")["rule"]), (&json!("ask"), &json!("user:r")));
        let mut terminal = Terminal::new(sandbox.identity());
        let running = sandbox.launch(act).on(&terminal).start();
        terminal.wait_for("type `yes` to run it");
        terminal.press("yes\n");
        let ended = running.wait();
        assert_eq!(ended.code, Some(0), "{ended}\n{}", terminal.screen());
        terminal.wait_for("it ran");
        assert!(is_done());
        assert_eq!((&last("intent")["decision"], &last("intent")["rule"]), (&json!("ask"), &json!("user:r")));
    });
}

/// Numbers that look random and are the same in every run (a linear congruential generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// A policy of a few rules over what a run is, is asked for, and stands in.
fn random_policy(numbers: &mut Numbers) -> String {
    let mut text = format!("version = 1\ndefault = \"{}\"\n", numbers.of(&["allow", "allow", "deny"]));
    for index in 0..2 + numbers.below(4) {
        let action = numbers.of(&["allow", "ask", "deny", "allow"]);
        text += &format!("[[rules]]\nname = \"r{index}\"\naction = \"{action}\"\n");
        if action == "allow" {
            text += "trust = \"derived\"\n";
        }
        let mut conditions = vec![numbers.of(&[
            "command.path = \"/**/alpha\"\n",
            "command.path = \"/**/beta\"\n",
            "command.argv = [\"x\", \"**\"]\n",
            "command.argv = [{ flag = \"--tag\", value = { one_of = [\"a\"] } }, { rest = { text = \"*\" } }]\n",
            "command.class = [\"opaque-script\"]\n",
            "command.path = \"/**\"\n",
        ])];
        conditions.push(numbers.of(&[
            "",
            "",
            "client_types = [\"agent\", \"ci\", \"human\"]\n",
            "workspace.branch_pattern = \"main\"\n",
            "workspace.branch_pattern = \"dev\"\n",
            "context.is_coding_agent = true\n",
            "context.is_in_container = false\n",
            "roles = [\"release\"]\n",
        ]));
        if action != "allow" {
            conditions.push(numbers.of(&[
                "",
                "",
                "context.env = { STAGE = \"live\" }\n",
                "context.env = { STAGE = \"*\" }\n",
            ]));
        }
        text += &conditions.concat();
        if action != "deny" {
            text += numbers.of(&[
                "",
                "",
                "sandbox = { profiles = [\"default\"], read = [\"/srv\"], env = [\"*\"], limits = { pids = 100 } }\n",
            ]);
        }
    }
    text
}

/// One in which no rule shadows another, in force.
fn loadable_policy(numbers: &mut Numbers, sandbox: &Sandbox) -> String {
    loop {
        let policy = random_policy(numbers);
        sandbox.policy(&policy);
        let checked = tool(sandbox, &["policy", "check"], &[]);
        if checked.code == Some(0) {
            return policy;
        }
        assert!(checked.errors().contains("is never reached"), "{checked}\n{policy}");
    }
}

/// A command line: flags and a program of ours with its arguments.
fn random_line(numbers: &mut Numbers, sandbox: &Sandbox) -> (Vec<String>, Vec<String>) {
    let flags = [
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "--read=/srv",
        "--read=/usr/share",
        "--env=STAGE",
        "--env=MODE=fast",
        "--limit=pids=64",
        "--limit=pids=4000",
        "--timeout=5m",
        "--profile=default",
        "--profile=offline-read",
        "--profile=none",
        "--tier=namespaces",
        "--env=LD_PRELOAD=/x",
        "--loopback=127.0.0.1:5432",
    ];
    let mut chosen: BTreeMap<&str, &str> = BTreeMap::new();
    for _ in 0..numbers.below(3) {
        // Most may be given once only.
        if let Some((name, value)) = numbers.of(&flags).split_once('=') {
            chosen.insert(name, value);
        }
    }
    let flags = chosen.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let program = sandbox.at(numbers.of(&["bin/alpha", "bin/beta", "bin/gamma"]));
    let words = ["x", "y", "--tag=a", "--tag", "b", "a b", "-n"];
    let arguments = (0..numbers.below(4)).map(|_| numbers.of(&words).to_owned());
    (flags, std::iter::once(program).chain(arguments).collect())
}

#[test]
fn a_random_action_is_answered_alike_on_every_road() {
    each_identity(|sandbox| {
        for name in ["alpha", "beta", "gamma"] {
            sandbox.script(format!("bin/{name}"), "#!/bin/sh\nexit 0\n");
        }
        sandbox.write(".git/config", "[remote \"origin\"]\n\turl = https://git.example/team/app.git\n");
        sandbox.write(".git/HEAD", "ref: refs/heads/main\n");
        let mut numbers = Numbers(u64::from(sandbox.identity().uid()) + 1);
        let mut answers: BTreeMap<String, usize> = BTreeMap::new();
        let mut all_open = 0;
        for group in 0..10 {
            let policy = loadable_policy(&mut numbers, sandbox);
            let journal = sandbox.elsewhere().join(format!("journal-{group}"));
            let mut expected: Vec<(String, String)> = Vec::new();
            for _ in 0..10 {
                let (flags, command) = random_line(&mut numbers, sandbox);
                let env = match numbers.below(3) {
                    0 => vec![("STAGE".to_owned(), "live".to_owned())],
                    1 => vec![("STAGE".to_owned(), "test".to_owned())],
                    _ => Vec::new(),
                };
                let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
                let command: Vec<&str> = command.iter().map(String::as_str).collect();
                let line = [&flags[..], &["--"], &command].concat();
                let shown = format!("{line:?} with {env:?} under\n{policy}");

                let (answer, rule) =
                    explained(&tool(sandbox, &[&["policy", "explain", "--json"][..], &line].concat(), &env));
                let found = planned(&run(sandbox, &[&["--plan", "--json"][..], &line].concat(), &env));
                let code = if answer == "deny" { 120 } else { 0 };
                assert_eq!(found, (code, rule.clone()), "--plan: {shown}");
                let directory = journal.display().to_string();
                let ended = run(sandbox, &[&["--unattended", "--journal", &directory][..], &line].concat(), &env);
                let code = match answer.as_str() {
                    "allow" => 0,
                    "ask" => 121,
                    _ => 120,
                };
                assert_eq!(ended.code, Some(code), "the run: {shown}\n{ended}");
                *answers.entry(answer.clone()).or_default() += 1;
                expected.push((answer, rule));
            }
            let file = fs::read_dir(&journal)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .find(|path| path.extension().is_some());
            let file = file.unwrap().display().to_string();
            let mut recorded: Vec<Value> =
                fs::read_to_string(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            recorded.retain(|line| line["kind"] == "intent" || line["kind"] == "refusal");
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let recorded: Vec<(String, String)> = recorded
                .iter()
                .map(|line| (text(&line["record"]["answer"]["decision"]), text(&line["record"]["answer"]["rule"])))
                .collect();
            assert_eq!(recorded, expected, "the journal, under\n{policy}");

            let simulated: Value = simulate(sandbox, &["--json", &file]);
            assert_eq!(simulated["replayed"], 10);
            // The value of a variable is never recorded: what hangs on it may be undetermined, and nothing else.
            let undetermined = simulated["undetermined"].as_array().unwrap();
            for example in undetermined.iter().flat_map(|group| group["first"].as_array().unwrap()) {
                assert_eq!(example["depends_on"], json!(["context.env.STAGE (redacted)"]), "{simulated:#}\n{policy}");
            }
            let open: u64 = undetermined.iter().map(|group| group["count"].as_u64().unwrap()).sum();
            all_open += open;
            assert_eq!(simulated["same"].as_u64().unwrap() + open, 10, "{simulated:#}\n{policy}");
            assert_eq!(
                (&simulated["changed"], &simulated["same_by_another_rule"]),
                (&json!([]), &json!(0)),
                "{policy}"
            );
            // The control: a policy that denies everything changes every answer that was none.
            let strict = sandbox.setting("strict.toml", "version = 1\ndefault = \"deny\"\n").display().to_string();
            let simulated: Value = simulate(sandbox, &["--json", "--policy", &strict, &file]);
            let changed: u64 =
                simulated["changed"].as_array().unwrap().iter().map(|group| group["count"].as_u64().unwrap()).sum();
            let permitted = expected.iter().filter(|(answer, _)| answer != "deny").count();
            assert_eq!(changed, permitted as u64, "{simulated:#}");
        }
        eprintln!("{answers:?}, {all_open} of them undetermined without the values of variables");
        for answer in ["allow", "ask", "deny"] {
            assert!(answers.get(answer).is_some_and(|count| *count >= 10), "{answers:?}");
        }
    });
}

/// What `simulate --json` says, whatever code it ends with.
fn simulate(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let ended = tool(sandbox, &[&["policy", "simulate"][..], arguments].concat(), &[]);
    assert!(matches!(ended.code, Some(0 | 3)), "{ended}");
    let told: Value = serde_json::from_slice(&ended.stdout).unwrap_or_else(|error| panic!("{error}\n{ended}"));
    let is_same = told["same"] == told["replayed"] && told["older"]["count"] == 0 && told["unreadable"]["count"] == 0;
    assert_eq!(ended.code, Some(if is_same { 0 } else { 3 }), "{told:#}");
    told
}
