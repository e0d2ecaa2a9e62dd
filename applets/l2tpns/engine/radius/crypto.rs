//! What proves that a packet is of one who knows the secret, and what hides a value from others.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use wanbox_link::secret::same;
use wanbox_wire::radius::{AUTHENTICATOR, Authenticator, HEADER, Kind, Packet};

/// The secret that a server and we share. It is never shown.
#[derive(Clone)]
pub struct SharedSecret(Arc<Secret>);

struct Secret {
    octets: Box<[u8]>,
    /// HMAC-MD5 that has read its key, which is half of its work for a packet.
    mac: Hmac<Md5>,
}

impl Default for SharedSecret {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl PartialEq for SharedSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.octets == other.0.octets
    }
}

impl Eq for SharedSecret {}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
    }
}

fn xor(block: &mut [u8], mask: &[u8]) {
    for (octet, mask) in block.iter_mut().zip(mask) {
        *octet ^= mask;
    }
}

impl SharedSecret {
    /// A secret of these octets.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        // A key of any length will do.
        let mac = <Hmac<Md5> as KeyInit>::new_from_slice(secret);
        Self(Arc::new(Secret {
            octets: secret.into(),
            mac: mac.unwrap_or_else(|_| Hmac::new(&Default::default())),
        }))
    }

    /// Whether it is empty, which keeps nothing secret.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.octets.is_empty()
    }

    /// MD5 over a packet with another authenticator, and the secret: the Response Authenticator
    /// with the request's (RFC 2865 section 3), the Request Authenticator of what is not an
    /// Access-Request with zeros (RFC 2866 section 3, RFC 5176 section 2.3).
    #[must_use]
    pub fn authenticator(&self, packet: &[u8], instead: &Authenticator) -> Authenticator {
        Md5::new()
            .chain_update(packet.get(..AUTHENTICATOR.start).unwrap_or_default())
            .chain_update(instead)
            .chain_update(packet.get(HEADER..).unwrap_or_default())
            .chain_update(&self.0.octets)
            .finalize()
            .into()
    }

    /// Whether a reply is by who knows the secret and the request.
    #[must_use]
    pub fn is_response(&self, reply: &Packet<'_>, request: &Authenticator) -> bool {
        let right = self.authenticator(reply.octets(), request);
        same(reply.authenticator(), &right)
    }

    /// Whether a request other than an Access-Request is by who knows the secret.
    #[must_use]
    pub fn is_request(&self, request: &Packet<'_>) -> bool {
        self.is_response(request, &[0; 16])
    }

    /// The HMAC-MD5 over a packet with another authenticator, the octets of one attribute's value
    /// taken as zeros (RFC 3579 section 3.2).
    fn code(&self, packet: &[u8], at: usize, instead: &Authenticator) -> Authenticator {
        let mac = self.0.mac.clone();
        mac.chain_update(packet.get(..AUTHENTICATOR.start).unwrap_or_default())
            .chain_update(instead)
            .chain_update(packet.get(HEADER..at).unwrap_or_default())
            .chain_update([0; 16])
            .chain_update(packet.get(at + 16..).unwrap_or_default())
            .finalize()
            .into_bytes()
            .into()
    }

    /// Writes the Message-Authenticator, whose value is at `at`, as it is with this authenticator
    /// in the packet.
    pub fn sign(&self, packet: &mut [u8], at: usize, instead: &Authenticator) {
        let code = self.code(packet, at, instead);
        if let Some(value) = packet.get_mut(at..at + 16) {
            value.copy_from_slice(&code);
        }
    }

    /// Whether the Message-Authenticator is right, as it is with this authenticator in the packet;
    /// `None` when there is none. More than one are not right.
    #[must_use]
    pub fn is_signed(&self, packet: &Packet<'_>, instead: &Authenticator) -> Option<bool> {
        let mut at = HEADER;
        let mut found: Option<(usize, &[u8])> = None;
        for attribute in packet.attributes() {
            if attribute.kind == Kind::MESSAGE_AUTHENTICATOR
                && found.replace((at + 2, attribute.value)).is_some()
            {
                return Some(false);
            }
            at += 2 + attribute.value.len();
        }
        let (at, value) = found?;
        Some(value.len() == 16 && same(value, &self.code(packet.octets(), at, instead)))
    }

    /// A User-Password as it is sent (RFC 2865 section 5.2): a multiple of 16 octets, at least 16.
    #[must_use]
    pub fn hide_password(&self, authenticator: &Authenticator, password: &[u8]) -> Vec<u8> {
        let mut hidden = password.to_vec();
        hidden.resize(password.len().max(1).next_multiple_of(16), 0);
        let mut before = *authenticator;
        for block in hidden.chunks_exact_mut(16) {
            let mask = Md5::new()
                .chain_update(&self.0.octets)
                .chain_update(before)
                .finalize();
            xor(block, &mask);
            before.copy_from_slice(block);
        }
        hidden
    }

    /// A User-Password as it was before, without what filled it up.
    #[must_use]
    pub fn reveal_password(&self, authenticator: &Authenticator, hidden: &[u8]) -> Vec<u8> {
        let mut plain = self.reveal(authenticator, hidden);
        let length = plain
            .iter()
            .rposition(|&octet| octet != 0)
            .map_or(0, |last| last + 1);
        plain.truncate(length);
        plain
    }

    /// Both kinds of hiding differ in what the first mask is made of.
    fn reveal(&self, first: &[u8], hidden: &[u8]) -> Vec<u8> {
        let mut plain = hidden.to_vec();
        let mut before = first;
        for (block, cipher) in plain.chunks_mut(16).zip(hidden.chunks(16)) {
            let mask = Md5::new()
                .chain_update(&self.0.octets)
                .chain_update(before)
                .finalize();
            xor(block, &mask);
            before = cipher;
        }
        plain
    }

    /// A Tunnel-Password (RFC 2868 section 3.5) out of what follows the tag: a salt, and hidden
    /// octets that begin with their length. `None` when the lengths are wrong.
    #[must_use]
    pub fn reveal_tunnel(&self, request: &Authenticator, value: &[u8]) -> Option<Vec<u8>> {
        let (salt, hidden) = value.split_first_chunk::<2>()?;
        if hidden.is_empty() || hidden.len() % 16 != 0 {
            return None;
        }
        let mut first = request.to_vec();
        first.extend_from_slice(salt);
        let plain = self.reveal(&first, hidden);
        let (&length, text) = plain.split_first()?;
        Some(text.get(..usize::from(length))?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wanbox_sim::hex;

    const AUTH: Authenticator = [
        0x1a, 0xd6, 0x19, 0x11, 0xa1, 0x1f, 0x97, 0xea, 0x82, 0xd0, 0x3f, 0x0c, 0x9d, 0x46, 0xe0,
        0xd9,
    ];

    #[test]
    fn a_password_hidden_by_l2tpns() {
        let secret = SharedSecret::new(b"radsec");
        let hidden = secret.hide_password(&AUTH, b"pw");
        assert_eq!(hidden, hex("0f36766ee803cec17167d9189cf7d56f"));
        assert_eq!(secret.reveal_password(&AUTH, &hidden), b"pw");
    }

    #[test]
    fn the_password_of_rfc_2865_7_1() {
        let authenticator: Authenticator =
            hex("0f403f9473978057bd83d5cb98f4227a").try_into().unwrap();
        let secret = SharedSecret::new(b"xyzzy5461");
        assert_eq!(
            secret.hide_password(&authenticator, b"arctangent"),
            hex("0dbe708d93d413ce3196e43f782a0aee")
        );
    }

    #[test]
    fn passwords_of_every_length() {
        let secret = SharedSecret::new(b"s");
        for length in 0..=128 {
            let password = vec![b'x'; length];
            let hidden = secret.hide_password(&AUTH, &password);
            assert_eq!(hidden.len(), length.max(1).next_multiple_of(16));
            assert_eq!(secret.reveal_password(&AUTH, &hidden), password);
        }
    }

    #[test]
    fn a_tunnel_password() {
        let secret = SharedSecret::new(b"radsec");
        let value = hex("80012d201f843e62508f098961ea6f8e0389");
        assert_eq!(
            secret.reveal_tunnel(&AUTH, &value),
            Some(b"rlnssec".to_vec())
        );
        for length in 0..value.len() {
            assert_eq!(secret.reveal_tunnel(&AUTH, &value[..length]), None);
        }
        // A length beyond what is there: the secret is another.
        assert_eq!(SharedSecret::new(b"x").reveal_tunnel(&AUTH, &value), None);
    }

    #[test]
    fn an_accounting_request_and_a_disconnect_of_l2tpns() {
        let secret = SharedSecret::new(b"radsec");
        for text in [
            "0400005fa65f973ca6bbf64a0d229f5e8abbeb4001096368617070657228060000000\
             12c123030303030303032364230313037383129060000000005060000000206060000\
             000208060a0a0a021e0c303231313131323232320406\
             0a090001",
            "2807002321da619462eef6abb67cda3603c1765f05060000000201096368617070\
             6572",
        ] {
            let request = hex(text);
            assert!(secret.is_request(&Packet::parse(&request).unwrap()));
            for bit in 0..request.len() * 8 {
                let mut forged = request.clone();
                forged[bit / 8] ^= 1 << (bit % 8);
                if let Ok(packet) = Packet::parse(&forged) {
                    assert!(!secret.is_request(&packet));
                }
            }
        }
        let reply = hex("2907001461cdf3ddf98dee27f201d7968e5d38d1");
        let asked: Authenticator = hex("21da619462eef6abb67cda3603c1765f").try_into().unwrap();
        assert!(secret.is_response(&Packet::parse(&reply).unwrap(), &asked));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(
            format!("{:?}", SharedSecret::new(b"radsec")),
            "SharedSecret"
        );
    }
}
