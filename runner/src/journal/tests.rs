use super::*;
use crate::alone::Alone;
use opaque_policy::fact::Fact;
use opaque_policy::limits::Limits;
use opaque_policy::network::Network;
use opaque_policy::plan::{Authority, IdMap, Identity, Tier, Variable};
use opaque_policy::policy_set::PolicySet;
use opaque_policy::principal::{ClientKind, Principal};
use opaque_policy::profile::Profiles;
use opaque_policy::request::{Asked, AskedVariable, Command, Inode, Program, Request};
use opaque_policy::request_file::RequestFile;
use opaque_policy::sources::{PolicySources, Sight};
use opaque_policy::text::Text;
use proptest::prelude::*;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

struct Place {
    _directory: tempfile::TempDir,
    path: AbsPath,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path =
            AbsPath::new(directory.path().as_os_str().as_encoded_bytes()).unwrap().join("state/journal").unwrap();
        Self { _directory: directory, path }
    }

    fn open(&self) -> Journal {
        Journal::open(self.path.clone(), Sync::Process).unwrap()
    }

    fn file(&self) -> AbsPath {
        let directory = open_directory(&self.path).unwrap();
        self.path.join(line::files(directory.as_fd()).unwrap().last().unwrap()).unwrap()
    }

    fn content(&self) -> Vec<u8> {
        fs::read(self.file().as_path()).unwrap()
    }

    fn set(&self, content: &[u8]) {
        fs::write(self.file().as_path(), content).unwrap();
    }

    fn faults(&self) -> Vec<Fault> {
        verify(&self.path).unwrap().findings.into_iter().map(|finding| finding.fault).collect()
    }

    /// Two whole runs and an open one: an opening and five lines.
    fn filled() -> Self {
        let place = Self::new();
        let journal = place.open();
        for _ in 0..2 {
            let receipt = journal.intent(&plan(), "d1", None, &decided()).unwrap();
            journal.conclude(receipt, &json!({"code": 0})).unwrap();
        }
        let _open = journal.intent(&plan(), "d2", None, &decided()).unwrap();
        place
    }
}

fn request() -> Request {
    let plan = plan();
    let command = Command { program: plan.program, argv: plan.argv, cwd: plan.cwd, classes: Fact::Unknown };
    Request::to_run(plan.principal, command, Asked::default())
}

fn decided_of(request: &Request) -> Decided {
    let sources = PolicySources { home: path("/home/ann"), system: vec![], user: vec![], repo: None };
    let policies = PolicySet::load(&sources, Sight::Again).unwrap();
    Decided::new(request, &policies.decide(request, &Profiles::built_in()), policies.digest())
}

fn decided() -> Decided {
    static DECIDED: std::sync::OnceLock<Decided> = std::sync::OnceLock::new();
    DECIDED.get_or_init(|| decided_of(&request())).clone()
}

fn path(text: &str) -> AbsPath {
    AbsPath::new(text).unwrap()
}

fn plan() -> Plan {
    Plan {
        version: 1,
        principal: Principal::new(1000, ClientKind::Human),
        program: Program {
            path: path("/usr/bin/make"),
            named: path("/usr/bin/make"),
            inode: Inode { device: 1, number: 2 },
            sha256: None,
            interpreters: vec![],
        },
        argv: vec!["make".into()],
        cwd: path("/w"),
        env: vec![Variable { name: "TOKEN".into(), value: "hunter2-value".into() }],
        identity: Identity { uid: 1000, gid: 1000, map: IdMap::Single },
        home: path("/home/ann"),
        tier: Tier::Namespaces,
        mounts: vec![],
        protected: vec![],
        workspace: None,
        network: Network::default(),
        secrets: Vec::new(),
        limits: Limits::default(),
        output: opaque_policy::output::Output::default(),
        authority: Authority {
            profile: "default".into(),
            profile_digest: "p".into(),
            policy_digest: "q".into(),
            rule: "built-in:default".into(),
        },
        notes: vec![],
    }
}

