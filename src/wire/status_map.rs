//! The file in which `wanpiped` keeps the state of a device for whoever reads it, such as
//! `sdladump`: status, configuration, statistics, channels and the newest frames.
//!
//! Numbers are little-endian. `man/wanstatus.5` has the same for people. A reader takes the
//! sections' places from the table, not from the constants here. Parsing never panics.
//!
//! The generation is odd while the daemon writes: what was read between two looks at the same
//! even generation is of one moment. The frames of the trace are written at any time, each with
//! its number first cleared and set again last.

use crate::ParseError;

mod records;

pub use records::{Channel, Direction, Setting, Statistic, Status, Traced, channel_flags, state};

/// How the file begins.
pub const MAGIC: [u8; 8] = *b"WBSTATUS";
/// The version of the layout.
pub const VERSION: u16 = 1;
/// Octets of the header.
pub const HEADER: usize = 64;
/// Octets of an entry of the section table, which follows the header.
pub const ENTRY: usize = 24;
/// Where the generation is.
pub const GENERATION: usize = 16;
/// Octets of the whole file.
pub const SIZE: usize = 63_488;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One [`Status`].
    Status,
    /// [`Setting`]s, as many as are in use.
    Configuration,
    /// [`Statistic`]s.
    Statistics,
    /// [`Channel`]s.
    Channels,
    /// A ring of [`Traced`] frames, in no order: their numbers give it.
    Trace,
    /// One that this version does not know.
    Other(u16),
}

impl From<u16> for Kind {
    fn from(number: u16) -> Self {
        match number {
            1 => Self::Status,
            2 => Self::Configuration,
            3 => Self::Statistics,
            4 => Self::Channels,
            5 => Self::Trace,
            other => Self::Other(other),
        }
    }
}

impl From<Kind> for u16 {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Status => 1,
            Kind::Configuration => 2,
            Kind::Statistics => 3,
            Kind::Channels => 4,
            Kind::Trace => 5,
            Kind::Other(other) => other,
        }
    }
}

impl Kind {
    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Configuration => "configuration",
            Self::Statistics => "statistics",
            Self::Channels => "channels",
            Self::Trace => "trace",
            Self::Other(_) => "other",
        }
    }
}

/// Where a section is and how much of it is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it holds.
    pub kind: Kind,
    /// Octets of one record.
    pub record: u16,
    /// Its place in the file, octets.
    pub offset: u32,
    /// Octets that it may use.
    pub length: u32,
    /// Records in use.
    pub used: u32,
    /// Records that there was no room for.
    pub omitted: u32,
}

impl Section {
    const fn new(kind: Kind, record: usize, offset: usize, records: usize) -> Self {
        Self {
            kind,
            record: record as u16,
            offset: offset as u32,
            length: (record * records) as u32,
            used: 0,
            omitted: 0,
        }
    }

    /// Records that it has room for.
    pub fn capacity(&self) -> usize {
        match self.record {
            0 => 0,
            record => self.length as usize / usize::from(record),
        }
    }

    /// Reads an entry of the table.
    fn parse(octets: &[u8; ENTRY]) -> Self {
        let &[
            k0,
            k1,
            r0,
            r1,
            o0,
            o1,
            o2,
            o3,
            l0,
            l1,
            l2,
            l3,
            u0,
            u1,
            u2,
            u3,
            m0,
            m1,
            m2,
            m3,
            ..,
        ] = octets;
        Self {
            kind: u16::from_le_bytes([k0, k1]).into(),
            record: u16::from_le_bytes([r0, r1]),
            offset: u32::from_le_bytes([o0, o1, o2, o3]),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            used: u32::from_le_bytes([u0, u1, u2, u3]),
            omitted: u32::from_le_bytes([m0, m1, m2, m3]),
        }
    }

