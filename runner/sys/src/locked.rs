//! Memory for one value that nobody else is to see: never in swap, in a core dump or in a forked process that was not
//! meant, overwritten before it goes back.
//!
//! It cannot be shown, compared or copied. The allocator of a run hands out memory that stays as it was left, and a vector
//! that grows leaves its content behind; so a value goes from its descriptor into [`Locked`] and nowhere else.

use std::os::fd::AsFd;
use std::ptr::NonNull;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

/// A buffer of a fixed capacity.
///
/// ```compile_fail
/// let value = opaque_sys::locked::Locked::with_capacity(16).unwrap();
/// println!("{value:?}");
/// ```
///
/// ```compile_fail
/// let value = opaque_sys::locked::Locked::with_capacity(16).unwrap();
/// let other = value.clone();
/// ```
pub struct Locked {
    // INVARIANT: `capacity` bytes of a mapping of `mapped` bytes that nobody else knows; the first `filled` are in use.
    start: NonNull<u8>,
    mapped: usize,
    capacity: usize,
    filled: usize,
}

// SAFETY: the mapping belongs to this value alone and to no thread.
unsafe impl Send for Locked {}

impl Locked {
    /// Takes memory for so many bytes.
    ///
    /// # Errors
    /// `ENOMEM`, `EAGAIN` or `EPERM` where the limit on locked memory (`RLIMIT_MEMLOCK`) leaves no room.
    pub fn with_capacity(capacity: usize) -> Result<Self, Errno> {
        let mapped = capacity.max(1).checked_next_multiple_of(rustix::param::page_size()).ok_or(Errno::NOMEM)?;
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new mapping, wherever the kernel has room.
        let start = unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), mapped, protection, flags) }?;
        let start = NonNull::new(start.cast()).ok_or(Errno::NOMEM)?;
        // From here on dropping it gives the mapping back.
        let locked = Self { start, mapped, capacity, filled: 0 };
        let address = start.as_ptr().cast();
        // SAFETY: exactly the mapping, which is ours.
        unsafe { rustix::mm::mlock(address, mapped) }?;
        // SAFETY: as above; what is in it does not change.
        unsafe { rustix::mm::madvise(address, mapped, Advice::LinuxDontDump) }?;
        // SAFETY: as above.
        unsafe { rustix::mm::madvise(address, mapped, Advice::LinuxDontFork) }?;
        Ok(locked)
    }

    /// Lets the next child have a copy. Without this no process that is forked has the memory at all.
    ///
    /// # Errors
    /// Never on a working kernel.
    pub(crate) fn give_to_child(&self) -> Result<(), Errno> {
        // SAFETY: exactly the mapping, which is ours; what is in it does not change.
        unsafe { rustix::mm::madvise(self.start.as_ptr().cast(), self.mapped, Advice::LinuxDoFork) }
    }

    /// The same content with more room.
    ///
    /// # Errors
    /// As [`Self::with_capacity`], and `ENOSPC` where it would not fit.
    pub fn grown(&self, capacity: usize) -> Result<Self, Errno> {
        let mut grown = Self::with_capacity(capacity)?;
        grown.extend(self.as_bytes())?;
        Ok(grown)
    }

    /// The bytes in use.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.whole().get(..self.filled).unwrap_or_default()
    }

    /// How many bytes are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filled
    }

    /// True when none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// How many it can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The bytes that are not in use yet; whoever fills them counts them.
    fn spare(&mut self) -> &mut [u8] {
        let filled = self.filled;
        self.whole_mut().get_mut(filled..).unwrap_or_default()
    }

    /// Adds one byte.
    ///
    /// # Errors
    /// `ENOSPC` when it is full.
    pub fn push(&mut self, byte: u8) -> Result<(), Errno> {
        self.extend(&[byte])
    }

    /// Adds bytes: all of them or none.
    ///
    /// # Errors
    /// `ENOSPC` when they do not fit.
    pub fn extend(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        self.spare().get_mut(..bytes.len()).ok_or(Errno::NOSPC)?.copy_from_slice(bytes);
        self.filled += bytes.len();
        Ok(())
    }

    /// Reads once from a descriptor, straight into the room that is left; says how many bytes came, 0 at the end.
    ///
    /// # Errors
    /// `ENOSPC` when it is full, and what `read` answers; an interrupted one is done again.
    pub fn fill_from(&mut self, file: impl AsFd) -> Result<usize, Errno> {
        if self.spare().is_empty() {
            return Err(Errno::NOSPC);
        }
        let count = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut *self.spare()))?;
        self.filled = self.filled.saturating_add(count).min(self.capacity);
        Ok(count)
    }

    /// Keeps the first so many bytes and overwrites the rest.
    pub fn truncate(&mut self, length: usize) {
        if length < self.filled {
            overwrite(self.whole_mut().get_mut(length..).unwrap_or_default());
            self.filled = length;
        }
    }

    /// Forgets the first so many bytes and moves the rest to the front.
    pub fn forget_first(&mut self, count: usize) {
        let (count, filled) = (count.min(self.filled), self.filled);
        self.whole_mut().copy_within(count..filled, 0);
        self.truncate(filled - count);
    }

    fn whole(&self) -> &[u8] {
        // SAFETY: the mapping is readable, at least this long, and borrowed with `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.capacity) }
    }

    fn whole_mut(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is writable, at least this long, and borrowed with `self` alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.capacity) }
    }
}

