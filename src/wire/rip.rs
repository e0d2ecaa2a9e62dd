//! The Routing Information Protocol, versions 1 (RFC 1058) and 2 (RFC 2453): UDP port 520.
//!
//! A message is a header of four octets and up to 25 entries of 20. In version 2 the first entry may be a
//! password (authentication type 2).

use std::net::Ipv4Addr;

use crate::ParseError;

/// The port.
pub const PORT: u16 = 520;
/// The most entries of a message.
pub const MOST_ENTRIES: usize = 25;
/// Octets of the header.
pub const HEADER: usize = 4;
/// Octets of an entry.
pub const ENTRY: usize = 20;
/// The address family of IPv4.
pub const FAMILY_IPV4: u16 = 2;
/// The metric of what cannot be reached.
pub const INFINITY: u32 = 16;
/// The family of an entry that is a password.
const FAMILY_AUTHENTICATION: u16 = 0xffff;
/// The type of authentication that is a password.
const SIMPLE_PASSWORD: u16 = 2;

/// What a message asks or tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Which routes are there (1)?
    Request,
    /// These (2).
    Response,
    /// Any other code.
    Unknown(u8),
}

impl From<u8> for Command {
    fn from(code: u8) -> Self {
        match code {
            1 => Self::Request,
            2 => Self::Response,
            other => Self::Unknown(other),
        }
    }
}

impl From<Command> for u8 {
    fn from(command: Command) -> Self {
        match command {
            Command::Request => 1,
            Command::Response => 2,
            Command::Unknown(code) => code,
        }
    }
}

/// An entry. The mask, the next hop and the tag are those of version 2, zero in version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The address family; 2 for IPv4, 0 in a request for everything.
    pub family: u16,
    /// Where a route comes from.
    pub tag: u16,
    /// The destination; 0.0.0.0 is the default route.
    pub address: Ipv4Addr,
    /// Which of its bits count.
    pub mask: u32,
    /// A better gateway than the sender, or 0.0.0.0.
    pub next_hop: Ipv4Addr,
    /// Hops, 1 to 16.
    pub metric: u32,
}

impl Entry {
    /// What a request for everything consists of.
    pub const EVERYTHING: Self = Self {
        family: 0,
        tag: 0,
        address: Ipv4Addr::UNSPECIFIED,
        mask: 0,
        next_hop: Ipv4Addr::UNSPECIFIED,
        metric: INFINITY,
    };

    /// A route of version 1.
    #[must_use]
    pub const fn new(address: Ipv4Addr, metric: u32) -> Self {
        Self {
            family: FAMILY_IPV4,
            address,
            metric,
            ..Self::EVERYTHING
        }
    }

    fn parse(octets: &[u8; ENTRY]) -> Self {
        let [
            f0,
            f1,
            t0,
            t1,
            a0,
            a1,
            a2,
            a3,
            m0,
            m1,
            m2,
            m3,
            n0,
            n1,
            n2,
            n3,
            h0,
            h1,
            h2,
            h3,
        ] = *octets;
        Self {
            family: u16::from_be_bytes([f0, f1]),
            tag: u16::from_be_bytes([t0, t1]),
            address: Ipv4Addr::new(a0, a1, a2, a3),
            mask: u32::from_be_bytes([m0, m1, m2, m3]),
            next_hop: Ipv4Addr::new(n0, n1, n2, n3),
            metric: u32::from_be_bytes([h0, h1, h2, h3]),
        }
    }

    /// Writes the entry behind a message.
    pub fn emit(&self, message: &mut Vec<u8>) {
        message.extend_from_slice(&self.family.to_be_bytes());
        message.extend_from_slice(&self.tag.to_be_bytes());
        message.extend_from_slice(&self.address.octets());
        message.extend_from_slice(&self.mask.to_be_bytes());
        message.extend_from_slice(&self.next_hop.octets());
        message.extend_from_slice(&self.metric.to_be_bytes());
    }
}

/// A checked message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'p> {
    octets: &'p [u8],
}

impl<'p> Message<'p> {
    /// Checks that there is a header and that whole entries follow, no more than there may be.
    ///
    /// # Errors
    /// The message is cut, or too long.
    pub fn parse(octets: &'p [u8]) -> Result<Self, ParseError> {
        let Some(entries) = octets.get(HEADER..) else {
            return Err(ParseError::Truncated {
                what: "RIP header",
                need: HEADER,
                have: octets.len(),
            });
        };
        if !entries.len().is_multiple_of(ENTRY) || entries.len() > MOST_ENTRIES * ENTRY {
            return Err(ParseError::Invalid {
                what: "RIP entries length",
                value: entries.len() as u64,
                expected: "0 to 25 entries of 20 octets",
            });
        }
        Ok(Self { octets })
    }

    /// What it asks or tells.
    #[must_use]
    pub fn command(&self) -> Command {
        self.octets.first().copied().unwrap_or_default().into()
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.octets.get(1).copied().unwrap_or_default()
    }