#[test]
fn a_run_leaves_an_intent_and_a_conclusion() {
    let place = Place::filled();
    let report = verify(&place.path).unwrap();
    assert_eq!((report.lines, report.findings, report.open.len()), (6, vec![], 1));
    let text = String::from_utf8(place.content()).unwrap();
    let kinds: Vec<_> = text.lines().map(|line| line::Read::parse(line.as_bytes()).unwrap().kind).collect();
    assert_eq!(kinds, ["opening", "intent", "conclusion", "intent", "conclusion", "intent"]);
}

#[test]
fn names_of_variables_are_recorded_and_values_never() {
    let text = String::from_utf8(Place::filled().content()).unwrap();
    assert!(text.contains("TOKEN") && !text.contains("hunter2"));
}

#[test]
fn only_the_owner_can_read_it() {
    let place = Place::filled();
    let mode = |path: &AbsPath| fs::metadata(path.as_path()).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place.path), mode(&place.file())), (0o700, 0o600));
}

#[test]
fn a_long_argument_is_recorded_by_length_and_hash() {
    let place = Place::new();
    let mut plan = plan();
    plan.argv.push(Text::new(vec![b'a'; 5000]).unwrap());
    let _receipt = place.open().intent(&plan, "d", None, &decided()).unwrap();
    let text = String::from_utf8(place.content()).unwrap();
    assert!(text.contains(&line::hash(&vec![b'a'; 5000])) && text.contains("\"length\":5000"));
}

#[test]
fn a_line_stays_below_64_kib() {
    let place = Place::new();
    let mut plan = plan();
    plan.argv.extend((0..5000).map(|number| Text::new(format!("argument {number} \u{1}")).unwrap()));
    let journal = place.open();
    let receipt = journal.intent(&plan, "d", None, &decided()).unwrap();
    journal.conclude(receipt, &"\u{1}".repeat(100_000)).unwrap();
    assert!(place.content().split(|byte| *byte == b'\n').all(|line| line.len() < 64 * 1024));
    assert_eq!(place.faults(), []);
}

fn recorded(place: &Place) -> Vec<serde_json::Value> {
    let text = String::from_utf8(place.content()).unwrap();
    text.lines().map(|line| line::Read::parse(line.as_bytes()).unwrap().record).collect()
}

#[test]
fn an_intent_and_a_refusal_hold_the_request_and_its_answer() {
    let place = Place::new();
    let journal = place.open();
    let receipt = journal.intent(&plan(), "d", None, &decided()).unwrap();
    journal.conclude(receipt, &json!({"code": 0})).unwrap();
    journal.refuse(&json!({"class": "denied"}), &decided()).unwrap();
    journal.refuse(&json!({}), &decided()).unwrap();
    let records = recorded(&place);
    for record in [&records[1], &records[3], &records[4]] {
        let read = RequestFile::parse(&record["request"].to_string()).unwrap();
        let mut expected = request();
        expected.command.classify();
        assert_eq!(read, expected);
        assert_eq!(record["answer"]["decision"], "allow");
        assert_eq!(record["answer"]["rule"], "built-in:any-command");
        assert_eq!(record["answer"]["policy"].as_str().unwrap().len(), 64);
    }
    assert_eq!((&records[1]["plan"], &records[3]["class"]), (&json!("d"), &json!("denied")));
    assert_eq!(records[2], json!({"code": 0}));
}

