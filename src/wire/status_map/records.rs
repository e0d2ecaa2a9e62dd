//! The records of the sections.

use std::net::Ipv4Addr;

/// States of a link: [`Status::state`].
pub mod state {
    /// No configuration.
    pub const UNCONFIGURED: u8 = 0;
    /// The protocol is down.
    pub const DISCONNECTED: u8 = 1;
    /// The line is there, the protocol not yet up.
    pub const CONNECTING: u8 = 2;
    /// The protocol is up.
    pub const CONNECTED: u8 = 3;
}

/// Bits of [`Channel::flags`].
pub mod channel_flags {
    /// The channel carries data.
    pub const CONNECTED: u8 = 0x01;
    /// The interface is up.
    pub const UP: u8 = 0x02;
}

// Octets of the records.
const STATUS: usize = 344;
const SETTING: usize = 128;
const STATISTIC: usize = 48;
const CHANNEL: usize = 96;
const TRACED: usize = 64;

/// Reads fields one after the other. A record too short gives zeroes.
struct Fields<'r>(&'r [u8]);

impl<'r> Fields<'r> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }

    fn octet(&mut self) -> u8 {
        let [octet] = self.take();
        octet
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    /// Addresses are in the order that people write them.
    fn address(&mut self) -> Ipv4Addr {
        self.take::<4>().into()
    }

    /// A text of at most `octets`, up to the first NUL; what is no UTF-8 is left out from there.
    fn text(&mut self, octets: usize) -> &'r str {
        let (field, rest) = self.0.split_at_checked(octets).unwrap_or((self.0, &[]));
        self.0 = rest;
        let end = field.iter().position(|&octet| octet == 0);
        let field = field.get(..end.unwrap_or(field.len())).unwrap_or_default();
        match str::from_utf8(field) {
            Ok(text) => text,
            Err(error) => field
                .get(..error.valid_up_to())
                .and_then(|valid| str::from_utf8(valid).ok())
                .unwrap_or_default(),
        }
    }
}

/// Fills a record field by field.
struct Filling<'r>(&'r mut [u8]);

impl Filling<'_> {
    fn put(&mut self, octets: &[u8]) {
        let rest = std::mem::take(&mut self.0);
        if let Some((field, rest)) = rest.split_at_mut_checked(octets.len()) {
            field.copy_from_slice(octets);
            self.0 = rest;
        }
    }

    /// A text, cut between two characters when it is too long.
    fn text(&mut self, text: &str, octets: usize) {
        let rest = std::mem::take(&mut self.0);
        if let Some((field, rest)) = rest.split_at_mut_checked(octets) {
            let text = &text.as_bytes()[..text.floor_char_boundary(octets)];
            let (used, spare) = field.split_at_mut(text.len());
            used.copy_from_slice(text);
            spare.fill(0);
            self.0 = rest;
        }
    }
}

/// The state of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status<'m> {
    /// Its name; 16 octets.
    pub device: &'m str,
    /// `FR`, `CHDLC` ...; 16 octets.
    pub protocol: &'m str,
    /// `CPE`, `Node` or `N/A`; 16 octets.
    pub station: &'m str,
    /// The signalling dialect in use, if any; 16 octets.
    pub signalling: &'m str,
    /// See [`state`].
    pub state: u8,
    /// The line has its carrier.
    pub carrier: bool,
    /// The line is unplugged by command.
    pub cut: bool,
    /// Interfaces.
    pub interfaces: u32,
    /// Since when it is in this state, nanoseconds since 1970.
    pub since_ns: u64,
    /// How often the link came up.
    pub link_ups: u64,
    /// Why it is not connected; empty when it is. 256 octets.
    pub reason: &'m str,
}

impl<'m> Status<'m> {
    /// Octets of the record.
    pub const LEN: usize = STATUS;

    /// Reads the record. `None`: it was never written.
    pub fn parse(record: &'m [u8; STATUS]) -> Option<Self> {
        let mut fields = Fields(record);
        let status = Self {
            device: fields.text(16),
            protocol: fields.text(16),
            station: fields.text(16),
            signalling: fields.text(16),
            state: fields.octet(),
            carrier: fields.octet() != 0,
            cut: fields.octet() != 0,
            interfaces: {
                fields.octet();
                fields.u32()
            },
            since_ns: fields.u64(),
            link_ups: fields.u64(),
            reason: fields.text(256),
        };
        (!status.device.is_empty()).then_some(status)
    }

    /// The octets of the record.
    pub fn octets(&self) -> [u8; STATUS] {
        let mut record = [0; STATUS];
        let mut filling = Filling(&mut record);
        for text in [self.device, self.protocol, self.station, self.signalling] {
            filling.text(text, 16);
        }
        filling.put(&[self.state, self.carrier.into(), self.cut.into(), 0]);
        filling.put(&self.interfaces.to_le_bytes());
        filling.put(&self.since_ns.to_le_bytes());
        filling.put(&self.link_ups.to_le_bytes());
        filling.text(self.reason, 256);
        record
    }
}

/// A key of the configuration and its value, as in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting<'m> {
    /// The key; 24 octets.
    pub key: &'m str,
    /// The value; 104 octets.
    pub value: &'m str,
}

impl<'m> Setting<'m> {
    /// Octets of the record.
    pub const LEN: usize = SETTING;

    /// Reads the record.
    pub fn parse(record: &'m [u8; SETTING]) -> Self {
        let mut fields = Fields(record);
        Self {
            key: fields.text(24),
            value: fields.text(104),
        }
    }

