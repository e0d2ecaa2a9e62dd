//! `--top`: the link's state, rates and errors, sampled again and again.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value as Json, json};
use wanbox_console::table::Align;
use wanbox_console::view::{Graph, Live, Page, Tone};
use wanbox_runtime::terminal::{Interrupt, Wake};

use crate::client::Client;
use crate::failure::Failure;
use crate::monitor::Monitor;
use crate::options::Options;
use crate::request::{Format, Request, duration};
use crate::session::write;

mod sample;

use sample::{Sample, Traffic, read};

/// Samples that a graph keeps.
const HISTORY: usize = 240;

/// Frames and octets a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Rate {
    frames: f64,
    octets: f64,
}

impl Rate {
    fn bits(self) -> u64 {
        (self.octets * 8.0) as u64
    }

    fn between(old: Traffic, new: Traffic, seconds: f64) -> Self {
        // Counters that a flush or a restart put back have wrapped "almost wholly": no rate then.
        let step = |old: u32, new: u32| match new.wrapping_sub(old) {
            step if new < old && step > u32::MAX / 2 => 0.0,
            step => f64::from(step),
        };
        Self {
            frames: step(old.frames, new.frames) / seconds,
            octets: step(old.octets, new.octets) / seconds,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            frames: self.frames + other.frames,
            octets: self.octets + other.octets,
        }
    }

    fn text(self) -> String {
        format!("{}, {:.0} frames/s", bits_text(self.bits()), self.frames)
    }
}

fn bits_text(bits: u64) -> String {
    match bits {
        0..1_000 => format!("{bits} bit/s"),
        1_000..1_000_000 => format!("{:.1} kbit/s", bits as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} Mbit/s", bits as f64 / 1e6),
        _ => format!("{:.2} Gbit/s", bits as f64 / 1e9),
    }
}

/// The channels' rates (received, sent) since the sample before.
fn rates(old: Option<&Sample>, new: &Sample) -> Vec<(Rate, Rate)> {
    new.channels
        .iter()
        .map(|channel| {
            let old = old?;
            let seconds = new.at.duration_since(old.at).as_secs_f64().max(0.001);
            let before = old.channels.iter().find(|c| c.number == channel.number)?;
            let (rx, tx) = channel.traffic?;
            let (old_rx, old_tx) = before.traffic?;
            Some((
                Rate::between(old_rx, rx, seconds),
                Rate::between(old_tx, tx, seconds),
            ))
        })
        .map(Option::unwrap_or_default)
        .collect()
}

/// Samples and what came before them.
#[derive(Debug, Default)]
struct Course {
    last: Option<Sample>,
    rx_bits: VecDeque<u64>,
    tx_bits: VecDeque<u64>,
}

/// A sample with its rates.
struct Seen {
    sample: Sample,
    rates: Vec<(Rate, Rate)>,
    rx: Rate,
    tx: Rate,
}

impl Course {
    fn add(&mut self, sample: Sample) -> Seen {
        let rates = rates(self.last.as_ref(), &sample);
        let (rx, tx) = rates
            .iter()
            .fold((Rate::default(), Rate::default()), |(rx, tx), (r, t)| {
                (rx.plus(*r), tx.plus(*t))
            });
        for (history, rate) in [(&mut self.rx_bits, rx), (&mut self.tx_bits, tx)] {
            if history.len() == HISTORY {
                history.pop_front();
            }
            history.push_back(rate.bits());
        }
        self.last = Some(sample.clone());
        Seen {
            sample,
            rates,
            rx,
            tx,
        }
    }

