//! How frames flow: who waits for whom, what is answered, what is lost and told.

use std::io::IoSlice;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use wanbox_rig::{Error, Result, ensure, until};
use wanbox_wire::api::{Content, Kind, Reason, Refused, Repr, flags, parse_lost};

use super::{
    Application, DATA, NEEDS, SOON, api, counter, frame_relay, hdlc, number_of, numbered, tagged,
};
use crate::network::{Channel, DEVICE, End, Over, Pair};
use crate::test;

pub fn tests() -> Vec<Trial> {
    vec![
        test("api::committed_rate", NEEDS, committed_rate),
        test("api::sent_and_gone", NEEDS, sent_and_gone),
        test("api::slow_reader", NEEDS, slow_reader),
        test("api::all_frames_reach_the_line", NEEDS, all_frames),
        test("api::slow_line_back_pressure", NEEDS, slow_line),
        test("api::streaming_loses_nothing", NEEDS, streaming),
        test(
            "api::every_frame_is_answered",
            NEEDS,
            every_frame_is_answered,
        ),
    ]
}

/// The committed rate holds frames back and marks those beyond it.
fn committed_rate() -> Result {
    let mut end = End::frame_relay("NODE", "NO", &[16]);
    end.channels = vec![Channel {
        keys: "CIR = 64\nBC = 64\nBE = 64\n".to_owned(),
        ..api(16)
    }];
    let mut other = End::frame_relay("CPE", "NO", &[16]);
    other.channels = vec![api(16)];
    let pair = Pair::up(Over::Cable, &end, &other)?;
    let mut a = Application::new(&pair.a, &api(16))?;
    let mut b = Application::new(&pair.b, &api(16))?;
    // 40 frames of 8 kbit: 8 committed and 8 in excess at once, the others as both come in, 64
    // kbit each a second.
    let started = Instant::now();
    for number in 0..40 {
        a.send(tagged(number), &numbered(number, 1000))?;
    }
    let mut eligible = 0;
    for number in 0..40 {
        let message = b.next_of(Kind::Data)?;
        ensure!(number_of(&message.payload)? == number, "order");
        eligible += u32::from(message.header.flags & flags::DE != 0);
        ensure!(a.next_of(Kind::Sent)?.header.tag == number, "answers");
    }
    let took = started.elapsed();
    ensure!(took > Duration::from_millis(900), "all went in {took:?}");
    ensure!(eligible >= 8, "{eligible} discard eligible");
    Ok(())
}

/// What an application sent before it went away is sent all the same.
fn sent_and_gone() -> Result {
    let pair = frame_relay(&[])?;
    let mut b = Application::new(&pair.b, &api(16))?;
    for round in 0..5 {
        let a = Application::silent(&pair.a, &api(16))?;
        for number in 0..40 {
            a.send(DATA, &numbered(round * 40 + number, 200))?;
        }
        // The status was not read: the daemon's end of it is reset.
        drop(a);
        for number in 0..40 {
            let message = b.next_of(Kind::Data)?;
            ensure!(number_of(&message.payload)? == round * 40 + number, "order");
        }
    }
    Ok(())
}

