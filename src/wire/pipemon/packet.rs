//! Management requests among IPv4 packets, and the IPv4 packet that answers one.

use super::{IP_UDP_HEADERS, Kind, MAX_IP_PACKET, Message, Protocol, Repr};
use crate::ParseError;
use crate::ip::Sum;

const VERSION_IHL: u8 = 0x45;
const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const PROTOCOL_UDP: u8 = 17;

/// Whether a UDP checksum is to be verified. A packet from the host's own stack may have one that
/// the device is to complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Verify it (zero means none was sent).
    Verify,
    /// The packet never left this host.
    Ignore,
}

/// What an IPv4 packet is to the management of a link.
#[derive(Clone, Copy, Debug)]
pub enum Class<'a> {
    /// Not for us: user data.
    Other,
    /// A request with a length or checksum that is wrong. Count it and drop it.
    Malformed(ParseError),
    /// A request.
    Request(Message<'a>),
}

/// Tells a management request of `protocol` on UDP `port` (0: none) from other packets. Cheap
/// where the packet is no request: protocol and port are looked at first.
pub fn classify(packet: &[u8], port: u16, protocol: Protocol, checksum: Checksum) -> Class<'_> {
    let Some(header) = packet.first_chunk::<IP_UDP_HEADERS>() else {
        return Class::Other;
    };
    // More fragments, or an offset.
    let fragment = u16_at(header, 6) & 0x3FFF != 0;
    if header[0] != VERSION_IHL
        || header[9] != PROTOCOL_UDP
        || port == 0
        || u16_at(header, 22) != port
        || fragment
    {
        return Class::Other;
    }
    let total = usize::from(u16_at(header, 2));
    let udp = usize::from(u16_at(header, 24));
    let Some(datagram) = packet
        .get(IP_HEADER..total)
        .and_then(|d| d.get(..udp))
        .filter(|d| d.len() >= UDP_HEADER)
    else {
        return Class::Other;
    };
    let payload = datagram.get(UDP_HEADER..).unwrap_or_default();
    let is_ours = payload.starts_with(&protocol.signature()) && payload.get(8) == Some(&1);
    if !is_ours {
        return Class::Other;
    }
    if total > MAX_IP_PACKET {
        return Class::Malformed(ParseError::Length {
            what: "management packet",
            claimed: total,
            have: MAX_IP_PACKET,
        });
    }
    let sent = u16_at(header, 26);
    if checksum == Checksum::Verify && sent != 0 && !udp_sum(header, datagram).is_valid() {
        return Class::Malformed(ParseError::Invalid {
            what: "UDP checksum",
            value: sent.into(),
            expected: "the sum of the datagram",
        });
    }
    match Message::new_checked(payload) {
        Ok(message) if message.kind() == Kind::Request => Class::Request(message),
        Ok(_) => Class::Other,
        Err(error) => Class::Malformed(error),
    }
}

/// Writes the IPv4 packet that answers `request` (a packet that [`classify`] accepted) with
/// `message` over `packet`: addresses and ports swapped, identification and flags kept, TTL as
/// configured, checksums computed.
///
/// # Errors
/// `Truncated` when `request` is no IPv4/UDP packet, `Length` when the reply is longer than
/// [`MAX_IP_PACKET`].
pub fn reply(
    request: &[u8],
    message: &Repr<'_>,
    ttl: u8,
    packet: &mut Vec<u8>,
) -> Result<(), ParseError> {
    let Some(old) = request.first_chunk::<IP_UDP_HEADERS>() else {
        return Err(ParseError::Truncated {
            what: "IPv4 and UDP header",
            need: IP_UDP_HEADERS,
            have: request.len(),
        });
    };
    let total = IP_UDP_HEADERS + message.wire_len();
    let Some((total_be, udp_be)) = u16::try_from(total)
        .ok()
        .filter(|_| total <= MAX_IP_PACKET)
        .map(|t| (t.to_be_bytes(), (t - IP_HEADER as u16).to_be_bytes()))
    else {
        return Err(ParseError::Length {
            what: "management reply",
            claimed: total,
            have: MAX_IP_PACKET,
        });
    };
    let mut header = *old;
    header[2..4].copy_from_slice(&total_be);
    header[8] = ttl;
    header[10..12].fill(0);
    header[12..16].copy_from_slice(&old[16..20]);
    header[16..20].copy_from_slice(&old[12..16]);
    header[20..22].copy_from_slice(&old[22..24]);
    header[22..24].copy_from_slice(&old[20..22]);
    header[24..26].copy_from_slice(&udp_be);
    header[26..28].fill(0);
    let ip_sum = Sum::new().octets(&header[..IP_HEADER]).checksum();
    header[10..12].copy_from_slice(&ip_sum.to_be_bytes());

    packet.clear();
    packet.extend_from_slice(&header);
    packet.resize(total, 0);
    if let Some(payload) = packet.get_mut(IP_UDP_HEADERS..) {
        message.emit(payload)?;
    }
    let datagram = packet.get(IP_HEADER..).unwrap_or_default();
    let udp_sum = udp_sum(&header, datagram).udp_checksum();
    if let Some(field) = packet.get_mut(26..28) {
        field.copy_from_slice(&udp_sum.to_be_bytes());
    }
    Ok(())
}

fn u16_at<const N: usize>(octets: &[u8; N], offset: usize) -> u16 {
    octets
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |chunk| u16::from_be_bytes(*chunk))
}

/// Sum of a UDP datagram with its pseudo-header (RFC 768).
fn udp_sum(ip: &[u8; IP_UDP_HEADERS], datagram: &[u8]) -> Sum {
    Sum::new()
        .octets(&ip[12..20])
        .u16(PROTOCOL_UDP.into())
        .u16(datagram.len() as u16)
        .octets(datagram)
}

/// Fuzz target: a packet that is a request can be answered, and the answer, its addresses being
/// those of the request, goes back to where the request came from.
pub(super) fn fuzz(input: &[u8]) {
    let mut first = vec![0x45, 0];
    first.extend_from_slice(input);
    for protocol in Protocol::ALL {
        for packet in [input, &first] {
            let port = packet
                .get(22..24)
                .map_or(0, |p| u16::from_be_bytes([p[0], p[1]]));
            let Class::Request(request) = classify(packet, port, protocol, Checksum::Ignore) else {
                continue;
            };
            let answer = Repr::reply(&request, 0, request.data());
            let mut out = Vec::new();
            if reply(packet, &answer, 64, &mut out).is_err() {
                // Only the padding to an even length can make it longer than the request was.
                assert!(packet.len() + 2 >= MAX_IP_PACKET);
                continue;
            }
            assert_eq!(out.get(12..16), packet.get(16..20));
            assert_eq!(out.get(16..20), packet.get(12..16));
            assert!(Sum::new().octets(&out[..IP_HEADER]).is_valid());
            let header = out.first_chunk().copied().unwrap_or([0; 28]);
            assert!(udp_sum(&header, &out[IP_HEADER..]).is_valid());
        }
    }
}
