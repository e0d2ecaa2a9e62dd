//! The rig's own tests: a rig that finds no fault is worth nothing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::ping::Ping;
use crate::run::finish;
use crate::*;

/// True, with the word that `tests/run` counts, when something is missing here.
fn lacks(needs: &[Need]) -> bool {
    let missing = needs.iter().find_map(|need| need.missing());
    if let Some(missing) = &missing {
        println!("skipped: needs {missing}");
    }
    missing.is_some()
}

/// A pcap file of Frame Relay with one frame.
fn pcap(file: &Path, frame: &[u8]) {
    let mut octets = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65535, 107, 1, 0] {
        octets.extend(word.to_ne_bytes());
    }
    for _ in 0..2 {
        octets.extend((frame.len() as u32).to_ne_bytes());
    }
    octets.extend(frame);
    fs::write(file, octets).unwrap();
}

#[test]
fn directories_go_away() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_owned();
    fs::write(path.join("file"), "text").unwrap();
    assert!(path.is_dir());
    drop(dir);
    assert!(!path.exists());
}

#[test]
fn waiting_ends() {
    let started = Instant::now();
    let limit = Duration::from_millis(200);
    let error = until("nothing", limit, || Ok(false)).unwrap_err();
    assert!(started.elapsed() >= limit);
    assert!(error.to_string().contains("for nothing in vain"), "{error}");
    let mut asked = 0;
    let answer = wait_for("three", Duration::from_secs(5), || {
        asked += 1;
        Ok((asked == 3).then_some(asked))
    });
    assert_eq!(answer.unwrap(), 3);
}

#[test]
fn programs_are_judged_by_their_end() {
    let run = |script: &str| {
        finish(
            Command::new("sh").args(["-c", script]),
            Duration::from_secs(2),
        )
    };
    assert_eq!(
        run("echo out; echo err >&2").unwrap().ok().unwrap(),
        "out\n"
    );
    let failed = run("echo out; echo err >&2; exit 3").unwrap();
    assert_eq!(failed.code, 3);
    let text = failed.ok().unwrap_err().to_string();
    assert!(text.contains("out") && text.contains("err"), "{text}");
    assert_eq!(run("kill -9 $$").unwrap().code, 128 + 9);
    let text = run("sleep 20").unwrap_err().to_string();
    assert!(text.contains("did not end"), "{text}");
}

#[test]
fn namespaces_are_apart_and_joined_by_veth() {
    if lacks(&[Need::Namespaces, Need::Tool("ip"), Need::Tool("ping")]) {
        return;
    }
    let (a, b) = (Netns::new().unwrap(), Netns::new().unwrap());
    netns::veth(&a, "left0", &b, "right0").unwrap();
    a.ip("addr add 192.0.2.1/24 dev left0").unwrap();
    b.ip("addr add 192.0.2.2/24 dev right0").unwrap();
    assert!(a.ip("link show right0").is_err());
    Ping::new("192.0.2.2").all(&a).unwrap();
    let unanswered = Ping {
        count: 1,
        options: &["-W", "1"],
        ..Ping::new("192.0.2.3")
    };
    assert_eq!(unanswered.send(&a).unwrap(), 0);
    assert!(unanswered.all(&a).is_err());
    let addresses = a.ip_json("addr show dev left0").unwrap();
    assert_eq!(json::text(&addresses, "/0/ifname").unwrap(), "left0");
    assert!(json::number(&addresses, "/0/ifname").is_err());
}

#[test]
fn captures_are_judged_by_tshark() {
    if lacks(&[Need::Tool("tshark")]) {
        return;
    }
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file.pcap");
    // A status enquiry of Annex D, as published.
    let enquiry = [
        0x00, 0x01, 0x03, 0x08, 0x00, 0x75, 0x95, 0x01, 0x01, 0x00, 0x03, 0x02, 0x01, 0x00,
    ];
    pcap(&file, &enquiry);
    capture::clean(&file).unwrap();
    assert_eq!(capture::link_type(&file).unwrap(), 107);
    assert_eq!(
        capture::count(&file, "q933.message_type == 0x75").unwrap(),
        1
    );
    assert_eq!(capture::count(&file, "lmi").unwrap(), 0);
    // The header of an IPv4 packet, cut short.
    pcap(&file, &[0x04, 0x01, 0x03, 0xcc, 0x45, 0x00, 0x00]);
    assert!(capture::clean(&file).is_err());
    fs::write(&file, "no pcap").unwrap();
    assert!(capture::link_type(&file).is_err());
    assert!(capture::clean(&file).is_err());
}
