//! Program identity: what was judged is what runs, whoever swaps files in between.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use opaque_tests::{Ended, Sandbox, each_identity};

/// How long one race lasts; with `OPAQUE_TESTS_RACES` it takes that many runs instead.
const RACE: Duration = Duration::from_secs(4);

/// Runs a command again and again while something swaps its files; nobody may ever see `evil` run.
fn race(sandbox: &Sandbox, argv: &[&str], swap: impl Fn(u64) + Send + 'static) {
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    let swapper = std::thread::spawn(move || {
        let mut round = 0;
        while !told.load(Ordering::Relaxed) {
            swap(round);
            round += 1;
            // Sometimes longer than a run takes, so that some run whole, and mostly shorter.
            std::thread::sleep(Duration::from_micros(round * 7919 % 60_000 / (1 + round % 7)));
        }
        round
    });
    let rounds: Option<u64> = std::env::var("OPAQUE_TESTS_RACES").ok().and_then(|text| text.parse().ok());
    let (start, mut runs, mut ran, mut refused) = (Instant::now(), 0, 0, 0);
    let mut evil: Option<Ended> = None;
    while evil.is_none() && rounds.map_or(start.elapsed() < RACE, |rounds| runs < rounds) {
        let ended = sandbox.run(["--"].iter().chain(argv));
        runs += 1;
        match ended.code {
            Some(0) if ended.text() == "good" => ran += 1,
            Some(120 | 125 | 126 | 127) if ended.text().is_empty() => refused += 1,
            _ => evil = Some(ended),
        }
    }
    over.store(true, Ordering::Relaxed);
    let swaps = swapper.join().unwrap();
    eprintln!("{}: {runs} runs during {swaps} swaps: {ran} ran, {refused} refused", sandbox.identity());
    if let Some(ended) = evil {
        panic!("other bytes ran than those that were judged\n{ended}");
    }
    assert!(ran > 0 && refused > 0, "the race was none: {runs} runs, {swaps} swaps, {ran} ran, {refused} refused");
}

fn digest(file: &Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

/// A policy that permits one path with one content and nothing else.
fn permit_only(sandbox: &Sandbox, path: &Path, content: &Path) {
    sandbox.policy(&format!(
        "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"pinned\"\noperation = \"sandbox.exec\"\naction = \"allow\"\n[rules.command]\npath = \"{}\"\nsha256 = \"{}\"\n",
        path.display(),
        digest(content)
    ));
}

/// Two programs of equal length: one says `good`, the other `evil`.
fn good_and_evil(sandbox: &Sandbox, first_line: &str) -> (PathBuf, PathBuf) {
    let text = |word: &str| format!("{first_line}\necho {word}\n");
    (sandbox.script("good", text("good")), sandbox.script("evil", text("evil")))
}

/// Puts a copy of one of two files in the place of a third, in one step.
fn replace(target: &Path, by: &Path) {
    let next = target.with_extension("next");
    if fs::copy(by, &next).is_ok() {
        let _ = fs::rename(&next, target);
    }
}

fn pick<'a>(round: u64, good: &'a Path, evil: &'a Path) -> &'a Path {
    if round.is_multiple_of(2) { good } else { evil }
}

#[test]
fn a_pinned_program_runs_and_another_does_not() {
    each_identity(|sandbox| {
        let (good, evil) = good_and_evil(sandbox, "#!/bin/sh");
        permit_only(sandbox, &good, &good);
        assert_eq!(sandbox.run(["--", "./good"]).expect(0).text(), "good");
        sandbox.run(["--", "./evil"]).expect(120);
        replace(&good, &evil);
        sandbox.run(["--", "./good"]).expect(120);
    });
}

#[test]
fn a_pinned_script_that_is_swapped_never_runs_other_bytes() {
    each_identity(|sandbox| {
        let (good, evil) = good_and_evil(sandbox, "#!/bin/sh");
        let program = sandbox.script("program", "");
        permit_only(sandbox, &program, &good);
        race(sandbox, &["./program"], move |round| replace(&program, pick(round, &good, &evil)));
    });
}

#[test]
fn a_pinned_script_that_is_written_in_place_never_runs_other_bytes() {
    each_identity(|sandbox| {
        let (good, evil) = good_and_evil(sandbox, "#!/bin/sh");
        let program = sandbox.script("program", fs::read(&good).unwrap());
        permit_only(sandbox, &program, &good);
        race(sandbox, &["./program"], move |round| {
            let file = fs::OpenOptions::new().write(true).open(&program).unwrap();
            let content = fs::read(pick(round, &good, &evil)).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &content, 0).unwrap();
        });
    });
}

#[test]
fn a_pinned_binary_that_is_swapped_never_runs_other_bytes() {
    each_identity(|sandbox| {
        let good = sandbox.project().join("echo-good");
        fs::copy("/bin/echo", &good).unwrap();
        let evil = sandbox.project().join("false-evil");
        fs::copy("/usr/bin/false", &evil).unwrap();
        let program = sandbox.script("program", fs::read(&good).unwrap());
        permit_only(sandbox, &program, &good);
        // `false` says nothing and exits 1, which is neither `good` nor a refusal.
        race(sandbox, &["./program", "good"], move |round| replace(&program, pick(round, &good, &evil)));
    });
}

