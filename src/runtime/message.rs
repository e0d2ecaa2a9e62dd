//! `sendmsg` and `recvmsg` with the scatter lists and control data that the datagram sockets need, without allocation.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Room for the one or two small control messages used here, aligned for `cmsghdr`.
#[repr(C, align(8))]
pub(crate) struct Control(pub(crate) [u8; 64]);

/// What `recvmsg` returned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    /// Octets written to the buffers.
    pub(crate) len: usize,
    /// `MSG_*` flags.
    pub(crate) flags: libc::c_int,
    /// The 16- or 32-bit value of the wanted control message.
    pub(crate) control: Option<u32>,
}

/// An empty message header. Built by zeroing because libc keeps private padding fields.
pub(crate) fn empty_header() -> libc::msghdr {
    // SAFETY: msghdr is plain data; all zeroes is its empty value (null pointers, zero lengths).
    unsafe { mem::zeroed() }
}

/// Points `header` at a scatter list. The list must outlive the call that uses the header.
pub(crate) fn set_slices(header: &mut libc::msghdr, slices: &[IoSlice<'_>]) {
    // IoSlice is guaranteed to have the layout of iovec.
    header.msg_iov = slices.as_ptr().cast_mut().cast();
    header.msg_iovlen = slices.len() as _;
}

/// Sends one message; `segment` adds a control message with that 16-bit value.
pub(crate) fn send(
    fd: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
    segment: Option<(libc::c_int, libc::c_int, u16)>,
) -> io::Result<usize> {
    let mut header = empty_header();
    set_slices(&mut header, slices);
    let mut control = ControlWriter::new();
    if let Some((level, kind, value)) = segment {
        control.push(level, kind, &value.to_ne_bytes());
    }
    control.attach(&mut header);
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the header points at slices and control data that live until the call returns.
    let sent = unsafe { libc::sendmsg(fd.as_raw_fd(), &header, flags) };
    length(sent)
}

/// Receives one message; of the control messages, the value of the `wanted` (level, type) is kept.
pub(crate) fn receive(
    fd: BorrowedFd<'_>,
    slices: &mut [IoSliceMut<'_>],
    wanted: Option<(libc::c_int, libc::c_int)>,
) -> io::Result<Received> {
    let mut header = empty_header();
    header.msg_iov = slices.as_mut_ptr().cast();
    header.msg_iovlen = slices.len() as _;
    let mut control = Control([0; 64]);
    if wanted.is_some() {
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = control.0.len() as _;
    }
    // SAFETY: the header points at buffers exclusively borrowed until the call returns.
    let got = unsafe { libc::recvmsg(fd.as_raw_fd(), &mut header, libc::MSG_DONTWAIT) };
    let len = length(got)?;
    Ok(Received {
        len,
        flags: header.msg_flags,
        control: wanted.and_then(|(level, kind)| find_control(&header, level, kind)),
    })
}

/// The 16- or 32-bit value of a control message of this level and type.
pub(crate) fn find_control(
    header: &libc::msghdr,
    level: libc::c_int,
    kind: libc::c_int,
) -> Option<u32> {
    if let Some(octets) = find_control_octets::<4>(header, level, kind) {
        return Some(u32::from_ne_bytes(octets));
    }
    let octets = find_control_octets::<2>(header, level, kind)?;
    Some(u16::from_ne_bytes(octets).into())
}

/// The first octets of a control message of this level and type, if it has so many.
pub(crate) fn find_control_octets<const N: usize>(
    header: &libc::msghdr,
    level: libc::c_int,
    kind: libc::c_int,
) -> Option<[u8; N]> {
    // SAFETY: the kernel filled msg_control with well-formed messages of msg_controllen octets;
    // the CMSG macros stay inside that. The payload is read only as far as cmsg_len says.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            if (*message).cmsg_level == level && (*message).cmsg_type == kind {
                let data = libc::CMSG_DATA(message);
                let len = ((*message).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
                return (len >= N).then(|| data.cast::<[u8; N]>().read_unaligned());
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    None
}

/// Control messages in the making.
pub(crate) struct ControlWriter {
    control: Control,
    used: usize,
}

impl ControlWriter {
    pub(crate) fn new() -> Self {
        Self {
            control: Control([0; 64]),
            used: 0,
        }
    }

    /// Adds a message; one that there is no room for is left out.
    pub(crate) fn push(&mut self, level: libc::c_int, kind: libc::c_int, octets: &[u8]) {
        // SAFETY: these macros only compute.
        let (space, length) = unsafe {
            let octets = octets.len() as libc::c_uint;
            (
                libc::CMSG_SPACE(octets) as usize,
                libc::CMSG_LEN(octets) as usize,
            )
        };
        let Some(room) = self.control.0.get_mut(self.used..self.used + space) else {
            return;
        };
        // SAFETY: cmsghdr is plain data.
        let mut message: libc::cmsghdr = unsafe { mem::zeroed() };
        message.cmsg_level = level;
        message.cmsg_type = kind;
        message.cmsg_len = length as _;
        // SAFETY: the room is CMSG_SPACE long, so a header and the octets behind CMSG_LEN(0) fit.
        unsafe {
            let start = room.as_mut_ptr();
            start.cast::<libc::cmsghdr>().write_unaligned(message);
            let data = start.add(libc::CMSG_LEN(0) as usize);
            data.copy_from_nonoverlapping(octets.as_ptr(), octets.len());
        }
        self.used += space;
    }

    /// Points a header at the messages, which must outlive the call that uses it.
    pub(crate) fn attach(&mut self, header: &mut libc::msghdr) {
        if self.used > 0 {
            header.msg_control = self.control.0.as_mut_ptr().cast();
            header.msg_controllen = self.used as _;
        }
    }
}

/// The count of octets a system call returned, or its error.
pub(crate) fn length(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Sets one integer socket option.
pub(crate) fn set_option(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the pointer and the size describe the local integer.
    let done =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), size) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
