//! Frames that passed, as programs are shown them.
//!
//! ```text
//!  1:Fm N0PRA To DB0SAO Via DB0ID* <I R3 S1 pid=F0 Len=5 >[12:34:56]
//! hello
//! ```

use std::fmt::Write as _;
use std::time::Instant;

use wanbox_net_ax25::Way;
use wanbox_net_engine::trace::likely_modulo;
use wanbox_net_engine::{Station, show};
use wanbox_wire::agwpe::{Frame, kind};
use wanbox_wire::ax25::{Control, Header, Unnumbered};
use wanbox_wire::lapb::Modulo;

use super::{Agwpe, MOST_OUTPUT, number};

/// The time of a day in Greenwich, of seconds since 1970.
pub fn time_of_day(unix: u64) -> String {
    let seconds = unix % 86_400;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

/// The same with the day: `Mon,01Jan2000 01:02:03`.
pub fn date_and_time(unix: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let days = unix / 86_400;
    let (year, month, day) = show::date(days as i64);
    let name = DAYS.get((days % 7) as usize).unwrap_or(&"???");
    format!("{name},{day:02}{month}{year} {}", time_of_day(unix))
}

/// The kind of a frame that is shown, and its text.
fn text(
    port: u8,
    way: Way,
    header: &Header,
    (modulo, rest): (Modulo, &[u8]),
    unix: u64,
) -> (u8, Vec<u8>) {
    let mut line = format!(
        " {}:Fm {} To {}",
        u16::from(port) + 1,
        header.source,
        header.destination
    );
    for (at, digi) in header.digis.iter().enumerate() {
        let before = if at == 0 { " Via " } else { "," };
        let after = if digi.repeated { "*" } else { "" };
        let _ = write!(line, "{before}{}{after}", digi.call);
    }
    let Ok((control, rest)) = Control::parse(modulo, rest) else {
        let _ = write!(line, " <? >[{}]\r\r\0", time_of_day(unix));
        return (kind::SHOWN_SUPERVISORY, line.into_bytes());
    };
    let _ = write!(line, " <{}", control.name());
    if let Some(nr) = control.nr() {
        let _ = write!(line, " R{nr}");
    }
    if let Some(ns) = control.ns() {
        let _ = write!(line, " S{ns}");
    }
    let mut data: &[u8] = &[];
    let mut shown = kind::SHOWN_SUPERVISORY;
    if control.has_pid()
        && let Some((pid, rest)) = rest.split_first()
    {
        data = rest;
        let _ = write!(line, " pid={pid:02X} Len={}", data.len());
        shown = match control {
            Control::Unnumbered {
                kind: Unnumbered::Ui,
                ..
            } => kind::SHOWN_UNPROTO,
            _ => kind::SHOWN_INFORMATION,
        };
    }
    line += if control.poll_final() { " P" } else { "" };
    let _ = write!(line, " >[{}]\r", time_of_day(unix));
    let mut octets = line.into_bytes();
    octets.extend_from_slice(data);
    octets.extend_from_slice(b"\r\0");
    match way {
        Way::Received => (shown, octets),
        Way::Sent => (kind::SHOWN_OWN, octets),
    }
}

impl Agwpe {
    /// Shows what passed to those who want it.
    pub(super) fn show(&mut self, now: Instant, station: &mut Station) {
        let mut octets = std::mem::take(&mut self.buffer);
        while let Some((port, way)) = station.ax25.poll_monitor(&mut octets) {
            let Ok((header, rest)) = Header::parse(&octets) else {
                continue;
            };
            let unix = station.unix_micros(now) / 1_000_000;
            let modulo = station.ax25.modulo(port, &header);
            let modulo = modulo.unwrap_or_else(|| likely_modulo(rest));
            let port = number(station, port);
            let calls = Frame {
                from: header.source.into(),
                to: header.destination.into(),
                ..Frame::new(port, kind::RAW_FRAME, &[])
            };
            if self.clients.iter().flatten().any(|client| client.monitors) {
                let (shown, text) = text(port, way, &header, (modulo, rest), unix);
                let frame = Frame {
                    kind: shown,
                    data: &text,
                    ..calls
                };
                self.tell_all(&frame, |client| client.monitors);
            }
            if way == Way::Received && self.clients.iter().flatten().any(|client| client.raw) {
                // As KISS has it, with the port.
                octets.insert(0, port << 4);
                let frame = Frame {
                    data: &octets,
                    ..calls
                };
                self.tell_all(&frame, |client| client.raw);
            }
        }
        octets.clear();
        self.buffer = octets;
    }

    fn tell_all(&mut self, frame: &Frame<'_>, wants: impl Fn(&super::Client) -> bool) {
        for client in self.clients.iter_mut().flatten() {
            if !wants(client) {
                continue;
            }
            if client.output.len() + Frame::HEADER + frame.data.len() <= MOST_OUTPUT {
                frame.append(&mut client.output);
            } else {
                self.counters.not_shown += 1;
            }
        }
    }
}