#[test]
fn whatever_is_asked_a_line_stays_bounded_and_says_what_it_left_out() {
    let control = |length: usize| Text::new(vec![1; length]).unwrap();
    let long = AbsPath::new([b"/".as_slice(), &[1; 4000]].concat()).unwrap();
    let mut request = request();
    request.command.argv = vec![control(4000); 100];
    request.command.cwd = long.clone();
    request.command.program.path = long.clone();
    request.command.program.named = long.join("x").unwrap();
    request.asked.read = vec![long.clone(); 50];
    request.asked.profile = Some("\u{1}".repeat(50_000));
    request.asked.env = vec![AskedVariable { name: control(5000), value: Some(control(5000)) }];
    request.surroundings.command = Fact::Known(vec![control(5000); 50]);
    request.principal.executable = Fact::Known(opaque_policy::principal::Executable {
        path: long.clone(),
        sha256: Fact::Unknown,
        codesign_team_id: Fact::Absent,
    });
    let mut plan = plan();
    plan.argv = request.command.argv.clone();
    (plan.cwd, plan.principal) = (long, request.principal.clone());
    let place = Place::new();
    let decided = decided_of(&request);
    let _receipt = place.open().intent(&plan, "d", None, &decided).unwrap();
    place.open().refuse(&json!({"trace": "\u{1}".repeat(100_000)}), &decided).unwrap();
    assert!(place.content().split(|byte| *byte == b'\n').all(|line| line.len() < 64 * 1024));
    for record in &recorded(&place)[1..] {
        let read = RequestFile::parse(&record["request"].to_string()).unwrap();
        let hidden: Vec<String> = read.redacted.iter().map(|fact| fact.name().to_string()).collect();
        for name in
            ["command.argv", "asked.read", "asked.profile", "asked.env", "context.command", "principal.executable"]
        {
            assert!(hidden.iter().any(|hidden| hidden == name), "{name}: {hidden:?}");
        }
        assert!(record["length"].as_u64().is_some(), "what is left out of the rest is counted");
    }
    assert_eq!(recorded(&place)[1]["plan"], "d");
}

#[test]
#[ignore = "a figure for the documentation, not a bound: cargo test --release -- --ignored --nocapture"]
fn how_long_the_request_takes_to_be_recorded() {
    let (plan, request, rounds) = (plan(), request(), 20_000_u32);
    let sources = PolicySources { home: path("/home/ann"), system: vec![], user: vec![], repo: None };
    let policies = PolicySet::load(&sources, Sight::Again).unwrap();
    let decision = policies.decide(&request, &Profiles::built_in());
    let timed = |work: &dyn Fn() -> usize| {
        let start = std::time::Instant::now();
        let bytes: usize = (0..rounds).map(|_| work()).sum();
        (start.elapsed() / rounds, bytes / rounds as usize)
    };
    let decided = timed(&|| Decided::new(&request, &decision, policies.digest()).fields().len());
    let made = Decided::new(&request, &decision, policies.digest());
    let intent = timed(&|| record::intent(&plan, "d", None, &made).len());
    println!("request and answer: {decided:?}; the whole record with them: {intent:?}");
}

#[test]
fn a_torn_line_is_closed_and_recorded() {
    for torn in [1, 60, 200] {
        let place = Place::filled();
        let content = place.content();
        let last = line::hash(content.split(|byte| *byte == b'\n').nth(5).unwrap());
        let whole = format!(
            "{{\"seq\":7,\"prev\":\"{last}\",\"time\":\"2000-01-01T00:00:00.000Z\",\"run\":\"r\",\"kind\":\"refusal\",\"record\":null}}"
        );
        place.set(&[&content, whole.as_bytes().get(..torn).unwrap_or(whole.as_bytes())].concat());
        assert_eq!(place.faults(), [Fault::Torn, Fault::Head], "control, {torn}");
        place.open().refuse(&"no", &decided()).unwrap();
        let report = verify(&place.path).unwrap();
        assert_eq!((report.findings, report.repairs), (vec![], 1), "{torn}");
        let repaired = place.content();
        let flipped = repaired.iter().enumerate().map(|(at, byte)| if at == content.len() { byte ^ 2 } else { *byte });
        place.set(&flipped.collect::<Vec<_>>());
        assert_ne!(place.faults(), [], "a torn line cannot be changed either, {torn}");
    }
}

#[test]
fn a_writer_that_died_before_the_head_leaves_no_trace() {
    let place = Place::filled();
    let head = fs::read(place.path.join("head").unwrap().as_path()).unwrap();
    place.open().refuse(&"no", &decided()).unwrap();
    fs::write(place.path.join("head").unwrap().as_path(), head).unwrap();
    assert_eq!(place.faults(), [Fault::Head], "control");
    place.open().refuse(&"no", &decided()).unwrap();
    assert_eq!((place.faults(), verify(&place.path).unwrap().repairs), (vec![], 0));
}