/// Keeps memory of somebody else, and what shares its pages, out of swap for as long as this process has it.
///
/// # Errors
/// As [`Locked::with_capacity`].
pub fn keep(bytes: &[u8]) -> Result<(), Errno> {
    // SAFETY: the bytes are there and stay as they are; whether they may be swapped is no matter of soundness.
    unsafe { rustix::mm::mlock(bytes.as_ptr().cast_mut().cast(), bytes.len()) }
}

/// Writes zeros where the compiler may not leave it out.
fn overwrite(bytes: &mut [u8]) {
    // SAFETY: exactly the bytes that are borrowed.
    unsafe { libc::explicit_bzero(bytes.as_mut_ptr().cast(), bytes.len()) };
}

impl Drop for Locked {
    fn drop(&mut self) {
        overwrite(self.whole_mut());
        #[cfg(test)]
        tests::look(self.start, self.capacity);
        // SAFETY: the mapping is ours, and nothing borrows it any more. Unlocked with it.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.mapped) };
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs::File;
    use std::io::{Read, Seek, SeekFrom, Write};

    use rustix::thread::{CapabilitySet, CapabilitySets};

    use super::*;

    const VALUE: &[u8] = b"correct horse battery staple";

    thread_local! {
        /// What the kernel says stands in the last buffer of this thread that was dropped.
        static LEFT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
    }

    /// Reads a buffer by its address, as the kernel has it, just before it is unmapped.
    pub(super) fn look(start: NonNull<u8>, length: usize) {
        let content = from_kernel(start.addr().get(), length);
        LEFT.with(|left| *left.borrow_mut() = Some(content));
    }

    fn from_kernel(address: usize, length: usize) -> Vec<u8> {
        let mut memory = File::open("/proc/self/mem").unwrap();
        memory.seek(SeekFrom::Start(address as u64)).unwrap();
        let mut content = vec![0xaa; length];
        memory.read_exact(&mut content).unwrap();
        content
    }

    fn with(value: &[u8]) -> Locked {
        let mut locked = Locked::with_capacity(100).unwrap();
        locked.extend(value).unwrap();
        locked
    }

    /// The lines of `/proc/self/smaps` about the mapping that begins here.
    fn mapping(locked: &Locked) -> String {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let begin = format!("{:x}-", locked.start.addr());
        let lines = smaps.lines().skip_while(|line| !line.starts_with(&begin));
        let is_field = |line: &&str| line.split(' ').next().is_some_and(|word| word.ends_with(':'));
        lines
            .enumerate()
            .take_while(|(at, line)| *at == 0 || is_field(line))
            .map(|(_, line)| format!("{line}\n"))
            .collect()
    }

    #[test]
    fn the_memory_is_locked_and_in_no_dump() {
        let locked = with(VALUE);
        let about = mapping(&locked);
        let flags = about.lines().find(|line| line.starts_with("VmFlags:")).unwrap_or_else(|| panic!("{about}"));
        // Locked, in no dump, in no forked process.
        let has = |flag: &str| flags.split(' ').any(|it| it == flag);
        assert!(has("lo") && has("dd") && has("dc"), "{flags}");
        locked.give_to_child().unwrap();
        assert!(!mapping(&locked).split(' ').any(|flag| flag == "dc"));
        let line = about.lines().find(|line| line.starts_with("Locked:")).unwrap();
        assert!(!line.contains(" 0 kB"), "{line}");
    }

    #[test]
    fn memory_of_others_is_kept_too() {
        let pages = Locked::with_capacity(1).unwrap().mapped;
        let bytes = vec![7; 64 * pages];
        let locked = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
        };
        let before = locked();
        keep(&bytes).unwrap();
        // Other tests lock and unlock a page or two at the same time.
        assert!(locked() >= before + 48 * pages, "{before} {}", locked());
    }

