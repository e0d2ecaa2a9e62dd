//! Sockets of `AF_X25` and what the kernel's header `linux/x25.h` has for them.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const SOL_X25: libc::c_int = 262;
const X25_QBITINCL: libc::c_int = 1;
/// How often interrupts are looked for, milliseconds.
const INTERRUPTS: libc::c_int = 20;
/// `SIOCPROTOPRIVATE`: the protocol's own requests are counted from here.
const PRIVATE: u32 = 0x89e0;
const SIOCADDRT: u32 = 0x890b;
const SIOCDELRT: u32 = 0x890c;

/// The protocol's own requests, by their distance from `SIOCPROTOPRIVATE`.
mod request {
    pub const SET_SUBSCRIPTION: u32 = 1;
    pub const GET_FACILITIES: u32 = 2;
    pub const SET_FACILITIES: u32 = 3;
    pub const GET_CALL_USER_DATA: u32 = 4;
    pub const SET_CALL_USER_DATA: u32 = 5;
    pub const GET_CAUSE: u32 = 6;
    pub const SET_MATCH_LENGTH: u32 = 7;
    pub const WAIT_FOR_APPROVAL: u32 = 8;
    pub const SEND_ACCEPTANCE: u32 = 9;
    pub const GET_DTE_FACILITIES: u32 = 10;
    pub const SET_DTE_FACILITIES: u32 = 11;
    pub const SET_CAUSE: u32 = 12;
}

/// An X.121 address: up to 15 digits and a zero octet.
type Address = [u8; 16];

#[repr(C)]
struct SockAddr {
    family: libc::sa_family_t,
    address: Address,
}

#[repr(C)]
struct Subscription {
    device: [u8; 200 - size_of::<libc::c_ulong>()],
    mask: libc::c_ulong,
    extended: libc::c_uint,
}

#[repr(C)]
struct Route {
    address: Address,
    digits: libc::c_uint,
    device: [u8; 200],
}

/// What a call has negotiated, or is to ask for.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facilities {
    /// Windows, packets.
    pub window_in: u32,
    /// As above, of what is sent.
    pub window_out: u32,
    /// Packet sizes, as exponents of 2: 4 to 12.
    pub packet_in: u32,
    /// As above, of what is sent.
    pub packet_out: u32,
    /// Throughput classes, both in one octet.
    pub throughput: u32,
    /// Reverse charging and fast select, in the bits of the facility (0x80: fast select).
    pub reverse: u32,
}

/// Address extensions and what else X.25 annex G has.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct DteFacilities {
    delay: [u16; 3],
    min_throughput: u8,
    expedited: u8,
    calling_len: u8,
    called_len: u8,
    calling: [u8; 20],
    called: [u8; 20],
}

#[repr(C)]
struct CallUserData {
    length: libc::c_uint,
    data: [u8; 128],
}

/// A socket.
#[derive(Debug)]
pub struct Socket(OwnedFd);

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Data; the Q bit where it was asked for.
    Message(Vec<u8>),
    /// The user data of an interrupt.
    Interrupt(Vec<u8>),
    /// The circuit is gone.
    Cleared,
}

fn address(digits: &str) -> io::Result<Address> {
    let mut address = [0; 16];
    let legal = digits.len() < address.len() && digits.bytes().all(|b| b.is_ascii_digit());
    if !legal {
        return Err(wrong(&format!("'{digits}' is not up to 15 digits")));
    }
    for (to, from) in address.iter_mut().zip(digits.bytes()) {
        *to = from;
    }
    Ok(address)
}