#[test]
fn lines_cut_off_the_end_are_found_before_and_after_the_next_record() {
    let place = Place::filled();
    let content = place.content();
    let end = content[..content.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    place.set(&content[..end]);
    assert_eq!(place.faults(), [Fault::Head]);
    place.open().refuse(&"no", &decided()).unwrap();
    assert!(place.faults().contains(&Fault::Repaired));
}

#[test]
fn a_last_line_that_was_edited_is_not_covered_up_by_the_next_record() {
    for replacement in ["\"d3\"", "\"d2222\""] {
        let place = Place::filled();
        let text = String::from_utf8(place.content()).unwrap();
        place.set(text.replace("\"d2\"", replacement).as_bytes());
        assert_eq!(place.faults(), [Fault::Head]);
        place.open().refuse(&"no", &decided()).unwrap();
        assert!(place.faults().contains(&Fault::Broken), "{replacement}");
    }
}

#[test]
fn a_lost_head_is_recorded() {
    let place = Place::filled();
    fs::remove_file(place.path.join("head").unwrap().as_path()).unwrap();
    assert_eq!(place.faults(), [Fault::Head]);
    place.open().refuse(&"no", &decided()).unwrap();
    assert_eq!(place.faults(), [Fault::Repaired]);
}

#[test]
fn the_chain_goes_on_across_days_and_old_days_may_be_pruned() {
    let place = Place::filled();
    let yesterday = place.path.join("2001-02-03.jsonl").unwrap();
    let end = Head::read(fs::File::open(place.path.join("head").unwrap().as_path()).unwrap().as_fd()).unwrap();
    fs::rename(place.file().as_path(), yesterday.as_path()).unwrap();
    let head = fs::File::options().write(true).open(place.path.join("head").unwrap().as_path()).unwrap();
    Head { file: "2001-02-03.jsonl".into(), ..end }.write(head.as_fd()).unwrap();
    place.open().refuse(&"no", &decided()).unwrap();
    assert_ne!(place.file(), yesterday);
    assert_eq!(place.faults(), []);
    fs::remove_file(yesterday.as_path()).unwrap();
    assert_eq!(place.faults(), []);
}

#[test]
fn a_clock_that_went_back_does_not_fork_the_chain() {
    let place = Place::filled();
    let end = Head::read(fs::File::open(place.path.join("head").unwrap().as_path()).unwrap().as_fd()).unwrap();
    fs::rename(place.file().as_path(), place.path.join("2999-01-01.jsonl").unwrap().as_path()).unwrap();
    let head = fs::File::options().write(true).open(place.path.join("head").unwrap().as_path()).unwrap();
    Head { file: "2999-01-01.jsonl".into(), ..end }.write(head.as_fd()).unwrap();
    place.open().refuse(&"no", &decided()).unwrap();
    assert_eq!((place.faults(), place.file()), (vec![], place.path.join("2999-01-01.jsonl").unwrap()));
}

#[test]
fn a_journal_that_others_can_use_is_refused() {
    let place = Place::filled();
    let file = place.file();
    let problem = || match Journal::open(place.path.clone(), Sync::Process)
        .and_then(|journal| journal.refuse(&"no", &decided()))
    {
        Err(JournalError::Exposed { problem, .. }) => Some(problem),
        _ => None,
    };
    assert_eq!(problem(), None, "control");
    fs::set_permissions(file.as_path(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(problem(), Some(Problem::Mode));
    fs::rename(file.as_path(), place.path.join("elsewhere").unwrap().as_path()).unwrap();
    symlink("elsewhere", file.as_path()).unwrap();
    assert_eq!(problem(), Some(Problem::Type));
    fs::remove_file(file.as_path()).unwrap();
    nix::unistd::mkfifo(file.as_path(), nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).unwrap();
    assert_eq!(problem(), Some(Problem::Type));
    fs::set_permissions(place.path.as_path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(problem(), Some(Problem::Mode));
}

#[test]
fn a_journal_that_was_removed_meanwhile_is_an_error() {
    let place = Place::filled();
    let journal = place.open();
    fs::remove_dir_all(place.path.as_path()).unwrap();
    assert!(matches!(journal.refuse(&"no", &decided()), Err(JournalError::Exposed { problem: Problem::Removed, .. })));
}

#[test]
fn a_place_that_cannot_be_a_directory_is_an_error() {
    let nowhere = Journal::open(path("/dev/null/journal"), Sync::Process).unwrap_err();
    assert!(matches!(nowhere, JournalError::Directory { source: Errno::NOTDIR, .. }));
    assert!(nowhere.hint().contains("--journal"));
}

/// Runs one ignored test of this binary with a full or read-only file system at `$JOURNAL`.
fn on_a_file_system(options: &str, test: &str) {
    let directory = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o \"$1\" tmpfs \"$2\" && JOURNAL=$2 exec \"$3\" --exact \"$4\" --ignored";
    let exe = std::env::current_exe().unwrap();
    let output = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", options])
        .args([directory.path(), &exe])
        .arg(test)
        .output_alone()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
fn a_full_disk_is_an_error_and_leaves_the_chain_whole() {
    on_a_file_system("size=24k,mode=700", "journal::tests::inside_a_full_disk");
}

#[test]
#[ignore = "runs only on the file system that another test makes for it"]
fn inside_a_full_disk() {
    let place = path(&std::env::var("JOURNAL").unwrap()).join("journal").unwrap();
    let journal = Journal::open(place.clone(), Sync::Process).unwrap();
    let failed = (0..100).find_map(|_| journal.refuse(&"x".repeat(1000), &decided()).err()).unwrap();
    assert!(matches!(failed, JournalError::Write { source: Errno::NOSPC, .. }), "{failed:?}");
    assert!(failed.hint().contains("free some space"));
    assert_eq!(verify(&place).unwrap().findings, []);
}

#[test]
fn a_read_only_disk_is_an_error() {
    on_a_file_system("ro", "journal::tests::inside_a_read_only_disk");
}

#[test]
#[ignore = "runs only on the file system that another test makes for it"]
fn inside_a_read_only_disk() {
    let place = path(&std::env::var("JOURNAL").unwrap()).join("journal").unwrap();
    let failed = Journal::open(place, Sync::Process).unwrap_err();
    assert!(matches!(failed, JournalError::Directory { source: Errno::ROFS, .. }), "{failed:?}");
}

#[test]
fn twenty_writers_keep_one_chain() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let journal = place.open();
                for _ in 0..5 {
                    let receipt = journal.intent(&plan(), "d", None, &decided()).unwrap();
                    journal.conclude(receipt, &json!({"code": 0})).unwrap();
                }
            });
        }
    });
    let report = verify(&place.path).unwrap();
    assert_eq!((report.lines, report.findings, report.open.len()), (201, vec![], 0));
}

