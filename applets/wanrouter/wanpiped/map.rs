//! The mapped file in which a device keeps its state for readers, such as `sdladump`.
//!
//! It is written when the texts for scripts are: at a change of state at once, for counters at
//! most once a second, and never for its own sake. Only the beginnings of frames go into it as
//! they pass.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Instant, SystemTime};

use wanbox_runtime::files::FileError;
use wanbox_runtime::mapping::Mapping;
use wanbox_wire::status_map::{
    Channel, Direction, ENTRY, GENERATION, HEADER, Header, Kind, SECTIONS, SIZE, Section, Setting,
    Statistic, Status, Traced, channel_flags, state,
};

use super::device::Device;
use crate::conf::{self, Clocking, Connector, DeviceConf, Protocol, Signalling, Station};
use crate::control::{DeviceStatus, InterfaceStatus, LinkState};

/// Where the header says when the sections were written.
const UPDATED: usize = 40;

/// The file of a device.
pub struct StatusMap {
    mapping: Mapping,
    /// The same moment on both clocks.
    start: (Instant, u64),
    /// Frames that passed.
    frames: u64,
}

/// A section that is being filled.
struct Filling<'m> {
    mapping: &'m Mapping,
    section: Section,
}

impl Filling<'_> {
    fn add(&mut self, record: &[u8]) {
        if self.section.used as usize >= self.section.capacity() {
            self.section.omitted += 1;
            return;
        }
        let place = self.section.offset + self.section.used * u32::from(self.section.record);
        if self.mapping.store(place as usize, record) {
            self.section.used += 1;
        }
    }
}

impl StatusMap {
    /// Makes the file, mode 0600.
    ///
    /// # Errors
    /// Those of making it.
    pub fn create(path: &Path, now: Instant) -> Result<Self, FileError> {
        let mapping = Mapping::create(path, SIZE, 0o600)?;
        let wall = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as u64);
        let header = Header {
            generation: 0,
            pid: std::process::id(),
            size: SIZE as u32,
            sections: SECTIONS.len() as u16,
            started_ns: wall,
            updated_ns: wall,
        };
        mapping.store(0, &header.octets());
        let map = Self {
            mapping,
            start: (now, wall),
            frames: 0,
        };
        for section in SECTIONS {
            // Places of frames that have not passed are empty records.
            let used = match section.kind {
                Kind::Trace => section.capacity() as u32,
                _ => 0,
            };
            map.set(&Section { used, ..section });
        }
        Ok(map)
    }

    /// The file goes.
    pub fn remove(self) {
        self.mapping.remove();
    }

    fn wall(&self, moment: Instant) -> u64 {
        let (start, wall) = self.start;
        match moment.checked_duration_since(start) {
            Some(since) => wall + since.as_nanos() as u64,
            None => wall - start.saturating_duration_since(moment).as_nanos() as u64,
        }
    }

    /// Puts a section's entry into the table.
    fn set(&self, section: &Section) {
        let number = SECTIONS.iter().position(|s| s.kind == section.kind);
        if let Some(number) = number {
            self.mapping
                .store(HEADER + number * ENTRY, &section.octets());
        }
    }

    fn fill(&self, kind: Kind, fill: impl FnOnce(&mut Filling<'_>)) {
        let Some(section) = SECTIONS.iter().find(|section| section.kind == kind) else {
            return;
        };
        let mut filling = Filling {
            mapping: &self.mapping,
            section: *section,
        };
        fill(&mut filling);
        self.set(&filling.section);
    }

    /// A frame, without FCS, passed the line.
    pub fn frame(&mut self, now: Instant, outgoing: bool, frame: &[u8]) {
        let Some(section) = SECTIONS.last() else {
            return;
        };
        let place = self.frames as usize % section.capacity() * Traced::LEN;
        self.frames += 1;
        let record = Traced {
            number: self.frames,
            time_ns: self.wall(now),
            length: u16::try_from(frame.len()).unwrap_or(u16::MAX),
            direction: match outgoing {
                true => Direction::Outgoing,
                false => Direction::Incoming,
            },
            octets: frame,
        };
        self.mapping
            .store_whole(section.offset as usize + place, &record.octets());
    }
}

