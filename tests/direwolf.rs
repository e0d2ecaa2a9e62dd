//! `net` at direwolf, a controller in software, whose sound comes from a pipe and goes nowhere.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::{Need, Netns, Result, Running, TempDir, ensure, until};

use crate::net_devices::Station;
use crate::test;

pub fn tests() -> Vec<Trial> {
    vec![test(
        "direwolf::frames_both_ways",
        &[
            Need::Namespaces,
            Need::Tool("ip"),
            Need::Tool("direwolf"),
            Need::Tool("gen_packets"),
        ],
        both_ways,
    )]
}

const LIMIT: Duration = Duration::from_secs(60);

/// Its settings, and the station's.
const DIREWOLF: &str =
    "ADEVICE stdin null\nCHANNEL 0\nMYCALL N0CALL\nMODEM 1200\nAGWPORT 0\nKISSPORT 8001\n";
const STATION: &str = "ax25 mycall DB0ZZZ\n\
    ip address 44.128.4.4\n\
    attach asy 7f000001 8001 kissui tnc0 0 256 9600\n\
    route add 44.128.4.0/24 tnc0\n\
    param tnc0 txdelay 30\n\
    start kiss tnc0 8002\n";

/// UI from N0PRA to QST in KISS.
const HELLO: &[u8] =
    b"\xc0\x00\xa2\xa6\xa8\x40\x40\x40\xe0\x9c\x60\xa0\xa4\x82\x40\x61\x03\xf0hello\xc0";
/// WB2OSZ as it is in an address: who speaks in direwolf's own recordings.
const RECORDED: &[u8] = &[0xae, 0x84, 0x64, 0x9e, 0xa6, 0xb4];

fn both_ways() -> Result {
    let netns = Netns::new()?;
    netns.ip("link set lo up")?;
    let dir = TempDir::new()?;
    let settings = dir.path().join("settings");
    let heard = dir.path().join("heard");
    let sound = dir.path().join("sound.wav");
    fs::write(&settings, DIREWOLF)?;
    let mut generate = Command::new("gen_packets");
    netns
        .finish(generate.args(["-n", "3", "-o"]).arg(&sound), LIMIT)?
        .ok()?;
    let log = fs::File::create(&heard)?;
    let mut command = Command::new("direwolf");
    command
        .args(["-t", "0", "-r", "44100", "-c"])
        .arg(&settings)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log);
    let mut child = netns.spawn(&mut command)?;
    let microphone = child.stdin.take();
    let _direwolf = Running::from(child);
    let says = |text: &str| {
        let said = fs::read(&heard)?;
        Ok(String::from_utf8_lossy(&said).contains(text))
    };
    until("direwolf", LIMIT, || says("Ready to accept KISS"))?;

    let station = Station::start(&netns, STATION)?;
    until("the line", LIMIT, || {
        Ok(station.says("asystat tnc0")?.contains("[UP]"))
    })?;
    // The question who has the address, and what a program says by the same line.
    station.run(&["ping 44.128.4.5"])?;
    until("a question on the air", LIMIT, || says("DB0ZZZ>QST"))?;
    let mut program = netns.inside(|| Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, 8002))?))?;
    program.write_all(HELLO)?;
    until("a program on the air", LIMIT, || says("N0PRA>QST:hello"))?;

    // Both hear what is on the air.
    if let Some(mut microphone) = microphone {
        let sound = fs::read(&sound)?;
        microphone.write_all(sound.get(44..).unwrap_or_default())?;
        microphone.write_all(&vec![0; 44_100])?;
        until("the station hears", LIMIT, || {
            Ok(station.says("ax25 heard")?.contains("WB2OSZ"))
        })?;
    }
    let mut octets = [0; 4096];
    program.set_read_timeout(Some(LIMIT))?;
    let got = program.read(&mut octets)?;
    let got = octets.get(..got).unwrap_or_default();
    ensure!(
        got.starts_with(&[0xc0, 0]) && got.windows(6).any(|call| call == RECORDED),
        "{got:x?}"
    );
    // What is sent is not heard.
    let shown = station.says("ax25 heard tnc0")?;
    ensure!(!shown.contains("N0PRA"), "{shown}");
    let counted = station.says("ifconfig tnc0")?;
    ensure!(
        counted.contains("1 clients, sent 1 commands 0"),
        "{counted}"
    );
    Ok(())
}
