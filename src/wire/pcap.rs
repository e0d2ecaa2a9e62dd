//! The pcap savefile format, version 2.4 (draft-ietf-opsawg-pcap).
//!
//! A 24-octet file header, then records with a 16-octet header each. Files are written
//! little-endian; both byte orders are read.

use std::time::Duration;

use crate::ParseError;

/// The link types that wanbox writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// PPP, 9.
    Ppp,
    /// PPP in HDLC-like framing: frames begin with FF 03 unless that was agreed away, 50.
    PppHdlc,
    /// Cisco HDLC: frames begin with the address octet 0F or 8F, 104.
    CiscoHdlc,
    /// Frame Relay: frames begin with the Q.922 address, 107.
    FrameRelay,
    /// LAPB behind an octet with the direction: 0 received, 1 sent; 207.
    Lapb,
    /// Another one, by its number.
    Other(u32),
}

impl LinkType {
    /// Its number in the file header.
    pub const fn number(self) -> u32 {
        match self {
            Self::Ppp => 9,
            Self::PppHdlc => 50,
            Self::CiscoHdlc => 104,
            Self::FrameRelay => 107,
            Self::Lapb => 207,
            Self::Other(number) => number,
        }
    }

    /// The link type with this number.
    pub const fn from_number(number: u32) -> Self {
        match number {
            9 => Self::Ppp,
            50 => Self::PppHdlc,
            104 => Self::CiscoHdlc,
            107 => Self::FrameRelay,
            207 => Self::Lapb,
            other => Self::Other(other),
        }
    }
}

/// The unit of the second half of time stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// Microseconds: every reader understands it.
    Micros,
    /// Nanoseconds.
    Nanos,
}

impl Resolution {
    const fn magic(self) -> u32 {
        match self {
            Self::Micros => 0xA1B2_C3D4,
            Self::Nanos => 0xA1B2_3C4D,
        }
    }

    const fn nanos(self) -> u32 {
        match self {
            Self::Micros => 1000,
            Self::Nanos => 1,
        }
    }
}

/// The longest frame that is kept whole unless told otherwise, octets.
pub const DEFAULT_SNAPLEN: u32 = 65535;

/// The header of a file, and how records under it are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// What the frames are.
    pub link_type: LinkType,
    /// Unit of time stamps.
    pub resolution: Resolution,
    /// Frames are cut to this length, octets.
    pub snaplen: u32,
}

impl FileHeader {
    /// Octets of a file header.
    pub const LEN: usize = 24;
    /// Octets of a record header.
    pub const RECORD: usize = 16;

    /// A file of this link type, microseconds, frames kept up to [`DEFAULT_SNAPLEN`].
    pub const fn new(link_type: LinkType) -> Self {
        Self {
            link_type,
            resolution: Resolution::Micros,
            snaplen: DEFAULT_SNAPLEN,
        }
    }

    /// The octets at the head of the file.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut octets = [0; Self::LEN];
        let words = [
            self.resolution.magic(),
            // Major version 2 in the low half, minor 4 in the high half.
            0x0004_0002,
            0,
            0,
            self.snaplen,
            self.link_type.number(),
        ];
        for (chunk, word) in octets.chunks_exact_mut(4).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        octets
    }

    /// Appends a record to `buffer`: `frame`, cut to the snap length, captured at `time` after
    /// 1970 (times beyond the 32-bit field stay at its end).
    pub fn append(&self, time: Duration, frame: &[u8], buffer: &mut Vec<u8>) {
        self.append_cut(time, &[], frame, frame.len(), buffer);
    }

    /// The same of a frame with `head` before it that was `length` octets long on the line, of
    /// which some may be cut already.
    pub fn append_cut(
        &self,
        time: Duration,
        head: &[u8],
        frame: &[u8],
        length: usize,
        buffer: &mut Vec<u8>,
    ) {
        let kept = usize::try_from(self.snaplen)
            .ok()
            .and_then(|limit| frame.get(..limit.saturating_sub(head.len())))
            .unwrap_or(frame);
        let [kept_length, length] = [kept.len(), length.max(frame.len())]
            .map(|length| u32::try_from(head.len() + length).unwrap_or(u32::MAX));
        let words = [
            u32::try_from(time.as_secs()).unwrap_or(u32::MAX),
            time.subsec_nanos() / self.resolution.nanos(),
            kept_length,
            length,
        ];
        buffer.reserve(Self::RECORD + head.len() + kept.len());
        for word in words {
            buffer.extend_from_slice(&word.to_le_bytes());
        }
        buffer.extend_from_slice(head);
        buffer.extend_from_slice(kept);
    }
}