    fn page(&self, request: &Request, seen: &Seen) -> Page {
        let Seen {
            sample,
            rates,
            rx,
            tx,
        } = seen;
        let (up, down) = match request.monitor {
            Monitor::FrameRelay => ("operative", "inoperative"),
            Monitor::CiscoHdlc | Monitor::MultiPpp => ("active", "inactive"),
            Monitor::Ppp => ("up", "down"),
            Monitor::X25 => ("connected", "disconnected"),
        };
        let errors: Vec<String> = sample
            .errors
            .iter()
            .filter(|(_, count)| *count != 0)
            .map(|(name, count)| format!("{} {count}", name.replace('_', " ")))
            .collect();
        let errors = if errors.is_empty() {
            "none".to_owned()
        } else {
            errors.join(", ")
        };
        let mut facts = vec![
            ("received".to_owned(), rx.text()),
            ("sent".to_owned(), tx.text()),
            ("errors".to_owned(), errors),
        ];
        for (key, state) in &sample.states {
            facts.push((key.replace('_', " "), state.text().to_owned()));
        }
        if let Some(seconds) = sample.up_time {
            let time = humantime::format_duration(Duration::from_secs(seconds.into()));
            facts.push(("up for".to_owned(), time.to_string()));
        }
        let graph = |name: &str, history: &VecDeque<u64>| Graph {
            label: format!(
                "{name}, highest {}",
                bits_text(history.iter().copied().max().unwrap_or_default())
            ),
            history: history.iter().copied().collect(),
        };
        let mut page = Page {
            title: title(request),
            state: if sample.up { up } else { down }.to_owned(),
            tone: if sample.up { Tone::Good } else { Tone::Bad },
            facts,
            graphs: vec![
                graph("received", &self.rx_bits),
                graph("sent", &self.tx_bits),
            ],
            head: Vec::new(),
            rows: Vec::new(),
        };
        let (name, frames, marked) = match request.monitor {
            Monitor::FrameRelay => ("DLCI", "frames", true),
            _ => ("LCN", "packets", false),
        };
        if matches!(request.monitor, Monitor::FrameRelay | Monitor::X25) {
            page.head = vec![
                (name, Align::Right),
                ("state", Align::Left),
                ("received", Align::Right),
                (frames, Align::Right),
                ("sent", Align::Right),
                (frames, Align::Right),
            ];
            if marked {
                page.head.push(("FECN", Align::Right));
                page.head.push(("BECN", Align::Right));
            }
            page.rows = sample
                .channels
                .iter()
                .zip(rates)
                .map(|(channel, (rx, tx))| {
                    let frames = |pick: fn((Traffic, Traffic)) -> Traffic| {
                        channel
                            .traffic
                            .map_or_else(|| "-".to_owned(), |t| pick(t).frames.to_string())
                    };
                    let mut row = vec![
                        channel.number.to_string(),
                        channel.state.to_owned(),
                        bits_text(rx.bits()),
                        frames(|(rx, _)| rx),
                        bits_text(tx.bits()),
                        frames(|(_, tx)| tx),
                    ];
                    if marked {
                        row.push(channel.fecn.to_string());
                        row.push(channel.becn.to_string());
                    }
                    row
                })
                .collect();
        }
        page
    }
}

fn title(request: &Request) -> String {
    let name = request.monitor.name();
    match &request.target {
        crate::request::Target::Local(interface) => format!("{name} {interface}"),
        crate::request::Target::Remote(address) => format!("{name} {address}"),
    }
}

fn json(request: &Request, seen: &Seen, now: SystemTime) -> Json {
    let Seen {
        sample,
        rates,
        rx,
        tx,
    } = seen;
    let rate = |rx: Rate, tx: Rate| {
        json!({
            "rx_bits_per_s": rx.bits(),
            "tx_bits_per_s": tx.bits(),
            "rx_frames_per_s": (rx.frames * 10.0).round() / 10.0,
            "tx_frames_per_s": (tx.frames * 10.0).round() / 10.0,
        })
    };
    let errors: Map<String, Json> = sample
        .errors
        .iter()
        .map(|(name, count)| ((*name).to_owned(), (*count).into()))
        .collect();
    let mut object = json!({
        "time": humantime::format_rfc3339_millis(now).to_string(),
        "up": sample.up,
        "up_time_s": sample.up_time,
        "rates": rate(*rx, *tx),
        "errors": errors,
    });
    let (key, number) = match request.monitor {
        Monitor::X25 => ("channels", "lcn"),
        _ => ("dlcis", "dlci"),
    };
    if matches!(request.monitor, Monitor::FrameRelay | Monitor::X25)
        && let Some(object) = object.as_object_mut()
    {
        let channels: Vec<Json> = sample
            .channels
            .iter()
            .zip(rates)
            .map(|(channel, (rx, tx))| {
                let mut row = json!({
                    (number): channel.number,
                    "state": channel.state.to_ascii_lowercase(),
                    "rx_frames": channel.traffic.map(|(rx, _)| rx.frames),
                    "rx_octets": channel.traffic.map(|(rx, _)| rx.octets),
                    "tx_frames": channel.traffic.map(|(_, tx)| tx.frames),
                    "tx_octets": channel.traffic.map(|(_, tx)| tx.octets),
                    "rates": rate(*rx, *tx),
                });
                if let Some(row) = row.as_object_mut()
                    && request.monitor == Monitor::FrameRelay
                {
                    row.insert("rx_fecn".into(), channel.fecn.into());
                    row.insert("rx_becn".into(), channel.becn.into());
                }
                row
            })
            .collect();
        object.insert(key.into(), channels.into());
    } else if let (Some(object), Some(channel)) = (object.as_object_mut(), sample.channels.first())
        && let Some((rx, tx)) = channel.traffic
    {
        for (key, value) in [
            ("rx_frames", rx.frames),
            ("rx_octets", rx.octets),
            ("tx_frames", tx.frames),
            ("tx_octets", tx.octets),
        ] {
            object.insert(key.into(), value.into());
        }
        for (key, state) in &sample.states {
            object.insert((*key).into(), state.json().clone());
        }
    }
    object
}

