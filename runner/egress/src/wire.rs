//! Takes values off the front of bytes that came from a network. Never reads beyond their end.

/// The next so many bytes; `None` where there are fewer, and nothing is taken then.
pub(crate) fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (bytes, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(bytes)
}

/// The next number of two bytes, the higher one first.
pub(crate) fn number(rest: &mut &[u8]) -> Option<u16> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_taken() {
        let mut rest: &[u8] = &[1, 2, 3];
        assert_eq!(number(&mut rest), Some(0x0102));
        assert_eq!((number(&mut rest), take(&mut rest, 2)), (None, None));
        assert_eq!(take(&mut rest, 1), Some(&[3][..]));
        assert_eq!(take(&mut rest, 0), Some(&[][..]));
    }
}
