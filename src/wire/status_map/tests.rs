use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

/// A file with one record of everything.
fn file() -> Vec<u8> {
    let mut file = vec![0; SIZE];
    let mut put = |place: usize, octets: &[u8]| {
        file[place..place + octets.len()].copy_from_slice(octets);
    };
    let header = Header {
        generation: 4,
        pid: 4711,
        size: SIZE as u32,
        sections: SECTIONS.len() as u16,
        started_ns: 1,
        updated_ns: 2,
    };
    put(0, &header.octets());
    let status = Status {
        device: "wanpipe1",
        protocol: "FR",
        station: "CPE",
        signalling: "ANSI",
        state: state::CONNECTED,
        carrier: true,
        link_ups: 3,
        reason: "",
        ..Status::default()
    };
    let setting = Setting {
        key: "BAUDRATE",
        value: "64000",
    };
    let statistic = Statistic {
        group: "line",
        name: "rx_frames",
        value: 9,
    };
    let channel = Channel {
        interface: "wp1fr16",
        usage: "WANPIPE",
        dlci: 16,
        flags: channel_flags::UP,
        address: Ipv4Addr::new(10, 0, 0, 1),
        peer: Ipv4Addr::UNSPECIFIED,
        rx_packets: 1,
        rx_octets: 2,
        rx_dropped: 3,
        tx_packets: 4,
        tx_octets: 5,
        tx_dropped: 6,
    };
    let traced = Traced {
        number: 7,
        time_ns: 8,
        length: 100,
        direction: Direction::Outgoing,
        octets: &[0xaa; 44],
    };
    let records: [&[u8]; 5] = [
        &status.octets(),
        &setting.octets(),
        &statistic.octets(),
        &channel.octets(),
        &traced.octets(),
    ];
    for (number, (section, record)) in SECTIONS.iter().zip(records).enumerate() {
        let entry = Section {
            used: 1,
            ..*section
        };
        put(HEADER + number * ENTRY, &entry.octets());
        put(section.offset as usize, record);
    }
    file
}

#[test]
fn the_sections_of_this_version_do_not_overlap() {
    let mut end = HEADER + SECTIONS.len() * ENTRY;
    for section in SECTIONS {
        assert!(section.offset as usize >= end, "{section:?}");
        assert_eq!(section.offset % 8, 0, "{section:?}");
        assert_eq!(section.record % 8, 0, "{section:?}");
        end = section.offset as usize + section.length as usize;
    }
    assert_eq!(end, SIZE);
    const { assert!(SIZE <= 64 * 1024) };
}