/// A record of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When the frame was captured, after 1970.
    pub time: Duration,
    /// The length of the frame on the line, octets.
    pub original_length: u32,
    /// The frame, perhaps cut.
    pub frame: &'a [u8],
}

/// Reads a whole file. An error is the last item.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    header: FileHeader,
    big_endian: bool,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads the file header.
    ///
    /// # Errors
    /// `Truncated` below 24 octets, `Invalid` when magic number or version are not those of pcap.
    pub fn new(file: &'a [u8]) -> Result<Self, ParseError> {
        let Some((head, rest)) = file.split_at_checked(FileHeader::LEN) else {
            return Err(ParseError::Truncated {
                what: "pcap file header",
                need: FileHeader::LEN,
                have: file.len(),
            });
        };
        let magic = word(head, 0, false);
        let (resolution, big_endian) = [Resolution::Micros, Resolution::Nanos]
            .into_iter()
            .flat_map(|r| [(r, false), (r, true)])
            .find(|&(r, big)| word(head, 0, big) == r.magic())
            .ok_or(ParseError::Invalid {
                what: "pcap magic number",
                value: magic.into(),
                expected: "a1b2c3d4 or a1b23c4d",
            })?;
        let version = word(head, 4, big_endian);
        let expected = if big_endian { 0x0002_0004 } else { 0x0004_0002 };
        if version != expected {
            return Err(ParseError::Invalid {
                what: "pcap version",
                value: version.into(),
                expected: "2.4",
            });
        }
        Ok(Self {
            header: FileHeader {
                link_type: LinkType::from_number(word(head, 20, big_endian)),
                resolution,
                snaplen: word(head, 16, big_endian),
            },
            big_endian,
            rest,
        })
    }

    /// The header of the file.
    pub fn header(&self) -> FileHeader {
        self.header
    }

    fn take(&mut self) -> Result<Record<'a>, ParseError> {
        let have = self.rest.len();
        let Some((head, rest)) = self.rest.split_at_checked(FileHeader::RECORD) else {
            return Err(ParseError::Truncated {
                what: "pcap record header",
                need: FileHeader::RECORD,
                have,
            });
        };
        let big = self.big_endian;
        let claimed = word(head, 8, big) as usize;
        let Some((frame, rest)) = rest.split_at_checked(claimed) else {
            return Err(ParseError::Length {
                what: "pcap record",
                claimed,
                have: rest.len(),
            });
        };
        let fraction = word(head, 4, big);
        let unit = self.header.resolution.nanos();
        if fraction >= 1_000_000_000 / unit {
            return Err(ParseError::Invalid {
                what: "pcap time stamp",
                value: fraction.into(),
                expected: "less than a second",
            });
        }
        self.rest = rest;
        Ok(Record {
            time: Duration::new(word(head, 0, big).into(), fraction * unit),
            original_length: word(head, 12, big),
            frame,
        })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Record<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = self.take();
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}

fn word(octets: &[u8], offset: usize, big_endian: bool) -> u32 {
    octets
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |chunk| {
            if big_endian {
                u32::from_be_bytes(*chunk)
            } else {
                u32::from_le_bytes(*chunk)
            }
        })
}

