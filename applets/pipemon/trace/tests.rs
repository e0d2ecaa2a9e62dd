//! Traces of a link daemon made for them: forms, filters, pcap, ends.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value as Json;
use wanbox_grammar::Exit;
use wanbox_wire::pipemon::opcode::{chdlc, fr, ppp, x25};
use wanbox_wire::pipemon::{Message, code};

use crate::fake::{Fake, Fault, Script};
use crate::scripts::{
    CALL_FRAME, CHDLC, CONFIGURE_FRAME, FR, IP_FRAME, KEEPALIVE_FRAME, MPPP, PAP_FRAME, PPP,
    STATUS_FRAME, X25, by_udp, cisco, cpe, golden, ppp_link, x25_frame, x25_link,
};

#[test]
fn traces() {
    for (monitor, script, file) in [
        (FR, cpe as Script, "fpipemon-trace.txt"),
        (CHDLC, cisco, "cpipemon-trace.txt"),
        (PPP, ppp_link, "ppipemon-trace.txt"),
        (X25, x25_link, "xpipemon-trace.txt"),
    ] {
        let mut all = String::new();
        for options in [
            "-c tr",
            "-c ti",
            "-c ti -full",
            "-c ti -brief",
            "-c tr -brief -hex",
        ] {
            let fake = Fake::start(script, Fault::None);
            let text = by_udp(&fake, monitor, &format!("{options} --count 3")).unwrap();
            all.push_str(&format!("$ {} {options}\n{text}", monitor.name()));
        }
        golden(file, &all);
    }
    let fake = Fake::start(cpe, Fault::None);
    let text = by_udp(&fake, FR, "-c ti4 --count 1").unwrap();
    assert!(
        text.contains(
            "IP-v4 decode\tSrc=201.1.1.1 Dst=201.1.1.2 TTL=64 TOS=0x00 Id=1 Len=28 Checksum=ok\n\
             \t\tICMP echo request id 4660 seq 1\n"
        ),
        "{text}"
    );
    // The other forms of time and of frames.
    let text = by_udp(&fake, FR, "-c ti -brief -systime --count 1").unwrap();
    let stamp = text.lines().nth(1).unwrap().split(' ').next().unwrap();
    let time = humantime::parse_rfc3339(stamp).unwrap();
    assert!(time.elapsed().unwrap() < Duration::from_secs(60));
    let json = by_udp(&fake, FR, "-c ti --json --count 2").unwrap();
    let frames: Vec<Json> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(frames.len(), 2);
    assert_eq!(
        (&frames[0]["direction"], &frames[0]["dlci"]),
        (&"out".into(), &16.into())
    );
    assert_eq!(
        (&frames[1]["direction"], &frames[1]["dlci"]),
        (&"in".into(), &0.into())
    );
    assert_eq!(frames[1]["length"], STATUS_FRAME.len() + 2);
}

#[test]
fn trace_filters_and_masks() {
    let fake = Fake::start(cpe, Fault::None);
    let text = by_udp(&fake, FR, "-c ti -brief -d 16 --count 2").unwrap();
    assert_eq!(text.matches("FR DLCI 16").count(), 2);
    assert!(!text.contains("FR DLCI 0"));
    let text = by_udp(&fake, FR, "-c ti -brief -prot IP --count 2").unwrap();
    assert_eq!(text.matches("IPv4").count(), 2);
    // Nothing passes: the time ends it.
    let start = Instant::now();
    let text = by_udp(&fake, FR, "-c ti -prot CHDLC-ETH --seconds 1").unwrap();
    assert_eq!(text.lines().count(), 1);
    assert!(start.elapsed() >= Duration::from_secs(1));
    for (monitor, script, enable, masks) in [
        (
            FR,
            cpe as Script,
            fr::ENABLE_TRACING,
            [("ti", 0x31), ("tip", 0x11), ("tid", 0x21), ("trp", 0x11)],
        ),
        (
            CHDLC,
            cisco,
            chdlc::ENABLE_TRACING,
            [("tr", 0x38), ("tip", 0x30), ("tid", 0x08), ("tra", 0x38)],
        ),
        (
            MPPP,
            cisco,
            chdlc::ENABLE_TRACING,
            [("tr", 0x38), ("tip", 0x30), ("tid", 0x08), ("tra", 0x38)],
        ),
        (
            PPP,
            ppp_link,
            ppp::ENABLE_TRACING,
            [("tr", 3), ("tip", 1), ("tid", 2), ("trp", 1)],
        ),
    ] {
        for (letters, mask) in masks {
            let fake = Fake::start(script, Fault::None);
            by_udp(&fake, monitor, &format!("-c {letters} --count 1")).unwrap();
            let asked = fake.asked();
            let [before, on, take, after] = asked.as_slice() else {
                panic!("{asked:?}");
            };
            assert_eq!(on, &(enable, 0, vec![mask]), "{letters}");
            assert_eq!(before.0, after.0);
            assert_eq!(before.0, enable + 1);
            assert_eq!(take.0, enable + 2);
        }
    }
}

