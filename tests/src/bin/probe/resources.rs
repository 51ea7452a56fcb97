//! Acts that use resources up, each to a bound.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use crate::{Act, Attempt, argument, errno, number, os};

pub(crate) const ACTS: &[(&str, Act)] = &[
    ("fork-many", fork_many),
    ("allocate", allocate),
    ("fill", fill),
    ("create-many", create_many),
    ("open-many", open_many),
    ("print-bytes", print_bytes),
    ("burn", burn),
];

/// Forks up to N waiting children; says how many it could have.
fn fork_many(arguments: &[String]) -> Attempt {
    let wanted: usize = number(arguments, 0);
    let mut children = Vec::new();
    for _ in 0..wanted {
        // SAFETY: the child only waits until it is killed below.
        match unsafe { libc::fork() } {
            0 => {
                std::thread::sleep(Duration::from_secs(60));
                std::process::exit(0);
            }
            pid if pid > 0 => children.push(pid),
            _ => break,
        }
    }
    for pid in &children {
        // SAFETY: the pid is that of a child that has not been waited for.
        unsafe { libc::kill(*pid, libc::SIGKILL) };
    }
    for pid in &children {
        // SAFETY: no status is asked for.
        unsafe { libc::waitpid(*pid, std::ptr::null_mut(), 0) };
    }
    Ok(format!("{} forks", children.len()))
}

/// Allocates N MiB and touches every page.
fn allocate(arguments: &[String]) -> Attempt {
    let mebibytes: usize = number(arguments, 0);
    let mut held = Vec::new();
    for _ in 0..mebibytes {
        let mut block: Vec<u8> = Vec::new();
        block.try_reserve_exact(1 << 20).map_err(|_| libc::ENOMEM)?;
        block.resize(1 << 20, 1);
        held.push(std::hint::black_box(block));
    }
    Ok(format!("{} MiB", held.len()))
}

/// Writes N MiB to a file.
fn fill(arguments: &[String]) -> Attempt {
    let mut file = File::create(argument(arguments, 0)).map_err(os)?;
    let block = vec![1_u8; 1 << 20];
    for _ in 0..number::<usize>(arguments, 1) {
        file.write_all(&block).map_err(os)?;
    }
    Ok(String::new())
}

/// Creates N empty files in a directory.
fn create_many(arguments: &[String]) -> Attempt {
    for index in 0..number::<usize>(arguments, 1) {
        File::create(format!("{}/{index}", argument(arguments, 0))).map_err(os)?;
    }
    Ok(String::new())
}

/// Opens `/dev/null` N times at once.
fn open_many(arguments: &[String]) -> Attempt {
    let mut held = Vec::new();
    for _ in 0..number::<usize>(arguments, 0) {
        held.push(File::open("/dev/null").map_err(os)?);
    }
    Ok(held.len().to_string())
}

/// Prints N bytes and says nothing else.
fn print_bytes(arguments: &[String]) -> Attempt {
    let block = [b'x'; 4096];
    let mut left: usize = number(arguments, 0);
    let mut output = std::io::stdout().lock();
    while left > 0 {
        let next = left.min(block.len());
        if output.write_all(&block[..next]).is_err() {
            return Err(errno::last());
        }
        left -= next;
    }
    output.flush().map_err(os)?;
    std::process::exit(0);
}

/// Keeps a core busy for N milliseconds of wall time and says how many of CPU time it had.
fn burn(arguments: &[String]) -> Attempt {
    let wall = Duration::from_millis(number(arguments, 0));
    let start = std::time::Instant::now();
    while start.elapsed() < wall {
        std::hint::black_box(start.elapsed());
    }
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is ours to be written.
    crate::answer(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut used) })?;
    Ok((used.tv_sec * 1000 + used.tv_nsec / 1_000_000).to_string())
}
