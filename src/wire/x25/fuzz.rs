//! Any octets as packets, facilities, PVC set-ups and a TCP stream of them.

use super::facility::Facility;
use super::xot::{self, PvcSetup, Split};
use super::{Body, CallFields, Facilities, FacilityList, Lci, Modulo, Packet, PacketRepr};

/// What is accepted is written again so that it says the same, and nothing is lost or made up. For
/// fuzzing and replayed tests.
pub fn fuzz_x25(octets: &[u8]) {
    for modulo in [Modulo::Eight, Modulo::OneTwentyEight] {
        let Ok(packet) = Packet::parse(modulo, octets) else {
            assert!(octets.len() < 3 || Packet::modulo_of(octets) != Some(modulo));
            continue;
        };
        assert_eq!(Lci::of(octets), Some(packet.lci()));
        match PacketRepr::parse(&packet) {
            Ok(repr) => fuzz_repr(modulo, octets, &repr),
            Err(fault) => assert!(!fault.to_string().is_empty()),
        }
    }
    if let Ok(facilities) = Facilities::parse(octets) {
        fuzz_facilities(facilities);
    }
    if let Ok(setup) = PvcSetup::parse(octets) {
        let mut again = Vec::new();
        setup.append(&mut again);
        assert_eq!(PvcSetup::parse(&again), Ok(setup));
        assert_eq!(again.len(), octets.len());
    }
    let mut stream = octets;
    while let Ok(Some(Split { packet, rest })) = xot::split(stream) {
        assert_eq!(stream.len(), xot::HEADER + packet.len() + rest.len());
        stream = rest;
    }
}

fn fuzz_repr(modulo: Modulo, octets: &[u8], repr: &PacketRepr<'_>) {
    let mut written = Vec::new();
    repr.append(modulo, &mut written);
    let again = Packet::parse(modulo, &written).and_then(|packet| PacketRepr::parse(&packet));
    assert_eq!(again, Ok(*repr));
    assert!(!repr.to_string().is_empty());
    // Optional octets: the diagnostic code, empty address and facility lengths.
    let (shortest, longest) = (written.len().saturating_sub(1), written.len() + 2);
    assert!((shortest..=longest).contains(&octets.len()));
    let fields: &CallFields<'_> = match &repr.body {
        Body::CallRequest { fields, .. }
        | Body::CallAccepted { fields, .. }
        | Body::ClearRequest { fields, .. }
        | Body::ClearConfirmation { fields } => fields,
        _ => return,
    };
    fuzz_facilities(fields.facilities);
}

fn fuzz_facilities(facilities: Facilities<'_>) {
    let (mut raw, mut typed) = (FacilityList::new(), FacilityList::new());
    for facility in facilities.iter() {
        assert_eq!(raw.push_raw(facility.code, facility.parameter), Ok(()));
        let value = facility.value();
        if let Ok(value) = value {
            assert_eq!(typed.push(&value), Ok(()));
            if !matches!(value, Facility::Marker(_)) {
                let last = typed.get().iter().last();
                let last = last.map(|last| last.value());
                assert_eq!(last, Some(Ok(value)));
            }
        }
    }
    assert_eq!(raw.get(), facilities);
}
