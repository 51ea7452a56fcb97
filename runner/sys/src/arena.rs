//! The allocator of a process that lives for one command: it hands out memory and never takes it back.
//!
//! Until its command starts, a run allocates a few hundred KiB of small values. The general allocator of a static musl
//! binary spends a third of the start-up on them. What does not fit the arena, and everything after [`retire`], goes to
//! the system's allocator and is freed as usual.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes in the arena: untouched pages cost nothing.
const CAPACITY: usize = 16 << 20;

/// Set when the process settles down to wait: what it allocates from then on is freed as usual.
static RETIRED: AtomicBool = AtomicBool::new(false);

/// Hands nothing more out of the arena. What was handed out stays where it is.
pub fn retire() {
    RETIRED.store(true, Ordering::Relaxed);
}

/// The allocator over the arena of this process; install it with `#[global_allocator]`.
#[derive(Debug)]
pub struct Allocator;

static ARENA: Arena = Arena::new();

/// How often memory was asked for.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// How often memory was asked for in this process; a child starts with its parent's count. Always 0 where the allocator
/// is not installed.
#[must_use]
pub fn calls() -> usize {
    CALLS.load(Ordering::Relaxed)
}

/// A large page, on the processors that have them at all.
const LARGE_PAGE: usize = 2 << 20;

/// Has the kernel make the next bytes of the arena ready at once, much of them in large pages where it has them: 0.05 ms a
/// MiB, where small pages cost 0.3 ms and a fault for each 0.45 ms. What is made ready and not used stays in memory.
pub fn populate(bytes: usize) {
    let Range { start, end } = ARENA.next(bytes);
    if end > start {
        // Where the kernel does not know an advice (before Linux 5.14), nothing happens.
        for advice in [libc::MADV_HUGEPAGE, libc::MADV_POPULATE_WRITE] {
            // SAFETY: the range lies inside the arena, whose content neither advice changes.
            unsafe { libc::madvise(std::ptr::with_exposed_provenance_mut(start), end - start, advice) };
        }
    }
}

// SAFETY: as the arena's.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { ARENA.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { ARENA.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { ARENA.realloc(pointer, layout, size) }
    }
}

/// Memory that is handed out piece by piece.
#[derive(Debug)]
struct Arena {
    memory: UnsafeCell<[u8; CAPACITY]>,
    used: AtomicUsize,
}

// SAFETY: memory is handed out in disjoint pieces, each exactly once, by the atomic counter.
unsafe impl Sync for Arena {}

impl Arena {
    const fn new() -> Self {
        Self { memory: UnsafeCell::new([0; CAPACITY]), used: AtomicUsize::new(0) }
    }

    fn start(&self) -> usize {
        self.memory.get().addr()
    }

    fn holds(&self, pointer: *mut u8) -> bool {
        pointer.addr().wrapping_sub(self.start()) < CAPACITY
    }

    /// The pages that the next bytes will come from. For many bytes these are large pages from the first to the last: what
    /// lies before them is never used, and costs nothing.
    fn next(&self, bytes: usize) -> Range<usize> {
        let used = self.used.load(Ordering::Relaxed);
        let (here, limit) = (self.start() + used, self.start() + CAPACITY);
        let aligned = here.next_multiple_of(LARGE_PAGE);
        let end = aligned.saturating_add(bytes).checked_next_multiple_of(LARGE_PAGE);
        if let Some(end) = end.filter(|end| bytes >= LARGE_PAGE / 2 && *end <= limit)
            && self.used.compare_exchange(used, aligned - self.start(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            return aligned..end;
        }
        here.next_multiple_of(4096)..here.saturating_add(bytes).min(limit) & !4095
    }

    /// The place of a new piece; `None` when the arena is full.
    fn place(&self, layout: Layout) -> Option<usize> {
        if RETIRED.load(Ordering::Relaxed) {
            return None;
        }
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let free = self.start().checked_add(used)?;
            let begin = free.checked_next_multiple_of(layout.align())? - self.start();
            let end = begin.checked_add(layout.size())?;
            if end > CAPACITY {
                return None;
            }
            match self.used.compare_exchange_weak(used, end, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(begin),
                Err(now) => used = now,
            }
        }
    }
}

