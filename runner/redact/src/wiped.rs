//! Bytes that leave no copy behind: overwritten when they are dropped, and when they move to a larger place.

use std::ops::Deref;

use zeroize::Zeroizing;

/// A row of bytes that may hold a secret.
#[derive(Default)]
pub(crate) struct Wiped(Zeroizing<Vec<u8>>);

impl Wiped {
    pub(crate) fn with_room(room: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(room)))
    }

    /// Sees to it that so many more bytes need no other place.
    #[inline]
    pub(crate) fn make_room(&mut self, more: usize) {
        if self.0.capacity() - self.0.len() < more {
            self.move_away(more);
        }
    }

    #[cold]
    fn move_away(&mut self, more: usize) {
        let room = (self.0.len() + more).max(2 * self.0.capacity());
        let mut larger = Zeroizing::new(Vec::with_capacity(room));
        larger.extend_from_slice(&self.0);
        self.0 = larger;
    }

    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        self.make_room(1);
        self.0.push(byte);
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Takes away the last byte.
    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// Takes away so many of the first bytes.
    pub(crate) fn remove_first(&mut self, count: usize) {
        let count = count.min(self.0.len());
        self.0.drain(..count);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The bytes as something that others write to, so many at most.
    pub(crate) fn room_for(&mut self, most: usize) -> &mut Vec<u8> {
        self.make_room(most);
        &mut self.0
    }
}

impl Deref for Wiped {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_the_same_in_a_larger_place() {
        let mut bytes = Wiped::with_room(2);
        for byte in 0..100 {
            bytes.push(byte);
        }
        bytes.extend(&[7; 300]);
        bytes.remove_first(99);
        assert_eq!(*bytes, [&[99][..], &[7; 300]].concat());
        bytes.room_for(200).extend([1; 200]);
        assert_eq!((bytes.len(), bytes.last()), (501, Some(&1)));
    }
}
