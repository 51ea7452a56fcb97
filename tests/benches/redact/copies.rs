//! What masking takes in memory, and what it leaves there: no block that was given back holds a piece of a secret.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU64, Ordering};

use opaque_redact::{Patterns, Redactor, Rules, Secret, Short};
use opaque_tests::bench::{Bound, Outcome, Table};

use crate::texts::{Random, noise};

/// Pieces of secrets are so long.
const PIECE: usize = 8;
const MIB: f64 = (1u64 << 20) as f64;

struct Watched;

#[global_allocator]
static WATCHED: Watched = Watched;
static IS_LOOKING: AtomicBool = AtomicBool::new(false);
static PIECES: OnceLock<Vec<u64>> = OnceLock::new();
static FOUND: AtomicU64 = AtomicU64::new(0);
static TAKEN: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);

// SAFETY: blocks come from the system's allocator and go back to it with the layout that they came with; before that
// they are only read.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let taken = TAKEN.fetch_add(layout.size() as isize, Ordering::Relaxed) + layout.size() as isize;
        MOST.fetch_max(taken, Ordering::Relaxed);
        // SAFETY: the caller keeps the same promise to us.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() && IS_LOOKING.load(Ordering::Relaxed) {
            // What others left here is not ours.
            // SAFETY: the block is that large.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        if IS_LOOKING.load(Ordering::Relaxed) && layout.size() >= PIECE {
            // SAFETY: the block is still the caller's, that large, and was written to when it was handed out.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            if holds_a_piece(bytes) {
                FOUND.fetch_add(1, Ordering::Relaxed);
            }
        }
        // SAFETY: the caller keeps the same promise to us.
        unsafe { System.dealloc(block, layout) };
    }
}

fn holds_a_piece(bytes: &[u8]) -> bool {
    let Some(pieces) = PIECES.get() else { return false };
    bytes.windows(PIECE).filter_map(|window| window.first_chunk()).any(|window| {
        let piece = u64::from_le_bytes(*window);
        piece != 0 && pieces.binary_search(&piece).is_ok()
    })
}

/// Blocks that were given back with a piece of a secret in them while this ran.
fn left_by(work: impl FnOnce() -> Outcome<()>) -> Outcome<u64> {
    FOUND.store(0, Ordering::Relaxed);
    IS_LOOKING.store(true, Ordering::Relaxed);
    let outcome = work();
    IS_LOOKING.store(false, Ordering::Relaxed);
    outcome.map(|()| FOUND.load(Ordering::Relaxed))
}

pub(crate) fn measure(values: &[String]) -> Outcome<Table> {
    let mut pieces: Vec<u64> = Vec::new();
    let mut text = noise();
    text.truncate(1 << 20);
    for value in values {
        let hexadecimal: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        for form in [value.as_bytes(), hexadecimal.as_bytes()] {
            pieces.extend(
                form.windows(PIECE).filter_map(|piece| piece.first_chunk()).map(|piece| u64::from_le_bytes(*piece)),
            );
            // Whole, and all but the end.
            text.extend(form);
            text.extend(form.get(..form.len() - 1).unwrap_or_default());
            text.extend(b" and \n");
        }
    }
    pieces.sort_unstable();
    // What everybody prints is in everybody's memory.
    let public: Vec<u64> =
        b"-----BEGIN PRIVATE KEY----- -----END PRIVATE KEY----- postgres://app: @db.internal.test/orders"
            .windows(PIECE)
            .filter_map(|piece| piece.first_chunk())
            .map(|piece| u64::from_le_bytes(*piece))
            .collect();
    pieces.retain(|piece| !public.contains(piece));
    PIECES.set(pieces).map_err(|_| "the pieces are known already")?;
    let mut out = Vec::with_capacity(2 * text.len());
    // Made before: what copies of a secret leave on the stack would be found again as padding in others' structures.
    let patterns = Patterns::well_known()?;
    let left = left_by(|| {
        let secrets = secrets(values)?;
        let rules = Rules::new(&secrets, &patterns)?;
        drop(secrets);
        let mut redactor = Redactor::new(&rules);
        for piece in [1, 100, crate::CHUNK] {
            for piece in text.chunks(piece) {
                redactor.push(piece, &mut out);
                if piece.len() < 100 {
                    redactor.flush(&mut out);
                }
                out.clear();
            }
            redactor.finish(&mut out);
        }
        Ok(())
    })?;
    let control = left_by(|| {
        drop(values.to_vec());
        Ok(())
    })?;
    // No figure of a machine: it fails wherever it runs.
    if left > 0 {
        return Err(format!("{left} blocks were given back with a piece of a secret in them").into());
    }
    let mut table = Table::new("Blocks given back with 8 bytes of a secret in them", &["", "blocks"]);
    table.bounded(vec!["secrets, rules, three streams".into(), left.to_string()], left as f64, Bound::AtMost(0.0));
    let expected = Bound::AtLeast(values.len() as f64);
    table.bounded(vec!["a plain copy of them".into(), control.to_string()], control as f64, expected);
    for (name, values) in [
        ("20 secrets, one a key of 1.6 KiB", values.to_vec()),
        ("a key of 3.2 KiB", keys(1)),
        ("three such keys", keys(3)),
    ] {
        let before = TAKEN.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        let secrets = secrets(&values)?;
        let rules = Rules::new(&secrets, &Patterns::none())?;
        let most = (MOST.load(Ordering::Relaxed) - before) as f64 / MIB;
        drop(secrets);
        let kept = (TAKEN.load(Ordering::Relaxed) - before) as f64 / MIB;
        table.bounded(
            vec![format!("MiB for {name}: {kept:.2}, at most"), format!("{most:.2}")],
            most,
            Bound::AtMost(8.0),
        );
        drop(rules);
    }
    Ok(table)
}

fn secrets(values: &[String]) -> Outcome<Vec<Secret>> {
    Ok(values
        .iter()
        .map(|value| Secret::copied("S", value.as_bytes(), Short::Refused))
        .collect::<Result<Vec<_>, _>>()?)
}

fn keys(count: u64) -> Vec<String> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..count)
        .map(|number| {
            let mut random = Random(number + 23);
            let mut line = || (0..64).map(|_| char::from(letters[random.below(64)])).collect::<String>();
            let lines: Vec<String> = (0..50).map(|_| line()).collect();
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
        })
        .collect()
}