    fn all(&self) -> &'p [[u8; ENTRY]] {
        self.octets
            .get(HEADER..)
            .unwrap_or_default()
            .as_chunks::<ENTRY>()
            .0
    }

    /// Its entries without the one of a password.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + 'p {
        let skip = usize::from(self.is_authenticated());
        self.all().iter().skip(skip).map(Entry::parse)
    }

    /// Whether the first entry is for authentication.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        let first = self.all().first().map(Entry::parse);
        self.version() >= 2 && first.is_some_and(|entry| entry.family == FAMILY_AUTHENTICATION)
    }

    /// The password, with zeros behind it.
    #[must_use]
    pub fn password(&self) -> Option<&'p [u8; 16]> {
        let first = self.all().first()?;
        let is_password = Entry::parse(first).tag == SIMPLE_PASSWORD;
        (self.is_authenticated() && is_password).then(|| first.last_chunk())?
    }
}

/// Begins a message: the header, and a password where there is one.
pub fn begin(message: &mut Vec<u8>, command: Command, version: u8, password: Option<&[u8; 16]>) {
    message.clear();
    message.extend_from_slice(&[command.into(), version, 0, 0]);
    if let Some(password) = password {
        message.extend_from_slice(&FAMILY_AUTHENTICATION.to_be_bytes());
        message.extend_from_slice(&SIMPLE_PASSWORD.to_be_bytes());
        message.extend_from_slice(password);
    }
}

/// Any octets: what parses is written back octet for octet, but for the unused octets of the header. For fuzzing.
pub fn fuzz_rip(octets: &[u8]) {
    let Ok(message) = Message::parse(octets) else {
        return;
    };
    let mut copy = vec![0xa5];
    begin(
        &mut copy,
        message.command(),
        message.version(),
        message.password(),
    );
    let mut count = 0;
    for entry in message.entries() {
        entry.emit(&mut copy);
        count += 1;
    }
    assert!(count <= MOST_ENTRIES);
    assert_eq!(copy.get(..2), octets.get(..2));
    // Other authentication than a password is left out.
    if !message.is_authenticated() || message.password().is_some() {
        assert_eq!(copy.get(HEADER..), octets.get(HEADER..));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_messages_of_the_reference() {
        let mut message = Vec::new();
        begin(&mut message, Command::Request, 1, None);
        Entry::EVERYTHING.emit(&mut message);
        let mut expected = vec![1, 1, 0, 0];
        expected.extend([0; 19]);
        expected.push(16);
        assert_eq!(message, expected);

        begin(&mut message, Command::Response, 1, None);
        Entry::new(Ipv4Addr::new(44, 128, 4, 0), 2).emit(&mut message);
        Entry::new(Ipv4Addr::UNSPECIFIED, 1).emit(&mut message);
        let mut expected = vec![2, 1, 0, 0, 0, 2, 0, 0, 0x2c, 0x80, 4, 0];
        expected.extend([0; 11]);
        expected.extend([2, 0, 2, 0, 0]);
        expected.extend([0; 15]);
        expected.push(1);
        assert_eq!(message, expected);
        let parsed = Message::parse(&message).unwrap();
        assert_eq!((parsed.command(), parsed.version()), (Command::Response, 1));
        assert_eq!(parsed.entries().count(), 2);
        assert!(!parsed.is_authenticated());
    }

    #[test]
    fn a_password_is_the_first_entry_of_version_2() {
        let mut message = Vec::new();
        let password = b"secret\0\0\0\0\0\0\0\0\0\0";
        begin(&mut message, Command::Response, 2, Some(password));
        let entry = Entry {
            mask: 0xffff_0000,
            ..Entry::new(Ipv4Addr::new(44, 1, 0, 0), 3)
        };
        entry.emit(&mut message);
        let parsed = Message::parse(&message).unwrap();
        assert_eq!(parsed.password(), Some(password));
        assert_eq!(parsed.entries().collect::<Vec<_>>(), [entry]);
        message[1] = 1;
        assert_eq!(Message::parse(&message).unwrap().entries().count(), 2);
    }

    #[test]
    fn cut_and_overlong_messages_are_refused() {
        for len in [0, 3, 5, 23, 25, 4 + 26 * 20] {
            assert!(Message::parse(&vec![0; len]).is_err(), "{len}");
        }
        for len in [4, 24, 504] {
            assert!(Message::parse(&vec![0; len]).is_ok(), "{len}");
        }
    }

    proptest! {
        #[test]
        fn any_octets(mut octets in prop::collection::vec(any::<u8>(), 0..600), entries in 0usize..26, auth: bool) {
            fuzz_rip(&octets);
            octets.resize(HEADER + entries * ENTRY, 7);
            if auth && entries > 0 {
                octets[1] = 2;
                octets[4..8].copy_from_slice(&[0xff, 0xff, 0, 2]);
            }
            fuzz_rip(&octets);
        }
    }
}