/// One that does not read: the frames it missed are counted, and told where they are missing.
/// Other channels do not suffer.
fn slow_reader() -> Result {
    const FRAMES: u32 = 20_000;
    let pair = frame_relay(&[api(17)])?;
    let a = Application::new(&pair.a, &api(16))?;
    let mut b = Application::new(&pair.b, &api(16))?;
    let a2 = Application::new(&pair.a, &api(17))?;
    let mut b2 = Application::new(&pair.b, &api(17))?;
    for number in 0..FRAMES {
        a.send(DATA, &numbered(number, 500))?;
        if number % 1000 == 0 {
            a2.send(DATA, &numbered(number, 100))?;
            let message = b2.next_of(Kind::Data)?;
            ensure!(number_of(&message.payload)? == number, "the other channel");
        }
    }
    let received = || counter(&pair.b, &api(16), "rx_packets");
    let lost = || counter(&pair.b, &api(16), "api_rx_lost");
    until("all frames to have come over", SOON, || {
        Ok(received()? + lost()? == u64::from(FRAMES))
    })?;
    let (received, lost) = (received()?, lost()?);
    ensure!(lost > 1000, "only {lost} were lost: nothing was tested");
    let (mut next, mut missing, mut frames) = (0, 0, 0);
    while next < FRAMES {
        let message = b.next()?;
        match message.header.kind {
            Kind::Data => {
                ensure!(number_of(&message.payload)? == next, "the gap is elsewhere");
                next += 1;
                frames += 1;
            }
            Kind::Lost => {
                let gap = parse_lost(&message.payload).map_err(|e| Error::new(e.to_string()))?;
                next += gap as u32;
                missing += gap;
            }
            _ => {}
        }
    }
    ensure!(
        (frames, missing) == (received, lost),
        "read {frames} and {missing} missing; counted {received} and {lost}"
    );
    // And it goes on.
    a.send(DATA, &numbered(FRAMES, 500))?;
    let message = b.next_of(Kind::Data)?;
    ensure!(number_of(&message.payload)? == FRAMES, "after the gap");
    Ok(())
}

/// A hundred thousand frames, as fast as the line takes them: each is answered as sent, and each
/// arrives or is told as missing.
fn all_frames() -> Result {
    const FRAMES: u32 = 100_000;
    let pair = frame_relay(&[])?;
    let mut a = Application::new(&pair.a, &api(16))?;
    let mut b = Application::new(&pair.b, &api(16))?;
    let reader = thread::spawn(move || -> Result<(u32, u64)> {
        let (mut next, mut missing) = (0, 0);
        while next < FRAMES {
            let message = b.next()?;
            match message.header.kind {
                Kind::Data => {
                    ensure!(number_of(&message.payload)? == next, "order");
                    next += 1;
                }
                Kind::Lost => {
                    let gap =
                        parse_lost(&message.payload).map_err(|e| Error::new(e.to_string()))?;
                    next += gap as u32;
                    missing += gap;
                }
                _ => {}
            }
        }
        Ok((next, missing))
    });
    let mut answered = 0;
    for number in 0..FRAMES {
        a.send(tagged(number), &numbered(number, 64))?;
        // At most so many answers may wait before the daemon waits for us.
        while number + 1 - answered > 30 {
            ensure!(a.next_of(Kind::Sent)?.header.tag == answered, "answers");
            answered += 1;
        }
    }
    while answered < FRAMES {
        ensure!(a.next_of(Kind::Sent)?.header.tag == answered, "answers");
        answered += 1;
    }
    let (all, missing) = reader
        .join()
        .map_err(|_| Error::new("the reader panicked"))??;
    ensure!(all == FRAMES, "{all} frames");
    let sent = counter(&pair.a, &api(16), "tx_packets")?;
    ensure!(sent == u64::from(FRAMES), "{sent} frames sent");
    ensure!(
        counter(&pair.b, &api(16), "api_rx_lost")? == missing,
        "{missing} missing"
    );
    Ok(())
}

/// A sender waits for a paced line, and nothing is lost on the way to it.
fn slow_line() -> Result {
    const FRAMES: u32 = 500;
    let end = |station: &str| {
        let mut end = End::frame_relay(station, "NO", &[16]);
        end.keys += "CLOCKING = INTERNAL\nBAUDRATE = 2000000\n";
        end.channels = vec![api(16)];
        end
    };
    let pair = Pair::up(Over::Cable, &end("NODE"), &end("CPE"))?;
    let a = Application::new(&pair.a, &api(16))?;
    let mut b = Application::new(&pair.b, &api(16))?;
    let started = Instant::now();
    let sender = thread::spawn(move || -> Result<Duration> {
        for number in 0..FRAMES {
            a.send(DATA, &numbered(number, 1000))?;
        }
        let took = started.elapsed();
        // The connection stays until the daemon has read everything.
        drop(a);
        Ok(took)
    });
    for number in 0..FRAMES {
        let message = b.next_of(Kind::Data)?;
        ensure!(number_of(&message.payload)? == number, "lost or disordered");
    }
    let took = started.elapsed();
    let sending = sender
        .join()
        .map_err(|_| Error::new("the sender panicked"))??;
    // 500 frames of 1000 octets are 2 s at 2 Mbit/s.
    ensure!(took > Duration::from_millis(1800), "all went in {took:?}");
    ensure!(
        sending > Duration::from_millis(500),
        "the sender did not wait: {sending:?}"
    );
    Ok(())
}

