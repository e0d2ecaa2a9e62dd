//! A client with several calls, which are one bundle (RFC 1990).

use wanbox_link::ppp::lcp::Multilink;
use wanbox_link::ppp::multilink::{Bundle, Config as BundleConfig, MemberConfig, MemberId};
use wanbox_link::ppp::{Link, Network, NetworkReceived, Received};
use wanbox_wire::ppp::multilink::Format;

use super::*;

/// One of its calls.
pub(super) struct Line {
    /// Its LAC, and its place there.
    pub at: (usize, usize),
    pub link: Link,
    pub member: Option<MemberId>,
    carrier: bool,
    /// Nothing comes or goes any more, and nobody says so.
    pub cut: bool,
}

/// The client.
pub(super) struct Team {
    user: String,
    pub profile: Arc<Profile>,
    pub lines: Vec<Line>,
    pub network: Network,
    pub bundle: Option<Bundle>,
    pub ipv4: Option<ipcp::Ipv4>,
    /// How often it got an address.
    pub ups: u32,
    /// How often a link came up without multilink, and was begun anew.
    pub anew: u32,
    /// IP packets that it got.
    pub packets: Vec<Vec<u8>>,
    whole: Vec<u8>,
}

/// The profile of a client that offers multilink.
pub(super) fn profile(user: &str, endpoint: &[u8]) -> Profile {
    let mut profile = clients::profile(user, "pw", &[Method::ChapMd5]);
    profile.lcp.multilink = Some(Multilink {
        mrru: 1600,
        short_sequence: false,
        endpoint: endpoint.into(),
        on_request: false,
    });
    profile.lcp.echo_interval = None;
    profile
}

impl Team {
    pub fn new(user: &str, profile: Profile) -> Self {
        profile.check().unwrap();
        let profile = Arc::new(profile);
        Self {
            user: user.into(),
            network: Network::new(Arc::clone(&profile), 7),
            profile,
            lines: Vec::new(),
            bundle: None,
            ipv4: None,
            ups: 0,
            anew: 0,
            packets: Vec::new(),
            whole: Vec::new(),
        }
    }

    pub fn address(&self) -> Ipv4Addr {
        self.ipv4.expect("an address").local
    }

    /// How many of its links carry fragments.
    pub fn up(&self) -> usize {
        self.lines
            .iter()
            .filter(|line| line.member.is_some())
            .count()
    }

    fn receive(&mut self, now: Instant, place: usize, frame: &[u8]) {
        match self.lines[place].link.receive(now, frame) {
            Received::Consumed => {}
            Received::Rejected(protocol) => self.network.protocol_rejected(now, protocol),
            Received::Network {
                protocol: Protocol::MULTILINK,
                information,
            } => {
                let (Some(bundle), Some(member)) = (&mut self.bundle, self.lines[place].member)
                else {
                    return;
                };
                if let Some(whole) = bundle.receive(now, member, information) {
                    self.network_in(now, whole);
                }
                self.wholes(now);
            }
            Received::Network {
                protocol,
                information,
            } => {
                let whole = [&protocol.0.to_be_bytes(), information].concat();
                self.network_in(now, &whole);
            }
        }
    }

    fn wholes(&mut self, now: Instant) {
        let mut whole = std::mem::take(&mut self.whole);
        while self
            .bundle
            .as_mut()
            .is_some_and(|b| b.poll_packet(&mut whole))
        {
            self.network_in(now, &whole);
        }
        self.whole = whole;
    }

    fn network_in(&mut self, now: Instant, whole: &[u8]) {
        let frame = Frame::parse(whole).unwrap();
        let received = self.network.receive(now, frame.protocol, frame.information);
        if let NetworkReceived::Delivery(_, packet) = received {
            self.packets.push(packet.to_vec());
        }
    }

    /// Sends a packet over all links.
    pub fn send(&mut self, now: Instant, lacs: &mut [Lac], protocol: Protocol, packet: &[u8]) {
        let Some(bundle) = &mut self.bundle else {
            return;
        };
        let lines = &self.lines;
        let number = protocol.0.to_be_bytes();
        let _ = bundle.send(now, &number, packet, |member, head, data| {
            let line = lines.iter().find(|line| line.member == Some(member));
            let line = line.expect("a member that is there");
            if !line.cut {
                let (lac, place) = line.at;
                lacs[lac].subscribers[place].send_frame(&[head, data].concat());
            }
        });
    }

