//! More to say of some keys than fits into a line.

/// What else there is to say of a key; empty: nothing.
pub fn longer(name: &str) -> &'static str {
    LONGER
        .iter()
        .find(|(key, _)| *key == name)
        .map_or("", |(_, text)| text)
}

const LONGER: &[(&str, &str)] = &[
    (
        "LINE",
        "Devices that name the same cable: are joined on this machine. udp: carries one frame a \
         datagram between two addresses, so that the other end can be any router or emulator that \
         does the same. packet: takes the raw frames of an interface that the kernel drives. Loss \
         and delay are for trying things out.",
    ),
    (
        "CLOCKING",
        "With INTERNAL this end sends no faster than BAUDRATE and queues what is more. With \
         EXTERNAL frames go as fast as the line takes them.",
    ),
    (
        "STATION",
        "One end of a Frame Relay link is the user (CPE), which asks for the status, the other \
         the network (NODE), which answers. One end of an X.25 link is the terminal (DTE), the \
         other the network (DCE). Two equal ends never come up.",
    ),
    (
        "SIGNALLING",
        "Both ends must speak the same: ANSI is T1.617 Annex D, Q933 is Q.933 Annex A, LMI the one \
         of the manufacturers. AUTO finds out what the other end speaks. Without any (NO) the \
         channels are up with the line.",
    ),
    (
        "T391",
        "The CPE asks for the status this often. T392 of the node should be longer.",
    ),
    (
        "T392",
        "A node that is not asked for this long counts an error. Longer than T391 of the CPE.",
    ),
    (
        "N391",
        "Every so many polls the CPE asks for the status of all channels.",
    ),
    (
        "N392",
        "The link is down after so many errors in the last N393 events. At most N393.",
    ),
    (
        "CIR",
        "The channel sends no faster than this. BC is what it may send at once (as much as CIR \
         unless given), BE what it may send beyond that, marked as the first to be dropped.",
    ),
    (
        "INARP",
        "Asks for the address of the router at the other end (RFC 2390). INARP_RX answers such \
         questions.",
    ),
    (
        "ENCAPSULATION",
        "IETF is RFC 2427; CISCO is what routers of that make use unless told otherwise.",
    ),
    (
        "SLARP_TIMER",
        "Asks the other end for the address of this one (SLARP), this often until it is known.",
    ),
    (
        "DYN_INTR_CFG",
        "With YES the interface goes down when its channel does, so that routes through it go away \
         as well.",
    ),
    (
        "ASYNC_MODE",
        "The line, which is a serial port or another stream, carries plain characters for an \
         application (mode API). What is received is given to it in pieces that end by their \
         length, by silence or with a break.",
    ),
    (
        "RTS_HS_FOR_RECEIVE",
        "On a serial port of the kernel this and CTS_HS_FOR_TRANSMIT go together: both or neither.",
    ),
    (
        "ASY_DATA_TRANSPARENT",
        "Without it, received characters have their RX_BITS_PER_CHAR bits and no others.",
    ),
    (
        "UDPPORT",
        "The monitors (fpipemon, cpipemon and the like) ask this port of the interface's address. \
         On this machine they need no port.",
    ),
    (
        "LOWESTSVC",
        "Both ends of a link have the same channels, as the network gave them: permanent ones \
         first, then those for calls of the network (INCOMING), for calls both ways (SVC), and \
         for calls of the terminal (OUTGOING). 0 and 0: there are none of that kind.",
    ),
    (
        "LAPB_HDLC_ONLY",
        "The packets of the one interface, or what its application (mode API) sends, are \
         the information of LAPB's frames. There are no calls and no logical channels.",
    ),
    (
        "T4",
        "How long the line may be silent before LAPB asks whether the peer is there, as a \
         multiple of T1. 1 counts as 2.",
    ),
    (
        "DEF_PKT_SIZE",
        "The packet size of circuits that agree on no other. Both ends must have the same. Longer \
         packets of the host are cut and put together again.",
    ),
    (
        "IDLETIMEOUT",
        "A call without packets for so long is cleared. The next packet places another one.",
    ),
    (
        "HOLDTIMEOUT",
        "After a call that failed packets are dropped for so long, and no other call is placed.",
    ),
    (
        "X25_ACCEPT_SRC_ADDR",
        "Without it, calls are accepted from the address that is called, and with a bare @ from \
         every one. * stands for any number of digits.",
    ),
    (
        "X25_ACCEPT_USR_DATA",
        "The user data of calls to accept, in hexadecimal digits, * standing for any number of \
         them. Without it, calls whose user data say IP are accepted (RFC 1356).",
    ),
    (
        "X25_ENCAPSULATION",
        "Calls say by IP (CC) or SNAP that they carry IP packets, or by NULL (00) that each packet \
         says what it is. Accepted calls have what the caller wants.",
    ),
    (
        "X25_CALL_STRING",
        "Addresses of at most 15 digits, user data and facilities as hexadecimal digits, for \
         instance -d31161 -s31162 -uCC -f420707.",
    ),
    (
        "BACKUP",
        "For a link that another one stands in for: its interfaces get no addresses.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::keys::{INTERFACE, LINK, find};

    #[test]
    fn every_text_is_of_a_key() {
        for (name, text) in LONGER {
            assert!(
                find(LINK, name).or(find(INTERFACE, name)).is_some(),
                "{name}"
            );
            assert!(text.ends_with('.'), "{name}");
        }
        assert_eq!(longer("NONE"), "");
    }
}
