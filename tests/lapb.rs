//! LAPB frames as tshark sees them. Nothing of the executable speaks LAPB by itself yet: the engines
//! are driven here, and their frames written down as the kernel's lapbether carries them, which is
//! the form that tshark knows.

use std::fs;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use wanbox_link::lapb::{Link, Parameters};
use wanbox_rig::{Need, Result, TempDir, capture, ensure};
use wanbox_wire::lapb::{Role, ethernet};
use wanbox_wire::pcap::{FileHeader, LinkType};

use crate::test;

const NEEDS: &[Need] = &[Need::Tool("tshark")];
/// The address of who sends, on lapbether's Ethernet.
const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 2];
/// Restart request, local procedure error: for I frames tshark looks into the packet layer.
const PACKET: [u8; 5] = [0x10, 0x00, 0xfb, 0x01, 0x00];

pub fn tests() -> Vec<Trial> {
    vec![test("lapb::tshark_knows_every_frame", NEEDS, every_frame)]
}

/// Two links without time between them, and what they said.
struct Talk {
    ends: [Link; 2],
    now: Instant,
    file: Vec<u8>,
    header: FileHeader,
    frames: u32,
}

impl Talk {
    /// Frames go back and forth until both ends are silent; `lost` says which do not arrive.
    fn exchange(&mut self, mut lost: impl FnMut(&[u8]) -> bool) {
        let mut frame = Vec::new();
        let mut silent = false;
        while !std::mem::replace(&mut silent, true) {
            for from in [0, 1] {
                while self.ends[from].poll_transmit(self.now, &mut frame) {
                    silent = false;
                    self.write(&frame);
                    if !lost(&frame) {
                        self.ends[1 - from].receive(self.now, &frame);
                    }
                }
            }
        }
    }

    fn write(&mut self, frame: &[u8]) {
        let mut octets = ethernet::header(SOURCE, frame.len() as u16).to_vec();
        octets.extend_from_slice(frame);
        self.frames += 1;
        let time = Duration::from_millis(self.frames.into());
        self.header.append(time, &octets, &mut self.file);
    }

    fn send(&mut self, packets: usize) -> Result {
        for _ in 0..packets {
            self.ends[0].engine_mut().send(self.now, &PACKET)?;
        }
        Ok(())
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for end in &mut self.ends {
            end.engine_mut().handle_timeout(self.now);
        }
    }
}

fn every_frame() -> Result {
    let header = FileHeader::new(LinkType::Other(1));
    let mut talk = Talk {
        ends: [
            Link::new(Role::Dte, Parameters::default())?,
            Link::new(Role::Dce, Parameters::default())?,
        ],
        now: Instant::now(),
        file: header.encode().to_vec(),
        header,
        frames: 0,
    };
    // Refused, then set up.
    talk.ends[0].engine_mut().connect(talk.now);
    talk.exchange(|_| false);
    talk.ends[1].engine_mut().listen();
    talk.ends[0].engine_mut().connect(talk.now);
    talk.exchange(|_| false);
    // A frame in the middle is lost, then the last one, then the peer is busy.
    talk.send(4)?;
    let mut sent = 0;
    talk.exchange(|_| {
        sent += 1;
        sent == 2
    });
    talk.send(1)?;
    talk.exchange(|frame| frame.len() > 2);
    talk.pass(Duration::from_secs(3));
    talk.exchange(|_| false);
    talk.ends[1].engine_mut().set_busy(true);
    talk.send(2)?;
    talk.exchange(|_| false);
    talk.ends[1].engine_mut().set_busy(false);
    talk.exchange(|_| false);
    ensure!(talk.ends[0].engine().waiting() == 0, "packets are left");
    // N(R) that cannot be: rejected, and the link is reset.
    talk.ends[1].receive(talk.now, &[0x03, 0xc1]);
    talk.exchange(|_| false);
    talk.ends[0].engine_mut().disconnect(talk.now);
    talk.exchange(|_| false);

    let files = TempDir::new()?;
    let file = files.path().join("lapb.pcap");
    fs::write(&file, &talk.file)?;
    capture::clean(&file)?;
    let sent = talk.ends.each_ref().map(|end| end.engine().counters().sent);
    // Modifiers as tshark shifts them. Without a direction every frame is a command to it.
    for (filter, expected) in [
        ("lapb.control.ftype == 0", sent.map(|frames| frames.i)),
        ("lapb.control.s_ftype == 0", sent.map(|frames| frames.rr)),
        ("lapb.control.s_ftype == 1", sent.map(|frames| frames.rnr)),
        ("lapb.control.s_ftype == 2", sent.map(|frames| frames.rej)),
        (
            "lapb.control.u_modifier_cmd == 0x0b",
            sent.map(|frames| frames.sabm),
        ),
        (
            "lapb.control.u_modifier_cmd == 0x10",
            sent.map(|frames| frames.disc),
        ),
        (
            "lapb.control.u_modifier_cmd == 0x03",
            sent.map(|frames| frames.dm),
        ),
        (
            "lapb.control.u_modifier_cmd == 0x18",
            sent.map(|frames| frames.ua),
        ),
        (
            "lapb.control.u_modifier_cmd == 0x21",
            sent.map(|frames| frames.frmr),
        ),
    ] {
        let expected = expected.into_iter().sum::<u32>();
        let found = capture::count(&file, filter)?;
        ensure!(
            expected > 0 && found == expected as usize,
            "{filter}: {found} frames, {expected} were sent"
        );
    }
    let all = capture::count(&file, "lapb")?;
    ensure!(
        all == talk.frames as usize,
        "{all} of {} frames",
        talk.frames
    );
    Ok(())
}
