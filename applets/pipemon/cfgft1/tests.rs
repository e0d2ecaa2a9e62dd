use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use wanbox_wire::pipemon::opcode::chdlc;
use wanbox_wire::pipemon::{Message, code};

use super::*;
use crate::fake::{Fake, Fault, INTERFACE};
use crate::scripts::{cisco, words};

/// A run against the fake daemon below its root.
fn attempt(fake: &Fake, line: &str) -> Result<String, Failure> {
    let line = format!("--root {} {line}", fake.root());
    let args: Args = argv::read(NAME, &words(&line)).unwrap_or_else(|_| panic!("{line}"));
    let mut out = Vec::new();
    perform(&args, &mut out).map(|()| String::from_utf8(out).unwrap())
}

fn with_interface(fake: &Fake) {
    let path = fake.file("run/wanbox/net/wanrouter/interfaces");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text =
        format!("Interface | Device | Media\nwp9 | wanpipe10 | |\n{INTERFACE} | wanpipe1 | |\n");
    std::fs::write(path, text).unwrap();
}

const FILE: &str = "Framing = D4\nEncoding = AMI\nLine Build = DSX: 133-266ft\nChannel = 2\n\
                    Baud = 112\nClocking = Master\n";

#[test]
fn a_file_is_set_and_recorded() {
    let fake = Fake::start(cisco, Fault::None);
    with_interface(&fake);
    let file = fake.file("settings");
    std::fs::write(&file, FILE).unwrap();
    std::fs::create_dir_all(fake.file("etc/wanpipe")).unwrap();
    let line = format!("wanpipe1 {}", file.display());
    assert_eq!(attempt(&fake, &line).unwrap(), FILE);
    assert_eq!(
        fake.asked_in_all(),
        [(
            chdlc::SET_FT1_CONFIG,
            0,
            vec![1, 0, 1, 0, 1, 0, 2, 0, 112, 0, 1, 0]
        )]
    );
    let record = std::fs::read_to_string(fake.file("etc/wanpipe/wanpipe1.cfgft1")).unwrap();
    assert!(record.ends_with(FILE), "{record}");
    let json = attempt(&fake, "wanpipe1 --show --json").unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json).unwrap(),
        json!({
            "device": "wanpipe1", "framing": "D4", "encoding": "AMI",
            "line_build": "DSX: 133-266ft", "channel": 2, "kbps": 112, "clocking": "Master",
        })
    );
    // One setting on top of the record.
    let text = attempt(&fake, "wanpipe1 --set baud=56 --set framing=esf").unwrap();
    assert_eq!(text, FILE.replace("112", "56").replace("D4", "ESF"));
    assert_eq!(attempt(&fake, "wanpipe1 --show").unwrap(), text);
}

#[test]
fn the_unit_is_read() {
    let fake = Fake::start(cisco, Fault::None);
    std::fs::create_dir_all(fake.file("etc/wanpipe")).unwrap();
    let text = attempt(&fake, &format!("wanpipe1 --read -i {INTERFACE}")).unwrap();
    assert_eq!(
        text,
        "Framing = D4\nEncoding = AMI\nLine Build = CSU -7dB\nChannel = 3\nBaud = 1344\n\
         Clocking = Master\n"
    );
    // A unit that has odd settings is recorded as it is, and they are refused when set again.
    let failure = attempt(&fake, "wanpipe1 --check").unwrap_err();
    assert!(
        failure.text.contains("from channel 3 on there are 22"),
        "{}",
        failure.text
    );
}

#[test]
fn a_unit_that_searches_is_asked_until_it_has_found() {
    static LOOKS: AtomicU32 = AtomicU32::new(0);
    static STARTED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    fn searching(request: &Message<'_>) -> Option<(u8, Vec<u8>)> {
        let settings = |kbps: u16| {
            let words = [0_u16, 0, 0, 1, kbps, 0];
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        match request.opcode() {
            chdlc::SET_FT1_CONFIG => {
                *STARTED.lock().unwrap() = request.data().to_vec();
                Some((code::OK, Vec::new()))
            }
            chdlc::READ_FT1_CONFIG => match LOOKS.fetch_add(1, Ordering::Relaxed) {
                0 => Some((0x08, settings(64))),
                1 => Some((0x08, settings(128))),
                _ => Some((code::OK, settings(768))),
            },
            _ => None,
        }
    }
    let fake = Fake::start(searching, Fault::None);
    std::fs::create_dir_all(fake.file("etc/wanpipe")).unwrap();
    let text = attempt(&fake, &format!("wanpipe1 --auto -i {INTERFACE}")).unwrap();
    assert!(
        text.starts_with("trying 64 kbit/s\ntrying 128 kbit/s\nFraming = ESF\n"),
        "{text}"
    );
    assert!(text.contains("Baud = 768\n"), "{text}");
    assert_eq!(STARTED.lock().unwrap().get(8..10), Some(&[0xff, 0xff][..]));
}

#[test]
fn what_is_wrong_is_said_before_the_unit_is_asked() {
    fn none(_: &Message<'_>) -> Option<(u8, Vec<u8>)> {
        Some((code::CHDLC_NO_FT1, Vec::new()))
    }
    let fake = Fake::start(none, Fault::None);
    with_interface(&fake);
    for (line, exit, says) in [
        (
            "wanpipe1 --set baud",
            Exit::USAGE,
            "'baud' is not KEY=VALUE",
        ),
        (
            "wanpipe1 --set baud=1",
            Exit::USAGE,
            "baud 1 is no multiple of 64",
        ),
        (
            "wanpipe1 --set speed=1",
            Exit::USAGE,
            "speed: unknown key; allowed: Framing",
        ),
        ("wanpipe1 --read --auto", Exit::USAGE, "only one of"),
        ("wanpipe1 --read file", Exit::USAGE, "a file goes alone"),
        ("wanpipe1", Exit::USAGE, "menus need a terminal"),
        ("wan/pipe --read", Exit::USAGE, "wan/pipe"),
        ("wanpipe2 --read", Exit::ABSENT, "wanpipe2 is not running"),
        ("wanpipe1 /nonexistent", Exit::FAILED, "/nonexistent"),
        ("wanpipe1 --show", Exit::FAILED, "wanpipe1.cfgft1"),
    ] {
        let failure = attempt(&fake, line).unwrap_err();
        assert_eq!(failure.exit, exit, "{line}: {}", failure.text);
        assert!(failure.text.contains(says), "{line}: {}", failure.text);
    }
    assert_eq!(fake.asked_in_all(), []);
    let failure = attempt(&fake, "wanpipe1 --read").unwrap_err();
    assert_eq!(failure.exit, Exit::FAILED);
    assert_eq!(failure.text, "cfgft1: there is no CSU/DSU on this line");
}
