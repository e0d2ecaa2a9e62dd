//! MD5-crypt, as FreeBSD brought it: `$1$`.

use md5::{Digest, Md5};

use super::base64;

/// The 22 characters behind salt and `$`.
pub(super) fn crypt(password: &[u8], salt: &[u8]) -> String {
    let inner: [u8; 16] = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize()
        .into();
    let mut outer = Md5::new()
        .chain_update(password)
        .chain_update(b"$1$")
        .chain_update(salt);
    let mut left = password.len();
    while left > 0 {
        let some = left.min(inner.len());
        outer.update(inner.get(..some).unwrap_or_default());
        left -= some;
    }
    // One octet for each bit of the length: 0, or the first of the password.
    let mut length = password.len();
    while length > 0 {
        let first = password.get(..1).unwrap_or_default();
        outer.update(if length & 1 == 1 { &[0] } else { first });
        length >>= 1;
    }
    let mut digest: [u8; 16] = outer.finalize().into();
    for round in 0..1000 {
        let (first, last): (&[u8], &[u8]) = if round % 2 == 1 {
            (password, &digest)
        } else {
            (&digest, password)
        };
        let mut hash = Md5::new().chain_update(first);
        if round % 3 > 0 {
            hash.update(salt);
        }
        if round % 7 > 0 {
            hash.update(password);
        }
        digest = hash.chain_update(last).finalize().into();
    }
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = digest;
    let mut text = String::with_capacity(22);
    for octets in [[a, g, m], [b, h, n], [c, i, o], [d, j, p], [e, k, f]] {
        base64::group(&mut text, octets, 4);
    }
    base64::group(&mut text, [0, 0, l], 2);
    text
}
