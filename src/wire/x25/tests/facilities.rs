//! Tests of facilities.

use super::super::facility::{
    self, Directions, Extension, Facility, FastSelect, PacketSize, RawFacility, Section,
    ThroughputClass,
};
use super::super::{Facilities, FacilityList};
use wanbox_sim::hex;

/// Every facility with a meaning, twice: in octets and in words.
#[test]
fn facilities_of_the_annex() {
    let nsap = hex("47 00 05");
    let extension = Extension {
        kind: 0,
        digits: 5,
        octets: &nsap,
    };
    let other = Extension {
        kind: 2,
        digits: 0,
        octets: &[],
    };
    let class = |number| ThroughputClass::new(number).unwrap();
    let size = |octets| PacketSize::from_octets(octets).unwrap();
    let vectors = [
        (
            "01 01",
            Facility::Charging {
                reverse: true,
                fast_select: FastSelect::No,
            },
        ),
        (
            "01 80",
            Facility::Charging {
                reverse: false,
                fast_select: FastSelect::Unrestricted,
            },
        ),
        (
            "01 c1",
            Facility::Charging {
                reverse: true,
                fast_select: FastSelect::Restricted,
            },
        ),
        (
            "02 ba",
            Facility::Throughput(Directions {
                called: class(11),
                calling: class(10),
            }),
        ),
        ("03 42", Facility::ClosedUserGroup(42)),
        ("47 12 34", Facility::ClosedUserGroup(1234)),
        (
            "42 04 0c",
            Facility::PacketSize(Directions {
                called: size(16),
                calling: size(4096),
            }),
        ),
        (
            "43 01 7f",
            Facility::WindowSize(Directions {
                called: 1,
                calling: 127,
            }),
        ),
        (
            "c6 02 61 62",
            Facility::Unknown {
                code: facility::code::NUI,
                parameter: b"ab",
            },
        ),
        ("00 0f", Facility::Marker(Section::DTE)),
        ("c9 04 05 47 00 05", Facility::CalledExtension(extension)),
        ("cb 01 80", Facility::CallingExtension(other)),
        ("00 00", Facility::Marker(Section::CALLING_NETWORK)),
        // The same code means something else to a network.
        (
            "42 01 01",
            Facility::Unknown {
                code: 0x42,
                parameter: &[1, 1],
            },
        ),
    ];
    let mut list = FacilityList::new();
    let mut octets = Vec::new();
    for (text, facility) in &vectors {
        list.push(facility).unwrap();
        octets.extend(hex(text));
    }
    assert_eq!(list.get().octets(), octets);
    let facilities = Facilities::parse(&octets).unwrap();
    assert_eq!(facilities, list.get());
    let read: Vec<_> = facilities.iter().map(|raw| raw.value().unwrap()).collect();
    assert_eq!(read, vectors.map(|(_, facility)| facility));
    assert_eq!(facilities.fast_select(), FastSelect::Restricted);
    assert_eq!(extension.to_string(), "47000");
    assert_eq!(class(3).rate(), 75);
    assert_eq!(class(11).rate(), 19_200);
    assert_eq!(class(13).rate(), 64_000);
    assert_eq!(PacketSize::from_octets(2048).unwrap().log2(), 11);
    for wrong in [0, 8, 100, 8192] {
        assert_eq!(PacketSize::from_octets(wrong), None);
    }
}

#[test]
fn parameters_that_facilities_do_not_allow() {
    use super::super::diagnostic::{INVALID_DTE_FACILITY, PARAMETER_NOT_ALLOWED};
    let long = format!("c9 16 29 {}", "00 ".repeat(21));
    for (octets, dte, expected, text) in [
        (
            "02 2a",
            false,
            PARAMETER_NOT_ALLOWED,
            "throughput class: 0x2",
        ),
        (
            "02 a0",
            false,
            PARAMETER_NOT_ALLOWED,
            "throughput class: 0x0",
        ),
        (
            "03 1a",
            false,
            PARAMETER_NOT_ALLOWED,
            "closed user group: 0xa",
        ),
        ("47 a0 00", false, PARAMETER_NOT_ALLOWED, "user group: 0xa"),
        ("42 03 07", false, PARAMETER_NOT_ALLOWED, "packet size: 0x3"),
        ("42 07 0d", false, PARAMETER_NOT_ALLOWED, "packet size: 0xd"),
        ("43 00 07", false, PARAMETER_NOT_ALLOWED, "window size: 0x0"),
        (
            "43 07 80",
            false,
            PARAMETER_NOT_ALLOWED,
            "window size: 0x80",
        ),
        ("c9 00", true, INVALID_DTE_FACILITY, "extension: 0 octets"),
        ("c9 01 02", true, INVALID_DTE_FACILITY, "claims 1 octets"),
        ("cb 03 02 00 00", true, INVALID_DTE_FACILITY, "2 are there"),
        (&long, true, INVALID_DTE_FACILITY, "claims 21 octets"),
    ] {
        let octets = hex(octets);
        let facilities = Facilities::parse(&octets).unwrap();
        let raw = facilities.iter().next().unwrap();
        let section = dte.then_some(Section::DTE);
        let fault = RawFacility { section, ..raw }.value().unwrap_err();
        assert_eq!(fault.diagnostic, expected, "{fault}");
        assert!(fault.to_string().contains(text), "{fault}");
    }
    // What cannot be written is not.
    let mut list = FacilityList::new();
    let extension = Extension {
        kind: 0,
        digits: 3,
        octets: &[1],
    };
    for facility in [
        Facility::ClosedUserGroup(10_000),
        Facility::CalledExtension(extension),
        Facility::Unknown {
            code: 0x42,
            parameter: &[1],
        },
    ] {
        assert!(list.push(&facility).is_err());
        assert!(list.get().is_empty());
    }
    for _ in 0..54 {
        list.push(&Facility::ClosedUserGroup(1)).unwrap();
    }
    assert!(list.push(&Facility::ClosedUserGroup(1)).is_err());
    assert_eq!(list.get().octets().len(), 108);
}