/// As in man/wanstatus.5.
#[test]
fn the_documented_places() {
    let file = file();
    assert_eq!(&file[..8], b"WBSTATUS");
    assert_eq!(file[8..16], [1, 0, 5, 0, 0, 0xf8, 0, 0]);
    assert_eq!(file[16..28], [4, 0, 0, 0, 0, 0, 0, 0, 0x67, 0x12, 0, 0]);
    assert_eq!(
        file[64..88],
        [
            1, 0, 0x58, 1, 0, 1, 0, 0, 0x58, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        ]
    );
    assert_eq!(&file[256..266], b"wanpipe1\0\0");
    assert_eq!(&file[1024..1033], b"BAUDRATE\0");
    assert_eq!(&file[1048..1054], b"64000\0");
    assert_eq!(file[4096 + 40..4096 + 48], [9, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(file[10_240 + 28..10_240 + 36], [16, 0, 2, 0, 10, 0, 0, 1]);
    assert_eq!(file[47_104..47_112], [7, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(file[47_120..47_125], [100, 0, 1, 44, 0xaa]);
}

#[test]
fn reads_what_is_there() {
    let file = file();
    let view = View::new(&file).unwrap();
    assert_eq!((view.header.pid, view.header.generation), (4711, 4));
    let status = view.status().unwrap();
    assert_eq!((status.device, status.link_ups), ("wanpipe1", 3));
    let settings: Vec<_> = view.configuration().collect();
    assert_eq!((settings[0].key, settings[0].value), ("BAUDRATE", "64000"));
    let statistic = view.statistics().next().unwrap();
    assert_eq!(
        (statistic.group, statistic.name, statistic.value),
        ("line", "rx_frames", 9)
    );
    let channel = view.channels().next().unwrap();
    assert_eq!(
        (channel.dlci, channel.tx_dropped, channel.usage),
        (16, 6, "WANPIPE")
    );
    let traced = view.trace().next().unwrap();
    assert_eq!((traced.number, traced.octets.len()), (7, 44));
    fuzz_status_map(&file);
}

#[test]
fn what_is_wrong_is_named() {
    let changed = |place: usize, octet: u8| {
        let mut file = file();
        file[place] = octet;
        View::new(&file).unwrap_err().to_string()
    };
    assert!(changed(0, b'X').contains("magic"));
    assert!(changed(8, 2).contains("version: 0x2 where 1"));
    assert!(changed(14, 1).contains("size: claims"));
    assert!(changed(11, 0xff).contains("table: claims"));
    assert!(changed(HEADER + 10, 1).contains("section: claims"));
    assert!(changed(HEADER + 12, 2).contains("records: claims 2 octets, 1"));
    assert!(View::new(&file()[..63]).is_err());
    assert!(View::new(&file()[..SIZE - 1]).is_err());
}

#[test]
fn a_frame_that_is_being_written_is_left_out() {
    let mut file = file();
    file[47_104] = 0;
    assert_eq!(View::new(&file).unwrap().trace().count(), 0);
}

#[test]
fn long_texts_are_cut_between_characters() {
    let record = Setting {
        key: "an umlaut at the end of ü",
        value: "",
    }
    .octets();
    let setting = Setting::parse(&record);
    assert_eq!(setting.key, "an umlaut at the end of ");
    let mut record = record;
    record[3] = 0xff;
    assert_eq!(Setting::parse(&record).key, "an ");
}

proptest! {
    #[test]
    fn records_there_and_back(
        text in "[a-zA-Zäöü]{0,40}", numbers: [u64; 8], octets in proptest::collection::vec(any::<u8>(), 0..44),
    ) {
        let mut short = text.as_str();
        while short.len() > 12 {
            let mut letters = short.chars();
            letters.next_back();
            short = letters.as_str();
        }
        let [a, b, c, d, e, f, g, h] = numbers;
        let status = Status {
            device: if short.is_empty() { "x" } else { short },
            protocol: short, station: short, signalling: short, state: a as u8, carrier: b & 1 != 0,
            cut: c & 1 != 0, interfaces: d as u32, since_ns: e, link_ups: f, reason: &text,
        };
        let record = status.octets();
        prop_assert_eq!(Status::parse(&record), Some(status));
        let channel = Channel {
            interface: short, usage: short, dlci: a as u16, flags: b as u8,
            address: (c as u32).into(), peer: (d as u32).into(),
            rx_packets: c, rx_octets: d, rx_dropped: e, tx_packets: f, tx_octets: g, tx_dropped: h,
        };
        let record = channel.octets();
        prop_assert_eq!(Channel::parse(&record), channel);
        let traced = Traced {
            number: a.max(1), time_ns: b, length: c as u16, octets: &octets,
            direction: if d & 1 == 0 { Direction::Incoming } else { Direction::Outgoing },
        };
        let record = traced.octets();
        prop_assert_eq!(Traced::parse(&record), Some(traced));
    }

    #[test]
    fn hostile_files_do_no_harm(changes in proptest::collection::vec((0..400_usize, any::<u8>()), 0..20), cut in 0..SIZE) {
        let mut file = file();
        for (place, octet) in changes {
            file[place] = octet;
        }
        fuzz_status_map(&file);
        fuzz_status_map(&file[..cut]);
    }
}