    /// The octets of the record.
    pub fn octets(&self) -> [u8; SETTING] {
        let mut record = [0; SETTING];
        let mut filling = Filling(&mut record);
        filling.text(self.key, 24);
        filling.text(self.value, 104);
        record
    }
}

/// A counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistic<'m> {
    /// Its group: `line`, `management`, or the protocol; 16 octets.
    pub group: &'m str,
    /// Its name; 24 octets.
    pub name: &'m str,
    /// Its value.
    pub value: u64,
}

impl<'m> Statistic<'m> {
    /// Octets of the record.
    pub const LEN: usize = STATISTIC;

    /// Reads the record.
    pub fn parse(record: &'m [u8; STATISTIC]) -> Self {
        let mut fields = Fields(record);
        Self {
            group: fields.text(16),
            name: fields.text(24),
            value: fields.u64(),
        }
    }

    /// The octets of the record.
    pub fn octets(&self) -> [u8; STATISTIC] {
        let mut record = [0; STATISTIC];
        let mut filling = Filling(&mut record);
        filling.text(self.group, 16);
        filling.text(self.name, 24);
        filling.put(&self.value.to_le_bytes());
        record
    }
}

/// A channel and its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel<'m> {
    /// The interface; 16 octets.
    pub interface: &'m str,
    /// The mode, `WANPIPE`, cut to 12 octets.
    pub usage: &'m str,
    /// The DLCI; 0 without one.
    pub dlci: u16,
    /// See [`channel_flags`].
    pub flags: u8,
    /// The IPv4 address; unspecified without one.
    pub address: Ipv4Addr,
    /// The peer's address; unspecified when it is not known.
    pub peer: Ipv4Addr,
    /// Packets received.
    pub rx_packets: u64,
    /// Their octets.
    pub rx_octets: u64,
    /// Received packets dropped.
    pub rx_dropped: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Their octets.
    pub tx_octets: u64,
    /// Packets to send dropped.
    pub tx_dropped: u64,
}

impl<'m> Channel<'m> {
    /// Octets of the record.
    pub const LEN: usize = CHANNEL;

    /// Reads the record.
    pub fn parse(record: &'m [u8; CHANNEL]) -> Self {
        let mut fields = Fields(record);
        Self {
            interface: fields.text(16),
            usage: fields.text(12),
            dlci: fields.u16(),
            flags: fields.octet(),
            address: {
                fields.octet();
                fields.address()
            },
            peer: fields.address(),
            rx_packets: {
                fields.u64();
                fields.u64()
            },
            rx_octets: fields.u64(),
            rx_dropped: fields.u64(),
            tx_packets: fields.u64(),
            tx_octets: fields.u64(),
            tx_dropped: fields.u64(),
        }
    }

    /// The octets of the record.
    pub fn octets(&self) -> [u8; CHANNEL] {
        let mut record = [0; CHANNEL];
        let mut filling = Filling(&mut record);
        filling.text(self.interface, 16);
        filling.text(self.usage, 12);
        filling.put(&self.dlci.to_le_bytes());
        filling.put(&[self.flags, 0]);
        filling.put(&self.address.octets());
        filling.put(&self.peer.octets());
        filling.put(&[0; 8]);
        for counter in [
            self.rx_packets,
            self.rx_octets,
            self.rx_dropped,
            self.tx_packets,
            self.tx_octets,
            self.tx_dropped,
        ] {
            filling.put(&counter.to_le_bytes());
        }
        record
    }
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the line.
    Incoming,
    /// To the line.
    Outgoing,
}

/// The beginning of a frame that passed the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traced<'m> {
    /// Its number, from 1 in the order of passing.
    pub number: u64,
    /// When it passed, nanoseconds since 1970.
    pub time_ns: u64,
    /// Octets of the whole frame without FCS; 65535 for more.
    pub length: u16,
    /// Which way it went.
    pub direction: Direction,
    /// Its first octets, at most [`Traced::OCTETS`].
    pub octets: &'m [u8],
}

impl<'m> Traced<'m> {
    /// Octets of the record.
    pub const LEN: usize = TRACED;
    /// Octets of a frame that are kept.
    pub const OCTETS: usize = 44;

    /// Reads the record. `None`: it is empty, or just being written.
    pub fn parse(record: &'m [u8; TRACED]) -> Option<Self> {
        let (head, kept) = record.split_first_chunk::<20>()?;
        let mut fields = Fields(head);
        let number = fields.u64();
        let time_ns = fields.u64();
        let length = fields.u16();
        let direction = match fields.octet() {
            0 => Direction::Incoming,
            _ => Direction::Outgoing,
        };
        let count = usize::from(fields.octet()).min(Self::OCTETS);
        (number != 0).then_some(Self {
            number,
            time_ns,
            length,
            direction,
            octets: kept.get(..count)?,
        })
    }

    /// The octets of the record.
    pub fn octets(&self) -> [u8; TRACED] {
        let mut record = [0; TRACED];
        let kept = self.octets.get(..Self::OCTETS).unwrap_or(self.octets);
        let mut filling = Filling(&mut record);
        filling.put(&self.number.to_le_bytes());
        filling.put(&self.time_ns.to_le_bytes());
        filling.put(&self.length.to_le_bytes());
        let outgoing = self.direction == Direction::Outgoing;
        filling.put(&[outgoing.into(), kept.len() as u8]);
        filling.put(kept);
        record
    }
}
