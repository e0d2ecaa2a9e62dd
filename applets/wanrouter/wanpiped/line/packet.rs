//! The frames of a kernel interface, as they are or as lapbether has them.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};

use wanbox_runtime::netlink::{Monitor, NetEvent, Netlink};
use wanbox_runtime::packet::PacketSocket;
use wanbox_wire::lapb::ethernet;

/// An open line.
pub struct PacketLine {
    socket: PacketSocket,
    monitor: Monitor,
    carrier: bool,
    lapbether: Option<Lapbether>,
}

/// Frames in those of an Ethernet.
struct Lapbether {
    /// Our address there.
    source: [u8; 6],
    /// What came and had no frame in it.
    malformed: u64,
}

impl PacketLine {
    /// The raw frames of an interface.
    ///
    /// # Errors
    /// What could not be opened and why, for people.
    pub fn open(interface: &str) -> Result<Self, String> {
        // The monitor first: no change between the two is missed.
        let monitor = Monitor::open().map_err(|error| error.to_string())?;
        let socket = PacketSocket::open(interface).map_err(|error| error.to_string())?;
        Self::new(monitor, socket, None)
    }

    /// Frames of at most so many octets in those of an Ethernet, beside whatever else it carries.
    ///
    /// # Errors
    /// As [`Self::open`], and an Ethernet whose MTU is less than the longest frame.
    pub fn open_lapbether(interface: &str, max_frame: usize) -> Result<Self, String> {
        let monitor = Monitor::open().map_err(|error| error.to_string())?;
        let socket = PacketSocket::open_ethernet(interface, ethernet::ETHERTYPE)
            .map_err(|error| error.to_string())?;
        let source = socket
            .ethernet_address()
            .map_err(|error| format!("{interface}: its address: {error}"))?;
        let link = Netlink::open().and_then(|mut netlink| netlink.link(interface));
        let mtu = link.map_err(|error| error.to_string())?.mtu;
        let needed = max_frame + ethernet::LENGTH;
        if needed > mtu as usize {
            log::warn!(
                "LINE: frames are up to {max_frame} octets long, and {interface} has an MTU of \
                 {mtu}: longer ones than {} are lost (MTU {needed} would do)",
                (mtu as usize).saturating_sub(ethernet::LENGTH)
            );
        }
        let lapbether = Lapbether {
            source,
            malformed: 0,
        };
        Self::new(monitor, socket, Some(lapbether))
    }

    fn new(
        monitor: Monitor,
        socket: PacketSocket,
        lapbether: Option<Lapbether>,
    ) -> Result<Self, String> {
        let carrier = socket.carrier().map_err(|error| error.to_string())?;
        Ok(Self {
            socket,
            monitor,
            carrier,
            lapbether,
        })
    }

    /// The interface runs.
    pub fn carrier(&self) -> bool {
        self.carrier
    }

    /// The descriptor that frames come in on.
    pub fn frames_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The descriptor that tells of the interface's state.
    pub fn state_fd(&self) -> BorrowedFd<'_> {
        self.monitor.as_fd()
    }

    /// Reads what happened to the interface. Returns whether the carrier was away, be it back already.
    ///
    /// # Errors
    /// Only what no later call can mend: the interface is gone.
    pub fn on_ready(&mut self) -> io::Result<bool> {
        let mut lost = false;
        while let Some(event) = self.monitor.poll_event()? {
            match event {
                NetEvent::Link(link) if link.index == self.socket.index() => {
                    self.carrier = link.is_running();
                }
                // One of the same name that comes later is another device.
                NetEvent::LinkGone(link) if link.index == self.socket.index() => {
                    return Err(gone(&link.name));
                }
                NetEvent::Lost => {
                    let carrier = self.socket.carrier();
                    self.carrier = carrier.map_err(|_| gone(self.socket.name()))?;
                }
                _ => {}
            }
            lost |= !self.carrier;
        }
        Ok(lost)
    }

    /// Reads once and gives a frame to `each`. `false`: nothing was there.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn receive(&mut self, buffer: &mut [u8], mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        let received = self.socket.receive(buffer)?;
        if let Some(octets) = received.and_then(|length| buffer.get(..length)) {
            match &mut self.lapbether {
                None => each(octets),
                Some(lapbether) => match ethernet::frame(octets) {
                    Ok(frame) => each(frame),
                    Err(_) => lapbether.malformed += 1,
                },
            }
        }
        Ok(received.is_some())
    }

    /// Sends a frame. `false`: the line is full, the frame was not taken.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<bool> {
        match (&self.lapbether, u16::try_from(frame.len())) {
            (Some(lapbether), Ok(octets)) => {
                let header = ethernet::header(lapbether.source, octets);
                self.socket
                    .send(&[IoSlice::new(&header), IoSlice::new(frame)])
            }
            // Longer than the field: longer than any Ethernet frame, which the socket refuses and counts.
            (Some(_), Err(_)) | (None, _) => self.socket.send(&[IoSlice::new(frame)]),
        }
    }

    /// Counters of the line's own, by name.
    pub fn counters(&self) -> Vec<(&'static str, u64)> {
        let stats = self.socket.stats();
        let mut all = vec![("packet_refused", stats.refused), ("packet_cut", stats.cut)];
        if let Some(lapbether) = &self.lapbether {
            all.push(("lapbether_malformed", lapbether.malformed));
        }
        all
    }
}

fn gone(device: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("the kernel device {device} is gone"),
    )
}
