//! A LAC whose calls are PPP clients.

use super::*;

/// A PPP client behind a call.
pub(super) struct Subscriber {
    pub ppp: Client,
    /// Our call and the server's numbers of tunnel and call.
    pub call: Option<(CallId, u16, u16)>,
    pub ipv4: Option<ipcp::Ipv4>,
    pub ipv6: bool,
    /// What its links ended of.
    pub causes: Vec<wanbox_link::ppp::Cause>,
    /// The end of its call: result and error code.
    pub ended: Option<(u16, Option<u16>)>,
    /// IP packets that it got.
    pub packets: Vec<Vec<u8>>,
    /// PPP frames that it got, in place of its engine when that is silent.
    pub frames: Vec<Vec<u8>>,
    /// The engine does not get what comes.
    pub by_hand: bool,
    /// What the LAC says that it negotiated.
    pub connection: Connection,
    /// It calls again when its call ends without an address.
    pub persistent: bool,
    pub attempts: u32,
    retry: Option<Instant>,
    outgoing: Vec<Vec<u8>>,
    seed: u128,
    profile: Arc<Profile>,
}

pub(super) fn profile(user: &str, secret: &str, methods: &[Method]) -> Profile {
    Profile {
        provide: methods.to_vec(),
        credentials: (!methods.is_empty())
            .then(|| Credentials::new(user.as_bytes(), secret.as_bytes())),
        ipv4: Some(ipcp::Config {
            ask_dns: true,
            ..ipcp::Config::of_peer()
        }),
        hold_down: None,
        statistics: true,
        ..Profile::default()
    }
}

impl Subscriber {
    pub fn new(user: &str, secret: &str, methods: &[Method]) -> Self {
        Self::of(user, profile(user, secret, methods))
    }

    pub fn of(user: &str, profile: Profile) -> Self {
        profile.check().unwrap();
        let seed = user
            .bytes()
            .fold(7, |all: u128, b| all * 31 + u128::from(b));
        let profile = Arc::new(profile);
        Self {
            ppp: Client::new(Arc::clone(&profile), seed << 64 | seed),
            call: None,
            ipv4: None,
            ipv6: false,
            causes: Vec::new(),
            ended: None,
            packets: Vec::new(),
            frames: Vec::new(),
            by_hand: false,
            connection: Connection {
                tx_speed: 10_000_000,
                framing: 1,
                ..Connection::default()
            },
            persistent: false,
            attempts: 0,
            retry: None,
            outgoing: Vec::new(),
            seed,
            profile,
        }
    }

    pub fn address(&self) -> Ipv4Addr {
        self.ipv4.expect("an address").local
    }

    /// A frame for the server.
    pub fn send_frame(&mut self, frame: &[u8]) {
        self.outgoing.push(frame.to_vec());
    }

    /// An IPv4 packet for the server.
    pub fn send(&mut self, packet: &[u8]) {
        let mut frame = Vec::new();
        FrameRepr::plain(Protocol::IPV4).append(&mut frame);
        frame.extend_from_slice(packet);
        self.outgoing.push(frame);
    }

    fn fetch(&mut self) {
        while let Some(event) = self.ppp.poll_event() {
            match event {
                PppEvent::Ipv4Up(ipv4) => self.ipv4 = Some(ipv4),
                PppEvent::Ipv4Down => self.ipv4 = None,
                PppEvent::Ipv6Up(_) => self.ipv6 = true,
                PppEvent::Ipv6Down => self.ipv6 = false,
                PppEvent::LinkDown(cause) => self.causes.push(cause),
                _ => {}
            }
        }
    }

    fn hung_up(&mut self, now: Instant, ended: (u16, Option<u16>)) {
        self.call = None;
        self.ended = Some(ended);
        self.outgoing.clear();
        self.ppp.carrier(now, false);
        self.fetch();
        if self.persistent {
            self.retry = Some(now + 5 * SECOND);
            self.ppp = Client::new(Arc::clone(&self.profile), self.seed);
        }
    }
}

/// An access concentrator with one tunnel to the server.
pub(super) struct Lac {
    pub at: SocketAddr,
    pub tunnels: Tunnels,
    pub tunnel: TunnelId,
    pub up: bool,
    pub down: bool,
    pub subscribers: Vec<Subscriber>,
    /// Those whose call is to be placed.
    waiting: Vec<usize>,
    calls: BTreeMap<CallId, usize>,
    /// Those that may have something to send.
    active: Vec<usize>,
}

impl Lac {
    pub fn new(now: Instant, at: SocketAddr, seed: u128) -> Self {
        let config = Arc::new(TunnelConfig {
            host_names: vec![(*b"lac").into()],
            setup_time: 120 * SECOND,
            hello: None,
            ..TunnelConfig::default()
        });
        let mut tunnels = Tunnels::new(Arc::clone(&config), Limits::default(), seed);
        let tunnel = tunnels
            .dial(now, SocketId(0), address(LNS), config)
            .unwrap();
        Self {
            at,
            tunnels,
            tunnel,
            up: false,
            down: false,
            subscribers: Vec::new(),
            waiting: Vec::new(),
            calls: BTreeMap::new(),
            active: Vec::new(),
        }
    }

