//! The states of a PPP link in words; programs get their numbers.

use wanbox_wire::pipemon::ppp;

use crate::report::Value;

fn named(number: u8, name: Option<&'static str>) -> Value {
    Value::both(name.unwrap_or("Unknown"), number)
}

fn nth(names: &[&'static str], number: u8) -> Value {
    named(number, names.get(usize::from(number)).copied())
}

/// A state of the automaton (RFC 1661 section 4.2).
pub fn state(number: u8) -> Value {
    nth(
        &[
            "Initial",
            "Starting",
            "Closed",
            "Stopped",
            "Closing",
            "Stopping",
            "Request Sent",
            "Ack Received",
            "Ack Sent",
            "Opened",
        ],
        number,
    )
}

/// A phase of the link (RFC 1661 section 3.2).
pub fn phase(number: u8) -> Value {
    let name = match number {
        ppp::phase::DEAD => Some("Link Dead"),
        ppp::phase::ESTABLISH => Some("Establishment( LCP )"),
        ppp::phase::AUTHENTICATE => Some("Authentication"),
        ppp::phase::NETWORK => Some("Network Layer"),
        ppp::phase::TERMINATE => Some("Link Termination"),
        _ => None,
    };
    named(number, name)
}

/// PAP's state.
pub fn pap_state(number: u8) -> Value {
    let name = match number {
        ppp::pap_state::INITIAL => Some("Initial( Inactive )"),
        ppp::pap_state::FAILED => Some("Failed"),
        ppp::pap_state::REQUEST_SENT => Some("Request Sent"),
        ppp::pap_state::WAITING => Some("Waiting"),
        ppp::pap_state::OPENED => Some("Opened( Success )"),
        _ => None,
    };
    named(number, name)
}

/// CHAP's state.
pub fn chap_state(number: u8) -> Value {
    let name = match number {
        ppp::chap_state::INITIAL => Some("Initial( Inactive )"),
        ppp::chap_state::FAILED => Some("Failed"),
        ppp::chap_state::CHALLENGE_SENT => Some("Challenge Sent"),
        ppp::chap_state::WAITING => Some("Waiting for Challenge"),
        ppp::chap_state::RESPONSE_SENT => Some("Response Sent"),
        ppp::chap_state::OPENED => Some("Opened( Success )"),
        _ => None,
    };
    named(number, name)
}

/// How the peer authenticated itself.
pub fn authentication_status(number: u8) -> Value {
    use ppp::authentication_status as status;
    let name = match number {
        status::NONE => Some("No inbound authentication negotiated"),
        status::BAD_PASSWORD => Some("PeerID valid, Password Incorrect"),
        status::BAD_PEER => Some("PeerID was invalid"),
        status::OK => Some("PeerID and Password were correct"),
        _ => None,
    };
    named(number, name)
}