// SAFETY: every piece has the layout that was asked for and overlaps no other; pieces outside of the
// arena come from and go back to the system's allocator with the layout that they were asked for with.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.place(layout) {
            // SAFETY: `begin` and the piece's end lie inside the array.
            Some(begin) => unsafe { self.memory.get().cast::<u8>().add(begin) },
            // SAFETY: the caller keeps the contract of `alloc`.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if !self.holds(pointer) {
            // SAFETY: not from the arena, so from the system's allocator, with this layout.
            unsafe { System.dealloc(pointer, layout) };
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.holds(pointer) {
            // SAFETY: not from the arena, so from the system's allocator, with this layout.
            return unsafe { System.realloc(pointer, layout, size) };
        }
        let begin = pointer.addr() - self.start();
        let end = begin + layout.size();
        // The last piece grows and shrinks where it is.
        if let Some(wanted) = begin.checked_add(size).filter(|wanted| *wanted <= CAPACITY)
            && self.used.compare_exchange(end, wanted, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            return pointer;
        }
        if size <= layout.size() {
            return pointer;
        }
        // SAFETY: the size is not zero and the alignment is that of an existing layout.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the caller keeps the contract of `realloc`, which covers this layout.
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            // SAFETY: both pieces hold at least `layout.size()` bytes and do not overlap.
            unsafe { std::ptr::copy_nonoverlapping(pointer, moved, layout.size()) };
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static PIECES: Arena = Arena::new();

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn pieces_are_aligned_and_never_overlap() {
        let mut ends = Vec::new();
        for size in 1..200 {
            let align = 1 << (size % 7);
            // SAFETY: the size is not zero.
            let piece = unsafe { PIECES.alloc(layout(size, align)) };
            assert_eq!(piece.addr() % align, 0);
            assert!(ends.iter().all(|(from, to)| piece.addr() + size <= *from || piece.addr() >= *to));
            ends.push((piece.addr(), piece.addr() + size));
        }
    }

    #[test]
    fn much_memory_is_made_ready_in_whole_large_pages_and_little_is_not() {
        static OTHER: Arena = Arena::new();
        // SAFETY: the size is not zero.
        unsafe { OTHER.alloc(layout(10_000, 8)) };
        let little = OTHER.next(100_000);
        assert!(little.start - OTHER.start() < 20_000 && little.end - little.start < 100_000);
        let much = OTHER.next(3 << 20);
        assert_eq!((much.start % LARGE_PAGE, much.end - much.start), (0, 4 << 20));
        // SAFETY: the size is not zero.
        assert_eq!(unsafe { OTHER.alloc(layout(64, 8)) }.addr(), much.start);
        // What does not fit in large pages is made ready as far as the arena goes, and nothing is left out.
        let rest = OTHER.next(CAPACITY);
        assert!(rest.start < much.start + LARGE_PAGE && rest.end <= OTHER.start() + CAPACITY);
    }

    #[test]
    fn every_request_is_counted() {
        let before = calls();
        // SAFETY: the size is not zero.
        let piece = unsafe { Allocator.alloc(layout(8, 8)) };
        // SAFETY: the piece was allocated with this layout.
        let piece = unsafe { Allocator.realloc(piece, layout(8, 8), 16) };
        // SAFETY: the piece was allocated with this layout.
        unsafe { Allocator.dealloc(piece, layout(16, 8)) };
        assert_eq!(calls(), before + 2);
    }

    #[test]
    fn what_does_not_fit_comes_from_the_system_and_keeps_its_content() {
        static OTHER: Arena = Arena::new();
        let arena = &OTHER;
        // SAFETY: the size is not zero.
        let piece = unsafe { arena.alloc(layout(CAPACITY - 64, 8)) };
        assert!(arena.holds(piece));
        // SAFETY: the piece has that many bytes.
        unsafe { piece.write_bytes(7, CAPACITY - 64) };
        // SAFETY: the piece was allocated with this layout.
        let moved = unsafe { arena.realloc(piece, layout(CAPACITY - 64, 8), CAPACITY * 2) };
        assert!(!arena.holds(moved));
        // SAFETY: the moved piece is larger than that.
        let last = unsafe { moved.add(CAPACITY - 65) };
        // SAFETY: it holds the old content up to there.
        assert_eq!(unsafe { last.read() }, 7);
        // SAFETY: allocated with this layout by the realloc above.
        unsafe { arena.dealloc(moved, layout(CAPACITY * 2, 8)) };
    }
}