#[test]
fn syncing_to_disk_writes_the_same_chain() {
    let place = Place::new();
    let journal = Journal::open(place.path.clone(), Sync::Disk).unwrap();
    journal.refuse(&"no", &decided()).unwrap();
    assert_eq!(place.faults(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_changed_byte_is_found(at in 0usize..10_000, flip in 1u8..=255) {
        let place = Place::filled();
        let mut content = place.content();
        let at = at % content.len();
        content[at] ^= flip;
        place.set(&content);
        prop_assert_ne!(place.faults(), []);
    }

    #[test]
    fn every_removed_or_moved_line_is_found(one in 0usize..6, other in 0usize..6) {
        let place = Place::filled();
        let content = place.content();
        let mut lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
        if one == other { let _ = lines.remove(one); } else { lines.swap(one, other); }
        place.set(&lines.concat());
        prop_assert_ne!(place.faults(), []);
    }

    #[test]
    fn as_many_records_come_out_as_went_in(records in proptest::collection::vec(any::<String>(), 0..20)) {
        let place = Place::new();
        let journal = place.open();
        for record in &records {
            journal.refuse(record, &decided()).unwrap();
        }
        let report = verify(&place.path).unwrap();
        prop_assert_eq!(report.findings, vec![]);
        prop_assert_eq!(report.lines, if records.is_empty() { 0 } else { records.len() as u64 + 1 });
    }
}
