//! The options of a TCP header: maximum segment size (RFC 9293 section 3.7.1), window scale and
//! timestamps (RFC 7323), selective acknowledgements (RFC 2018).

use super::{Tcp, room, u16_at, u32_at};
use crate::ParseError;

const END: u8 = 0;
const NOTHING: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// The blocks of a SACK option: what a receiver holds behind a hole, each from its first sequence
/// number to the one after its last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [(u32, u32); Self::MOST],
    len: u8,
}

impl SackBlocks {
    /// The most blocks that a header has room for, without any other option.
    pub const MOST: usize = 4;

    /// Adds a block; `false` when there are [`SackBlocks::MOST`] already.
    pub fn push(&mut self, left: u32, right: u32) -> bool {
        let Some(place) = self.blocks.get_mut(usize::from(self.len)) else {
            return false;
        };
        *place = (left, right);
        self.len += 1;
        true
    }

    /// The blocks, in the order of the option.
    pub fn as_slice(&self) -> &[(u32, u32)] {
        self.blocks.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// No block at all: there is no such option.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The two fields of a timestamps option (RFC 7323 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpTimestamps {
    /// The sender's clock (TSval).
    pub value: u32,
    /// The clock of the other side that is sent back (TSecr).
    pub echo: u32,
}

/// The options of a header, as values. Unknown ones are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// The longest segment that the sender takes, octets of payload; only with SYN.
    pub mss: Option<u16>,
    /// Clocks.
    pub timestamps: Option<TcpTimestamps>,
    /// By how many bits the sender's windows are shifted; only with SYN. Above 14 means 14
    /// (RFC 7323 section 2.3).
    pub window_scale: Option<u8>,
    /// The sender understands selective acknowledgements; only with SYN.
    pub sack_permitted: bool,
    /// What the sender has received behind a hole.
    pub sack: SackBlocks,
}

impl TcpOptions {
    /// The most octets of options in a header.
    pub const MOST: usize = 40;

    /// The options of a segment.
    ///
    /// # Errors
    /// An option is cut, or has a length that its kind does not allow. Unknown kinds are skipped by
    /// their lengths.
    pub fn parse(segment: &Tcp<'_>) -> Result<Self, ParseError> {
        let mut found = Self::default();
        let mut rest = segment.options();
        while let Some((&kind, behind)) = rest.split_first() {
            match kind {
                END => break,
                NOTHING => {
                    rest = behind;
                    continue;
                }
                _ => {}
            }
            let length = usize::from(behind.first().copied().unwrap_or_default());
            if length < 2 {
                return Err(ParseError::Invalid {
                    what: "TCP option length",
                    value: length as u64,
                    expected: "2 octets or more",
                });
            }
            let (Some(option), Some(behind)) = (rest.get(..length), rest.get(length..)) else {
                return Err(ParseError::Length {
                    what: "TCP option length",
                    claimed: length,
                    have: rest.len(),
                });
            };
            found.take(kind, option)?;
            rest = behind;
        }
        Ok(found)
    }

    /// One option with its kind and length.
    fn take(&mut self, kind: u8, option: &[u8]) -> Result<(), ParseError> {
        let wrong = |expected| {
            Err(ParseError::Invalid {
                what: "TCP option length",
                value: option.len() as u64,
                expected,
            })
        };
        match (kind, option.len()) {
            (MAXIMUM_SEGMENT_SIZE, 4) => self.mss = Some(u16_at(option, 2)),
            (WINDOW_SCALE, 3) => self.window_scale = option.get(2).copied(),
            (SACK_PERMITTED, 2) => self.sack_permitted = true,
            (TIMESTAMPS, 10) => {
                self.timestamps = Some(TcpTimestamps {
                    value: u32_at(option, 2),
                    echo: u32_at(option, 6),
                });
            }
            (SACK, 10 | 18 | 26 | 34) => {
                self.sack = SackBlocks::default();
                for block in option.get(2..).unwrap_or_default().chunks_exact(8) {
                    self.sack.push(u32_at(block, 0), u32_at(block, 4));
                }
            }
            (MAXIMUM_SEGMENT_SIZE, _) => return wrong("4 octets for a maximum segment size"),
            (WINDOW_SCALE, _) => return wrong("3 octets for a window scale"),
            (SACK_PERMITTED, _) => return wrong("2 octets for SACK permitted"),
            (TIMESTAMPS, _) => return wrong("10 octets for timestamps"),
            (SACK, _) => return wrong("10, 18, 26 or 34 octets for SACK blocks"),
            _ => {}
        }
        Ok(())
    }

