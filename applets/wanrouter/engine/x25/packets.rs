//! Packets between interfaces and circuits.

use std::mem;

use wanbox_link::lapb;
use wanbox_link::x25;
use wanbox_wire::x25::Marks as Bits;

use super::carries::Carries;
use super::{Encapsulation, Holder, State, X25, kind_of};
use crate::{ChannelId, Delivery, Marks, PayloadKind, Refusal};

/// The longest packet that is put together, whatever the interface sends: RFC 1356 section 3.3 has
/// every system take 1600 octets.
const LEAST_TAKEN: usize = 1600;

impl X25 {
    pub(super) fn send_packet(
        &mut self,
        id: ChannelId,
        kind: PayloadKind,
        packet: &[u8],
    ) -> Result<(), Refusal> {
        let now = self.now;
        let slot = self.ports.get_mut(usize::from(id.0));
        let Some(port) = slot.and_then(Option::as_mut) else {
            self.counters.tx_no_channel += 1;
            return Err(Refusal::ChannelDown);
        };
        if !self.up {
            self.counters.tx_link_down += 1;
            return Err(Refusal::LinkDown);
        }
        if packet.len() > port.config.mtu {
            port.counters.tx_too_long += 1;
            let limit = port.config.mtu;
            return Err(Refusal::TooLong { limit });
        }
        match port.state {
            State::Link => {
                let Some(link) = &mut self.link else {
                    return Err(Refusal::LinkDown);
                };
                match link.engine_mut().send(now, packet) {
                    Ok(()) => Ok(()),
                    Err(lapb::Refusal::Full) => Err(port.wait()),
                    Err(lapb::Refusal::Down) => Err(Refusal::LinkDown),
                    Err(lapb::Refusal::TooLong) => {
                        port.counters.tx_too_long += 1;
                        let limit = link.engine().parameters().n1;
                        Err(Refusal::TooLong { limit })
                    }
                }
            }
            State::Up(channel) => {
                let Some(identifier) = port.carries.identifier(kind) else {
                    port.counters.tx_unsupported += 1;
                    return Err(Refusal::Unsupported);
                };
                let Some(layer) = &mut self.layer else {
                    return Err(Refusal::LinkDown);
                };
                let message = match identifier {
                    None => packet,
                    Some(octet) => {
                        self.packet.clear();
                        self.packet.push(octet);
                        self.packet.extend_from_slice(packet);
                        &self.packet
                    }
                };
                match layer.send(now, channel, Bits::default(), message) {
                    Ok(()) => {
                        port.last = now;
                        Ok(())
                    }
                    Err(x25::Refusal::Full) => Err(port.wait()),
                    Err(_) => {
                        port.counters.tx_no_circuit += 1;
                        Err(Refusal::ChannelDown)
                    }
                }
            }
            State::Calling(_) => Err(port.wait()),
            State::Idle => self.place_call(id, kind),
        }
    }

    /// The next whole packet of an interface.
    pub(super) fn read_packet(&mut self, packet: &mut Vec<u8>) -> Option<(ChannelId, PayloadKind)> {
        while let Some(&channel) = self.readable.front() {
            let port = match self.holder(channel) {
                Holder::Port(id) => self
                    .ports
                    .get_mut(usize::from(id.0))
                    .and_then(Option::as_mut)
                    .map(|port| (id, port)),
                _ => None,
            };
            let (Some((id, port)), Some(layer)) = (port, &mut self.layer) else {
                self.readable.pop_front();
                continue;
            };
            let most = port.config.mtu.max(LEAST_TAKEN) + 6;
            while let Some(marks) = layer.read(self.now, channel, &mut port.assembly) {
                port.last = self.now;
                if port.overflow || port.assembly.len() > most {
                    port.overflow = true;
                    port.assembly.clear();
                }
                if marks.m {
                    continue;
                }
                if mem::take(&mut port.overflow) {
                    port.counters.rx_too_long += 1;
                } else if marks.q && port.carries != Carries::Raw {
                    port.counters.rx_qualified += 1;
                } else if let Some((kind, before)) = port.carries.of_packet(&port.assembly) {
                    packet.clear();
                    mem::swap(packet, &mut port.assembly);
                    packet.drain(..before);
                    return Some((id, kind));
                } else {
                    port.counters.rx_unknown += 1;
                }
                port.assembly.clear();
            }
            self.readable.pop_front();
        }
        None
    }

    /// What LAPB alone received.
    pub(super) fn deliver_alone<'f>(&self, packet: &'f [u8]) -> Option<Delivery<'f>> {
        let place = self.ports.iter().position(Option::is_some)?;
        let channel = ChannelId(place as u16);
        let raw = self.port(channel)?.config.encapsulation == Encapsulation::Raw;
        let kind = if raw {
            PayloadKind::Raw(Marks::default())
        } else {
            kind_of(packet)
        };
        Some(Delivery {
            channel,
            kind,
            payload: packet,
        })
    }
}
