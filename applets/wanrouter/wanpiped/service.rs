//! The management protocol in the daemon: requests among packets and on local sockets.

use std::io;
use std::time::{Duration, Instant};

use wanbox_runtime::event_loop::{Interest, Loop, Priority, Token};
use wanbox_wanrouter_engine::x25::Holder;
use wanbox_wanrouter_engine::{ChannelId, Engine, Path, PayloadKind};
use wanbox_wire::ip::VirtioHeader;
use wanbox_wire::pipemon::driver::Modem;
use wanbox_wire::pipemon::packet::reply;
use wanbox_wire::pipemon::{IP_UDP_HEADERS, MAX_MESSAGE, Message, Repr};
use wanbox_wire::x25::Lci;

use super::device::{Client, Device, MAX_CLIENTS, owner};
use super::guard::Verdict;
use super::interface::HostEnd;
use super::line::Line;
use super::link::Link;
use super::monitor::{CircuitOf, Desk, Source};

/// Requests of one client in a turn.
const REQUESTS: usize = 8;
/// How soon a management socket is listened on again whose clients could not be taken.
const LISTEN_AFTER: Duration = Duration::from_secs(1);

impl Device {
    /// Answers a management request of the host's stack.
    pub fn answer_host(
        &mut self,
        now: Instant,
        channel: u16,
        packet: &[u8],
        request: &Message<'_>,
    ) {
        let source = if self.is_of_this_host(now, channel, packet) {
            Source::Host
        } else {
            Source::Network
        };
        let mut answer = Vec::new();
        if !self.answer(now, channel, source, packet, request, &mut answer) {
            return;
        }
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        interface.sending.management += 1;
        let HostEnd::Tun { tun, .. } = &interface.end else {
            return;
        };
        let written = tun.write_packet(&[0; VirtioHeader::LEN], &answer).is_ok();
        if written {
            self.management.to_host += 1;
        } else {
            self.management.to_host_failed += 1;
        }
    }

    /// Answers a management request of the far end.
    pub fn answer_network(
        &mut self,
        now: Instant,
        channel: u16,
        packet: &[u8],
        request: &Message<'_>,
    ) {
        if let Some(interface) = self.interface_mut(channel) {
            interface.receiving.management += 1;
        }
        let mut answer = Vec::new();
        if !self.answer(now, channel, Source::Network, packet, request, &mut answer) {
            return;
        }
        let waiting = self.is_waiting_for_line();
        let (batch, bundle) = (&mut self.batch, &mut self.bundle);
        let mut push = |path: Path, head: &[u8], data: &[u8]| match path {
            Path::Line => batch.push(head, data),
            Path::Member(member) => bundle.send_to(member, head, data),
        };
        let id = ChannelId(channel);
        let sent = !waiting
            && (self.link)
                .send(now, id, PayloadKind::Ipv4, &answer, &mut push)
                .is_ok();
        if sent {
            self.management.to_line += 1;
        } else {
            self.management.to_line_failed += 1;
        }
    }

    fn answer(
        &mut self,
        now: Instant,
        channel: u16,
        source: Source,
        packet: &[u8],
        request: &Message<'_>,
        answer: &mut Vec<u8>,
    ) -> bool {
        let ttl = self.conf.ttl;
        let Some(source) = self.admit(now, source, packet) else {
            return false;
        };
        // While frames are received the line is in other hands, and there.
        let modem = match &self.line {
            None => Modem {
                dcd: true,
                cts: true,
            },
            Some(_) => self.modem(),
        };
        let Some(mut desk) = self.desk(channel, modem, request.channel()) else {
            return false;
        };
        let mut data = Vec::new();
        let (code, control) = desk.answer(now, source, request, &mut data);
        let message = Repr {
            control,
            ..Repr::reply(request, code, &data)
        };
        reply(packet, &message, ttl, answer).is_ok()
    }

    /// What a request may have; `None`: it is dropped without an answer.
    fn admit(&mut self, now: Instant, source: Source, packet: &[u8]) -> Option<Source> {
        if source == Source::Host {
            return Some(source);
        }
        let address = *packet.get(12..)?.first_chunk::<4>()?;
        let total = usize::from(u16::from_be_bytes(*packet.get(2..)?.first_chunk()?));
        let payload = packet.get(IP_UDP_HEADERS..total)?;
        match self.guard.judge(address.into(), payload) {
            Verdict::Everything => Some(Source::Host),
            Verdict::Reading => Some(Source::Network),
            Verdict::Filtered => {
                self.management.filtered += 1;
                None
            }
            Verdict::Refused(reason) => {
                self.management.unauthenticated += 1;
                if let Some(suppressed) = self.refusals.allow(now) {
                    log::warn!(
                        "{}: a management request from {} is dropped: {reason}{}",
                        self.conf.name,
                        std::net::Ipv4Addr::from(address),
                        super::suppressed(suppressed)
                    );
                }
                None
            }
        }
    }

    /// Whether a packet that the host sends has one of the host's own addresses as its source:
    /// otherwise it was only forwarded, and its sender counts as the network.
    fn is_of_this_host(&mut self, now: Instant, channel: u16, packet: &[u8]) -> bool {
        let Some(source) = packet.get(12..16).and_then(|a| a.first_chunk::<4>()) else {
            return false;
        };
        let source = std::net::Ipv4Addr::from(*source);
        let own = self.interface_mut(channel).is_some_and(|interface| {
            interface.learned_local() == Some(source)
                || interface.local_address().is_some_and(|(a, _)| a == source)
        });
        own || self
            .own_addresses
            .contains(&mut self.netlink, now, source.into())
    }

