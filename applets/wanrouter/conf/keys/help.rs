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
         the network (NODE), which answers. Two equal ends never come up.",
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
