//! The control messages of `l2tpns` for `nsctl`: UDP port 1702, all integers in network order.
//!
//! ```text
//! magic (90 13) | type | number of arguments | arguments | terminator (FF)
//! argument: length | octets
//! ```
//!
//! Nothing follows the terminator. There is no version, no identifier of a request and no
//! authentication.

use std::fmt;

/// The UDP port of the server.
pub const PORT: u16 = 1702;
/// The longest message, octets.
pub const MAX: usize = 4096;
/// The longest argument, octets.
pub const MAX_ARGUMENT: usize = 255;
/// The most arguments of a message.
pub const MAX_ARGUMENTS: usize = 255;

const MAGIC: [u8; 2] = [0x90, 0x13];
const TERMINATOR: u8 = 0xff;
/// Octets before the arguments.
const HEADER: usize = 4;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0x11: load the plugin that the argument names.
    Load,
    /// 0x12: unload it.
    Unload,
    /// 0x13: tell the commands of the loaded plugins.
    Help,
    /// 0x14: a command and its arguments for the plugins.
    Control,
    /// 0x21: it was done; arguments are lines for people.
    Ok,
    /// 0x22: it was not.
    Error,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Load,
        Self::Unload,
        Self::Help,
        Self::Control,
        Self::Ok,
        Self::Error,
    ];

    /// Its octet.
    #[must_use]
    pub const fn octet(self) -> u8 {
        match self {
            Self::Load => 0x11,
            Self::Unload => 0x12,
            Self::Help => 0x13,
            Self::Control => 0x14,
            Self::Ok => 0x21,
            Self::Error => 0x22,
        }
    }

    fn from_octet(octet: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.octet() == octet)
    }

    /// The name that `nsctl -d` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "NSCTL_REQ_LOAD",
            Self::Unload => "NSCTL_REQ_UNLOAD",
            Self::Help => "NSCTL_REQ_HELP",
            Self::Control => "NSCTL_REQ_CONTROL",
            Self::Ok => "NSCTL_RES_OK",
            Self::Error => "NSCTL_RES_ERR",
        }
    }
}

/// Why octets are no message. Displays as the text that `nsctl` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It ends before its terminator, or there is none.
    Short,
    /// Something follows the terminator, or it is longer than [`MAX`].
    Extra,
    /// It does not begin with the magic number.
    Magic,
    /// A type that is none of [`Kind`].
    Type,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "short packet",
            Self::Extra => "extra data",
            Self::Magic => "bad magic",
            Self::Type => "invalid type",
        })
    }
}

impl std::error::Error for Fault {}

/// Why a message cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a message has at most {MAX_ARGUMENTS} arguments of {MAX_ARGUMENT} octets, and {MAX} octets in all"
        )
    }
}

impl std::error::Error for TooLong {}

/// A message whose lengths are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'m> {
    /// What it is.
    pub kind: Kind,
    arguments: &'m [u8],
}

impl<'m> Message<'m> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn parse(octets: &'m [u8]) -> Result<Self, Fault> {
        let Some((&[high, low, kind, count], rest)) = octets.split_first_chunk::<HEADER>() else {
            return Err(Fault::Short);
        };
        if octets.len() > MAX {
            return Err(Fault::Extra);
        }
        if [high, low] != MAGIC {
            return Err(Fault::Magic);
        }
        let kind = Kind::from_octet(kind).ok_or(Fault::Type)?;
        let mut after = rest;
        for _ in 0..count {
            (_, after) = argument(after).ok_or(Fault::Short)?;
        }
        let arguments = rest.get(..rest.len() - after.len()).ok_or(Fault::Short)?;
        match after {
            [TERMINATOR] => Ok(Self { kind, arguments }),
            [TERMINATOR, ..] => Err(Fault::Extra),
            _ => Err(Fault::Short),
        }
    }

    /// Its arguments, in order.
    pub fn arguments(&self) -> impl Iterator<Item = &'m [u8]> + use<'m> {
        let mut rest = self.arguments;
        std::iter::from_fn(move || {
            let (text, after) = argument(rest)?;
            rest = after;
            Some(text)
        })
    }
}

