//! Channels added, changed and taken away while the link runs.

use std::net::Ipv4Addr;
use std::time::Instant;

use super::FrameRelay;
use super::channel::Channel;
use super::config::{ChannelConfig, ChannelError, Dlci, RangeError, Signalling, Station};
use super::pvc::status;
use crate::ChannelId;

impl FrameRelay {
    /// Adds a channel. Others are not disturbed; a CPE asks for a full status at once.
    pub fn add_channel(
        &mut self,
        now: Instant,
        id: ChannelId,
        config: ChannelConfig,
    ) -> Result<(), ChannelError> {
        config.check()?;
        if id.0 > Self::MAX_CHANNEL_ID {
            return Err(ChannelError::Range(RangeError {
                what: "channel number",
                value: id.0.into(),
                low: 0,
                high: Self::MAX_CHANNEL_ID.into(),
                unit: "",
            }));
        }
        let index = usize::from(id.0);
        if self.channels.get(index).is_some_and(Option::is_some) {
            return Err(ChannelError::IdTaken(id));
        }
        self.check_dlci(None, config.dlci)?;
        let channel = Channel::new(now, id, config)?;
        if self.channels.len() <= index {
            self.channels.resize_with(index + 1, || None);
        }
        if let Some(slot) = self.channels.get_mut(index) {
            *slot = Some(channel);
        }
        self.map(id.0, config.dlci);
        self.enquire_now(now, true);
        self.refresh_channel(now, id.0);
        self.network_changed(id.0);
        Ok(())
    }

    /// Takes a channel away. No event follows for it.
    pub fn remove_channel(&mut self, now: Instant, id: ChannelId) -> Result<(), ChannelError> {
        let dlci = self.channel(id)?.dlci;
        if let Some(slot) = self.channels.get_mut(usize::from(id.0)) {
            *slot = None;
        }
        self.unmap(dlci);
        self.refresh_channels(now);
        Ok(())
    }

    /// Changes a channel without disturbing others. Its counters go on; it goes down only when its
    /// DLCI or the kind of its payload changes.
    pub fn reconfigure_channel(
        &mut self,
        now: Instant,
        id: ChannelId,
        config: ChannelConfig,
    ) -> Result<(), ChannelError> {
        config.check()?;
        let channel = self.channel(id)?;
        let (before, held) = (channel.config, channel.dlci);
        if before.dlci != config.dlci {
            self.check_dlci(Some(id), config.dlci)?;
        }
        if let Some(channel) = self.channel_at(id.0) {
            if before.committed != config.committed {
                channel.set_committed(now, config.committed)?;
            }
            channel.config = config;
            if before.local != config.local || before.inarp != config.inarp {
                channel.peer = None;
            }
            if before.dlci != config.dlci
                || (before.bridged, before.raw) != (config.bridged, config.raw)
            {
                channel.bounced |= channel.up;
                channel.up = false;
            }
        }
        if before.dlci != config.dlci {
            self.unmap(held);
            if let Some(channel) = self.channel_at(id.0) {
                channel.new = true;
                channel.dlci = match config.dlci {
                    Dlci::Fixed(dlci) => Some(dlci),
                    Dlci::Auto => None,
                };
            }
            self.map(id.0, config.dlci);
            self.enquire_now(now, true);
            self.network_changed(id.0);
        }
        self.refresh_channels(now);
        self.arm_inarp(now, id.0);
        Ok(())
    }

    /// The owner wants the channel up (as at first) or down. A node reports it to the peer.
    pub fn set_channel_admin(
        &mut self,
        now: Instant,
        id: ChannelId,
        up: bool,
    ) -> Result<(), ChannelError> {
        if self.channel(id)?.admin == up {
            return Ok(());
        }
        if let Some(channel) = self.channel_at(id.0) {
            channel.admin = up;
        }
        self.network_changed(id.0);
        self.refresh_channel(now, id.0);
        Ok(())
    }

    /// Our address and mask on the channel, for ARP; the peer's address is asked for anew.
    pub fn set_local_address(
        &mut self,
        now: Instant,
        id: ChannelId,
        local: Option<(Ipv4Addr, Ipv4Addr)>,
    ) -> Result<(), ChannelError> {
        let mut config = self.channel(id)?.config;
        config.local = local;
        self.reconfigure_channel(now, id, config)
    }

    /// Whether this DLCI may be given to a channel, new or changed.
    fn check_dlci(&self, changed: Option<ChannelId>, dlci: Dlci) -> Result<(), ChannelError> {
        let mut others = self
            .channels
            .iter()
            .flatten()
            .filter(|channel| Some(channel.id) != changed);
        match dlci {
            Dlci::Auto => {
                let asks = self.config.station == Station::Cpe
                    && self.config.signalling != Signalling::None;
                match asks && others.next().is_none() {
                    true => Ok(()),
                    false => Err(ChannelError::AutoNotAlone),
                }
            }
            Dlci::Fixed(dlci) => {
                for other in others {
                    if other.config.dlci == Dlci::Auto {
                        return Err(ChannelError::AutoNotAlone);
                    }
                    if other.dlci == Some(dlci) {
                        return Err(ChannelError::DlciTaken(dlci));
                    }
                }
                Ok(())
            }
        }
    }

    fn map(&mut self, index: u16, dlci: Dlci) {
        match dlci {
            Dlci::Fixed(dlci) => {
                if let Some(pvc) = self.pvcs.get_mut(dlci) {
                    pvc.channel = Some(index);
                    if !pvc.is(status::INCLUDED) {
                        pvc.bits = status::WAITING;
                    }
                }
                self.announce_dlci(dlci);
            }
            Dlci::Auto => self.assign_auto(),
        }
    }

    fn unmap(&mut self, dlci: Option<u16>) {
        let Some(dlci) = dlci else {
            return;
        };
        if let Some(pvc) = self.pvcs.get_mut(dlci) {
            pvc.channel = None;
            if !pvc.is(status::INCLUDED) {
                pvc.bits = 0;
            }
        }
        self.announce_dlci(dlci);
        self.network_removed(dlci);
    }
}
