//! Packet and window sizes: without a network there are no standard ones, so every call says them
//! (RFC 1613 section 6.1).

use wanbox_wire::x25::facility::{Directions, Facility, PacketSize, code};
use wanbox_wire::x25::{Body, Packet};
use wanbox_wire::x25::{CallFields, Facilities, FacilityList, Modulo, PacketRepr};

/// Which of the two a packet that sets up a call lacks: packet size, window size.
pub(super) fn missing(facilities: &Facilities<'_>) -> (bool, bool) {
    let has = |wanted| {
        facilities
            .iter()
            .any(|facility| facility.section.is_none() && facility.code == wanted)
    };
    (!has(code::PACKET_SIZE), !has(code::WINDOW_SIZE))
}

/// Which of the two a call lacks. Of what is none, nothing is missing.
pub(super) fn missing_in(modulo: Modulo, packet: &[u8]) -> (bool, bool) {
    match fields(modulo, packet) {
        Some((_, fields)) => missing(&fields.facilities),
        None => (false, false),
    }
}

/// The fields of a call request, or of a call accepted, and which it is.
fn fields(modulo: Modulo, packet: &[u8]) -> Option<(PacketRepr<'_>, CallFields<'_>)> {
    let packet = Packet::parse(modulo, packet).ok()?;
    let repr = PacketRepr::parse(&packet).ok()?;
    match repr.body {
        Body::CallRequest { fields, .. } | Body::CallAccepted { fields, .. } => {
            Some((repr, fields))
        }
        _ => None,
    }
}

/// The packet with the sizes that it lacks, as far as they are wanted. `None`: as it is; also where
/// there is no room for more facilities.
pub(super) fn completed(
    modulo: Modulo,
    packet: &[u8],
    wanted: (bool, bool),
    size: PacketSize,
    window: u8,
) -> Option<Vec<u8>> {
    let (repr, fields) = fields(modulo, packet)?;
    let lacks = missing(&fields.facilities);
    let (sizes, windows) = (wanted.0 && lacks.0, wanted.1 && lacks.1);
    if !sizes && !windows {
        return None;
    }
    let mut list = FacilityList::new();
    if sizes {
        let both = Directions {
            called: size,
            calling: size,
        };
        list.push(&Facility::PacketSize(both)).ok()?;
    }
    if windows {
        let both = Directions {
            called: window,
            calling: window,
        };
        list.push(&Facility::WindowSize(both)).ok()?;
    }
    // Those of other sections come behind X.25's own.
    let mut octets = list.get().octets().to_vec();
    octets.extend_from_slice(fields.facilities.octets());
    let fields = CallFields {
        facilities: Facilities::parse(&octets).ok()?,
        ..fields
    };
    let body = match repr.body {
        Body::CallRequest { delivery, .. } => Body::CallRequest { delivery, fields },
        Body::CallAccepted { delivery, .. } => Body::CallAccepted { delivery, fields },
        _ => return None,
    };
    let mut out = Vec::new();
    PacketRepr { body, ..repr }.append(modulo, &mut out);
    Some(out)
}
