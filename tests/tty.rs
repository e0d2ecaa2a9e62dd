//! Devices with a terminal in the place of an interface.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use wanbox_link::framing::{Decoder, Encoder};
use wanbox_rig::{Error, Need, Result, Router, ensure, until};
use wanbox_wire::pcap;

use crate::network::{DEVICE, End, Over, Pair, UP, install};
use crate::test;

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];

/// The longest that octets take through quick lines, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

pub fn tests() -> Vec<Trial> {
    vec![
        test("tty::characters_over_a_cable", NEEDS, || {
            let pair = Pair::started(Over::Cable, &end("ASYNC"), &end("ASYNC"))?;
            characters(&pair).map_err(|error| pair.explain(error))
        }),
        test("tty::characters_over_udp", NEEDS, || {
            // Datagrams may be lost: fewer than the socket holds are not.
            let pair = Pair::started(Over::Udp, &end("ASYNC"), &end("ASYNC"))?;
            let (mut a, mut b) = (wait_open(&pair.a)?, wait_open(&pair.b)?);
            transfer(&mut a, &mut b, &octets(32 * 1024, 1))
        }),
        test("tty::characters_over_tcp", NEEDS, || {
            characters(&over_tcp()?)
        }),
        test("tty::frames", NEEDS, frames),
        test("tty::slow_reader_of_frames", NEEDS, slow_reader),
        test("tty::one_device_has_a_terminal", NEEDS, one_device),
    ]
}

fn end(mode: &str) -> End {
    End {
        keys: format!("TTY = YES\nTTY_MINOR = 2\nTTY_MODE = {mode}\n"),
        channels: Vec::new(),
        ..End::cisco_hdlc()
    }
}

fn over_tcp() -> Result<Pair> {
    let end = end("ASYNC");
    let pair = Pair::new(Over::Udp, &end, &end)?;
    install(&pair.a, &end, "tcp-listen:192.0.2.1:7000", 0)?;
    install(&pair.b, &end, "tcp:192.0.2.1:7000", 1)?;
    pair.a.ok("wanrouter start")?;
    pair.b.ok("wanrouter start")?;
    Ok(pair)
}

/// Opens the terminal of a router.
fn open(router: &Router) -> Result<File> {
    Ok(File::options()
        .read(true)
        .write(true)
        .custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY)
        .open(router.path("/dev/ttyWP2"))?)
}

/// Opens it once its line has a carrier, and waits until the daemon knows.
fn wait_open(router: &Router) -> Result<File> {
    until(
        "the link to come up",
        UP,
        || Ok(router.is_connected(DEVICE)),
    )?;
    let file = open(router)?;
    until("the daemon to see the program", UP, || {
        Ok(router.status(DEVICE)?["tty"]["open"] == true)
    })?;
    Ok(file)
}

/// So many octets, every value among them, that differ with `salt`.
fn octets(count: usize, salt: u32) -> Vec<u8> {
    (0..count as u32)
        .map(|n| (n ^ n >> 8 ^ n >> 16).wrapping_add(salt) as u8)
        .collect()
}