    /// The octets that [`TcpOptions::emit`] writes: a multiple of four. More than
    /// [`TcpOptions::MOST`] when there are more options than a header holds.
    pub fn octets(&self) -> usize {
        let mut octets = 0;
        if self.mss.is_some() {
            octets += 4;
        }
        if self.timestamps.is_some() {
            octets += 10;
        }
        if self.window_scale.is_some() {
            octets += 3;
        }
        if self.sack_permitted {
            octets += 2;
        }
        if !self.sack.is_empty() {
            octets += 2 + 8 * self.sack.as_slice().len();
        }
        octets.next_multiple_of(4)
    }

    /// Writes the options to the start of `octets`, filled with zeros to a multiple of four.
    ///
    /// # Errors
    /// There are more than a header holds, or fewer octets than [`TcpOptions::octets`].
    pub fn emit(&self, octets: &mut [u8]) -> Result<(), ParseError> {
        let len = self.octets();
        if len > Self::MOST {
            return Err(ParseError::Length {
                what: "TCP options",
                claimed: len,
                have: Self::MOST,
            });
        }
        let mut rest = room("TCP options", octets, len)?;
        if let Some(mss) = self.mss {
            put(&mut rest, &[MAXIMUM_SEGMENT_SIZE, 4]);
            put(&mut rest, &mss.to_be_bytes());
        }
        if let Some(TcpTimestamps { value, echo }) = self.timestamps {
            put(&mut rest, &[TIMESTAMPS, 10]);
            put(&mut rest, &value.to_be_bytes());
            put(&mut rest, &echo.to_be_bytes());
        }
        if let Some(shift) = self.window_scale {
            put(&mut rest, &[WINDOW_SCALE, 3, shift]);
        }
        if self.sack_permitted {
            put(&mut rest, &[SACK_PERMITTED, 2]);
        }
        let blocks = self.sack.as_slice();
        if !blocks.is_empty() {
            put(&mut rest, &[SACK, 2 + 8 * blocks.len() as u8]);
            for (left, right) in blocks {
                put(&mut rest, &left.to_be_bytes());
                put(&mut rest, &right.to_be_bytes());
            }
        }
        rest.fill(END);
        Ok(())
    }
}

/// Moves `octets` to the start of what is left, which then begins behind them.
fn put(rest: &mut &mut [u8], octets: &[u8]) {
    if let Some((to, behind)) = std::mem::take(rest).split_at_mut_checked(octets.len()) {
        to.copy_from_slice(octets);
        *rest = behind;
    }
}

