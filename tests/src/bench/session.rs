//! How a bench starts and ends: its options, and the exit code.

use std::path::Path;
use std::process::ExitCode;

use super::rounds;
use super::table::Table;

/// Why a bench could not be carried out.
pub type Failure = Box<dyn std::error::Error>;

/// What a step of a bench comes to.
pub type Outcome<T> = Result<T, Failure>;

/// A part of a bench that can be carried out by itself: `--only NAME`.
pub type Section = (&'static str, fn() -> Outcome<Vec<Table>>);

/// Runs a bench and prints its tables. With `--check` a missed bound is exit code 1.
///
/// A bench also serves as its own stopwatch: started again with `rounds::MEASURE` under the uid that is measured,
/// it only takes times, as a small process that nothing else goes on in.
pub fn bench(name: &str, measure: impl FnOnce() -> Outcome<Vec<Table>>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mark, order, answer] = arguments.as_slice()
        && mark == rounds::MEASURE
    {
        return finish(name, rounds::carry_out(Path::new(order), Path::new(answer)).map(|()| true));
    }
    if let Some(unknown) = own(&arguments).find(|argument| *argument != "--check") {
        return finish(name, Err(format!("unknown option `{unknown}`; the only one is `--check`").into()));
    }
    let is_checked = own(&arguments).any(|argument| argument == "--check");
    finish(name, measure().map(|tables| print(&tables) || !is_checked))
}

/// The same for a bench in sections: each is printed as soon as it is done, and `--only NAME` leaves out the others.
pub fn bench_in_sections(name: &str, sections: &[Section]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == rounds::MEASURE) {
        return bench(name, || Err("the stopwatch makes no sense of its order".into()));
    }
    finish(name, carry_out(sections, &own(&arguments).collect::<Vec<_>>()))
}

fn carry_out(sections: &[Section], arguments: &[&str]) -> Outcome<bool> {
    let (mut is_checked, mut only) = (false, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--check" => is_checked = true,
            "--only" => only = Some(*rest.next().ok_or("`--only` wants the name of a section")?),
            unknown => {
                return Err(format!("unknown option `{unknown}`; there are `--check` and `--only SECTION`").into());
            }
        }
    }
    let chosen = sections.iter().filter(|(section, _)| only.is_none_or(|only| only == *section));
    let (mut count, mut is_held) = (0, true);
    for (_, measure) in chosen {
        is_held &= print(&measure()?);
        count += 1;
    }
    if count == 0 {
        let known: Vec<&str> = sections.iter().map(|(section, _)| *section).collect();
        return Err(format!("no such section; there are {}", known.join(", ")).into());
    }
    Ok(is_held || !is_checked)
}

/// What the user asks for; Cargo adds `--bench`.
fn own(arguments: &[String]) -> impl Iterator<Item = &str> {
    arguments.iter().map(String::as_str).filter(|argument| *argument != "--bench")
}

/// Prints tables; true when every bound holds.
fn print(tables: &[Table]) -> bool {
    tables.iter().for_each(|table| println!("{table}"));
    tables.iter().all(Table::is_held)
}

fn finish(name: &str, held: Outcome<bool>) -> ExitCode {
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("{name}: a bound is missed");
            ExitCode::FAILURE
        }
        Err(failure) => {
            eprintln!("{name}: {failure}");
            ExitCode::from(2)
        }
    }
}
