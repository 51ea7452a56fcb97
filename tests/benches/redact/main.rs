//! How fast a stream is masked: 20 secrets in all their forms, over text that holds none and over text that holds some.
//!
//! Each kind of text is carried through by four contestants in turn, 64 KiB at a time as a pipe brings it: copied and no
//! more; masked by us, with and without the patterns; and as wrappers do that know a secret's plain value only, in one
//! pass over the whole text. The filter of terminal sequences is a fifth. Then two whole processes: `cat FILE`, and `cat FILE`
//! into a redactor. Beside speed, what must never be: a mask in a gibibyte of ordinary text (`ordinary`), a copy of a secret
//! in memory that was given back (`copies`).

mod copies;
mod ordinary;
mod texts;

use std::fs;
use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use aho_corasick::AhoCorasick;
use opaque_redact::{Patterns, Redactor, Rules, Secret, SequenceFilter, Short};
use opaque_tests::bench::{Bound, Outcome, Table, bench, median};

use texts::{base64, coloured, log, noise, secrets, source, with_secrets};

const CHUNK: usize = 64 << 10;
const SIZE: usize = 64 << 20;
const ROUNDS: usize = 15;
const GIB: f64 = (1u64 << 30) as f64;
const ENOUGH: Bound = Bound::AtLeast(1.0);
/// What the filter has to reach on text without the escape byte.
const ENOUGH_FILTERED: Bound = Bound::AtLeast(2.0);

fn main() -> ExitCode {
    bench("redact", measure)
}

fn measure() -> Outcome<Vec<Table>> {
    let values = secrets();
    let rules = |patterns: &Patterns| -> Outcome<Rules> {
        let secrets = values
            .iter()
            .enumerate()
            .map(|(number, value)| Secret::copied(format!("SECRET_{number}"), value.as_bytes(), Short::Refused));
        Ok(Rules::new(&secrets.collect::<Result<Vec<_>, _>>()?, patterns)?)
    };
    let began = Instant::now();
    let exact = rules(&Patterns::none())?;
    let built = began.elapsed().as_secs_f64() * 1e3;
    let began = Instant::now();
    let with_patterns = Rules::new(&[], &Patterns::well_known()?)?;
    drop(with_patterns);
    let built_patterns = began.elapsed().as_secs_f64() * 1e3;
    let with_patterns = rules(&Patterns::well_known()?)?;
    let plain_values = AhoCorasick::new(&values)?;
    let title = format!(
        "Masking 20 secrets in all forms, {ROUNDS} paired rounds of 64 MiB, made ready in {built:.1} ms, patterns in {built_patterns:.1} ms"
    );
    let columns = ["", "copy", "plain values", "forms", "and patterns", "forms ÷ plain", "GiB/s"];
    let mut throughput = Table::new(title, &columns);
    for (name, text, bound) in [
        ("source code", source()?, Some(ENOUGH)),
        ("log lines", log(), Some(ENOUGH)),
        ("coloured log lines", coloured(), None),
        ("wrapped base64", base64(), Some(ENOUGH)),
        ("random bytes", noise(), Some(ENOUGH)),
        ("log lines, a secret in each tenth", with_secrets(&values), None),
    ] {
        let mut contestants: [Box<dyn FnMut() -> usize>; 4] = [
            Box::new(|| copied(&text)),
            Box::new(|| plain_values.replace_all_bytes(&text, &vec!["***"; values.len()]).len()),
            Box::new(|| masked(&exact, &text)),
            Box::new(|| masked(&with_patterns, &text)),
        ];
        let times = rounds(&mut contestants);
        let speed = |contestant: usize| median(times.iter().map(|round| text.len() as f64 / GIB / round[contestant]));
        let ratio = median(times.iter().map(|round| round[1] / round[2]));
        let mut cells = vec![name.to_owned()];
        cells.extend((0..4).map(|contestant| format!("{:.2}", speed(contestant))));
        cells.extend([format!("× {ratio:.2}"), format!("{:.2}", speed(2))]);
        match bound {
            Some(bound) => throughput.bounded(cells, speed(2), bound),
            None => throughput.reference(cells),
        }
    }
    Ok(vec![throughput, filtering()?, pipes(&exact)?, ordinary::measure(&exact)?, copies::measure(&values)?])
}

