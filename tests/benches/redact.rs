//! How fast a stream is masked: 20 secrets in all their forms, over text that holds none and over text that holds some.
//!
//! Each kind of text is carried through by four contestants in turn, 64 KiB at a time as a pipe brings it: copied and no
//! more; masked by us, with and without the patterns; and as wrappers do that know a secret's plain value only, in one
//! pass over the whole text. Then two whole processes: `cat FILE`, and `cat FILE` into a redactor.

use std::fs;
use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use aho_corasick::AhoCorasick;
use opaque_redact::{Patterns, Redactor, Rules, Secret, Short};
use opaque_tests::bench::{Bound, Outcome, Table, bench, median};

const CHUNK: usize = 64 << 10;
const SIZE: usize = 64 << 20;
const ROUNDS: usize = 15;
const GIB: f64 = (1u64 << 30) as f64;
const ENOUGH: Bound = Bound::AtLeast(1.0);

fn main() -> ExitCode {
    bench("redact", measure)
}

fn measure() -> Outcome<Vec<Table>> {
    let values = secrets();
    let rules = |patterns: &Patterns| -> Outcome<Rules> {
        let secrets = values
            .iter()
            .enumerate()
            .map(|(number, value)| Secret::new(format!("SECRET_{number}"), value.clone().into_bytes(), Short::Refused));
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
    Ok(vec![throughput, pipes(&exact)?])
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

/// Tokens of 12 to 64 characters, passwords with punctuation, an address with a password in it, and a key of several lines.
fn secrets() -> Vec<String> {
    let mut random = Random(7);
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let marks = b"abcdefghijkmnpqrstuvwxyz23456789!$%&/'\"\\+-";
    let mut secrets: Vec<String> = (0..16)
        .map(|number| {
            let alphabet = if number % 4 == 3 { &marks[..] } else { letters };
            (0..12 + number * 3).map(|_| char::from(alphabet[random.below(alphabet.len())])).collect()
        })
        .collect();
    let hexadecimal = b"0123456789abcdef";
    secrets.push((0..40).map(|_| char::from(hexadecimal[random.below(16)])).collect());
    secrets.push(format!("postgres://app:{}@db.internal.test/orders", &secrets[2]));
    secrets.push(format!("ghp_{}", &secrets[8]));
    let lines: Vec<String> =
        (0..25).map(|_| (0..64).map(|_| char::from(letters[random.below(letters.len())])).collect()).collect();
    secrets.push(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")));
    secrets
}

/// This project's own files, over and over.
fn source() -> Outcome<Vec<u8>> {
    fn gather(directory: &Path, files: &mut Vec<PathBuf>) -> Outcome<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_dir() {
                if !["target", "corpus", "artifacts"].iter().any(|made| name == *made)
                    && !name.as_encoded_bytes().starts_with(b".")
                {
                    gather(&entry.path(), files)?;
                }
            } else {
                files.push(entry.path());
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut files)?;
    files.sort();
    let text: Vec<u8> = files.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?.concat();
    Ok(repeated(&text))
}

fn repeated(text: &[u8]) -> Vec<u8> {
    text.iter().copied().cycle().take(SIZE).collect()
}

fn log_line(random: &mut Random) -> String {
    let levels = ["INFO", "WARN", "DEBUG", "ERROR"];
    let words = ["request", "served", "from", "cache", "user", "session", "retry", "timeout", "upstream", "closed"];
    let text: Vec<&str> = (0..4 + random.below(10)).map(|_| words[random.below(words.len())]).collect();
    let (second, level) = (random.below(60), levels[random.below(4)]);
    format!("2026-03-14T09:26:{second:02}Z {level} id={:016x} {} in {} ms", random.next(), text.join(" "), second * 7)
}

fn lines(line: impl Fn(&mut Random) -> String) -> Vec<u8> {
    let mut random = Random(11);
    let mut text = Vec::with_capacity(SIZE + 1024);
    while text.len() < SIZE {
        text.extend(line(&mut random).into_bytes());
        text.push(b'\n');
    }
    text
}

fn log() -> Vec<u8> {
    lines(log_line)
}

fn coloured() -> Vec<u8> {
    lines(|random| {
        let line = log_line(random);
        let (time, rest) = line.split_at(20);
        format!("\x1b[2m{time}\x1b[0m\x1b[1;32m{rest}\x1b[0m")
    })
}

fn with_secrets(values: &[String]) -> Vec<u8> {
    lines(|random| {
        let line = log_line(random);
        match random.below(10) {
            0 => format!("{line} token={}", values[random.below(values.len())]),
            _ => line,
        }
    })
}

fn base64() -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    lines(|random| (0..76).map(|_| char::from(alphabet[random.below(64)])).collect())
}

fn noise() -> Vec<u8> {
    let mut random = Random(13);
    (0..SIZE / 8).flat_map(|_| random.next().to_le_bytes()).collect()
}

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }
}