#[test]
fn x25_traces_are_filtered_by_circuit_and_kind_of_packet() {
    const DATA: &[u8] = &[0x01, 0x02, 0x10, 0x02, 0x00, b'x'];
    let fake = Fake::start(x25_link, Fault::None);
    for (options, shown) in [
        ("-lcn 1", 2),
        ("-lcn 2", 0),
        ("-x25opt PROT", 2),
        ("-x25opt data", 0),
        ("-prot LAPB", 2),
        ("-prot X25", 2),
        ("-prot IP", 0),
        ("-prot FR-PPP", 0),
    ] {
        let limit = if shown == 0 {
            "--seconds 1"
        } else {
            "--count 2"
        };
        let text = by_udp(&fake, X25, &format!("-c ti -brief {options} {limit}")).unwrap();
        assert_eq!(
            text.matches("call request").count(),
            shown,
            "{options}: {text}"
        );
    }
    let fake = Fake::start(
        |request| match request.opcode() {
            x25::GET_TRACE_INFO => Some((0, x25_frame(DATA))),
            _ => x25_link(request),
        },
        Fault::None,
    );
    let text = by_udp(&fake, X25, "-c tid -x25opt DATA -lcn 2 -systime --count 1").unwrap();
    assert!(text.contains("Data Ps=0 Pr=0 M=0"), "{text}");
    assert!(text.contains("-11-22T23:58:59.999Z"), "{text}");
    assert!(text.contains("\t\t2 frames lost before\n"), "{text}");
    let asked: Vec<_> = fake.asked();
    let data = (x25::TRACE_CONFIGURE, 0, vec![0x0b, 0]);
    let off = (x25::TRACE_CONFIGURE, 0, vec![0, 0]);
    let take = (x25::GET_TRACE_INFO, 0, vec![]);
    assert_eq!(asked, [off.clone(), data, take, off]);
    let json = by_udp(&fake, X25, "-c trp --json --count 1").unwrap();
    let frame: Json = serde_json::from_str(&json).unwrap();
    assert_eq!((&frame["lcn"], &frame["lost"]), (&2.into(), &2.into()));
    // After the questions of the second run whether somebody is there.
    assert_eq!(fake.asked()[7].2, [0x33, 0]);
}

