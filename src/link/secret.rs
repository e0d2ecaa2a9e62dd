//! Comparing what must not be guessed.

/// Compares without telling by its time where the difference is.
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_octets_are_the_same() {
        assert!(same(b"", b"") && same(b"ab", b"ab"));
        assert!(!same(b"ab", b"ac") && !same(b"ab", b"abc") && !same(b"abc", b"ab"));
    }
}
