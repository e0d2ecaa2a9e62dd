//! A subscriber and the LAC it calls, in one: a tunnel with one call, PPP in it, and a TUN of a
//! namespace of its own, so that ping and others run over it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use wanbox_l2tpns_engine::tunnel::{
    Cdn, Config, Connection, Event, IncomingCall, Limits, Reason, Tunnels,
};
use wanbox_l2tpns_engine::{CallId, SocketId, TunnelId};
use wanbox_link::ppp::auth::{Credentials, Method};
use wanbox_link::ppp::{Event as PppEvent, Payload, Profile, Session, ipv6cp};
use wanbox_rig::error::Context;
use wanbox_rig::{Error, Netns, Result, until, wait_for};
use wanbox_runtime::netlink::{Address, Netlink, Route};
use wanbox_runtime::tun::{Mode, Options, Tun};
use wanbox_wire::l2tp::{DataHeader, Message};

/// How long anything may take that needs some time-outs of protocols.
const PATIENCE: Duration = Duration::from_secs(90);

/// How somebody calls.
#[derive(Clone, Debug)]
pub struct Call<'c> {
    /// The network server.
    pub server: &'c str,
    /// The secret of the tunnel.
    pub secret: Option<&'c str>,
    /// The name and the password.
    pub user: (&'c str, &'c str),
    /// The ways in which it proves itself.
    pub methods: &'c [Method],
    /// It wants IPv6 too.
    pub ipv6: bool,
    /// Its telephone number.
    pub calling: &'c str,
    /// The speed of its line, bit/s, of which the LAC tells one direction.
    pub speed: u32,
    /// The UDP port of the LAC; 0 is any.
    pub port: u16,
}

impl<'c> Call<'c> {
    /// A call without a tunnel secret, over IPv4, ready for any way to prove itself.
    pub fn new(server: &'c str, user: &'c str, password: &'c str) -> Self {
        Self {
            server,
            secret: None,
            user: (user, password),
            methods: &[Method::MsChapV2, Method::ChapMd5, Method::Pap],
            ipv6: false,
            calling: "5551234",
            speed: 10_000_000,
            port: 0,
        }
    }
}

/// How far it is.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Its address, while IPCP is open.
    pub address: Option<Ipv4Addr>,
    /// The server's.
    pub peer: Option<Ipv4Addr>,
    /// The name servers it was told.
    pub dns: [Option<Ipv4Addr>; 2],
    /// IPV6CP is open.
    pub ipv6: bool,
    /// Why the call is over.
    pub over: Option<String>,
    /// What happened.
    pub story: Vec<String>,
}

enum Order {
    HangUp,
    Terminate,
    CloseTunnel,
}

