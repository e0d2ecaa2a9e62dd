//! Tests of the link: procedures by table, and two ends in the simulator.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_sim::{Clock, Endpoint, Impairments, Pair};

use super::*;

mod data;
mod faults;
mod management;
mod raw;
mod simulation;

/// One second.
const SECOND: Duration = Duration::from_secs(1);

impl Endpoint for FrameRelay {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        Engine::receive(self, now, frame);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Engine::handle_timeout(self, now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Engine::poll_timeout(self)
    }

    fn poll_transmit(&mut self, _now: Instant, frame: &mut Vec<u8>) -> bool {
        Engine::poll_transmit(self, frame)
    }
}

fn cpe(signalling: Signalling) -> Config {
    Config {
        signalling,
        ..Config::default()
    }
}

fn node(signalling: Signalling) -> Config {
    Config {
        station: Station::Node,
        signalling,
        ..Config::default()
    }
}

/// A link with channels 0, 1, ... of these DLCIs and the carrier up.
fn link(now: Instant, config: Config, dlcis: &[u16]) -> FrameRelay {
    let mut link = FrameRelay::new(config).unwrap();
    for (id, dlci) in (0..).zip(dlcis) {
        link.add_channel(now, ChannelId(id), ChannelConfig::new(*dlci))
            .unwrap();
    }
    link.carrier(now, true);
    link
}

fn pair(a: Config, b: Config, dlcis: &[u16]) -> Pair<FrameRelay> {
    Pair::new(
        1,
        Impairments::NONE,
        |now| link(now, a, dlcis),
        |now| link(now, b, dlcis),
    )
}

fn frames(link: &mut FrameRelay) -> Vec<Vec<u8>> {
    let mut frame = Vec::new();
    let mut frames = Vec::new();
    while Engine::poll_transmit(link, &mut frame) {
        frames.push(frame.clone());
    }
    frames
}

fn events(link: &mut FrameRelay) -> Vec<Event> {
    std::iter::from_fn(|| link.poll_event()).collect()
}

/// All channels carry data.
fn all_up(link: &FrameRelay) -> bool {
    link.link_up() && link.channels.iter().flatten().all(|channel| channel.up)
}