/// The filter of terminal sequences alone.
fn filtering() -> Outcome<Table> {
    let columns = ["", "copy", "filtered", "GiB/s"];
    let mut table = Table::new(format!("Taking terminal sequences out, {ROUNDS} paired rounds of 64 MiB"), &columns);
    for (name, text, bound) in [
        ("source code", source()?, Some(ENOUGH_FILTERED)),
        ("log lines", log(), Some(ENOUGH_FILTERED)),
        ("wrapped base64", base64(), Some(ENOUGH_FILTERED)),
        ("coloured log lines", coloured(), None),
        ("random bytes", noise(), None),
    ] {
        let mut contestants: [Box<dyn FnMut() -> usize>; 4] =
            [Box::new(|| copied(&text)), Box::new(|| filtered(&text)), Box::new(|| 0), Box::new(|| 0)];
        let times = rounds(&mut contestants);
        let speed = |contestant: usize| median(times.iter().map(|round| text.len() as f64 / GIB / round[contestant]));
        let cells =
            vec![name.to_owned(), format!("{:.2}", speed(0)), format!("{:.2}", speed(1)), format!("{:.2}", speed(1))];
        match bound {
            Some(bound) => table.bounded(cells, speed(1), bound),
            None => table.reference(cells),
        }
    }
    Ok(table)
}

fn filtered(text: &[u8]) -> usize {
    let mut filter = SequenceFilter::new();
    let mut out = Vec::with_capacity(2 * CHUNK);
    let mut length = 0;
    for chunk in text.chunks(CHUNK) {
        out.clear();
        filter.push(chunk, &mut out);
        length += black_box(&out).len();
    }
    length
}

/// `cat` with its output read by us, and the same with its output masked.
fn pipes(rules: &Rules) -> Outcome<Table> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("log");
    fs::write(&path, log())?;
    let mut failure = None;
    let mut through = |rules: Option<&Rules>| {
        read_through(&path, rules).unwrap_or_else(|error| {
            failure = Some(error);
            0
        })
    };
    let mut times = Vec::new();
    for round in 0..=ROUNDS {
        let mut pair = [0.0; 2];
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for contestant in order {
            let began = Instant::now();
            black_box(through((contestant == 1).then_some(rules)));
            pair[contestant] = began.elapsed().as_secs_f64();
        }
        if round > 0 {
            times.push(pair);
        }
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    let mut table = Table::new("The same through a pipe, from `cat`", &["", "cat ms", "masked ms", "ratio"]);
    let ratio = median(times.iter().map(|[alone, masked]| masked / alone));
    let milliseconds = |contestant: usize| format!("{:.1}", median(times.iter().map(|pair| pair[contestant] * 1e3)));
    table.reference(vec!["log lines".into(), milliseconds(0), milliseconds(1), format!("× {ratio:.2}")]);
    Ok(table)
}

fn read_through(path: &Path, rules: Option<&Rules>) -> Outcome<usize> {
    let mut child = Command::new("cat").arg(path).stdout(Stdio::piped()).spawn()?;
    let mut stream = child.stdout.take().ok_or("cat has no output")?;
    let mut redactor = rules.map(Redactor::new);
    let mut chunk = vec![0; CHUNK];
    let mut out = Vec::with_capacity(2 * CHUNK);
    let mut length = 0;
    loop {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        out.clear();
        match &mut redactor {
            Some(redactor) => redactor.push(&chunk[..count], &mut out),
            None => out.extend(&chunk[..count]),
        }
        length += black_box(&out).len();
    }
    child.wait()?;
    Ok(length)
}

/// Seconds that this thread had a core: the bound is about one core, not about who else wants it.
fn processor_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec of ours, and the call writes nothing else.
    let answer = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(answer, 0, "every thread has a clock");
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Times every contestant once a round, forwards and backwards in turn; the first round only warms up.
fn rounds(contestants: &mut [Box<dyn FnMut() -> usize + '_>; 4]) -> Vec<[f64; 4]> {
    let mut times = Vec::new();
    for round in 0..=ROUNDS {
        let mut times_of_round = [0.0; 4];
        for step in 0..4 {
            let index = if round % 2 == 0 { step } else { 3 - step };
            let began = processor_time();
            black_box(contestants[index]());
            times_of_round[index] = processor_time() - began;
        }
        if round > 0 {
            times.push(times_of_round);
        }
    }
    times
}

fn copied(text: &[u8]) -> usize {
    let mut out: Vec<u8> = Vec::with_capacity(2 * CHUNK);
    text.chunks(CHUNK)
        .map(|chunk| {
            out.clear();
            out.extend(chunk);
            black_box(&out).len()
        })
        .sum()
}

fn masked(rules: &Rules, text: &[u8]) -> usize {
    let mut redactor = Redactor::new(rules);
    let mut out = Vec::with_capacity(2 * CHUNK);
    let mut length = 0;
    for chunk in text.chunks(CHUNK) {
        out.clear();
        redactor.push(chunk, &mut out);
        length += black_box(&out).len();
    }
    out.clear();
    redactor.finish(&mut out);
    length + out.len()
}
