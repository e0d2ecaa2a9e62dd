//! What can be seen of a link and its channels.

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_wire::lmi::Dialect;

use super::config::{ChannelConfig, Config, Signalling, Station};
use super::pvc::status;
use super::stats::{ChannelStats, LinkStats};
use super::{Diagnosis, FrameRelay};
use crate::ChannelId;

impl FrameRelay {
    /// The parameters of the link.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The link carries data.
    pub fn link_up(&self) -> bool {
        self.link_up
    }

    /// The dialect spoken, when one is known.
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// What is wrong with the line or the peer.
    pub fn diagnosis(&self) -> Diagnosis {
        self.diagnosis
    }

    /// The counters of the link and the present sequence numbers and events.
    pub fn link_stats(&self) -> LinkStats {
        LinkStats {
            send_sequence: self.send,
            receive_sequence: self.receive,
            n392_current: self.window.errors(),
            n393_current: self.window.recorded(),
            ..self.stats
        }
    }

    /// Counts the link's counters from zero again.
    pub fn flush_link_stats(&mut self) {
        self.stats = LinkStats {
            t391_consecutive: self.stats.t391_consecutive,
            t392_consecutive: self.stats.t392_consecutive,
            ..LinkStats::default()
        };
    }

    /// The longest payload that a channel sends, octets.
    pub fn channel_limit(&self, id: ChannelId) -> Option<usize> {
        Some(self.channel(id).ok()?.limit())
    }

    /// The counters of a channel.
    pub fn channel_stats(&self, id: ChannelId) -> Option<&ChannelStats> {
        Some(&self.channel(id).ok()?.stats)
    }

    /// Counts a channel's counters from zero again. False when there is no such channel.
    pub fn flush_channel_stats(&mut self, now: Instant, id: ChannelId) -> bool {
        let channel = self.channel_at(id.0);
        channel
            .map(|channel| channel.stats = ChannelStats::new(now))
            .is_some()
    }

    /// The parameters of a channel.
    pub fn channel_config(&self, id: ChannelId) -> Option<&ChannelConfig> {
        Some(&self.channel(id).ok()?.config)
    }

    /// The DLCI of a channel; none while `auto` has not found one.
    pub fn channel_dlci(&self, id: ChannelId) -> Option<u16> {
        self.channel(id).ok()?.dlci
    }

    /// The channel of a DLCI.
    pub fn channel_of(&self, dlci: u16) -> Option<ChannelId> {
        self.pvcs.get(dlci).channel.map(ChannelId)
    }

    /// The channel carries data.
    pub fn channel_up(&self, id: ChannelId) -> bool {
        self.channel(id).is_ok_and(|channel| channel.up)
    }

    /// The peer's address as learned by ARP.
    pub fn channel_peer(&self, id: ChannelId) -> Option<Ipv4Addr> {
        self.channel(id).ok()?.peer
    }

    /// The channel's excess burst is withheld because the network signals congestion.
    pub fn channel_throttled(&self, now: Instant, id: ChannelId) -> bool {
        self.channel(id).is_ok_and(|channel| channel.throttled(now))
    }

    /// Every DLCI that is configured or that the switch reports, in order, with bits of [`status`].
    pub fn pvc_list(&self) -> impl Iterator<Item = (u16, u8)> {
        self.pvcs.iter().filter_map(|(dlci, pvc)| {
            let channel = match pvc.channel {
                Some(index) => self.channels.get(usize::from(index))?.as_ref(),
                None => None,
            };
            match (self.config.station, channel) {
                (Station::Cpe, _) if self.config.signalling != Signalling::None => {
                    (pvc.bits != 0 || channel.is_some()).then_some((dlci, pvc.bits))
                }
                (_, Some(channel)) => {
                    let mut bits = status::INCLUDED;
                    if channel.up {
                        bits |= status::ACTIVE;
                    }
                    if self.config.station == Station::Node && channel.new {
                        bits |= status::NEW;
                    }
                    Some((dlci, bits))
                }
                (_, None) => None,
            }
        })
    }
}
