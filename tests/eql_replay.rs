//! Sequences of the kernel's eql driver, and whether the scheduler `priority` chooses the same
//! slave for every packet.
//!
//! `tests/lab/eql_record.sh` says what the lines of a sequence mean. Some that were recorded once
//! are in `tests/vectors`; the kernel lab records them anew.

use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use wanbox_eql_engine::priority::{Replay, TICK, Word};
use wanbox_eql_engine::{
    Config, Device, Enslave, Framing, Limits, MAX_SLAVES, Master, Rate, Scheduler, Why,
};
use wanbox_rig::{Error, Result, ensure};

use crate::test;

pub fn tests() -> Vec<Trial> {
    vec![
        test("eql_replay::unequal_rates", &[], || {
            agrees(include_str!("vectors/eql_kernel_unequal.txt")).map(drop)
        }),
        test("eql_replay::equal_rates", &[], || {
            agrees(include_str!("vectors/eql_kernel_equal.txt")).map(drop)
        }),
        test("eql_replay::disagreement_is_seen", &[], disagreement),
    ]
}

/// What happened at the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event<'t> {
    Enslave(&'t str, u64),
    Tune(&'t str, u64),
    Emancipate(&'t str),
    Down(&'t str),
    /// A packet of so many octets of IP, and its slave.
    Send(usize, Option<&'t str>),
    Tick,
}

fn parse(line: &str) -> Result<Event<'_>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(match *words {
        ["enslave", name, bps] => Event::Enslave(name, bps.parse()?),
        ["tune", name, bps] => Event::Tune(name, bps.parse()?),
        ["emancipate", name] => Event::Emancipate(name),
        ["down", name] => Event::Down(name),
        ["send", octets, "-"] => Event::Send(octets.parse()?, None),
        ["send", octets, name] => Event::Send(octets.parse()?, Some(name)),
        ["tick"] => Event::Tick,
        _ => return Err(Error::new(format!("not an event: {line:?}"))),
    })
}

/// What a sequence holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequence {
    /// Packets that got a slave.
    pub sent: usize,
    /// Packets that got none.
    pub dropped: usize,
    /// Times the timer ran.
    pub ticks: usize,
    /// Packets of the slave with the most, and of the one with the least.
    pub shares: (usize, usize),
}

/// Both forms of the scheduler choose the slaves of a recorded sequence: the formula over names,
/// and a master of eqld whose clock runs by the driver's ticks.
pub fn agrees(text: &str) -> Result<Sequence> {
    let mut driver = Replay::new(Word::Bits64);
    let mut eqld = Eqld::new()?;
    let mut found = Sequence::default();
    let mut shares: Vec<(&str, usize)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let event = parse(line)?;
        match event {
            Event::Enslave(name, bps) => {
                driver.enslave(name, bps);
                shares.push((name, 0));
            }
            Event::Tune(name, bps) => {
                ensure!(driver.set_rate(name, bps), "{name} is no slave");
            }
            Event::Emancipate(name) => {
                ensure!(driver.emancipate(name), "{name} is no slave");
            }
            Event::Down(name) => {
                ensure!(driver.set_up(name, false), "{name} is no slave");
            }
            Event::Tick => {
                driver.tick();
                found.ticks += 1;
            }
            Event::Send(octets, slave) => {
                let chosen = driver.send(octets).map(|(name, _)| name);
                ensure!(
                    chosen == slave,
                    "line {}: {line}: the formula gives {chosen:?}",
                    number + 1
                );
                match slave {
                    Some(slave) => {
                        found.sent += 1;
                        if let Some((_, share)) = shares.iter_mut().rfind(|(n, _)| *n == slave) {
                            *share += 1;
                        }
                    }
                    None => found.dropped += 1,
                }
            }
        }
        eqld.follow(event)
            .map_err(|why| Error::new(format!("line {}: {line}: {why}", number + 1)))?;
    }
    let counts = || shares.iter().map(|(_, share)| *share);
    found.shares = (
        counts().max().unwrap_or_default(),
        counts().min().unwrap_or_default(),
    );
    Ok(found)
}

/// A master of eqld with the driver's scheduler.
struct Eqld {
    master: Master<()>,
    now: Instant,
}

impl Eqld {
    fn new() -> Result<Self> {
        let now = Instant::now();
        let config = Config {
            scheduler: Scheduler::Priority(Word::Bits64),
            mtu: 1500,
            max_slaves: MAX_SLAVES,
            limits: Limits {
                time: Duration::from_secs(60),
                ..Limits::default()
            },
            ..Config::default()
        };
        let master = Master::new("eql", config, now).map_err(|e| Error::new(e.to_string()))?;
        Ok(Self { master, now })
    }

    fn follow(&mut self, event: Event<'_>) -> Result {
        let refused = |refusal: wanbox_eql_engine::Refusal| Error::new(refusal.to_string());
        match event {
            Event::Enslave(name, bps) => {
                let device = Device {
                    name,
                    up: true,
                    mtu: 1500,
                    master: false,
                    slave: false,
                };
                let how = Enslave {
                    rate: Rate::Fixed(bps),
                    framing: Framing::PLAIN,
                    sticky: false,
                };
                self.master
                    .enslave(self.now, &device, how)
                    .map_err(refused)?;
            }
            Event::Tune(name, bps) => self
                .master
                .set_rate(self.now, name, Rate::Fixed(bps))
                .map_err(refused)?,
            Event::Emancipate(name) => {
                self.master.emancipate(self.now, name).map_err(refused)?;
            }
            Event::Down(name) => {
                let slave = self.master.find(name);
                let slave = slave.ok_or_else(|| Error::new(format!("{name} is no slave")))?;
                self.master.carrier(self.now, slave, false);
            }
            Event::Tick => self.now += TICK,
            Event::Send(octets, slave) => {
                let chosen = match self.master.enqueue(self.now, octets, 0, ()) {
                    Ok(id) => self.master.name_of(id),
                    Err(refused) => {
                        ensure!(refused.why == Why::NoSlave, "refused: {:?}", refused.why);
                        None
                    }
                };
                ensure!(chosen == slave, "eqld's master gives {chosen:?}");
                // The devices take what they get, as the driver's do.
                while self.master.poll_transmit(self.now).is_some() {}
            }
        }
        Ok(())
    }
}

/// A packet on the other slave, or a tick too few, is not passed over.
fn disagreement() -> Result {
    let text = include_str!("vectors/eql_kernel_unequal.txt");
    agrees(text)?;
    // The first line that ends so is a packet's.
    let other = text.replacen(" two\n", " one\n", 1);
    ensure!(agrees(&other).is_err(), "another slave was not seen");
    let still = text.replace("tick\n", "");
    ensure!(agrees(&still).is_err(), "the ticks do not matter here");
    Ok(())
}