#[test]
fn x25_traces_show_what_users_send_as_characters() {
    const DATA: &[u8] = b"\x01\x02\x10\x02\x00Hello, \x7f\r\n\
        twenty octets......and another twenty octets, and more of them than a line has";
    const HOST: &[u8] = b"\x01\x02\x10\x02\x00\xc8\x85\x93\x93\x96k@\xf1\x5f\x00";
    const URGENT: &[u8] = b"\x01\x02\x10\x02\x23stop";
    fn with(frame: &[u8], request: &Message<'_>) -> Option<(u8, Vec<u8>)> {
        match request.opcode() {
            x25::GET_TRACE_INFO => Some((0, x25_frame(frame))),
            _ => x25_link(request),
        }
    }
    let show = |script: Script, options: &str| {
        let fake = Fake::start(script, Fault::None);
        by_udp(&fake, X25, &format!("{options} --count 1")).unwrap()
    };
    let data: Script = |request| with(DATA, request);
    let host: Script = |request| with(HOST, request);
    let urgent: Script = |request| with(URGENT, request);
    let call: Script = x25_link;
    let head = "Raw (HEX)\t01 02 10 02 00 \n";
    for (script, options, end) in [
        (
            data,
            "-c tr -ascii",
            format!("{head}Data (ASCII)\tHello, ...twenty octets......and a...\n\n"),
        ),
        (
            data,
            "-c ti -ascii -full",
            format!(
                "{head}Data (ASCII)\tHello, ...twenty octets......and another twenty octets, and more\n\
                 \t\t of them than a line has\n\n"
            ),
        ),
        (
            host,
            "-c ti -ebcdic",
            format!("M=0\n{head}Data (EBCDIC)\tHello, 1..\n\n"),
        ),
        (
            host,
            "-c ti -brief -ebcdic",
            " 10 octets\n\tHello, 1..\n".into(),
        ),
        (urgent, "-c tr -brief -ascii", "\n\tstop\n".into()),
        // Frames without such octets are as ever.
        (
            call,
            "-c tr -ascii",
            "Raw (HEX)\t01 00 10 01 0B 44 11 11 22 22 03 42 07 0A CC \n\n".into(),
        ),
        (call, "-c tr -brief -ascii", "user data CC IP\n".into()),
        (
            data,
            "-c tr -brief -hex",
            "2E 2E 2E 2E \n\t2E 2E 61 6E 64 20 61 ...\n".into(),
        ),
    ] {
        let text = show(script, options);
        assert!(text.ends_with(&end), "{options}: {text}");
    }
    let json: Json = serde_json::from_str(&show(host, "-c tr -ebcdic --json")).unwrap();
    assert_eq!(json["text"], "Hello, 1..");
    assert_eq!(
        json["octets"],
        "0102100200c885939396".to_owned() + "6b40f15f00"
    );
    let json: Json = serde_json::from_str(&show(host, "-c tr --json")).unwrap();
    assert_eq!(json["text"], Json::Null);
}

#[test]
fn an_x25_trace_waits_for_frames_and_is_ended_by_others() {
    let fake = Fake::start(
        |request| match request.opcode() {
            x25::GET_TRACE_INFO => Some((code::X25_NO_FRAME, vec![])),
            _ => x25_link(request),
        },
        Fault::None,
    );
    let text = by_udp(&fake, X25, "-c tr --seconds 1").unwrap();
    assert_eq!(text.lines().count(), 1);
    let fake = Fake::start(
        |request| match request.opcode() {
            x25::GET_TRACE_INFO => Some((code::X25_NO_TRACE, vec![])),
            _ => x25_link(request),
        },
        Fault::None,
    );
    let failure = by_udp(&fake, X25, "-c tr").unwrap_err();
    assert_eq!(failure.text, "Error: somebody else ended the trace");
}

#[test]
fn x25_traces_to_pcap() {
    use wanbox_wire::lapb::ethernet;
    use wanbox_wire::pcap::Reader;
    let fake = Fake::start(x25_link, Fault::None);
    let file = fake.file("x25.pcap");
    for (options, link_type, octets) in [
        ("", 207, [&[1], CALL_FRAME].concat()),
        (
            "-prot ETH",
            1,
            [&ethernet::header([2, 0, 0, 0, 0, 2], 15), CALL_FRAME].concat(),
        ),
    ] {
        let line = format!("-c tr -pcap_file {} {options} --count 2", file.display());
        let text = by_udp(&fake, X25, &line).unwrap();
        assert!(text.contains("2 frames in "), "{text}");
        let written = std::fs::read(&file).unwrap();
        assert_eq!(written[20..24], u32::to_le_bytes(link_type));
        for record in Reader::new(&written).unwrap() {
            assert_eq!(record.unwrap().frame, octets);
        }
    }
    // A packet without LAPB, of which the end is missing.
    let fake = Fake::start(
        |request| match request.opcode() {
            x25::GET_TRACE_INFO => {
                let mut data = x25_frame(&[0x10, 1, 0, 7]);
                data[0] = 9;
                Some((0, data))
            }
            _ => x25_link(request),
        },
        Fault::None,
    );
    let file = fake.file("xot.pcap");
    let line = format!("-c tr -pcap_file {} --count 1", file.display());
    by_udp(&fake, X25, &line).unwrap();
    let written = std::fs::read(&file).unwrap();
    let record = Reader::new(&written).unwrap().next().unwrap().unwrap();
    assert_eq!(record.frame, [1, 1, 0, 0x10, 1, 0, 7]);
    assert_eq!(record.original_length, 12);
}