/// Options of a segment come back from what is written of them. For fuzzing, as a part of
/// [`super::fuzz_ip`].
pub(super) fn check(segment: &Tcp<'_>) {
    let Ok(options) = TcpOptions::parse(segment) else {
        return;
    };
    let mut octets = [0xa5; Tcp::MIN_HEADER + TcpOptions::MOST + 1];
    let len = options.octets();
    let end = Tcp::MIN_HEADER + len;
    // Repeated options are kept once, so there are never more than there were.
    assert!(len <= segment.options().len().next_multiple_of(4));
    assert_eq!(options.emit(&mut octets[Tcp::MIN_HEADER..]), Ok(()));
    assert_eq!(octets[end], 0xa5, "written behind the end");
    octets[12] = ((end / 4) as u8) << 4;
    let again = Tcp::parse(&octets).and_then(|tcp| TcpOptions::parse(&tcp));
    assert_eq!(again, Ok(options));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Sum, TcpFlags, TcpRepr};
    use super::*;

    fn parse(options: &[u8]) -> Result<TcpOptions, ParseError> {
        let mut segment = vec![0; 20];
        segment.extend_from_slice(options);
        segment[12] = ((segment.len() / 4) as u8) << 4;
        TcpOptions::parse(&Tcp::parse(&segment).unwrap())
    }

    #[test]
    fn a_syn_of_the_original() {
        // From 44.128.4.4 to 44.128.4.5, with timestamps.
        let expected = [
            0x04, 0x00, 0x00, 0x17, 0x12, 0x34, 0x50, 0x00, 0x00, 0x00, 0x00, 0x00, 0x90, 0x02,
            0x08, 0x00, 0xc5, 0xd5, 0x00, 0x00, 0x02, 0x04, 0x02, 0x00, 0x08, 0x0a, 0x00, 0xab,
            0xcd, 0xef, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        ];
        let options = TcpOptions {
            mss: Some(512),
            timestamps: Some(TcpTimestamps {
                value: 0x00ab_cdef,
                echo: 0,
            }),
            ..TcpOptions::default()
        };
        let mut segment = [0xa5; 36];
        options.emit(&mut segment[20..]).unwrap();
        let header = TcpRepr {
            src_port: 1024,
            dst_port: 23,
            seq: 0x1234_5000,
            ack: 0,
            flags: TcpFlags::SYN,
            window: 2048,
        };
        let pseudo = Sum::new()
            .octets(&[44, 128, 4, 4, 44, 128, 4, 5])
            .u16(6)
            .u16(36);
        header.emit(&mut segment, 16, pseudo).unwrap();
        assert_eq!(segment, expected);
        let tcp = Tcp::parse(&expected).unwrap();
        assert_eq!(TcpOptions::parse(&tcp), Ok(options));
    }

    #[test]
    fn what_other_systems_send() {
        // Linux: MSS, SACK permitted, timestamps, nothing, window scale.
        let syn = [
            2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7,
        ];
        let options = parse(&syn).unwrap();
        assert_eq!(
            (
                options.mss,
                options.window_scale,
                options.sack_permitted,
                options.timestamps
            ),
            (
                Some(1460),
                Some(7),
                true,
                Some(TcpTimestamps { value: 9, echo: 0 })
            )
        );
        // Unknown kinds are passed over; nothing counts behind the end.
        let options = parse(&[253, 4, 9, 9, 34, 2, 0, 2]).unwrap();
        assert_eq!(options, TcpOptions::default());
    }

    #[test]
    fn lengths_that_lie_are_named() {
        for bad in [
            [2, 3, 0, 0],
            [3, 4, 0, 0],
            [4, 3, 0, 0],
            [5, 4, 0, 0],
            [8, 4, 0, 0],
            [9, 1, 0, 0],
            [9, 0, 0, 0],
        ] {
            assert!(matches!(parse(&bad), Err(ParseError::Invalid { .. })));
        }
        assert!(matches!(
            parse(&[1, 1, 1, 2]),
            Err(ParseError::Invalid { .. })
        ));
        assert_eq!(
            parse(&[1, 2, 4, 5]),
            Err(ParseError::Length {
                what: "TCP option length",
                claimed: 4,
                have: 3
            })
        );
    }

    #[test]
    fn too_many_are_refused() {
        let mut options = TcpOptions {
            timestamps: Some(TcpTimestamps { value: 1, echo: 2 }),
            ..TcpOptions::default()
        };
        for at in 0..4 {
            assert!(options.sack.push(at, at + 1));
        }
        assert!(!options.sack.push(9, 10));
        let mut octets = [0xa5; 60];
        assert!(options.emit(&mut octets).is_err());
        options.timestamps = None;
        assert_eq!(options.octets(), 36);
        assert!(options.emit(&mut octets[..35]).is_err());
        options.emit(&mut octets[..36]).unwrap();
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            mss in any::<Option<u16>>(),
            stamps in any::<Option<(u32, u32)>>(),
            window_scale in any::<Option<u8>>(),
            sack_permitted in any::<bool>(),
            blocks in prop::collection::vec(any::<(u32, u32)>(), 0..=4),
        ) {
            let mut options = TcpOptions {
                mss,
                timestamps: stamps.map(|(value, echo)| TcpTimestamps { value, echo }),
                window_scale,
                sack_permitted,
                sack: SackBlocks::default(),
            };
            for (left, right) in blocks {
                options.sack.push(left, right);
            }
            let len = options.octets();
            let mut octets = [0xa5; 60];
            if len > TcpOptions::MOST {
                prop_assert!(options.emit(&mut octets).is_err());
            } else {
                options.emit(&mut octets).unwrap();
                prop_assert_eq!(octets[len], 0xa5);
                prop_assert_eq!(parse(&octets[..len]), Ok(options));
            }
        }
    }
}
