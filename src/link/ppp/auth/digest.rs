//! The computations of CHAP (RFC 1994 section 4.1) and MS-CHAPv2 (RFC 2759 section 8).

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use md4::Md4;
use md5::{Digest, Md5};
use sha1::Sha1;

/// The response to a CHAP challenge with MD5.
pub fn chap_md5(identifier: u8, secret: &[u8], challenge: &[u8]) -> [u8; 16] {
    Md5::new()
        .chain_update([identifier])
        .chain_update(secret)
        .chain_update(challenge)
        .finalize()
        .into()
}

/// A password's hash (RFC 2759 section 8.3). Octets that are no UTF-8 count as Latin-1.
pub fn nt_password_hash(password: &[u8]) -> [u8; 16] {
    let mut hash = Md4::new();
    let mut units = [0; 2];
    match std::str::from_utf8(password) {
        Ok(text) => {
            for c in text.chars() {
                for unit in c.encode_utf16(&mut units) {
                    hash.update(unit.to_le_bytes());
                }
            }
        }
        Err(_) => {
            for &octet in password {
                hash.update([octet, 0]);
            }
        }
    }
    hash.finalize().into()
}

/// Both challenges and the user's name, without a domain (section 8.2).
fn challenge_hash(peer: &[u8; 16], authenticator: &[u8; 16], name: &[u8]) -> [u8; 8] {
    let hash = Sha1::new()
        .chain_update(peer)
        .chain_update(authenticator)
        .chain_update(without_domain(name))
        .finalize();
    let mut short = [0; 8];
    for (octet, from) in short.iter_mut().zip(hash) {
        *octet = from;
    }
    short
}

/// `DOMAIN\user` proves itself as `user` (RFC 2759 section 4).
pub fn without_domain(name: &[u8]) -> &[u8] {
    let backslash = name.iter().rposition(|&octet| octet == b'\\');
    backslash
        .and_then(|place| name.get(place + 1..))
        .unwrap_or(name)
}

/// Three encryptions of the challenge with the parts of the hash (section 8.5).
fn challenge_response(challenge: [u8; 8], hash: &[u8; 16]) -> [u8; 24] {
    let mut response = [0; 24];
    let mut padded = [0; 21];
    for (octet, from) in padded.iter_mut().zip(hash) {
        *octet = *from;
    }
    for (block, key) in response.chunks_exact_mut(8).zip(padded.chunks_exact(7)) {
        let cipher = Des::new(&with_parity(key).into());
        let mut encrypted = challenge.into();
        cipher.encrypt_block(&mut encrypted);
        block.copy_from_slice(&encrypted);
    }
    response
}

/// A DES key of 56 bits in its eight octets; what the parity bits hold does not matter.
fn with_parity(key: &[u8]) -> [u8; 8] {
    let bits = key
        .iter()
        .fold(0_u64, |bits, &octet| bits << 8 | u64::from(octet));
    let mut octets = [0; 8];
    for (n, octet) in octets.iter_mut().enumerate() {
        *octet = (bits >> (49 - 7 * n) & 0x7f) as u8 * 2;
    }
    octets
}

/// The response to an MS-CHAPv2 challenge (section 8.1).
pub fn nt_response(
    authenticator: &[u8; 16],
    peer: &[u8; 16],
    name: &[u8],
    hash: &[u8; 16],
) -> [u8; 24] {
    challenge_response(challenge_hash(peer, authenticator, name), hash)
}

/// What the authenticator proves itself with: `S=` and 40 hexadecimal digits (section 8.7).
pub fn authenticator_response(
    authenticator: &[u8; 16],
    peer: &[u8; 16],
    name: &[u8],
    hash: &[u8; 16],
    nt_response: &[u8; 24],
) -> [u8; 42] {
    // The constants of section 8.7.
    const TO_CLIENT: &[u8] = b"Magic server to client signing constant";
    const ITERATION: &[u8] = b"Pad to make it do more than one iteration";
    let hash_of_hash: [u8; 16] = Md4::digest(hash).into();
    let digest = Sha1::new()
        .chain_update(hash_of_hash)
        .chain_update(nt_response)
        .chain_update(TO_CLIENT)
        .finalize();
    let digest = Sha1::new()
        .chain_update(digest)
        .chain_update(challenge_hash(peer, authenticator, name))
        .chain_update(ITERATION)
        .finalize();
    let mut text = *b"S=0000000000000000000000000000000000000000";
    let digits = digest.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
    for (place, digit) in text.iter_mut().skip(2).zip(digits) {
        *place = b"0123456789ABCDEF"
            .get(usize::from(digit))
            .copied()
            .unwrap_or(b'0');
    }
    text
}