    /// The octets of its entry in the table.
    pub fn octets(&self) -> [u8; ENTRY] {
        let [k0, k1] = u16::from(self.kind).to_le_bytes();
        let [r0, r1] = self.record.to_le_bytes();
        let [o0, o1, o2, o3] = self.offset.to_le_bytes();
        let [l0, l1, l2, l3] = self.length.to_le_bytes();
        let [u0, u1, u2, u3] = self.used.to_le_bytes();
        let [m0, m1, m2, m3] = self.omitted.to_le_bytes();
        [
            k0, k1, r0, r1, o0, o1, o2, o3, l0, l1, l2, l3, u0, u1, u2, u3, m0, m1, m2, m3, 0, 0,
            0, 0,
        ]
    }
}

/// The sections of this version, in the order of the table.
pub const SECTIONS: [Section; 5] = [
    Section::new(Kind::Status, Status::LEN, 256, 1),
    Section::new(Kind::Configuration, Setting::LEN, 1024, 24),
    Section::new(Kind::Statistics, Statistic::LEN, 4096, 128),
    Section::new(Kind::Channels, Channel::LEN, 10_240, 384),
    Section::new(Kind::Trace, Traced::LEN, 47_104, 256),
];

/// What the header says, beside what is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Odd: being written.
    pub generation: u64,
    /// The daemon's process id.
    pub pid: u32,
    /// Octets of the file.
    pub size: u32,
    /// Entries of the section table.
    pub sections: u16,
    /// When the daemon started, nanoseconds since 1970.
    pub started_ns: u64,
    /// When the sections but the trace were written last, nanoseconds since 1970.
    pub updated_ns: u64,
}