    /// The modem lines: those of a serial port, else both are as the carrier.
    fn modem(&self) -> Modem {
        let carrier = self.has_carrier();
        let lines = self.line.as_ref().and_then(Line::modem_lines);
        Modem {
            dcd: lines.map_or(carrier, |lines| lines.dcd),
            cts: lines.map_or(carrier, |lines| lines.cts),
        }
    }

    /// Who has a circuit of X.25.
    fn circuit(&self, number: u16) -> CircuitOf {
        let (Link::X25(engine), Some(channel)) = (&self.link, Lci::new(number)) else {
            return CircuitOf::default();
        };
        match engine.holder(channel) {
            Holder::Nobody => CircuitOf::default(),
            Holder::Application(_) => CircuitOf {
                owner: "application".into(),
                peer: String::new(),
            },
            Holder::Port(id) => {
                let interface = self.interfaces.get(usize::from(id.0));
                let interface = interface.and_then(Option::as_ref);
                let peer = engine.port(id).map(|port| port.remote().to_string());
                CircuitOf {
                    owner: interface.map_or_else(String::new, |i| i.conf.name.clone()),
                    peer: peer.unwrap_or_default(),
                }
            }
        }
    }

    /// What a request through this channel, about this circuit of X.25, may read or change.
    fn desk(&mut self, channel: u16, modem: Modem, about: u16) -> Option<Desk<'_>> {
        let facts = self.facts();
        let circuit = self.circuit(about);
        let interface = self.interfaces.get_mut(usize::from(channel))?.as_mut()?;
        Some(Desk {
            link: &mut self.link,
            watch: &mut self.watch,
            management: &mut self.management,
            line: &mut self.counters,
            sending: &mut interface.sending,
            receiving: &mut interface.receiving,
            refusals: &mut self.refusals,
            device: &self.conf.name,
            facts,
            modem,
            opened: interface.opened,
            circuit,
        })
    }

    /// A client cannot be taken, for want of descriptors: not every turn is to try it.
    fn listen_later(&mut self, lp: &mut Loop, channel: u16, error: &io::Error) {
        let now = lp.now();
        let allowed = self.complaints.allow(now);
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        if let Some(suppressed) = allowed {
            log::warn!(
                "{}: management socket: {error}{}",
                interface.conf.name,
                super::suppressed(suppressed)
            );
        }
        if let Some((_, monitors)) = interface.sources
            && lp
                .modify(monitors, &interface.listener, Interest::None)
                .is_ok()
        {
            lp.set_timer(
                Token::new(owner::LISTEN, channel.into()),
                now + LISTEN_AFTER,
            );
        }
    }

    /// Clients of an interface's management socket are taken again.
    pub fn listen_again(&mut self, lp: &mut Loop, channel: u16) {
        if let Some(interface) = self.interface_mut(channel)
            && let Some((_, monitors)) = interface.sources
            && let Err(error) = lp.modify(monitors, &interface.listener, Interest::Read)
        {
            log::error!("{}: management socket: {error}", interface.conf.name);
        }
    }

    /// New clients of an interface's management socket.
    pub fn accept_monitors(&mut self, lp: &mut Loop, channel: u16) {
        loop {
            let Some(interface) = self.interface_mut(channel) else {
                return;
            };
            let socket = match interface.listener.accept() {
                Ok(Some(socket)) => socket,
                Ok(None) => return,
                Err(error) => return self.listen_later(lp, channel, &error),
            };
            let place = self.clients.iter().position(Option::is_none);
            let place = place.unwrap_or(self.clients.len());
            if place >= MAX_CLIENTS {
                // Dropping the socket tells the client.
                continue;
            }
            let token = Token::new(owner::CLIENT, place as u32);
            match lp.register(&socket, token, Interest::Read, Priority::Control) {
                Ok(source) => {
                    let client = Some(Client {
                        socket,
                        source,
                        channel,
                    });
                    match self.clients.get_mut(place) {
                        Some(slot) => *slot = client,
                        None => self.clients.push(client),
                    }
                }
                Err(error) => log::warn!("management socket: {error}"),
            }
        }
    }

    /// Requests of a client of a management socket.
    pub fn serve_monitor(&mut self, lp: &mut Loop, place: usize) {
        let now = lp.now();
        let Some(client) = self.clients.get_mut(place).and_then(Option::take) else {
            return;
        };
        let modem = self.modem();
        let mut octets = [0; MAX_MESSAGE];
        let mut data = Vec::new();
        let mut gone = false;
        for _ in 0..REQUESTS {
            let length = match client.socket.receive(&mut octets) {
                Ok(None) => break,
                Ok(Some(0)) | Err(_) => {
                    gone = true;
                    break;
                }
                Ok(Some(length)) => length,
            };
            let request = octets.get(..length).map(Message::new_checked);
            let Some(Ok(request)) = request else {
                self.management.malformed += 1;
                continue;
            };
            self.management.local += 1;
            let Some(mut desk) = self.desk(client.channel, modem, request.channel()) else {
                gone = true;
                break;
            };
            let (code, control) = desk.answer(now, Source::Host, &request, &mut data);
            let message = Repr {
                control,
                ..Repr::reply(&request, code, &data)
            };
            let mut answer = [0; MAX_MESSAGE];
            let sent = message
                .emit(&mut answer)
                .is_ok_and(|length| match answer.get(..length) {
                    Some(answer) => client.socket.send(answer).is_ok(),
                    None => false,
                });
            if sent {
                self.management.to_host += 1;
            } else {
                self.management.to_host_failed += 1;
            }
        }
        if gone {
            // Closing it is all that is left to do.
            let _ = lp.deregister(client.source, &client.socket);
        } else if let Some(slot) = self.clients.get_mut(place) {
            *slot = Some(client);
        }
        self.pump(lp);
    }
}
