//! Van Jacobson's compression of TCP/IP headers (RFC 1144), for PPP (RFC 1332 section 4) and SLIP.
//!
//! A [`Compressor`] and the [`Decompressor`] at the other end keep the last header of each of some
//! connections in slots, and what passes between them is mostly what changed. The headers alone are
//! made and restored here: data stays where it is.
//!
//! # What is guaranteed
//!
//! As long as every frame arrives and in order, what comes out is what went in, octet by octet.
//! Packets that the format cannot say are left as they are ([`Kind::Ip`]): anything but TCP over
//! IPv4, fragments, connections being opened or closed, and packets whose IP header is not right.
//!
//! After a lost frame later headers of the same connection are wrong, until a packet comes with
//! its whole header: data that is sent again does. The TCP checksum of the sender's host comes along
//! and is not computed anew, so that the receiving host finds the error as it finds any other. It
//! does not where the changes that were lost cancel each other in that sum: by chance one in 65535
//! times; and where only an acknowledgement went up by what the window went down, which leaves a
//! header that was true before. What the sum does not cover may be that of an older packet of the
//! connection: identification, type of service, the flag DF, time to live and options of IP. When a
//! frame is known to be lost ([`Decompressor::line_error`]), packets that do not name their
//! connection are thrown away, for they could be of another.

mod compressor;
mod decompressor;
#[cfg(test)]
mod tests;

pub use compressor::{Compressor, CompressorStats, Head};
pub use decompressor::{Decompressor, DecompressorStats, Error};

use wanbox_wire::ip::{Ipv4, Sum, Tcp, TcpFlags, protocol};

/// How a packet passes: the protocols 0021, 002F and 002D of PPP, the types 4, 7 and 8 of SLIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// As it is.
    Ip,
    /// With its whole header, but the slot in the place of its protocol.
    Uncompressed,
    /// With a [`wanbox_wire::vj::Header`].
    Compressed,
}

/// The longest header of IPv4 and TCP, octets.
const MAX_HEADER: usize = 60 + 60;
/// Where an IPv4 header has its total length, ...
const TOTAL: usize = 2;
/// ... its identification, ...
const IDENT: usize = 4;
/// ... its flags and fragment offset, ...
const FRAGMENT: usize = 6;
/// ... its protocol, ...
const PROTOCOL: usize = 9;
/// ... its checksum, ...
const IP_CHECKSUM: usize = 10;
/// ... its addresses ...
const ADDRESSES: usize = 12;
/// ... and its options; and where a TCP header has its sequence number, ...
const OPTIONS: usize = 20;
const SEQ: usize = 4;
/// ... its acknowledgement, ...
const ACK: usize = 8;
/// ... its length and reserved bits, ...
const OFFSET: usize = 12;
/// ... its flags, ...
const FLAGS: usize = 13;
/// ... its window, ...
const WINDOW: usize = 14;
/// ... its checksum ...
const CHECKSUM: usize = 16;
/// ... and its urgent pointer.
const URGENT: usize = 18;

/// The flags that a compressed header tells of.
const TOLD: u8 = TcpFlags::PSH.0 | TcpFlags::URG.0;

/// The header of the last packet of a connection: IPv4 and TCP, each with its options.
#[derive(Clone, Debug)]
struct Saved {
    octets: [u8; MAX_HEADER],
    /// 0: none yet.
    len: u8,
    /// Of these, the IPv4 header's.
    ip_len: u8,
}

impl Saved {
    const EMPTY: Self = Self {
        octets: [0; MAX_HEADER],
        len: 0,
        ip_len: 0,
    };

    const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Notes the headers of a packet.
    fn save(&mut self, ip: &[u8], tcp: &[u8]) {
        for (to, from) in self.octets.iter_mut().zip(ip.iter().chain(tcp)) {
            *to = *from;
        }
        // At most 60 each, by their length fields.
        self.len = (ip.len() + tcp.len()) as u8;
        self.ip_len = ip.len() as u8;
    }

    fn header(&self) -> &[u8] {
        self.octets.get(..self.len.into()).unwrap_or_default()
    }

    fn ip(&self) -> &[u8] {
        self.octets.get(..self.ip_len.into()).unwrap_or_default()
    }

    fn tcp(&self) -> &[u8] {
        self.header().get(self.ip_len.into()..).unwrap_or_default()
    }

