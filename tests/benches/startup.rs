//! Start-up of a static `true`: `opaque-run` under its default profile, every layer on, supervised and journalled,
//! against bubblewrap with the same namespaces, binds and directories. As root and as a plain user.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use opaque_tests::bench::{
    Binary, Bound, Contestant, Ground, Outcome, Peer, Place, Rounds, Table, bench, binaries, bubblewrap, said,
    show_plan, static_program,
};
use serde_json::Value;

const ROUNDS: Rounds = Rounds { warm_up: 10, counted: 300 };
const NAMESPACES: [&str; 7] = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];
/// The default profile, which this bench also runs without the limit that takes a cgroup.
const DEFAULT_PROFILE: &str = include_str!("../../profiles/default.toml");
const UNCOUNTED: &str = "without-cgroup";

fn main() -> ExitCode {
    bench("startup", measure)
}

fn measure() -> Outcome<Vec<Table>> {
    let bubblewrap = bubblewrap()?;
    let mut binaries = binaries()?;
    let ground = Ground::new()?;
    for binary in &mut binaries {
        binary.path = ground.bring(&binary.path, &format!("opaque-run-{}", binary.linkage))?;
    }
    let programs = ["true", "inside"].map(|name| static_program(name, &ground.tools()));
    let mut tables = Vec::new();
    for place in ground.places()? {
        for program in &programs {
            place.bring(program.as_ref().map_err(ToString::to_string)?, &place.project())?;
        }
        tables.push(measure_as(&place, &bubblewrap, &binaries)?);
    }
    Ok(tables)
}

fn measure_as(place: &Place, bubblewrap: &Path, binaries: &[Binary]) -> Outcome<Table> {
    let mut variants = Vec::new();
    let mut plan = Value::Null;
    for binary in binaries {
        let shown = show_plan(place, &binary.path, &[])?;
        let has_cgroup = uses_cgroup(&shown);
        variants.push(Variant { binary, profile: "default", has_cgroup });
        if has_cgroup {
            place
                .write(&place.home().join(format!(".config/opaque/profiles/{UNCOUNTED}.toml")), uncounted_profile())?;
            variants.push(Variant { binary, profile: UNCOUNTED, has_cgroup: false });
        }
        plan = shown;
    }
    let peer = Peer::of_plan(bubblewrap, place, &plan["plan"])?;
    let basic = Peer::basic(bubblewrap);
    probe(place, &variants, &peer)?;

    let mut contestants = vec![
        Contestant::new(place, peer.running(&["./true"])),
        Contestant::new(place, basic.running(&["./true"])),
        Contestant::new(place, vec!["./true".into()]),
    ];
    contestants.extend(variants.iter().map(|variant| Contestant::new(place, variant.running(&["./true"]))));
    let samples = ROUNDS.measure(place, &contestants)?;

    let title = format!(
        "Start-up of a static `true` as {} ({} paired rounds; bubblewrap makes {} binds)",
        place.identity,
        ROUNDS.counted,
        peer.binds()
    );
    let mut table = Table::new(title, &["", "median ms", "ratio to bubblewrap"]);
    let cells = |name: String, contestant: usize| {
        vec![name, format!("{:.2}", samples.milliseconds(contestant)), format!("{:.3}", samples.ratio(contestant, 0))]
    };
    for (contestant, name) in ["bubblewrap, same binds", "bubblewrap, one bind", "no sandbox"].iter().enumerate() {
        table.reference(cells((*name).to_owned(), contestant));
    }
    for (contestant, variant) in (3..).zip(&variants) {
        table.bounded(cells(variant.name(), contestant), samples.ratio(contestant, 0), variant.bound());
    }
    Ok(table)
}

/// One way to start `opaque-run`.
struct Variant<'a> {
    binary: &'a Binary,
    profile: &'static str,
    has_cgroup: bool,
}

impl Variant<'_> {
    fn name(&self) -> String {
        format!("opaque-run, {}, {} cgroup", self.binary.linkage, if self.has_cgroup { "with a" } else { "no" })
    }

    fn bound(&self) -> Bound {
        match (self.binary.linkage, self.has_cgroup) {
            ("static", true) => Bound::AtMost(0.65),
            ("static", false) => Bound::AtMost(0.6),
            _ => Bound::AtMost(0.8),
        }
    }

    fn running(&self, command: &[&str]) -> Vec<String> {
        let mut argv = vec![self.binary.path.display().to_string()];
        if self.profile != "default" {
            argv.extend(["--profile".to_owned(), self.profile.to_owned()]);
        }
        argv.push("--".to_owned());
        argv.extend(command.iter().map(|&word| word.to_owned()));
        argv
    }
}

fn uncounted_profile() -> String {
    let kept = DEFAULT_PROFILE.lines().take_while(|line| !line.starts_with("[[examples]]"));
    let kept = kept.filter(|line| !line.starts_with("pids") && !line.starts_with("name"));
    format!("name = \"{UNCOUNTED}\"\n{}\n", kept.collect::<Vec<_>>().join("\n"))
}

fn uses_cgroup(shown: &Value) -> bool {
    let limits = shown["limits"].as_array().into_iter().flatten();
    limits.filter_map(|limit| limit["mechanism"].as_str()).any(|mechanism| mechanism.starts_with("cgroup"))
}

/// Shows that everything that will be measured runs its command inside, with every layer and a record.
fn probe(place: &Place, variants: &[Variant], peer: &Peer) -> Outcome<()> {
    let mut inside = vec!["./inside".to_owned(), place.secret().display().to_string()];
    for name in NAMESPACES {
        inside.push(format!("{name}={}", fs::read_link(format!("/proc/self/ns/{name}"))?.display()));
    }
    let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
    if said(place.command(place.project().join("inside")).args(&inside[1..])).is_ok() {
        return Err("the probe does not fail outside".into());
    }
    started(place, peer.running(&inside))?;
    for (number, variant) in variants.iter().enumerate() {
        let journal = place.journal_size();
        let report = place.base().join(format!("report-{number}.json"));
        let mut line = variant.running(&inside);
        line.splice(1..1, ["--report".to_owned(), report.display().to_string()]);
        started(place, line)?;
        let report: Value = serde_json::from_slice(&fs::read(report)?)?;
        let controls = report["controls"].as_array().ok_or("the report has no controls")?;
        if let Some(control) = controls.iter().find(|control| control["enforcement"] != "enforced") {
            return Err(format!("{} runs without {control}", variant.name()).into());
        }
        if controls.is_empty() || uses_cgroup(&report) != variant.has_cgroup || place.journal_size() <= journal {
            return Err(format!("{} has no controls, another limit, or no record", variant.name()).into());
        }
    }
    Ok(())
}

fn started(place: &Place, line: Vec<String>) -> Outcome<String> {
    let (program, arguments) = line.split_first().ok_or("an empty command line")?;
    said(place.command(program).args(arguments))
}