#[test]
fn passwords_are_in_raw_traces_only() {
    const PASSWORD: &str = "67 65 68 65 69 6D";
    let fake = Fake::start(ppp_link, Fault::None);
    for options in ["-c ti -full", "-c tip -brief -hex", "-c ti --json"] {
        let text = by_udp(&fake, PPP, &format!("{options} --count 2")).unwrap();
        let lower = PASSWORD.replace(' ', "").to_lowercase();
        assert!(text.contains("office") && text.contains("**"), "{text}");
        for secret in [PASSWORD, "geheim", &lower] {
            assert!(!text.contains(secret), "{options}: {text}");
        }
    }
    let raw = by_udp(&fake, PPP, "-c tr -full --count 2").unwrap();
    assert!(raw.contains(PASSWORD.split_at(5).0), "{raw}");
    let json = by_udp(&fake, PPP, "-c tr --json --count 2").unwrap();
    assert!(json.contains("67656865696d"), "{json}");
}

#[test]
fn traces_to_pcap() {
    use wanbox_wire::pcap::Reader;
    for (monitor, script, link_type, extra, frames) in [
        (FR, cpe as Script, 107, "", [IP_FRAME, STATUS_FRAME]),
        (CHDLC, cisco, 104, "", [KEEPALIVE_FRAME, KEEPALIVE_FRAME]),
        (PPP, ppp_link, 50, "", [CONFIGURE_FRAME, PAP_FRAME]),
        (MPPP, cisco, 50, "", [KEEPALIVE_FRAME, KEEPALIVE_FRAME]),
        (FR, cpe, 101, "-prot IP", [&IP_FRAME[4..], &IP_FRAME[4..]]),
    ] {
        let fake = Fake::start(script, Fault::None);
        let file = fake.file("x.pcap");
        let line = format!("-c tr -pcap_file {} {extra} --count 2", file.display());
        let text = by_udp(&fake, monitor, &line).unwrap();
        assert!(text.contains("2 frames in "), "{text}");
        let octets = std::fs::read(&file).unwrap();
        assert_eq!(octets[20..24], u32::to_le_bytes(link_type));
        let reader = Reader::new(&octets).unwrap();
        let records: Vec<_> = reader.map(Result::unwrap).collect();
        assert_eq!(records.len(), 2);
        for (record, frame) in records.iter().zip(frames) {
            assert_eq!(record.frame, frame);
        }
    }
    let fake = Fake::start(cpe, Fault::None);
    let failure = by_udp(&fake, FR, "-c tr -pcap_file /no/such/x --count 1").unwrap_err();
    assert_eq!(failure.exit, Exit::FAILED);
    assert!(failure.text.contains("/no/such/x"));
    // Nothing was switched on for it.
    assert!(fake.asked().is_empty());
}

#[test]
fn a_daemon_that_goes_away_ends_a_trace() {
    let fake = Fake::start(
        |request| match request.opcode() {
            fr::GET_TRACE_INFO => None,
            _ => cpe(request),
        },
        Fault::None,
    );
    let failure = by_udp(&fake, FR, "-c ti --seconds 60").unwrap_err();
    // What was switched on is switched off all the same.
    let last = fake.asked().pop().map(|asked| asked.0);
    assert_eq!(last, Some(fr::DISABLE_TRACING));
    assert_eq!(
        failure.text,
        "Error: No Data received from the connected socket."
    );
}

proptest! {
    #[test]
    fn any_frame_is_shown(frame in proptest::collection::vec(any::<u8>(), 0..300)) {
        super::fuzz_trace(&frame);
    }

    #[test]
    fn any_damaged_frame_is_shown(
        which in 0_usize..6,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        length in any::<prop::sample::Index>(),
    ) {
        let mut frame = [IP_FRAME, STATUS_FRAME, KEEPALIVE_FRAME, CONFIGURE_FRAME, PAP_FRAME, CALL_FRAME][which].to_vec();
        for (place, octet) in damage {
            let place = place.index(frame.len());
            frame[place] = octet;
        }
        frame.truncate(length.index(frame.len() + 1));
        super::fuzz_trace(&frame);
    }
}