fn name<const N: usize>(device: &str) -> io::Result<[u8; N]> {
    let mut name = [0; N];
    if device.len() >= 16 {
        return Err(wrong(&format!("'{device}' is no name of an interface")));
    }
    for (to, from) in name.iter_mut().zip(device.bytes()) {
        *to = from;
    }
    Ok(name)
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

fn done(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

impl Socket {
    /// A new one.
    ///
    /// # Errors
    /// The kernel has no X.25.
    pub fn open() -> io::Result<Self> {
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
        // SAFETY: socket takes and returns plain integers.
        let fd = done(unsafe { libc::socket(libc::AF_X25, kind, 0) })?;
        // SAFETY: socket just returned this descriptor; nothing else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// `data` has to be what this request takes or fills.
    fn ask<T>(&self, request: u32, data: &mut T) -> io::Result<()> {
        let pointer: *mut T = data;
        // SAFETY: the pointer is to the structure that linux/x25.h has for this request, exclusively borrowed.
        done(unsafe { libc::ioctl(self.0.as_raw_fd(), request as _, pointer) })?;
        Ok(())
    }

    /// Whether a device numbers modulo 128, and which facilities (`X25_MASK_`) it negotiates.
    ///
    /// # Errors
    /// No such device; not root.
    pub fn subscribe(&self, device: &str, mask: u32, extended: bool) -> io::Result<()> {
        let mut subscription = Subscription {
            device: name(device)?,
            mask: mask.into(),
            extended: extended.into(),
        };
        self.ask(PRIVATE + request::SET_SUBSCRIPTION, &mut subscription)
    }

    /// Calls to addresses that begin with these digits leave through a device, or no longer.
    ///
    /// # Errors
    /// No such device or route, or there is one already; not root.
    pub fn route(&self, digits: &str, device: &str, add: bool) -> io::Result<()> {
        let mut route = Route {
            address: address(digits)?,
            digits: digits.len() as libc::c_uint,
            device: name(device)?,
        };
        self.ask(if add { SIOCADDRT } else { SIOCDELRT }, &mut route)
    }

    fn with_address(
        &self,
        digits: &str,
        call: unsafe extern "C" fn(
            libc::c_int,
            *const libc::sockaddr,
            libc::socklen_t,
        ) -> libc::c_int,
    ) -> io::Result<()> {
        let own = SockAddr {
            family: libc::AF_X25 as libc::sa_family_t,
            address: address(digits)?,
        };
        let size = size_of::<SockAddr>() as libc::socklen_t;
        // SAFETY: bind and connect read `size` octets of the local address.
        done(unsafe { call(self.0.as_raw_fd(), (&raw const own).cast(), size) })?;
        Ok(())
    }

    /// Takes an address; an empty one is any.
    ///
    /// # Errors
    /// Too many digits.
    pub fn bind(&self, digits: &str) -> io::Result<()> {
        self.with_address(digits, libc::bind)
    }

    /// Calls, and waits for the answer.
    ///
    /// # Errors
    /// The call was cleared, or there is no route.
    pub fn connect(&self, digits: &str) -> io::Result<()> {
        self.with_address(digits, libc::connect)
    }

    /// Takes calls.
    ///
    /// # Errors
    /// Not bound.
    pub fn listen(&self) -> io::Result<()> {
        // SAFETY: listen takes plain integers.
        done(unsafe { libc::listen(self.0.as_raw_fd(), 5) })?;
        Ok(())
    }

    /// Waits for a call, and says who calls; `None`: that one is gone already.
    ///
    /// # Errors
    /// Not listening.
    pub fn accept(&self) -> io::Result<Option<(Self, String)>> {
        let mut peer = SockAddr {
            family: 0,
            address: [0; 16],
        };
        let mut size = size_of::<SockAddr>() as libc::socklen_t;
        // SAFETY: accept fills at most `size` octets of the local address.
        let fd = done(unsafe {
            libc::accept(self.0.as_raw_fd(), (&raw mut peer).cast(), &raw mut size)
        });
        let fd = match fd {
            Err(error) if error.raw_os_error() == Some(libc::ECONNABORTED) => return Ok(None),
            other => other?,
        };
        let digits = peer.address.iter().take_while(|digit| **digit != 0);
        let digits = digits.map(|digit| char::from(*digit)).collect();
        // SAFETY: accept just returned this descriptor; nothing else owns it.
        Ok(Some((Self(unsafe { OwnedFd::from_raw_fd(fd) }), digits)))
    }

    /// The first octet of messages is the Q bit, both ways.
    ///
    /// # Errors
    /// None that is known.
    pub fn include_qualifier(&self) -> io::Result<()> {
        let on: libc::c_int = 1;
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: setsockopt reads `size` octets of the local integer.
        done(unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                SOL_X25,
                X25_QBITINCL,
                (&raw const on).cast(),
                size,
            )
        })?;
        Ok(())
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The circuit is gone.
    pub fn send(&self, octets: &[u8]) -> io::Result<()> {
        self.send_flagged(octets, 0)
    }

    /// Sends an interrupt, of 1 to 32 octets.
    ///
    /// # Errors
    /// The circuit is gone.
    pub fn interrupt(&self, octets: &[u8]) -> io::Result<()> {
        self.send_flagged(octets, libc::MSG_OOB)
    }

    fn send_flagged(&self, octets: &[u8], flags: libc::c_int) -> io::Result<()> {
        // The kernel refuses MSG_NOSIGNAL here.
        let flags = flags | libc::MSG_EOR;
        // SAFETY: send reads as many octets as the slice has.
        let sent = unsafe {
            libc::send(
                self.0.as_raw_fd(),
                octets.as_ptr().cast(),
                octets.len(),
                flags,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Waits for a message, an interrupt or the end.
    ///
    /// # Errors
    /// Neither.
    pub fn receive(&self) -> io::Result<Received> {
        loop {
            // Nothing but a signal tells of interrupts.
            if let Ok(octets) = self.receive_flagged(libc::MSG_OOB) {
                return Ok(Received::Interrupt(octets));
            }
            let mut ready = libc::pollfd {
                fd: self.0.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: poll is given one pollfd, exclusively borrowed.
            if done(unsafe { libc::poll(&raw mut ready, 1, INTERRUPTS) })? > 0 {
                break;
            }
        }
        match self.receive_flagged(0) {
            // A message of nothing is not what anybody here sends.
            Ok(octets) if octets.is_empty() => Ok(Received::Cleared),
            Ok(octets) => Ok(Received::Message(octets)),
            Err(error) => match error.raw_os_error() {
                Some(
                    libc::ENOTCONN
                    | libc::ECONNRESET
                    | libc::ENETUNREACH
                    | libc::ECONNREFUSED
                    | libc::EHOSTUNREACH,
                ) => Ok(Received::Cleared),
                Some(libc::EAGAIN) => self.receive(),
                _ => Err(error),
            },
        }
    }

    fn receive_flagged(&self, flags: libc::c_int) -> io::Result<Vec<u8>> {
        let mut octets = vec![0_u8; 128 * 1024];
        // SAFETY: recv fills at most as many octets as the buffer has.
        let got = unsafe {
            libc::recv(
                self.0.as_raw_fd(),
                octets.as_mut_ptr().cast(),
                octets.len(),
                flags | libc::MSG_DONTWAIT,
            )
        };
        let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
        octets.truncate(got);
        Ok(octets)
    }

    /// What the call has, or is to ask for.
    ///
    /// # Errors
    /// None that is known.
    pub fn facilities(&self) -> io::Result<Facilities> {
        let mut facilities = Facilities::default();
        self.ask(PRIVATE + request::GET_FACILITIES, &mut facilities)?;
        Ok(facilities)
    }

    /// What to ask for, or to answer before the acceptance is sent.
    ///
    /// # Errors
    /// Beyond what X.25 has; too late.
    pub fn set_facilities(&self, mut facilities: Facilities) -> io::Result<()> {
        self.ask(PRIVATE + request::SET_FACILITIES, &mut facilities)
    }

    /// The called address extension, in semi-octets of this many digits.
    ///
    /// # Errors
    /// Too late.
    pub fn set_called_extension(&self, digits: &str) -> io::Result<()> {
        let mut facilities = DteFacilities {
            called_len: digits.len() as u8,
            ..DteFacilities::default()
        };
        for (to, from) in facilities.called.iter_mut().zip(packed(digits)?) {
            *to = from;
        }
        self.ask(PRIVATE + request::SET_DTE_FACILITIES, &mut facilities)
    }

    /// The called address extension as digits; empty: none.
    ///
    /// # Errors
    /// None that is known.
    pub fn called_extension(&self) -> io::Result<String> {
        let mut facilities = DteFacilities::default();
        self.ask(PRIVATE + request::GET_DTE_FACILITIES, &mut facilities)?;
        let digits = facilities
            .called
            .iter()
            .flat_map(|octet| [octet >> 4, octet & 15]);
        Ok(digits
            .take(facilities.called_len.into())
            .map(|digit| char::from(b'0' + digit))
            .collect())
    }

    /// The user data of the call.
    ///
    /// # Errors
    /// None that is known.
    pub fn call_user_data(&self) -> io::Result<Vec<u8>> {
        let mut data = CallUserData {
            length: 0,
            data: [0; 128],
        };
        self.ask(PRIVATE + request::GET_CALL_USER_DATA, &mut data)?;
        let octets = data.data.iter().copied();
        Ok(octets.take(data.length as usize).collect())
    }

    /// The user data to call with; of who listens, those that calls have to begin with, so many
    /// octets of them as [`Self::match_length`] says.
    ///
    /// # Errors
    /// Longer than 128 octets.
    pub fn set_call_user_data(&self, octets: &[u8]) -> io::Result<()> {
        let mut data = CallUserData {
            length: octets.len() as libc::c_uint,
            data: [0; 128],
        };
        for (to, from) in data.data.iter_mut().zip(octets) {
            *to = *from;
        }
        self.ask(PRIVATE + request::SET_CALL_USER_DATA, &mut data)
    }

    /// How much of the user data has to match.
    ///
    /// # Errors
    /// Longer than 128 octets.
    pub fn match_length(&self, octets: u32) -> io::Result<()> {
        let mut octets: libc::c_uint = octets;
        self.ask(PRIVATE + request::SET_MATCH_LENGTH, &mut octets)
    }

    /// Why the circuit was cleared: cause and diagnostic.
    ///
    /// # Errors
    /// None that is known.
    pub fn cause(&self) -> io::Result<[u8; 2]> {
        let mut cause = [0; 2];
        self.ask(PRIVATE + request::GET_CAUSE, &mut cause)?;
        Ok(cause)
    }

    /// What closing it is to say.
    ///
    /// # Errors
    /// None that is known.
    pub fn set_cause(&self, mut cause: [u8; 2]) -> io::Result<()> {
        self.ask(PRIVATE + request::SET_CAUSE, &mut cause)
    }

    /// Calls that are accepted wait for [`Self::approve`]. Of a socket that does not listen yet.
    ///
    /// # Errors
    /// It listens.
    pub fn wait_for_approval(&self) -> io::Result<()> {
        self.ask(PRIVATE + request::WAIT_FOR_APPROVAL, &mut ())
    }

    /// Sends the acceptance.
    ///
    /// # Errors
    /// It was sent, or the call is gone.
    pub fn approve(&self) -> io::Result<()> {
        self.ask(PRIVATE + request::SEND_ACCEPTANCE, &mut ())
    }
}

/// Two digits an octet.
fn packed(digits: &str) -> io::Result<Vec<u8>> {
    if digits.len() > 40 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong(&format!("'{digits}' is not up to 40 digits")));
    }
    let digits: Vec<u8> = digits.bytes().map(|b| b - b'0').collect();
    let pair =
        |pair: &[u8]| pair.first().copied().unwrap_or(0) << 4 | pair.get(1).copied().unwrap_or(0);
    Ok(digits.chunks(2).map(pair).collect())
}

/// The structures are those of the kernel's header.
const _: () = {
    assert!(size_of::<SockAddr>() == 18);
    assert!(size_of::<Route>() == 220);
    assert!(size_of::<Facilities>() == 24);
    assert!(size_of::<DteFacilities>() == 50);
    assert!(size_of::<CallUserData>() == 132);
};