#[test]
fn a_link_that_is_swapped_never_runs_what_policy_did_not_see() {
    each_identity(|sandbox| {
        let (good, evil) = good_and_evil(sandbox, "#!/bin/sh");
        permit_only(sandbox, &good, &good);
        let link = sandbox.project().join("link");
        std::os::unix::fs::symlink(&good, &link).unwrap();
        race(sandbox, &["./link"], move |round| {
            let next = link.with_extension("next");
            if std::os::unix::fs::symlink(pick(round, &good, &evil), &next).is_ok() {
                let _ = fs::rename(&next, &link);
            }
        });
    });
}

#[test]
fn a_program_keeps_the_name_that_was_typed() {
    each_identity(|sandbox| {
        let tools = sandbox.base().join("tools");
        let link = sandbox.project().join("another-name");
        std::os::unix::fs::symlink(tools.join("opaque-probe"), &link).unwrap();
        let ended = sandbox.run(["--read", &tools.display().to_string(), "--", "./another-name", "arguments"]);
        assert_eq!(ended.done(), "./another-name\narguments");
        sandbox.script("script", "#!/bin/sh\necho \"$0\"\n");
        for typed in ["./script", &sandbox.at("script")] {
            assert_eq!(sandbox.run(["--", typed]).expect(0).text(), typed);
        }
    });
}

/// Exchanges two files in one step: both keep their inodes.
fn exchange(one: &Path, other: &Path) {
    use std::os::unix::ffi::OsStrExt;
    let [one, other] = [one, other].map(|path| std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap());
    let (here, flags) = (libc::AT_FDCWD, libc::RENAME_EXCHANGE);
    // SAFETY: both paths end in NUL and outlive the call.
    let result = unsafe { libc::renameat2(here, one.as_ptr(), here, other.as_ptr(), flags) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// The files that the newest recorded intent says will run, by inode.
fn intended(sandbox: &Sandbox) -> Vec<u64> {
    let directory = sandbox.home().join(".local/state/opaque/journal");
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let text = fs::read_to_string(files.last().unwrap()).unwrap();
    let lines = text.lines().rev().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let intent = lines.into_iter().find(|line| line["kind"] == "intent").unwrap();
    let program = &intent["record"]["program"];
    let interpreters = program["interpreters"].as_array().unwrap();
    std::iter::once(program).chain(interpreters).map(|file| file["inode"]["number"].as_u64().unwrap()).collect()
}

/// Exchanges two files while a command runs: what ran must be what the recorded intent names. Both say who they are.
fn race_by_plan(sandbox: &Sandbox, argv: &[&str], good: &Path, evil: &Path) {
    use std::os::unix::fs::MetadataExt;
    let says = || sandbox.run(["--"].iter().chain(argv)).expect(0).text();
    let [good_inode, evil_inode] = [good, evil].map(|file| fs::metadata(file).unwrap().ino());
    let good_says = says();
    exchange(good, evil);
    let evil_says = says();
    exchange(good, evil);
    assert_ne!(good_says, evil_says);
    let over = Arc::new(AtomicBool::new(false));
    let (told, one, other) = (Arc::clone(&over), good.to_owned(), evil.to_owned());
    let swapper = std::thread::spawn(move || {
        let mut round = 0_u64;
        while !told.load(Ordering::Relaxed) {
            exchange(&one, &other);
            round += 1;
            std::thread::sleep(Duration::from_micros(round * 7919 % 60_000 / (1 + round % 7)));
        }
    });
    let (start, mut seen) = (Instant::now(), [0_u32; 3]);
    let mut wrong = None;
    while wrong.is_none() && start.elapsed() < RACE {
        let ended = sandbox.run(["--"].iter().chain(argv));
        let (which, holds) = match ended.text() {
            text if text == good_says => (0, intended(sandbox).contains(&good_inode)),
            text if text == evil_says => (1, intended(sandbox).contains(&evil_inode)),
            _ => (2, matches!(ended.code, Some(120 | 125 | 126 | 127))),
        };
        seen[which] += 1;
        wrong = (!holds).then_some(ended);
    }
    over.store(true, Ordering::Relaxed);
    swapper.join().unwrap();
    eprintln!("{}: {} good, {} evil, {} refused", sandbox.identity(), seen[0], seen[1], seen[2]);
    if let Some(ended) = wrong {
        panic!("another file ran than the recorded intent names\n{ended}");
    }
    assert!(seen[0] > 0 && seen[1] > 0, "the race was none: {seen:?}");
}

/// A script is opened once more by its interpreter, by its path: what happens to that path between the last look and
/// that moment only a pin covers (`docs/threat-model.md`). What the kernel executes is always what was judged.
#[test]
fn without_a_pin_never_another_file_runs_than_the_one_that_was_judged() {
    each_identity(|sandbox| {
        // Asked for their version, `echo` repeats the words and `cat` tells what it is.
        let echo = sandbox.script("echo", fs::read("/bin/echo").unwrap());
        let cat = sandbox.script("cat", fs::read("/bin/cat").unwrap());
        race_by_plan(sandbox, &["./echo", "x", "--version"], &echo, &cat);
    });
}

#[test]
fn an_interpreter_that_is_swapped_never_runs_for_another() {
    each_identity(|sandbox| {
        // `echo` says the script's name, `cat` says what it holds.
        let interpreter = sandbox.script("interpreter", fs::read("/bin/echo").unwrap());
        let other = sandbox.script("other", fs::read("/bin/cat").unwrap());
        let script = sandbox.script("script", format!("#!{}\n", interpreter.display()));
        permit_only(sandbox, &script, &script);
        race_by_plan(sandbox, &["./script"], &interpreter, &other);
    });
}