/// Fuzz target: what is read takes no more octets than the file has, and writes back to a file
/// that reads the same.
pub fn fuzz_pcap(input: &[u8]) {
    let Ok(reader) = Reader::new(input) else {
        return;
    };
    let header = FileHeader {
        snaplen: u32::MAX,
        ..reader.header()
    };
    let records: Vec<_> = reader.flatten().collect();
    let total: usize = records
        .iter()
        .map(|r| FileHeader::RECORD + r.frame.len())
        .sum();
    assert!(FileHeader::LEN + total <= input.len());
    let mut copy = header.encode().to_vec();
    for record in &records {
        header.append(record.time, record.frame, &mut copy);
    }
    let again: Vec<_> = Reader::new(&copy).into_iter().flatten().flatten().collect();
    assert_eq!(again.len(), records.len());
    for (a, b) in again.iter().zip(&records) {
        assert_eq!((a.time, a.frame), (b.time, b.frame));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn file_as_others_write_it() {
        let header = FileHeader::new(LinkType::FrameRelay);
        let mut file = header.encode().to_vec();
        header.append(Duration::new(5, 7_999), &[0, 1, 3], &mut file);
        #[rustfmt::skip]
        assert_eq!(file, [
            0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 107, 0, 0, 0,
            5, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 0, 1, 3,
        ]);
        assert_eq!(LinkType::CiscoHdlc.number(), 104);
    }

    #[test]
    fn big_endian_nanoseconds_are_read() {
        let mut file = vec![0xA1, 0xB2, 0x3C, 0x4D, 0, 2, 0, 4];
        file.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 104]);
        file.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9, 0x8F]);
        let mut reader = Reader::new(&file).unwrap();
        assert_eq!(reader.header().link_type, LinkType::CiscoHdlc);
        let record = reader.next().unwrap().unwrap();
        assert_eq!(record.time, Duration::new(1, 2));
        assert_eq!((record.original_length, record.frame), (9, &[0x8F][..]));
        assert!(reader.next().is_none());
        file.pop();
        let mut reader = Reader::new(&file).unwrap();
        assert!(matches!(
            reader.next(),
            Some(Err(ParseError::Length {
                claimed: 1,
                have: 0,
                ..
            }))
        ));
        assert!(reader.next().is_none());
    }

    #[test]
    fn what_is_no_pcap_is_refused() {
        assert!(Reader::new(b"not a pcap").is_err());
        assert!(Reader::new(&[0; 24]).is_err());
        let mut file = FileHeader::new(LinkType::Ppp).encode();
        file[4] = 3;
        assert!(matches!(
            Reader::new(&file),
            Err(ParseError::Invalid {
                what: "pcap version",
                ..
            })
        ));
    }

    proptest! {
        #[test]
        fn reads_what_it_wrote(
            snaplen in 0..40u32,
            nanos: bool,
            number: u32,
            frames in proptest::collection::vec(
                (0..4_000_000_000u64, 0..1_000_000_000u32, proptest::collection::vec(any::<u8>(), 0..60)),
                0..6,
            ),
        ) {
            let resolution = if nanos { Resolution::Nanos } else { Resolution::Micros };
            let header = FileHeader { link_type: LinkType::from_number(number), resolution, snaplen };
            prop_assert_eq!(header.link_type.number(), number);
            let mut file = header.encode().to_vec();
            for (seconds, nanos, frame) in &frames {
                header.append(Duration::new(*seconds, *nanos), frame, &mut file);
            }
            let reader = Reader::new(&file).unwrap();
            prop_assert_eq!(reader.header(), header);
            let records: Vec<_> = reader.map(Result::unwrap).collect();
            prop_assert_eq!(records.len(), frames.len());
            for (record, (seconds, nanos, frame)) in records.iter().zip(&frames) {
                let unit = resolution.nanos();
                prop_assert_eq!(record.time, Duration::new(*seconds, nanos / unit * unit));
                prop_assert_eq!(record.original_length as usize, frame.len());
                let kept = frame.len().min(snaplen as usize);
                prop_assert_eq!(record.frame, &frame[..kept]);
            }
            fuzz_pcap(&file);
            fuzz_pcap(&file[..file.len() - file.len() / 7]);
        }

        #[test]
        fn hostile_files_do_no_harm(mut file in proptest::collection::vec(any::<u8>(), 0..200)) {
            let head = FileHeader::new(LinkType::FrameRelay).encode();
            if file.first().is_some_and(|x| x % 2 == 0) {
                file.splice(0..0, head);
            }
            fuzz_pcap(&file);
        }
    }
}