/// On streaming HDLC the line waits for a slow application: a hundred thousand frames, none lost.
fn streaming() -> Result {
    const FRAMES: u32 = 100_000;
    let (pair, channel) = hdlc("HDLC_STREAMING = YES\n")?;
    let a = Application::new(&pair.a, &channel)?;
    let mut b = Application::new(&pair.b, &channel)?;
    ensure!(b.status(1)?.content == Content::Hdlc, "content");
    let sender = thread::spawn(move || -> Result<Application> {
        for number in 0..FRAMES {
            // Some look like IP packets, which is nobody's business here.
            a.send(DATA, &numbered(number + 0x4500_0000, 40))?;
        }
        Ok(a)
    });
    for number in 0..FRAMES {
        if number % 10_000 == 0 {
            thread::sleep(Duration::from_millis(200));
        }
        let message = b.next_of(Kind::Data)?;
        ensure!(
            number_of(&message.payload)? == number + 0x4500_0000,
            "lost or disordered at {number}"
        );
    }
    sender
        .join()
        .map_err(|_| Error::new("the sender panicked"))??;
    ensure!(counter(&pair.b, &channel, "api_rx_lost")? == 0, "lost");
    let paused = counter(&pair.b, &channel, "api_line_paused")?;
    ensure!(paused > 0, "the line never waited: nothing was tested");
    Ok(())
}

/// A slow line is cut under load: what it had not taken is refused, and every frame that asked
/// has its one answer, in order.
fn every_frame_is_answered() -> Result {
    let end = |station: &str| {
        let mut end = End::frame_relay(station, "NO", &[16]);
        end.keys += "CLOCKING = INTERNAL\nBAUDRATE = 64000\n";
        end.channels = vec![api(16)];
        end
    };
    let pair = Pair::up(Over::Cable, &end("NODE"), &end("CPE"))?;
    let mut a = Application::new(&pair.a, &api(16))?;
    // The queue of the line, then the daemon's, then the socket's: as many as go.
    let mut frames = 0;
    let full = || Instant::now() + Duration::from_millis(500);
    let mut until_full = full();
    while Instant::now() < until_full {
        let header = Repr {
            length: 1000,
            ..tagged(frames)
        };
        let (octets, payload) = (header.octets(), numbered(frames, 1000));
        let pieces = [IoSlice::new(&octets), IoSlice::new(&payload)];
        if a.socket.send_pieces(&pieces).is_ok() {
            frames += 1;
            until_full = full();
        }
        thread::sleep(Duration::from_micros(500));
    }
    pair.a.ok(&format!("wanconfig card {DEVICE} line cut"))?;
    let (mut sent, mut lost, mut down) = (0, 0, 0);
    for tag in 0..frames {
        let message = loop {
            let message = a.next()?;
            if message.header.kind != Kind::Status {
                break message;
            }
        };
        ensure!(message.header.tag == tag, "{:?} for {tag}", message.header);
        if message.header.kind == Kind::Sent {
            sent += 1;
            continue;
        }
        match Refused::parse(&message.payload).map(|refused| refused.reason) {
            Ok(Reason::LineLost) => lost += 1,
            Ok(Reason::LinkDown) => down += 1,
            other => return Err(Error::new(format!("{other:?}"))),
        }
    }
    ensure!(
        sent > 0 && lost > 0 && down > 0,
        "{sent} sent, {lost} lost, {down} refused of {frames}"
    );
    Ok(())
}