/// Somebody who calls. Ends when dropped.
pub struct Caller {
    status: Arc<Mutex<Status>>,
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Caller {
    /// Calls: the LAC is in the namespace `lac`, the subscriber's interface `ppp0` in `home`.
    ///
    /// # Errors
    /// No socket, or no TUN.
    pub fn dial(lac: &Netns, home: &Netns, call: &Call<'_>) -> Result<Self> {
        let server: SocketAddr = format!("{}:1701", call.server)
            .parse()
            .map_err(|_| Error::new("no address"))?;
        let any: IpAddr = match server {
            SocketAddr::V4(_) => [0; 4].into(),
            SocketAddr::V6(_) => [0; 16].into(),
        };
        let socket = lac.inside(|| Ok(UdpSocket::bind((any, call.port))?))?;
        socket.set_nonblocking(true)?;
        // That of a caller before may take a moment to be gone.
        let tun = wait_for("a TUN", PATIENCE, || {
            let open = || Ok(Tun::open("ppp0", Mode::Tun, &Options::default()));
            home.inside(open)?.map(Some).context("ppp0")
        })?;
        let netlink = home.inside(|| Netlink::open().context("netlink"))?;
        let status = Arc::new(Mutex::new(Status::default()));
        let (orders, inbox) = channel();
        let mut line = Line::new(socket, server, (tun, netlink), call, Arc::clone(&status));
        Ok(Self {
            status,
            orders,
            thread: Some(std::thread::spawn(move || line.run(&inbox))),
        })
    }

    /// How far it is.
    pub fn status(&self) -> Status {
        self.status.lock().expect("a whole status").clone()
    }

    /// Waits until it has an address.
    ///
    /// # Errors
    /// The call ended, or it took too long.
    pub fn connected(&self) -> Result<Ipv4Addr> {
        let reached = until("an address or the end of the call", PATIENCE, || {
            let status = self.status();
            Ok(status.over.is_some() || status.address.is_some())
        });
        let status = self.status();
        reached.context(format!("{:?}", status.story))?;
        let Some(address) = status.address.filter(|_| status.over.is_none()) else {
            return Err(Error::new(format!("over: {:?}", status.story)));
        };
        Ok(address)
    }

    /// Waits until the call is over, and says why it is.
    ///
    /// # Errors
    /// It took too long.
    pub fn ended(&self) -> Result<String> {
        wait_for("the end of the call", PATIENCE, || Ok(self.status().over))
    }

    /// Ends the call with a CDN.
    pub fn hang_up(&self) {
        let _ = self.orders.send(Order::HangUp);
    }

    /// Ends PPP with a Terminate-Request.
    pub fn terminate(&self) {
        let _ = self.orders.send(Order::Terminate);
    }

    /// Ends the tunnel with a StopCCN.
    pub fn close_tunnel(&self) {
        let _ = self.orders.send(Order::CloseTunnel);
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        // The thread ends with the orders.
        let (none, _) = channel();
        self.orders = none;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread of a caller has.
struct Line {
    socket: UdpSocket,
    tun: Tun,
    netlink: Netlink,
    tunnels: Tunnels,
    tunnel: TunnelId,
    request: IncomingCall,
    speed: u32,
    /// Our number of the call, and the server's once it stands.
    call: Option<(CallId, Option<u16>)>,
    ppp: Session,
    status: Arc<Mutex<Status>>,
}

impl Line {
    fn new(
        socket: UdpSocket,
        server: SocketAddr,
        (tun, netlink): (Tun, Netlink),
        call: &Call<'_>,
        status: Arc<Mutex<Status>>,
    ) -> Self {
        let now = Instant::now();
        let config = Arc::new(Config {
            host_names: vec![Box::from(&b"caller"[..])],
            secret: call.secret.map(|secret| Box::from(secret.as_bytes())),
            ..Config::default()
        });
        let seed = u128::from(std::process::id()) << 64
            | u128::from(socket.local_addr().map_or(0, |a| a.port()));
        let mut tunnels = Tunnels::new(Arc::clone(&config), Limits::default(), seed);
        let tunnel = tunnels
            .dial(now, SocketId(0), server, Arc::clone(&config))
            .expect("an empty table");
        let (name, password) = call.user;
        let mut ipv4 = wanbox_link::ppp::ipcp::Config::of_peer();
        ipv4.ask_dns = true;
        let profile = Profile {
            provide: call.methods.to_vec(),
            credentials: Some(Credentials::new(name.as_bytes(), password.as_bytes())),
            ipv4: Some(ipv4),
            ipv6: call.ipv6.then(ipv6cp::Config::default),
            hold_down: None,
            ..Profile::default()
        };
        let request = IncomingCall {
            serial: 1,
            calling: Box::from(call.calling.as_bytes()),
            called: Box::from(&b"5550000"[..]),
            ..IncomingCall::default()
        };
        Self {
            socket,
            tun,
            netlink,
            tunnels,
            tunnel,
            request,
            speed: call.speed,
            call: None,
            ppp: Session::new(Arc::new(profile), seed ^ 0x5555),
            status,
        }
    }

    fn note(&self, text: impl Into<String>) {
        self.change(|status| status.story.push(text.into()));
    }

    fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock().expect("a whole status"));
    }

    fn over(&self, why: String) {
        self.note(why.clone());
        self.change(|status| {
            status.address = None;
            status.over.get_or_insert(why);
        });
    }

    /// Until nobody has orders any more; then the server is told.
    fn run(&mut self, inbox: &Receiver<Order>) {
        use std::sync::mpsc::TryRecvError;
        let mut buffer = vec![0; 65_536];
        loop {
            let now = Instant::now();
            match inbox.try_recv() {
                Ok(Order::HangUp) => self.hang_up(now),
                Ok(Order::Terminate) => self.ppp.close(now),
                Ok(Order::CloseTunnel) => self.tunnels.close(now, self.tunnel, &Reason::result(1)),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    self.tunnels.close(now, self.tunnel, &Reason::result(6));
                    self.settle(now);
                    return;
                }
            }
            self.datagrams(now, &mut buffer);
            self.packets(&mut buffer);
            self.tunnels.handle_timeout(now);
            self.ppp.handle_timeout(now);
            self.settle(now);
            let mut fds = [
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.tun.as_fd(), PollFlags::POLLIN),
            ];
            let _ = poll(&mut fds, PollTimeout::from(5_u8));
        }
    }

    fn hang_up(&mut self, now: Instant) {
        if let Some((call, _)) = self.call.take() {
            let cdn = Cdn::from(Reason::result(1));
            self.tunnels.hang_up(now, self.tunnel, call, &cdn);
            self.ppp.carrier(now, false);
            self.over("hung up".to_owned());
        }
    }

    fn datagrams(&mut self, now: Instant, buffer: &mut [u8]) {
        while let Ok((len, from)) = self.socket.recv_from(buffer) {
            let datagram = &buffer[..len];
            if Message::is_control(datagram) {
                self.tunnels.receive(now, SocketId(0), from, datagram);
                continue;
            }
            let Ok((_, frame)) = DataHeader::parse(datagram) else {
                continue;
            };
            if let Some(delivery) = self.ppp.receive(now, frame) {
                let packet = delivery.packet.to_vec();
                let _ = self.tun.write_packet(&[0; Tun::HEADER], &packet);
            }
            self.settle(now);
        }
    }

    fn packets(&mut self, buffer: &mut [u8]) {
        let mut header = [0; Tun::HEADER];
        while let Ok(Some(len)) = self.tun.read_packet(&mut header, buffer) {
            let packet = &buffer[..len];
            let payload = match packet.first().map(|octet| octet >> 4) {
                Some(4) => Payload::Ipv4,
                Some(6) => Payload::Ipv6,
                _ => continue,
            };
            let Ok(parts) = self.ppp.prepare(payload, packet) else {
                continue;
            };
            let frame = [parts.header.as_ref(), parts.head, parts.rest].concat();
            self.send(&frame);
        }
    }

    /// Sends a PPP frame to the server.
    fn send(&self, frame: &[u8]) {
        let Some((_, Some(session))) = self.call else {
            return;
        };
        let Some(tunnel) = self.tunnels.get(self.tunnel) else {
            return;
        };
        let mut datagram = DataHeader::plain(tunnel.peer_number(), session).to_vec();
        datagram.extend_from_slice(frame);
        let _ = self.socket.send_to(&datagram, tunnel.address());
    }

    fn settle(&mut self, now: Instant) {
        let mut octets = Vec::new();
        loop {
            while let Some(transmit) = self.tunnels.poll_transmit(now, &mut octets) {
                let _ = self.socket.send_to(&octets, transmit.to);
            }
            while self.ppp.poll_transmit(&mut octets) {
                self.send(&octets);
            }
            if let Some((_, event)) = self.tunnels.poll_event() {
                self.of_tunnel(now, event);
            } else if let Some(event) = self.ppp.poll_event() {
                self.of_ppp(now, event);
            } else {
                return;
            }
        }
    }

    fn of_tunnel(&mut self, now: Instant, event: Event) {
        match event {
            Event::Up => {
                self.note("tunnel up");
                let connection = Connection {
                    tx_speed: self.speed,
                    framing: 1,
                    ..Connection::default()
                };
                let placed = self
                    .tunnels
                    .place(now, self.tunnel, &self.request, connection);
                self.call = placed.ok().map(|call| (call, None));
            }
            Event::Placed { call, peer } => {
                self.note("call up");
                self.call = Some((call, Some(peer)));
                self.ppp.carrier(now, true);
                self.ppp.open(now);
            }
            Event::CallDown { cdn, .. } => {
                let reason = &cdn.reason;
                let text = String::from_utf8_lossy(&reason.text).into_owned();
                self.call = None;
                self.ppp.carrier(now, false);
                self.over(format!("CDN {} {:?} {text}", reason.result, reason.error));
            }
            Event::Down { by, reason } => {
                self.over(format!("StopCCN {} by {by:?}", reason.result));
            }
            other => self.note(format!("{other:?}")),
        }
    }

    fn of_ppp(&mut self, now: Instant, event: PppEvent) {
        match event {
            PppEvent::Ipv4Up(ipv4) => {
                let named = |address: Ipv4Addr| Some(address).filter(|a| !a.is_unspecified());
                self.configure(ipv4.local, ipv4.peer);
                self.change(|status| {
                    status.address = Some(ipv4.local);
                    status.peer = named(ipv4.peer);
                    status.dns = ipv4.dns.map(named);
                });
            }
            PppEvent::Ipv4Down => self.change(|status| status.address = None),
            PppEvent::Ipv6Up(_) => self.change(|status| status.ipv6 = true),
            PppEvent::Ipv6Down => self.change(|status| status.ipv6 = false),
            // As a modem does.
            PppEvent::Finished => self.hang_up(now),
            PppEvent::LinkDown(cause) => self.note(format!("PPP: {cause}")),
            other => self.note(format!("PPP: {other:?}")),
        }
    }

    /// Gives the interface its address, and the default route.
    fn configure(&mut self, local: Ipv4Addr, peer: Ipv4Addr) {
        let mut set_up = || {
            let index = self.netlink.link("ppp0")?.index;
            self.netlink.flush_addresses(index)?;
            let address = Address {
                local: local.into(),
                peer: Some(peer.into()),
                prefix_len: 32,
                broadcast: None,
            };
            self.netlink.add_address(index, &address)?;
            self.netlink
                .set_mtu(index, self.ppp.link().peer().mru.into())?;
            self.netlink.set_up(index, true)?;
            self.netlink.replace_route(&Route::default_v4(index, None))
        };
        if let Err(error) = set_up() {
            self.note(error.to_string());
        }
    }
}
