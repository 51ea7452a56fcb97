//! What must not make a start slower: a large program, a large workspace, a long policy.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use opaque_tests::bench::{Bound, Contestant, Ground, Outcome, Place, Rounds, Table, bench, binaries, static_program};

const ROUNDS: Rounds = Rounds { warm_up: 10, counted: 150 };
const LARGE_PROGRAM: u64 = 100_000_000;
const FILES: usize = 100_000;
const DIRECTORIES: usize = 100;
const RULES: [usize; 2] = [10, 1_000];
const SAME: Bound = Bound::Within(0.9, 1.1);

fn main() -> ExitCode {
    bench("constant", measure)
}

fn measure() -> Outcome<Vec<Table>> {
    let binaries = binaries()?;
    let binary = binaries.first().ok_or("there is no opaque-run")?;
    let ground = Ground::new()?;
    let opaque_run = ground.bring(&binary.path, "opaque-run")?;
    let program = static_program("true", &ground.tools())?;
    let title = format!("Constant start-up ({} binary, {} paired rounds)", binary.linkage, ROUNDS.counted);
    let mut table = Table::new(title, &["", "small ms", "large ms", "figure"]);
    for place in ground.places()? {
        compare(&place, &opaque_run, &program, &mut table)?;
    }
    Ok(vec![table])
}

fn compare(place: &Place, opaque_run: &Path, program: &Path, table: &mut Table) -> Outcome<()> {
    let project = place.project();
    place.bring(program, &project)?;
    place.bring(program, &place.base().join("large"))?;
    let large_program = place.base().join("large/true");
    // What follows the last section is never mapped, yet whoever reads or hashes the file reads it all.
    let mut bytes = fs::read(&large_program)?;
    bytes.resize(usize::try_from(LARGE_PROGRAM)?, 0x5a);
    fs::write(&large_program, bytes)?;
    fs::rename(&large_program, project.join("large"))?;
    let large_workspace = place.base().join("files");
    fill(place, &large_workspace)?;
    place.bring(program, &large_workspace)?;
    let policies = RULES.map(|rules| place.base().join(format!("rules-{rules}")));
    for (rules, configuration) in RULES.into_iter().zip(&policies) {
        place.write(&configuration.join("opaque/policy.toml"), policy(rules))?;
    }

    let line = |command: &str| vec![opaque_run.display().to_string(), "--".into(), command.into()];
    let small = Contestant::new(place, line("./true"));
    let [few, many] = policies.map(|configuration| small.clone().with("XDG_CONFIG_HOME", configuration));
    let contestants = [small.clone(), Contestant::new(place, line("./large")), small.at(&large_workspace), few, many];
    let samples = ROUNDS.measure(place, &contestants)?;

    let cells = |name: &str, small: usize, large: usize, figure: String| {
        let [small, large] = [small, large].map(|contestant| format!("{:.2}", samples.milliseconds(contestant)));
        vec![format!("{name}, as {}", place.identity), small, large, figure]
    };
    for (name, large) in [("a program of 100 MB", 1), ("a workspace with 100,000 files", 2)] {
        let ratio = samples.ratio(large, 0);
        table.bounded(cells(name, 0, large, format!("× {ratio:.3}")), ratio, SAME);
    }
    let per_rule = samples.microseconds_beyond(4, 3) / (RULES[1] - RULES[0]) as f64;
    table.bounded(cells("1,000 rules", 3, 4, format!("{per_rule:.2} µs a rule")), per_rule, Bound::AtMost(5.0));
    Ok(())
}

/// A repository with many files, none of them large.
fn fill(place: &Place, workspace: &Path) -> Outcome<()> {
    place.repository(workspace)?;
    for directory in 0..DIRECTORIES {
        let directory = workspace.join(format!("src/part-{directory}"));
        place.directory(&directory)?;
        for file in 0..FILES / DIRECTORIES {
            fs::File::create(directory.join(format!("file-{file}.c")))?;
        }
    }
    Ok(())
}

/// A policy as people write them: each rule names a program, its arguments, a reason and an example, and the last
/// one permits everything else.
fn policy(rules: usize) -> String {
    let mut text = String::from("version = 1\ndefault = \"deny\"\n");
    for number in 1..rules {
        text.push_str(&format!(
            "\n[[rules]]\nname = \"tool-{number}\"\naction = \"deny\"\nwhy = \"Tool {number} is not for this machine.\"\n\
             [rules.command]\npath = \"/opt/tools/*/tool-{number}\"\nargv = [\"publish\", \"--level={number}\", \"**\"]\n\
             [[rules.examples]]\nmatch = [\"/opt/tools/a/tool-{number} publish --level={number}\"]\n"
        ));
    }
    text.push_str("\n[[rules]]\nname = \"the-rest\"\naction = \"allow\"\n");
    text
}