    #[test]
    fn nothing_is_left_when_it_is_dropped() {
        let locked = with(VALUE);
        let there = from_kernel(locked.start.addr().get(), locked.capacity);
        assert!(there.starts_with(VALUE), "control: the value can be seen this way");
        drop(locked);
        assert_eq!(LEFT.with(RefCell::take), Some(vec![0; 100]));
    }

    #[test]
    fn what_is_cut_off_is_overwritten_at_once() {
        let mut locked = with(VALUE);
        locked.truncate(7);
        assert_eq!(locked.as_bytes(), b"correct");
        assert!(locked.whole().iter().skip(7).all(|byte| *byte == 0));
        locked.truncate(50);
        assert_eq!(locked.len(), 7, "it only gets shorter");
        locked.forget_first(3);
        assert_eq!(locked.as_bytes(), b"rect");
        assert!(locked.whole().iter().skip(4).all(|byte| *byte == 0));
        locked.forget_first(9);
        assert!(locked.is_empty());
    }

    #[test]
    fn it_holds_no_more_than_its_capacity() {
        let mut locked = Locked::with_capacity(4).unwrap();
        locked.extend(b"abc").unwrap();
        assert_eq!(locked.extend(b"de"), Err(Errno::NOSPC));
        assert_eq!(locked.as_bytes(), b"abc", "all or nothing");
        locked.push(b'd').unwrap();
        assert_eq!(locked.push(b'e'), Err(Errno::NOSPC));
        assert_eq!(locked.fill_from(File::open("/dev/zero").unwrap()), Err(Errno::NOSPC));
        let grown = locked.grown(8).unwrap();
        assert_eq!((grown.as_bytes(), grown.capacity()), (&b"abcd"[..], 8));
        assert_eq!(locked.grown(3).err(), Some(Errno::NOSPC));
    }

    #[test]
    fn a_descriptor_is_read_straight_into_it() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let mut writer = File::from(writer);
        writer.write_all(VALUE).unwrap();
        drop(writer);
        let mut locked = Locked::with_capacity(20).unwrap();
        assert_eq!(locked.fill_from(&reader), Ok(20));
        let mut locked = locked.grown(64).unwrap();
        assert_eq!(locked.fill_from(&reader), Ok(VALUE.len() - 20));
        assert_eq!(locked.fill_from(&reader), Ok(0));
        assert_eq!(locked.as_bytes(), VALUE);
    }

    #[test]
    fn more_than_may_be_locked_is_an_error() {
        // In a process of its own: the limit, and for the superuser the leave to exceed it, are this process's.
        let child = std::env::var_os("OPAQUE_LOCKED_CHILD").is_some();
        if !child {
            let mut again = std::process::Command::new(std::env::current_exe().unwrap());
            again
                .args(["--exact", "locked::tests::more_than_may_be_locked_is_an_error"])
                .env("OPAQUE_LOCKED_CHILD", "1");
            let said = again.output().unwrap();
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
            return;
        }
        let limit = |bytes| {
            let rlimit = rustix::process::Rlimit { current: Some(bytes), maximum: Some(bytes) };
            rustix::process::setrlimit(rustix::process::Resource::Memlock, rlimit).unwrap();
        };
        let page = rustix::param::page_size();
        limit(page as u64);
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        rustix::thread::set_capabilities(None, sets).unwrap();
        assert!(Locked::with_capacity(page).is_ok(), "control: what is within the limit");
        assert!(Locked::with_capacity(page + 1).is_err());
    }
}