    /// Does what is to be done.
    pub fn work(&mut self, now: Instant, lacs: &mut [Lac]) {
        for place in 0..self.lines.len() {
            let line = &mut self.lines[place];
            let (lac, subscriber) = line.at;
            let subscriber = &mut lacs[lac].subscribers[subscriber];
            if subscriber.call.is_some() != line.carrier {
                line.carrier = !line.carrier;
                line.link.carrier(now, line.carrier);
                if line.carrier {
                    line.link.open(now);
                }
            }
            let frames = std::mem::take(&mut subscriber.frames);
            for frame in frames.iter().filter(|_| !line.cut).collect::<Vec<_>>() {
                self.receive(now, place, frame);
                self.happened(now, place);
            }
            let line = &mut self.lines[place];
            if line.link.poll_timeout().is_some_and(|at| at <= now) {
                line.link.handle_timeout(now);
            }
            self.happened(now, place);
            let line = &mut self.lines[place];
            let mut frame = Vec::new();
            while line.link.poll_transmit(&mut frame) {
                if !line.cut {
                    lacs[lac].subscribers[line.at.1].send_frame(&frame);
                }
            }
        }
        if let Some(bundle) = &mut self.bundle {
            bundle.handle_timeout(now);
            self.wholes(now);
        }
        if self.network.poll_timeout().is_some_and(|at| at <= now) {
            self.network.handle_timeout(now);
        }
        let mut packet = Vec::new();
        while self.network.poll_transmit(&mut packet) {
            let protocol = Protocol(u16::from_be_bytes([packet[0], packet[1]]));
            self.send(now, lacs, protocol, &packet[2..]);
        }
        while let Some(event) = self.network.poll_event() {
            match event {
                PppEvent::Ipv4Up(ipv4) => {
                    self.ipv4 = Some(ipv4);
                    self.ups += 1;
                }
                PppEvent::Ipv4Down => self.ipv4 = None,
                _ => {}
            }
        }
    }

    /// Follows the events of a link.
    fn happened(&mut self, now: Instant, place: usize) {
        while let Some(event) = self.lines[place].link.poll_event() {
            match event {
                PppEvent::LinkUp => self.link_up(now, place),
                PppEvent::LinkDown(_) => {
                    let member = self.lines[place].member.take();
                    if let (Some(member), Some(bundle)) = (member, &mut self.bundle) {
                        bundle.leave(member);
                        if bundle.member_count() == 0 {
                            self.bundle = None;
                            self.network.down(now);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn link_up(&mut self, now: Instant, place: usize) {
        let line = &mut self.lines[place];
        let (local, peer) = (line.link.local(), *line.link.peer());
        let (Some(ours), Some(theirs)) = (local.mrru, peer.mrru) else {
            // On a line that doubles, the server's request without it may have come last.
            self.anew += 1;
            line.link.carrier(now, false);
            line.link.carrier(now, true);
            return;
        };
        let format = |short| if short { Format::Short } else { Format::Long };
        let bundle = self.bundle.get_or_insert_with(|| {
            Bundle::new(BundleConfig {
                send_format: format(peer.short_sequence),
                receive_format: format(local.short_sequence),
                receive_limit: ours.into(),
                send_limit: theirs.into(),
                ..BundleConfig::default()
            })
            .unwrap()
        });
        let config = MemberConfig {
            rate_bps: 0,
            mru: peer.mru.into(),
            acfc: peer.acfc,
            pfc: peer.pfc,
        };
        line.member = bundle.join(now, &config);
        self.network.up(now, theirs);
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let lines = self
            .lines
            .iter()
            .filter_map(|line| line.link.poll_timeout());
        let bundle = self.bundle.as_ref().and_then(Bundle::poll_timeout);
        lines.chain(bundle).chain(self.network.poll_timeout()).min()
    }
}

impl World {
    /// A client without calls; its number.
    pub fn team(&mut self, user: &str, profile: Profile) -> usize {
        self.teams.push(Team::new(user, profile));
        self.teams.len() - 1
    }

    /// Has a client call through a LAC; the number of the call there.
    pub fn team_call(&mut self, team: usize, lac: usize) -> usize {
        let seed = u128::from(self.dice.next_u64());
        let team = &mut self.teams[team];
        let mut subscriber = Subscriber::of(&team.user, (*team.profile).clone());
        subscriber.by_hand = true;
        let place = self.lacs[lac].call(subscriber);
        team.lines.push(Line {
            at: (lac, place),
            link: Link::new(Arc::clone(&team.profile), seed << 64 | seed),
            member: None,
            carrier: false,
            cut: false,
        });
        place
    }

    /// Has a client call, and waits until this many links of it are up.
    pub fn team_up(&mut self, team: usize, lac: usize) {
        self.team_call(team, lac);
        let wanted = self.teams[team].lines.len();
        let up = self.run_until(20 * SECOND, |world| {
            world.teams[team].up() == wanted && world.teams[team].ipv4.is_some()
        });
        assert!(up.is_some(), "{:?}", self.log());
        self.run_for(SECOND / 10);
    }

    /// Packets of all kinds of sizes go to a client and come from it, intact and in order.
    pub fn team_data_passes(&mut self, team: usize) {
        let own = self.teams[team].address();
        let far = Ipv4Addr::new(203, 0, 113, 7);
        let now = self.now();
        let sizes = [28, 60, 255, 256, 576, 1000, 1400, 1460];
        self.teams[team].packets.clear();
        self.out.host.clear();
        self.out.icmp.clear();
        let header = VirtioHeader::parse(&[0; 12]).unwrap();
        for size in sizes {
            let mut down = packet(far, own, size);
            self.lns
                .plane()
                .down(now, &header, &mut down, &mut self.out)
                .unwrap();
            let up = packet(own, far, size);
            self.teams[team].send(now, &mut self.lacs, Protocol::IPV4, &up);
        }
        self.run_for(2 * SECOND);
        let down: Vec<_> = sizes.map(|size| packet(far, own, size)).into();
        assert_eq!(self.teams[team].packets, down);
        let up: Vec<_> = sizes.map(|size| packet(own, far, size)).into();
        assert_eq!(self.out.host, up);
        assert!(self.out.icmp.is_empty());
    }
}