impl Device {
    /// Brings the mapped file up to date with this status.
    pub fn update_map(&mut self, now: Instant, status: &DeviceStatus) {
        let Some(map) = self.watch.map.take() else {
            return;
        };
        let record = Status {
            device: &status.device,
            protocol: &status.protocol,
            station: &status.station,
            signalling: status.signalling.as_deref().unwrap_or_default(),
            state: match status.state {
                LinkState::Unconfigured => state::UNCONFIGURED,
                LinkState::Disconnected => state::DISCONNECTED,
                LinkState::Connecting => state::CONNECTING,
                LinkState::Connected => state::CONNECTED,
            },
            carrier: status.carrier,
            cut: status.cut,
            interfaces: status.interfaces.len() as u32,
            since_ns: map.wall(self.state_since),
            link_ups: status.link_ups,
            reason: status.reason.as_deref().unwrap_or_default(),
        };
        map.mapping.change(GENERATION, |mapping| {
            map.fill(Kind::Status, |filling| filling.add(&record.octets()));
            map.fill(Kind::Configuration, |filling| {
                settings(&self.conf, &mut |key, value| {
                    filling.add(&Setting { key, value }.octets());
                });
            });
            map.fill(Kind::Statistics, |filling| {
                self.device_counters(&mut |group, counters| {
                    for &(name, value) in counters {
                        filling.add(&Statistic { group, name, value }.octets());
                    }
                });
            });
            map.fill(Kind::Channels, |filling| {
                for interface in &status.interfaces {
                    filling.add(&channel(interface).octets());
                }
            });
            mapping.store(UPDATED, &map.wall(now).to_le_bytes());
        });
        self.watch.map = Some(map);
    }
}

fn channel(interface: &InterfaceStatus) -> Channel<'_> {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    let traffic = &interface.traffic;
    Channel {
        interface: &interface.name,
        usage: &interface.usage,
        // Of X.25, the logical channel.
        dlci: interface
            .dlci
            .or(interface
                .circuit
                .as_ref()
                .and_then(|circuit| circuit.channel))
            .unwrap_or(0),
        flags: flag(interface.connected, channel_flags::CONNECTED)
            | flag(interface.up, channel_flags::UP),
        address: interface.address.unwrap_or(Ipv4Addr::UNSPECIFIED),
        peer: interface.peer.unwrap_or(Ipv4Addr::UNSPECIFIED),
        rx_packets: traffic.rx_packets,
        rx_octets: traffic.rx_octets,
        rx_dropped: traffic.rx_dropped,
        tx_packets: traffic.tx_packets,
        tx_octets: traffic.tx_octets,
        tx_dropped: traffic.tx_dropped,
    }
}