    pub fn call(&mut self, subscriber: Subscriber) -> usize {
        self.subscribers.push(subscriber);
        let place = self.subscribers.len() - 1;
        self.waiting.push(place);
        place
    }

    fn place_calls(&mut self, now: Instant) {
        if !self.up {
            return;
        }
        for place in std::mem::take(&mut self.waiting) {
            let subscriber = &mut self.subscribers[place];
            subscriber.attempts += 1;
            subscriber.ended = None;
            let request = IncomingCall {
                serial: place as u32,
                calling: format!("0{place}").into_bytes().into(),
                called: (*b"0800").into(),
                ..IncomingCall::default()
            };
            let connection = subscriber.connection.clone();
            let call = self
                .tunnels
                .place(now, self.tunnel, &request, connection)
                .unwrap();
            self.calls.insert(call, place);
        }
    }

    pub fn hang_up(&mut self, now: Instant, place: usize, result: u16) {
        let (call, ..) = self.subscribers[place].call.unwrap();
        let reason = crate::tunnel::Reason::result(result);
        self.tunnels.hang_up(now, self.tunnel, call, &reason.into());
        self.calls.remove(&call);
        self.subscribers[place].hung_up(now, (0, None));
    }

    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        if Message::is_control(datagram) {
            self.tunnels
                .receive(now, SocketId(0), address(LNS), datagram);
            self.fetch(now);
            return;
        }
        let Ok((header, frame)) = DataHeader::parse(datagram) else {
            return;
        };
        assert_eq!(header.tunnel, self.tunnel.0);
        let Some(&place) = self.calls.get(&CallId(header.session)) else {
            return;
        };
        let subscriber = &mut self.subscribers[place];
        subscriber.frames.push(frame.to_vec());
        if !subscriber.by_hand {
            if let Some(delivery) = subscriber.ppp.receive(now, frame) {
                let packet = delivery.packet.to_vec();
                subscriber.packets.push(packet);
            }
            subscriber.fetch();
        }
        self.active.push(place);
    }

    fn fetch(&mut self, now: Instant) {
        while let Some((_, event)) = self.tunnels.poll_event() {
            match event {
                TunnelEvent::Up => self.up = true,
                TunnelEvent::Placed { call, peer } => {
                    let tunnel = self.tunnels.get(self.tunnel).unwrap().peer_number();
                    let Some(&place) = self.calls.get(&call) else {
                        continue;
                    };
                    let subscriber = &mut self.subscribers[place];
                    subscriber.call = Some((call, tunnel, peer));
                    if !subscriber.by_hand {
                        subscriber.ppp.carrier(now, true);
                        subscriber.ppp.open(now);
                    }
                    self.active.push(place);
                }
                TunnelEvent::CallDown { call, cdn, .. } => {
                    if let Some(place) = self.calls.remove(&call) {
                        let reason = (cdn.reason.result, cdn.reason.error);
                        self.subscribers[place].hung_up(now, reason);
                    }
                }
                TunnelEvent::Down { .. } => {
                    self.up = false;
                    self.down = true;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.tunnels.handle_timeout(now);
        self.fetch(now);
        for (place, subscriber) in self.subscribers.iter_mut().enumerate() {
            if subscriber.retry.take_if(|at| *at <= now).is_some() {
                self.waiting.push(place);
            }
            if subscriber.ppp.poll_timeout().is_some_and(|at| at <= now) {
                subscriber.ppp.handle_timeout(now);
                subscriber.fetch();
                self.active.push(place);
            }
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let ppp = self
            .subscribers
            .iter()
            .flat_map(|one| [one.ppp.poll_timeout(), one.retry])
            .flatten();
        self.tunnels.poll_timeout().into_iter().chain(ppp).min()
    }

    pub fn poll_transmit(&mut self, now: Instant, datagram: &mut Vec<u8>) -> bool {
        self.place_calls(now);
        if self.tunnels.poll_transmit(now, datagram).is_some() {
            return true;
        }
        if self.active.is_empty() {
            self.active = (0..self.subscribers.len())
                .filter(|place| !self.subscribers[*place].outgoing.is_empty())
                .collect();
        }
        while let Some(&place) = self.active.last() {
            let subscriber = &mut self.subscribers[place];
            let mut frame = Vec::new();
            let any = if subscriber.outgoing.is_empty() {
                !subscriber.by_hand && subscriber.ppp.poll_transmit(&mut frame)
            } else {
                frame = subscriber.outgoing.remove(0);
                true
            };
            if let (true, Some((_, tunnel, call))) = (any, subscriber.call) {
                datagram.clear();
                datagram.extend_from_slice(&DataHeader::plain(tunnel, call));
                datagram.extend_from_slice(&frame);
                return true;
            }
            self.active.pop();
        }
        false
    }
}
