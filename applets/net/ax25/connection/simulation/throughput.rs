//! How fast a clean channel is, beside what the parameters allow.

use super::*;

/// Octets of the addresses, the control field and the PID of an I frame.
const I_HEAD: usize = 14 + 1 + 1;

/// Passes packets of `paclen` octets one way as fast as it can.
struct Source {
    node: Node,
    left: usize,
    sink: bool,
    came: usize,
}

impl Source {
    fn new(call: &str, peer: &str, parameters: &Parameters, left: usize) -> Self {
        let link = Connection::new(parameters, 0);
        let link = Link::Ours(Box::new(link));
        let mut node = Node::new(call, peer, link, Random::new(0));
        node.budget = 0;
        Self {
            node,
            left,
            sink: left == 0,
            came: 0,
        }
    }

    fn connection(&mut self) -> &mut Connection {
        match &mut self.node.link {
            Link::Ours(link) => link,
            Link::Strict(_) => unreachable!(),
        }
    }

    fn settle(&mut self, now: Instant) {
        let (left, sink) = (self.left, self.sink);
        let connection = self.connection();
        let paclen = usize::from(connection.parameters().paclen);
        let mut sent = 0;
        let mut packet = vec![0x55; paclen];
        while sent < left && connection.room() > 0 {
            // Two that are the same could be one that came twice.
            packet[..4].copy_from_slice(&((left - sent) as u32).to_be_bytes());
            connection.send(now, pid::TEXT, &packet).unwrap();
            sent += 1;
        }
        let (mut came, mut packet) = (0, Vec::new());
        while sink && connection.read(&mut packet).is_some() {
            came += packet.len();
            packet.clear();
        }
        self.left -= sent;
        self.came += came;
    }
}

impl Endpoint for Source {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        let (header, rest) = Header::parse(frame).unwrap();
        self.connection().receive(now, header.class, rest);
        self.settle(now);
    }
    fn handle_timeout(&mut self, now: Instant) {
        self.connection().handle_timeout(now);
        self.settle(now);
    }
    fn poll_timeout(&self) -> Option<Instant> {
        self.node.poll_timeout()
    }
    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        self.node.poll_transmit(now, frame)
    }
}

/// The share of what can be reached that was, for so many windows.
fn share(channel: Channel, parameters: &Parameters, window: usize, windows: usize) -> f64 {
    let frames = windows * window;
    let paclen = usize::from(parameters.paclen);
    let mut radio = Radio::new(7, channel);
    radio.add(|_| Source::new("DB0SAO", "N0PRA", parameters, frames));
    radio.add(|_| Source::new("N0PRA", "DB0SAO", parameters, 0));
    let now = radio.now();
    radio.stations[1].connection().listen();
    radio.stations[0].connection().connect(now);
    let took = radio.run_until(100_000 * SECOND, |radio| {
        radio.stations[1].came == frames * paclen
    });
    let took = took.unwrap().as_secs_f64();

    // A cycle: the sender gets the channel, a window of frames, then the receiver gets it and
    // acknowledges. What is acknowledged waits for T2, unless that has run out before the next frame.
    let extended = usize::from(parameters.extended == Extended::Offered);
    let frame = channel.air_time(I_HEAD + extended + paclen).as_secs_f64();
    let acknowledgement = channel.air_time(I_HEAD - 1 + extended).as_secs_f64();
    let waits = (1.0 / channel.persistence - 1.0) * channel.slot.as_secs_f64();
    let turn = waits + (channel.tx_delay + channel.tx_tail).as_secs_f64();
    let t2 = f64::from(parameters.t2) / 1000.0;
    let late = if window == 1 || frame < t2 {
        t2 - channel.tx_tail.as_secs_f64()
    } else {
        0.0
    };
    let cycle = 2.0 * turn + window as f64 * frame + acknowledgement + late;
    let reachable = cycle * frames as f64 / window as f64;
    reachable / took
}

#[test]
fn a_clean_channel_is_used_as_far_as_the_parameters_allow() {
    let mut shares = Vec::new();
    for (maxframe, paclen) in [(1, 256), (2, 256), (4, 128), (7, 256), (7, 64)] {
        for persistence in [0.25, 1.0] {
            let channel = Channel {
                persistence,
                ..Channel::FM_1200
            };
            let parameters = Parameters {
                maxframe,
                paclen,
                ..Parameters::default()
            };
            let share = share(channel, &parameters, maxframe.into(), 100);
            shares.push((
                maxframe,
                paclen,
                persistence,
                (share * 1000.0).round() / 1000.0,
            ));
        }
    }
    let parameters = Parameters {
        maxframe_extended: 16,
        extended: Extended::Offered,
        t1: 3000,
        ..Parameters::default()
    };
    let fast = Channel {
        rate: 9600,
        tx_delay: Duration::from_millis(100),
        ..Channel::FM_1200
    };
    let share = share(fast, &parameters, 16, 400);
    shares.push((16, 256, 0.25, (share * 1000.0).round() / 1000.0));
    assert!(
        shares.iter().all(|(_, _, _, share)| *share > 0.95),
        "{shares:?}"
    );
}

#[test]
fn lost_frames_cost_what_they_must() {
    let mut shares = Vec::new();
    for (window, paclen, least) in [(1, 128, 0.7), (4, 128, 0.6), (7, 256, 0.5), (16, 256, 0.4)] {
        let extended = window > 7;
        let parameters = Parameters {
            maxframe: window.min(7),
            maxframe_extended: window,
            paclen,
            retry: 0,
            extended: if extended {
                Extended::Offered
            } else {
                Extended::Accepted
            },
            ..Parameters::default()
        };
        // With a fifth lost the window stays small, but nothing stands still.
        for (loss, least) in [(0.1, least), (0.2, 0.05)] {
            let channel = Channel {
                loss,
                rate: if extended { 9600 } else { 1200 },
                ..Channel::FM_1200
            };
            let share = share(channel, &parameters, window.into(), 100);
            shares.push((window, loss, share, share > least));
        }
    }
    assert!(shares.iter().all(|(_, _, _, enough)| *enough), "{shares:?}");
}
