//! SHA-256-crypt (Drepper, "Unix crypt using SHA-256 and SHA-512"): `$5$`.

use sha2::{Digest, Sha256};

use super::base64;

/// The 43 characters behind salt and `$`.
pub(super) fn crypt(password: &[u8], salt: &[u8], rounds: u32) -> String {
    let inner: [u8; 32] = Sha256::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize()
        .into();
    let mut outer = Sha256::new().chain_update(password).chain_update(salt);
    outer.update(repeated(&inner, password.len()));
    let mut length = password.len();
    while length > 0 {
        outer.update(if length & 1 == 1 { &inner } else { password });
        length >>= 1;
    }
    let mut digest: [u8; 32] = outer.finalize().into();

    let mut hash = Sha256::new();
    for _ in 0..password.len() {
        hash.update(password);
    }
    let p = repeated(&hash.finalize().into(), password.len());
    let mut hash = Sha256::new();
    for _ in 0..16 + usize::from(digest.first().copied().unwrap_or(0)) {
        hash.update(salt);
    }
    let s = repeated(&hash.finalize().into(), salt.len());

    for round in 0..rounds {
        let (first, last): (&[u8], &[u8]) = if round % 2 == 1 {
            (&p, &digest)
        } else {
            (&digest, &p)
        };
        let mut hash = Sha256::new().chain_update(first);
        if round % 3 > 0 {
            hash.update(&s);
        }
        if round % 7 > 0 {
            hash.update(&p);
        }
        digest = hash.chain_update(last).finalize().into();
    }

    // Octets a third apart, whose order turns by one from group to group.
    let octet = |place: usize| digest.get(place).copied().unwrap_or(0);
    let mut text = String::with_capacity(43);
    for group in 0..10 {
        let third = |turn: usize| octet(group + 10 * ((turn + 2 * group) % 3));
        base64::group(&mut text, [third(0), third(1), third(2)], 4);
    }
    base64::group(&mut text, [0, octet(31), octet(30)], 3);
    text
}

/// A digest over and over, up to this length.
fn repeated(digest: &[u8; 32], length: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(length).collect()
}