/// Reads what is there; a hang-up is an error.
fn read_some(file: &mut File, into: &mut Vec<u8>) -> Result<bool> {
    let mut buffer = [0; 4096];
    match file.read(&mut buffer) {
        Ok(0) => Err(Error::new("hung up")),
        Ok(count) => {
            into.extend_from_slice(&buffer[..count]);
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes what is taken.
fn write_some(file: &mut File, rest: &mut &[u8]) -> Result<bool> {
    if rest.is_empty() {
        return Ok(false);
    }
    match file.write(rest) {
        Ok(count) => {
            *rest = &rest[count..];
            Ok(count > 0)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn transfer(from: &mut File, to: &mut File, sent: &[u8]) -> Result {
    let (mut rest, mut received) = (sent, Vec::new());
    let started = Instant::now();
    while received.len() < sent.len() {
        let busy = write_some(from, &mut rest)? | read_some(to, &mut received)?;
        ensure!(
            started.elapsed() < SOON,
            "{} of {} octets, {} not taken",
            received.len(),
            sent.len(),
            rest.len()
        );
        if !busy {
            thread::sleep(Duration::from_micros(500));
        }
    }
    ensure!(received == sent, "damaged on the way");
    Ok(())
}

fn counter(router: &Router, name: &str) -> Result<u64> {
    let text = router.ok(&format!("wanconfig card {DEVICE} counters --json"))?;
    let all = wanbox_rig::json::parse(&text)?;
    all["tty"][name]
        .as_u64()
        .ok_or_else(|| Error::new(format!("no counter {name}: {text}")))
}

fn characters(pair: &Pair) -> Result {
    let (mut a, mut b) = (wait_open(&pair.a)?, wait_open(&pair.b)?);
    let (there, back) = (octets(512 * 1024, 0), octets(512 * 1024, 77));
    transfer(&mut a, &mut b, &there)?;
    transfer(&mut b, &mut a, &back)?;
    // Nobody reads until nothing more is taken, at either end: nothing is lost.
    let (mut to_b, mut to_a) = (there.as_slice(), back.as_slice());
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_millis(500) {
        if write_some(&mut a, &mut to_b)? | write_some(&mut b, &mut to_a)? {
            quiet = Instant::now();
        }
        thread::sleep(Duration::from_micros(200));
    }
    let (mut at_a, mut at_b) = (Vec::new(), Vec::new());
    let started = Instant::now();
    while (at_a.len(), at_b.len()) != (back.len(), there.len()) {
        let busy = write_some(&mut a, &mut to_b)?
            | write_some(&mut b, &mut to_a)?
            | read_some(&mut a, &mut at_a)?
            | read_some(&mut b, &mut at_b)?;
        if started.elapsed() > SOON {
            let error = format!(
                "{} and {} octets, {} and {} not taken",
                at_a.len(),
                at_b.len(),
                to_a.len(),
                to_b.len()
            );
            return Err(Error::new(error));
        }
        if !busy {
            thread::sleep(Duration::from_micros(500));
        }
    }
    ensure!(at_a == back && at_b == there, "damaged on the way");
    for router in [&pair.a, &pair.b] {
        ensure!(
            counter(router, "rx_nobody")? == 0,
            "characters were dropped"
        );
    }
    let status = pair.a.status(DEVICE)?;
    ensure!(
        status["tty"]["mode"] == "ASYNC" && status["tty"]["usage"] == "TTY",
        "{status}"
    );

    // The line goes: both programs see it, and the terminal is there again under its name.
    let before = fs::read_link(pair.a.path("/dev/ttyWP2"))?;
    pair.b.ok(&format!("wanconfig card {DEVICE} line cut"))?;
    for (router, file) in [(&pair.a, &mut a), (&pair.b, &mut b)] {
        until("the hang-up", UP, || {
            Ok(read_some(file, &mut Vec::new()).is_err())
        })?;
        ensure!(!router.is_connected(DEVICE), "still connected");
        ensure!(counter(router, "hang_ups")? == 1, "hang-ups");
    }
    let after = fs::read_link(pair.a.path("/dev/ttyWP2"))?;
    ensure!(before != after, "{} is still there", before.display());
    drop((a, b));
    pair.b.ok(&format!("wanconfig card {DEVICE} line join"))?;
    // A cable may come and go once more while its ends find each other.
    until("characters to pass again", UP, || {
        let (mut a, mut b) = (wait_open(&pair.a)?, wait_open(&pair.b)?);
        Ok(transfer(&mut a, &mut b, &octets(1000, 3)).is_ok())
    })?;
    pair.a.ok("wanrouter stop")?;
    ensure!(
        fs::symlink_metadata(pair.a.path("/dev/ttyWP2")).is_err(),
        "the terminal is left"
    );
    Ok(())
}

/// Frames as pppd has them go in at one end and come out at the other; the line has whole ones.
fn frames() -> Result {
    let pair = Pair::started(Over::Cable, &end("SYNC"), &end("SYNC"))?;
    let (mut a, mut b) = (wait_open(&pair.a)?, wait_open(&pair.b)?);
    let file = pair.capture(&pair.a, "line.pcap")?;
    let frames: Vec<Vec<u8>> = (0..200)
        .map(|n| {
            let mut frame = vec![0xff, 3, 0, 0x21];
            frame.extend(octets(1 + n * 7 % 1500, n as u32));
            frame
        })
        .collect();
    for there in [true, false] {
        let (from, to) = if there {
            (&mut a, &mut b)
        } else {
            (&mut b, &mut a)
        };
        let encoder = Encoder::new(0);
        // A damaged one on the way is nobody's.
        let mut line = b"~wrong check~".to_vec();
        let (mut next, mut written, mut came) = (frames.iter(), 0, Vec::new());
        // Every control character is escaped: none that comes unescaped counts.
        let mut decoder = Decoder::new(2000, u32::MAX);
        let started = Instant::now();
        while came.len() < frames.len() {
            // Who does not read in time loses frames.
            if line.is_empty()
                && written < came.len() + 10
                && let Some(frame) = next.next()
            {
                encoder.encode(frame, true, &mut line);
                written += 1;
            }
            let (mut rest, mut octets) = (line.as_slice(), Vec::new());
            let busy = write_some(from, &mut rest)? | read_some(to, &mut octets)?;
            line.drain(..line.len() - rest.len());
            decoder.decode(&octets, |frame| came.push(frame.to_vec()));
            ensure!(started.elapsed() < SOON, "{} frames", came.len());
            if !busy {
                thread::sleep(Duration::from_micros(500));
            }
        }
        ensure!(came == frames, "other frames came");
    }
    pair.end_capture(&pair.a)?;
    captured(&file, &[frames.as_slice(), frames.as_slice()].concat())?;
    for router in [&pair.a, &pair.b] {
        ensure!(counter(router, "tx_frames")? == 200, "frames");
        until("the damaged frame", UP, || {
            Ok(counter(router, "tx_crc")? == 1)
        })?;
    }
    Ok(())
}

/// The capture has these frames.
fn captured(file: &Path, frames: &[Vec<u8>]) -> Result {
    let octets = fs::read(file)?;
    let mut found = Vec::new();
    for record in pcap::Reader::new(&octets)? {
        found.push(record?.frame.to_vec());
    }
    ensure!(found == frames, "{} frames captured", found.len());
    Ok(())
}

/// Another device is refused the same terminal, and does not disturb it.
fn one_device() -> Result {
    let pair = Pair::started(Over::Cable, &end("ASYNC"), &end("ASYNC"))?;
    let (mut a, mut b) = (wait_open(&pair.a)?, wait_open(&pair.b)?);
    let conf = end("SYNC").configuration("cable:other");
    pair.a.write(
        "/etc/wanpipe/wanpipe2.conf",
        &conf.replace(DEVICE, "wanpipe2"),
    )?;
    let refused = pair.a.run("wanrouter start wanpipe2")?;
    let said = refused.stdout + &refused.stderr;
    ensure!(
        refused.code != 0 && said.contains("TTY_MINOR = 2: that terminal is another device's"),
        "{said}"
    );
    transfer(&mut a, &mut b, &octets(1000, 5))?;
    pair.a.ok("wanrouter stop wanpipe1")?;
    pair.a.ok("wanrouter start wanpipe2")?;
    ensure!(
        fs::symlink_metadata(pair.a.path("/dev/ttyWP2")).is_ok(),
        "no terminal"
    );
    Ok(())
}

/// Frames that nobody reads are dropped and counted, those that are read are whole.
fn slow_reader() -> Result {
    let pair = Pair::started(Over::Cable, &end("SYNC"), &end("SYNC"))?;
    let (mut a, mut b) = (wait_open(&pair.a)?, wait_open(&pair.b)?);
    let (encoder, mut line) = (Encoder::new(0), Vec::new());
    for n in 0..1000u32 {
        encoder.encode(
            &[[0xff, 3].as_slice(), &octets(1000, n)].concat(),
            true,
            &mut line,
        );
    }
    let mut rest = line.as_slice();
    until("the frames to be taken", SOON, || {
        while write_some(&mut a, &mut rest)? {}
        Ok(rest.is_empty())
    })?;
    until("all to be counted", SOON, || {
        let all = counter(&pair.b, "rx_frames")? + counter(&pair.b, "rx_full")?;
        Ok(all == 1000)
    })?;
    let taken = counter(&pair.b, "rx_frames")?;
    ensure!((1..1000).contains(&taken), "{taken} frames taken");
    let mut decoder = Decoder::new(2000, u32::MAX);
    let mut came = 0;
    until("the frames that were taken", SOON, || {
        let mut octets = Vec::new();
        while read_some(&mut b, &mut octets)? {}
        decoder.decode(&octets, |frame| came += u64::from(frame.len() == 1002));
        Ok(came >= taken)
    })?;
    ensure!(came == taken && decoder.stats().crc == 0, "{came} frames");
    Ok(())
}
