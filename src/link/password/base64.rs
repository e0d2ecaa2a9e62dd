//! The 64 characters of crypt(3).

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether it is one of them.
pub(super) fn has(octet: u8) -> bool {
    ALPHABET.contains(&octet)
}

/// The number of a character; 0 for one that is none.
pub(super) fn value(octet: u8) -> u32 {
    let place = ALPHABET.iter().position(|&known| known == octet);
    place.unwrap_or(0) as u32
}

/// The character of the lowest six bits.
pub(super) fn character(value: u64) -> char {
    char::from(ALPHABET.get((value & 63) as usize).copied().unwrap_or(b'.'))
}

/// Three octets as four characters or fewer, the lowest six bits first: as MD5-crypt and
/// SHA-256-crypt have it.
pub(super) fn group(text: &mut String, [high, middle, low]: [u8; 3], characters: usize) {
    let mut value = u64::from(high) << 16 | u64::from(middle) << 8 | u64::from(low);
    for _ in 0..characters {
        text.push(character(value));
        value >>= 6;
    }
}
