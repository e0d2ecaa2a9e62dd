//! Connections over lines that lose, that are narrow, or that are none.

use wanbox_net_tcp::{Id, ListenerId, Options, State};

use super::*;
use crate::icmp::kind;

fn options() -> Options {
    Options {
        mss: 1460,
        window: 16_384,
        ..Options::default()
    }
}

pub struct Transfer {
    client: Id,
    server: Option<Id>,
    listener: ListenerId,
    ends: (usize, usize),
}

impl Transfer {
    pub fn open(net: &mut Net, from: usize, to: usize, address: &str) -> Self {
        let listener = net.stations[to].tcp.listen(None, 7, 4, &options()).unwrap();
        let client = net.with(from, |station, now, lines| {
            let client = station
                .tcp_connect(now, 0, (ip(address), 7), &options())
                .unwrap();
            station.flush(now, lines);
            client
        });
        Self {
            client,
            server: None,
            listener,
            ends: (from, to),
        }
    }

    /// Sends octets both ways; how long it took in the simulation.
    pub fn exchange(&mut self, net: &mut Net, octets: usize) -> Duration {
        let data: Vec<u8> = (0..octets).map(|at| (at * 31 + at / 251) as u8).collect();
        let (mut sent, mut received) = ([0usize; 2], [Vec::new(), Vec::new()]);
        let start = net.now;
        while received.iter().any(|received| received.len() < octets) {
            assert!(
                net.now - start < Duration::from_secs(7200),
                "{sent:?} {:?}",
                received.each_ref().map(Vec::len)
            );
            if self.server.is_none() {
                self.server = net.stations[self.ends.1].tcp.accept(self.listener);
            }
            for (side, (at, id)) in [(self.ends.0, Some(self.client)), (self.ends.1, self.server)]
                .into_iter()
                .enumerate()
            {
                let Some(id) = id else {
                    continue;
                };
                net.with(at, |station, now, lines| {
                    sent[side] += station.tcp.send(id, &data[sent[side]..]).unwrap_or(0);
                    let mut buffer = [0; 4096];
                    while let Ok(count @ 1..) = station.tcp.receive(id, &mut buffer) {
                        received[side].extend_from_slice(&buffer[..count]);
                    }
                    station.flush(now, lines);
                });
            }
            net.run(Duration::from_millis(50));
        }
        assert!(received.iter().all(|received| *received == data));
        net.now - start
    }
}

#[test]
fn a_narrow_line_is_found_out() {
    let mut net = chain();
    let mut transfer = Transfer::open(&mut net, 0, 2, "44.2.0.3");
    let time = transfer.exchange(&mut net, 50_000);
    assert!(time < Duration::from_secs(120), "{time:?}");
    let between = &net.stations[1];
    assert!(between.ip.stats.frag_fails > 0 && between.ip.stats.frag_creates == 0);
    assert_eq!(
        between.icmp.sent.of(kind::UNREACHABLE),
        between.ip.stats.frag_fails
    );
    assert!(net.stations[0].tcp.counters().path_mtu_lowered > 0);
    for (at, id) in [(0, transfer.client), (2, transfer.server.unwrap())] {
        net.with(at, |station, now, lines| {
            station.tcp.close(id).unwrap();
            station.flush(now, lines);
        });
        net.run(Duration::from_secs(1));
    }
    let state = |net: &Net, at: usize, id| {
        net.stations[at]
            .tcp
            .view(net.now, id)
            .map(|view| view.state)
    };
    assert!(matches!(
        state(&net, 0, transfer.client),
        Some(State::TimeWait | State::Closed) | None
    ));
}

#[test]
fn losses_are_made_good() {
    wanbox_sim::for_each_seed(20, |seed| {
        let mut net = chain();
        net.random = Random::new(seed);
        (net.loss, net.late) = (0.05, 0.1);
        let mut transfer = Transfer::open(&mut net, 2, 0, "44.1.0.1");
        transfer.exchange(&mut net, 10_000);
    });
}

#[test]
fn a_connection_to_ourselves_leaves_no_line() {
    let mut net = chain();
    let mut transfer = Transfer::open(&mut net, 1, 1, "127.0.0.1");
    transfer.exchange(&mut net, 500_000);
    let loopback = net.stations[1]
        .interfaces
        .get(InterfaceId::LOOPBACK)
        .unwrap();
    assert!(loopback.counters.sent.ip > 10);
    assert!(
        net.stations[1]
            .interfaces
            .iter()
            .take(2)
            .all(|(_, line)| line.counters.sent.ip == 0)
    );
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    let mut net = chain();
    let client = net.with(0, |station, now, lines| {
        let client = station
            .tcp_connect(now, 0, (ip("44.2.0.3"), 9), &options())
            .unwrap();
        station.flush(now, lines);
        client
    });
    net.run(Duration::from_secs(1));
    let reason = net.stations[0]
        .tcp
        .view(net.now, client)
        .and_then(|view| view.reason);
    assert_eq!(reason, Some(wanbox_net_tcp::Reason::Reset));
    assert!(net.stations[2].tcp.counters().out_rsts > 0);
}