/// What a device was told, with the keys and words of its file. No secret is among them.
fn settings(conf: &DeviceConf, each: &mut dyn FnMut(&str, &str)) {
    let line = conf.line.as_ref().map(ToString::to_string);
    each("LINE", &line.unwrap_or_default());
    each(
        "INTERFACE",
        match conf.connector {
            Connector::Rs232 => "RS232",
            Connector::V35 => "V35",
        },
    );
    each(
        "CLOCKING",
        match conf.clocking {
            Clocking::External => "EXTERNAL",
            Clocking::Internal => "INTERNAL",
        },
    );
    let mut number = |key: &str, value: u128| each(key, &value.to_string());
    number("BAUDRATE", conf.baud_rate.into());
    number("MTU", conf.mtu.into());
    number("UDPPORT", conf.udp_port.into());
    number("TTL", conf.ttl.into());
    if let Protocol::FrameRelay(link) = &conf.protocol {
        number("T391", link.t391.as_secs().into());
        number("T392", link.t392.as_secs().into());
        number("N391", link.n391.into());
        number("N392", link.n392.into());
        number("N393", link.n393.into());
        number("NUMBER_OF_DLCI", link.number_of_dlci.into());
        each(
            "STATION",
            match link.station {
                Station::Cpe => "CPE",
                Station::Node => "NODE",
            },
        );
        each(
            "SIGNALLING",
            match link.signalling {
                Signalling::None => "NO",
                Signalling::Ansi => "ANSI",
                Signalling::Q933 => "Q933",
                Signalling::Lmi => "LMI",
                Signalling::Auto => "AUTO",
            },
        );
        each("FR_ISSUE_FS", yes_no(link.full_status_at_start));
    }
    if let Protocol::X25(link) = &conf.protocol {
        super::x25::settings(link, each);
    }
    let channel = conf.interfaces.first().map(|interface| &interface.channel);
    if let Some(conf::Channel::CiscoHdlc(channel)) = channel {
        each("IGNORE_DCD", yes_no(channel.ignore_dcd));
        each("IGNORE_CTS", yes_no(channel.ignore_cts));
        each("IGNORE_KEEPALIVE", yes_no(channel.ignore_keepalive));
        each("HDLC_STREAMING", yes_no(channel.streaming));
        each("ASYNC_MODE", yes_no(channel.asynchronous.is_some()));
        let mut number = |key: &str, value: u128| each(key, &value.to_string());
        number("KEEPALIVE_TX_TIMER", channel.keepalive_tx.as_millis());
        number("KEEPALIVE_RX_TIMER", channel.keepalive_rx.as_millis());
        number("KEEPALIVE_ERR_MARGIN", channel.keepalive_margin.into());
        number("SLARP_TIMER", channel.slarp.as_millis());
    }
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "YES" } else { "NO" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wanbox_wire::status_map::View;

    use super::*;

    #[test]
    fn the_newest_frames_are_in_the_file() {
        let directory = std::env::temp_dir().join(format!("wanbox-map-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("wanpipe1.map");
        let now = Instant::now();
        let mut map = StatusMap::create(&path, now).unwrap();
        assert_eq!(
            map.wall(now + Duration::from_secs(1)) - map.wall(now),
            1_000_000_000
        );
        assert_eq!(
            map.wall(now) - map.wall(now - Duration::from_secs(1)),
            1_000_000_000
        );
        for number in 0..300_u16 {
            let frame = number.to_be_bytes().repeat(usize::from(number) + 1);
            map.frame(now, number.is_multiple_of(2), &frame);
        }
        let file = std::fs::read(&path).unwrap();
        let view = View::new(&file).unwrap();
        assert!(view.status().is_none(), "nothing was said of it yet");
        let mut traced: Vec<_> = view.trace().collect();
        traced.sort_by_key(|traced| traced.number);
        let numbers: Vec<u64> = traced.iter().map(|traced| traced.number).collect();
        assert_eq!(numbers, (45..=300).collect::<Vec<_>>());
        for traced in traced {
            let number = traced.number as u16 - 1;
            assert_eq!(traced.length, 2 * (number + 1));
            assert_eq!(traced.octets[..2], number.to_be_bytes());
            assert_eq!(traced.octets.len(), 44);
            assert_eq!(
                traced.direction == Direction::Outgoing,
                number.is_multiple_of(2)
            );
        }
        map.remove();
        assert!(!path.exists());
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn settings_are_those_of_the_file() {
        let text = "[devices]\nwanpipe1 = WAN_FR\n[interfaces]\na = wanpipe1, 16, WANPIPE\n\
                    [wanpipe1]\nLINE = cable:x\nT391 = 20\nSIGNALLING = LMI\n";
        let (devices, _) = conf::parse("x", text).accept().unwrap();
        let mut all = Vec::new();
        settings(&devices[0], &mut |key, value| {
            all.push(format!("{key}={value}"));
        });
        for wanted in [
            "LINE=cable:x",
            "T391=20",
            "SIGNALLING=LMI",
            "MTU=1500",
            "STATION=CPE",
        ] {
            assert!(
                all.iter().any(|setting| setting == wanted),
                "{wanted} not in {all:?}"
            );
        }
        assert!(all.len() <= 24);
        let text = "[devices]\nw = WAN_CHDLC\n[interfaces]\na = w, , WANPIPE\n[w]\nLINE = cable:x\n\
                    [a]\nKEEPALIVE_TX_TIMER = 1500\n";
        let (devices, _) = conf::parse("x", text).accept().unwrap();
        let mut tx = String::new();
        settings(&devices[0], &mut |key, value| {
            if key == "KEEPALIVE_TX_TIMER" {
                tx = value.to_owned();
            }
        });
        assert_eq!(tx, "1500");
    }
}
