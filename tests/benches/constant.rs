//! What must not make a start slower: a large program, a large workspace, a long policy.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use opaque_tests::bench::{
    Bound, Contestant, Ground, Outcome, Place, Rounds, Samples, Table, bench, binaries, static_program,
};

const ROUNDS: Rounds = Rounds { warm_up: 10, counted: 150 };
const LARGE_PROGRAM: usize = 100_000_000;
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
    let workspace = |name: &str| -> Outcome<PathBuf> {
        let path = place.base().join(name);
        place.repository(&path)?;
        place.bring(program, &path)?;
        Ok(path)
    };
    let start = |workspace: &Path| {
        Contestant::new(place, vec![opaque_run.display().to_string(), "--".into(), "./true".into()]).at(workspace)
    };
    let mut add = |name: &str, samples: &Samples, figure: String, value: f64, bound: Bound| {
        let [small, large] = [0, 1].map(|contestant| format!("{:.2}", samples.milliseconds(contestant)));
        table.bounded(vec![format!("{name}, as {}", place.identity), small, large, figure], value, bound);
    };

    let small = workspace("small-program")?;
    let large = workspace("large-program")?;
    // What follows the last section is never mapped, yet whoever reads or hashes the file reads it all.
    let mut bytes = fs::read(program)?;
    bytes.resize(LARGE_PROGRAM, 0x5a);
    place.write(&large.join("true"), bytes)?;
    let samples = ROUNDS.measure(place, &[start(&small), start(&large)])?;
    let ratio = samples.ratio(1, 0);
    add("a program of 100 MB", &samples, format!("× {ratio:.3}"), ratio, SAME);

    let small = workspace("few-files")?;
    let large = workspace("many-files")?;
    fill(place, &large)?;
    let samples = ROUNDS.measure(place, &[start(&small), start(&large)])?;
    let ratio = samples.ratio(1, 0);
    add("a workspace with 100,000 files", &samples, format!("× {ratio:.3}"), ratio, SAME);

    for (kind, name) in [(Rule::Short, "1,000 short rules against 10"), (Rule::Full, "1,000 full rules against 10")] {
        let mut contestants = Vec::new();
        for rules in RULES {
            let configuration = place.base().join(format!("rules-{kind:?}-{rules}"));
            place.write(&configuration.join("opaque/policy.toml"), policy(rules, kind))?;
            contestants.push(start(&small).with("XDG_CONFIG_HOME", configuration));
        }
        let samples = ROUNDS.measure(place, &contestants)?;
        let per_rule = samples.microseconds_beyond(1, 0) / (RULES[1] - RULES[0]) as f64;
        add(name, &samples, format!("{per_rule:.2} µs a rule"), per_rule, Bound::AtMost(5.0));
    }
    Ok(())
}

/// Fills a repository with many files, none of them large.
fn fill(place: &Place, workspace: &Path) -> Outcome<()> {
    for directory in 0..DIRECTORIES {
        let directory = workspace.join(format!("src/part-{directory}"));
        place.directory(&directory)?;
        for file in 0..FILES / DIRECTORIES {
            fs::File::create(directory.join(format!("file-{file}.c")))?;
        }
    }
    Ok(())
}

/// How much a rule of the policy says.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// A name, an action and a program: 90 bytes.
    Short,
    /// Arguments, a reason and an example as well: 260 bytes.
    Full,
}

/// A policy whose last rule permits what the others do not name.
fn policy(rules: usize, kind: Rule) -> String {
    let mut text = String::from("version = 1\ndefault = \"deny\"\n");
    for number in 1..rules {
        text.push_str(&match kind {
            Rule::Short => format!(
                "\n[[rules]]\nname = \"tool-{number}\"\naction = \"deny\"\n\
                 [rules.command]\npath = \"/opt/tools/*/tool-{number}\"\n"
            ),
            Rule::Full => format!(
                "\n[[rules]]\nname = \"tool-{number}\"\naction = \"deny\"\nwhy = \"Tool {number} is not for this machine.\"\n\
                 [rules.command]\npath = \"/opt/tools/*/tool-{number}\"\nargv = [\"publish\", \"--level={number}\", \"**\"]\n\
                 [[rules.examples]]\nmatch = [\"/opt/tools/a/tool-{number} publish --level={number}\"]\n"
            ),
        });
    }
    text.push_str("\n[[rules]]\nname = \"the-rest\"\naction = \"allow\"\n");
    text
}
