//! An engine with an application, at one end of a simulated line.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use wanbox_net_tcp::{
    Endpoint, Event, Id, Incoming, Key, ListenerId, Offload, Parameters, Reason, Tcp,
};
use wanbox_sim::Random;

pub const PORT: u16 = 7;

/// Sends what it has, reads what comes, and closes when both are done.
pub struct Peer {
    pub tcp: Tcp,
    addr: IpAddr,
    listener: Option<ListenerId>,
    pub id: Option<Id>,
    random: Random,
    /// What is to be sent, and how much of it was.
    out: Vec<u8>,
    sent: usize,
    /// What has to come, and how much of it has.
    expected: Vec<u8>,
    pub got: usize,
    connected: bool,
    closed: bool,
    pub finished: bool,
    pub ended: Option<Reason>,
    buffer: Vec<u8>,
    offload: Offload,
    pub frames: u64,
    /// When a slow application reads on.
    wake: Option<Instant>,
}

pub fn addr(last: u8) -> IpAddr {
    Ipv4Addr::new(44, 128, 4, last).into()
}

impl Peer {
    /// Who opens the connection, to [`Peer::server`].
    pub fn client(
        now: Instant,
        seed: u64,
        parameters: Parameters,
        out: Vec<u8>,
        expected: Vec<u8>,
    ) -> Self {
        let mut peer = Self::new(now, seed, 4, parameters, out, expected);
        let options = parameters.options;
        let remote = Endpoint::new(addr(5), PORT);
        let id = peer
            .tcp
            .connect(now, Endpoint::new(addr(4), 0), remote, &options, 1500);
        peer.id = Some(id.unwrap());
        peer.work(now);
        peer
    }

    /// Who waits for it.
    pub fn server(
        now: Instant,
        seed: u64,
        parameters: Parameters,
        out: Vec<u8>,
        expected: Vec<u8>,
    ) -> Self {
        let mut peer = Self::new(now, seed, 5, parameters, out, expected);
        let listener = peer.tcp.listen(None, PORT, 4, &parameters.options);
        peer.listener = Some(listener.unwrap());
        peer
    }

    fn new(
        now: Instant,
        seed: u64,
        last: u8,
        parameters: Parameters,
        out: Vec<u8>,
        expected: Vec<u8>,
    ) -> Self {
        let mut random = Random::new(seed ^ u64::from(last) << 32);
        let key = Key([random.next_u64(), random.next_u64()]);
        Self {
            tcp: Tcp::new(now, key, parameters),
            addr: addr(last),
            listener: None,
            id: None,
            random,
            out,
            sent: 0,
            expected,
            got: 0,
            connected: false,
            closed: false,
            finished: false,
            ended: None,
            buffer: vec![0; 2048],
            offload: Offload::default(),
            frames: 0,
            wake: None,
        }
    }

    /// Everything came and went.
    pub fn is_done(&self) -> bool {
        self.ended.is_some()
    }

    /// What an application does whenever something happened.
    fn work(&mut self, now: Instant) {
        while let Some(event) = self.tcp.poll_event() {
            match event {
                Event::Incoming(listener) => {
                    assert_eq!(Some(listener), self.listener);
                    while let Some(id) = self.tcp.accept(listener) {
                        assert_eq!(self.id, None, "one connection came twice");
                        self.id = Some(id);
                        self.connected = true;
                    }
                }
                Event::Connected(_) => self.connected = true,
                Event::Closed(id, reason) if Some(id) == self.id => {
                    // All that is left: a slow application is no excuse now.
                    self.ended = Some(reason);
                    self.read(now);
                }
                _ => {}
            }
        }
        if self.ended.is_none() {
            self.read(now);
            self.write();
        }
    }

    fn read(&mut self, now: Instant) {
        let Some(id) = self.id else { return };
        // Sometimes the application is slow.
        let limit = if self.ended.is_none() && self.random.chance(0.1) {
            let pause = self.random.duration(Duration::from_secs(3));
            self.wake = Some(now + pause);
            self.random.below(300) as usize
        } else {
            usize::MAX
        };
        let mut octets = [0; 700];
        let mut read = 0;
        while read < limit {
            let take = self.tcp.receive(id, &mut octets).unwrap();
            if take == 0 {
                break;
            }
            let place = self.expected.get(self.got..self.got + take);
            assert!(
                place == Some(&octets[..take]),
                "octets {} on differ",
                self.got
            );
            self.got += take;
            read += take;
        }
        self.finished |= self.tcp.is_finished(id);
    }

    fn write(&mut self) {
        let Some(id) = self.id else { return };
        while self.sent < self.out.len() {
            let most = (self.out.len() - self.sent) as u64;
            let len = self.random.between(1, 2000).min(most) as usize;
            let octets = &self.out[self.sent..self.sent + len];
            match self.tcp.send(id, octets) {
                Ok(0) => return,
                Ok(taken) => self.sent += taken,
                Err(error) => panic!("{error}: {:?}", self.tcp.counters()),
            }
        }
        if !self.closed && self.connected {
            self.closed = true;
            self.tcp.close(id).unwrap();
        }
    }

    pub fn verify(&self) {
        assert_eq!(self.got, self.expected.len(), "{:?}", self.tcp.counters());
        assert_eq!(self.ended, Some(Reason::Normal));
    }
}

impl wanbox_sim::Endpoint for Peer {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        let Some((&[a, b, c, d, e, f, g, h, tos], segment)) = frame.split_first_chunk() else {
            return;
        };
        let src = Ipv4Addr::new(a, b, c, d);
        let dst = Ipv4Addr::new(e, f, g, h);
        if IpAddr::V4(dst) != self.addr {
            return;
        }
        let mut incoming = Incoming::new(src, dst);
        incoming.tos = tos;
        incoming.mtu = 1500;
        self.tcp.segment(now, &incoming, segment);
        self.work(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.wake.is_some_and(|at| at <= now) {
            self.wake = None;
        }
        self.tcp.handle_timeout(now);
        self.work(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let wake = self.wake.filter(|_| self.ended.is_none());
        wake.into_iter().chain(self.tcp.poll_timeout()).min()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        let Some(out) = self.tcp.poll_transmit(now, &mut self.buffer, self.offload) else {
            return false;
        };
        frame.clear();
        for addr in [out.src, out.dst] {
            let IpAddr::V4(addr) = addr else { panic!() };
            frame.extend_from_slice(&addr.octets());
        }
        frame.push(out.tos);
        frame.extend_from_slice(&self.buffer[..out.len]);
        self.frames += 1;
        true
    }
}
