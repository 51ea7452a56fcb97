//! A gibibyte of what programs print, with no secret in it: each byte leaves as it came.
//!
//! Sources and documents of this machine, its programs in base64, and logs like a journal's; each time around varied:
//! other widths, other beginnings, other case.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use opaque_redact::{Redactor, Rules};
use opaque_tests::bench::{Bound, Outcome, Table};

use crate::texts::{Random, log_line};

const WHOLE: u64 = 1 << 30;
/// Files are read up to this.
const LARGEST: u64 = 8 << 20;
/// What one kind brings in one round.
const SHARE: usize = 32 << 20;
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn measure(rules: &Rules) -> Outcome<Table> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))).unwrap_or_default();
    let mut sources = Vec::new();
    gather(&home.join("registry/src"), &mut sources);
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut sources);
    let mut documents = Vec::new();
    gather(Path::new("/usr/share"), &mut documents);
    let mut programs = Vec::new();
    gather(Path::new("/usr/bin"), &mut programs);
    let began = Instant::now();
    let mut kinds =
        [Kind::new("sources", sources), Kind::new("documents", documents), Kind::new("programs in base64", programs)];
    let mut logs = Kind::new("logs", Vec::new());
    let mut checked =
        Checked { redactor: Redactor::new(rules), expected: Vec::new(), out: Vec::new(), bytes: 0, changed: 0 };
    let mut round = 0;
    while checked.bytes < WHOLE {
        for kind in &mut kinds {
            let is_encoded = kind.name == "programs in base64";
            kind.bytes += checked.through(|sink| {
                let mut given = 0;
                while given < SHARE {
                    let Some(bytes) = kind.next_file() else { break };
                    let bytes = if is_encoded { encoded(&bytes, round) } else { varied(bytes, round) };
                    given += bytes.len();
                    sink(&bytes);
                }
            });
        }
        logs.bytes += checked.through(|sink| sink(&journal(round)));
        round += 1;
    }
    let changed = checked.finish();
    // No figure of a machine: it fails wherever it runs.
    if changed > 0 {
        return Err(format!("ordinary text was changed or masked {changed} times").into());
    }
    let seconds = began.elapsed().as_secs_f64();
    let title = format!(
        "Ordinary text under 20 secrets in all forms: {:.2} GiB in {seconds:.0} s",
        checked.bytes as f64 / WHOLE as f64
    );
    let mut table = Table::new(title, &["", "MiB", "bytes changed, masks"]);
    for kind in kinds.iter().chain([&logs]) {
        table.reference(vec![kind.name.to_owned(), format!("{}", kind.bytes >> 20), "–".to_owned()]);
    }
    let cells = vec!["all".to_owned(), format!("{}", checked.bytes >> 20), format!("{changed}")];
    table.bounded(cells, changed as f64, Bound::AtMost(0.0));
    Ok(table)
}

/// Files of one kind, over and over.
struct Kind {
    name: &'static str,
    files: Vec<PathBuf>,
    next: usize,
    bytes: u64,
}

impl Kind {
    fn new(name: &'static str, files: Vec<PathBuf>) -> Self {
        Self { name, files, next: 0, bytes: 0 }
    }

    fn next_file(&mut self) -> Option<Vec<u8>> {
        for _ in 0..self.files.len() {
            let path = self.files.get(self.next % self.files.len())?;
            self.next += 1;
            if let Ok(bytes) = fs::read(path)
                && !bytes.is_empty()
            {
                return Some(bytes);
            }
        }
        None
    }
}

/// A redactor, and what it has to let through.
struct Checked {
    redactor: Redactor,
    expected: Vec<u8>,
    out: Vec<u8>,
    bytes: u64,
    changed: u64,
}

impl Checked {
    fn through(&mut self, give: impl FnOnce(&mut dyn FnMut(&[u8]))) -> u64 {
        let before = self.bytes;
        give(&mut |text| {
            for piece in text.chunks(crate::CHUNK) {
                self.bytes += piece.len() as u64;
                self.expected.extend(piece);
                self.redactor.push(piece, &mut self.out);
                self.compare();
            }
        });
        self.bytes - before
    }

    fn compare(&mut self) {
        if !self.expected.starts_with(&self.out) {
            self.changed += 1;
        }
        let length = self.out.len().min(self.expected.len());
        self.expected.drain(..length);
        self.out.clear();
    }

    /// How many pieces were changed, and how often something was masked.
    fn finish(&mut self) -> u64 {
        self.redactor.finish(&mut self.out);
        self.compare();
        self.changed + self.redactor.counts().map(|(_, count)| count).sum::<u64>() + self.expected.len() as u64
    }
}

fn gather(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        if kind.is_dir() && name != "target" && name != "corpus" && !name.as_encoded_bytes().starts_with(b".") {
            gather(&entry.path(), files);
        } else if kind.is_file() && entry.metadata().is_ok_and(|metadata| metadata.len() <= LARGEST) {
            files.push(entry.path());
        }
    }
}

/// The same text begun elsewhere, in other case.
fn varied(mut text: Vec<u8>, round: usize) -> Vec<u8> {
    text.drain(..round.min(text.len()));
    match round % 3 {
        1 => text.make_ascii_uppercase(),
        2 => text.make_ascii_lowercase(),
        _ => {}
    }
    text
}

fn encoded(bytes: &[u8], round: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() * 3 / 2);
    for group in bytes.get(round..).unwrap_or_default().chunks_exact(3) {
        let bits = group.iter().fold(0, |bits, &byte| bits << 8 | usize::from(byte));
        text.extend([18, 12, 6, 0].map(|shift| DIGITS[bits >> shift & 63]));
    }
    let width = 64 + 4 * (round % 8);
    let mut wrapped = Vec::with_capacity(text.len() + text.len() / width + 1);
    for line in text.chunks(width) {
        wrapped.extend(line);
        wrapped.push(b'\n');
    }
    wrapped
}

fn journal(round: usize) -> Vec<u8> {
    let mut random = Random(round as u64 + 3);
    let mut text = Vec::with_capacity(SHARE + 512);
    while text.len() < SHARE {
        let (unit, process) = (random.below(40), random.below(60_000));
        let line = log_line(&mut random);
        text.extend(format!("Mar 14 09:26:53 host unit-{unit}[{process}]: {line}\r\n").into_bytes());
    }
    text
}