impl Header {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ParseError::Truncated`], and [`ParseError::Invalid`] for another beginning or version.
    pub fn parse(file: &[u8]) -> Result<Self, ParseError> {
        let Some(octets) = file.first_chunk::<HEADER>() else {
            return Err(ParseError::Truncated {
                what: "status map header",
                need: HEADER,
                have: file.len(),
            });
        };
        let mut words = octets.as_chunks().0.iter().copied().map(u64::from_le_bytes);
        let mut next = || words.next().unwrap_or(0);
        let magic = next();
        if magic != u64::from_le_bytes(MAGIC) {
            return Err(ParseError::Invalid {
                what: "status map magic",
                value: magic,
                expected: "WBSTATUS",
            });
        }
        let fixed = next();
        let version = fixed as u16;
        if version != VERSION {
            return Err(ParseError::Invalid {
                what: "status map version",
                value: version.into(),
                expected: "1",
            });
        }
        let generation = next();
        let processes = next();
        Ok(Self {
            generation,
            pid: processes as u32,
            size: (fixed >> 32) as u32,
            sections: (fixed >> 16) as u16,
            started_ns: next(),
            updated_ns: next(),
        })
    }

    /// The octets of the header.
    pub fn octets(&self) -> [u8; HEADER] {
        let mut octets = [0; HEADER];
        let fixed =
            u64::from(VERSION) | u64::from(self.sections) << 16 | u64::from(self.size) << 32;
        let words = [
            u64::from_le_bytes(MAGIC),
            fixed,
            self.generation,
            self.pid.into(),
            self.started_ns,
            self.updated_ns,
        ];
        for (place, word) in octets.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        octets
    }
}

/// A file whose header and table are right.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    file: &'m [u8],
    /// The header.
    pub header: Header,
}

impl<'m> View<'m> {
    /// Checks the header and every section's place.
    ///
    /// # Errors
    /// As [`Header::parse`]; [`ParseError::Length`] when the file is shorter than it says, or a
    /// section lies outside it or has more in use than it has room for.
    pub fn new(file: &'m [u8]) -> Result<Self, ParseError> {
        let header = Header::parse(file)?;
        let out = |what, claimed, have| ParseError::Length {
            what,
            claimed,
            have,
        };
        if header.size as usize > file.len() {
            return Err(out("status map size", header.size as usize, file.len()));
        }
        let view = Self { file, header };
        let table = HEADER + usize::from(header.sections) * ENTRY;
        if table > file.len() {
            return Err(out("status map table", table, file.len()));
        }
        for section in view.sections() {
            let end = section.offset as usize + section.length as usize;
            if end > file.len() {
                return Err(out("status map section", end, file.len()));
            }
            if section.used as usize > section.capacity() {
                let have = section.capacity();
                return Err(out("status map records", section.used as usize, have));
            }
        }
        Ok(view)
    }

    /// The sections, in the order of the table.
    pub fn sections(&self) -> impl Iterator<Item = Section> + use<'m> {
        let table = self.file.get(HEADER..).unwrap_or_default();
        let entries = table.as_chunks().0.iter().map(Section::parse);
        entries.take(self.header.sections.into())
    }

    /// The section of a kind.
    pub fn section(&self, kind: Kind) -> Option<Section> {
        self.sections().find(|section| section.kind == kind)
    }

    /// The records in use of a kind, each at least `len` octets long.
    fn records(&self, kind: Kind, len: usize) -> impl Iterator<Item = &'m [u8]> + use<'m> {
        let section = self.section(kind);
        let section = section.filter(|section| usize::from(section.record) >= len);
        let (octets, record, used) = section.map_or((&[][..], 1, 0), |section| {
            let start = section.offset as usize;
            let octets = self.file.get(start..start + section.length as usize);
            let record = usize::from(section.record).max(1);
            (octets.unwrap_or_default(), record, section.used as usize)
        });
        octets.chunks_exact(record).take(used)
    }

    /// The status.
    pub fn status(&self) -> Option<Status<'m>> {
        let record = self.records(Kind::Status, Status::LEN).next()?;
        Status::parse(record.first_chunk()?)
    }

    /// The configuration.
    pub fn configuration(&self) -> impl Iterator<Item = Setting<'m>> + use<'m> {
        self.records(Kind::Configuration, Setting::LEN)
            .filter_map(|record| Some(Setting::parse(record.first_chunk()?)))
    }

    /// The statistics.
    pub fn statistics(&self) -> impl Iterator<Item = Statistic<'m>> + use<'m> {
        self.records(Kind::Statistics, Statistic::LEN)
            .filter_map(|record| Some(Statistic::parse(record.first_chunk()?)))
    }

    /// The channels.
    pub fn channels(&self) -> impl Iterator<Item = Channel<'m>> + use<'m> {
        self.records(Kind::Channels, Channel::LEN)
            .filter_map(|record| Some(Channel::parse(record.first_chunk()?)))
    }

    /// The newest frames, in no order. Frames that are just being written are left out.
    pub fn trace(&self) -> impl Iterator<Item = Traced<'m>> + use<'m> {
        self.records(Kind::Trace, Traced::LEN)
            .filter_map(|record| Traced::parse(record.first_chunk()?))
    }
}

/// Fuzz entry: whatever the file says, all of it can be read, and what is read lies inside.
pub fn fuzz_status_map(file: &[u8]) {
    let Ok(view) = View::new(file) else {
        return;
    };
    for section in view.sections() {
        assert!(section.offset as usize + section.length as usize <= file.len());
        assert_eq!(Section::parse(&section.octets()), section);
    }
    if let Some(status) = view.status() {
        assert_eq!(Status::parse(&status.octets()), Some(status));
    }
    for setting in view.configuration() {
        assert_eq!(Setting::parse(&setting.octets()), setting);
    }
    for statistic in view.statistics() {
        assert_eq!(Statistic::parse(&statistic.octets()), statistic);
    }
    for channel in view.channels() {
        assert_eq!(Channel::parse(&channel.octets()), channel);
    }
    for traced in view.trace() {
        assert!(traced.octets.len() <= Traced::OCTETS);
        assert_eq!(Traced::parse(&traced.octets()), Some(traced));
    }
}

#[cfg(test)]
mod tests;