    /// Octets of data in the packet.
    fn data_len(&self) -> u16 {
        u16_at(self.ip(), TOTAL).wrapping_sub(self.len.into())
    }

    fn flags(&self) -> TcpFlags {
        TcpFlags(u8_at(self.tcp(), FLAGS))
    }

    /// Writes into the IPv4 header.
    fn put_ip(&mut self, at: usize, value: &[u8]) {
        put(&mut self.octets, at, value);
    }

    /// Writes into the TCP header.
    fn put_tcp(&mut self, at: usize, value: &[u8]) {
        put(&mut self.octets, usize::from(self.ip_len) + at, value);
    }
}

fn put(octets: &mut [u8], at: usize, value: &[u8]) {
    if let Some(field) = octets.get_mut(at..at + value.len()) {
        field.copy_from_slice(value);
    }
}

fn u8_at(octets: &[u8], at: usize) -> u8 {
    octets.get(at).copied().unwrap_or_default()
}

fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([u8_at(octets, at), u8_at(octets, at + 1)])
}

fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from(u16_at(octets, at)) << 16 | u32::from(u16_at(octets, at + 2))
}

/// Two ends and any octets: what one end compresses comes out of the other as it was, and an end
/// that is fed with the octets themselves makes nothing but whole headers. For fuzzing and replayed
/// tests.
pub fn fuzz_vj(input: &[u8]) {
    let Some((&setup, mut input)) = input.split_first() else {
        return;
    };
    let max_slot = setup & 7;
    let mut compressor = Compressor::new(max_slot, setup & 8 == 0);
    let mut near = Decompressor::new(max_slot);
    let mut hostile = Decompressor::new(max_slot);
    let (mut head, mut restored) = (Vec::new(), Vec::new());
    // A step: what to do; the length of the octets; the octets.
    while let [step, len, rest @ ..] = input {
        let (octets, behind) = rest
            .split_at_checked(usize::from(*len))
            .unwrap_or((rest, &[]));
        input = behind;
        let kind = match step & 3 {
            0 => {
                let mut packet = octets.to_vec();
                if step & 4 == 0 {
                    make_right(&mut packet);
                }
                head.clear();
                let made = compressor.compress(&packet, &mut head);
                head.extend_from_slice(packet.get(made.replaces..).unwrap_or_default());
                assert!(head.len() <= packet.len());
                restored.clear();
                let Ok(data) = near.decompress(made.kind, &head, &mut restored) else {
                    unreachable!("nothing was lost");
                };
                restored.extend_from_slice(head.get(data).unwrap_or_default());
                assert_eq!(restored, packet);
                made.kind
            }
            1 => Kind::Uncompressed,
            2 => Kind::Compressed,
            _ => {
                hostile.line_error();
                continue;
            }
        };
        // What was made just now, cut or changed; or any octets.
        let mut frame = if step & 3 == 0 {
            head.clone()
        } else {
            octets.to_vec()
        };
        if step & 8 != 0 {
            frame.truncate(usize::from(step >> 4) * 4);
        } else if kind == Kind::Uncompressed && step & 4 == 0 {
            let slot = u8_at(&frame, PROTOCOL);
            make_right(&mut frame);
            put(&mut frame, PROTOCOL, &[slot]);
        }
        restored.clear();
        if kind != Kind::Ip
            && let Ok(data) = hostile.decompress(kind, &frame, &mut restored)
        {
            restored.extend_from_slice(frame.get(data).unwrap_or_default());
            let (Ok(ip), true) = (Ipv4::parse(&restored), restored.len() <= 0xffff) else {
                unreachable!("a header that was restored is whole");
            };
            assert!(ip.checksum_is_valid() && ip.octets().len() == restored.len());
            assert!(ip.protocol() == protocol::TCP && Tcp::parse(ip.payload()).is_ok());
        }
    }
}

/// Makes the IPv4 header of a packet right, so that fuzzing finds its way.
fn make_right(packet: &mut [u8]) {
    let Ok(total) = u16::try_from(packet.len()) else {
        return;
    };
    put(packet, TOTAL, &total.to_be_bytes());
    put(packet, PROTOCOL, &[protocol::TCP]);
    put(packet, IP_CHECKSUM, &[0, 0]);
    let header = usize::from(u8_at(packet, 0) & 0x0f) * 4;
    let sum = Sum::new().octets(packet.get(..header).unwrap_or_default());
    put(packet, IP_CHECKSUM, &sum.checksum().to_be_bytes());
}