/// Samples until the user leaves or the count is reached.
pub fn run(
    client: &mut Client,
    request: &Request,
    options: &Options,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let interval = duration("--interval", &options.interval)?;
    let count = options.count.unwrap_or(u64::MAX);
    let wait = |e: io::Error| Failure::failed(format!("Error: terminal: {e}"));
    let mut interrupt = Interrupt::signals().map_err(wait)?;
    let on_screen =
        request.format == Format::Text && io::stdout().is_terminal() && io::stdin().is_terminal();
    let mut live = if on_screen {
        Some(Live::open().map_err(wait)?)
    } else {
        None
    };
    let mut course = Course::default();
    let start = Instant::now();
    for number in 0..count {
        let seen = course.add(read(client, request.monitor)?);
        // Samples keep their times: one that took long does not delay those after it.
        let turn = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let mut until = start + interval.saturating_mul(turn);
        if until < Instant::now() {
            until = Instant::now() + interval;
        }
        let stop = |interrupt: &mut Interrupt, time| {
            interrupt.wait(time).is_ok_and(|wake| wake != Wake::Timeout)
        };
        if let Some(live) = &mut live {
            let page = course.page(request, &seen);
            let stays = live
                .show(&page, until, || stop(&mut interrupt, Duration::ZERO))
                .map_err(wait)?;
            if !stays {
                return Ok(());
            }
            continue;
        }
        match request.format {
            Format::Json => {
                let object = json(request, &seen, SystemTime::now());
                write(out, &format!("{object}\n"))?;
            }
            Format::Text | Format::Xml => {
                let stamp = humantime::format_rfc3339_seconds(SystemTime::now());
                let page = course.page(request, &seen);
                write(out, &format!("{stamp} {}", page.to_text()))?;
            }
        }
        if number + 1 < count {
            let left = until.saturating_duration_since(Instant::now());
            if stop(&mut interrupt, left) {
                return Ok(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_survive_wraps_and_flushes() {
        let traffic = |frames, octets| Traffic { frames, octets };
        let rate = Rate::between(traffic(u32::MAX - 4, 0), traffic(5, 1000), 2.0);
        assert_eq!((rate.frames, rate.bits()), (5.0, 4000));
        // Flushed in between.
        let rate = Rate::between(traffic(1000, 5000), traffic(3, 10), 1.0);
        assert_eq!((rate.frames, rate.bits()), (0.0, 0));
    }

    #[test]
    fn rates_are_written_for_people() {
        assert_eq!(bits_text(999), "999 bit/s");
        assert_eq!(bits_text(64_000), "64.0 kbit/s");
        assert_eq!(bits_text(2_048_000), "2.05 Mbit/s");
        assert_eq!(bits_text(3_000_000_000), "3.00 Gbit/s");
    }

    #[test]
    fn history_is_bounded() {
        let mut course = Course::default();
        for _ in 0..HISTORY + 10 {
            course.add(Sample {
                at: Instant::now(),
                up: true,
                up_time: None,
                channels: Vec::new(),
                errors: Vec::new(),
                states: Vec::new(),
            });
        }
        assert_eq!(course.rx_bits.len(), HISTORY);
    }
}