/// Challenges that nobody can tell beforehand, out of one seed: digests of it and a number.
#[derive(Clone)]
pub struct Challenges {
    seed: u128,
    given: u32,
}

impl std::fmt::Debug for Challenges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Challenges")
    }
}

impl Challenges {
    /// Challenges of a seed, which has to be random and secret.
    pub const fn new(seed: u128) -> Self {
        Self { seed, given: 0 }
    }

    /// The next one.
    pub fn next(&mut self) -> [u8; 16] {
        self.given = self.given.wrapping_add(1);
        let digest = Sha1::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(self.given.to_be_bytes())
            .finalize();
        let mut challenge = [0; 16];
        for (octet, from) in challenge.iter_mut().zip(digest) {
            *octet = from;
        }
        challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2759 section 9.2.
    const AUTHENTICATOR: [u8; 16] = [
        0x5b, 0x5d, 0x7c, 0x7d, 0x7b, 0x3f, 0x2f, 0x3e, 0x3c, 0x2c, 0x60, 0x21, 0x32, 0x26, 0x26,
        0x28,
    ];
    const PEER: [u8; 16] = [
        0x21, 0x40, 0x23, 0x24, 0x25, 0x5e, 0x26, 0x2a, 0x28, 0x29, 0x5f, 0x2b, 0x3a, 0x33, 0x7c,
        0x7e,
    ];

    #[test]
    fn the_vectors_of_rfc_2759() {
        let hash = nt_password_hash(b"clientPass");
        assert_eq!(
            hash,
            [
                0x44, 0xeb, 0xba, 0x8d, 0x53, 0x12, 0xb8, 0xd6, 0x11, 0x47, 0x44, 0x11, 0xf5, 0x69,
                0x89, 0xae
            ]
        );
        assert_eq!(
            challenge_hash(&PEER, &AUTHENTICATOR, b"User"),
            [0xd0, 0x2e, 0x43, 0x86, 0xbc, 0xe9, 0x12, 0x26]
        );
        let response = nt_response(&AUTHENTICATOR, &PEER, b"User", &hash);
        assert_eq!(
            response,
            [
                0x82, 0x30, 0x9e, 0xcd, 0x8d, 0x70, 0x8b, 0x5e, 0xa0, 0x8f, 0xaa, 0x39, 0x81, 0xcd,
                0x83, 0x54, 0x42, 0x33, 0x11, 0x4a, 0x3d, 0x85, 0xd6, 0xdf
            ]
        );
        assert_eq!(
            &authenticator_response(&AUTHENTICATOR, &PEER, b"User", &hash, &response),
            b"S=407A5589115FD0D6209F510FE9C04566932CDA56"
        );
        assert_eq!(
            nt_response(&AUTHENTICATOR, &PEER, b"BIGCO\\User", &hash),
            response
        );
    }

    #[test]
    fn md5_of_identifier_secret_and_challenge() {
        let challenge: Vec<u8> = (0..16).collect();
        // Computed with Python's hashlib.
        assert_eq!(
            chap_md5(1, b"secret", &challenge),
            [
                0x74, 0x0e, 0x86, 0x46, 0x3b, 0xda, 0x3a, 0x4d, 0x70, 0x17, 0xd6, 0xe0, 0xfb, 0xa0,
                0x69, 0x9d
            ]
        );
    }

    #[test]
    fn passwords_beyond_ascii() {
        // One UTF-16 unit each, and a pair of them.
        assert_eq!(
            nt_password_hash("ä".as_bytes()),
            <[u8; 16]>::from(Md4::digest([0xe4, 0]))
        );
        assert_eq!(nt_password_hash(&[0xe4]), nt_password_hash("ä".as_bytes()));
        assert_eq!(
            nt_password_hash("𝄞".as_bytes()),
            <[u8; 16]>::from(Md4::digest([0x34, 0xd8, 0x1e, 0xdd]))
        );
    }

    #[test]
    fn challenges_differ() {
        let mut all: Vec<[u8; 16]> = Vec::new();
        for seed in 0..10 {
            let mut challenges = Challenges::new(seed);
            all.extend((0..100).map(|_| challenges.next()));
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 1000);
    }
}