/// Writes a message.
///
/// # Errors
/// [`TooLong`] when the arguments do not fit.
pub fn emit<A: AsRef<[u8]>>(
    kind: Kind,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Vec<u8>, TooLong> {
    let mut octets = vec![MAGIC[0], MAGIC[1], kind.octet(), 0];
    let mut count = 0u8;
    for argument in arguments {
        let argument = argument.as_ref();
        let length = u8::try_from(argument.len()).map_err(|_| TooLong)?;
        count = count.checked_add(1).ok_or(TooLong)?;
        octets.push(length);
        octets.extend_from_slice(argument);
        if octets.len() >= MAX {
            return Err(TooLong);
        }
    }
    if let Some(octet) = octets.get_mut(3) {
        *octet = count;
    }
    octets.push(TERMINATOR);
    Ok(octets)
}

/// The first argument, and what follows it.
fn argument(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = octets.split_first()?;
    rest.split_at_checked(length.into())
}

/// Fuzz entry: what parses is written back octet for octet.
pub fn fuzz_nsctl(octets: &[u8]) {
    let Ok(message) = Message::parse(octets) else {
        return;
    };
    assert!(message.arguments().count() <= MAX_ARGUMENTS);
    assert_eq!(emit(message.kind, message.arguments()), Ok(octets.to_vec()));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Exchanged by nsctl and l2tpns 2.4.1.
    const VECTORS: &[(&[u8], Kind, &[&str])] = &[
        (b"\x90\x13\x13\x00\xff", Kind::Help, &[]),
        (
            b"\x90\x13\x14\x02\x04drop\x08joe.user\xff",
            Kind::Control,
            &["drop", "joe.user"],
        ),
        (b"\x90\x13\x21\x00\xff", Kind::Ok, &[]),
        (
            b"\x90\x13\x22\x01\x11session not found\xff",
            Kind::Error,
            &["session not found"],
        ),
        (b"\x90\x13\x11\x01\x06garden\xff", Kind::Load, &["garden"]),
        (b"\x90\x13\x12\x01\x06garden\xff", Kind::Unload, &["garden"]),
        (
            b"\x90\x13\x14\x02\x03foo\x00\xff",
            Kind::Control,
            &["foo", ""],
        ),
    ];

    #[test]
    fn as_on_the_wire() {
        for (octets, kind, arguments) in VECTORS {
            let message = Message::parse(octets).unwrap();
            assert_eq!(message.kind, *kind);
            let read: Vec<&[u8]> = message.arguments().collect();
            let wanted: Vec<&[u8]> = arguments.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(read, wanted);
            assert_eq!(emit(*kind, *arguments).unwrap(), *octets);
        }
    }

    #[test]
    fn faults_have_the_texts_of_nsctl() {
        for (octets, text) in [
            (&b""[..], "short packet"),
            (b"\x90\x13", "short packet"),
            (b"\x90\x13\x21\x00", "short packet"),
            (b"\x90\x13\x21\x00\xfe", "short packet"),
            (b"\x90\x13\x21\x01\x03ABC", "short packet"),
            (b"\x90\x13\x21\x01\x05ABC\xff", "short packet"),
            (b"\x90\x13\x21\x00\xff\x00", "extra data"),
            (b"\x90\x14\x21\x00\xff", "bad magic"),
            (b"\x90\x13\x99\x00\xff", "invalid type"),
        ] {
            assert_eq!(Message::parse(octets).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        assert!(emit(Kind::Control, ["x".repeat(255)]).is_ok());
        assert_eq!(emit(Kind::Control, ["x".repeat(256)]), Err(TooLong));
        assert!(emit(Kind::Control, vec![""; 255]).is_ok());
        assert_eq!(emit(Kind::Control, vec![""; 256]), Err(TooLong));
        let full = emit(
            Kind::Ok,
            [vec!["x".repeat(255); 15], vec!["x".repeat(250)]].concat(),
        );
        assert_eq!(full.map(|octets| octets.len()), Ok(MAX));
        assert_eq!(emit(Kind::Ok, vec!["x".repeat(255); 16]), Err(TooLong));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            kind in 0..6usize,
            arguments in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..256), 0..14),
        ) {
            let octets = emit(Kind::ALL[kind], &arguments).unwrap();
            let message = Message::parse(&octets).unwrap();
            prop_assert_eq!(message.kind, Kind::ALL[kind]);
            prop_assert!(message.arguments().eq(arguments.iter().map(Vec::as_slice)));
            fuzz_nsctl(&octets);
        }

        #[test]
        fn any_octets(mut octets in proptest::collection::vec(any::<u8>(), 0..64), like: bool) {
            if like && octets.len() >= 4 {
                octets[..2].copy_from_slice(&MAGIC);
                octets[2] = Kind::ALL[usize::from(octets[2]) % 6].octet();
                octets[3] %= 5;
            }
            fuzz_nsctl(&octets);
        }
    }
}
