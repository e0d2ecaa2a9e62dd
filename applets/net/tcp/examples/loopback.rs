//! How fast two engines in one process are, by the processor's time: `cargo run --release -p wanbox-net-tcp --example loopback`.
//!
//! Every octet is written by one application, copied into segments with a checksum, checked, copied into
//! the receive buffer and read by the other application.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "it talks to a person, and has a clock"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use wanbox_net_tcp::{
    Checksum, Endpoint, Event, Id, Incoming, Key, Offload, Options, Outgoing, Parameters, Tcp,
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(44, 128, 4, 4));
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(44, 128, 4, 5));
const PORT: u16 = 9;

/// Seconds of the processor that this process took: others may be running.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.split_whitespace().skip(13).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// Two engines and what is on its way from one to the other.
struct Pair {
    client: Tcp,
    server: Tcp,
    buffer: Vec<u8>,
    offload: Offload,
    segments: u64,
}

impl Pair {
    fn new(options: Options, offload: Offload) -> Self {
        let now = Instant::now();
        let parameters = Parameters {
            options,
            buffers: 2 << 30,
            ..Parameters::default()
        };
        let mut server = Tcp::new(now, Key([3, 4]), parameters);
        server
            .listen(None, PORT, 4096, &options)
            .expect("a free port");
        Self {
            client: Tcp::new(now, Key([1, 2]), parameters),
            server,
            buffer: vec![0; 65_535],
            offload,
            segments: 0,
        }
    }

    fn connect(&mut self) -> Id {
        let options = self.client.parameters().options;
        let local = Endpoint::new(HERE, 0);
        let remote = Endpoint::new(THERE, PORT);
        self.client
            .connect(Instant::now(), local, remote, &options, 0)
            .expect("a free port")
    }

    /// Carries up to 64 segments each way, as a loop around descriptors does.
    fn carry(&mut self, now: Instant) -> bool {
        let mut carried = 0;
        for _ in 0..64 {
            let out = self
                .client
                .poll_transmit(now, &mut self.buffer, self.offload);
            let Some(out) = out else { break };
            let incoming = self.incoming(&out);
            self.server.segment(now, &incoming, &self.buffer[..out.len]);
            carried += 1;
        }
        for _ in 0..64 {
            let out = self
                .server
                .poll_transmit(now, &mut self.buffer, self.offload);
            let Some(out) = out else { break };
            let incoming = self.incoming(&out);
            self.client.segment(now, &incoming, &self.buffer[..out.len]);
            carried += 1;
        }
        self.segments += carried;
        carried > 0
    }

    fn incoming(&self, out: &Outgoing) -> Incoming {
        let mut incoming = Incoming::new(out.src, out.dst);
        incoming.checksum_is_valid = self.offload.checksum != Checksum::Full;
        incoming
    }

    /// Sends so many octets over so many connections; the seconds it took.
    fn transfer(&mut self, connections: usize, octets: u64) -> f64 {
        let clients: Vec<Id> = (0..connections).map(|_| self.connect()).collect();
        let mut now = Instant::now();
        while self.carry(now) {}
        let mut servers = 0;
        let text = vec![0x55; 16_384];
        let mut read = vec![0; 65_536];
        let start = processor_seconds();
        let (mut sent, mut got) = (0, 0);
        for id in &clients {
            sent += self.client.send(*id, &text).unwrap_or(0) as u64;
        }
        while got < octets {
            now = Instant::now();
            self.client.handle_timeout(now);
            self.server.handle_timeout(now);
            self.carry(now);
            while let Some(event) = self.server.poll_event() {
                match event {
                    Event::Incoming(listener) => {
                        while self.server.accept(listener).is_some() {
                            servers += 1;
                        }
                    }
                    Event::Readable(id) => {
                        while let Ok(octets) = self.server.receive(id, &mut read)
                            && octets > 0
                        {
                            got += octets as u64;
                        }
                    }
                    _ => {}
                }
            }
            while let Some(event) = self.client.poll_event() {
                if let Event::Writable(id) = event {
                    while let Ok(octets) = self.client.send(id, &text)
                        && octets > 0
                    {
                        sent += octets as u64;
                    }
                }
            }
        }
        assert!(sent >= got && servers == connections);
        processor_seconds() - start
    }
}

fn measure(what: &str, connections: usize, mss: u16, offload: Offload) {
    let options = Options {
        mss,
        window: 262_144,
        window_scale: true,
        ..Options::default()
    };
    let mut best = (0.0f64, 0.0);
    for _ in 0..3 {
        let mut pair = Pair::new(options, offload);
        let octets = 1 << 30;
        let seconds = pair.transfer(connections, octets);
        let gigabits = octets as f64 * 8.0 / seconds / 1e9;
        let segments = pair.segments as f64 / seconds / 1e6;
        best = best.max_by(gigabits, segments);
    }
    println!(
        "{what:<28} {connections:>5} connections, mss {mss:>5}: {:>7.2} Gbit/s, {:>6.2} million segments/s",
        best.0, best.1
    );
}

trait Best {
    fn max_by(self, gigabits: f64, segments: f64) -> Self;
}

impl Best for (f64, f64) {
    fn max_by(self, gigabits: f64, segments: f64) -> Self {
        if gigabits > self.0 {
            (gigabits, segments)
        } else {
            self
        }
    }
}

fn main() {
    let checked = Offload::default();
    let unchecked = Offload {
        checksum: Checksum::None,
        segmentation: false,
    };
    let large = Offload {
        checksum: Checksum::None,
        segmentation: true,
    };
    for mss in [512, 1460] {
        measure("checksums", 1, mss, checked);
        measure("no checksums", 1, mss, unchecked);
        measure("super-segments", 1, mss, large);
    }
    measure("checksums", 1000, 1460, checked);

    let mut pair = Pair::new(Options::default(), checked);
    let before = pair.client.memory();
    let (start, now) = (processor_seconds(), Instant::now());
    let count = 20_000;
    for _ in 0..count {
        pair.connect();
        while pair.carry(now) {}
        while let Some(event) = pair.server.poll_event() {
            if let Event::Incoming(listener) = event {
                while pair.server.accept(listener).is_some() {}
            }
        }
    }
    let seconds = processor_seconds() - start;
    println!(
        "{:.0} connections a second; {} octets an idle connection",
        f64::from(count) / seconds,
        (pair.client.memory() - before) / count as usize
    );
}
